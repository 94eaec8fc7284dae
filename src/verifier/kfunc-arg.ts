// What a kernel function demands of its arguments (`check_kfunc_args`): its prototype, the suffixes of parameter names, and the flags of the
// function decide what kind each is.

import { EACCES, EFAULT, EINVAL } from '../bpf/errno.ts'
import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import { CallMeta } from './call-meta.ts'
import { checkFixedOffset } from './check-arg.ts'
import { checkDynptr, dynptrId, dynptrKind, dynptrRef, flagsOfKind } from './dynptr.ts'
import { type Env, Reject } from './env.ts'
import { checkConstString } from './format.ts'
import { checkGraphNode, checkGraphRoot } from './graph.ts'
import { checkIrqFlag } from './irq.ts'
import { checkIter, iterKind, iterRef } from './iter.ts'
import { beginsWith, type CType, parseCType } from './kernel-struct.ts'
import type { KfuncParam } from './kfunc.ts'
import type { KfuncMeta } from './kfunc-meta.ts'
import { inTreeCallback, isObject, structFields } from './local-object.ts'
import { mapFields } from './map-fields.ts'
import { checkMemReg, checkMemSizeReg } from './mem-reg.ts'
import { markChainPrecision } from './precision.ts'
import {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  DYNPTR_TYPE_SKB,
  DYNPTR_TYPE_SKB_META,
  DYNPTR_TYPE_XDP,
  isConst,
  isNull,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_UNINIT,
  NON_OWN_REF,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_VALUE,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TRUSTED,
  R_AUX,
  R_BTF,
  R_BTF_ID,
  R_MAP,
  R_OFF,
  R_RANGE,
  R_REF_ID,
  R_TYPE,
  R_VALUE,
  REG_WORDS,
  SCALAR_VALUE,
  TYPE_BASE_MASK,
} from './reg.ts'
import { regTypeName } from './reg-name.ts'
import { checkRegOffset } from './reg-offset.ts'
import { checkMapField } from './special-arg.ts'
import { processSpinLock } from './spin-lock.ts'
import { isContextName } from './subprog-args.ts'

const TRUSTED_MODIFIERS: number = MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF
const scratch = new CallMeta()

/** Register types that stand for a structure of the kernel without saying so. */
const structOf: ReadonlyMap<number, string> = new Map([
  [PTR_TO_SOCKET, 'sock'],
  [PTR_TO_SOCK_COMMON, 'sock_common'],
  [PTR_TO_TCP_SOCK, 'tcp_sock'],
  [CONST_PTR_TO_MAP, 'bpf_map'],
])

export function checkKfuncArgs(env: Env, meta: KfuncMeta): void {
  const { params } = meta.kfunc
  for (let i = 0; i < params.length; i++) {
    // The size behind a buffer is looked at with it.
    if (checkArg(env, meta, i)) i++
  }
  if (meta.kfunc.release && meta.releaseReg === 0) {
    env.reject(EINVAL, `release kernel function ${meta.kfunc.name} expects refcounted PTR_TO_BTF_ID`)
  }
}

/** True if the next parameter has been dealt with too. */
function checkArg(env: Env, meta: KfuncMeta, i: number): boolean {
  const { kfunc } = meta
  const param = kfunc.params[i]!
  const n = i + 1
  const r = env.regs
  const at = n * REG_WORDS
  if (param.name.endsWith('__ign') || param.name.endsWith('__prog')) return false
  const isCallback = parseCType(param.type).kind === 'FUNC_PROTO'
  if (!param.type.endsWith('*') && !isCallback) {
    checkScalar(env, meta, n, param)
    return false
  }
  const mayBeNull = isNull(r, at) || (r[at + R_TYPE]! & PTR_MAYBE_NULL) !== 0
  const nullable = param.name.endsWith('__nullable')
  if ((kfunc.trustedArgs || kfunc.rcu) && mayBeNull && !nullable) {
    env.reject(EACCES, `Possibly NULL pointer passed to trusted arg${i}`)
  }
  const ref = r[at + R_REF_ID]!
  if (ref !== 0) {
    if (kfunc.release && meta.ref !== 0) env.reject(EFAULT, `more than one arg with ref_obj_id R${n} ${ref} ${meta.ref}`)
    meta.ref = ref
    if (kfunc.release) meta.releaseReg = n
  }
  return checkPointer(env, meta, i, param, parseCType(param.type.replace(/\*$/, '')))
}

function checkScalar(env: Env, meta: KfuncMeta, n: number, param: KfuncParam): void {
  const r = env.regs
  const at = n * REG_WORDS
  if (r[at + R_TYPE] !== SCALAR_VALUE) env.reject(EINVAL, `R${n} is not a scalar`)
  if (!param.name.endsWith('__k')) return
  if (!isConst(r, at)) env.reject(EINVAL, `R${n} must be a known constant`)
  markChainPrecision(env, n)
  meta.constant = [r[at + R_VALUE]!, r[at + R_VALUE + 1]!]
}

// ---- pointers ------------------------------------------------------------------------------------------------------------------

function checkPointer(env: Env, meta: KfuncMeta, i: number, param: KfuncParam, target: CType): boolean {
  const { kfunc } = meta
  const n = i + 1
  const r = env.regs
  const at = n * REG_WORDS
  const type = r[at + R_TYPE]!
  const { name } = param
  if (kfunc.name === 'bpf_cast_to_kern_ctx' || (target.kind === 'STRUCT' && isContextName(target.name, env.progType))) {
    checkOffset(env, meta, n)
    if (type !== PTR_TO_CTX) env.reject(EINVAL, `arg#${i} expected pointer to ctx, but got ${regTypeName(type)}`)
    meta.contextStruct = env.progType === BPF_PROG_TYPE_XDP ? 'xdp_buff' : 'sk_buff'
    return false
  }
  if (name.endsWith('__nullable') && isNull(r, at)) return false
  if (name.endsWith('__alloc')) return plain(() => checkAllocated(env, meta, n))
  if (name.endsWith('__refcounted_kptr')) return plain(() => checkRefcounted(env, meta, n))
  const iter = iterKind(param.type)
  if (iter !== undefined) return plain(() => checkIterArg(env, meta, n, iter))
  if (name.endsWith('__str')) {
    return plain(() => {
      if (type !== PTR_TO_MAP_VALUE) env.reject(EINVAL, `arg#${i} doesn't point to a const string`)
      checkConstString(env, n)
    })
  }
  if (name.endsWith('__map')) return plain(() => checkMap(env, meta, n))
  if (name.endsWith('__irq_flag')) {
    return plain(() => {
      if (type !== PTR_TO_STACK) env.reject(EINVAL, `arg#${i} doesn't point to an irq flag on stack`)
      checkIrqFlag(env, n, { save: kfunc.name.endsWith('save'), lock: kfunc.name.startsWith('bpf_res_spin') })
    })
  }
  const special = specials.get(target.name)
  if (special !== undefined) return plain(() => special(env, meta, n))
  const base = type & TYPE_BASE_MASK
  if (base === PTR_TO_BTF_ID || structOf.has(base)) {
    if (target.kind !== 'STRUCT' && target.kind !== 'UNION') {
      env.reject(EINVAL, `kernel function ${kfunc.name} args#${i} pointer type ${target.kind} ${target.name} is not supported`)
    }
    return plain(() => checkObject(env, meta, n, target))
  }
  if (target.kind === 'FUNC_PROTO') {
    return plain(() => {
      if (type !== PTR_TO_FUNC) env.reject(EINVAL, `arg${i} expected pointer to func`)
      meta.subprog = r[at + R_RANGE]!
    })
  }
  return checkMemory(env, meta, i, target)

  function plain(check: () => void): false {
    checkTrust(env, meta, n, param)
    checkOffset(env, meta, n)
    check()
    return false
  }
}

/** Objects of the kernel and of the program must be trusted where the function says so. */
function checkTrust(env: Env, meta: KfuncMeta, n: number, param: KfuncParam): void {
  const { kfunc } = meta
  const r = env.regs
  const at = n * REG_WORDS
  const type = r[at + R_TYPE]!
  const isMap = param.name.endsWith('__map')
  if (isMap) noteMap(env, meta, n)
  const target = parseCType(param.type.replace(/\*$/, ''))
  const isSpecial =
    specials.has(target.name) || iterKind(param.type) !== undefined || /__(str|irq_flag|refcounted_kptr)$/.test(param.name)
  const base = type & TYPE_BASE_MASK
  const isObjectArg = isMap || param.name.endsWith('__alloc') || (!isSpecial && (base === PTR_TO_BTF_ID || structOf.has(base)))
  if (!isObjectArg || (!kfunc.trustedArgs && !kfunc.rcu) || isTrusted(r, at)) return
  if (!kfunc.rcu) env.reject(EINVAL, `R${n} must be referenced or trusted`)
  if ((type & MEM_RCU) === 0) env.reject(EINVAL, `R${n} must be a rcu pointer`)
}

function isTrusted(r: Int32Array, at: number): boolean {
  const type = r[at + R_TYPE]!
  const flags = type & ~TYPE_BASE_MASK
  if (r[at + R_REF_ID] !== 0) return true
  const isSafe = (flags & ~TRUSTED_MODIFIERS) === 0
  if (structOf.has(type & TYPE_BASE_MASK) && isSafe) return true
  return (flags & TRUSTED_MODIFIERS) !== 0 && isSafe
}

function checkOffset(env: Env, meta: KfuncMeta, n: number): void {
  const at = n * REG_WORDS
  if (!meta.kfunc.release || env.regs[at + R_REF_ID] === 0) {
    checkRegOffset(env, n)
    return
  }
  if (env.regs[at + R_OFF] !== 0) {
    env.reject(EINVAL, `R${n} must have zero offset when passed to release func or trusted arg to kfunc`)
  }
  checkFixedOffset(env, n, false)
}

function noteMap(env: Env, meta: KfuncMeta, n: number): void {
  const r = env.regs
  const at = n * REG_WORDS
  const map = env.maps[r[at + R_MAP]!]
  if (map === undefined) env.reject(EINVAL, `pointer in R${n} isn't map pointer`)
  const fields = mapFields(map)
  const differs = meta.map >= 0 && (meta.map !== r[at + R_MAP] || meta.mapUid !== r[at + R_AUX])
  if (differs && (fields.workqueue >= 0 || fields.taskWork >= 0)) {
    const what = fields.taskWork >= 0 ? 'bpf_task_work pointer in R2' : 'workqueue pointer in R1'
    env.reject(EINVAL, `${what} map_uid=${meta.mapUid} doesn't match map pointer in R${n} map_uid=${r[at + R_AUX]}`)
  }
  meta.map = r[at + R_MAP]!
  meta.mapUid = r[at + R_AUX]!
}

function checkMap(env: Env, meta: KfuncMeta, n: number): void {
  checkObject(env, meta, n, { kind: 'STRUCT', name: 'bpf_map', bytes: undefined, isNumbers: false })
}

/** `KF_ARG_PTR_TO_BTF_ID`: an object of the kernel of the right structure. */
function checkObject(env: Env, meta: KfuncMeta, n: number, target: CType): void {
  const r = env.regs
  const at = n * REG_WORDS
  const type = r[at + R_TYPE]!
  const base = type & TYPE_BASE_MASK
  const unsafe = (type & ~TYPE_BASE_MASK & ~TRUSTED_MODIFIERS) !== 0 && (type & MEM_RCU) === 0
  if ((base !== PTR_TO_BTF_ID || unsafe) && !structOf.has(base)) {
    env.verbose(`arg#${n - 1} is ${regTypeName(type)} `)
    env.reject(EINVAL, `expected ${regTypeName(base | (type & TRUSTED_MODIFIERS))} or socket`)
  }
  const is = base === PTR_TO_BTF_ID ? (env.typeNames[r[at + R_BTF_ID]!] ?? '') : structOf.get(base)!
  const { kfunc } = meta
  const strict = kfunc.acquire || (kfunc.release && r[at + R_REF_ID] !== 0) || isAlias(is, target.name)
  const isProjection = (target.name === '__sk_buff' && is === 'sk_buff') || (target.name === 'xdp_md' && is === 'xdp_buff')
  const isLocal = r[at + R_BTF] !== 0
  const same = !isLocal && r[at + R_OFF] === 0 && beginsWith(is, target.name, strict)
  if (same || isProjection) return
  env.reject(
    EINVAL,
    `kernel function ${kfunc.name} args#${n - 1} expected pointer to ${target.kind} ${target.name} but R${n} has a pointer to STRUCT ${is}`,
  )
}

/** `nf_conn___init` is an `nf_conn` that isn't in the table yet: no cast leads from one to the other. */
function isAlias(a: string, b: string): boolean {
  const bare = (name: string): string => name.replace(/___init$/, '')
  return a !== b && bare(a) === bare(b)
}

function checkAllocated(env: Env, meta: KfuncMeta, n: number): void {
  const r = env.regs
  const at = n * REG_WORDS
  const wanted = meta.kfunc.name
  if (r[at + R_TYPE] === (PTR_TO_BTF_ID | MEM_ALLOC)) {
    if (wanted !== 'bpf_obj_drop_impl') env.reject(EINVAL, `arg#${n - 1} expected for bpf_obj_drop_impl()`)
  } else if (r[at + R_TYPE] === (PTR_TO_BTF_ID | MEM_ALLOC | MEM_PERCPU)) {
    if (wanted !== 'bpf_percpu_obj_drop_impl') env.reject(EINVAL, `arg#${n - 1} expected for bpf_percpu_obj_drop_impl()`)
  } else {
    env.reject(EINVAL, `arg#${n - 1} expected pointer to allocated object`)
  }
  mustBeOwned(env, n)
  meta.objectType = r[at + R_BTF]!
}

function mustBeOwned(env: Env, n: number): void {
  if (env.regs[n * REG_WORDS + R_REF_ID] === 0) env.reject(EINVAL, 'allocated object must be referenced')
}

function checkRefcounted(env: Env, meta: KfuncMeta, n: number): void {
  const r = env.regs
  const at = n * REG_WORDS
  if (!isObject(r[at + R_TYPE]!)) env.reject(EINVAL, `arg#${n - 1} is neither owning or non-owning ref`)
  meta.isOwned = (r[at + R_TYPE]! & NON_OWN_REF) === 0
  const fields = structFields(env, r[at + R_BTF]!)
  if (fields === undefined || fields.fields.length === 0) env.reject(EFAULT, "verifier bug: Couldn't find btf_record")
  if (fields.refcount < 0) {
    env.reject(EINVAL, `arg#${n - 1} doesn't point to a type with bpf_refcount field`)
  }
  meta.objectType = r[at + R_BTF]!
}

function checkIterArg(env: Env, meta: KfuncMeta, n: number, kind: string): void {
  if (meta.kfunc.name === 'bpf_iter_css_task_new' && !env.sleepable) {
    env.reject(EINVAL, 'css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs')
  }
  meta.iter = checkIter(env, n, kind, meta.kfunc)
  if (meta.iter !== undefined && !meta.kfunc.iterDestroy) meta.ref = iterRef(env, meta.iter)
}

/** Parameters whose structure decides what they are. */
const specials: ReadonlyMap<string, (env: Env, meta: KfuncMeta, n: number) => void> = new Map([
  ['bpf_dynptr', checkDynptrParam],
  ['bpf_list_head', (env: Env, meta: KfuncMeta, n: number) => checkRootParam(env, meta, n, 'list_head')],
  ['bpf_rb_root', (env: Env, meta: KfuncMeta, n: number) => checkRootParam(env, meta, n, 'rb_root')],
  ['bpf_list_node', checkListNode],
  ['bpf_rb_node', checkTreeNode],
  ['bpf_wq', (env: Env, meta: KfuncMeta, n: number) => checkWork(env, meta, n, 'wq')],
  ['bpf_task_work', (env: Env, meta: KfuncMeta, n: number) => checkWork(env, meta, n, 'task_work')],
  ['bpf_res_spin_lock', checkResSpinLock],
])

function checkDynptrParam(env: Env, meta: KfuncMeta, n: number): void {
  const { kfunc } = meta
  let flags = env.regs[n * REG_WORDS + R_TYPE] === CONST_PTR_TO_DYNPTR ? MEM_RDONLY : 0
  let cloneRef = 0
  if (kfunc.params[n - 1]!.name.endsWith('__uninit')) flags |= MEM_UNINIT
  if (kfunc.name === 'bpf_dynptr_from_skb') flags |= DYNPTR_TYPE_SKB
  else if (kfunc.name === 'bpf_dynptr_from_xdp') flags |= DYNPTR_TYPE_XDP
  else if (kfunc.name === 'bpf_dynptr_from_skb_meta') flags |= DYNPTR_TYPE_SKB_META
  else if (kfunc.name === 'bpf_dynptr_clone' && (flags & MEM_UNINIT) !== 0) {
    flags |= flagsOfKind(meta.dynptr?.kind ?? 0)
    cloneRef = meta.dynptr?.ref ?? 0
  }
  checkDynptr(env, n, flags, cloneRef)
  if ((flags & MEM_UNINIT) !== 0) return
  meta.dynptr = { id: dynptrId(env, n), kind: dynptrKind(env, n), ref: dynptrRef(env, n) }
}

function checkRootParam(env: Env, meta: KfuncMeta, n: number, kind: 'list_head' | 'rb_root'): void {
  const type = env.regs[n * REG_WORDS + R_TYPE]!
  if (type !== PTR_TO_MAP_VALUE && type !== (PTR_TO_BTF_ID | MEM_ALLOC)) {
    env.reject(EINVAL, `arg#${n - 1} expected pointer to map value or allocated object`)
  }
  if (type === (PTR_TO_BTF_ID | MEM_ALLOC)) mustBeOwned(env, n)
  meta.root = checkGraphRoot(env, n, kind)
}

function mustBeObject(env: Env, n: number): void {
  if (env.regs[n * REG_WORDS + R_TYPE] !== (PTR_TO_BTF_ID | MEM_ALLOC)) {
    env.reject(EINVAL, `arg#${n - 1} expected pointer to allocated object`)
  }
  mustBeOwned(env, n)
}

function checkListNode(env: Env, meta: KfuncMeta, n: number): void {
  mustBeObject(env, n)
  if (meta.root !== undefined) checkGraphNode(env, n, 'list_node', meta.root)
  meta.objectType = env.regs[n * REG_WORDS + R_BTF]!
}

function checkTreeNode(env: Env, meta: KfuncMeta, n: number): void {
  const at = n * REG_WORDS
  const { name } = meta.kfunc
  if (name === 'bpf_rbtree_add_impl') {
    mustBeObject(env, n)
  } else {
    const type = env.regs[at + R_TYPE]!
    if (!(isObject(type) && (type & NON_OWN_REF) !== 0) && env.regs[at + R_REF_ID] === 0) {
      env.reject(EINVAL, `${name} can only take non-owning or refcounted bpf_rb_node pointer`)
    }
    if (inTreeCallback(env)) env.reject(EINVAL, `${name} not allowed in rbtree cb`)
  }
  if (meta.root !== undefined) checkGraphNode(env, n, 'rb_node', meta.root)
  meta.objectType = env.regs[at + R_BTF]!
}

function checkWork(env: Env, meta: KfuncMeta, n: number, kind: 'wq' | 'task_work'): void {
  const at = n * REG_WORDS
  if (env.regs[at + R_TYPE] !== PTR_TO_MAP_VALUE) env.reject(EINVAL, `arg#${n - 1} doesn't point to a map value`)
  checkMapField(env, n, kind)
  meta.map = env.regs[at + R_MAP]!
  meta.mapUid = env.regs[at + R_AUX]!
}

function checkResSpinLock(env: Env, meta: KfuncMeta, n: number): void {
  const type = env.regs[n * REG_WORDS + R_TYPE]!
  if (type !== PTR_TO_MAP_VALUE && type !== (PTR_TO_BTF_ID | MEM_ALLOC)) {
    env.reject(EINVAL, `arg#${n - 1} doesn't point to map value or allocated object`)
  }
  const { name } = meta.kfunc
  processSpinLock(env, n, { lock: !name.includes('unlock'), res: true, irq: name.includes('irq') })
}

// ---- memory --------------------------------------------------------------------------------------------------------------------

function checkMemory(env: Env, meta: KfuncMeta, i: number, target: CType): boolean {
  const n = i + 1
  const r = env.regs
  const param = meta.kfunc.params[i]!
  const next = meta.kfunc.params[i + 1]
  const sizeAt = (n + 1) * REG_WORDS
  const hasSize = next !== undefined && /__szk?$/.test(next.name) && r[sizeAt + R_TYPE] === SCALAR_VALUE
  if (!target.isNumbers && !(hasSize && target.kind === 'UNKNOWN')) {
    const what = hasSize ? 'void, ' : ''
    env.reject(EINVAL, `arg#${i} pointer type ${target.kind} ${target.name} must point to ${what}scalar, or struct with scalar`)
  }
  checkOffset(env, meta, n)
  if (!hasSize) {
    if (target.bytes === undefined) {
      env.reject(EINVAL, `arg#${i} reference type('${target.kind} ${target.name}') size cannot be determined: -22`)
    }
    checkMemReg(env, n, target.bytes)
    return false
  }
  if (!isNull(r, n * REG_WORDS) || !param.name.endsWith('__opt')) {
    try {
      checkMemSizeReg(env, n + 1, scratch)
    } catch (error) {
      if (!(error instanceof Reject)) throw error
      env.verbose(`arg#${i} arg#${i + 1} memory, len pair leads to invalid memory access\n`)
      throw error
    }
  }
  if (next.name.endsWith('__szk')) {
    if (!isConst(r, sizeAt)) env.reject(EINVAL, `R${n + 1} must be a known constant`)
    meta.constant = [r[sizeAt + R_VALUE]!, r[sizeAt + R_VALUE + 1]!]
  }
  return true
}
