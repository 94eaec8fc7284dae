// Programs out of programs: small changes of instructions, pieces of others put in, and short idioms that lead into the verifier's
// corners. Most results are refused; that is wanted, since a refusal has a reason that can be compared.

import { helperNames } from '../bpf/helper-table.ts'
import { BPF_PSEUDO_KFUNC_CALL, BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, CALL, LD_IMM64 } from '../bpf/opcode.ts'
import { opcodeRows } from '../bpf/opcode-table.ts'
import * as T from '../bpf/prog-type-table.ts'
import type { Program } from '../bpf/program.ts'
import type { Dice } from '../host/dice.ts'
import type { Subject } from './corpus.ts'
import { isSecondHalf, replace, type Slot, slotsOf, withSlots } from './edit.ts'

const INTERESTING = [
  0, 1, 2, 3, 4, 7, 8, 12, 14, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 511, 512, 0x7fff, 0x8000, 0xffff, 0x10000, 0xfffff,
  0x1fffffff, 0x20000000, 0x7fffffff, -1, -2, -4, -8, -16, -64, -128, -512, -0x8000, -0x80000000, -0x7fffffff,
]
const OFFSETS = [0, 1, 2, 4, 8, 12, 16, 20, 24, 40, 64, 76, 80, 100, -1, -4, -8, -12, -16, -24, -32, -64, -256, -504, -512, -520]
const WIDTHS = [0, 8, 16, 24]
const ALU = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0]
const JUMPS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]
const ATOMICS = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110]
const TYPES = [
  T.BPF_PROG_TYPE_XDP,
  T.BPF_PROG_TYPE_SCHED_CLS,
  T.BPF_PROG_TYPE_SCHED_ACT,
  T.BPF_PROG_TYPE_SOCKET_FILTER,
  T.BPF_PROG_TYPE_CGROUP_SKB,
]
const HELPERS = [...helperNames.keys()]
const CODES = opcodeRows.map(row => row.code)
const MOST_SLOTS = 600

const slot = (code: number, dst = 0, src = 0, off = 0, imm = 0): Slot => ({ code, dst, src, off, imm })

function immediate(dice: Dice): number {
  return dice.chance(0.75) ? dice.pick(INTERESTING) : dice.chance(0.5) ? dice.below(64) : dice.word()
}

function anyRegister(dice: Dice): number {
  return dice.chance(0.02) ? dice.below(16) : dice.below(11)
}

/** A 64- or 32-bit operation on two registers or a register and a number. */
function arithmetic(dice: Dice, dst: number, src: number): Slot {
  const kind = dice.chance(0.6) ? 7 : 4
  const operation = dice.pick(ALU)
  if (operation === 0x80) return slot(0x80 | kind, dst)
  if (operation === 0xd0) return slot(dice.pick([0xd4, 0xdc, 0xd7]), dst, 0, 0, dice.pick([16, 32, 64]))
  const signed = (operation === 0x30 || operation === 0x90) && dice.chance(0.3) ? 1 : 0
  if (dice.chance(0.5)) {
    const extend = operation === 0xb0 && dice.chance(0.3) ? dice.pick([8, 16, 32]) : 0
    return slot(operation | 8 | kind, dst, src, signed || extend)
  }
  const shift = operation === 0x60 || operation === 0x70 || operation === 0xc0
  return slot(operation | kind, dst, 0, signed, shift ? dice.below(kind === 7 ? 64 : 32) : immediate(dice))
}

/** One instruction, more often sensible than not. */
function randomSlot(dice: Dice, room: number): Slot {
  const dst = anyRegister(dice)
  const src = anyRegister(dice)
  const width = dice.pick(WIDTHS)
  switch (dice.below(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return arithmetic(dice, dst, src)
    case 4:
    case 5: {
      const register = dice.chance(0.5)
      const code = dice.pick(JUMPS) | (dice.chance(0.6) ? 5 : 6) | (register ? 8 : 0)
      return slot(code, dst, register ? src : 0, dice.below(Math.max(1, Math.min(room, 12))), register ? 0 : immediate(dice))
    }
    case 6:
    case 7:
      return slot((dice.chance(0.15) && width !== 24 ? 0x81 : 0x61) | width, dst, src, dice.pick(OFFSETS))
    case 8:
      return slot(0x63 | width, dst, src, dice.pick(OFFSETS))
    case 9:
      return slot(0x62 | width, dst, 0, dice.pick(OFFSETS), immediate(dice))
    case 10:
      return slot(0xc3 | dice.pick([0, 24]), dst, src, dice.pick(OFFSETS), dice.pick(ATOMICS))
    default:
      if (dice.chance(0.3)) return slot(0x05, 0, 0, dice.below(Math.max(1, Math.min(room, 8))))
      if (dice.chance(0.5)) return slot(CALL, 0, 0, 0, dice.pick(HELPERS))
      return slot(dice.pick(CODES), dst, src, dice.pick(OFFSETS), immediate(dice))
  }
}

/** Short idioms, in registers of the moment. */
function idiom(dice: Dice, maps: number): Slot[] {
  const a = dice.below(10)
  const b = (a + 1 + dice.below(9)) % 10
  const imm = immediate(dice)
  const map = (dst: number): Slot[] => [slot(LD_IMM64, dst, BPF_PSEUDO_MAP_FD, 0, dice.below(Math.max(1, maps))), slot(0)]
  switch (dice.below(14)) {
    case 0: // a pointer to the stack, moved by a bounded scalar
      return [
        slot(0x57, a, 0, 0, dice.pick([7, 15, 0x38, 0xf8, 0xff])),
        slot(0xbf, b, 10),
        slot(0x07, b, 0, 0, -64),
        slot(0x0f, b, a),
      ]
    case 1: // spilled and filled again, in another width maybe
      return [
        slot(0x63 | dice.pick(WIDTHS), 10, a, -8),
        slot(0x61 | dice.pick(WIDTHS), b, 10, -8 + dice.pick([0, 0, 0, 1, 2, 4])),
      ]
    case 2: // both ends of a range
      return [
        slot(dice.pick([0x25, 0x65, 0x26, 0x66]), a, 0, dice.below(3), imm),
        slot(dice.pick([0xa5, 0xc5, 0xa6, 0xc6]), a, 0, dice.below(3), immediate(dice)),
      ]
    case 3: // a copy is refined with its original
      return [
        slot(dice.pick([0xbf, 0xbc]), b, a),
        slot(0x07, b, 0, 0, imm),
        slot(dice.pick([0x25, 0xa5, 0x55, 0x15, 0x26]), a, 0, dice.below(3), immediate(dice)),
      ]
    case 4: // a loop that counts, seldom: one that doesn't end costs a second
      if (dice.chance(0.8)) return [arithmetic(dice, b, a)]
      return [
        slot(0xb7, a, 0, 0, dice.below(12)),
        slot(0x07, a, 0, 0, dice.pick([1, -1, 2])),
        arithmetic(dice, b, a),
        slot(dice.pick([0x55, 0xa5, 0xc5, 0x25]), a, 0, -3, dice.pick([0, 1, 8, 20])),
      ]
    case 5: // a look-up with its check
      if (maps === 0) return [slot(CALL, 0, 0, 0, 7)]
      return [
        slot(0x7a, 10, 0, -8, dice.below(4)),
        slot(0xbf, 2, 10),
        slot(0x07, 2, 0, 0, -8),
        ...map(1),
        slot(CALL, 0, 0, 0, 1),
        slot(dice.pick([0x15, 0x55]), 0, 0, 1),
      ]
    case 6: // a number nobody knows
      return [slot(CALL, 0, 0, 0, 7), slot(dice.pick([0xbf, 0xbc]), a)]
    case 7: // the packet with a check of its length
      return [
        slot(0xbf, 1, 6),
        slot(0x61, 2, 1, dice.pick([0, 76])),
        slot(0x61, 3, 1, dice.pick([4, 80])),
        slot(0xbf, 4, 2),
        slot(0x07, 4, 0, 0, dice.pick([1, 8, 14, 34, 64])),
        slot(dice.pick([0x2d, 0x3d, 0xad, 0xbd]), dice.pick([4, 3]), dice.pick([3, 4]), dice.below(4)),
        slot(0x61 | dice.pick(WIDTHS), a, 2, dice.below(34)),
      ]
    case 8:
      return [slot(0x0f, a, b), slot(0x1f, b, a)]
    case 9: // the two halves
      return [slot(0xbc, b, a), slot(0x77, a, 0, 0, 32), slot(0x67, a, 0, 0, 32), slot(0x4f, a, b)]
    case 10:
      return [slot(0xbf, 1, 6), slot(dice.pick([0x20, 0x28, 0x30, 0x40, 0x48, 0x50]), 0, a, 0, dice.pick([0, 12, 14, 23, -1]))]
    case 11: // a helper with buffers on the stack
      return [
        slot(0xbf, 1, dice.pick([6, 10])),
        slot(0xbf, 2, 10),
        slot(0x07, 2, 0, 0, dice.pick([-8, -16, -64, -512])),
        slot(0xb7, 3, 0, 0, dice.pick([0, 4, 8, 64, 512])),
        slot(0xbf, 4, 10),
        slot(0x07, 4, 0, 0, -16),
        slot(0xb7, 5, 0, 0, dice.pick([0, 4, 8])),
        slot(CALL, 0, 0, 0, dice.pick(HELPERS)),
      ]
    case 12: // a test of single bits, and of equality
      return [
        slot(dice.pick([0x45, 0x46, 0x15, 0x55]), a, 0, dice.below(3), imm),
        slot(dice.pick([0x1d, 0x5d, 0x4d, 0x1e]), a, b, dice.below(3)),
      ]
    default:
      return [slot(0xe5, 0, 0, dice.below(3)), arithmetic(dice, a, b)]
  }
}

/** A changed copy of a program, sometimes with pieces of another one. */
export function mutate(dice: Dice, from: Subject, other: Subject): Subject {
  let { program } = from
  let changes = 1 + dice.below(dice.pick([1, 3, 6]))
  while (changes-- > 0) program = mutateOnce(dice, program, from, other)
  return { program: sane(program, from.maps.length), maps: from.maps }
}

function mutateOnce(dice: Dice, program: Program, from: Subject, other: Subject): Program {
  const slots = slotsOf(program.insns)
  const at = dice.below(slots.length)
  const touched = slots[at]!
  const kind = dice.below(16)
  // The number of a kernel function stands outside, and half an ld_imm64 is nothing to change.
  const kfunc = touched.code === CALL && touched.src === BPF_PSEUDO_KFUNC_CALL
  if (kfunc || isSecondHalf(slots, at)) return program
  switch (kind) {
    case 0:
      touched.imm = dice.chance(0.7) ? immediate(dice) : touched.imm + dice.pick([1, -1, 8, -8])
      return withSlots(program, slots)
    case 1:
      touched.dst = anyRegister(dice)
      return withSlots(program, slots)
    case 2:
      touched.src = anyRegister(dice)
      return withSlots(program, slots)
    case 3:
      touched.off = dice.chance(0.5) ? dice.pick(OFFSETS) : touched.off + dice.pick([1, -1, 4, -4, 8, -8])
      return withSlots(program, slots)
    case 4:
      if (touched.code === LD_IMM64) return program
      // The same kind of instruction: another operation, width or operand.
      touched.code = dice.chance(0.8) ? (touched.code & 7) | (dice.pick(CODES) & 0xf8) : dice.pick(CODES)
      if (touched.code === LD_IMM64) return program
      return withSlots(program, slots)
    case 5:
    case 6:
      return slots.length < 2 ? program : replace(program, at, touched.code === LD_IMM64 ? 2 : 1, [])
    case 7:
    case 8:
    case 9:
      return slots.length > MOST_SLOTS ? program : replace(program, at, 0, [randomSlot(dice, slots.length - at)])
    case 10:
    case 11:
    case 12:
      return slots.length > MOST_SLOTS ? program : replace(program, at, 0, idiom(dice, from.maps.length))
    case 13: {
      if (slots.length > MOST_SLOTS) return program
      const pieces = slotsOf(other.program.insns)
      const start = dice.below(pieces.length)
      const piece = pieces
        .slice(start, start + 1 + dice.below(10))
        .filter(s => !(s.code === CALL && s.src === BPF_PSEUDO_KFUNC_CALL))
      return replace(program, at, 0, piece)
    }
    case 14: {
      const start = dice.below(at + 1)
      if (slots.length > MOST_SLOTS || isSecondHalf(slots, start)) return program
      const copied = slots.slice(start, Math.min(at, start + 12))
      return replace(
        program,
        at,
        0,
        copied.filter(s => !(s.code === CALL && s.src === BPF_PSEUDO_KFUNC_CALL)),
      )
    }
    default:
      if (dice.chance(0.6)) return { ...program, flags: program.flags ^ dice.pick([1, 2, 8, 8, 128]) }
      return program.btf === undefined ? { ...program, type: dice.pick(TYPES), expectedAttachType: 0 } : program
  }
}

/** What the two verifiers can't see alike is put right: references to maps that there are none of, halves of ld_imm64, types by id, maps by fd_array. */
function sane(program: Program, maps: number): Program {
  const slots = slotsOf(program.insns)
  for (let i = 0; i < slots.length; i++) {
    const at = slots[i]!
    if (at.code !== LD_IMM64) continue
    if (at.src === BPF_PSEUDO_MAP_FD || at.src === BPF_PSEUDO_MAP_VALUE) {
      if (maps === 0) at.src = 0
      else if (at.imm < 0 || at.imm >= maps) at.imm = Math.abs(at.imm % maps)
    } else if (at.src === 3 || at.src > 4) at.src = 0
    i++
  }
  const kfuncs = new Set(program.kfuncs?.map(([insn]) => insn))
  slots.forEach((at, i) => {
    if (at.code === CALL && at.src === BPF_PSEUDO_KFUNC_CALL && !kfuncs.has(i)) at.src = 0
  })
  return withSlots(
    program.kfuncs === undefined
      ? program
      : {
          ...program,
          kfuncs: program.kfuncs.filter(([insn]) => slots[insn]?.code === CALL && slots[insn].src === BPF_PSEUDO_KFUNC_CALL),
        },
    slots,
  )
}
