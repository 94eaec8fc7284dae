import { NicwrightError } from '../errors.ts'

// A reader over bytes that nobody has checked yet. Every read is tested against the end; what is wrong is told with the offset
// from the start of the bytes and under the error code that the owner of the format gave, so that a truncated ELF file says
// `elf/truncated` and a truncated capture `pcap/truncated`.

/** Reads forward from `position`; `view` shows the same bytes for whoever has checked the range with `need`. */
export class Cursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly little: boolean
  readonly code: string
  /** Added to the offsets in errors: where `bytes` begins in the file. */
  readonly base: number
  position = 0

  constructor(bytes: Uint8Array, options: { readonly code: string; readonly little?: boolean; readonly base?: number }) {
    this.bytes = plainBytes(bytes)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.little = options.little ?? true
    this.code = options.code
    this.base = options.base ?? 0
  }

  get length(): number {
    return this.bytes.length
  }

  get left(): number {
    return this.bytes.length - this.position
  }

  get done(): boolean {
    return this.position >= this.bytes.length
  }

  /** The error to throw at an offset (default: here). */
  fail(message: string, offset: number = this.position): NicwrightError {
    const at = this.base + offset
    return new NicwrightError(this.code, { message: `${message} (at byte ${at})`, at: { offset: at } })
  }

  /** Makes sure that `count` bytes stand at `offset`. */
  need(count: number, offset: number = this.position, what = 'data'): void {
    if (!(offset >= 0 && count >= 0 && offset + count <= this.bytes.length)) {
      throw this.fail(`${what} of ${count} bytes ends beyond the last byte, ${this.base + this.bytes.length}`, offset)
    }
  }

  seek(offset: number): this {
    this.need(0, offset, 'position')
    this.position = offset
    return this
  }

  skip(count: number): this {
    this.need(count)
    this.position += count
    return this
  }

  /** Moves on to the next multiple of `bytes`. */
  align(bytes: number): this {
    return this.skip((bytes - (this.position % bytes)) % bytes)
  }

  u8(): number {
    this.need(1)
    return this.view.getUint8(this.position++)
  }

  u16(): number {
    this.need(2)
    const value = this.view.getUint16(this.position, this.little)
    this.position += 2
    return value
  }

  s16(): number {
    return (this.u16() << 16) >> 16
  }

  u32(): number {
    this.need(4)
    const value = this.view.getUint32(this.position, this.little)
    this.position += 4
    return value
  }

  s32(): number {
    return this.u32() | 0
  }

  u64(): bigint {
    this.need(8)
    const value = this.view.getBigUint64(this.position, this.little)
    this.position += 8
    return value
  }

  s64(): bigint {
    return BigInt.asIntN(64, this.u64())
  }

  /** A 64-bit offset or size as a number; beyond 2^53 no file can have it. */
  size64(what = 'size'): number {
    const value = this.u64()
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.fail(`${what} ${value} is impossible`, this.position - 8)
    return Number(value)
  }

  /** The next `count` bytes, not copied. */
  take(count: number, what?: string): Uint8Array {
    this.need(count, this.position, what)
    const part = this.bytes.subarray(this.position, this.position + count)
    this.position += count
    return part
  }

  /** `count` bytes at `offset`, not copied; the position stays. */
  slice(offset: number, count: number, what?: string): Uint8Array {
    this.need(count, offset, what)
    return this.bytes.subarray(offset, offset + count)
  }

  /** The zero-terminated string at `offset`; the position stays. */
  textAt(offset: number, what = 'string'): string {
    this.need(1, offset, what)
    const end = this.bytes.indexOf(0, offset)
    if (end < 0) throw this.fail(`${what} without an end`, offset)
    return decodeText(this.bytes.subarray(offset, end))
  }
}

/** The same bytes as a Uint8Array of its own: `slice` of Node's Buffer, which is one too, does not copy. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const decoder = new TextDecoder()

/** UTF-8 to text; invalid bytes become U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}
