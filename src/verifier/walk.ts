// The simulation: from the first instruction along one path after another. At every prune point a path may turn out to be covered by a
// checkpoint; at every undecided jump one way is queued. Each instruction is logged with the state that it left, shown to the device, and
// simulated.

import { E2BIG, EFAULT, EINVAL } from '../bpf/errno.ts'
import { type Env, JMP_POINT, PRUNE_POINT, Reject } from './env.ts'
import { Explored, endPath, isVisited } from './explored.ts'
import { pushJump } from './history.ts'
import { insnText } from './insn-text.ts'
import { lineText } from './lines.ts'
import { LOG_LEVEL, LOG_LEVEL2 } from './log.ts'
import { popPath } from './paths.ts'
import { isScratched, printInsnState, printState } from './print-state.ts'
import { ENDED, RETURNED, step } from './step.ts'
import type { View } from './view.ts'

const COMPLEXITY_LIMIT_INSNS = 1_000_000

/** `do_check` from a state that stands at the first instruction of a function. */
export function walk(env: Env, view: View): void {
  const { count, marks, hooks, stackWatch } = env
  const logging = (env.log.level & LOG_LEVEL) !== 0
  const logging2 = (env.log.level & LOG_LEVEL2) !== 0
  let printState2 = false
  // Linux counts the checkpoints of functions that it is done with as if they were still there.
  const before = env.explored?.stored ?? 0
  env.explored = new Explored(env)
  env.explored.stored = before
  env.paths = []
  env.prevInsn = -1
  for (;;) {
    env.historyEntry = -1
    const insn = env.insn
    if (insn >= count) env.reject(EFAULT, `invalid insn idx ${insn} insn_cnt ${count}`)
    if (++env.processed > COMPLEXITY_LIMIT_INSNS) {
      env.reject(E2BIG, `BPF program is too large. Processed ${env.processed} insn`)
    }
    const state = env.state
    state.lastInsn = env.prevInsn
    state.insn = insn
    const mark = marks[insn]!
    if ((mark & PRUNE_POINT) !== 0 && isVisited(env, insn)) {
      if (logging) env.log.add(printState2 ? `\nfrom ${env.prevInsn} to ${insn}${speculative(env)}: safe\n` : `${insn}: safe\n`)
      if (!nextPath(env)) return
      printState2 = true
      continue
    }
    if ((mark & JMP_POINT) !== 0) pushJump(env, 0, 0, 0, 0)
    if (logging) {
      if (logging2 && printState2) {
        env.log.add(`\nfrom ${env.prevInsn} to ${insn}${speculative(env)}:`)
        printState(env, state, state.curframe)
        printState2 = false
      }
      if (isScratched(env)) printInsnState(env)
      const line = lineText(env, insn)
      if (line !== '') env.log.add(line)
      env.log.addInsn(`${insn}: ${insnText(env, insn)}`)
    }
    if (hooks !== null) {
      const answer = hooks.insn(view, insn, env.prevInsn)
      if (answer !== 0) throw new Reject(answer < 0 ? -answer : EINVAL, insn)
    }
    env.seen[insn] = 1
    const before = insn
    stackWatch?.begin(insn)
    const result = step(env)
    stackWatch?.commit()
    env.prevInsn = before
    if (result === ENDED) {
      env.insn = before
      if (!nextPath(env)) return
      printState2 = true
    } else if (result === RETURNED) {
      printState2 = true
    }
  }
}

function speculative(env: Env): string {
  return env.state.speculative ? ' (speculative execution)' : ''
}

// Ends the current path; false if none is left.
function nextPath(env: Env): boolean {
  env.scratchAll()
  endPath(env)
  env.stackWatch?.update()
  return popPath(env)
}
