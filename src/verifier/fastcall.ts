// Calls that clang surrounds with spills and fills of registers which the kernel promises to keep (bpf_fastcall): the pairs are marked,
// left out of the stack depth while nothing else touches their slots, and become no-ops after the simulation.

import type { Insns } from '../bpf/insns.ts'
import { BPF_DW, BPF_JA, BPF_JMP, BPF_LDX, BPF_MEM, BPF_STX, CALL } from '../bpf/opcode.ts'
import { callSummary } from './call-summary.ts'
import type { Env, Subprog } from './env.ts'

const SPILL: number = BPF_STX | BPF_MEM | BPF_DW
const FILL: number = BPF_LDX | BPF_MEM | BPF_DW
const CALLER_SAVED = 0x3f
const CALLER_SAVED_COUNT = 6
const FP = 10
const S16_MIN = -32768

export function markFastcall(env: Env): void {
  const { insns } = env
  for (let n = 0; n < env.subprogs.length; n++) {
    const subprog = env.subprogs[n]!
    const end = env.subprogEnd(n)
    let lowest = 0
    for (let i = subprog.start; i < end; i++) {
      if (insns.code[i] === SPILL && insns.dst[i] === FP && insns.off[i]! < lowest) lowest = insns.off[i]!
    }
    for (let i = subprog.start; i < end; i++) if (insns.code[i] === CALL) markCall(env, subprog, i, lowest)
  }
}

/** The pairs stand like brackets around the call, the innermost at the lowest offset. */
function markCall(env: Env, subprog: Subprog, call: number, lowest: number): void {
  const { insns } = env
  const summary = callSummary(env, call)
  if (summary === undefined) return
  const first = summary.isVoid ? 1 : 0
  const clobbered = (((1 << (summary.params + 1)) - 1) >> first) << first
  let expected = ~clobbered & CALLER_SAVED
  let off = lowest
  let pairs = 0
  for (let i = 1; i <= CALLER_SAVED_COUNT; i++, off += 8) {
    const spill = call - i
    const fill = call + i
    if (spill < 0 || fill >= env.count) break
    if (insns.code[spill] !== SPILL || insns.dst[spill] !== FP) break
    if (insns.code[fill] !== FILL || insns.src[fill] !== FP) break
    const reg = insns.src[spill]!
    if (reg !== insns.dst[fill] || ((1 << reg) & expected) === 0) break
    if (insns.off[spill] !== off || insns.off[fill] !== off) break
    expected &= ~(1 << reg)
    env.fastcallPattern[spill] = 1
    env.fastcallPattern[fill] = 1
    pairs++
  }
  if (pairs === 0) return
  if (summary.fastcall) env.fastcallSpills[call] = pairs
  else subprog.keepFastcallStack = true
  subprog.fastcallStackOff = Math.min(subprog.fastcallStackOff, off)
}

/** A stack access at an offset from R10: one that is no part of a pattern but goes to the pairs' slots ends the rewriting of its function. */
export function checkFastcallStack(env: Env, subprogIndex: number, insn: number, off: number): void {
  const subprog = env.subprogs[subprogIndex]!
  if (subprog.fastcallStackOff <= off || env.fastcallPattern[insn] === 1) return
  subprog.fastcallStackOff = S16_MIN
  const end = env.subprogEnd(subprogIndex)
  env.fastcallSpills.fill(0, subprog.start, end)
  env.fastcallPattern.fill(0, subprog.start, end)
}

/** Turns the marked pairs in a copy of the program into no-ops and lowers the stack depths accordingly. */
export function removeFastcallPairs(env: Env, insns: Insns): void {
  for (let n = 0; n < env.subprogs.length; n++) {
    const subprog = env.subprogs[n]!
    let changed = false
    for (let i = subprog.start; i < env.subprogEnd(n); i++) {
      const pairs = env.fastcallSpills[i]!
      for (let j = 1; j <= pairs; j++) {
        makeNop(insns, i - j)
        makeNop(insns, i + j)
        changed = true
      }
    }
    if (changed && !subprog.keepFastcallStack) subprog.stackDepth = 0 - subprog.fastcallStackOff
  }
}

function makeNop(insns: Insns, i: number): void {
  insns.code[i] = BPF_JMP | BPF_JA
  insns.dst[i] = 0
  insns.src[i] = 0
  insns.off[i] = 0
  insns.imm[i] = 0
}
