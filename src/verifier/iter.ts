// Open-coded iterators: an object on the stack that `…_new` makes, `…_next` steps and `…_destroy` ends. In its slots R_AUX holds the state
// in bits 0-1 and the number of steps above, R_BTF_ID the name, and the slot at the lowest address the reference. A step goes two ways:
// there is another element, or there is none.

import { EINVAL, EPROTO } from '../bpf/errno.ts'
import { objectSlot, SLOT_BAD, SLOT_OUT_OF_RANGE, touchSlots } from './dynptr.ts'
import type { Env } from './env.ts'
import { findPrevious } from './explored.ts'
import type { Kfunc } from './kfunc.ts'
import { checkAccess } from './memory.ts'
import { markNotNull } from './nullness.ts'
import { pushPath } from './paths.ts'
import { acquireRef, releaseRef } from './refs.ts'
import {
  fillSlotType,
  MEM_RCU,
  PTR_TO_STACK,
  PTR_UNTRUSTED,
  R_AUX,
  R_BTF_ID,
  R_FRAME,
  R_REF_ID,
  R_TYPE,
  REG_WORDS,
  S_TYPES,
  SLOT_WORDS,
  STACK_INVALID,
  STACK_ITER,
  setKnown,
  setNotInit,
  setPointer,
} from './reg.ts'
import type { Frame } from './state.ts'
import { typeId } from './type-id.ts'
import { widen } from './widen.ts'

const ACTIVE = 1
const DRAINED = 2
const STEP = 4

const FULL: number = Math.imul(STACK_ITER, 0x01010101)

/** Bytes of each kind. */
const sizes: ReadonlyMap<string, number> = new Map([
  ['num', 8],
  ['bits', 16],
  ['task', 24],
  ['css', 24],
  ['css_task', 8],
  ['task_vma', 8],
  ['kmem_cache', 8],
  ['dmabuf', 8],
])

const TYPE = /^struct bpf_iter_(\w+)\*$/

/** The kind of an iterator parameter, such as `num`; undefined for other parameters. */
export function iterKind(paramType: string): string | undefined {
  const kind = TYPE.exec(paramType)?.[1]
  return kind !== undefined && sizes.has(kind) ? kind : undefined
}

/** Where an iterator is that a call is about. */
export interface IterPlace {
  readonly frame: number
  readonly slot: number
}

function frameOf(env: Env, n: number): Frame {
  return env.state.frames[env.regs[n * REG_WORDS + R_FRAME]!]!
}

function hasIterByte(frame: Frame, slot: number): boolean {
  for (let j = 0; j < 8; j++) {
    if (((frame.stack[slot * SLOT_WORDS + S_TYPES + (j >> 2)]! >>> ((j & 3) * 8)) & 0xff) === STACK_ITER) return true
  }
  return false
}

/** `process_iter_arg`: the iterator that register `n` points at. */
export function checkIter(env: Env, n: number, kind: string, kfunc: Kfunc): IterPlace | undefined {
  if (env.regs[n * REG_WORDS + R_TYPE] !== PTR_TO_STACK)
    env.reject(EINVAL, `arg#${n - 1} expected pointer to an iterator on stack`)
  const slots = sizes.get(kind)! / 8
  if (kfunc.iterNew) {
    makeIter(env, n, kind, slots, kfunc)
    return undefined
  }
  checkInitialised(env, n, kind, slots, kfunc)
  const slot = objectSlot(env, n, slots, 'iter')
  const frame = frameOf(env, n)
  touchSlots(env, frame, slot, slots, false)
  const place = { frame: frame.frameno, slot }
  if (kfunc.iterDestroy) destroyIter(env, frame, slot, slots)
  return place
}

function makeIter(env: Env, n: number, kind: string, slots: number, kfunc: Kfunc): void {
  const before = objectSlot(env, n, slots, 'iter')
  let fresh = before !== SLOT_BAD
  for (let k = 0; before >= 0 && k < slots; k++) if (hasIterByte(frameOf(env, n), before - k)) fresh = false
  if (!fresh) env.reject(EINVAL, `expected uninitialized iter_${kind} as arg #${n - 1}`)
  for (let at = 0; at < slots * 8; at += 8) checkAccess(env, n, at, 8, true, -1, false, false)
  const slot = objectSlot(env, n, slots, 'iter')
  const frame = frameOf(env, n)
  const ref = acquireRef(env, env.insn)
  for (let k = 0; k < slots; k++) {
    const s = (slot - k) * SLOT_WORDS
    let type = PTR_TO_STACK
    if (kfunc.rcuProtected) type |= inRcu(env) ? MEM_RCU : PTR_UNTRUSTED
    setPointer(frame.stack, s, type)
    fillSlotType(frame.stack, s, STACK_ITER)
    frame.stack[s + R_REF_ID] = k === 0 ? ref : 0
    frame.stack[s + R_BTF_ID] = typeId(env, kind)
    frame.stack[s + R_AUX] = ACTIVE
    env.scratchSlot(slot - k)
  }
  touchSlots(env, frame, slot, slots, true)
}

function checkInitialised(env: Env, n: number, kind: string, slots: number, kfunc: Kfunc): void {
  const fail = (): never => env.reject(EINVAL, `expected an initialized iter_${kind} as arg #${n - 1}`)
  const slot = objectSlot(env, n, slots, 'iter')
  if (slot === SLOT_BAD || slot === SLOT_OUT_OF_RANGE) fail()
  const { stack } = frameOf(env, n)
  const name = typeId(env, kind)
  for (let k = 0; k < slots; k++) {
    const s = (slot - k) * SLOT_WORDS
    if ((stack[s + R_TYPE]! & PTR_UNTRUSTED) !== 0) env.reject(EPROTO, `expected an RCU CS when using ${kfunc.name}`)
    if ((stack[s + R_REF_ID] !== 0) !== (k === 0) || stack[s + R_BTF_ID] !== name) fail()
    if (stack[s + S_TYPES] !== FULL || stack[s + S_TYPES + 1] !== FULL) fail()
  }
}

function destroyIter(env: Env, frame: Frame, slot: number, slots: number): void {
  releaseRef(env, frame.stack[slot * SLOT_WORDS + R_REF_ID]!)
  for (let k = 0; k < slots; k++) {
    setNotInit(frame.stack, (slot - k) * SLOT_WORDS)
    fillSlotType(frame.stack, (slot - k) * SLOT_WORDS, STACK_INVALID)
    env.scratchSlot(slot - k)
  }
  touchSlots(env, frame, slot, slots, true)
}

export function inRcu(env: Env): boolean {
  const { state } = env
  return state.activeRcuLocks > 0 || state.activeLocks > 0 || !(env.sleepable || state.inSleepable)
}

/** The reference of an iterator. */
export function iterRef(env: Env, place: IterPlace): number {
  return env.state.frames[place.frame]!.stack[place.slot * SLOT_WORDS + R_REF_ID]!
}

/** Whether it was made in an RCU read section that still holds. */
export function iterInRcu(env: Env, place: IterPlace): boolean {
  return (env.state.frames[place.frame]!.stack[place.slot * SLOT_WORDS + R_TYPE]! & MEM_RCU) !== 0
}

/** `process_iter_next_call`, when R0 has been set: the way with another element is queued, the other one is gone on. */
export function stepIter(env: Env, place: IterPlace): void {
  const { state } = env
  const at = place.slot * SLOT_WORDS + R_AUX
  const stack = state.frames[place.frame]!.stack
  if ((stack[at]! & 3) === ACTIVE) {
    const previous = state.parent === null ? null : findPrevious(env, state.parent, env.insn)
    const queued = pushPath(env, env.insn + 1, env.insn, false)
    queued.frames[place.frame]!.stack[at]! += STEP
    if (previous !== null) widen(env, previous, queued)
    markNotNull(env, queued.frames[queued.curframe]!.regs, 0)
  }
  stack[at] = (stack[at]! & ~3) | DRAINED
  setKnown(env.regs, 0, 0, 0)
}
