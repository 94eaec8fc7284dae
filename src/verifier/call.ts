// Calls between the functions of a program. A static function is walked in place, in a frame of its own; a global one is assumed to do
// anything its prototype allows, and verified by itself afterwards.

import { E2BIG, EACCES, EFAULT, EINVAL } from '../bpf/errno.ts'
import { CALLS_CALLBACK, type Env } from './env.ts'
import { findPrevious } from './explored.ts'
import { checkSubprogArgs } from './global-function.ts'
import { CALLER_SAVED, clearCallerSaved, markUnknown } from './operand.ts'
import { markChainPrecision } from './precision.ts'
import { printState } from './print-state.ts'
import { dropPacketPointers } from './refs.ts'
import { copyReg, PTR_TO_STACK, R_SUBREG_DEF, R_TYPE, REG_WORDS, SCALAR_VALUE } from './reg.ts'
import { isWithin, outOfRange } from './return-code.ts'
import { type Frame, MAX_CALL_FRAMES } from './state.ts'
import { findSubprog } from './subprogs.ts'
import { widen } from './widen.ts'

// R1..R5.
const ARGS = 0x3e

/** `setup_func_entry` without the registers: pushes a frame for a subprogram onto the current state. */
export function pushFrame(env: Env, callsite: number, subprog: number): Frame {
  const { state } = env
  if (state.curframe + 1 >= MAX_CALL_FRAMES) env.reject(E2BIG, `the call stack of ${state.curframe + 2} frames is too deep`)
  const callee = state.push(callsite, subprog)
  env.scratchAll()
  env.setFrame()
  return callee
}

/** A call of a function of the program: goes on in it, or behind the call of a global function. */
export function stepSubprogCall(env: Env): void {
  const { insns, insn, state } = env
  const subprog = findSubprog(env, insn + insns.imm[insn]! + 1)
  if (subprog < 0) env.reject(EFAULT, `verifier bug: invalid subprog ${insn + insns.imm[insn]! + 1}`)
  const info = env.subprogs[subprog]!
  const why = checkSubprogArgs(env, subprog)
  if (info.isGlobal) {
    if (state.activeLocks > 0) {
      env.reject(EINVAL, 'global function calls are not allowed while holding a lock,\nuse static function instead')
    }
    if (
      info.mightSleep &&
      (state.activeRcuLocks > 0 || state.activePreemptLocks > 0 || state.activeIrqId !== 0 || !state.inSleepable)
    ) {
      env.reject(
        EINVAL,
        'global functions that may sleep are not allowed in non-sleepable context,\n' +
          'i.e., in a RCU/IRQ/preempt-disabled section, or in\na non-sleepable BPF program context',
      )
    }
    if (why !== 0) env.reject(why, `Caller passes invalid args into func#${subprog} ('${info.name}')`)
    if (env.logging) env.log.add(`Func#${subprog} ('${info.name}') is global and assumed valid.\n`)
    if (info.changesPktData) dropPacketPointers(env)
    info.called = true
    clearCallerSaved(env, env.regs)
    markUnknown(env, env.regs, 0)
    env.regs[R_SUBREG_DEF] = 0
    env.insn = insn + 1
    return
  }
  const caller = env.frame
  const callee = pushFrame(env, insn, subprog)
  for (let n = 1; n <= 5; n++) copyReg(callee.regs, n * REG_WORDS, caller.regs, n * REG_WORDS)
  const argsWritten = caller.written & ARGS
  clearCallerSaved(env, caller.regs)
  caller.written |= CALLER_SAVED
  callee.written = argsWritten
  env.insn = info.start
  env.stackWatch?.resetChain()
  if (env.logging) {
    env.log.add('caller:\n')
    printState(env, state, caller.frameno)
    env.log.add('callee:\n')
    printState(env, state, callee.frameno)
  }
}

/** `prepare_func_exit`: back to the caller, or to the helper that called a callback. */
export function stepReturn(env: Env): void {
  const { state } = env
  env.stackWatch?.update()
  const callee = env.frame
  if (callee.regs[R_TYPE] === PTR_TO_STACK) env.reject(EINVAL, 'cannot return stack pointer to the caller')
  const caller = state.frames[state.curframe - 1]!
  const fromCallback = callee.inCallback
  if (fromCallback) {
    if (callee.regs[R_TYPE] !== SCALAR_VALUE) env.reject(EACCES, 'R0 not a scalar value')
    markChainPrecision(env, 0)
    if (!isWithin(callee.regs, 0, callee.returnMin, callee.returnMax)) {
      env.reject(EINVAL, outOfRange(callee.regs, 0, callee.returnMin, callee.returnMax, 'At callback return', 'R0'))
    }
    if ((env.marks[callee.callsite]! & CALLS_CALLBACK) === 0)
      env.reject(EFAULT, 'verifier bug: callback return to no callback call')
  } else {
    copyReg(caller.regs, 0, callee.regs, 0)
    // A result may come from before a checkpoint in the callee.
    const written = (callee.written & 1) !== 0
    caller.resultFrame = written ? -1 : callee.resultFrame >= 0 ? callee.resultFrame : callee.frameno
    if (written) caller.written |= 1
    else caller.written &= ~1
  }
  const back = fromCallback ? callee.callsite : callee.callsite + 1
  if (env.logging) {
    env.log.add('returning from callee:\n')
    printState(env, state, callee.frameno)
    env.log.add(`to caller at ${back}:\n`)
    printState(env, state, caller.frameno)
  }
  state.curframe--
  env.setFrame()
  env.insn = back
  if (!fromCallback) return
  const previous = findPrevious(env, state, back)
  if (previous !== null) widen(env, previous, state)
}
