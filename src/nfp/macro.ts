// What the driver writes as one thing and the machine needs several words for, or a fixed combination of fields.

import type { Code } from './code.ts'
import { alu, immed, ldField, nop } from './encode.ts'
import { ALU, SHIFT, WIDTH } from './insn-table.ts'
import { gprA, gprB, gprBoth, imm, NONE } from './operand.ts'

/** Puts a value into one word's immediate, shifted by whole bytes, where that is possible. */
function immedOneWord(code: Code, dst: number, value: number, invert: boolean): boolean {
  if (value >>> 16 === 0) immed(code, dst, value, WIDTH.ALL, invert, 0)
  else if ((value & 0xff0000ff) === 0) immed(code, dst, value >>> 8, WIDTH.ALL, invert, 1)
  else if ((value & 0xffff) === 0) immed(code, dst, value >>> 16, WIDTH.ALL, invert, 2)
  else return false
  return true
}

/** `dst = value`, any 32 bits, in one word or two. */
export function immed32(code: Code, dst: number, value: number): void {
  if (immedOneWord(code, dst, value, false) || immedOneWord(code, dst, ~value, true)) return
  immed(code, dst, value & 0xffff, WIDTH.ALL, false, 0)
  immed(code, dst, value >>> 16, WIDTH.WORD, false, 2)
}

export function mov(code: Code, dst: number, src: number): void {
  alu(code, dst, NONE, ALU.NONE, src)
}

/** Copies a register of an eBPF pair: both banks from bank B. */
export function regmov(code: Code, dst: number, src: number): void {
  alu(code, gprBoth(dst), NONE, ALU.NONE, gprB(src))
}

/** The value as an operand of a ten-bit slot: itself up to 255, else loaded into `scratch`. */
export function immUnrestricted(code: Code, value: number, scratch: number): number {
  if (value >>> 0 <= 0xff) return imm(value)
  immed32(code, scratch, value)
  return scratch
}

/** The value as an operand of an eight-bit slot: itself up to 127, else loaded into `scratch`. */
export function immRestricted(code: Code, value: number, scratch: number): number {
  if (value >>> 0 <= 0x7f) return imm(value)
  immed32(code, scratch, value)
  return scratch
}

export function nops(code: Code, count: number): void {
  for (let i = 0; i < count; i++) nop(code)
}

/** Bytes `offset` to `offset + length - 1` of the source to the low end of `dst`, the rest of which becomes 0. */
export function subpart(code: Code, dst: number, src: number, length: number, offset: number): void {
  ldField(code, dst, (1 << length) - 1, src, offset === 0 ? SHIFT.NONE : SHIFT.RIGHT, offset * 8, 1)
}

/** The low `length` bytes of the source into `dst` from byte `offset` on, the rest of which stays. */
export function orSubpart(code: Code, dst: number, src: number, length: number, offset: number): void {
  ldField(code, dst, ((1 << length) - 1) << offset, src, offset === 0 ? SHIFT.NONE : SHIFT.LEFT, 32 - offset * 8, 0)
}

/** The two operands of a 40-bit address that `addr40` made last. */
export const address: { left: number; right: number } = { left: 0, right: 0 }

/** A 40-bit address in the register pair g, g + 1, plus an offset: the operands are left in `address`. Uses register 21 (20 + 1). */
export function addr40(code: Code, g: number, offset: number): void {
  if (offset === imm(0)) {
    address.left = gprA(g)
    address.right = gprB(g + 1)
    return
  }
  alu(code, gprA(21), gprA(g), ALU.ADD, offset)
  alu(code, gprB(21), gprB(g + 1), ALU.ADD_C, imm(0))
  address.left = gprA(21)
  address.right = gprB(21)
}
