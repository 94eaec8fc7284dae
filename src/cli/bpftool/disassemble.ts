// One instruction as bpftool 7.1 prints it. It is older than some instructions: those it names as older ones that look alike, or by their
// opcode alone.

import type { Insns } from '../../bpf/insns.ts'
import {
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_END,
  BPF_JA,
  BPF_JMP32,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MEM,
  BPF_MOV,
  BPF_STORE_REL,
  BPF_STX,
  BPF_X,
} from '../../bpf/opcode.ts'
import { type PrintNames, printInsn } from '../../bpf/print.ts'

export function disassemble(insns: Insns, i: number, names: PrintNames): string {
  const code = insns.code[i]!
  const hex = code.toString(16).padStart(2, '0')
  const cls = code & 7
  if (cls === BPF_ALU64 && (code & 0xf0) === BPF_END) return `BUG_alu64_${hex}`
  if (cls === BPF_LDX && (code & 0xe0) !== BPF_MEM) return `BUG_ldx_${hex}`
  const imm = insns.imm[i]!
  if (cls === BPF_STX && (code & 0xe0) === BPF_ATOMIC && (imm === BPF_LOAD_ACQ || imm === BPF_STORE_REL)) return `BUG_${hex}`
  if (code === (BPF_JMP32 | BPF_JA))
    return `(06) if w${insns.dst[i]} jmp 0x${(imm >>> 0).toString(16)} goto pc${signed(insns.off[i]!)}`
  const isMove = (code & 0xf0) === BPF_MOV && (code & 8) === BPF_X
  // Before they had meanings in the offset, moves and divisions had none.
  if ((cls === BPF_ALU64 || cls === 4) && insns.off[i] !== 0) return plain(insns, i, names, isMove)
  return printInsn(insns, i, names)
}

function plain(insns: Insns, i: number, names: PrintNames, isMove: boolean): string {
  const text = printInsn(insns, i, names)
  if (!isMove) return text.replace(/ s([/%]=) /, ' $1 ')
  const r = (insns.code[i]! & 7) === BPF_ALU64 ? 'r' : 'w'
  return `${text.slice(0, text.indexOf('=') + 1)} ${r}${insns.src[i]}`
}

function signed(value: number): string {
  return value < 0 ? `${value}` : `+${value}`
}
