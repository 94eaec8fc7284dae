// One instruction: which kind it is, its reserved fields, and who simulates it. Each step leaves in `env.insn` the instruction that is
// walked next.

import { EINVAL } from '../bpf/errno.ts'
import { BPF_MAP_TYPE_ARENA } from '../bpf/map-type-table.ts'
import {
  BPF_ABS,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_DW,
  BPF_EXIT,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_PSEUDO_BTF_ID,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  BPF_ST,
  BPF_STX,
  BPF_X,
} from '../bpf/opcode.ts'
import { BPF_PROG_TYPE_SCHED_ACT, BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SOCKET_FILTER } from '../bpf/prog-type-table.ts'
import { stepAlu } from './alu.ts'
import { stepReturn, stepSubprogCall } from './call.ts'
import type { Env } from './env.ts'
import { stepHelperCall } from './helper-call.ts'
import { stepJump } from './jump.ts'
import { isThrow, keepsLock, stepKfuncCall } from './kfunc-call.ts'
import { checkUnmoved, stepAtomic, stepLoad, stepStore, stepStoreImm } from './memory.ts'
import { clearCallerSaved, defineReg, markUnknown, readReg } from './operand.ts'
import { pushPath } from './paths.ts'
import { checkResourceLeak } from './refs.ts'
import {
  CONST_PTR_TO_MAP,
  PTR_TO_ARENA,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_VALUE,
  R_MAP,
  R_OFF,
  R_RANGE,
  R_SUBREG_DEF,
  R_TYPE,
  REG_WORDS,
  setKnown,
  setPointer,
} from './reg.ts'
import { checkReturnCode } from './return-code.ts'
import { findSubprog } from './subprogs.ts'

/** The path goes on at `env.insn`; it goes on there in another frame, so the log shows the whole state; it has ended. */
export const GOES_ON = 0
export const RETURNED = 1
export const ENDED = 2

const BPF_FUNC_SPIN_UNLOCK = 94

/** Simulates the instruction at `env.insn`. */
export function step(env: Env): number {
  const { insns, insn } = env
  const code = insns.code[insn]!
  switch (code & 7) {
    case BPF_ALU:
    case BPF_ALU64:
      stepAlu(env)
      break
    case BPF_LDX:
      stepLoad(env, false)
      break
    case BPF_STX:
      if ((code & 0xe0) === BPF_ATOMIC) {
        stepAtomic(env)
      } else {
        if ((code & 0xe0) !== BPF_MEM || insns.imm[insn] !== 0) env.reject(EINVAL, 'BPF_STX uses reserved fields')
        stepStore(env, false)
      }
      break
    case BPF_ST:
      if ((code & 0xe0) !== BPF_MEM || insns.src[insn] !== 0) env.reject(EINVAL, 'BPF_ST uses reserved fields')
      stepStoreImm(env)
      break
    case BPF_JMP:
    case BPF_JMP32:
      return stepJmpClass(env, code)
    case BPF_LD:
      return stepLd(env, code)
  }
  env.insn = insn + 1
  return GOES_ON
}

function stepJmpClass(env: Env, code: number): number {
  const { insns, insn } = env
  const is32 = (code & 7) === BPF_JMP32
  const dst = insns.dst[insn]!
  const src = insns.src[insn]!
  const off = insns.off[insn]!
  const imm = insns.imm[insn]!
  env.jmpsProcessed++
  switch (code & 0xf0) {
    case BPF_CALL:
      if (
        (code & BPF_X) !== 0 ||
        (src !== BPF_PSEUDO_KFUNC_CALL && off !== 0) ||
        (src !== 0 && src !== BPF_PSEUDO_CALL && src !== BPF_PSEUDO_KFUNC_CALL) ||
        dst !== 0 ||
        is32
      ) {
        env.reject(EINVAL, 'BPF_CALL uses reserved fields')
      }
      return stepCall(env, src, imm)
    case BPF_JA:
      if ((code & BPF_X) !== 0 || src !== 0 || dst !== 0 || (is32 ? off : imm) !== 0)
        env.reject(EINVAL, 'BPF_JA uses reserved fields')
      env.insn = insn + 1 + (is32 ? imm : off)
      return GOES_ON
    case BPF_EXIT:
      if ((code & BPF_X) !== 0 || src !== 0 || dst !== 0 || imm !== 0 || is32) env.reject(EINVAL, 'BPF_EXIT uses reserved fields')
      return exit(env, false)
    default:
      stepJump(env)
      return GOES_ON
  }
}

function stepCall(env: Env, src: number, imm: number): number {
  if (env.state.activeLocks > 0) {
    const allowed = src === 0 ? imm === BPF_FUNC_SPIN_UNLOCK : src === BPF_PSEUDO_CALL || keepsLock(env)
    if (!allowed) env.reject(EINVAL, 'function calls are not allowed while holding a lock')
  }
  const { insn } = env
  if (src === BPF_PSEUDO_CALL) {
    stepSubprogCall(env)
  } else if (src === BPF_PSEUDO_KFUNC_CALL) {
    stepKfuncCall(env)
    if (isThrow(env, insn)) return exit(env, true)
    env.insn = insn + 1
  } else {
    stepHelperCall(env)
  }
  env.scratchReg(0)
  return GOES_ON
}

function exit(env: Env, thrown: boolean): number {
  checkResourceLeak(env, thrown, env.state.curframe === 0, thrown ? 'bpf_throw' : 'BPF_EXIT instruction in main prog')
  if (thrown) return ENDED
  if (env.state.curframe > 0) {
    stepReturn(env)
    return RETURNED
  }
  checkReturnCode(env, 0, 'R0')
  return ENDED
}

function stepLd(env: Env, code: number): number {
  const mode = code & 0xe0
  if (mode === BPF_ABS || mode === BPF_IND) {
    stepLoadSkb(env, code, mode)
  } else if (mode === BPF_IMM) {
    stepLoadImm(env, code)
    env.seen[env.insn + 1] = 1
    env.insn += 2
  } else {
    env.reject(EINVAL, 'invalid BPF_LD mode')
  }
  return GOES_ON
}

function maySkb(progType: number): boolean {
  switch (progType) {
    case BPF_PROG_TYPE_SOCKET_FILTER:
    case BPF_PROG_TYPE_SCHED_CLS:
    case BPF_PROG_TYPE_SCHED_ACT:
      return true
    default:
      return false
  }
}

// `check_ld_abs`: a load from the packet through the context in R6, which ends the program when there is no such byte.
function stepLoadSkb(env: Env, code: number, mode: number): void {
  const { insns, insn } = env
  if (!maySkb(env.progType)) env.reject(EINVAL, 'BPF_LD_[ABS|IND] instructions not allowed for this program type')
  const src = insns.src[insn]!
  if (insns.dst[insn] !== 0 || insns.off[insn] !== 0 || (code & 0x18) === BPF_DW || (mode === BPF_ABS && src !== 0)) {
    env.reject(EINVAL, 'BPF_LD_[ABS|IND] uses reserved fields')
  }
  readReg(env, 6)
  checkResourceLeak(env, false, true, 'BPF_LD_[ABS|IND]')
  if (env.regs[6 * REG_WORDS + R_TYPE] !== PTR_TO_CTX) {
    env.reject(EINVAL, 'at the time of BPF_LD_ABS|IND R6 != pointer to skb')
  }
  if (mode === BPF_IND) readReg(env, src)
  checkUnmoved(env, 6)
  clearCallerSaved(env, env.regs)
  markUnknown(env, env.regs, 0)
  env.regs[R_SUBREG_DEF] = insn + 1
  env.insn = insn + 1
  if (env.state.curframe === 0) return
  // In a called function a missing byte returns 0 to the caller; that is walked first.
  pushPath(env, insn + 1, insn, false)
  setKnown(env.regs, 0, 0, 0)
  env.insn = insn
  stepReturn(env)
}

// `check_ld_imm`.
function stepLoadImm(env: Env, code: number): void {
  const { insns, insn } = env
  if ((code & 0x18) !== BPF_DW) env.reject(EINVAL, 'invalid BPF_LD_IMM insn')
  if (insns.off[insn] !== 0) env.reject(EINVAL, 'BPF_LD_IMM64 uses reserved fields')
  const dst = insns.dst[insn]!
  defineReg(env, dst)
  const r = env.regs
  const d = dst * REG_WORDS
  const src = insns.src[insn]!
  if (src === 0) {
    setKnown(r, d, insns.imm[insn]!, insns.imm[insn + 1]!)
    return
  }
  if (src === BPF_PSEUDO_BTF_ID) env.reject(EINVAL, `ldimm64 of a kernel symbol with btf_id ${insns.imm[insn]}`)
  if (src === BPF_PSEUDO_FUNC) {
    const subprog = findSubprog(env, insn + insns.imm[insn]! + 1)
    const info = env.subprogs[subprog]
    if (info === undefined || info.typeId === 0) env.reject(EINVAL, 'missing btf func_info')
    if (info.isGlobal) env.reject(EINVAL, 'callback function not static')
    setPointer(r, d, PTR_TO_FUNC)
    r[d + R_RANGE] = subprog
    return
  }
  const index = env.mapOf[insn]!
  const map = env.maps[index]!
  if (src === BPF_PSEUDO_MAP_VALUE || src === BPF_PSEUDO_MAP_IDX_VALUE) {
    if (map.type === BPF_MAP_TYPE_ARENA) {
      markUnknown(env, r, d)
      r[d + R_TYPE] = PTR_TO_ARENA
      r[d + R_MAP] = index
      return
    }
    setPointer(r, d, PTR_TO_MAP_VALUE)
    r[d + R_OFF] = env.mapOffset[insn]!
  } else {
    setPointer(r, d, CONST_PTR_TO_MAP)
  }
  r[d + R_MAP] = index
}
