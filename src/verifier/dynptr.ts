// Dynptrs: a pointer with its length and rights in two stack slots that a program can't look into. In R_AUX of their slots stands the kind
// (DYNPTR_*) and 0x100 in the slot at the lower address, the one that a pointer to the dynptr points at; R_ID is the dynptr's own id, which
// memory taken out of it carries in R_AUX, and R_REF_ID the reference of one that must be released.

import { EFAULT, EINVAL } from '../bpf/errno.ts'
import type { Env } from './env.ts'
import { checkAccess } from './memory.ts'
import { acquireRef, releaseRef } from './refs.ts'
import {
  CONST_PTR_TO_DYNPTR,
  DYNPTR_TYPE_LOCAL,
  DYNPTR_TYPE_RINGBUF,
  DYNPTR_TYPE_SKB,
  DYNPTR_TYPE_SKB_META,
  DYNPTR_TYPE_XDP,
  fillSlotType,
  isConst,
  MEM_RDONLY,
  MEM_UNINIT,
  PTR_TO_STACK,
  R_AUX,
  R_FRAME,
  R_ID,
  R_OFF,
  R_REF_ID,
  R_TYPE,
  R_VALUE,
  REG_WORDS,
  S_TYPES,
  SLOT_WORDS,
  STACK_DYNPTR,
  STACK_INVALID,
  setNotInit,
  setPointer,
  slotType,
} from './reg.ts'
import { DYNPTR_FIRST_SLOT, DYNPTR_RINGBUF, destroyDynptrSlot } from './slot-object.ts'
import type { Frame } from './state.ts'

export const DYNPTR_LOCAL = 1
export const DYNPTR_SKB = 3
export const DYNPTR_XDP = 4
export const DYNPTR_SKB_META = 5

const FULL: number = Math.imul(STACK_DYNPTR, 0x01010101)

export const DYNPTR_KINDS: number =
  DYNPTR_TYPE_LOCAL | DYNPTR_TYPE_RINGBUF | DYNPTR_TYPE_SKB | DYNPTR_TYPE_XDP | DYNPTR_TYPE_SKB_META

const kindNames = ['', 'local', 'ringbuf', 'skb', 'xdp', 'skb_meta']

/** DYNPTR_* of the type flags of an argument; 0: any. */
function kindOfFlags(argType: number): number {
  switch (argType & DYNPTR_KINDS) {
    case DYNPTR_TYPE_LOCAL:
      return DYNPTR_LOCAL
    case DYNPTR_TYPE_RINGBUF:
      return DYNPTR_RINGBUF
    case DYNPTR_TYPE_SKB:
      return DYNPTR_SKB
    case DYNPTR_TYPE_XDP:
      return DYNPTR_XDP
    case DYNPTR_TYPE_SKB_META:
      return DYNPTR_SKB_META
  }
  return 0
}

/** Type flags of a kind. */
export function flagsOfKind(kind: number): number {
  return [0, DYNPTR_TYPE_LOCAL, DYNPTR_TYPE_RINGBUF, DYNPTR_TYPE_SKB, DYNPTR_TYPE_XDP, DYNPTR_TYPE_SKB_META][kind] ?? 0
}

/** Beyond what is allocated of the stack: fine for what is about to be made. */
export const SLOT_OUT_OF_RANGE = -2
export const SLOT_BAD = -1

/**
 * The slot (that at the lowest address, with the highest number) of an object of `slots` slots that register `n` points at;
 * SLOT_BAD after having said why, SLOT_OUT_OF_RANGE.
 */
export function objectSlot(env: Env, n: number, slots: number, what: string): number {
  const r = env.regs
  const i = n * REG_WORDS
  if (!isConst(r, i)) {
    env.verbose(`${what} has to be at a constant offset\n`)
    return SLOT_BAD
  }
  const off = (r[i + R_OFF]! + r[i + R_VALUE]!) | 0
  // C rounds towards zero, so Linux takes the frame pointer itself for one into the first slot.
  const slot = ((-off - 1) / 8) | 0
  if (off % 8 !== 0 || slot + 1 < slots) {
    env.verbose(`cannot pass in ${what} at an offset=${off}\n`)
    return SLOT_BAD
  }
  return slot < env.state.frames[r[i + R_FRAME]!]!.allocated >> 3 ? slot : SLOT_OUT_OF_RANGE
}

/** Marks slots [slot - count + 1, slot] of a frame as written or read for stack liveness and for the log. */
export function touchSlots(env: Env, frame: Frame, slot: number, count: number, write: boolean): void {
  let lo = 0
  let hi = 0
  for (let s = slot - count + 1; s <= slot; s++) {
    if (s < 32) lo |= 1 << s
    else hi |= 1 << (s - 32)
    if (!write) env.scratchSlot(s)
  }
  if (write) env.stackWatch?.write(frame.frameno, lo, hi)
  else env.stackWatch?.read(frame.frameno, env.insn, lo, hi)
}

function frameOf(env: Env, n: number): Frame {
  return env.state.frames[env.regs[n * REG_WORDS + R_FRAME]!]!
}

function isDynptrSlot(frame: Frame, slot: number): boolean {
  const s = slot * SLOT_WORDS
  const { stack } = frame
  return slot >= 0 && stack[s + S_TYPES] === FULL && stack[s + S_TYPES + 1] === FULL
}

/** The argument in register `n`; `argType` says what it must be, `cloneRef` the reference that a new one shares with another (0: none). */
export function checkDynptr(env: Env, n: number, argType: number, cloneRef: number): void {
  const r = env.regs
  const type = r[n * REG_WORDS + R_TYPE]!
  if (type !== PTR_TO_STACK && type !== CONST_PTR_TO_DYNPTR) {
    env.reject(EINVAL, `arg#${n - 1} expected pointer to stack or const struct bpf_dynptr`)
  }
  if ((argType & MEM_UNINIT) !== 0) {
    makeDynptr(env, n, kindOfFlags(argType), cloneRef)
    return
  }
  if (type === CONST_PTR_TO_DYNPTR && (argType & MEM_RDONLY) === 0) {
    env.reject(EINVAL, 'cannot pass pointer to const bpf_dynptr, the helper mutates it')
  }
  if (!isInitialised(env, n)) env.reject(EINVAL, `Expected an initialized dynptr as arg #${n - 1}`)
  const wanted = kindOfFlags(argType)
  if (wanted !== 0 && wanted !== dynptrKind(env, n)) {
    env.reject(EINVAL, `Expected a dynptr of type ${kindNames[wanted]} as arg #${n - 1}`)
  }
  if (type !== CONST_PTR_TO_DYNPTR) touchSlots(env, frameOf(env, n), objectSlot(env, n, 2, 'dynptr'), 2, false)
}

function isInitialised(env: Env, n: number): boolean {
  if (env.regs[n * REG_WORDS + R_TYPE] === CONST_PTR_TO_DYNPTR) return true
  const slot = objectSlot(env, n, 2, 'dynptr')
  if (slot < 0) return false
  const frame = frameOf(env, n)
  if ((frame.stack[slot * SLOT_WORDS + R_AUX]! & DYNPTR_FIRST_SLOT) === 0) return false
  return isDynptrSlot(frame, slot) && isDynptrSlot(frame, slot - 1)
}

function makeDynptr(env: Env, n: number, kind: number, cloneRef: number): void {
  const isFresh = env.regs[n * REG_WORDS + R_TYPE] !== CONST_PTR_TO_DYNPTR && objectSlot(env, n, 2, 'dynptr') !== SLOT_BAD
  if (!isFresh) env.reject(EINVAL, 'Dynptr has to be an uninitialized dynptr')
  for (let at = 0; at < 16; at += 8) checkAccess(env, n, at, 8, true, -1, false, false)
  const slot = objectSlot(env, n, 2, 'dynptr')
  const frame = frameOf(env, n)
  destroyDynptrSlot(env, frame, slot)
  destroyDynptrSlot(env, frame, slot - 1)
  if (kind === 0) env.reject(EINVAL, '')
  const id = env.newId()
  for (const at of [slot, slot - 1]) {
    const s = at * SLOT_WORDS
    fillSlotType(frame.stack, s, STACK_DYNPTR)
    setPointer(frame.stack, s, CONST_PTR_TO_DYNPTR)
    frame.stack[s + R_ID] = id
    frame.stack[s + R_AUX] = at === slot ? kind | DYNPTR_FIRST_SLOT : kind
  }
  if (kind === DYNPTR_RINGBUF) {
    const ref = cloneRef !== 0 ? cloneRef : acquireRef(env, env.insn)
    frame.stack[slot * SLOT_WORDS + R_REF_ID] = ref
    frame.stack[(slot - 1) * SLOT_WORDS + R_REF_ID] = ref
  }
  touchSlots(env, frame, slot, 2, true)
}

/** Makes a register of a dynptr that the kernel owns: what a callback is given. */
export function setConstDynptr(r: Int32Array, i: number, kind: number, id: number): void {
  setPointer(r, i, CONST_PTR_TO_DYNPTR)
  r[i + R_ID] = id
  r[i + R_AUX] = kind | DYNPTR_FIRST_SLOT
}

/** Words in which a dynptr's particulars stand: the register itself or its first slot. */
function holder(env: Env, n: number): readonly [Int32Array, number] {
  const i = n * REG_WORDS
  if (env.regs[i + R_TYPE] === CONST_PTR_TO_DYNPTR) return [env.regs, i]
  const slot = objectSlot(env, n, 2, 'dynptr')
  if (slot < 0) return env.reject(EFAULT, '')
  return [frameOf(env, n).stack, slot * SLOT_WORDS]
}

/** DYNPTR_* of an initialised dynptr. */
export function dynptrKind(env: Env, n: number): number {
  const [r, i] = holder(env, n)
  return r[i + R_AUX]! & 0xff
}

export function dynptrId(env: Env, n: number): number {
  const [r, i] = holder(env, n)
  return r[i + R_ID]!
}

export function dynptrRef(env: Env, n: number): number {
  const [r, i] = holder(env, n)
  return r[i + R_REF_ID]!
}

/** Whether a dynptr on the stack holds a reference. */
export function isAcquiredDynptr(env: Env, n: number): boolean {
  const slot = objectSlot(env, n, 2, 'dynptr')
  return slot >= 0 && frameOf(env, n).stack[slot * SLOT_WORDS + R_REF_ID] !== 0
}

/** `unmark_stack_slots_dynptr`: the dynptr that register `n` points at is released, with its clones and all memory taken out of them. */
export function releaseDynptr(env: Env, n: number): boolean {
  const slot = objectSlot(env, n, 2, 'dynptr')
  if (slot < 0) return false
  const frame = frameOf(env, n)
  const { stack } = frame
  const s = slot * SLOT_WORDS
  if ((stack[s + R_AUX]! & 0xff) !== DYNPTR_RINGBUF) {
    forget(env, frame, slot)
    return true
  }
  const ref = stack[s + R_REF_ID]!
  releaseRef(env, ref)
  for (let at = 1; at < frame.allocated >> 3; at++) {
    const clone = at * SLOT_WORDS
    if (stack[clone + R_REF_ID] !== ref || slotType(stack, clone, 0) !== STACK_DYNPTR) continue
    if ((stack[clone + R_AUX]! & DYNPTR_FIRST_SLOT) !== 0) forget(env, frame, at)
  }
  return true
}

function forget(env: Env, frame: Frame, slot: number): void {
  for (const at of [slot, slot - 1]) {
    fillSlotType(frame.stack, at * SLOT_WORDS, STACK_INVALID)
    setNotInit(frame.stack, at * SLOT_WORDS)
  }
  touchSlots(env, frame, slot, 2, true)
}
