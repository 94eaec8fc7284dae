// Facts as JSON, in the form in which the upstream driver's own state was recorded: for conformance, for showing, for `--dump`.
// 64-bit numbers are decimal strings. Only fields that the kind of instruction has are written.

import type { Insns } from '../../bpf/insns.ts'
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_JMP,
  BPF_JMP32,
  BPF_LDX,
  BPF_MEM,
  BPF_ST,
  BPF_STX,
  CALL,
  EXIT,
} from '../../bpf/opcode.ts'
import { highHalf, lowHalf, toUnsigned } from '../../bytes/long.ts'
import { NicwrightError } from '../../errors.ts'
import { CALLER_STACK, DO_ZEXT, type Facts, JUMP_DST, MAY_16, newFacts, OVER_16, SKIP_VERIFIER, SUBPROG_START } from './facts.ts'

export interface InsnFactsJson {
  readonly n: number
  readonly sub: number
  readonly code: number
  readonly flags: number
  readonly src?: readonly [string, string]
  readonly dst?: readonly [string, string]
  readonly ptr?: {
    readonly type: number
    readonly off: number
    readonly id: number
    readonly var: string
    readonly mask: string
    readonly frame: number
  }
  readonly not_const?: number
  readonly x16?: readonly [number, number]
  readonly func?: number
  readonly arg1t?: number
  readonly arg2?: { readonly type: number; readonly off: number; readonly var: string; readonly chg: number }
  readonly dstn?: number
}

export interface FactsJson {
  readonly adjust_head_location: number
  readonly max_pkt_offset: number
  readonly subprogs: readonly (readonly [number, number])[]
  readonly insns: readonly InsnFactsJson[]
}

/** The bits of the flags that are inputs of translation; the others are its results. */
const INPUTS = JUMP_DST | SUBPROG_START | CALLER_STACK | SKIP_VERIFIER | DO_ZEXT

/**
 * Reads recorded facts for a program.
 * @throws NicwrightError `facts/…` where they don't fit the instructions.
 */
export function readFacts(json: FactsJson, insns: Insns): Facts {
  const count = insns.count
  if (json.insns.length !== count) {
    throw new NicwrightError('facts/count', { message: `facts of ${json.insns.length} instructions for a program of ${count}` })
  }
  const facts = newFacts(count)
  for (let i = 0; i < count; i++) {
    const given = json.insns[i]!
    facts.flags[i] = given.flags & INPUTS
    facts.subprog[i] = given.sub
    if (given.src !== undefined && given.dst !== undefined) {
      put64(facts.uminSrcLo, facts.uminSrcHi, i, given.src[0])
      put64(facts.umaxSrcLo, facts.umaxSrcHi, i, given.src[1])
      put64(facts.uminDstLo, facts.uminDstHi, i, given.dst[0])
      put64(facts.umaxDstLo, facts.umaxDstHi, i, given.dst[1])
    }
    if (given.ptr !== undefined) {
      const { type, off, id, frame } = given.ptr
      facts.ptrType[i] = type
      facts.ptrOff[i] = off
      facts.ptrId[i] = id
      facts.ptrFrame[i] = frame
      put64(facts.ptrValueLo, facts.ptrValueHi, i, given.ptr.var)
      put64(facts.ptrMaskLo, facts.ptrMaskHi, i, given.ptr.mask)
    }
    facts.notConst[i] = given.not_const ?? 0
    if (given.x16 !== undefined) facts.atomic[i] = (given.x16[0] ? OVER_16 : 0) | (given.x16[1] ? MAY_16 : 0)
    facts.helper[i] = given.func ?? 0
    facts.argType[i] = given.arg1t ?? 0
    if (given.arg2 !== undefined) {
      facts.arg2Type[i] = given.arg2.type
      facts.arg2Off[i] = given.arg2.off
      put64(facts.arg2ValueLo, facts.arg2ValueHi, i, given.arg2.var)
      facts.arg2Changed[i] = given.arg2.chg
    }
    facts.jumpTo[i] = given.dstn ?? jumpTarget(insns, i)
  }
  facts.stackDepth = Int32Array.from(json.subprogs, s => s[0])
  facts.savesRegs = Uint8Array.from(json.subprogs, s => s[1])
  facts.adjustHead = json.adjust_head_location
  facts.maxPacketOffset = json.max_pkt_offset
  return facts
}

export function writeFacts(facts: Facts, insns: Insns): FactsJson {
  const list: InsnFactsJson[] = []
  for (let i = 0; i < facts.count; i++) {
    const code = insns.code[i]!
    // One object an instruction, filled in place: this is most of the time of a batch.
    const json: Mutable<InsnFactsJson> = { n: i, flags: facts.flags[i]!, sub: facts.subprog[i]!, code }
    if (isAlu(code)) {
      json.src = [get64(facts.uminSrcLo, facts.uminSrcHi, i), get64(facts.umaxSrcLo, facts.umaxSrcHi, i)]
      json.dst = [get64(facts.uminDstLo, facts.uminDstHi, i), get64(facts.umaxDstLo, facts.umaxDstHi, i)]
    } else if (isMemory(code)) {
      json.ptr = pointerJson(facts, i)
      json.not_const = facts.notConst[i]!
      const atomic = facts.atomic[i]!
      if ((code & 0xe0) === BPF_ATOMIC) json.x16 = [atomic & OVER_16 ? 1 : 0, atomic & MAY_16 ? 1 : 0]
    } else if (code === CALL && insns.src[i] === 0) {
      json.func = facts.helper[i]!
      json.arg1t = facts.argType[i]!
      json.arg2 = {
        type: facts.arg2Type[i]!,
        off: facts.arg2Off[i]!,
        var: get64(facts.arg2ValueLo, facts.arg2ValueHi, i),
        chg: facts.arg2Changed[i]!,
      }
    } else if (isJump(code)) json.dstn = facts.jumpTo[i]!
    list.push(json)
  }
  return {
    adjust_head_location: facts.adjustHead,
    max_pkt_offset: facts.maxPacketOffset,
    subprogs: Array.from(facts.stackDepth, (depth, i) => [depth, facts.savesRegs[i] ?? 0] as const),
    insns: list,
  }
}

/** Where a jump, or a call of a function, goes; -1 for every other instruction. Nothing says that the place exists. */
export function jumpTarget(insns: Insns, i: number): number {
  const code = insns.code[i]!
  const kind = code & 7
  if (kind !== BPF_JMP && kind !== BPF_JMP32) return -1
  if (code === EXIT) return -1
  if (code === CALL) return insns.src[i] === 1 ? i + 1 + insns.imm[i]! : -1
  return i + 1 + insns.off[i]!
}

function isAlu(code: number): boolean {
  const kind = code & 7
  return kind === BPF_ALU || kind === BPF_ALU64
}

function isMemory(code: number): boolean {
  const kind = code & 7
  if (kind !== BPF_LDX && kind !== BPF_ST && kind !== BPF_STX) return false
  return (code & 0xe0) === BPF_MEM || (code & 0xe0) === BPF_ATOMIC
}

function isJump(code: number): boolean {
  const kind = code & 7
  return (kind === BPF_JMP || kind === BPF_JMP32) && code !== CALL && code !== EXIT
}

function pointerJson(facts: Facts, i: number): NonNullable<InsnFactsJson['ptr']> {
  return {
    type: facts.ptrType[i]!,
    off: facts.ptrOff[i]!,
    id: facts.ptrId[i]!,
    var: get64(facts.ptrValueLo, facts.ptrValueHi, i),
    mask: get64(facts.ptrMaskLo, facts.ptrMaskHi, i),
    frame: facts.ptrFrame[i]!,
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function put64(lo: Uint32Array, hi: Uint32Array, i: number, text: string): void {
  // Nearly all numbers in recorded facts are small: those need no BigInt.
  if (text.length < 10) {
    lo[i] = Number(text)
    hi[i] = 0
    return
  }
  const value = BigInt(text)
  lo[i] = lowHalf(value)
  hi[i] = highHalf(value)
}

function get64(lo: Uint32Array, hi: Uint32Array, i: number): string {
  return hi[i] === 0 ? String(lo[i]) : toUnsigned(lo[i]!, hi[i]!).toString()
}
