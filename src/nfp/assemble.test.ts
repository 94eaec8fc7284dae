import { expect, test } from 'vitest'
import { NicwrightError } from '../errors.ts'
import { assemble } from './assemble.ts'
import { branchAddress } from './patch.ts'
import { printInsn } from './print.ts'

test('labels, comments, directives and empty lines', () => {
  const code = assemble(`
; counts down
  immed[gprA_1, 0x5]
again:
  alu[gprA_1, gprA_1, -, 0x1]   ; sets the condition codes
  bne[again], defer[1]
  nop
end: br[end]
  .word 0x1234567890
`)
  expect(code.count).toBe(6)
  expect([branchAddress(code, 2), branchAddress(code, 4)]).toEqual([1, 4])
  expect([code.lo[5], code.hi[5]]).toEqual([0x34567890, 0x12])
})

// Wrong text, what is said about it, and the column (from 1) where it stands.
const wrong: readonly (readonly [text: string, message: string, column: number])[] = [
  ['frob[gprA_1]', "no instruction is called 'frob'", 1],
  ['alu[gprA_1, gprA_2, +, gprA_3]', 'both operands are in bank A', 24],
  ['alu[gprA_1, gprA_2, plus, gprB_3]', "'plus' is no operation", 21],
  ['alu[gprA_1, gprA_2, B, gprB_3]', "B takes '--' for the left operand", 21],
  ['alu[gprA_40, gprA_2, +, gprB_3]', 'there is no gprA_40', 5],
  ['alu[gprA_1, gprA_2, +]', 'alu takes 4 operands, not 3', 5],
  ['alu[gprA_1, *l$index0, +, *l$index2]', 'through pointers 0 and 1 or through 2 and 3', 27],
  ['alu[gprA_1, gprA_2, +, 0x100]', 'the largest immediate operand', 24],
  ['alu[0x1, gprA_2, +, gprB_1]', 'an immediate is no destination', 5],
  ['alu[gprA_1, gprA_2, +, gprB_3', "'[' is never closed", 4],
  ['alu[gprA_1, gprA_2, +, gprB_3], no_cc, no_cc', 'no_cc stands twice', 40],
  ['alu[gprA_1, gprA_2, +, gprB_3], defer[1]', "alu has no option 'defer[1]'", 33],
  ['alu_shf[gprA_1, gprA_2, OR, gprB_3, <<32]', "'<<32' is no shift", 37],
  ['alu_shf[gprA_1, *l$index0[9], OR, gprB_3, <<2]', 'operands have eight bits', 17],
  ['alu_shf[gprA_1, 0x80, OR, 0x1, <<2]', 'both be below 0x80 or both above', 27],
  ['immed[gprA_1, 0x12345678]', 'neither 16 bits nor 16 bits inverted', 15],
  ['immed_b0[gprA_1, 0x100]', 'a number from 0 to 255', 18],
  ['ld_field[gprA_1, 012, gprB_1]', 'is no byte mask', 18],
  ['br[somewhere]', 'neither a word number (.12) nor a label', 4],
  ['br[.16384]', 'beyond word 16383', 4],
  ['br_bset[gprA_1, 32, .1]', 'a number from 0 to 31', 17],
  ['mem[read99, $xfer_0, gprA_0, 0x0, 1]', "mem has no command 'read99' of length 1", 5],
  ['mem[read32, $xfer_0, gprB_0, gprA_0, 1]', "can't be read through bank A", 22],
  ['mem[read32, $xfer_0, gprA_0, 0x80, 1]', 'above 0x7f', 30],
  ['mem[read32, $xfer_0, gprA_0, 0x0, 9]', 'a number from 0 to 8', 35],
  ['mem[read32, $xfer_0, gprA_0, 0x0, 1], ctx_swap[sig16]', "'sig16' is no signal", 48],
  ['mem[read32, $xfer_0, gprA_0, 0x0, 1], defer[1]', 'only a command with ctx_swap', 39],
  ['mul_step[gprA_1, gprB_1]', 'the kind of multiplication is missing', 25],
  ['local_csr_wr[Nothing, gprA_1]', 'is no control register', 14],
  ['nop[gprA_1]', 'nop takes no operands', 1],
  ['alu', 'alu needs operands in brackets', 4],
  ['.word 12', '.word takes one hexadecimal number', 7],
  ['.5  nop', 'it is word 0', 1],
  ['a: nop\na: nop', "label 'a' stands twice", 1],
  ['nop nop', "expected ','", 5],
]

test.each(wrong)('%s', (text, message, column) => {
  let error: unknown
  try {
    assemble(text)
  } catch (caught) {
    error = caught
  }
  expect(error).toBeInstanceOf(NicwrightError)
  const { at, message: said } = error as NicwrightError
  expect(said).toContain(message)
  expect(at?.column).toBe(column)
})

test('what the chip has and the driver never uses is assembled too', () => {
  for (const text of [
    'crc_le[crc_32, gprA_1, gprB_2], bytes_0_1, bit_swap',
    'cam_lookup[gprA_1, gprA_2], lm_addr1[2]',
    'ctx_arb[sig1, sig5], any, br[.77], defer[2]',
    'br=byte[gprB_3, 2, 0xff, .100], defer[3]',
    'br_!inp_state[ctm_ring3_status, .9]',
    'byte_align_be[gprA_1, *$index++], no_cc',
    'cls[ring_put, $xfer_40, gprB_1, <<8, 0x4, 3], sig_done[sig9]',
    'mem[write32_le, 0x1234, --, 3]',
    'alu[@gprB_100, n$reg_3, XOR, *n$index++], predicate_cc',
    'pop_count3[gprA_1, gprB_1]',
    'jump[gprA_3, .1000]',
  ]) {
    const code = assemble(text)
    expect(printInsn(code.lo[0]!, code.hi[0]!)).toBe(text)
  }
})
