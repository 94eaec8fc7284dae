// Pointers that may be null: what a comparison with zero makes of all copies of one, in every frame.

import { BPF_MAP_TYPE_SOCKHASH, BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_XSKMAP } from '../bpf/map-type-table.ts'
import type { Env } from './env.ts'
import { structFields } from './local-object.ts'
import { mapFields } from './map-fields.ts'
import { forEachReg } from './refs.ts'
import {
  CONST_PTR_TO_MAP,
  MEM_ALLOC,
  MEM_RCU,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  R_AUX,
  R_BTF,
  R_ID,
  R_MAP,
  R_REF_ID,
  R_TYPE,
  REF_TYPE_PTR,
  REG_WORDS,
  setKnown,
  TYPE_BASE_MASK,
} from './reg.ts'
import type { State } from './state.ts'

/** `reg_not_null`: a pointer that is certainly none. */
export function isNotNull(r: Int32Array, i: number): boolean {
  const type = r[i + R_TYPE]!
  if ((type & PTR_MAYBE_NULL) !== 0) return false
  switch (type & TYPE_BASE_MASK) {
    case PTR_TO_SOCKET:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MAP_KEY:
    case PTR_TO_SOCK_COMMON:
    case CONST_PTR_TO_MAP:
      return true
    case PTR_TO_BTF_ID:
      return (type & (PTR_TRUSTED | MEM_RCU | MEM_ALLOC)) !== 0 && (type & PTR_UNTRUSTED) === 0
    case PTR_TO_MEM:
      return (type & PTR_UNTRUSTED) === 0
    default:
      return false
  }
}

/** `mark_ptr_not_null_reg`: the register turns into what its map's values are. */
export function markNotNull(env: Env, r: Int32Array, i: number): void {
  const type = r[i + R_TYPE]!
  if ((type & TYPE_BASE_MASK) !== PTR_TO_MAP_VALUE) {
    r[i + R_TYPE] = type & ~PTR_MAYBE_NULL
    return
  }
  const map = env.maps[r[i + R_MAP]!]!
  if (map.inner !== undefined) {
    const fields = mapFields(map.inner)
    r[i + R_TYPE] = CONST_PTR_TO_MAP
    r[i + R_MAP] = env.innerMap(r[i + R_MAP]!)
    // Every lookup may give another map: timers and work queues are told apart by it.
    if (fields.timer >= 0 || fields.workqueue >= 0 || fields.taskWork >= 0) r[i + R_AUX] = r[i + R_ID]!
  } else if (map.type === BPF_MAP_TYPE_XSKMAP) {
    r[i + R_TYPE] = PTR_TO_XDP_SOCK
  } else if (map.type === BPF_MAP_TYPE_SOCKMAP || map.type === BPF_MAP_TYPE_SOCKHASH) {
    r[i + R_TYPE] = PTR_TO_SOCKET
  } else {
    r[i + R_TYPE] = PTR_TO_MAP_VALUE
  }
}

// A pointer whose id tells which lock it has.
function hasLock(env: Env, r: Int32Array, i: number): boolean {
  const type = r[i + R_TYPE]!
  if ((type & TYPE_BASE_MASK) === PTR_TO_BTF_ID && (type & MEM_ALLOC) !== 0) {
    const object = structFields(env, r[i + R_BTF]!)
    return object !== undefined && (object.spinLock >= 0 || object.resSpinLock >= 0)
  }
  if ((type & TYPE_BASE_MASK) !== PTR_TO_MAP_VALUE) return false
  const fields = mapFields(env.maps[r[i + R_MAP]!]!)
  return fields.spinLock >= 0 || fields.resSpinLock >= 0
}

/** `mark_ptr_or_null_regs`: register `n` of the current frame is null, or is not, and so are all pointers of its id. */
export function markNullOrNot(env: Env, state: State, n: number, isNull: boolean): void {
  const own = state.frames[state.curframe]!.regs
  const id = own[n * REG_WORDS + R_ID]!
  const ref = own[n * REG_WORDS + R_REF_ID]!
  if (ref !== 0 && ref === id && isNull) {
    const at = state.findRef(id, REF_TYPE_PTR)
    if (at >= 0) state.removeRef(at)
  }
  forEachReg(state, (r, i) => {
    if ((r[i + R_TYPE]! & PTR_MAYBE_NULL) === 0 || r[i + R_ID] !== id) return
    if (isNull) {
      setKnown(r, i, 0, 0)
      return
    }
    markNotNull(env, r, i)
    if (!hasLock(env, r, i)) r[i + R_ID] = 0
  })
}
