// Multiplication with the machine's step instructions, and division by constants as a multiplication with the reciprocal (Granlund and
// Montgomery, "Division by invariant integers using multiplication").

import { BPF_ALU64, BPF_X } from '../../bpf/opcode.ts'
import { alu, mul, shf } from '../../nfp/encode.ts'
import { ALU, MUL_STEP, MUL_TYPE, SHF, SHIFT } from '../../nfp/insn-table.ts'
import { immed32, immUnrestricted } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth, imm, NONE } from '../../nfp/operand.ts'
import { isOn } from './passes.ts'
import { SCRATCH, type Translation, zext } from './translation.ts'

export function emitMultiply(t: Translation, i: number): void {
  const { code, facts } = t
  const opcode = t.insns.code[i]!
  const d = t.insns.dst[i]! * 2
  const wide = (opcode & 7) === BPF_ALU64
  let right: number
  let most: number
  if (opcode & BPF_X) {
    right = gprB(t.insns.src[i]! * 2)
    most = facts.umaxSrcLo[i]!
  } else {
    most = t.insns.imm[i]! >>> 0
    right = immUnrestricted(code, most, gprB(SCRATCH))
  }
  const left = gprA(d)
  // Of 32-bit operations only the low word is multiplied, and a bound beyond it says nothing of that.
  const bounded = facts.umaxDstHi[i] === 0 && (!(opcode & BPF_X) || facts.umaxSrcHi[i] === 0)
  if (bounded && facts.umaxDstLo[i]! <= 0xffff && most <= 0xffff && isOn(t.options, 'short-mul')) {
    mul(code, NONE, left, MUL_TYPE.START, MUL_STEP.STEP1, right)
    mul(code, NONE, left, MUL_TYPE.BITS16X16, MUL_STEP.STEP1, right)
    mul(code, NONE, left, MUL_TYPE.BITS16X16, MUL_STEP.STEP2, right)
    mul(code, gprBoth(d), NONE, MUL_TYPE.BITS16X16, MUL_STEP.LAST, NONE)
    // Quirk 4: the high word stays what it was. After 64-bit operations that is 0, but a 32-bit one may have left anything there.
    if (!wide && t.repaired['mul-high']) zext(t, i, d)
    return
  }
  multiply32(t, gprBoth(d), wide ? gprBoth(d + 1) : NONE, left, right)
  if (!wide) immed32(code, gprBoth(d + 1), 0)
}

function multiply32(t: Translation, lo: number, hi: number, left: number, right: number): void {
  const { code } = t
  mul(code, NONE, left, MUL_TYPE.START, MUL_STEP.STEP1, right)
  mul(code, NONE, left, MUL_TYPE.BITS32X32, MUL_STEP.STEP1, right)
  mul(code, NONE, left, MUL_TYPE.BITS32X32, MUL_STEP.STEP2, right)
  mul(code, NONE, left, MUL_TYPE.BITS32X32, MUL_STEP.STEP3, right)
  mul(code, NONE, left, MUL_TYPE.BITS32X32, MUL_STEP.STEP4, right)
  mul(code, lo, NONE, MUL_TYPE.BITS32X32, MUL_STEP.LAST, NONE)
  if (hi !== NONE) mul(code, hi, NONE, MUL_TYPE.BITS32X32, MUL_STEP.LAST2, NONE)
}

interface Reciprocal {
  /** The factor's low 32 bits. */
  factor: number
  /** The factor has a 33rd bit. */
  wide: boolean
  shift: number
  /** Bits of the divisor less one. */
  exponent: number
}

const result: Reciprocal = { factor: 0, wide: false, shift: 0, exponent: 0 }

/**
 * The factor and shift that divide numbers of `precision` bits by a constant up to 2^31. The factor lies between
 * low = floor(2^(32 + l) / d) and high = floor((2^(32 + l) + 2^(32 + l - precision)) / d); both have up to 33 bits, in two halves.
 */
export function reciprocal(divisor: number, precision: number): Readonly<Reciprocal> {
  const exponent = 32 - Math.clz32(divisor - 1)
  const power = 2 ** exponent
  const rest = power % divisor
  let lowHi = Math.floor(power / divisor)
  let highHi = lowHi
  let low = quotient(rest, 0, divisor)
  let high = quotient(rest, 2 ** (32 + exponent - precision), divisor)
  let shift = exponent
  while (shift > 0) {
    const nextLow = (low >>> 1) + lowHi * 0x8000_0000
    const nextHigh = (high >>> 1) + highHi * 0x8000_0000
    if (nextLow >= nextHigh) break
    low = nextLow
    high = nextHigh
    lowHi = 0
    highHi = 0
    shift--
  }
  result.factor = high >>> 0
  result.wide = highHi !== 0
  result.shift = shift
  result.exponent = exponent
  return result
}

/** floor((rest * 2^32 + add) / divisor) for rest < divisor <= 2^31, bit by bit: doubles are not exact that far. */
function quotient(rest: number, add: number, divisor: number): number {
  let q = 0
  let r = rest
  for (let bit = 31; bit >= 0; bit--) {
    r = r * 2 + ((add >>> bit) & 1)
    q *= 2
    if (r >= divisor) {
      r -= divisor
      q += 1
    }
  }
  return q
}

export function emitDivide(t: Translation, i: number): void {
  const { code, facts } = t
  const opcode = t.insns.code[i]!
  const d = t.insns.dst[i]! * 2
  const dst = gprBoth(d)
  const variable = (opcode & BPF_X) !== 0
  const divisor = variable ? facts.uminSrcLo[i]! : t.insns.imm[i]! >>> 0
  const beyond = variable && facts.uminSrcHi[i] !== 0 && (opcode & 7) === BPF_ALU64
  if (beyond) immed32(code, dst, 0)
  else if (divisor > 0x8000_0000) {
    const right = immUnrestricted(code, divisor, gprB(SCRATCH))
    alu(code, NONE, gprA(d), ALU.SUB, right)
    immed32(code, gprA(SCRATCH), 0)
    alu(code, dst, gprA(SCRATCH), ALU.ADD_C, imm(0))
  } else if (divisor === 0) {
    // Quirk 3: the driver divides by it to find the reciprocal.
    if (!t.repaired['div-zero']) {
      t.crash = 'reciprocal_value_adv: division by zero'
      return
    }
    immed32(code, dst, 0)
    if ((opcode & 7) === BPF_ALU64) immed32(code, gprBoth(d + 1), 0)
  } else divideBy(t, d, divisor)
  if ((opcode & 7) !== BPF_ALU64 && t.repaired['div-high']) zext(t, i, d)
}

function divideBy(t: Translation, d: number, divisor: number): void {
  const { code } = t
  const dst = gprBoth(d)
  let { factor, wide, shift, exponent } = reciprocal(divisor, 32)
  let before = 0
  if (wide && divisor % 2 === 0) {
    before = 31 - Math.clz32(divisor & -divisor)
    const reduced = reciprocal(divisor >>> before, 32 - before)
    factor = reduced.factor
    wide = reduced.wide
    shift = reduced.shift
  }
  const power = divisor === 2 ** exponent
  // Quirk 6: the factor is loaded before anyone asks whether it is needed.
  if (power && t.repaired['dead-magic']) {
    shiftRight(t, d, exponent)
    return
  }
  const right = immUnrestricted(code, factor, gprB(SCRATCH))
  if (power) {
    shiftRight(t, d, exponent)
    return
  }
  if (wide) {
    multiply32(t, NONE, gprBoth(SCRATCH), gprA(d), right)
    alu(code, dst, gprA(d), ALU.SUB, gprB(SCRATCH))
    shf(code, dst, NONE, SHF.NONE, gprA(d), SHIFT.RIGHT, 1)
    alu(code, dst, gprA(d), ALU.ADD, gprB(SCRATCH))
    shiftRight(t, d, shift - 1)
    return
  }
  if (before !== 0) shiftRight(t, d, before)
  multiply32(t, NONE, dst, gprA(d), right)
  shiftRight(t, d, shift)
}

/** A shift by 0 would be an indirect one, by whatever the ALU instruction before had as its A operand. */
function shiftRight(t: Translation, d: number, n: number): void {
  if (n === 0 && t.repaired['div-shift']) return
  shf(t.code, gprBoth(d), NONE, SHF.NONE, gprA(d), SHIFT.RIGHT, n)
}
