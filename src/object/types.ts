import { encodeBtf, StringTable, typesOf } from '../btf/encode.ts'
import { type Btf, parseBtf } from '../btf/parse.ts'
import { type BtfDatasec, type BtfType, LINKAGE_EXTERN, LINKAGE_GLOBAL, LINKAGE_STATIC } from '../btf/types.ts'
import { STB_LOCAL } from '../elf/constants.ts'
import type { ElfSymbol } from '../elf/parse.ts'
import { NicwrightError } from '../errors.ts'
import { isText, type ObjectFile } from './file.ts'

// The compiler leaves gaps in the BTF that only the object file can fill: sizes of data sections, offsets of global variables.
// And the kernel doesn't take all that the compiler writes: extern functions must be dressed as ordinary ones. Ids never change,
// strings only grow, so that records that refer to them stay right.

const DUMMY = 'dummy_ksym'

/** Extern variables and functions of `.ksyms` and `.kconfig`, as the compiler declared them. */
export interface ExternDeclaration {
  readonly name: string
  readonly section: string
  readonly kind: 'var' | 'func'
  readonly type: number
}

export interface ObjectTypes {
  readonly btf: Btf
  /** The same, as it goes to the kernel. */
  readonly blob: Uint8Array
  readonly externs: readonly ExternDeclaration[]
}

/** Reads .BTF and fills the gaps. `kconfig` places the variables of `.kconfig` in their map. */
export function objectTypes(
  file: ObjectFile,
  kconfig: (btf: Btf, externs: readonly ExternDeclaration[]) => KconfigPlaces,
): ObjectTypes | undefined {
  if (file.btf === undefined) return undefined
  const raw = parseBtf(file.btf.data)
  if (!raw.little)
    throw new NicwrightError('object/byte-order', {
      message: 'the BTF of the object is big-endian',
      at: { offset: file.btf.offset },
    })
  const types = typesOf(raw)
  const globals = new Map(file.elf.symbols.filter(({ bind }) => bind !== STB_LOCAL).map(symbol => [symbol.name, symbol] as const))
  const externs = findExterns(types)
  const places = kconfig(raw, externs)
  let changed = false
  const put = (id: number, type: BtfType): void => {
    types[id - 1] = type
    changed = true
  }
  for (let id = 1; id < raw.count; id++) {
    const type = raw.type(id)
    if (type.kind === 'datasec') {
      const filled = fillDatasec(type, raw, file, globals, places)
      if (filled !== type) put(id, filled)
    }
  }
  hideFunctions(file, types, put)
  if (externs.length > 0) {
    dressExterns(types)
    changed = true
  }
  if (!changed) return { btf: raw, blob: file.btf.data, externs }
  const blob = encodeBtf(types, { strings: new StringTable(stringsOf(raw)) })
  return { btf: parseBtf(blob), blob, externs }
}

/** Offsets of the variables of `.kconfig` by name, and the size of all. */
export interface KconfigPlaces {
  readonly size: number
  readonly offsets: ReadonlyMap<string, number>
}

function stringsOf(btf: Btf): Uint8Array {
  const view = new DataView(btf.bytes.buffer, btf.bytes.byteOffset)
  const start = view.getUint32(4, btf.little) + view.getUint32(16, btf.little)
  return btf.bytes.subarray(start, start + btf.stringBytes)
}

function findExterns(types: readonly BtfType[]): ExternDeclaration[] {
  const externs: ExternDeclaration[] = []
  for (const datasec of types) {
    if (datasec.kind !== 'datasec' || (datasec.name !== '.ksyms' && datasec.name !== '.kconfig')) continue
    for (const each of datasec.vars) {
      const type = types[each.type - 1]
      if (type?.kind === 'var' && type.linkage === LINKAGE_EXTERN) {
        externs.push({ name: type.name, section: datasec.name, kind: 'var', type: type.type })
      } else if (type?.kind === 'func' && type.linkage === LINKAGE_EXTERN) {
        externs.push({ name: type.name, section: datasec.name, kind: 'func', type: type.type })
      }
    }
  }
  return externs
}

function fillDatasec(
  datasec: BtfDatasec,
  btf: Btf,
  file: ObjectFile,
  globals: ReadonlyMap<string, ElfSymbol>,
  places: KconfigPlaces,
): BtfDatasec {
  let { size } = datasec
  let vars = [...datasec.vars]
  if (datasec.name === '.kconfig') {
    size = places.size
    vars = vars.map(each => ({ ...each, offset: places.offsets.get(btf.name(each.type)) ?? 0 }))
  } else if (datasec.name === '.ksyms') {
    vars = vars.map((each, i) => ({ ...each, offset: 4 * i, size: 4 }))
    size = 4 * vars.length
  } else if (size === 0) {
    const section = file.elf.sections.find(each => each.name === datasec.name)
    if (section === undefined) throw gap(`section ${datasec.name}, of which the BTF tells, is not in the object`)
    size = section.size
    vars = vars.map(each => {
      const variable = btf.type(each.type)
      if (variable.kind !== 'var') throw gap(`section ${datasec.name} of the BTF holds something that is no variable`)
      // The offset of a static variable stands there already: it was known to the compiler.
      if (variable.linkage === LINKAGE_STATIC) return each
      const symbol = globals.get(variable.name)
      if (symbol === undefined || symbol.section !== section.index)
        throw gap(`variable ${variable.name} of section ${datasec.name} has no symbol`)
      return { ...each, offset: symbol.value }
    })
  }
  vars.sort((a, b) => a.offset - b.offset)
  const same =
    size === datasec.size &&
    vars.every((each, i) => each.offset === datasec.vars[i]!.offset && each.type === datasec.vars[i]!.type)
  return same ? datasec : { ...datasec, size, vars }
}

function gap(message: string): NicwrightError {
  return new NicwrightError('object/btf', { message })
}

/** A global function that no other object sees is verified together with its callers, as if it were static. */
function hideFunctions(file: ObjectFile, types: readonly BtfType[], put: (id: number, type: BtfType) => void): void {
  const hidden = new Set<string>()
  for (const section of file.code) {
    if (!isText(section)) continue
    for (const each of section.functions) if (each.hidden && !each.local) hidden.add(each.name)
  }
  if (hidden.size === 0) return
  for (const [i, type] of types.entries()) {
    if (type.kind === 'func' && type.linkage === LINKAGE_GLOBAL && hidden.has(type.name))
      put(i + 1, { ...type, linkage: LINKAGE_STATIC })
  }
}

/**
 * The kernel takes no extern declarations: functions become ordinary ones with named arguments, variables become allocated ones,
 * those of the kernel of an `int`, and in `.ksyms` a variable stands in place of each function.
 */
function dressExterns(types: BtfType[]): void {
  let int = types.findIndex(type => type.kind === 'int' && type.bits === 32) + 1
  if (int === 0) int = types.push({ kind: 'int', name: 'int', size: 4, encoding: 1, bitOffset: 0, bits: 32 })
  let dummy = 0
  for (const [i, datasec] of types.entries()) {
    if (datasec.kind !== 'datasec' || (datasec.name !== '.ksyms' && datasec.name !== '.kconfig')) continue
    const vars = datasec.vars.map(each => {
      const type = types[each.type - 1]
      if (type?.kind === 'var' && type.linkage === LINKAGE_EXTERN) {
        types[each.type - 1] = { ...type, type: datasec.name === '.ksyms' ? int : type.type, linkage: LINKAGE_GLOBAL }
        return each
      }
      if (type?.kind !== 'func') return each
      types[each.type - 1] = { ...type, linkage: LINKAGE_GLOBAL }
      const proto = types[type.type - 1]
      if (proto?.kind === 'func_proto') {
        const params = proto.params.map(param => (param.name === '' && param.type !== 0 ? { ...param, name: DUMMY } : param))
        types[type.type - 1] = { ...proto, params }
      }
      if (dummy === 0) dummy = types.push({ kind: 'var', name: DUMMY, type: int, linkage: LINKAGE_GLOBAL })
      return { ...each, type: dummy }
    })
    types[i] = { ...datasec, vars }
  }
}
