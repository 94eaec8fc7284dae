// Shifts. A shift by a constant is one word or two. A variable one takes its amount from the A operand of the ALU instruction before it
// (the low five bits), so a 64-bit shift needs two forms, for amounts below 32 and from 32 on, and a test of bit 5 where the verifier's
// bounds don't tell which. The sign of an arithmetic shift is the sign of that ALU instruction's result.

import { BPF_ALU64, BPF_ARSH, BPF_LSH, BPF_X } from '../../bpf/opcode.ts'
import { alu, br, brBit, shf, shfIndirect } from '../../nfp/encode.ts'
import { ALU, BR, SHF, SHIFT } from '../../nfp/insn-table.ts'
import { immed32, regmov } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth, imm, NONE } from '../../nfp/operand.ts'
import { SCRATCH, SCRATCH_ADDRESS, type Translation, zext } from './translation.ts'

export function emitShift(t: Translation, i: number): void {
  const opcode = t.insns.code[i]!
  const wide = (opcode & 7) === BPF_ALU64
  const op = opcode & 0xf0
  const d = t.insns.dst[i]! * 2
  const { facts } = t
  const known = !(opcode & BPF_X) || (facts.uminSrcLo[i] === facts.umaxSrcLo[i] && facts.uminSrcHi[i] === facts.umaxSrcHi[i])
  if (known) {
    let amount = opcode & BPF_X ? facts.uminSrcLo[i]! & 0xff : t.insns.imm[i]! & 0xff
    if (t.repaired['shift-wide']) amount &= wide ? 63 : 31
    if (wide) constant64(t, op, d, amount)
    else constant32(t, op, d, amount)
  } else if (wide) variable64(t, i, op, d)
  else variable32(t, i, op, d)
  if (!wide) zext(t, i, d)
}

/** Takes the sign of the coming arithmetic shift from a register. */
function signOf(t: Translation, g: number): void {
  alu(t.code, NONE, gprA(g), ALU.OR, imm(0))
}

function constant32(t: Translation, op: number, d: number, n: number): void {
  if (n === 0) return
  if (op === BPF_ARSH) signOf(t, d)
  shf(t.code, gprBoth(d), NONE, op === BPF_ARSH ? SHF.ASHR : SHF.NONE, gprB(d), op === BPF_LSH ? SHIFT.LEFT : SHIFT.RIGHT, n)
}

function constant64(t: Translation, op: number, d: number, n: number): void {
  const { code } = t
  const lo = gprBoth(d)
  const hi = gprBoth(d + 1)
  if (n === 0) return
  if (op === BPF_LSH) {
    if (n < 32) {
      shf(code, hi, gprA(d + 1), SHF.NONE, gprB(d), SHIFT.RIGHT_DOUBLE, 32 - n)
      shf(code, lo, NONE, SHF.NONE, gprB(d), SHIFT.LEFT, n)
      return
    }
    if (n === 32) regmov(code, d + 1, d)
    else shf(code, hi, NONE, SHF.NONE, gprB(d), SHIFT.LEFT, n - 32)
    immed32(code, lo, 0)
    return
  }
  const signed = op === BPF_ARSH
  const shift = signed ? SHF.ASHR : SHF.NONE
  if (n < 32) {
    shf(code, lo, gprA(d + 1), SHF.NONE, gprB(d), SHIFT.RIGHT_DOUBLE, n)
    if (signed) signOf(t, d + 1)
    shf(code, hi, NONE, shift, gprB(d + 1), SHIFT.RIGHT, n)
    return
  }
  if (n === 32) regmov(code, d, d + 1)
  else {
    if (signed) signOf(t, d + 1)
    shf(code, lo, NONE, shift, gprB(d + 1), SHIFT.RIGHT, n - 32)
  }
  if (signed) shf(code, hi, NONE, SHF.ASHR, gprB(d + 1), SHIFT.RIGHT, 31)
  else immed32(code, hi, 0)
}

/** Makes the register the amount of the next word. */
function amountIs(t: Translation, g: number): void {
  alu(t.code, NONE, gprA(g), ALU.OR, imm(0))
}

/** The same, with the sign of the register to be shifted. */
function amountAndSign(t: Translation, amount: number, g: number): void {
  alu(t.code, NONE, gprA(amount), ALU.OR, gprB(g))
}

/** Whether the amount can have its top bit set, which an `or` would take for the sign. */
function mayLookNegative(t: Translation, i: number): boolean {
  return t.facts.umaxSrcHi[i] !== 0 || t.facts.umaxSrcLo[i]! >= 0x8000_0000
}

/** Puts the amount modulo 32 into a register that nothing else touches. The amount is the A operand of this word. */
function copyAmount(t: Translation, s: number): number {
  alu(t.code, gprA(SCRATCH_ADDRESS), gprA(s), ALU.AND, imm(31))
  return SCRATCH_ADDRESS
}

function variable32(t: Translation, i: number, op: number, d: number): void {
  const { code } = t
  const s = t.insns.src[i]! * 2
  if (op === BPF_ARSH) {
    const amount = t.repaired['shift-sign'] && s !== d && mayLookNegative(t, i) ? copyAmount(t, s) : s
    amountAndSign(t, amount, d)
    shfIndirect(code, gprBoth(d), NONE, SHF.ASHR, gprB(d), SHIFT.RIGHT)
    return
  }
  amountIs(t, s)
  shfIndirect(code, gprBoth(d), NONE, SHF.NONE, gprB(d), op === BPF_LSH ? SHIFT.LEFT : SHIFT.RIGHT)
}

function variable64(t: Translation, i: number, op: number, d: number): void {
  const { code, facts } = t
  const s = t.insns.src[i]! * 2
  const uminLarge = facts.uminSrcHi[i] !== 0 || facts.uminSrcLo[i]! >= 32
  const umaxSmall = facts.umaxSrcHi[i] === 0 && facts.umaxSrcLo[i]! < 32
  const umaxInRange = facts.umaxSrcHi[i] === 0 && facts.umaxSrcLo[i]! < 64
  // Amounts count modulo 64: from 64 on an amount may be a small one again.
  const large = uminLarge && (umaxInRange || !t.repaired['shift-wide'])
  // The first half's result may be the amount's own register, and the amount's top bit may look like a sign.
  const selfRisk = t.repaired['shift-self'] && s === d
  const signRisk = t.repaired['shift-sign'] && op === BPF_ARSH && mayLookNegative(t, i)
  if (op === BPF_LSH) {
    if (large) {
      leftFrom32(t, s, d)
      return
    }
    const from32 = code.count + 7
    if (!umaxSmall) brBit(code, gprA(s), 5, from32, 0, true)
    leftHigh(t, s, d)
    if (!umaxSmall) br(code, BR.UNC, from32 + 3, 2)
    leftLow(t, s, d)
    if (!umaxSmall) leftFrom32(t, s, d)
    return
  }
  if (large) {
    rightFrom32(t, s, op, d, signRisk)
    return
  }
  const from32 = code.count + 6
  const copied = selfRisk || signRisk
  if (!umaxSmall) brBit(code, gprA(s), 5, from32, 0, true)
  // Copying the amount names it as an operand, and so serves the first shift as well.
  if (copied) copyAmount(t, s)
  else amountIs(t, s)
  shfIndirect(code, gprBoth(d), gprA(d + 1), SHF.NONE, gprB(d), SHIFT.RIGHT_DOUBLE)
  if (!umaxSmall) br(code, BR.UNC, from32 + (signRisk ? 4 : 3), 2)
  rightHigh(t, copied ? SCRATCH_ADDRESS : s, op, d)
  if (!umaxSmall) rightFrom32(t, s, op, d, signRisk)
}

/** The high word of a left shift: the pair shifted right by 32 - n. A double shift takes 6 bits of its amount, so n = 0 is right too. */
function leftHigh(t: Translation, s: number, d: number): void {
  const { code } = t
  alu(code, gprBoth(SCRATCH), imm(32), ALU.SUB, gprB(s))
  amountIs(t, SCRATCH)
  shfIndirect(code, gprBoth(d + 1), gprA(d + 1), SHF.NONE, gprB(d), SHIFT.RIGHT_DOUBLE)
}

function leftLow(t: Translation, s: number, d: number): void {
  amountIs(t, s)
  shfIndirect(t.code, gprBoth(d), NONE, SHF.NONE, gprB(d), SHIFT.LEFT)
}

function leftFrom32(t: Translation, s: number, d: number): void {
  amountIs(t, s)
  shfIndirect(t.code, gprBoth(d + 1), NONE, SHF.NONE, gprB(d), SHIFT.LEFT)
  immed32(t.code, gprBoth(d), 0)
}

function rightHigh(t: Translation, amount: number, op: number, d: number): void {
  const signed = op === BPF_ARSH
  if (signed) amountAndSign(t, amount, d + 1)
  else amountIs(t, amount)
  shfIndirect(t.code, gprBoth(d + 1), NONE, signed ? SHF.ASHR : SHF.NONE, gprB(d + 1), SHIFT.RIGHT)
}

function rightFrom32(t: Translation, s: number, op: number, d: number, signRisk: boolean): void {
  const signed = op === BPF_ARSH
  if (signed) amountAndSign(t, signRisk ? copyAmount(t, s) : s, d + 1)
  else amountIs(t, s)
  shfIndirect(t.code, gprBoth(d), NONE, signed ? SHF.ASHR : SHF.NONE, gprB(d + 1), SHIFT.RIGHT)
  if (signed) shf(t.code, gprBoth(d + 1), NONE, SHF.ASHR, gprB(d + 1), SHIFT.RIGHT, 31)
  else immed32(t.code, gprBoth(d + 1), 0)
}
