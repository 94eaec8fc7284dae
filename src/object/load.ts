import { type BtfExt, parseBtfExt } from '../btf/ext.ts'
import { type LineTable, parseLines } from '../btf/lines.ts'
import { parseBtf } from '../btf/parse.ts'
import type { ElfSymbol } from '../elf/parse.ts'
import { NicwrightError } from '../errors.ts'
import { relocateTypes } from './core.ts'
import { type CodeFunction, functionAt, isText, type ObjectFile, readFile, sectionText } from './file.ts'
import { globalMap, objectName } from './globals.ts'
import { kconfigMap, placeKconfig } from './kconfig.ts'
import { legacyMaps } from './legacy.ts'
import { isSectionSymbol, isWeak, link, linkedRecords, type Reference, type References } from './link.ts'
import { type DeclaredMap, declaredMaps } from './maps.ts'
import { sectionMeaning } from './section-table.ts'
import type { LoadOptions, ObjectMap, ObjectProgram, ObjectSpec } from './spec.ts'
import { type ObjectTypes, objectTypes } from './types.ts'

/** All programs of an object together; each has its own copies of the functions that it shares with others. */
const MAX_SLOTS = 1 << 22

/**
 * What an object file asks for: its programs, linked and relocated, and its maps. Nothing is created and nothing verified.
 * Throws `elf/bad`, `btf/bad`, `btf/bad-ext` for files that are damaged, `object/…` for those that cannot be loaded.
 */
export function loadObject(bytes: Uint8Array, options: LoadOptions = {}): ObjectSpec {
  const file = readFile(bytes)
  const name = objectName(options.name ?? 'object')
  const types = objectTypes(file, placeKconfig)
  const ext = types !== undefined && file.btfExt !== undefined ? parseBtfExt(file.btfExt.data, types.btf) : undefined
  const notes = [...file.notes]
  if (types === undefined)
    notes.push('the object has no BTF: lines of C and the types of keys and values are unknown (compile with -g)')
  const maps = new MapTable(file, name, types, options)
  if (types !== undefined && ext !== undefined) {
    relocateTypes(file, types.btf, ext.coreRelo, options.kernelBtf)
  }

  const programs: ObjectProgram[] = []
  let slots = 0
  for (const section of file.code) {
    // What stands in .text is called by programs and is none itself.
    if (isText(section)) continue
    if (section.functions.length === 0)
      throw new NicwrightError('object/symbol', { message: `no function begins in section ${section.name}` })
    for (const each of section.functions) {
      // Static functions outside of .text are only reached by calls.
      if (each.local) continue
      const program = makeProgram(file, each, maps, types, ext)
      slots += program.insns.count
      if (slots > MAX_SLOTS)
        throw new NicwrightError('object/size', { message: `the programs together have more than ${MAX_SLOTS} instructions` })
      programs.push(program)
    }
  }
  if (programs.length === 0) {
    const text = file.code.find(isText)
    const message =
      text === undefined
        ? 'the object holds no program'
        : 'the object holds functions but no program: a program stands in a section of its own, such as SEC("xdp")'
    throw new NicwrightError('object/no-program', { message })
  }
  const version =
    file.version !== undefined && file.version.data.length >= 4
      ? new DataView(file.version.data.slice(0, 4).buffer).getUint32(0, true)
      : 0
  for (const each of programs) {
    if (each.type === 0)
      notes.push(`the section name '${each.section}' of program ${each.name} does not say what type of program it is`)
  }
  return {
    name,
    license: sectionText(file.license),
    version,
    ...(types === undefined ? {} : { btf: types.blob }),
    maps: maps.filled(),
    programs,
    notes,
  }
}

function makeProgram(
  file: ObjectFile,
  main: CodeFunction,
  maps: MapTable,
  types: ObjectTypes | undefined,
  ext: BtfExt | undefined,
): ObjectProgram {
  const { insns, functions, kfuncs } = link(file, main, maps)
  const meaning = sectionMeaning(main.section.name)
  const funcInfo = ext === undefined ? undefined : linkedRecords(ext, ext.funcInfo, functions)
  // Without the functions' types the kernel takes no lines either.
  const lineInfo = ext === undefined || funcInfo === undefined ? undefined : linkedRecords(ext, ext.lineInfo, functions)
  return {
    name: main.name,
    section: meaning.autoload ? main.section.name : main.section.name.slice(1),
    type: meaning.type,
    expectedAttachType: meaning.attachType,
    flags: meaning.flags,
    autoload: meaning.autoload,
    target: meaning.target,
    license: sectionText(file.license),
    insns,
    functions: functions.map(({ code, insn }) => ({ name: code.name, section: code.section.name, insn, count: code.count })),
    ...(kfuncs.length === 0 ? {} : { kfuncs }),
    ...(types === undefined ? {} : { btf: types.blob }),
    ...(ext === undefined || funcInfo === undefined ? {} : { funcInfo, funcInfoRecordBytes: ext.funcInfo.recordBytes }),
    ...(ext === undefined || lineInfo === undefined ? {} : { lineInfo, lineInfoRecordBytes: ext.lineInfo.recordBytes }),
  }
}

/** The object's maps: those that the source declares, then its global data, then configuration values. */
class MapTable implements References {
  readonly #file: ObjectFile
  readonly #declared: readonly DeclaredMap[]
  readonly #maps: ObjectMap[]
  /** Index of a declared map by section and offset. */
  readonly #byPlace = new Map<string, number>()
  /** Index of the map of a section of data. */
  readonly #bySection = new Map<number, number>()
  readonly #kconfig: { readonly index: number; readonly offsets: ReadonlyMap<string, number> } | undefined
  readonly #externs: ReadonlyMap<string, 'var' | 'func'>

  constructor(file: ObjectFile, name: string, types: ObjectTypes | undefined, options: LoadOptions) {
    this.#file = file
    const cpus = options.cpus ?? 2
    const declared: DeclaredMap[] = []
    if (file.legacyMaps !== undefined && file.legacyMaps.size > 0) {
      declared.push(...legacyMaps(file.legacyMaps, file.elf.symbols, types?.btf, types?.blob, cpus))
    }
    if (file.maps !== undefined && file.maps.size > 0) {
      if (types === undefined) {
        throw new NicwrightError('object/no-btf', {
          message: 'the maps of the section .maps are described in BTF, and the object has none: compile with -g',
        })
      }
      declared.push(...declaredMaps(types.btf, types.blob, file.maps, cpus))
    }
    this.#declared = declared
    this.#maps = declared.map(each => each.map)
    for (const [i, { section, offset }] of declared.entries()) this.#byPlace.set(`${section}:${offset}`, i)
    for (const data of file.data) {
      if (data.section.size === 0) continue
      this.#bySection.set(data.section.index, this.#maps.length)
      this.#maps.push(globalMap(data, name, types?.btf, types?.blob))
    }
    this.#externs = new Map(types?.externs.map(each => [each.name, each.kind] as const))
    if (types !== undefined) {
      const weak = new Set(file.elf.symbols.filter(isWeak).map(symbol => symbol.name))
      const map = kconfigMap(types.btf, types.blob, types.externs, name, options, each => weak.has(each))
      if (map !== undefined) {
        this.#kconfig = { index: this.#maps.length, offsets: placeKconfig(types.btf, types.externs).offsets }
        this.#maps.push(map)
      }
    }
  }

  data(symbol: ElfSymbol, addend: number): Reference | undefined {
    const declared = this.#mapAt(symbol, addend)
    if (declared !== undefined) return { map: declared, offset: undefined }
    const map = this.#bySection.get(symbol.section)
    return map === undefined ? undefined : { map, offset: (symbol.value + addend) | 0 }
  }

  #mapAt(symbol: ElfSymbol, addend: number): number | undefined {
    const section = symbol.section
    if (section !== this.#file.maps?.index && section !== this.#file.legacyMaps?.index) return undefined
    const offset = symbol.value + (isSectionSymbol(symbol) ? addend : 0)
    const found = this.#byPlace.get(`${section}:${offset}`)
    if (found === undefined) {
      throw new NicwrightError('object/relocation', {
        message: `no map begins at byte ${offset} of section ${this.#file.elf.sections[section]?.name}`,
      })
    }
    return found
  }

  extern(symbol: ElfSymbol): Reference | 'zero' {
    const offset = this.#kconfig?.offsets.get(symbol.name)
    if (offset !== undefined) return { map: this.#kconfig!.index, offset }
    if (isWeak(symbol)) return 'zero'
    const declared = this.#externs.has(symbol.name)
    throw new NicwrightError('object/extern', {
      message: `the program refers to '${symbol.name}', ${declared ? 'a symbol of a running kernel' : 'which is defined nowhere'}`,
      notes: declared
        ? ['declare it __weak: its address is 0 where the kernel does not have it']
        : ['link the object that defines it: bpftool gen object'],
    })
  }

  kfunc(symbol: ElfSymbol): boolean {
    return symbol.section === 0 && this.#externs.get(symbol.name) === 'func'
  }

  /** The maps with what the source puts into slots of maps of maps and program arrays. */
  filled(): ObjectMap[] {
    const section = this.#file.maps
    const relocations = section === undefined ? undefined : this.#file.elf.relocations.get(section.index)
    const slots = new Map<number, [number, number | string][]>()
    for (const { offset, symbol: number } of relocations ?? []) {
      const symbol = this.#file.elf.symbols[number]
      const index = this.#declared.findLastIndex(each => each.section === section?.index && each.offset <= offset)
      const outer = this.#declared[index]
      if (symbol === undefined || outer?.slotsAt === undefined || offset < outer.offset + outer.slotsAt || offset % 8 !== 0) {
        throw new NicwrightError('object/map', { message: `a relocation at byte ${offset} of .maps belongs to no slot of a map` })
      }
      const slot = (offset - outer.offset - outer.slotsAt) / 8
      const list = slots.get(index) ?? []
      list.push([slot, this.#slotContent(outer.map, symbol)])
      slots.set(index, list)
    }
    return this.#maps.map((map, i) => (slots.has(i) ? { ...map, slots: slots.get(i)! } : map))
  }

  #slotContent(outer: ObjectMap, symbol: ElfSymbol): number | string {
    const inner = outer.inner === undefined ? undefined : this.#mapAt(symbol, 0)
    if (inner !== undefined) return inner
    const code = this.#file.code.find(section => section.index === symbol.section)
    const found = code === undefined ? undefined : functionAt(code, symbol.value / 8)
    if (outer.inner !== undefined || found === undefined) {
      throw new NicwrightError('object/map', {
        message: `map '${outer.name}': the value '${symbol.name}' is neither a map nor a program`,
      })
    }
    return found.name
  }
}

const lineTables = new WeakMap<Uint8Array, LineTable>()

/** The lines of C of a program's instructions; undefined where the object has none. */
export function programLines(program: {
  readonly btf?: Uint8Array
  readonly lineInfo?: Uint8Array
  readonly lineInfoRecordBytes?: number
}): LineTable | undefined {
  const { btf, lineInfo, lineInfoRecordBytes } = program
  if (btf === undefined || lineInfo === undefined || lineInfoRecordBytes === undefined) return undefined
  const known = lineTables.get(lineInfo)
  if (known !== undefined) return known
  const table = parseLines(parseBtf(btf), lineInfo, lineInfoRecordBytes)
  lineTables.set(lineInfo, table)
  return table
}
