// Is an access inside the memory that its pointer was proven for? Map values and keys, packets, and other memory of known size.

import { EACCES, EINVAL } from '../bpf/errno.ts'
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG } from '../bpf/map-type-table.ts'
import { toNumber } from '../bytes/long.ts'
import type { Env } from './env.ts'
import { mapFields } from './map-fields.ts'
import { BPF_MAX_VAR_OFF } from './pointer-alu.ts'
import { decimalUnsigned } from './print-number.ts'
import {
  isConst,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  R_ID,
  R_MAP,
  R_RANGE,
  R_SMIN,
  R_TYPE,
  R_UMAX,
  R_VALUE,
  REG_WORDS,
} from './reg.ts'

// Why an access was refused, by the type of its pointer; '' when it is inside.
function outside(env: Env, n: number, off: number, size: number, bytes: number, zeroSizeAllowed: boolean): string {
  if (off >= 0 && (size > 0 || (size === 0 && zeroSizeAllowed)) && off + size <= bytes) return ''
  const i = n * REG_WORDS
  switch (env.regs[i + R_TYPE]) {
    case PTR_TO_MAP_KEY:
      return `invalid access to map key, key_size=${bytes} off=${off} size=${size}`
    case PTR_TO_MAP_VALUE:
      return `invalid access to map value, value_size=${bytes} off=${off} size=${size}`
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET_END:
      return `invalid access to packet, off=${off} size=${size}, R${n}(id=${env.regs[i + R_ID]},off=${off},r=${bytes})`
    default:
      return `invalid access to memory, mem_size=${bytes} off=${off} size=${size}`
  }
}

/** `check_packet_access`: `off` holds the pointer's fixed offset. */
export function checkPacket(env: Env, n: number, off: number, size: number, zeroSizeAllowed: boolean): void {
  const r = env.regs
  const i = n * REG_WORDS
  if (r[i + R_SMIN + 1]! < 0) {
    env.reject(EACCES, `R${n} min value is negative, either use unsigned index or do a if (index >=0) check.`)
  }
  const range = r[i + R_RANGE]!
  if (range < 0) env.reject(EINVAL, `R${n} offset is outside of the packet`)
  const why = outside(env, n, off, size, range, zeroSizeAllowed)
  if (why !== '') env.reject(EACCES, `${why}\nR${n} offset is outside of the packet`)
  // The variable part is at most 0xffff, or there would be no range.
  const last = off + toNumber(r[i + R_UMAX]!, r[i + R_UMAX + 1]!) + size - 1
  if (last > env.maxPacketOffset) env.maxPacketOffset = last
}

/** `check_mem_region_access`: `bytes` of memory; both ends of the pointer's variable part must be inside. */
export function checkRegion(env: Env, n: number, off: number, size: number, bytes: number, zeroSizeAllowed: boolean): void {
  const r = env.regs
  const i = n * REG_WORDS
  const sminLo = r[i + R_SMIN]!
  const sminHi = r[i + R_SMIN + 1]!
  const min = sminHi * 4294967296 + (sminLo >>> 0) + off
  if (sminHi < 0 && (min < 0 || min !== (min | 0))) {
    env.reject(EACCES, `R${n} min value is negative, either use unsigned index or do a if (index >=0) check.`)
  }
  let why = outside(env, n, sminHi === 0 && sminLo === 0 ? off : (sminLo + off) | 0, size, bytes, zeroSizeAllowed)
  if (why !== '') env.reject(EACCES, `${why}\nR${n} min value is outside of the allowed memory range`)
  const umaxLo = r[i + R_UMAX]!
  if (r[i + R_UMAX + 1] !== 0 || umaxLo >>> 0 >= BPF_MAX_VAR_OFF) {
    env.reject(EACCES, `R${n} unbounded memory access, make sure to bounds check any such access`)
  }
  why = outside(env, n, umaxLo + off, size, bytes, zeroSizeAllowed)
  if (why !== '') env.reject(EACCES, `${why}\nR${n} max value is outside of the allowed memory range`)
}

/** `check_map_access`: the value, and keeping off its special fields. `direct`: by load or store, not by a helper. */
export function checkMapValue(env: Env, n: number, off: number, size: number, zeroSizeAllowed: boolean, direct: boolean): void {
  const r = env.regs
  const i = n * REG_WORDS
  const map = env.maps[r[i + R_MAP]!]!
  checkRegion(env, n, off, size, map.valueSize, zeroSizeAllowed)
  if (map.btf === undefined) return
  const { fields } = mapFields(map)
  if (fields.length === 0) return
  const first = r[i + R_SMIN]! + off
  const end = (r[i + R_UMAX]! >>> 0) + off + size
  for (const field of fields) {
    if (first >= field.offset + field.size || field.offset >= end) continue
    const isPointer =
      field.kind === 'kptr_unref' || field.kind === 'kptr_ref' || field.kind === 'kptr_percpu' || field.kind === 'uptr'
    const name = fieldName(field.kind)
    if (!isPointer) env.reject(EACCES, `${name} cannot be accessed directly by load/store`)
    if (!direct) env.reject(EACCES, `${name} cannot be accessed indirectly by helper`)
    if (!isConst(r, i)) env.reject(EACCES, `${name} access cannot have variable offset`)
    const at = off + r[i + R_VALUE]!
    if (field.offset !== at) {
      env.reject(EACCES, `${name} access misaligned expected=${field.offset} off=${decimalUnsigned(at, at >> 31)}`)
    }
    if (size !== 8) env.reject(EACCES, `${name} access size must be BPF_DW`)
  }
}

/** A special field's name in the log. */
export function fieldName(kind: string): string {
  switch (kind) {
    case 'kptr_unref':
    case 'kptr_ref':
      return 'kptr'
    case 'kptr_percpu':
      return 'percpu_kptr'
    case 'uptr':
      return 'uptr'
    default:
      return `bpf_${kind}`
  }
}

/** `check_map_access_type`: a map may be read-only or write-only for programs. */
export function checkMapFlags(env: Env, n: number, off: number, size: number, write: boolean): void {
  const map = env.maps[env.regs[n * REG_WORDS + R_MAP]!]!
  const detail = `value_size=${map.valueSize} off=${off} size=${size}`
  if (write && (map.flags & BPF_F_RDONLY_PROG) !== 0) env.reject(EACCES, `write into map forbidden, ${detail}`)
  if (!write && (map.flags & BPF_F_WRONLY_PROG) !== 0) env.reject(EACCES, `read from map forbidden, ${detail}`)
}
