// Pointer plus or minus scalar. A known scalar is folded into the pointer's fixed offset; an unknown one makes or widens its variable
// part, and gives a packet pointer a new id, since its range was proven for another base.

import { EACCES, EINVAL } from '../bpf/errno.ts'
import { BPF_ADD, BPF_ALU64, BPF_AND, BPF_OR, BPF_SUB, BPF_XOR } from '../bpf/opcode.ts'
import { slt, toSigned, ult } from '../bytes/long.ts'
import { syncBounds, unbound32 } from './bounds.ts'
import type { Env } from './env.ts'
import {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
  PTR_UNTRUSTED,
  R_AUX,
  R_BTF,
  R_BTF_ID,
  R_ID,
  R_MAP,
  R_MASK,
  R_OFF,
  R_PRECISE,
  R_RANGE,
  R_SMAX,
  R_SMIN,
  R_TYPE,
  R_UMAX,
  R_UMIN,
  R_VALUE,
  setUnknown,
  TYPE_BASE_MASK,
} from './reg.ts'
import { regTypeName } from './reg-name.ts'
import { addPointerRange, subPointerRange } from './scalar-range.ts'
import { closeWindow, openWindow } from './speculation.ts'
import { tnumAdd, tnumSub } from './tnum.ts'

/** Offsets beyond ±2^29 are refused, so that sums of them can't wrap. */
export const BPF_MAX_VAR_OFF: number = 1 << 29

/** The operators' text, by operation. */
export const aluNames: readonly string[] = [
  '+=',
  '-=',
  '*=',
  '/=',
  '|=',
  '&=',
  '<<=',
  '>>=',
  'neg',
  '%=',
  '^=',
  '=',
  's>>=',
  'endian',
]

// What a pointer's type is about beside its offset, range and map.
const kindWords = [R_RANGE, R_MAP, R_BTF, R_BTF_ID, R_AUX]

function mayMove(base: number): boolean {
  switch (base) {
    case PTR_TO_CTX:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MAP_KEY:
    case PTR_TO_STACK:
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET:
    case PTR_TO_TP_BUFFER:
    case PTR_TO_BTF_ID:
    case PTR_TO_MEM:
    case PTR_TO_BUF:
    case PTR_TO_FUNC:
    case CONST_PTR_TO_DYNPTR:
      return true
    default:
      return false
  }
}

// -2^29 < value < 2^29 for a 64-bit value.
function sane(lo: number, hi: number): boolean {
  return hi === lo >> 31 && lo < BPF_MAX_VAR_OFF && lo > -BPF_MAX_VAR_OFF
}

function checkSaneOffset(env: Env, r: Int32Array, i: number, type: number): void {
  const lo = r[i + R_VALUE]!
  const hi = r[i + R_VALUE + 1]!
  if ((r[i + R_MASK]! | r[i + R_MASK + 1]!) === 0 && !sane(lo, hi)) {
    env.reject(EINVAL, `math between ${regTypeName(type)} pointer and ${toSigned(lo, hi)} is not allowed`)
  }
  const off = r[i + R_OFF]!
  if (off >= BPF_MAX_VAR_OFF || off <= -BPF_MAX_VAR_OFF) {
    env.reject(EINVAL, `${regTypeName(type)} pointer offset ${off} is not allowed`)
  }
  const sminLo = r[i + R_SMIN]!
  const sminHi = r[i + R_SMIN + 1]!
  if (sminLo === 0 && sminHi === -0x80000000) {
    env.reject(EINVAL, `math between ${regTypeName(type)} pointer and register with unbounded min value is not allowed`)
  }
  if (!sane(sminLo, sminHi)) {
    env.reject(EINVAL, `value ${toSigned(sminLo, sminHi)} makes ${regTypeName(type)} pointer be out of bounds`)
  }
}

// Bounds that a dead branch left empty.
function inconsistent(s: Int32Array, j: number): boolean {
  const smin = j + R_SMIN
  const smax = j + R_SMAX
  const umin = j + R_UMIN
  const umax = j + R_UMAX
  if ((s[j + R_MASK]! | s[j + R_MASK + 1]!) === 0) {
    if (s[smin] !== s[smax] || s[smin + 1] !== s[smax + 1] || s[umin] !== s[umax] || s[umin + 1] !== s[umax + 1]) return true
  }
  return slt(s[smax]!, s[smax + 1]!, s[smin]!, s[smin + 1]!) || ult(s[umax]!, s[umax + 1]!, s[umin]!, s[umin + 1]!)
}

function unknown(env: Env, r: Int32Array, d: number): void {
  setUnknown(r, d)
  if (!env.privileged) r[d + R_PRECISE] = 1
}

/**
 * `adjust_ptr_min_max_vals`. The destination `d` is a register of the current frame with number `n`; the pointer `p` and the scalar `s`/`j` are
 * its operands, and one of them is the destination itself.
 */
export function pointerAlu(env: Env, code: number, n: number, d: number, p: number, s: Int32Array, j: number): void {
  const r = env.regs
  const op = code & 0xf0
  const type = r[p + R_TYPE]!
  const base = type & TYPE_BASE_MASK
  if (inconsistent(s, j)) {
    unknown(env, r, d)
    return
  }
  if ((code & 7) !== BPF_ALU64) {
    if (op === BPF_SUB && env.privileged) {
      unknown(env, r, d)
      return
    }
    env.reject(EACCES, `R${n} 32-bit pointer arithmetic prohibited`)
  }
  if ((type & PTR_MAYBE_NULL) !== 0) {
    env.reject(EACCES, `R${n} pointer arithmetic on ${regTypeName(type)} prohibited, null-check it first`)
  }
  // Loads from untrusted memory are probed: their offsets don't matter.
  if (base === PTR_TO_MEM && (type & PTR_UNTRUSTED) !== 0) return
  const known = (s[j + R_MASK]! | s[j + R_MASK + 1]!) === 0
  const zero = known && (s[j + R_SMIN]! | s[j + R_SMIN + 1]!) === 0
  if (!mayMove(base) && !(base === PTR_TO_FLOW_KEYS && known)) {
    const still = (base === CONST_PTR_TO_MAP || base === PTR_TO_FLOW_KEYS) && zero && op === BPF_ADD
    if (!still) env.reject(EACCES, `R${n} pointer arithmetic on ${regTypeName(type)} prohibited`)
  }
  // The scalar may be the destination, so the order of checks and writes matters from here on.
  const reversed = s === r && j === d
  r[d + R_TYPE] = type
  r[d + R_ID] = r[p + R_ID]!
  checkSaneOffset(env, s, j, type)
  checkSaneOffset(env, r, p, type)
  unbound32(r, d)
  const window = env.privileged ? undefined : openWindow(env, code, d, p, s, j)
  const packet = base === PTR_TO_PACKET || base === PTR_TO_PACKET_META
  if (op === BPF_ADD) {
    if (known && fold(r, d, p, s, j, 1)) {
      copyKind(r, d, p)
    } else {
      addPointerRange(r, d, p, s, j)
      tnumAdd(r, d + R_VALUE, r, p + R_VALUE, s, j + R_VALUE)
      r[d + R_OFF] = r[p + R_OFF]!
      copyKind(r, d, p)
      if (packet) {
        r[d + R_ID] = env.newId()
        r[d + R_RANGE] = 0
      }
    }
  } else if (op === BPF_SUB) {
    if (reversed) env.reject(EACCES, `R${n} tried to subtract pointer from scalar`)
    if (base === PTR_TO_STACK) env.reject(EACCES, `R${n} subtraction from stack pointer prohibited`)
    if (!known || !fold(r, d, p, s, j, -1)) {
      const negative = s[j + R_SMIN + 1]! < 0
      subPointerRange(r, d, s, j)
      tnumSub(r, d + R_VALUE, r, p + R_VALUE, s, j + R_VALUE)
      if (packet) {
        // Moved back, a pointer still has before it what was proven; only a negative subtrahend may have moved it forward.
        r[d + R_ID] = env.newId()
        if (negative) r[d + R_RANGE] = 0
      }
    }
  } else if (op === BPF_AND || op === BPF_OR || op === BPF_XOR) {
    env.reject(EACCES, `R${n} bitwise operator ${aluNames[op >> 4]} on pointer prohibited`)
  } else {
    env.reject(EACCES, `R${n} pointer arithmetic with ${aluNames[op >> 4]} operator prohibited`)
  }
  checkSaneOffset(env, r, d, type)
  syncBounds(r, d)
  if (!env.privileged) closeWindow(env, code, n, d, window)
}

function copyKind(r: Int32Array, d: number, p: number): void {
  if (d !== p) for (const w of kindWords) r[d + w] = r[p + w]!
}

// Adds a constant to (or subtracts it from) the fixed offset, if the sum is an s32.
function fold(r: Int32Array, d: number, p: number, s: Int32Array, j: number, sign: number): boolean {
  const by = s[j + R_SMIN]!
  const off = r[p + R_OFF]! + sign * by
  if (s[j + R_SMIN + 1] !== by >> 31 || off !== (off | 0)) return false
  if (d !== p) for (let w = R_VALUE; w < R_UMAX + 2; w++) r[d + w] = r[p + w]!
  r[d + R_OFF] = off
  return true
}
