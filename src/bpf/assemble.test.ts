import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assemble } from './assemble.ts'
import { encodeInsns } from './encode.ts'
import { helperNames } from './helper-table.ts'
import { type Insns, newInsns } from './insns.ts'
import * as op from './opcode.ts'
import { atomicRows, type OpcodeRow, opcodeRows } from './opcode-table.ts'
import { printInsn } from './print.ts'

const register = fc.integer({ min: 0, max: 10 })
const imm = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const off = fc.integer({ min: -32768, max: 32767 })

/** A random instruction of a row with no field set that the row doesn't use. */
function instruction(row: OpcodeRow): fc.Arbitrary<Insns> {
  const twoSlots = row.kind === 'ldimm64'
  return fc.record({ dst: register, src: register, off, imm, high: imm, form: fc.nat(100) }).map(v => {
    const insns = newInsns(twoSlots ? 2 : 1)
    const set = (fields: { dst?: number; src?: number; off?: number; imm?: number }): void => {
      insns.code[0] = row.code
      insns.dst[0] = fields.dst ?? 0
      insns.src[0] = fields.src ?? 0
      insns.off[0] = fields.off ?? 0
      insns.imm[0] = fields.imm ?? 0
    }
    const { dst, src } = v
    switch (row.kind) {
      case 'alu': {
        const signed = (row.name === 'div' || row.name === 'mod') && v.form % 2 === 1
        const extend = row.name === 'mov' && row.isX ? ([0, 8, 16, row.is32 ? 16 : 32][v.form % 4] ?? 0) : 0
        set({ dst, off: signed ? 1 : extend, ...(row.isX ? { src } : { imm: v.imm }) })
        break
      }
      case 'neg':
        set({ dst })
        break
      case 'end':
        set({ dst, imm: [16, 32, 64][v.form % 3] ?? 16 })
        break
      case 'ldimm64':
        set({ dst, imm: v.imm })
        insns.imm[1] = v.high
        break
      case 'ldabs':
        set({ imm: v.imm })
        break
      case 'ldind':
        set({ src, imm: v.imm })
        break
      case 'ldx':
      case 'ldxs':
      case 'stx':
        set({ dst, src, off: v.off })
        break
      case 'st':
        set({ dst, off: v.off, imm: v.imm })
        break
      case 'atomic':
        set({ dst, src, off: v.off, imm: atomicRows[v.form % atomicRows.length]?.imm ?? 0 })
        break
      case 'ja':
        set(row.is32 ? { imm: v.imm } : { off: v.off })
        break
      case 'jcond':
        set({ off: v.off })
        break
      case 'jmp':
        set({ dst, off: v.off, ...(row.isX ? { src } : { imm: v.imm }) })
        break
      case 'call': {
        const ids = [...helperNames.keys()].filter(id => id !== 0)
        set(v.form % 2 === 0 ? { imm: ids[v.form % ids.length] ?? 1 } : { src: op.BPF_PSEUDO_CALL, imm: v.imm })
        break
      }
      case 'exit':
        set({})
    }
    return insns
  })
}

describe('assembler', () => {
  test.each(opcodeRows.map(row => [`${row.name} ${row.code.toString(16)}`, row] as const))(
    'reads what the printer prints: %s',
    (_, row) => {
      fc.assert(
        fc.property(instruction(row), insns => {
          const text = printInsn(insns, 0)
          expect(encodeInsns(assemble(text)), text).toEqual(encodeInsns(insns))
        }),
        { numRuns: 40 },
      )
    },
  )

  test('labels, maps, helpers by name and comments', () => {
    const insns = assemble(`
      r6 = r1                 ; the context
      r2 = *(u32 *)(r1 + 4)
      if r2 == 0 goto out     // nothing there
      r1 = map[0] ll
      r2 = map[1][8] ll
      call map_lookup_elem
      call fn
    out:
      r0 = 2
      exit
    fn: w0 s>>= 3
      exit`)
    const text = Array.from({ length: insns.count }, (_, i) => printInsn(insns, i))
    expect(text[2]).toBe('(15) if r2 == 0x0 goto pc+6')
    expect([insns.src[3], insns.imm[3], insns.src[5], insns.imm[5], insns.imm[6]]).toEqual([1, 0, 2, 1, 8])
    expect(text[7]).toBe('(85) call bpf_map_lookup_elem#1')
    expect(text[8]).toBe('(85) call pc+2')
  })

  test.each([
    ['r1 = r99', 'line 1: there is no register 99'],
    ['exit\nr1 = w2', 'line 2: mixes a 64-bit with a 32-bit register'],
    ['goto nowhere', 'line 1: there is no label or helper nowhere'],
    ['r1 += 0x123456789', 'line 1: 0x123456789 does not fit in 32 bits'],
    ['a:\na:', 'line 2: label a stands there twice'],
    ['r1 =', 'line 1: "r1 =" is no instruction'],
  ])('%j is refused', (text, message) => expect(() => assemble(text)).toThrow(message))

  test('any text gives instructions or a clear error', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        try {
          assemble(text)
        } catch (error) {
          expect(String(error)).toContain('line ')
        }
      }),
    )
  })
})
