// Functions of the program that a helper calls back: the body is queued as a path of its own with the arguments that the helper gives it,
// while the caller goes on behind the call. A body that returns comes back to the call, so that it is queued again until its states repeat. What is
// called at another time (timers) starts from nothing.

import { E2BIG, EFAULT, ENOMEM, ENOTSUPP } from '../bpf/errno.ts'
import {
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_LRU_PERCPU_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_PERCPU_HASH,
} from '../bpf/map-type-table.ts'
import type { Env } from './env.ts'
import { checkSubprogArgs } from './global-function.ts'
import { pushFreshPath, pushPath } from './paths.ts'
import { markChainPrecision } from './precision.ts'
import {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  copyReg,
  isNull,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  R_AUX,
  R_BTF_ID,
  R_ID,
  R_MAP,
  R_UMAX,
  REG_WORDS,
  setPointer,
  setUnknown,
} from './reg.ts'
import { DYNPTR_FIRST_SLOT } from './slot-object.ts'
import { type Frame, MAX_CALL_FRAMES } from './state.ts'
import { typeId } from './type-id.ts'

/** Sets a callback's arguments from the registers of the call. */
type SetArgs = (env: Env, caller: Frame, callee: Frame) => void

const DYNPTR_LOCAL = 1

function reg(n: number): number {
  return n * REG_WORDS
}

/** `push_callback_call` of a function that runs during the call. */
export function pushCallback(env: Env, subprog: number, setArgs: SetArgs): void {
  const caller = env.frame
  const info = env.subprogs[subprog]
  if (info === undefined) env.reject(EFAULT, `verifier bug: callback subprog ${subprog}`)
  checkSubprogArgs(env, subprog)
  info.isCallback = true
  const state = pushPath(env, info.start, env.insn, false, ENOMEM)
  if (state.curframe + 1 >= MAX_CALL_FRAMES) env.reject(E2BIG, `the call stack of ${state.curframe + 2} frames is too deep`)
  const callee = state.push(env.insn, subprog)
  env.scratchAll()
  setArgs(env, caller, callee)
  state.callbackUnrollDepth++
  state.frames[state.curframe - 1]!.callbackDepth++
  caller.callbackDepth = 0
}

/** The same for a function that runs some time later. */
export function pushAsyncCallback(env: Env, subprog: number, sleepable: boolean, setArgs: SetArgs): void {
  const caller = env.frame
  const info = env.subprogs[subprog]
  if (info === undefined) env.reject(EFAULT, `verifier bug: callback subprog ${subprog}`)
  checkSubprogArgs(env, subprog)
  info.isCallback = true
  info.isAsyncCallback = true
  const state = pushFreshPath(env, info.start, env.insn, subprog)
  state.inSleepable = sleepable
  const callee = state.frames[0]!
  env.scratchAll()
  callee.asyncEntryCount = caller.asyncEntryCount + 1
  setArgs(env, caller, callee)
}

function returns(callee: Frame, min: number, max: number): void {
  callee.inCallback = true
  callee.returnMin = min
  callee.returnMax = max
}

function mapPointer(callee: Frame, n: number, type: number, map: number): void {
  setPointer(callee.regs, reg(n), type)
  callee.regs[reg(n) + R_MAP] = map
}

/** bpf_loop(times, function, context, flags): function(index, context). */
export function callLoop(env: Env, subprog: number): void {
  const r = env.regs
  noteLoop(env, subprog)
  // The number of rounds decides whether there is another one.
  markChainPrecision(env, 1)
  const times = r[reg(1) + R_UMAX + 1] !== 0 ? Number.POSITIVE_INFINITY : r[reg(1) + R_UMAX]! >>> 0
  if (env.frame.callbackDepth < times) {
    pushCallback(env, subprog, loopArgs)
  } else {
    env.frame.callbackDepth = 0
    if (env.logging2) env.verbose(`frame${env.state.curframe} bpf_loop iteration limit reached\n`)
  }
}

function loopArgs(_env: Env, caller: Frame, callee: Frame): void {
  setUnknown(callee.regs, reg(1))
  copyReg(callee.regs, reg(2), caller.regs, reg(3))
  returns(callee, 0, 1)
}

// The call can be inlined if it always calls the same function, with flags that are zero; that they are is then relied upon.
function noteLoop(env: Env, subprog: number): void {
  const known = env.loopCallbacks.get(env.insn)
  if (known === -1) return
  const isZero = isNull(env.regs, reg(4))
  if (isZero) markChainPrecision(env, 4)
  env.loopCallbacks.set(env.insn, isZero && (known === undefined || known === subprog) ? subprog : -1)
}

const iterable: ReadonlySet<number> = new Set([
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_PERCPU_HASH,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_LRU_PERCPU_HASH,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_PERCPU_ARRAY,
])

/** bpf_for_each_map_elem(map, function, context, flags): function(map, key, value, context). */
export function callForEach(env: Env, subprog: number): void {
  pushCallback(env, subprog, (_env, caller, callee) => {
    const map = caller.regs[reg(1) + R_MAP]!
    if (!iterable.has(env.maps[map]!.type)) env.reject(ENOTSUPP, 'callback function not allowed for map')
    copyReg(callee.regs, reg(1), caller.regs, reg(1))
    mapPointer(callee, 2, PTR_TO_MAP_KEY, map)
    mapPointer(callee, 3, PTR_TO_MAP_VALUE, map)
    copyReg(callee.regs, reg(4), caller.regs, reg(3))
    returns(callee, 0, 1)
  })
}

/** bpf_find_vma(task, address, function, context, flags): function(task, vma, context). */
export function callFindVma(env: Env, subprog: number): void {
  pushCallback(env, subprog, (_env, caller, callee) => {
    copyReg(callee.regs, reg(1), caller.regs, reg(1))
    setPointer(callee.regs, reg(2), PTR_TO_BTF_ID)
    callee.regs[reg(2) + R_BTF_ID] = typeId(env, 'vm_area_struct')
    copyReg(callee.regs, reg(3), caller.regs, reg(4))
    returns(callee, 0, 1)
  })
}

/** bpf_user_ringbuf_drain(map, function, context, flags): function(dynptr, context). */
export function callDrain(env: Env, subprog: number): void {
  pushCallback(env, subprog, (_env, caller, callee) => {
    setPointer(callee.regs, reg(1), CONST_PTR_TO_DYNPTR)
    callee.regs[reg(1) + R_ID] = env.newId()
    callee.regs[reg(1) + R_AUX] = DYNPTR_LOCAL | DYNPTR_FIRST_SLOT
    copyReg(callee.regs, reg(2), caller.regs, reg(3))
    returns(callee, 0, 1)
  })
}

/** bpf_timer_set_callback(timer, function): function(map, key, value), when the timer fires. */
export function setTimerCallback(env: Env, subprog: number): void {
  pushAsyncCallback(env, subprog, false, mapElementArgs)
}

/** Arguments of what belongs to a map element: map, key, value. */
export function mapElementArgs(_env: Env, caller: Frame, callee: Frame): void {
  const map = caller.regs[reg(1) + R_MAP]!
  mapPointer(callee, 1, CONST_PTR_TO_MAP, map)
  mapPointer(callee, 2, PTR_TO_MAP_KEY, map)
  mapPointer(callee, 3, PTR_TO_MAP_VALUE, map)
  callee.inAsyncCallback = true
  callee.returnMin = 0
  callee.returnMax = 0
}
