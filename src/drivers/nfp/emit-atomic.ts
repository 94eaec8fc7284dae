// Atomic additions to map values. The memory engine adds a 16-bit constant that stands in the command itself, or a word from a transfer
// register. Where the verifier saw both small and large values, the code asks at run time.

import { BPF_DW } from '../../bpf/opcode.ts'
import { alu, br, cmd, immed } from '../../nfp/encode.ts'
import { ADDRESS, ALU, BR, CMD, CTX, WIDTH } from '../../nfp/insn-table.ts'
import { immed32, immUnrestricted, mov, orSubpart } from '../../nfp/macro.ts'
import { gprA, gprB, imm, NONE, xfer } from '../../nfp/operand.ts'
import { MAY_16, OVER_16 } from './facts.ts'
import { SCRATCH, SCRATCH_ADDRESS, type Translation } from './translation.ts'

// The override word: data from bits 16 on, and a length whose bit 3 says that the data is there.
const OVERRIDE_DATA = 2 << 3
const OVERRIDE_LENGTH = 1 << 7
const LENGTH_SHIFT = 8
const IMMEDIATE = 8
const LENGTH_64 = 1 << 2

export function emitAtomicAdd(t: Translation, i: number): void {
  const { code, insns } = t
  const d = insns.dst[i]! * 2
  const s = insns.src[i]! * 2
  const off = insns.off[i]!
  const is64 = (insns.code[i]! & 0x18) === BPF_DW ? 1 : 0
  const over = (t.facts.atomic[i]! & OVER_16) !== 0
  const may = (t.facts.atomic[i]! & MAY_16) !== 0
  const negative = off < 0 && t.repaired['address-borrow']

  const right = immUnrestricted(code, negative ? -off : off, gprB(SCRATCH))
  const moved = off !== 0
  const full = code.count + (moved ? 2 : 0) + (may ? 3 : 0) + (may && over ? 5 : 0)
  const out = full + (over ? 2 + is64 : 0)
  if (may && over) {
    immed32(code, gprA(SCRATCH), 0xffff)
    alu(code, NONE, gprA(SCRATCH), ALU.SUB, gprB(s))
    alu(code, NONE, imm(0), ALU.SUB_C, gprB(s + 1))
    br(code, BR.LO, full, moved ? 2 : 0)
  }
  let left = gprA(d)
  let high = gprB(d + 1)
  if (moved) {
    // These two stand in the branch's defer slots.
    left = gprA(SCRATCH_ADDRESS)
    high = gprB(SCRATCH_ADDRESS)
    alu(code, left, gprA(d), negative ? ALU.SUB : ALU.ADD, right)
    // Quirk: a negative offset is added as a large number, and its carry goes into the high word.
    alu(code, high, gprA(d + 1), negative ? ALU.SUB_C : ALU.ADD_C, imm(0))
  }
  if (may) {
    const length = IMMEDIATE | (is64 ? LENGTH_64 : 0)
    immed(code, gprA(SCRATCH), OVERRIDE_DATA | OVERRIDE_LENGTH | (length << LENGTH_SHIFT), WIDTH.ALL, 0, 0)
    orSubpart(code, gprA(SCRATCH), gprB(s), 2, 2)
    cmd(code, CMD.ADD_IMM, ADDRESS.B_A, 0, left, high, 0, CTX.NO_SWAP, true)
    if (over) br(code, BR.UNC, out, 0)
  }
  if (over) {
    cmd(code, CMD.ADD, ADDRESS.B_A, 0, left, high, is64 ? LENGTH_64 : 0, is64 ? CTX.SWAP_DEFER2 : CTX.SWAP_DEFER1)
    mov(code, xfer(0), gprA(s))
    if (is64) mov(code, xfer(1), gprA(s + 1))
  }
}
