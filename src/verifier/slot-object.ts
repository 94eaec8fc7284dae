// Dynptrs in stack slots, as far as plain stores meet them: writing to a part of one destroys it, with every slice taken of it.
// In R_AUX of a dynptr's slot: its kind in the low byte, 0x100 in the slot at the lower address (the first); of a PTR_TO_MEM: the id of the dynptr
// that it is a slice of.

import { EINVAL } from '../bpf/errno.ts'
import type { Env } from './env.ts'
import { markUnknown } from './operand.ts'
import { forEachReg } from './refs.ts'
import {
  fillSlotType,
  PTR_MAYBE_NULL,
  PTR_TO_MEM,
  R_AUX,
  R_ID,
  R_TYPE,
  SLOT_WORDS,
  STACK_DYNPTR,
  STACK_INVALID,
  setNotInit,
  slotType,
} from './reg.ts'
import type { Frame } from './state.ts'

export const DYNPTR_FIRST_SLOT = 0x100
export const DYNPTR_RINGBUF = 2

export function destroyDynptrSlot(env: Env, frame: Frame, slot: number): void {
  const { stack } = frame
  let s = slot * SLOT_WORDS
  if (slotType(stack, s, 0) !== STACK_DYNPTR) return
  let first = slot
  if ((stack[s + R_AUX]! & DYNPTR_FIRST_SLOT) === 0) {
    first++
    s += SLOT_WORDS
  }
  if ((stack[s + R_AUX]! & 0xff) === DYNPTR_RINGBUF) env.reject(EINVAL, 'cannot overwrite referenced dynptr')
  env.scratchSlot(first)
  env.scratchSlot(first - 1)
  const id = stack[s + R_ID]!
  forEachReg(env.state, (r, i) => {
    if ((r[i + R_TYPE]! & ~PTR_MAYBE_NULL) !== PTR_TO_MEM || r[i + R_AUX] !== id) return
    if (env.privileged) markUnknown(env, r, i)
    else setNotInit(r, i)
  })
  fillSlotType(stack, s, STACK_INVALID)
  fillSlotType(stack, s - SLOT_WORDS, STACK_INVALID)
  setNotInit(stack, s)
  setNotInit(stack, s - SLOT_WORDS)
}
