// A program made ready to run: one element a slot in flat arrays, with everything decided that does not change while it runs. Jump
// targets are absolute, map references are addresses, and the variants that Linux hides in `off` have numbers of their own above 0xff.

import type { Insns } from '../bpf/insns.ts'
import { BPF_PSEUDO_FUNC, BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE } from '../bpf/opcode.ts'
import type { Program } from '../bpf/program.ts'
import { NicwrightError } from '../errors.ts'
import type { BpfMap } from '../maps/map.ts'

/** `src` of an instruction whose operand is its immediate. */
export const IMMEDIATE = 15

/** Added to the opcode: signed division and modulo, sign-extending move, a call of a function or a kfunc. */
export const SIGNED = 0x100
export const CALL_FUNCTION = 0x185
export const CALL_KFUNC = 0x285
/** Slots that can't be executed: the second half of an ld_imm64, and opcodes that are none. */
export const INVALID = 0x300

/** The source bit of arithmetic and jumps is cleared in `op` (0x0f and 0x07 are the same operation); the operand is told by `src`. */
export interface Code {
  readonly name: string
  /** BPF_PROG_TYPE_*. */
  readonly type: number
  readonly op: Uint16Array
  readonly dst: Uint8Array
  readonly src: Uint8Array
  /** Offset of a memory access; bits that a sign-extending move keeps. */
  readonly off: Int16Array
  /** Index of the instruction that a jump or a function call goes to. */
  readonly target: Int32Array
  /** Immediate; of an ld_imm64 the low and the high half. */
  readonly imm: Int32Array
  readonly immHigh: Int32Array
  readonly maps: readonly BpfMap[]
  /** The instructions as they were given, for messages. */
  readonly insns: Insns
  /** Names of kfuncs by instruction. */
  readonly kfuncs: ReadonlyMap<number, string>
}

const CLASS = 7
const ST = 2
const ALU = 4
const JMP = 5
const JMP32 = 6
const ALU64 = 7

export function prepare(program: Program, maps: readonly BpfMap[]): Code {
  const { insns } = program
  const count = insns.count
  const op = new Uint16Array(count)
  const src = Uint8Array.from(insns.src)
  const target = new Int32Array(count)
  const imm = Int32Array.from(insns.imm)
  const immHigh = new Int32Array(count)
  const bad = (i: number, why: string): NicwrightError =>
    new NicwrightError('host/bad-insn', { message: `instruction ${i} ${why}`, at: { program: program.name, insn: i } })

  for (let i = 0; i < count; i++) {
    const code = insns.code[i]!
    const kind = code & CLASS
    const off = insns.off[i]!
    op[i] = code
    if (insns.dst[i]! > 10 || src[i]! > 10) throw bad(i, 'names a register that there is none')
    if (code === 0x18) {
      if (i + 1 >= count) throw bad(i, 'lacks its second half')
      immHigh[i] = insns.imm[i + 1]!
      if (src[i] === BPF_PSEUDO_MAP_FD || src[i] === BPF_PSEUDO_MAP_VALUE) {
        const map = maps[imm[i]!]
        if (map === undefined) throw bad(i, `refers to map ${imm[i]}, which there is none`)
        // Only an array has a value to point to; its offset is in the second half.
        imm[i] = src[i] === BPF_PSEUDO_MAP_FD ? map.base : map.elements + immHigh[i]!
        immHigh[i] = 0
      } else if (src[i] === BPF_PSEUDO_FUNC) {
        imm[i] = i + imm[i]! + 1
        immHigh[i] = 0
      } else if (src[i] !== 0) throw bad(i, 'refers to something that does not exist outside the kernel')
      op[++i] = INVALID
    } else if (kind === ST) src[i] = IMMEDIATE
    else if (kind === ALU || kind === ALU64) {
      const operation = code & 0xf0
      if (operation === 0xd0) continue
      if ((code & 8) === 0) src[i] = IMMEDIATE
      op[i] = (code & ~8) | (off !== 0 ? SIGNED : 0)
    } else if (kind === JMP || kind === JMP32) {
      const operation = code & 0xf0
      if (operation === 0x80) {
        op[i] = src[i] === 1 ? CALL_FUNCTION : src[i] === 2 ? CALL_KFUNC : code
        target[i] = i + imm[i]! + 1
      } else {
        if ((code & 8) === 0) src[i] = IMMEDIATE
        op[i] = operation === 0 ? 0x05 : code & ~8
        target[i] = i + 1 + (code === 0x06 ? imm[i]! : off)
      }
      const goes = operation !== 0x90 && !(operation === 0x80 && op[i] !== CALL_FUNCTION)
      if (goes && (target[i]! < 0 || target[i]! >= count)) throw bad(i, 'leaves the program')
    }
  }
  const kfuncs = new Map(program.kfuncs ?? [])
  return {
    name: program.name,
    type: program.type,
    op,
    dst: insns.dst,
    src,
    off: insns.off,
    target,
    imm,
    immHigh,
    maps,
    insns,
    kfuncs,
  }
}
