// What the firmware and a loaded program agree on: registers, local-memory words, result codes. The driver's translator follows the same
// agreement; nothing else connects the two.

import { faultText as chipFaultText } from '../chip/fault.ts'
import { BANK_A, BANK_B } from '../chip/microcode.ts'

/** Indices into the engine's register file. */
export const STACK_BASE: number = BANK_A + 22
export const RESULT: number = BANK_A + 0
/** Helper calls: the number of a map, the address to come back to, the kind of pointer in the fourth argument. */
export const HELPER_MAP: number = BANK_A + 0
export const HELPER_RETURN: number = BANK_B + 0
export const HELPER_POINTER: number = BANK_A + 1

/** Low and high word of an argument or result register (0..9) in bank A. */
export function low(register: number): number {
  return BANK_A + 2 * register
}

export function high(register: number): number {
  return BANK_A + 2 * register + 1
}

/** Words of the packet vector, which local-memory pointer 1 points to. */
export const VECTOR_LENGTH = 0
export const VECTOR_ADDRESS = 2
export const VECTOR_FLAGS = 4
export const VECTOR_QUEUE = 6
export const VECTOR_WORDS = 8

/** The low 14 bits of the length word are the packet's length. */
export const LENGTH_MASK = 0x3fff
export const QUEUE_IS_SET = 0x10

/** Kinds of pointers that perf_event_output takes, as the driver numbers them. */
export const POINTER_MAP_VALUE = 4
export const POINTER_STACK = 6
export const POINTER_PACKET = 8

/** What becomes of a packet. The result byte's low nibble is the action (1 pass, 2 drop, 4 send), the high one a bit per counter. */
export const VERDICT = {
  ABORTED: 0,
  DROP: 1,
  PASS: 2,
  TX: 3,
  /** Dropped by a program that asks for no counting. */
  DROP_UNCOUNTED: 4,
  /** The program faulted or left a result that is none; the packet is dropped. */
  FAULT: 5,
  /** No program is loaded, or the packet does not fit the card. */
  NONE: 6,
} as const

export const verdictNames: readonly string[] = ['aborted', 'drop', 'pass', 'tx', 'drop (uncounted)', 'fault', 'none']

/** Verdict of a result byte, VERDICT.FAULT where it is none. */
export function verdictOf(result: number): number {
  switch (result) {
    case 0x11:
      return VERDICT.PASS
    case 0x22:
      return VERDICT.DROP
    case 0x44:
      return VERDICT.TX
    case 0x82:
      return VERDICT.ABORTED
    case 0x02:
      return VERDICT.DROP_UNCOUNTED
    default:
      return VERDICT.FAULT
  }
}

// What the firmware finds wrong when a program has come to its end; beside the chip's faults, whose numbers are smaller.
export const FAULT_RESULT = 100
export const FAULT_PACKET = 101

export function faultText(fault: number): string {
  if (fault === FAULT_RESULT) return 'result that no verdict has'
  if (fault === FAULT_PACKET) return 'packet moved out of its buffer, or shorter than nothing'
  return chipFaultText(fault)
}
