// What the verifier says of every register at every instruction, over all paths: the union of the states in which an instruction was
// simulated. Nothing is pruned while it is gathered, since Linux lets a path end at a checkpoint that differs in values which no verdict
// depends on; so the union holds for every way through the program.

import { Env, PRUNE_POINT } from '../verifier/env.ts'
import { startMain } from '../verifier/global-function.ts'
import * as R from '../verifier/reg.ts'
import { StackLiveness } from '../verifier/stack-liveness.ts'
import { checkStructure } from '../verifier/structure.ts'
import { View } from '../verifier/view.ts'
import { walk } from '../verifier/walk.ts'
import type { Subject } from './corpus.ts'

/** Words that are kept: the scalars' limits at their places in a register, and of pointers the extent of the offset. */
const WORDS = R.REG_WORDS

export class Ranges {
  /** A bit for each base type that a register had at an instruction; pointers that may be null have bit 0x20 too. */
  readonly types: Int32Array
  /** A scalar's limits, and a pointer's offset limits in the same places; one set for each instruction and register. */
  readonly #scalars: Int32Array
  readonly #offsets: Float64Array
  states = 0

  constructor(count: number) {
    this.types = new Int32Array(count * R.MAX_BPF_REG)
    this.#scalars = new Int32Array(count * R.MAX_BPF_REG * WORDS)
    this.#offsets = new Float64Array(count * R.MAX_BPF_REG * 2)
  }

  add(insn: number, regs: Int32Array): void {
    this.states++
    for (let n = 0; n < R.MAX_BPF_REG; n++) this.#add(insn * R.MAX_BPF_REG + n, regs, n * R.REG_WORDS)
  }

  #add(at: number, regs: Int32Array, i: number): void {
    const type = regs[i + R.R_TYPE]!
    const bit = bitOf(type)
    const known = (this.types[at]! & bit) !== 0
    this.types[at] = this.types[at]! | bit | ((type & R.PTR_MAYBE_NULL) !== 0 ? MAYBE_NULL : 0)
    if (type === R.SCALAR_VALUE) {
      if (known) join(this.#scalars, at * WORDS, regs, i)
      else this.#scalars.set(regs.subarray(i, i + WORDS), at * WORDS)
      return
    }
    const least = regs[i + R.R_OFF]! + toNumber(regs, i + R.R_SMIN)
    const most = regs[i + R.R_OFF]! + toNumber(regs, i + R.R_SMAX)
    // One extent for all pointers of a register: which kind it is, is known by the address.
    const pointers = (this.types[at]! & POINTERS & ~bit) !== 0 || known
    this.#offsets[at * 2] = pointers ? Math.min(this.#offsets[at * 2]!, least) : least
    this.#offsets[at * 2 + 1] = pointers ? Math.max(this.#offsets[at * 2 + 1]!, most) : most
  }

  /** Whether a value lies in the scalars' union. */
  holdsScalar(at: number, lo: number, hi: number): boolean {
    const s = this.#scalars
    const i = at * WORDS
    return (
      ((lo ^ s[i + R.R_VALUE]!) & ~s[i + R.R_MASK]!) === 0 &&
      ((hi ^ s[i + R.R_VALUE + 1]!) & ~s[i + R.R_MASK + 1]!) === 0 &&
      !lessUnsigned(lo, hi, s, i + R.R_UMIN) &&
      !moreUnsigned(lo, hi, s, i + R.R_UMAX) &&
      !lessSigned(lo, hi, s, i + R.R_SMIN) &&
      !moreSigned(lo, hi, s, i + R.R_SMAX) &&
      lo >= s[i + R.R_S32_MIN]! &&
      lo <= s[i + R.R_S32_MAX]! &&
      lo >>> 0 >= s[i + R.R_U32_MIN]! >>> 0 &&
      lo >>> 0 <= s[i + R.R_U32_MAX]! >>> 0
    )
  }

  /** Whether a distance from a pointer's base lies in the union. */
  holdsOffset(at: number, offset: number): boolean {
    return offset >= this.#offsets[at * 2]! && offset <= this.#offsets[at * 2 + 1]!
  }

  /** Least and most of the distances from pointers' bases. */
  offsets(at: number): readonly [least: number, most: number] {
    return [this.#offsets[at * 2]!, this.#offsets[at * 2 + 1]!]
  }

  /** The scalars' union in words, for a report. */
  text(at: number): string {
    const i = at * WORDS
    const word = (w: number): string =>
      `0x${(this.#scalars[i + w + 1]! >>> 0).toString(16)}${(this.#scalars[i + w]! >>> 0).toString(16).padStart(8, '0')}`
    return `umin=${word(R.R_UMIN)} umax=${word(R.R_UMAX)} smin=${word(R.R_SMIN)} smax=${word(R.R_SMAX)} var_off=(${word(R.R_VALUE)}; ${word(R.R_MASK)})`
  }
}

const MAYBE_NULL = 1 << 30
/** Bits of everything that is neither uninitialised nor a scalar. */
const POINTERS = 0x3ffffffc

function bitOf(type: number): number {
  return 1 << Math.min(type & R.TYPE_BASE_MASK, 29)
}

/** Whether a register had a type of this base at an instruction. */
export function hadType(types: number, base: number): boolean {
  return (types & bitOf(base)) !== 0
}

/** The bits of several base types, and that of null. */
export function typeBits(...bases: readonly number[]): number {
  return bases.reduce((bits, base) => bits | bitOf(base), MAYBE_NULL)
}

/** Whether zero is a value of a pointer that may be null. */
export function mayBeNull(types: number): boolean {
  return (types & MAYBE_NULL) !== 0
}

function toNumber(words: Int32Array, i: number): number {
  return words[i + 1]! * 2 ** 32 + (words[i]! >>> 0)
}

function lessUnsigned(lo: number, hi: number, s: Int32Array, i: number): boolean {
  return hi === s[i + 1]! ? lo >>> 0 < s[i]! >>> 0 : hi >>> 0 < s[i + 1]! >>> 0
}
function moreUnsigned(lo: number, hi: number, s: Int32Array, i: number): boolean {
  return hi === s[i + 1]! ? lo >>> 0 > s[i]! >>> 0 : hi >>> 0 > s[i + 1]! >>> 0
}
function lessSigned(lo: number, hi: number, s: Int32Array, i: number): boolean {
  return hi === s[i + 1]! ? lo >>> 0 < s[i]! >>> 0 : hi < s[i + 1]!
}
function moreSigned(lo: number, hi: number, s: Int32Array, i: number): boolean {
  return hi === s[i + 1]! ? lo >>> 0 > s[i]! >>> 0 : hi > s[i + 1]!
}

function join(to: Int32Array, t: number, from: Int32Array, f: number): void {
  for (let half = 0; half < 2; half++) {
    const mask = to[t + R.R_MASK + half]! | from[f + R.R_MASK + half]! | (to[t + R.R_VALUE + half]! ^ from[f + R.R_VALUE + half]!)
    to[t + R.R_MASK + half] = mask
    to[t + R.R_VALUE + half] = to[t + R.R_VALUE + half]! & ~mask
  }
  const take = (w: number): void => {
    to[t + w] = from[f + w]!
    to[t + w + 1] = from[f + w + 1]!
  }
  const lo = (w: number): number => from[f + w]!
  const hi = (w: number): number => from[f + w + 1]!
  if (lessUnsigned(lo(R.R_UMIN), hi(R.R_UMIN), to, t + R.R_UMIN)) take(R.R_UMIN)
  if (moreUnsigned(lo(R.R_UMAX), hi(R.R_UMAX), to, t + R.R_UMAX)) take(R.R_UMAX)
  if (lessSigned(lo(R.R_SMIN), hi(R.R_SMIN), to, t + R.R_SMIN)) take(R.R_SMIN)
  if (moreSigned(lo(R.R_SMAX), hi(R.R_SMAX), to, t + R.R_SMAX)) take(R.R_SMAX)
  to[t + R.R_S32_MIN] = Math.min(to[t + R.R_S32_MIN]!, from[f + R.R_S32_MIN]!)
  to[t + R.R_S32_MAX] = Math.max(to[t + R.R_S32_MAX]!, from[f + R.R_S32_MAX]!)
  to[t + R.R_U32_MIN] = Math.min(to[t + R.R_U32_MIN]! >>> 0, from[f + R.R_U32_MIN]! >>> 0)
  to[t + R.R_U32_MAX] = Math.max(to[t + R.R_U32_MAX]! >>> 0, from[f + R.R_U32_MAX]! >>> 0)
}

/** Thrown when there are too many paths. */
class TooMany extends Error {}

/** The ranges of an accepted program, or undefined where it has more ways than `most` instructions can show. */
export function observe({ program, maps }: Subject, most: number): Ranges | undefined {
  const env = new Env(program, maps, { logLevel: 0 })
  const ranges = new Ranges(program.insns.count)
  const hooks = {
    prepare: () => 0,
    finalize: () => 0,
    replaceInsn: () => 0,
    removeInsns: () => 0,
    insn(_: unknown, insn: number): number {
      if (ranges.states >= most) throw new TooMany()
      ranges.add(insn, env.regs)
      return 0
    },
  }
  try {
    checkStructure(env)
    for (let i = 0; i < env.marks.length; i++) env.marks[i] = env.marks[i]! & ~PRUNE_POINT
    env.stackWatch = new StackLiveness(env)
    // A host program has no device that looks on: the observer takes its place for the simulation alone.
    Object.assign(env, { hooks })
    startMain(env)
    walk(env, new View(env))
  } catch (error) {
    if (error instanceof TooMany) return undefined
    throw error
  }
  return ranges
}
