// Where each word comes from: its eBPF instruction, and what kind of word it is. All of it follows from the offsets that translation
// notes, so it costs nothing until somebody asks.

import type { Insns } from '../../bpf/insns.ts'
import { BPF_PSEUDO_CALL, CALL } from '../../bpf/opcode.ts'
import { ORIGIN } from '../../nfp/image.ts'
import { SUBPROG_START } from './facts.ts'
import type { Translated } from './translate.ts'

export interface Provenance {
  /** One of ORIGIN for each word. */
  readonly origin: Uint8Array
  /** The eBPF slot of each word, -1 where there is none. */
  readonly insn: Int32Array
}

const END_WORDS = 8

export function provenance(insns: Insns, translated: Translated): Provenance {
  const { offset, lastBodyWord, targets, flags } = translated
  const words = translated.lo.length
  const origin = new Uint8Array(words).fill(ORIGIN.PROLOGUE)
  const insn = new Int32Array(words).fill(-1)
  for (let i = 0; i < insns.count; i++) {
    const from = offset[i]!
    const to = i + 1 < insns.count ? offset[i + 1]! : lastBodyWord + 1
    const helper = insns.code[i] === CALL && insns.src[i] !== BPF_PSEUDO_CALL
    origin.fill(helper ? ORIGIN.HELPER : ORIGIN.INSN, from, to)
    insn.fill(i, from, to)
    if (flags[i]! & SUBPROG_START && from < to) origin[from] = ORIGIN.SUBPROGRAM
  }
  origin.fill(ORIGIN.OUTRO, lastBodyWord + 1, words - END_WORDS)
  if (targets.pushRegs !== 0) origin.fill(ORIGIN.ROUTINE, targets.pushRegs, words - END_WORDS)
  origin.fill(ORIGIN.NOP, words - END_WORDS)
  return { origin, insn }
}
