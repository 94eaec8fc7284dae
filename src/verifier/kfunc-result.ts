// The pointer that a kernel function returns: an object of the program, a piece of a dynptr, memory of known size, or a structure of the
// kernel with as much trust as the function gives.

import { EFAULT, EINVAL } from '../bpf/errno.ts'
import { sizeOf } from '../btf/resolve.ts'
import { flagsOfKind } from './dynptr.ts'
import type { Env } from './env.ts'
import type { CType } from './kernel-struct.ts'
import type { KfuncMeta } from './kfunc-meta.ts'
import { setObject, structFields } from './local-object.ts'
import { markUnknown } from './operand.ts'
import {
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  R_AUX,
  R_BTF_ID,
  R_RANGE,
  R_REF_ID,
  setPointer,
} from './reg.ts'
import { typeId } from './type-id.ts'

const MAX_PERCPU_BYTES = 512

/** Sets R0; `inIterRcu`: the iterator that was stepped protects its elements by RCU. */
export function setKfuncPointer(env: Env, meta: KfuncMeta, target: CType, inIterRcu: boolean): void {
  const { kfunc } = meta
  const r = env.regs
  if (setSpecial(env, meta, target)) return
  if (target.kind === 'UNKNOWN') {
    markUnknown(env, r, 0)
    return
  }
  if (target.kind !== 'STRUCT' && target.kind !== 'UNION') {
    if (target.bytes === undefined) {
      env.reject(EINVAL, `kernel function ${kfunc.name} returns pointer type ${target.kind} ${target.name} is not supported`)
    }
    setPointer(r, 0, PTR_TO_MEM | MEM_RDONLY | (kfunc.rcuProtected ? MEM_RCU : 0))
    r[R_RANGE] = target.bytes
    r[R_REF_ID] = meta.ref
    return
  }
  let flags = 0
  if (kfunc.name === 'bpf_get_kmem_cache') flags = PTR_UNTRUSTED
  else if (kfunc.rcuProtected) flags = MEM_RCU
  if (kfunc.iterNext) flags |= inIterRcu ? MEM_RCU : PTR_TRUSTED
  setPointer(r, 0, PTR_TO_BTF_ID | flags)
  r[R_BTF_ID] = typeId(env, target.name)
}

/** `check_special_kfunc`: functions whose result depends on more than the prototype. */
function setSpecial(env: Env, meta: KfuncMeta, target: CType): boolean {
  const r = env.regs
  const { name } = meta.kfunc
  switch (name) {
    case 'bpf_obj_new_impl':
    case 'bpf_percpu_obj_new_impl':
      setNew(env, meta, name === 'bpf_percpu_obj_new_impl')
      return true
    case 'bpf_refcount_acquire_impl':
      setObject(env, r, 0, meta.objectType, 0)
      return true
    case 'bpf_cast_to_kern_ctx':
      setPointer(r, 0, PTR_TO_BTF_ID | PTR_TRUSTED)
      r[R_BTF_ID] = typeId(env, meta.contextStruct)
      return true
    case 'bpf_rdonly_cast':
      return setCast(env, meta)
    case 'bpf_dynptr_slice':
    case 'bpf_dynptr_slice_rdwr': {
      const { dynptr, constant } = meta
      if (dynptr === undefined || constant === undefined) return env.reject(EFAULT, '')
      setPointer(r, 0, PTR_TO_MEM | flagsOfKind(dynptr.kind) | (name === 'bpf_dynptr_slice' ? MEM_RDONLY : 0))
      r[R_RANGE] = constant[0]
      r[R_AUX] = dynptr.id
      if (name === 'bpf_dynptr_slice') return true
      if (!env.writesPacket) env.reject(EINVAL, 'the prog does not allow writes to packet data')
      env.seenDirectWrite = true
      return true
    }
  }
  if (target.name !== 'bpf_list_node' && target.name !== 'bpf_rb_node') return false
  if (meta.root === undefined) return env.reject(EFAULT, '')
  setObject(env, r, 0, meta.root.type, 0, meta.root.node)
  return true
}

function setNew(env: Env, meta: KfuncMeta, percpu: boolean): void {
  const { btf } = env
  const [id, high] = meta.constant ?? [0, 0]
  if (high !== 0) env.reject(EINVAL, 'local type ID argument must be in range [0, U32_MAX]')
  if (btf === null) env.reject(EINVAL, 'bpf_obj_new/bpf_percpu_obj_new requires prog BTF')
  const kind = id > 0 && id < btf.count ? btf.kind(id) : 'void'
  if (kind !== 'struct') env.reject(EINVAL, 'bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct')
  const fields = structFields(env, id)
  if (percpu) {
    const bytes = sizeOf(btf, id) ?? 0
    if (bytes > MAX_PERCPU_BYTES) {
      env.reject(EINVAL, `bpf_percpu_obj_new type size (${bytes}) is greater than ${MAX_PERCPU_BYTES}`)
    }
    if (fields !== undefined && fields.fields.length > 0) {
      env.reject(EINVAL, 'bpf_percpu_obj_new type ID argument must not contain special fields')
    }
  }
  setObject(env, env.regs, 0, id, percpu ? MEM_PERCPU : 0)
}

/** A type of the kernel by its BTF id, which is not known here but for void. */
function setCast(env: Env, meta: KfuncMeta): boolean {
  const [id, high] = meta.constant ?? [0, 0]
  if (id !== 0 || high !== 0) {
    env.reject(EINVAL, `Unknown type ID ${(BigInt(high) << 32n) | BigInt(id >>> 0)} passed to kfunc bpf_rdonly_cast`)
  }
  setPointer(env.regs, 0, PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED)
  env.regs[R_RANGE] = 0
  return true
}
