// Arguments that point at something with a life of its own in a map value or an allocated object: locks, timers, kernel pointers.

import { EACCES, EINVAL } from '../bpf/errno.ts'
import type { CallMeta } from './call-meta.ts'
import { checkDynptr } from './dynptr.ts'
import type { Env } from './env.ts'
import { inTreeCallback, objectFields } from './local-object.ts'
import { type FieldKind, mapFields, type SpecialField } from './map-fields.ts'
import { isConst, PTR_TO_MAP_VALUE, R_AUX, R_MAP, R_OFF, R_TYPE, R_VALUE, REG_WORDS } from './reg.ts'
import { processSpinLock } from './spin-lock.ts'

export { isAcquiredDynptr } from './dynptr.ts'

const SPIN_LOCK = 93

export function checkSpinLockArg(env: Env, n: number, meta: CallMeta): void {
  if (inTreeCallback(env)) env.reject(EACCES, "can't spin_{lock,unlock} in rbtree cb")
  processSpinLock(env, n, { lock: meta.func === SPIN_LOCK })
}

/** `check_map_field_pointer`: register `n` points exactly at the one field of a kind that values of its map have. */
export function checkMapField(env: Env, n: number, kind: FieldKind): void {
  const r = env.regs
  const i = n * REG_WORDS
  const name = `bpf_${kind}`
  if (!isConst(r, i)) env.reject(EINVAL, `R${n} doesn't have constant offset. ${name} has to be at the constant offset`)
  const map = env.maps[r[i + R_MAP]!]!
  if (map.btf === undefined) env.reject(EINVAL, `map '${map.name}' has to have BTF in order to use ${name}`)
  const field = mapFields(map).fields.find(each => each.kind === kind)
  if (field === undefined) env.reject(EINVAL, `map '${map.name}' has no valid ${name}`)
  const off = r[i + R_VALUE]! + r[i + R_OFF]!
  if (off !== field.offset || r[i + R_VALUE + 1] !== 0) {
    env.reject(EINVAL, `off ${off} doesn't point to 'struct ${name}' that is at ${field.offset}`)
  }
}

export function checkTimerArg(env: Env, n: number, meta: CallMeta): void {
  checkMapField(env, n, 'timer')
  const i = n * REG_WORDS
  meta.map = env.regs[i + R_MAP]!
  meta.mapUid = env.regs[i + R_AUX]!
}

/** `process_kptr_func`: the kernel pointer that bpf_kptr_xchg replaces. */
export function checkKptrArg(env: Env, n: number, meta: CallMeta): SpecialField {
  const r = env.regs
  const i = n * REG_WORDS
  let fields = objectFields(env, r, i)
  if (r[i + R_TYPE] === PTR_TO_MAP_VALUE) {
    const map = env.maps[r[i + R_MAP]!]!
    if (map.btf === undefined) env.reject(EINVAL, `map '${map.name}' has to have BTF in order to use bpf_kptr_xchg`)
    fields = mapFields(map)
    meta.map = r[i + R_MAP]!
  }
  if (!isConst(r, i)) env.reject(EINVAL, `R${n} doesn't have constant offset. kptr has to be at the constant offset`)
  const kptrs = fields?.fields.filter(field => field.kind.startsWith('kptr_')) ?? []
  if (kptrs.length === 0) env.reject(EINVAL, `R${n} has no valid kptr`)
  const off = r[i + R_OFF]! + r[i + R_VALUE]!
  const field = kptrs.find(each => each.offset === off)
  if (field === undefined) env.reject(EACCES, `off=${off} doesn't point to kptr`)
  if (field.kind === 'kptr_unref') env.reject(EACCES, `off=${off} kptr isn't referenced kptr`)
  return field
}

export function checkDynptrArg(env: Env, n: number, argType: number, _meta: CallMeta): void {
  checkDynptr(env, n, argType, 0)
}
