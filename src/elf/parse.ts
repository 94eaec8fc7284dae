import { Cursor, decodeText } from '../bytes/cursor.ts'
import {
  ELFCLASS64,
  ELFDATA2LSB,
  ELFDATA2MSB,
  SHT_NOBITS,
  SHT_NULL,
  SHT_REL,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
} from './constants.ts'

// An ELF file of 64 bits as sections, symbols and relocations by number, whose offsets, links and names have been checked. The
// bytes of a section are a view into the file. Nothing here knows what a section means.

export interface ElfSection {
  readonly index: number
  readonly name: string
  /** SHT_*. */
  readonly type: number
  /** SHF_*. */
  readonly flags: number
  readonly address: number
  /** In the file. */
  readonly offset: number
  /** Bytes in memory; `data` has as many, or none for SHT_NOBITS. */
  readonly size: number
  readonly link: number
  readonly info: number
  readonly align: number
  readonly entryBytes: number
  readonly data: Uint8Array
}

export interface ElfSymbol {
  readonly index: number
  readonly name: string
  readonly value: number
  readonly size: number
  /** STB_*. */
  readonly bind: number
  /** STT_*. */
  readonly type: number
  /** STV_*. */
  readonly visibility: number
  /** Section index or SHN_*. */
  readonly section: number
}

export interface ElfRelocation {
  /** Bytes from the start of the section that is relocated. */
  readonly offset: number
  readonly type: number
  /** Index into the symbols. */
  readonly symbol: number
  /** Only with SHT_RELA. */
  readonly addend: bigint | undefined
}

export interface Elf {
  readonly little: boolean
  /** ET_*. */
  readonly type: number
  /** EM_*. */
  readonly machine: number
  readonly flags: number
  readonly sections: readonly ElfSection[]
  /** Of the first symbol table; the one at index 0 stands for none. */
  readonly symbols: readonly ElfSymbol[]
  /** By the index of the section that they relocate, in the order of the file. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>
}

const HEADER_BYTES = 64
const SECTION_BYTES = 64
const SYMBOL_BYTES = 24
const REL_BYTES = 16
const RELA_BYTES = 24

/** Reads an ELF file; throws `elf/bad` with the offset for what is no ELF file of 64 bits, cut short or inconsistent. */
export function parseElf(bytes: Uint8Array): Elf {
  const probe = new Cursor(bytes, { code: 'elf/bad' })
  if (bytes.length < 4 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    throw probe.fail(bytes.length === 0 ? 'the file is empty' : 'not an ELF file: it does not begin with 7f 45 4c 46', 0)
  }
  probe.need(HEADER_BYTES, 0, 'ELF header')
  if (bytes[4] !== ELFCLASS64)
    throw probe.fail(bytes[4] === 1 ? 'ELF file of 32 bits, 64 are expected' : `ELF class ${bytes[4]} is unknown`, 4)
  const order = bytes[5]
  if (order !== ELFDATA2LSB && order !== ELFDATA2MSB) throw probe.fail(`ELF byte order ${order} is unknown`, 5)
  if (bytes[6] !== 1) throw probe.fail(`ELF version ${bytes[6]} is unknown`, 6)

  const little = order === ELFDATA2LSB
  const cursor = new Cursor(bytes, { code: 'elf/bad', little })
  cursor.seek(16)
  const type = cursor.u16()
  const machine = cursor.u16()
  const tableOffset = cursor.view.getBigUint64(40, little)
  const flags = cursor.view.getUint32(48, little)
  const entryBytes = cursor.view.getUint16(58, little)
  let count = cursor.view.getUint16(60, little)
  let namesIndex = cursor.view.getUint16(62, little)
  if (tableOffset === 0n) return { little, type, machine, flags, sections: [], symbols: [], relocations: new Map() }
  if (entryBytes !== SECTION_BYTES) throw cursor.fail(`ELF section headers of ${entryBytes} bytes, 64 are expected`, 58)
  if (tableOffset > BigInt(bytes.length)) throw cursor.fail(`ELF section headers at ${tableOffset} lie beyond the last byte`, 40)
  const table = Number(tableOffset)
  // From 65,280 sections on, the numbers stand in the first section header.
  if (count === 0) {
    cursor.need(SECTION_BYTES, table, 'ELF section header')
    cursor.seek(table + 32)
    count = cursor.size64('number of sections')
  }
  if (namesIndex === 0xffff) {
    cursor.need(SECTION_BYTES, table, 'ELF section header')
    namesIndex = cursor.view.getUint32(table + 40, little)
  }
  cursor.need(count * SECTION_BYTES, table, `table of ${count} ELF section headers`)

  const sections = parseSections(cursor, table, count, namesIndex)
  const symbolTable = sections.find(section => section.type === SHT_SYMTAB)
  const symbols = symbolTable === undefined ? [] : parseSymbols(cursor, sections, symbolTable)
  const relocations = new Map<number, ElfRelocation[]>()
  let relocationBytes = 0
  for (const section of sections) {
    if (section.type !== SHT_REL && section.type !== SHT_RELA) continue
    const target = sections[section.info]
    if (target === undefined || section.info === 0) {
      throw cursor.fail(`relocations of section ${section.info}, which is not there`, table + section.index * SECTION_BYTES + 44)
    }
    // Sections that overlap could make of a small file more records than memory holds.
    relocationBytes += section.size
    if (relocationBytes > bytes.length)
      throw cursor.fail('the relocation sections together are larger than the file', section.offset)
    const known = relocations.get(section.info)
    const list = parseRelocations(cursor, section, symbols.length)
    if (known === undefined) relocations.set(section.info, list)
    else for (const each of list) known.push(each)
  }
  return { little, type, machine, flags, sections, symbols, relocations }
}

function parseSections(cursor: Cursor, table: number, count: number, namesIndex: number): ElfSection[] {
  const raw = []
  for (let index = 0; index < count; index++) {
    cursor.seek(table + index * SECTION_BYTES)
    raw.push({
      nameOffset: cursor.u32(),
      type: cursor.u32(),
      flags: cursor.size64('flags'),
      address: cursor.size64('address'),
      offset: cursor.size64('offset'),
      size: cursor.size64(),
      link: cursor.u32(),
      info: cursor.u32(),
      align: cursor.size64('alignment'),
      entryBytes: cursor.size64('entry size'),
    })
  }
  const nameTable = raw[namesIndex]
  if (nameTable === undefined) throw cursor.fail(`section names stand in section ${namesIndex}, which is not there`, 62)
  if (namesIndex !== 0 && nameTable.type !== SHT_STRTAB)
    throw cursor.fail(`section ${namesIndex} of section names is no string table`, 62)
  const names = namesIndex === 0 ? undefined : tableOf(cursor, nameTable.offset, nameTable.size, 'section names')
  const sections: ElfSection[] = []
  for (const [index, { nameOffset, ...header }] of raw.entries()) {
    const at = table + index * SECTION_BYTES
    const name = names === undefined || header.type === SHT_NULL ? '' : textIn(names, nameOffset, at, `name of section ${index}`)
    const inFile = header.type !== SHT_NOBITS && header.type !== SHT_NULL
    if (header.size > 0xffffffff) throw cursor.fail(`section ${index} ${name} of ${header.size} bytes is too large`, at + 32)
    const data = inFile ? cursor.slice(header.offset, header.size, `section ${index} ${name}`) : new Uint8Array(0)
    sections.push({ index, name, ...header, data })
  }
  return sections
}

function tableOf(cursor: Cursor, offset: number, size: number, what: string): Cursor {
  return new Cursor(cursor.slice(offset, size, what), { code: cursor.code, little: cursor.little, base: offset })
}

/** Every name may begin anywhere in the table: without a bound, many names of one long string would take time without end. */
const MAX_NAME_BYTES = 4096

function textIn(names: Cursor, offset: number, at: number, what: string): string {
  if (offset >= names.length) throw names.fail(`${what} lies beyond its string table`, at - names.base)
  const end = names.bytes.indexOf(0, offset)
  if (end < 0) throw names.fail(`${what} has no end`, offset)
  if (end - offset > MAX_NAME_BYTES) throw names.fail(`${what} is longer than ${MAX_NAME_BYTES} bytes`, offset)
  return decodeText(names.bytes.subarray(offset, end))
}

function parseSymbols(file: Cursor, sections: readonly ElfSection[], table: ElfSection): ElfSymbol[] {
  if (table.entryBytes !== SYMBOL_BYTES)
    throw file.fail(`ELF symbols of ${table.entryBytes} bytes, 24 are expected`, table.offset)
  if (table.size % SYMBOL_BYTES !== 0) throw file.fail(`symbol table of ${table.size} bytes ends inside a symbol`, table.offset)
  const strings = sections[table.link]
  if (strings === undefined || strings.type !== SHT_STRTAB) {
    throw file.fail(`the symbols' names stand in section ${table.link}, which is no string table`, table.offset)
  }
  const names = tableOf(file, strings.offset, strings.size, 'symbol names')
  const cursor = tableOf(file, table.offset, table.size, 'symbols')
  const symbols: ElfSymbol[] = []
  for (let index = 0; index < table.size / SYMBOL_BYTES; index++) {
    const at = table.offset + index * SYMBOL_BYTES
    const nameOffset = cursor.u32()
    const info = cursor.u8()
    const other = cursor.u8()
    const section = cursor.u16()
    const value = cursor.size64('symbol value')
    const size = cursor.size64('symbol size')
    const name = nameOffset === 0 ? '' : textIn(names, nameOffset, at, `name of symbol ${index}`)
    if (section < 0xff00 && section >= sections.length) {
      throw file.fail(`symbol ${index} ${name} stands in section ${section}, which is not there`, at + 6)
    }
    symbols.push({ index, name, value, size, bind: info >> 4, type: info & 15, visibility: other & 3, section })
  }
  return symbols
}

function parseRelocations(file: Cursor, section: ElfSection, symbolCount: number): ElfRelocation[] {
  const withAddend = section.type === SHT_RELA
  const bytes = withAddend ? RELA_BYTES : REL_BYTES
  if (section.entryBytes !== bytes) {
    throw file.fail(`relocations ${section.name} of ${section.entryBytes} bytes each, ${bytes} are expected`, section.offset)
  }
  if (section.size % bytes !== 0) throw file.fail(`relocations ${section.name} end inside a record`, section.offset)
  const cursor = tableOf(file, section.offset, section.size, section.name)
  const list: ElfRelocation[] = []
  while (!cursor.done) {
    const at = cursor.position
    const offset = cursor.size64('relocation offset')
    const info = cursor.u64()
    const symbol = Number(info >> 32n)
    if (symbol >= symbolCount && symbol !== 0)
      throw cursor.fail(`relocation against symbol ${symbol}, which is not there`, at + 8)
    list.push({ offset, type: Number(info & 0xffffffffn), symbol, addend: withAddend ? cursor.s64() : undefined })
  }
  return list
}
