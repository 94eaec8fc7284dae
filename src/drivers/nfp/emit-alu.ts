// Arithmetic except shifts, multiplication and division. eBPF register n is the GPR pair 2n (low word), 2n + 1 (high word), each held
// in both banks, so that any two of them can be the operands of one instruction.

import { BPF_ADD, BPF_ALU64, BPF_AND, BPF_OR, BPF_PSEUDO_MAP_FD, BPF_SUB, BPF_X } from '../../bpf/opcode.ts'
import { alu, immed, ldField, shf } from '../../nfp/encode.ts'
import { ALU, SHF, SHIFT, WIDTH } from '../../nfp/insn-table.ts'
import { immed32, immUnrestricted, mov, regmov } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth, imm, NONE } from '../../nfp/operand.ts'
import { SKIP_NOOP } from './facts.ts'
import { isOn } from './passes.ts'
import { loadFramePointer, R10, SCRATCH, SCRATCH_ADDRESS, type Translation, zext } from './translation.ts'

/** The machine's operation for an eBPF one, and the one that takes the carry along for the high word. */
function machineOp(op: number): number {
  switch (op) {
    case BPF_ADD:
      return ALU.ADD
    case BPF_SUB:
      return ALU.SUB
    case BPF_AND:
      return ALU.AND
    case BPF_OR:
      return ALU.OR
    default:
      return ALU.XOR
  }
}

function withCarry(op: number): number {
  if (op === ALU.ADD) return ALU.ADD_C
  return op === ALU.SUB ? ALU.SUB_C : op
}

/** One word of an operation with a constant; nothing where it changes nothing. */
function aluImmed(t: Translation, g: number, op: number, value: number): void {
  const { code } = t
  const dst = gprBoth(g)
  if (op === ALU.AND || op === ALU.OR || op === ALU.XOR) {
    if (value === (op === ALU.AND ? -1 : 0)) return
    if (op === ALU.AND && value === 0) {
      immed32(code, dst, 0)
      return
    }
    if (op === ALU.OR && value === -1) {
      immed32(code, dst, -1)
      return
    }
    if (op === ALU.XOR && value === -1) {
      alu(code, dst, NONE, ALU.NOT, gprB(g))
      return
    }
  }
  const right = immUnrestricted(code, value, gprB(SCRATCH))
  alu(code, dst, gprA(g), op, right)
}

/** ADD, SUB, AND, OR, XOR. */
export function emitAlu(t: Translation, i: number): void {
  const { code } = t
  const opcode = t.insns.code[i]!
  const wide = (opcode & 7) === BPF_ALU64
  const d = t.insns.dst[i]! * 2
  const op = machineOp(opcode & 0xf0)
  if (opcode & BPF_X) {
    const src = t.insns.src[i]!
    const s = src * 2
    // Quirk 5: R10 has no register, and its number stands for scratch.
    const frame = src === R10 && t.repaired['r10-operand']
    if (frame) loadFramePointer(t, gprB(SCRATCH_ADDRESS))
    alu(code, gprBoth(d), gprA(d), op, gprB(s))
    if (wide) alu(code, gprBoth(d + 1), gprA(d + 1), withCarry(op), frame ? imm(0) : gprB(s + 1))
    else zext(t, i, d)
    return
  }
  const value = t.insns.imm[i]!
  if (wide) {
    const nothing = op === ALU.AND ? -1 : 0
    if (value === nothing && op !== ALU.ADD && op !== ALU.SUB) {
      // Quirk 16: marked while it is translated; nothing depends on it.
      t.flags[i]! |= SKIP_NOOP
      return
    }
    aluImmed(t, d, op, value)
    aluImmed(t, d + 1, withCarry(op), value >> 31)
    return
  }
  aluImmed(t, d, op, value)
  zext(t, i, d)
}

export function emitMov(t: Translation, i: number): void {
  const { code } = t
  const opcode = t.insns.code[i]!
  const wide = (opcode & 7) === BPF_ALU64
  const d = t.insns.dst[i]! * 2
  if (!(opcode & BPF_X)) {
    const value = t.insns.imm[i]!
    immed32(code, gprBoth(d), value)
    immed32(code, gprBoth(d + 1), wide ? value >> 31 : 0)
    return
  }
  const src = t.insns.src[i]!
  // Since 6.6 the offset of a move asks for sign extension from so many bits. Quirk: the driver doesn't look at it.
  const bits = t.insns.off[i]!
  if (bits !== 0 && t.repaired['sign-extend']) {
    signExtend(t, d, src * 2, bits, wide)
    return
  }
  if (src === R10 && (wide || t.repaired['r10-operand'])) {
    loadFramePointer(t, gprBoth(d))
    immed32(code, gprBoth(d + 1), 0)
    return
  }
  regmov(code, d, src * 2)
  if (wide) regmov(code, d + 1, src * 2 + 1)
  else immed32(code, gprBoth(d + 1), 0)
}

/** The low bits of a register with their sign: shifted up, and arithmetically down again. */
function signExtend(t: Translation, d: number, s: number, bits: number, wide: boolean): void {
  const { code } = t
  if (bits === 32) regmov(code, d, s)
  else {
    shf(code, gprBoth(d), NONE, SHF.NONE, gprB(s), SHIFT.LEFT, 32 - bits)
    alu(code, NONE, gprA(d), ALU.OR, imm(0))
    shf(code, gprBoth(d), NONE, SHF.ASHR, gprB(d), SHIFT.RIGHT, 32 - bits)
  }
  if (wide) shf(code, gprBoth(d + 1), NONE, SHF.ASHR, gprB(d), SHIFT.RIGHT, 31)
  else immed32(code, gprBoth(d + 1), 0)
}

export function emitNeg(t: Translation, i: number): void {
  const { code } = t
  const d = t.insns.dst[i]! * 2
  alu(code, gprBoth(d), imm(0), ALU.SUB, gprB(d))
  if ((t.insns.code[i]! & 7) === BPF_ALU64) alu(code, gprBoth(d + 1), imm(0), ALU.SUB_C, gprB(d + 1))
  else zext(t, i, d)
}

/** Swaps the four bytes of bank A's or B's register into g. */
function swap32(t: Translation, source: number, g: number): void {
  ldField(t.code, gprBoth(g), 0xf, source, SHIFT.NONE, 8)
  ldField(t.code, gprBoth(g), 0x5, gprA(g), SHIFT.NONE, 16)
}

/** Conversion to big endian; to little endian there is nothing to do, and the driver refuses it. */
export function emitSwap(t: Translation, i: number): void {
  const { code } = t
  const d = t.insns.dst[i]! * 2
  switch (t.insns.imm[i]) {
    case 16:
      ldField(code, gprBoth(d), 0x9, gprB(d), SHIFT.NONE, 8)
      ldField(code, gprBoth(d), 0xe, gprA(d), SHIFT.RIGHT, 16)
      immed32(code, gprBoth(d + 1), 0)
      return
    case 32:
      swap32(t, gprA(d), d)
      immed32(code, gprBoth(d + 1), 0)
      return
    default:
      mov(code, gprA(SCRATCH), gprB(d + 1))
      swap32(t, gprA(d), d + 1)
      swap32(t, gprA(SCRATCH), d)
  }
}

/** Any 32 bits in two words: how the address of a map would have to be loaded. */
function immedFull(t: Translation, dst: number, value: number): void {
  immed(t.code, dst, value & 0xffff, WIDTH.ALL, false, 0)
  immed(t.code, dst, value >>> 16, WIDTH.WORD, false, 2)
}

/** The second slot of an ld_imm64; the first emits nothing. */
export function emitLoadImmediate(t: Translation, second: number): void {
  const { code } = t
  const first = second - 1
  const d = t.insns.dst[first]! * 2
  const lo = t.insns.imm[first]!
  const hi = t.insns.imm[second]!
  if (t.insns.src[first] === BPF_PSEUDO_MAP_FD && !isOn(t.options, 'map-refs')) {
    immedFull(t, gprBoth(d), lo)
    immedFull(t, gprBoth(d + 1), hi)
    return
  }
  immed32(code, gprBoth(d), lo)
  if (lo === 0 && t.insns.src[first] === BPF_PSEUDO_MAP_FD && t.repaired['map-zero']) {
    // The firmware looks at the low word only; comparisons with null look at both.
    immed32(code, gprBoth(d + 1), 1)
    return
  }
  if (lo === hi) mov(code, gprBoth(d + 1), gprA(d))
  else immed32(code, gprBoth(d + 1), hi)
}
