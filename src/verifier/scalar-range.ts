// What arithmetic does to the ranges of a scalar, 64 and 32 bits apart, as Linux 6.18 has it. `d`/`i` is the destination register, `s`/`j` the
// source.

import { BPF_AND, BPF_OR } from '../bpf/opcode.ts'
import { slt, ult } from '../bytes/long.ts'
import { updateBounds } from './bounds.ts'
import {
  R_MASK,
  R_PRECISE,
  R_S32_MAX,
  R_S32_MIN,
  R_SMAX,
  R_SMIN,
  R_U32_MAX,
  R_U32_MIN,
  R_UMAX,
  R_UMIN,
  R_VALUE,
  REG_WORDS,
  setKnown,
} from './reg.ts'
import { mulHigh, mulOverflowsSigned, mulOverflowsUnsigned } from './wide.ts'

type Regs = Int32Array

const S32_MIN = -0x80000000
const S32_MAX = 0x7fffffff

// Sums, products and copies in the making.
const t = new Int32Array(16)
const copy = new Int32Array(REG_WORDS)

// A constant, linked to nothing. Whether its chain is precise doesn't change.
export function known(d: Regs, i: number, lo: number, hi: number): void {
  const precise = d[i + R_PRECISE]!
  setKnown(d, i, lo, hi)
  d[i + R_PRECISE] = precise
}

export function unboundS64(d: Regs, i: number): void {
  d[i + R_SMIN] = 0
  d[i + R_SMIN + 1] = S32_MIN
  d[i + R_SMAX] = -1
  d[i + R_SMAX + 1] = S32_MAX
}

export function unboundU64(d: Regs, i: number): void {
  d[i + R_UMIN] = 0
  d[i + R_UMIN + 1] = 0
  d[i + R_UMAX] = -1
  d[i + R_UMAX + 1] = -1
}

export function unboundS32(d: Regs, i: number): void {
  d[i + R_S32_MIN] = S32_MIN
  d[i + R_S32_MAX] = S32_MAX
}

export function unboundU32(d: Regs, i: number): void {
  d[i + R_U32_MIN] = 0
  d[i + R_U32_MAX] = -1
}

// ---- add, sub ------------------------------------------------------------------------------------------------------------

// d[p] += s[q] as 64-bit; the sum's carry, or its signed overflow.
function add64(d: Regs, p: number, s: Regs, q: number, signed: boolean): boolean {
  const aLo = d[p]!
  const aHi = d[p + 1]!
  const bHi = s[q + 1]!
  const lo = (aLo + s[q]!) | 0
  const hi = (aHi + bHi + (lo >>> 0 < aLo >>> 0 ? 1 : 0)) | 0
  d[p] = lo
  d[p + 1] = hi
  return signed ? ((aHi ^ hi) & (bHi ^ hi)) < 0 : ult(lo, hi, aLo, aHi)
}

function sub64(d: Regs, p: number, s: Regs, q: number, signed: boolean): boolean {
  const aLo = d[p]!
  const aHi = d[p + 1]!
  const bLo = s[q]!
  const bHi = s[q + 1]!
  const lo = (aLo - bLo) | 0
  const hi = (aHi - bHi - (aLo >>> 0 < bLo >>> 0 ? 1 : 0)) | 0
  d[p] = lo
  d[p + 1] = hi
  return signed ? ((aHi ^ bHi) & (aHi ^ hi)) < 0 : ult(aLo, aHi, bLo, bHi)
}

/** Ranges of d + s, 64 bit. If both ends wrap, or none does, the unsigned range keeps its order. */
export function addRange64(d: Regs, i: number, s: Regs, j: number): void {
  const low = add64(d, i + R_SMIN, s, j + R_SMIN, true)
  if (add64(d, i + R_SMAX, s, j + R_SMAX, true) || low) unboundS64(d, i)
  const minWraps = add64(d, i + R_UMIN, s, j + R_UMIN, false)
  if (add64(d, i + R_UMAX, s, j + R_UMAX, false) && !minWraps) unboundU64(d, i)
}

export function addRange32(d: Regs, i: number, s: Regs, j: number): void {
  const smin = d[i + R_S32_MIN]! + s[j + R_S32_MIN]!
  const smax = d[i + R_S32_MAX]! + s[j + R_S32_MAX]!
  d[i + R_S32_MIN] = smin
  d[i + R_S32_MAX] = smax
  if (smin < S32_MIN || smin > S32_MAX || smax < S32_MIN || smax > S32_MAX) unboundS32(d, i)
  const umin = (d[i + R_U32_MIN]! >>> 0) + (s[j + R_U32_MIN]! >>> 0)
  const umax = (d[i + R_U32_MAX]! >>> 0) + (s[j + R_U32_MAX]! >>> 0)
  d[i + R_U32_MIN] = umin
  d[i + R_U32_MAX] = umax
  if (umax > 0xffffffff && umin <= 0xffffffff) unboundU32(d, i)
}

/** Ranges of d - s, 64 bit. */
export function subRange64(d: Regs, i: number, s: Regs, j: number): void {
  const low = sub64(d, i + R_SMIN, s, j + R_SMAX, true)
  if (sub64(d, i + R_SMAX, s, j + R_SMIN, true) || low) unboundS64(d, i)
  const minWraps = sub64(d, i + R_UMIN, s, j + R_UMAX, false)
  const maxWraps = sub64(d, i + R_UMAX, s, j + R_UMIN, false)
  if (minWraps && !maxWraps) unboundU64(d, i)
}

export function subRange32(d: Regs, i: number, s: Regs, j: number): void {
  const smin = d[i + R_S32_MIN]! - s[j + R_S32_MAX]!
  const smax = d[i + R_S32_MAX]! - s[j + R_S32_MIN]!
  d[i + R_S32_MIN] = smin
  d[i + R_S32_MAX] = smax
  if (smin < S32_MIN || smin > S32_MAX || smax < S32_MIN || smax > S32_MAX) unboundS32(d, i)
  const umin = (d[i + R_U32_MIN]! >>> 0) - (s[j + R_U32_MAX]! >>> 0)
  const umax = (d[i + R_U32_MAX]! >>> 0) - (s[j + R_U32_MIN]! >>> 0)
  d[i + R_U32_MIN] = umin
  d[i + R_U32_MAX] = umax
  if (umin < 0 && umax >= 0) unboundU32(d, i)
}

/** Ranges of a moved pointer: r[d] = r[p] + s. Any wrap leaves nothing known. The scalar may be the destination. */
export function addPointerRange(r: Regs, d: number, p: number, s: Regs, j: number): void {
  for (let w = 0; w < REG_WORDS; w++) copy[w] = r[p + w]!
  const low = add64(copy, R_SMIN, s, j + R_SMIN, true)
  if (add64(copy, R_SMAX, s, j + R_SMAX, true) || low) unboundS64(copy, 0)
  const wraps = add64(copy, R_UMIN, s, j + R_UMIN, false)
  if (add64(copy, R_UMAX, s, j + R_UMAX, false) || wraps) unboundU64(copy, 0)
  for (let w = R_SMIN; w < R_UMAX + 2; w++) r[d + w] = copy[w]!
}

/** Ranges of r[d] -= s for a pointer. */
export function subPointerRange(r: Regs, d: number, s: Regs, j: number): void {
  const low = sub64(r, d + R_SMIN, s, j + R_SMAX, true)
  if (sub64(r, d + R_SMAX, s, j + R_SMIN, true) || low) unboundS64(r, d)
  const wraps = sub64(r, d + R_UMIN, s, j + R_UMAX, false)
  sub64(r, d + R_UMAX, s, j + R_UMIN, false)
  if (wraps) unboundU64(r, d)
}

// ---- mul -----------------------------------------------------------------------------------------------------------------

export function mulRange64(d: Regs, i: number, s: Regs, j: number): void {
  const high = mulOverflowsUnsigned(t, 0, d[i + R_UMAX]!, d[i + R_UMAX + 1]!, s[j + R_UMAX]!, s[j + R_UMAX + 1]!)
  const low = mulOverflowsUnsigned(t, 2, d[i + R_UMIN]!, d[i + R_UMIN + 1]!, s[j + R_UMIN]!, s[j + R_UMIN + 1]!)
  if (high || low) {
    unboundU64(d, i)
  } else {
    d[i + R_UMAX] = t[0]!
    d[i + R_UMAX + 1] = t[1]!
    d[i + R_UMIN] = t[2]!
    d[i + R_UMIN + 1] = t[3]!
  }
  // Signed: the extremes are among the products of the ends.
  for (let k = 0; k < 4; k++) {
    const a = i + (k < 2 ? R_SMIN : R_SMAX)
    const b = j + ((k & 1) === 0 ? R_SMIN : R_SMAX)
    if (mulOverflowsSigned(t, 2 * k, d[a]!, d[a + 1]!, s[b]!, s[b + 1]!)) {
      unboundS64(d, i)
      return
    }
  }
  let min = 0
  let max = 0
  for (let k = 2; k < 8; k += 2) {
    if (slt(t[k]!, t[k + 1]!, t[min]!, t[min + 1]!)) min = k
    if (slt(t[max]!, t[max + 1]!, t[k]!, t[k + 1]!)) max = k
  }
  d[i + R_SMIN] = t[min]!
  d[i + R_SMIN + 1] = t[min + 1]!
  d[i + R_SMAX] = t[max]!
  d[i + R_SMAX + 1] = t[max + 1]!
}

export function mulRange32(d: Regs, i: number, s: Regs, j: number): void {
  const umax = d[i + R_U32_MAX]!
  const umin = d[i + R_U32_MIN]!
  if (mulHigh(umax, s[j + R_U32_MAX]!) !== 0 || mulHigh(umin, s[j + R_U32_MIN]!) !== 0) {
    unboundU32(d, i)
  } else {
    d[i + R_U32_MAX] = Math.imul(umax, s[j + R_U32_MAX]!)
    d[i + R_U32_MIN] = Math.imul(umin, s[j + R_U32_MIN]!)
  }
  // Doubles are exact up to 2^53; a product beyond that is far beyond 32 bits, rounded or not.
  const a = d[i + R_S32_MIN]! * s[j + R_S32_MIN]!
  const b = d[i + R_S32_MIN]! * s[j + R_S32_MAX]!
  const c = d[i + R_S32_MAX]! * s[j + R_S32_MIN]!
  const e = d[i + R_S32_MAX]! * s[j + R_S32_MAX]!
  const min = Math.min(a, b, c, e)
  const max = Math.max(a, b, c, e)
  if (min < S32_MIN || max > S32_MAX) {
    unboundS32(d, i)
  } else {
    d[i + R_S32_MIN] = min
    d[i + R_S32_MAX] = max
  }
}

// ---- and, or, xor: the tnum of the result stands already -------------------------------------------------------------------

// A signed range is as good as the unsigned one where that doesn't cross the sign.
function signedLikeUnsigned64(d: Regs, i: number): void {
  if (!slt(d[i + R_UMAX]!, d[i + R_UMAX + 1]!, d[i + R_UMIN]!, d[i + R_UMIN + 1]!)) {
    d[i + R_SMIN] = d[i + R_UMIN]!
    d[i + R_SMIN + 1] = d[i + R_UMIN + 1]!
    d[i + R_SMAX] = d[i + R_UMAX]!
    d[i + R_SMAX + 1] = d[i + R_UMAX + 1]!
  } else {
    unboundS64(d, i)
  }
}

function signedLikeUnsigned32(d: Regs, i: number): void {
  if (d[i + R_U32_MIN]! <= d[i + R_U32_MAX]!) {
    d[i + R_S32_MIN] = d[i + R_U32_MIN]!
    d[i + R_S32_MAX] = d[i + R_U32_MAX]!
  } else {
    unboundS32(d, i)
  }
}

export function bitRange64(op: number, d: Regs, i: number, s: Regs, j: number): void {
  const vl = d[i + R_VALUE]!
  const vh = d[i + R_VALUE + 1]!
  const ml = d[i + R_MASK]!
  const mh = d[i + R_MASK + 1]!
  if ((ml | mh | s[j + R_MASK]! | s[j + R_MASK + 1]!) === 0) {
    known(d, i, vl, vh)
    return
  }
  // AND can't exceed either operand, OR can't be less than either; the rest is in the bits.
  if (op !== BPF_OR || ult(d[i + R_UMIN]!, d[i + R_UMIN + 1]!, s[j + R_UMIN]!, s[j + R_UMIN + 1]!)) {
    d[i + R_UMIN] = op === BPF_OR ? s[j + R_UMIN]! : vl
    d[i + R_UMIN + 1] = op === BPF_OR ? s[j + R_UMIN + 1]! : vh
  }
  if (op !== BPF_AND || ult(s[j + R_UMAX]!, s[j + R_UMAX + 1]!, d[i + R_UMAX]!, d[i + R_UMAX + 1]!)) {
    d[i + R_UMAX] = op === BPF_AND ? s[j + R_UMAX]! : vl | ml
    d[i + R_UMAX + 1] = op === BPF_AND ? s[j + R_UMAX + 1]! : vh | mh
  }
  signedLikeUnsigned64(d, i)
  updateBounds(d, i)
}

export function bitRange32(op: number, d: Regs, i: number, s: Regs, j: number): void {
  const value = d[i + R_VALUE]!
  const mask = d[i + R_MASK]!
  if ((mask | s[j + R_MASK]!) === 0) {
    d[i + R_S32_MIN] = value
    d[i + R_S32_MAX] = value
    d[i + R_U32_MIN] = value
    d[i + R_U32_MAX] = value
    return
  }
  if (op !== BPF_OR) d[i + R_U32_MIN] = value
  else if (d[i + R_U32_MIN]! >>> 0 < s[j + R_U32_MIN]! >>> 0) d[i + R_U32_MIN] = s[j + R_U32_MIN]!
  if (op !== BPF_AND) d[i + R_U32_MAX] = value | mask
  else if (d[i + R_U32_MAX]! >>> 0 > s[j + R_U32_MAX]! >>> 0) d[i + R_U32_MAX] = s[j + R_U32_MAX]!
  signedLikeUnsigned32(d, i)
}
