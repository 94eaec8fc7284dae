// Objects that a program allocates with bpf_obj_new: structures of its own BTF. R_BTF of a pointer to one is the type id in that BTF (and
// R_BTF_ID the name, as for kernel structures). A reference to one is owning until the object is put into a list or tree; then the pointers
// that are left may be used while the lock is held.

import type { Env } from './env.ts'
import { kfuncNameAt } from './kfunc.ts'
import { fieldsOf, type MapFields, mapFields } from './map-fields.ts'
import { forEachReg, invalidate } from './refs.ts'
import {
  MEM_ALLOC,
  MEM_RCU,
  NON_OWN_REF,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_VALUE,
  R_BTF,
  R_BTF_ID,
  R_MAP,
  R_OFF,
  R_REF_ID,
  R_TYPE,
  setPointer,
  TYPE_BASE_MASK,
} from './reg.ts'
import { typeId } from './type-id.ts'

const known = new WeakMap<Env, Map<number, MapFields>>()

/** The special fields of a structure of the program's BTF. */
export function structFields(env: Env, type: number): MapFields | undefined {
  if (env.btf === null || type <= 0 || type >= env.btf.count) return undefined
  let all = known.get(env)
  if (all === undefined) {
    all = new Map()
    known.set(env, all)
  }
  let fields = all.get(type)
  if (fields === undefined) {
    fields = fieldsOf(env.btf, type)
    all.set(type, fields)
  }
  return fields
}

export function isObject(type: number): boolean {
  return (type & TYPE_BASE_MASK) === PTR_TO_BTF_ID && (type & MEM_ALLOC) !== 0
}

/** `reg_btf_record`: the special fields of what a register points at; undefined where it has none. */
export function objectFields(env: Env, r: Int32Array, i: number): MapFields | undefined {
  const type = r[i + R_TYPE]!
  if (type === PTR_TO_MAP_VALUE) return mapFields(env.maps[r[i + R_MAP]!]!)
  return isObject(type) ? structFields(env, r[i + R_BTF]!) : undefined
}

/** Makes a register of a pointer into an object of the program. */
export function setObject(env: Env, r: Int32Array, i: number, type: number, flags: number, off = 0): void {
  setPointer(r, i, PTR_TO_BTF_ID | MEM_ALLOC | flags)
  r[i + R_BTF] = type
  r[i + R_BTF_ID] = typeId(env, env.btf?.name(type) ?? '')
  r[i + R_OFF] = off
}

/** Whether the callback that orders a tree is being walked. */
export function inTreeCallback(env: Env): boolean {
  const { frame } = env
  return env.state.curframe > 0 && frame.inCallback && kfuncNameAt(env, frame.callsite) === 'bpf_rbtree_add_impl'
}

/** After the lock is released, what is in a list or tree may be gone. */
export function invalidateNonOwning(env: Env): void {
  forEachReg(env.state, (r, i) => {
    if (isObject(r[i + R_TYPE]! & ~PTR_MAYBE_NULL) && (r[i + R_TYPE]! & NON_OWN_REF) !== 0) invalidate(env, r, i)
  })
}

export function setNonOwning(env: Env, r: Int32Array, i: number): void {
  r[i + R_TYPE]! |= NON_OWN_REF
  const fields = structFields(env, r[i + R_BTF]!)
  if (fields !== undefined && fields.refcount >= 0) r[i + R_TYPE]! |= MEM_RCU
}

/** All registers of a reference lose it, and become non-owning. */
export function disown(env: Env, ref: number): void {
  forEachReg(env.state, (r, i) => {
    if (r[i + R_REF_ID] !== ref) return
    r[i + R_REF_ID] = 0
    setNonOwning(env, r, i)
  })
}
