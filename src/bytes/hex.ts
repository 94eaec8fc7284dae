import { NicwrightError } from '../errors.ts'

const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case digits, two a byte, with `separator` between bytes. */
export function toHex(bytes: Uint8Array, separator = ''): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += (i > 0 ? separator : '') + PAIRS[bytes[i]!]
  return text
}

/** The value of a hex digit's character code, -1 for anything else. */
function digit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** Digits of either case, two a byte, nothing between. `code` names the error for anything else. */
export function fromHex(text: string, code = 'hex/bad'): Uint8Array {
  if (text.length % 2 !== 0) {
    throw new NicwrightError(code, {
      message: `hex text has an odd number of digits, ${text.length}`,
      at: { offset: text.length },
    })
  }
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < text.length; i += 2) {
    const high = digit(text.charCodeAt(i))
    const low = digit(text.charCodeAt(i + 1))
    if (high < 0 || low < 0) {
      const offset = high < 0 ? i : i + 1
      throw new NicwrightError(code, {
        message: `${JSON.stringify(text[offset])} is no hex digit (at ${offset})`,
        at: { offset },
      })
    }
    bytes[i >> 1] = (high << 4) | low
  }
  return bytes
}
