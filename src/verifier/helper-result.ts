// What is known of R0 after a helper returned.

import { EACCES } from '../bpf/errno.ts'
import { BPF_MAP_TYPE_SOCKHASH, BPF_MAP_TYPE_SOCKMAP } from '../bpf/map-type-table.ts'
import { checkBounds } from './alu.ts'
import { syncBounds } from './bounds.ts'
import type { CallMeta } from './call-meta.ts'
import { knowsPresence } from './check-arg.ts'
import type { Env } from './env.ts'
import {
  type HelperProto,
  RET_INTEGER,
  RET_PTR_TO_BTF_ID,
  RET_PTR_TO_MAP_VALUE,
  RET_PTR_TO_MEM,
  RET_PTR_TO_MEM_OR_BTF_ID,
  RET_PTR_TO_SOCK_COMMON,
  RET_PTR_TO_SOCKET,
  RET_PTR_TO_TCP_SOCK,
  RET_VOID,
} from './helper-proto.ts'
import { mapFields } from './map-fields.ts'
import { markUnknown } from './operand.ts'
import { acquireRef } from './refs.ts'
import {
  NOT_INIT,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  R_AUX,
  R_BTF_ID,
  R_ID,
  R_MAP,
  R_RANGE,
  R_REF_ID,
  R_S32_MAX,
  R_S32_MIN,
  R_SMAX,
  R_SMIN,
  R_TYPE,
  R_U32_MAX,
  R_U32_MIN,
  R_UMAX,
  R_UMIN,
  setPointer,
  TYPE_BASE_MASK,
} from './reg.ts'
import { typeId } from './type-id.ts'

const MAP_LOOKUP = 1
const GET_SMP_PROCESSOR_ID = 8
const TCP_SOCK = 96
const SK_FULLSOCK = 95
const GET_TASK_STACK = 141
const DYNPTR_DATA = 203

/** sk_lookup_tcp, sk_lookup_udp, ringbuf_reserve, skc_lookup_tcp, kptr_xchg. */
const acquires: ReadonlySet<number> = new Set([84, 85, 99, 131, 194])
/** Casts of one socket pointer into another: the reference is the argument's. */
const casts: ReadonlySet<number> = new Set([SK_FULLSOCK, TCP_SOCK, 136, 137, 138, 139, 140, 196])
/** Results that are a length, no larger than the size that was given, or an error. */
const lengths: ReadonlySet<number> = new Set([114, 115, GET_TASK_STACK])

const MAX_ERRNO = 4095
/** Processors of the machine that the verdicts are those of: get_smp_processor_id is below. */
const CPUS = 2

/** Sets R0 by the helper's return type. */
export function setHelperResult(env: Env, proto: HelperProto, meta: CallMeta): void {
  const r = env.regs
  const base = proto.ret & TYPE_BASE_MASK
  let flags = proto.ret & ~TYPE_BASE_MASK
  switch (base) {
    case RET_INTEGER:
      markUnknown(env, r, 0)
      break
    case RET_VOID:
      r[R_TYPE] = NOT_INIT
      break
    case RET_PTR_TO_MAP_VALUE: {
      const map = env.maps[meta.map]!
      if (proto.id === MAP_LOOKUP && knowsPresence(map.type) && meta.constKey >= 0 && meta.constKey < map.maxEntries) {
        flags &= ~PTR_MAYBE_NULL
      }
      setPointer(r, 0, PTR_TO_MAP_VALUE | flags)
      r[R_MAP] = meta.map
      r[R_AUX] = meta.mapUid
      if ((flags & PTR_MAYBE_NULL) === 0 && hasLock(env, meta.map)) r[R_ID] = env.newId()
      break
    }
    case RET_PTR_TO_SOCKET:
      setPointer(r, 0, PTR_TO_SOCKET | flags)
      break
    case RET_PTR_TO_SOCK_COMMON:
      setPointer(r, 0, PTR_TO_SOCK_COMMON | flags)
      break
    case RET_PTR_TO_TCP_SOCK:
      setPointer(r, 0, PTR_TO_TCP_SOCK | flags)
      break
    case RET_PTR_TO_MEM:
      setPointer(r, 0, PTR_TO_MEM | flags)
      r[R_RANGE] = meta.memBytes
      break
    case RET_PTR_TO_MEM_OR_BTF_ID:
      setPointer(r, 0, PTR_TO_BTF_ID | flags)
      r[R_BTF_ID] = meta.btfId
      break
    case RET_PTR_TO_BTF_ID:
      setPointer(r, 0, PTR_TO_BTF_ID | flags)
      r[R_BTF_ID] = typeId(env, proto.retStruct)
      break
    default:
      env.reject(EACCES, '')
  }
  if ((r[R_TYPE]! & PTR_MAYBE_NULL) !== 0) r[R_ID] = env.newId()
  if (proto.id === DYNPTR_DATA) r[R_AUX] = meta.dynptrId
  if (casts.has(proto.id) || proto.id === DYNPTR_DATA) {
    r[R_REF_ID] = meta.refId
  } else if (isAcquire(env, proto.id, meta.map)) {
    const id = acquireRef(env, env.insn)
    r[R_ID] = id
    r[R_REF_ID] = id
  }
  if (base === RET_INTEGER) refine(env, proto.id, meta)
}

function hasLock(env: Env, map: number): boolean {
  const spec = env.maps[map]!
  if (spec.btf === undefined) return false
  const fields = mapFields(spec)
  return fields.spinLock >= 0 || fields.resSpinLock >= 0
}

// A lookup in a map of sockets takes a reference too.
function isAcquire(env: Env, id: number, map: number): boolean {
  if (acquires.has(id)) return true
  const type = env.maps[map]?.type
  return id === MAP_LOOKUP && (type === BPF_MAP_TYPE_SOCKMAP || type === BPF_MAP_TYPE_SOCKHASH)
}

// `do_refine_retval_range`.
function refine(env: Env, id: number, meta: CallMeta): void {
  const r = env.regs
  if (lengths.has(id)) {
    // At most 2^29: a size argument isn't larger.
    r[R_SMAX] = meta.maxSize
    r[R_SMAX + 1] = 0
    r[R_S32_MAX] = meta.maxSize
    r[R_SMIN] = -MAX_ERRNO
    r[R_SMIN + 1] = -1
    r[R_S32_MIN] = -MAX_ERRNO
  } else if (id === GET_SMP_PROCESSOR_ID) {
    for (const word of [R_UMAX, R_SMAX]) {
      r[word] = CPUS - 1
      r[word + 1] = 0
    }
    for (const word of [R_UMIN, R_SMIN]) {
      r[word] = 0
      r[word + 1] = 0
    }
    r[R_U32_MAX] = CPUS - 1
    r[R_S32_MAX] = CPUS - 1
    r[R_U32_MIN] = 0
    r[R_S32_MIN] = 0
  } else {
    return
  }
  syncBounds(r, 0)
  checkBounds(env, r, 0, 'retval')
}
