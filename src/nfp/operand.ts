// An operand is one number: its kind in the high half, its value in the low half. So an operand costs nothing to pass, compare or
// keep in a table, and the encoder makes no objects. A GPR that is read or written in both banks is a kind of its own, as in the
// driver: as a destination it means "write both", as a source it stands for the bank that the other operand leaves free (bank A).
//
// Local memory packs pointer and place: the pointer's number in bits 8-9, below it the low five bits of the ten-bit operand code
// (word 0..15, 0x10 post-increment, 0x11 post-decrement).

export const KIND_NONE = 0
export const KIND_GPR_A = 1
export const KIND_GPR_B = 2
export const KIND_GPR_BOTH = 3
export const KIND_XFER = 4
export const KIND_IMM = 5
export const KIND_LM = 6
export const KIND_NN = 7
export const KIND_ABSOLUTE_A = 8
export const KIND_ABSOLUTE_B = 9
/** Transfer register through the index register; the value is 0, 1 for post-increment, 2 for post-decrement. */
export const KIND_XFER_INDEX = 10
/** Next-neighbour register through the index register; the value is 0, or 1 for post-increment. */
export const KIND_NN_INDEX = 11
/** A code that names no operand; the value is the code. */
export const KIND_BAD = 15

/** No operand, or no destination. */
export const NONE = 0

export function gprA(n: number): number {
  return (KIND_GPR_A << 16) | n
}

export function gprB(n: number): number {
  return (KIND_GPR_B << 16) | n
}

export function gprBoth(n: number): number {
  return (KIND_GPR_BOTH << 16) | n
}

export function xfer(n: number): number {
  return (KIND_XFER << 16) | n
}

/** An immediate of 0..255; wider values are made by `immUnrestricted` and `immRestricted`. */
export function imm(value: number): number {
  return (KIND_IMM << 16) | (value & 0xffff)
}

/** Local memory through pointer 0..3, at a word offset 0..15 (0..7 where the operand is a restricted one). */
export function lm(pointer: number, word: number): number {
  return (KIND_LM << 16) | (pointer << 8) | word
}

export function lmInc(pointer: number): number {
  return (KIND_LM << 16) | (pointer << 8) | 0x10
}

export function lmDec(pointer: number): number {
  return (KIND_LM << 16) | (pointer << 8) | 0x11
}

export function nextNeighbour(n: number): number {
  return (KIND_NN << 16) | n
}

export function makeOperand(kind: number, value: number): number {
  return (kind << 16) | value
}

export function operandKind(operand: number): number {
  return operand >>> 16
}

export function operandValue(operand: number): number {
  return operand & 0xffff
}

// Operand codes. An unrestricted slot has ten bits, a restricted one eight. With four contexts per engine, as the driver's firmware
// runs, each context has 32 registers of a bank and 64 transfer registers; bits of a code that this leaves unused are ignored.

export const BANK_A = 0
export const BANK_B = 1

/** The operand of a ten-bit code read through a bank; `extended` is the instruction's bit for pointers 2 and 3. */
export function decodeUnrestricted(code: number, bank: number, extended: number): number {
  switch (code >>> 6) {
    case 0:
      return makeOperand(bank === BANK_B ? KIND_GPR_B : KIND_GPR_A, code & 0x1f)
    case 2:
    case 3:
      return makeOperand(bank === BANK_B ? KIND_ABSOLUTE_B : KIND_ABSOLUTE_A, code & 0x7f)
    case 4:
    case 5:
      return makeOperand(KIND_XFER_INDEX, indexStep(code))
    case 6:
      return makeOperand(KIND_XFER, code & 0x1f)
    case 7:
      return makeOperand(KIND_XFER, 0x20 | (code & 0x1f))
    case 8: {
      const pointer = ((code >>> 5) & 1) | (extended << 1)
      return makeOperand(KIND_LM, (pointer << 8) | (code & (code & 0x10 ? 0x11 : 0x0f)))
    }
    case 9:
      return makeOperand(KIND_NN_INDEX, (code >>> 1) & 1)
    case 10:
      return makeOperand(KIND_NN, code & 0x1f)
    case 12:
    case 13:
    case 14:
    case 15:
      return makeOperand(KIND_IMM, code & 0xff)
    default:
      return makeOperand(KIND_BAD, code)
  }
}

/** The operand of an eight-bit code; `high` is bit 7 of an immediate, where the instruction has a bit for it. */
export function decodeRestricted(code: number, bank: number, extended: number, high: number): number {
  if (code & 0x20) return makeOperand(KIND_IMM, (high << 7) | ((code & 0xc0) >>> 1) | (code & 0x1f))
  switch (code >>> 4) {
    case 0:
    case 1:
      return makeOperand(bank === BANK_B ? KIND_GPR_B : KIND_GPR_A, code)
    case 4:
      return code & 1 ? makeOperand(KIND_NN_INDEX, (code >>> 1) & 1) : makeOperand(KIND_XFER_INDEX, indexStep(code))
    case 5: {
      const pointer = ((code >>> 3) & 1) | (extended << 1)
      return makeOperand(KIND_LM, (pointer << 8) | (code & 7))
    }
    case 8:
    case 9:
      return makeOperand(KIND_XFER, code & 0x1f)
    case 12:
    case 13:
      return makeOperand(KIND_XFER, 0x20 | (code & 0x1f))
    default:
      return makeOperand(KIND_BAD, code)
  }
}

/** Post-increment and post-decrement are two bits; both together do neither. */
function indexStep(code: number): number {
  const step = (code >>> 1) & 3
  return step === 3 ? 0 : step
}

/** The ten-bit code of an operand, or -1 where it has none; no operand is code 0. */
export function encodeUnrestricted(operand: number): number {
  const value = operand & 0xffff
  switch (operand >>> 16) {
    case KIND_NONE:
      return 0
    case KIND_GPR_A:
    case KIND_GPR_B:
    case KIND_GPR_BOTH:
      return value > 0x1f ? -1 : value
    case KIND_ABSOLUTE_A:
    case KIND_ABSOLUTE_B:
      return value > 0x7f ? -1 : 0x80 | value
    case KIND_XFER_INDEX:
      return value > 2 ? -1 : 0x100 | (value << 1)
    case KIND_XFER:
      return value > 0x3f ? -1 : 0x180 | ((value & 0x20) << 1) | (value & 0x1f)
    case KIND_LM:
      return value > 0x3ff ? -1 : 0x200 | ((value & 0x100) >>> 3) | (value & 0x1f)
    case KIND_NN_INDEX:
      return value > 1 ? -1 : 0x240 | (value << 1)
    case KIND_NN:
      return value > 0x1f ? -1 : 0x280 | value
    case KIND_IMM:
      return value > 0xff ? -1 : 0x300 | value
    default:
      return -1
  }
}

/** The eight-bit code of an operand, or -1; an immediate's bit 7 has no room here (the instruction's `imm8` has it). */
export function encodeRestricted(operand: number): number {
  const value = operand & 0xffff
  switch (operand >>> 16) {
    case KIND_NONE:
      return 0
    case KIND_GPR_A:
    case KIND_GPR_B:
    case KIND_GPR_BOTH:
      return value > 0x1f ? -1 : value
    case KIND_XFER_INDEX:
      return value > 2 ? -1 : 0x40 | (value << 1)
    case KIND_NN_INDEX:
      return value > 1 ? -1 : 0x41 | (value << 1)
    case KIND_LM:
      return value > 0x3ff || (value & 0x1f) > 7 ? -1 : 0x50 | ((value & 0x100) >>> 5) | (value & 7)
    case KIND_XFER:
      return value > 0x3f ? -1 : 0x80 | ((value & 0x20) << 1) | (value & 0x1f)
    case KIND_IMM:
      return value > 0xff ? -1 : 0x20 | (value & 0x1f) | ((value & 0x60) << 1)
    default:
      return -1
  }
}

/** 1 for local memory through pointer 2 or 3: the instruction tells them from 0 and 1 by a bit of its own. */
export function pointerExtension(operand: number): number {
  return operand >>> 16 === KIND_LM ? (operand >>> 9) & 1 : 0
}
