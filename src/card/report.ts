// What a card has done since its report was last cleared, as plain data: verdicts, the time that packets took, the rate that all engines
// together would reach and what limits it, and what each word of each program cost.

import type { Microcode } from '../chip/microcode.ts'
import type { Throughput } from '../chip/throughput.ts'

export interface FaultCount {
  readonly text: string
  /** Word of the program, -1 = outside of it. */
  readonly word: number
  readonly count: number
}

export interface MemoryUses {
  readonly ctm: number
  readonly emem: number
  readonly imem: number
}

/** Of one port. */
export interface Counters {
  readonly packets: number
  readonly bytes: number
  /** Packets by verdict: the numbers of VERDICT. */
  readonly verdicts: readonly number[]
}

export interface CardReport {
  readonly packets: number
  readonly bytes: number
  /** Packets by verdict: the numbers of VERDICT. */
  readonly verdicts: readonly number[]
  readonly faults: readonly FaultCount[]
  readonly events: number
  /** Averages per packet: words executed, cycles issued (firmware included), cycles waited, commands of program and routines to each memory. */
  readonly instructions: number
  readonly issueCycles: number
  readonly waitCycles: number
  readonly memoryUses: MemoryUses
  /** Cycles per packet of one engine, its contexts overlapping. */
  readonly cyclesPerPacket: number
  /** Time that one packet is in work, without queueing. */
  readonly nanosecondsPerPacket: number
  /** Offset in external memory of the line that packets meet at most. */
  readonly hottestLine: number
  /** Accesses to external memory that missed its cache, per packet; 0 where the card has none. */
  readonly cacheMisses: number
  readonly throughput: Throughput
}

/** What one word of a program cost over a run, in cycles. */
export interface WordCost {
  readonly word: number
  readonly executed: number
  /** Cycles issued for it: its own, bubbles behind it, routines of the firmware that it called. */
  readonly issued: number
  /** Cycles that threads waited for its memory command, or for those of the routine that it called. */
  readonly waited: number
}

export function wordCosts(program: Microcode): WordCost[] {
  return Array.from({ length: program.count }, (_, word) => ({
    word,
    executed: program.executed[word]!,
    issued: program.executed[word]! + program.bubbles[word]! + program.called[word]!,
    waited: program.waited[word]!,
  }))
}
