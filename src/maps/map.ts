// A map as an open handle: a memory and the address of the map's header. All state lies in that memory (layout.ts); the fields here
// are what never changes after creation, read once. Several handles, in several threads, may stand for the same map.
//
// Operations by address are what programs do, without allocation: 0 or a negative errno. Those with byte arrays are the control
// plane's, as bpf(2) gives them: of per-CPU types the value holds every CPU's, each padded to 8 bytes.

import { EINVAL, ENOENT, ENOTSUPP, EOPNOTSUPP } from '../bpf/errno.ts'
import { BPF_ANY, BPF_F_LOCK } from '../bpf/map-type-table.ts'
import { NicwrightError } from '../errors.ts'
import * as L from './layout.ts'
import { copy, type Memory } from './memory.ts'

export abstract class BpfMap {
  readonly memory: Memory
  /** Address of the header: a program's pointer to the map. */
  readonly base: number
  readonly type: number
  readonly keySize: number
  /** Bytes of a value as a program sees it. */
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  readonly cpus: number
  readonly stride: number
  readonly elements: number
  readonly elementsEnd: number
  /** Offset of a bpf_spin_lock in the value, -1 = none. */
  readonly spinLock: number
  /** The CPU that this handle acts for. */
  cpu = 0

  constructor(memory: Memory, base: number) {
    const word = (at: number): number => memory.u32[(base + at) >>> 2]!
    this.memory = memory
    this.base = base
    this.type = word(L.H_TYPE)
    this.keySize = word(L.H_KEY_SIZE)
    this.valueSize = word(L.H_VALUE_SIZE)
    this.maxEntries = word(L.H_MAX_ENTRIES)
    this.flags = word(L.H_FLAGS)
    this.cpus = word(L.H_CPUS)
    this.stride = word(L.H_STRIDE)
    this.elements = word(L.H_ELEMENTS)
    this.elementsEnd = word(L.H_ELEMENTS_END)
    this.spinLock = word(L.H_SPIN_LOCK) - 1
  }

  /** Whether every CPU has a value of its own. */
  get perCpu(): boolean {
    return false
  }

  /** Entries that are in it now. */
  get count(): number {
    return this.memory.u32[(this.base + L.H_COUNT) >>> 2]!
  }

  /** Bytes of a value as the control plane sees it. */
  get userValueBytes(): number {
    return this.perCpu ? L.round8(this.valueSize) * this.cpus : this.valueSize
  }

  /** Address of the value of this CPU, 0 = no entry. */
  abstract lookup(key: number): number
  /** Address of the value of a given CPU; other types than per-CPU ones have no such thing. */
  lookupOn(_key: number, _cpu: number): number {
    return 0
  }
  /** A program's update: of per-CPU types it touches this CPU's value. */
  abstract update(key: number, value: number, flags: number): number
  abstract remove(key: number): number
  /** Writes the key that follows to `next`; `key` 0 or unknown = from the beginning. -ENOENT at the end. */
  abstract nextKey(key: number, next: number): number

  push(_value: number, _flags: number): number {
    return -EOPNOTSUPP
  }
  pop(_value: number): number {
    return -EOPNOTSUPP
  }
  peek(_value: number): number {
    return -EOPNOTSUPP
  }

  /** The control plane's lookup by address: copies the value for user space to `out`. */
  readTo(key: number, out: number): number {
    const value = this.lookup(key)
    if (value === 0) return -ENOENT
    copy(this.memory, out, value, this.valueSize)
    this.hideLock(out)
    return 0
  }

  /** The control plane's update by address: of per-CPU types `value` holds all CPUs'. */
  writeFrom(key: number, value: number, flags: number): number {
    return this.update(key, value, flags)
  }

  /** Calls back with the addresses of key and value of each entry until the answer is not 0; gives the number of calls, or -errno. */
  visit(_see: (key: number, value: number) => number): number {
    return -ENOTSUPP
  }

  // The control plane with byte arrays. The scratch area lies before the elements: key, next key, value.

  /** 0 and the value in `out`, or a negative errno. */
  read(key: Uint8Array, out: Uint8Array): number {
    const at = this.#placeKey(key)
    const value = at + 2 * L.round8(this.keySize)
    const error = this.readTo(at, value)
    if (error === 0) out.set(this.memory.u8.subarray(value, value + this.userValueBytes))
    return error
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const out = new Uint8Array(this.userValueBytes)
    return this.read(key, out) === 0 ? out : undefined
  }

  set(key: Uint8Array, value: Uint8Array, flags: number = BPF_ANY): number {
    if ((flags & BPF_F_LOCK) !== 0 && this.spinLock < 0) return -EINVAL
    return this.writeFrom(this.#placeKey(key), this.#placeValue(value, this.userValueBytes), flags)
  }

  delete(key: Uint8Array): number {
    return this.remove(this.#placeKey(key))
  }

  /** The key after `key`, the first one without; undefined at the end. */
  next(key?: Uint8Array): Uint8Array | undefined {
    const at = key === undefined ? 0 : this.#placeKey(key)
    const next = this.scratch + L.round8(this.keySize)
    if (this.nextKey(at, next) !== 0) return undefined
    return this.memory.u8.slice(next, next + this.keySize)
  }

  /** All entries in the order of next(). */
  *entries(): IterableIterator<[key: Uint8Array, value: Uint8Array]> {
    for (let key = this.next(); key !== undefined; key = this.next(key)) {
      const value = this.get(key)
      if (value !== undefined) yield [key, value]
    }
  }

  /** Pushes for the control plane. */
  pushBytes(value: Uint8Array, flags: number = BPF_ANY): number {
    return this.push(this.#placeValue(value, this.valueSize), flags)
  }

  /** Takes (or, with `keep`, only reads) the next value of a queue or stack. */
  popBytes(keep = false): Uint8Array | undefined {
    const to = this.scratch + 2 * L.round8(this.keySize)
    if ((keep ? this.peek(to) : this.pop(to)) !== 0) return undefined
    return this.memory.u8.slice(to, to + this.valueSize)
  }

  #placeKey(key: Uint8Array): number {
    if (key.length !== this.keySize)
      throw new NicwrightError('map/key-size', { message: `a key of ${key.length} bytes for a map with keys of ${this.keySize}` })
    this.memory.u8.set(key, this.scratch)
    return this.scratch
  }

  #placeValue(value: Uint8Array, bytes: number): number {
    if (value.length !== bytes)
      throw new NicwrightError('map/value-size', {
        message: `a value of ${value.length} bytes for a map with values of ${bytes}`,
      })
    const at = this.scratch + 2 * L.round8(this.keySize)
    this.memory.u8.set(value, at)
    return at
  }

  /** Address of the scratch area, scratchBytes() of which a map's creator leaves room for. */
  protected get scratch(): number {
    return this.base + L.HEADER_BYTES
  }

  /** Copies a value as an update does: a spin lock in it stays as it is. */
  protected copyValue(to: number, from: number): void {
    if (this.spinLock < 0) copy(this.memory, to, from, this.valueSize)
    else {
      copy(this.memory, to, from, this.spinLock)
      const after = this.spinLock + 4
      copy(this.memory, to + after, from + after, this.valueSize - after)
    }
  }

  /** User space reads a spin lock as zeros. */
  protected hideLock(value: number): void {
    if (this.spinLock >= 0) this.memory.u8.fill(0, value + this.spinLock, value + this.spinLock + 4)
  }

  /** Takes the map's lock where several threads share it. */
  protected lock(): void {
    if (!this.memory.shared) return
    const at = (this.base + L.H_LOCK) >>> 2
    while (Atomics.compareExchange(this.memory.i32, at, 0, 1) !== 0);
  }

  protected unlock(): void {
    if (this.memory.shared) Atomics.store(this.memory.i32, (this.base + L.H_LOCK) >>> 2, 0)
  }
}

/** Bytes between header and elements for keys and a value of the control plane. */
export function scratchBytes(keySize: number, userValueBytes: number): number {
  return 2 * L.round8(keySize) + L.round8(userValueBytes)
}
