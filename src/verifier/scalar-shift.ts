// Shifts by a constant amount that is less than the width: of the ranges what stays in order, the rest anew from the bits.

import { ult } from '../bytes/long.ts'
import { unbound32, unbound64, updateBounds, updateBounds32 } from './bounds.ts'
import { R_S32_MAX, R_S32_MIN, R_SMAX, R_SMIN, R_U32_MAX, R_U32_MIN, R_UMAX, R_UMIN, R_VALUE } from './reg.ts'
import { unboundS32, unboundS64, unboundU32, unboundU64 } from './scalar-range.ts'
import { tnumArshift, tnumArshift32, tnumCast, tnumLshift, tnumRshift } from './tnum.ts'

type Regs = Int32Array

// 64-bit words at p shifted in place.
function shl64(d: Regs, p: number, n: number): void {
  const lo = d[p]!
  if (n >= 32) {
    d[p + 1] = lo << (n - 32)
    d[p] = 0
  } else if (n > 0) {
    d[p + 1] = (d[p + 1]! << n) | (lo >>> (32 - n))
    d[p] = lo << n
  }
}

function shr64(d: Regs, p: number, n: number, arithmetic: boolean): void {
  const hi = d[p + 1]!
  if (n >= 32) {
    d[p] = arithmetic ? hi >> (n - 32) : hi >>> (n - 32)
    d[p + 1] = arithmetic ? hi >> 31 : 0
  } else if (n > 0) {
    d[p] = (d[p]! >>> n) | (hi << (32 - n))
    d[p + 1] = arithmetic ? hi >> n : hi >>> n
  }
}

function lshRange32(d: Regs, i: number, n: number): void {
  unboundS32(d, i)
  // 2^(31-n) is the largest maximum whose top bit stays inside.
  if (n > 31 || d[i + R_U32_MAX]! >>> 0 > 2 ** (31 - n)) {
    unboundU32(d, i)
  } else {
    d[i + R_U32_MIN] = d[i + R_U32_MIN]! << n
    d[i + R_U32_MAX] = d[i + R_U32_MAX]! << n
  }
}

export function lsh(d: Regs, i: number, n: number): void {
  if (n === 32) {
    // Half of the idiom of sign extension (<<32, then s>>32): the 32-bit signed range moves up as it is.
    d[i + R_SMIN + 1] = d[i + R_S32_MIN]!
    d[i + R_SMIN] = 0
    d[i + R_SMAX + 1] = d[i + R_S32_MAX]!
    d[i + R_SMAX] = 0
  } else {
    unboundS64(d, i)
  }
  const top = 63 - n
  if (ult(top < 32 ? 1 << top : 0, top < 32 ? 0 : 1 << (top - 32), d[i + R_UMAX]!, d[i + R_UMAX + 1]!)) {
    unboundU64(d, i)
  } else {
    shl64(d, i + R_UMIN, n)
    shl64(d, i + R_UMAX, n)
  }
  lshRange32(d, i, n)
  tnumLshift(d, i + R_VALUE, d, i + R_VALUE, n)
  updateBounds(d, i)
}

export function lsh32(d: Regs, i: number, n: number): void {
  lshRange32(d, i, n)
  tnumLshift(d, i + R_VALUE, d, i + R_VALUE, n)
  tnumCast(d, i + R_VALUE, d, i + R_VALUE, 4)
  unbound64(d, i)
  updateBounds32(d, i)
}

// A logical shift to the right forgets the sign: what is left of it is in the tnum.
export function rsh(d: Regs, i: number, n: number): void {
  unboundS64(d, i)
  tnumRshift(d, i + R_VALUE, d, i + R_VALUE, n)
  shr64(d, i + R_UMIN, n, false)
  shr64(d, i + R_UMAX, n, false)
  unbound32(d, i)
  updateBounds(d, i)
}

export function rsh32(d: Regs, i: number, n: number): void {
  unboundS32(d, i)
  tnumCast(d, i + R_VALUE, d, i + R_VALUE, 4)
  tnumRshift(d, i + R_VALUE, d, i + R_VALUE, n)
  d[i + R_U32_MIN] = d[i + R_U32_MIN]! >>> n
  d[i + R_U32_MAX] = d[i + R_U32_MAX]! >>> n
  unbound64(d, i)
  updateBounds32(d, i)
}

export function arsh(d: Regs, i: number, n: number): void {
  shr64(d, i + R_SMIN, n, true)
  shr64(d, i + R_SMAX, n, true)
  tnumArshift(d, i + R_VALUE, d, i + R_VALUE, n)
  unboundU64(d, i)
  unbound32(d, i)
  updateBounds(d, i)
}

export function arsh32(d: Regs, i: number, n: number): void {
  d[i + R_S32_MIN] = d[i + R_S32_MIN]! >> n
  d[i + R_S32_MAX] = d[i + R_S32_MAX]! >> n
  tnumArshift32(d, i + R_VALUE, d, i + R_VALUE, n)
  unboundU32(d, i)
  unbound64(d, i)
  updateBounds32(d, i)
}
