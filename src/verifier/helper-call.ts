// Calls of helper functions (`check_helper_call`): may this program call it at all, are the arguments what it takes, what does it do to
// locks, references and the packet, and what is known of its result.

import { EACCES, EINVAL } from '../bpf/errno.ts'
import { helperNames } from '../bpf/helper-table.ts'
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE_PROG_ARRAY } from '../bpf/map-type-table.ts'
import { stepReturn } from './call.ts'
import { CallMeta } from './call-meta.ts'
import { callDrain, callFindVma, callForEach, callLoop, setTimerCallback } from './callbacks.ts'
import { checkArg } from './check-arg.ts'
import { DYNPTR_SKB, DYNPTR_SKB_META, dynptrId, dynptrKind, dynptrRef, releaseDynptr } from './dynptr.ts'
import type { Env } from './env.ts'
import { checkSnprintf } from './format.ts'
import { ARG_PTR_TO_DYNPTR, type HelperProto, helperTypeBit } from './helper-proto.ts'
import { protoOf } from './helper-proto-table.ts'
import { setHelperResult } from './helper-result.ts'
import { checkMapHelper, recordsMap, writesMap } from './map-helper.ts'
import { checkAccess } from './memory.ts'
import { clearCallerSaved, markUnknown } from './operand.ts'
import { pushPath } from './paths.ts'
import { markChainPrecision } from './precision.ts'
import { checkResourceLeak, dropPacketPointers, releaseRef } from './refs.ts'
import { isConst, isNull, PTR_TO_MAP_VALUE, R_TYPE, R_VALUE, REG_WORDS, TYPE_BASE_MASK } from './reg.ts'
import { regTypeName } from './reg-name.ts'

const TAIL_CALL = 12
const GET_LOCAL_STORAGE = 81
const FOR_EACH_MAP_ELEM = 164
const SNPRINTF = 165
const TIMER_SET_CALLBACK = 170
const FIND_VMA = 180
const LOOP = 181
const DYNPTR_FROM_MEM = 197
const DYNPTR_WRITE = 202
const DYNPTR_DATA = 203
const USER_RINGBUF_DRAIN = 209

/** Ids above this have no name. */
const LAST_HELPER = 211

/** Helpers after which pointers into the packet are worth nothing. A tail call that is taken doesn't come back to its own frame. */
const changesPacket: ReadonlySet<number> = new Set([9, 10, 11, 13, 18, 19, 31, 38, 39, 43, 44, 50, 54, 65])

const meta = new CallMeta()

/** Name with number, as it stands in messages. */
function named(id: number): string {
  return `bpf_${helperNames.get(id) ?? 'unspec'}#${id}`
}

function findProto(env: Env, id: number): HelperProto {
  if (id < 0 || id > LAST_HELPER) env.reject(EINVAL, `invalid func unknown#${id}`)
  const proto = protoOf(id, helperTypeBit(env.progType))
  if (proto === undefined) {
    return env.reject(EINVAL, `program of this type cannot use helper ${named(id)}`)
  }
  if (proto.gpl && !env.gpl) env.reject(EINVAL, 'cannot call GPL-restricted function from non-GPL compatible program')
  return proto
}

function checkSleeping(env: Env, proto: HelperProto): void {
  if (!proto.mightSleep) return
  const { state } = env
  if (!(env.sleepable || state.inSleepable)) env.reject(EINVAL, 'helper call might sleep in a non-sleepable prog')
  if (state.activeRcuLocks > 0) env.reject(EINVAL, `sleepable helper ${named(proto.id)} in rcu_read_lock region`)
  if (state.activePreemptLocks > 0) env.reject(EINVAL, `sleepable helper ${named(proto.id)} in non-preemptible region`)
  if (state.activeIrqId !== 0) env.reject(EINVAL, `sleepable helper ${named(proto.id)} in IRQ-disabled region`)
}

/** The call of the current instruction; sets `env.insn` to what is walked next. */
export function stepHelperCall(env: Env): void {
  const id = env.insns.imm[env.insn]!
  const proto = findProto(env, id)
  checkSleeping(env, proto)
  meta.reset(id)
  for (let arg = 0; arg < proto.args.length; arg++) checkArg(env, arg, proto, meta)
  recordMap(env, id)
  if (id === TAIL_CALL) checkTailCallKey(env)
  for (let k = 0; k < meta.rawBytes; k++) checkAccess(env, meta.rawReg, k, 1, true, -1, false, false)
  if (meta.releaseReg !== 0) release(env, proto)
  special(env, id)
  const moves = changesPacket.has(id) || (id === DYNPTR_WRITE && isSkb(env, 1))
  clearCallerSaved(env, env.regs)
  setHelperResult(env, proto, meta)
  checkMapHelper(env, meta.map, id)
  if (moves) dropPacketPointers(env)
  env.insn++
  if (id === TAIL_CALL && env.state.curframe > 0) leaveByTailCall(env)
}

// In a called function, the tail call that is taken returns to the caller in the end, with any result and any packet. The one that is
// not taken goes on behind it, later.
function leaveByTailCall(env: Env): void {
  env.scratchReg(0)
  pushPath(env, env.insn, env.insn - 1, false)
  dropPacketPointers(env)
  markUnknown(env, env.regs, 0)
  env.insn--
  stepReturn(env)
}

// What the program may do to elements is checked where the map is remembered.
function recordMap(env: Env, id: number): void {
  const map = env.maps[meta.map]
  if (map === undefined || !recordsMap(id)) return
  if ((map.flags & BPF_F_RDONLY_PROG) !== 0 && writesMap(id)) env.reject(EACCES, 'write into map forbidden')
  const known = env.callMap[env.insn]!
  if (known === -1) env.callMap[env.insn] = meta.map
  else if (known !== meta.map) env.callMap[env.insn] = -2
}

function checkTailCallKey(env: Env): void {
  const map = env.maps[meta.map]
  if (map?.type !== BPF_MAP_TYPE_PROG_ARRAY) {
    // The kernel's line has no end: what comes next stands on it.
    env.verbose('expected prog array map for tail call')
    env.reject(EINVAL, '')
  }
  const r = env.regs
  const i = 3 * REG_WORDS
  if (r[i + R_TYPE] !== 1 || !isConst(r, i) || r[i + R_VALUE + 1] !== 0 || r[i + R_VALUE]! >>> 0 >= map.maxEntries) return
  markChainPrecision(env, 3)
}

function release(env: Env, proto: HelperProto): void {
  const n = meta.releaseReg
  const argType = proto.args[n - 1]! & TYPE_BASE_MASK
  let released = false
  if (argType === ARG_PTR_TO_DYNPTR) released = releaseDynptr(env, n)
  else if (meta.refId !== 0) released = releaseRef(env, meta.refId)
  else released = isNull(env.regs, n * REG_WORDS)
  if (!released) env.reject(EINVAL, `func ${named(proto.id)} reference has not been acquired before`)
}

/** Writing through a dynptr of a socket buffer may make its data move. */
function isSkb(env: Env, n: number): boolean {
  const kind = dynptrKind(env, n)
  return kind === DYNPTR_SKB || kind === DYNPTR_SKB_META
}

function special(env: Env, id: number): void {
  const r = env.regs
  switch (id) {
    case TAIL_CALL:
      checkResourceLeak(env, false, true, 'tail_call')
      break
    case GET_LOCAL_STORAGE:
      if (!isNull(r, 2 * REG_WORDS)) env.reject(EINVAL, "get_local_storage() doesn't support non-zero flags")
      break
    case FOR_EACH_MAP_ELEM:
      callForEach(env, meta.subprog)
      break
    case TIMER_SET_CALLBACK:
      setTimerCallback(env, meta.subprog)
      break
    case FIND_VMA:
      callFindVma(env, meta.subprog)
      break
    case LOOP:
      callLoop(env, meta.subprog)
      break
    case USER_RINGBUF_DRAIN:
      callDrain(env, meta.subprog)
      break
    case SNPRINTF:
      checkSnprintf(env)
      break
    case DYNPTR_DATA:
      meta.dynptrId = dynptrId(env, 1)
      meta.refId = dynptrRef(env, 1)
      break
    case DYNPTR_FROM_MEM: {
      const type = r[REG_WORDS + R_TYPE]!
      if (type !== PTR_TO_MAP_VALUE) {
        env.reject(EACCES, `Unsupported reg type ${regTypeName(type)} for bpf_dynptr_from_mem data`)
      }
      break
    }
  }
}
