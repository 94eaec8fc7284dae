// What a helper demands of each of its arguments (`check_func_arg`): the type, the offset, and by kind of argument the memory behind it.

import { EACCES, EINVAL } from '../bpf/errno.ts'
import { helperNames } from '../bpf/helper-table.ts'
import {
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_BLOOM_FILTER,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_SOCKHASH,
  BPF_MAP_TYPE_SOCKMAP,
} from '../bpf/map-type-table.ts'
import { compatibleTypes, isMemoryArg } from './arg-type.ts'
import type { CallMeta } from './call-meta.ts'
import type { Env } from './env.ts'
import { checkConstString } from './format.ts'
import { checkHelperMem, checkMemSize } from './helper-mem.ts'
import {
  ARG_ANYTHING,
  ARG_CONST_ALLOC_SIZE_OR_ZERO,
  ARG_CONST_MAP_PTR,
  ARG_CONST_SIZE,
  ARG_CONST_SIZE_OR_ZERO,
  ARG_KPTR_XCHG_DEST,
  ARG_PTR_TO_BTF_ID_SOCK_COMMON,
  ARG_PTR_TO_CONST_STR,
  ARG_PTR_TO_DYNPTR,
  ARG_PTR_TO_FUNC,
  ARG_PTR_TO_MAP_KEY,
  ARG_PTR_TO_MAP_VALUE,
  ARG_PTR_TO_MEM,
  ARG_PTR_TO_PERCPU_BTF_ID,
  ARG_PTR_TO_SPIN_LOCK,
  ARG_PTR_TO_TIMER,
  type HelperProto,
} from './helper-proto.ts'
import { checkAlignment } from './memory.ts'
import { readReg } from './operand.ts'
import { markChainPrecision, markSlotPrecision } from './precision.ts'
import { tnumText } from './print-number.ts'
import {
  DYNPTR_TYPE_LOCAL,
  DYNPTR_TYPE_RINGBUF,
  DYNPTR_TYPE_SKB,
  DYNPTR_TYPE_SKB_META,
  DYNPTR_TYPE_XDP,
  isConst,
  isNull,
  MEM_ALIGNED,
  MEM_ALLOC,
  MEM_FIXED_SIZE,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  MEM_UNINIT,
  MEM_WRITE,
  NON_OWN_REF,
  OBJ_RELEASE,
  PTR_MAYBE_NULL,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_TRUSTED,
  R_AUX,
  R_BTF,
  R_BTF_ID,
  R_FRAME,
  R_MAP,
  R_OFF,
  R_RANGE,
  R_REF_ID,
  R_TYPE,
  R_VALUE,
  REG_WORDS,
  SCALAR_VALUE,
  SLOT_WORDS,
  STACK_SPILL,
  STACK_ZERO,
  slotType,
  TYPE_BASE_MASK,
} from './reg.ts'
import { regTypeName } from './reg-name.ts'
import { checkDynptrArg, checkKptrArg, checkSpinLockArg, checkTimerArg, isAcquiredDynptr } from './special-arg.ts'
import { isSpilled } from './state.ts'

const DYNPTR_TYPES: number = DYNPTR_TYPE_LOCAL | DYNPTR_TYPE_RINGBUF | DYNPTR_TYPE_SKB | DYNPTR_TYPE_XDP | DYNPTR_TYPE_SKB_META
const KPTR_XCHG = 194
const SK_RELEASE = 86
const MAP_PEEK = 89

/** Argument `arg`, counted from 0. */
export function checkArg(env: Env, arg: number, proto: HelperProto, meta: CallMeta): void {
  let argType = proto.args[arg]!
  const n = arg + 1
  readReg(env, n)
  const r = env.regs
  const i = n * REG_WORDS
  if (argType === ARG_ANYTHING) {
    if (!env.privileged && r[i + R_TYPE] !== SCALAR_VALUE) env.reject(EACCES, `R${n} leaks addr into helper function`)
    return
  }
  const type = r[i + R_TYPE]!
  if ((type === PTR_TO_PACKET || type === PTR_TO_PACKET_META) && !proto.pktAccess) {
    env.reject(EACCES, 'helper access to the packet is not allowed')
  }
  if ((argType & TYPE_BASE_MASK) === ARG_PTR_TO_MAP_VALUE) argType = mapValueArg(env, argType, meta)
  if (!(isNull(r, i) && (argType & PTR_MAYBE_NULL) !== 0)) {
    checkType(env, n, argType, proto.argStructs[arg] ?? '', meta)
    checkOffset(env, n, argType)
  }
  if ((argType & OBJ_RELEASE) !== 0) checkRelease(env, n, argType, meta)
  if (r[i + R_REF_ID] !== 0 && (argType & TYPE_BASE_MASK) !== ARG_KPTR_XCHG_DEST) {
    if (meta.refId !== 0) env.reject(EACCES, `more than one arg with ref_obj_id R${n} ${r[i + R_REF_ID]} ${meta.refId}`)
    meta.refId = r[i + R_REF_ID]!
  }
  checkByKind(env, n, argType, proto, meta)
}

// A map's elements may be sockets.
function mapValueArg(env: Env, argType: number, meta: CallMeta): number {
  const type = env.maps[meta.map]?.type
  if (type === BPF_MAP_TYPE_SOCKMAP || type === BPF_MAP_TYPE_SOCKHASH) {
    if (argType !== ARG_PTR_TO_MAP_VALUE) env.reject(EINVAL, 'invalid arg_type for sockmap/sockhash')
    return ARG_PTR_TO_BTF_ID_SOCK_COMMON
  }
  // A peek of a bloom filter asks whether the value is in it.
  if (type === BPF_MAP_TYPE_BLOOM_FILTER && meta.func === MAP_PEEK) return ARG_PTR_TO_MAP_VALUE
  return argType
}

function checkRelease(env: Env, n: number, argType: number, meta: CallMeta): void {
  const r = env.regs
  const i = n * REG_WORDS
  if ((argType & TYPE_BASE_MASK) === ARG_PTR_TO_DYNPTR) {
    if (r[i + R_TYPE] !== PTR_TO_STACK) env.reject(EINVAL, 'cannot release unowned const bpf_dynptr')
    if (!isAcquiredDynptr(env, n)) env.reject(EINVAL, `arg ${n} is an unacquired reference`)
  } else if (r[i + R_REF_ID] === 0 && !isNull(r, i)) {
    env.reject(EINVAL, `R${n} must be referenced when passed to release function`)
  }
  meta.releaseReg = n
}

// ---- type and offset ---------------------------------------------------------------------------------------------------------

// `check_reg_type`.
function checkType(env: Env, n: number, argType: number, struct: string, meta: CallMeta): void {
  const types = compatibleTypes.get(argType & TYPE_BASE_MASK)
  if (types === undefined) return
  const r = env.regs
  const i = n * REG_WORDS
  const given = r[i + R_TYPE]!
  // Flags that the argument allows don't matter in the comparison.
  let type = given
  if ((argType & MEM_RDONLY) !== 0) type &= ~MEM_RDONLY
  if ((argType & PTR_MAYBE_NULL) !== 0) type &= ~PTR_MAYBE_NULL
  if ((argType & TYPE_BASE_MASK) === ARG_PTR_TO_MEM) type &= ~DYNPTR_TYPES
  if (meta.func === KPTR_XCHG && n === 2 && (type & MEM_ALLOC) !== 0) type &= ~(MEM_ALLOC | MEM_PERCPU)
  if (!types.includes(type)) {
    env.reject(EACCES, `R${n} type=${regTypeName(given)} expected=${types.map(regTypeName).join(', ')}`)
  }
  if ((given & TYPE_BASE_MASK) !== PTR_TO_BTF_ID) return
  if (isMemoryArg(types)) {
    if ((argType & MEM_RDONLY) === 0) {
      env.reject(EACCES, `bpf_${helperNames.get(meta.func)}() may write into memory pointed by R${n} type=${regTypeName(given)}`)
    }
    return
  }
  if ((given & (MEM_ALLOC | MEM_PERCPU)) !== 0) return
  if ((given & PTR_MAYBE_NULL) !== 0 && ((argType & PTR_MAYBE_NULL) === 0 || (argType & OBJ_RELEASE) !== 0)) {
    env.reject(EACCES, `Possibly NULL pointer passed to helper arg${n}`)
  }
  if (meta.func === KPTR_XCHG) return
  const wanted = struct !== '' ? struct : 'sock_common'
  const is = env.typeNames[r[i + R_BTF_ID]!] ?? ''
  const strict = (argType & OBJ_RELEASE) !== 0 && meta.func !== SK_RELEASE
  if (!beginsWith(is, wanted, strict)) env.reject(EACCES, `R${n} is of type ${is} but ${wanted} is expected`)
}

// Kernel structures that begin with another one, all the way down: what may be passed where the inner one is asked for.
const firstMember: ReadonlyMap<string, string> = new Map([
  ['sock', 'sock_common'],
  ['inet_sock', 'sock'],
  ['inet_connection_sock', 'inet_sock'],
  ['tcp_sock', 'inet_connection_sock'],
  ['tcp6_sock', 'tcp_sock'],
  ['udp_sock', 'inet_sock'],
  ['udp6_sock', 'udp_sock'],
  ['unix_sock', 'sock'],
  ['mptcp_sock', 'inet_connection_sock'],
  ['request_sock', 'sock_common'],
  ['inet_request_sock', 'request_sock'],
  ['tcp_request_sock', 'inet_request_sock'],
  ['inet_timewait_sock', 'sock_common'],
  ['tcp_timewait_sock', 'inet_timewait_sock'],
])

function beginsWith(is: string, wanted: string, strict: boolean): boolean {
  if (strict) return is === wanted
  for (let name: string | undefined = is; name !== undefined; name = firstMember.get(name)) if (name === wanted) return true
  return false
}

// `check_func_arg_reg_off`.
function checkOffset(env: Env, n: number, argType: number): void {
  const r = env.regs
  const i = n * REG_WORDS
  const type = r[i + R_TYPE]!
  if ((argType & OBJ_RELEASE) !== 0) {
    // A dynptr's place on the stack isn't that of the object that is released.
    if ((argType & TYPE_BASE_MASK) === ARG_PTR_TO_DYNPTR && type === PTR_TO_STACK) return
    if (r[i + R_OFF] !== 0) env.reject(EINVAL, `R${n} must have zero offset when passed to release func or trusted arg to kfunc`)
    checkFixedOffset(env, n, false)
    return
  }
  switch (type) {
    case PTR_TO_STACK:
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
    case PTR_TO_MAP_KEY:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MEM:
    case PTR_TO_MEM | MEM_RDONLY:
    case PTR_TO_MEM | MEM_RINGBUF:
    case PTR_TO_BUF:
    case PTR_TO_BUF | MEM_RDONLY:
    case PTR_TO_ARENA:
    case SCALAR_VALUE:
      return
    case PTR_TO_BTF_ID:
    case PTR_TO_BTF_ID | MEM_ALLOC:
    case PTR_TO_BTF_ID | PTR_TRUSTED:
    case PTR_TO_BTF_ID | MEM_RCU:
    case PTR_TO_BTF_ID | MEM_ALLOC | NON_OWN_REF:
    case PTR_TO_BTF_ID | MEM_ALLOC | NON_OWN_REF | MEM_RCU:
      checkFixedOffset(env, n, true)
      return
    default:
      checkFixedOffset(env, n, false)
  }
}

/** `__check_ptr_off_reg`: the pointer as it was handed out, at most with a fixed offset. */
export function checkFixedOffset(env: Env, n: number, fixedAllowed: boolean): void {
  const r = env.regs
  const i = n * REG_WORDS
  const off = r[i + R_OFF]!
  const name = regTypeName(r[i + R_TYPE]!)
  if (off < 0) env.reject(EACCES, `negative offset ${name} ptr R${n} off=${off} disallowed`)
  if (!fixedAllowed && off !== 0) env.reject(EACCES, `dereference of modified ${name} ptr R${n} off=${off} disallowed`)
  if (!isConst(r, i) || (r[i + R_VALUE]! | r[i + R_VALUE + 1]!) !== 0) {
    env.reject(EACCES, `variable ${name} access var_off=${tnumText(r, i + R_VALUE)} disallowed`)
  }
}

// ---- by kind of argument -------------------------------------------------------------------------------------------------------

function checkByKind(env: Env, n: number, argType: number, proto: HelperProto, meta: CallMeta): void {
  const r = env.regs
  const i = n * REG_WORDS
  const write = (argType & MEM_WRITE) !== 0
  switch (argType & TYPE_BASE_MASK) {
    case ARG_CONST_MAP_PTR:
      // The second of two must be the first's; inner maps of one outer map differ by their ids.
      if (meta.map >= 0 && (meta.map !== r[i + R_MAP] || meta.mapUid !== r[i + R_AUX])) {
        const message = `timer pointer in R1 map_uid=${meta.mapUid} doesn't match map pointer in R2 map_uid=${r[i + R_AUX]}`
        env.reject(EINVAL, message)
      }
      meta.map = r[i + R_MAP]!
      meta.mapUid = r[i + R_AUX]!
      break
    case ARG_PTR_TO_MAP_KEY: {
      const map = env.maps[meta.map]!
      checkHelperMem(env, n, map.keySize, false, false, null)
      if (knowsPresence(map.type)) meta.constKey = constantKey(env, i, map.keySize)
      break
    }
    case ARG_PTR_TO_MAP_VALUE:
      if ((argType & PTR_MAYBE_NULL) !== 0 && isNull(r, i)) break
      meta.raw = (argType & MEM_UNINIT) !== 0
      checkHelperMem(env, n, env.maps[meta.map]!.valueSize, write, false, meta)
      break
    case ARG_PTR_TO_PERCPU_BTF_ID:
      if (r[i + R_BTF_ID] === 0) env.reject(EACCES, `Helper has invalid btf_id in R${n}`)
      meta.btf = r[i + R_BTF]!
      meta.btfId = r[i + R_BTF_ID]!
      break
    case ARG_PTR_TO_SPIN_LOCK:
      checkSpinLockArg(env, n, meta)
      break
    case ARG_PTR_TO_TIMER:
      checkTimerArg(env, n, meta)
      break
    case ARG_PTR_TO_FUNC:
      meta.subprog = r[i + R_RANGE]!
      break
    case ARG_PTR_TO_MEM:
      // Without a fixed size, the access is checked with the size argument that follows.
      meta.raw = (argType & MEM_UNINIT) !== 0
      if ((argType & MEM_FIXED_SIZE) !== 0) {
        const size = proto.sizes[n - 1]!
        checkHelperMem(env, n, size, write, false, meta)
        if ((argType & MEM_ALIGNED) !== 0) checkAlignment(env, n, 0, size, true)
      }
      break
    case ARG_CONST_SIZE:
    case ARG_CONST_SIZE_OR_ZERO: {
      const into = (proto.args[n - 2]! & MEM_WRITE) !== 0
      checkMemSize(env, n, into, (argType & TYPE_BASE_MASK) === ARG_CONST_SIZE_OR_ZERO, meta)
      break
    }
    case ARG_PTR_TO_DYNPTR:
      checkDynptrArg(env, n, argType, meta)
      break
    case ARG_CONST_ALLOC_SIZE_OR_ZERO:
      if (!isConst(r, i)) env.reject(EACCES, `R${n} is not a known constant'`)
      meta.memBytes = r[i + R_VALUE]!
      markChainPrecision(env, n)
      break
    case ARG_PTR_TO_CONST_STR:
      checkConstString(env, n)
      break
    case ARG_KPTR_XCHG_DEST:
      checkKptrArg(env, n, meta)
      break
  }
}

/** Map types of which every key below max_entries is there: a lookup of one gives no NULL. */
export function knowsPresence(mapType: number): boolean {
  return mapType === BPF_MAP_TYPE_ARRAY || mapType === BPF_MAP_TYPE_PERCPU_ARRAY
}

// `get_constant_map_key`: the key, if the bytes on the stack are one known number; -1 if not.
function constantKey(env: Env, i: number, size: number): number {
  const r = env.regs
  if (!env.privileged || r[i + R_TYPE] !== PTR_TO_STACK || !isConst(r, i)) return -1
  const frame = env.state.frames[r[i + R_FRAME]!]!
  const first = -(r[i + R_OFF]! + r[i + R_VALUE]!) - 1
  const slot = first >> 3
  const s = slot * SLOT_WORDS
  const stack = frame.stack
  let zeros = 0
  for (let j = first & 7; j >= 0 && slotType(stack, s, j) === STACK_ZERO; j--) zeros++
  if (zeros >= size) return 0
  if (!isSpilled(stack, s) || stack[s + R_TYPE] !== SCALAR_VALUE) return -1
  let spilled = 0
  for (let j = first & 7; j >= 0 && slotType(stack, s, j) === STACK_SPILL; j--) spilled++
  if (spilled !== size || !isConst(stack, s)) return -1
  const lo = stack[s + R_VALUE]!
  const hi = stack[s + R_VALUE + 1]!
  markSlotPrecision(env, r[i + R_FRAME]!, slot)
  return hi === 0 ? lo >>> 0 : -1
}
