// A kernel as one JSON object, so that the next command finds what the last one left: interfaces, maps with their contents, programs,
// attachments. Restoring verifies every program again, since nothing that comes from outside is a Verified.

import { BPF_ANY } from '../bpf/map-type-table.ts'
import { readRecord, writeRecord } from '../bpf/record.ts'
import { fromHex, toHex } from '../bytes/hex.ts'
import { NicwrightError } from '../errors.ts'
import { Kernel, type KernelOptions } from './kernel.ts'
import { type LoadedMap, mapEntries } from './map.ts'
import type { NetdevOps, XdpMode } from './netdev.ts'
import { attachXdp } from './xdp.ts'

const VERSION = 1

export interface Snapshot {
  readonly version: typeof VERSION
  readonly netdevs: readonly { readonly name: string; readonly driver: string; readonly mtu: number; readonly options: unknown }[]
  readonly maps: readonly {
    readonly id: number
    readonly netdev?: string
    readonly record: unknown
    readonly entries: readonly (readonly [string, string])[]
  }[]
  readonly programs: readonly {
    readonly id: number
    readonly netdev?: string
    readonly loadedAt: number
    readonly maps: readonly number[]
    readonly record: unknown
  }[]
  readonly xdp: readonly { readonly netdev: string; readonly mode: XdpMode; readonly program: number }[]
}

/** `options` gives, for an interface, what its driver needs to make it again. */
export function snapshot(kernel: Kernel, options: (netdev: string) => unknown): Snapshot {
  const netdevs = [...kernel.netdevs.values()]
  return {
    version: VERSION,
    netdevs: netdevs.map(({ name, ops, mtu }) => ({ name, driver: ops.driver, mtu, options: options(name) })),
    maps: [...kernel.maps.values()].map(map => ({
      id: map.id,
      ...(map.bound === undefined ? {} : { netdev: map.bound.netdev.name }),
      record: mapRecord(map),
      entries: mapEntries(map).map(([key, value]) => [toHex(key), toHex(value)] as const),
    })),
    programs: [...kernel.programs.values()].map(({ id, program, maps, loadedAt, bound }) => ({
      id,
      ...(bound === undefined ? {} : { netdev: bound.netdev.name }),
      loadedAt,
      maps: maps.map(map => map.id),
      record: writeRecord({ program, maps: [], hostMaps: [] }),
    })),
    xdp: netdevs.flatMap(netdev =>
      [...netdev.xdp].map(([mode, program]) => ({ netdev: netdev.name, mode, program: program.id })),
    ),
  }
}

/** A map alone is the record of a program without instructions that has one map. Its contents stand beside it, not in it. */
function mapRecord(map: LoadedMap): unknown {
  const { init: _, ...spec } = map.spec
  return writeRecord({ program: NOTHING, maps: [spec], hostMaps: [false] }).maps
}

const NOTHING = {
  name: '',
  type: 6,
  expectedAttachType: 0,
  flags: 0,
  license: 'GPL',
  insns: readRecord({ insns: [] }).program.insns,
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
  const damaged = (what: string): NicwrightError =>
    new NicwrightError('session/damaged', { message: `the session file is damaged: ${what}` })
  const state = json as Snapshot
  if (typeof json !== 'object' || json === null || state.version !== VERSION) throw damaged(`it is not of version ${VERSION}`)
  const parts = [state.netdevs, state.maps, state.programs, state.xdp]
  if (!parts.every(part => Array.isArray(part))) throw damaged('a part is missing')
  const kernel = new Kernel(options)
  for (const { name, driver, mtu, options: own } of state.netdevs) kernel.addNetdev(name, makeNetdev(kernel, driver, own), mtu)
  const netdevOf = (name: string | undefined) => {
    const netdev = name === undefined ? undefined : kernel.netdevs.get(name)
    if (name !== undefined && netdev === undefined) throw damaged(`there is no interface ${name}`)
    return netdev
  }
  for (const { id, netdev, record, entries } of state.maps) {
    const spec = readRecord({ insns: [], maps: record }).maps[0]
    if (spec === undefined) throw damaged(`map ${id}`)
    const made = kernel.createMap(spec, netdevOf(netdev), id)
    if (!made.ok) throw damaged(`map ${id}: ${made.message}`)
    if (netdev === undefined) fill(made.map, entries)
  }
  for (const { id, netdev, loadedAt, maps, record } of state.programs) {
    const used = maps.map(n => kernel.maps.get(n))
    if (used.includes(undefined)) throw damaged(`program ${id} has lost a map`)
    const bound = netdevOf(netdev)
    const loaded = kernel.load(readRecord(record).program, used as LoadedMap[], {
      id,
      loadedAt,
      ...(bound === undefined ? {} : { netdev: bound }),
    })
    if (!loaded.ok) throw damaged(`program ${id}: ${loaded.message}`)
  }
  // After the programs, which say what the words of a device's map are: counters that stand at something refuse a new program.
  for (const { id, netdev, entries } of state.maps) {
    const map = kernel.maps.get(id)
    if (netdev !== undefined && map !== undefined) fill(map, entries)
  }
  for (const { netdev, mode, program } of state.xdp) {
    const [device, loaded] = [netdevOf(netdev), kernel.programs.get(program)]
    if (device === undefined || loaded === undefined || attachXdp(device, loaded, mode, { message: undefined }) !== 0) {
      throw damaged(`program ${program} can't be attached to ${netdev} again`)
    }
  }
  return kernel
}

function fill(map: LoadedMap, entries: readonly (readonly [string, string])[]): void {
  for (const [key, value] of entries) map.ops.update(fromHex(key, 'session/hex'), fromHex(value, 'session/hex'), BPF_ANY)
}
