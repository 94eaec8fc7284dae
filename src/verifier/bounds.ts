// What is known of a scalar's size: the smallest and largest value as u64, s64, u32 and s32 beside the tnum. The five views are
// kept in step by deducing each from the others. Deduction only ever narrows; an empty range (min over max) means that the
// path is dead, and is left as it is for whoever asks (`boundsViolation`).

import { slt, ult } from '../bytes/long.ts'
import {
  R_MASK,
  R_S32_MAX,
  R_S32_MIN,
  R_SMAX,
  R_SMIN,
  R_TYPE,
  R_U32_MAX,
  R_U32_MIN,
  R_UMAX,
  R_UMIN,
  R_VALUE,
  SCALAR_VALUE,
  setConst,
} from './reg.ts'
import { tnumCast, tnumIntersect, tnumRange, tnumStep } from './tnum.ts'

const S32_MIN = -0x80000000
const S32_MAX = 0x7fffffff

/** The 32-bit ranges only; setUnbounded does all. */
export function unbound32(r: Int32Array, i: number): void {
  r[i + R_S32_MIN] = S32_MIN
  r[i + R_S32_MAX] = S32_MAX
  r[i + R_U32_MIN] = 0
  r[i + R_U32_MAX] = -1
}

export function unbound64(r: Int32Array, i: number): void {
  r[i + R_SMIN] = 0
  r[i + R_SMIN + 1] = S32_MIN
  r[i + R_SMAX] = -1
  r[i + R_SMAX + 1] = S32_MAX
  r[i + R_UMIN] = 0
  r[i + R_UMIN + 1] = 0
  r[i + R_UMAX] = -1
  r[i + R_UMAX + 1] = -1
}

// ---- narrowing one bound -------------------------------------------------------------------------------------------------

function atLeastU(r: Int32Array, p: number, lo: number, hi: number): void {
  if (ult(r[p]!, r[p + 1]!, lo, hi)) {
    r[p] = lo
    r[p + 1] = hi
  }
}

function atMostU(r: Int32Array, p: number, lo: number, hi: number): void {
  if (ult(lo, hi, r[p]!, r[p + 1]!)) {
    r[p] = lo
    r[p + 1] = hi
  }
}

function atLeastS(r: Int32Array, p: number, lo: number, hi: number): void {
  if (slt(r[p]!, r[p + 1]!, lo, hi)) {
    r[p] = lo
    r[p + 1] = hi
  }
}

function atMostS(r: Int32Array, p: number, lo: number, hi: number): void {
  if (slt(lo, hi, r[p]!, r[p + 1]!)) {
    r[p] = lo
    r[p + 1] = hi
  }
}

function s32Between(r: Int32Array, i: number, min: number, max: number): void {
  if (r[i + R_S32_MIN]! < min) r[i + R_S32_MIN] = min
  if (r[i + R_S32_MAX]! > max) r[i + R_S32_MAX] = max
}

function u32Between(r: Int32Array, i: number, min: number, max: number): void {
  if (r[i + R_U32_MIN]! >>> 0 < min >>> 0) r[i + R_U32_MIN] = min
  if (r[i + R_U32_MAX]! >>> 0 > max >>> 0) r[i + R_U32_MAX] = max
}

// ---- the tnum bounds the ranges ------------------------------------------------------------------------------------------

export function updateBounds32(r: Int32Array, i: number): void {
  const value = r[i + R_VALUE]!
  const mask = r[i + R_MASK]!
  s32Between(r, i, value | (mask & S32_MIN), value | (mask & S32_MAX))
  u32Between(r, i, value, value | mask)
}

function updateBounds64(r: Int32Array, i: number): void {
  const vl = r[i + R_VALUE]!
  const vh = r[i + R_VALUE + 1]!
  const ml = r[i + R_MASK]!
  const mh = r[i + R_MASK + 1]!
  atLeastS(r, i + R_SMIN, vl, vh | (mh & S32_MIN))
  atMostS(r, i + R_SMAX, vl | ml, vh | (mh & S32_MAX))
  atLeastU(r, i + R_UMIN, vl, vh)
  atMostU(r, i + R_UMAX, vl | ml, vh | mh)
  meetOnce(r, i)
}

const step = new Int32Array(4)

// The unsigned range may contain a single member of the tnum: then that is the value.
function meetOnce(r: Int32Array, i: number): void {
  const uminLo = r[i + R_UMIN]!
  const uminHi = r[i + R_UMIN + 1]!
  const umaxLo = r[i + R_UMAX]!
  const umaxHi = r[i + R_UMAX + 1]!
  const vl = r[i + R_VALUE]!
  const vh = r[i + R_VALUE + 1]!
  const ml = r[i + R_MASK]!
  const mh = r[i + R_MASK + 1]!
  if (uminLo === vl && uminHi === vh && umaxLo === (vl | ml) && umaxHi === (vh | mh)) return
  tnumStep(step, 0, r, i + R_VALUE, uminLo, uminHi)
  const nextLo = step[0]!
  const nextHi = step[1]!
  if ((uminLo & ~ml) === vl && (uminHi & ~mh) === vh) {
    if (ult(umaxLo, umaxHi, nextLo, nextHi)) setConst(r, i, uminLo, uminHi)
    return
  }
  if (nextLo === (vl | ml) && nextHi === (vh | mh)) {
    setConst(r, i, nextLo, nextHi)
    return
  }
  if (ult(umaxLo, umaxHi, nextLo, nextHi)) return
  tnumStep(step, 0, r, i + R_VALUE, nextLo, nextHi)
  if (ult(umaxLo, umaxHi, step[0]!, step[1]!)) setConst(r, i, nextLo, nextHi)
}

export function updateBounds(r: Int32Array, i: number): void {
  updateBounds32(r, i)
  updateBounds64(r, i)
}

// ---- the ranges bound one another ----------------------------------------------------------------------------------------

function deduce32(r: Int32Array, i: number): void {
  const uminLo = r[i + R_UMIN]!
  const uminHi = r[i + R_UMIN + 1]!
  const umaxLo = r[i + R_UMAX]!
  const umaxHi = r[i + R_UMAX + 1]!
  const sminLo = r[i + R_SMIN]!
  const sminHi = r[i + R_SMIN + 1]!
  const smaxLo = r[i + R_SMAX]!
  const smaxHi = r[i + R_SMAX + 1]!
  // Equal high halves: the low halves are a range of their own, signed too unless they straddle the sign.
  if (uminHi === umaxHi) {
    u32Between(r, i, uminLo, umaxLo)
    if (uminLo <= umaxLo) s32Between(r, i, uminLo, umaxLo)
  }
  if (sminHi === smaxHi) {
    if (sminLo >>> 0 <= smaxLo >>> 0) u32Between(r, i, sminLo, smaxLo)
    if (sminLo <= smaxLo) s32Between(r, i, sminLo, smaxLo)
  }
  // Neighbouring high halves: the low half goes from a negative number up through 0 to a positive one.
  if (((uminHi + 1) | 0) === umaxHi && uminLo < 0 && umaxLo >= 0) s32Between(r, i, uminLo, umaxLo)
  if (((sminHi + 1) | 0) === smaxHi && sminLo < 0 && smaxLo >= 0) s32Between(r, i, sminLo, smaxLo)
  const u32Min = r[i + R_U32_MIN]!
  const u32Max = r[i + R_U32_MAX]!
  if (u32Min <= u32Max) s32Between(r, i, u32Min, u32Max)
  const s32Min = r[i + R_S32_MIN]!
  const s32Max = r[i + R_S32_MAX]!
  if (s32Min >>> 0 <= s32Max >>> 0) {
    u32Between(r, i, s32Min, s32Max)
  } else if (u32Max >>> 0 < s32Min >>> 0) {
    // The signed range is two pieces of the unsigned line, 0..max and min..2^32-1: the unsigned range meets only the first.
    r[i + R_S32_MIN] = u32Min
    u32Between(r, i, 0, s32Max)
  } else if (s32Max >>> 0 < u32Min >>> 0) {
    r[i + R_S32_MAX] = u32Max
    u32Between(r, i, s32Min, -1)
  }
}

function deduce64(r: Int32Array, i: number): void {
  const uminLo = r[i + R_UMIN]!
  const uminHi = r[i + R_UMIN + 1]!
  const umaxLo = r[i + R_UMAX]!
  const umaxHi = r[i + R_UMAX + 1]!
  if (!slt(umaxLo, umaxHi, uminLo, uminHi)) {
    atLeastS(r, i + R_SMIN, uminLo, uminHi)
    atMostS(r, i + R_SMAX, umaxLo, umaxHi)
  }
  const sminLo = r[i + R_SMIN]!
  const sminHi = r[i + R_SMIN + 1]!
  const smaxLo = r[i + R_SMAX]!
  const smaxHi = r[i + R_SMAX + 1]!
  if (!ult(smaxLo, smaxHi, sminLo, sminHi)) {
    atLeastU(r, i + R_UMIN, sminLo, sminHi)
    atMostU(r, i + R_UMAX, smaxLo, smaxHi)
  } else if (ult(umaxLo, umaxHi, sminLo, sminHi)) {
    // As above: two pieces of the unsigned line.
    r[i + R_SMIN] = uminLo
    r[i + R_SMIN + 1] = uminHi
    atMostU(r, i + R_UMAX, smaxLo, smaxHi)
  } else if (ult(smaxLo, smaxHi, uminLo, uminHi)) {
    r[i + R_SMAX] = umaxLo
    r[i + R_SMAX + 1] = umaxHi
    atLeastU(r, i + R_UMIN, sminLo, sminHi)
  }
}

// Where the intersections with a range are built.
const range = new Int32Array(8)

function deduceMixed(r: Int32Array, i: number): void {
  const u32Min = r[i + R_U32_MIN]!
  const u32Max = r[i + R_U32_MAX]!
  atLeastU(r, i + R_UMIN, u32Min, r[i + R_UMIN + 1]!)
  atMostU(r, i + R_UMAX, u32Max, r[i + R_UMAX + 1]!)
  atLeastS(r, i + R_SMIN, u32Min, r[i + R_SMIN + 1]!)
  atMostS(r, i + R_SMAX, u32Max, r[i + R_SMAX + 1]!)
  // A sign-extended 32-bit value (s64 within the s32 range) whose low half is not negative has a high half of zeros.
  const s32Min = r[i + R_S32_MIN]!
  if (s32Min < 0) return
  if (slt(r[i + R_SMIN]!, r[i + R_SMIN + 1]!, S32_MIN, -1) || slt(S32_MAX, 0, r[i + R_SMAX]!, r[i + R_SMAX + 1]!)) return
  const s32Max = r[i + R_S32_MAX]!
  const high = s32Max >> 31
  r[i + R_SMIN] = s32Min
  r[i + R_SMIN + 1] = 0
  r[i + R_SMAX] = s32Max
  r[i + R_SMAX + 1] = high
  r[i + R_UMIN] = s32Min
  r[i + R_UMIN + 1] = 0
  r[i + R_UMAX] = s32Max
  r[i + R_UMAX + 1] = high
  tnumRange(range, 0, s32Min, 0, s32Max, high)
  tnumIntersect(r, i + R_VALUE, r, i + R_VALUE, range, 0)
}

// The ranges bound the tnum.
function boundOffset(r: Int32Array, i: number): void {
  tnumRange(range, 0, r[i + R_UMIN]!, r[i + R_UMIN + 1]!, r[i + R_UMAX]!, r[i + R_UMAX + 1]!)
  tnumIntersect(r, i + R_VALUE, r, i + R_VALUE, range, 0)
  tnumRange(range, 0, r[i + R_U32_MIN]!, 0, r[i + R_U32_MAX]!, 0)
  const mask = r[i + R_MASK]! & range[2]!
  r[i + R_VALUE] = (r[i + R_VALUE]! | range[0]!) & ~mask
  r[i + R_MASK] = mask
}

/** `reg_bounds_sync`: bring the five views in step. Three rounds of deduction, as the kernel since 6.17. */
export function syncBounds(r: Int32Array, i: number): void {
  updateBounds(r, i)
  for (let round = 0; round < 3; round++) {
    deduce32(r, i)
    deduce64(r, i)
    deduceMixed(r, i)
  }
  boundOffset(r, i)
  updateBounds(r, i)
}

// ---- changing the width --------------------------------------------------------------------------------------------------

/** The low half, zero-extended, where the high half held something else: bounds from the 32-bit ones. */
export function zeroExtend32(r: Int32Array, i: number): void {
  tnumCast(r, i + R_VALUE, r, i + R_VALUE, 4)
  r[i + R_UMIN] = r[i + R_U32_MIN]!
  r[i + R_UMIN + 1] = 0
  r[i + R_UMAX] = r[i + R_U32_MAX]!
  r[i + R_UMAX + 1] = 0
  const positive = r[i + R_S32_MIN]! >= 0 && r[i + R_S32_MAX]! >= 0
  r[i + R_SMIN] = positive ? r[i + R_S32_MIN]! : 0
  r[i + R_SMIN + 1] = 0
  r[i + R_SMAX] = positive ? r[i + R_S32_MAX]! : -1
  r[i + R_SMAX + 1] = 0
}

/** `coerce_reg_to_size`: keep the low `size` bytes (1, 2, 4 or 8), zero-extended. */
export function truncate(r: Int32Array, i: number, size: number): void {
  tnumCast(r, i + R_VALUE, r, i + R_VALUE, size)
  if (size < 8) {
    const mask = size === 4 ? -1 : (1 << (size * 8)) - 1
    const minLo = r[i + R_UMIN]!
    const maxLo = r[i + R_UMAX]!
    if (r[i + R_UMIN + 1] === r[i + R_UMAX + 1] && (minLo & ~mask) === (maxLo & ~mask)) {
      r[i + R_UMIN] = minLo & mask
      r[i + R_UMAX] = maxLo & mask
    } else {
      r[i + R_UMIN] = 0
      r[i + R_UMAX] = mask
    }
    r[i + R_UMIN + 1] = 0
    r[i + R_UMAX + 1] = 0
  }
  r[i + R_SMIN] = r[i + R_UMIN]!
  r[i + R_SMIN + 1] = r[i + R_UMIN + 1]!
  r[i + R_SMAX] = r[i + R_UMAX]!
  r[i + R_SMAX + 1] = r[i + R_UMAX + 1]!
  if (size < 4) unbound32(r, i)
  syncBounds(r, i)
}

// ---- asking --------------------------------------------------------------------------------------------------------------

/** The empty range or the constant that is out of step with its ranges, in the kernel's words; undefined when all is well. */
export function boundsViolation(r: Int32Array, i: number): string | undefined {
  const uminLo = r[i + R_UMIN]!
  const uminHi = r[i + R_UMIN + 1]!
  const umaxLo = r[i + R_UMAX]!
  const umaxHi = r[i + R_UMAX + 1]!
  const sminLo = r[i + R_SMIN]!
  const sminHi = r[i + R_SMIN + 1]!
  const smaxLo = r[i + R_SMAX]!
  const smaxHi = r[i + R_SMAX + 1]!
  const s32Min = r[i + R_S32_MIN]!
  const s32Max = r[i + R_S32_MAX]!
  const u32Min = r[i + R_U32_MIN]!
  const u32Max = r[i + R_U32_MAX]!
  if (ult(umaxLo, umaxHi, uminLo, uminHi) || slt(smaxLo, smaxHi, sminLo, sminHi)) return 'range bounds violation'
  if (u32Min >>> 0 > u32Max >>> 0 || s32Min > s32Max) return 'range bounds violation'
  if (r[i + R_MASK] !== 0) return undefined
  const lo = r[i + R_VALUE]!
  const hi = r[i + R_VALUE + 1]!
  if (r[i + R_MASK + 1] === 0) {
    const same =
      uminLo === lo &&
      umaxLo === lo &&
      sminLo === lo &&
      smaxLo === lo &&
      uminHi === hi &&
      umaxHi === hi &&
      sminHi === hi &&
      smaxHi === hi
    if (!same) return 'const tnum out of sync with range bounds'
  }
  if (u32Min !== lo || u32Max !== lo || s32Min !== lo || s32Max !== lo) return 'const subreg tnum out of sync with range bounds'
  return undefined
}

/** Whether the value (its low half, when `half`) is one constant. */
export function isConstScalar(r: Int32Array, i: number, half: boolean): boolean {
  return r[i + R_TYPE] === SCALAR_VALUE && r[i + R_MASK] === 0 && (half || r[i + R_MASK + 1] === 0)
}
