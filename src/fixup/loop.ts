// bpf_loop whose callback is known: the loop stands in the program, its counters in R6 to R8, which are spilled below the stack of the
// function.

import { BPF_ADD, BPF_DW, BPF_JEQ, BPF_JGE, BPF_JLE, BPF_PSEUDO_CALL, CALL } from '../bpf/opcode.ts'
import type { Verified } from '../verifier/verdict.ts'
import type { Code } from './code.ts'
import { rewrite } from './code.ts'
import { alu64Imm, FP, ja, jumpImm, jumpReg, load, mov32Imm, mov64, R0, R1, R2, type Step, step, store } from './step.ts'

const LOOP = 181
const MAX_LOOPS = 1 << 23
const E2BIG = 7

const MAX = 6
const COUNT = 7
const CONTEXT = 8
/** Bytes that the three registers take on the stack. */
export const LOOP_STACK = 24

export interface Inlined {
  readonly code: Code
  /** By subprogram of the code: bytes of stack that were added. */
  readonly stack: Int32Array
}

/** `depth`: stack bytes of each subprogram of the code; `startOf`: where a subprogram of the user's program begins in it. */
export function inlineLoops(verified: Verified, code: Code, depth: Int32Array, startOf: (subprog: number) => number): Inlined {
  const stack = new Int32Array(depth.length)
  let n = 0
  const result = rewrite(code, i => {
    while (n + 1 < code.starts.length && code.starts[n + 1]! <= i) n++
    const { insns } = code
    if (insns.code[i] !== CALL || insns.src[i] !== 0 || insns.imm[i] !== LOOP) return undefined
    const callback = verified.loopCallback[code.origin[i]!]!
    if (callback < 0) return undefined
    const bottom = (depth[n]! + 7) & ~7
    stack[n] = LOOP_STACK + bottom - depth[n]!
    return { instead: loop(-bottom - LOOP_STACK, startOf(callback)) }
  })
  return { code: result, stack }
}

function loop(base: number, callback: number): Step[] {
  return [
    jumpImm(BPF_JLE, R1, MAX_LOOPS, 2),
    mov32Imm(R0, -E2BIG),
    ja(16),
    store(BPF_DW, FP, MAX, base),
    store(BPF_DW, FP, COUNT, base + 8),
    store(BPF_DW, FP, CONTEXT, base + 16),
    mov64(MAX, R1),
    mov32Imm(COUNT, 0),
    mov64(CONTEXT, 3),
    jumpReg(BPF_JGE, COUNT, MAX, 5),
    mov64(R1, COUNT),
    mov64(R2, CONTEXT),
    { ...step(CALL, 0, BPF_PSEUDO_CALL), to: callback },
    alu64Imm(BPF_ADD, COUNT, 1),
    jumpImm(BPF_JEQ, R0, 0, -6),
    mov64(R0, COUNT),
    load(BPF_DW, MAX, FP, base),
    load(BPF_DW, COUNT, FP, base + 8),
    load(BPF_DW, CONTEXT, FP, base + 16),
  ]
}
