// 64-bit quantities as two int32 halves, for code that must not make a BigInt a step: comparisons and conversions. Arithmetic
// that needs carries stands where it is used, inlined.

/** Unsigned a < b. */
export function ult(aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi >>> 0 < bHi >>> 0
}

/** Signed a < b. */
export function slt(aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : (aHi | 0) < (bHi | 0)
}

/** The unsigned value as a bigint. */
export function toUnsigned(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)
}

/** The signed value as a bigint. */
export function toSigned(lo: number, hi: number): bigint {
  return BigInt.asIntN(64, toUnsigned(lo, hi))
}

export function lowHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value))
}

export function highHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n))
}

/** The unsigned value as a number; exact up to 2^53. */
export function toNumber(lo: number, hi: number): number {
  return (hi >>> 0) * 4294967296 + (lo >>> 0)
}
