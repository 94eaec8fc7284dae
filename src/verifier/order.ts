// Orders over the control-flow graph of single functions: the postorder in which the data-flow passes converge fast, and the strongly
// connected components, which are the loops.

import type { Env } from './env.ts'

/** Instructions by function, each function's in postorder; `Subprog.postorderStart` is where its run begins. */
export function computePostorder(env: Env): void {
  const { next, target } = env.flow
  const order = new Int32Array(env.count)
  const state = new Uint8Array(env.count)
  const stack = new Int32Array(env.count)
  const DISCOVERED = 1
  const EXPLORED = 2
  let done = 0
  for (const subprog of env.subprogs) {
    subprog.postorderStart = done
    let depth = 1
    stack[0] = subprog.start
    while (depth > 0) {
      const top = stack[depth - 1]!
      state[top]! |= DISCOVERED
      if ((state[top]! & EXPLORED) !== 0) {
        order[done++] = top
        depth--
        continue
      }
      state[top]! |= EXPLORED
      const first = next[top]!
      if (first >= 0 && state[first] === 0) {
        state[first] = DISCOVERED
        stack[depth++] = first
      }
      const second = target[top]!
      if (second >= 0 && state[second] === 0) {
        state[second] = DISCOVERED
        stack[depth++] = second
      }
    }
  }
  env.postorder = order.subarray(0, done)
}

/**
 * Tarjan's algorithm without recursion. A component gets a number, from 1 in the order of completion, if it is a loop: more than one
 * instruction, or one that jumps to itself.
 */
export function computeScc(env: Env): void {
  const { count, scc } = env
  const { next, target } = env.flow
  const OFF_STACK = 0x7fffffff
  const pre = new Int32Array(count)
  const low = new Int32Array(count)
  const stack = new Int32Array(count)
  const walk = new Int32Array(count)
  let height = 0
  let order = 1
  let id = 1
  for (let root = 0; root < count; root++) {
    if (pre[root] !== 0) continue
    let depth = 1
    walk[0] = root
    while (depth > 0) {
      const w = walk[depth - 1]!
      if (pre[w] === 0) {
        pre[w] = order
        low[w] = order++
        stack[height++] = w
      }
      const a = next[w]!
      const b = target[w]!
      if (a >= 0) {
        if (pre[a] === 0) {
          walk[depth++] = a
          continue
        }
        if (low[a]! < low[w]!) low[w] = low[a]!
      }
      if (b >= 0) {
        if (pre[b] === 0) {
          walk[depth++] = b
          continue
        }
        if (low[b]! < low[w]!) low[w] = low[b]!
      }
      depth--
      if (low[w]! < pre[w]!) continue
      const isLoop = stack[height - 1] !== w || a === w || b === w
      for (;;) {
        const t = stack[--height]!
        low[t] = OFF_STACK
        if (isLoop) scc[t] = id
        if (t === w) break
      }
      if (isLoop) id++
    }
  }
  env.sccCount = id
}
