// Arithmetic instructions: their reserved fields, what they demand of their operands, and which transfer function applies: moves keep
// a value's identity (R_ID), scalars go to scalarAlu, a pointer and a scalar to pointerAlu.

import { EACCES, EFAULT, EINVAL } from '../bpf/errno.ts'
import {
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_DIV,
  BPF_END,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_X,
} from '../bpf/opcode.ts'
import { boundsViolation, syncBounds, zeroExtend32 } from './bounds.ts'
import type { Env } from './env.ts'
import { defineReg, isPointerValue, markUnknown, readReg, writeReg } from './operand.ts'
import { pushPath } from './paths.ts'
import { aluNames, pointerAlu } from './pointer-alu.ts'
import { markChainPrecision } from './precision.ts'
import { hex64 } from './print-number.ts'
import {
  BPF_ADD_CONST,
  BPF_ADD_CONST32,
  BPF_ADD_CONST64,
  copyReg,
  isConst,
  PTR_TO_ARENA,
  R_ID,
  R_MASK,
  R_OFF,
  R_PRECISE,
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
  setKnown,
  setUnbounded,
} from './reg.ts'
import { scalarAlu } from './scalar-alu.ts'
import { signExtend32, signExtend64 } from './scalar-width.ts'
import { noteScalarAlu } from './speculation.ts'

// `off` of a 64-bit move that casts between address spaces.
const BPF_ADDR_SPACE_CAST = 1

/** One ALU or ALU64 instruction. */
export function stepAlu(env: Env): void {
  const { insns, insn } = env
  const code = insns.code[insn]!
  const dst = insns.dst[insn]!
  const op = code & 0xf0
  if (op === BPF_END || op === BPF_NEG) negateOrSwap(env, code, dst, op)
  else if (op === BPF_MOV) move(env, code, dst)
  else if (op > BPF_END) env.reject(EINVAL, `invalid BPF_ALU opcode ${op.toString(16)}`)
  else compute(env, code, dst, op)
  checkBounds(env, env.regs, dst * REG_WORDS, 'alu')
}

/** `reg_bounds_sanity_check`: bounds that contradict each other are dropped, or refused where the load asks for that. */
export function checkBounds(env: Env, r: Int32Array, i: number, where: string): void {
  if (r[i + R_TYPE] !== SCALAR_VALUE) return
  const violation = boundsViolation(r, i)
  if (violation === undefined) return
  const u = (w: number): string => hex64(r[i + w]!, r[i + w + 1]!)
  const w32 = (w: number): string => `0x${(r[i + w]! >>> 0).toString(16)}`
  env.verbose(
    `verifier bug: REG INVARIANTS VIOLATION (${where}): ${violation} u64=[${u(R_UMIN)}, ${u(R_UMAX)}] s64=[${u(R_SMIN)}, ${u(R_SMAX)}] ` +
      `u32=[${w32(R_U32_MIN)}, ${w32(R_U32_MAX)}] s32=[${w32(R_S32_MIN)}, ${w32(R_S32_MAX)}] var_off=(${u(R_VALUE)}, ${u(R_MASK)})\n`,
  )
  if (env.testRegInvariants) env.reject(EFAULT, '')
  setUnbounded(r, i)
}

function negateOrSwap(env: Env, code: number, dst: number, op: number): void {
  const { insns, insn } = env
  const imm = insns.imm[insn]!
  if (op === BPF_NEG) {
    if ((code & BPF_X) !== 0 || insns.src[insn] !== 0 || insns.off[insn] !== 0 || imm !== 0) {
      env.reject(EINVAL, 'BPF_NEG uses reserved fields')
    }
  } else if (
    insns.src[insn] !== 0 ||
    insns.off[insn] !== 0 ||
    (imm !== 16 && imm !== 32 && imm !== 64) ||
    ((code & 7) === BPF_ALU64 && (code & BPF_X) !== 0)
  ) {
    env.reject(EINVAL, 'BPF_END uses reserved fields')
  }
  readReg(env, dst)
  if (isPointerValue(env, dst)) env.reject(EACCES, `R${dst} pointer arithmetic prohibited`)
  const d = dst * REG_WORDS
  if (env.regs[d + R_TYPE] !== SCALAR_VALUE) {
    defineReg(env, dst)
    return
  }
  writeReg(env, dst)
  scalarAlu(code, imm, env.regs, d, env.regs, d, env.privileged ? 0 : 1)
  // As with other arithmetic, the value is no longer that of the registers it was copied to; to_le of 64 bits does nothing.
  if (code !== (BPF_ALU | BPF_END) || imm !== 64) clearId(env.regs, d)
}

/** Ends a scalar's link to others with the same value. */
export function clearId(r: Int32Array, i: number): void {
  r[i + R_ID] = 0
  r[i + R_OFF] = 0
}

/** `assign_scalar_id_before_mov`: a scalar that is about to be copied gets an identity, unless it is a constant. */
export function giveId(env: Env, r: Int32Array, i: number): void {
  if (r[i + R_TYPE] !== SCALAR_VALUE) return
  // A register that is another plus a constant begins an identity of its own.
  if ((r[i + R_ID]! & BPF_ADD_CONST) !== 0) clearId(r, i)
  if (r[i + R_ID] === 0 && !isConst(r, i)) r[i + R_ID] = env.newId()
}

function move(env: Env, code: number, dst: number): void {
  const { insns, insn } = env
  const off = insns.off[insn]!
  const imm = insns.imm[insn]!
  const src = insns.src[insn]!
  const is64 = (code & 7) === BPF_ALU64
  if ((code & BPF_X) === 0) {
    if (src !== 0 || off !== 0) env.reject(EINVAL, 'BPF_MOV uses reserved fields')
    writeReg(env, dst)
    markUnknown(env, env.regs, dst * REG_WORDS)
    const precise = env.regs[dst * REG_WORDS + R_PRECISE]!
    setKnown(env.regs, dst * REG_WORDS, imm, is64 ? imm >> 31 : 0)
    env.regs[dst * REG_WORDS + R_PRECISE] = precise
    return
  }
  if (!is64) {
    if ((off !== 0 && off !== 8 && off !== 16) || imm !== 0) env.reject(EINVAL, 'BPF_MOV uses reserved fields')
  } else if (off === BPF_ADDR_SPACE_CAST) {
    if (imm !== 1 && imm !== 1 << 16) env.reject(EINVAL, 'addr_space_cast insn can only convert between address space 1 and 0')
    if (!env.hasArena) env.reject(EINVAL, 'addr_space_cast insn can only be used in a program that has an associated arena')
  } else if ((off !== 0 && off !== 8 && off !== 16 && off !== 32) || imm !== 0) {
    env.reject(EINVAL, 'BPF_MOV uses reserved fields')
  }
  readReg(env, src)
  writeReg(env, dst)
  const r = env.regs
  const s = src * REG_WORDS
  const d = dst * REG_WORDS
  if (is64 && imm !== 0) {
    markUnknown(env, r, d)
    if (imm === 1) {
      r[d + R_TYPE] = PTR_TO_ARENA
      r[d + R_SUBREG_DEF] = insn + 1
    }
  } else if (is64 && off === 0) {
    giveId(env, r, s)
    if (s !== d) copyReg(r, d, r, s)
    r[d + R_SUBREG_DEF] = 0
  } else {
    moveNarrow(env, r, d, s, src, is64, off)
  }
}

// Moves of 32 bits and moves with sign extension. The copy is linked to its source only if the move can't change the value.
function moveNarrow(env: Env, r: Int32Array, d: number, s: number, src: number, is64: boolean, off: number): void {
  const subregDef = is64 ? 0 : env.insn + 1
  if (isPointerValue(env, src)) {
    env.reject(
      EACCES,
      off === 0
        ? `R${src} partial copy of pointer`
        : is64
          ? `R${src} sign-extension part of pointer`
          : `R${src} partial copy of pointer`,
    )
  }
  if (r[s + R_TYPE] !== SCALAR_VALUE) {
    markUnknown(env, r, d)
    r[d + R_SUBREG_DEF] = subregDef
  } else {
    const bits = off === 0 ? 32 : off - 1
    const umaxLo = r[s + R_UMAX]! >>> 0
    const same = r[s + R_UMAX + 1] === 0 && (bits === 32 || umaxLo < 2 ** bits)
    if (same) giveId(env, r, s)
    if (s !== d) copyReg(r, d, r, s)
    if (!same) clearId(r, d)
    r[d + R_SUBREG_DEF] = subregDef
    if (off !== 0) {
      if (is64) signExtend64(r, d, off >> 3)
      else signExtend32(r, d, off >> 3)
    }
  }
  if (!is64) {
    zeroExtend32(r, d)
    syncBounds(r, d)
  }
}

function compute(env: Env, code: number, dst: number, op: number): void {
  const { insns, insn } = env
  const off = insns.off[insn]!
  const imm = insns.imm[insn]!
  const src = insns.src[insn]!
  const division = op === BPF_DIV || op === BPF_MOD
  const isX = (code & BPF_X) !== 0
  if ((isX ? imm !== 0 : src !== 0) || (off !== 0 && !(off === 1 && division))) env.reject(EINVAL, 'BPF_ALU uses reserved fields')
  if (isX) readReg(env, src)
  readReg(env, dst)
  if (division && !isX && imm === 0) env.reject(EINVAL, 'div by zero')
  if (!isX && (op === BPF_LSH || op === BPF_RSH || op === BPF_ARSH)) {
    const size = (code & 7) === BPF_ALU64 ? 64 : 32
    if (imm < 0 || imm >= size) env.reject(EINVAL, `invalid shift ${imm}`)
  }
  writeReg(env, dst)
  adjust(env, code, dst, op, isX, src, imm)
}

// `adjust_reg_min_max_vals`.
function adjust(env: Env, code: number, dst: number, op: number, isX: boolean, src: number, imm: number): void {
  const r = env.regs
  const d = dst * REG_WORDS
  const dstIsPointer = r[d + R_TYPE] !== SCALAR_VALUE
  if (r[d + R_TYPE] === PTR_TO_ARENA) {
    // Arena pointers are 32 bits wide; 64-bit arithmetic leaves it to the address computation.
    if ((code & 7) === BPF_ALU64) env.zext[env.insn] = 1
    return
  }
  let s = r
  let j = src * REG_WORDS
  if (isX) {
    if (r[j + R_TYPE] !== SCALAR_VALUE) {
      if (dstIsPointer) {
        if (op === BPF_SUB && env.privileged) {
          markUnknown(env, r, d)
          return
        }
        env.reject(EACCES, `R${dst} pointer ${aluNames[op >> 4]} pointer prohibited`)
      }
      markChainPrecision(env, dst)
      pointerAlu(env, code, dst, d, j, r, d)
      return
    }
    if (dstIsPointer) {
      markChainPrecision(env, src)
      pointerAlu(env, code, dst, d, d, r, j)
      return
    }
    if (r[d + R_PRECISE] !== 0) markChainPrecision(env, src)
  } else {
    s = env.scratch
    j = 0
    setKnown(s, 0, imm, imm >> 31)
    if (dstIsPointer) {
      pointerAlu(env, code, dst, d, d, s, 0)
      return
    }
  }
  const is64 = (code & 7) === BPF_ALU64
  // What is added, before the addition: the source may be the destination, and then the two don't stay apart by a constant.
  // In 32 bits it has to be all of the value.
  const links = env.privileged && !(isX && src === dst) && (is64 || r[d + R_UMAX + 1] === 0)
  const delta = links ? linkDelta(op, is64, s, j) : undefined
  if (!env.privileged) noteScalarAlu(env, code)
  if ((op === BPF_AND || op === BPF_OR) && isConst(s, j)) forkMask(env, r, d)
  scalarAlu(code, imm, r, d, s, j, env.privileged ? 0 : 1)
  const id = r[d + R_ID]!
  if (delta !== undefined && id !== 0 && (id & BPF_ADD_CONST) === 0) {
    // The register stays linked to those it was copied to, as their value plus a constant.
    r[d + R_ID] = id | (is64 ? BPF_ADD_CONST64 : BPF_ADD_CONST32)
    r[d + R_OFF] = delta
  } else {
    clearId(r, d)
  }
}

// `maybe_fork_scalars`: a register that is all zeros or all ones (in 64 bits or in 32), as compilers make them of a sign, is about to mask
// something. What comes of it is two values far apart, so each is walked by itself, the ones first.
function forkMask(env: Env, r: Int32Array, d: number): void {
  const min = d + R_SMIN
  const wide = r[min] === -1 && r[min + 1] === -1 && (r[d + R_SMAX]! | r[d + R_SMAX + 1]!) === 0
  if (!wide && !(r[d + R_S32_MIN] === -1 && r[d + R_S32_MAX] === 0)) return
  const other = pushPath(env, env.insn, env.insn, false)
  const zeros = other.frames[other.curframe]!.regs
  if (wide) {
    known(zeros, d, 0)
    known(r, d, -1)
  } else {
    knownHalf(zeros, d, 0)
    knownHalf(r, d, -1)
  }
}

function known(r: Int32Array, d: number, word: number): void {
  const precise = r[d + R_PRECISE]!
  setKnown(r, d, word, word)
  r[d + R_PRECISE] = precise
}

function knownHalf(r: Int32Array, d: number, word: number): void {
  r[d + R_VALUE] = word
  r[d + R_MASK] = 0
  r[d + R_S32_MIN] = word
  r[d + R_S32_MAX] = word
  r[d + R_U32_MIN] = word
  r[d + R_U32_MAX] = word
}

// The constant that an addition or subtraction adds, where it is one of 32 bits.
function linkDelta(op: number, is64: boolean, s: Int32Array, j: number): number | undefined {
  if (op !== BPF_ADD && op !== BPF_SUB) return undefined
  const lo = s[j + R_VALUE]!
  if (s[j + R_MASK] !== 0 || (is64 && (s[j + R_MASK + 1] !== 0 || s[j + R_VALUE + 1] !== lo >> 31))) return undefined
  if (op === BPF_ADD) return lo
  return lo === -0x80000000 ? undefined : -lo
}
