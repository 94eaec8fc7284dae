// Where control can go from each instruction of one function: at most two places, kept as two arrays of indices with -1 for "not that
// way". A call is a straight line here, because what the callee does is a matter of the simulation; exits go nowhere. An unknown opcode
// falls through. A target may lie outside of the program until check_subprogs has refused such jumps.

import type { Insns } from '../bpf/insns.ts'
import { BPF_CALL, BPF_EXIT, BPF_JA, BPF_JMP, BPF_JMP32, LD_IMM64 } from '../bpf/opcode.ts'

export interface Flow {
  /** The instruction that follows. */
  readonly next: Int32Array
  /** The target of a jump. */
  readonly target: Int32Array
}

/** Whether an opcode is a jump that has a target, conditional or not. */
export function isJump(code: number): boolean {
  const cls = code & 7
  if (cls !== BPF_JMP && cls !== BPF_JMP32) return false
  const op = code & 0xf0
  return op !== BPF_CALL && op !== BPF_EXIT
}

/** Whether an opcode is a jump that may fall through; may_goto is one. */
export function isConditional(code: number): boolean {
  return isJump(code) && (code & 0xf0) !== BPF_JA
}

/** What a jump adds to the index of the instruction after it: gotol has 32 bits of it. */
export function jumpOffset(insns: Insns, i: number): number {
  return insns.code[i] === (BPF_JMP32 | BPF_JA) ? insns.imm[i]! : insns.off[i]!
}

/** Slots of an instruction. */
export function slots(insns: Insns, i: number): number {
  return insns.code[i] === LD_IMM64 ? 2 : 1
}

export function flowOf(insns: Insns): Flow {
  const next = new Int32Array(insns.count).fill(-1)
  const target = new Int32Array(insns.count).fill(-1)
  for (let i = 0; i < insns.count; i++) {
    const code = insns.code[i]!
    if (isJump(code)) {
      target[i] = i + 1 + jumpOffset(insns, i)
      if (isConditional(code)) next[i] = i + 1
      continue
    }
    const cls = code & 7
    if ((cls === BPF_JMP || cls === BPF_JMP32) && (code & 0xf0) === BPF_EXIT) continue
    next[i] = i + slots(insns, i)
  }
  return { next, target }
}
