// Changing a program without breaking what refers to places in it: slots as objects, jumps and calls of functions kept on their targets
// while slots come and go. What names instructions from outside (kfuncs, func_info) moves along; line_info is dropped, since no verdict
// depends on it.

import { type Insns, newInsns } from '../bpf/insns.ts'
import { BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC, CALL, EXIT, LD_IMM64 } from '../bpf/opcode.ts'
import type { Program } from '../bpf/program.ts'

export interface Slot {
  code: number
  dst: number
  src: number
  off: number
  imm: number
}

export function slotsOf(insns: Insns): Slot[] {
  return Array.from({ length: insns.count }, (_, i) => ({
    code: insns.code[i]!,
    dst: insns.dst[i]!,
    src: insns.src[i]!,
    off: insns.off[i]!,
    imm: insns.imm[i]!,
  }))
}

export function insnsOf(slots: readonly Slot[]): Insns {
  const insns = newInsns(slots.length)
  slots.forEach((slot, i) => {
    insns.code[i] = slot.code
    insns.dst[i] = slot.dst
    insns.src[i] = slot.src
    insns.off[i] = slot.off
    insns.imm[i] = slot.imm
  })
  return insns
}

/** Where a slot goes to, as an offset in slots from the next one; undefined where it just goes on. */
function distance(slot: Slot): number | undefined {
  const kind = slot.code & 7
  if (slot.code === LD_IMM64) return slot.src === BPF_PSEUDO_FUNC ? slot.imm : undefined
  if (slot.code === CALL) return slot.src === BPF_PSEUDO_CALL ? slot.imm : undefined
  if ((kind !== 5 && kind !== 6) || slot.code === EXIT) return undefined
  return slot.code === 0x06 ? slot.imm : slot.off
}

function setDistance(slot: Slot, value: number): void {
  const inImm = slot.code === LD_IMM64 || slot.code === CALL || slot.code === 0x06
  if (inImm) slot.imm = value
  else slot.off = Math.max(-0x8000, Math.min(0x7fff, value))
}

/** A program with `count` slots from `at` on replaced by others; whatever went to a place goes to the same place. */
export function replace(program: Program, at: number, count: number, insert: readonly Slot[]): Program {
  const slots = slotsOf(program.insns)
  const grown = insert.length - count
  // A removed place is the one behind it; a place where something is put in stays in front of what was there.
  const moved = (place: number): number => (place <= at ? place : place >= at + count ? place + grown : at)
  const targets = slots.map((slot, i) => {
    const to = distance(slot)
    return to === undefined ? undefined : moved(i + 1 + to)
  })
  slots.forEach((slot, i) => {
    const target = targets[i]
    if (target !== undefined) setDistance(slot, target - (i < at ? i : i + grown) - 1)
  })
  slots.splice(at, count, ...insert.map(slot => ({ ...slot })))
  return withInsns(program, insnsOf(slots), moved, place => place >= at && place < at + count)
}

/** The same program with other instructions at the same places. */
export function withSlots(program: Program, slots: readonly Slot[]): Program {
  return { ...program, insns: insnsOf(slots) }
}

function withInsns(program: Program, insns: Insns, moved: (place: number) => number, gone: (place: number) => boolean): Program {
  const { lineInfo: _, lineInfoRecordBytes: __, kfuncs, funcInfo, ...rest } = program
  return {
    ...rest,
    insns,
    ...(kfuncs === undefined
      ? {}
      : { kfuncs: kfuncs.filter(([insn]) => !gone(insn)).map(([insn, name]) => [moved(insn), name] as const) }),
    ...(funcInfo === undefined ? {} : { funcInfo: shiftRecords(funcInfo, program.funcInfoRecordBytes ?? 8, moved) }),
  }
}

/** Records that begin with an instruction's index. */
function shiftRecords(records: Uint8Array, bytes: number, moved: (place: number) => number): Uint8Array {
  const out = records.slice()
  const view = new DataView(out.buffer)
  for (let at = 0; at + bytes <= out.length; at += bytes) view.setUint32(at, moved(view.getUint32(at, true)), true)
  return out
}

/** Whether a slot is the second half of an ld_imm64. */
export function isSecondHalf(slots: readonly Slot[], i: number): boolean {
  return i > 0 && slots[i - 1]!.code === LD_IMM64 && slots[i]!.code === 0
}
