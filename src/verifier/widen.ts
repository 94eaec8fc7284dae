// Loops whose number of rounds is not known (may_goto, iterators, callbacks): a scalar that no check has needed exactly and that differs from
// the previous round is forgotten, so that the rounds become equal.

import type { Env } from './env.ts'
import { regsExact, startComparison } from './equal.ts'
import { markUnknown } from './operand.ts'
import { R_PRECISE, R_TYPE, REG_WORDS, SCALAR_VALUE, SLOT_WORDS } from './reg.ts'
import { isSpilled, type State } from './state.ts'

function widenReg(env: Env, a: Int32Array, i: number, b: Int32Array, j: number): void {
  if (a[i + R_TYPE] !== SCALAR_VALUE || b[j + R_TYPE] !== SCALAR_VALUE) return
  if (a[i + R_PRECISE] !== 0 || b[j + R_PRECISE] !== 0 || regsExact(a, i, b, j)) return
  markUnknown(env, b, j)
}

/** `widen_imprecise_scalars`: of the current state, against the checkpoint of the previous round. */
export function widen(env: Env, old: State, current: State): void {
  startComparison(env)
  for (let f = old.curframe; f >= 0; f--) {
    const a = old.frames[f]!
    const b = current.frames[f]!
    for (let n = 0; n < 11; n++) widenReg(env, a.regs, n * REG_WORDS, b.regs, n * REG_WORDS)
    for (let s = 0; s < Math.min(a.allocated, b.allocated) >> 3; s++) {
      const w = s * SLOT_WORDS
      if (isSpilled(a.stack, w) && isSpilled(b.stack, w)) widenReg(env, a.stack, w, b.stack, w)
    }
  }
}
