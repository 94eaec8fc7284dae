// Loads and stores through pointers whose memory BTF describes: objects of the kernel, kernel pointers in map values, the map itself.

import { EACCES } from '../bpf/errno.ts'
import type { MapSpec } from '../bpf/program.ts'
import type { Env } from './env.ts'
import type { SpecialField } from './map-fields.ts'
import { R_TYPE, REG_WORDS } from './reg.ts'
import { regTypeName } from './reg-name.ts'
import { fieldName } from './region.ts'

/** Through a PTR_TO_BTF_ID in register `n`; `value` as in checkAccess. */
export function loadBtf(env: Env, n: number, off: number, size: number, write: boolean, value: number): void {
  refuse(env, n, off, size, write, value)
}

/** Through a CONST_PTR_TO_MAP. */
export function loadMapField(env: Env, n: number, off: number, size: number, write: boolean, value: number): void {
  refuse(env, n, off, size, write, value)
}

/** A kernel pointer in a map value. */
export function loadKptr(env: Env, map: MapSpec, field: SpecialField, write: boolean, value: number): void {
  env.reject(EACCES, `${fieldName(field.kind)} of map '${map.name}' ${write ? 'written' : 'read'} with R${value}`)
}

function refuse(env: Env, n: number, _off: number, _size: number, _write: boolean, _value: number): never {
  return env.reject(EACCES, `R${n} invalid mem access '${regTypeName(env.regs[n * REG_WORDS + R_TYPE]!)}'`)
}
