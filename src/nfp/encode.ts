// Appends instruction words to a Code. Each function fills one word in two module variables, field by field from the table, and
// pushes it: translation runs thousands of times a second and must make no object per word. Operand misuse (two operands in one
// bank, an immediate as destination, a value too wide) sets the code's error instead of throwing: the driver looks once, at the end.

import { type Code, EFAULT, EINVAL } from './code.ts'
import {
  ALU_BASE,
  aluFields,
  type Base,
  BR,
  BR_ALU_BASE,
  BR_BASE,
  BR_BIT_BASE,
  brAluFields,
  brBitFields,
  brFields,
  CMD_BASE,
  CTX,
  cmdFields,
  type Field,
  IMMED_BASE,
  immedFields,
  LCSR_BASE,
  LD_FIELD_BASE,
  lcsrFields,
  ldFieldFields,
  MUL_BASE,
  MUL_STEP,
  MUL_TYPE,
  mulFields,
  RELO,
  SHF_BASE,
  SHIFT,
  shfFields,
} from './insn-table.ts'
import {
  encodeRestricted,
  encodeUnrestricted,
  imm,
  KIND_GPR_A,
  KIND_GPR_B,
  KIND_GPR_BOTH,
  KIND_IMM,
  KIND_NONE,
  NONE,
  pointerExtension,
} from './operand.ts'

const NO_DESTINATION = 0x300
const NO_DESTINATION_RESTRICTED = 0x20

let lo = 0
let hi = 0

function begin(base: Base): void {
  lo = base.lo
  hi = base.hi
}

function put(field: Field, value: number): void {
  const { at, bits } = field
  const v = value & ((1 << bits) - 1)
  if (at >= 32) {
    hi |= v << (at - 32)
    return
  }
  lo |= v << at
  if (at + bits > 32) hi |= v >>> (32 - at)
}

// The operands of the word at hand, assigned to the machine's slots: each instruction reads one operand through side A and one
// through side B, in the order that the banks allow, and says with the swap bit which of them is the left one.
let slotA = 0
let slotB = 0
let swap = 0
let dstCode = 0
let dstBank = 0
let both = 0
let srcExt = 0
let dstExt = 0
let imm8 = 0

function unrestricted(code: Code, operand: number): number {
  const value = encodeUnrestricted(operand)
  if (value < 0) code.fail(EFAULT)
  return value
}

function restricted(code: Code, operand: number, wide: boolean): number {
  const value = encodeRestricted(operand)
  if (value < 0) code.fail(EFAULT)
  if (operand >>> 16 === KIND_IMM) {
    imm8 = (operand >>> 7) & 1
    if (imm8 !== 0 && !wide) code.fail(EFAULT)
  }
  return value
}

function checkKinds(code: Code, dst: number, left: number, right: number): void {
  const leftKind = left >>> 16
  if (dst >>> 16 === KIND_IMM) code.fail(EFAULT)
  if (leftKind === right >>> 16 && leftKind !== KIND_NONE) code.fail(EFAULT)
}

function assign(dst: number, left: number, right: number, leftCode: number, rightCode: number): void {
  const dstKind = dst >>> 16
  if (left >>> 16 === KIND_GPR_B || right >>> 16 === KIND_GPR_A) {
    slotA = rightCode
    slotB = leftCode
    swap = 1
  } else {
    slotA = leftCode
    slotB = rightCode
    swap = 0
  }
  dstBank = dstKind === KIND_GPR_B ? 1 : 0
  both = dstKind === KIND_GPR_BOTH ? 1 : 0
  srcExt = pointerExtension(left) | pointerExtension(right)
  dstExt = pointerExtension(dst)
}

function assignUnrestricted(code: Code, dst: number, left: number, right: number): void {
  checkKinds(code, dst, left, right)
  dstCode = dst === NONE ? NO_DESTINATION : unrestricted(code, dst)
  assign(dst, left, right, unrestricted(code, left), unrestricted(code, right))
}

function assignRestricted(code: Code, dst: number, left: number, right: number, wide: boolean): void {
  checkKinds(code, dst, left, right)
  imm8 = 0
  dstCode = dst === NONE ? NO_DESTINATION_RESTRICTED : restricted(code, dst, false)
  assign(dst, left, right, restricted(code, left, wide), restricted(code, right, wide))
}

/** `dst = left op right`; a move is `alu(code, dst, NONE, ALU.NONE, source)`. */
export function alu(code: Code, dst: number, left: number, op: number, right: number): void {
  assignUnrestricted(code, dst, left, right)
  begin(ALU_BASE)
  put(aluFields.a, slotA)
  put(aluFields.b, slotB)
  put(aluFields.dst, dstCode)
  put(aluFields.swap, swap)
  put(aluFields.op, op)
  put(aluFields.dstBank, dstBank)
  put(aluFields.both, both)
  put(aluFields.srcExt, srcExt)
  put(aluFields.dstExt, dstExt)
  code.push(lo, hi)
}

/** `dst = left op (right shifted)`. The amount is 0..31; 0 with a left or right shift is the indirect form (see `shfIndirect`). */
export function shf(code: Code, dst: number, left: number, op: number, right: number, shiftKind: number, amount: number): void {
  if (amount > 31) code.fail(EFAULT)
  assignRestricted(code, dst, left, right, true)
  begin(SHF_BASE)
  put(shfFields.a, slotA)
  put(shfFields.shiftKind, shiftKind)
  put(shfFields.b, slotB)
  put(shfFields.imm8, imm8)
  put(shfFields.swap, swap)
  put(shfFields.dst, dstCode)
  put(shfFields.amount, shiftKind === SHIFT.LEFT && amount !== 0 ? 32 - amount : amount)
  put(shfFields.op, op)
  put(shfFields.dstBank, dstBank)
  put(shfFields.both, both)
  put(shfFields.srcExt, srcExt)
  put(shfFields.dstExt, dstExt)
  code.push(lo, hi)
}

/** A shift by the A operand of the ALU instruction before it. */
export function shfIndirect(code: Code, dst: number, left: number, op: number, right: number, shiftKind: number): void {
  if (shiftKind === SHIFT.NONE) code.fail(EFAULT)
  shf(code, dst, left, op, right, shiftKind, 0)
}

/** Puts the bytes of `mask` of the shifted source into `dst`. The amount is the field's own: a left shift by n is given as 32 - n. */
export function ldField(
  code: Code,
  dst: number,
  mask: number,
  src: number,
  shiftKind: number,
  amount: number,
  zero: number | boolean = 0,
): void {
  assignRestricted(code, dst, dst, src, true)
  begin(LD_FIELD_BASE)
  put(ldFieldFields.a, slotA)
  put(ldFieldFields.shiftKind, shiftKind)
  put(ldFieldFields.b, slotB)
  put(ldFieldFields.imm8, imm8)
  put(ldFieldFields.swap, swap)
  put(ldFieldFields.zero, Number(zero))
  put(ldFieldFields.mask, mask)
  put(ldFieldFields.amount, amount)
  put(ldFieldFields.both, both)
  put(ldFieldFields.srcExt, srcExt)
  put(ldFieldFields.dstExt, dstExt)
  code.push(lo, hi)
}

/** `dst = value`: 16 bits, shifted left by 0, 1 or 2 bytes, perhaps inverted. */
export function immed(code: Code, dst: number, value: number, width: number, invert: number | boolean, shift: number): void {
  assignUnrestricted(code, dst, dst, imm(value & 0xff))
  begin(IMMED_BASE)
  put(immedFields.a, dst === NONE ? NO_DESTINATION : slotA)
  put(immedFields.b, slotB)
  put(immedFields.high, value >>> 8)
  put(immedFields.width, width)
  put(immedFields.invert, Number(invert))
  put(immedFields.shift, shift)
  put(immedFields.both, both)
  put(immedFields.srcExt, srcExt)
  put(immedFields.dstExt, dstExt)
  code.push(lo, hi)
}

export function nop(code: Code): void {
  immed(code, NONE, 0, 0, 0, 0)
}

/**
 * A memory command. `length` is the count field (words or bytes less one) and keeps its low three bits only: longer transfers are
 * indirect and take the length from the ALU word before. `xfer` is a transfer register's number, not an operand.
 */
export function cmd(
  code: Code,
  op: number,
  mode: number,
  xfer: number,
  left: number,
  right: number,
  length: number,
  ctx: number,
  indirect: number | boolean = 0,
): void {
  assignRestricted(code, NONE, left, right, false)
  if (swap !== 0 || srcExt !== 0) code.fail(EFAULT)
  begin(CMD_BASE)
  put(cmdFields.a, slotA)
  put(cmdFields.ctx, ctx)
  put(cmdFields.b, slotB)
  put(cmdFields.token, op >>> 8)
  put(cmdFields.xfer, xfer)
  put(cmdFields.length, length)
  put(cmdFields.signal, ctx === CTX.NO_SWAP ? 0 : 1)
  put(cmdFields.command, op)
  put(cmdFields.indirect, Number(indirect))
  put(cmdFields.mode, mode)
  code.push(lo, hi)
}

/** A branch to a word's number; `defer` words behind it are still executed. */
export function br(code: Code, condition: number, address: number, defer: number, relocation: number = RELO.REL): void {
  if (condition === BR.UNC && defer > 2) code.fail(EFAULT)
  begin(BR_BASE)
  put(brFields.condition, condition)
  put(brFields.event, condition === BR.UNC ? 0 : 1)
  put(brFields.state, 2)
  put(brFields.defer, defer)
  put(brFields.address, address)
  put(brFields.addressHigh, address > 0x1fff ? 1 : 0)
  code.push(lo, hi | (relocation << 24))
}

/** A branch on one bit (0..31) of a register. */
export function brBit(
  code: Code,
  src: number,
  bit: number,
  address: number,
  defer: number,
  set: number | boolean,
  relocation: number = RELO.REL,
): void {
  // The assembler's bit numbers start at 1 in the machine.
  assignRestricted(code, NONE, src, imm(bit + 1), false)
  begin(BR_BIT_BASE)
  put(brBitFields.a, slotA)
  put(brBitFields.b, slotB)
  put(brBitFields.set, Number(set))
  put(brBitFields.defer, defer)
  put(brBitFields.address, address)
  put(brBitFields.addressHigh, address > 0x1fff ? 1 : 0)
  put(brBitFields.srcExt, srcExt)
  code.push(lo, hi | (relocation << 24))
}

/** Return to the address in a register. */
export function rtn(code: Code, src: number, defer: number): void {
  assignUnrestricted(code, NONE, src, imm(0))
  begin(BR_ALU_BASE)
  put(brAluFields.a, slotA)
  put(brAluFields.b, slotB)
  put(brAluFields.defer, defer)
  put(brAluFields.srcExt, srcExt)
  put(brAluFields.dstExt, dstExt)
  code.push(lo, hi)
}

/** Writes a register or an immediate to a local control register, given by its byte address. */
export function lcsrWrite(code: Code, src: number, csr: number): void {
  const constant = src >>> 16 === KIND_IMM
  assignUnrestricted(code, NONE, src, constant ? NONE : imm(0))
  begin(LCSR_BASE)
  put(lcsrFields.a, slotA)
  put(lcsrFields.b, constant ? slotA : slotB)
  put(lcsrFields.write, 1)
  put(lcsrFields.csr, csr >>> 2)
  put(lcsrFields.srcExt, srcExt)
  put(lcsrFields.dstExt, dstExt)
  code.push(lo, hi)
}

/** Reads a local control register; the next word, `immed(code, dst, 0, …)`, takes the value. */
export function lcsrRead(code: Code, csr: number): void {
  begin(LCSR_BASE)
  put(lcsrFields.csr, csr >>> 2)
  code.push(lo, hi)
}

/** One step of a multiplication. The LAST steps take `dst` alone, the others `left` and `right` alone. */
export function mul(code: Code, dst: number, left: number, type: number, step: number, right: number): void {
  if (type === MUL_TYPE.START && step !== MUL_STEP.STEP1) code.fail(EINVAL)
  const last = step === MUL_STEP.LAST || step === MUL_STEP.LAST2
  if (last) assignUnrestricted(code, dst, NONE, NONE)
  else assignUnrestricted(code, NONE, left, right)
  begin(MUL_BASE)
  put(mulFields.a, last ? dstCode : slotA)
  put(mulFields.b, slotB)
  put(mulFields.step, step)
  put(mulFields.dstBank, dstBank)
  put(mulFields.swap, swap)
  put(mulFields.type, type)
  put(mulFields.both, both)
  put(mulFields.srcExt, srcExt)
  put(mulFields.dstExt, dstExt)
  code.push(lo, hi)
}
