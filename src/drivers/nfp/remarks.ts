// Remarks on the decisions that are made instruction by instruction, in the manner of LLVM's: one line for what was done, one for what was
// not done with the reason. Passes over several instructions make their own.

import { BPF_ALU, BPF_ALU64, BPF_LDX, BPF_MEM, BPF_MOV, BPF_MUL, BPF_X, sizeBytes } from '../../bpf/opcode.ts'
import { PTR_TO_CTX } from '../../verifier/reg.ts'
import { DO_ZEXT, SKIP_VERIFIER } from './facts.ts'
import { isOn } from './passes.ts'
import { type Remark, remark, skipped, type Translation } from './translation.ts'

export function remarkDecisions(t: Translation): void {
  const { insns, facts } = t
  for (let i = 0; i < insns.count; i++) {
    if (facts.flags[i]! & SKIP_VERIFIER) {
      const applied = isOn(t.options, 'dead-code')
      remark(t, 'dead-code', i, applied, applied ? 'never reached or without effect: removed' : 'kept: switched off')
      continue
    }
    if (skipped(t, i)) continue
    const opcode = insns.code[i]!
    const kind = opcode & 7
    const op = opcode & 0xf0
    if ((kind === BPF_ALU || kind === BPF_ALU64) && op === BPF_MUL) remarkMultiplication(t, i, opcode)
    const narrow =
      (kind === BPF_ALU && op !== BPF_MOV) || (kind === BPF_LDX && (opcode & 0xe0) === BPF_MEM && sizeBytes(opcode) < 8)
    // Loads from the context always clear it, and so does what a gathered copy leaves.
    if (!narrow || facts.ptrType[i] === PTR_TO_CTX || t.gather[i] !== 0) continue
    if (!isOn(t.options, 'zext')) remark(t, 'zext', i, false, 'high word cleared: switched off')
    else if (t.flags[i]! & DO_ZEXT) remark(t, 'zext', i, false, 'high word cleared: the result is read as 64 bits')
    else remark(t, 'zext', i, true, 'high word left: the result is read as 32 bits only')
  }
}

function remarkMultiplication(t: Translation, i: number, opcode: number): void {
  const left = t.facts.umaxDstLo[i]!
  const right = opcode & BPF_X ? t.facts.umaxSrcLo[i]! : t.insns.imm[i]! >>> 0
  if (left <= 0xffff && right <= 0xffff && isOn(t.options, 'short-mul')) {
    remark(t, 'short-mul', i, true, `4 words: operands are at most ${left} and ${right}`)
  } else remark(t, 'short-mul', i, false, `7 words: operands may be ${left} and ${right}`)
}

/** One line a remark. */
export function remarkText({ pass, insn, applied, text }: Remark): string {
  return `${applied ? 'passed' : 'missed'} ${pass}: insn ${insn}: ${text}`
}
