// What loads, stores and copies have in common: the packet vector, 40-bit addresses, and long transfers.

import { alu, immed } from '../../nfp/encode.ts'
import { ALU, WIDTH } from '../../nfp/insn-table.ts'
import { addr40, address, immRestricted } from '../../nfp/macro.ts'
import { gprA, gprB, imm, lm, NONE } from '../../nfp/operand.ts'
import { SCRATCH, type Translation } from './translation.ts'

/** Local memory pointer of the packet vector: length and address of the packet. */
export const VECTOR = 1
export const VECTOR_LENGTH: number = lm(VECTOR, 0)
export const VECTOR_POINTER: number = lm(VECTOR, 2)

/** Longest transfer, in words or bytes, that a command says by itself. */
export const MOST_DIRECT = 8

/** The override word of an indirect command: its length field replaces the command's. */
export function overrideLength(t: Translation, units: number): void {
  immed(t.code, NONE, 0x80 | ((units - 1) << 8), WIDTH.ALL, 0, 0)
}

/** The 40-bit address in pair g plus a constant, as operands in `address`. */
export function mapAddress(t: Translation, g: number, offset: number): void {
  const { code } = t
  if (offset < 0 && t.repaired['address-borrow']) {
    const right = immRestricted(code, -offset, gprB(SCRATCH))
    alu(code, gprA(SCRATCH), gprA(g), ALU.SUB, right)
    alu(code, gprB(SCRATCH), gprB(g + 1), ALU.SUB_C, imm(0))
    address.left = gprA(SCRATCH)
    address.right = gprB(SCRATCH)
    return
  }
  // Quirk: a negative offset is added as a large number, and its carry goes into the high word.
  addr40(code, g, immRestricted(code, offset, gprB(SCRATCH)))
}
