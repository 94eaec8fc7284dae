// What a processor might do on a mispredicted path, for loaders without CAP_PERFMON. Branches that are decided are looked at the other way
// too, speculatively, and so is pointer arithmetic whose offset is masked to zero at run time. A fault on such a path doesn't refuse the
// program: the instruction gets a barrier before it, and the path ends there. Of the arithmetic that is masked, limit and direction must be
// the same on every path that comes by.

import { EACCES, EINVAL, EPERM } from '../bpf/errno.ts'
import { BPF_ADD, BPF_JMP, BPF_JMP32, BPF_SUB, BPF_X } from '../bpf/opcode.ts'
import { type Env, Reject } from './env.ts'
import { markUnknown } from './operand.ts'
import { pushPath } from './paths.ts'
import { tnumText } from './print-number.ts'
import {
  copyReg,
  isConst,
  PTR_TO_MAP_VALUE,
  PTR_TO_STACK,
  R_MAP,
  R_OFF,
  R_SMAX,
  R_SMIN,
  R_TYPE,
  R_UMAX,
  R_VALUE,
  REG_WORDS,
} from './reg.ts'
import { checkMapValue } from './region.ts'
import { MAX_BPF_STACK } from './state.ts'

// How an addition is masked.
const SANITIZE_SRC = 1
const SANITIZE_DST = 2
const NEG_VALUE = 4
const NON_POINTER = 8
const IMMEDIATE = 16

const PROHIBITED = 'pointer arithmetic with it prohibited for !root'

/** What is known of each instruction for this; only unprivileged verifications have one. */
export class Speculation {
  /** 1: a barrier stands before the instruction; 2: behind it. */
  readonly barrier: Uint8Array
  readonly aluState: Uint8Array
  readonly aluLimit: Int32Array
  /** Masks depend on unknown scalars: states are compared to the letter. */
  exact = false

  constructor(count: number) {
    this.barrier = new Uint8Array(count)
    this.aluState = new Uint8Array(count)
    this.aluLimit = new Int32Array(count)
  }
}

export const BARRIER_BEFORE = 1
export const BARRIER_BEHIND = 2

const known = new WeakMap<Env, Speculation>()

/** Null for privileged verifications. */
export function speculationOf(env: Env): Speculation | null {
  if (env.privileged) return null
  let speculation = known.get(env)
  if (speculation === undefined) {
    speculation = new Speculation(env.count)
    known.set(env, speculation)
  }
  return speculation
}

/** `sanitize_speculative_path`: goes on at `next` as well, as a mispredicted jump of the current instruction would. */
export function speculate(env: Env, next: number): void {
  const { insns, insn } = env
  const state = pushPath(env, next, insn, true)
  const { regs } = state.frames[state.curframe]!
  const cls = insns.code[insn]! & 7
  if (cls !== BPF_JMP && cls !== BPF_JMP32) return
  markUnknown(env, regs, insns.dst[insn]! * REG_WORDS)
  if ((insns.code[insn]! & BPF_X) !== 0) markUnknown(env, regs, insns.src[insn]! * REG_WORDS)
}

/** Whether a refusal on a speculative path is met with a barrier; if so the path ends. */
export function stopsAtBarrier(env: Env, error: unknown): boolean {
  const speculation = speculationOf(env)
  if (speculation === null || !env.state.speculative || !(error instanceof Reject)) return false
  if (error.errno !== EPERM && error.errno !== EACCES && error.errno !== EINVAL) return false
  speculation.barrier[env.insn]! |= BARRIER_BEFORE
  speculation.aluState[env.insn] = 0
  return true
}

// ---- arithmetic ------------------------------------------------------------------------------------------------------------------

/** What an addition to a pointer showed before it was done. */
export interface Window {
  readonly state: number
  readonly limit: number
  readonly toLeft: boolean
}

function isMasked(env: Env, code: number): boolean {
  const op = code & 0xf0
  if (op !== BPF_ADD && op !== BPF_SUB) return false
  const speculation = speculationOf(env)
  return speculation !== null && (code & BPF_X) !== 0 && (speculation.barrier[env.insn]! & BARRIER_BEFORE) === 0
}

function refuse(env: Env, what: string): never {
  return env.reject(EACCES, `${what}, ${PROHIBITED}`)
}

function verb(code: number): string {
  return (code & 0xf0) === BPF_ADD ? 'add' : 'sub'
}

function differs(env: Env, code: number): never {
  return refuse(env, `R${env.insns.dst[env.insn]} tried to ${verb(code)} from different maps, paths or scalars`)
}

/** `sanitize_ptr_alu` before the operation: pointer `p` and scalar `s`/`j`, of which one is the destination `d`. */
export function openWindow(env: Env, code: number, d: number, p: number, s: Int32Array, j: number): Window | undefined {
  if (!isMasked(env, code)) return undefined
  const speculation = speculationOf(env)!
  const { insns, insn } = env
  const isImmediate = isConst(s, j)
  const isNegative = s[j + R_SMIN + 1]! < 0
  const pointerIsDst = p === d
  let window: Window = { state: 0, limit: 0, toLeft: false }
  if (!env.state.speculative) {
    if (!isImmediate && isNegative !== s[j + R_SMAX + 1]! < 0) {
      const reg = pointerIsDst ? insns.src[insn] : insns.dst[insn]
      refuse(env, `R${reg} has unknown scalar with mixed signed bounds`)
    }
    const toLeft = ((code & 0xf0) === BPF_ADD) === isNegative
    const limit = pointerLimit(env, code, d, p, pointerIsDst, toLeft)
    let state = isNegative ? NEG_VALUE : 0
    if (isImmediate) state |= IMMEDIATE
    else speculation.exact = true
    state |= pointerIsDst ? SANITIZE_SRC : SANITIZE_DST
    // Nothing is recorded yet: the window narrows with the operation.
    window = { state, limit, toLeft }
  }
  if (!isImmediate) simulateZero(env, d, p)
  return window
}

/** The path on which the offset was masked to zero. */
function simulateZero(env: Env, d: number, p: number): void {
  const r = env.regs
  if (p === d) {
    speculate(env, env.insn + 1)
    return
  }
  const saved = r.slice(d, d + REG_WORDS)
  copyReg(r, d, r, p)
  speculate(env, env.insn + 1)
  r.set(saved, d)
}

/** `retrieve_ptr_limit`: how far the pointer may be moved in a direction. */
function pointerLimit(env: Env, code: number, d: number, p: number, pointerIsDst: boolean, toLeft: boolean): number {
  const r = env.regs
  const { insns, insn } = env
  let max = 0
  let limit = 0
  switch (r[p + R_TYPE]) {
    case PTR_TO_STACK:
      max = MAX_BPF_STACK + (toLeft ? 1 : 0)
      limit = -(r[p + R_VALUE]! + r[p + R_OFF]!) >>> 0
      break
    case PTR_TO_MAP_VALUE:
      max = env.maps[r[p + R_MAP]!]!.valueSize
      limit = ((toLeft ? r[p + R_SMIN]! : r[p + R_UMAX]!) + r[p + R_OFF]!) >>> 0
      break
    default: {
      const reg = pointerIsDst || p === d ? insns.dst[insn] : insns.src[insn]
      return refuse(env, `R${reg} has pointer with unsupported alu operation`)
    }
  }
  if (limit >= max) refuse(env, `R${insns.dst[insn]} tried to ${verb(code)} beyond pointer bounds`)
  return limit
}

/** The rest of it, when the destination `d` (register `n`) has been moved: it must point into its memory. */
export function closeWindow(env: Env, code: number, n: number, d: number, window: Window | undefined): void {
  if (env.privileged) return
  checkMoved(env, n, d)
  if (window === undefined || env.state.speculative || !isMasked(env, code)) return
  const limit = Math.abs(window.limit - pointerLimit(env, code, d, d, true, window.toLeft))
  record(env, code, window.state, limit)
}

function record(env: Env, code: number, state: number, limit: number): void {
  const speculation = speculationOf(env)!
  const { insn } = env
  const before = speculation.aluState[insn]!
  if (before !== 0 && (before !== state || speculation.aluLimit[insn] !== limit)) differs(env, code)
  speculation.aluState[insn] = state
  speculation.aluLimit[insn] = limit
}

/** `sanitize_val_alu`: an addition of two numbers must not be one to a pointer on another path. */
export function noteScalarAlu(env: Env, code: number): void {
  if (isMasked(env, code)) record(env, code, NON_POINTER, 0)
}

/** `sanitize_check_bounds`. */
function checkMoved(env: Env, n: number, d: number): void {
  const r = env.regs
  const type = r[d + R_TYPE]
  if (type === PTR_TO_STACK) {
    const off = r[d + R_OFF]! + r[d + R_VALUE]!
    if (!isConst(r, d)) {
      const text = tnumText(r, d + R_VALUE)
      env.reject(EACCES, `R${n} variable stack access prohibited for !root, var_off=${text} off=${off}`)
    }
    if (off >= 0 || off < -MAX_BPF_STACK) {
      env.reject(EACCES, `R${n} stack pointer arithmetic goes out of range, prohibited for !root; off=${off}`)
    }
  } else if (type === PTR_TO_MAP_VALUE) {
    try {
      checkMapValue(env, n, r[d + R_OFF]!, 1, false, false)
    } catch (error) {
      if (!(error instanceof Reject)) throw error
      env.reject(EACCES, `R${n} pointer arithmetic of map value goes out of range, prohibited for !root`)
    }
  }
}
