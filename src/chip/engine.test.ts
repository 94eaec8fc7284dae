// The microengine against plain arithmetic: words are made with the encoder, executed, and the registers compared with what BigInt says.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Code } from '../nfp/code.ts'
import { withEcc } from '../nfp/ecc.ts'
import { alu, br, brBit, cmd, immed, lcsrRead, lcsrWrite, ldField, mul, nop, rtn, shf, shfIndirect } from '../nfp/encode.ts'
import { ADDRESS, ALU, BR, CMD, CSR, CTX, MUL_STEP, MUL_TYPE, SHF, SHIFT, WIDTH } from '../nfp/insn-table.ts'
import { gprA, gprB, gprBoth, imm, lm, lmInc, NONE, xfer } from '../nfp/operand.ts'
import { Microengine } from './engine.ts'
import * as F from './fault.ts'
import { CTM_PACKET, Ctm, EMEM_POINTER_HIGH } from './memory.ts'
import { BANK_A, BANK_B, loadWords, type Microcode, operations, XFER_IN, XFER_OUT } from './microcode.ts'
import { timing } from './timing.ts'
import { EngineUse, Trace } from './trace.ts'

const BASE = 0x100

function program(make: (code: Code) => void): Microcode {
  const code = new Code()
  make(code)
  expect(code.error).toBe(0)
  for (let i = 0; i < code.count; i++) code.hi[i] = withEcc(code.lo[i]!, code.hi[i]!)
  const loaded = loadWords(code.lo, code.hi, code.count, BASE)
  expect(loaded.badEcc).toEqual([])
  expect(loaded.invalid).toEqual([])
  return loaded.microcode
}

function newEngine(): Microengine {
  const t = timing()
  const u8 = new Uint8Array(4096)
  const emem = { u8, i32: new Int32Array(u8.buffer), shared: false }
  const engine = new Microengine(new Ctm(8192), new Trace(), new EngineUse(t), t, emem)
  engine.ctm.packetAt[3] = 4096
  engine.ctm.packetBytes[3] = 1024
  return engine
}

/** Runs words on an engine whose registers were set, to the end. */
function run(make: (code: Code) => void, set: (engine: Microengine) => void = () => {}): Microengine {
  const microcode = program(make)
  const engine = newEngine()
  engine.reset(0x800, 0x40)
  set(engine)
  expect(engine.run(microcode, BASE)).toBe(0)
  expect(engine.address).toBe(BASE + microcode.count)
  return engine
}

const u32 = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff))
const M64 = 0xffff_ffff_ffff_ffffn

function pair(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)
}

test('64-bit addition and subtraction carry over', () => {
  fc.assert(
    fc.property(u32, u32, u32, u32, fc.boolean(), (aLo, aHi, bLo, bHi, add) => {
      const engine = run(
        code => {
          alu(code, gprBoth(0), gprA(0), add ? ALU.ADD : ALU.SUB, gprB(2))
          alu(code, gprBoth(1), gprA(1), add ? ALU.ADD_C : ALU.SUB_C, gprB(3))
        },
        ({ registers: r }) => {
          r[BANK_A] = aLo
          r[BANK_A + 1] = aHi
          r[BANK_B + 2] = bLo
          r[BANK_B + 3] = bHi
        },
      )
      const [a, b] = [pair(aLo, aHi), pair(bLo, bHi)]
      const want = (add ? a + b : a - b) & M64
      expect(pair(engine.registers[BANK_A]!, engine.registers[BANK_A + 1]!)).toBe(want)
      expect(pair(engine.registers[BANK_B]!, engine.registers[BANK_B + 1]!)).toBe(want)
    }),
  )
})

test('64-bit comparisons by subtraction and branch', () => {
  const conditions: readonly [number, (a: bigint, b: bigint) => boolean][] = [
    [BR.LO, (a, b) => a < b],
    [BR.HS, (a, b) => a >= b],
    [BR.LT, (a, b) => BigInt.asIntN(64, a) < BigInt.asIntN(64, b)],
    [BR.GE, (a, b) => BigInt.asIntN(64, a) >= BigInt.asIntN(64, b)],
  ]
  fc.assert(
    fc.property(u32, u32, u32, u32, fc.constantFrom(...conditions), (aLo, aHi, bLo, bHi, [condition, holds]) => {
      const engine = run(
        code => {
          alu(code, NONE, gprA(0), ALU.SUB, gprB(2))
          alu(code, NONE, gprA(1), ALU.SUB_C, gprB(3))
          br(code, condition, BASE + 4, 0, 0)
          immed(code, gprA(5), 1, 0, 0, 0)
          nop(code)
        },
        ({ registers: r }) => {
          r[BANK_A] = aLo
          r[BANK_A + 1] = aHi
          r[BANK_B + 2] = bLo
          r[BANK_B + 3] = bHi
        },
      )
      expect(engine.registers[BANK_A + 5]).toBe(holds(pair(aLo, aHi), pair(bLo, bHi)) ? 0 : 1)
    }),
  )
})

test('logical operations', () => {
  const table: readonly [number, (a: number, b: number) => number][] = [
    [ALU.NONE, (_, b) => b],
    [ALU.NOT, (_, b) => ~b],
    [ALU.AND, (a, b) => a & b],
    [ALU.OR, (a, b) => a | b],
    [ALU.XOR, (a, b) => a ^ b],
    [ALU.AND_NOT_A, (a, b) => ~a & b],
    [ALU.AND_NOT_B, (a, b) => a & ~b],
    [ALU.ADD_2B, (a, b) => (a + b) & 0xffff],
  ]
  fc.assert(
    fc.property(u32, u32, fc.constantFrom(...table), fc.boolean(), (a, b, [op, want], swapped) => {
      const engine = run(
        code => alu(code, gprB(7), swapped ? gprB(2) : gprA(2), op, swapped ? gprA(3) : gprB(3)),
        ({ registers: r }) => {
          r[(swapped ? BANK_B : BANK_A) + 2] = a
          r[(swapped ? BANK_A : BANK_B) + 3] = b
        },
      )
      expect(engine.registers[BANK_B + 7]).toBe(want(a, b) | 0)
      expect(engine.registers[BANK_A + 7]).toBe(0)
    }),
  )
})

test('32 x 32 multiplication gives both halves, with fewer steps a part of it', () => {
  fc.assert(
    fc.property(u32, u32, (a, b) => {
      const engine = run(
        code => {
          mul(code, NONE, gprA(0), MUL_TYPE.START, MUL_STEP.STEP1, gprB(1))
          for (let step = 0; step < 4; step++) mul(code, NONE, gprA(0), MUL_TYPE.BITS32X32, step, gprB(1))
          mul(code, gprBoth(4), NONE, MUL_TYPE.BITS32X32, MUL_STEP.LAST, NONE)
          mul(code, gprBoth(5), NONE, MUL_TYPE.BITS32X32, MUL_STEP.LAST2, NONE)
          mul(code, NONE, gprA(0), MUL_TYPE.START, MUL_STEP.STEP1, gprB(1))
          for (let step = 0; step < 2; step++) mul(code, NONE, gprA(0), MUL_TYPE.BITS16X16, step, gprB(1))
          mul(code, gprBoth(6), NONE, MUL_TYPE.BITS16X16, MUL_STEP.LAST, NONE)
        },
        ({ registers: r }) => {
          r[BANK_A] = a
          r[BANK_B + 1] = b
        },
      )
      expect(pair(engine.registers[BANK_A + 4]!, engine.registers[BANK_B + 5]!)).toBe(BigInt(a) * BigInt(b))
      expect(engine.registers[BANK_A + 6]).toBe(Math.imul(a, b & 0xffff))
    }),
  )
})

const amounts = fc.integer({ min: 1, max: 31 })

test('shifts by a constant', () => {
  fc.assert(
    fc.property(u32, u32, amounts, (lo, hi, n) => {
      const engine = run(
        code => {
          shf(code, gprBoth(4), NONE, SHF.NONE, gprB(0), SHIFT.RIGHT, n)
          shf(code, gprBoth(5), NONE, SHF.NONE, gprB(0), SHIFT.LEFT, n)
          shf(code, gprBoth(6), gprA(1), SHF.NONE, gprB(0), SHIFT.RIGHT_DOUBLE, n)
          shf(code, gprBoth(7), NONE, SHF.NONE, gprB(0), SHIFT.NONE, n)
          alu(code, NONE, gprA(1), ALU.OR, imm(0))
          shf(code, gprBoth(8), NONE, SHF.ASHR, gprB(1), SHIFT.RIGHT, n)
          shf(code, gprBoth(9), gprA(1), SHF.OR, gprB(0), SHIFT.LEFT, n)
          shf(code, gprBoth(10), imm(0xff), SHF.AND, gprB(0), SHIFT.RIGHT, n)
        },
        ({ registers: r }) => {
          r[BANK_B] = lo
          r[BANK_A + 1] = hi
          r[BANK_B + 1] = hi
        },
      )
      const r = engine.registers.subarray(BANK_A)
      expect(r[4]).toBe((lo >>> n) | 0)
      expect(r[5]).toBe(lo << n)
      expect(r[6]).toBe(Number(BigInt.asIntN(32, pair(lo, hi) >> BigInt(n))))
      expect(r[7]).toBe((lo >>> n) | (lo << (32 - n)) | 0)
      expect(r[8]).toBe((hi | 0) >> n)
      expect(r[9]).toBe(hi | (lo << n) | 0)
      expect(r[10]).toBe(0xff & (lo >>> n))
    }),
  )
})

// The sequences that the driver emits for shifts by a register: they must be right for every amount that eBPF allows.
test('64-bit shifts by a register, 0 to 31', () => {
  fc.assert(
    fc.property(u32, u32, fc.integer({ min: 0, max: 31 }), fc.constantFrom('left', 'right', 'arithmetic'), (lo, hi, n, kind) => {
      const engine = run(
        code => {
          if (kind === 'left') {
            alu(code, gprBoth(21), imm(32), ALU.SUB, gprB(2))
            alu(code, NONE, gprA(21), ALU.OR, imm(0))
            shfIndirect(code, gprBoth(1), gprA(1), SHF.NONE, gprB(0), SHIFT.RIGHT_DOUBLE)
            alu(code, NONE, gprA(2), ALU.OR, imm(0))
            shfIndirect(code, gprBoth(0), NONE, SHF.NONE, gprB(0), SHIFT.LEFT)
          } else {
            alu(code, NONE, gprA(2), ALU.OR, imm(0))
            shfIndirect(code, gprBoth(0), gprA(1), SHF.NONE, gprB(0), SHIFT.RIGHT_DOUBLE)
            alu(code, NONE, gprA(2), ALU.OR, kind === 'right' ? imm(0) : gprB(1))
            shfIndirect(code, gprBoth(1), NONE, kind === 'right' ? SHF.NONE : SHF.ASHR, gprB(1), SHIFT.RIGHT)
          }
        },
        ({ registers: r }) => {
          for (const bank of [BANK_A, BANK_B]) {
            r[bank] = lo
            r[bank + 1] = hi
            r[bank + 2] = n
          }
        },
      )
      const value = pair(lo, hi)
      const by = BigInt(n)
      const want = kind === 'left' ? value << by : kind === 'right' ? value >> by : BigInt.asIntN(64, value) >> by
      expect(pair(engine.registers[BANK_A]!, engine.registers[BANK_A + 1]!)).toBe(want & M64)
    }),
  )
})

test('ld_field puts shifted bytes among old ones', () => {
  fc.assert(
    fc.property(
      u32,
      u32,
      fc.integer({ min: 0, max: 15 }),
      fc.constantFrom(0, 8, 16, 24),
      fc.boolean(),
      (old, value, mask, n, zero) => {
        const engine = run(
          code => {
            ldField(code, gprA(4), mask, gprB(5), n === 0 ? SHIFT.NONE : SHIFT.RIGHT, n, zero)
            ldField(code, gprA(6), mask, gprB(5), SHIFT.NONE, n, zero)
          },
          ({ registers: r }) => {
            r[BANK_A + 4] = old
            r[BANK_A + 6] = old
            r[BANK_B + 5] = value
          },
        )
        const bytes = (from: number): number => {
          let out = 0
          for (let i = 0; i < 4; i++) out |= (((mask >>> i) & 1 ? from : zero ? 0 : old) & (0xff << (8 * i))) | 0
          return out
        }
        expect(engine.registers[BANK_A + 4]).toBe(bytes(value >>> n))
        expect(engine.registers[BANK_A + 6]).toBe(bytes(n === 0 ? value : (value >>> n) | (value << (32 - n))))
      },
    ),
  )
})

test('immediates: shift, inversion, width', () => {
  const engine = run(code => {
    immed(code, gprBoth(0), 0xabcd, WIDTH.ALL, 0, 1)
    immed(code, gprBoth(1), 0x1234, WIDTH.ALL, 1, 2)
    immed(code, gprBoth(2), 0x5678, WIDTH.ALL, 0, 0)
    immed(code, gprBoth(2), 0x1234, WIDTH.WORD, 0, 2)
    immed(code, gprB(3), 0xffff, WIDTH.ALL, 0, 0)
  })
  expect(engine.registers[BANK_A]).toBe(0xabcd00)
  expect(engine.registers[BANK_B + 1]! >>> 0).toBe(0xedcbffff)
  expect(engine.registers[BANK_B + 2]).toBe(0x12345678)
  expect(engine.registers[BANK_B + 3]).toBe(0xffff)
  expect(engine.registers[BANK_A + 3]).toBe(0)
})

test('a pointer is used three words after it was written, the old one until then', () => {
  const engine = run(
    code => {
      lcsrWrite(code, gprA(0), CSR.ACT_LM_ADDR3)
      alu(code, gprBoth(1), NONE, ALU.NONE, lm(3, 0))
      alu(code, gprBoth(2), NONE, ALU.NONE, lm(3, 0))
      alu(code, gprBoth(3), NONE, ALU.NONE, lm(3, 0))
      alu(code, gprBoth(4), NONE, ALU.NONE, lm(3, 0))
      alu(code, gprBoth(5), NONE, ALU.NONE, lmInc(3))
      alu(code, gprBoth(6), NONE, ALU.NONE, lm(3, 1))
      alu(code, lm(3, 2), NONE, ALU.NONE, gprA(0))
    },
    ({ registers, local }) => {
      registers[BANK_A] = 0x100
      local.words[0] = 7
      local.words[0x40] = 8
      local.words[0x42] = 9
    },
  )
  expect([...engine.registers.subarray(1, 7)]).toEqual([7, 7, 7, 8, 8, 9])
  expect(engine.local.words[0x43]).toBe(0x100)
  expect(engine.local.pointer(3)).toBe(0x104)
})

test('bytes keep their order from memory to registers and back', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 1, max: 8 }),
      (bytes, at, n) => {
        const address = (CTM_PACKET | (3 << 16)) >>> 0
        const engine = run(
          code => {
            cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(0), imm(at), 3, CTX.SWAP)
            alu(code, gprBoth(4), NONE, ALU.NONE, xfer(0))
            cmd(code, CMD.READ8, ADDRESS.BITS32, 8, gprA(0), imm(at), 2, CTX.SWAP)
            alu(code, gprBoth(5), NONE, ALU.NONE, xfer(8))
            for (let i = 0; i < 2; i++) alu(code, xfer(i), NONE, ALU.NONE, xfer(i))
            cmd(code, CMD.WRITE8_SWAP, ADDRESS.BITS32, 0, gprA(0), imm(64), n - 1, CTX.SWAP)
          },
          ({ registers, ctm }) => {
            registers[BANK_A] = address
            ctm.u8.set(bytes, 4096 + at)
          },
        )
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        expect(engine.registers[BANK_A + 4]).toBe(view.getInt32(0, true))
        expect(engine.registers[BANK_A + 5]! >>> 8).toBe(view.getUint32(0) >>> 8)
        expect(engine.ctm.u8.slice(4096 + 64, 4096 + 72)).toEqual(
          Uint8Array.from({ length: 8 }, (_, i) => (i < n ? bytes[i]! : 0)),
        )
      },
    ),
  )
})

test('atomic adds: 64 bits with carry, words in big-endian bytes, from registers and as an immediate', () => {
  fc.assert(
    fc.property(u32, u32, u32, u32, (aLo, aHi, bLo, bHi) => {
      const engine = run(
        code => {
          cmd(code, CMD.ADD, ADDRESS.B_A, 0, gprA(0), gprB(1), 4, CTX.SWAP_DEFER2)
          alu(code, xfer(0), NONE, ALU.NONE, gprA(2))
          alu(code, xfer(1), NONE, ALU.NONE, gprA(3))
          immed(code, gprA(21), (2 << 3) | 0x80 | (8 << 8), 0, 0, 0)
          ldField(code, gprA(21), 0xc, gprB(4), SHIFT.LEFT, 16)
          cmd(code, CMD.ADD_IMM, ADDRESS.B_A, 0, gprA(5), gprB(1), 0, CTX.NO_SWAP, 1)
        },
        ({ registers: r, emem }) => {
          r[BANK_A] = 16
          r[BANK_B + 1] = EMEM_POINTER_HIGH
          r[BANK_A + 2] = bLo
          r[BANK_A + 3] = bHi
          r[BANK_B + 4] = 0xfffe
          r[BANK_A + 5] = 24
          const view = new DataView(emem.u8.buffer)
          view.setUint32(16, aLo)
          view.setUint32(20, aHi)
        },
      )
      const view = new DataView(engine.emem.u8.buffer)
      expect(pair(view.getUint32(16), view.getUint32(20))).toBe((pair(aLo, aHi) + pair(bLo, bHi)) & M64)
      expect(view.getUint32(24)).toBe(0xfffe)
    }),
  )
})

test('long transfers take their length from the word before', () => {
  const engine = run(
    code => {
      immed(code, NONE, 0x80 | (31 << 8), 0, 0, 0)
      cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(0), imm(0), 31, CTX.SWAP, 1)
    },
    ({ ctm }) => ctm.u8.set(Uint8Array.from({ length: 128 }, (_, i) => i)),
  )
  expect(engine.registers[XFER_IN + 31]! >>> 0).toBe(0x7f7e7d7c)
  expect(engine.registers[XFER_OUT + 31]).toBe(0)
})

/** Cycles of words, up to the end. */
function cycles(make: (code: Code) => void): number {
  return run(make).cycle
}

test('cycles of branches', () => {
  // r0 == 0 holds; the target is the end.
  const branch = (between: number, defer: number) => (code: Code) => {
    alu(code, NONE, NONE, ALU.NONE, gprB(0))
    for (let i = 0; i < between; i++) nop(code)
    br(code, BR.EQ, BASE + 2 + between + defer + 1, defer, 0)
    for (let i = 0; i < defer; i++) nop(code)
    nop(code)
  }
  expect(cycles(branch(0, 0))).toBe(1 + 4)
  expect(cycles(branch(1, 0))).toBe(2 + 3)
  expect(cycles(branch(0, 2))).toBe(1 + 2 + 2)
  expect(
    cycles(code => {
      alu(code, NONE, imm(1), ALU.OR, gprB(0))
      br(code, BR.EQ, BASE, 0, 0)
    }),
  ).toBe(2)
  expect(cycles(code => br(code, BR.UNC, BASE + 1, 0, 0))).toBe(4)
  expect(cycles(code => brBit(code, gprA(0), 5, BASE + 1, 0, 0, 0))).toBe(4)
  expect(
    cycles(code => {
      immed(code, gprA(1), BASE + 3, 0, 0, 0)
      rtn(code, gprA(1), 0)
      nop(code)
    }),
  ).toBe(5)
})

test('defer slots are executed before the jump, and commands with slots run after them', () => {
  const engine = run(code => {
    br(code, BR.UNC, BASE + 4, 2, 0)
    immed(code, gprA(1), 1, 0, 0, 0)
    immed(code, gprA(2), 1, 0, 0, 0)
    immed(code, gprA(3), 1, 0, 0, 0)
    nop(code)
  })
  expect([...engine.registers.subarray(1, 4)]).toEqual([1, 1, 0])
})

test('waits and segments', () => {
  const engine = run(
    code => {
      nop(code)
      cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(0), imm(0), 0, CTX.SWAP)
      nop(code)
      cmd(code, CMD.READ32_SWAP, ADDRESS.B_A, 0, gprA(0), gprB(1), 0, CTX.SWAP)
    },
    ({ registers }) => {
      registers[BANK_B + 1] = EMEM_POINTER_HIGH
    },
  )
  engine.trace.end()
  expect([...engine.trace.segments.subarray(0, engine.trace.count * 2)]).toEqual([4, 61, 4, 93])
  expect(engine.engineUse.hottest).toBe(40525)
})

test('the random register moves on, and an immed takes what a CSR gave', () => {
  const engine = run(code => {
    lcsrRead(code, CSR.PSEUDO_RND_NUM)
    immed(code, gprBoth(0), 0, 0, 0, 0)
    immed(code, gprBoth(1), 0, 0, 0, 0)
    lcsrRead(code, CSR.PSEUDO_RND_NUM)
    immed(code, gprBoth(2), 0, 0, 0, 0)
  })
  expect(engine.registers[0]).not.toBe(0)
  expect(engine.registers[1]).toBe(0)
  expect(engine.registers[2]).not.toBe(engine.registers[0])
})

function fault(make: (code: Code) => void): number {
  const microcode = program(make)
  const engine = newEngine()
  engine.reset(0x800, 0x40)
  engine.cycleLimit = 10_000
  return engine.run(microcode, BASE)
}

test('faults are values', () => {
  expect(fault(code => br(code, BR.UNC, BASE, 0, 0))).toBe(F.FAULT_RUNAWAY)
  expect(fault(code => cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(0), imm(127), 0, CTX.SWAP))).toBe(F.NO_FAULT)
  expect(fault(code => cmd(code, CMD.READ32_SWAP, ADDRESS.B_A, 0, gprA(0), gprB(0), 0, CTX.SWAP))).toBe(F.FAULT_ADDRESS)
  expect(
    fault(code => {
      immed(code, gprA(0), 0x7fff, 0, 0, 2)
      cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(0), imm(0), 0, CTX.SWAP)
    }),
  ).toBe(F.FAULT_ADDRESS)
  expect(
    fault(code => {
      br(code, BR.UNC, BASE, 2, 0)
      br(code, BR.UNC, BASE, 0, 0)
      nop(code)
    }),
  ).toBe(F.FAULT_BRANCH_IN_DEFER)
  expect(fault(code => lcsrRead(code, 0x40))).toBe(F.FAULT_REGISTER)
  expect(
    fault(code => {
      immed(code, gprA(0), 0xfff, 0, 0, 0)
      lcsrWrite(code, gprA(0), CSR.ACT_LM_ADDR0)
      for (let i = 0; i < 3; i++) nop(code)
      alu(code, gprA(0), NONE, ALU.NONE, lm(0, 1))
    }),
  ).toBe(F.FAULT_LOCAL_MEMORY)
})

test('any words run to an end, a fault or the limit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 0x1fff })), {
        minLength: 1,
        maxLength: 60,
      }),
      words => {
        const low = Uint32Array.from(words, ([lo]) => lo)
        const high = Uint32Array.from(words, ([lo, hi]) => withEcc(lo, hi))
        const { microcode } = loadWords(low, high, words.length, BASE)
        const engine = newEngine()
        engine.reset(0x800, 0x40)
        engine.cycleLimit = 2000
        const got = engine.run(microcode, BASE)
        expect(got).toBeGreaterThanOrEqual(0)
        expect(F.faultText(got)).toBeTruthy()
        expect(engine.cycle).toBeLessThan(2000 + 200)
      },
    ),
    { numRuns: 3000 },
  )
})

test('a wrong error-correcting code is found', () => {
  const { badEcc } = loadWords(Uint32Array.of(0x000c0300, 0x000c0300), Uint32Array.of(0xf0, 0xf1), 2, BASE)
  expect(badEcc.length).toBeGreaterThan(0)
})

test('every operation has its number in the executor', () => {
  expect(operations.length).toBe(46)
  expect(new Set(operations).size).toBe(46)
})
