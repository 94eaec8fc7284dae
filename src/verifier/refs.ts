// References: what a program acquires it must release on every path. A reference is an entry of the state with an id, and that id stands
// in R_REF_ID of every register that came from it; releasing it makes all of those worthless.

import { EINVAL } from '../bpf/errno.ts'
import type { Env } from './env.ts'
import { markUnknown } from './operand.ts'
import {
  DYNPTR_TYPE_SKB,
  DYNPTR_TYPE_SKB_META,
  DYNPTR_TYPE_XDP,
  MAX_BPF_REG,
  PTR_MAYBE_NULL,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  R_REF_ID,
  R_TYPE,
  REF_TYPE_PTR,
  REG_WORDS,
  SLOT_WORDS,
  setNotInit,
  TYPE_BASE_MASK,
} from './reg.ts'
import { isSpilled, REF_ID, REF_INSN, REF_TYPE, REF_WORDS, type State } from './state.ts'

/** Calls `visit` with every register and every slot with a spilled register of all frames. */
export function forEachReg(state: State, visit: (r: Int32Array, i: number) => void): void {
  for (let f = 0; f <= state.curframe; f++) {
    const frame = state.frames[f]!
    for (let n = 0; n < MAX_BPF_REG; n++) visit(frame.regs, n * REG_WORDS)
    const end = (frame.allocated >> 3) * SLOT_WORDS
    for (let s = 0; s < end; s += SLOT_WORDS) if (isSpilled(frame.stack, s)) visit(frame.stack, s)
  }
}

/** `acquire_reference`: the new id. */
export function acquireRef(env: Env, insn: number): number {
  const id = env.newId()
  env.state.addRef(id, insn, REF_TYPE_PTR, 0)
  return id
}

/** Takes the reference out of the state and leaves registers alone; false if it isn't held. */
function dropRef(state: State, id: number): boolean {
  const position = state.findRef(id, REF_TYPE_PTR)
  if (position < 0) return false
  state.removeRef(position)
  return true
}

/** `mark_reg_invalid`: a pointer to what is gone. Whoever may see addresses keeps a number. */
export function invalidate(env: Env, r: Int32Array, i: number): void {
  if (env.privileged) markUnknown(env, r, i)
  else setNotInit(r, i)
}

/** `release_reference`: false if it isn't held. */
export function releaseRef(env: Env, id: number): boolean {
  if (!dropRef(env.state, id)) return false
  forEachReg(env.state, (r, i) => {
    if (r[i + R_REF_ID] === id) invalidate(env, r, i)
  })
  return true
}

/** `check_reference_leak` and the other things that must not be pending where `what` happens. */
export function checkResourceLeak(env: Env, exceptionExit: boolean, checkLocks: boolean, what: string): void {
  const { state } = env
  if (checkLocks && state.activeLocks > 0) env.reject(EINVAL, `${what} cannot be used inside bpf_spin_lock-ed region`)
  if (exceptionExit || env.frame.frameno === 0) {
    let leaks = false
    for (let n = 0; n < state.refCount; n++) {
      const at = n * REF_WORDS
      if (state.refs[at + REF_TYPE] !== REF_TYPE_PTR) continue
      env.verbose(`Unreleased reference id=${state.refs[at + REF_ID]} alloc_insn=${state.refs[at + REF_INSN]}\n`)
      leaks = true
    }
    if (leaks) env.reject(EINVAL, `${what} would lead to reference leak`)
  }
  if (!checkLocks) return
  if (state.activeIrqId !== 0) env.reject(EINVAL, `${what} cannot be used inside bpf_local_irq_save-ed region`)
  if (state.activeRcuLocks > 0) env.reject(EINVAL, `${what} cannot be used inside bpf_rcu_read_lock-ed region`)
  if (state.activePreemptLocks > 0) env.reject(EINVAL, `${what} cannot be used inside bpf_preempt_disable-ed region`)
}

/** Memory taken out of a dynptr of the packet. */
const PACKET_SLICE: number = DYNPTR_TYPE_SKB | DYNPTR_TYPE_XDP | DYNPTR_TYPE_SKB_META

/** Whether a helper that moves packet data makes this register worthless. */
function isPacketPointer(type: number): boolean {
  if ((type & TYPE_BASE_MASK) === PTR_TO_MEM && (type & PACKET_SLICE) !== 0) return true
  const base = type & ~PTR_MAYBE_NULL
  return base === PTR_TO_PACKET || base === PTR_TO_PACKET_META || base === PTR_TO_PACKET_END
}

/** `clear_all_pkt_pointers`: what was proven of the packet holds no longer. */
export function dropPacketPointers(env: Env): void {
  forEachReg(env.state, (r, i) => {
    if (isPacketPointer(r[i + R_TYPE]!)) invalidate(env, r, i)
  })
}
