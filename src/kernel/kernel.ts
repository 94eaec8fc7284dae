// The simulated Linux: it gives ids to maps and programs, binds them to devices when they are created, and has interfaces.
// Everything that happens here happens at once and in one thread; nothing reads a clock but through `now`.

import { EINVAL, EOPNOTSUPP, EPERM } from '../bpf/errno.ts'
import { BPF_ANY, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, mapTypeNames } from '../bpf/map-type-table.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { NicwrightError, SyscallError } from '../errors.ts'
import { checkMap, createMap, freeMap, type Memory, newMemory } from '../maps/index.ts'
import { verify } from '../verifier/index.ts'
import type { Stats } from '../verifier/verdict.ts'
import { boundMap, hostOps, isNeutral, type LoadedMap } from './map.ts'
import type { Netdev, NetdevOps, OffloadDevice } from './netdev.ts'
import { type LoadedProgram, programTag } from './program.ts'

export interface KernelOptions {
  /** Seconds since 1970 at a call, for load times. Default: a clock that stands at 0. */
  readonly now?: () => number
  readonly cpus?: number
  readonly memory?: Memory
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
  readonly #now: () => number
  readonly #cpus: number
  #nextMap = 1
  #nextProgram = 1
  #nextInterface = 2

  constructor(options: KernelOptions = {}) {
    this.memory = options.memory ?? newMemory()
    this.#now = options.now ?? (() => 0)
    this.#cpus = options.cpus ?? 1
  }

  addNetdev(name: string, ops: NetdevOps, mtu = 1500): Netdev {
    if (this.netdevs.has(name))
      throw new NicwrightError('kernel/netdev-exists', { message: `there is an interface ${name} already` })
    const netdev: Netdev = { name, ifindex: this.#nextInterface++, ops, mtu, xdp: new Map() }
    this.netdevs.set(name, netdev)
    return netdev
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
    const host = createMap(this.memory, spec, { cpus: this.#cpus })
    return { id: this.#nextMap, spec, ops: hostOps(host), host }
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
    const device = offload.allocateMap(spec)
    if (typeof device === 'number') throw refuse(device, `${netdev.name} refuses it`)
    for (const { key, value } of spec.init ?? []) {
      const failed = device.update(key, value, BPF_ANY)
      if (failed === 0) continue
      device.free()
      throw refuse(failed, 'an initial entry is refused')
    }
    return { id: this.#nextMap, spec, ops: device, bound: { netdev, device } }
  }

  #offloadOf(netdev: Netdev): OffloadDevice | number {
    if (!netdev.ops.modes.includes('driver') && netdev.ops.offload === undefined) return -EOPNOTSUPP
    return netdev.ops.offload ?? -EINVAL
  }

  #free(map: LoadedMap): void {
    map.bound?.device.free()
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
    return this.#finish(program, maps, verdict, options, { netdev, device })
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
    const id = options.id ?? this.#nextProgram
    this.#nextProgram = id + 1
    const loaded: LoadedProgram = {
      id,
      tag: programTag(program.insns),
      program,
      maps,
      verified: verdict.verified,
      loadedAt: options.loadedAt ?? this.#now(),
      ...(bound === undefined ? {} : { bound }),
    }
    this.programs.set(loaded.id, loaded)
    return { ok: true, program: loaded, log: verdict.log, stats: verdict.stats }
  }

  /** Frees a program that is attached nowhere, with the device's state of it. -EPERM while it is attached. */
  unload(program: LoadedProgram): number {
    for (const netdev of this.netdevs.values()) {
      for (const attached of netdev.xdp.values()) if (attached === program) return -EPERM
    }
    program.bound?.device.destroy()
    this.programs.delete(program.id)
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
