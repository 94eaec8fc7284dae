import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NicwrightError } from '../errors.ts'
import { Cursor } from './cursor.ts'
import { fromHex, toHex } from './hex.ts'
import { highHalf, lowHalf, slt, toNumber, toSigned, toUnsigned, ult } from './long.ts'
import { compareBytes, concat, equalBytes, Writer } from './writer.ts'

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })

test('what a writer wrote a cursor reads, in both byte orders', () => {
  const item = fc.oneof(
    fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 0xff }) }),
    fc.record({ kind: fc.constant('u16' as const), value: fc.integer({ min: 0, max: 0xffff }) }),
    fc.record({ kind: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffffffff }) }),
    fc.record({ kind: fc.constant('u64' as const), value: u64 }),
  )
  fc.assert(
    fc.property(fc.array(item), fc.boolean(), (items, little) => {
      const writer = new Writer({ little, capacity: 1 })
      for (const each of items) {
        if (each.kind === 'u64') writer.u64(each.value)
        else writer[each.kind](each.value)
      }
      const cursor = new Cursor(writer.finish(), { code: 'test/short', little })
      for (const each of items) expect(cursor[each.kind]()).toBe(each.value)
      expect(cursor.done).toBe(true)
    }),
  )
})

test('a cursor never reads beyond its bytes', () => {
  const step = fc.record({
    how: fc.constantFrom('u8', 'u16', 'u32', 'u64', 'take', 'seek', 'textAt'),
    n: fc.integer({ min: -4, max: 40 }),
  })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), fc.array(step), (bytes, steps) => {
      const cursor = new Cursor(bytes, { code: 'test/short', base: 100 })
      for (const { how, n } of steps) {
        try {
          if (how === 'take') expect(cursor.take(n).length).toBe(n)
          else if (how === 'seek') cursor.seek(n)
          else if (how === 'textAt') cursor.textAt(n)
          else cursor[how as 'u8' | 'u16' | 'u32' | 'u64']()
        } catch (error) {
          expect(error).toBeInstanceOf(NicwrightError)
          expect((error as NicwrightError).code).toBe('test/short')
        }
        expect(cursor.position).toBeGreaterThanOrEqual(0)
        expect(cursor.position).toBeLessThanOrEqual(bytes.length)
      }
    }),
  )
})

test('an error tells the offset in the file', () => {
  const cursor = new Cursor(new Uint8Array(6), { code: 'test/short', base: 0x40 })
  cursor.u32()
  expect(() => cursor.u32()).toThrow('(at byte 68)')
})

test('hex both ways, and what is no hex', () => {
  fc.assert(fc.property(fc.uint8Array(), bytes => equalBytes(fromHex(toHex(bytes)), bytes)))
  expect(toHex(new Uint8Array([0, 255, 16]), ' ')).toBe('00 ff 10')
  expect(equalBytes(fromHex('AbcD'), new Uint8Array([0xab, 0xcd]))).toBe(true)
  expect(() => fromHex('abc')).toThrow('odd')
  expect(() => fromHex('00g0')).toThrow('"g" is no hex digit (at 2)')
})

test('halves behave as the 64-bit number', () => {
  fc.assert(
    fc.property(u64, u64, (a, b) => {
      const [aLo, aHi, bLo, bHi] = [lowHalf(a), highHalf(a), lowHalf(b), highHalf(b)]
      expect(toUnsigned(aLo, aHi)).toBe(a)
      expect(toSigned(aLo, aHi)).toBe(BigInt.asIntN(64, a))
      expect(ult(aLo, aHi, bLo, bHi)).toBe(a < b)
      expect(slt(aLo, aHi, bLo, bHi)).toBe(BigInt.asIntN(64, a) < BigInt.asIntN(64, b))
      expect(toNumber(aLo, aHi)).toBe(Number(BigInt(toNumber(aLo, aHi))))
      expect(Math.abs(toNumber(aLo, aHi) - Number(a))).toBeLessThanOrEqual(2048)
    }),
  )
})

test('byte strings: joined, compared, patched', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), parts => {
      const all = concat(parts)
      expect(Array.from(all)).toEqual(parts.flatMap(part => Array.from(part)))
    }),
  )
  fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => (compareBytes(a, b) === 0) === equalBytes(a, b)))
  const writer = new Writer()
  writer.u32(0).u16(0).patch32(0, 0x01020304).patch16(4, 0x0506)
  expect(toHex(writer.finish())).toBe('040302010605')
  expect(() => writer.patch32(3, 0)).toThrow(RangeError)
})
