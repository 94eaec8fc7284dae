// What a program, or a function that the kernel calls, may return.

import { EACCES, EINVAL } from '../bpf/errno.ts'
import { BPF_CGROUP_INET_EGRESS, BPF_PROG_TYPE_CGROUP_SKB } from '../bpf/prog-type-table.ts'
import type { Env } from './env.ts'
import { readReg } from './operand.ts'
import { markChainPrecision } from './precision.ts'
import { decimal } from './print-number.ts'
import { R_SMAX, R_SMIN, R_TYPE, REG_WORDS, SCALAR_VALUE } from './reg.ts'
import { regTypeName } from './reg-name.ts'

/** `check_return_code` of register `n`, R0 at an exit, R1 of an exception; `name` is how messages call it. */
export function checkReturnCode(env: Env, n: number = 0, name: string = 'R0'): void {
  const r = env.regs
  const i = n * REG_WORDS
  const frame = env.state.frames[0]!
  readReg(env, n)
  const type = r[i + R_TYPE]!
  if (!env.privileged && type !== SCALAR_VALUE) env.reject(EACCES, `R${n} leaks addr as return value`)
  if (frame.inAsyncCallback) {
    checkReturnRange(env, n, frame.returnMin, frame.returnMax, 'At async callback return', name)
    return
  }
  if (frame.subprog !== 0 && !frame.inExceptionCallback) {
    if (type !== SCALAR_VALUE) {
      env.reject(EINVAL, `At subprogram exit the register R${n} is not a scalar value (${regTypeName(type)})`)
    }
    return
  }
  // Of the types that are known here, only cgroup_skb's results are a fixed set.
  if (env.progType !== BPF_PROG_TYPE_CGROUP_SKB) return
  checkReturnRange(env, n, 0, env.attachType === BPF_CGROUP_INET_EGRESS ? 3 : 1, 'At program exit', name)
}

/** A known value between min and max; `where` begins the refusal. */
function checkReturnRange(env: Env, n: number, min: number, max: number, where: string, name: string): void {
  const r = env.regs
  const i = n * REG_WORDS
  if (r[i + R_TYPE] !== SCALAR_VALUE) {
    env.reject(EINVAL, `${where} the register R${n} is not a known value (${regTypeName(r[i + R_TYPE]!)})`)
  }
  markChainPrecision(env, n)
  if (isWithin(r, i, min, max)) return
  env.reject(EINVAL, outOfRange(r, i, min, max, where, name))
}

/** Whether a scalar's signed range lies between two small numbers. */
export function isWithin(r: Int32Array, i: number, min: number, max: number): boolean {
  const smin = r[i + R_SMIN + 1]! * 4294967296 + (r[i + R_SMIN]! >>> 0)
  const smax = r[i + R_SMAX + 1]! * 4294967296 + (r[i + R_SMAX]! >>> 0)
  return min <= smin && smax <= max
}

/** `verbose_invalid_scalar`. */
export function outOfRange(r: Int32Array, i: number, min: number, max: number, where: string, name: string): string {
  const sminLo = r[i + R_SMIN]!
  const sminHi = r[i + R_SMIN + 1]!
  const smaxLo = r[i + R_SMAX]!
  const smaxHi = r[i + R_SMAX + 1]!
  let has = ''
  if (sminLo !== 0 || sminHi !== -0x80000000) has += ` smin=${decimal(sminLo, sminHi)}`
  if (smaxLo !== -1 || smaxHi !== 0x7fffffff) has += ` smax=${decimal(smaxLo, smaxHi)}`
  if (has === '') has = ' unknown scalar value'
  return `${where} the register ${name} has${has} should have been in [${min}, ${max}]`
}
