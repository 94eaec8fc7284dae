import { toUnsigned } from '../bytes/long.ts'
import { NicwrightError } from '../errors.ts'
import type { Btf } from './parse.ts'
import { MAX_DEPTH, sizeOf, skipModifiers } from './resolve.ts'
import { BTF_INT_BOOL, BTF_INT_CHAR, BTF_INT_SIGNED, type BtfArray, type BtfInt } from './types.ts'

// Bytes of memory shown through a type, as bpftool shows the keys and values of maps: numbers bare, enums by name, text arrays as
// text, bit fields in hex. The result is a tree of JSON pieces; names may come twice in an object, as they may in C with unions.

export type Shown =
  /** A piece of JSON that stands for itself: a number, `true`. */
  | { readonly kind: 'raw'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly Shown[] }
  | { readonly kind: 'object'; readonly fields: readonly (readonly [name: string, value: Shown])[] }

export interface ShowOptions {
  /** For people instead of JSON: bit fields and characters without quotes, pointers in hex. */
  readonly plain?: boolean
  /** Elements of arrays and members together; a hostile type of 4 bytes can have 2^32 elements. */
  readonly limit?: number
}

interface Context {
  readonly btf: Btf
  readonly view: DataView
  readonly plain: boolean
  left: number
}

const DEFAULT_LIMIT = 1 << 20

function raw(text: string | number | bigint): Shown {
  return { kind: 'raw', text: String(text) }
}

/** A value of the type at an offset of the bytes; throws `btf/value` where the bytes are too short or the type has no values. */
export function showValue(btf: Btf, id: number, bytes: Uint8Array, offset = 0, options: ShowOptions = {}): Shown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const context: Context = { btf, view, plain: options.plain ?? false, left: options.limit ?? DEFAULT_LIMIT }
  return show(context, id, offset, 0, 0)
}

function need(context: Context, offset: number, bytes: number, what: string): void {
  if (offset < 0 || offset + bytes > context.view.byteLength) {
    throw new NicwrightError('btf/value', {
      message: `${what} of ${bytes} bytes at ${offset} ends beyond the ${context.view.byteLength} bytes that there are`,
    })
  }
}

function show(context: Context, id: number, offset: number, bit: number, depth: number): Shown {
  if (depth > MAX_DEPTH)
    throw new NicwrightError('btf/loop', { message: `the type of the value is nested more than ${MAX_DEPTH} deep` })
  if (context.left-- <= 0) throw new NicwrightError('btf/value', { message: 'the value has too many parts' })
  const { btf } = context
  const type = btf.type(id)
  switch (type.kind) {
    case 'int':
      return showInt(context, type, offset, bit)
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'type_tag':
      return show(context, type.type, offset, bit, depth + 1)
    case 'ptr': {
      const value = readBits(context, offset, 0, 64)
      if (!context.plain) return raw(value)
      return raw(value === 0n ? '(nil)' : `0x${value.toString(16)}`)
    }
    case 'array':
      return showArray(context, type, offset, depth)
    case 'enum':
    case 'enum64': {
      const all = readBits(context, offset, 0, type.size * 8)
      const value = BigInt.asIntN(type.size * 8, all)
      const named = type.values.find(each => BigInt.asIntN(type.size * 8, BigInt(each.value)) === value)
      return named === undefined ? raw(value) : { kind: 'text', text: named.name }
    }
    case 'struct':
    case 'union':
      return {
        kind: 'object',
        fields: type.members.map(member => {
          const at = offset + (member.bitOffset >> 3)
          const within = member.bitOffset & 7
          if (member.bitSize > 0) return [member.name, hexBits(context, at, within, member.bitSize)]
          return [member.name, show(context, member.type, at, within, depth + 1)]
        }),
      }
    case 'var':
      return { kind: 'object', fields: [[type.name, show(context, type.type, offset, bit, depth + 1)]] }
    case 'datasec':
      return {
        kind: 'object',
        fields: [
          [
            type.name,
            { kind: 'array', items: type.vars.map(each => show(context, each.type, offset + each.offset, 0, depth + 1)) },
          ],
        ],
      }
    case 'fwd':
      return raw('(fwd-kind-invalid)')
    case 'void':
      return raw('(unknown)')
    default:
      return raw('(unsupported-kind')
  }
}

/** Up to 128 bits from a place that need not be a byte. */
function readBits(context: Context, offset: number, bit: number, bits: number): bigint {
  const bytes = Math.ceil((bit + bits) / 8)
  need(context, offset, bytes, 'a value')
  if (bit === 0 && bits === 32) return BigInt(context.view.getUint32(offset, true))
  if (bit === 0 && bits === 64) return toUnsigned(context.view.getInt32(offset, true), context.view.getInt32(offset + 4, true))
  let value = 0n
  for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(context.view.getUint8(offset + i))
  return BigInt.asUintN(bits, value >> BigInt(bit))
}

function hexBits(context: Context, offset: number, bit: number, bits: number): Shown {
  const text = `0x${readBits(context, offset, bit, bits).toString(16)}`
  return raw(context.plain ? text : `"${text}"`)
}

function showInt(context: Context, type: BtfInt, offset: number, bit: number): Shown {
  const bits = type.bits
  // An old way to say bit field: the type itself is narrower than its bytes, or begins inside one.
  const start = bit + type.bitOffset
  if (start !== 0 || bits % 8 !== 0 || ![8, 16, 32, 64].includes(bits))
    return hexBits(context, offset + (start >> 3), start & 7, bits)
  const value = readBits(context, offset, 0, bits)
  switch (type.encoding) {
    case 0:
      return raw(value)
    case BTF_INT_SIGNED:
      return raw(BigInt.asIntN(bits, value))
    case BTF_INT_BOOL:
      return raw((value & 0xffn) === 0n ? 'false' : 'true')
    case BTF_INT_CHAR: {
      const code = Number(value & 0xffn)
      if (code >= 0x20 && code < 0x7f) return { kind: 'text', text: String.fromCharCode(code) }
      return raw(context.plain ? `0x${code.toString(16)}` : `"\\u00${code.toString(16).padStart(2, '0')}"`)
    }
    default:
      throw new NicwrightError('btf/value', { message: `int ${type.name} has the unknown encoding ${type.encoding}` })
  }
}

function showArray(context: Context, type: BtfArray, offset: number, depth: number): Shown {
  const text = arrayText(context, type, offset)
  if (text !== undefined) return { kind: 'text', text }
  const size = sizeOf(context.btf, type.type)
  if (size === undefined) throw new NicwrightError('btf/value', { message: 'the elements of an array have no size' })
  need(context, offset, size * type.length, 'an array')
  if (type.length > context.left)
    throw new NicwrightError('btf/value', { message: `an array of ${type.length} elements is too long to be shown` })
  return {
    kind: 'array',
    items: Array.from({ length: type.length }, (_, i) => show(context, type.type, offset + i * size, 0, depth + 1)),
  }
}

/** The text of an array of `char` that is printable up to a zero byte inside. */
function arrayText(context: Context, type: BtfArray, offset: number): string | undefined {
  const element = context.btf.type(skipModifiers(context.btf, type.type, false))
  if (element.kind !== 'int' || element.size !== 1 || type.length === 0) return undefined
  if (element.encoding !== BTF_INT_CHAR && element.name !== 'char') return undefined
  need(context, offset, type.length, 'an array')
  let text = ''
  for (let i = 0; i < type.length; i++) {
    const code = context.view.getUint8(offset + i)
    if (code === 0) return text
    if (code <= 0x1f || code >= 0x7f) return undefined
    text += String.fromCharCode(code)
  }
  return undefined
}

/** The tree as compact JSON (as JSON only if it was shown without `plain`). */
export function shownJson(value: Shown): string {
  switch (value.kind) {
    case 'raw':
      return value.text
    case 'text':
      return JSON.stringify(value.text)
    case 'array':
      return `[${value.items.map(shownJson).join(',')}]`
    case 'object':
      return `{${value.fields.map(([name, field]) => `${JSON.stringify(name)}:${shownJson(field)}`).join(',')}}`
  }
}
