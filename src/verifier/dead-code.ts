// What the core rewrites after the simulation without knowing what the program is for: jumps whose one way is never taken become
// unconditional, code that no path reached goes, and so do jumps to the next instruction. A device that the program is loaded for is told
// of each step. The result is a list of kept slots and a program, so that every later stage can go back to the original indices.

import { EINVAL } from '../bpf/errno.ts'
import type { Insns } from '../bpf/insns.ts'
import { newInsns } from '../bpf/insns.ts'
import { BPF_JA, BPF_JCOND, BPF_JMP, BPF_JMP32, BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC, CALL, LD_IMM64 } from '../bpf/opcode.ts'
import { isKfuncCall } from './call-summary.ts'
import type { DeviceHooks } from './device.ts'
import type { Env } from './env.ts'
import { removeFastcallPairs } from './fastcall.ts'
import { isConditional, isJump, jumpOffset, slots } from './flow.ts'
import { isAbsentKfunc } from './kfunc.ts'
import { checkStackDepth } from './stack-depth.ts'

// Bits of `Env.rewritten`.
export const HARD_WIRED_TAKEN = 1
export const HARD_WIRED_NOP = 2
export const REMOVED = 4

const JA: number = BPF_JMP | BPF_JA
const MAY_GOTO: number = BPF_JMP | BPF_JCOND

export interface Rewritten {
  readonly insns: Insns
  /** For each slot that is left: its index in the original program. */
  readonly origin: Int32Array
  /** The device couldn't follow: from then on it was told nothing more, and it must not translate the program. */
  readonly optFailed: boolean
}

/** Passes 14 and 16. `insns` of the result is a copy: the program itself stays as the user wrote it. */
export function rewriteDeadCode(env: Env): Rewritten {
  const insns = copyInsns(env.insns)
  removeFastcallPairs(env, insns)
  checkStackDepth(env)
  if (!env.privileged) {
    trapDeadCode(env, insns)
    checkAbsentKfuncs(env)
    return { insns, origin: Int32Array.from(insns.code, (_, i) => i), optFailed: false }
  }
  const teller = new Teller(env)
  hardWire(env, insns, teller)
  removeDead(env, teller)
  removeNops(env, insns, teller)
  checkAbsentKfuncs(env)
  return { ...compact(env, insns), optFailed: teller.failed }
}

/** Of calls of functions that the kernel lacks none may be left. */
function checkAbsentKfuncs(env: Env): void {
  for (let i = 0; i < env.count; i++) {
    if (env.seen[i] === 0 || !isKfuncCall(env.insns, i) || !isAbsentKfunc(env, i)) continue
    env.insn = i
    env.reject(EINVAL, 'invalid kernel function call not eliminated in verifier pass')
  }
}

/** Tells the device until it fails to follow. */
class Teller {
  readonly #hooks: DeviceHooks | null
  failed = false

  constructor(env: Env) {
    this.#hooks = env.hooks
  }

  replace(insn: number, off: number): void {
    if (!this.failed && this.#hooks !== null) this.failed = this.#hooks.replaceInsn(insn, JA, off) !== 0
  }

  remove(insn: number, count: number): void {
    if (!this.failed && this.#hooks !== null) this.failed = this.#hooks.removeInsns(insn, count) !== 0
  }
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

function setJump(insns: Insns, i: number, off: number): void {
  insns.code[i] = JA
  insns.dst[i] = 0
  insns.src[i] = 0
  insns.off[i] = off
  insns.imm[i] = 0
}

function hardWire(env: Env, insns: Insns, teller: Teller): void {
  for (let i = 0; i < env.count; i++) {
    if (!isConditional(insns.code[i]!)) continue
    const off = insns.off[i]!
    let to = 0
    if (env.seen[i + 1] === 0) to = off
    else if (env.seen[i + 1 + off] !== 0) continue
    env.rewritten[i]! |= env.seen[i + 1] === 0 ? HARD_WIRED_TAKEN : HARD_WIRED_NOP
    teller.replace(i, to)
    setJump(insns, i, to)
  }
}

function removeDead(env: Env, teller: Teller): void {
  for (let i = 0; i < env.count; i++) {
    let end = i
    while (end < env.count && env.seen[end] === 0) end++
    // Of an ld_imm64 only the first slot is known to be marked.
    if (end === i) {
      i += slots(env.insns, i) - 1
      continue
    }
    for (let j = i; j < end; j++) env.rewritten[j]! |= REMOVED
    teller.remove(i, end - i)
    i = end - 1
  }
}

/** `ja +0`, and may_goto likewise: what lies between a jump and its target may just have been removed. */
function removeNops(env: Env, insns: Insns, teller: Teller): void {
  const { rewritten } = env
  const isNop = (i: number): boolean => {
    const code = insns.code[i]!
    if (code !== JA && code !== MAY_GOTO) return false
    if (insns.dst[i] !== 0 || insns.src[i] !== 0 || insns.imm[i] !== 0) return false
    const off = insns.off[i]!
    if (off < 0) return false
    for (let j = i + 1; j <= i + off; j++) if ((rewritten[j]! & REMOVED) === 0) return false
    return true
  }
  for (let i = 0; i < env.count; i++) {
    if ((rewritten[i]! & REMOVED) !== 0 || !isNop(i)) continue
    let at = i
    for (;;) {
      rewritten[at]! |= REMOVED
      teller.remove(at, 1)
      if (insns.code[at] !== MAY_GOTO) break
      // A jump over this may_goto has become a no-op itself.
      do at--
      while (at >= 0 && (rewritten[at]! & REMOVED) !== 0)
      if (at < 0 || !isNop(at)) break
    }
  }
}

/** Unprivileged: dead code becomes a jump to itself, so that a misprediction that gets there stays there. */
function trapDeadCode(env: Env, insns: Insns): void {
  for (let i = 0; i < env.count; i++) {
    if (env.seen[i] !== 0) continue
    setJump(insns, i, -1)
    env.zext[i] = 0
  }
}

/** Moves what is left together; a reference to a removed slot goes to the next one that is left. */
function compact(env: Env, insns: Insns): Omit<Rewritten, 'optFailed'> {
  const place = new Int32Array(env.count + 1)
  let left = 0
  for (let i = 0; i < env.count; i++) {
    place[i] = left
    if ((env.rewritten[i]! & REMOVED) === 0) left++
  }
  place[env.count] = left
  const out = newInsns(left)
  const origin = new Int32Array(left)
  for (let i = 0; i < env.count; i++) {
    if ((env.rewritten[i]! & REMOVED) !== 0) continue
    const to = place[i]!
    const code = insns.code[i]!
    const src = insns.src[i]!
    origin[to] = i
    out.code[to] = code
    out.dst[to] = insns.dst[i]!
    out.src[to] = src
    out.off[to] = insns.off[i]!
    out.imm[to] = insns.imm[i]!
    const moved = (target: number): number => {
      if (target < 0 || target > env.count) env.reject(EINVAL, '')
      return place[target]! - to - 1
    }
    if (isJump(code)) {
      const offset = moved(i + 1 + jumpOffset(insns, i))
      if (code === (BPF_JMP32 | BPF_JA)) out.imm[to] = offset
      else out.off[to] = offset
    } else if ((code === CALL && src === BPF_PSEUDO_CALL) || (code === LD_IMM64 && src === BPF_PSEUDO_FUNC)) {
      out.imm[to] = moved(i + 1 + insns.imm[i]!)
    }
    if (code === LD_IMM64) {
      // The second slot is data, whatever its fields would mean as an instruction.
      i++
      origin[to + 1] = i
      out.imm[to + 1] = insns.imm[i]!
    }
  }
  return { insns: out, origin }
}
