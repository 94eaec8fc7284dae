// A growing byte buffer. Offsets can be written before they are known: reserve with `u32(0)`, come back with `patch32`.

const encoder = new TextEncoder()

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text)
}

export class Writer {
  readonly little: boolean
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(options: { readonly little?: boolean; readonly capacity?: number } = {}) {
    this.little = options.little ?? true
    this.#bytes = new Uint8Array(options.capacity ?? 256)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  /** Makes room for `count` more bytes and returns where they begin. */
  #grow(count: number): number {
    const at = this.#length
    const end = at + count
    if (end > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      bigger.set(this.#bytes)
      this.#bytes = bigger
      this.#view = new DataView(bigger.buffer)
    }
    this.#length = end
    return at
  }

  u8(value: number): this {
    const at = this.#grow(1)
    this.#view.setUint8(at, value)
    return this
  }

  u16(value: number): this {
    const at = this.#grow(2)
    this.#view.setUint16(at, value, this.little)
    return this
  }

  u32(value: number): this {
    const at = this.#grow(4)
    this.#view.setUint32(at, value, this.little)
    return this
  }

  u64(value: bigint | number): this {
    const at = this.#grow(8)
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), this.little)
    return this
  }

  bytes(part: Uint8Array): this {
    const at = this.#grow(part.length)
    this.#bytes.set(part, at)
    return this
  }

  /** UTF-8 without an end mark. */
  text(text: string): this {
    return this.bytes(encodeText(text))
  }

  zeros(count: number): this {
    const at = this.#grow(count)
    this.#bytes.fill(0, at, at + count)
    return this
  }

  /** Zeros up to the next multiple of `bytes`. */
  align(bytes: number): this {
    return this.zeros((bytes - (this.#length % bytes)) % bytes)
  }

  patch16(offset: number, value: number): this {
    this.#check(offset, 2)
    this.#view.setUint16(offset, value, this.little)
    return this
  }

  patch32(offset: number, value: number): this {
    this.#check(offset, 4)
    this.#view.setUint32(offset, value, this.little)
    return this
  }

  patch64(offset: number, value: bigint | number): this {
    this.#check(offset, 8)
    this.#view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), this.little)
    return this
  }

  #check(offset: number, count: number): void {
    if (offset < 0 || offset + count > this.#length)
      throw new RangeError(`patch of ${count} bytes at ${offset} of ${this.#length}`)
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** -1, 0 or 1, byte by byte, the shorter first where one begins the other. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  return Math.sign(a.length - b.length)
}
