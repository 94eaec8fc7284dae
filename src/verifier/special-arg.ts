// Arguments that point at something with a life of its own: locks, timers, kernel pointers in map values, dynptrs.

import { EINVAL } from '../bpf/errno.ts'
import type { CallMeta } from './call-meta.ts'
import type { Env } from './env.ts'

export function checkSpinLockArg(env: Env, _n: number, _meta: CallMeta): void {
  env.reject(EINVAL, 'spin locks')
}

export function checkTimerArg(env: Env, _n: number, _meta: CallMeta): void {
  env.reject(EINVAL, 'timers')
}

export function checkKptrArg(env: Env, _n: number, _meta: CallMeta): void {
  env.reject(EINVAL, 'kptrs')
}

export function checkDynptrArg(env: Env, _n: number, _argType: number, _meta: CallMeta): void {
  env.reject(EINVAL, 'dynptrs')
}

export function isAcquiredDynptr(_env: Env, _n: number): boolean {
  return false
}
