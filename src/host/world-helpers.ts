// Helpers that ask the world around the program, and those that work on its strings.

import { EINVAL, ERANGE } from '../bpf/errno.ts'
import { decodeText } from '../bytes/cursor.ts'
import { encodeText } from '../bytes/writer.ts'
import type { Machine } from './machine.ts'
import { type Argument, format } from './printk.ts'

export function ktime(m: Machine): void {
  m.answer64(m.world.now)
}

/** Ticks of 4 ms, as of a kernel with 250 a second. */
export function jiffies(m: Machine): void {
  m.answer64(m.world.now / 4_000_000n)
}

export function prandom(m: Machine): void {
  m.answer(m.nextRandom())
}

export function processorId(m: Machine): void {
  m.answer(m.world.cpu)
}

export function zero(m: Machine): void {
  m.answer(0)
}

/** Longest string that is read for a format. */
const STRING_LIMIT = 1024

function readString(m: Machine, address: number, limit: number): string | undefined {
  if (!m.locate(address, 1)) return undefined
  const end = Math.min(m.regionEnd, address + limit)
  const { u8 } = m.memory
  for (let i = address; i < end; i++) if (u8[i] === 0) return decodeText(u8.slice(address, i))
  return undefined
}

function print(m: Machine, formatAt: number, limit: number, args: readonly Argument[]): string | undefined {
  const text = readString(m, formatAt, limit)
  if (text === undefined) return undefined
  return format(
    text,
    args,
    address => readString(m, address, STRING_LIMIT),
    (address, bytes) => (m.locate(address, bytes) ? m.memory.u8.slice(address, address + bytes) : undefined),
  )
}

/** trace_printk(format, size, a, b, c): the answer is the length of the text. */
export function tracePrintk(m: Machine): void {
  const size = m.lo[2]! >>> 0
  const at = m.pointer(1, size)
  const args: Argument[] = [3, 4, 5].map(r => [m.lo[r]!, m.hi[r]!])
  trace(m, print(m, at, size, args))
}

/** trace_vprintk(format, size, data, bytes): the arguments are 64-bit words in memory. */
export function traceVprintk(m: Machine): void {
  const size = m.lo[2]! >>> 0
  const at = m.pointer(1, size)
  const bytes = m.lo[4]! >>> 0
  if (bytes % 8 !== 0 || bytes > 96) m.answer(-EINVAL)
  else trace(m, print(m, at, size, words(m, bytes === 0 ? 0 : m.pointer(3, bytes), bytes)))
}

function trace(m: Machine, line: string | undefined): void {
  if (line === undefined) m.answer(-EINVAL)
  else {
    m.world.trace?.(line)
    m.answer(line.length)
  }
}

function words(m: Machine, at: number, bytes: number): Argument[] {
  const { view } = m.memory
  return Array.from({ length: bytes / 8 }, (_, i) => [view.getInt32(at + 8 * i, true), view.getInt32(at + 8 * i + 4, true)])
}

/** snprintf(to, size, format, data, bytes): the answer is the length that the text would have, with its NUL. */
export function snprintf(m: Machine): void {
  const size = m.lo[2]! >>> 0
  const to = size === 0 ? 0 : m.pointer(1, size)
  const bytes = m.lo[5]! >>> 0
  const text =
    bytes % 8 !== 0 || bytes > 96
      ? undefined
      : print(m, m.lo[3]! >>> 0, STRING_LIMIT, words(m, bytes === 0 ? 0 : m.pointer(4, bytes), bytes))
  if (text === undefined) m.answer(-EINVAL)
  else {
    const { u8 } = m.memory
    if (size > 0) {
      const kept = encodeText(text).subarray(0, size - 1)
      u8.set(kept, to)
      u8[to + kept.length] = 0
    }
    m.answer(text.length + 1)
  }
}

/** strncmp(a, size, b): compares up to `size` bytes. */
export function strncmp(m: Machine): void {
  const size = m.lo[2]! >>> 0
  const a = m.pointer(1, size)
  const b = m.lo[3]! >>> 0
  const { u8 } = m.memory
  for (let i = 0; i < size; i++) {
    if (!m.locate(b + i, 1)) throw m.fault('host/access', 'r3 is no string', b + i)
    const difference = u8[a + i]! - u8[b + i]!
    if (difference !== 0 || u8[a + i] === 0) {
      m.answer(Math.sign(difference))
      return
    }
  }
  m.answer(0)
}

export function strtol(m: Machine): void {
  parse(m, true)
}

export function strtoul(m: Machine): void {
  parse(m, false)
}

/** strtol(text, size, base, result): the answer is the number of characters used. Base 0 goes by the prefix. */
function parse(m: Machine, signed: boolean): void {
  const size = m.lo[2]! >>> 0
  const at = m.pointer(1, size)
  const result = m.pointer(4, 8)
  const base = m.lo[3]! >>> 0
  if (m.hi[3] !== 0 || ![0, 8, 10, 16].includes(base) || size === 0) {
    m.answer(-EINVAL)
    return
  }
  const text = decodeText(m.memory.u8.slice(at, at + size))
  const head = /^[ \t\n\v\f\r]*(-)?/.exec(text)!
  let rest = text.slice(head[0].length)
  // In base 0 a 0x counts only before a digit; in base 16 it is skipped in any case.
  const prefix = /^0[xX]/.test(rest) && (base === 16 || (base === 0 && /^..[0-9a-fA-F]/.test(rest))) ? rest.slice(0, 2) : ''
  const radix = base !== 0 ? base : prefix !== '' ? 16 : rest.startsWith('0') ? 8 : 10
  rest = rest.slice(prefix.length)
  const digits = (radix === 16 ? /^[0-9a-fA-F]+/ : radix === 8 ? /^[0-7]+/ : /^[0-9]+/).exec(rest)?.[0]
  if (digits === undefined) {
    m.answer(-EINVAL)
    return
  }
  const magnitude = BigInt(`${radix === 16 ? '0x' : radix === 8 ? '0o' : ''}${digits}`)
  const value = head[1] === '-' ? -magnitude : magnitude
  // A magnitude that no 64 bits hold is out of range, whatever its sign.
  const beyond = magnitude !== BigInt.asUintN(64, magnitude) || (signed && value !== BigInt.asIntN(64, value))
  if (beyond || (!signed && head[1] === '-')) {
    m.answer(beyond ? -ERANGE : -EINVAL)
    return
  }
  m.memory.view.setBigInt64(result, BigInt.asIntN(64, value), true)
  m.answer(head[0].length + prefix.length + digits.length)
}

/** probe_read_kernel(to, size, from): guest memory is the only kernel memory there is. */
export function probeRead(m: Machine): void {
  const size = m.lo[2]! >>> 0
  const to = size === 0 ? 0 : m.pointer(1, size)
  const from = m.lo[3]! >>> 0
  const { u8 } = m.memory
  if (m.hi[3] !== 0 || !m.locate(from, size)) {
    u8.fill(0, to, to + size)
    m.answer(-14)
  } else {
    u8.copyWithin(to, from, from + size)
    m.answer(0)
  }
}
