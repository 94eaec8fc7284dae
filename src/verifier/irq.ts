// Interrupts that a program disables: the flags that are saved go into a stack slot, and are restored in reverse order by the same family
// of functions that saved them. In R_AUX of the slot stands which.

import { EACCES, EINVAL } from '../bpf/errno.ts'
import { objectSlot, SLOT_BAD, touchSlots } from './dynptr.ts'
import type { Env } from './env.ts'
import { checkAccess } from './memory.ts'
import {
  fillSlotType,
  PTR_TO_STACK,
  R_AUX,
  R_FRAME,
  R_REF_ID,
  REF_TYPE_IRQ,
  REG_WORDS,
  S_TYPES,
  SLOT_WORDS,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  setNotInit,
  setPointer,
  slotType,
} from './reg.ts'
import { REF_ID, REF_INSN, REF_TYPE, REF_WORDS } from './state.ts'

const NATIVE = 0
const LOCK = 1
const FULL: number = Math.imul(STACK_IRQ_FLAG, 0x01010101)

export interface IrqCall {
  readonly save: boolean
  /** By bpf_res_spin_lock_irqsave or its counterpart. */
  readonly lock: boolean
}

/** `process_irq_flag` of register `n`, which points into the stack. */
export function checkIrqFlag(env: Env, n: number, call: IrqCall): void {
  if (call.save) save(env, n, call.lock ? LOCK : NATIVE)
  else restore(env, n, call.lock ? LOCK : NATIVE)
}

function save(env: Env, n: number, family: number): void {
  const { state } = env
  const before = objectSlot(env, n, 1, 'irq_flag')
  const frame = state.frames[env.regs[n * REG_WORDS + R_FRAME]!]!
  let fresh = before !== SLOT_BAD
  for (let j = 0; before >= 0 && j < 8; j++) if (slotType(frame.stack, before * SLOT_WORDS, j) === STACK_IRQ_FLAG) fresh = false
  if (!fresh) env.reject(EINVAL, `expected uninitialized irq flag as arg#${n - 1}`)
  checkAccess(env, n, 0, 8, true, -1, false, false)
  const slot = objectSlot(env, n, 1, 'irq_flag')
  const id = env.newId()
  state.addRef(id, env.insn, REF_TYPE_IRQ, 0)
  state.activeIrqId = id
  touchSlots(env, frame, slot, 1, true)
  const s = slot * SLOT_WORDS
  setPointer(frame.stack, s, PTR_TO_STACK)
  fillSlotType(frame.stack, s, STACK_IRQ_FLAG)
  frame.stack[s + R_REF_ID] = id
  frame.stack[s + R_AUX] = family
}

function restore(env: Env, n: number, family: number): void {
  const { state } = env
  const slot = objectSlot(env, n, 1, 'irq_flag')
  const frame = state.frames[env.regs[n * REG_WORDS + R_FRAME]!]!
  const s = slot * SLOT_WORDS
  if (slot < 0 || frame.stack[s + R_REF_ID] === 0 || frame.stack[s + S_TYPES] !== FULL || frame.stack[s + S_TYPES + 1] !== FULL) {
    env.reject(EINVAL, `expected an initialized irq flag as arg#${n - 1}`)
  }
  touchSlots(env, frame, slot, 1, false)
  const saved = frame.stack[s + R_AUX]!
  if (saved !== family) {
    const names = ['native', 'lock']
    env.reject(EINVAL, `irq flag acquired by ${names[saved]} kfuncs cannot be restored with ${names[family]} kfuncs`)
  }
  release(env, frame.stack[s + R_REF_ID]!)
  setNotInit(frame.stack, s)
  fillSlotType(frame.stack, s, STACK_INVALID)
  touchSlots(env, frame, slot, 1, true)
}

function release(env: Env, id: number): void {
  const { state } = env
  let before = 0
  if (id !== state.activeIrqId) {
    const held = state.findRef(state.activeIrqId, REF_TYPE_IRQ)
    const insn = held < 0 ? 0 : state.refs[held * REF_WORDS + REF_INSN]
    env.reject(EACCES, `cannot restore irq state out of order, expected id=${state.activeIrqId} acquired at insn_idx=${insn}`)
  }
  for (let p = 0; p < state.refCount; p++) {
    const at = p * REF_WORDS
    if (state.refs[at + REF_TYPE] !== REF_TYPE_IRQ) continue
    const held = state.refs[at + REF_ID]!
    if (held === id) {
      state.removeRef(p)
      state.activeIrqId = before
      return
    }
    before = held
  }
}
