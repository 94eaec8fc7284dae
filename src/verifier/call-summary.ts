// What the passes before the simulation ask of a call: how many arguments it reads, whether it returns anything, whether the packet
// may move. A helper that the program type has no prototype for gives undefined: the simulation refuses it, if it gets there.

import type { Insns } from '../bpf/insns.ts'
import { BPF_PSEUDO_KFUNC_CALL, CALL } from '../bpf/opcode.ts'
import type { Env } from './env.ts'
import { type HelperProto, helperTypeBit, RET_VOID } from './helper-proto.ts'
import { protoOf } from './helper-proto-table.ts'
import { type Kfunc, kfuncAllowed, kfuncAt } from './kfunc.ts'

export interface CallSummary {
  readonly params: number
  readonly isVoid: boolean
  /** Argument registers that it has no parameter for keep their values, and the call is inlined. */
  readonly fastcall: boolean
}

const FOR_EACH_MAP_ELEM = 164
const TIMER_SET_CALLBACK = 170
const FIND_VMA = 180
const LOOP = 181
const USER_RINGBUF_DRAIN = 209

const SYNC_CALLBACKS: ReadonlySet<number> = new Set([FOR_EACH_MAP_ELEM, FIND_VMA, LOOP, USER_RINGBUF_DRAIN])
/** After these every pointer into the packet is void. A tail call that succeeds may have called any of them. */
const CHANGES_PACKET: ReadonlySet<number> = new Set([9, 10, 11, 12, 13, 18, 19, 31, 38, 39, 43, 44, 50, 54, 65])

/** Whether the instruction calls a helper by number. */
export function isHelperCall(insns: Insns, i: number): boolean {
  return insns.code[i] === CALL && insns.src[i] === 0
}

export function isKfuncCall(insns: Insns, i: number): boolean {
  return insns.code[i] === CALL && insns.src[i] === BPF_PSEUDO_KFUNC_CALL
}

/** The prototype of a helper, if programs of a type have it. */
export function helperProto(progType: number, id: number): HelperProto | undefined {
  return protoOf(id, helperTypeBit(progType))
}

/** Of a call of a helper or kernel function. */
export function callSummary(env: Env, i: number): CallSummary | undefined {
  if (isHelperCall(env.insns, i)) {
    const proto = helperProto(env.progType, env.insns.imm[i]!)
    return proto && { params: proto.args.length, isVoid: proto.ret === RET_VOID, fastcall: proto.fastcall }
  }
  const kfunc = kfuncAt(env, i)
  if (kfunc === undefined || !kfuncAllowed(kfunc, env.progType)) return undefined
  return { params: kfunc.params.length, isVoid: kfunc.returns === 'void', fastcall: kfunc.fastcall }
}

export interface CallEffects {
  readonly syncCallback: boolean
  readonly asyncCallback: boolean
  readonly iterNext: boolean
  readonly changesPacket: boolean
  readonly sleeps: boolean
}

const NONE: CallEffects = { syncCallback: false, asyncCallback: false, iterNext: false, changesPacket: false, sleeps: false }

/** What control flow and callers must know of a call of a helper or kernel function. */
export function callEffects(env: Env, i: number): CallEffects {
  if (isHelperCall(env.insns, i)) {
    const id = env.insns.imm[i]!
    return {
      syncCallback: SYNC_CALLBACKS.has(id),
      asyncCallback: id === TIMER_SET_CALLBACK,
      iterNext: false,
      changesPacket: CHANGES_PACKET.has(id),
      sleeps: helperProto(env.progType, id)?.mightSleep === true,
    }
  }
  const kfunc = kfuncAt(env, i)
  if (kfunc === undefined) return NONE
  return kfuncEffects(kfunc, kfuncAllowed(kfunc, env.progType))
}

const ASYNC_KFUNCS: ReadonlySet<string> = new Set([
  'bpf_wq_set_callback_impl',
  'bpf_task_work_schedule_signal_impl',
  'bpf_task_work_schedule_resume_impl',
])

function kfuncEffects(kfunc: Kfunc, allowed: boolean): CallEffects {
  return {
    syncCallback: kfunc.name === 'bpf_rbtree_add_impl',
    asyncCallback: ASYNC_KFUNCS.has(kfunc.name),
    iterNext: allowed && kfunc.iterNext,
    changesPacket: allowed && kfunc.name === 'bpf_xdp_pull_data',
    sleeps: allowed && kfunc.sleepable,
  }
}
