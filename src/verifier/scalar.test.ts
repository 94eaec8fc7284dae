// Soundness of the scalar domain: whatever concrete values a register may hold before an instruction or a jump, the values they
// become are inside what is known afterwards. Registers are made from values that they must hold, with random slack.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as op from '../bpf/opcode.ts'
import { highHalf, lowHalf, toSigned, toUnsigned } from '../bytes/long.ts'
import { boundsViolation, syncBounds, truncate } from './bounds.ts'
import { predictScalars, refineFallThrough, refineTaken, syncLinked } from './branch.ts'
import * as reg from './reg.ts'
import { scalarAlu } from './scalar-alu.ts'
import { signExtend32, signExtend64 } from './scalar-width.ts'
import {
  tnumAdd,
  tnumAnd,
  tnumIn,
  tnumIntersect,
  tnumMul,
  tnumOr,
  tnumOverlap,
  tnumRange,
  tnumSub,
  tnumUnion,
  tnumXor,
} from './tnum.ts'
import { mulOverflowsSigned, mulOverflowsUnsigned } from './wide.ts'

const u64 = (v: bigint): bigint => BigInt.asUintN(64, v)
const s64 = (v: bigint): bigint => BigInt.asIntN(64, v)
const u32 = (v: bigint): bigint => BigInt.asUintN(32, v)
const s32 = (v: bigint): bigint => BigInt.asIntN(32, v)
const sorted = (vs: readonly bigint[]): readonly bigint[] => [...vs].sort((a, b) => (a < b ? -1 : 1))
const min = (vs: readonly bigint[]): bigint => sorted(vs)[0]!
const max = (vs: readonly bigint[]): bigint => sorted(vs)[vs.length - 1]!

// Values near the corners, near each other and anywhere.
const corner = fc.constantFrom(
  0n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  1n << 63n,
  -1n,
)
const value = fc.oneof(
  fc.tuple(corner, fc.integer({ min: -5, max: 5 })).map(([c, d]) => u64(c + BigInt(d))),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: 300n }),
)

interface Made {
  readonly r: Int32Array
  readonly values: readonly bigint[]
}

function put64(r: Int32Array, at: number, v: bigint): void {
  r[at] = lowHalf(v)
  r[at + 1] = highHalf(v)
}

const made: fc.Arbitrary<Made> = fc
  .tuple(fc.array(value, { minLength: 1, maxLength: 5 }), fc.boolean(), fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }))
  .map(([values, near, keep]) => {
    // Half of the time all values lie close to the first: ranges that cross a border.
    const vs = near ? values.map(v => u64(values[0]! + (v % 64n) - 32n)) : values
    const r = new Int32Array(reg.REG_WORDS)
    reg.setUnknown(r, 0)
    if (keep[0]) {
      const common = vs.reduce((m, v) => m | (v ^ vs[0]!), 0n)
      put64(r, reg.R_VALUE, vs[0]! & ~common)
      put64(r, reg.R_MASK, common)
    }
    if (keep[1]) {
      put64(r, reg.R_UMIN, min(vs))
      put64(r, reg.R_UMAX, max(vs))
    }
    if (keep[2]) {
      put64(r, reg.R_SMIN, min(vs.map(s64)))
      put64(r, reg.R_SMAX, max(vs.map(s64)))
    }
    if (keep[3]) {
      r[reg.R_U32_MIN] = lowHalf(min(vs.map(u32)))
      r[reg.R_U32_MAX] = lowHalf(max(vs.map(u32)))
    }
    if (keep[4]) {
      r[reg.R_S32_MIN] = lowHalf(min(vs.map(s32)))
      r[reg.R_S32_MAX] = lowHalf(max(vs.map(s32)))
    }
    syncBounds(r, 0)
    return { r, values: vs }
  })

const unsigned = (r: Int32Array, at: number): bigint => toUnsigned(r[at]!, r[at + 1]!)
const signed = (r: Int32Array, at: number): bigint => toSigned(r[at]!, r[at + 1]!)

/** What speaks against a register holding a value; '' when nothing does. */
function against(r: Int32Array, v: bigint): string {
  const faults: string[] = []
  if ((unsigned(r, reg.R_VALUE) ^ (v & ~unsigned(r, reg.R_MASK))) !== 0n) faults.push('tnum')
  if (v < unsigned(r, reg.R_UMIN) || v > unsigned(r, reg.R_UMAX)) faults.push('u64')
  if (s64(v) < signed(r, reg.R_SMIN) || s64(v) > signed(r, reg.R_SMAX)) faults.push('s64')
  if (u32(v) < BigInt(r[reg.R_U32_MIN]! >>> 0) || u32(v) > BigInt(r[reg.R_U32_MAX]! >>> 0)) faults.push('u32')
  if (s32(v) < BigInt(r[reg.R_S32_MIN]!) || s32(v) > BigInt(r[reg.R_S32_MAX]!)) faults.push('s32')
  return faults.join(' ')
}

function swap(v: bigint, bits: number): bigint {
  let out = 0n
  for (let b = 0; b < bits; b += 8) out |= ((v >> BigInt(b)) & 0xffn) << BigInt(bits - 8 - b)
  return out
}

const arithmetic: ReadonlyMap<number, (a: bigint, b: bigint, bits: number) => bigint> = new Map([
  [op.BPF_ADD, (a, b) => a + b],
  [op.BPF_SUB, (a, b) => a - b],
  [op.BPF_MUL, (a, b) => a * b],
  [op.BPF_AND, (a, b) => a & b],
  [op.BPF_OR, (a, b) => a | b],
  [op.BPF_XOR, (a, b) => a ^ b],
  [op.BPF_DIV, (a, b) => (b === 0n ? 0n : a / b)],
  [op.BPF_MOD, (a, b) => (b === 0n ? a : a % b)],
  [op.BPF_NEG, a => -a],
  [op.BPF_LSH, (a, b, bits) => a << (b & BigInt(bits - 1))],
  [op.BPF_RSH, (a, b, bits) => a >> (b & BigInt(bits - 1))],
  [op.BPF_ARSH, (a, b, bits) => BigInt.asIntN(bits, a) >> (b & BigInt(bits - 1))],
])

const comparison: ReadonlyMap<number, (a: bigint, b: bigint, bits: number) => boolean> = new Map([
  [op.BPF_JEQ, (a, b) => a === b],
  [op.BPF_JNE, (a, b) => a !== b],
  [op.BPF_JSET, (a, b) => (a & b) !== 0n],
  [op.BPF_JGT, (a, b) => a > b],
  [op.BPF_JGE, (a, b) => a >= b],
  [op.BPF_JLT, (a, b) => a < b],
  [op.BPF_JLE, (a, b) => a <= b],
  [op.BPF_JSGT, (a, b, bits) => BigInt.asIntN(bits, a) > BigInt.asIntN(bits, b)],
  [op.BPF_JSGE, (a, b, bits) => BigInt.asIntN(bits, a) >= BigInt.asIntN(bits, b)],
  [op.BPF_JSLT, (a, b, bits) => BigInt.asIntN(bits, a) < BigInt.asIntN(bits, b)],
  [op.BPF_JSLE, (a, b, bits) => BigInt.asIntN(bits, a) <= BigInt.asIntN(bits, b)],
])

const small = made.map(m => ({ r: m.r, values: m.values }))
const shiftAmount = fc.integer({ min: 0, max: 66 }).map(n => {
  const r = new Int32Array(reg.REG_WORDS)
  reg.setKnown(r, 0, n, 0)
  return { r, values: [BigInt(n)] }
})

describe('scalars', () => {
  it('bounds in step keep every value', () => {
    fc.assert(
      fc.property(made, ({ r, values }) => {
        for (const v of values) expect(against(r, v)).toBe('')
        expect(boundsViolation(r, 0)).toBe(undefined)
      }),
      { numRuns: 1000 },
    )
  })

  for (const [code, compute] of arithmetic) {
    for (const bits of [64, 32]) {
      it(`op ${code.toString(16)} on ${bits} bits holds all results`, () => {
        const shifts = code === op.BPF_LSH || code === op.BPF_RSH || code === op.BPF_ARSH
        fc.assert(
          fc.property(made, shifts ? fc.oneof(shiftAmount, small) : small, (a, b) => {
            const d = a.r.slice()
            scalarAlu(code | (bits === 64 ? op.BPF_ALU64 : op.BPF_ALU), 0, d, 0, b.r, 0, 0)
            for (const x of a.values) {
              for (const y of b.values) {
                const got = BigInt.asUintN(bits, compute(BigInt.asUintN(bits, x), BigInt.asUintN(bits, y), bits))
                expect(`${x} ${y} ${against(d, got)}`).toBe(`${x} ${y} `)
              }
            }
            expect(boundsViolation(d, 0)).toBe(undefined)
          }),
          { numRuns: 400 },
        )
      })
    }
  }

  it('an operand that is also the result', () => {
    fc.assert(
      fc.property(made, a => {
        const d = a.r.slice()
        scalarAlu(op.BPF_ADD | op.BPF_ALU64, 0, d, 0, d, 0, 0)
        for (const x of a.values) expect(against(d, u64(x + x))).toBe('')
      }),
    )
  })

  it('byte order', () => {
    fc.assert(
      fc.property(
        made,
        fc.constantFrom(16, 32, 64),
        fc.constantFrom(op.BPF_ALU, op.BPF_ALU | op.BPF_X, op.BPF_ALU64),
        (a, bits, kind) => {
          const d = a.r.slice()
          scalarAlu(op.BPF_END | kind, bits, d, 0, d, 0, 0)
          for (const x of a.values) expect(against(d, kind === op.BPF_ALU ? BigInt.asUintN(bits, x) : swap(x, bits))).toBe('')
        },
      ),
    )
  })

  it('truncation and sign extension', () => {
    fc.assert(
      fc.property(made, fc.constantFrom(1, 2, 4), (a, size) => {
        const cut = a.r.slice()
        truncate(cut, 0, size)
        const wide = a.r.slice()
        signExtend64(wide, 0, size)
        syncBounds(wide, 0)
        const half = a.r.slice()
        if (size < 4) scalarAlu(op.BPF_AND | op.BPF_ALU, 0, half, 0, minusOne, 0, 0)
        if (size < 4) signExtend32(half, 0, size)
        for (const x of a.values) {
          expect(against(cut, BigInt.asUintN(size * 8, x))).toBe('')
          expect(against(wide, u64(BigInt.asIntN(size * 8, x)))).toBe('')
          const v = u32(BigInt.asIntN(size * 8, x))
          if (size < 4) expect(against(half, v).includes('32')).toBe(false)
        }
      }),
      { numRuns: 1000 },
    )
  })

  for (const [jump, holds] of comparison) {
    for (const bits of [64, 32]) {
      it(`jump ${jump.toString(16)} on ${bits} bits: predictions are right and neither way loses a value`, () => {
        fc.assert(
          fc.property(made, small, fc.boolean(), (a, b, joined) => {
            // Equal values on both sides are what makes equality interesting.
            const other = joined ? { r: a.r.slice(), values: a.values } : b
            const half = bits === 32
            const decided = predictScalars(a.r, 0, other.r, 0, jump, half)
            const taken = [a.r.slice(), other.r.slice()] as const
            const not = [a.r.slice(), other.r.slice()] as const
            refineTaken(taken[0], 0, taken[1], 0, jump, half)
            refineFallThrough(not[0], 0, not[1], 0, jump, half)
            for (const x of a.values) {
              for (const y of other.values) {
                const way = holds(BigInt.asUintN(bits, x), BigInt.asUintN(bits, y), bits)
                if (decided !== -1) expect(way).toBe(decided === 1)
                const [p, q] = way ? taken : not
                expect(`${x} ${y} ${against(p, x)} ${against(q, y)}`).toBe(`${x} ${y}  `)
              }
            }
          }),
          { numRuns: 400 },
        )
      })
    }
  }

  it('a linked register follows by its constant', () => {
    fc.assert(
      fc.property(made, fc.integer({ min: 0, max: 0x7fffffff }), fc.integer({ min: 0, max: 0x7fffffff }), (a, x, y) => {
        const known = a.r.slice()
        known[reg.R_ID] = 7 | reg.BPF_ADD_CONST64
        known[reg.R_OFF] = x
        const r = new Int32Array(reg.REG_WORDS)
        reg.setUnknown(r, 0)
        r[reg.R_ID] = 7 | reg.BPF_ADD_CONST64
        r[reg.R_OFF] = y
        syncLinked(r, 0, known, 0)
        expect(r[reg.R_OFF]).toBe(y)
        for (const v of a.values) expect(against(r, u64(v - BigInt(x) + BigInt(y)))).toBe('')
      }),
    )
  })
})

const minusOne = new Int32Array(reg.REG_WORDS)
reg.setKnown(minusOne, 0, -1, -1)

describe('tnums', () => {
  const trits = fc
    .tuple(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.oneof(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.bigInt({ min: 0n, max: 255n })),
    )
    .map(([v, m]) => ({ v: v & ~m, m }))
  const words = (t: { v: bigint; m: bigint }): Int32Array =>
    Int32Array.of(lowHalf(t.v), highHalf(t.v), lowHalf(t.m), highHalf(t.m))
  const holds = (t: Int32Array, v: bigint): boolean => (toUnsigned(t[0]!, t[1]!) ^ (v & ~toUnsigned(t[2]!, t[3]!))) === 0n
  const out = new Int32Array(4)

  it('hold the results of every operation, and keep value and mask apart', () => {
    const all = [
      [tnumAdd, (a: bigint, b: bigint) => a + b],
      [tnumSub, (a: bigint, b: bigint) => a - b],
      [tnumMul, (a: bigint, b: bigint) => a * b],
      [tnumAnd, (a: bigint, b: bigint) => a & b],
      [tnumOr, (a: bigint, b: bigint) => a | b],
      [tnumXor, (a: bigint, b: bigint) => a ^ b],
    ] as const
    fc.assert(
      fc.property(
        trits,
        trits,
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        fc.constantFrom(...all),
        (a, b, pick, [make, compute]) => {
          make(out, 0, words(a), 0, words(b), 0)
          const x = a.v | (pick & a.m)
          const y = b.v | (~pick & b.m)
          expect(holds(out, u64(compute(x, y)))).toBe(true)
          expect((out[0]! & out[2]!) | (out[1]! & out[3]!)).toBe(0)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('union holds both, intersection what is in both, overlap says whether there is any', () => {
    fc.assert(
      fc.property(trits, trits, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (a, b, pick) => {
        tnumUnion(out, 0, words(a), 0, words(b), 0)
        expect(tnumIn(out, 0, words(a), 0) && tnumIn(out, 0, words(b), 0)).toBe(true)
        const common = u64(~a.m & ~b.m)
        const overlap = (a.v & common) === (b.v & common)
        expect(tnumOverlap(words(a), 0, words(b), 0)).toBe(overlap)
        if (!overlap) return
        const x = a.v | b.v | (pick & a.m & b.m)
        tnumIntersect(out, 0, words(a), 0, words(b), 0)
        expect(holds(out, x)).toBe(true)
      }),
    )
  })

  it('a range holds its ends and knows their common leading bits', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [lo, hi] = a < b ? [a, b] : [b, a]
        tnumRange(out, 0, lowHalf(lo), highHalf(lo), lowHalf(hi), highHalf(hi))
        const bits = BigInt((lo ^ hi).toString(2).length)
        const mask = lo === hi ? 0n : (1n << bits) - 1n
        expect(toUnsigned(out[2]!, out[3]!)).toBe(mask)
        expect(toUnsigned(out[0]!, out[1]!)).toBe(lo & ~mask)
      }),
    )
  })

  it('a multiplication by an unknown bit is the union of both products', () => {
    // (0 or 4) * 3: {0, 12}; the sum of two partial products with every unknown bit spread would be wider.
    tnumMul(out, 0, Int32Array.of(0, 0, 4, 0), 0, Int32Array.of(3, 0, 0, 0), 0)
    expect([...out]).toEqual([0, 0, 12, 0])
  })
})

describe('wide products', () => {
  it('know when they overflow', () => {
    const out = new Int32Array(2)
    fc.assert(
      fc.property(value, value, (a, b) => {
        const over = mulOverflowsUnsigned(out, 0, lowHalf(a), highHalf(a), lowHalf(b), highHalf(b))
        expect(over).toBe(a * b >= 1n << 64n)
        if (!over) expect(toUnsigned(out[0]!, out[1]!)).toBe(a * b)
        const product = s64(a) * s64(b)
        const signedOver = mulOverflowsSigned(out, 0, lowHalf(a), highHalf(a), lowHalf(b), highHalf(b))
        expect(signedOver).toBe(product !== s64(product))
        if (!signedOver) expect(toSigned(out[0]!, out[1]!)).toBe(product)
      }),
      { numRuns: 1000 },
    )
  })
})
