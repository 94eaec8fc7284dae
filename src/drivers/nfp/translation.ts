// One program on its way to machine code: what the passes note for each instruction, and the words so far. Passes and emitters share
// it; nothing of it outlives `translate`. Everything is indexed by eBPF slot.

import type { Insns } from '../../bpf/insns.ts'
import { Code, ENOSPC } from '../../nfp/code.ts'
import { alu } from '../../nfp/encode.ts'
import { ALU } from '../../nfp/insn-table.ts'
import { immed32, immUnrestricted } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth } from '../../nfp/operand.ts'
import type { CodegenOptions, Repaired } from './codegen.ts'
import { DO_ZEXT, type Facts, SKIP } from './facts.ts'

/** Register pair of scratch: addresses with an offset (A and B of one number), and everything else. */
export const SCRATCH_ADDRESS = 20
export const SCRATCH = 21
/** Bank A: where the frame begins in local memory. Bank B: length of the packet. */
export const STACK_BASE = 22
export const PACKET_LENGTH = 22

export const R10 = 10

/** A code buffer that counts the words for which there was no room: the driver writes a line for each. */
export class CountingCode extends Code {
  dropped = 0

  override fail(errno: number): void {
    if (errno === ENOSPC) this.dropped++
    super.fail(errno)
  }

  override clear(): void {
    this.dropped = 0
    super.clear()
  }
}

/** What an optimisation did at an instruction, or why it did nothing. */
export interface Remark {
  readonly pass: string
  readonly insn: number
  readonly applied: boolean
  readonly text: string
}

export interface Translation {
  /** A copy of the program: passes change `imm` and `off`. */
  readonly insns: Insns
  readonly facts: Facts
  readonly options: CodegenOptions
  readonly repaired: Repaired
  readonly progType: number
  readonly mapIds: ArrayLike<number>
  readonly adjustHead: { readonly offMin: number; readonly offMax: number }
  readonly code: CountingCode

  readonly flags: Uint8Array
  /** Bytes of the gathered copy that begins here; negative when the copy runs downwards, 0 for none. */
  readonly gather: Int16Array
  /** The store that ends the first pair of a gathered copy; -1 where the chain was never closed. */
  readonly paired: Int32Array
  /** Packet bytes [start, end) relative to the base register that this load finds in transfer registers; end 0: none. */
  readonly cacheStart: Int32Array
  readonly cacheEnd: Int32Array
  /** Whether this load is the one that reads them. */
  readonly cacheFills: Uint8Array
  /** 1: the range of `cacheStart` and `cacheEnd` is valid though its end is 0. */
  readonly cached: Uint8Array
  /** 1: the comparison is made by adding the negative of the immediate. */
  readonly negated: Uint8Array
  /** First word of each instruction. */
  readonly offset: Int32Array

  /** Bytes of the current function's stack frame, a multiple of 4. */
  frameDepth: number
  /** What the upstream driver would have died of. */
  crash: string
  /** Undefined when nobody wants to know. */
  readonly remarks: Remark[] | undefined
}

export function skipped(t: Translation, i: number): boolean {
  return (t.flags[i]! & SKIP) !== 0
}

export function remark(t: Translation, pass: string, insn: number, applied: boolean, text: string): void {
  t.remarks?.push({ pass, insn, applied, text })
}

/** Clears the high word of a register where someone reads it after a 32-bit operation. */
export function zext(t: Translation, i: number, g: number): void {
  if (t.flags[i]! & DO_ZEXT) immed32(t.code, gprBoth(g + 1), 0)
}

/** `dst` = R10: the frame's base and its depth. Uses B(21) for deep frames. */
export function loadFramePointer(t: Translation, dst: number): void {
  const depth = immUnrestricted(t.code, t.frameDepth, gprB(SCRATCH))
  alu(t.code, dst, gprA(STACK_BASE), ALU.ADD, depth)
}
