import { expect, test } from 'vitest'
import { assemble } from './assemble.ts'
import { Code } from './code.ts'
import { br, immed } from './encode.ts'
import { BR, WIDTH } from './insn-table.ts'
import { listing, printListing } from './listing.ts'
import { nops } from './macro.ts'
import { gprB } from './operand.ts'
import { printInsn } from './print.ts'

// One line proves three things: the word's text, that the text is read back as this word, and (where the driver makes such words) that
// the fields lie where the driver puts them. The texts are what GNU binutils 2.40 prints.
const lines: readonly (readonly [word: number, text: string])[] = [
  [0x02a000000000, 'alu[gprA_0, --, B, gprB_0], gpr_wrboth'],
  [0x00a0001c1800, 'alu[gprA_1, --, B, 0x6]'],
  [0x028000000100, 'alu_shf[gprA_0, --, B, gprB_0, >>indirect], gpr_wrboth'],
  [0x0081d0100200, 'alu_shf[gprA_1, --, B, gprB_0, <<3]'],
  [0x028c00000500, 'asr[gprA_0, gprB_1, >>indirect], gpr_wrboth'],
  [0x00d80a208125, 'bcc[.40], defer[2]'],
  [0x00d801008125, 'bcc[.4]'],
  [0x00d801808124, 'bcs[.6]'],
  [0x00d802a08120, 'beq[.10], defer[2]'],
  [0x00d802408120, 'beq[.9]'],
  [0x00d802008128, 'bge[.8]'],
  [0x00d801c08129, 'blt[.7]'],
  [0x00d804408122, 'bmi[.17]'],
  [0x00d802008121, 'bne[.8]'],
  [0x00d802908038, 'br[.10], defer[1]'],
  [0x00d803808038, 'br[.14]'],
  [0x00d005849800, 'br_bset[gprA_0, 5, .22]'],
  [0x028000200b03, 'dbl_shf[gprA_2, gprA_3, gprB_2, >>indirect], gpr_wrboth'],
  [0x02f2001c0000, 'immed[gprA_0, 0x100, <<8], gpr_wrboth'],
  [0x00f00000030e, 'immed[gprB_0, 0xe]'],
  [0x00f2001057cb, 'immed[gprB_21, 0x1cb, <<8]'],
  [0x02f4400c0406, 'immed_w1[gprA_6, 0x1], gpr_wrboth'],
  [0x00f440005701, 'immed_w1[gprB_21, 0x1]'],
  [0x00c001000050, 'ld_field[*l$index0, 0001, gprB_0]'],
  [0x00c088000250, 'ld_field[*l$index0, 1000, gprB_0, <<24]'],
  [0x02c088020604, 'ld_field[gprA_4, 1000, $xfer_1, <<24], gpr_wrboth'],
  [0x02c081114100, 'ld_field_w_clr[gprA_0, 0001, *l$index0, >>8], gpr_wrboth'],
  [0x02c001114000, 'ld_field_w_clr[gprA_0, 0001, *l$index0], gpr_wrboth'],
  [0x00fc14800000, 'local_csr_rd[PseudoRndNum]'],
  [0x00fc06601300, 'local_csr_wr[ActLMAddr0, gprB_4]'],
  [0x044710003d0e, 'mem[add, $xfer_0, gprB_15, <<8, gprA_14, 1], ctx_swap[sig1], defer[1]'],
  [0x045c10080c02, 'mem[read32_swap, $xfer_0, gprB_3, <<8, gprA_2, 1], ctx_swap[sig1]'],
  [0x104210085400, 'mem[write8_swap, $xfer_0, gprA_0, gprB_21, 1], ctx_swap[sig1]'],
  [0x02f900400000, 'mul_step[gprA_0, --], 16x16_last, gpr_wrboth'],
  [0x00f800000008, 'mul_step[gprA_8, gprB_0], start'],
  [0x00f0000c0300, 'nop'],
  [0x00e8000c0015, 'rtn[gprA_21]'],
  [0x00e800305700, 'rtn[gprB_21], defer[3]'],
]

test.each(lines)('%d is %s', (word, text) => {
  const [lo, hi] = [word >>> 0, Math.floor(word / 0x100000000)]
  expect(printInsn(lo, hi)).toBe(text)
  const code = assemble(text)
  expect([code.lo[0], code.hi[0]]).toEqual([lo, hi])
})

test('words that are no instruction say so', () => {
  expect(printInsn(0x46685257, 0x7d6)).toBe('<invalid_instruction>: 0x7d646685257\t # ERROR')
  expect(printInsn(0x06671ad1, 0x17ba)).toBe('alu[<opnd:0x66>, , OR, ], no_cc, gpr_wrboth, predicate_cc\t # ERROR')
  expect(printInsn(0xe465e150, 0x1173)).toBe('cls[<invalid cmd action 15:19:1>[]\t # ERROR')
})

test("bpftool's listing: byte offset, word number right-aligned to the total", () => {
  const code = new Code()
  immed(code, gprB(22), 0x3fff, WIDTH.ALL, 0, 0)
  br(code, BR.CC, 12, 0)
  nops(code, 11)
  const text = printListing(code)
  expect(text[0]).toBe('   0:\t .0  immed[gprB_22, 0x3fff]')
  expect(text[1]).toBe('   8:\t .1  bcc[.12]')
  expect(text[12]).toBe('  60:\t.12  nop')
  const again = assemble(text.join('\n'))
  expect([...again.lo.subarray(0, 13)]).toEqual([...code.lo.subarray(0, 13)])
})

test('an image must be whole words', () => {
  expect(() => listing(new Uint8Array(9))).toThrow('no whole number of words')
})
