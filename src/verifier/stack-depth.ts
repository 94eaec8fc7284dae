// The stack that a chain of calls needs: at most 512 bytes over at most 8 frames, and at most 256 before a function with a tail call.
// Every chain counts, dead or alive. A function that was found good with so much stack and so many frames above it need not be walked
// again with less of both, which keeps programs with many calls from taking exponential time.

import { E2BIG, EACCES, EINVAL } from '../bpf/errno.ts'
import { isKfuncCall } from './call-summary.ts'
import type { Env } from './env.ts'
import { kfuncNameAt } from './kfunc.ts'
import { MAX_BPF_STACK, MAX_CALL_FRAMES } from './state.ts'
import { findSubprog, isPseudoCall, isPseudoFunc } from './subprogs.ts'

const TAIL_CALL_STACK = 256

/** What a JIT makes of a frame. */
function roundUp(bytes: number): number {
  return (bytes + 15) & ~15
}

/** depths[callback][frame]: the most stack above with which the function was found good. */
type Known = Int32Array

export function checkStackDepth(env: Env): void {
  const known: Known[] = env.subprogs.map(() => new Int32Array(2 * MAX_CALL_FRAMES).fill(-1))
  for (let n = env.subprogs.length - 1; n >= 0; n--) {
    if (n === 0 || env.subprogs[n]!.isAsyncCallback) enter(env, n, 0, 0, false, known)
  }
  markTailCallers(env)
}

function enter(env: Env, n: number, above: number, frame: number, inCallback: boolean, known: Known[]): void {
  const subprog = env.subprogs[n]!
  if (n !== 0 && subprog.hasTailCall && above >= TAIL_CALL_STACK) {
    env.reject(EACCES, `tail_calls are not allowed when call stack of previous frames is ${above} bytes. Too large`)
  }
  const depth = above + roundUp(subprog.stackDepth)
  if (depth > MAX_BPF_STACK) env.reject(EACCES, `combined stack size of ${frame + 1} calls is ${depth}. Too large`)
  const callback = inCallback || subprog.isCallback
  if (isKnown(known[n]!, above, frame, callback)) return
  walk(env, n, depth, frame, callback, known)
  known[n]![(callback ? MAX_CALL_FRAMES : 0) + frame] = above
}

function isKnown(known: Known, above: number, frame: number, callback: boolean): boolean {
  for (let f = frame; f < MAX_CALL_FRAMES; f++) {
    if (known[MAX_CALL_FRAMES + f]! >= above || (!callback && known[f]! >= above)) return true
  }
  return false
}

function walk(env: Env, n: number, depth: number, frame: number, callback: boolean, known: Known[]): void {
  const end = env.subprogEnd(n)
  for (let i = env.subprogs[n]!.start; i < end; i++) {
    if (isKfuncCall(env.insns, i)) {
      if (callback && kfuncNameAt(env, i) === 'bpf_throw') {
        env.reject(EINVAL, `bpf_throw kfunc (insn ${i}) cannot be called from callback subprog ${n}`)
      }
      continue
    }
    const direct = isPseudoCall(env, i)
    if (!direct && !isPseudoFunc(env, i)) continue
    const callee = findSubprog(env, i + env.insns.imm[i]! + 1)
    const subprog = env.subprogs[callee]!
    if (subprog.isAsyncCallback) {
      // It runs on a stack of its own unless it is called like any function.
      if (!direct) continue
      if (subprog.isExceptionCallback) env.reject(EINVAL, `insn ${i} cannot call exception cb directly`)
    }
    if (frame + 1 >= MAX_CALL_FRAMES) env.reject(E2BIG, `the call stack of ${frame + 1} frames is too deep !`)
    enter(env, callee, depth, frame + 1, callback, known)
  }
}

/** Callers, direct or not, of functions with a tail call keep the tail call counter. */
function markTailCallers(env: Env): void {
  for (let changed = true; changed; ) {
    changed = false
    for (let i = 0; i < env.count; i++) {
      if (!isPseudoCall(env, i) && !isPseudoFunc(env, i)) continue
      const caller = env.subprogs[env.subprogOf[i]!]!
      const callee = env.subprogs[findSubprog(env, i + env.insns.imm[i]! + 1)]!
      if (caller.tailCallReachable || !callee.tailCallReachable) continue
      if (caller.isExceptionCallback) env.reject(EINVAL, 'cannot tail call within exception cb')
      caller.tailCallReachable = true
      changed = true
    }
  }
}
