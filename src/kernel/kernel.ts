// The simulated Linux: it gives ids to maps and programs, binds them to devices when they are created, and has interfaces.
// Everything that happens here happens at once and in one thread; nothing reads a clock but through `now`.

import { EINVAL, ENODEV, EOPNOTSUPP, EPERM } from '../bpf/errno.ts'
import { BPF_ANY, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, mapTypeNames } from '../bpf/map-type-table.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { NicwrightError, SyscallError } from '../errors.ts'
import { checkMap, createMap, freeMap, type Memory, newMemory } from '../maps/index.ts'
import { verify } from '../verifier/index.ts'
import type { Stats } from '../verifier/verdict.ts'
import { BtfTable } from './btf.ts'
import { holdsMaps, holdsPrograms, mapOfMapsOps, own, programArrayOps } from './handles.ts'
import { boundMap, hostOps, isNeutral, type LoadedMap, mayRead, mayWrite } from './map.ts'
import type { DeviceMap, MapOps, Netdev, NetdevOps, OffloadDevice } from './netdev.ts'
import { Bpffs } from './pins.ts'
import { type LoadedProgram, programTag } from './program.ts'
import { type KernelVersion, kernelVersions, type VersionFacts } from './version-table.ts'

export interface KernelOptions {
  /** Seconds since 1970 at a call, for load times. Default: a clock that stands at 0. */
  readonly now?: () => number
  readonly cpus?: number
  readonly memory?: Memory
  /** Default 6.18. */
  readonly version?: KernelVersion
}

/** The ids that the next objects get. */
export interface NextIds {
  readonly map: number
  readonly program: number
  readonly interface: number
  readonly btf: number
}

export interface LoadOptions {
  /** Bind the program to this interface's device: it is verified with the device taking part and can run there alone. */
  readonly netdev?: Netdev
  /** As of the verifier, default 1; 0 gives no log. */
  readonly logLevel?: number
  /** Of a program in a session that is restored. */
  readonly id?: number
  readonly loadedAt?: number
}

export type LoadResult =
  | { readonly ok: true; readonly program: LoadedProgram; readonly log: string; readonly stats: Stats }
  | {
      readonly ok: false
      /** Where it ended: before the verifier, in it, or in the device's translation. */
      readonly stage: 'attributes' | 'verify' | 'translate'
      /** Positive. */
      readonly errno: number
      /** The last telling line. */
      readonly message: string
      readonly log: string
      /** Instruction at which verification stopped, where it did. */
      readonly insn?: number
      readonly stats?: Stats
    }

export type MapResult =
  | { readonly ok: true; readonly map: LoadedMap }
  | { readonly ok: false; readonly errno: number; readonly message: string }

export class Kernel {
  readonly memory: Memory
  readonly maps: Map<number, LoadedMap> = new Map()
  readonly programs: Map<number, LoadedProgram> = new Map()
  readonly netdevs: Map<string, Netdev> = new Map()
  /** The kernel log: what drivers say that reaches no caller. */
  readonly dmesg: string[] = []
  readonly bpffs: Bpffs = new Bpffs()
  readonly btfs: BtfTable = new BtfTable()
  readonly version: VersionFacts
  readonly cpus: number
  readonly #now: () => number
  #nextMap = 1
  #nextProgram = 1
  #nextInterface = 2

  constructor(options: KernelOptions = {}) {
    this.memory = options.memory ?? newMemory()
    this.#now = options.now ?? (() => 0)
    this.cpus = options.cpus ?? 1
    this.version = kernelVersions[options.version ?? '6.18']
  }

  get next(): NextIds {
    return { map: this.#nextMap, program: this.#nextProgram, interface: this.#nextInterface, btf: this.btfs.next }
  }

  set next(ids: NextIds) {
    this.#nextMap = ids.map
    this.#nextProgram = ids.program
    this.#nextInterface = ids.interface
    this.btfs.next = ids.btf
  }

  addNetdev(name: string, ops: NetdevOps, mtu = 1500, options: unknown = undefined): Netdev {
    if (this.netdevs.has(name))
      throw new NicwrightError('kernel/netdev-exists', { message: `there is an interface ${name} already` })
    const { version } = this
    const netdev: Netdev = { name, ifindex: this.#nextInterface++, ops, version, options, mtu, up: false, xdp: new Map() }
    this.netdevs.set(name, netdev)
    return netdev
  }

  /** Takes an interface away. What is bound to it goes over to another one of the same device; with the last one the device goes. */
  removeNetdev(netdev: Netdev): void {
    this.netdevs.delete(netdev.name)
    netdev.xdp.clear()
    delete netdev.classifier
    const heir = [...this.netdevs.values()].find(n => n.ops.offload !== undefined && n.ops.offload === netdev.ops.offload)
    for (const { bound } of [...this.programs.values(), ...this.maps.values()]) {
      if (bound?.netdev !== netdev || bound.orphaned) continue
      if (heir !== undefined) bound.netdev = heir
      else {
        bound.orphaned = true
        if ('free' in bound.device) bound.device.free()
        else bound.device.destroy()
      }
    }
  }

  /** Creates a map on the host or, with `netdev`, on its device; with the initial contents of the spec. Size errors are those of Linux. `id` is for the restoration of a session. */
  createMap(spec: MapSpec, netdev?: Netdev, id?: number): MapResult {
    if (id !== undefined) this.#nextMap = id
    const lines = this.dmesg.length
    try {
      const map = netdev === undefined ? this.#hostMap(spec) : this.#deviceMap(spec, netdev)
      this.maps.set(map.id, map)
      this.#nextMap = map.id + 1
      return { ok: true, map }
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      return { ok: false, errno: error.errno, message: this.dmesg.slice(lines).join('\n') || error.message }
    }
  }

  #hostMap(spec: MapSpec): LoadedMap {
    if (holdsMaps(spec) && spec.inner === undefined)
      throw new SyscallError('map/create', EINVAL, {
        message: `map ${spec.name || '(unnamed)'}: no map is given that is like the inner ones`,
      })
    const host = createMap(this.memory, spec, { cpus: this.cpus })
    const ops = holdsMaps(spec)
      ? mapOfMapsOps(this, host, spec)
      : holdsPrograms(spec)
        ? programArrayOps(this, host, () => map)
        : hostOps(host)
    const typed = spec.btf !== undefined && ((spec.btfKey ?? 0) !== 0 || (spec.btfValue ?? 0) !== 0)
    const map: LoadedMap = {
      id: this.#nextMap,
      spec,
      ops: guarded(ops, () => map),
      host,
      frozen: spec.frozen === true,
      ...(typed && spec.btf !== undefined ? { btf: this.btfs.load(spec.btf) } : {}),
    }
    return map
  }

  #deviceMap(spec: MapSpec, netdev: Netdev): LoadedMap {
    const refuse = (errno: number, why: string): SyscallError =>
      new SyscallError('map/create', Math.abs(errno), { message: `map ${spec.name || '(unnamed)'}: ${why}` })
    const error = checkMap(spec)
    if (error !== 0) throw refuse(error, 'Linux refuses these attributes')
    if (spec.type !== BPF_MAP_TYPE_ARRAY && spec.type !== BPF_MAP_TYPE_HASH) {
      throw refuse(EINVAL, `maps of type ${mapTypeNames[spec.type]} can't be created on a device; hash and array can`)
    }
    const offload = this.#offloadOf(netdev)
    if (typeof offload === 'number') throw refuse(offload, `${netdev.name} has no device that maps can be created on`)
    const device = netdev.ops.allocateMap?.(spec) ?? offload.allocateMap(spec)
    if (typeof device === 'number') throw refuse(device, `${netdev.name} refuses it`)
    for (const { key, value } of spec.init ?? []) {
      const failed = device.update(key, value, BPF_ANY)
      if (failed === 0) continue
      device.free()
      throw refuse(failed, 'an initial entry is refused')
    }
    const bound = { netdev, device, orphaned: false }
    return { id: this.#nextMap, spec, ops: deviceOps(bound), bound, frozen: false }
  }

  #offloadOf(netdev: Netdev): OffloadDevice | number {
    if (!netdev.ops.modes.includes('driver') && netdev.ops.offload === undefined) return -EOPNOTSUPP
    return netdev.ops.offload ?? -EINVAL
  }

  #free(map: LoadedMap): void {
    if (map.bound?.orphaned === false) map.bound.device.free()
    if (map.host !== undefined) freeMap(map.host)
  }

  /** Verifies a program and gives it an id; with `netdev`, the device takes part and makes its own code of it. */
  load(program: Program, maps: readonly LoadedMap[], options: LoadOptions = {}): LoadResult {
    const { netdev, logLevel = 1 } = options
    const refused = (errno: number, message: string): LoadResult => ({ ok: false, stage: 'attributes', errno, message, log: '' })
    const specs = maps.map(m => m.spec)
    if (netdev === undefined) {
      const usableMaps = maps.map(m => m.bound === undefined)
      return this.#finish(program, maps, verify(program, specs, { logLevel, target: { kind: 'host', usableMaps } }), options)
    }
    if (program.type !== BPF_PROG_TYPE_XDP && program.type !== BPF_PROG_TYPE_SCHED_CLS) {
      return refused(EINVAL, 'only XDP and TC classifier programs can be bound to a device')
    }
    if (program.flags !== 0) return refused(EINVAL, 'a program that is bound to a device takes no flags')
    const offload = this.#offloadOf(netdev)
    if (typeof offload === 'number') return refused(-offload, `${netdev.name} has no device that programs can be bound to`)

    const device = offload.prepare(program, maps.map(boundMap))
    const usableMaps = maps.map(m => isNeutral(m.spec) || m.bound?.netdev.ops.offload === offload)
    const verdict = verify(program, specs, {
      logLevel,
      target: { kind: 'offloaded', device: offload.name, hooks: device.hooks, usableMaps },
    })
    if (verdict.ok) {
      const lines = this.dmesg.length
      const error = device.translate(verdict.verified)
      if (error !== 0) {
        device.destroy()
        const message = this.dmesg.slice(lines).join('\n')
        return { ok: false, stage: 'translate', errno: -error, message, log: verdict.log, stats: verdict.stats }
      }
    } else device.destroy()
    return this.#finish(program, maps, verdict, options, { netdev, device, orphaned: false })
  }

  #finish(
    program: Program,
    maps: readonly LoadedMap[],
    verdict: ReturnType<typeof verify>,
    options: LoadOptions,
    bound?: NonNullable<LoadedProgram['bound']>,
  ): LoadResult {
    if (!verdict.ok) {
      const { errno, message, log, stats, at } = verdict
      return { ok: false, stage: 'verify', errno, message, log, stats, ...(at === undefined ? {} : { insn: at }) }
    }
    for (const map of maps) {
      if (!holdsPrograms(map.spec) || own(map, { program })) continue
      bound?.device.destroy()
      return {
        ok: false,
        stage: 'attributes',
        errno: EINVAL,
        message: 'a program array belongs to programs of another type',
        log: '',
      }
    }
    const id = options.id ?? this.#nextProgram
    this.#nextProgram = id + 1
    const loaded: LoadedProgram = {
      id,
      tag: programTag(program.insns, this.version),
      program,
      maps,
      verified: verdict.verified,
      loadedAt: options.loadedAt ?? this.#now(),
      ...(bound === undefined ? {} : { bound }),
      ...(program.btf === undefined || program.funcInfo === undefined ? {} : { btf: this.btfs.load(program.btf) }),
    }
    this.programs.set(loaded.id, loaded)
    return { ok: true, program: loaded, log: verdict.log, stats: verdict.stats }
  }

  /** Frees a program that is attached nowhere, with the device's state of it. -EPERM while it is attached. */
  unload(program: LoadedProgram): number {
    for (const netdev of this.netdevs.values()) {
      for (const attached of netdev.xdp.values()) if (attached === program) return -EPERM
      if (netdev.classifier === program) return -EPERM
    }
    if (program.bound?.orphaned === false) program.bound.device.destroy()
    this.programs.delete(program.id)
    return 0
  }

  /** Makes a program hold a map that its instructions don't refer to. */
  bindMap(program: LoadedProgram, map: LoadedMap): void {
    if (!program.maps.includes(map)) this.programs.set(program.id, Object.assign(program, { maps: [...program.maps, map] }))
  }

  /** Forbids user space to change a map ever again: 0 or a negative errno. */
  freeze(map: LoadedMap): number {
    if (map.frozen) return -EPERM
    map.frozen = true
    return 0
  }

  /** Frees a map that no program holds. -EPERM while one does. */
  removeMap(map: LoadedMap): number {
    for (const program of this.programs.values()) if (program.maps.includes(map)) return -EPERM
    this.#free(map)
    this.maps.delete(map.id)
    return 0
  }
}

/** Operations of user space, which may be forbidden to write or to read. */
function guarded(ops: MapOps, self: () => LoadedMap): MapOps {
  return {
    lookup: key => mayRead(self()) || ops.lookup(key),
    update: (key, value, flags) => mayWrite(self()) || ops.update(key, value, flags),
    remove: key => mayWrite(self()) || ops.remove(key),
    nextKey: key => mayRead(self()) || ops.nextKey(key),
  }
}

/** Operations on a device, as long as it is there. */
function deviceOps(bound: { readonly device: DeviceMap; orphaned: boolean }): MapOps {
  const { device } = bound
  return {
    lookup: key => (bound.orphaned ? -ENODEV : device.lookup(key)),
    update: (key, value, flags) => (bound.orphaned ? -ENODEV : device.update(key, value, flags)),
    remove: key => (bound.orphaned ? -ENODEV : device.remove(key)),
    nextKey: key => (bound.orphaned ? -ENODEV : device.nextKey(key)),
  }
}
