// Accepted programs run: no access outside what they may touch, and every register within what the verifier says of it before each
// instruction. A larger run: npm run fuzz -- soundness

import { expect, test } from 'vitest'
import { Ranges } from '../fuzz/observe.ts'
import { soundness } from '../fuzz/soundness.ts'
import { REG_WORDS, setKnown, setUnknown } from './reg.ts'

const PROGRAMS = Number(process.env.NICWRIGHT_SUITE ?? 100)

test(`${PROGRAMS} accepted programs stay inside their ranges`, () => {
  const result = soundness({ programs: PROGRAMS, seed: 20 })
  expect(result.violations).toEqual([])
  expect(result.accepted).toBe(PROGRAMS)
  expect(result.observed).toBeGreaterThan(PROGRAMS * 0.9)
  expect(result.runs).toBeGreaterThan(PROGRAMS * 3)
  // Hundreds of instructions a program, most registers of each compared.
  expect(result.insns).toBeGreaterThan(PROGRAMS * 100)
  expect(result.checks).toBeGreaterThan(result.insns * 5)
})

test('an instruction that the verifier says no path reaches is found', () => {
  const result = soundness({ programs: 3, seed: 20, observe: ({ program }) => new Ranges(program.insns.count) })
  expect(result.violations[0]).toMatch(/before instruction 0: r0 = 0x0.*no path reaches/)
})

test('ranges are unions of all states', () => {
  const ranges = new Ranges(1)
  const state = (lo: number, hi: number): Int32Array => {
    const regs = new Int32Array(11 * REG_WORDS)
    for (let n = 0; n < 11; n++) setKnown(regs, n * REG_WORDS, lo, hi)
    return regs
  }
  ranges.add(0, state(4, 0))
  expect(ranges.holdsScalar(0, 4, 0)).toBe(true)
  expect(ranges.holdsScalar(0, 6, 0)).toBe(false)
  ranges.add(0, state(12, 0))
  // The limits, and what the two have in common bit by bit.
  for (const [value, holds] of [
    [4, true],
    [12, true],
    [8, false],
    [5, false],
    [0, false],
    [20, false],
  ] as const) {
    expect([value, ranges.holdsScalar(0, value, 0)]).toEqual([value, holds])
  }
  ranges.add(0, state(-1, -1))
  expect(ranges.holdsScalar(0, -1, -1)).toBe(true)
  // Beyond the largest of the signed ones.
  expect(ranges.holdsScalar(0, -1, 0)).toBe(false)
  const anything = new Int32Array(11 * REG_WORDS)
  for (let n = 0; n < 11; n++) setUnknown(anything, n * REG_WORDS)
  ranges.add(0, anything)
  expect(ranges.holdsScalar(0, 0x1234, -0x8000)).toBe(true)
})
