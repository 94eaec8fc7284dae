import fc from 'fast-check'
import { expect, test } from 'vitest'
import { highHalf, lowHalf, toUnsigned } from '../bytes/long.ts'
import { tnumStep } from './tnum.ts'

// Few unknown bits anywhere, so that all members can be listed.
const tnum = fc
  .tuple(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.uniqueArray(fc.nat(63), { maxLength: 7 }))
  .map(([value, bits]) => {
    const mask = bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n)
    return { value: value & ~mask, mask }
  })

function members(value: bigint, mask: bigint): bigint[] {
  const list: bigint[] = []
  for (let part = mask; ; part = (part - 1n) & mask) {
    list.push(value | part)
    if (part === 0n) return list.reverse()
  }
}

test('the next member above a number is the smallest one above it', () => {
  const words = new Int32Array(4)
  const out = new Int32Array(2)
  const near = fc.oneof(fc.bigInt({ min: -2n, max: 2n }), fc.constant(0n))
  fc.assert(
    fc.property(
      tnum,
      fc.nat(127),
      near,
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.boolean(),
      (t, pick, delta, any, close) => {
        const all = members(t.value, t.mask)
        const z = close ? BigInt.asUintN(64, all[pick % all.length]! + delta) : any
        words.set([lowHalf(t.value), highHalf(t.value), lowHalf(t.mask), highHalf(t.mask)])
        tnumStep(out, 0, words, 0, lowHalf(z), highHalf(z))
        expect(toUnsigned(out[0]!, out[1]!)).toBe(all.find(m => m > z) ?? all.at(-1))
      },
    ),
    { numRuns: 2000 },
  )
})
