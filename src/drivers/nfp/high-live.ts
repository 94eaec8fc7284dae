// Which 32-bit results need their high word cleared, found out from the instructions alone. The verifier's marks can't be relied on: Linux
// 6.18 marks a definition when it walks a 64-bit read of it, and forgets to when it prunes a path before such a read. So this walks the
// control flow backwards with a bit for each register whose high word may still be read, through calls of functions as well; what the
// machine does not look at (amounts of shifts, 32-bit addresses, the exit code) is no read.

import type { Insns } from '../../bpf/insns.ts'
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ARSH,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_END,
  BPF_EXIT,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MOV,
  BPF_PSEUDO_CALL,
  BPF_RSH,
  BPF_STX,
  BPF_X,
  CALL,
  EXIT,
  LD_IMM64,
  sizeBytes,
} from '../../bpf/opcode.ts'
import { PTR_TO_MAP_VALUE } from '../../verifier/reg.ts'
import { type Facts, SKIP_VERIFIER } from './facts.ts'

const ARGS = 0x3e
const CALL_CLOBBERS = 0x3f
const SAVED = 0x3c0

/** Sets `result[i]` to 1 for each instruction that writes 32 bits of a register whose high word may be read later. */
export function findHighLive(insns: Insns, facts: Facts): Uint8Array {
  const { count } = insns
  const live = new Uint16Array(count + 1)
  const functions = facts.stackDepth.length
  // R0's high word after any call of the function, and the registers whose high words a function may read.
  const returnLive = new Uint16Array(functions)
  const entry = new Int32Array(functions).fill(-1)
  for (let i = count - 1; i >= 0; i--) entry[facts.subprog[i]!] = i
  for (let changed = true; changed; ) {
    changed = false
    for (let i = count - 1; i >= 0; i--) {
      const after = liveAfter(insns, facts, live, returnLive, i)
      const opcode = insns.code[i]!
      let before: number
      if (facts.flags[i]! & SKIP_VERIFIER) before = after
      else if (opcode === CALL && insns.src[i] === BPF_PSEUDO_CALL) {
        const callee = facts.subprog[facts.jumpTo[i]!]!
        if ((after & 1) !== 0 && returnLive[callee] === 0) {
          returnLive[callee] = 1
          changed = true
        }
        before = (after & SAVED) | (live[entry[callee]!]! & ARGS)
      } else before = (after & ~written(insns, i)) | highReads(insns, facts, i)
      if (before !== live[i]) {
        live[i] = before
        changed = true
      }
    }
  }
  const result = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    if (facts.flags[i]! & SKIP_VERIFIER) continue
    const dst = defines32(insns, i)
    if (dst >= 0 && liveAfter(insns, facts, live, returnLive, i) & (1 << dst)) result[i] = 1
  }
  return result
}

function liveAfter(insns: Insns, facts: Facts, live: Uint16Array, returnLive: Uint16Array, i: number): number {
  const opcode = insns.code[i]!
  const kind = opcode & 7
  // Removed instructions are passed over; a removed jump went to the next instruction.
  if (facts.flags[i]! & SKIP_VERIFIER) return live[i + 1]!
  if (opcode === EXIT) return facts.subprog[i] === 0 ? 0 : returnLive[facts.subprog[i]!]!
  if ((kind !== BPF_JMP && kind !== BPF_JMP32) || opcode === CALL) return live[i + 1]!
  const target = live[facts.jumpTo[i]!] ?? 0
  return opcode === (BPF_JMP | BPF_JA) ? target : target | live[i + 1]!
}

/** Registers that the instruction writes, or that nobody may read after it. */
function written(insns: Insns, i: number): number {
  const opcode = insns.code[i]!
  switch (opcode & 7) {
    case BPF_ALU:
    case BPF_ALU64:
    case BPF_LDX:
      return 1 << insns.dst[i]!
    case BPF_LD:
      return opcode === LD_IMM64 ? 1 << insns.dst[i]! : opcode === 0 ? 0 : CALL_CLOBBERS
    case BPF_JMP:
      return opcode === CALL ? CALL_CLOBBERS : 0
    default:
      return 0
  }
}

/** Registers whose high words the instruction's machine code reads. */
function highReads(insns: Insns, facts: Facts, i: number): number {
  const opcode = insns.code[i]!
  const op = opcode & 0xf0
  const dst = 1 << insns.dst[i]!
  const src = opcode & BPF_X ? 1 << insns.src[i]! : 0
  switch (opcode & 7) {
    case BPF_ALU64:
      if (op === BPF_MOV) return src
      return op === BPF_LSH || op === BPF_RSH || op === BPF_ARSH ? dst : dst | src
    case BPF_ALU:
      return op === BPF_END && insns.imm[i] === 64 ? dst : 0
    case BPF_JMP:
      if (op === BPF_JA || op === BPF_EXIT) return 0
      return op === BPF_CALL ? ARGS : dst | src
    case BPF_LDX:
      return facts.ptrType[i] === PTR_TO_MAP_VALUE ? 1 << insns.src[i]! : 0
    case BPF_STX: {
      const data = sizeBytes(opcode) === 8 || (opcode & 0xe0) === BPF_ATOMIC ? 1 << insns.src[i]! : 0
      return facts.ptrType[i] === PTR_TO_MAP_VALUE ? data | dst : data
    }
    default:
      return 0
  }
}

/** The register of which the instruction leaves the high word alone, -1 for none. */
function defines32(insns: Insns, i: number): number {
  const opcode = insns.code[i]!
  switch (opcode & 7) {
    case BPF_ALU:
      return insns.dst[i]!
    case BPF_LDX:
      return sizeBytes(opcode) < 8 ? insns.dst[i]! : -1
    case BPF_LD:
      return opcode === LD_IMM64 || opcode === 0 ? -1 : 0
    default:
      return -1
  }
}
