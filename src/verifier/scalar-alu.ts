// What an arithmetic instruction does to what is known of scalars: one transfer function an operation, on the 64-bit and the
// 32-bit ranges and the tnum apart, as the kernel has it (6.18). `d`/`i` is the destination register, `s`/`j` the source.

import {
  BPF_ADD,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_END,
  BPF_LSH,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_X,
  BPF_XOR,
} from '../bpf/opcode.ts'
import { slt, ult } from '../bytes/long.ts'
import { syncBounds, truncate, unbound32, unbound64, updateBounds, updateBounds32, zeroExtend32 } from './bounds.ts'
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
  setConst,
  setKnown,
  setUnbounded,
  setUnknown,
} from './reg.ts'
import {
  tnumAdd,
  tnumAnd,
  tnumArshift,
  tnumArshift32,
  tnumCast,
  tnumLshift,
  tnumMul,
  tnumNeg,
  tnumOr,
  tnumRange,
  tnumRshift,
  tnumSub,
  tnumXor,
} from './tnum.ts'
import { mulHigh, mulOverflowsSigned, mulOverflowsUnsigned } from './wide.ts'

type Regs = Int32Array

const S32_MIN = -0x80000000
const S32_MAX = 0x7fffffff

// Sums, products and copies in the making.
const t = new Int32Array(16)
const copy = new Int32Array(REG_WORDS)

// A constant, linked to nothing. Whether its chain is precise doesn't change.
function known(d: Regs, i: number, lo: number, hi: number): void {
  const precise = d[i + R_PRECISE]!
  setKnown(d, i, lo, hi)
  d[i + R_PRECISE] = precise
}

function unknown(d: Regs, i: number, precise: number): void {
  setUnknown(d, i)
  d[i + R_PRECISE] = precise
}

function unboundS64(d: Regs, i: number): void {
  d[i + R_SMIN] = 0
  d[i + R_SMIN + 1] = S32_MIN
  d[i + R_SMAX] = -1
  d[i + R_SMAX + 1] = S32_MAX
}

function unboundU64(d: Regs, i: number): void {
  d[i + R_UMIN] = 0
  d[i + R_UMIN + 1] = 0
  d[i + R_UMAX] = -1
  d[i + R_UMAX + 1] = -1
}

function unboundS32(d: Regs, i: number): void {
  d[i + R_S32_MIN] = S32_MIN
  d[i + R_S32_MAX] = S32_MAX
}

function unboundU32(d: Regs, i: number): void {
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

function mulRange64(d: Regs, i: number, s: Regs, j: number): void {
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

function mulRange32(d: Regs, i: number, s: Regs, j: number): void {
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

function bitRange64(op: number, d: Regs, i: number, s: Regs, j: number): void {
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

function bitRange32(op: number, d: Regs, i: number, s: Regs, j: number): void {
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

// ---- shifts by a constant ------------------------------------------------------------------------------------------------

// 64-bit words at p shifted in place.
function shl64(d: Regs, p: number, n: number): void {
  const lo = d[p]!
  if (n >= 32) {
    d[p + 1] = lo << (n - 32)
    d[p] = 0
  } else if (n > 0) {
    d[p + 1] = (d[p + 1]! << n) | (lo >>> (32 - n))
    d[p] = lo << n
  }
}

function shr64(d: Regs, p: number, n: number, arithmetic: boolean): void {
  const hi = d[p + 1]!
  if (n >= 32) {
    d[p] = arithmetic ? hi >> (n - 32) : hi >>> (n - 32)
    d[p + 1] = arithmetic ? hi >> 31 : 0
  } else if (n > 0) {
    d[p] = (d[p]! >>> n) | (hi << (32 - n))
    d[p + 1] = arithmetic ? hi >> n : hi >>> n
  }
}

function lshRange32(d: Regs, i: number, n: number): void {
  unboundS32(d, i)
  // 2^(31-n) is the largest maximum whose top bit stays inside.
  if (n > 31 || d[i + R_U32_MAX]! >>> 0 > 2 ** (31 - n)) {
    unboundU32(d, i)
  } else {
    d[i + R_U32_MIN] = d[i + R_U32_MIN]! << n
    d[i + R_U32_MAX] = d[i + R_U32_MAX]! << n
  }
}

function lsh(d: Regs, i: number, n: number): void {
  if (n === 32) {
    // Half of the idiom of sign extension (<<32, then s>>32): the 32-bit signed range moves up as it is.
    d[i + R_SMIN + 1] = d[i + R_S32_MIN]!
    d[i + R_SMIN] = 0
    d[i + R_SMAX + 1] = d[i + R_S32_MAX]!
    d[i + R_SMAX] = 0
  } else {
    unboundS64(d, i)
  }
  const top = 63 - n
  if (ult(top < 32 ? 1 << top : 0, top < 32 ? 0 : 1 << (top - 32), d[i + R_UMAX]!, d[i + R_UMAX + 1]!)) {
    unboundU64(d, i)
  } else {
    shl64(d, i + R_UMIN, n)
    shl64(d, i + R_UMAX, n)
  }
  lshRange32(d, i, n)
  tnumLshift(d, i + R_VALUE, d, i + R_VALUE, n)
  updateBounds(d, i)
}

function lsh32(d: Regs, i: number, n: number): void {
  lshRange32(d, i, n)
  tnumLshift(d, i + R_VALUE, d, i + R_VALUE, n)
  tnumCast(d, i + R_VALUE, d, i + R_VALUE, 4)
  unbound64(d, i)
  updateBounds32(d, i)
}

// A logical shift to the right forgets the sign: what is left of it is in the tnum.
function rsh(d: Regs, i: number, n: number): void {
  unboundS64(d, i)
  tnumRshift(d, i + R_VALUE, d, i + R_VALUE, n)
  shr64(d, i + R_UMIN, n, false)
  shr64(d, i + R_UMAX, n, false)
  unbound32(d, i)
  updateBounds(d, i)
}

function rsh32(d: Regs, i: number, n: number): void {
  unboundS32(d, i)
  tnumCast(d, i + R_VALUE, d, i + R_VALUE, 4)
  tnumRshift(d, i + R_VALUE, d, i + R_VALUE, n)
  d[i + R_U32_MIN] = d[i + R_U32_MIN]! >>> n
  d[i + R_U32_MAX] = d[i + R_U32_MAX]! >>> n
  unbound64(d, i)
  updateBounds32(d, i)
}

function arsh(d: Regs, i: number, n: number): void {
  shr64(d, i + R_SMIN, n, true)
  shr64(d, i + R_SMAX, n, true)
  tnumArshift(d, i + R_VALUE, d, i + R_VALUE, n)
  unboundU64(d, i)
  unbound32(d, i)
  updateBounds(d, i)
}

function arsh32(d: Regs, i: number, n: number): void {
  d[i + R_S32_MIN] = d[i + R_S32_MIN]! >> n
  d[i + R_S32_MAX] = d[i + R_S32_MAX]! >> n
  tnumArshift32(d, i + R_VALUE, d, i + R_VALUE, n)
  unboundU32(d, i)
  unbound64(d, i)
  updateBounds32(d, i)
}

// ---- byte order ----------------------------------------------------------------------------------------------------------

function swap32(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)
}

function swapTnum(d: Regs, p: number, bits: number): void {
  if (bits === 16) {
    d[p] = swap32(d[p]!) >>> 16
    d[p + 1] = 0
  } else if (bits === 32) {
    d[p] = swap32(d[p]!)
    d[p + 1] = 0
  } else {
    const lo = d[p]!
    d[p] = swap32(d[p + 1]!)
    d[p + 1] = swap32(lo)
  }
}

// The machine is little-endian, as the kernel's witness was: to_le only truncates. A swap is followed in the bits, the ranges start anew.
function byteSwap(d: Regs, i: number, code: number, bits: number): void {
  const swaps = (code & 7) === BPF_ALU64 || (code & BPF_X) !== 0
  if (swaps) {
    swapTnum(d, i + R_VALUE, bits)
    swapTnum(d, i + R_MASK, bits)
    setUnbounded(d, i)
  }
  if (bits < 64) truncate(d, i, bits / 8)
}

// ---- the instruction -----------------------------------------------------------------------------------------------------

// The source is one value in the width of the instruction, by its bounds and by its bits.
function sourceIsConst(s: Regs, j: number, alu64: boolean): boolean {
  if (!alu64) {
    return s[j + R_MASK] === 0 && s[j + R_S32_MIN] === s[j + R_S32_MAX] && s[j + R_U32_MIN] === s[j + R_U32_MAX]
  }
  if ((s[j + R_MASK]! | s[j + R_MASK + 1]!) !== 0) return false
  return (
    s[j + R_SMIN] === s[j + R_SMAX] &&
    s[j + R_SMIN + 1] === s[j + R_SMAX + 1] &&
    s[j + R_UMIN] === s[j + R_UMAX] &&
    s[j + R_UMIN + 1] === s[j + R_UMAX + 1]
  )
}

/**
 * `adjust_scalar_min_max_vals`: d = d op s, for ADD SUB MUL DIV MOD AND OR XOR shifts NEG and END. `code` is the opcode byte, `imm` the
 * immediate (the width of END). The source slice is not changed and may be the destination; `precise` marks an unknown result.
 */
export function scalarAlu(code: number, imm: number, d: Regs, i: number, s: Regs, j: number, precise: number): void {
  const op = code & 0xf0
  const alu64 = (code & 7) === BPF_ALU64
  let src = s
  let k = j
  if (s === d && i === j) {
    copy.set(d.subarray(i, i + REG_WORDS))
    src = copy
    k = 0
  }
  const p = i + R_VALUE
  const q = k + R_VALUE
  switch (op) {
    case BPF_ADD:
      addRange32(d, i, src, k)
      addRange64(d, i, src, k)
      tnumAdd(d, p, d, p, src, q)
      break
    case BPF_SUB:
      subRange32(d, i, src, k)
      subRange64(d, i, src, k)
      tnumSub(d, p, d, p, src, q)
      break
    case BPF_NEG:
      copy.set(d.subarray(i, i + REG_WORDS))
      known(d, i, 0, 0)
      subRange32(d, i, copy, 0)
      subRange64(d, i, copy, 0)
      tnumNeg(d, p, copy, R_VALUE)
      break
    case BPF_MUL:
      tnumMul(d, p, d, p, src, q)
      mulRange32(d, i, src, k)
      mulRange64(d, i, src, k)
      break
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
      if (op === BPF_AND) tnumAnd(d, p, d, p, src, q)
      else if (op === BPF_OR) tnumOr(d, p, d, p, src, q)
      else tnumXor(d, p, d, p, src, q)
      bitRange32(op, d, i, src, k)
      bitRange64(op, d, i, src, k)
      break
    case BPF_LSH:
    case BPF_RSH:
    case BPF_ARSH: {
      const n = src[k + R_UMAX]!
      // An amount that is not one constant below the width leaves nothing known.
      if (!sourceIsConst(src, k, alu64) || src[k + R_UMAX + 1] !== 0 || n >>> 0 >= (alu64 ? 64 : 32)) {
        unknown(d, i, precise)
        return
      }
      if (op === BPF_LSH) alu64 ? lsh(d, i, n) : lsh32(d, i, n)
      else if (op === BPF_RSH) alu64 ? rsh(d, i, n) : rsh32(d, i, n)
      else alu64 ? arsh(d, i, n) : arsh32(d, i, n)
      break
    }
    case BPF_END:
      byteSwap(d, i, code, imm)
      break
    default:
      unknown(d, i, precise)
      return
  }
  if (!alu64 && op !== BPF_END) zeroExtend32(d, i)
  syncBounds(d, i)
}

// ---- sign extension ------------------------------------------------------------------------------------------------------

function signExtend(word: number, size: number): number {
  const shift = 32 - size * 8
  return (word << shift) >> shift
}

/** `coerce_reg_to_size_sx`: the low `size` (1, 2, 4) bytes sign-extended to 64 bit. */
export function signExtend64(d: Regs, i: number, size: number): void {
  if ((d[i + R_MASK]! | d[i + R_MASK + 1]!) === 0) {
    const value = signExtend(d[i + R_VALUE]!, size)
    setConst(d, i, value, value >> 31)
    return
  }
  const keep = size === 4 ? 0 : -1 << (size * 8)
  if (d[i + R_SMIN + 1] === d[i + R_SMAX + 1] && (d[i + R_SMIN]! & keep) === (d[i + R_SMAX]! & keep)) {
    const a = signExtend(d[i + R_SMAX]!, size)
    const b = signExtend(d[i + R_SMIN]!, size)
    const min = Math.min(a, b)
    const max = Math.max(a, b)
    if (max >= 0 === min >= 0) {
      setSigned64(d, i, min, max)
      d[i + R_U32_MIN] = min
      d[i + R_U32_MAX] = max
      d[i + R_UMIN] = min
      d[i + R_UMIN + 1] = min >> 31
      d[i + R_UMAX] = max
      d[i + R_UMAX + 1] = max >> 31
      tnumRange(d, i + R_VALUE, min, min >> 31, max, max >> 31)
      return
    }
  }
  const max = 2 ** (size * 8 - 1) - 1
  setSigned64(d, i, -max - 1, max)
  unboundU64(d, i)
  unboundU32(d, i)
  d[i + R_VALUE] = 0
  d[i + R_VALUE + 1] = 0
  d[i + R_MASK] = -1
  d[i + R_MASK + 1] = -1
}

function setSigned64(d: Regs, i: number, min: number, max: number): void {
  d[i + R_S32_MIN] = min
  d[i + R_S32_MAX] = max
  d[i + R_SMIN] = min
  d[i + R_SMIN + 1] = min >> 31
  d[i + R_SMAX] = max
  d[i + R_SMAX + 1] = max >> 31
}

/** `coerce_subreg_to_size_sx`: the low `size` (1, 2) bytes sign-extended to 32 bit; the 64-bit ranges stay to be set by zero extension. */
export function signExtend32(d: Regs, i: number, size: number): void {
  if ((d[i + R_MASK]! | d[i + R_MASK + 1]!) === 0) {
    const value = signExtend(d[i + R_VALUE]!, size)
    d[i + R_VALUE] = value
    d[i + R_VALUE + 1] = value >> 31
    setRange32(d, i, value, value)
    return
  }
  const keep = -1 << (size * 8)
  if ((d[i + R_S32_MIN]! & keep) === (d[i + R_S32_MAX]! & keep)) {
    const a = signExtend(d[i + R_S32_MAX]!, size)
    const b = signExtend(d[i + R_S32_MIN]!, size)
    const min = Math.min(a, b)
    const max = Math.max(a, b)
    if (max >= 0 === min >= 0) {
      setRange32(d, i, min, max)
      tnumRange(d, i + R_VALUE, min, min >> 31, max, max >> 31)
      tnumCast(d, i + R_VALUE, d, i + R_VALUE, 4)
      return
    }
  }
  const max = 2 ** (size * 8 - 1) - 1
  d[i + R_S32_MIN] = -max - 1
  d[i + R_S32_MAX] = max
  unboundU32(d, i)
  d[i + R_VALUE] = 0
  d[i + R_VALUE + 1] = 0
  d[i + R_MASK] = -1
  d[i + R_MASK + 1] = 0
}

function setRange32(d: Regs, i: number, min: number, max: number): void {
  d[i + R_S32_MIN] = min
  d[i + R_S32_MAX] = max
  d[i + R_U32_MIN] = min
  d[i + R_U32_MAX] = max
}
