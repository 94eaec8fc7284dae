// Branches that wait to be walked: a stack, the last queued is taken up first.

import { EFAULT } from '../bpf/errno.ts'
import type { Env } from './env.ts'
import type { State } from './state.ts'

/** More than this many waiting branches are taken for a program that never ends. */
const COMPLEXITY_LIMIT_JMP_SEQ = 8192

export interface Path {
  readonly state: State
  readonly insn: number
  readonly previous: number
  /** Where the log stood. */
  readonly mark: number
}

/** `push_stack`: a copy of the current state that will go on at `insn`. Too many are refused with an errno that depends on who queues. */
export function pushPath(env: Env, insn: number, previous: number, speculative: boolean, errno: number = EFAULT): State {
  const state = env.pool.copy(env.state)
  if (speculative) state.speculative = true
  env.paths.push({ state, insn, previous, mark: env.log.mark() })
  if (env.paths.length > COMPLEXITY_LIMIT_JMP_SEQ) {
    env.reject(errno, `The sequence of ${env.paths.length} jumps is too complex.`)
  }
  if (state.parent !== null) state.parent.branches++
  return state
}

/** `push_async_cb`: a path of its own that begins with nothing known, in a subprogram. */
export function pushFreshPath(env: Env, insn: number, previous: number, subprog: number): State {
  const state = env.pool.take()
  state.start(subprog)
  env.paths.push({ state, insn, previous, mark: env.log.mark() })
  if (env.paths.length > COMPLEXITY_LIMIT_JMP_SEQ) {
    env.reject(EFAULT, `The sequence of ${env.paths.length} jumps is too complex for async cb.`)
  }
  return state
}

/** `pop_stack`: makes the last queued branch current; false if there is none. */
export function popPath(env: Env): boolean {
  const path = env.paths.pop()
  if (path === undefined) return false
  env.pool.release(env.state)
  env.enter(path.state)
  if (!env.logging2) env.log.reset(path.mark)
  env.insn = path.insn
  env.prevInsn = path.previous
  return true
}
