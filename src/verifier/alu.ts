// Arithmetic instructions: what they demand of their operands (`check_alu_op`), and which rules they then follow, those for scalars or
// those for pointers. Registers that hold the same scalar share an id, so that a later comparison of one refines the others.

import { EACCES, EFAULT, EINVAL } from '../bpf/errno.ts'
import { BPF_MAP_TYPE_ARENA } from '../bpf/map-type-table.ts'
import {
  BPF_ADD,
  BPF_ALU64,
  BPF_ARSH,
  BPF_DIV,
  BPF_END,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_NEG,
  BPF_RSH,
  BPF_SUB,
  BPF_X,
} from '../bpf/opcode.ts'
import { boundsText, boundsViolation, syncBounds, zeroExtend32 } from './bounds.ts'
import type { Env } from './env.ts'
import { at, defineReg, isPointerValue, markUnknown, readReg, writeReg } from './operand.ts'
import { aluNames, pointerAlu } from './pointer-alu.ts'
import { markChainPrecision } from './precision.ts'
import {
  BPF_ADD_CONST,
  copyReg,
  PTR_TO_ARENA,
  R_ID,
  R_MASK,
  R_OFF,
  R_PRECISE,
  R_SUBREG_DEF,
  R_TYPE,
  R_UMAX,
  R_VALUE,
  SCALAR_VALUE,
  setKnown,
  setUnbounded,
} from './reg.ts'
import { scalarAlu, signExtend32, signExtend64 } from './scalar-alu.ts'

/** `off` of a move between address spaces. */
const ADDR_SPACE_CAST = 1

/** `check_alu_op`. */
export function aluInsn(env: Env): void {
  const { code: codes, dst: dsts, src: srcs, off: offs, imm: imms } = env.insns
  const i = env.insn
  const code = codes[i]!
  const dst = dsts[i]!
  const src = srcs[i]!
  const off = offs[i]!
  const imm = imms[i]!
  const op = code & 0xf0
  const byReg = (code & BPF_X) !== 0
  if (op === BPF_END || op === BPF_NEG) {
    if (op === BPF_NEG) {
      if (byReg || src !== 0 || off !== 0 || imm !== 0) env.reject(EINVAL, 'BPF_NEG uses reserved fields')
    } else if (src !== 0 || off !== 0 || (imm !== 16 && imm !== 32 && imm !== 64) || ((code & 7) === BPF_ALU64 && byReg)) {
      env.reject(EINVAL, 'BPF_END uses reserved fields')
    }
    readReg(env, dst)
    if (isPointerValue(env, dst)) env.reject(EACCES, `R${dst} pointer arithmetic prohibited`)
    if (env.regs[at(dst) + R_TYPE] === SCALAR_VALUE) {
      writeReg(env, dst)
      scalarAlu(code, imm, env.regs, at(dst), env.regs, at(dst), env.privileged ? 0 : 1)
    } else {
      defineReg(env, dst)
    }
  } else if (op === BPF_MOV) {
    move(env, code, dst, src, off, imm)
  } else if (op > BPF_END) {
    env.reject(EINVAL, `invalid BPF_ALU opcode ${op.toString(16)}`)
  } else {
    const signed = off === 1 && (op === BPF_DIV || op === BPF_MOD)
    if ((off !== 0 && !signed) || (byReg ? imm !== 0 : src !== 0)) env.reject(EINVAL, 'BPF_ALU uses reserved fields')
    if (byReg) readReg(env, src)
    readReg(env, dst)
    if (!byReg) checkImmediate(env, code, imm)
    writeReg(env, dst)
    combine(env, code, dst, src, imm)
  }
  checkBounds(env, env.regs, at(dst), 'alu')
}

function checkImmediate(env: Env, code: number, imm: number): void {
  const op = code & 0xf0
  if ((op === BPF_DIV || op === BPF_MOD) && imm === 0) env.reject(EINVAL, 'div by zero')
  if (op === BPF_LSH || op === BPF_RSH || op === BPF_ARSH) {
    const bits = (code & 7) === BPF_ALU64 ? 64 : 32
    if (imm < 0 || imm >= bits) env.reject(EINVAL, `invalid shift ${imm}`)
  }
}

// ---- moves -----------------------------------------------------------------------------------------------------------------

function move(env: Env, code: number, dst: number, src: number, off: number, imm: number): void {
  const wide = (code & 7) === BPF_ALU64
  if ((code & BPF_X) === 0) {
    if (src !== 0 || off !== 0) env.reject(EINVAL, 'BPF_MOV uses reserved fields')
    writeReg(env, dst)
    const d = at(dst)
    setKnown(env.regs, d, imm, wide ? imm >> 31 : 0)
    if (!env.privileged) env.regs[d + R_PRECISE] = 1
    return
  }
  checkMoveFields(env, wide, off, imm)
  readReg(env, src)
  writeReg(env, dst)
  const r = env.regs
  const d = at(dst)
  const s = at(src)
  if (wide) {
    if (imm !== 0) castAddressSpace(env, r, d, imm)
    else if (off === 0) {
      linkBeforeMove(env, r, s)
      copyKeepingNothing(r, d, s, 0)
    } else if (isPointerValue(env, src)) {
      env.reject(EACCES, `R${src} sign-extension part of pointer`)
    } else if (r[s + R_TYPE] === SCALAR_VALUE) {
      const same = fitsPositive(r, s, off)
      if (same) linkBeforeMove(env, r, s)
      copyKeepingNothing(r, d, s, 0)
      if (!same) r[d + R_ID] = 0
      signExtend64(r, d, off >> 3)
    } else {
      markUnknown(env, r, d)
    }
    return
  }
  if (isPointerValue(env, src)) env.reject(EACCES, `R${src} partial copy of pointer`)
  if (r[s + R_TYPE] === SCALAR_VALUE) {
    const same = off === 0 ? r[s + R_UMAX + 1] === 0 : fitsPositive(r, s, off)
    if (same) linkBeforeMove(env, r, s)
    copyKeepingNothing(r, d, s, env.insn + 1)
    if (!same) r[d + R_ID] = 0
    if (off !== 0) signExtend32(r, d, off >> 3)
  } else {
    markUnknown(env, r, d)
  }
  zeroExtend32(r, d)
  syncBounds(r, d)
}

function checkMoveFields(env: Env, wide: boolean, off: number, imm: number): void {
  if (wide && off === ADDR_SPACE_CAST) {
    if (imm !== 1 && imm !== 1 << 16) {
      env.reject(EINVAL, 'addr_space_cast insn can only convert between address space 1 and 0')
    }
    if (!env.maps.some(map => map.type === BPF_MAP_TYPE_ARENA)) {
      env.reject(EINVAL, 'addr_space_cast insn can only be used in a program that has an associated arena')
    }
    return
  }
  const known = off === 0 || off === 8 || off === 16 || (off === 32 && wide)
  if (!known || imm !== 0) env.reject(EINVAL, 'BPF_MOV uses reserved fields')
}

function castAddressSpace(env: Env, r: Int32Array, d: number, imm: number): void {
  markUnknown(env, r, d)
  if (imm !== 1) return
  r[d + R_TYPE] = PTR_TO_ARENA
  r[d + R_SUBREG_DEF] = env.insn + 1
}

// The value is non-negative in `bits` bits, so that sign extension doesn't change it.
function fitsPositive(r: Int32Array, s: number, bits: number): boolean {
  return r[s + R_UMAX + 1] === 0 && r[s + R_UMAX]! >>> 0 < 2 ** (bits - 1)
}

function copyKeepingNothing(r: Int32Array, d: number, s: number, subregDef: number): void {
  if (d !== s) copyReg(r, d, r, s)
  r[d + R_SUBREG_DEF] = subregDef
}

/** `assign_scalar_id_before_mov`: both registers get the same id, so that a bound found for one holds for the other. */
export function linkBeforeMove(env: Env, r: Int32Array, s: number): void {
  if (r[s + R_TYPE] !== SCALAR_VALUE) return
  if ((r[s + R_ID]! & BPF_ADD_CONST) !== 0) {
    // One constant a link: a further move begins a new one.
    r[s + R_ID] = 0
    r[s + R_OFF] = 0
  }
  if (r[s + R_ID] === 0 && (r[s + R_MASK]! | r[s + R_MASK + 1]!) !== 0) r[s + R_ID] = env.newId()
}

// ---- two operands ------------------------------------------------------------------------------------------------------------

function combine(env: Env, code: number, dst: number, src: number, imm: number): void {
  const op = code & 0xf0
  const wide = (code & 7) === BPF_ALU64
  const d = at(dst)
  let r = env.regs
  let s: number
  if (r[d + R_TYPE] === PTR_TO_ARENA) {
    // The cast back to the kernel's view zero-extends, so anything goes.
    if (wide) env.zext[env.insn] = 1
    return
  }
  const pointer = r[d + R_TYPE] !== SCALAR_VALUE
  if ((code & BPF_X) !== 0) {
    s = at(src)
    if (r[s + R_TYPE] !== SCALAR_VALUE) {
      if (pointer) {
        if (op === BPF_SUB && env.privileged) return markUnknown(env, r, d)
        env.reject(EACCES, `R${dst} pointer ${aluNames[op >> 4]} pointer prohibited`)
      }
      markChainPrecision(env, dst)
      return pointerAlu(env, code, dst, d, s, r, d)
    }
    if (pointer) {
      markChainPrecision(env, src)
      return pointerAlu(env, code, dst, d, d, r, s)
    }
    if (r[d + R_PRECISE] !== 0) markChainPrecision(env, src)
  } else {
    r = env.scratch
    s = 0
    setKnown(r, s, imm, imm >> 31)
    if (pointer) return pointerAlu(env, code, dst, d, d, r, s)
  }
  const regs = env.regs
  const addsConst =
    env.privileged && op === BPF_ADD && wide && regs[d + R_ID] !== 0 && (r[s + R_MASK]! | r[s + R_MASK + 1]!) === 0
  const lo = r[s + R_VALUE]!
  const hi = r[s + R_VALUE + 1]!
  scalarAlu(code, imm, regs, d, r, s, env.privileged ? 0 : 1)
  // An id survives the addition of one constant: the register is then so much more than its kin.
  if (addsConst && (regs[d + R_ID]! & BPF_ADD_CONST) === 0 && hi === 0 && lo >= 0) {
    regs[d + R_ID] = regs[d + R_ID]! | BPF_ADD_CONST
    regs[d + R_OFF] = lo
  } else {
    if (addsConst) regs[d + R_OFF] = 0
    regs[d + R_ID] = 0
  }
}

/** `reg_bounds_sanity_check`: a contradiction is a bug of these rules; the register is then unbounded, unless the load asks for an error. */
export function checkBounds(env: Env, r: Int32Array, i: number, name: string): void {
  const violation = boundsViolation(r, i)
  if (violation === undefined) return
  env.verbose(`verifier bug: REG INVARIANTS VIOLATION (${violation}): ${name} ${boundsText(r, i)}\n`)
  if (env.testRegInvariants) env.reject(EFAULT, '')
  setUnbounded(r, i)
}
