// may_goto: a counter in a stack slot of the function, which a function of the kernel refills while the program's time is not over; the slot
// behind it is that function's. Both are set when the function is entered.

import { BPF_DW, BPF_JCOND, BPF_JEQ, BPF_JMP, BPF_JNE, BPF_SUB } from '../bpf/opcode.ts'
import type { Code } from './code.ts'
import { AX, alu64Imm, callKernel, FP, jumpImm, load, mov64Imm, type Step, store, storeImm } from './step.ts'

const ROUNDS = 0xffff
/** Bytes that the counter and the time take. */
export const MAY_GOTO_STACK = 16

export function isMayGoto(code: number): boolean {
  return code === (BPF_JMP | BPF_JCOND)
}

/** `slot`: offset of the counter from the frame pointer. */
export function expandMayGoto(code: Code, i: number, slot: number): Step[] {
  const target = i + 1 + code.insns.off[i]!
  return [
    load(BPF_DW, AX, FP, slot),
    { ...jumpImm(BPF_JEQ, AX, 0, 0), to: target },
    alu64Imm(BPF_SUB, AX, 1),
    jumpImm(BPF_JNE, AX, 0, 2),
    mov64Imm(AX, slot),
    callKernel('arch_bpf_timed_may_goto'),
    store(BPF_DW, FP, AX, slot),
  ]
}

export function startMayGoto(slot: number): Step[] {
  return [storeImm(BPF_DW, FP, slot, ROUNDS), storeImm(BPF_DW, FP, slot + 8, 0)]
}
