// Calls of kernel functions.

import { EACCES } from '../bpf/errno.ts'
import type { Env } from './env.ts'
import { kfuncNameAt } from './kfunc.ts'

export function stepKfuncCall(env: Env): void {
  env.reject(EACCES, `calling kernel function ${kfuncNameAt(env, env.insn) ?? ''} is not allowed`)
}

/** Whether the call may happen while a spin lock is held. */
export function keepsLock(_env: Env): boolean {
  return false
}

export function isThrow(_env: Env, _insn: number): boolean {
  return false
}
