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
  BPF_PSEUDO_MAP_IDX,
  BPF_SUB,
  BPF_X,
  BPF_XOR,
  LD_IMM64,
} from '../../bpf/opcode.ts'
import { JUMP_DST, SKIP_PASS } from './facts.ts'
import { remark, skipped, type Translation } from './translation.ts'

const XOR64_X = BPF_ALU64 | BPF_XOR | BPF_X
const MOV64_X = BPF_ALU64 | BPF_MOV | BPF_X
const INT_MIN = -0x8000_0000
/** Comparisons in which the driver negates: the others exchange their operands. */
const NEGATABLE: ReadonlySet<number> = new Set([BPF_JGE, BPF_JSGE, BPF_JLT, BPF_JSLT])

/** Puts the number by which the firmware knows a map in the place of the reference. Quirk: only BPF_PSEUDO_MAP_FD is known. */
export function replaceMaps(t: Translation): void {
  const { code, src, imm } = t.insns
  for (let i = 0; i + 1 < t.insns.count; i++) {
    if (code[i] !== LD_IMM64 || skipped(t, i) || skipped(t, i + 1)) continue
    if (src[i] !== BPF_PSEUDO_MAP_FD && (src[i] !== BPF_PSEUDO_MAP_IDX || !t.repaired['map-index'])) continue
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
  for (let i = 0; i < t.insns.count; i++) {
    if (skipped(t, i)) continue
    if (code[i] === XOR64_X && src[i] === dst[i]) continue
    if (code[i] !== MOV64_X || src[i] !== 1 || dst[i] !== 6) return
    if (t.repaired['init-observed']) {
      if (t.facts.contextObserved) {
        remark(t, 'reg-init', i, false, 'r6 = r1 kept: the context pointer is used as a value')
        return
      }
      if (t.flags[i]! & JUMP_DST) {
        remark(t, 'reg-init', i, false, 'r6 = r1 kept: a jump leads to it')
        return
      }
    }
    t.flags[i]! |= SKIP_PASS
    remark(t, 'reg-init', i, true, 'r6 = r1 removed: context loads ignore their base register')
  }
}

/** Turns negative immediates into positive ones, which fit more often: additions into subtractions, comparisons into sums. */
export function negateImmediates(t: Translation): void {
  const { code, imm } = t.insns
  for (let i = 0; i < t.insns.count; i++) {
    const opcode = code[i]!
    const value = imm[i]!
    if (value >= 0 || opcode & BPF_X || skipped(t, i)) continue
    const kind = opcode & 7
    const op = opcode & 0xf0
    const jump = kind === BPF_JMP || kind === BPF_JMP32
    if (jump ? !NEGATABLE.has(op) : (kind !== BPF_ALU && kind !== BPF_ALU64) || (op !== BPF_ADD && op !== BPF_SUB)) continue
    if (value === INT_MIN && t.repaired['min-negate']) {
      // It is its own negative: what was to become positive stays negative, and its sign extension is wrong.
      remark(t, 'neg-imm', i, false, `${value} has no positive counterpart`)
      continue
    }
    if (jump) t.negated[i] = 1
    else code[i] = (opcode & 0x0f) | (op === BPF_ADD ? BPF_SUB : BPF_ADD)
    imm[i] = -value
    remark(t, 'neg-imm', i, true, `${value} became ${-value}`)
  }
}
