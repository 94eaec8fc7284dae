import { NicwrightError } from '../errors.ts'

// Addresses as text and as the bytes that stand in packets.

function bad(what: string, text: string): NicwrightError {
  return new NicwrightError('packets/address', { message: `${JSON.stringify(text)} is no ${what}` })
}

export function parseMac(text: string): Uint8Array {
  const parts = text.split(/[:-]/)
  if (parts.length !== 6 || !parts.every(part => /^[0-9a-f]{1,2}$/i.test(part))) throw bad('MAC address', text)
  return Uint8Array.from(parts, part => Number.parseInt(part, 16))
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 6), byte => byte.toString(16).padStart(2, '0')).join(':')
}

export function parseIpv4(text: string): Uint8Array {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    throw bad('IPv4 address', text)
  return Uint8Array.from(parts, Number)
}

export function formatIpv4(bytes: Uint8Array): string {
  return bytes.subarray(0, 4).join('.')
}

export function parseIpv6(text: string): Uint8Array {
  const halves = text.split('::')
  if (halves.length > 2) throw bad('IPv6 address', text)
  const words = halves.map(half =>
    half === '' ? [] : half.split(':').flatMap((part, i, all) => wordsOf(part, i === all.length - 1, text)),
  )
  const [head = [], tail] = words
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (tail === undefined ? missing !== 0 : missing < 1) throw bad('IPv6 address', text)
  const all = tail === undefined ? head : [...head, ...Array.from({ length: missing }, () => 0), ...tail]
  return Uint8Array.from(all.flatMap(word => [word >> 8, word & 255]))
}

function wordsOf(part: string, last: boolean, text: string): number[] {
  if (last && part.includes('.')) {
    const [a = 0, b = 0, c = 0, d = 0] = parseIpv4(part)
    return [(a << 8) | b, (c << 8) | d]
  }
  if (!/^[0-9a-f]{1,4}$/i.test(part)) throw bad('IPv6 address', text)
  return [Number.parseInt(part, 16)]
}

/** As RFC 5952 wants it: lower case, the longest run of zeros (of two words at least) as `::`. */
export function formatIpv6(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!)
  let best = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let j = i
    while (j < 8 && words[j] === 0) j++
    if (j - i > length) {
      best = i
      length = j - i
    }
  }
  const text = (part: readonly number[]): string => part.map(word => word.toString(16)).join(':')
  return best < 0 ? text(words) : `${text(words.slice(0, best))}::${text(words.slice(best + length))}`
}
