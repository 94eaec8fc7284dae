// Formatting of trace_printk and snprintf: what Linux lets BPF programs print. A format is refused as a whole (-EINVAL) when a
// directive is unknown or lacks its argument.

import { toSigned, toUnsigned } from '../bytes/long.ts'

/** Reads a NUL-terminated string at a guest address, undefined where there is none. */
export type ReadString = (address: number) => string | undefined
/** Reads bytes at a guest address. */
export type ReadBytes = (address: number, bytes: number) => Uint8Array | undefined

/** An argument as two halves. */
export type Argument = readonly [lo: number, hi: number]

const DIRECTIVE = /%(?:%|([0 +-]*)([1-9][0-9]*)?(?:(ll|l)?([diuxX])|(c)|(s|p[ik][46]|p[IK][46]|pks|pus|pS|ps|pB|px|pK|p)))/y

/** The text, or undefined when the format is refused. */
export function format(text: string, args: readonly Argument[], string: ReadString, bytes: ReadBytes): string | undefined {
  let out = ''
  let used = 0
  for (let i = 0; i < text.length; ) {
    if (text[i] !== '%') {
      const code = text.charCodeAt(i)
      // Linux prints ASCII, and of that what is printable or white space.
      if (!(code >= 0x20 && code < 0x7f) && !(code >= 9 && code <= 13)) return undefined
      out += text[i++]
      continue
    }
    DIRECTIVE.lastIndex = i
    const found = DIRECTIVE.exec(text)
    if (found === null) return undefined
    i = DIRECTIVE.lastIndex
    if (found[0] === '%%') {
      out += '%'
      continue
    }
    const arg = args[used++]
    if (arg === undefined) return undefined
    const shown =
      found[4] !== undefined
        ? number(found[4], found[3] ?? '', found[1] ?? '', arg)
        : other(found[5] ?? found[6]!, arg, string, bytes)
    out += pad(shown, found[1] ?? '', Number(found[2] ?? 0), found[4] !== undefined)
  }
  return out
}

function number(kind: string, length: string, flags: string, [lo, hi]: Argument): string {
  const wide = length === 'l' || length === 'll'
  if (kind === 'd' || kind === 'i') {
    const value = wide ? toSigned(lo, hi) : BigInt(lo)
    return value >= 0n && flags.includes('+') ? `+${value}` : value >= 0n && flags.includes(' ') ? ` ${value}` : value.toString()
  }
  const value = wide ? toUnsigned(lo, hi) : BigInt(lo >>> 0)
  if (kind === 'u') return value.toString()
  return kind === 'X' ? value.toString(16).toUpperCase() : value.toString(16)
}

function other(kind: string, [lo, hi]: Argument, string: ReadString, bytes: ReadBytes): string {
  if (kind === 'c') return String.fromCharCode(lo & 0xff)
  const address = lo >>> 0
  if (kind === 's' || kind === 'pks' || kind === 'pus') return (hi === 0 ? string(address) : undefined) ?? ''
  if (/^p[iI]4$/.test(kind)) {
    const ip = bytes(address, 4) ?? new Uint8Array(4)
    return [...ip].map(byte => (kind === 'pi4' ? byte.toString().padStart(3, '0') : byte.toString())).join('.')
  }
  if (/^p[iI]6$/.test(kind)) {
    const ip = bytes(address, 16) ?? new Uint8Array(16)
    const words = Array.from({ length: 8 }, (_, i) => ((ip[2 * i]! << 8) | ip[2 * i + 1]!).toString(16).padStart(4, '0'))
    return words.join(kind === 'pi6' ? '' : ':')
  }
  return toUnsigned(lo, hi).toString(16).padStart(16, '0')
}

function pad(text: string, flags: string, width: number, numeric: boolean): string {
  if (flags.includes('-')) return text.padEnd(width)
  if (!numeric || !flags.includes('0')) return text.padStart(width)
  const sign = /^[+ -]/.exec(text)?.[0] ?? ''
  return sign + text.slice(sign.length).padStart(width - sign.length, '0')
}
