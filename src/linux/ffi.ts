// System calls from Node, through koffi, which is optional: this is the only file that knows it. What the kernel reads and writes
// lies in one anonymous mapping outside the JavaScript heap (an "arena"), because there it has an address that doesn't move.
// All calls are synchronous: koffi must not call into the kernel from its own threads while Node's use the same descriptors.

import { createRequire } from 'node:module'

/** What is used of koffi 3. */
interface Koffi {
  load(library: string | null): { func(prototype: string): (...args: number[]) => number }
  view(address: bigint, bytes: number): ArrayBuffer
  errno(): number
}

const PROT_READ_WRITE = 3
const MAP_PRIVATE_ANONYMOUS = 0x22

export interface Ffi {
  /** 0 or more, or a negative errno. */
  syscall(number: number, ...args: number[]): number
  /** Outside memory: its address and the bytes. */
  map(bytes: number): { readonly address: number; readonly buffer: ArrayBuffer }
  unmap(address: number, bytes: number): void
}

let opened: Ffi | { readonly why: string } | undefined

/** The way to the kernel, or why there is none. */
export function ffi(): Ffi | { readonly why: string } {
  opened ??= open()
  return opened
}

function open(): Ffi | { readonly why: string } {
  if (process.platform !== 'linux') return { why: `this is ${process.platform}, not Linux` }
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi
    const libc = koffi.load(null)
    const call = libc.func('int64_t syscall(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t)')
    const mmap = libc.func('int64_t mmap(int64_t, int64_t, int, int, int, int64_t)')
    const munmap = libc.func('int munmap(int64_t, int64_t)')
    return {
      syscall(number, ...args) {
        const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args
        const answer = call(number, a, b, c, d, e, f)
        return answer === -1 ? -koffi.errno() : answer
      },
      map(bytes) {
        const address = mmap(0, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)
        return { address, buffer: koffi.view(BigInt(address), bytes) }
      },
      unmap(address, bytes) {
        munmap(address, bytes)
      },
    }
  } catch {
    return { why: 'the optional package koffi is not installed or has no binary for this machine' }
  }
}

/** Outside memory handed out from its start; `reset` takes everything back. It grows by being replaced when it is empty. */
export class Arena {
  readonly #ffi: Ffi
  #address = 0
  #used = 0
  bytes: Uint8Array = new Uint8Array(0)
  view: DataView = new DataView(new ArrayBuffer(0))

  constructor(use: Ffi) {
    this.#ffi = use
  }

  /** Empties it and makes sure of room for `bytes` bytes. */
  reset(bytes: number): void {
    this.#used = 0
    if (bytes <= this.bytes.length) return
    if (this.#address !== 0) this.#ffi.unmap(this.#address, this.bytes.length)
    const size = Math.ceil(bytes / 65536) * 65536
    const { address, buffer } = this.#ffi.map(size)
    this.#address = address
    this.bytes = new Uint8Array(buffer)
    this.view = new DataView(buffer)
  }

  /** Offset of a zeroed block in `bytes` and `view`. */
  take(bytes: number): number {
    const at = this.#used
    this.#used = Math.ceil((at + bytes) / 8) * 8
    if (this.#used > this.bytes.length) throw new RangeError('arena too small')
    this.bytes.fill(0, at, at + bytes)
    return at
  }

  /** Offset of a copy of data. */
  put(data: Uint8Array): number {
    const at = this.take(data.length)
    this.bytes.set(data, at)
    return at
  }

  /** What the kernel calls the byte at an offset. */
  address(at: number): number {
    return this.#address + at
  }
}
