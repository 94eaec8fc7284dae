// A program between two passes: its slots, and what must move with them. Jumps stay relative, as in the program itself; `rewrite` puts the
// steps of every patch in place and links all jumps, calls, line records and subprograms anew.

import type { Insns } from '../bpf/insns.ts'
import { newInsns } from '../bpf/insns.ts'
import { BPF_JA, BPF_JMP32, BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC, CALL, LD_IMM64 } from '../bpf/opcode.ts'
import { NicwrightError } from '../errors.ts'
import { isJump, jumpOffset } from '../verifier/flow.ts'
import type { Step } from './step.ts'

export interface Code {
  readonly insns: Insns
  /** Of each slot: the slot of the user's program that it stands for. */
  readonly origin: Int32Array
  /** By slot: what its immediate is the address of. */
  readonly symbols: ReadonlyMap<number, string>
  /** First slot of each subprogram. */
  readonly starts: Int32Array
  /** First slot of each line record. */
  readonly lines: Int32Array
}

export interface Patch {
  /** Runs when a function is entered, and not when a jump goes back to its first instruction. */
  readonly before?: readonly Step[]
  /** Stands for the instruction; left out: the instruction stays. */
  readonly instead?: readonly Step[]
}

const S16_MIN = -32768
const S16_MAX = 32767

export function rewrite(code: Code, patchOf: (i: number) => Patch | undefined): Code {
  const { insns } = code
  const patches = new Map<number, Patch>()
  // Where what stood at a slot begins now, and where jumps to it go.
  const place = new Int32Array(insns.count + 1)
  const entry = new Int32Array(insns.count + 1)
  let count = 0
  for (let i = 0; i < insns.count; i++) {
    const patch = patchOf(i)
    if (patch !== undefined) patches.set(i, patch)
    const slots = insns.code[i] === LD_IMM64 ? 2 : 1
    place[i] = count
    entry[i] = count + (patch?.before?.length ?? 0)
    count = entry[i]! + (patch?.instead?.length ?? slots)
    if (slots === 2) {
      place[i + 1] = count - 1
      entry[i + 1] = count - 1
      i++
    }
  }
  if (patches.size === 0) return code
  place[insns.count] = count
  entry[insns.count] = count

  const out = newInsns(count)
  const origin = new Int32Array(count)
  const symbols = new Map<number, string>()
  let at = 0
  const put = (step: Step, from: number): void => {
    out.code[at] = step.code
    out.dst[at] = step.dst
    out.src[at] = step.src
    out.off[at] = step.off
    out.imm[at] = step.imm
    origin[at] = from
    if (step.symbol !== undefined) symbols.set(at, step.symbol)
    if (step.to !== undefined) link(out, at, step.code === CALL ? place[step.to]! : entry[step.to]!)
    at++
  }
  for (let i = 0; i < insns.count; i++) {
    const from = code.origin[i]!
    const patch = patches.get(i)
    for (const step of patch?.before ?? []) put(step, from)
    const wide = insns.code[i] === LD_IMM64
    if (patch?.instead !== undefined) {
      for (const step of patch.instead) put(step, from)
    } else {
      const symbol = code.symbols.get(i)
      put({ ...stepAt(insns, i), ...(symbol === undefined ? {} : { symbol }) }, from)
      const target = targetOf(insns, i)
      if (target >= 0) link(out, at - 1, isJump(insns.code[i]!) ? entry[target]! : place[target]!)
      if (wide) put(stepAt(insns, i + 1), code.origin[i + 1]!)
    }
    if (wide) i++
  }
  return { insns: out, origin, symbols, starts: code.starts.map(s => place[s]!), lines: code.lines.map(l => place[l]!) }
}

/** A subprogram more, behind all others. Its steps have no jumps. */
export function append(code: Code, steps: readonly Step[]): Code {
  const { insns } = code
  const out = newInsns(insns.count + steps.length)
  for (const field of ['code', 'dst', 'src', 'off', 'imm'] as const) {
    out[field].set(insns[field])
    out[field].set(
      steps.map(step => step[field]),
      insns.count,
    )
  }
  const from = code.origin.at(-1) ?? 0
  return {
    ...code,
    insns: out,
    origin: Int32Array.of(...code.origin, ...steps.map(() => from)),
    starts: Int32Array.of(...code.starts, insns.count),
  }
}

/** An instruction of the code as a step, to stand in its own patch. It must be no jump. */
export function stepAt(insns: Insns, i: number): Step {
  return { code: insns.code[i]!, dst: insns.dst[i]!, src: insns.src[i]!, off: insns.off[i]!, imm: insns.imm[i]! }
}

/** Index that a jump, a call of the program's own or a reference to one of its functions goes to; -1 for others. */
function targetOf(insns: Insns, i: number): number {
  const code = insns.code[i]!
  if (isJump(code)) return i + 1 + jumpOffset(insns, i)
  const src = insns.src[i]
  if ((code === CALL && src === BPF_PSEUDO_CALL) || (code === LD_IMM64 && src === BPF_PSEUDO_FUNC)) return i + 1 + insns.imm[i]!
  return -1
}

function link(insns: Insns, at: number, target: number): void {
  const code = insns.code[at]!
  const off = target - at - 1
  if (!isJump(code) || code === (BPF_JMP32 | BPF_JA)) {
    insns.imm[at] = off
    return
  }
  if (off < S16_MIN || off > S16_MAX) {
    throw new NicwrightError('fixup/jump-range', {
      message: `instruction ${at} cannot reach ${target}: the rewritten program is too long for its jumps`,
      at: { insn: at },
    })
  }
  insns.off[at] = off
}
