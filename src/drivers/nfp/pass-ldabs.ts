// What compilers of the old socket filters put behind LD_ABS and LD_IND: a mask or a pair of shifts that cut the result down to
// what was loaded. The machine's load does that already.

import { BPF_ABS, BPF_ALU64, BPF_AND, BPF_IND, BPF_LD, BPF_LSH, BPF_RSH, BPF_W, sizeBytes } from '../../bpf/opcode.ts'
import { JUMP_DST, SKIP_PASS } from './facts.ts'
import { remark, type Translation } from './translation.ts'

const AND64_K = BPF_ALU64 | BPF_AND
const LSH64_K = BPF_ALU64 | BPF_LSH
const RSH64_K = BPF_ALU64 | BPF_RSH
/** By size in bytes. */
const MASKS: readonly number[] = [0, 0xff, 0xffff, 0, -1]

export function isPacketLoad(code: number): boolean {
  if ((code & 7) !== BPF_LD) return false
  const mode = code & 0xe0
  return (mode === BPF_ABS || mode === BPF_IND) && sizeBytes(code) <= 4
}

function onR0(t: Translation, i: number, imm: number): boolean {
  return t.insns.dst[i] === 0 && t.insns.src[i] === 0 && t.insns.imm[i] === imm
}

/** The driver doesn't ask whether an instruction is skipped already; skipping it twice changes nothing. */
export function dropMasks(t: Translation): void {
  const { code } = t.insns
  for (let i = 0; i + 1 < t.insns.count; i++) {
    if (!isPacketLoad(code[i]!) || code[i + 1] !== AND64_K) continue
    if (!onR0(t, i + 1, MASKS[sizeBytes(code[i]!)]!)) continue
    if (t.flags[i + 1]! & JUMP_DST) {
      remark(t, 'ld-mask', i + 1, false, 'mask kept: a jump leads to it')
      continue
    }
    t.flags[i + 1]! |= SKIP_PASS
    remark(t, 'ld-mask', i + 1, true, 'mask removed: the load clears the other bits')
  }
}

/** Quirk: the driver takes the two shifts in either order, and shifting right first gives 0. */
export function dropShifts(t: Translation): void {
  const { code } = t.insns
  for (let i = 0; i + 2 < t.insns.count; i++) {
    if (!isPacketLoad(code[i]!) || (code[i]! & 0x18) !== BPF_W) continue
    const leftFirst = code[i + 1] === LSH64_K && code[i + 2] === RSH64_K
    const rightFirst = code[i + 1] === RSH64_K && code[i + 2] === LSH64_K
    if (!leftFirst && (!rightFirst || t.repaired['ld-shift-order'])) continue
    if (!onR0(t, i + 1, 32) || !onR0(t, i + 2, 32)) continue
    if ((t.flags[i + 1]! | t.flags[i + 2]!) & JUMP_DST) {
      remark(t, 'ld-shift', i + 1, false, 'shifts kept: a jump leads to one of them')
      continue
    }
    t.flags[i + 1]! |= SKIP_PASS
    t.flags[i + 2]! |= SKIP_PASS
    remark(t, 'ld-shift', i + 1, true, 'two shifts removed: the load clears the high word')
  }
}
