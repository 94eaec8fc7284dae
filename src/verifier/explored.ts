// Checkpoints: states that were stored at prune points, by instruction. A path that a finished checkpoint covers needs no walking; one that
// comes back to an unfinished checkpoint unchanged loops forever. When to store a new one and when to drop an old one decides how much is
// walked, so the rules are Linux's to the letter, down to the hash that makes instructions share a list.

import { EINVAL } from '../bpf/errno.ts'
import { BPF_JCOND, BPF_JMP } from '../bpf/opcode.ts'
import { CALLS_CALLBACK, type Env, FORCE_CHECKPOINT, ITER_NEXT, JMP_POINT } from './env.ts'
import { EXACT, maybeLooping, NOT_EXACT, RANGE_WITHIN, statesEqual } from './equal.ts'
import { pushJump } from './history.ts'
import { lineText } from './lines.ts'
import { frameInsn } from './links.ts'
import { inheritReads } from './operand.ts'
import { forgetPrecision, markAllScalarsPrecise, propagatePrecision } from './precision.ts'
import { stateText } from './print-state.ts'
import {
  FRAME_REG_WORDS,
  fillSlotType,
  R_AUX,
  R_ID,
  R_OFF,
  R_SMAX,
  R_TYPE,
  R_UMIN,
  R_VALUE,
  REG_WORDS,
  SLOT_WORDS,
  STACK_INVALID,
  STACK_ITER,
  setNotInit,
  slotType,
} from './reg.ts'
import type { LoopVisit, State } from './state.ts'

const MAY_GOTO = BPF_JMP | BPF_JCOND
// A jump history of this length is cut off by a checkpoint.
const LONG_HISTORY = 40
const MAX_BACKEDGE_ITERATIONS = 64
/** Of unprivileged programs: checkpoints at one instruction. */
const COMPLEXITY_LIMIT_STATES = 64
const ITER_ACTIVE = 1

/** All checkpoints of one run, and the loops being visited. */
export class Explored {
  readonly #lists: (State[] | undefined)[]
  readonly #visits: Map<string, LoopVisit> = new Map()
  stored = 0
  /** Checkpoints that were dropped from their list but that paths still wait for. */
  dropped = 0
  backedges = 0

  constructor(env: Env) {
    this.#lists = new Array<State[] | undefined>(env.count)
  }

  /** Newest last. Lists are shared by instructions whose hashes are equal. */
  list(insn: number, state: State): State[] {
    const at = ((insn ^ state.frames[state.curframe]!.callsite) >>> 0) % this.#lists.length
    let list = this.#lists[at]
    if (list === undefined) {
      list = []
      this.#lists[at] = list
    }
    return list
  }

  enterVisit(chain: string): LoopVisit {
    let visit = this.#visits.get(chain)
    if (visit === undefined) {
      visit = { chain, entry: null, backedges: [] }
      this.#visits.set(chain, visit)
    }
    return visit
  }
}

function updatePeak(env: Env): void {
  const { explored } = env
  env.peakStates = Math.max(env.peakStates, explored.stored + explored.dropped + explored.backedges)
}

// The loop that a state is in: the call sites down to it and its component; '' outside of loops.
function loopChain(env: Env, state: State): string {
  let chain = ''
  for (let f = 0; f <= state.curframe; f++) {
    const insn = frameInsn(state, f)
    const scc = env.scc[insn]!
    if (scc !== 0) return `(${chain}${scc})`
    chain += `${insn},`
  }
  return ''
}

// In the log the list of call sites ends before one at instruction 0.
function shownChain(chain: string): string {
  const parts = chain.slice(1, -1).split(',')
  const scc = parts.pop()
  const zero = parts.indexOf('0')
  return `(${[...(zero < 0 ? parts : parts.slice(0, zero)), scc].join(',')})`
}

function sameCallsites(a: State, b: State): boolean {
  if (a.curframe !== b.curframe) return false
  for (let f = a.curframe; f >= 0; f--) if (a.frames[f]!.callsite !== b.frames[f]!.callsite) return false
  return true
}

// A loop that still has open ends: what its checkpoints need is not all known.
function isIncomplete(state: State): boolean {
  return state.visit !== null && state.visit.backedges.length > 0
}

// Drops what no later instruction can read.
function clean(env: Env, state: State): void {
  const watch = env.stackWatch
  watch?.query(state)
  state.cleaned = true
  for (let f = 0; f <= state.curframe; f++) {
    const frame = state.frames[f]!
    const live = env.liveRegs[frameInsn(state, f)]!
    for (let n = 0; n < 10; n++) if ((live & (1 << n)) === 0) setNotInit(frame.regs, n * REG_WORDS)
    if (watch === null) continue
    for (let s = 0; s < frame.allocated >> 3; s++) {
      if (watch.alive(f, s)) continue
      setNotInit(frame.stack, s * SLOT_WORDS)
      fillSlotType(frame.stack, s * SLOT_WORDS, STACK_INVALID)
    }
  }
}

function cleanList(env: Env, list: State[], insn: number): void {
  for (let k = list.length - 1; k >= 0; k--) {
    const old = list[k]!
    if (old.branches > 0 || old.cleaned || old.insn !== insn || !sameCallsites(old, env.state)) continue
    if (!isIncomplete(old)) clean(env, old)
  }
}

/** `find_prev_entry`: the last checkpoint of an instruction on the current path. */
export function findPrevious(env: Env, state: State | null, insn: number): State | null {
  if (state === null) return null
  const list = env.explored.list(insn, state)
  for (let k = list.length - 1; k >= 0; k--) {
    const old = list[k]!
    if (old.insn === insn && old.branches > 0 && sameCallsites(old, state) && old.dfsDepth < state.dfsDepth) return old
  }
  return null
}

// Iterators of a path that are active at different depths in two states: it makes progress.
function depthsDiffer(old: State, current: State): boolean {
  for (let f = old.curframe; f >= 0; f--) {
    const a = old.frames[f]!
    const b = current.frames[f]!
    for (let s = 0; s < a.allocated >> 3; s++) {
      const w = s * SLOT_WORDS
      if (slotType(a.stack, w, 0) !== STACK_ITER || (a.stack[w + R_AUX]! & 3) !== ITER_ACTIVE) continue
      if (s < b.allocated >> 3 && a.stack[w + R_AUX]! >>> 2 !== b.stack[w + R_AUX]! >>> 2) return true
    }
  }
  return false
}

// Whether the iterator that R1 of a `next` call points at is active.
function iterIsActive(state: State): boolean {
  const frame = state.frames[state.curframe]!
  const r1 = REG_WORDS
  const off = frame.regs[r1 + R_OFF]! + frame.regs[r1 + R_VALUE]!
  const slot = (-off - 1) >> 3
  return slot >= 0 && slot < frame.allocated >> 3 && (frame.stack[slot * SLOT_WORDS + R_AUX]! & 3) === ITER_ACTIVE
}

// Of the registers of a frame, as far as maybeLooping compares them.
function digestOf(regs: Int32Array): number {
  let digest = 0
  for (let i = 0; i < FRAME_REG_WORDS; i += REG_WORDS) {
    digest = Math.imul(digest, 31) + regs[i + R_TYPE]! + regs[i + R_OFF]!
    digest = (Math.imul(digest, 31) + regs[i + R_ID]!) ^ regs[i + R_VALUE]!
    digest = (Math.imul(digest, 31) + regs[i + R_UMIN]!) ^ regs[i + R_SMAX]!
  }
  return digest
}

const MISS = 0
const HIT = 1
const LOOP_HIT = 2
/** A miss of an unfinished checkpoint: part of the current path. */
const OPEN_MISS = 3

function compareOpen(env: Env, old: State, insn: number, digest: number): number {
  const current = env.state
  const frame = old.frames[old.curframe]!
  const mark = env.marks[insn]!
  if (frame.inAsyncCallback && frame.asyncEntryCount !== env.frame.asyncEntryCount) return OPEN_MISS
  if ((mark & ITER_NEXT) !== 0) {
    return statesEqual(env, old, current, RANGE_WITHIN) && iterIsActive(current) ? LOOP_HIT : OPEN_MISS
  }
  if (env.insns.code[insn] === MAY_GOTO) {
    if (old.mayGotoDepth !== current.mayGotoDepth && statesEqual(env, old, current, RANGE_WITHIN)) return LOOP_HIT
  }
  if ((mark & CALLS_CALLBACK) !== 0) return statesEqual(env, old, current, RANGE_WITHIN) ? LOOP_HIT : OPEN_MISS
  if (
    old.digest === digest &&
    maybeLooping(old, current) &&
    statesEqual(env, old, current, EXACT) &&
    !depthsDiffer(old, current) &&
    old.mayGotoDepth === current.mayGotoDepth &&
    old.callbackUnrollDepth === current.callbackUnrollDepth
  ) {
    env.verbose(lineText(env, insn))
    env.verbose(`infinite loop detected at insn ${insn}\n`)
    env.verbose(`cur state:${stateText(env, current, current.curframe, true)}\n`)
    env.reject(EINVAL, `old state:${stateText(env, old, current.curframe, true)}`)
  }
  return OPEN_MISS
}

/** `is_state_visited`: true if the current path need not be walked on from here; else it may be stored as a checkpoint. */
export function isVisited(env: Env, insn: number): boolean {
  const { state: current, explored } = env
  const mark = env.marks[insn]!
  const forced = env.testStateFreq || (mark & FORCE_CHECKPOINT) !== 0 || current.jmpCount > LONG_HISTORY
  const jumps = env.jmpsProcessed - env.prevJmpsProcessed
  const steps = env.processed - env.prevProcessed
  let add = forced || (jumps >= 2 && steps >= 8)
  const list = explored.list(insn, current)
  const seen = list.length
  if (seen > 0) cleanList(env, list, insn)
  const digest = seen > 0 || add ? digestOf(env.regs) : 0
  for (let k = list.length - 1; k >= 0; k--) {
    const old = list[k]!
    if (old.insn !== insn) continue
    let result: number
    if (old.branches > 0) {
      result = compareOpen(env, old, insn, digest)
      if (result === OPEN_MISS && !forced && jumps < 20 && steps < 100) add = false
    } else {
      const incomplete = isIncomplete(old)
      result = statesEqual(env, old, current, incomplete ? RANGE_WITHIN : NOT_EXACT) ? (incomplete ? LOOP_HIT : HIT) : MISS
    }
    if (result === HIT || result === LOOP_HIT) {
      hit(env, old, insn, result === LOOP_HIT)
      return true
    }
    if (add) old.misses++
    const patience = (mark & FORCE_CHECKPOINT) !== 0 && old.branches > 0 ? 64 : 3
    if (old.misses > old.hits * patience + patience) drop(env, list, k)
  }
  if (env.maxStatesPerInsn < seen) env.maxStatesPerInsn = seen
  if (!env.privileged && seen > COMPLEXITY_LIMIT_STATES) return false
  if (add) store(env, list, insn, digest)
  return false
}

function hit(env: Env, old: State, insn: number, loop: boolean): void {
  const { state: current, explored } = env
  old.hits++
  if ((env.marks[insn]! & JMP_POINT) !== 0) pushJump(env, 0, 0, 0, 0)
  propagatePrecision(env, old, current)
  inheritReads(env, old, current)
  if (!loop) return
  const backedge = env.pool.copy(current)
  backedge.equal = old
  backedge.insn = insn
  const { visit } = old
  if (visit === null) return
  if (env.logging2) env.log.add(`SCC backedge ${shownChain(visit.chain)}\n`)
  visit.backedges.push(backedge)
  explored.backedges++
  updatePeak(env)
}

function drop(env: Env, list: State[], k: number): void {
  const old = list[k]!
  list.splice(k, 1)
  env.explored.stored--
  if (old.branches > 0) {
    old.inFreeList = true
    env.explored.dropped++
  } else {
    reuse(env, old)
  }
}

// Nothing leads to a checkpoint that is in no list and that no path waits for, but for the open ends of a loop.
function reuse(env: Env, old: State): void {
  if (old.visit === null) env.pool.release(old)
}

function store(env: Env, list: State[], insn: number, digest: number): void {
  const { state: current, explored } = env
  env.totalStates++
  explored.stored++
  updatePeak(env)
  env.prevJmpsProcessed = env.jmpsProcessed
  env.prevProcessed = env.processed
  if (env.privileged) forgetPrecision(current)
  const checkpoint = env.pool.copy(current)
  checkpoint.insn = insn
  checkpoint.explored = true
  checkpoint.digest = digest
  enterLoop(env, checkpoint)
  for (let f = 0; f <= current.curframe; f++) {
    const frame = current.frames[f]!
    frame.written = 0
    frame.resultFrame = -1
  }
  current.parent = checkpoint
  current.firstInsn = insn
  current.dfsDepth = checkpoint.dfsDepth + 1
  current.jmpCount = 0
  env.historyEntry = -1
  list.push(checkpoint)
}

function enterLoop(env: Env, checkpoint: State): void {
  if (env.sccCount === 0) return
  const chain = loopChain(env, checkpoint)
  if (chain === '') return
  const visit = env.explored.enterVisit(chain)
  checkpoint.visit = visit
  if (visit.entry !== null) return
  visit.entry = checkpoint
  if (env.logging2) env.log.add(`SCC enter ${shownChain(chain)}\n`)
}

function exitLoop(env: Env, checkpoint: State): void {
  const { visit } = checkpoint
  if (visit === null || visit.entry !== checkpoint) return
  if (env.logging2) env.log.add(`SCC exit ${shownChain(visit.chain)}\n`)
  visit.entry = null
  env.explored.backedges -= visit.backedges.length
  updatePeak(env)
  propagateBackedges(env, visit)
}

// What became precise in a loop's checkpoints must be precise on the paths that ended on them, which may make more precise.
function propagateBackedges(env: Env, visit: LoopVisit): void {
  // Newest first, as they were linked.
  const edges = visit.backedges.toReversed()
  for (let round = 1; ; round++) {
    if (round > MAX_BACKEDGE_ITERATIONS) {
      if (env.logging2) env.log.add('propagate_backedges: too many iterations\n')
      for (const edge of edges) markAllScalarsPrecise(env, edge)
      break
    }
    let changed = false
    for (const edge of edges) if (propagatePrecision(env, edge.equal!, edge)) changed = true
    if (!changed) break
  }
  visit.backedges.length = 0
  for (const edge of edges) env.pool.release(edge)
}

/** `update_branch_counts`: a path has ended, and with it perhaps the exploration of checkpoints behind it. */
export function endPath(env: Env): void {
  let state: State | null = env.state
  while (state !== null) {
    state.branches--
    if (state.branches > 0) return
    exitLoop(env, state)
    const parent: State | null = state.parent
    if (state.inFreeList) {
      state.inFreeList = false
      env.explored.dropped--
      reuse(env, state)
    }
    state = parent
  }
}
