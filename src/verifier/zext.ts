// Which results are 32 bit: on a machine whose 32-bit operations leave the upper half alone, a result that is later read as 64 bit needs
// its upper half cleared. The simulation notes for each register the instruction that last wrote it as 32 bit (R_SUBREG_DEF), and on a
// 64-bit read marks that instruction. These functions say which reads and writes of an instruction are which.

import type { Insns } from '../bpf/insns.ts'
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_CALL,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_IMM,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_MEMSX,
  BPF_PSEUDO_CALL,
  BPF_STX,
} from '../bpf/opcode.ts'

/** Whether an instruction reads all 64 bits of a source register; `isScalar`: that register holds a number and not a pointer. */
export function reads64(insns: Insns, i: number, isScalar: boolean): boolean {
  const code = insns.code[i]!
  const op = code & 0xf0
  switch (code & 7) {
    case BPF_JMP:
      return op !== BPF_CALL || insns.src[i] !== BPF_PSEUDO_CALL
    case BPF_JMP32:
      return false
    case BPF_ALU64:
      return op !== BPF_END || insns.imm[i] === 64
    case BPF_ALU:
      return op === BPF_END && insns.imm[i] === 64
    case BPF_STX:
      return !isScalar || (code & 0x18) === BPF_DW
  }
  return true
}

/** Whether an instruction writes all 64 bits of its destination. */
export function writes64(insns: Insns, i: number): boolean {
  const code = insns.code[i]!
  const op = code & 0xf0
  switch (code & 7) {
    case BPF_JMP:
      return op === BPF_EXIT || op !== BPF_CALL
    case BPF_JMP32:
      return false
    case BPF_ALU64:
      return op !== BPF_END || insns.imm[i] === 64
    case BPF_ALU:
      return op === BPF_END && insns.imm[i] === 64
    case BPF_LDX:
      return (code & 0x18) === BPF_DW || (code & 0xe0) === BPF_MEMSX
    case BPF_STX:
      return (code & 0x18) === BPF_DW
    case BPF_LD:
      return (code & 0xe0) === BPF_IMM
  }
  return true
}
