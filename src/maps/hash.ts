// Hash types: chained buckets over a pool of elements (layout.ts). A value is replaced by linking a new element in front and then
// unlinking the old one, so that a reader in another thread always finds one of them, and a pointer to the old value keeps its contents.

import { E2BIG, EEXIST, EINVAL, ENOENT } from '../bpf/errno.ts'
import { BPF_EXIST, BPF_F_LOCK, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_NOEXIST } from '../bpf/map-type-table.ts'
import { readU32 } from './array.ts'
import * as L from './layout.ts'
import { LruOrder } from './lru.ts'
import { BpfMap } from './map.ts'
import { copy, type Memory } from './memory.ts'

/** MurmurHash3 over the bytes of a key. Which hash is our own choice: nobody but the map's own code relies on it. */
export function hashKey(memory: Memory, key: number, bytes: number): number {
  let hash = bytes | 0
  const whole = bytes & ~3
  for (let i = 0; i < whole; i += 4) hash = mix(hash, readU32(memory, key + i))
  if (bytes !== whole) {
    let rest = 0
    for (let i = bytes - 1; i >= whole; i--) rest = (rest << 8) | memory.u8[key + i]!
    hash = mix(hash, rest)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
  const h = hash ^ k
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

const NEXT = 0
const HASH = 4

export class HashMap extends BpfMap {
  readonly keyAt: number
  readonly valueAt: number
  readonly #buckets: number
  readonly #mask: number
  /** The order of use of LRU types. */
  readonly #order: LruOrder | undefined

  constructor(memory: Memory, base: number) {
    super(memory, base)
    this.keyAt = this.word(L.H_KEY_AT)
    this.valueAt = this.word(L.H_VALUE_AT)
    this.#buckets = this.word(L.H_BUCKETS)
    this.#mask = this.word(L.H_MASK)
    const lru = this.type === BPF_MAP_TYPE_LRU_HASH || this.type === BPF_MAP_TYPE_LRU_PERCPU_HASH
    this.#order = lru ? new LruOrder(memory, base) : undefined
  }

  protected word(at: number): number {
    return this.memory.u32[(this.base + at) >>> 2]!
  }
  protected setWord(at: number, value: number): void {
    this.memory.u32[(this.base + at) >>> 2] = value
  }

  protected equal(element: number, key: number): boolean {
    const { keySize, memory } = this
    const at = element + this.keyAt
    const u8 = memory.u8
    let i = 0
    if ((key & 3) === 0)
      for (; i + 4 <= keySize; i += 4) if (memory.i32[(at + i) >>> 2] !== memory.i32[(key + i) >>> 2]) return false
    for (; i < keySize; i++) if (u8[at + i] !== u8[key + i]) return false
    return true
  }

  #bucket(hash: number): number {
    return (this.#buckets >>> 2) + (hash & this.#mask)
  }

  /** Address of the element with this key, 0 = none. */
  protected find(key: number, hash: number): number {
    const words = this.memory.u32
    for (let element = words[this.#bucket(hash)]!; element !== 0; element = words[(element + NEXT) >>> 2]!)
      if (words[(element + HASH) >>> 2] === hash && this.equal(element, key)) return element
    return 0
  }

  lookup(key: number): number {
    const element = this.find(key, hashKey(this.memory, key, this.keySize))
    if (element === 0) return 0
    this.#order?.touch(element)
    return element + this.valueAt
  }

  #take(): number {
    const freed = this.word(L.H_FREED)
    if (freed !== 0) {
      this.setWord(L.H_FREED, this.memory.u32[freed >>> 2]!)
      return freed
    }
    const fresh = this.word(L.H_FRESH)
    this.setWord(L.H_FRESH, fresh + this.stride)
    return fresh
  }

  protected give(element: number): void {
    this.memory.u32[element >>> 2] = this.word(L.H_FREED)
    this.setWord(L.H_FREED, element)
  }

  protected unlink(element: number): void {
    const words = this.memory.u32
    let at = this.#bucket(words[(element + HASH) >>> 2]!)
    while (words[at] !== element) at = (words[at]! + NEXT) >>> 2
    words[at] = words[(element + NEXT) >>> 2]!
    this.#order?.take(element)
  }

  /** Writes a value into an element: `fresh` where the element was not in the map before. */
  protected fill(element: number, value: number, _fresh: boolean): void {
    this.copyValue(element + this.valueAt, value)
  }

  /** Linux checks existence and room before it copies anything. */
  protected put(
    key: number,
    value: number,
    flags: number,
    fill: (element: number, value: number, fresh: boolean) => void,
  ): number {
    if ((flags & ~BPF_F_LOCK) >>> 0 > BPF_EXIST) return -EINVAL
    if ((flags & BPF_F_LOCK) !== 0 && this.spinLock < 0) return -EINVAL
    const hash = hashKey(this.memory, key, this.keySize)
    const words = this.memory.u32
    const old = this.find(key, hash)
    const how = flags & ~BPF_F_LOCK
    if (old !== 0 && how === BPF_NOEXIST) return -EEXIST
    if (old === 0 && how === BPF_EXIST) return -ENOENT
    if (old !== 0 && (this.perCpu || (flags & BPF_F_LOCK) !== 0)) {
      fill.call(this, old, value, false)
      this.#order?.touch(old)
      return 0
    }
    if (old === 0 && this.count >= this.maxEntries && !this.#evict()) return -E2BIG
    const element = this.#take()
    words[(element + HASH) >>> 2] = hash
    copy(this.memory, element + this.keyAt, key, this.keySize)
    if (this.spinLock >= 0) words[(element + this.valueAt + this.spinLock) >>> 2] = 0
    fill.call(this, element, value, true)
    const bucket = this.#bucket(hash)
    words[(element + NEXT) >>> 2] = words[bucket]!
    words[bucket] = element
    this.#order?.add(element)
    if (old !== 0) {
      this.unlink(old)
      this.give(old)
    } else this.setWord(L.H_COUNT, this.count + 1)
    return 0
  }

  update(key: number, value: number, flags: number): number {
    this.lock()
    const error = this.put(key, value, flags, this.fill)
    this.unlock()
    return error
  }

  remove(key: number): number {
    this.lock()
    const element = this.find(key, hashKey(this.memory, key, this.keySize))
    if (element !== 0) this.drop(element)
    this.unlock()
    return element === 0 ? -ENOENT : 0
  }

  protected drop(element: number): void {
    this.unlink(element)
    this.give(element)
    this.setWord(L.H_COUNT, this.count - 1)
  }

  /** Makes room when the map is full; false = it stays full. */
  #evict(): boolean {
    const oldest = this.#order?.oldest() ?? 0
    if (oldest !== 0) this.drop(oldest)
    return oldest !== 0
  }

  /** First element of a bucket at or after `index`, 0 = none. */
  #first(index: number): number {
    const words = this.memory.u32
    for (let i = index; i <= this.#mask; i++) {
      const element = words[(this.#buckets >>> 2) + i]!
      if (element !== 0) return element
    }
    return 0
  }

  #after(element: number): number {
    const words = this.memory.u32
    const next = words[(element + NEXT) >>> 2]!
    return next !== 0 ? next : this.#first((words[(element + HASH) >>> 2]! & this.#mask) + 1)
  }

  nextKey(key: number, next: number): number {
    const element = key === 0 ? 0 : this.find(key, hashKey(this.memory, key, this.keySize))
    const following = element === 0 ? this.#first(0) : this.#after(element)
    if (following === 0) return -ENOENT
    copy(this.memory, next, following + this.keyAt, this.keySize)
    return 0
  }

  override readTo(key: number, out: number): number {
    const element = this.find(key, hashKey(this.memory, key, this.keySize))
    if (element === 0) return -ENOENT
    copy(this.memory, out, element + this.valueAt, this.userValueBytes)
    this.hideLock(out)
    return 0
  }

  override visit(see: (key: number, value: number) => number): number {
    let calls = 0
    for (let element = this.#first(0); element !== 0; ) {
      // The callback may remove the element that it is shown.
      const following = this.#after(element)
      calls++
      if (see(element + this.keyAt, element + this.valueAt + this.cpu * this.cpuStride) !== 0) break
      element = following
    }
    return calls
  }

  /** Bytes from one CPU's value to the next; 0 where there is only one value. */
  protected get cpuStride(): number {
    return 0
  }
}

export class PerCpuHashMap extends HashMap {
  override get perCpu(): boolean {
    return true
  }

  protected override get cpuStride(): number {
    return L.round8(this.valueSize)
  }

  override lookup(key: number): number {
    return this.lookupOn(key, this.cpu)
  }

  override lookupOn(key: number, cpu: number): number {
    if (cpu >= this.cpus) return 0
    const value = super.lookup(key)
    return value === 0 ? 0 : value + cpu * this.cpuStride
  }

  /** A new entry is zero on all CPUs but this one. */
  protected override fill(element: number, value: number, fresh: boolean): void {
    const values = element + this.valueAt
    if (fresh) this.memory.u8.fill(0, values, values + this.cpus * this.cpuStride)
    copy(this.memory, values + this.cpu * this.cpuStride, value, this.valueSize)
  }

  #fillAll(element: number, value: number): void {
    copy(this.memory, element + this.valueAt, value, this.userValueBytes)
  }

  override writeFrom(key: number, value: number, flags: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL
    this.lock()
    const error = this.put(key, value, flags, this.#fillAll)
    this.unlock()
    return error
  }
}
