import { EINVAL, ENOENT, EPERM } from '../bpf/errno.ts'
import * as T from '../bpf/map-type-table.ts'
import type { MapSpec } from '../bpf/program.ts'
import type { BpfMap } from '../maps/index.ts'
import type { BtfObject } from './btf.ts'
import type { BoundMap, DeviceMap, MapOps, Netdev } from './netdev.ts'

/** A map with an identity: on the host, or bound to a netdev when it was created. */
export interface LoadedMap {
  readonly id: number
  readonly spec: MapSpec
  readonly ops: MapOps
  /** The host's storage; undefined for a map that lives on a device. */
  readonly host?: BpfMap
  readonly bound?: Binding<DeviceMap>
  readonly btf?: BtfObject
  /** Read-only for user space until its end. */
  frozen: boolean
  /** Of a program array: the type that all programs in it and around it have. */
  owner?: { readonly type: number }
}

/** To which interface something is bound. It changes when the interface goes and its device has others. */
export interface Binding<T> {
  netdev: Netdev
  readonly device: T
  /** The device is gone, and what was on it. */
  orphaned: boolean
}

/** A host map that programs on a device may use: events alone, which reach the host anyway. */
export function isNeutral(spec: MapSpec): boolean {
  return spec.type === T.BPF_MAP_TYPE_PERF_EVENT_ARRAY
}

/** A host map's operations as system calls see them: keys and values of exactly the right size. */
export function hostOps(map: BpfMap): MapOps {
  return {
    lookup: key => {
      if (key.length !== map.keySize) return -EINVAL
      const value = new Uint8Array(map.userValueBytes)
      const error = map.read(key, value)
      return error === 0 ? value : error
    },
    update: (key, value, flags) =>
      key.length === map.keySize && value.length === map.userValueBytes ? map.set(key, value, flags) : -EINVAL,
    remove: key => (key.length === map.keySize ? map.delete(key) : -EINVAL),
    nextKey: key => map.next(key) ?? -ENOENT,
  }
}

/** Whether user space may write to a map, or read it: 0 or -EPERM. */
export function mayWrite(map: LoadedMap): number {
  return map.frozen || (map.spec.flags & T.BPF_F_RDONLY) !== 0 ? -EPERM : 0
}

export function mayRead(map: LoadedMap): number {
  return (map.spec.flags & T.BPF_F_WRONLY) !== 0 ? -EPERM : 0
}

export function boundMap(map: LoadedMap): BoundMap {
  return { id: map.id, spec: map.spec, device: map.bound?.device }
}

/** What stands in a queue or stack, in the order in which it was pushed. Reading is taking and putting back. */
export function queued(map: LoadedMap): Uint8Array[] {
  const { host, spec } = map
  const stack = spec.type === T.BPF_MAP_TYPE_STACK
  if (host === undefined || (!stack && spec.type !== T.BPF_MAP_TYPE_QUEUE)) return []
  const values: Uint8Array[] = []
  for (let value = host.popBytes(); value !== undefined; value = host.popBytes()) values.push(value)
  if (stack) values.reverse()
  for (const value of values) host.pushBytes(value)
  return values
}

/** All elements in the map's own order. Ends also where another writer changes the map meanwhile. */
export function mapEntries(map: LoadedMap): [key: Uint8Array, value: Uint8Array][] {
  const entries: [Uint8Array, Uint8Array][] = []
  let key = map.ops.nextKey(undefined)
  for (let n = 0; n < map.spec.maxEntries && typeof key !== 'number'; n++) {
    const value = map.ops.lookup(key)
    if (typeof value !== 'number') entries.push([key, value])
    else if (value !== -ENOENT) break
    key = map.ops.nextKey(key)
  }
  return entries
}
