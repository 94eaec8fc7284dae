import { toHex } from '../../bytes/hex.ts'

/** `01 00 00 00`, sixteen a line, two spaces after the eighth. */
export function hexLines(bytes: Uint8Array): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16)
    const halves = [row.subarray(0, 8), row.subarray(8)].filter(half => half.length > 0)
    lines.push(halves.map(half => toHex(half, ' ')).join('  '))
  }
  return lines.join('\n')
}

/** `["0x01", …]`, as map contents stand in JSON. */
export function hexStrings(bytes: Uint8Array): string[] {
  return Array.from(bytes, byte => `0x${byte.toString(16).padStart(2, '0')}`)
}

/** One element of a map without BTF: on one line where it is short. */
export function elementText(key: Uint8Array, value: Uint8Array): string {
  const short = key.length <= 16 && value.length <= 16 && key.length + value.length <= 24
  if (short) return `key: ${hexLines(key)}  value: ${hexLines(value)}\n`
  return `key:\n${hexLines(key)}\nvalue:\n${hexLines(value)}\n`
}
