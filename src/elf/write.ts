import { concat, encodeText, Writer } from '../bytes/writer.ts'
import {
  ELFCLASS64,
  ELFDATA2LSB,
  ELFDATA2MSB,
  ET_REL,
  SHT_NOBITS,
  SHT_REL,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  STB_LOCAL,
} from './constants.ts'
import type { ElfRelocation, ElfSymbol } from './parse.ts'

// The other direction, for relocatable objects: sections, symbols and relocations in, a file out. The writer adds what only
// serves the format: the empty first section and symbol, the string tables, the relocation sections.

export interface NewSection {
  readonly name: string
  readonly type: number
  readonly flags: number
  readonly data: Uint8Array
  /** Of SHT_NOBITS, whose data is empty. */
  readonly size?: number
  readonly align?: number
  readonly entryBytes?: number
}

export type NewSymbol = Omit<ElfSymbol, 'index'>

export interface NewElf {
  readonly little?: boolean
  readonly type?: number
  readonly machine: number
  readonly flags?: number
  /** They get the indices 1, 2, … */
  readonly sections: readonly NewSection[]
  /** They get the indices 1, 2, …; local ones must come first. `section` counts as above. */
  readonly symbols: readonly NewSymbol[]
  /** By section index. A list with addends becomes SHT_RELA. */
  readonly relocations?: ReadonlyMap<number, readonly ElfRelocation[]>
}

class Names {
  readonly #parts: Uint8Array[] = [new Uint8Array(1)]
  readonly #offsets = new Map<string, number>([['', 0]])
  #length = 1

  add(name: string): number {
    const known = this.#offsets.get(name)
    if (known !== undefined) return known
    const bytes = encodeText(`${name}\0`)
    const at = this.#length
    this.#parts.push(bytes)
    this.#length += bytes.length
    this.#offsets.set(name, at)
    return at
  }

  finish(): Uint8Array {
    return concat(this.#parts)
  }
}

interface Row {
  readonly name: string
  readonly type: number
  readonly flags: number
  readonly data: Uint8Array
  readonly size: number
  readonly link: number
  readonly info: number
  readonly align: number
  readonly entryBytes: number
}

export function writeElf(elf: NewElf): Uint8Array {
  const little = elf.little ?? true
  const relocated = [...(elf.relocations ?? [])].filter(([, list]) => list.length > 0)
  const symbolTable = elf.sections.length + relocated.length + 1
  const rows: Row[] = elf.sections.map(section => ({
    name: section.name,
    type: section.type,
    flags: section.flags,
    data: section.data,
    size: section.type === SHT_NOBITS ? (section.size ?? 0) : section.data.length,
    link: 0,
    info: 0,
    align: section.align ?? 1,
    entryBytes: section.entryBytes ?? 0,
  }))
  for (const [target, list] of relocated) {
    const withAddend = list.some(each => each.addend !== undefined)
    const out = new Writer({ little })
    for (const each of list) {
      out.u64(each.offset).u64((BigInt(each.symbol) << 32n) | BigInt(each.type >>> 0))
      if (withAddend) out.u64(each.addend ?? 0n)
    }
    const data = out.finish()
    const name = `${withAddend ? '.rela' : '.rel'}${elf.sections[target - 1]?.name ?? ''}`
    const type = withAddend ? SHT_RELA : SHT_REL
    rows.push({
      name,
      type,
      flags: 0,
      data,
      size: data.length,
      link: symbolTable,
      info: target,
      align: 8,
      entryBytes: withAddend ? 24 : 16,
    })
  }
  const symbolNames = new Names()
  const symbols = new Writer({ little })
  symbols.zeros(24)
  for (const symbol of elf.symbols) {
    symbols.u32(symbolNames.add(symbol.name)).u8((symbol.bind << 4) | symbol.type)
    symbols.u8(symbol.visibility).u16(symbol.section).u64(symbol.value).u64(symbol.size)
  }
  const firstGlobal = elf.symbols.findIndex(symbol => symbol.bind !== STB_LOCAL)
  const data = symbols.finish()
  const info = 1 + (firstGlobal < 0 ? elf.symbols.length : firstGlobal)
  rows.push({
    name: '.symtab',
    type: SHT_SYMTAB,
    flags: 0,
    data,
    size: data.length,
    link: symbolTable + 1,
    info,
    align: 8,
    entryBytes: 24,
  })
  rows.push(stringRow('.strtab', symbolNames.finish()))
  const names = new Names()
  const nameOffsets = rows.map(row => names.add(row.name))
  nameOffsets.push(names.add('.shstrtab'))
  rows.push(stringRow('.shstrtab', names.finish()))
  return layOut(elf, little, rows, nameOffsets)
}

function stringRow(name: string, data: Uint8Array): Row {
  return { name, type: SHT_STRTAB, flags: 0, data, size: data.length, link: 0, info: 0, align: 1, entryBytes: 0 }
}

function layOut(elf: NewElf, little: boolean, rows: readonly Row[], nameOffsets: readonly number[]): Uint8Array {
  const out = new Writer({ little, capacity: 4096 })
  out.bytes(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, ELFCLASS64, little ? ELFDATA2LSB : ELFDATA2MSB, 1, 0)).zeros(8)
  out
    .u16(elf.type ?? ET_REL)
    .u16(elf.machine)
    .u32(1)
    .u64(0)
    .u64(0)
    .u64(0)
  out
    .u32(elf.flags ?? 0)
    .u16(64)
    .u16(0)
    .u16(0)
    .u16(64)
  out.u16(rows.length + 1).u16(rows.length)
  const offsets = rows.map(row => {
    out.align(Math.max(1, row.align))
    const at = out.length
    if (row.type !== SHT_NOBITS) out.bytes(row.data)
    return at
  })
  out.align(8).patch64(40, out.length).zeros(64)
  for (const [i, row] of rows.entries()) {
    out.u32(nameOffsets[i]!).u32(row.type).u64(row.flags).u64(0).u64(offsets[i]!).u64(row.size)
    out.u32(row.link).u32(row.info).u64(row.align).u64(row.entryBytes)
  }
  return out.finish()
}
