// Which registers are read later: a backward data-flow over each function, one bit a register. What a call reads is known from its
// prototype; instructions that leave the function in a way that isn't in the graph (LD_ABS) count as reading everything.

import type { Insns } from '../bpf/insns.ts'
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOV,
  BPF_ST,
  BPF_STORE_REL,
  BPF_STX,
  BPF_X,
  LD_IMM64,
} from '../bpf/opcode.ts'
import { callSummary } from './call-summary.ts'
import type { Env } from './env.ts'
import { insnText } from './insn-text.ts'

const R0 = 1
const CALLER_SAVED = 0x3f
const ALL = 0xffff

/** What an instruction writes (high half) and reads (low half), a bit a register. */
export function defUse(env: Env, i: number): number {
  const { insns } = env
  const code = insns.code[i]!
  const src = 1 << insns.src[i]!
  const dst = 1 << insns.dst[i]!
  const isX = (code & BPF_X) !== 0
  const op = code & 0xf0
  const mode = code & 0xe0
  switch (code & 7) {
    case BPF_LD:
      return code === LD_IMM64 ? pair(dst, 0) : pair(0, ALL)
    case BPF_LDX:
      return mode === BPF_MEM || mode === BPF_MEMSX ? pair(dst, src) : pair(0, ALL)
    case BPF_ST:
      return mode === BPF_MEM ? pair(0, dst) : pair(0, ALL)
    case BPF_STX:
      if (mode === BPF_MEM) return pair(0, dst | src)
      return mode === BPF_ATOMIC ? atomic(insns, i, dst, src) : pair(0, ALL)
    case BPF_ALU:
    case BPF_ALU64:
      if (op === BPF_END) return pair(dst, dst)
      if (op === BPF_MOV) return pair(dst, isX ? src : 0)
      return pair(dst, isX ? dst | src : dst)
    case BPF_JMP:
    case BPF_JMP32:
      if (op === BPF_JA || op === BPF_JCOND) return 0
      if (op === BPF_EXIT) return pair(0, R0)
      if (op !== BPF_CALL) return pair(0, isX ? dst | src : dst)
      return pair(CALLER_SAVED, callUse(env, i))
  }
  return pair(0, ALL)
}

function pair(def: number, use: number): number {
  return (def << 16) | use
}

function callUse(env: Env, i: number): number {
  const summary = callSummary(env, i)
  return summary === undefined ? CALLER_SAVED & ~R0 : ((1 << summary.params) - 1) << 1
}

function atomic(insns: Insns, i: number, dst: number, src: number): number {
  const imm = insns.imm[i]!
  if (imm === BPF_CMPXCHG) return pair(R0, R0 | dst | src)
  if (imm === BPF_LOAD_ACQ) return pair(dst, src)
  if (imm === BPF_STORE_REL) return pair(0, dst | src)
  return pair((imm & BPF_FETCH) !== 0 ? src : 0, dst | src)
}

export function computeLiveRegs(env: Env): void {
  const { count, postorder, liveRegs } = env
  const { next, target } = env.flow
  const facts = new Int32Array(count)
  for (let i = 0; i < count; i++) facts[i] = defUse(env, i)
  for (let changed = true; changed; ) {
    changed = false
    for (let n = 0; n < postorder.length; n++) {
      const i = postorder[n]!
      const a = next[i]!
      const b = target[i]!
      const after = (a < 0 ? 0 : liveRegs[a]!) | (b < 0 ? 0 : liveRegs[b]!)
      const fact = facts[i]!
      const before = (after & ~(fact >>> 16)) | (fact & 0xffff)
      if (before === liveRegs[i]) continue
      liveRegs[i] = before
      changed = true
    }
  }
  if (env.logging2) printLiveRegs(env)
}

function printLiveRegs(env: Env): void {
  env.verbose('Live regs before insn:\n')
  for (let i = 0; i < env.count; i++) {
    const scc = env.scc[i]!
    let line = scc === 0 ? '    ' : `${`${scc}`.padStart(3)} `
    line += `${`${i}`.padStart(3)}: `
    for (let r = 0; r < 10; r++) line += (env.liveRegs[i]! & (1 << r)) !== 0 ? r : '.'
    env.verbose(`${line} ${insnText(env, i)}\n`)
    if (env.insns.code[i] === LD_IMM64) i++
  }
}
