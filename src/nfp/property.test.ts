// What must hold for every word: fields come back, text comes back, the ECC finds every flipped bit.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NicwrightError } from '../errors.ts'
import { assemble, assembleInsn, printExact } from './assemble.ts'
import { Code } from './code.ts'
import { decode, NfpInsn } from './decode.ts'
import { ecc, eccHolds, withEcc } from './ecc.ts'
import { alu, br, brBit, cmd, immed, lcsrRead, lcsrWrite, ldField, mul, rtn, shf } from './encode.ts'
import {
  ADDRESS,
  ALU,
  BR,
  CMD,
  CSR,
  CTX,
  type Field,
  type FieldName,
  FORMAT,
  formats,
  MUL_STEP,
  MUL_TYPE,
  SHF,
  SHIFT,
  WIDTH,
} from './insn-table.ts'
import { addr40, immed32, orSubpart, subpart } from './macro.ts'
import { gprA, gprB, gprBoth, imm, lm, lmDec, lmInc, NONE, nextNeighbour, xfer } from './operand.ts'
import { pack } from './pack.ts'
import { branchAddress, immedValue, isBranch, setBranchAddress, setImmedValue } from './patch.ts'
import { printInsn } from './print.ts'

const half = fc.integer({ min: 0, max: 0xffffffff })
const operation = fc.record({ lo: half, hi: fc.integer({ min: 0, max: 0x1fff }) })

/** Words of a format, all its other bits at random. */
const instruction = fc.tuple(fc.integer({ min: 1, max: formats.length - 1 }), operation).map(([format, { lo, hi }]) => {
  const { mask, base } = formats[format]!
  return { format, lo: ((lo & ~mask.lo) | base.lo) >>> 0, hi: (hi & ~mask.hi) | base.hi }
})

function firstWord(code: Code): NfpInsn {
  expect(code.error).toBe(0)
  const insn = new NfpInsn()
  decode(code.lo[0]!, code.hi[0]!, insn)
  return insn
}

describe('the table', () => {
  test('no two formats claim a word', () => {
    fc.assert(
      fc.property(operation, ({ lo, hi }) => {
        const claims = formats.slice(1).filter(({ mask, base }) => (lo & mask.lo) >>> 0 === base.lo && (hi & mask.hi) === base.hi)
        expect(claims.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 2000 },
    )
  })

  test('no field of a format overlaps another', () => {
    for (const { fields, name } of formats) {
      const seen = new Set<number>()
      for (const { at, bits } of Object.values(fields) as Field[]) {
        for (let bit = at; bit < at + bits; bit++) {
          expect(seen.has(bit), `${name} bit ${bit}`).toBe(false)
          expect(bit).toBeLessThan(45)
          seen.add(bit)
        }
      }
    }
  })

  test('decoding gives back what was packed', () => {
    const insn = new NfpInsn()
    fc.assert(
      fc.property(instruction, fc.array(half, { minLength: 16, maxLength: 16 }), ({ format }, values) => {
        const fields = Object.entries(formats[format]!.fields) as [FieldName, Field][]
        const wanted: Partial<Record<FieldName, number>> = {}
        fields.forEach(([name, { bits }], i) => {
          wanted[name] = values[i % values.length]! & ((1 << bits) - 1)
        })
        const { lo, hi } = pack(format, wanted)
        decode(lo, hi, insn)
        // Fields may lie within the bits that select a format only where their value is the format's own.
        if (insn.format !== format) return
        for (const [name] of fields) {
          if (name === 'address' || name === 'xfer') continue
          expect(insn[name]).toBe(wanted[name])
        }
        if (wanted.address !== undefined) expect(insn.address).toBe(wanted.address | ((wanted.addressHigh ?? 0) << 13))
        if (format === FORMAT.CMD) expect(insn.xfer).toBe((wanted.xfer ?? 0) | ((wanted.xferHigh ?? 0) << 5))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('print and assemble', () => {
  test('exact text gives every word back, be it an instruction or not', () => {
    fc.assert(
      fc.property(fc.oneof(operation, instruction), ({ lo, hi }) => {
        expect(assembleInsn(printExact(lo, hi))).toEqual({ lo, hi })
      }),
      { numRuns: 3000 },
    )
  })

  test('a text that can be assembled is printed as it was', () => {
    let assembled = 0
    fc.assert(
      fc.property(instruction, ({ lo, hi }) => {
        const text = printInsn(lo, hi)
        let again: { lo: number; hi: number }
        try {
          again = assembleInsn(text)
        } catch (error) {
          expect(error).toBeInstanceOf(NicwrightError)
          return
        }
        assembled++
        expect(printInsn(again.lo, again.hi)).toBe(text)
      }),
      { numRuns: 3000 },
    )
    expect(assembled).toBeGreaterThan(1000)
  })

  test('any text is read or refused with a place', () => {
    const pieces = fc.constantFrom(
      ...'alu,alu_shf,mem,immed,br,[,],<<8,>>rot3,--,gprA_1,gprB_40,$xfer_99,*l$index3[9],0x1ff,ctx_swap[sig1],.5,x:,;,.word'.split(
        ',',
      ),
      ',',
      ' ',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 12 }).map(all => all.join('')),
        ),
        text => {
          try {
            assemble(text)
          } catch (error) {
            expect(error).toBeInstanceOf(NicwrightError)
            const { at } = error as NicwrightError
            expect(at?.line).toBeGreaterThan(0)
            expect(at?.column).toBeGreaterThan(0)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('the encoder', () => {
  const bank = fc.integer({ min: 0, max: 31 })
  const sourceB = fc.oneof(bank.map(gprB), fc.integer({ min: 0, max: 255 }).map(imm), fc.integer({ min: 0, max: 31 }).map(xfer))
  const sourceA = fc.oneof(
    bank.map(gprA),
    fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 15 })).map(([p, w]) => lm(p, w)),
  )
  const destination = fc.oneof(bank.map(gprA), bank.map(gprB), fc.constant(NONE))
  const aluOp = fc.constantFrom(...Object.values(ALU))

  test('alu: operands come back, in either order', () => {
    fc.assert(
      fc.property(sourceA, sourceB, destination, aluOp, fc.boolean(), (a, b, dst, op, reverse) => {
        const code = new Code()
        alu(code, dst, reverse ? b : a, op, reverse ? a : b)
        const insn = firstWord(code)
        expect([insn.format, insn.op, insn.dest]).toEqual([FORMAT.ALU, op, dst])
        expect([insn.left, insn.right]).toEqual(reverse ? [b, a] : [a, b])
      }),
    )
  })

  test('shf: operands, operation and amount come back', () => {
    fc.assert(
      fc.property(bank, bank, destination, fc.integer({ min: 1, max: 31 }), fc.constantFrom(1, 2), (a, b, dst, amount, kind) => {
        const code = new Code()
        shf(code, dst, gprA(a), SHF.AND, gprB(b), kind, amount)
        const insn = firstWord(code)
        expect([insn.dest, insn.left, insn.right, insn.op, insn.shiftKind]).toEqual([dst, gprA(a), gprB(b), SHF.AND, kind])
        expect(insn.amount).toBe(kind === SHIFT.LEFT ? 32 - amount : amount)
      }),
    )
  })

  test('immed32 loads every value', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          half,
          fc.integer({ min: 0, max: 0xffff }),
          half.map(v => (v & 0xffff0000) >>> 0),
        ),
        value => {
          const code = new Code()
          immed32(code, gprB(21), value)
          let loaded = 0
          const insn = new NfpInsn()
          for (let i = 0; i < code.count; i++) {
            decode(code.lo[i]!, code.hi[i]!, insn)
            expect(insn.dest).toBe(gprB(21))
            const shifted = insn.value << (insn.shift * 8)
            if (insn.width === WIDTH.WORD) loaded = (loaded & 0xffff) | shifted
            else loaded = insn.invert ? ~shifted : shifted
          }
          expect(loaded >>> 0).toBe(value)
        },
      ),
    )
  })

  test('every word is printed and assembled', () => {
    fc.assert(
      fc.property(bank, bank, fc.integer({ min: 0, max: 0x3fff }), fc.integer({ min: 0, max: 31 }), (a, b, address, bit) => {
        const code = new Code()
        alu(code, gprBoth(a), NONE, ALU.NONE, gprB(b))
        ldField(code, gprA(a), bit & 15, gprB(b), bit & 1 ? SHIFT.RIGHT : SHIFT.NONE, bit & 1 ? 8 : 0, 1)
        ldField(code, lm(bit & 3, bit & 7), 3, gprB(b), SHIFT.LEFT, 16)
        immed(code, lm(bit & 3, 0), address, WIDTH.ALL, 0, 0)
        br(code, BR.NE, address, bit & 3)
        brBit(code, gprB(b), bit, address, 0, bit & 1)
        cmd(code, CMD.READ32_SWAP, ADDRESS.A_B, bit, gprA(a), gprB(b), bit & 7, CTX.SWAP, bit & 1)
        cmd(code, CMD.ADD_IMM, ADDRESS.B_A, 0, gprA(a), imm(b), 0, CTX.NO_SWAP)
        rtn(code, gprA(a), 1)
        rtn(code, gprB(b), 3)
        lcsrWrite(code, gprB(b), CSR.ACT_LM_ADDR3)
        lcsrWrite(code, gprA(a), CSR.ACT_LM_ADDR0)
        lcsrWrite(code, imm(a), CSR.CTX_PTR)
        lcsrRead(code, CSR.PSEUDO_RND_NUM)
        mul(code, NONE, gprA(a), MUL_TYPE.START, MUL_STEP.STEP1, gprB(b))
        mul(code, NONE, gprB(b), MUL_TYPE.BITS32X32, MUL_STEP.STEP4, imm(a))
        mul(code, gprBoth(a), NONE, MUL_TYPE.BITS32X32, MUL_STEP.LAST2, NONE)
        mul(code, NONE, NONE, MUL_TYPE.BITS32X32, MUL_STEP.LAST, NONE)
        alu(code, lmInc(bit & 3), NONE, ALU.NONE, lmDec(bit & 3))
        alu(code, gprB(b), nextNeighbour(a), ALU.XOR, gprA(a))
        subpart(code, gprBoth(a), gprB(b), 2, bit & 3)
        orSubpart(code, gprBoth(a), gprB(b), 1, bit & 3)
        addr40(code, a & 30, imm(bit))
        expect(code.error).toBe(0)
        for (let i = 0; i < code.count; i++) {
          const [lo, hi] = [code.lo[i]!, code.hi[i]! & 0xffffff]
          expect(printExact(lo, hi)).toBe(printInsn(lo, hi))
        }
      }),
    )
  })

  test('misuse of operands is an error of the code', () => {
    const misuses: readonly ((code: Code) => void)[] = [
      code => alu(code, NONE, gprA(1), ALU.ADD, gprA(2)),
      code => alu(code, NONE, gprB(1), ALU.ADD, gprB(2)),
      code => alu(code, NONE, imm(1), ALU.ADD, imm(2)),
      code => alu(code, NONE, lm(0, 1), ALU.ADD, lm(1, 1)),
      code => alu(code, imm(1), gprA(1), ALU.ADD, gprB(2)),
      code => alu(code, gprA(1), gprA(1), ALU.ADD, imm(256)),
      code => shf(code, gprA(1), gprA(1), SHF.AND, gprB(1), SHIFT.LEFT, 32),
      code => shf(code, gprA(1), lm(0, 8), SHF.AND, gprB(1), SHIFT.LEFT, 1),
      code => cmd(code, CMD.READ8, ADDRESS.BITS32, 0, gprB(1), imm(0), 0, CTX.SWAP),
      code => cmd(code, CMD.READ8, ADDRESS.BITS32, 0, gprA(1), imm(128), 0, CTX.SWAP),
      code => cmd(code, CMD.READ8, ADDRESS.BITS32, 0, lm(2, 0), imm(0), 0, CTX.SWAP),
      code => br(code, BR.UNC, 0, 3),
    ]
    for (const misuse of misuses) {
      const code = new Code()
      misuse(code)
      expect(code.error).toBe(14)
    }
  })

  test('a full buffer stops at its limit', () => {
    const code = new Code(300)
    for (let i = 0; i < 300; i++) alu(code, gprA(1), gprA(1), ALU.ADD, gprB(1))
    expect([code.count, code.error]).toEqual([300, 0])
    alu(code, gprA(1), gprA(1), ALU.ADD, gprB(1))
    expect([code.count, code.error]).toEqual([300, 28])
  })
})

describe('the error-correcting code', () => {
  const masks = [
    0x0ff800007fffn,
    0x11f801ff801fn,
    0x1e387e0781e1n,
    0x17cb8e388e22n,
    0x1af5b2c93244n,
    0x1f56d5525488n,
    0x0daf69a46910n,
  ]

  test('is the parity of the word under each mask', () => {
    fc.assert(
      fc.property(operation, ({ lo, hi }) => {
        const word = (BigInt(hi) << 32n) | BigInt(lo)
        let expected = 0
        masks.forEach((mask, bit) => {
          const ones = [...(word & mask).toString(2)].filter(digit => digit === '1').length
          expected |= (ones & 1) << bit
        })
        expect(ecc(lo, hi)).toBe(expected)
      }),
    )
  })

  test('notices every flipped bit, and every two', () => {
    fc.assert(
      fc.property(operation, fc.integer({ min: 0, max: 51 }), fc.integer({ min: 0, max: 51 }), ({ lo, hi }, one, two) => {
        const flip = (bit: number): readonly [number, number] => (bit < 32 ? [1 << bit, 0] : [0, 1 << (bit - 32)])
        const whole = withEcc(lo, hi)
        expect(eccHolds(lo, whole)).toBe(true)
        const [lo1, hi1] = flip(one)
        expect(eccHolds((lo ^ lo1) >>> 0, (whole ^ hi1) >>> 0)).toBe(false)
        if (one === two) return
        const [lo2, hi2] = flip(two)
        expect(eccHolds((lo ^ lo1 ^ lo2) >>> 0, (whole ^ hi1 ^ hi2) >>> 0)).toBe(false)
      }),
    )
  })
})

describe('patching', () => {
  test('a branch address is read back; above 13 bits the low 13 and a high bit survive', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0xffff }), (before, after) => {
        const code = new Code()
        br(code, BR.EQ, before, 1)
        const other = code.hi[0]!
        setBranchAddress(code, 0, after)
        expect(isBranch(code, 0)).toBe(true)
        expect(branchAddress(code, 0)).toBe(after > 0x1fff ? 0x2000 | (after & 0x1fff) : after)
        setBranchAddress(code, 0, before)
        expect(code.hi[0]).toBe(other)
      }),
    )
  })

  test('an immediate is read back from either slot', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 0xffff }),
        fc.constantFrom(gprA(3), gprB(3), gprBoth(3)),
        (before, after, dst) => {
          const code = new Code()
          immed(code, dst, before, WIDTH.ALL, 0, 0)
          expect(immedValue(code, 0)).toBe(before)
          setImmedValue(code, 0, after)
          expect(immedValue(code, 0)).toBe(after)
          setImmedValue(code, 0, before)
          const fresh = new Code()
          immed(fresh, dst, before, WIDTH.ALL, 0, 0)
          expect([code.lo[0], code.hi[0]]).toEqual([fresh.lo[0], fresh.hi[0]])
        },
      ),
    )
  })
})
