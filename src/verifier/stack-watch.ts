// What the simulation reports of stack slots and asks about them: the interface of stack liveness. Masks are slots 0..31 and 32..63.

import type { State } from './state.ts'

export interface StackWatch {
  /** An instruction is about to be simulated. */
  begin(insn: number): void
  /** Any of the slots may be read by the current instruction, in a frame of the current state. */
  read(frame: number, insn: number, lo: number, hi: number): void
  /** All of the slots are overwritten whole by the current instruction. */
  write(frame: number, lo: number, hi: number): void
  /** The current instruction is done. */
  commit(): void
  /** A function of the current state ends or the path does: what was noted is spread. */
  update(): void
  /** The current state's call chain has changed. */
  resetChain(): void
  /** The slots of which state the next questions are about. */
  query(state: State): void
  /** Whether a slot may still be read. */
  alive(frame: number, slot: number): boolean
}
