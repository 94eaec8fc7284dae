import { Cursor } from '../bytes/cursor.ts'
import { BTF_MAGIC, type Btf } from './parse.ts'

// .BTF.ext as clang writes it: for each section of code the records of its functions, lines and CO-RE relocations. Offsets of
// instructions are bytes from the start of that section; names are offsets into the strings of the .BTF beside it. Records stay
// bytes, because they can be longer than what is known of them and go on to the kernel as they are.

export const FUNC_INFO_BYTES = 8
export const LINE_INFO_BYTES = 16
export const CORE_RELO_BYTES = 16

/** The records of one section of the object. */
export interface ExtSection {
  readonly name: string
  readonly count: number
  /** count × recordBytes, not copied. */
  readonly records: Uint8Array
}

export interface ExtInfo {
  readonly recordBytes: number
  readonly sections: readonly ExtSection[]
}

export interface BtfExt {
  readonly little: boolean
  readonly funcInfo: ExtInfo
  readonly lineInfo: ExtInfo
  readonly coreRelo: ExtInfo
}

const HEADER_BYTES = 24
const NO_INFO: ExtInfo = { recordBytes: 0, sections: [] }

/** Reads a .BTF.ext blob; throws `btf/bad-ext` with the offset. */
export function parseBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  const little = bytes[0] !== BTF_MAGIC >> 8
  const cursor = new Cursor(bytes, { code: 'btf/bad-ext', little })
  cursor.need(HEADER_BYTES, 0, 'BTF.ext header')
  const magic = cursor.u16()
  if (magic !== BTF_MAGIC) throw cursor.fail(`BTF.ext magic is 0x${magic.toString(16)} where 0xeb9f is expected`, 0)
  const version = cursor.u8()
  if (version !== 1) throw cursor.fail(`BTF.ext version ${version} is unknown`, 2)
  const flags = cursor.u8()
  if (flags !== 0) throw cursor.fail(`BTF.ext flags 0x${flags.toString(16)} are unknown`, 3)
  const headerBytes = cursor.u32()
  if (headerBytes < HEADER_BYTES) throw cursor.fail(`BTF.ext header of ${headerBytes} bytes is too short`, 4)
  cursor.need(headerBytes, 0, 'BTF.ext header')
  const part = (at: number, what: string, least: number): ExtInfo => {
    // The words for CO-RE relocations are there only in headers that are long enough.
    if (headerBytes < at + 8) return NO_INFO
    cursor.seek(at)
    const offset = headerBytes + cursor.u32()
    return parseInfo(cursor, btf, offset, cursor.u32(), what, least)
  }
  return {
    little,
    funcInfo: part(8, 'func_info', FUNC_INFO_BYTES),
    lineInfo: part(16, 'line_info', LINE_INFO_BYTES),
    coreRelo: part(24, 'core_relo', CORE_RELO_BYTES),
  }
}

function parseInfo(file: Cursor, btf: Btf, offset: number, length: number, what: string, least: number): ExtInfo {
  if (length === 0) return NO_INFO
  const cursor = new Cursor(file.slice(offset, length, what), { code: file.code, little: file.little, base: offset })
  const recordBytes = cursor.u32()
  if (recordBytes < least || recordBytes % 4 !== 0) throw cursor.fail(`${what} records of ${recordBytes} bytes`, 0)
  const sections: ExtSection[] = []
  while (!cursor.done) {
    const at = cursor.position
    const name = btf.string(cursor.u32())
    if (name === undefined || name === '') throw cursor.fail(`${what} of a section without a name`, at)
    const count = cursor.u32()
    if (count === 0) throw cursor.fail(`${what} of section ${name} has no records`, at)
    sections.push({ name, count, records: cursor.take(count * recordBytes, `${what} of section ${name}`) })
  }
  return { recordBytes, sections }
}
