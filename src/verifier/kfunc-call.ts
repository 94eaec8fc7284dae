// Calls of kernel functions (`check_kfunc_call`): may this program call it here, are the arguments what it takes, what does it do to locks,
// references and sections, and what is known of its result.

import { EACCES, EFAULT, EINVAL } from '../bpf/errno.ts'
import { sizeOf } from '../btf/resolve.ts'
import { syncBounds } from './bounds.ts'
import { mapElementArgs, pushAsyncCallback, pushCallback } from './callbacks.ts'
import { releaseDynptr } from './dynptr.ts'
import type { Env } from './env.ts'
import { inRcu, iterInRcu, stepIter } from './iter.ts'
import { parseCType } from './kernel-struct.ts'
import { isAbsentKfunc, type Kfunc, kfuncAllowed, kfuncAt, kfuncNameAt } from './kfunc.ts'
import { checkKfuncArgs } from './kfunc-arg.ts'
import { KfuncMeta } from './kfunc-meta.ts'
import { setKfuncPointer } from './kfunc-result.ts'
import { disown, inTreeCallback, setNonOwning, setObject, structFields } from './local-object.ts'
import { markUnknown } from './operand.ts'
import { pushPath } from './paths.ts'
import { acquireRef, dropPacketPointers, forEachReg, releaseRef } from './refs.ts'
import {
  CONST_PTR_TO_MAP,
  MEM_RCU,
  PTR_MAYBE_NULL,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_UNTRUSTED,
  R_ID,
  R_MAP,
  R_OFF,
  R_REF_ID,
  R_S32_MAX,
  R_S32_MIN,
  R_SUBREG_DEF,
  R_TYPE,
  REG_WORDS,
  SLOT_WORDS,
  STACK_ITER,
  setKnown,
  setNotInit,
  setPointer,
  slotType,
} from './reg.ts'
import { checkReturnCode } from './return-code.ts'
import type { Frame } from './state.ts'

const MAX_ERRNO = 4095

const graphCalls: ReadonlySet<string> = new Set(['bpf_list_push_front_impl', 'bpf_list_push_back_impl', 'bpf_rbtree_add_impl'])

/** Functions that may be called while a spin lock is held: lists, trees, counting iterators, resilient locks. */
const WITH_LOCK = /^bpf_(list_|rbtree_|refcount_acquire_impl$|iter_num_|res_spin_|arena_|stream_vprintk_impl$)/

/** Whether the call of the current instruction may happen while a spin lock is held. */
export function keepsLock(env: Env): boolean {
  const name = kfuncNameAt(env, env.insn)
  return env.insns.off[env.insn] === 0 && name !== undefined && WITH_LOCK.test(name)
}

export function isThrow(env: Env, insn: number): boolean {
  return kfuncNameAt(env, insn) === 'bpf_throw' && !isAbsentKfunc(env, insn)
}

/** The call of the current instruction; going on is the caller's. */
export function stepKfuncCall(env: Env): void {
  // Refused at last if it is still there when dead code has been removed.
  if (isAbsentKfunc(env, env.insn)) return
  const kfunc = kfuncAt(env, env.insn)
  if (kfunc === undefined || !kfuncAllowed(kfunc, env.progType)) {
    env.reject(EACCES, `calling kernel function ${kfuncNameAt(env, env.insn) ?? ''} is not allowed`)
  }
  const isLock = kfunc.name === 'bpf_res_spin_lock' || kfunc.name === 'bpf_res_spin_lock_irqsave'
  if (isLock) pushFailedLock(env)
  if (kfunc.name === '__bpf_trap') env.reject(EFAULT, 'unexpected __bpf_trap() due to uninitialized variable?')
  const maySleep = env.sleepable || env.state.inSleepable
  if (kfunc.sleepable && !maySleep) env.reject(EACCES, `program must be sleepable to call sleepable kfunc ${kfunc.name}`)
  const meta = new KfuncMeta(kfunc)
  checkKfuncArgs(env, meta)
  pushCallbacks(env, meta)
  checkSections(env, kfunc)
  noteObject(env, meta)
  if (meta.releaseReg !== 0) release(env, meta)
  if (graphCalls.has(kfunc.name)) {
    const ref = env.regs[2 * REG_WORDS + R_REF_ID]!
    disown(env, ref)
    releaseRef(env, ref)
  }
  if (kfunc.name === 'bpf_throw' && !env.subprogs.some(subprog => subprog.isExceptionCallback)) checkReturnCode(env, 1, 'R1')
  for (let n = 0; n <= 5; n++) {
    setNotInit(env.regs, n * REG_WORDS)
    env.regs[n * REG_WORDS + R_SUBREG_DEF] = 0
  }
  setResult(env, meta)
  if (kfunc.name === 'bpf_xdp_pull_data') dropPacketPointers(env)
  if (kfunc.iterNext && meta.iter !== undefined) stepIter(env, meta.iter)
}

/** What the kernel puts into hidden arguments of functions on objects of the program's own types. */
function noteObject(env: Env, meta: KfuncMeta): void {
  const { name } = meta.kfunc
  let type = 0
  if (name === 'bpf_obj_new_impl' || name === 'bpf_percpu_obj_new_impl') {
    type = meta.constant?.[0] ?? 0
    if (env.btf !== null && type > 0 && type < env.btf.count) env.callNumber[env.insn] = sizeOf(env.btf, type) ?? 0
  } else if (name === 'bpf_obj_drop_impl' || name === 'bpf_percpu_obj_drop_impl' || name === 'bpf_refcount_acquire_impl') {
    type = meta.objectType
  } else if (graphCalls.has(name)) {
    type = meta.objectType
    env.callNumber[env.insn] = env.regs[2 * REG_WORDS + R_OFF]!
  }
  if ((structFields(env, type)?.fields.length ?? 0) > 0) env.callObject[env.insn] = type
}

/** A lock that may not be had: the way on which it failed goes on behind the call with an error in R0. */
function pushFailedLock(env: Env): void {
  const failed = pushPath(env, env.insn + 1, env.insn, false)
  const { regs } = failed.frames[failed.curframe]!
  for (let n = 0; n <= 5; n++) setNotInit(regs, n * REG_WORDS)
  markUnknown(env, regs, 0)
  regs[R_S32_MIN] = -MAX_ERRNO
  regs[R_S32_MAX] = -1
  syncBounds(regs, 0)
  regs[R_SUBREG_DEF] = env.insn + 1
}

function pushCallbacks(env: Env, meta: KfuncMeta): void {
  const { name } = meta.kfunc
  if (name === 'bpf_rbtree_add_impl') {
    const { root } = meta
    if (root === undefined) env.reject(EFAULT, '')
    pushCallback(env, meta.subprog, (_env, _caller, callee) => {
      for (const n of [1, 2]) {
        setObject(env, callee.regs, n * REG_WORDS, root.type, 0, root.node)
        setNonOwning(env, callee.regs, n * REG_WORDS)
      }
      callee.inCallback = true
      callee.returnMin = 0
      callee.returnMax = 1
    })
  } else if (name === 'bpf_wq_set_callback_impl') {
    pushAsyncCallback(env, meta.subprog, true, mapElementArgs)
  } else if (name.startsWith('bpf_task_work_schedule_')) {
    pushAsyncCallback(env, meta.subprog, true, taskWorkArgs)
  }
}

function taskWorkArgs(_env: Env, caller: Frame, callee: Frame): void {
  const map = caller.regs[3 * REG_WORDS + R_MAP]!
  const types = [CONST_PTR_TO_MAP, PTR_TO_MAP_KEY, PTR_TO_MAP_VALUE]
  types.forEach((type, k) => {
    setPointer(callee.regs, (k + 1) * REG_WORDS, type)
    callee.regs[(k + 1) * REG_WORDS + R_MAP] = map
  })
  callee.inAsyncCallback = true
  callee.returnMin = -0x80000000
  callee.returnMax = 0x7fffffff
}

/** Sections in which the program reads RCU data, isn't preempted, or isn't interrupted. */
function checkSections(env: Env, kfunc: Kfunc): void {
  const { state } = env
  const { name, sleepable } = kfunc
  const isRcu = name === 'bpf_rcu_read_lock' || name === 'bpf_rcu_read_unlock'
  if (isRcu && state.activeRcuLocks > 0 && inTreeCallback(env)) {
    env.reject(EACCES, 'Calling bpf_rcu_read_{lock,unlock} in unnecessary rbtree callback')
  }
  if (name === 'bpf_rcu_read_lock') {
    if (state.activeRcuLocks > 0) env.reject(EINVAL, `nested rcu read lock (kernel function ${name})`)
    state.activeRcuLocks++
  } else if (name === 'bpf_rcu_read_unlock') endRcu(env, name)
  else if (state.activeRcuLocks > 0 && sleepable) {
    env.reject(EACCES, `kernel func ${name} is sleepable within rcu_read_lock region`)
  }
  if (name === 'bpf_preempt_disable') state.activePreemptLocks++
  else if (name === 'bpf_preempt_enable') {
    if (state.activePreemptLocks === 0) env.reject(EINVAL, `unmatched attempt to enable preemption (kernel function ${name})`)
    state.activePreemptLocks--
  } else if (state.activePreemptLocks > 0 && sleepable) {
    env.reject(EACCES, `kernel func ${name} is sleepable within non-preemptible region`)
  }
  if (state.activeIrqId !== 0 && sleepable) env.reject(EACCES, `kernel func ${name} is sleepable within IRQ-disabled region`)
  if (kfunc.rcuProtected && !inRcu(env)) env.reject(EACCES, `kernel func ${name} requires RCU critical section protection`)
}

function endRcu(env: Env, name: string): void {
  const { state } = env
  if (state.activeRcuLocks === 0) env.reject(EINVAL, `unmatched rcu read unlock (kernel function ${name})`)
  if (--state.activeRcuLocks > 0) return
  const distrust = (r: Int32Array, i: number): void => {
    const type = r[i + R_TYPE]!
    if ((type & MEM_RCU) !== 0) r[i + R_TYPE] = (type & ~(MEM_RCU | PTR_MAYBE_NULL)) | PTR_UNTRUSTED
  }
  forEachReg(state, distrust)
  for (let f = 0; f <= state.curframe; f++) {
    const { stack, allocated } = state.frames[f]!
    for (let s = 0; s < (allocated >> 3) * SLOT_WORDS; s += SLOT_WORDS)
      if (slotType(stack, s, 0) === STACK_ITER) distrust(stack, s)
  }
}

function release(env: Env, meta: KfuncMeta): void {
  const n = meta.releaseReg
  if (meta.dynptr !== undefined && meta.dynptr.ref !== 0) {
    if (!releaseDynptr(env, n)) env.reject(EINVAL, '')
    return
  }
  if (releaseRef(env, env.regs[n * REG_WORDS + R_REF_ID]!)) return
  env.reject(EINVAL, `kfunc ${meta.kfunc.name}#${env.insns.imm[env.insn]} reference has not been acquired before`)
}

function setResult(env: Env, meta: KfuncMeta): void {
  const { kfunc } = meta
  const r = env.regs
  if (kfunc.returns === 'void') return
  if (!kfunc.returns.endsWith('*')) {
    markUnknown(env, r, 0)
    if (kfunc.name.startsWith('bpf_res_spin_lock')) setKnown(r, 0, 0, 0)
    r[R_SUBREG_DEF] = parseCType(kfunc.returns).bytes === 8 ? 0 : env.insn + 1
    return
  }
  const target = parseCType(kfunc.returns.replace(/\*$/, ''))
  const inIterRcu = meta.iter !== undefined && iterInRcu(env, meta.iter)
  setKfuncPointer(env, meta, target, inIterRcu)
  const mayBeNull = kfunc.retNull && !meta.isOwned
  if (mayBeNull) {
    r[R_TYPE]! |= PTR_MAYBE_NULL
    r[R_ID] = env.newId()
  }
  r[R_SUBREG_DEF] = 0
  if (kfunc.acquire) {
    const id = acquireRef(env, env.insn)
    if (mayBeNull) r[R_ID] = id
    r[R_REF_ID] = id
  } else if (target.name === 'bpf_rb_node' || target.name === 'bpf_list_node') {
    setNonOwning(env, r, 0)
  }
}
