// What an instruction demands of its register operands: a source must have a value, and the frame pointer is never written. On the way
// 32-bit definitions are followed: where one is later read as 64 bits, its upper half has to be zeroed (Env.zext).

import { EACCES, EINVAL } from '../bpf/errno.ts'
import type { Env } from './env.ts'
import { MAX_BPF_REG, NOT_INIT, R_PRECISE, R_SUBREG_DEF, R_TYPE, REG_WORDS, SCALAR_VALUE, setNotInit, setUnknown } from './reg.ts'
import type { State } from './state.ts'
import { reads64, writes64 } from './zext.ts'

/** `check_reg_arg(SRC_OP)`. */
export function readReg(env: Env, n: number): void {
  if (n >= MAX_BPF_REG) env.reject(EINVAL, `R${n} is invalid`)
  env.scratchedRegs |= 1 << n
  const r = n * REG_WORDS
  const regs = env.regs
  if (regs[r + R_TYPE] === NOT_INIT) env.reject(EACCES, `R${n} !read_ok`)
  if (n === 10) return
  const definition = regs[r + R_SUBREG_DEF]!
  const known = (env.frame.written & (1 << n)) !== 0
  if ((definition === 0 && known) || !reads64(env.insns, env.insn, regs[r + R_TYPE] === SCALAR_VALUE)) return
  if (definition !== 0) {
    env.zext[definition - 1] = 1
    regs[r + R_SUBREG_DEF] = 0
  }
  if (!known) noteRead64(env.state, env.state.curframe, n)
}

/** All 64 bits of a register are read: the checkpoints behind need to know, up to where it was written. */
function noteRead64(from: State, frame: number, n: number): void {
  const bit = 1 << n
  let state = from
  let f = frame
  while ((state.frames[f]!.written & bit) === 0) {
    const { parent } = state
    if (parent === null) return
    const { resultFrame } = state.frames[f]!
    if (n === 0 && resultFrame >= 0) f = resultFrame
    while (parent.curframe < f) {
      // The frame is younger than the checkpoint: an argument was the caller's.
      if (n < 1 || n > 5) return
      f--
    }
    const at = parent.frames[f]!
    if ((at.read64 & bit) !== 0) return
    at.read64 |= bit
    state = parent
  }
}

/** A path ends because a checkpoint covers it: what was read as 64 bit behind the checkpoint is read on this path as well. */
export function inheritReads(env: Env, old: State, current: State): void {
  for (let f = 0; f <= old.curframe; f++) {
    const { read64 } = old.frames[f]!
    for (let n = f < old.curframe ? 6 : 0; n < 10; n++) {
      if ((read64 & (1 << n)) === 0) continue
      const { regs } = current.frames[f]!
      const definition = regs[n * REG_WORDS + R_SUBREG_DEF]!
      if (definition !== 0) {
        env.zext[definition - 1] = 1
        regs[n * REG_WORDS + R_SUBREG_DEF] = 0
      }
      noteRead64(current, f, n)
    }
  }
}

/** `check_reg_arg(DST_OP_NO_MARK)`: the destination may be written; its value stays. */
export function writeReg(env: Env, n: number): void {
  if (n >= MAX_BPF_REG) env.reject(EINVAL, `R${n} is invalid`)
  env.scratchedRegs |= 1 << n
  if (n === 10) env.reject(EACCES, 'frame pointer is read only')
  env.frame.written |= 1 << n
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

/** R0..R5. */
export const CALLER_SAVED = 0x3f

/** R0..R5 after a call. */
export function clearCallerSaved(env: Env, regs: Int32Array): void {
  env.frame.written |= CALLER_SAVED
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
