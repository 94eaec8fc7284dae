// A kernel as one JSON object, so that the next command finds what the last one left: interfaces, types, maps with their contents,
// programs, attachments, pins. Restoring verifies every program again, since nothing that comes from outside is a Verified.

import { BPF_ANY } from '../bpf/map-type-table.ts'
import type { MapSpec } from '../bpf/program.ts'
import { readRecord, writeRecord } from '../bpf/record.ts'
import { fromHex, toHex } from '../bytes/hex.ts'
import { NicwrightError } from '../errors.ts'
import { holdsMaps, holdsPrograms } from './handles.ts'
import { Kernel, type KernelOptions, type NextIds } from './kernel.ts'
import { type LoadedMap, mapEntries, queued } from './map.ts'
import type { NetdevOps, XdpMode } from './netdev.ts'
import type { Pin } from './pins.ts'
import { type KernelVersion, kernelVersions } from './version-table.ts'
import { attachXdp } from './xdp.ts'

const VERSION = 2

export interface Snapshot {
  readonly version: typeof VERSION
  readonly kernel: KernelVersion
  readonly cpus: number
  readonly next: NextIds
  readonly netdevs: readonly {
    readonly name: string
    readonly ifindex: number
    readonly driver: string
    readonly mtu: number
    readonly up: boolean
    readonly options: unknown
    readonly classifier?: number
  }[]
  readonly btfs: readonly { readonly id: number; readonly bytes: string }[]
  readonly maps: readonly {
    readonly id: number
    readonly netdev?: string
    readonly btf?: number
    readonly frozen: boolean
    readonly owner?: number
    readonly record: unknown
    readonly entries: readonly Entry[]
    /** Of queues and stacks. */
    readonly queued?: readonly string[]
  }[]
  readonly programs: readonly {
    readonly id: number
    readonly netdev?: string
    readonly btf?: number
    readonly loadedAt: number
    readonly maps: readonly number[]
    readonly record: unknown
  }[]
  readonly xdp: readonly { readonly netdev: string; readonly mode: XdpMode; readonly program: number }[]
  readonly mounts: readonly string[]
  readonly folders: readonly string[]
  readonly pins: readonly { readonly path: string; readonly kind: 'prog' | 'map'; readonly id: number }[]
  readonly dmesg: readonly string[]
}

type Entry = readonly [key: string, value: string]

/** Lines of the kernel log that are kept. */
const DMESG_LINES = 1000

/** `options` gives what the driver of an interface needs to make it again, where that is not what it was made with. */
export function snapshot(kernel: Kernel, options: (netdev: string) => unknown): Snapshot {
  const netdevs = [...kernel.netdevs.values()]
  const alive = (each: { readonly bound?: { readonly orphaned: boolean } }): boolean => each.bound?.orphaned !== true
  return {
    version: VERSION,
    kernel: kernel.version.version,
    cpus: kernel.cpus,
    next: kernel.next,
    netdevs: netdevs.map(({ name, ifindex, ops, mtu, up, options: own, classifier }) => ({
      name,
      ifindex,
      driver: ops.driver,
      mtu,
      up,
      options: options(name) ?? own,
      ...(classifier === undefined ? {} : { classifier: classifier.id }),
    })),
    btfs: [...kernel.btfs.objects.values()].map(({ id, bytes }) => ({ id, bytes: toHex(bytes) })),
    maps: [...kernel.maps.values()].filter(alive).map(map => ({
      id: map.id,
      ...(map.bound === undefined ? {} : { netdev: map.bound.netdev.name }),
      ...(map.btf === undefined ? {} : { btf: map.btf.id }),
      frozen: map.frozen,
      ...(map.owner === undefined ? {} : { owner: map.owner.type }),
      record: mapRecord(map),
      entries: mapEntries(map).map(([key, value]) => [toHex(key), toHex(value)] as const),
      ...values(queued(map)),
    })),
    programs: [...kernel.programs.values()].filter(alive).map(({ id, program, maps, loadedAt, bound, btf }) => {
      const { btf: _, ...bare } = program
      return {
        id,
        ...(bound === undefined ? {} : { netdev: bound.netdev.name }),
        ...(btf === undefined ? {} : { btf: btf.id }),
        loadedAt,
        maps: maps.map(map => map.id),
        record: writeRecord({ program: btf === undefined ? program : bare, maps: [], hostMaps: [] }),
      }
    }),
    xdp: netdevs.flatMap(netdev =>
      [...netdev.xdp].map(([mode, program]) => ({ netdev: netdev.name, mode, program: program.id })),
    ),
    mounts: [...kernel.bpffs.mounts],
    folders: [...kernel.bpffs.folders],
    pins: [...kernel.bpffs.pins].flatMap(([path, pin]) => {
      const object = pin.kind === 'prog' ? pin.prog : pin.map
      return alive(object) ? [{ path, kind: pin.kind, id: object.id }] : []
    }),
    dmesg: kernel.dmesg.slice(-DMESG_LINES),
  }
}

function values(list: readonly Uint8Array[]): { readonly queued?: readonly string[] } {
  return list.length === 0 ? {} : { queued: list.map(value => toHex(value)) }
}

/** A map alone is the record of a program without instructions that has one map. Its contents and types stand beside it, not in it. */
function mapRecord(map: LoadedMap): unknown {
  const { init: _, btf, ...spec } = map.spec
  const typed = map.btf === undefined && btf !== undefined ? { ...spec, btf } : spec
  return writeRecord({ program: NOTHING, maps: [typed], hostMaps: [false] }).maps
}

const NOTHING = {
  name: '',
  type: 6,
  expectedAttachType: 0,
  flags: 0,
  license: 'GPL',
  insns: readRecord({ insns: [] }).program.insns,
}

function damaged(what: string): NicwrightError {
  return new NicwrightError('session/damaged', { message: `the session file is damaged: ${what}` })
}

function checked(json: unknown): Snapshot {
  const state = json as Snapshot
  if (typeof json !== 'object' || json === null || state.version !== VERSION) throw damaged(`it is not of version ${VERSION}`)
  const { netdevs, btfs, maps, programs, xdp, mounts, folders, pins, dmesg } = state
  if (![netdevs, btfs, maps, programs, xdp, mounts, folders, pins, dmesg].every(part => Array.isArray(part)))
    throw damaged('a part is missing')
  if (!(state.kernel in kernelVersions)) throw damaged(`there is no kernel ${String(state.kernel)}`)
  if (!Number.isInteger(state.cpus) || state.cpus < 1 || state.cpus > 1024) throw damaged('the number of CPUs')
  const next: Partial<NextIds> = state.next ?? {}
  if (![next.map, next.program, next.interface, next.btf].every(id => Number.isInteger(id))) throw damaged('the next ids')
  return state
}

/**
 * The kernel of a snapshot.
 * @throws NicwrightError `session/…` when the file is not of this version, was damaged, or no longer loads.
 */
export function restore(
  json: unknown,
  makeNetdev: (kernel: Kernel, driver: string, options: unknown) => NetdevOps,
  options: KernelOptions,
): Kernel {
  const state = checked(json)
  try {
    return restored(state, makeNetdev, options)
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw damaged(error.message)
    throw error
  }
}

function restored(
  state: Snapshot,
  makeNetdev: (kernel: Kernel, driver: string, options: unknown) => NetdevOps,
  options: KernelOptions,
): Kernel {
  const kernel = new Kernel({ ...options, version: state.kernel, cpus: state.cpus })
  for (const { name, ifindex, driver, mtu, up, options: own } of state.netdevs) {
    kernel.next = { ...kernel.next, interface: ifindex }
    const ops = makeNetdev(kernel, driver, own)
    const netdev = kernel.addNetdev(name, ops, mtu, own)
    netdev.up = up === true
    // A driver begins with the MTU of its firmware.
    ops.changeMtu(mtu)
  }
  const netdevOf = (name: string | undefined) => {
    const netdev = name === undefined ? undefined : kernel.netdevs.get(name)
    if (name !== undefined && netdev === undefined) throw damaged(`there is no interface ${name}`)
    return netdev
  }
  for (const { id, bytes } of state.btfs) kernel.btfs.load(fromHex(bytes, 'session/hex'), id)
  const typesOf = (id: number | undefined): { btf?: Uint8Array } => {
    const object = id === undefined ? undefined : kernel.btfs.objects.get(id)
    if (id !== undefined && object === undefined) throw damaged(`there is no BTF object ${id}`)
    return object === undefined ? {} : { btf: object.bytes }
  }
  const later: (readonly [LoadedMap, readonly Entry[]])[] = []
  for (const { id, netdev, btf, frozen, owner, record, entries, queued: waiting = [] } of state.maps) {
    const read = readRecord({ insns: [], maps: record }).maps[0]
    if (read === undefined) throw damaged(`map ${id}`)
    const spec: MapSpec = { ...read, ...typesOf(btf) }
    const own = holdsMaps(spec) || holdsPrograms(spec) || netdev !== undefined
    // What can't change any more is part of what programs are verified with.
    const made = kernel.createMap(
      spec.frozen === true ? { ...spec, init: entries.map(([k, v]) => ({ key: bytesOf(k), value: bytesOf(v) })) } : spec,
      netdevOf(netdev),
      id,
    )
    if (!made.ok) throw damaged(`map ${id}: ${made.message}`)
    if (owner !== undefined) made.map.owner = { type: owner }
    if (own) later.push([made.map, entries])
    else if (spec.frozen !== true) fill(made.map, entries)
    for (const value of waiting) made.map.host?.pushBytes(bytesOf(value))
    made.map.frozen = frozen === true
  }
  for (const { id, netdev, btf, loadedAt, maps, record } of state.programs) {
    const used = maps.map(n => kernel.maps.get(n))
    if (used.includes(undefined)) throw damaged(`program ${id} has lost a map`)
    const bound = netdevOf(netdev)
    const loaded = kernel.load({ ...readRecord(record).program, ...typesOf(btf) }, used as LoadedMap[], {
      id,
      loadedAt,
      ...(bound === undefined ? {} : { netdev: bound }),
    })
    if (!loaded.ok) throw damaged(`program ${id}: ${loaded.message}`)
  }
  // After the programs, which say what the words of a device's map are (counters that stand at something refuse a new program), and
  // which are themselves what stands in program arrays.
  for (const [map, entries] of later) fill(map, entries)
  attachments(kernel, state)
  kernel.dmesg.splice(0, kernel.dmesg.length, ...state.dmesg.map(String))
  kernel.next = state.next
  return kernel
}

function attachments(kernel: Kernel, state: Snapshot): void {
  const extack = { message: undefined }
  for (const { netdev, mode, program } of state.xdp) {
    const [device, loaded] = [kernel.netdevs.get(netdev), kernel.programs.get(program)]
    if (device === undefined || loaded === undefined || attachXdp(device, loaded, mode, extack) !== 0) {
      throw damaged(`program ${program} can't be attached to ${netdev} again`)
    }
  }
  for (const { name, classifier } of state.netdevs) {
    const [netdev, program] = [kernel.netdevs.get(name), classifier === undefined ? undefined : kernel.programs.get(classifier)]
    if (classifier === undefined || netdev === undefined) continue
    if (program === undefined || netdev.ops.offloadClassifier?.(program, extack) !== 0)
      throw damaged(`the classifier ${classifier} can't be put onto ${name} again`)
    netdev.classifier = program
  }
  for (const mount of state.mounts) kernel.bpffs.mounts.add(String(mount))
  for (const folder of state.folders) kernel.bpffs.folders.add(String(folder))
  for (const { path, kind, id } of state.pins) {
    const [prog, map] = [kernel.programs.get(id), kernel.maps.get(id)]
    const pin: Pin | undefined = kind === 'prog' ? prog && { kind, prog } : map && { kind: 'map', map }
    if (pin === undefined) throw damaged(`the pin ${path} has lost its object`)
    kernel.bpffs.pins.set(path, pin)
  }
}

function bytesOf(hex: string): Uint8Array {
  return fromHex(hex, 'session/hex')
}

function fill(map: LoadedMap, entries: readonly Entry[]): void {
  for (const [key, value] of entries) map.ops.update(bytesOf(key), bytesOf(value), BPF_ANY)
}
