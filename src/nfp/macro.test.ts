import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Code } from './code.ts'
import { alu } from './encode.ts'
import { ALU } from './insn-table.ts'
import { addr40, address, immed32, immRestricted, immUnrestricted, mov, regmov } from './macro.ts'
import { gprA, gprB, imm, NONE } from './operand.ts'
import { printInsn } from './print.ts'

function texts(emit: (code: Code) => void): string[] {
  const code = new Code()
  emit(code)
  expect(code.error).toBe(0)
  return Array.from({ length: code.count }, (_, i) => printInsn(code.lo[i]!, code.hi[i]!))
}

// A value in one word where its 16 bits (or those of its inverse) lie on a byte boundary, else in two.
test.each([
  [0x0000ffff, ['immed[gprB_21, 0xffff]']],
  [0x00ffff00, ['immed[gprB_21, 0xffff, <<8]']],
  [0x01ffff00, ['immed[gprB_21, 0xff00]', 'immed_w1[gprB_21, 0x1ff]']],
  [0x00ffff01, ['immed[gprB_21, 0xff01]', 'immed_w1[gprB_21, 0xff]']],
  [0xffff0000, ['immed[gprB_21, 0xffff, <<16]']],
  [0xfffffffe, ['immed[gprB_21, 0xfffffffe]']],
  [0xff1234ff, ['immed[gprB_21, 0xffff1234, <<8]']],
  [0x1234ffff, ['immed[gprB_21, 0xffff1234, <<16]']],
  [0x12345678, ['immed[gprB_21, 0x5678]', 'immed_w1[gprB_21, 0x1234]']],
])('%i', (value, lines) => {
  expect(texts(code => immed32(code, gprB(21), value))).toEqual(lines)
})

describe('a value as an operand', () => {
  test.each([
    [immUnrestricted, 0xff],
    [immRestricted, 0x7f],
  ] as const)('%o: itself up to its limit, else loaded', (macro, most) => {
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 0, max: 0x1ff }), fc.integer()), value => {
        const code = new Code()
        const operand = macro(code, value, gprB(21))
        const fits = value >= 0 && value <= most
        expect(operand).toBe(fits ? imm(value) : gprB(21))
        const loaded = new Code()
        if (!fits) immed32(loaded, gprB(21), value)
        expect([code.count, code.lo[0], code.hi[0]]).toEqual([loaded.count, loaded.lo[0], loaded.hi[0]])
      }),
    )
  })
})

test('moves', () => {
  expect(texts(code => mov(code, gprA(0), imm(5)))).toEqual(['alu[gprA_0, --, B, 0x5]'])
  expect(texts(code => regmov(code, 4, 6))).toEqual(['alu[gprA_4, --, B, gprB_6], gpr_wrboth'])
})

test('a 40-bit address: the pair itself, or with the offset added through scratch', () => {
  expect(texts(code => addr40(code, 4, imm(0)))).toEqual([])
  expect(address).toEqual({ left: gprA(4), right: gprB(5) })
  expect(texts(code => addr40(code, 4, imm(8)))).toEqual(['alu[gprA_21, gprA_4, +, 0x8]', 'alu[gprB_21, gprB_5, +carry, 0x0]'])
  expect(address).toEqual({ left: gprA(21), right: gprB(21) })
})

test('the first error stays, and clearing forgets it', () => {
  const code = new Code(1)
  alu(code, NONE, gprA(1), ALU.ADD, gprA(2))
  alu(code, NONE, gprA(1), ALU.ADD, gprB(2))
  expect([code.error, code.count]).toEqual([14, 1])
  code.clear()
  expect([code.error, code.count]).toEqual([0, 0])
})
