// The simulation: from the first instruction along one path after another. At every prune point a path may turn out to be covered by a
// checkpoint; at every undecided jump one way is queued. Each instruction is logged with the state that it left, shown to the device, and
// simulated.

import { E2BIG, EFAULT, EINVAL } from '../bpf/errno.ts'
import { type Env, JMP_POINT, PRUNE_POINT, Reject } from './env.ts'
import { Explored, endPath, isVisited } from './explored.ts'
import { pushJump } from './history.ts'
import { insnText } from './insn-text.ts'
import { lineText } from './lines.ts'
import { popPath } from './paths.ts'
import { isScratched, printInsnState, printState } from './print-state.ts'
import { BARRIER_BEFORE, BARRIER_BEHIND, type Speculation, speculationOf, stopsAtBarrier } from './speculation.ts'
import type { StackWatch } from './stack-watch.ts'
import { ENDED, RETURNED, step } from './step.ts'
import type { View } from './view.ts'

const COMPLEXITY_LIMIT_INSNS = 1_000_000

/** What an instruction's lines in the log take at most, but for states of many registers. */
const LINE_BYTES = 512

/** `do_check` from a state that stands at the first instruction of a function. */
export function walk(env: Env, view: View): void {
  const { count, marks, hooks, stackWatch, logging, logging2, log } = env
  const counting = !logging && log.level !== 0
  let printState2 = false
  // Linux counts the checkpoints of functions that it is done with as if they were still there.
  const before = env.explored?.stored ?? 0
  env.explored = new Explored(env)
  const speculation = speculationOf(env)
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
    if (counting) log.skip(LINE_BYTES)
    if (hooks !== null) {
      const answer = hooks.insn(view, insn, env.prevInsn)
      if (answer !== 0) throw new Reject(answer < 0 ? -answer : EINVAL, insn)
    }
    if (!state.speculative) env.seen[insn] = 1
    const before = insn
    const result = speculation === null ? stepWatched(env, stackWatch) : stepSpeculating(env, speculation, stackWatch)
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

function stepWatched(env: Env, stackWatch: StackWatch | null): number {
  stackWatch?.begin(env.insn)
  const result = step(env)
  stackWatch?.commit()
  return result
}

// A mispredicted path ends at a barrier; what it would do wrong is met with one.
function stepSpeculating(env: Env, speculation: Speculation, stackWatch: StackWatch | null): number {
  const { state, insn } = env
  if (state.speculative && (speculation.barrier[insn]! & BARRIER_BEFORE) !== 0) return ENDED
  let result: number
  try {
    result = stepWatched(env, stackWatch)
  } catch (error) {
    if (!stopsAtBarrier(env, error)) throw error
    stackWatch?.commit()
    return ENDED
  }
  return state.speculative && (speculation.barrier[insn]! & BARRIER_BEHIND) !== 0 ? ENDED : result
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
