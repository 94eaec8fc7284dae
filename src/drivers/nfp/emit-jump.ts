// Jumps. Every branch word carries the eBPF target until all words are there (see fixup.ts): here the address is only a place. An ordered
// comparison is a subtraction of which only the flags are kept; equality is an exclusive or.

import {
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_X,
} from '../../bpf/opcode.ts'
import { alu, br } from '../../nfp/encode.ts'
import { ALU, BR } from '../../nfp/insn-table.ts'
import { immed32, immUnrestricted } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth, imm, NONE } from '../../nfp/operand.ts'
import { ALWAYS_TAKEN } from './facts.ts'
import { loadFramePointer, R10, SCRATCH, SCRATCH_ADDRESS, type Translation } from './translation.ts'

/** The machine's condition by eBPF's operation (bits 4-7), and whether the operands are exchanged for it. */
const CONDITION = new Uint8Array(16)
const SWAPPED = new Uint8Array(16)
const ordered: readonly (readonly [op: number, condition: number, swapped: number])[] = [
  [BPF_JGT, BR.LO, 1],
  [BPF_JGE, BR.HS, 0],
  [BPF_JLT, BR.LO, 0],
  [BPF_JLE, BR.HS, 1],
  [BPF_JSGT, BR.LT, 1],
  [BPF_JSGE, BR.GE, 0],
  [BPF_JSLT, BR.LT, 0],
  [BPF_JSLE, BR.GE, 1],
]
for (const [op, condition, swapped] of ordered) {
  CONDITION[op >> 4] = condition
  SWAPPED[op >> 4] = swapped
}

/** All but calls and exits. */
export function emitJump(t: Translation, i: number): void {
  const { insns, code } = t
  const opcode = insns.code[i]!
  const op = opcode & 0xf0
  if (op === BPF_JA) {
    jump(t, i, BR.UNC)
    return
  }
  // Quirk 9: the driver goes on testing what the verifier knows.
  if (t.repaired['hard-wire'] && t.facts.more[i]! & ALWAYS_TAKEN) {
    jump(t, i, BR.UNC)
    return
  }
  const wide = (opcode & 7) === BPF_JMP
  const dst = insns.dst[i]!
  if (opcode & BPF_X) {
    const src = insns.src[i]!
    if (!t.repaired['r10-operand'] || (dst !== R10 && src !== R10)) {
      jumpRegister(t, i, op, wide, dst * 2, src * 2, gprA(SCRATCH))
      return
    }
    // The pair of scratch stands for R10; its high word is 0.
    loadFramePointer(t, gprBoth(SCRATCH_ADDRESS))
    immed32(code, gprBoth(SCRATCH), 0)
    const d = dst === R10 ? SCRATCH_ADDRESS : dst * 2
    const s = src === R10 ? SCRATCH_ADDRESS : src * 2
    jumpRegister(t, i, op, wide, d, s, gprA(SCRATCH_ADDRESS))
    return
  }
  let d = dst * 2
  if (t.repaired['r10-operand'] && dst === R10) {
    // The pair of scratch stands for R10: the constant's words must leave its high word alone.
    if (op !== BPF_JEQ && op !== BPF_JNE && op !== BPF_JSET) {
      framePointerOrdered(t, i, op, wide)
      return
    }
    loadFramePointer(t, gprBoth(SCRATCH_ADDRESS))
    immed32(code, gprA(SCRATCH), 0)
    d = SCRATCH_ADDRESS
  }
  jumpConstant(t, i, op, wide, d)
}

function jump(t: Translation, i: number, condition: number): void {
  br(t.code, condition, t.facts.jumpTo[i]! & 0x3fff, 0)
}

/** Compares two register pairs; the low word of an equality goes to `low`, which must not be what is read after it. */
function jumpRegister(t: Translation, i: number, op: number, wide: boolean, d: number, s: number, low: number): void {
  const { code } = t
  if (op === BPF_JEQ) {
    alu(code, low, gprA(d), ALU.XOR, gprB(s))
    if (wide) {
      alu(code, gprB(SCRATCH), gprA(d + 1), ALU.XOR, gprB(s + 1))
      alu(code, NONE, low, ALU.OR, gprB(SCRATCH))
    }
    jump(t, i, BR.EQ)
    return
  }
  if (op === BPF_JNE || op === BPF_JSET) {
    const test = op === BPF_JNE ? ALU.XOR : ALU.AND
    alu(code, NONE, gprA(d), test, gprB(s))
    jump(t, i, BR.NE)
    if (wide) {
      alu(code, NONE, gprA(d + 1), test, gprB(s + 1))
      jump(t, i, BR.NE)
    }
    return
  }
  const swapped = SWAPPED[op >> 4]
  const a = swapped ? s : d
  const b = swapped ? d : s
  alu(code, NONE, gprA(a), ALU.SUB, gprB(b))
  if (wide) alu(code, NONE, gprA(a + 1), ALU.SUB_C, gprB(b + 1))
  jump(t, i, CONDITION[op >> 4]!)
}

function jumpConstant(t: Translation, i: number, op: number, wide: boolean, d: number): void {
  const { code } = t
  const lo = t.insns.imm[i]!
  const hi = lo >> 31
  const scratch = gprB(SCRATCH)
  if (op === BPF_JEQ) {
    if (!wide) {
      const right = immUnrestricted(code, lo, scratch)
      alu(code, NONE, gprA(d), ALU.XOR, right)
      jump(t, i, BR.EQ)
      return
    }
    // R10's pair is scratch itself: its low word has to make room then, not the high one.
    const first = d === SCRATCH_ADDRESS ? gprA(d) : gprA(SCRATCH)
    let left = gprA(d)
    let right = d === SCRATCH_ADDRESS ? imm(0) : gprB(d + 1)
    if (lo !== 0) {
      const value = immUnrestricted(code, lo, scratch)
      alu(code, first, gprA(d), ALU.XOR, value)
      left = first
    }
    if (hi !== 0) {
      const value = immUnrestricted(code, hi, scratch)
      alu(code, scratch, gprA(d + 1), ALU.XOR, value)
      right = scratch
    }
    alu(code, NONE, left, ALU.OR, right)
    jump(t, i, BR.EQ)
    return
  }
  if (op === BPF_JNE) {
    if (lo === 0) {
      if (d === SCRATCH_ADDRESS) alu(code, NONE, gprA(d), ALU.OR, imm(0))
      else if (wide) alu(code, NONE, gprA(d), ALU.OR, gprB(d + 1))
      else alu(code, NONE, NONE, ALU.NONE, gprB(d))
      jump(t, i, BR.NE)
      return
    }
    const low = immUnrestricted(code, lo, scratch)
    alu(code, NONE, gprA(d), ALU.XOR, low)
    jump(t, i, BR.NE)
    if (wide) {
      const high = immUnrestricted(code, hi, scratch)
      alu(code, NONE, gprA(d + 1), ALU.XOR, high)
      jump(t, i, BR.NE)
    }
    return
  }
  if (op === BPF_JSET) {
    const low = immUnrestricted(code, lo, scratch)
    alu(code, scratch, gprA(d), ALU.AND, low)
    // A negative constant has all ones above: any bit of the high word will do.
    if (wide && hi !== 0) alu(code, NONE, gprA(d + 1), ALU.OR, scratch)
    jump(t, i, BR.NE)
    return
  }
  const sum = t.negated[i] !== 0
  const swapped = SWAPPED[op >> 4]
  const low = immUnrestricted(code, lo, scratch)
  const first = sum ? ALU.ADD : ALU.SUB
  alu(code, NONE, swapped ? low : gprA(d), first, swapped ? gprA(d) : low)
  if (wide) {
    const high = immUnrestricted(code, hi, scratch)
    const second = sum ? ALU.ADD_C : ALU.SUB_C
    alu(code, NONE, swapped ? high : gprA(d + 1), second, swapped ? gprA(d + 1) : high)
  }
  jump(t, i, CONDITION[op >> 4]!)
}

/** `if r10 < constant`: both sides in registers of scratch, the constant's low word in B(21), its high word as an immediate or in B(20). */
function framePointerOrdered(t: Translation, i: number, op: number, wide: boolean): void {
  const { code } = t
  const value = t.negated[i] !== 0 ? -t.insns.imm[i]! : t.insns.imm[i]!
  loadFramePointer(t, gprA(SCRATCH_ADDRESS))
  immed32(code, gprB(SCRATCH_ADDRESS), value)
  immed32(code, gprA(SCRATCH), 0)
  immed32(code, gprB(SCRATCH), value >> 31)
  const swapped = SWAPPED[op >> 4]
  const a = gprA(SCRATCH_ADDRESS)
  const b = gprB(SCRATCH_ADDRESS)
  alu(code, NONE, swapped ? b : a, ALU.SUB, swapped ? a : b)
  const high = gprA(SCRATCH)
  if (wide) alu(code, NONE, swapped ? gprB(SCRATCH) : high, ALU.SUB_C, swapped ? high : gprB(SCRATCH))
  jump(t, i, CONDITION[op >> 4]!)
}
