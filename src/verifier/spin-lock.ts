// Spin locks: which lock is held is told by the map (or the BTF of an allocated object) and the id of the pointer to it. bpf_spin_lock
// may be held once, res_spin_locks several at a time and released in reverse order.

import { EINVAL } from '../bpf/errno.ts'
import type { Env } from './env.ts'
import { invalidateNonOwning, objectFields } from './local-object.ts'
import { type MapFields, mapFields } from './map-fields.ts'
import {
  isConst,
  PTR_TO_MAP_VALUE,
  R_ID,
  R_MAP,
  R_OFF,
  R_TYPE,
  R_VALUE,
  REF_TYPE_LOCK,
  REF_TYPE_RES_LOCK,
  REF_TYPE_RES_LOCK_IRQ,
  REG_WORDS,
} from './reg.ts'
import { REF_ID, REF_PTR, REF_TYPE, REF_WORDS, type State } from './state.ts'

const ANY_LOCK: number = REF_TYPE_LOCK | REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ
/** Identity of the program's own BTF; map locks are told by the map's index + 1. */
const PROGRAM_BTF = -1

export interface LockKind {
  readonly lock: boolean
  /** bpf_res_spin_lock, with or without interrupts disabled. */
  readonly res?: boolean
  readonly irq?: boolean
}

/** `process_spin_lock`: the lock that register `n` points at is taken or released. */
export function processSpinLock(env: Env, n: number, kind: LockKind): void {
  const r = env.regs
  const i = n * REG_WORDS
  const name = kind.res === true ? 'bpf_res_spin' : 'bpf_spin'
  if (!isConst(r, i)) {
    env.reject(EINVAL, `R${n} doesn't have constant offset. ${name}_lock has to be at the constant offset`)
  }
  const map = r[i + R_TYPE] === PTR_TO_MAP_VALUE ? env.maps[r[i + R_MAP]!] : undefined
  if (map !== undefined && map.btf === undefined) {
    env.reject(EINVAL, `map '${map.name}' has to have BTF in order to use ${name}_lock`)
  }
  const fields: MapFields | undefined = map !== undefined ? mapFields(map) : objectFields(env, r, i)
  const lockOffset = (kind.res === true ? fields?.resSpinLock : fields?.spinLock) ?? -1
  if (lockOffset < 0) {
    env.reject(
      EINVAL,
      `${map !== undefined ? 'map' : 'local'} '${map !== undefined ? map.name : 'kptr'}' has no valid ${name}_lock`,
    )
  }
  const offset = r[i + R_VALUE]! + r[i + R_OFF]!
  if (lockOffset !== offset || r[i + R_VALUE + 1] !== 0) {
    env.reject(EINVAL, `off ${offset} doesn't point to 'struct ${name}_lock' that is at ${lockOffset}`)
  }
  const identity = map !== undefined ? r[i + R_MAP]! + 1 : PROGRAM_BTF
  const type = kind.res !== true ? REF_TYPE_LOCK : kind.irq === true ? REF_TYPE_RES_LOCK_IRQ : REF_TYPE_RES_LOCK
  if (kind.lock) take(env, type, r[i + R_ID]!, identity)
  else release(env, type, r[i + R_ID]!, identity, name)
}

function take(env: Env, type: number, id: number, identity: number): void {
  const { state } = env
  if (state.activeLocks > 0) {
    if (type === REF_TYPE_LOCK) {
      if (find(state, REF_TYPE_LOCK, 0, 0) >= 0) env.reject(EINVAL, 'Locking two bpf_spin_locks are not allowed')
    } else if (find(state, REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ, id, identity) >= 0) {
      env.reject(EINVAL, 'Acquiring the same lock again, AA deadlock detected')
    }
  }
  state.addRef(id, env.insn, type, identity)
  state.activeLocks++
  state.activeLockId = id
  state.activeLockPtr = identity
}

function release(env: Env, type: number, id: number, identity: number, name: string): void {
  const { state } = env
  if (state.activeLocks === 0) env.reject(EINVAL, `${name}_unlock without taking a lock`)
  const position = find(state, type, id, identity)
  if (position < 0) env.reject(EINVAL, `${name}_unlock of different lock`)
  if (id !== state.activeLockId || identity !== state.activeLockPtr) {
    env.reject(EINVAL, `${name}_unlock cannot be out of order`)
  }
  let before = -1
  for (let p = 0; p < position; p++) if ((state.refs[p * REF_WORDS + REF_TYPE]! & ANY_LOCK) !== 0) before = p
  state.removeRef(position)
  state.activeLocks--
  state.activeLockId = before < 0 ? 0 : state.refs[before * REF_WORDS + REF_ID]!
  state.activeLockPtr = before < 0 ? 0 : state.refs[before * REF_WORDS + REF_PTR]!
  invalidateNonOwning(env)
}

/** Position of a lock that is held; with identity 0, of any of the types. */
function find(state: State, types: number, id: number, identity: number): number {
  for (let p = 0; p < state.refCount; p++) {
    const at = p * REF_WORDS
    if ((state.refs[at + REF_TYPE]! & types) === 0) continue
    if (identity === 0 || (state.refs[at + REF_ID] === id && state.refs[at + REF_PTR] === identity)) return p
  }
  return -1
}

/** Whether a lock with this identity is held (of the object or value that owns a list or tree). */
export function holdsLock(state: State, id: number, identity: number): boolean {
  return find(state, ANY_LOCK, id, identity) >= 0
}

/** The identity under which the lock beside something in a value or object is held. */
export function lockIdentity(env: Env, n: number): number {
  const r = env.regs
  const i = n * REG_WORDS
  return r[i + R_TYPE] === PTR_TO_MAP_VALUE ? r[i + R_MAP]! + 1 : PROGRAM_BTF
}
