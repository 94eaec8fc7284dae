// What stands around the translated instructions: the program's first words, a function's first word, the outro that turns R0 into the
// firmware's result code, the routines that save R6 to R9, and the words that the control store wants behind a program.

import { BPF_PROG_TYPE_SCHED_CLS } from '../../bpf/prog-type-table.ts'
import { alu, br, immed, ldField, rtn, shf, shfIndirect } from '../../nfp/encode.ts'
import { ALU, BR, RELO, SHF, SHIFT, UNRELOCATED, WIDTH } from '../../nfp/insn-table.ts'
import { immed32, mov, nops } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth, imm, lm, NONE } from '../../nfp/operand.ts'
import { VECTOR_LENGTH } from './transfer.ts'
import { PACKET_LENGTH, SCRATCH, type Translation } from './translation.ts'

/** The packet's length is 14 bits of the packet vector's first word. */
const LENGTH_MASK = 0x3fff
const PREFETCH_WORDS = 8

// Result codes, one byte: what happens to the packet, and which counter counts it.
const ABORTED = 0x82
const PASS = 0x11
/** By XDP action, a byte each: aborted, drop, pass, tx. */
const XDP_CODES = 0x44112282
/** By TC action, four bits each: the low and the high half of the byte. */
const TC_CODES_LOW = 0x41221211
const TC_CODES_HIGH = 0x41001211

export function emitIntro(t: Translation): void {
  const length = gprB(PACKET_LENGTH)
  immed(t.code, length, LENGTH_MASK, WIDTH.ALL, 0, 0)
  alu(t.code, length, length, ALU.AND, VECTOR_LENGTH)
}

/** The function keeps its return address in the first word of its frame. */
export function emitFunctionStart(t: Translation, i: number): void {
  t.frameDepth = (t.facts.stackDepth[t.facts.subprog[i]!]! + 3) & ~3
  mov(t.code, lm(0, 0), gprA(SCRATCH))
}

function finish(t: Translation): void {
  br(t.code, BR.UNC, UNRELOCATED, 2, RELO.NEXT_PKT)
}

export interface Outro {
  readonly abort: number
  readonly out: number
}

export function emitOutro(t: Translation): Outro {
  return t.progType === BPF_PROG_TYPE_SCHED_CLS ? emitTcOutro(t) : emitXdpOutro(t)
}

function emitXdpOutro(t: Translation): Outro {
  const { code } = t
  const abort = code.count
  finish(t)
  mov(code, gprA(0), imm(0))
  ldField(code, gprA(0), 0xc, imm(ABORTED), SHIFT.LEFT, 16)
  const out = code.count
  alu(code, NONE, imm(3), ALU.SUB, gprB(0))
  br(code, BR.LO, abort, 0)
  immed32(code, gprB(2), XDP_CODES)
  shf(code, gprA(1), NONE, SHF.NONE, gprB(0), SHIFT.LEFT, 3)
  alu(code, NONE, gprA(1), ALU.OR, imm(0))
  shfIndirect(code, gprB(2), imm(0xff), SHF.AND, gprB(2), SHIFT.RIGHT)
  finish(t)
  mov(code, gprA(0), imm(0))
  ldField(code, gprA(0), 0xc, gprB(2), SHIFT.LEFT, 16)
  return { abort, out }
}

function emitTcOutro(t: Translation): Outro {
  const { code } = t
  const abort = code.count
  finish(t)
  mov(code, gprA(0), imm(0))
  ldField(code, gprA(0), 0xc, imm(PASS), SHIFT.LEFT, 16)
  const out = code.count
  alu(code, NONE, imm(7), ALU.SUB, gprB(0))
  br(code, BR.LO, abort, 0)
  mov(code, gprA(0), imm(0))
  immed32(code, gprB(2), TC_CODES_LOW)
  immed32(code, gprB(3), TC_CODES_HIGH)
  shf(code, gprA(1), NONE, SHF.NONE, gprB(0), SHIFT.LEFT, 2)
  alu(code, NONE, gprA(1), ALU.OR, imm(0))
  shfIndirect(code, gprA(2), imm(0xf), SHF.AND, gprB(2), SHIFT.RIGHT)
  alu(code, NONE, gprA(1), ALU.OR, imm(0))
  shfIndirect(code, gprB(2), imm(0xf), SHF.AND, gprB(3), SHIFT.RIGHT)
  finish(t)
  shf(code, gprB(2), gprA(2), SHF.OR, gprB(2), SHIFT.LEFT, 4)
  ldField(code, gprA(0), 0xc, gprB(2), SHIFT.LEFT, 16)
  return { abort, out }
}

/** Saves R6 to R9 behind the return address, or takes them back. The last three words stand in the return's defer slots. */
export function emitSaveRegs(t: Translation): void {
  const { code } = t
  for (let reg = 6; reg <= 9; reg++) {
    const word = 1 + (reg - 6) * 2
    mov(code, lm(0, word), gprB(reg * 2))
    if (reg === 8) rtn(code, gprB(SCRATCH), 3)
    mov(code, lm(0, word + 1), gprB(reg * 2 + 1))
  }
}

export function emitRestoreRegs(t: Translation): void {
  const { code } = t
  for (let reg = 6; reg <= 9; reg++) {
    const word = 1 + (reg - 6) * 2
    mov(code, gprBoth(reg * 2), lm(0, word))
    if (reg === 8) rtn(code, gprA(SCRATCH), 3)
    mov(code, gprBoth(reg * 2 + 1), lm(0, word + 1))
  }
}

/** The control store fetches ahead. */
export function emitEnd(t: Translation): void {
  nops(t.code, PREFETCH_WORDS)
}
