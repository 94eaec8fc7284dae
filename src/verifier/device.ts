// How a network device takes part in the verification of a program that is bound to it. The verifier knows nothing of any
// particular device: it shows each instruction with the current state before simulating it, and obeys the answer.

import type { Insns } from '../bpf/insns.ts'
import type { MapSpec } from '../bpf/program.ts'

/** A register of the current state, read where it stands: valid only during the call that handed it out. Words are int32. */
export interface RegView {
  /** Base type and flags, see reg.ts. */
  readonly type: number
  readonly off: number
  readonly id: number
  readonly frame: number
  /** Index into the program's maps; -1 where the register is no map pointer, value or key. */
  readonly map: number
  readonly valueLo: number
  readonly valueHi: number
  readonly maskLo: number
  readonly maskHi: number
  readonly uminLo: number
  readonly uminHi: number
  readonly umaxLo: number
  readonly umaxHi: number
}

/** What a device sees while a program is verified. */
export interface DeviceView {
  readonly insns: Insns
  readonly maps: readonly MapSpec[]
  /** BPF_PROG_TYPE_*. */
  readonly progType: number
  /** Number of the frame that is executing, 0 = main. */
  readonly frame: number
  /** A register of the current frame; the same object is handed out again at the next call for the same number. */
  reg(number: number): RegView
  /** STACK_* type of the byte at R10+offset (offset negative) of a frame; STACK_INVALID beyond what is allocated. */
  stackByte(frame: number, offset: number): number
  /** Whether that byte is certainly 0, also where it belongs to a register that was spilled. */
  stackIsZero?(frame: number, offset: number): boolean
  /**
   * Marks a scalar of the current frame precise, as the verifier does for values that a verdict depends on: no path on which it has
   * another value is pruned then. Not every caller of the hooks offers it.
   */
  markPrecise?(number: number): void
  /** Writes into the verifier log; the text ends in a newline. */
  log(text: string): void
}

/** What the core knows at the end of the simulation, before it rewrites anything. */
export interface DeviceSummary extends DeviceView {
  readonly subprogCount: number
  /** First instruction of each subprogram. */
  readonly subprogStart: Int32Array
  /** Stack bytes of each subprogram. */
  readonly stackDepth: Int32Array
  /** 1 for each instruction whose 32-bit result is later read as 64 bit. */
  readonly zext: Uint8Array
  /** Index of the last packet byte that can be touched. */
  readonly maxPacketOffset: number
}

/** The device's side. Every function returns 0 or a negative errno, which ends the verification. */
export interface DeviceHooks {
  prepare(insns: Insns, maps: readonly MapSpec[], progType: number): number
  insn(view: DeviceView, insn: number, previous: number): number
  finalize(summary: DeviceSummary): number
  /** A conditional jump that is always or never taken was hard-wired; indices are those of the original program. */
  replaceInsn(insn: number, code: number, off: number): number
  removeInsns(insn: number, count: number): number
}

/** Where a program is to run: decides rules and rewrites. */
export type Target =
  | { readonly kind: 'host'; readonly usableMaps?: readonly boolean[] }
  | { readonly kind: 'dev-bound'; readonly device: string }
  | {
      readonly kind: 'offloaded'
      readonly device: string
      readonly hooks: DeviceHooks
      /** For each map of the program, whether a program of this target may use it (on a host: none of a device's); left out: it may use all. */
      readonly usableMaps?: readonly boolean[]
    }
