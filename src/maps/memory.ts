// One linear memory in which everything lies that guest programs can point to: packets, stacks, contexts, map contents. It is a
// WebAssembly.Memory, because that grows in place, can be shared with threads (SharedArrayBuffer) and can be given to compiled
// code unchanged. An address is a byte offset, a plain number; address 0 is never valid.
//
//   bytes 0..7    nothing, so that 0 stays invalid
//   bytes 8..11   top: first byte that was never handed out (u32)
//   bytes 12..63  reserved
//   bytes 64..    blocks
//
// One thread allocates; other threads open the same memory and call refresh() before a unit of work, since the memory may have grown.

import { ENOMEM } from '../bpf/errno.ts'
import { SyscallError } from '../errors.ts'

const PAGE_BYTES = 65536
const TOP = 8
const FIRST = 64

export interface MemoryOptions {
  /** Bytes at the beginning; the memory grows as it is used. */
  readonly bytes?: number
  /** Bytes that it may never exceed, at most 4 GiB. */
  readonly maximumBytes?: number
  /** Whether threads shall see it. */
  readonly shared?: boolean
}

export class Memory {
  readonly wasm: WebAssembly.Memory
  /** Views of the whole memory; replaced when it grows, so never keep them across an allocation. */
  u8!: Uint8Array
  i8!: Int8Array
  u16!: Uint16Array
  i16!: Int16Array
  u32!: Uint32Array
  i32!: Int32Array
  u64!: BigUint64Array
  i64!: BigInt64Array
  view!: DataView
  readonly #maximum: number
  /** Freed blocks in address order, neighbours merged. */
  #free: { address: number; bytes: number }[] = []

  /** Opens a memory that exists; see newMemory. */
  constructor(wasm: WebAssembly.Memory, maximumBytes: number = 2 ** 32) {
    this.wasm = wasm
    this.#maximum = maximumBytes
    this.#look()
    if (this.u32[TOP >> 2] === 0) this.u32[TOP >> 2] = FIRST
  }

  get shared(): boolean {
    return this.wasm.buffer instanceof SharedArrayBuffer
  }

  /** First byte that was never handed out. */
  get top(): number {
    return this.u32[TOP >> 2]!
  }

  /** Takes notice of growth by another thread. */
  refresh(): void {
    if (this.u8.byteLength !== this.wasm.buffer.byteLength) this.#look()
  }

  /** Address of a block of zeros, or 0 when there is no room. `align` is a power of two. */
  tryAlloc(bytes: number, align = 8): number {
    for (let i = 0; i < this.#free.length; i++) {
      const block = this.#free[i]!
      const address = Math.ceil(block.address / align) * align
      const end = block.address + block.bytes
      if (address + bytes > end) continue
      const rest: { address: number; bytes: number }[] = []
      if (address > block.address) rest.push({ address: block.address, bytes: address - block.address })
      if (address + bytes < end) rest.push({ address: address + bytes, bytes: end - address - bytes })
      this.#free.splice(i, 1, ...rest)
      this.u8.fill(0, address, address + bytes)
      return address
    }
    const address = Math.ceil(this.top / align) * align
    const top = address + bytes
    // The top is kept below 4 GiB so that it fits its word.
    if (!(top < this.#maximum)) return 0
    if (top > this.u8.byteLength) {
      const pages = Math.ceil((top - this.u8.byteLength) / PAGE_BYTES)
      try {
        this.wasm.grow(pages)
      } catch {
        return 0
      }
      this.#look()
    }
    this.u32[TOP >> 2] = top
    return address
  }

  /** As tryAlloc, but with ENOMEM as an error. */
  alloc(bytes: number, align = 8): number {
    const address = this.tryAlloc(bytes, align)
    if (address === 0) throw new SyscallError('memory/full', ENOMEM, { message: `no room for ${bytes} bytes of guest memory` })
    return address
  }

  /** Gives a block back; `bytes` as it was allocated. */
  free(address: number, bytes: number): void {
    if (bytes === 0) return
    let i = 0
    while (i < this.#free.length && this.#free[i]!.address < address) i++
    this.#free.splice(i, 0, { address, bytes })
    this.#merge(i)
    if (i > 0) this.#merge(i - 1)
  }

  #merge(i: number): void {
    const block = this.#free[i]!
    const next = this.#free[i + 1]
    if (next === undefined || block.address + block.bytes !== next.address) return
    block.bytes += next.bytes
    this.#free.splice(i + 1, 1)
  }

  #look(): void {
    const buffer = this.wasm.buffer
    this.u8 = new Uint8Array(buffer)
    this.i8 = new Int8Array(buffer)
    this.u16 = new Uint16Array(buffer)
    this.i16 = new Int16Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.u64 = new BigUint64Array(buffer)
    this.i64 = new BigInt64Array(buffer)
    this.view = new DataView(buffer)
  }
}

export function newMemory(options: MemoryOptions = {}): Memory {
  const pages = (bytes: number): number => Math.min(65536, Math.max(1, Math.ceil(bytes / PAGE_BYTES)))
  const initial = pages(options.bytes ?? PAGE_BYTES)
  const maximum = Math.max(initial, pages(options.maximumBytes ?? 2 ** 32))
  const wasm = new WebAssembly.Memory({ initial, maximum, shared: options.shared ?? false })
  return new Memory(wasm, maximum * PAGE_BYTES)
}

/** Copies `bytes` bytes from `from` to `to`; by words where both are aligned, since a call of copyWithin costs more than a few words. */
export function copy(memory: Memory, to: number, from: number, bytes: number): void {
  if (((to | from | bytes) & 3) === 0 && bytes <= 64) {
    const words = memory.i32
    for (let i = 0, t = to >>> 2, f = from >>> 2, n = bytes >>> 2; i < n; i++) words[t + i] = words[f + i]!
  } else memory.u8.copyWithin(to, from, from + bytes)
}
