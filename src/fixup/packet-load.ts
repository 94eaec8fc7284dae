// LD_ABS and LD_IND, the packet loads of classic BPF: a call of the function that reads the packet of a socket buffer (R6) at an offset,
// behind it the end of the program where there is no such byte.

import { BPF_ADD, BPF_H, BPF_IND, BPF_JSGE, BPF_LD, BPF_W, BPF_XOR } from '../bpf/opcode.ts'
import { alu32, alu64Imm, callKernel, exit, jumpImm, mov64, mov64Imm, R0, R1, R2, R6, type Step } from './step.ts'

export function isPacketLoad(code: number): boolean {
  const mode = code & 0xe0
  return (code & 7) === BPF_LD && (mode === 0x20 || mode === BPF_IND)
}

export function expandPacketLoad(insn: Step): Step[] {
  const size = insn.code & 0x18
  const bits = size === BPF_W ? 32 : size === BPF_H ? 16 : 8
  const offset: Step[] = []
  if ((insn.code & 0xe0) === BPF_IND) {
    offset.push(mov64(R2, insn.src))
    if (insn.imm !== 0) offset.push(alu64Imm(BPF_ADD, R2, insn.imm))
  } else offset.push(mov64Imm(R2, insn.imm))
  return [
    ...offset,
    mov64(R1, R6),
    callKernel(`bpf_skb_load_helper_${bits}_no_cache`),
    jumpImm(BPF_JSGE, R0, 0, 2),
    alu32(BPF_XOR, R0, R0),
    exit,
  ]
}
