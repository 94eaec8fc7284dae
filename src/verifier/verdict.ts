// What verification gives: a verdict, and for an accepted program the facts that fixup, the engines and the devices build on.

import type { Insns } from '../bpf/insns.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import type { Target } from './device.ts'
import type { Explanation } from './explain.ts'

/** The numbers of the log's last line. */
export interface Stats {
  /** Instructions simulated, over all paths. */
  readonly processed: number
  readonly maxStatesPerInsn: number
  readonly totalStates: number
  readonly peakStates: number
}

/** What is known of each instruction (index: slot of the original program) and subprogram of an accepted program. */
export interface Facts {
  /** 1: some path comes by; the others are dead code. */
  readonly seen: Uint8Array
  /** 1: the upper half of its 32-bit result must be zero. */
  readonly zext: Uint8Array
  /** Of conditional jumps: 0 stays, 1 is always taken (`ja off`), 2 is never taken (`ja 0`). */
  readonly hardWired: Uint8Array
  /** 1: removed, as dead code or as a jump to the next instruction. */
  readonly removed: Uint8Array
  /** R_TYPE of the pointer that a load, store or atomic goes through; 0 for other instructions. */
  readonly pointerType: Int32Array
  /** Of an ld_imm64 that refers to a map: index into the maps; -1 for others. */
  readonly mapOf: Int32Array
  /** Offset into the map's value of such a reference. */
  readonly mapOffset: Int32Array
  /** First instruction and stack bytes of each subprogram. */
  readonly subprogStart: Int32Array
  readonly stackDepth: Int32Array
  /** Index of the last packet byte that direct access can touch. */
  readonly maxPacketOffset: number
  /** The program stores to the packet directly. */
  readonly writesPacket: boolean
  /** What is left of the program when branches are hard-wired and dead code is gone, and for each slot of it the original one. */
  readonly kept: Insns
  readonly origin: Int32Array
  /** Index into `allMaps` of the map that every path gives to a helper call; -1: none is recorded, -2: paths give different ones. */
  readonly callMap: Int32Array
  /** The program's maps and behind them what the inner maps of each outer map look like. */
  readonly allMaps: readonly MapSpec[]
  /** Of a call of bpf_loop that always calls back one function and has no flags: the number of that subprogram; -1 for all others. */
  readonly loopCallback: Int32Array
  /** Of kernel function calls on the program's own objects: the object's type in the program's BTF where it has special fields, else 0. */
  readonly callObject: Int32Array
  /** Of such calls: bytes of a new object, or where in an object the node is that goes into a list or tree. */
  readonly callNumber: Int32Array
  /** The program can throw, and has no function of its own for it. */
  readonly throwsByDefault: boolean
}

declare const verified: unique symbol

/** A program that verify() accepted for one target, kernel version and privilege. Nothing else makes one. */
export interface Verified extends Facts {
  readonly [verified]: true
  readonly program: Program
  readonly maps: readonly MapSpec[]
  readonly target: Target
  readonly kernel: '6.18'
  readonly privileged: boolean
}

export interface Accepted {
  readonly ok: true
  readonly verified: Verified
  readonly log: string
  readonly stats: Stats
}

export interface Refused {
  readonly ok: false
  /** Positive. */
  readonly errno: number
  /** The last telling line of the log; '' where Linux says nothing. */
  readonly message: string
  /** Instruction that was being looked at. */
  readonly at: number
  /** What it means and what led there; only where it was asked for. */
  readonly explanation?: Explanation
  readonly log: string
  readonly stats: Stats
}

export type Verdict = Accepted | Refused
