// Every arithmetic instruction, jump, load, store and atomic against a model on bigints: what RFC 9669 says in its own words.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Program } from '../bpf/program.ts'
import { newMemory } from '../maps/memory.ts'
import { Interpreter } from './engine.ts'
import { ProgramBuilder } from './program-builder.ts'

const memory = newMemory()
const u64 = (x: bigint): bigint => BigInt.asUintN(64, x)
const s64 = (x: bigint): bigint => BigInt.asIntN(64, x)
const edge = [
  0n,
  1n,
  2n,
  7n,
  31n,
  32n,
  33n,
  63n,
  64n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
]
const word = fc.oneof(
  fc.constantFrom(...edge),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: 0xffffn }),
)

function program(b: ProgramBuilder): Program {
  return { name: 't', type: 6, expectedAttachType: 0, flags: 0, license: 'GPL', insns: b.finish() }
}

function load(b: ProgramBuilder, register: number, value: bigint): void {
  b.wideImm(register, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)))
}

/** Runs code that leaves its answer in r0 and gives the 64 bits of it. */
function answer(write: (b: ProgramBuilder) => void): bigint {
  const b = new ProgramBuilder()
  b.emit(0x61, 6, 1, 0)
  write(b)
  b.emit(0x7b, 6, 0, 0)
  b.emit(0x95)
  const engine = new Interpreter(program(b), [], { memory, budget: 1000 })
  const run = engine.run(new Uint8Array(64))
  engine.free()
  expect(run.fault).toBeUndefined()
  return new DataView(run.data.buffer, run.data.byteOffset).getBigUint64(0, true)
}

type Model = (a: bigint, b: bigint, bits: number) => bigint
const signed = (x: bigint, bits: number): bigint => BigInt.asIntN(bits, x)

/** Operation, offset, and what it does to operands of 32 or 64 bits. */
const arithmetic: readonly (readonly [name: string, operation: number, off: number, model: Model])[] = [
  ['add', 0x00, 0, (a, b) => a + b],
  ['sub', 0x10, 0, (a, b) => a - b],
  ['mul', 0x20, 0, (a, b) => a * b],
  ['div', 0x30, 0, (a, b) => (b === 0n ? 0n : a / b)],
  ['sdiv', 0x30, 1, (a, b, bits) => (b === 0n ? 0n : signed(a, bits) / signed(b, bits))],
  ['or', 0x40, 0, (a, b) => a | b],
  ['and', 0x50, 0, (a, b) => a & b],
  ['lsh', 0x60, 0, (a, b, bits) => a << (b & BigInt(bits - 1))],
  ['rsh', 0x70, 0, (a, b, bits) => a >> (b & BigInt(bits - 1))],
  ['mod', 0x90, 0, (a, b) => (b === 0n ? a : a % b)],
  ['smod', 0x90, 1, (a, b, bits) => (b === 0n ? a : signed(a, bits) % signed(b, bits))],
  ['xor', 0xa0, 0, (a, b) => a ^ b],
  ['mov', 0xb0, 0, (_, b) => b],
  ['movsx 8', 0xb0, 8, (_, b) => BigInt.asIntN(8, b)],
  ['movsx 16', 0xb0, 16, (_, b) => BigInt.asIntN(16, b)],
  ['movsx 32', 0xb0, 32, (_, b) => BigInt.asIntN(32, b)],
  ['arsh', 0xc0, 0, (a, b, bits) => signed(a, bits) >> (b & BigInt(bits - 1))],
  ['neg', 0x80, 0, a => -a],
]

describe('arithmetic', () => {
  for (const [name, operation, off, model] of arithmetic)
    for (const bits of [32, 64]) {
      if (name === 'movsx 32' && bits === 32) continue
      test(`${name} ${bits}`, () => {
        fc.assert(
          fc.property(word, word, fc.boolean(), (a, b, register) => {
            // An immediate is 32 bits, sign-extended; a shift's is taken modulo the width.
            const operand = register || operation === 0x80 || off > 1 ? b : s64(BigInt.asIntN(32, b))
            const cut = (x: bigint): bigint => BigInt.asUintN(bits, x)
            const expected = cut(model(cut(a), cut(operand), bits))
            const code = operation | (bits === 64 ? 7 : 4)
            const actual = answer(p => {
              load(p, 0, a)
              load(p, 2, b)
              if (operation === 0x80) p.emit(code, 0)
              else if (register || off > 1) p.emit(code | 8, 0, 2, off)
              else p.emit(code, 0, 0, off, Number(BigInt.asIntN(32, b)))
            })
            expect(actual).toBe(expected)
          }),
        )
      })
    }

  test('byte order', () => {
    const swap = (x: bigint, bits: number): bigint => {
      let out = 0n
      for (let i = 0; i < bits; i += 8) out = (out << 8n) | ((x >> BigInt(i)) & 0xffn)
      return out
    }
    fc.assert(
      fc.property(word, fc.constantFrom(16, 32, 64), fc.constantFrom(0xd4, 0xdc, 0xd7), (a, bits, code) => {
        const actual = answer(p => {
          load(p, 0, a)
          p.emit(code, 0, 0, 0, bits)
        })
        expect(actual).toBe(code === 0xd4 ? BigInt.asUintN(bits, a) : swap(a, bits))
      }),
    )
  })
})

const jumps: readonly (readonly [name: string, operation: number, holds: (a: bigint, b: bigint, bits: number) => boolean])[] = [
  ['==', 0x10, (a, b) => a === b],
  ['>', 0x20, (a, b) => a > b],
  ['>=', 0x30, (a, b) => a >= b],
  ['&', 0x40, (a, b) => (a & b) !== 0n],
  ['!=', 0x50, (a, b) => a !== b],
  ['s>', 0x60, (a, b, bits) => signed(a, bits) > signed(b, bits)],
  ['s>=', 0x70, (a, b, bits) => signed(a, bits) >= signed(b, bits)],
  ['<', 0xa0, (a, b) => a < b],
  ['<=', 0xb0, (a, b) => a <= b],
  ['s<', 0xc0, (a, b, bits) => signed(a, bits) < signed(b, bits)],
  ['s<=', 0xd0, (a, b, bits) => signed(a, bits) <= signed(b, bits)],
]

describe('jumps', () => {
  for (const [name, operation, holds] of jumps)
    test(name, () => {
      // Operands that are often equal in one half or both.
      const pair = fc.oneof(
        fc.tuple(word, word),
        word.map((a): [bigint, bigint] => [a, a]),
        fc.tuple(word, word).map(([a, b]): [bigint, bigint] => [a, u64((a & ~0xffffffffn) | (b & 0xffffffffn))]),
      )
      fc.assert(
        fc.property(pair, fc.boolean(), fc.constantFrom(32, 64), ([a, b], register, bits) => {
          const operand = register ? b : s64(BigInt.asIntN(32, b))
          const cut = (x: bigint): bigint => BigInt.asUintN(bits, x)
          const actual = answer(p => {
            load(p, 2, a)
            load(p, 3, b)
            p.emit(0xb7, 0, 0, 0, 1)
            const end = p.label()
            p.jump(
              operation | (register ? 8 : 0) | (bits === 64 ? 5 : 6),
              2,
              register ? 3 : 0,
              register ? 0 : Number(BigInt.asIntN(32, b)),
              end,
            )
            p.emit(0xb7, 0, 0, 0, 0)
            p.bind(end)
          })
          expect(actual).toBe(holds(cut(a), cut(operand), bits) ? 1n : 0n)
        }),
      )
    })
})

describe('memory', () => {
  const size = fc.constantFrom([0x10, 8], [0x08, 16], [0x00, 32], [0x18, 64]) as fc.Arbitrary<[number, number]>

  test('a store and a load at any alignment', () => {
    fc.assert(
      fc.property(word, size, fc.integer({ min: 8, max: 40 }), fc.boolean(), (value, [code, bits], at, extend) => {
        const actual = answer(p => {
          load(p, 2, value)
          p.emit(0x63 | code, 6, 2, at)
          p.emit((extend && bits < 64 ? 0x81 : 0x61) | code, 0, 6, at)
        })
        const cut = BigInt.asUintN(bits, value)
        expect(actual).toBe(extend && bits < 64 ? u64(BigInt.asIntN(bits, cut)) : cut)
      }),
    )
  })

  test('a stored immediate is sign-extended to its size', () => {
    fc.assert(
      fc.property(fc.integer(), size, (imm, [code, bits]) => {
        const actual = answer(p => {
          p.emit(0x62 | code, 6, 0, 16, imm)
          p.emit(0x61 | code, 0, 6, 16)
        })
        expect(actual).toBe(BigInt.asUintN(bits, BigInt(imm)))
      }),
    )
  })

  const atomics: readonly (readonly [number, (old: bigint, by: bigint) => bigint])[] = [
    [0x00, (old, by) => old + by],
    [0x40, (old, by) => old | by],
    [0x50, (old, by) => old & by],
    [0xa0, (old, by) => old ^ by],
    [0xe0, (_, by) => by],
  ]
  for (const shared of [false, true])
    test(`atomics in ${shared ? 'shared' : 'plain'} memory`, () => {
      const room = newMemory({ shared, maximumBytes: 1 << 22 })
      fc.assert(
        fc.property(
          fc.constantFrom(...atomics),
          word,
          word,
          word,
          fc.constantFrom(32, 64),
          fc.nat(2),
          ([kind, model], old, by, expected, bits, how) => {
            // 0 without an answer (an exchange always has one), 1 with, 2 a comparing exchange.
            const compare = how === 2
            const fetch = how === 1 || kind === 0xe0
            const cut = (x: bigint): bigint => BigInt.asUintN(bits, x)
            const r0 = compare && old % 2n === 0n ? old : expected
            const b = new ProgramBuilder()
            b.emit(0x61, 6, 1, 0)
            load(b, 3, old)
            load(b, 2, by)
            load(b, 0, r0)
            b.emit(0x7b, 10, 3, -8)
            b.emit(bits === 64 ? 0xdb : 0xc3, 10, 2, -8, compare ? 0xf1 : kind | (fetch ? 1 : 0))
            b.emit(0x79, 3, 10, -8)
            b.emit(0x7b, 6, 3, 0)
            b.emit(0x7b, 6, 2, 8)
            b.emit(0x7b, 6, 0, 16)
            b.emit(0x95)
            const engine = new Interpreter(program(b), [], { memory: room, budget: 100 })
            const { data, fault } = engine.run(new Uint8Array(64))
            engine.free()
            expect(fault).toBeUndefined()
            const view = new DataView(data.buffer)
            const next = compare ? (cut(old) === cut(r0) ? by : old) : model(old, by)
            const kept = bits === 64 ? 0n : (old >> 32n) << 32n
            expect(view.getBigUint64(0, true)).toBe(kept | cut(next))
            expect(view.getBigUint64(8, true)).toBe(fetch && !compare ? cut(old) : by)
            expect(view.getBigUint64(16, true)).toBe(compare ? cut(old) : r0)
          },
        ),
      )
    })
})
