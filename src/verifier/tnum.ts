// Tristate numbers: what is known of each bit of a 64-bit value. A tnum is four consecutive words of an Int32Array (value low and
// high, mask low and high, as they stand in a register at R_VALUE): a set mask bit is unknown, and its value bit is then 0. Operations
// take the array and index of each operand and of the result, which may be the same slice.

import { ult } from '../bytes/long.ts'
import { mulLow } from './wide.ts'

type Words = Int32Array

/** Words of a tnum. */
export const TNUM_WORDS = 4

function put(o: Words, oi: number, valueLo: number, valueHi: number, maskLo: number, maskHi: number): void {
  o[oi] = valueLo
  o[oi + 1] = valueHi
  o[oi + 2] = maskLo
  o[oi + 3] = maskHi
}

function tnumIsConst(a: Words, ai: number): boolean {
  return (a[ai + 2]! | a[ai + 3]!) === 0
}

/** Everything from min to max (unsigned): the common leading bits are known. */
export function tnumRange(o: Words, oi: number, minLo: number, minHi: number, maxLo: number, maxHi: number): void {
  const chiHi = minHi ^ maxHi
  if (chiHi < 0) {
    put(o, oi, 0, 0, -1, -1)
  } else if (chiHi !== 0) {
    const delta = -1 >>> Math.clz32(chiHi)
    put(o, oi, 0, minHi & ~delta, -1, delta)
  } else {
    const chi = minLo ^ maxLo
    const delta = chi === 0 ? 0 : -1 >>> Math.clz32(chi)
    put(o, oi, minLo & ~delta, minHi, delta, 0)
  }
}

export function tnumLshift(o: Words, oi: number, a: Words, ai: number, shift: number): void {
  const vl = a[ai]!
  const vh = a[ai + 1]!
  const ml = a[ai + 2]!
  const mh = a[ai + 3]!
  if (shift >= 32) {
    put(o, oi, 0, vl << (shift - 32), 0, ml << (shift - 32))
  } else if (shift === 0) {
    put(o, oi, vl, vh, ml, mh)
  } else {
    put(o, oi, vl << shift, (vh << shift) | (vl >>> (32 - shift)), ml << shift, (mh << shift) | (ml >>> (32 - shift)))
  }
}

export function tnumRshift(o: Words, oi: number, a: Words, ai: number, shift: number): void {
  const vl = a[ai]!
  const vh = a[ai + 1]!
  const ml = a[ai + 2]!
  const mh = a[ai + 3]!
  if (shift >= 32) {
    put(o, oi, vh >>> (shift - 32), 0, mh >>> (shift - 32), 0)
  } else if (shift === 0) {
    put(o, oi, vl, vh, ml, mh)
  } else {
    put(o, oi, (vl >>> shift) | (vh << (32 - shift)), vh >>> shift, (ml >>> shift) | (mh << (32 - shift)), mh >>> shift)
  }
}

/** Arithmetic shift of the 64-bit value. An unknown sign bit stays unknown in all bits that it fills. */
export function tnumArshift(o: Words, oi: number, a: Words, ai: number, shift: number): void {
  const vl = a[ai]!
  const vh = a[ai + 1]!
  const ml = a[ai + 2]!
  const mh = a[ai + 3]!
  if (shift >= 32) {
    put(o, oi, vh >> (shift - 32), vh >> 31, mh >> (shift - 32), mh >> 31)
  } else if (shift === 0) {
    put(o, oi, vl, vh, ml, mh)
  } else {
    put(o, oi, (vl >>> shift) | (vh << (32 - shift)), vh >> shift, (ml >>> shift) | (mh << (32 - shift)), mh >> shift)
  }
}

/** Arithmetic shift of the low half; the high half of the result is known to be 0. */
export function tnumArshift32(o: Words, oi: number, a: Words, ai: number, shift: number): void {
  put(o, oi, a[ai]! >> shift, 0, a[ai + 2]! >> shift, 0)
}

// Carry out of the low half of a sum.
function carry(sumLo: number, partLo: number): number {
  return sumLo >>> 0 < partLo >>> 0 ? 1 : 0
}

export function tnumAdd(o: Words, oi: number, a: Words, ai: number, b: Words, bi: number): void {
  const aml = a[ai + 2]!
  const amh = a[ai + 3]!
  const bml = b[bi + 2]!
  const bmh = b[bi + 3]!
  const svl = (a[ai]! + b[bi]!) | 0
  const svh = (a[ai + 1]! + b[bi + 1]! + carry(svl, a[ai]!)) | 0
  const sml = (aml + bml) | 0
  const smh = (amh + bmh + carry(sml, aml)) | 0
  const sigmaLo = (sml + svl) | 0
  const sigmaHi = (smh + svh + carry(sigmaLo, sml)) | 0
  const mul = (sigmaLo ^ svl) | aml | bml
  const muh = (sigmaHi ^ svh) | amh | bmh
  put(o, oi, svl & ~mul, svh & ~muh, mul, muh)
}

export function tnumSub(o: Words, oi: number, a: Words, ai: number, b: Words, bi: number): void {
  const aml = a[ai + 2]!
  const amh = a[ai + 3]!
  const bml = b[bi + 2]!
  const bmh = b[bi + 3]!
  const dvl = (a[ai]! - b[bi]!) | 0
  const dvh = (a[ai + 1]! - b[bi + 1]! - (a[ai]! >>> 0 < b[bi]! >>> 0 ? 1 : 0)) | 0
  const alphaLo = (dvl + aml) | 0
  const alphaHi = (dvh + amh + carry(alphaLo, dvl)) | 0
  const betaLo = (dvl - bml) | 0
  const betaHi = (dvh - bmh - (dvl >>> 0 < bml >>> 0 ? 1 : 0)) | 0
  const mul = (alphaLo ^ betaLo) | aml | bml
  const muh = (alphaHi ^ betaHi) | amh | bmh
  put(o, oi, dvl & ~mul, dvh & ~muh, mul, muh)
}

const zero = new Int32Array(TNUM_WORDS)

/** 0 - a. */
export function tnumNeg(o: Words, oi: number, a: Words, ai: number): void {
  tnumSub(o, oi, zero, 0, a, ai)
}

export function tnumAnd(o: Words, oi: number, a: Words, ai: number, b: Words, bi: number): void {
  const vl = a[ai]! & b[bi]!
  const vh = a[ai + 1]! & b[bi + 1]!
  const ml = (a[ai]! | a[ai + 2]!) & (b[bi]! | b[bi + 2]!) & ~vl
  const mh = (a[ai + 1]! | a[ai + 3]!) & (b[bi + 1]! | b[bi + 3]!) & ~vh
  put(o, oi, vl, vh, ml, mh)
}

export function tnumOr(o: Words, oi: number, a: Words, ai: number, b: Words, bi: number): void {
  const vl = a[ai]! | b[bi]!
  const vh = a[ai + 1]! | b[bi + 1]!
  put(o, oi, vl, vh, (a[ai + 2]! | b[bi + 2]!) & ~vl, (a[ai + 3]! | b[bi + 3]!) & ~vh)
}

export function tnumXor(o: Words, oi: number, a: Words, ai: number, b: Words, bi: number): void {
  const ml = a[ai + 2]! | b[bi + 2]!
  const mh = a[ai + 3]! | b[bi + 3]!
  put(o, oi, (a[ai]! ^ b[bi]!) & ~ml, (a[ai + 1]! ^ b[bi + 1]!) & ~mh, ml, mh)
}

// Accumulator, accumulator plus multiplicand, multiplier, multiplicand.
const product = new Int32Array(4 * TNUM_WORDS)

/**
 * Long multiplication over the trits of a: a certain 1 adds b, an unknown one joins the sums with and without b. Not symmetric
 * in precision, so the order of the operands matters for agreement with the kernel (6.18).
 */
export function tnumMul(o: Words, oi: number, a: Words, ai: number, b: Words, bi: number): void {
  if (tnumIsConst(a, ai) && tnumIsConst(b, bi)) {
    mulLow(product, 0, a[ai]!, a[ai + 1]!, b[bi]!, b[bi + 1]!)
    put(o, oi, product[0]!, product[1]!, 0, 0)
    return
  }
  const p = product
  put(p, 0, 0, 0, 0, 0)
  put(p, 8, a[ai]!, a[ai + 1]!, a[ai + 2]!, a[ai + 3]!)
  put(p, 12, b[bi]!, b[bi + 1]!, b[bi + 2]!, b[bi + 3]!)
  while ((p[8]! | p[9]! | p[10]! | p[11]!) !== 0) {
    if ((p[8]! & 1) !== 0) {
      tnumAdd(p, 0, p, 0, p, 12)
    } else if ((p[10]! & 1) !== 0) {
      tnumAdd(p, 4, p, 0, p, 12)
      tnumUnion(p, 0, p, 0, p, 4)
    }
    tnumRshift(p, 8, p, 8, 1)
    tnumLshift(p, 12, p, 12, 1)
  }
  put(o, oi, p[0]!, p[1]!, p[2]!, p[3]!)
}

/** Values that are in both; bits on which the operands contradict each other come out as 1. */
export function tnumIntersect(o: Words, oi: number, a: Words, ai: number, b: Words, bi: number): void {
  const ml = a[ai + 2]! & b[bi + 2]!
  const mh = a[ai + 3]! & b[bi + 3]!
  put(o, oi, (a[ai]! | b[bi]!) & ~ml, (a[ai + 1]! | b[bi + 1]!) & ~mh, ml, mh)
}

/** The least tnum that holds every value of either. */
export function tnumUnion(o: Words, oi: number, a: Words, ai: number, b: Words, bi: number): void {
  const ml = (a[ai]! ^ b[bi]!) | a[ai + 2]! | b[bi + 2]!
  const mh = (a[ai + 1]! ^ b[bi + 1]!) | a[ai + 3]! | b[bi + 3]!
  put(o, oi, a[ai]! & b[bi]! & ~ml, a[ai + 1]! & b[bi + 1]! & ~mh, ml, mh)
}

/**
 * The smallest member of `a` above z, of two words into o[oi]: the largest member if z is no less, the smallest if z is below all. A member is
 * the value plus a number spread over the unknown bits, so the next one has that number plus one, with the carry led over the known bits.
 */
export function tnumStep(o: Words, oi: number, a: Words, ai: number, zLo: number, zHi: number): void {
  const vl = a[ai]!
  const vh = a[ai + 1]!
  const ml = a[ai + 2]!
  const mh = a[ai + 3]!
  if (!ult(zLo, zHi, vl | ml, vh | mh)) {
    o[oi] = vl | ml
    o[oi + 1] = vh | mh
    return
  }
  if (ult(zLo, zHi, vl, vh)) {
    o[oi] = vl
    o[oi + 1] = vh
    return
  }
  // The highest known bit that z has otherwise; ones from there down let the carry through, zeros keep the number as it is.
  const dl = (zLo ^ vl) & ~ml
  const dh = (zHi ^ vh) & ~mh
  let lowLo = 0
  let lowHi = 0
  let carry = 1
  if (dh !== 0) {
    lowLo = -1
    lowHi = -1 >>> Math.clz32(dh)
    carry = (zHi & (lowHi ^ (lowHi >>> 1))) === 0 ? 0 : 1
  } else if (dl !== 0) {
    lowLo = -1 >>> Math.clz32(dl)
    carry = (zLo & (lowLo ^ (lowLo >>> 1))) === 0 ? 0 : 1
  }
  if (carry === 0) {
    o[oi] = (zLo & ~lowLo & ml) | vl
    o[oi + 1] = (zHi & ~lowHi & mh) | vh
    return
  }
  const sumLo = (zLo | ~ml | lowLo) + 1
  const lo = sumLo | 0
  const hi = ((zHi | ~mh | lowHi) + (lo === 0 ? 1 : 0)) | 0
  o[oi] = (lo & ml) | vl
  o[oi + 1] = (hi & mh) | vh
}

/** Whether some value is in both: no bit is known to differ. */
export function tnumOverlap(a: Words, ai: number, b: Words, bi: number): boolean {
  const knownLo = ~(a[ai + 2]! | b[bi + 2]!)
  const knownHi = ~(a[ai + 3]! | b[bi + 3]!)
  return (((a[ai]! ^ b[bi]!) & knownLo) | ((a[ai + 1]! ^ b[bi + 1]!) & knownHi)) === 0
}

/** Whether every value of b is a value of a. */
export function tnumIn(a: Words, ai: number, b: Words, bi: number): boolean {
  const aml = a[ai + 2]!
  const amh = a[ai + 3]!
  if (((b[bi + 2]! & ~aml) | (b[bi + 3]! & ~amh)) !== 0) return false
  return a[ai] === (b[bi]! & ~aml) && a[ai + 1] === (b[bi + 1]! & ~amh)
}

/** Keep the low `size` bytes (1, 2, 4 or 8). */
export function tnumCast(o: Words, oi: number, a: Words, ai: number, size: number): void {
  if (size >= 8) {
    put(o, oi, a[ai]!, a[ai + 1]!, a[ai + 2]!, a[ai + 3]!)
  } else {
    const keep = size === 4 ? -1 : (1 << (size * 8)) - 1
    put(o, oi, a[ai]! & keep, 0, a[ai + 2]! & keep, 0)
  }
}
