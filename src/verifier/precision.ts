// Precision: where the verdict depended on a scalar's exact value (a branch decided, an offset, a size), every register and stack slot
// that the value came from is marked precise in the checkpoints behind the current path, so that pruning compares it exactly. The walk goes
// back through the path's instructions with sets of wanted registers and slots per frame, from checkpoint to checkpoint, until all
// are found.

import { EFAULT } from '../bpf/errno.ts'
import {
  BPF_ABS,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_END,
  BPF_EXIT,
  BPF_IND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MOV,
  BPF_NEG,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_ST,
  BPF_STX,
  BPF_X,
} from '../bpf/opcode.ts'
import { CALLS_CALLBACK, type Env } from './env.ts'
import { insnText } from './insn-text.ts'
import { isAbsentKfunc } from './kfunc.ts'
import { printState } from './print-state.ts'
import { R_PRECISE, R_TYPE, REG_WORDS, SCALAR_VALUE, SLOT_WORDS } from './reg.ts'
import {
  INSN_F_DST_REG_STACK,
  INSN_F_SPI_SHIFT,
  INSN_F_SRC_REG_STACK,
  INSN_F_STACK_ACCESS,
  isSpilled,
  J_FLAGS,
  J_IDX,
  J_LINKED,
  J_LINKED_COUNT_SHIFT,
  J_PREV,
  JMP_WORDS,
  MAX_CALL_FRAMES,
  type State,
} from './state.ts'
import { findSubprog } from './subprogs.ts'

// Wanted registers, and wanted stack slots (0..31 and 32..63), per frame.
const regMask = new Int32Array(MAX_CALL_FRAMES)
const slotLo = new Int32Array(MAX_CALL_FRAMES)
const slotHi = new Int32Array(MAX_CALL_FRAMES)
// The frame that the walk is in.
let frame = 0
/** A mark was set that was not there before. */
let changed = false

const TAIL_CALL = 12
// R1..R5.
const ARGS = 0x3e

function isEmpty(): boolean {
  for (let f = frame; f >= 0; f--) if ((regMask[f]! | slotLo[f]! | slotHi[f]!) !== 0) return false
  return true
}

function clear(): void {
  for (let f = 0; f < MAX_CALL_FRAMES; f++) {
    regMask[f] = 0
    slotLo[f] = 0
    slotHi[f] = 0
  }
}

function hasSlot(f: number, slot: number): boolean {
  return ((slot < 32 ? slotLo[f]! : slotHi[f]!) & (1 << (slot & 31))) !== 0
}

function addSlot(f: number, slot: number): void {
  if (slot < 32) slotLo[f]! |= 1 << slot
  else slotHi[f]! |= 1 << (slot & 31)
}

function dropSlot(f: number, slot: number): void {
  if (slot < 32) slotLo[f]! &= ~(1 << slot)
  else slotHi[f]! &= ~(1 << (slot & 31))
}

function regNames(mask: number): string {
  const names: string[] = []
  for (let n = 0; n < 32; n++) if ((mask & (1 << n)) !== 0) names.push(`r${n}`)
  return names.join(',')
}

function slotNames(lo: number, hi: number): string {
  const names: string[] = []
  for (let s = 0; s < 64; s++) if (((s < 32 ? lo : hi) & (1 << (s & 31))) !== 0) names.push(`${-8 * (s + 1)}`)
  return names.join(',')
}

/** Marks the chain behind a scalar register of the current frame; without a register (-1) nothing is to be done. */
export function markChainPrecision(env: Env, reg: number): void {
  if (!env.privileged || reg < 0) return
  const state = env.state
  clear()
  frame = state.curframe
  if (env.regs[reg * REG_WORDS + R_TYPE] !== SCALAR_VALUE) {
    env.reject(EFAULT, `verifier bug: backtracking misuse(1)`)
  }
  regMask[frame] = 1 << reg
  walkBack(env, state)
}

/** The same for what was spilled to a slot of a frame. */
export function markSlotPrecision(env: Env, f: number, slot: number): void {
  if (!env.privileged) return
  clear()
  frame = env.state.curframe
  addSlot(f, slot)
  walkBack(env, env.state)
}

/**
 * `propagate_precision`: what is precise in the checkpoint that a path was found equal to has to be precise behind that path as well. Says
 * whether a mark was new.
 */
export function propagatePrecision(env: Env, old: State, current: State): boolean {
  clear()
  for (let f = old.curframe; f >= 0; f--) {
    const from = old.frames[f]!
    const names: string[] = []
    for (let n = 0; n < 10; n++) {
      const r = n * REG_WORDS
      if (from.regs[r + R_TYPE] !== SCALAR_VALUE || from.regs[r + R_PRECISE] === 0) continue
      regMask[f]! |= 1 << n
      names.push(`r${n}`)
    }
    for (let s = 0; s < from.allocated >> 3; s++) {
      const w = s * SLOT_WORDS
      if (!isSpilled(from.stack, w) || from.stack[w + R_TYPE] !== SCALAR_VALUE || from.stack[w + R_PRECISE] === 0) continue
      addSlot(f, s)
      names.push(`fp${-8 * (s + 1)}`)
    }
    if (names.length > 0 && env.logging2) env.log.add(`frame ${f}: propagating ${names.join(',')}\n`)
  }
  changed = false
  frame = current.curframe
  walkBack(env, current)
  return changed
}

// Index of the history entry of an instruction: the last of the first `end` entries, if it is of that instruction.
function entryAt(state: State, end: number, insn: number): number {
  return end > 0 && state.jmp[(end - 1) * JMP_WORDS + J_IDX] === insn ? (end - 1) * JMP_WORDS : -1
}

function walkBack(env: Env, start: State): void {
  let state = start
  let firstInsn = state.firstInsn
  let lastInsn = state.insn
  let following = -1
  let skipFirst = true
  const quiet = !env.logging2
  if (isEmpty()) return
  for (;;) {
    let end = state.jmpCount
    if (env.logging2) {
      env.log.add(`mark_precise: frame${frame}: last_idx ${lastInsn} first_idx ${firstInsn} subseq_idx ${following} \n`)
    }
    if (lastInsn < 0) {
      markEntry(env, state)
      return
    }
    let i = lastInsn
    for (;;) {
      const entry = entryAt(state, end, i)
      if (skipFirst) {
        skipFirst = false
      } else if (quiet && (entry < 0 || state.jmp[entry + J_FLAGS] === 0) && isAside(env, i)) {
        // Nothing wanted changes: the common case.
      } else {
        if (!backtrack(env, i, following, state, entry)) {
          markAllPrecise(env, start)
          clear()
          return
        }
        if (isEmpty()) return
      }
      following = i
      if (i === firstInsn && (end === 0 || (end === 1 && state.jmp[J_IDX] === i))) break
      if (entry >= 0) {
        i = state.jmp[entry + J_PREV]!
        end--
      } else {
        i--
      }
      if (i < 0 || i >= env.count) env.reject(EFAULT, `verifier bug: backtracking idx ${i}`)
    }
    const parent = state.parent
    if (parent === null) break
    state = parent
    markCheckpoint(env, state)
    if (isEmpty()) return
    following = firstInsn
    lastInsn = state.lastInsn
    firstInsn = state.firstInsn
  }
  if (!isEmpty()) {
    markAllPrecise(env, start)
    clear()
  }
}

// An instruction of which the history has nothing to say and that has nothing to do with the wanted registers.
function isAside(env: Env, i: number): boolean {
  const code = env.insns.code[i]!
  switch (code & 7) {
    case BPF_ALU:
    case BPF_ALU64:
    case BPF_LDX:
    case BPF_ST:
      return (regMask[frame]! & (1 << env.insns.dst[i]!)) === 0
    case BPF_JMP:
    case BPF_JMP32: {
      const op = code & 0xf0
      if (op === BPF_CALL || op === BPF_EXIT) return false
      return (code & BPF_X) === 0 || (regMask[frame]! & ((1 << env.insns.dst[i]!) | (1 << env.insns.src[i]!))) === 0
    }
    default:
      return false
  }
}

// The walk has come to the entry of a global function that is verified by itself: only its arguments can still be wanted.
function markEntry(env: Env, state: State): void {
  const main = state.frames[0]!
  const wanted = regMask[0]!
  if (
    state.curframe === 0 &&
    main.subprog > 0 &&
    main.callsite === -1 &&
    (slotLo[0]! | slotHi[0]!) === 0 &&
    (wanted & ~ARGS) === 0
  ) {
    for (let n = 1; n <= 5; n++) {
      if ((wanted & (1 << n)) === 0 || main.regs[n * REG_WORDS + R_TYPE] !== SCALAR_VALUE) continue
      main.regs[n * REG_WORDS + R_PRECISE] = 1
      changed = true
    }
    clear()
    return
  }
  env.reject(EFAULT, 'verifier bug: backtracking func entry')
}

function markCheckpoint(env: Env, state: State): void {
  for (let f = frame; f >= 0; f--) {
    const at = state.frames[f]!
    for (let n = 0; n < 32 && regMask[f] !== 0; n++) {
      if ((regMask[f]! & (1 << n)) === 0) continue
      const r = n * REG_WORDS
      if (at.regs[r + R_TYPE] !== SCALAR_VALUE || at.regs[r + R_PRECISE] !== 0) {
        regMask[f]! &= ~(1 << n)
      } else {
        at.regs[r + R_PRECISE] = 1
        changed = true
      }
    }
    if ((slotLo[f]! | slotHi[f]!) !== 0) {
      for (let s = 0; s < 64; s++) {
        if (!hasSlot(f, s)) continue
        const w = s * SLOT_WORDS
        const scalar = s < at.allocated >> 3 && isSpilled(at.stack, w) && at.stack[w + R_TYPE] === SCALAR_VALUE
        if (!scalar || at.stack[w + R_PRECISE] !== 0) {
          dropSlot(f, s)
        } else {
          at.stack[w + R_PRECISE] = 1
          changed = true
        }
      }
    }
    if (env.logging2) {
      env.log.add(
        `mark_precise: frame${f}: parent state regs=${regNames(regMask[f]!)} stack=${slotNames(slotLo[f]!, slotHi[f]!)}: `,
      )
      printState(env, state, f)
    }
  }
}

function markAllPrecise(env: Env, start: State): void {
  if (env.logging2) env.log.add(`mark_precise: frame${start.curframe}: falling back to forcing all scalars precise\n`)
  for (let state = start.parent; state !== null; state = state.parent) forcePrecise(env, state)
}

/** Marks every scalar of the checkpoints behind a state precise. */
export function markAllScalarsPrecise(env: Env, start: State): void {
  markAllPrecise(env, start)
}

function forcePrecise(env: Env, state: State): void {
  for (let f = 0; f <= state.curframe; f++) {
    const at = state.frames[f]!
    for (let n = 0; n < 10; n++) {
      const r = n * REG_WORDS
      if (at.regs[r + R_TYPE] !== SCALAR_VALUE || at.regs[r + R_PRECISE] !== 0) continue
      at.regs[r + R_PRECISE] = 1
      if (env.logging2) env.log.add(`force_precise: frame${f}: forcing r${n} to be precise\n`)
    }
    for (let s = 0; s < at.allocated >> 3; s++) {
      const w = s * SLOT_WORDS
      if (!isSpilled(at.stack, w) || at.stack[w + R_TYPE] !== SCALAR_VALUE || at.stack[w + R_PRECISE] !== 0) continue
      at.stack[w + R_PRECISE] = 1
      if (env.logging2) env.log.add(`force_precise: frame${f}: forcing fp${-8 * (s + 1)} to be precise\n`)
    }
  }
}

/** `mark_all_scalars_imprecise`: a path forgets the marks when it goes on from a new checkpoint. */
export function forgetPrecision(state: State): void {
  for (let f = 0; f <= state.curframe; f++) {
    const at = state.frames[f]!
    for (let r = 0; r < 10 * REG_WORDS; r += REG_WORDS) if (at.regs[r + R_TYPE] === SCALAR_VALUE) at.regs[r + R_PRECISE] = 0
    const words = (at.allocated >> 3) * SLOT_WORDS
    for (let w = 0; w < words; w += SLOT_WORDS) {
      if (isSpilled(at.stack, w) && at.stack[w + R_TYPE] === SCALAR_VALUE) at.stack[w + R_PRECISE] = 0
    }
  }
}

// Registers that were linked at a jump gained their ranges together: if one is wanted, all are.
function spreadLinks(state: State, entry: number): void {
  if (entry < 0) return
  const count = state.jmp[entry + J_FLAGS]! >>> J_LINKED_COUNT_SHIFT
  if (count === 0) return
  let any = false
  for (let pass = 0; pass < 2; pass++) {
    for (let k = 0; k < count; k++) {
      const link = (state.jmp[entry + J_LINKED + (k >= 3 ? 1 : 0)]! >>> ((k % 3) * 10)) & 0x3ff
      const f = link & 7
      const n = link >>> 4
      const isReg = (link & 8) !== 0
      if (pass === 1) {
        if (isReg) regMask[f]! |= 1 << n
        else addSlot(f, n)
      } else if (isReg ? (regMask[f]! & (1 << n)) !== 0 : hasSlot(f, n)) {
        any = true
      }
    }
    if (!any) return
  }
}

function wants(n: number): boolean {
  return (regMask[frame]! & (1 << n)) !== 0
}

function drop(n: number): void {
  regMask[frame]! &= ~(1 << n)
}

function want(n: number): void {
  regMask[frame]! |= 1 << n
}

function leaveFrame(env: Env): void {
  if (frame === 0) env.reject(EFAULT, 'verifier bug: backtracking subprog exit')
  frame--
}

function enterFrame(env: Env): void {
  if (frame >= MAX_CALL_FRAMES - 1) env.reject(EFAULT, 'verifier bug: backtracking subprog enter')
  frame++
}

// What has to be precise before an instruction, given what has to be after it. False: it can't be told.
function backtrack(env: Env, i: number, following: number, state: State, entry: number): boolean {
  const { insns } = env
  const code = insns.code[i]!
  if (code === 0) return true
  if (env.logging2) {
    const regs = regNames(regMask[frame]!)
    const slots = slotNames(slotLo[frame]!, slotHi[frame]!)
    env.log.add(`mark_precise: frame${frame}: regs=${regs} stack=${slots} before ${i}: ${insnText(env, i)}\n`)
  }
  spreadLinks(state, entry)
  const flags = entry < 0 ? 0 : state.jmp[entry + J_FLAGS]!
  const dst = insns.dst[i]!
  const src = insns.src[i]!
  switch (code & 7) {
    case BPF_ALU:
    case BPF_ALU64: {
      if (!wants(dst)) return true
      const op = code & 0xf0
      if (op === BPF_END || op === BPF_NEG) return true
      if (op === BPF_MOV) drop(dst)
      if ((code & BPF_X) !== 0 && src !== 10) want(src)
      break
    }
    case BPF_LDX:
      if (!load(dst, flags)) return true
      break
    case BPF_STX:
    case BPF_ST:
      if ((code & 7) === BPF_STX && (code & 0xe0) === BPF_ATOMIC && insns.imm[i] === BPF_LOAD_ACQ) {
        if (!load(dst, flags)) return true
        break
      }
      // A pointer is never wanted: the walk met a difference of pointers.
      if (wants(dst)) return false
      if ((flags & INSN_F_STACK_ACCESS) === 0) return true
      if (!hasSlot(flags & 7, (flags >>> INSN_F_SPI_SHIFT) & 63)) return true
      dropSlot(flags & 7, (flags >>> INSN_F_SPI_SHIFT) & 63)
      if ((code & 7) === BPF_STX) want(src)
      break
    case BPF_JMP:
    case BPF_JMP32: {
      const op = code & 0xf0
      if (op === BPF_CALL) return backtrackCall(env, i, following)
      if (op === BPF_EXIT) return backtrackExit(env, following)
      if ((code & BPF_X) !== 0) {
        if (!wants(dst) && !wants(src)) return true
        if ((flags & INSN_F_SRC_REG_STACK) === 0) want(src)
        if ((flags & INSN_F_DST_REG_STACK) === 0) want(dst)
      }
      break
    }
    case BPF_LD: {
      const mode = code & 0xe0
      const skb = mode === BPF_IND || mode === BPF_ABS
      if (skb && following !== i + 1) {
        // The byte was missing: the walk comes from the caller, whose R0 is then 0.
        if (wants(0)) return false
        enterFrame(env)
        return true
      }
      if (!wants(dst)) return true
      drop(dst)
      if (skb) return false
      break
    }
  }
  spreadLinks(state, entry)
  return true
}

// A load that filled a wanted register from the stack makes the slot wanted; other memory is as precise as it is.
function load(dst: number, flags: number): boolean {
  if (!wants(dst)) return false
  drop(dst)
  if ((flags & INSN_F_STACK_ACCESS) === 0) return false
  addSlot(flags & 7, (flags >>> INSN_F_SPI_SHIFT) & 63)
  return true
}

function backtrackCall(env: Env, i: number, following: number): boolean {
  const { insns } = env
  if (insns.src[i] === BPF_PSEUDO_CALL) {
    const subprog = findSubprog(env, i + insns.imm[i]! + 1)
    if (subprog >= 0 && env.subprogs[subprog]!.isGlobal) {
      if ((regMask[frame]! & ARGS) !== 0) env.reject(EFAULT, 'verifier bug: global subprog unexpected regs')
      drop(0)
      return true
    }
    if ((regMask[frame]! & ~ARGS) !== 0 || (slotLo[frame]! | slotHi[frame]!) !== 0) {
      env.reject(EFAULT, 'verifier bug: static subprog unexpected regs')
    }
    const args = regMask[frame]!
    regMask[frame] = 0
    leaveFrame(env)
    regMask[frame]! |= args
    return true
  }
  if ((env.marks[i]! & CALLS_CALLBACK) !== 0 && i !== following - 1) {
    // Out of a callback into the helper that called it: the callback's arguments come from there.
    if ((regMask[frame]! & ~ARGS) !== 0 || (slotLo[frame]! | slotHi[frame]!) !== 0) {
      env.reject(EFAULT, 'verifier bug: callback unexpected regs')
    }
    regMask[frame] = 0
    leaveFrame(env)
    return true
  }
  if (insns.src[i] === BPF_PSEUDO_KFUNC_CALL && isAbsentKfunc(env, i)) return false
  drop(0)
  if (insns.src[i] === 0 && insns.imm[i] === TAIL_CALL && following !== i + 1) {
    // The tail call was taken and returned to the caller.
    enterFrame(env)
    return true
  }
  if ((regMask[frame]! & ARGS) !== 0) env.reject(EFAULT, 'verifier bug: backtracking call unexpected regs')
  return true
}

// Backwards over an exit is into the function that ended there.
function backtrackExit(env: Env, following: number): boolean {
  if (following >= 0 && (env.marks[following]! & CALLS_CALLBACK) !== 0) regMask[frame]! &= ~ARGS
  if ((regMask[frame]! & ARGS) !== 0) env.reject(EFAULT, 'verifier bug: backtracking exit unexpected regs')
  const { insns } = env
  const call = following - 1
  const fromCall =
    call >= 0 && (insns.code[call]! & 0xf0) === BPF_CALL && isJmp(insns.code[call]!) && insns.src[call] === BPF_PSEUDO_CALL
  const wantsResult = fromCall && wants(0)
  drop(0)
  enterFrame(env)
  if (wantsResult) want(0)
  return true
}

function isJmp(code: number): boolean {
  return (code & 7) === BPF_JMP
}
