// Divisions are total in eBPF (by zero gives 0, the remainder by zero is the dividend, the smallest number by -1 is itself), and on x86-64
// they trap: what would trap is branched around.

import {
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_DIV,
  BPF_JEQ,
  BPF_JGT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_K,
  BPF_MOD,
  BPF_MOV,
  BPF_NEG,
  BPF_XOR,
} from '../bpf/opcode.ts'
import { AX, alu32, ja, mov32, mov32Imm, mov64, type Step, step } from './step.ts'

/** The instruction's guards and itself; undefined where it needs none. `off` 1 is the signed form. */
export function guardDivision(insn: Step): Step[] | undefined {
  const cls = insn.code & 7
  const operation = insn.code & 0xf0
  if ((cls !== BPF_ALU && cls !== BPF_ALU64) || (operation !== BPF_DIV && operation !== BPF_MOD)) return undefined
  const signed = insn.off === 1
  if ((insn.code & 8) === BPF_K) return signed && insn.imm === -1 ? byMinusOne(insn, cls, operation) : undefined
  const jump = cls === BPF_ALU64 ? BPF_JMP : BPF_JMP32
  // What is left of a 32-bit operation that is skipped still has to clear the upper half.
  const clears = cls === BPF_ALU ? [ja(1), mov32(insn.dst, insn.dst)] : []
  if (signed) return signedGuard(insn, cls, operation, jump, clears)
  if (operation === BPF_DIV) {
    return [step(jump | BPF_JNE | BPF_K, insn.src, 0, 2, 0), alu32(BPF_XOR, insn.dst, insn.dst), ja(1), insn]
  }
  return [step(jump | BPF_JEQ | BPF_K, insn.src, 0, clears.length === 0 ? 1 : 2, 0), insn, ...clears]
}

function byMinusOne(insn: Step, cls: number, operation: number): Step[] {
  return operation === BPF_DIV ? [step(cls | BPF_NEG | BPF_K, insn.dst)] : [mov32Imm(insn.dst, 0)]
}

// Divisor + 1, unsigned: 0 was -1, 1 was 0, and everything above is harmless.
function signedGuard(insn: Step, cls: number, operation: number, jump: number, clears: readonly Step[]): Step[] {
  const start = [mov64(AX, insn.src), step(cls | BPF_ADD | BPF_K, AX, 0, 0, 1)]
  if (operation === BPF_DIV) {
    return [
      ...start,
      step(jump | BPF_JGT | BPF_K, AX, 0, 4, 1),
      step(jump | BPF_JEQ | BPF_K, AX, 0, 1, 0),
      step(cls | BPF_MOV | BPF_K, insn.dst, 0, 0, 0),
      step(cls | BPF_NEG | BPF_K, insn.dst),
      ja(1),
      insn,
    ]
  }
  return [
    ...start,
    step(jump | BPF_JGT | BPF_K, AX, 0, 3, 1),
    step(jump | BPF_JEQ | BPF_K, AX, 0, clears.length === 0 ? 3 : 4, 1),
    mov32Imm(insn.dst, 0),
    ja(1),
    insn,
    ...clears,
  ]
}
