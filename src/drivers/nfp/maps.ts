// Maps on the card as the driver keeps them: what may be allocated, and element operations as control messages.

import { EINVAL, ENOENT, ENOMEM, EOPNOTSUPP } from '../../bpf/errno.ts'
import { BPF_F_NUMA_NODE, BPF_MAP_TYPE_ARRAY } from '../../bpf/map-type-table.ts'
import type { MapSpec } from '../../bpf/program.ts'
import type { DeviceMap } from '../../kernel/netdev.ts'
import type { MapLimits } from '../../nfp/capabilities.ts'
import type { ControlChannel, Entries } from './control.ts'
import { type MapUse, newMapUse, noteUpdate, swapCounters } from './map-use.ts'

export interface MapTotals {
  maps: number
  elements: number
}

/** 0 or the negative errno with which the driver refuses to allocate this map; the reason goes to the kernel log through `log`. */
export function checkAllocation(
  spec: MapSpec,
  limits: MapLimits | undefined,
  totals: MapTotals,
  log: (line: string) => void,
): number {
  if (limits === undefined || limits.types === 0) return -EOPNOTSUPP
  const refuse = (errno: number, line: string): number => {
    log(line)
    return -errno
  }
  const round8 = (bytes: number): number => (bytes + 7) & ~7
  if (spec.flags !== 0 || (spec.flags & BPF_F_NUMA_NODE) !== 0) return refuse(EINVAL, 'map flags are not supported')
  if ((limits.types & (1 << spec.type)) === 0) return refuse(EOPNOTSUPP, 'map type not supported')
  if (totals.maps >= limits.maxMaps) return refuse(ENOMEM, 'too many maps for a device')
  const left = limits.maxElems - totals.elements
  if (left < spec.maxEntries) return refuse(ENOMEM, `map with too many elements: ${spec.maxEntries}, left: ${left}`)
  const element = round8(spec.keySize) + round8(spec.valueSize)
  if (element > limits.maxElemSize) {
    return refuse(ENOMEM, `map elements too large: ${element}, FW max element size (key+value): ${limits.maxElemSize}`)
  }
  if (spec.keySize > limits.maxKeySize) return refuse(ENOMEM, `map key size ${spec.keySize}, FW max is ${limits.maxKeySize}`)
  if (spec.valueSize > limits.maxValueSize) {
    return refuse(ENOMEM, `map value size ${spec.valueSize}, FW max is ${limits.maxValueSize}`)
  }
  return 0
}

export interface NfpMapOptions {
  readonly channel: ControlChannel
  readonly tid: number
  readonly spec: MapSpec
  /** Rises whenever programs may have changed the map: what was read ahead is stale then. */
  readonly generation: () => number
  readonly onFree: () => void
}

export class NfpMap implements DeviceMap {
  readonly tid: number
  readonly spec: MapSpec
  readonly marks: MapUse
  readonly #options: NfpMapOptions
  /** The reply to the last getfirst or getnext, where it held several entries. */
  #cache: { readonly entries: Entries; readonly generation: number } | undefined

  constructor(options: NfpMapOptions) {
    this.tid = options.tid
    this.spec = options.spec
    this.marks = newMapUse(options.spec.valueSize)
    this.#options = options
  }

  lookup(key: Uint8Array): Uint8Array | number {
    if (key.length !== this.spec.keySize) return -EINVAL
    const ahead = this.#ahead(key)
    const found = ahead === undefined ? this.#options.channel.lookup(this.tid, key) : ahead.value
    if (typeof found === 'number') return found
    const slot = found instanceof Uint8Array ? found : found.values[0]
    if (slot === undefined) return -ENOENT
    // Whole words are swapped, also the last one of a value that ends within it.
    const value = slot.slice(0, this.marks.use.length * 4)
    swapCounters(this.marks, value)
    return value.slice(0, this.spec.valueSize)
  }

  update(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length !== this.spec.keySize || value.length !== this.spec.valueSize) return -EINVAL
    // The same limit that Linux sets for every device map.
    if (flags < 0 || flags > 2) return -EINVAL
    this.#cache = undefined
    const words = new Uint8Array(this.marks.use.length * 4)
    words.set(value)
    noteUpdate(this.marks, words)
    swapCounters(this.marks, words)
    return this.#options.channel.update(this.tid, key, words, flags)
  }

  remove(key: Uint8Array): number {
    if (key.length !== this.spec.keySize || this.spec.type === BPF_MAP_TYPE_ARRAY) return -EINVAL
    this.#cache = undefined
    return this.#options.channel.remove(this.tid, key)
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | number {
    if (key !== undefined && key.length !== this.spec.keySize) return -EINVAL
    const next = key === undefined ? undefined : this.#ahead(key)?.next
    if (next !== undefined) return next.slice(0, this.spec.keySize)
    const { channel, generation } = this.#options
    const entries = key === undefined ? channel.getFirst(this.tid) : channel.getNext(this.tid, key)
    if (typeof entries === 'number') return entries
    this.#cache = entries.keys.length > 1 ? { entries, generation: generation() } : undefined
    return entries.keys[0]?.slice(0, this.spec.keySize) ?? -ENOENT
  }

  free(): void {
    this.#options.channel.free(this.tid)
    this.#options.onFree()
  }

  /** What the last reply says of a key: its value, and the key after it where that came along. */
  #ahead(key: Uint8Array): { readonly value: Uint8Array; readonly next: Uint8Array | undefined } | undefined {
    const cache = this.#cache
    if (cache === undefined || cache.generation !== this.#options.generation()) return undefined
    const { keys, values } = cache.entries
    const index = keys.findIndex(k => key.every((byte, i) => byte === k[i]))
    const value = values[index]
    return value === undefined ? undefined : { value, next: keys[index + 1] }
  }
}
