// Every repair of the translator, shown on a packet: with it the card does what the interpreter does, without it it doesn't. And the
// document that tells of them is what the table says (BLESS=1 writes it).

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { repairs, UPSTREAM } from '../drivers/nfp/codegen.ts'
import { onCard, verdictOf, without } from './repair-case.ts'
import { repairCases } from './repair-case-table.ts'
import { repairDocument } from './repair-document.ts'

test('every repair has a program that shows it', () => {
  expect(repairCases.map(c => c.repair).sort()).toEqual(repairs.map(r => r.name).sort())
})

describe.each(repairCases)('$repair', example => {
  test('with the repair the card does what the interpreter does', () => {
    const outcome = verdictOf(example)
    if (example.refusedWhenRepaired) expect(outcome).toMatch(/^refused: \[nfp\]/)
    else expect(outcome).toBeUndefined()
  })

  test('without the repair it does not', () => {
    for (const codegen of [without(example.repair), UPSTREAM]) {
      const outcome = verdictOf(example, codegen)
      switch (example.effect) {
        case 'outcome':
          expect(outcome).toMatch(/^packet/)
          break
        case 'refused':
          expect(outcome).toMatch(/^refused: /)
          break
        case 'crash':
          expect(outcome).toMatch(/^refused: the upstream driver crashes here: /)
          break
        case 'code': {
          expect(outcome).toBeUndefined()
          const right = onCard(example)
          const other = onCard(example, codegen)
          expect('words' in right && 'words' in other && right.words !== other.words).toBe(true)
        }
      }
    }
  })
})

test('docs/upstream-differences.md is up to date', () => {
  const path = join(import.meta.dirname, '../../docs/upstream-differences.md')
  const text = repairDocument()
  if (process.env.BLESS === '1') writeFileSync(path, text)
  expect(readFileSync(path, 'utf8')).toBe(text)
})
