import { expect, test } from 'vitest'
import { verify } from '../verifier/index.ts'
import { branches, calls, loop, ordinary, packets, stack } from './shapes.ts'

test('every shape is accepted and grows with its size', () => {
  for (const [small, large] of [
    [branches(20), branches(40)],
    [loop(100), loop(200)],
    [calls(50), calls(100)],
    [packets(10), packets(20)],
    [stack(50), stack(100)],
  ] as const) {
    const counts = [small, large].map(({ program, maps }) => {
      const verdict = verify(program, maps, { logLevel: 0 })
      expect([program.name, verdict.ok]).toEqual([program.name, true])
      return verdict.stats.processed
    })
    expect(counts[1]).toBeGreaterThan(counts[0]! * 1.2)
  }
})

test('the ordinary program has the length of one', () => {
  const { program, maps } = ordinary()
  expect(program.insns.count).toBeGreaterThan(250)
  expect(program.insns.count).toBeLessThan(350)
  expect(verify(program, maps, { logLevel: 0 }).ok).toBe(true)
})
