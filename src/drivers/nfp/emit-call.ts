// Helpers and functions. Map helpers and perf_event_output are routines of the firmware, with the return address in B(0); the others are
// a few words in place.

import { EOPNOTSUPP } from '../../bpf/errno.ts'
import { CALL } from '../../bpf/opcode.ts'
import { alu, br, immed, lcsrRead, lcsrWrite, ldField, rtn } from '../../nfp/encode.ts'
import { ALU, BR, CSR, RELO, SHIFT, UNRELOCATED, WIDTH } from '../../nfp/insn-table.ts'
import { immed32, immUnrestricted, mov, nops } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth, imm, lm, NONE } from '../../nfp/operand.ts'
import { KEY_OF_CALLER } from './facts.ts'
import { relocateLast } from './fixup.ts'
import { isOn } from './passes.ts'
import { VECTOR_LENGTH, VECTOR_POINTER } from './transfer.ts'
import { PACKET_LENGTH, remark, SCRATCH, STACK_BASE, type Translation } from './translation.ts'

export const MAP_LOOKUP = 1
export const MAP_UPDATE = 2
export const MAP_DELETE = 3
export const GET_PRANDOM_U32 = 7
export const PERF_EVENT_OUTPUT = 25
export const XDP_ADJUST_HEAD = 44
export const XDP_ADJUST_TAIL = 65

const ETH_HLEN = 14
const EINVAL_RESULT = -22

export function emitHelper(t: Translation, i: number): void {
  switch (t.insns.imm[i]) {
    case MAP_LOOKUP:
    case MAP_UPDATE:
    case MAP_DELETE:
      mapHelper(t, i)
      return
    case GET_PRANDOM_U32:
      lcsrRead(t.code, CSR.PSEUDO_RND_NUM)
      immed(t.code, gprBoth(0), 0, WIDTH.ALL, 0, 0)
      immed(t.code, gprBoth(1), 0, WIDTH.ALL, 0, 0)
      return
    case PERF_EVENT_OUTPUT:
      perfEvent(t, i)
      return
    case XDP_ADJUST_HEAD:
      adjustHead(t, i)
      return
    case XDP_ADJUST_TAIL:
      adjustTail(t)
      return
    default:
      t.code.fail(EOPNOTSUPP)
  }
}

/** `dst` = number of the word after this one, plus where the program is loaded. */
function returnAddress(t: Translation, dst: number): void {
  immed(t.code, dst, t.code.count + 1, WIDTH.ALL, 0, 0)
  relocateLast(t.code, RELO.IMMED_REL)
}

function mapHelper(t: Translation, i: number): void {
  const { code, facts } = t
  const helper = t.insns.imm[i]!
  // The key is expected where pointer 0 points: no need to set it if that is the frame's begin.
  const keyAt = (t.frameDepth + facts.arg2ValueLo[i]! + facts.arg2Off[i]!) | 0
  const elsewhere = t.repaired['caller-key'] && (facts.more[i]! & KEY_OF_CALLER) !== 0
  const set = facts.arg2Changed[i] !== 0 || keyAt !== 0 || elsewhere
  if (set) lcsrWrite(code, gprB(4), CSR.ACT_LM_ADDR0)
  if (helper === MAP_UPDATE) lcsrWrite(code, gprB(6), CSR.ACT_LM_ADDR2)
  br(code, BR.UNC, UNRELOCATED + helper, 2, RELO.HELPER)
  mov(code, gprA(0), gprA(2))
  returnAddress(t, gprB(0))
  if (set) {
    lcsrWrite(code, gprA(STACK_BASE), CSR.ACT_LM_ADDR0)
    nops(code, 3)
  }
}

function perfEvent(t: Translation, i: number): void {
  const { code } = t
  const type = immUnrestricted(code, t.facts.argType[i]!, gprA(SCRATCH))
  br(code, BR.UNC, UNRELOCATED + PERF_EVENT_OUTPUT, 2, RELO.HELPER)
  mov(code, gprA(1), type)
  returnAddress(t, gprB(0))
}

/** Whether this adjust_head needs no checks: the facts say so, and it runs once and before the packet can have become shorter. */
function mayUseShortHead(t: Translation, i: number): boolean {
  const { facts, insns } = t
  if (facts.adjustHead !== i || i === 0 || !isOn(t.options, 'adjust-head')) {
    remark(
      t,
      'adjust-head',
      i,
      false,
      'checked at run time: more than one call, or a change that the firmware does not guarantee',
    )
    return false
  }
  if (t.repaired['adjust-head-once']) {
    if (facts.subprog[i] !== 0) {
      remark(t, 'adjust-head', i, false, 'checked at run time: the function may be called more than once')
      return false
    }
    const takes = (facts.arg2ValueLo[i]! | 0) > 0
    for (let k = 0; k < insns.count; k++) {
      if (facts.jumpTo[k]! >= 0 && facts.jumpTo[k]! <= i && k >= i) {
        remark(t, 'adjust-head', i, false, `checked at run time: the jump at ${k} may come back to it`)
        return false
      }
      if (takes && insns.code[k] === CALL && insns.src[k] === 0 && insns.imm[k] === XDP_ADJUST_TAIL) {
        remark(t, 'adjust-head', i, false, `checked at run time: adjust_tail at ${k} may have left too little`)
        return false
      }
    }
  }
  remark(t, 'adjust-head', i, true, `the only call, by ${facts.arg2ValueLo[i]! | 0} bytes: no checks`)
  return true
}

function adjustHead(t: Translation, i: number): void {
  const { code } = t
  const delta = gprA(4)
  const length = gprB(PACKET_LENGTH)
  if (mayUseShortHead(t, i)) {
    alu(code, VECTOR_POINTER, delta, ALU.ADD, VECTOR_POINTER)
    alu(code, length, length, ALU.SUB, delta)
    alu(code, VECTOR_LENGTH, VECTOR_LENGTH, ALU.SUB, delta)
    immed32(code, gprBoth(0), 0)
    immed32(code, gprBoth(1), 0)
    return
  }
  const wholeSum = t.repaired['adjust-head-far']
  const fail = code.count + (wholeSum ? 15 : 14)
  const end = fail + 2
  const place = gprA(SCRATCH)
  if (wholeSum) {
    // The low half of the packet's address is its place in the buffer; all of the change counts.
    ldField(code, place, 0x3, VECTOR_POINTER, SHIFT.NONE, 0, 1)
    alu(code, place, place, ALU.ADD, gprB(4))
  } else alu(code, place, delta, ALU.ADD_2B, VECTOR_POINTER)
  alu(code, NONE, place, ALU.SUB, imm(t.adjustHead.offMin))
  br(code, BR.LO, fail, 0)
  alu(code, NONE, imm(t.adjustHead.offMax), ALU.SUB, place)
  br(code, BR.LO, fail, 0)
  alu(code, gprB(SCRATCH), length, ALU.SUB, delta)
  alu(code, NONE, gprB(SCRATCH), ALU.SUB, imm(ETH_HLEN))
  br(code, BR.MI, fail, 0)
  immed32(code, gprBoth(0), 0)
  immed32(code, gprBoth(1), 0)
  ldField(code, VECTOR_POINTER, 0x3, place, SHIFT.NONE, 0)
  br(code, BR.UNC, end, 2)
  alu(code, length, length, ALU.SUB, delta)
  alu(code, VECTOR_LENGTH, VECTOR_LENGTH, ALU.SUB, delta)
  invalid(t)
}

/** R0 = -EINVAL. */
function invalid(t: Translation): void {
  immed32(t.code, gprBoth(0), EINVAL_RESULT)
  immed32(t.code, gprBoth(1), -1)
}

/** The card can't grow a packet. Quirk: the driver's test refuses 0 too, as the kernel did before 5.8. */
function adjustTail(t: Translation): void {
  const { code } = t
  const delta = gprA(4)
  const length = gprB(PACKET_LENGTH)
  const allowZero = t.repaired['adjust-tail-zero']
  const fail = code.count + (allowZero ? 10 : 9)
  const end = fail + 2
  alu(code, gprA(SCRATCH), length, ALU.ADD, delta)
  if (allowZero) {
    alu(code, NONE, imm(0), ALU.SUB, gprB(4))
    br(code, BR.LT, fail, 0)
  } else br(code, BR.CC, fail, 0)
  alu(code, NONE, gprA(SCRATCH), ALU.SUB, imm(ETH_HLEN))
  br(code, BR.MI, fail, 0)
  alu(code, length, length, ALU.ADD, delta)
  alu(code, VECTOR_LENGTH, VECTOR_LENGTH, ALU.ADD, delta)
  br(code, BR.UNC, end, 2)
  immed32(code, gprBoth(0), 0)
  immed32(code, gprBoth(1), 0)
  invalid(t)
}

/** A call of a function of the program. The frame's base moves up over the caller's frame, and back afterwards. */
export function emitCall(t: Translation, i: number): void {
  const { code, facts } = t
  const callee = facts.jumpTo[i]!
  const up = (t.frameDepth + 63) & ~63
  const base = gprA(STACK_BASE)
  if (up !== 0) {
    const right = immUnrestricted(code, up, gprB(SCRATCH))
    alu(code, base, base, ALU.ADD, right)
    lcsrWrite(code, base, CSR.ACT_LM_ADDR0)
  }
  if (facts.savesRegs[facts.subprog[callee]!]) {
    br(code, BR.UNC, UNRELOCATED, 2, RELO.PUSH_REGS)
    immed(code, gprB(SCRATCH), 0, WIDTH.ALL, 0, 0)
    relocateLast(code, RELO.IMMED_REL)
  } else br(code, BR.UNC, callee & 0x3fff, 1)
  returnAddress(t, gprA(SCRATCH))
  if (up !== 0) {
    const right = immUnrestricted(code, up, gprB(SCRATCH))
    alu(code, base, base, ALU.SUB, right)
    lcsrWrite(code, base, CSR.ACT_LM_ADDR0)
    nops(code, 3)
  }
}

export function emitExit(t: Translation, i: number): void {
  const { code, facts } = t
  const subprog = facts.subprog[i]!
  const saved = lm(0, 0)
  if (subprog === 0) {
    br(code, BR.UNC, UNRELOCATED, 0, RELO.GO_OUT)
    return
  }
  if (facts.savesRegs[subprog]) {
    br(code, BR.UNC, UNRELOCATED, 1, RELO.POP_REGS)
    mov(code, gprA(SCRATCH), saved)
    return
  }
  mov(code, gprA(SCRATCH), saved)
  rtn(code, gprA(SCRATCH), 0)
}
