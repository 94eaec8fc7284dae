import type { Insns } from '../bpf/insns.ts'

/** A program as the kernel runs it. An ld_imm64 of a map has its index in the list of maps in its imm, as in the program that was loaded. */
export interface Xlated {
  readonly insns: Insns
  /** Of each slot: the slot of the user's program that it stands for. */
  readonly origin: Int32Array
  /** By slot: the function or variable of the kernel whose address the immediate is. */
  readonly symbols: ReadonlyMap<number, string>
  /** Subprograms that are left, by their number in the user's program (-1: one that the kernel added), and where each begins. */
  readonly subprogs: Int32Array
  readonly subprogStart: Int32Array
  /** Line records that are left, by their number in the program's line info, and where each begins. */
  readonly lineRecords: Int32Array
  readonly lineStart: Int32Array
}
