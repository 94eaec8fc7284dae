// Reading and changing the branch address or the immediate of a word that is already there: branch fix-up after translation and
// relocation at attach. An address is 14 bits, 13 and a "high" bit that is set for everything above: of addresses from 16384 on only
// the low 13 bits and the high bit survive, as in the driver.

import type { Code } from './code.ts'

/** A `br` or a `br_bit`: what fix-up may point elsewhere. Bits that the address and the operands use are masked out. */
export function isBranch(code: Code, at: number): boolean {
  const lo = code.lo[at]!
  const hi = code.hi[at]! & 0xff
  if (hi >>> 3 !== 0x1b && hi >>> 3 !== 0x1a) return false
  return hi >>> 3 === 0x1b ? ((lo & 0x000c3ce0) | 0) === 0x20 : (lo & 0x00080300) === 0
}

export function branchAddress(code: Pick<Code, 'lo' | 'hi'>, at: number): number {
  const hi = code.hi[at]!
  return (hi & 0x100 ? 0x2000 : 0) | ((hi & 7) << 10) | (code.lo[at]! >>> 22)
}

export function setBranchAddress(code: Code, at: number, address: number): void {
  const target = address & 0xffff
  code.lo[at] = (code.lo[at]! & 0x003fffff) | (target << 22)
  code.hi[at] = (code.hi[at]! & ~0x107) | ((target >>> 10) & 7) | (target > 0x1fff ? 0x100 : 0)
}

/** The 16 bits of an `immed`: the low byte is in whichever slot holds an immediate's code, side A first. */
export function immedValue(code: Code, at: number): number {
  const lo = code.lo[at]!
  const low = (lo & 0x300) === 0x300 ? lo & 0xff : (lo >>> 10) & 0xff
  return (((lo >>> 20) & 0xff) << 8) | low
}

export function setImmedValue(code: Code, at: number, value: number): void {
  const lo = code.lo[at]!
  const high = ((value >>> 8) & 0xff) << 20
  const low = value & 0xff
  if ((lo & 0x300) === 0x300) code.lo[at] = (lo & ~0x0ff000ff) | high | low
  else code.lo[at] = (lo & ~(0x0ff00000 | (0xff << 10))) | high | (low << 10)
}

export function relocationOf(code: Pick<Code, 'hi'>, at: number): number {
  return code.hi[at]! >>> 24
}

export function setRelocation(code: Code, at: number, type: number): void {
  code.hi[at] = (code.hi[at]! & 0x00ffffff) | (type << 24)
}
