// The stack is in local memory, and the frame's first 64 bytes are reached through pointer 0. Anything else needs pointer 3 set first:
// to a window of 32 bytes, to the word itself, or to what a register says. Data goes in slices, none of which crosses a word of memory
// or of a register.

import { EOPNOTSUPP } from '../../bpf/errno.ts'
import { BPF_LDX, BPF_ST, sizeBytes } from '../../bpf/opcode.ts'
import { alu, lcsrWrite, ldField } from '../../nfp/encode.ts'
import { ALU, CSR, SHIFT } from '../../nfp/insn-table.ts'
import { immUnrestricted, mov, nops } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth, imm, lm, lmInc, NONE } from '../../nfp/operand.ts'
import { CALLER_STACK, DO_ZEXT } from './facts.ts'
import { loadFramePointer, R10, SCRATCH, SCRATCH_ADDRESS, STACK_BASE, type Translation, zext } from './translation.ts'

/** Words that a restricted operand reaches from a pointer; an unrestricted one reaches twice as many. */
const RESTRICTED_WORDS = 7

// The access at hand, in module variables: a slice is emitted for each word, and an object for each would be garbage.
let pointer = 0
let increments = false
let first = false
let last = false
let firstOfRegister = false
/** Operands of the data's low and high word: registers in bank B for stores. */
let sourceLo = 0
let sourceHi = 0

export function emitStack(t: Translation, i: number, kind: number): void {
  const { code, insns, facts } = t
  const load = kind === BPF_LDX
  const size = sizeBytes(insns.code[i]!)
  const register = load ? insns.dst[i]! : insns.src[i]!
  const base = load ? insns.src[i]! : insns.dst[i]!
  const g = register * 2
  const fromPointer = (facts.ptrOff[i]! + facts.ptrValueLo[i]!) | 0
  let off = (t.frameDepth + insns.off[i]! + fromPointer) | 0
  const end = (off + size) >>> 0

  increments = false
  pointer = 3
  if (facts.notConst[i] || t.flags[i]! & CALLER_STACK) {
    const right = immUnrestricted(code, insns.off[i]!, gprB(SCRATCH))
    alu(code, gprB(SCRATCH), gprA(base * 2), ALU.ADD, right)
    increments = true
    // Only the place within the word matters below. Quirk 15: a remainder of a negative number is negative.
    if (t.repaired['caller-subword']) off &= 3
  } else if (end <= 64) pointer = 0
  else if ((off & ~31) === ((off + size - 1) & ~31)) {
    const right = immUnrestricted(code, off & ~31, gprB(SCRATCH))
    alu(code, gprB(SCRATCH), gprA(STACK_BASE), ALU.ADD, right)
    off %= 32
  } else {
    const right = immUnrestricted(code, off & ~3, gprB(SCRATCH))
    alu(code, gprB(SCRATCH), gprA(STACK_BASE), ALU.ADD, right)
    increments = true
  }
  if (pointer === 3) lcsrWrite(code, gprB(SCRATCH), CSR.ACT_LM_ADDR3)
  if (load) {
    // Clearing the high word is one of the three words that pointer 3 takes to settle.
    const clears = size < 8 && (t.flags[i]! & DO_ZEXT) !== 0
    if (pointer === 3) nops(code, clears ? 2 : 3)
    if (clears) zext(t, i, g)
  } else {
    const before = code.count
    prepareSource(t, i, kind, register, size)
    if (pointer === 3) nops(code, Math.max(0, 3 - (code.count - before)))
  }

  first = true
  let left = size
  let byte = 0
  let word = 0
  while (left > 0) {
    if (increments) off %= 4
    const wordEnd = (off + 4) & ~3
    const slice = Math.min(left, 4 - byte, wordEnd - off)
    last = slice === left
    firstOfRegister = byte === 0
    if (load) loadSlice(t, gprBoth(g + word), off, slice, byte)
    else storeSlice(t, word === 0 ? sourceLo : sourceHi, off, slice, byte)
    first = false
    byte += slice
    if (byte === 4) {
      byte = 0
      word++
    }
    left -= slice
    off += slice
  }
}

/** Sets the operands of what is stored, and emits what they need: while pointer 3 settles, that costs nothing. */
function prepareSource(t: Translation, i: number, kind: number, register: number, size: number): void {
  const { code } = t
  if (kind === BPF_ST) {
    const value = t.insns.imm[i]!
    const low = size < 4 ? value & ((1 << (size * 8)) - 1) : value
    sourceLo = immUnrestricted(code, low, gprB(SCRATCH_ADDRESS))
    if (size === 8) sourceHi = immUnrestricted(code, value >> 31, gprB(SCRATCH))
    return
  }
  if (register === R10 && t.repaired['r10-operand']) {
    loadFramePointer(t, gprB(SCRATCH_ADDRESS))
    sourceLo = gprB(SCRATCH_ADDRESS)
    sourceHi = imm(0)
    return
  }
  sourceLo = gprB(register * 2)
  sourceHi = gprB(register * 2 + 1)
}

/** The driver's check that a slice stays within a word, in unsigned numbers: some negative places fail it, and others don't. */
function withinWord(t: Translation, remainder: number, slice: number): boolean {
  if ((remainder + slice) >>> 0 <= 4) return true
  t.code.fail(EOPNOTSUPP)
  return false
}

/** Whether this slice moves the pointer on to the next word. */
function moves(): boolean {
  return increments && firstOfRegister && !last
}

function wordOf(off: number): number {
  return Math.trunc(off / 4) >>> 0
}

function loadSlice(t: Translation, dst: number, off: number, slice: number, byte: number): void {
  const { code } = t
  const index = wordOf(off)
  if (!withinWord(t, off % 4, slice)) return
  if (slice === 4) {
    mov(code, dst, moves() ? lmInc(3) : lm(pointer, index))
    return
  }
  const mask = ((1 << slice) - 1) << byte
  let source: number
  if (index <= RESTRICTED_WORDS) source = lm(pointer, index)
  else {
    source = gprA(SCRATCH)
    if (first || !firstOfRegister) mov(code, source, lm(0, index))
  }
  // Compared as unsigned numbers: a negative place counts as a large one.
  const place = (off % 4) >>> 0
  const amount = Math.abs((off % 4) - byte) * 8
  if (place < byte) ldField(code, dst, mask, source, SHIFT.LEFT, 32 - amount, firstOfRegister)
  else ldField(code, dst, mask, source, place === byte ? SHIFT.NONE : SHIFT.RIGHT, amount, firstOfRegister)
  if (moves()) mov(code, NONE, lmInc(3))
}

function storeSlice(t: Translation, source: number, off: number, slice: number, byte: number): void {
  const { code } = t
  const index = wordOf(off)
  if (!withinWord(t, off % 4, slice)) return
  if (slice === 4) {
    mov(code, moves() ? lmInc(3) : lm(pointer, index), source)
    return
  }
  const remainder = off % 4
  const place = remainder >>> 0
  const mask = (((1 << slice) - 1) << (remainder & 31)) & 0xff
  const amount = Math.abs(remainder - byte) * 8
  let target: number
  if (index <= RESTRICTED_WORDS) target = lm(pointer, index)
  else {
    target = gprA(SCRATCH)
    if (first || last) mov(code, target, lm(0, index))
  }
  if (byte < place) ldField(code, target, mask, source, SHIFT.LEFT, 32 - amount)
  else ldField(code, target, mask, source, byte === place ? SHIFT.NONE : SHIFT.RIGHT, amount)
  if (firstOfRegister || last) {
    if (index > RESTRICTED_WORDS) mov(code, lm(0, index), target)
    if (moves()) mov(code, NONE, lmInc(3))
  }
}
