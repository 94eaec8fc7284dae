// Memory that a helper is given: the pointer's kind decides how far it may reach, and the size is what the register after it may at most be.

import { EACCES } from '../bpf/errno.ts'
import { toNumber, toUnsigned } from '../bytes/long.ts'
import type { CallMeta } from './call-meta.ts'
import type { Env } from './env.ts'
import { BPF_MAX_VAR_OFF } from './pointer-alu.ts'
import { markChainPrecision } from './precision.ts'
import {
  isConst,
  isNull,
  MEM_RDONLY,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  R_MAP,
  R_OFF,
  R_RANGE,
  R_SMIN,
  R_TYPE,
  R_UMAX,
  R_UMIN,
  REG_WORDS,
  TYPE_BASE_MASK,
} from './reg.ts'
import { regTypeName } from './reg-name.ts'
import { checkMapFlags, checkMapValue, checkPacket, checkRegion } from './region.ts'
import { checkStackRange } from './stack.ts'

/** `check_helper_mem_access`: `size` bytes at the pointer in register `n`; `meta` where raw memory may be handed over, else null. */
export function checkHelperMem(
  env: Env,
  n: number,
  size: number,
  write: boolean,
  zeroAllowed: boolean,
  meta: CallMeta | null,
): void {
  const r = env.regs
  const i = n * REG_WORDS
  const type = r[i + R_TYPE]!
  const off = r[i + R_OFF]!
  switch (type & TYPE_BASE_MASK) {
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      checkPacket(env, n, off, size, zeroAllowed)
      return
    case PTR_TO_MAP_KEY:
      if (write) env.reject(EACCES, `R${n} cannot write into ${regTypeName(type)}`)
      checkRegion(env, n, off, size, env.maps[r[i + R_MAP]!]!.keySize, false)
      return
    case PTR_TO_MAP_VALUE:
      checkMapFlags(env, n, off, size, write)
      checkMapValue(env, n, off, size, zeroAllowed, false)
      return
    case PTR_TO_MEM:
    case PTR_TO_BUF:
      if (write && (type & MEM_RDONLY) !== 0) env.reject(EACCES, `R${n} cannot write into ${regTypeName(type)}`)
      checkRegion(env, n, off, size, r[i + R_RANGE]! >>> 0, zeroAllowed)
      return
    case PTR_TO_STACK:
      if (checkStackRange(env, n, off, size, zeroAllowed, write, meta?.raw ?? false) && meta !== null) {
        meta.rawReg = n
        meta.rawBytes = size
      }
      return
    case PTR_TO_BTF_ID:
    case PTR_TO_CTX:
      break
  }
  if (zeroAllowed && size === 0 && isNull(r, i)) return
  env.reject(EACCES, `R${n} type=${regTypeName(type)} expected=fp`)
}

/** `check_mem_size_reg`: register `n` is the size of the memory in the register before it. */
export function checkMemSize(env: Env, n: number, write: boolean, zeroAllowed: boolean, meta: CallMeta): void {
  const r = env.regs
  const i = n * REG_WORDS
  const umaxLo = r[i + R_UMAX]!
  const umaxHi = r[i + R_UMAX + 1]!
  meta.maxSize = toNumber(umaxLo, umaxHi)
  if (r[i + R_SMIN + 1]! < 0) {
    env.reject(EACCES, `R${n} min value is negative, either use unsigned or 'var &= const'`)
  }
  if (!zeroAllowed && (r[i + R_UMIN]! | r[i + R_UMIN + 1]!) === 0) {
    env.reject(EACCES, `R${n} invalid zero-sized read: u64=[0,${BigInt.asIntN(64, toUnsigned(umaxLo, umaxHi))}]`)
  }
  if (umaxHi !== 0 || umaxLo >>> 0 >= BPF_MAX_VAR_OFF) {
    env.reject(EACCES, `R${n} unbounded memory access, use 'var &= const' or 'if (var < const)'`)
  }
  // Memory that is written only in part has to have been initialised.
  checkHelperMem(env, n - 1, umaxLo, write, zeroAllowed, isConst(r, i) ? meta : null)
  markChainPrecision(env, n)
}
