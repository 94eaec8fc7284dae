import { Cursor, decodeText } from '../bytes/cursor.ts'
import { NicwrightError } from '../errors.ts'
import {
  BTF_KIND_ARRAY,
  BTF_KIND_DATASEC,
  BTF_KIND_ENUM,
  BTF_KIND_ENUM64,
  BTF_KIND_FLOAT,
  BTF_KIND_FWD,
  BTF_KIND_INT,
  BTF_KIND_STRUCT,
  BTF_KIND_UNION,
  type BtfKind,
  type BtfRef,
  type BtfType,
  KIND_NAMES,
  VOID,
} from './types.ts'

// A parsed blob is an index over its bytes: one pass notes where each type's record begins and checks that every record, name
// and reference lies inside, after which nothing that is read can be out of bounds. Records are made when they are asked for:
// a kernel's BTF has 150,000 types, of which a program needs ten.

export const BTF_MAGIC = 0xeb9f
export const BTF_HEADER_BYTES = 24
/** Of a type id and of a name offset; the kernel's limits. */
const MAX_TYPE = 0x000fffff
const MAX_NAME_OFFSET = 0x00ffffff

/** Bytes that follow the 12 of every type: fixed, and for each of its vlen elements. By BTF_KIND_*. */
const FIXED_BYTES = [0, 4, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 4, 0, 0]
const ELEMENT_BYTES = [0, 0, 0, 0, 12, 12, 8, 0, 0, 0, 0, 0, 0, 8, 0, 12, 0, 0, 0, 12]

export class Btf {
  /** The whole blob. */
  readonly bytes: Uint8Array
  readonly little: boolean
  readonly base: Btf | undefined
  /** Number of types with void and those of the base: ids are 0 to count - 1. */
  readonly count: number
  readonly #view: DataView
  readonly #strings: Uint8Array
  /** Offset of each own type's record in the blob. */
  readonly #at: Uint32Array
  readonly #first: number
  readonly #firstName: number
  readonly #types: (BtfType | undefined)[] = []
  #names: Map<string, number[]> | undefined

  constructor(bytes: Uint8Array, little: boolean, base: Btf | undefined, strings: Uint8Array, at: Uint32Array) {
    this.bytes = bytes
    this.little = little
    this.base = base
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#strings = strings
    this.#at = at
    this.#first = base === undefined ? 1 : base.count
    this.#firstName = base === undefined ? 0 : base.stringBytes
    this.count = this.#first + at.length
  }

  /** Length of the string sections, the base's with it: offsets of names are below. */
  get stringBytes(): number {
    return this.#firstName + this.#strings.length
  }

  /** The string at an offset of the string section; undefined outside of it. */
  string(offset: number): string | undefined {
    if (offset < this.#firstName) return this.base?.string(offset)
    const from = offset - this.#firstName
    if (from >= this.#strings.length) return undefined
    return decodeText(this.#strings.subarray(from, this.#strings.indexOf(0, from)))
  }

  /** Where the record of a type begins in `bytes`; only for types of this blob itself, not of its base. */
  recordAt(id: number): number {
    const at = this.#at[id - this.#first]
    if (at === undefined) throw badId(this, id)
    return at
  }

  kind(id: number): BtfKind {
    if (id === 0) return 'void'
    if (id < this.#first && this.base !== undefined) return this.base.kind(id)
    return KIND_NAMES[(this.#word(this.recordAt(id) + 4) >>> 24) & 0x1f]!
  }

  name(id: number): string {
    if (id === 0) return ''
    if (id < this.#first && this.base !== undefined) return this.base.name(id)
    return this.string(this.#word(this.recordAt(id))) ?? ''
  }

  /** The type with an id; throws `btf/id` for a number that is none. */
  type(id: number): BtfType {
    if (id === 0) return VOID
    if (id < this.#first && this.base !== undefined) return this.base.type(id)
    const own = id - this.#first
    const known = this.#types[own]
    if (known !== undefined) return known
    const type = this.#decode(this.recordAt(id))
    this.#types[own] = type
    return type
  }

  /** Ids of the types of that name, lowest first. */
  named(name: string, ...kinds: readonly BtfKind[]): number[] {
    if (this.#names === undefined) {
      this.#names = new Map()
      for (let id = this.#first; id < this.count; id++) {
        const text = this.name(id)
        if (text === '') continue
        const ids = this.#names.get(text)
        if (ids === undefined) this.#names.set(text, [id])
        else ids.push(id)
      }
    }
    const all = [...(this.base?.named(name) ?? []), ...(this.#names.get(name) ?? [])]
    return kinds.length === 0 ? all : all.filter(id => kinds.includes(this.kind(id)))
  }

  #word(at: number): number {
    return this.#view.getUint32(at, this.little)
  }

  #text(at: number): string {
    return this.string(this.#word(at)) ?? ''
  }

  #decode(at: number): BtfType {
    const info = this.#word(at + 4)
    const value = this.#word(at + 8)
    const name = this.#text(at)
    const flag = info >>> 31 === 1
    const vlen = info & 0xffff
    const number = (info >>> 24) & 0x1f
    const kind = KIND_NAMES[number]!
    const body = at + 12
    switch (kind) {
      case 'void':
        return VOID
      case 'int': {
        const data = this.#word(body)
        return { kind, name, size: value, encoding: (data >>> 24) & 15, bitOffset: (data >>> 16) & 255, bits: data & 255 }
      }
      case 'array':
        return { kind, name: '', type: this.#word(body), index: this.#word(body + 4), length: this.#word(body + 8) }
      case 'struct':
      case 'union': {
        const members = elements(vlen, body, 12, each => {
          const place = this.#word(each + 8)
          return {
            name: this.#text(each),
            type: this.#word(each + 4),
            bitOffset: flag ? place & 0xffffff : place,
            bitSize: flag ? place >>> 24 : 0,
          }
        })
        return { kind, name, size: value, members, flag }
      }
      case 'enum': {
        const values = elements(vlen, body, 8, each => {
          const word = this.#word(each + 4)
          return { name: this.#text(each), value: flag ? word | 0 : word }
        })
        return { kind, name, size: value, signed: flag, values }
      }
      case 'enum64': {
        const values = elements(vlen, body, 12, each => {
          const all = (BigInt(this.#word(each + 8)) << 32n) | BigInt(this.#word(each + 4))
          return { name: this.#text(each), value: flag ? BigInt.asIntN(64, all) : all }
        })
        return { kind, name, size: value, signed: flag, values }
      }
      case 'fwd':
        return { kind, name, union: flag }
      case 'func':
        return { kind, name, type: value, linkage: vlen }
      case 'func_proto': {
        const params = elements(vlen, body, 8, each => ({ name: this.#text(each), type: this.#word(each + 4) }))
        return { kind, name: '', type: value, params }
      }
      case 'var':
        return { kind, name, type: value, linkage: this.#word(body) }
      case 'datasec': {
        const vars = elements(vlen, body, 12, each => ({
          type: this.#word(each),
          offset: this.#word(each + 4),
          size: this.#word(each + 8),
        }))
        return { kind, name, size: value, vars }
      }
      case 'float':
        return { kind, name, size: value }
      case 'decl_tag':
        return { kind, name, type: value, component: this.#word(body) | 0, flag }
      default:
        return { kind: kind satisfies BtfRef['kind'], name, type: value, flag }
    }
  }
}

function elements<T>(count: number, at: number, bytes: number, make: (at: number) => T): T[] {
  const all: T[] = []
  for (let i = 0; i < count; i++) all.push(make(at + i * bytes))
  return all
}

function badId(btf: Btf, id: number): NicwrightError {
  return new NicwrightError('btf/id', { message: `BTF has no type ${id}: its ids are 0 to ${btf.count - 1}` })
}

/**
 * Reads a .BTF blob of either byte order. Throws `btf/bad` with the offset for anything that is cut short, lies outside, or names
 * what isn't there. Loops of references are not an error here (a struct may point at itself); whoever follows them counts.
 */
export function parseBtf(bytes: Uint8Array, options: { readonly base?: Btf } = {}): Btf {
  const base = options.base
  const little = bytes[0] !== BTF_MAGIC >> 8
  const cursor = new Cursor(bytes, { code: 'btf/bad', little })
  cursor.need(BTF_HEADER_BYTES, 0, 'BTF header')
  const magic = cursor.u16()
  if (magic !== BTF_MAGIC) throw cursor.fail(`BTF magic is 0x${magic.toString(16)} where 0xeb9f is expected`, 0)
  const version = cursor.u8()
  if (version !== 1) throw cursor.fail(`BTF version ${version} is unknown`, 2)
  const flags = cursor.u8()
  if (flags !== 0) throw cursor.fail(`BTF flags 0x${flags.toString(16)} are unknown`, 3)
  const headerBytes = cursor.u32()
  if (headerBytes < BTF_HEADER_BYTES) throw cursor.fail(`BTF header of ${headerBytes} bytes is too short`, 4)
  const typeOffset = cursor.u32()
  const typeBytes = cursor.u32()
  const stringOffset = cursor.u32()
  const stringBytes = cursor.u32()
  if (typeOffset % 4 !== 0) throw cursor.fail(`BTF type section at unaligned offset ${typeOffset}`, 8)
  if (typeBytes % 4 !== 0) throw cursor.fail(`BTF type section of ${typeBytes} bytes is no multiple of 4`, 12)
  cursor.slice(headerBytes + typeOffset, typeBytes, 'BTF type section')
  const strings = cursor.slice(headerBytes + stringOffset, stringBytes, 'BTF string section')
  if (stringBytes > MAX_NAME_OFFSET) throw cursor.fail(`BTF string section of ${stringBytes} bytes is too long`, 20)
  if (stringBytes === 0 ? base === undefined : strings[stringBytes - 1] !== 0) {
    throw cursor.fail('BTF string section does not end in a zero byte', headerBytes + stringOffset)
  }
  if (base === undefined && strings[0] !== 0) {
    throw cursor.fail('BTF string section does not begin with the empty string', headerBytes + stringOffset)
  }

  const start = headerBytes + typeOffset
  const at = indexTypes(cursor, start, start + typeBytes)
  const btf = new Btf(cursor.bytes, little, base, strings, at)
  if (btf.count > MAX_TYPE) throw cursor.fail(`BTF has ${btf.count} types, more than ${MAX_TYPE}`, start)
  for (let i = 0; i < at.length; i++) checkType(cursor, btf, at[i]!)
  return btf
}

/** Offsets of the records between two offsets, each checked to lie inside as a whole. */
function indexTypes(cursor: Cursor, start: number, end: number): Uint32Array {
  const at: number[] = []
  let position = start
  while (position < end) {
    if (position + 12 > end) throw cursor.fail('BTF type section ends inside a type', position)
    const info = cursor.view.getUint32(position + 4, cursor.little)
    const kind = (info >>> 24) & 0x1f
    if (kind === 0 || kind >= KIND_NAMES.length)
      throw cursor.fail(`BTF type ${at.length + 1} has the unknown kind ${kind}`, position + 4)
    // The vlen of a func is its linkage.
    const bytes = 12 + FIXED_BYTES[kind]! + ELEMENT_BYTES[kind]! * (info & 0xffff)
    if (position + bytes > end) throw cursor.fail(`BTF type ${at.length + 1} ends beyond the type section`, position)
    at.push(position)
    position += bytes
  }
  return Uint32Array.from(at)
}

/** The kinds whose third word is a size, or nothing, instead of a type id. */
const SIZED = new Set([
  BTF_KIND_INT,
  BTF_KIND_ARRAY,
  BTF_KIND_STRUCT,
  BTF_KIND_UNION,
  BTF_KIND_ENUM,
  BTF_KIND_FWD,
  BTF_KIND_DATASEC,
  BTF_KIND_FLOAT,
  BTF_KIND_ENUM64,
])

/** Where in an element of a kind its name and its type id stand; -1 where it has none. By BTF_KIND_*. */
const ELEMENT_NAME = [-1, -1, -1, -1, 0, 0, 0, -1, -1, -1, -1, -1, -1, 0, -1, -1, -1, -1, -1, 0]
const ELEMENT_TYPE = [-1, -1, -1, -1, 4, 4, -1, -1, -1, -1, -1, -1, -1, 4, -1, 0, -1, -1, -1, -1]

function checkType(cursor: Cursor, btf: Btf, at: number): void {
  const { view, little } = cursor
  const nameEnd = btf.stringBytes
  const count = btf.count
  const checkName = (offset: number): void => {
    const name = view.getUint32(offset, little)
    if (name >= nameEnd && name !== 0) throw cursor.fail(`BTF name offset ${name} lies beyond the string section`, offset)
  }
  const checkId = (offset: number): void => {
    const id = view.getUint32(offset, little)
    if (id >= count) throw cursor.fail(`BTF type id ${id} is beyond the last, ${count - 1}`, offset)
  }
  checkName(at)
  const info = view.getUint32(at + 4, little)
  const kind = (info >>> 24) & 0x1f
  if (!SIZED.has(kind)) checkId(at + 8)
  if (kind === BTF_KIND_ARRAY) {
    checkId(at + 12)
    checkId(at + 16)
  }
  const name = ELEMENT_NAME[kind]!
  const type = ELEMENT_TYPE[kind]!
  if (name < 0 && type < 0) return
  const bytes = ELEMENT_BYTES[kind]!
  let element = at + 12 + FIXED_BYTES[kind]!
  for (let left = info & 0xffff; left > 0; left--, element += bytes) {
    if (name >= 0) checkName(element + name)
    if (type >= 0) checkId(element + type)
  }
}
