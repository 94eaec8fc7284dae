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

export function operandKind(operand: number): number {
  return operand >>> 16
}

export function operandValue(operand: number): number {
  return operand & 0xffff
}
