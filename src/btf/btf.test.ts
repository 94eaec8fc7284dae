import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NicwrightError } from '../errors.ts'
import { encodeBtf, typesOf } from './encode.ts'
import { parseBtf } from './parse.ts'
import { alignOf, bareType, sizeOf, skipModifiers } from './resolve.ts'
import type { BtfType } from './types.ts'

const U32: BtfType = { kind: 'int', name: 'u32', size: 4, encoding: 0, bitOffset: 0, bits: 32 }
const ref = (kind: 'ptr' | 'typedef' | 'const' | 'volatile', type: number, name = ''): BtfType => ({
  kind,
  name,
  type,
  flag: false,
})
const array = (type: number, length: number): BtfType => ({ kind: 'array', name: '', type, index: 1, length })

test('what is encoded is parsed again, in both byte orders', () => {
  fc.assert(
    fc.property(typesArbitrary(), fc.boolean(), (types, little) => {
      expect(typesOf(parseBtf(encodeBtf(types, { little })))).toEqual(types)
    }),
  )
})

test('any change of bytes is read in full or refused with btf/bad, and following what was read ends', () => {
  const change = fc.record({ at: fc.nat(4000), to: fc.integer({ min: 0, max: 255 }) })
  fc.assert(
    fc.property(typesArbitrary(), fc.array(change, { maxLength: 4 }), fc.option(fc.nat(4000)), (types, changes, cut) => {
      const bytes = encodeBtf(types)
      for (const { at, to } of changes) bytes[at % bytes.length] = to
      try {
        const btf = parseBtf(cut === null ? bytes : bytes.subarray(0, cut % bytes.length))
        for (let id = 0; id < btf.count; id++) {
          btf.type(id)
          for (const walk of [sizeOf, alignOf, skipModifiers]) {
            try {
              walk(btf, id)
            } catch (error) {
              expect((error as NicwrightError).code).toMatch(/^btf\/(loop|size)$/)
            }
          }
        }
      } catch (error) {
        expect(error).toBeInstanceOf(NicwrightError)
        expect((error as NicwrightError).code).toBe('btf/bad')
        expect((error as NicwrightError).at?.offset).toBeTypeOf('number')
      }
    }),
    { numRuns: 500 },
  )
})

test('sizes and alignments', () => {
  const btf = parseBtf(
    encodeBtf([
      U32,
      array(1, 6),
      ref('typedef', 2, 'six'),
      ref('const', 3),
      ref('ptr', 4),
      {
        kind: 'struct',
        name: 's',
        size: 32,
        flag: false,
        members: [
          { name: 'p', type: 5, bitOffset: 0, bitSize: 0 },
          { name: 'six', type: 3, bitOffset: 64, bitSize: 0 },
        ],
      },
      { kind: 'fwd', name: 'f', union: false },
      { kind: 'struct', name: 'packed', size: 9, flag: false, members: [{ name: 'p', type: 5, bitOffset: 8, bitSize: 0 }] },
    ]),
  )
  expect([1, 2, 3, 4, 5, 6, 7, 8, 0].map(id => sizeOf(btf, id))).toEqual([4, 24, 24, 24, 8, 32, undefined, 9, undefined])
  expect([1, 2, 3, 4, 5, 6, 7, 8, 0].map(id => alignOf(btf, id))).toEqual([4, 4, 4, 4, 8, 8, undefined, 1, undefined])
  expect(bareType(btf, 4)).toEqual(array(1, 6))
  expect(skipModifiers(btf, 4, false)).toBe(3)
  expect(btf.named('s', 'struct')).toEqual([6])
  expect(btf.named('s', 'union')).toEqual([])
})

test('circles and giants are told, not followed', () => {
  const circle = parseBtf(encodeBtf([ref('typedef', 2, 'a'), ref('const', 1), array(3, 2)]))
  for (const id of [1, 2, 3]) expect(() => sizeOf(circle, id)).toThrow(/circle/)
  expect(() => alignOf(circle, 3)).toThrow(/circle/)
  const giant = parseBtf(encodeBtf([U32, array(1, 0xffffffff), array(2, 0xffffffff)]))
  expect(() => sizeOf(giant, 3)).toThrow(/too large/)
  // A struct of two structs of two structs …: 2^30 paths, one answer.
  const nested: BtfType[] = [U32]
  for (let depth = 1; depth <= 30; depth++) {
    const member = { name: 'm', type: depth, bitOffset: 0, bitSize: 0 }
    nested.push({ kind: 'union', name: 'u', size: 4, flag: false, members: [member, member] })
  }
  expect(alignOf(parseBtf(encodeBtf(nested)), 31)).toBe(4)
})

test('a split blob goes on where its base ends', () => {
  const base = parseBtf(encodeBtf([U32]))
  const whole = encodeBtf([U32, ref('ptr', 1), ref('typedef', 2, 'p')])
  // The same records, cut off from the first type and the base's strings.
  const split = new Uint8Array(whole.length - 16)
  split.set(whole.subarray(0, 24))
  split.set(whole.subarray(24 + 16), 24)
  const view = new DataView(split.buffer)
  for (const at of [12, 16]) view.setUint32(at, view.getUint32(at, true) - 16, true)
  const strings = base.stringBytes
  const trimmed = new Uint8Array([...split.subarray(0, 24 + 24), ...split.subarray(24 + 24 + strings)])
  new DataView(trimmed.buffer).setUint32(20, view.getUint32(20, true) - strings, true)
  const btf = parseBtf(trimmed, { base })
  expect(btf.count).toBe(4)
  expect(btf.type(3)).toEqual(ref('typedef', 2, 'p'))
  expect(sizeOf(btf, 3)).toBe(8)
  expect(btf.name(1)).toBe('u32')
  expect(btf.named('u32')).toEqual([1])
})

test('ids beyond the last and blobs that are none are refused', () => {
  const btf = parseBtf(encodeBtf([U32]))
  expect(() => btf.type(2)).toThrow('BTF has no type 2')
  expect(() => parseBtf(new Uint8Array(3))).toThrow(/BTF header/)
  expect(() => parseBtf(new Uint8Array(64))).toThrow(/magic/)
})

/** Random blobs' worth of types for the property tests: well-formed records that refer to each other at random, circles included. */
function typesArbitrary(most = 24): fc.Arbitrary<BtfType[]> {
  return fc.integer({ min: 1, max: most }).chain(count => fc.array(typeArbitrary(count), { minLength: count, maxLength: count }))
}

const name = fc.constantFrom('', 'a', 'b', 'flow', 'struct_one', 'größe', 'x'.repeat(40))
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const size = fc.constantFrom(0, 1, 2, 4, 8, 16, 12, 0xffffffff)

function typeArbitrary(count: number): fc.Arbitrary<BtfType> {
  const type = fc.integer({ min: 0, max: count })
  const member = fc.record({ name, type, bitOffset: fc.integer({ min: 0, max: 0xffffff }), bitSize: fc.constant(0) })
  const bitField = fc.record({
    name,
    type,
    bitOffset: fc.integer({ min: 0, max: 0xffffff }),
    bitSize: fc.integer({ min: 0, max: 255 }),
  })
  const shape = fc.constantFrom('struct' as const, 'union' as const)
  return fc.oneof(
    fc.record({
      kind: fc.constant('int' as const),
      name,
      size,
      encoding: fc.integer({ min: 0, max: 15 }),
      bitOffset: fc.integer({ min: 0, max: 255 }),
      bits: fc.integer({ min: 0, max: 255 }),
    }),
    fc.record({
      kind: fc.constantFrom(
        'ptr' as const,
        'typedef' as const,
        'volatile' as const,
        'const' as const,
        'restrict' as const,
        'type_tag' as const,
      ),
      name,
      type,
      flag: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('array' as const), name: fc.constant('' as const), type, index: type, length: u32 }),
    fc.record({ kind: shape, name, size, members: fc.array(member, { maxLength: 5 }), flag: fc.constant(false) }),
    fc.record({ kind: shape, name, size, members: fc.array(bitField, { maxLength: 5 }), flag: fc.constant(true) }),
    fc.record({
      kind: fc.constant('enum' as const),
      name,
      size,
      signed: fc.constant(true),
      values: fc.array(fc.record({ name, value: fc.integer({ min: -0x80000000, max: 0x7fffffff }) }), { maxLength: 4 }),
    }),
    fc.record({
      kind: fc.constant('enum' as const),
      name,
      size,
      signed: fc.constant(false),
      values: fc.array(fc.record({ name, value: u32 }), { maxLength: 4 }),
    }),
    fc.record({
      kind: fc.constant('enum64' as const),
      name,
      size,
      signed: fc.constant(true),
      values: fc.array(fc.record({ name, value: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }) }), { maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('fwd' as const), name, union: fc.boolean() }),
    fc.record({ kind: fc.constant('func' as const), name, type, linkage: fc.integer({ min: 0, max: 2 }) }),
    fc.record({
      kind: fc.constant('func_proto' as const),
      name: fc.constant('' as const),
      type,
      params: fc.array(fc.record({ name, type }), { maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('var' as const), name, type, linkage: u32 }),
    fc.record({
      kind: fc.constant('datasec' as const),
      name,
      size,
      vars: fc.array(fc.record({ type, offset: u32, size: u32 }), { maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('float' as const), name, size }),
    fc.record({
      kind: fc.constant('decl_tag' as const),
      name,
      type,
      component: fc.integer({ min: -1, max: 9 }),
      flag: fc.boolean(),
    }),
  )
}
