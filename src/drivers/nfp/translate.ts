// From verified eBPF to machine code that is not yet placed: a pure function of the instructions, the facts that the device's hooks have
// collected, and the options. Passes first, then every instruction in order, then what stands around them, then the branches.

import { ENOENT } from '../../bpf/errno.ts'
import { type Insns, newInsns } from '../../bpf/insns.ts'
import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_ATOMIC,
  BPF_B,
  BPF_DIV,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_H,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MOV,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_PSEUDO_CALL,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_W,
  BPF_X,
  BPF_XOR,
  CALL,
  EXIT,
  LD_IMM64,
} from '../../bpf/opcode.ts'
import { br } from '../../nfp/encode.ts'
import { BR, RELO, UNRELOCATED } from '../../nfp/insn-table.ts'
import type { Targets } from '../../nfp/relocate.ts'
import { type CodegenOptions, type Repaired, repairedBy } from './codegen.ts'
import { emitAlu, emitLoadImmediate, emitMov, emitNeg, emitSwap } from './emit-alu.ts'
import { emitAtomicAdd } from './emit-atomic.ts'
import { emitCall, emitExit, emitHelper } from './emit-call.ts'
import { emitDivide, emitMultiply } from './emit-divide.ts'
import { emitEnd, emitFunctionStart, emitIntro, emitOutro, emitRestoreRegs, emitSaveRegs } from './emit-frame.ts'
import { emitJump } from './emit-jump.ts'
import { emitPacketLoad } from './emit-ld.ts'
import { emitLoad, emitStore, emitStoreImmediate } from './emit-memory.ts'
import { emitShift } from './emit-shift.ts'
import { DO_ZEXT, type Facts, SKIP, SKIP_VERIFIER, SUBPROG_START } from './facts.ts'
import { fixBranches } from './fixup.ts'
import { findHighLive } from './high-live.ts'
import { isOn, type Pass, runPasses } from './passes.ts'
import { remarkDecisions } from './remarks.ts'
import { CountingCode, type Remark, type Translation } from './translation.ts'

export interface TranslateInput {
  /** The program as it was loaded: an ld_imm64 of a map carries the index into `mapIds`. */
  readonly insns: Insns
  /** BPF_PROG_TYPE_XDP or BPF_PROG_TYPE_SCHED_CLS. */
  readonly progType: number
  readonly facts: Facts
  /** The number that stands in the code for each map: the firmware's table id, or the kernel's id of a map that stays on the host. */
  readonly mapIds: ArrayLike<number>
  /** Words that fit: the vNIC's BPF_MAX_LEN register. */
  readonly maxWords: number
  /** Limits of the place where a packet may begin, from the firmware's adjust_head capability. */
  readonly adjustHead: { readonly offMin: number; readonly offMax: number }
  readonly options: CodegenOptions
  /** Collects what the optimisations did and didn't do. */
  readonly remarks?: Remark[]
  /** Called when a pass has run, with the program as it is then. */
  readonly afterPass?: (pass: Pass, t: Translation) => void
}

/** Words are two halves: `lo` bits 0..31, `hi` bits 32..63 with the relocation type on top and no ECC. */
export interface Translated {
  readonly ok: true
  readonly lo: Uint32Array
  readonly hi: Uint32Array
  readonly targets: Targets
  /** Bytes of local memory that the program needs. */
  readonly stackSize: number
  /** First word of each eBPF instruction; of one that gives none, that of the next. */
  readonly offset: Int32Array
  /** Last word that comes from an eBPF instruction. */
  readonly lastBodyWord: number
  /** SKIP_* and the other bits of facts.ts, as passes and translation left them. */
  readonly flags: Uint8Array
  readonly gather: Int16Array
  readonly cacheStart: Int32Array
  readonly cacheEnd: Int32Array
  readonly cacheFills: Uint8Array
  readonly negated: Uint8Array
}

/** Quirk 14: the verifier log hears nothing of it. `translated` counts the eBPF slots that were done; `log` are the driver's lines for the kernel log. */
export interface NotTranslated {
  readonly ok: false
  readonly kind: 'error'
  readonly errno: number
  readonly translated: number
  readonly log: readonly string[]
}

/** The upstream driver dies here instead of giving an answer. */
export interface DriverCrash {
  readonly ok: false
  readonly kind: 'crash'
  readonly insn: number
  readonly reason: string
}

type Emit = (t: Translation, i: number) => void

const emitters = new Array<Emit | undefined>(256).fill(undefined)

function on(code: number, emit: Emit): void {
  emitters[code] = emit
}

for (const kind of [BPF_ALU, BPF_ALU64]) {
  for (const source of [0, BPF_X]) {
    for (const op of [BPF_ADD, BPF_SUB, BPF_AND, BPF_OR, BPF_XOR]) on(kind | source | op, emitAlu)
    for (const op of [BPF_LSH, BPF_RSH, BPF_ARSH]) on(kind | source | op, emitShift)
    on(kind | source | BPF_MOV, emitMov)
    on(kind | source | BPF_MUL, emitMultiply)
    on(kind | source | BPF_DIV, emitDivide)
  }
  on(kind | BPF_NEG, emitNeg)
}
on(BPF_ALU | BPF_END | BPF_X, emitSwap)
for (const kind of [BPF_JMP, BPF_JMP32]) {
  for (const source of [0, BPF_X]) {
    const ops = [BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE, BPF_JSGT, BPF_JSGE, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE]
    for (const op of ops) on(kind | source | op, emitJump)
  }
}
on(BPF_JMP | BPF_JA, emitJump)
on(CALL, (t, i) => (t.insns.src[i] === BPF_PSEUDO_CALL ? emitCall(t, i) : emitHelper(t, i)))
on(BPF_JMP | BPF_EXIT, emitExit)
for (const size of [BPF_B, BPF_H, BPF_W, BPF_DW]) {
  on(BPF_LDX | BPF_MEM | size, emitLoad)
  on(BPF_STX | BPF_MEM | size, emitStore)
  on(BPF_ST | BPF_MEM | size, emitStoreImmediate)
  if (size === BPF_DW) continue
  on(BPF_LD | BPF_ABS | size, emitPacketLoad)
  on(BPF_LD | BPF_IND | size, emitPacketLoad)
}
for (const size of [BPF_W, BPF_DW]) on(BPF_STX | BPF_ATOMIC | size, emitAtomicAdd)
// The first slot says what the second will emit.
on(LD_IMM64, () => {})

/** Whether the driver has a translation for this opcode byte; the second slot of an ld_imm64 is not asked for. */
export function isSupported(opcode: number): boolean {
  return emitters[opcode] !== undefined
}

const repairCache = new WeakMap<CodegenOptions, Repaired>()

function repairedOf(options: CodegenOptions): Repaired {
  let repaired = repairCache.get(options)
  if (repaired === undefined) {
    repaired = repairedBy(options)
    repairCache.set(options, repaired)
  }
  return repaired
}

function copyInsns(insns: Insns): Insns {
  const copy = newInsns(insns.count)
  copy.code.set(insns.code)
  copy.dst.set(insns.dst)
  copy.src.set(insns.src)
  copy.off.set(insns.off)
  copy.imm.set(insns.imm)
  return copy
}

function begin(input: TranslateInput): Translation {
  const { insns, facts, options } = input
  const count = insns.count
  const flags = facts.flags.slice()
  if (!isOn(options, 'zext')) {
    for (let i = 0; i < count; i++) flags[i]! |= DO_ZEXT
  } else if (repairedOf(options)['zext-reads']) {
    const clears = findHighLive(insns, facts)
    for (let i = 0; i < count; i++) flags[i] = clears[i] ? flags[i]! | DO_ZEXT : flags[i]! & ~DO_ZEXT
  }
  if (!isOn(options, 'dead-code')) {
    for (let i = 0; i < count; i++) flags[i]! &= ~SKIP_VERIFIER
  }
  return {
    insns: copyInsns(insns),
    facts,
    options,
    repaired: repairedOf(options),
    progType: input.progType,
    mapIds: input.mapIds,
    adjustHead: input.adjustHead,
    code: new CountingCode(input.maxWords),
    flags,
    gather: new Int16Array(count),
    paired: new Int32Array(count).fill(-1),
    cacheStart: new Int32Array(count),
    cacheEnd: new Int32Array(count),
    cacheFills: new Uint8Array(count),
    cached: new Uint8Array(count),
    negated: new Uint8Array(count),
    offset: new Int32Array(count),
    frameDepth: (facts.stackDepth[0]! + 3) & ~3,
    crash: '',
    remarks: input.remarks,
  }
}

/** Until fix-up a branch's address is only a place. */
const ADDRESS_MASK = 0x3fff

/**
 * Without dead code removal, instructions that the verifier never reached are translated too, though nothing is known of them: those that
 * can't do without facts become a branch to the abort routine. A jump that was removed goes where the verifier knows that it goes.
 */
function emitUnreached(t: Translation, i: number): void {
  const opcode = t.insns.code[i]!
  const kind = opcode & 7
  const needsFacts = kind === BPF_LDX || kind === BPF_ST || kind === BPF_STX || (opcode === CALL && t.insns.src[i] === 0)
  const emit = emitters[opcode]
  const jump = (kind === BPF_JMP || kind === BPF_JMP32) && opcode !== CALL && opcode !== EXIT
  if (jump && t.options.codegen === 'correct') {
    br(t.code, BR.UNC, t.facts.jumpTo[i]! & ADDRESS_MASK, 0)
    return
  }
  if (needsFacts || emit === undefined) br(t.code, BR.UNC, UNRELOCATED, 0, RELO.GO_ABORT)
  else emit(t, i)
}

/**
 * Bytes of stack that the program needs: the deepest path of calls, each frame rounded up to 64 bytes.
 */
export function stackSize(insns: Insns, facts: Facts): number {
  const functions = facts.stackDepth.length
  const frame = Array.from(facts.stackDepth, depth => (depth + 63) & ~63)
  if (functions === 1) return frame[0]!
  const callees: Set<number>[] = Array.from({ length: functions }, () => new Set())
  for (let i = 0; i < insns.count; i++) {
    if (insns.code[i] === CALL && insns.src[i] === BPF_PSEUDO_CALL) {
      callees[facts.subprog[i]!]?.add(facts.subprog[facts.jumpTo[i]!] ?? 0)
    }
  }
  const known = new Int32Array(functions).fill(-1)
  const deepest = (n: number): number => {
    if (known[n]! >= 0) return known[n]!
    // A function that reaches itself is refused by the verifier; this keeps the walk finite whatever it is given.
    known[n] = frame[n]!
    let below = 0
    for (const callee of callees[n]!) below = Math.max(below, deepest(callee))
    known[n] = frame[n]! + below
    return known[n]!
  }
  return deepest(0)
}

export function translate(input: TranslateInput): Translated | NotTranslated | DriverCrash {
  const t = begin(input)
  const log: string[] = []
  runPasses(t, input.afterPass === undefined ? undefined : pass => input.afterPass?.(pass, t))

  if (t.remarks !== undefined) remarkDecisions(t)

  const { code, insns, offset } = t
  let done = 0
  const failed = (errno: number): NotTranslated => {
    const limit = `instruction limit reached (${code.limit} NFP instructions)`
    const lines = [...new Array<string>(code.dropped).fill(limit), ...log]
    lines.push(`Translation failed with error -${errno} (translated: ${done})`)
    return { ok: false, kind: 'error', errno, translated: done, log: lines }
  }

  emitIntro(t)
  if (code.error !== 0) return failed(code.error)
  for (let i = 0; i < insns.count; i++) {
    offset[i] = code.count
    if (t.flags[i]! & SUBPROG_START) emitFunctionStart(t, i)
    if ((t.flags[i]! & SKIP) === 0) {
      const second = i > 0 && insns.code[i - 1] === LD_IMM64 && insns.code[i] === 0
      if (second) emitLoadImmediate(t, i)
      else if (t.facts.flags[i]! & SKIP_VERIFIER) emitUnreached(t, i)
      else {
        const emit = emitters[insns.code[i]!]
        if (emit === undefined) return failed(ENOENT)
        emit(t, i)
      }
      if (t.crash !== '') return { ok: false, kind: 'crash', insn: i, reason: t.crash }
    }
    if (code.error !== 0) return failed(code.error)
    done++
  }
  const lastBodyWord = code.count - 1
  const { out, abort } = emitOutro(t)
  let pushRegs = 0
  let popRegs = 0
  if (t.facts.savesRegs.includes(1, 1)) {
    pushRegs = code.count
    emitSaveRegs(t)
    popRegs = code.count
    emitRestoreRegs(t)
  }
  emitEnd(t)
  if (code.error !== 0) return failed(code.error)
  const errno = fixBranches(t, lastBodyWord, line => log.push(line))
  if (errno !== 0) return failed(errno)
  return {
    ok: true,
    lo: code.lo.slice(0, code.count),
    hi: code.hi.slice(0, code.count),
    targets: { out, abort, pushRegs, popRegs },
    stackSize: stackSize(insns, t.facts),
    offset,
    lastBodyWord,
    flags: t.flags,
    gather: t.gather,
    cacheStart: t.cacheStart,
    cacheEnd: t.cacheEnd,
    cacheFills: t.cacheFills,
    negated: t.negated,
  }
}
