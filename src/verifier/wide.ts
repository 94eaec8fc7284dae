// 64-bit products of int32 halves, with what the range rules ask of them: did it overflow?

/** The high 32 bits of the unsigned product of two words. */
export function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff
  const a1 = a >>> 16
  const b0 = b & 0xffff
  const b1 = b >>> 16
  const low = a0 * b0
  const middle = a1 * b0 + (low >>> 16)
  const cross = a0 * b1 + (middle % 65536)
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(cross / 65536)) | 0
}

/** The low 64 bits of the product, into o[oi], o[oi + 1]. */
export function mulLow(o: Int32Array, oi: number, aLo: number, aHi: number, bLo: number, bHi: number): void {
  o[oi] = Math.imul(aLo, bLo)
  o[oi + 1] = (mulHigh(aLo, bLo) + Math.imul(aLo, bHi) + Math.imul(aHi, bLo)) | 0
}

/** Unsigned product into o[oi]; true when it does not fit 64 bits. */
export function mulOverflowsUnsigned(o: Int32Array, oi: number, aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  mulLow(o, oi, aLo, aHi, bLo, bHi)
  if ((aHi | bHi) === 0) return false
  if (aHi !== 0 && bHi !== 0) return true
  // One cross product is 0. The other, with the carry from below, must fit a word: a double is exact as far as that matters.
  const cross = aHi !== 0 ? (aHi >>> 0) * (bLo >>> 0) : (bHi >>> 0) * (aLo >>> 0)
  return cross + (mulHigh(aLo, bLo) >>> 0) > 0xffffffff
}

/** Signed product into o[oi]; true when it does not fit 64 bits. */
export function mulOverflowsSigned(o: Int32Array, oi: number, aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  let al = aLo
  let ah = aHi
  let bl = bLo
  let bh = bHi
  if (ah < 0) {
    ah = (~ah + (al === 0 ? 1 : 0)) | 0
    al = -al | 0
  }
  if (bh < 0) {
    bh = (~bh + (bl === 0 ? 1 : 0)) | 0
    bl = -bl | 0
  }
  if (mulOverflowsUnsigned(o, oi, al, ah, bl, bh)) return true
  const lo = o[oi]!
  const hi = o[oi + 1]!
  if ((aHi ^ bHi) >= 0) return hi < 0
  // -(2^63) is the one magnitude with the top bit that a negative product may have.
  if (hi < 0 && (hi !== -0x80000000 || lo !== 0)) return true
  o[oi] = -lo | 0
  o[oi + 1] = (~hi + (lo === 0 ? 1 : 0)) | 0
  return false
}
