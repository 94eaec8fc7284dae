// Ring buffer: records of an 8-byte header (u32 length with two flag bits, u32 zero) and their data, padded to 8. Linux maps the ring
// twice so that a record may run over its end; here a record that would not fit before the end begins anew at the ring's start, and
// a discarded one fills the gap.

import { EAGAIN, EINVAL } from '../bpf/errno.ts'
import { H_CONSUMED, H_PRODUCED } from './layout.ts'
import { BpfMap } from './map.ts'

const BUSY = 0x80000000
const DISCARDED = 0x40000000
const LENGTH = 0x3fffffff
const RECORD = 8

export class RingMap extends BpfMap {
  #get(at: number): number {
    return this.memory.view.getFloat64(this.base + at, true)
  }
  #set(at: number, value: number): void {
    this.memory.view.setFloat64(this.base + at, value, true)
  }
  /** Bytes from one position to the next record. */
  #span(length: number): number {
    return RECORD + ((length + 7) & ~7)
  }

  /** Address of `bytes` bytes for a new record, 0 when the ring is full. */
  reserve(bytes: number): number {
    if (bytes > LENGTH || this.#span(bytes) > this.maxEntries) return 0
    this.lock()
    const address = this.#place(bytes)
    this.unlock()
    return address
  }

  #place(bytes: number): number {
    let produced = this.#get(H_PRODUCED)
    const toEnd = this.maxEntries - (produced % this.maxEntries)
    const gap = toEnd < this.#span(bytes) ? toEnd : 0
    if (produced + gap + this.#span(bytes) - this.#get(H_CONSUMED) > this.maxEntries) return 0
    if (gap > 0) {
      this.#setHeader(produced, (gap - RECORD) | DISCARDED)
      produced += gap
    }
    this.#setHeader(produced, bytes | BUSY)
    this.#set(H_PRODUCED, produced + this.#span(bytes))
    return this.#at(produced) + RECORD
  }

  #at(position: number): number {
    return this.elements + (position % this.maxEntries)
  }
  #setHeader(position: number, word: number): void {
    this.memory.u32[this.#at(position) >>> 2] = word >>> 0
  }

  /** Hands a reserved record to the reader, or throws it away. */
  commit(record: number, discard: boolean): void {
    const at = (record - RECORD) >>> 2
    const length = this.memory.u32[at]! & LENGTH
    this.memory.u32[at] = discard ? (length | DISCARDED) >>> 0 : length
  }

  /** Reserves, copies and commits. */
  output(data: number, bytes: number): number {
    const record = this.reserve(bytes)
    if (record === 0) return -EAGAIN
    this.memory.u8.copyWithin(record, data, data + bytes)
    this.commit(record, false)
    return 0
  }

  /** bpf_ringbuf_query: 0 bytes to read, 1 size, 2 consumed position, 3 produced position; anything else 0. */
  query(what: number): number {
    if (what === 0) return this.#get(H_PRODUCED) - this.#get(H_CONSUMED)
    if (what === 1) return this.maxEntries
    if (what === 2) return this.#get(H_CONSUMED)
    return what === 3 ? this.#get(H_PRODUCED) : 0
  }

  /** Takes the records that are complete, in order. */
  *consume(): IterableIterator<Uint8Array> {
    for (;;) {
      const position = this.#get(H_CONSUMED)
      if (position >= this.#get(H_PRODUCED)) return
      const at = this.#at(position)
      const word = this.memory.u32[at >>> 2]!
      if ((word & BUSY) !== 0) return
      const length = word & LENGTH
      this.#set(H_CONSUMED, position + this.#span(length))
      if ((word & DISCARDED) === 0) yield this.memory.u8.slice(at + RECORD, at + RECORD + length)
    }
  }

  lookup(_key: number): number {
    return 0
  }
  update(_key: number, _value: number, _flags: number): number {
    return -EINVAL
  }
  remove(_key: number): number {
    return -EINVAL
  }
  nextKey(_key: number, _next: number): number {
    return -EINVAL
  }
}
