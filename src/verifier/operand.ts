// What an instruction demands of its register operands: a source must have a value, and the frame pointer is never written. On the way
// 32-bit definitions are followed: where one is later read as 64 bits, its upper half has to be zeroed (Env.zext).

import { EACCES, EINVAL } from '../bpf/errno.ts'
import type { Env } from './env.ts'
import { MAX_BPF_REG, NOT_INIT, R_PRECISE, R_SUBREG_DEF, R_TYPE, REG_WORDS, SCALAR_VALUE, setNotInit, setUnknown } from './reg.ts'
import { reads64, writes64 } from './zext.ts'

/** Word where register `n` of a frame begins. */
export function at(n: number): number {
  return n * REG_WORDS
}

/** `check_reg_arg(SRC_OP)`. */
export function readReg(env: Env, n: number): void {
  if (n >= MAX_BPF_REG) env.reject(EINVAL, `R${n} is invalid`)
  env.scratchedRegs |= 1 << n
  const r = n * REG_WORDS
  const regs = env.regs
  if (regs[r + R_TYPE] === NOT_INIT) env.reject(EACCES, `R${n} !read_ok`)
  const definition = regs[r + R_SUBREG_DEF]!
  if (definition !== 0 && n !== 10 && reads64(env.insns, env.insn, regs[r + R_TYPE] === SCALAR_VALUE)) {
    env.zext[definition - 1] = 1
    regs[r + R_SUBREG_DEF] = 0
  }
}

/** `check_reg_arg(DST_OP_NO_MARK)`: the destination may be written; its value stays. */
export function writeReg(env: Env, n: number): void {
  if (n >= MAX_BPF_REG) env.reject(EINVAL, `R${n} is invalid`)
  env.scratchedRegs |= 1 << n
  if (n === 10) env.reject(EACCES, 'frame pointer is read only')
  env.regs[n * REG_WORDS + R_SUBREG_DEF] = writes64(env.insns, env.insn) ? 0 : env.insn + 1
}

/** `check_reg_arg(DST_OP)`: the destination becomes an unknown scalar. */
export function defineReg(env: Env, n: number): void {
  writeReg(env, n)
  markUnknown(env, env.regs, n * REG_WORDS)
}

/** An unknown scalar; unprivileged programs have every scalar precise. */
export function markUnknown(env: Env, r: Int32Array, i: number): void {
  setUnknown(r, i)
  if (!env.privileged) r[i + R_PRECISE] = 1
}

/** R0..R5 after a call. */
export function clearCallerSaved(env: Env, regs: Int32Array): void {
  for (let n = 0; n <= 5; n++) {
    setNotInit(regs, n * REG_WORDS)
    env.scratchedRegs |= 1 << n
    regs[n * REG_WORDS + R_SUBREG_DEF] = 0
  }
}

/** Where the register holds something that is not a number, and the loader may not know its bits. */
export function isPointerValue(env: Env, n: number): boolean {
  return !env.privileged && env.regs[n * REG_WORDS + R_TYPE] !== SCALAR_VALUE
}
