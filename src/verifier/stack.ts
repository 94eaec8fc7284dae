// Loads from and stores to the stack. A register that is stored at the start of a slot stands there with all that is known of it, and a load
// of as many bytes or fewer gets it back; any other store leaves bytes that are zero or just something (MISC).

import { EACCES, EFAULT, EINVAL } from '../bpf/errno.ts'
import { BPF_ST } from '../bpf/opcode.ts'
import { clearId, giveId } from './alu.ts'
import type { Env } from './env.ts'
import { checkFastcallStack } from './fastcall.ts'
import { pushJump } from './history.ts'
import { lineText } from './lines.ts'
import { markUnknown } from './operand.ts'
import { BPF_MAX_VAR_OFF } from './pointer-alu.ts'
import { markChainPrecision } from './precision.ts'
import { tnumText } from './print-number.ts'
import {
  CONST_PTR_TO_DYNPTR,
  copyReg,
  isConst,
  isNull,
  NOT_INIT,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
  R_FRAME,
  R_ID,
  R_PRECISE,
  R_SMAX,
  R_SMIN,
  R_SUBREG_DEF,
  R_TYPE,
  R_UMAX,
  R_VALUE,
  REG_WORDS,
  S_TYPES,
  SCALAR_VALUE,
  SLOT_WORDS,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  setKnown,
  setSlotType,
  slotType,
  TYPE_BASE_MASK,
} from './reg.ts'
import { destroyDynptrSlot } from './slot-object.ts'
import { BARRIER_BEHIND, speculationOf } from './speculation.ts'
import { type Frame, INSN_F_SPI_SHIFT, INSN_F_STACK_ACCESS, isSpilled, MAX_BPF_STACK } from './state.ts'

/** The frame that a stack pointer points into. */
export function frameOf(env: Env, r: Int32Array, i: number): Frame {
  return env.state.frames[r[i + R_FRAME]!]!
}

// A signed 64-bit quantity as a number; only compared, so rounding far from zero does no harm.
function number(r: Int32Array, i: number): number {
  return r[i + 1]! * 4294967296 + (r[i]! >>> 0)
}

/** The lowest and highest offset that a stack pointer's variable part gives, once it was found to be within bounds. */
function low(r: Int32Array, i: number): number {
  return isConst(r, i) ? r[i + R_VALUE]! : r[i + R_SMIN]!
}

function high(r: Int32Array, i: number): number {
  return isConst(r, i) ? r[i + R_VALUE]! : r[i + R_SMAX]!
}

/**
 * `check_stack_access_within_bounds`: `size` bytes at `off` (instruction's and pointer's fixed offset) of the pointer in register `n`; grows
 * the frame as needed.
 */
export function checkStackBounds(env: Env, n: number, off: number, size: number, write: boolean): void {
  const r = env.regs
  const i = n * REG_WORDS
  const kind = write ? ' write to' : ' read from'
  const known = isConst(r, i)
  let min: number
  let max: number
  if (known) {
    min = number(r, i + R_VALUE) + off
    max = min + size
  } else {
    const smin = number(r, i + R_SMIN)
    const smax = number(r, i + R_SMAX)
    if (smax >= BPF_MAX_VAR_OFF || smin <= -BPF_MAX_VAR_OFF) {
      env.reject(EACCES, `invalid unbounded variable-offset${kind} stack R${n}`)
    }
    min = smin + off
    max = smax + off + size
  }
  const frame = frameOf(env, r, i)
  // Spills around a bpf_fastcall helper may lie below the limit: they go away again.
  const limit = MAX_BPF_STACK + (env.fastcallPattern[env.insn] === 1 ? 48 : 0)
  const lowest = write || env.privileged ? -limit : -frame.allocated
  let errno = 0
  if (min < lowest || min > -1) errno = EACCES
  else if (max > 0) errno = EINVAL
  else if (size < 0) errno = EFAULT
  if (errno !== 0) {
    if (known) env.reject(errno, `invalid${kind} stack R${n} off=${min} size=${size}`)
    env.reject(errno, `invalid variable-offset${kind} stack R${n} var_off=${tnumText(r, i + R_VALUE)} off=${off} size=${size}`)
  }
  growStack(env, frame, -min)
}

/** Makes room for an access `bytes` below the frame pointer and notes the subprogram's stack depth. */
export function growStack(env: Env, frame: Frame, bytes: number): void {
  if (bytes <= frame.allocated) return
  frame.grow(bytes)
  const subprog = env.subprogs[frame.subprog]!
  if (subprog.stackDepth < frame.allocated) subprog.stackDepth = frame.allocated
}

/** Notes that slots between two offsets (inclusive) may be read. */
export function watchRead(env: Env, frame: Frame, first: number, last: number): void {
  const watch = env.stackWatch
  if (watch === null) return
  let lo = 0
  let hi = 0
  for (let s = (-last - 1) >> 3; s <= (-first - 1) >> 3; s++) {
    if (s < 32) lo |= 1 << s
    else hi |= 1 << (s & 31)
  }
  watch.read(frame.frameno, env.insn, lo, hi)
}

/** `check_stack_read`: into register `dst`; -1: the value goes nowhere but must be a number. */
export function readStack(env: Env, n: number, off: number, size: number, dst: number): void {
  const r = env.regs
  const i = n * REG_WORDS
  const frame = frameOf(env, r, i)
  if (isConst(r, i)) {
    readFixed(env, frame, off + r[i + R_VALUE]!, size, dst)
    return
  }
  if (dst < 0) {
    env.reject(
      EACCES,
      `variable offset stack pointer cannot be passed into helper function; var_off=${tnumText(r, i + R_VALUE)} off=${off} size=${size}`,
    )
  }
  checkStackInit(env, n, off, size, false, false)
  const min = low(r, i) + off
  const max = high(r, i) + off
  readBytes(env, frame, min, max + size, dst)
  checkFastcallStack(env, frame.subprog, env.insn, min)
}

function flagsOf(frame: Frame, slot: number): number {
  return INSN_F_STACK_ACCESS | frame.frameno | (slot << INSN_F_SPI_SHIFT)
}

function readFixed(env: Env, frame: Frame, off: number, size: number, dst: number): void {
  const first = -off - 1
  const slot = first >> 3
  const s = slot * SLOT_WORDS
  const stack = frame.stack
  env.scratchSlot(slot)
  checkFastcallStack(env, env.frame.subprog, env.insn, off)
  watchRead(env, frame, off, off)
  if (!isSpilled(stack, s)) {
    for (let k = 0; k < size; k++) checkReadable(env, slotType(stack, s, (first - k) & 7), off, k, size)
    if (dst >= 0) readBytes(env, frame, off, off + size, dst)
    return
  }
  const r = env.regs
  let spilled = 1
  for (let j = 7; j > 0 && slotType(stack, s, j - 1) === STACK_SPILL; j--) spilled++
  if (size !== 8 || spilled !== 8) {
    if (stack[s + R_TYPE] !== SCALAR_VALUE) {
      env.verbose(lineText(env, env.insn))
      env.reject(EACCES, 'invalid size of register fill')
    }
    if (dst < 0) return
    if (!readPart(env, frame, s, off, size, spilled, dst)) return
  } else if (dst >= 0) {
    copyReg(r, dst * REG_WORDS, stack, s)
  } else if (!env.privileged && stack[s + R_TYPE] !== SCALAR_VALUE) {
    env.reject(EACCES, `leaking pointer from stack off ${off}`)
  }
  pushJump(env, flagsOf(frame, slot), 0, 0, 0)
}

function checkReadable(env: Env, type: number, off: number, k: number, size: number): void {
  if (type === STACK_MISC || type === STACK_ZERO || (type === STACK_INVALID && env.privileged)) return
  env.reject(EACCES, `invalid read from stack off ${off}+${k} size ${size}`)
}

// Bits that a scalar has: 1..64.
function width(r: Int32Array, i: number): number {
  const hi = r[i + R_UMAX + 1]!
  return hi !== 0 ? 64 - Math.clz32(hi) : 32 - Math.clz32(r[i + R_UMAX]!)
}

// A load that is not all of what was spilled. True if it is a fill all the same, of which precision must know.
function readPart(env: Env, frame: Frame, s: number, off: number, size: number, spilled: number, dst: number): boolean {
  const stack = frame.stack
  const r = env.regs
  const d = dst * REG_WORDS
  const subregDef = r[d + R_SUBREG_DEF]!
  if (size <= spilled && (off & 7) === 0) {
    if (env.privileged && size === 4 && spilled === 4 && width(stack, s) <= 32) giveId(env, stack, s)
    copyReg(r, d, stack, s)
    r[d + R_SUBREG_DEF] = subregDef
    // The caller cuts the value to size: then it is no longer the one in the slot.
    if (width(r, d) > size * 8) clearId(r, d)
    return true
  }
  let spills = 0
  let zeros = 0
  for (let k = 0; k < size; k++) {
    const type = slotType(stack, s, (-off - 1 - k) & 7)
    if (type === STACK_SPILL) spills++
    else if (type === STACK_ZERO) zeros++
    else checkReadable(env, type, off, k, size)
  }
  if (spills === size && isConst(stack, s) && (stack[s + R_VALUE]! | stack[s + R_VALUE + 1]!) === 0) {
    setZero(env, r, d)
    return true
  }
  if (zeros === size) setZero(env, r, d)
  else markUnknown(env, r, d)
  return false
}

function setZero(env: Env, r: Int32Array, d: number): void {
  setKnown(r, d, 0, 0)
  if (!env.privileged) r[d + R_PRECISE] = 1
}

// A load of bytes that were not spilled together: zero if all are, else unknown.
function readBytes(env: Env, frame: Frame, from: number, to: number, dst: number): void {
  let zeros = 0
  for (let off = from; off < to; off++) {
    const slot = (-off - 1) >> 3
    env.scratchSlot(slot)
    if (slotType(frame.stack, slot * SLOT_WORDS, (-off - 1) & 7) !== STACK_ZERO) break
    zeros++
  }
  if (zeros === to - from) setZero(env, env.regs, dst * REG_WORDS)
  else markUnknown(env, env.regs, dst * REG_WORDS)
}

/** `check_stack_write`: of register `src`, or of the immediate of a BPF_ST (-1). */
export function writeStack(env: Env, n: number, off: number, size: number, src: number): void {
  const r = env.regs
  const i = n * REG_WORDS
  const frame = frameOf(env, r, i)
  if (isConst(r, i)) writeFixed(env, frame, off + r[i + R_VALUE]!, size, src)
  else writeVariable(env, frame, r[i + R_SMIN]! + off, r[i + R_SMAX]! + off + size, src)
}

function writesImmediateZero(env: Env): boolean {
  return (env.insns.code[env.insn]! & 7) === BPF_ST && env.insns.imm[env.insn] === 0
}

// Pointers that keep being ones on the stack; of a dynptr that a callback was given only bytes are stored.
function isSpillable(type: number): boolean {
  const base = type & TYPE_BASE_MASK
  return base !== SCALAR_VALUE && base !== CONST_PTR_TO_DYNPTR && base !== PTR_TO_TP_BUFFER
}

// The store may be bypassed by a later load of what stood there before: then a barrier follows it.
function noteStackWrite(env: Env, stack: Int32Array, s: number, first: number, size: number, src: number): void {
  let stale = src >= 0 && isSpillable(env.regs[src * REG_WORDS + R_TYPE]!)
  for (let k = 0; k < size; k++) {
    const type = slotType(stack, s, (first - k) & 7)
    if (type !== STACK_MISC && type !== STACK_ZERO) stale = true
  }
  const speculation = speculationOf(env)
  if (stale && speculation !== null) speculation.barrier[env.insn]! |= BARRIER_BEHIND
}

function writeFixed(env: Env, frame: Frame, off: number, size: number, src: number): void {
  const first = -off - 1
  const slot = first >> 3
  const s = slot * SLOT_WORDS
  const stack = frame.stack
  const r = env.regs
  const v = src * REG_WORDS
  const aligned = (off & 7) === 0
  if (!env.privileged && size !== 8 && isSpilled(stack, s) && stack[s + R_TYPE] !== SCALAR_VALUE) {
    env.reject(EACCES, 'attempt to corrupt spilled pointer on stack')
  }
  if (!env.privileged) noteStackWrite(env, stack, s, first, size, src)
  destroyDynptrSlot(env, frame, slot)
  if (aligned && size === 8) env.stackWatch?.write(frame.frameno, slot < 32 ? 1 << slot : 0, slot < 32 ? 0 : 1 << (slot & 31))
  checkFastcallStack(env, frame.subprog, env.insn, off)
  env.scratchSlot(slot)
  if (src >= 0 && aligned && r[v + R_TYPE] === SCALAR_VALUE && env.privileged) {
    const fits = width(r, v) <= size * 8
    if (fits) giveId(env, r, v)
    save(env, stack, s, r, v, size)
    if (!fits) stack[s + R_ID] = 0
  } else if (src < 0 && aligned && (env.insns.code[env.insn]! & 7) === BPF_ST && env.privileged) {
    const imm = env.insns.imm[env.insn]!
    setKnown(env.scratch, 0, imm, imm >> 31)
    env.scratch[R_SUBREG_DEF] = 0
    save(env, stack, s, env.scratch, 0, size)
  } else if (src >= 0 && isSpillable(r[v + R_TYPE]!)) {
    if (size !== 8) {
      env.verbose(lineText(env, env.insn))
      env.reject(EACCES, 'invalid size of register spill')
    }
    if (frame !== env.frame && r[v + R_TYPE] === PTR_TO_STACK) {
      env.reject(EINVAL, 'cannot spill pointers to stack into stack frame of the caller')
    }
    save(env, stack, s, r, v, size)
  } else {
    drop(stack, s)
    let type = STACK_MISC
    if (src >= 0 ? isNull(r, v) : writesImmediateZero(env)) {
      // The zero bytes stand for the register's value from here on.
      markChainPrecision(env, src)
      type = STACK_ZERO
    }
    for (let k = 0; k < size; k++) setSlotType(stack, s, (first - k) & 7, type)
    return
  }
  pushJump(env, flagsOf(frame, slot), 0, 0, 0)
}

// A register into a slot; bytes above a narrow one keep being zero or unwritten, all else there is overwritten.
function save(env: Env, stack: Int32Array, s: number, r: Int32Array, v: number, size: number): void {
  copyReg(stack, s, r, v)
  if (size === 8) {
    stack[s + S_TYPES] = 0x01010101
    stack[s + S_TYPES + 1] = 0x01010101
    return
  }
  for (let j = 7; j >= 8 - size; j--) setSlotType(stack, s, j, STACK_SPILL)
  for (let j = 7 - size; j >= 0; j--) {
    const type = slotType(stack, s, j)
    if (type !== STACK_ZERO && !(type === STACK_INVALID && env.privileged)) setSlotType(stack, s, j, STACK_MISC)
  }
}

// What was in a slot as a whole is no more.
function drop(stack: Int32Array, s: number): void {
  stack[s + R_TYPE] = NOT_INIT
  const last = slotType(stack, s, 7)
  if (last === STACK_SPILL || last === STACK_DYNPTR || last === STACK_ITER || last === STACK_IRQ_FLAG) scrub(stack, s)
}

// A spill of which a part is overwritten.
function scrub(stack: Int32Array, s: number): void {
  for (let j = 0; j < 8; j++) if (slotType(stack, s, j) !== STACK_INVALID) setSlotType(stack, s, j, STACK_MISC)
}

// A store somewhere between two offsets.
function writeVariable(env: Env, frame: Frame, from: number, to: number, src: number): void {
  const zero = src >= 0 ? isNull(env.regs, src * REG_WORDS) : writesImmediateZero(env)
  const stack = frame.stack
  for (let off = from; off < to; off++) destroyDynptrSlot(env, frame, (-off - 1) >> 3)
  checkFastcallStack(env, frame.subprog, env.insn, from)
  let zeroUsed = false
  for (let off = from; off < to; off++) {
    const slot = (-off - 1) >> 3
    const s = slot * SLOT_WORDS
    const j = (-off - 1) & 7
    const type = slotType(stack, s, j)
    env.scratchSlot(slot)
    if (!env.privileged && type !== STACK_MISC && type !== STACK_ZERO) {
      env.reject(EINVAL, `spilled ptr in range of var-offset stack write; insn ${env.insn}, ptr off: ${off}`)
    }
    if (zero && type === STACK_SPILL && isSpilled(stack, s) && isNull(stack, s)) {
      zeroUsed = true
      continue
    }
    drop(stack, s)
    if (zero && type === STACK_ZERO) zeroUsed = true
    else setSlotType(stack, s, j, STACK_MISC)
  }
  if (zeroUsed) markChainPrecision(env, src)
}

/**
 * `check_stack_range_initialized` without a raw buffer: every byte that `size` bytes from the pointer in register `n` can touch has a
 * value. `clobber`: they may be overwritten.
 */
export function checkStackInit(env: Env, n: number, off: number, size: number, zeroSizeAllowed: boolean, clobber: boolean): void {
  checkStackRange(env, n, off, size, zeroSizeAllowed, clobber, false)
}

/** The same; `raw`: the bytes are only written, and need no value. True when that was all (a constant offset). */
export function checkStackRange(
  env: Env,
  n: number,
  off: number,
  size: number,
  zeroSizeAllowed: boolean,
  clobber: boolean,
  raw: boolean,
): boolean {
  const r = env.regs
  const i = n * REG_WORDS
  if (size === 0 && !zeroSizeAllowed) env.reject(EACCES, 'invalid zero-sized read')
  checkStackBounds(env, n, off, size, clobber)
  const frame = frameOf(env, r, i)
  const stack = frame.stack
  const known = isConst(r, i)
  if (!known && !env.privileged) {
    env.reject(EACCES, `R${n} variable offset stack access prohibited for !root, var_off=${tnumText(r, i + R_VALUE)}`)
  }
  const min = low(r, i) + off
  const end = high(r, i) + off + size
  if (raw && known) {
    for (let at = min; at < end; at++) {
      if (slotType(stack, ((-at - 1) >> 3) * SLOT_WORDS, (-at - 1) & 7) === STACK_DYNPTR) {
        env.reject(EACCES, `potential write to dynptr at off=${at} disallowed`)
      }
    }
    return true
  }
  for (let at = min; at < end; at++) {
    const slot = (-at - 1) >> 3
    const s = slot * SLOT_WORDS
    const j = (-at - 1) & 7
    const type = slotType(stack, s, j)
    if (type === STACK_ZERO || (type === STACK_INVALID && env.privileged)) {
      if (clobber) setSlotType(stack, s, j, STACK_MISC)
    } else if (type !== STACK_MISC) {
      if (!isSpilled(stack, s) || (stack[s + R_TYPE] !== SCALAR_VALUE && !env.privileged)) {
        env.reject(
          EACCES,
          known
            ? `invalid read from stack R${n} off ${min}+${at - min} size ${size}`
            : `invalid read from stack R${n} var_off ${tnumText(r, i + R_VALUE)}+${at - min} size ${size}`,
        )
      }
      if (clobber) {
        markUnknown(env, stack, s)
        scrub(stack, s)
      }
    }
    watchRead(env, frame, at, at)
  }
  return false
}
