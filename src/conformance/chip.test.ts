// Random programs on the interpreter and on the card. A larger run: NICWRIGHT_SUITE=20000 vitest run src/conformance/chip.test.ts

import { expect, test } from 'vitest'
import type { CodegenOptions } from '../drivers/nfp/codegen.ts'
import { CORRECT } from '../drivers/nfp/codegen.ts'
import { switches } from '../drivers/nfp/passes.ts'
import { difference, runOnCard, runOnHost } from './chip-run.ts'
import { offloadPacket, offloadProgram } from './offload-program.ts'

const PROGRAMS = Number(process.env.NICWRIGHT_SUITE ?? 250)
const PACKETS = 3

/** How many programs ran; each of them as the interpreter runs it. */
function compare(from: number, options: (seed: number) => CodegenOptions): number {
  let run = 0
  for (let seed = from; seed < from + PROGRAMS; seed++) {
    const { program, maps } = offloadProgram(seed)
    const packets = Array.from({ length: PACKETS }, (_, i) => offloadPacket(seed * PACKETS + i))
    const card = runOnCard(program, maps, packets, options(seed))
    if ('refused' in card) continue
    const host = runOnHost(program, maps, packets)
    if ('refused' in host) throw new Error(host.refused)
    expect([seed, difference(host, card)]).toEqual([seed, undefined])
    run++
  }
  return run
}

test(`correct code does what the interpreter does on ${PROGRAMS} programs`, () => {
  expect(compare(100_000, () => CORRECT)).toBeGreaterThan(PROGRAMS * 0.8)
})

test('any subset of optimisations gives correct code', () => {
  const subset = (seed: number): CodegenOptions => ({
    codegen: 'correct',
    off: new Set(switches.map(s => s.name).filter((_, i) => ((seed * 0x9e3779b1) >>> (i + 5)) & 1)),
  })
  expect(compare(200_000, subset)).toBeGreaterThan(PROGRAMS * 0.8)
})

test('the same seed gives the same program', () => {
  for (let seed = 1; seed < 50; seed++) expect(offloadProgram(seed)).toEqual(offloadProgram(seed))
})
