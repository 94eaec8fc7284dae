// Byte order and sign extension of scalars.

import { BPF_ALU64, BPF_X } from '../bpf/opcode.ts'
import { truncate } from './bounds.ts'
import {
  R_MASK,
  R_S32_MAX,
  R_S32_MIN,
  R_SMAX,
  R_SMIN,
  R_U32_MAX,
  R_U32_MIN,
  R_UMAX,
  R_UMIN,
  R_VALUE,
  setConst,
  setUnbounded,
} from './reg.ts'
import { unboundU32, unboundU64 } from './scalar-range.ts'
import { tnumCast, tnumRange } from './tnum.ts'

type Regs = Int32Array

function swap32(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)
}

function swapTnum(d: Regs, p: number, bits: number): void {
  if (bits === 16) {
    d[p] = swap32(d[p]!) >>> 16
    d[p + 1] = 0
  } else if (bits === 32) {
    d[p] = swap32(d[p]!)
    d[p + 1] = 0
  } else {
    const lo = d[p]!
    d[p] = swap32(d[p + 1]!)
    d[p + 1] = swap32(lo)
  }
}

// The machine is little-endian, as the kernel's witness was: to_le only truncates. A swap is followed in the bits, the ranges start anew.
export function byteSwap(d: Regs, i: number, code: number, bits: number): void {
  const swaps = (code & 7) === BPF_ALU64 || (code & BPF_X) !== 0
  if (swaps) {
    swapTnum(d, i + R_VALUE, bits)
    swapTnum(d, i + R_MASK, bits)
    setUnbounded(d, i)
  }
  if (bits < 64) truncate(d, i, bits / 8)
}

function signExtend(word: number, size: number): number {
  const shift = 32 - size * 8
  return (word << shift) >> shift
}

/** `coerce_reg_to_size_sx`: the low `size` (1, 2, 4) bytes sign-extended to 64 bit. */
export function signExtend64(d: Regs, i: number, size: number): void {
  if ((d[i + R_MASK]! | d[i + R_MASK + 1]!) === 0) {
    const value = signExtend(d[i + R_VALUE]!, size)
    setConst(d, i, value, value >> 31)
    return
  }
  const keep = size === 4 ? 0 : -1 << (size * 8)
  if (d[i + R_SMIN + 1] === d[i + R_SMAX + 1] && (d[i + R_SMIN]! & keep) === (d[i + R_SMAX]! & keep)) {
    const a = signExtend(d[i + R_SMAX]!, size)
    const b = signExtend(d[i + R_SMIN]!, size)
    const min = Math.min(a, b)
    const max = Math.max(a, b)
    if (max >= 0 === min >= 0) {
      setSigned64(d, i, min, max)
      d[i + R_U32_MIN] = min
      d[i + R_U32_MAX] = max
      d[i + R_UMIN] = min
      d[i + R_UMIN + 1] = min >> 31
      d[i + R_UMAX] = max
      d[i + R_UMAX + 1] = max >> 31
      tnumRange(d, i + R_VALUE, min, min >> 31, max, max >> 31)
      return
    }
  }
  const max = 2 ** (size * 8 - 1) - 1
  setSigned64(d, i, -max - 1, max)
  unboundU64(d, i)
  unboundU32(d, i)
  d[i + R_VALUE] = 0
  d[i + R_VALUE + 1] = 0
  d[i + R_MASK] = -1
  d[i + R_MASK + 1] = -1
}

function setSigned64(d: Regs, i: number, min: number, max: number): void {
  d[i + R_S32_MIN] = min
  d[i + R_S32_MAX] = max
  d[i + R_SMIN] = min
  d[i + R_SMIN + 1] = min >> 31
  d[i + R_SMAX] = max
  d[i + R_SMAX + 1] = max >> 31
}

/** `coerce_subreg_to_size_sx`: the low `size` (1, 2) bytes sign-extended to 32 bit; the 64-bit ranges stay to be set by zero extension. */
export function signExtend32(d: Regs, i: number, size: number): void {
  if ((d[i + R_MASK]! | d[i + R_MASK + 1]!) === 0) {
    const value = signExtend(d[i + R_VALUE]!, size)
    d[i + R_VALUE] = value
    d[i + R_VALUE + 1] = value >> 31
    setRange32(d, i, value, value)
    return
  }
  const keep = -1 << (size * 8)
  if ((d[i + R_S32_MIN]! & keep) === (d[i + R_S32_MAX]! & keep)) {
    const a = signExtend(d[i + R_S32_MAX]!, size)
    const b = signExtend(d[i + R_S32_MIN]!, size)
    const min = Math.min(a, b)
    const max = Math.max(a, b)
    if (max >= 0 === min >= 0) {
      setRange32(d, i, min, max)
      tnumRange(d, i + R_VALUE, min, min >> 31, max, max >> 31)
      tnumCast(d, i + R_VALUE, d, i + R_VALUE, 4)
      return
    }
  }
  const max = 2 ** (size * 8 - 1) - 1
  d[i + R_S32_MIN] = -max - 1
  d[i + R_S32_MAX] = max
  unboundU32(d, i)
  d[i + R_VALUE] = 0
  d[i + R_VALUE + 1] = 0
  d[i + R_MASK] = -1
  d[i + R_MASK + 1] = 0
}

function setRange32(d: Regs, i: number, min: number, max: number): void {
  d[i + R_S32_MIN] = min
  d[i + R_S32_MAX] = max
  d[i + R_U32_MIN] = min
  d[i + R_U32_MAX] = max
}
