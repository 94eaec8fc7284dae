// Small passes over single instructions: map references, register initialisation, negative immediates.

import {
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_JGE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JSGE,
  BPF_JSLT,
  BPF_MOV,
  BPF_PSEUDO_MAP_FD,
  BPF_SUB,
  BPF_X,
  BPF_XOR,
  LD_IMM64,
} from '../../bpf/opcode.ts'
import { JUMP_DST, SKIP_PASS } from './facts.ts'
import { skipped, type Translation } from './translation.ts'

const XOR64_X = BPF_ALU64 | BPF_XOR | BPF_X
const MOV64_X = BPF_ALU64 | BPF_MOV | BPF_X
const INT_MIN = -0x8000_0000

/** Puts the number by which the firmware knows a map in the place of the reference. Quirk: only BPF_PSEUDO_MAP_FD is known. */
export function replaceMaps(t: Translation): void {
  const { code, src, imm } = t.insns
  for (let i = 0; i + 1 < t.insns.count; i++) {
    if (code[i] !== LD_IMM64 || src[i] !== BPF_PSEUDO_MAP_FD || skipped(t, i) || skipped(t, i + 1)) continue
    imm[i] = t.mapIds[imm[i]!] ?? 0
    imm[i + 1] = 0
  }
}

/**
 * Drops `r6 = r1` at the very start: clang keeps the context there, and context loads don't look at their base register.
 * Quirk 5: whoever else reads r6 finds nothing.
 */
export function dropInit(t: Translation): void {
  const { code, dst, src } = t.insns
  if (t.repaired['init-observed'] && t.facts.contextObserved) return
  for (let i = 0; i < t.insns.count; i++) {
    if (skipped(t, i)) continue
    if (code[i] === XOR64_X && src[i] === dst[i]) continue
    if (code[i] !== MOV64_X || src[i] !== 1 || dst[i] !== 6) return
    if (t.repaired['init-observed'] && t.flags[i]! & JUMP_DST) return
    t.flags[i]! |= SKIP_PASS
  }
}

/** Turns negative immediates into positive ones, which fit more often: additions into subtractions, comparisons into sums. */
export function negateImmediates(t: Translation): void {
  const { code, imm } = t.insns
  for (let i = 0; i < t.insns.count; i++) {
    const opcode = code[i]!
    const value = imm[i]!
    if (value >= 0 || opcode & BPF_X || skipped(t, i)) continue
    // The negative of the least number is itself: what was to become positive stays negative, and its sign extension is wrong.
    if (value === INT_MIN && t.repaired['min-negate']) continue
    const kind = opcode & 7
    const op = opcode & 0xf0
    if (kind === BPF_JMP || kind === BPF_JMP32) {
      if (op !== BPF_JGE && op !== BPF_JSGE && op !== BPF_JLT && op !== BPF_JSLT) continue
      t.negated[i] = 1
    } else if (kind === BPF_ALU || kind === BPF_ALU64) {
      if (op === BPF_ADD) code[i] = (opcode & 0x0f) | BPF_SUB
      else if (op === BPF_SUB) code[i] = (opcode & 0x0f) | BPF_ADD
      else continue
    } else continue
    imm[i] = -value
  }
}
