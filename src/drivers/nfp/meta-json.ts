// The driver's whole private state of a program as JSON: the facts that it was given by the verifier, and what passes and translation
// made of them.

import type { Insns } from '../../bpf/insns.ts'
import type { Facts } from './facts.ts'
import { type FactsJson, type InsnFactsJson, writeFacts } from './facts-json.ts'
import type { Translated } from './translate.ts'

export interface InsnMetaJson extends InsnFactsJson {
  /** First word. */
  readonly off: number
  readonly gather?: number
  readonly cache?: readonly [start: number, end: number, fills: number]
  readonly neg?: number
}

export interface MetaJson extends FactsJson {
  readonly insns: readonly InsnMetaJson[]
  readonly prog_len: number
  readonly stack_size: number
  readonly last_bpf_off: number
  readonly tgt_out: number
  readonly tgt_abort: number
  readonly tgt_push: number
  readonly tgt_pop: number
}

export function writeMeta(facts: Facts, insns: Insns, made: Translated): MetaJson {
  const json = writeFacts(facts, insns)
  const { targets } = made
  return {
    ...json,
    insns: json.insns.map((facts, i) => {
      const insn = facts as { -readonly [K in keyof InsnMetaJson]: InsnMetaJson[K] }
      insn.off = made.offset[i]!
      insn.flags = made.flags[i]!
      if (insn.ptr !== undefined) insn.gather = made.gather[i]!
      if (made.cacheEnd[i] !== 0) insn.cache = [made.cacheStart[i]!, made.cacheEnd[i]!, made.cacheFills[i]!]
      if (insn.dstn !== undefined) insn.neg = made.negated[i]!
      return insn
    }),
    prog_len: made.lo.length,
    stack_size: made.stackSize,
    last_bpf_off: made.lastBodyWord,
    tgt_out: targets.out,
    tgt_abort: targets.abort,
    tgt_push: targets.pushRegs,
    tgt_pop: targets.popRegs,
  }
}
