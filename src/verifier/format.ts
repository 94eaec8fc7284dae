// Strings that a helper is given by address: they stand in a map that nobody can change any more, so the verifier reads them, and the
// conversions of a format with them.

import { EACCES, EINVAL } from '../bpf/errno.ts'
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE_ARRAY } from '../bpf/map-type-table.ts'
import type { Env } from './env.ts'
import { isConst, PTR_TO_MAP_VALUE, R_MAP, R_OFF, R_TYPE, R_VALUE, REG_WORDS } from './reg.ts'
import { checkMapValue } from './region.ts'

/** `check_reg_const_str`. */
export function checkConstString(env: Env, n: number): void {
  const r = env.regs
  const i = n * REG_WORDS
  if (r[i + R_TYPE] !== PTR_TO_MAP_VALUE) env.reject(EINVAL, '')
  const map = env.maps[r[i + R_MAP]!]!
  if ((map.flags & BPF_F_RDONLY_PROG) === 0 || map.frozen !== true) {
    env.reject(EACCES, `R${n} does not point to a readonly map'`)
  }
  if (!isConst(r, i)) env.reject(EACCES, `R${n} is not a constant address'`)
  if (map.type !== BPF_MAP_TYPE_ARRAY) env.reject(EACCES, 'no direct value access support for this map type')
  checkMapValue(env, n, r[i + R_OFF]!, map.valueSize - r[i + R_OFF]!, false, false)
  if (map.maxEntries !== 1) env.reject(EINVAL, 'direct value access on string failed')
  const at = r[i + R_OFF]! + r[i + R_VALUE]!
  const value = map.init?.[0]?.value
  // A value that was never written is all zeros.
  if (value !== undefined && value.indexOf(0, at) < 0) env.reject(EINVAL, 'string is not zero-terminated')
}

/** `check_bpf_snprintf_call`: the format in R3 and the bytes of its arguments in R5. */
export function checkSnprintf(env: Env): void {
  const r = env.regs
  const bytes = r[5 * REG_WORDS + R_VALUE]! >>> 0
  if (bytes % 8 !== 0) env.reject(EINVAL, '')
  const i = 3 * REG_WORDS
  const at = r[i + R_OFF]! + r[i + R_VALUE]!
  const value = env.maps[r[i + R_MAP]!]!.init?.[0]?.value ?? new Uint8Array(0)
  const end = value.indexOf(0, at)
  if (!isFormat(value.subarray(at, end < 0 ? at : end), bytes / 8)) env.reject(EINVAL, 'Invalid format string')
}

const space = /^[\t-\r ]$/
const punctuation = /^[!-/:-@[-`{-~]$/

/** Whether the conversions of a format are ones that BPF programs may use, and no more than there are arguments. */
export function isFormat(format: Uint8Array, args: number): boolean {
  const text = Array.from(format, byte => String.fromCharCode(byte))
  const ends = (k: number): boolean => k >= text.length || space.test(text[k]!) || punctuation.test(text[k]!)
  let used = 0
  for (let k = 0; k < text.length; k++) {
    const c = text[k]!
    if (!/^[\t-\r -~]$/.test(c)) return false
    if (c !== '%') continue
    if (text[k + 1] === '%') {
      k++
      continue
    }
    if (used++ >= args) return false
    k++
    while (k < text.length && '0+- '.includes(text[k]!)) k++
    while (k < text.length && /[0-9]/.test(text[k]!)) k++
    if (text[k] === 'p') {
      if (ends(k + 1)) continue
      const next = text[k + 1]!
      if ((next === 'k' || next === 'u') && text[k + 2] === 's') {
        k += 2
        if (!ends(k + 1)) return false
      } else if ('KxsSB'.includes(next)) {
        k++
      } else if ((next === 'i' || next === 'I') && (text[k + 2] === '4' || text[k + 2] === '6')) {
        k += 2
      } else {
        return false
      }
    } else if (text[k] === 's') {
      if (!ends(k + 1)) return false
    } else if (text[k] !== 'c') {
      if (text[k] === 'l') k++
      if (text[k] === 'l') k++
      if (k >= text.length || !'iduxX'.includes(text[k]!)) return false
    }
  }
  return true
}
