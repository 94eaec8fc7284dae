// What led to a refusal: the path that was being walked, backwards from the refused instruction, reduced to the instructions that the fact
// in question depends on. The path comes from the jump histories of the state and of the checkpoints behind it; what depends on what is
// followed through registers, spilled slots, and calls, a set of each per frame.

import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_EXIT,
  BPF_JMP,
  BPF_JMP32,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_PSEUDO_CALL,
  BPF_STX,
  BPF_X,
} from '../bpf/opcode.ts'
import type { Env } from './env.ts'
import { isConditional } from './flow.ts'
import { defUse } from './live-regs.ts'
import { INSN_F_SPI_SHIFT, INSN_F_STACK_ACCESS, J_FLAGS, J_IDX, J_PREV, JMP_WORDS, MAX_CALL_FRAMES, type State } from './state.ts'

/** One instruction of a path, with how it mattered. */
export interface Cause {
  readonly insn: number
  /** 'sets' the value, 'tests' it and jumps, tests it and 'falls' through, 'passes' it into or out of a function, 'spills' or 'fills' it. */
  readonly how: 'sets' | 'jumps' | 'falls' | 'calls' | 'returns' | 'spills' | 'fills' | 'clobbers'
  /** Register or `fp-8`, as it is called there. */
  readonly what: string
}

/** Instructions that are looked back at most. */
const MAX_STEPS = 20_000
const ALL_ARGS = 0x3e

interface Step {
  readonly insn: number
  /** The instruction that was executed after it. */
  readonly next: number
  /** J_FLAGS of its history entry, 0 without one. */
  readonly flags: number
}

/** The executed instructions before the current one, last first. */
function* executed(env: Env): Generator<Step> {
  let state: State | null = env.state
  let insn = env.insn
  let next = -1
  let steps = 0
  while (state !== null && state !== undefined) {
    let entry: number = state.jmpCount
    for (;;) {
      const at = (entry - 1) * JMP_WORDS
      const here: boolean = entry > 0 && state.jmp[at + J_IDX] === insn
      yield { insn, next, flags: here ? state.jmp[at + J_FLAGS]! : 0 }
      if (++steps > MAX_STEPS) return
      if (insn === state.firstInsn && (entry === 0 || (entry === 1 && here))) break
      next = insn
      if (here) {
        insn = state.jmp[at + J_PREV]!
        entry--
      } else {
        insn--
      }
      if (insn < 0) return
    }
    next = insn
    state = state.parent
    insn = state?.lastInsn ?? -1
    if (insn < 0) return
  }
}

class Wanted {
  readonly regs: Int32Array = new Int32Array(MAX_CALL_FRAMES + 1)
  readonly slots: Set<number>[] = Array.from({ length: MAX_CALL_FRAMES + 1 }, () => new Set<number>())
  frame: number

  constructor(frame: number) {
    this.frame = frame
  }

  get isEmpty(): boolean {
    return this.regs.every(mask => mask === 0) && this.slots.every(set => set.size === 0)
  }

  has(reg: number): boolean {
    return (this.regs[this.frame]! & (1 << reg)) !== 0
  }

  want(mask: number): void {
    // The frame pointer is what it is.
    this.regs[this.frame]! |= mask & 0x3ff
  }

  drop(mask: number): void {
    this.regs[this.frame]! &= ~mask
  }
}

/** The instructions that gave register `reg` its value where the verification stopped, first to last, at most `limit`. */
export function causesOf(env: Env, reg: number, limit: number): readonly Cause[] {
  const wanted = new Wanted(env.state.curframe)
  wanted.want(1 << reg)
  const found: Cause[] = []
  let first = true
  for (const step of executed(env)) {
    // The refused instruction itself has not been executed.
    if (first) {
      first = false
      continue
    }
    const cause = back(env, step, wanted)
    if (cause !== undefined) found.unshift(cause)
    if (found.length >= limit || wanted.isEmpty) break
  }
  return found
}

function back(env: Env, step: Step, wanted: Wanted): Cause | undefined {
  const { insns } = env
  const { insn, next } = step
  const code = insns.code[insn]!
  const cls = code & 7
  const op = code & 0xf0
  if (cls === BPF_JMP && op === BPF_EXIT) return enterCallee(insn, wanted)
  if (cls === BPF_JMP && op === BPF_CALL) {
    return insns.src[insn] === BPF_PSEUDO_CALL && next !== insn + 1 ? leaveCallee(insn, wanted) : overCall(insn, wanted)
  }
  const facts = defUse(env, insn)
  const def = facts >>> 16
  const use = facts & 0xffff
  if ((cls === BPF_JMP || cls === BPF_JMP32) && isConditional(code)) {
    const reg = wanted.has(insns.dst[insn]!) ? insns.dst[insn]! : (code & BPF_X) !== 0 ? insns.src[insn]! : -1
    if (reg < 0 || !wanted.has(reg)) return undefined
    return { insn, how: next === insn + 1 ? 'falls' : 'jumps', what: `R${reg}` }
  }
  const hasSlot = (step.flags & INSN_F_STACK_ACCESS) !== 0
  const frame = step.flags & 7
  const slot = (step.flags >> INSN_F_SPI_SHIFT) & 63
  const mode = code & 0xe0
  if (cls === BPF_STX && mode === BPF_MEM && hasSlot && wanted.slots[frame]!.has(slot)) {
    wanted.slots[frame]!.delete(slot)
    wanted.want(1 << insns.src[insn]!)
    return { insn, how: 'spills', what: `R${insns.src[insn]}` }
  }
  const taken = wanted.regs[wanted.frame]! & def & 0x3ff
  if (taken === 0) return undefined
  wanted.drop(def)
  const what = `R${31 - Math.clz32(taken)}`
  if (cls === BPF_LDX && (mode === BPF_MEM || mode === BPF_MEMSX)) {
    if (hasSlot) {
      wanted.slots[frame]!.add(slot)
      return { insn, how: 'fills', what }
    }
    return { insn, how: 'sets', what }
  }
  if (cls === BPF_ALU || cls === BPF_ALU64 || (cls === BPF_STX && mode === BPF_ATOMIC)) wanted.want(use)
  return { insn, how: 'sets', what }
}

/** Backwards, an exit leads into the function that returned. */
function enterCallee(insn: number, wanted: Wanted): Cause | undefined {
  const isWanted = wanted.has(0)
  wanted.drop(1)
  if (wanted.frame < MAX_CALL_FRAMES) wanted.frame++
  wanted.regs[wanted.frame] = 0
  wanted.slots[wanted.frame]!.clear()
  if (!isWanted) return undefined
  wanted.want(1)
  return { insn, how: 'returns', what: 'R0' }
}

/** And the call leads out of it again: its arguments are the caller's. */
function leaveCallee(insn: number, wanted: Wanted): Cause | undefined {
  const args = wanted.regs[wanted.frame]! & ALL_ARGS
  wanted.regs[wanted.frame] = 0
  wanted.slots[wanted.frame]!.clear()
  if (wanted.frame > 0) wanted.frame--
  wanted.want(args)
  return args === 0 ? undefined : { insn, how: 'calls', what: `R${31 - Math.clz32(args)}` }
}

/** A call that isn't walked into gives R0 and leaves nothing in R1 to R5. */
function overCall(insn: number, wanted: Wanted): Cause | undefined {
  const result = wanted.has(0)
  const args = wanted.regs[wanted.frame]! & ALL_ARGS
  wanted.drop(1 | ALL_ARGS)
  if (result) return { insn, how: 'sets', what: 'R0' }
  return args === 0 ? undefined : { insn, how: 'clobbers', what: `R${31 - Math.clz32(args)}` }
}
