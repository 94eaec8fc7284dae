import { decodeText } from '../bytes/cursor.ts'
import { highHalf, lowHalf } from '../bytes/long.ts'
import { Writer } from '../bytes/writer.ts'
import { BTF_HEADER_BYTES, BTF_MAGIC, type Btf } from './parse.ts'
import { type BtfType, KIND_NAMES } from './types.ts'

/** Strings of a blob, each once, at offsets that don't change any more. Offset 0 is the empty string. */
export class StringTable {
  readonly #offsets = new Map<string, number>([['', 0]])
  readonly #bytes = new Writer()

  /** `start`: a string section to begin with, whose offsets stay as they are. */
  constructor(start?: Uint8Array) {
    if (start === undefined || start.length === 0) {
      this.#bytes.u8(0)
      return
    }
    this.#bytes.bytes(start)
    for (let from = 0; from < start.length; ) {
      const end = start.indexOf(0, from)
      const text = decodeText(start.subarray(from, end < 0 ? start.length : end))
      if (!this.#offsets.has(text)) this.#offsets.set(text, from)
      from = end < 0 ? start.length : end + 1
    }
  }

  add(text: string): number {
    const known = this.#offsets.get(text)
    if (known !== undefined) return known
    const offset = this.#bytes.length
    this.#offsets.set(text, offset)
    this.#bytes.text(text).u8(0)
    return offset
  }

  finish(): Uint8Array {
    return this.#bytes.finish()
  }
}

function infoWord(type: BtfType, vlen: number, flag: boolean): number {
  return (((flag ? 1 : 0) << 31) | (KIND_NAMES.indexOf(type.kind) << 24) | vlen) >>> 0
}

function writeType(out: Writer, type: BtfType, strings: StringTable): void {
  const head = (vlen: number, flag: boolean, third: number): void => {
    out
      .u32(strings.add(type.name))
      .u32(infoWord(type, vlen, flag))
      .u32(third)
  }
  switch (type.kind) {
    case 'void':
      throw new RangeError('void has no record')
    case 'int':
      head(0, false, type.size)
      out.u32(((type.encoding << 24) | (type.bitOffset << 16) | type.bits) >>> 0)
      return
    case 'array':
      head(0, false, 0)
      out.u32(type.type).u32(type.index).u32(type.length)
      return
    case 'struct':
    case 'union':
      head(type.members.length, type.flag, type.size)
      for (const member of type.members) {
        const place = type.flag ? (member.bitSize << 24) | member.bitOffset : member.bitOffset
        out
          .u32(strings.add(member.name))
          .u32(member.type)
          .u32(place >>> 0)
      }
      return
    case 'enum':
      head(type.values.length, type.signed, type.size)
      for (const each of type.values) out.u32(strings.add(each.name)).u32(each.value >>> 0)
      return
    case 'enum64':
      head(type.values.length, type.signed, type.size)
      for (const each of type.values) out.u32(strings.add(each.name)).u32(lowHalf(each.value)).u32(highHalf(each.value))
      return
    case 'fwd':
      head(0, type.union, 0)
      return
    case 'func':
      head(type.linkage, false, type.type)
      return
    case 'func_proto':
      head(type.params.length, false, type.type)
      for (const each of type.params) out.u32(strings.add(each.name)).u32(each.type)
      return
    case 'var':
      head(0, false, type.type)
      out.u32(type.linkage)
      return
    case 'datasec':
      head(type.vars.length, false, type.size)
      for (const each of type.vars) out.u32(each.type).u32(each.offset).u32(each.size)
      return
    case 'float':
      head(0, false, type.size)
      return
    case 'decl_tag':
      head(0, type.flag, type.type)
      out.u32(type.component >>> 0)
      return
    default:
      head(0, type.flag, type.type)
  }
}

/**
 * A .BTF blob of the types, whose ids are 1, 2, … in that order. With `strings`, names are added to that table: .BTF.ext records
 * whose offsets point into it stay right.
 */
export function encodeBtf(
  types: readonly BtfType[],
  options: { readonly strings?: StringTable; readonly little?: boolean } = {},
): Uint8Array {
  const little = options.little ?? true
  const strings = options.strings ?? new StringTable()
  const body = new Writer({ little })
  for (const type of types) writeType(body, type, strings)
  const records = body.finish()
  const texts = strings.finish()
  const out = new Writer({ little, capacity: BTF_HEADER_BYTES + records.length + texts.length })
  out.u16(BTF_MAGIC).u8(1).u8(0).u32(BTF_HEADER_BYTES)
  out.u32(0).u32(records.length).u32(records.length).u32(texts.length)
  return out.bytes(records).bytes(texts).finish()
}

/** All own types of a blob, id 1 (or the first after the base) first. */
export function typesOf(btf: Btf): BtfType[] {
  const types: BtfType[] = []
  for (let id = btf.base?.count ?? 1; id < btf.count; id++) types.push(btf.type(id))
  return types
}
