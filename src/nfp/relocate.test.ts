import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Code } from './code.ts'
import { eccHolds } from './ecc.ts'
import { br, immed, nop } from './encode.ts'
import { BR, RELO, UNRELOCATED, WIDTH } from './insn-table.ts'
import { gprBoth } from './operand.ts'
import { branchAddress, immedValue, setRelocation } from './patch.ts'
import { copyCode, relocate } from './relocate.ts'

const address = fc.integer({ min: 0, max: 0x1fff })
const placements = fc.record({
  start: address,
  done: address,
  helpers: fc.tuple(address, address).map(
    ([a, b]) =>
      new Map([
        [1, a],
        [25, b],
      ]),
  ),
})
const routines = fc.record({
  out: address,
  abort: address,
  pushRegs: fc.integer({ min: 1, max: 0x1fff }),
  popRegs: fc.integer({ min: 1, max: 0x1fff }),
})

describe('relocation', () => {
  test('puts each address where its type says, and the ECC on every word', () => {
    fc.assert(
      fc.property(address, routines, placements, (own, targets, placement) => {
        const code = new Code()
        br(code, BR.EQ, own, 0, RELO.REL)
        br(code, BR.UNC, UNRELOCATED, 0, RELO.GO_OUT)
        br(code, BR.UNC, UNRELOCATED, 0, RELO.GO_ABORT)
        br(code, BR.UNC, UNRELOCATED, 2, RELO.PUSH_REGS)
        br(code, BR.UNC, UNRELOCATED, 1, RELO.POP_REGS)
        br(code, BR.UNC, UNRELOCATED, 2, RELO.NEXT_PKT)
        br(code, BR.UNC, UNRELOCATED + 25, 2, RELO.HELPER)
        br(code, BR.UNC, own, 0, RELO.NONE)
        immed(code, gprBoth(3), own, WIDTH.ALL, 0, 0)
        setRelocation(code, 8, RELO.IMMED_REL)
        nop(code)
        const copy = new Code()
        copyCode(code, copy)
        expect(relocate(code, targets, placement)).toBe(0)
        const { start, done, helpers } = placement
        const wanted = [
          own + start,
          targets.out + start,
          targets.abort + start,
          targets.pushRegs + start,
          targets.popRegs + start,
          done,
          helpers.get(25) ?? 0,
          own,
        ]
        expect(wanted.map((_, i) => branchAddress(code, i))).toEqual(wanted)
        expect(immedValue(code, 8)).toBe(own + start)
        for (let i = 0; i < code.count; i++) expect(eccHolds(code.lo[i]!, code.hi[i]!)).toBe(true)
        // The translation itself is kept for the next vNIC.
        expect(copy.hi[1]! >>> 24).toBe(RELO.GO_OUT)
      }),
    )
  })

  const placement = { start: 1, done: 2, helpers: new Map([[1, 7]]) }
  const targets = { out: 3, abort: 4, pushRegs: 0, popRegs: 0 }

  test.each([
    ['a routine that the program does not have', UNRELOCATED, RELO.PUSH_REGS],
    ['a routine that the program does not have', UNRELOCATED, RELO.POP_REGS],
    ['a helper that the driver does not know', UNRELOCATED + 4, RELO.HELPER],
  ])('%s is refused', (_, to, type) => {
    const code = new Code()
    br(code, BR.UNC, to, 0, type)
    expect(relocate(code, targets, placement)).toBe(22)
  })

  test('a word with bits above the operation is refused', () => {
    const code = new Code()
    code.push(0, 0x4000)
    expect(relocate(code, targets, placement)).toBe(22)
  })
})
