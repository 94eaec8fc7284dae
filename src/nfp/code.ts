// Machine code while it is made. A word is 64 bits in two arrays, because JavaScript's integers have 32: `lo` holds bits 0..31, `hi`
// bits 32..63. Bits 0..44 are the operation, 45..51 the ECC (added when the code is relocated), and the top byte of `hi` is the
// relocation type until then.

const FIRST_WORDS = 256

export const EINVAL = 22
export const EFAULT = 14
export const ENOSPC = 28

export class Code {
  lo: Uint32Array
  hi: Uint32Array
  count = 0
  /** How many words may be emitted: what the card's BPF_MAX_LEN register says. */
  readonly limit: number
  /** The first thing that went wrong, as a positive errno; 0 while all is well. Words after it are of no use. */
  error = 0

  constructor(limit = 0xffff) {
    this.limit = limit
    const words = Math.min(limit, FIRST_WORDS)
    this.lo = new Uint32Array(words)
    this.hi = new Uint32Array(words)
  }

  push(lo: number, hi: number): void {
    const at = this.count
    if (at === this.lo.length && !this.#grow()) return
    this.lo[at] = lo
    this.hi[at] = hi
    this.count = at + 1
  }

  fail(errno: number): void {
    if (this.error === 0) this.error = errno
  }

  /** Empties the code for the next program and keeps the memory. */
  clear(): void {
    this.count = 0
    this.error = 0
  }

  #grow(): boolean {
    const words = Math.min(this.limit, Math.max(FIRST_WORDS, this.lo.length * 2))
    if (words <= this.lo.length) {
      this.fail(ENOSPC)
      return false
    }
    const lo = new Uint32Array(words)
    const hi = new Uint32Array(words)
    lo.set(this.lo)
    hi.set(this.hi)
    this.lo = lo
    this.hi = hi
    return true
  }
}
