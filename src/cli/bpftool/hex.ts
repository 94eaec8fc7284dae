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
  return pair(key, value.length, value.length === 0 ? undefined : hexLines(value))
}

/** An element that could not be read. */
export function elementError(key: Uint8Array, message: string): string {
  return pair(key, message.length, message)
}

function pair(key: Uint8Array, valueLength: number, value: string | undefined): string {
  const broken = key.length > 16 || valueLength > 16
  const oneLine = !broken && key.length + valueLength <= 24
  const space = broken ? '\n' : ' '
  const keyText = key.length === 0 ? '' : `key:${space}${hexLines(key)}${oneLine ? '  ' : '\n'}`
  return `${keyText}${value === undefined ? '' : `value:${space}${value}`}\n`
}

/** Sixteen bytes a line in pairs, with their characters: how `prog run` shows what came out. */
export function hexDump(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16)
    let pairs = ''
    let chars = ''
    for (let i = 0; i < 16; i++) {
      const byte = row[i]
      if (i === 8) chars += ' '
      pairs += byte === undefined ? '  ' : byte.toString(16).padStart(2, '0')
      if (i % 2 === 1) pairs += ' '
      if (byte !== undefined) chars += byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'
    }
    text += `${at.toString(16).padStart(7, '0')}\t${pairs}| ${chars.trimEnd()}\n`
  }
  return text
}
