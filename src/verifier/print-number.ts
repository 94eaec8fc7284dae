// Numbers as the verifier's log has them: small ones decimal, others hexadecimal.

import { toNumber, toSigned, toUnsigned } from '../bytes/long.ts'

export function hex64(lo: number, hi: number): string {
  return `0x${hi === 0 ? (lo >>> 0).toString(16) : (hi >>> 0).toString(16) + (lo >>> 0).toString(16).padStart(8, '0')}`
}

/** Signed: decimal within 16 bits, else the hexadecimal bit pattern. */
export function snum(lo: number, hi: number): string {
  if (hi === lo >> 31 && lo >= -32768 && lo <= 32767) return `${lo}`
  return hex64(lo, hi)
}

/** Unsigned: decimal within 16 bits. */
export function unum(lo: number, hi: number): string {
  return hi === 0 && lo >>> 0 <= 0xffff ? `${lo}` : hex64(lo, hi)
}

/** `%#llx`: zero has no prefix. */
function hexAlternate(lo: number, hi: number): string {
  return lo === 0 && hi === 0 ? '0' : hex64(lo, hi)
}

/** A tnum: a plain number when every bit is known. */
export function tnumText(t: Int32Array, i: number): string {
  if ((t[i + 2]! | t[i + 3]!) === 0) return unum(t[i]!, t[i + 1]!)
  return tnumPair(t, i)
}

export function tnumPair(t: Int32Array, i: number): string {
  return `(${hex0(t[i]!, t[i + 1]!)}; ${hex0(t[i + 2]!, t[i + 3]!)})`
}

function hex0(lo: number, hi: number): string {
  return hexAlternate(lo, hi) === '0' ? '0x0' : hex64(lo, hi)
}

/** The signed value in decimal. */
export function decimal(lo: number, hi: number): string {
  return hi === lo >> 31 ? `${lo}` : toSigned(lo, hi).toString()
}

/** The unsigned value in decimal. */
export function decimalUnsigned(lo: number, hi: number): string {
  return hi >>> 0 < 0x200000 ? `${toNumber(lo, hi)}` : toUnsigned(lo, hi).toString()
}
