// Conditional jumps: is the branch decided, and if not, what does each way teach of the compared registers, of those linked to them, of
// pointers that may be null, and of how much of the packet is there. The fall-through is explored first, the taken branch is queued.

import { EACCES, EINVAL } from '../bpf/errno.ts'
import {
  BPF_JA,
  BPF_JCOND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_X,
} from '../bpf/opcode.ts'
import { checkBounds } from './alu.ts'
import { isConstScalar } from './bounds.ts'
import { ALWAYS, flipJump, NEVER, predictPacketEnd, predictScalars, refineFallThrough, refineTaken, UNDECIDED } from './branch.ts'
import type { Env } from './env.ts'
import { findPrevious } from './explored.ts'
import { pushJump } from './history.ts'
import { clearLinks, collectLinks, linkCount, packedLinks, syncLinks } from './links.ts'
import { isNotNull, markNotNull, markNullOrNot } from './nullness.ts'
import { isPointerValue, readReg } from './operand.ts'
import { pushPath } from './paths.ts'
import { markChainPrecision } from './precision.ts'
import { printInsnState } from './print-state.ts'
import { forEachReg } from './refs.ts'
import {
  AT_PKT_END,
  BEYOND_PKT_END,
  isConst,
  isNull,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  R_ID,
  R_OFF,
  R_RANGE,
  R_SUBREG_DEF,
  R_TYPE,
  R_UMAX,
  R_VALUE,
  REG_WORDS,
  SCALAR_VALUE,
  setKnown,
  TYPE_BASE_MASK,
} from './reg.ts'
import { speculate } from './speculation.ts'
import { INSN_F_DST_REG_STACK, INSN_F_SRC_REG_STACK, type State } from './state.ts'
import { widen } from './widen.ts'

// Offsets into a packet beyond this are not followed.
const MAX_PACKET_OFF = 0xffff
const WIDTH_ERROR = 'BPF_JMP/JMP32 uses reserved fields'

/** `check_cond_jmp_op`: sets `env.insn` to the instruction that is walked next. */
export function stepJump(env: Env): void {
  const { insns, insn } = env
  const code = insns.code[insn]!
  const op = code & 0xf0
  if (op === BPF_JA || op > BPF_JCOND) env.reject(EINVAL, `invalid BPF_JMP/JMP32 opcode ${op.toString(16)}`)
  if (op === BPF_JCOND) {
    stepMayGoto(env)
    return
  }
  const dst = insns.dst[insn]!
  const src = insns.src[insn]!
  const imm = insns.imm[insn]!
  const isX = (code & BPF_X) !== 0
  const half = (code & 7) === BPF_JMP32
  const d = dst * REG_WORDS
  const r = env.regs
  let flags = 0
  let s = r
  let j = src * REG_WORDS
  readReg(env, dst)
  if (isX) {
    if (imm !== 0) env.reject(EINVAL, WIDTH_ERROR)
    readReg(env, src)
    if (!(isPacketAny(r[d + R_TYPE]!) && isPacketAny(r[j + R_TYPE]!)) && isPointerValue(env, src)) {
      env.reject(EACCES, `R${src} pointer comparison prohibited`)
    }
    if (r[j + R_TYPE] === PTR_TO_STACK) flags |= INSN_F_SRC_REG_STACK
  } else {
    if (src !== 0) env.reject(EINVAL, WIDTH_ERROR)
    s = env.scratch
    j = 0
    setKnown(s, 0, imm, imm >> 31)
    s[R_SUBREG_DEF] = 0
  }
  if (r[d + R_TYPE] === PTR_TO_STACK) flags |= INSN_F_DST_REG_STACK
  if (flags !== 0) pushJump(env, flags, 0, 0, 0)
  const prediction = predict(r, d, s, j, op, half)
  if (prediction !== UNDECIDED) {
    if (r[d + R_TYPE] === SCALAR_VALUE) markChainPrecision(env, dst)
    if (isX && r[j + R_TYPE] === SCALAR_VALUE) markChainPrecision(env, src)
    if (prediction === ALWAYS) {
      if (!env.privileged) speculate(env, insn + 1)
      if (env.logging) printInsnState(env)
      env.insn = insn + 1 + insns.off[insn]!
    } else {
      if (!env.privileged) speculate(env, insn + 1 + insns.off[insn]!)
      if (env.logging) printInsnState(env)
      env.insn = insn + 1
    }
    return
  }
  clearLinks()
  if (isX && r[j + R_TYPE] === SCALAR_VALUE && r[j + R_ID] !== 0) collectLinks(env, env.state, r[j + R_ID]!)
  if (r[d + R_TYPE] === SCALAR_VALUE && r[d + R_ID] !== 0) collectLinks(env, env.state, r[d + R_ID]!)
  if (linkCount() > 1) pushJump(env, 0, packedLinks(0), packedLinks(1), linkCount())
  branch(env, op, half, dst, src, isX, imm, s, j)
  if (env.logging) printInsnState(env)
  env.insn = insn + 1
}

function isPacketAny(type: number): boolean {
  const base = type & TYPE_BASE_MASK
  return base === PTR_TO_PACKET || base === PTR_TO_PACKET_META || base === PTR_TO_PACKET_END
}

// `is_branch_taken`.
function predict(r: Int32Array, d: number, s: Int32Array, j: number, op: number, half: boolean): number {
  if (!half && isPacketAny(r[d + R_TYPE]!) && isPacketAny(s[j + R_TYPE]!)) return predictPacketEnd(r, d, s, j, op)
  let a = r
  let i = d
  let b = s
  let k = j
  let jump = op
  if (!isConstScalar(b, k, half)) {
    jump = flipJump(op)
    a = s
    i = j
    b = r
    k = d
  }
  if (a[i + R_TYPE] !== SCALAR_VALUE || b[k + R_TYPE] !== SCALAR_VALUE) {
    // A pointer that can't be null against zero: Linux decides it by the low halves as well.
    if (!isConstScalar(b, k, half) || a[i + R_TYPE] === SCALAR_VALUE || !isNotNull(a, i)) return UNDECIDED
    if (b[k + R_VALUE] !== 0 || (!half && b[k + R_VALUE + 1] !== 0)) return UNDECIDED
    return jump === BPF_JEQ ? NEVER : jump === BPF_JNE ? ALWAYS : UNDECIDED
  }
  return predictScalars(a, i, b, k, jump, half)
}

function branch(
  env: Env,
  op: number,
  half: boolean,
  dst: number,
  src: number,
  isX: boolean,
  imm: number,
  s: Int32Array,
  j: number,
): void {
  const { insn } = env
  const state = env.state
  const other = pushPath(env, insn + 1 + env.insns.off[insn]!, insn, false)
  const r = env.regs
  const o = other.frames[other.curframe]!.regs
  const d = dst * REG_WORDS
  if (r[d + R_TYPE] === SCALAR_VALUE && s[j + R_TYPE] === SCALAR_VALUE) {
    if (isX) {
      refineTaken(o, d, o, j, op, half)
      refineFallThrough(r, d, r, j, op, half)
    } else {
      // The immediate is refined with the register: each way has its own.
      setKnown(env.scratch, REG_WORDS, imm, imm >> 31)
      refineTaken(o, d, env.scratch, REG_WORDS, op, half)
      refineFallThrough(r, d, s, 0, op, half)
    }
    checkBounds(env, o, d, 'true_reg1')
    if (isX) checkBounds(env, o, j, 'true_reg2')
    checkBounds(env, r, d, 'false_reg1')
    if (isX) checkBounds(env, r, j, 'false_reg2')
  }
  if (isX && r[j + R_TYPE] === SCALAR_VALUE && r[j + R_ID] !== 0 && r[j + R_ID] === o[j + R_ID]) {
    syncLinks(state, r, j)
    syncLinks(other, o, j)
  }
  if (r[d + R_TYPE] === SCALAR_VALUE && r[d + R_ID] !== 0 && r[d + R_ID] === o[d + R_ID]) {
    syncLinks(state, r, d)
    syncLinks(other, o, d)
  }
  if (!half && isX) liftNull(env, r, o, d, src * REG_WORDS, op)
  const mayBeNull = (r[d + R_TYPE]! & PTR_MAYBE_NULL) !== 0
  if (!half && mayBeNull && (op === BPF_JEQ || op === BPF_JNE) && (isX ? isNull(r, j) : imm === 0)) {
    markNullOrNot(env, state, dst, op === BPF_JNE)
    markNullOrNot(env, other, dst, op === BPF_JEQ)
  } else if (!(isX && !half && learnPacket(op, r, d, src * REG_WORDS, dst, src, state, other)) && isPointerValue(env, dst)) {
    env.reject(EACCES, `R${dst} pointer comparison prohibited`)
  }
}

// A pointer that equals one which can't be null isn't null itself.
function liftNull(env: Env, r: Int32Array, o: Int32Array, d: number, s: number, op: number): void {
  const a = r[d + R_TYPE]!
  const b = r[s + R_TYPE]!
  if (a === SCALAR_VALUE || b === SCALAR_VALUE || (a & PTR_MAYBE_NULL) === (b & PTR_MAYBE_NULL)) return
  if ((a & TYPE_BASE_MASK) === PTR_TO_BTF_ID || (b & TYPE_BASE_MASK) === PTR_TO_BTF_ID) return
  const equal = op === BPF_JEQ ? o : op === BPF_JNE ? r : undefined
  if (equal !== undefined) markNotNull(env, equal, (b & PTR_MAYBE_NULL) !== 0 ? s : d)
}

// A packet pointer that has not moved since it was loaded.
function isPacketStart(r: Int32Array, i: number): boolean {
  return r[i + R_TYPE] === PTR_TO_PACKET && r[i + R_OFF] === 0 && isConst(r, i) && (r[i + R_VALUE]! | r[i + R_VALUE + 1]!) === 0
}

// `try_match_pkt_pointers`: a packet pointer against the end, or one to metadata against the packet's start.
function learnPacket(
  op: number,
  r: Int32Array,
  d: number,
  s: number,
  dst: number,
  src: number,
  stays: State,
  taken: State,
): boolean {
  const a = r[d + R_TYPE]
  const b = r[s + R_TYPE]
  const straight = (a === PTR_TO_PACKET && b === PTR_TO_PACKET_END) || (a === PTR_TO_PACKET_META && isPacketStart(r, s))
  const turned = (a === PTR_TO_PACKET_END && b === PTR_TO_PACKET) || (isPacketStart(r, d) && b === PTR_TO_PACKET_META)
  if (!straight && !turned) return false
  const pointer = straight ? d : s
  const n = straight ? dst : src
  // As a comparison "pointer jump end".
  switch (straight ? op : flipJump(op)) {
    case BPF_JGT:
      extendRange(stays, r, pointer, false)
      placeAtEnd(taken, n, BEYOND_PKT_END)
      return true
    case BPF_JLT:
      extendRange(taken, r, pointer, true)
      placeAtEnd(stays, n, AT_PKT_END)
      return true
    case BPF_JGE:
      extendRange(stays, r, pointer, true)
      placeAtEnd(taken, n, AT_PKT_END)
      return true
    case BPF_JLE:
      extendRange(taken, r, pointer, false)
      placeAtEnd(stays, n, BEYOND_PKT_END)
      return true
    default:
      return false
  }
}

// `find_good_pkt_pointers`: what lies before the pointer is in the packet, and the byte that it points at too, if it is below the end.
function extendRange(state: State, r: Int32Array, pointer: number, below: boolean): void {
  const off = r[pointer + R_OFF]!
  if (off < 0 || (off === 0 && below)) return
  const umax = r[pointer + R_UMAX]! >>> 0
  if (r[pointer + R_UMAX + 1] !== 0 || umax + off > MAX_PACKET_OFF) return
  const range = below ? off + 1 : off
  const type = r[pointer + R_TYPE]
  const id = r[pointer + R_ID]
  forEachReg(state, (x, i) => {
    if (x[i + R_TYPE] === type && x[i + R_ID] === id && x[i + R_RANGE]! < range) x[i + R_RANGE] = range
  })
}

// `mark_pkt_end`.
function placeAtEnd(state: State, n: number, range: number): void {
  const r = state.frames[state.curframe]!.regs
  const i = n * REG_WORDS
  if (r[i + R_TYPE] === PTR_TO_PACKET) r[i + R_RANGE] = range
}

// The body of the loop is queued, the way out is walked first.
function stepMayGoto(env: Env): void {
  const { insns, insn, state } = env
  if (insns.code[insn] !== (BPF_JMP | BPF_JCOND) || insns.src[insn] !== 0 || insns.dst[insn] !== 0 || insns.imm[insn] !== 0) {
    env.reject(EINVAL, `invalid may_goto imm ${insns.imm[insn]}`)
  }
  const previous = findPrevious(env, state.parent, insn)
  const body = pushPath(env, insn + 1, insn, false)
  body.mayGotoDepth++
  if (previous !== null) widen(env, previous, body)
  env.insn = insn + 1 + insns.off[insn]!
}
