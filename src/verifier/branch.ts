// Conditional jumps on scalars: which way they surely go, and what either way teaches. Pure functions on two register slices; pointers
// have their own rules, of which the packet end's is here. `jump` is the operation (BPF_JEQ ...), `half` says that only the low halves
// are compared (the JMP32 class).

import {
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
} from '../bpf/opcode.ts'
import { slt, ult } from '../bytes/long.ts'
import { isConstScalar, syncBounds, zeroExtend32 } from './bounds.ts'
import {
  AT_PKT_END,
  BEYOND_PKT_END,
  BPF_ADD_CONST,
  BPF_ADD_CONST32,
  PTR_TO_PACKET_END,
  R_ID,
  R_MASK,
  R_OFF,
  R_RANGE,
  R_S32_MAX,
  R_S32_MIN,
  R_SMAX,
  R_SMIN,
  R_SUBREG_DEF,
  R_TYPE,
  R_U32_MAX,
  R_U32_MIN,
  R_UMAX,
  R_UMIN,
  R_VALUE,
  REG_WORDS,
  SCALAR_VALUE,
  setConst,
  setUnbounded,
  TYPE_BASE_MASK,
} from './reg.ts'
import { addRange32, addRange64 } from './scalar-range.ts'
import { TNUM_WORDS, tnumAdd, tnumIntersect, tnumOverlap } from './tnum.ts'

type Regs = Int32Array

/** Answers of a prediction. */
export const NEVER = 0
export const ALWAYS = 1
export const UNDECIDED = -1

/** The operation that says the same of exchanged operands: a > b is b < a. */
export function flipJump(jump: number): number {
  switch (jump) {
    case BPF_JGT:
      return BPF_JLT
    case BPF_JLT:
      return BPF_JGT
    case BPF_JGE:
      return BPF_JLE
    case BPF_JLE:
      return BPF_JGE
    case BPF_JSGT:
      return BPF_JSLT
    case BPF_JSLT:
      return BPF_JSGT
    case BPF_JSGE:
      return BPF_JSLE
    case BPF_JSLE:
      return BPF_JSGE
    default:
      return jump
  }
}

/** The opposite of BPF_JSET, which no instruction has. */
const NOT_JSET = -1

/** The operation that holds where `jump` doesn't. */
function reverseJump(jump: number): number {
  switch (jump) {
    case BPF_JEQ:
      return BPF_JNE
    case BPF_JNE:
      return BPF_JEQ
    case BPF_JGT:
      return BPF_JLE
    case BPF_JLE:
      return BPF_JGT
    case BPF_JGE:
      return BPF_JLT
    case BPF_JLT:
      return BPF_JGE
    case BPF_JSGT:
      return BPF_JSLE
    case BPF_JSLE:
      return BPF_JSGT
    case BPF_JSGE:
      return BPF_JSLT
    case BPF_JSLT:
      return BPF_JSGE
    default:
      return NOT_JSET
  }
}

// ---- prediction ------------------------------------------------------------------------------------------------------------

// a[p] < b[q] for 64-bit words.
function less64(a: Regs, p: number, b: Regs, q: number, signed: boolean): boolean {
  return signed ? slt(a[p]!, a[p + 1]!, b[q]!, b[q + 1]!) : ult(a[p]!, a[p + 1]!, b[q]!, b[q + 1]!)
}

function less(a: Regs, i: number, aMax: boolean, b: Regs, j: number, bMax: boolean, signed: boolean, half: boolean): boolean {
  if (!half) return less64(a, i + wide(aMax, signed), b, j + wide(bMax, signed), signed)
  const x = a[i + narrow(aMax, signed)]!
  const y = b[j + narrow(bMax, signed)]!
  return signed ? x < y : x >>> 0 < y >>> 0
}

function wide(max: boolean, signed: boolean): number {
  return signed ? (max ? R_SMAX : R_SMIN) : max ? R_UMAX : R_UMIN
}

function narrow(max: boolean, signed: boolean): number {
  return signed ? (max ? R_S32_MAX : R_S32_MIN) : max ? R_U32_MAX : R_U32_MIN
}

// The ranges have no value in common.
function apart(a: Regs, i: number, b: Regs, j: number, signed: boolean, half: boolean): boolean {
  return less(b, j, true, a, i, false, signed, half) || less(a, i, true, b, j, false, signed, half)
}

const low = new Int32Array(2 * TNUM_WORDS)

function tnumsOverlap(a: Regs, i: number, b: Regs, j: number, half: boolean): boolean {
  if (!half) return tnumOverlap(a, i + R_VALUE, b, j + R_VALUE)
  return ((a[i + R_VALUE]! ^ b[j + R_VALUE]!) & ~(a[i + R_MASK]! | b[j + R_MASK]!)) === 0
}

function tnumConst(a: Regs, i: number, half: boolean): boolean {
  return a[i + R_MASK] === 0 && (half || a[i + R_MASK + 1] === 0)
}

function equality(a: Regs, i: number, b: Regs, j: number, half: boolean): number {
  if (tnumConst(a, i, half) && tnumConst(b, j, half)) {
    return a[i + R_VALUE] === b[j + R_VALUE] && (half || a[i + R_VALUE + 1] === b[j + R_VALUE + 1]) ? ALWAYS : NEVER
  }
  if (!tnumsOverlap(a, i, b, j, half)) return NEVER
  if (apart(a, i, b, j, false, half) || apart(a, i, b, j, true, half)) return NEVER
  if (!half && (apart(a, i, b, j, false, true) || apart(a, i, b, j, true, true))) return NEVER
  return UNDECIDED
}

// a > b, or a >= b where `orEqual`.
function greater(a: Regs, i: number, b: Regs, j: number, orEqual: boolean, signed: boolean, half: boolean): number {
  if (orEqual) {
    if (!less(a, i, false, b, j, true, signed, half)) return ALWAYS
    if (less(a, i, true, b, j, false, signed, half)) return NEVER
  } else {
    if (less(b, j, true, a, i, false, signed, half)) return ALWAYS
    if (!less(b, j, false, a, i, true, signed, half)) return NEVER
  }
  return UNDECIDED
}

function bitsSet(a: Regs, i: number, b: Regs, j: number, half: boolean): number {
  let [x, k, y, l] = [a, i, b, j]
  if (!isConstScalar(y, l, half)) [x, k, y, l] = [b, j, a, i]
  if (!isConstScalar(y, l, half)) return UNDECIDED
  const lo = y[l + R_VALUE]!
  const hi = half ? 0 : y[l + R_VALUE + 1]!
  const vl = x[k + R_VALUE]!
  const vh = x[k + R_VALUE + 1]!
  if (((vl & lo) | (vh & hi)) !== 0) return ALWAYS
  if ((((vl | x[k + R_MASK]!) & lo) | ((vh | x[k + R_MASK + 1]!) & hi)) === 0) return NEVER
  return UNDECIDED
}

/** Whether a jump on two scalars is always or never taken. */
export function predictScalars(a: Regs, i: number, b: Regs, j: number, jump: number, half: boolean): number {
  switch (jump) {
    case BPF_JEQ:
      return equality(a, i, b, j, half)
    case BPF_JNE: {
      const equal = equality(a, i, b, j, half)
      return equal === UNDECIDED ? UNDECIDED : ALWAYS - equal
    }
    case BPF_JSET:
      return bitsSet(a, i, b, j, half)
    case BPF_JGT:
      return greater(a, i, b, j, false, false, half)
    case BPF_JSGT:
      return greater(a, i, b, j, false, true, half)
    case BPF_JGE:
      return greater(a, i, b, j, true, false, half)
    case BPF_JSGE:
      return greater(a, i, b, j, true, true, half)
    case BPF_JLT:
      return greater(b, j, a, i, false, false, half)
    case BPF_JSLT:
      return greater(b, j, a, i, false, true, half)
    case BPF_JLE:
      return greater(b, j, a, i, true, false, half)
    case BPF_JSLE:
      return greater(b, j, a, i, true, true, half)
    default:
      return UNDECIDED
  }
}

/** A packet pointer that a comparison has placed at or beyond the end, compared with the end again. */
export function predictPacketEnd(a: Regs, i: number, b: Regs, j: number, jump: number): number {
  let range: number
  let op: number
  if ((b[j + R_TYPE]! & TYPE_BASE_MASK) === PTR_TO_PACKET_END) {
    range = a[i + R_RANGE]!
    op = jump
  } else if ((a[i + R_TYPE]! & TYPE_BASE_MASK) === PTR_TO_PACKET_END) {
    range = b[j + R_RANGE]!
    op = flipJump(jump)
  } else {
    return UNDECIDED
  }
  if (range >= 0) return UNDECIDED
  if (op === BPF_JLE || op === BPF_JGT) {
    if (range === BEYOND_PKT_END) return op === BPF_JGT ? ALWAYS : NEVER
  } else if (op === BPF_JLT || op === BPF_JGE) {
    if (range === BEYOND_PKT_END || range === AT_PKT_END) return op === BPF_JGE ? ALWAYS : NEVER
  }
  return UNDECIDED
}

// ---- refinement ------------------------------------------------------------------------------------------------------------

function copy64(a: Regs, p: number, b: Regs, q: number): void {
  a[p] = b[q]!
  a[p + 1] = b[q + 1]!
}

// Both get the larger minimum and the smaller maximum.
function meet64(a: Regs, i: number, b: Regs, j: number, signed: boolean): void {
  const min = wide(false, signed)
  const max = wide(true, signed)
  if (less64(a, i + min, b, j + min, signed)) copy64(a, i + min, b, j + min)
  else copy64(b, j + min, a, i + min)
  if (less64(b, j + max, a, i + max, signed)) copy64(a, i + max, b, j + max)
  else copy64(b, j + max, a, i + max)
}

function meet32(a: Regs, i: number, b: Regs, j: number): void {
  const u32Min = a[i + R_U32_MIN]! >>> 0 > b[j + R_U32_MIN]! >>> 0 ? a[i + R_U32_MIN]! : b[j + R_U32_MIN]!
  const u32Max = a[i + R_U32_MAX]! >>> 0 < b[j + R_U32_MAX]! >>> 0 ? a[i + R_U32_MAX]! : b[j + R_U32_MAX]!
  const s32Min = Math.max(a[i + R_S32_MIN]!, b[j + R_S32_MIN]!)
  const s32Max = Math.min(a[i + R_S32_MAX]!, b[j + R_S32_MAX]!)
  a[i + R_U32_MIN] = u32Min
  b[j + R_U32_MIN] = u32Min
  a[i + R_U32_MAX] = u32Max
  b[j + R_U32_MAX] = u32Max
  a[i + R_S32_MIN] = s32Min
  b[j + R_S32_MIN] = s32Min
  a[i + R_S32_MAX] = s32Max
  b[j + R_S32_MAX] = s32Max
}

function equal(a: Regs, i: number, b: Regs, j: number, half: boolean): void {
  if (half) {
    meet32(a, i, b, j)
    const mask = a[i + R_MASK]! & b[j + R_MASK]!
    const value = (a[i + R_VALUE]! | b[j + R_VALUE]!) & ~mask
    a[i + R_VALUE] = value
    a[i + R_MASK] = mask
    b[j + R_VALUE] = value
    b[j + R_MASK] = mask
  } else {
    meet64(a, i, b, j, false)
    meet64(a, i, b, j, true)
    tnumIntersect(low, 0, a, i + R_VALUE, b, j + R_VALUE)
    for (let w = 0; w < TNUM_WORDS; w++) {
      a[i + R_VALUE + w] = low[w]!
      b[j + R_VALUE + w] = low[w]!
    }
  }
}

function step64(a: Regs, p: number, by: number): void {
  const lo = (a[p]! + by) | 0
  if (by > 0 ? lo === 0 : lo === -1) a[p + 1] = a[p + 1]! + by
  a[p] = lo
}

function trim64(a: Regs, p: number, lo: number, hi: number, by: number): void {
  if (a[p] === lo && a[p + 1] === hi) step64(a, p, by)
}

// Not the constant: an end of a range that is the constant moves by one.
function unequal(a: Regs, i: number, lo: number, hi: number, half: boolean): void {
  if (half) {
    if (a[i + R_U32_MIN] === lo) a[i + R_U32_MIN]!++
    if (a[i + R_U32_MAX] === lo) a[i + R_U32_MAX]!--
    if (a[i + R_S32_MIN] === lo) a[i + R_S32_MIN]!++
    if (a[i + R_S32_MAX] === lo) a[i + R_S32_MAX]!--
  } else {
    trim64(a, i + R_UMIN, lo, hi, 1)
    trim64(a, i + R_UMAX, lo, hi, -1)
    trim64(a, i + R_SMIN, lo, hi, 1)
    trim64(a, i + R_SMAX, lo, hi, -1)
  }
}

function singleBit(lo: number, hi: number): boolean {
  if (hi === 0) return lo !== 0 && (lo & (lo - 1)) === 0
  return lo === 0 && (hi & (hi - 1)) === 0
}

function bitsKnownSet(a: Regs, i: number, lo: number, hi: number, half: boolean): void {
  // Of several bits, which one is set remains open.
  if (!singleBit(lo, hi)) return
  a[i + R_VALUE] = a[i + R_VALUE]! | lo
  a[i + R_MASK] = a[i + R_MASK]! & ~lo
  if (half) return
  a[i + R_VALUE + 1] = a[i + R_VALUE + 1]! | hi
  a[i + R_MASK + 1] = a[i + R_MASK + 1]! & ~hi
}

function bitsKnownClear(a: Regs, i: number, lo: number, hi: number, half: boolean): void {
  // On a dead path the ranges may contradict the bits: they start anew from the bits.
  setUnbounded(a, i)
  a[i + R_VALUE] = a[i + R_VALUE]! & ~lo
  a[i + R_MASK] = a[i + R_MASK]! & ~lo
  if (half) return
  a[i + R_VALUE + 1] = a[i + R_VALUE + 1]! & ~hi
  a[i + R_MASK + 1] = a[i + R_MASK + 1]! & ~hi
}

// a <= b, or a < b where `strict`.
function below(a: Regs, i: number, b: Regs, j: number, strict: boolean, signed: boolean, half: boolean): void {
  const by = strict ? 1 : 0
  if (half) {
    const max = narrow(true, signed)
    const min = narrow(false, signed)
    const top = (b[j + max]! - by) | 0
    if (signed ? top < a[i + max]! : top >>> 0 < a[i + max]! >>> 0) a[i + max] = top
    const bottom = (a[i + min]! + by) | 0
    if (signed ? bottom > b[j + min]! : bottom >>> 0 > b[j + min]! >>> 0) b[j + min] = bottom
    return
  }
  const max = wide(true, signed)
  const min = wide(false, signed)
  copy64(low, 0, b, j + max)
  if (strict) step64(low, 0, -1)
  if (less64(low, 0, a, i + max, signed)) copy64(a, i + max, low, 0)
  copy64(low, 0, a, i + min)
  if (strict) step64(low, 0, 1)
  if (less64(b, j + min, low, 0, signed)) copy64(b, j + min, low, 0)
}

function refineByConst(a: Regs, i: number, b: Regs, j: number, jump: number, half: boolean): void {
  let [x, k, y, l] = [a, i, b, j]
  if (!isConstScalar(y, l, half)) [x, k, y, l] = [b, j, a, i]
  if (!isConstScalar(y, l, half)) return
  const lo = y[l + R_VALUE]!
  const hi = half ? 0 : y[l + R_VALUE + 1]!
  if (jump === BPF_JNE) unequal(x, k, lo, hi, half)
  else if (jump === BPF_JSET) bitsKnownSet(x, k, lo, hi, half)
  else bitsKnownClear(x, k, lo, hi, half)
}

function refine(a: Regs, i: number, b: Regs, j: number, jump: number, half: boolean): void {
  switch (jump) {
    case BPF_JEQ:
      equal(a, i, b, j, half)
      break
    case BPF_JNE:
    case BPF_JSET:
    case NOT_JSET:
      refineByConst(a, i, b, j, jump, half)
      break
    case BPF_JLE:
    case BPF_JLT:
      below(a, i, b, j, jump === BPF_JLT, false, half)
      break
    case BPF_JSLE:
    case BPF_JSLT:
      below(a, i, b, j, jump === BPF_JSLT, true, half)
      break
    case BPF_JGE:
    case BPF_JGT:
      below(b, j, a, i, jump === BPF_JGT, false, half)
      break
    case BPF_JSGE:
    case BPF_JSGT:
      below(b, j, a, i, jump === BPF_JSGT, true, half)
      break
  }
}

/** What `a jump b` being true teaches of both registers, their views in step again. */
export function refineTaken(a: Regs, i: number, b: Regs, j: number, jump: number, half: boolean): void {
  refine(a, i, b, j, jump, half)
  syncBounds(a, i)
  syncBounds(b, j)
}

/** What `a jump b` being false teaches. */
export function refineFallThrough(a: Regs, i: number, b: Regs, j: number, jump: number, half: boolean): void {
  refineTaken(a, i, b, j, reverseJump(jump), half)
}

// ---- linked registers --------------------------------------------------------------------------------------------------------

const delta = new Int32Array(REG_WORDS)

/**
 * `sync_linked_regs` for one register: it shares the id of `known`, which a jump has just refined, perhaps each plus a constant.
 * The register takes over what is known, moved by the difference of the constants.
 */
export function syncLinked(r: Regs, i: number, known: Regs, k: number): void {
  const subregDef = r[i + R_SUBREG_DEF]!
  const id = r[i + R_ID]!
  const off = r[i + R_OFF]!
  const knownId = known[k + R_ID]!
  // A difference in 32 bits says nothing about one in 64.
  if (((id ^ knownId) & BPF_ADD_CONST) === BPF_ADD_CONST) return
  const same = ((id | knownId) & BPF_ADD_CONST) === 0 || off === known[k + R_OFF]!
  const by = off - known[k + R_OFF]!
  for (let w = 0; w < REG_WORDS; w++) r[i + w] = known[k + w]!
  r[i + R_SUBREG_DEF] = subregDef
  if (same) return
  delta[R_TYPE] = SCALAR_VALUE
  setConst(delta, 0, by | 0, by < 0 ? -1 : 0)
  r[i + R_OFF] = off
  r[i + R_ID] = id
  addRange32(r, i, delta, 0)
  addRange64(r, i, delta, 0)
  tnumAdd(r, i + R_VALUE, r, i + R_VALUE, delta, R_VALUE)
  if (((id | knownId) & BPF_ADD_CONST32) !== 0) zeroExtend32(r, i)
  syncBounds(r, i)
}
