// Words that the upstream driver made, before and after relocation with the program at 0x100 and "packet done" at 0x50. They are facts
// about the driver, so relocation, ECC, printer and assembler are held to each of them.

import { describe, expect, test } from 'vitest'
import { assembleInsn } from './assemble.ts'
import { Code } from './code.ts'
import { eccHolds } from './ecc.ts'
import { alu, br, ldField, shf, shfIndirect } from './encode.ts'
import { ALU, BR, RELO, SHF, SHIFT } from './insn-table.ts'
import { immed32, mov, nops } from './macro.ts'
import { gprA, gprB, gprBoth, imm, lm, NONE } from './operand.ts'
import { printInsn, wordHex } from './print.ts'
import { relocate } from './relocate.ts'

const worked: readonly (readonly [what: string, pairs: string])[] = [
  ['r5 += r7', '2a080a0380a→202a080a0380a 2a880b03c0b→b62a880b03c0b'],
  ['r5 += 0x12345678', 'f005605778→d60f005605778 f441205734→880f441205734 2a080a0540a→802a080a0540a 2a880bc000b→e2a880bc000b'],
  ['r5 -= -1 (becomes add 1)', '2a080ac040a→982a080ac040a 2a880bc000b→e2a880bc000b'],
  ['r5 &= -255', 'f0800057fe→b00f0800057fe 2a400a0540a→102a400a0540a'],
  ['w5 ^= -1 with zext', '2a200a02800→b22a200a02800 2f0000c000b→9c2f0000c000b'],
  ['r5 = -r5', '2aa80a02b00→e42aa80a02b00 2a680b02f00→9c2a680b02f00'],
  ['r5 <<= 5', '281b0b02b0b→7e281b0b02b0b 281b0a02a00→fe281b0a02a00'],
  ['r5 s>>= 40', 'aa300c000b→700aa300c000b 28c80a02d00→1a28c80a02d00 28df0b02d00→f628df0b02d00'],
  [
    'r5 <<= r7, r7 in 0..255',
    '10000d00644980e→740d04644980e 2aa81503b20→582aa81503b20 aa300c0015→800aa300c0015 28000b02b0b→7e28000b02b0b 10000d807208038→e0d847208038 aa300c000e→580aa300c000e 28000a02a00→fe28000a02a00 aa300c000e→580aa300c000e 28000b02a00→aa28000b02a00 2f0000c000a→922f0000c000a',
  ],
  ['w5 >>= w7', 'aa300c000e→580aa300c000e 28000a02900→4628000a02900 2f0000c000b→9c2f0000c000b'],
  ['r5 = be16 r5', '2c08900280a→f62c08900280a 2c10e08290a→2c2c10e08290a 2f0000c000b→9c2f0000c000b'],
  [
    'r5 *= r7 (both ≤0xffff)',
    'f80000380a→9c0f80000380a f90000380a→2c0f90000380a f90010380a→780f90010380a 2f90040000a→602f90040000a',
  ],
  [
    'r5 *= r7 (u32)',
    'f80000380a→9c0f80000380a f98000380a→5c0f98000380a f98010380a→80f98010380a f98020380a→c80f98020380a f98030380a→9c0f98030380a 2f98040000a→102f98040000a 2f98050000b→4a2f98050000b',
  ],
  [
    'r5 /= 7 (wide magic)',
    'f004905725→d00f004905725 f442405792→e40f442405792 f80000540a→3c0f80000540a f98000540a→fc0f98000540a f98010540a→a80f98010540a f98020540a→680f98020540a f98030540a→3c0f98030540a f980400300→820f980400300 2f980500015→ba2f980500015 2aa80a0540a→ce2aa80a0540a 28010a8010a→7a28010a8010a 2a080a0540a→802a080a0540a 28020a8010a→ba28020a8010a',
  ],
  [
    'r5 /= 10',
    'f00cc057cd→440f00cc057cd f44cc057cc→620f44cc057cc f80000540a→3c0f80000540a f98000540a→fc0f98000540a f98010540a→a80f98010540a f98020540a→680f98020540a f98030540a→3c0f98030540a f980400300→820f980400300 2f98050000a→442f98050000a 28030a8010a→d228030a8010a',
  ],
  ['r5 /= 1024 (note unused magic load)', 'f000405700→2e0f000405700 280a0a8010a→ca280a0a8010a'],
  ['2nd slot of r5 = 0x1234567812345678 ll', '2f0056de00a→ae2f0056de00a 2f4412cd00a→562f4412cd00a 2a040b0000a→9e2a040b0000a'],
  ['if r5 == r7', 'ac0150380a→900ac0150380a bc01503c0b→a20bc01503c0b aa30005415→ca0aa30005415 10000d806408120→700d846408120'],
  ['if r5 s> 7', 'aaf00c1c0a→640aaf00c1c0a a6f00c000b→b60a6f00c000b 10000d805808129→40d845808129'],
  ['if r5 >= -2', 'a0b00c080a→d20a0b00c080a a8b00c000b→d00a8b00c000b 10000d805808124→6a0d845808124'],
  ['if w5 & 7', 'b4015c1c0a→280b4015c1c0a 10000d805408121→820d845408121'],
  ['r2 = ctx->data_end', '2a0c0405a22→b22a0c0405a22 2f0000c0005→ea2f0000c0005'],
  ['r5 = *(u16*)(pkt+5) cached form', '105c10089404→4d05c10089404 2c00312000a→e2c00312000a 2f0000c000b→9c2f0000c000b'],
  [
    '*(u64*)(pkt+256) = r5',
    'f000105700→1e0f000105700 a05800000a→700a05800000a a05810000b→2a0a05810000b 10421e085404→ab0421e085404',
  ],
  [
    'r3 = *(u64*)(map_value+8)',
    'a0815c2000→860a0815c2000 b8c1500700→4e0b8c1500700 45c12085415→8445c12085415 2a000660000→522a000660000 2a000760400→542a000760400',
  ],
  [
    'lock *(u64*)(mv+8) += 1',
    'a0814c2000→d20a0814c2000 b8814c0001→8e0b8814c0001 f000ce4015→580f000ce4015 c10c001a15→dc0c10c001a15 64700085314→da64700085314',
  ],
  [
    'r7 = *(u64*)(r10-64), depth 128',
    'b0815d0016→d00b0815d0016 fc09e05700→3c0fc09e05700 f0000c0300→f0000c0300 f0000c0300→f0000c0300 f0000c0300→f0000c0300 6a000e88000→c46a000e88000 6a000f88400→c26a000f88400',
  ],
  ['call get_prandom_u32', 'fc14800000→ea0fc14800000 2f0000c0000→c22f0000c0000 2f0000c0001→cc2f0000c0001'],
  [
    'adjust_head(-16) optimised',
    'a0a2288804→f00a0a2288804 bac1605804→a00bac1605804 aae2088004→700aae2088004 2f0000c0000→c22f0000c0000 2f0000c0001→cc2f0000c0001',
  ],
  [
    'rx_queue_index = r2',
    'a8300ffc04→660a8300ffc04 10000d802608120→bc0d842608120 8bc5c0865c→1c08bc5c0865c c00100105e→bc0c00100105e c00102805e→8e0c00102805e',
  ],
  [
    'r0 = ldabs half [12]',
    'aaf0005b0e→d20aaf0005b0e 30001dea6008125→a00d843008125 10431604b05a→cf0431604b05a 28100020100→ba28100020100 2f0000c0001→cc2f0000c0001',
  ],
  ['r2 = r10 (depth 8)', '2a0804c2016→da2a0804c2016 2f0000c0005→ea2f0000c0005'],
  [
    'memcpy of 8 bytes 0→200, head',
    '105c12088004→4505c12088004 a018060000→280a018060000 a018160400→2e0a018160400 f0000057c8→6c0f0000057c8 10421e085404→ab0421e085404 2a000a60000→922a000a60000 2f0000c000b→9c2f0000c000b',
  ],
]

function word(text: string): readonly [lo: number, hi: number] {
  const digits = text.padStart(16, '0')
  return [Number.parseInt(digits.slice(8), 16), Number.parseInt(digits.slice(0, 8), 16)]
}

// The abort word of the one program here that aborts from its body.
const targets = { out: 5, abort: 12, pushRegs: 0, popRegs: 0 }
const placement = { start: 0x100, done: 0x50, helpers: new Map([[1, 0x3000]]) }

describe.each(worked)('%s', (_, pairs) => {
  const all = pairs.split(' ').map(pair => pair.split('→') as [string, string])

  test.each(all)('%s is relocated to %s', (before, after) => {
    const code = new Code()
    code.push(...word(before))
    expect(relocate(code, targets, placement)).toBe(0)
    expect(wordHex(code.lo[0]!, code.hi[0]!)).toBe(after)
    expect(eccHolds(code.lo[0]!, code.hi[0]!)).toBe(true)
  })

  test.each(all)('%s is printed and assembled', before => {
    const [lo, hi] = word(before)
    expect(assembleInsn(printInsn(lo, hi & 0xffffff))).toEqual({ lo, hi: hi & 0xffffff })
  })
})

const UNRELOCATED = 15000

/** `r0 = 2; exit` for XDP, emitted as the driver does it. */
function emitted(): Code {
  const code = new Code()
  immed32(code, gprB(22), 0x3fff)
  alu(code, gprB(22), gprB(22), ALU.AND, lm(1, 0))
  immed32(code, gprBoth(0), 2)
  immed32(code, gprBoth(1), 0)
  br(code, BR.UNC, UNRELOCATED, 0, RELO.GO_OUT)
  br(code, BR.UNC, UNRELOCATED, 2, RELO.NEXT_PKT)
  mov(code, gprA(0), imm(0))
  ldField(code, gprA(0), 0xc, imm(0x82), SHIFT.LEFT, 16)
  alu(code, NONE, imm(3), ALU.SUB, gprB(0))
  br(code, BR.LO, 5, 0)
  immed32(code, gprB(2), 0x44112282)
  shf(code, gprA(1), NONE, SHF.NONE, gprB(0), SHIFT.LEFT, 3)
  alu(code, NONE, gprA(1), ALU.OR, imm(0))
  shfIndirect(code, gprB(2), imm(0xff), SHF.AND, gprB(2), SHIFT.RIGHT)
  br(code, BR.UNC, UNRELOCATED, 2, RELO.NEXT_PKT)
  mov(code, gprA(0), imm(0))
  ldField(code, gprA(0), 0xc, gprB(2), SHIFT.LEFT, 16)
  nops(code, 8)
  return code
}

function hexWords(code: Code): string[] {
  return Array.from({ length: code.count }, (_, i) => wordHex(code.lo[i]!, code.hi[i]!))
}

const unrelocated: readonly string[] =
  'f003f05bff b441605a20 2f0000c0800 2f0000c0001 20001dea6008038 60001dea6208038 a0000c0000 c10c048a00 aab0000303 10000d801408125 f002200b82 f444400b11 81d0100200 aa300c0001 94002409ff 60001dea6208038 a0000c0000 c10c000a00 f0000c0300 f0000c0300 f0000c0300 f0000c0300 f0000c0300 f0000c0300 f0000c0300 f0000c0300'.split(
    ' ',
  )

const final: readonly string[] =
  'f20f003f05bff 700b441605a20 502f0000c0800 cc2f0000c0001 60d842008038 520d814208038 a00a0000c0000 800c10c048a00 460aab0000303 fc0d841408125 da0f002200b82 b60f444400b11 b0081d0100200 200aa300c0001 bc094002409ff 520d814208038 a00a0000c0000 100c10c000a00 f0000c0300 f0000c0300 f0000c0300 f0000c0300 f0000c0300 f0000c0300 f0000c0300 f0000c0300'.split(
    ' ',
  )

test('a whole program, word for word', () => {
  const code = emitted()
  expect(code.error).toBe(0)
  expect(hexWords(code)).toEqual(unrelocated)
  expect(relocate(code, { out: 8, abort: 5, pushRegs: 0, popRegs: 0 }, placement)).toBe(0)
  expect(hexWords(code)).toEqual(final)
})
