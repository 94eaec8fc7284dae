import { decodeInsns } from '../bpf/decode.ts'
import type { Insns } from '../bpf/insns.ts'
import {
  ELFDATA2MSB,
  EM_BPF,
  EM_NAMES,
  EM_NONE,
  ET_NAMES,
  ET_REL,
  SHF_EXECINSTR,
  SHT_NOBITS,
  SHT_PROGBITS,
  STB_LOCAL,
  STT_FUNC,
  STT_NOTYPE,
  STV_HIDDEN,
  STV_INTERNAL,
} from '../elf/constants.ts'
import { type Elf, type ElfRelocation, type ElfSection, type ElfSymbol, parseElf } from '../elf/parse.ts'
import { NicwrightError } from '../errors.ts'

// The sections of a BPF object sorted by what they are for.

export interface CodeFunction {
  readonly name: string
  readonly section: CodeSection
  /** First slot in its section, and the number of slots. */
  readonly start: number
  readonly count: number
  readonly local: boolean
  /** Hidden or internal: verified with its callers although it is global. */
  readonly hidden: boolean
}

export interface CodeSection {
  readonly index: number
  readonly name: string
  readonly insns: Insns
  /** By start, none overlapping. */
  readonly functions: readonly CodeFunction[]
  /** By slot. */
  readonly relocations: ReadonlyMap<number, ElfRelocation>
}

export interface DataSection {
  readonly section: ElfSection
  readonly kind: 'data' | 'rodata' | 'bss'
}

export interface ObjectFile {
  readonly elf: Elf
  readonly code: readonly CodeSection[]
  readonly data: readonly DataSection[]
  readonly maps: ElfSection | undefined
  readonly legacyMaps: ElfSection | undefined
  readonly license: ElfSection | undefined
  readonly version: ElfSection | undefined
  readonly btf: ElfSection | undefined
  readonly btfExt: ElfSection | undefined
  readonly notes: readonly string[]
}

function fail(code: string, message: string, offset?: number): NicwrightError {
  return new NicwrightError(code, offset === undefined ? { message } : { message, at: { offset } })
}

/** A whole program or an object of another machine is told as such, before its sections are looked at by the rules of ours. */
function refuseOthers(bytes: Uint8Array): void {
  const elf64 = bytes.length >= 20 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
  if (!elf64) return
  const little = bytes[5] !== ELFDATA2MSB
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const machine = view.getUint16(18, little)
  if (machine === EM_BPF || machine === EM_NONE) return
  const name = EM_NAMES[machine] ?? `machine ${machine}`
  throw fail('object/machine', `the object is for ${name}, not for eBPF: compile with clang -target bpf -c`, 18)
}

/** Reads the file and sorts its sections; throws `elf/bad` or `object/…`. */
export function readFile(bytes: Uint8Array): ObjectFile {
  refuseOthers(bytes)
  const elf = parseElf(bytes)
  if (elf.type !== ET_REL) {
    throw fail(
      'object/not-relocatable',
      `an eBPF object is relocatable (clang -c); this ELF file is: ${ET_NAMES[elf.type] ?? elf.type}`,
      16,
    )
  }
  if (!elf.little) throw fail('object/byte-order', 'the object is for big-endian eBPF: compile with -target bpfel', 5)

  const code: CodeSection[] = []
  const data: DataSection[] = []
  const notes: string[] = []
  const named = new Map<string, ElfSection>()
  for (const section of elf.sections) {
    const { name, type } = section
    if (type === SHT_PROGBITS && (section.flags & SHF_EXECINSTR) !== 0) {
      if (section.size > 0) code.push(readCode(elf, section))
      continue
    }
    const kind = dataKind(name, type)
    if (kind !== undefined) data.push({ section, kind })
    else if (type === SHT_PROGBITS && name !== '' && !named.has(name)) named.set(name, section)
    if (kind !== undefined && kind !== 'bss' && elf.relocations.has(section.index)) {
      notes.push(`the relocations of ${name} are not applied: addresses in global data stay as the compiler wrote them`)
    }
  }
  return {
    elf,
    code,
    data,
    maps: named.get('.maps'),
    legacyMaps: named.get('maps'),
    license: named.get('license'),
    version: named.get('version'),
    btf: named.get('.BTF'),
    btfExt: named.get('.BTF.ext'),
    notes,
  }
}

function dataKind(name: string, type: number): DataSection['kind'] | undefined {
  if (type === SHT_NOBITS) return name === '.bss' || name.startsWith('.bss.') ? 'bss' : undefined
  if (type !== SHT_PROGBITS) return undefined
  if (name === '.data' || name.startsWith('.data.')) return 'data'
  if (name === '.rodata' || name.startsWith('.rodata.')) return 'rodata'
  return undefined
}

function readCode(elf: Elf, section: ElfSection): CodeSection {
  if (section.size % 8 !== 0) {
    throw fail(
      'object/code',
      `section ${section.name} of ${section.size} bytes is no whole number of instructions`,
      section.offset,
    )
  }
  const relocations = new Map<number, ElfRelocation>()
  for (const each of elf.relocations.get(section.index) ?? []) {
    if (each.offset % 8 !== 0 || each.offset >= section.size) {
      throw fail(
        'object/relocation',
        `a relocation of section ${section.name} stands at byte ${each.offset}, where no instruction begins`,
      )
    }
    relocations.set(each.offset / 8, each)
  }
  const functions: CodeFunction[] = []
  const code: CodeSection = { index: section.index, name: section.name, insns: decodeInsns(section.data), functions, relocations }
  const symbols = functionSymbols(elf, section)
  for (const [i, symbol] of symbols.entries()) {
    // Old compilers gave functions neither a type nor a size: such a one goes on to the next.
    const bytes = symbol.type === STT_FUNC ? symbol.size : (symbols[i + 1]?.value ?? section.size) - symbol.value
    if (symbol.value % 8 !== 0 || bytes % 8 !== 0 || bytes === 0 || symbol.value + bytes > section.size) {
      throw fail(
        'object/symbol',
        `function ${symbol.name} takes the bytes ${symbol.value} to ${symbol.value + bytes} of section ${section.name} of ${section.size}`,
      )
    }
    functions.push({
      name: symbol.name,
      section: code,
      start: symbol.value / 8,
      count: bytes / 8,
      local: symbol.bind === STB_LOCAL,
      hidden: symbol.visibility === STV_HIDDEN || symbol.visibility === STV_INTERNAL,
    })
  }
  for (const [i, each] of functions.entries()) {
    const next = functions[i + 1]
    if (next !== undefined && next.start < each.start + each.count) {
      throw fail('object/symbol', `functions ${each.name} and ${next.name} of section ${section.name} overlap`)
    }
  }
  return code
}

function functionSymbols(elf: Elf, section: ElfSection): ElfSymbol[] {
  const here = elf.symbols.filter(symbol => symbol.section === section.index)
  let symbols = here.filter(symbol => symbol.type === STT_FUNC)
  if (symbols.length === 0) symbols = here.filter(symbol => symbol.type === STT_NOTYPE && symbol.bind !== STB_LOCAL)
  return symbols.sort((a, b) => a.value - b.value)
}

/** Whether a section holds functions that are only called: `.text`, or its parts where each function got a section of its own. */
export function isText(section: CodeSection): boolean {
  return section.name === '.text' || section.name.startsWith('.text.')
}

/** The function of a section that contains a slot. */
export function functionAt(section: CodeSection, slot: number): CodeFunction | undefined {
  let low = 0
  let high = section.functions.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (section.functions[middle]!.start <= slot) low = middle + 1
    else high = middle
  }
  const found = section.functions[low - 1]
  return found !== undefined && slot < found.start + found.count ? found : undefined
}

/** The text of a section up to its first zero byte. */
export function sectionText(section: ElfSection | undefined): string {
  if (section === undefined) return ''
  const end = section.data.indexOf(0)
  return new TextDecoder().decode(end < 0 ? section.data : section.data.subarray(0, end))
}
