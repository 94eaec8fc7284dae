// 64-bit arithmetic on two int32 halves in typed arrays, the way registers are kept: `lo[d]`, `hi[d]`. Operands come as halves.
// Division goes through numbers where both sides fit 32 bits, and through bigint otherwise; it is rare.

import { highHalf, lowHalf, toSigned, toUnsigned } from '../bytes/long.ts'

/** High 32 bits of the unsigned product of two 32-bit words. */
function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff
  const a1 = a >>> 16
  const b0 = b & 0xffff
  const b1 = b >>> 16
  const middle = a1 * b0 + ((a0 * b0) >>> 16)
  const other = a0 * b1 + (middle % 65536)
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(other / 65536)) | 0
}

export function mul(lo: Int32Array, hi: Int32Array, d: number, sl: number, sh: number): void {
  const dl = lo[d]!
  const high = mulHigh(dl >>> 0, sl >>> 0) + Math.imul(hi[d]!, sl) + Math.imul(dl, sh)
  lo[d] = Math.imul(dl, sl)
  hi[d] = high
}

function set(lo: Int32Array, hi: Int32Array, d: number, value: bigint): void {
  lo[d] = lowHalf(value)
  hi[d] = highHalf(value)
}

/** Unsigned; by zero gives zero. */
export function div(lo: Int32Array, hi: Int32Array, d: number, sl: number, sh: number): void {
  if ((sl | sh) === 0) lo[d] = hi[d] = 0
  else if ((hi[d]! | sh) === 0) lo[d] = (lo[d]! >>> 0) / (sl >>> 0)
  else set(lo, hi, d, toUnsigned(lo[d]!, hi[d]!) / toUnsigned(sl, sh))
}

/** Unsigned; by zero leaves the dividend. */
export function mod(lo: Int32Array, hi: Int32Array, d: number, sl: number, sh: number): void {
  if ((sl | sh) === 0) return
  if ((hi[d]! | sh) === 0) lo[d] = (lo[d]! >>> 0) % (sl >>> 0)
  else set(lo, hi, d, toUnsigned(lo[d]!, hi[d]!) % toUnsigned(sl, sh))
}

/** Signed, towards zero; by zero gives zero; the one overflow wraps. */
export function sdiv(lo: Int32Array, hi: Int32Array, d: number, sl: number, sh: number): void {
  if ((sl | sh) === 0) lo[d] = hi[d] = 0
  else set(lo, hi, d, toSigned(lo[d]!, hi[d]!) / toSigned(sl, sh))
}

/** Signed, with the sign of the dividend; by zero leaves the dividend. */
export function smod(lo: Int32Array, hi: Int32Array, d: number, sl: number, sh: number): void {
  if ((sl | sh) !== 0) set(lo, hi, d, toSigned(lo[d]!, hi[d]!) % toSigned(sl, sh))
}

export function shl(lo: Int32Array, hi: Int32Array, d: number, by: number): void {
  const n = by & 63
  if (n >= 32) {
    hi[d] = lo[d]! << (n - 32)
    lo[d] = 0
  } else if (n > 0) {
    hi[d] = (hi[d]! << n) | (lo[d]! >>> (32 - n))
    lo[d] = lo[d]! << n
  }
}

export function shr(lo: Int32Array, hi: Int32Array, d: number, by: number): void {
  const n = by & 63
  if (n >= 32) {
    lo[d] = hi[d]! >>> (n - 32)
    hi[d] = 0
  } else if (n > 0) {
    lo[d] = (lo[d]! >>> n) | (hi[d]! << (32 - n))
    hi[d] = hi[d]! >>> n
  }
}

export function sar(lo: Int32Array, hi: Int32Array, d: number, by: number): void {
  const n = by & 63
  if (n >= 32) {
    lo[d] = hi[d]! >> (n - 32)
    hi[d] = hi[d]! >> 31
  } else if (n > 0) {
    lo[d] = (lo[d]! >>> n) | (hi[d]! << (32 - n))
    hi[d] = hi[d]! >> n
  }
}

function swap32(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)
}

/** Reverses the lowest `bits` bits by bytes and clears the rest. */
export function swap(lo: Int32Array, hi: Int32Array, d: number, bits: number): void {
  const low = lo[d]!
  if (bits === 64) {
    lo[d] = swap32(hi[d]!)
    hi[d] = swap32(low)
  } else {
    lo[d] = bits === 32 ? swap32(low) : ((low & 0xff) << 8) | ((low >>> 8) & 0xff)
    hi[d] = 0
  }
}

/** Keeps the lowest `bits` bits. */
export function truncate(lo: Int32Array, hi: Int32Array, d: number, bits: number): void {
  if (bits === 64) return
  if (bits === 16) lo[d] = lo[d]! & 0xffff
  hi[d] = 0
}
