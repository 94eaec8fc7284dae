// Legacy packet loads (LD_ABS, LD_IND) of socket filters: a bounds check against the packet's length, which ends the program, and a read
// that is already in host order.

import { BPF_IND, sizeBytes } from '../../bpf/opcode.ts'
import { alu, br, cmd, shf } from '../../nfp/encode.ts'
import { ADDRESS, ALU, BR, CMD, CTX, RELO, SHF, SHIFT, UNRELOCATED } from '../../nfp/insn-table.ts'
import { immed32, immRestricted, immUnrestricted, mov } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth, imm, NONE, xfer } from '../../nfp/operand.ts'
import { emitExit } from './emit-call.ts'
import { VECTOR_POINTER } from './transfer.ts'
import { PACKET_LENGTH, SCRATCH, type Translation, zext } from './translation.ts'

const LARGEST_PACKET = 0xffff

export function emitPacketLoad(t: Translation, i: number): void {
  const { code, insns } = t
  const opcode = insns.code[i]!
  const size = sizeBytes(opcode)
  const indirect = (opcode & 0xe0) === BPF_IND
  const exact = t.repaired['ld-offset']
  // Quirk: the driver keeps 16 bits of the offset.
  const constant = exact ? insns.imm[i]! : insns.imm[i]! & 0xffff
  let off: number
  if (indirect) {
    const right = immUnrestricted(code, constant, gprB(SCRATCH))
    alu(code, gprBoth(SCRATCH), gprA(insns.src[i]! * 2), ALU.ADD, right)
    if (t.repaired['ld-bounds']) {
      // The packet is never shorter than what is loaded, so this can't borrow; adding to the offset could wrap past 0.
      alu(code, gprA(SCRATCH), gprB(PACKET_LENGTH), ALU.SUB, imm(size))
      alu(code, NONE, gprA(SCRATCH), ALU.SUB, gprB(SCRATCH))
    } else {
      alu(code, gprA(SCRATCH), gprA(SCRATCH), ALU.ADD, imm(size))
      alu(code, NONE, gprB(PACKET_LENGTH), ALU.SUB, gprA(SCRATCH))
    }
    abortIfBorrow(t, i)
    off = gprB(SCRATCH)
  } else if (exact && (constant < 0 || constant > LARGEST_PACKET)) {
    if (leavesFunction(t, i)) leaveFunction(t, i)
    else br(code, BR.UNC, UNRELOCATED, 0, RELO.GO_ABORT)
    return
  } else {
    const end = immUnrestricted(code, constant + size, gprA(SCRATCH))
    alu(code, NONE, gprB(PACKET_LENGTH), ALU.SUB, end)
    abortIfBorrow(t, i)
    off = immRestricted(code, constant, gprB(SCRATCH))
  }
  cmd(code, CMD.READ8, ADDRESS.BITS32, 0, VECTOR_POINTER, off, Math.max(size, 4) - 1, CTX.SWAP)
  if (size < 4) shf(code, gprBoth(0), NONE, SHF.NONE, xfer(0), SHIFT.RIGHT, (4 - size) * 8)
  else mov(code, gprBoth(0), xfer(0))
  zext(t, i, 0)
}

/** In a function a load beyond the packet returns 0 to the caller. Quirk: the driver ends the program. */
function leavesFunction(t: Translation, i: number): boolean {
  return t.facts.subprog[i] !== 0 && t.repaired['ld-function']
}

function leaveFunction(t: Translation, i: number): void {
  immed32(t.code, gprBoth(0), 0)
  immed32(t.code, gprBoth(1), 0)
  emitExit(t, i)
}

const LEAVING_WORDS = 4

function abortIfBorrow(t: Translation, i: number): void {
  if (!leavesFunction(t, i)) {
    br(t.code, BR.LO, UNRELOCATED, 0, RELO.GO_ABORT)
    return
  }
  br(t.code, BR.HS, t.code.count + 1 + LEAVING_WORDS, 0)
  leaveFunction(t, i)
}
