// Internet checksums as Linux's helpers compute them: 32-bit one's complement sums of little-endian words, folded to 16 bits.
// Partial sums are u32 numbers; zero only when everything added was zero.

/** a + b with the carry added back. */
export function csumAdd(a: number, b: number): number {
  const sum = (a >>> 0) + (b >>> 0)
  return sum > 0xffffffff ? (sum + 1) >>> 0 : sum >>> 0
}

export function csumSub(a: number, b: number): number {
  return csumAdd(a, ~b)
}

/** Sum of `bytes` bytes at `at`; an odd last byte is the low half of a word. */
export function csumPartial(view: DataView, at: number, bytes: number, seed: number): number {
  let sum = seed >>> 0
  let i = 0
  for (; i + 4 <= bytes; i += 4) sum = csumAdd(sum, view.getUint32(at + i, true))
  let rest = 0
  for (let shift = 0; i < bytes; i++, shift += 8) rest |= view.getUint8(at + i) << shift
  return csumAdd(sum, rest)
}

/** 32 to 16 bits, not inverted. */
export function csumTo16(sum: number): number {
  return csumAdd(sum, ((sum >>> 16) | (sum << 16)) >>> 0) >>> 16
}

/** 32 to 16 bits and inverted: what stands in a header. */
export function csumFold(sum: number): number {
  let folded = (sum & 0xffff) + (sum >>> 16)
  folded = (folded & 0xffff) + (folded >>> 16)
  return ~folded & 0xffff
}

/** The header's checksum after a 32-bit field changed. */
export function csumReplace(check: number, from: number, to: number): number {
  return csumFold(csumAdd(csumSub(~check & 0xffff, from), to))
}

/** The header's checksum after a 16-bit field changed; in 16-bit arithmetic, where zero comes out differently. */
export function csumReplace16(check: number, from: number, to: number): number {
  const add16 = (a: number, b: number): number => (a + b > 0xffff ? (a + b + 1) & 0xffff : a + b)
  return ~add16(add16(~check & 0xffff, ~from & 0xffff), to & 0xffff) & 0xffff
}

/** The header's checksum after a change that is given as a difference of sums. */
export function csumReplaceByDiff(check: number, diff: number): number {
  return csumFold(csumAdd(diff, ~check & 0xffff))
}
