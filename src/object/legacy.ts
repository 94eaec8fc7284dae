import { BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS } from '../bpf/map-type-table.ts'
import type { Btf } from '../btf/parse.ts'
import { sizeOf } from '../btf/resolve.ts'
import { Cursor } from '../bytes/cursor.ts'
import { STT_FUNC, STT_SECTION } from '../elf/constants.ts'
import type { ElfSection, ElfSymbol } from '../elf/parse.ts'
import { NicwrightError } from '../errors.ts'
import { type DeclaredMap, defaultEntries, keepsBtf } from './maps.ts'
import type { ObjectMap } from './spec.ts'

// Section `maps`, from before BTF: one struct after the other, all of the same size, each named by a symbol. Five words mean the
// same everywhere (type, key size, value size, entries, flags). Loaders went on differently: nine words are iproute2's, with an id,
// pinning, and the id of the inner map.

const KNOWN_WORDS = 5
const IPROUTE2_WORDS = 9
/** iproute2's PIN_GLOBAL_NS and PIN_OBJECT_NS; the global one is what libbpf calls pinning by name. */
const PIN_GLOBAL = 2

function fail(message: string, section: ElfSection, offset = 0): NicwrightError {
  return new NicwrightError('object/map', { message: `section maps: ${message}`, at: { offset: section.offset + offset } })
}

export function legacyMaps(
  section: ElfSection,
  symbols: readonly ElfSymbol[],
  btf: Btf | undefined,
  blob: Uint8Array | undefined,
  cpus: number,
): DeclaredMap[] {
  const names = symbols
    .filter(each => each.section === section.index && each.name !== '' && each.type !== STT_SECTION && each.type !== STT_FUNC)
    .sort((a, b) => a.value - b.value)
  if (names.length === 0) throw fail(`${section.size} bytes without a symbol`, section)
  const bytes = section.size / names.length
  if (!Number.isInteger(bytes) || bytes < KNOWN_WORDS * 4 || bytes % 4 !== 0) {
    throw fail(`${section.size} bytes are no ${names.length} definitions of one size, 20 bytes at least`, section)
  }
  const cursor = new Cursor(section.data, { code: 'object/map', base: section.offset })
  const rows = names.map((symbol, i) => {
    if (symbol.value !== i * bytes)
      throw fail(`map '${symbol.name}' stands at byte ${symbol.value}, ${i * bytes} is expected`, section, symbol.value)
    cursor.seek(symbol.value)
    const words = Array.from({ length: bytes / 4 }, () => cursor.u32())
    const more = words.slice(KNOWN_WORDS)
    if (words.length !== IPROUTE2_WORDS && more.some(word => word !== 0)) {
      throw fail(
        `map '${symbol.name}' has ${words.length} words, and those after the fifth are not zero: what they mean is unknown`,
        section,
        symbol.value,
      )
    }
    return { symbol, words }
  })
  const maps = rows.map(({ symbol, words }): ObjectMap => {
    const [type, keySize, valueSize, maxEntries, flags, , pinning] = words as [
      number,
      number,
      number,
      number,
      number,
      ...number[],
    ]
    const types = keepsBtf(type) ? annotated(btf, symbol.name, keySize, valueSize) : undefined
    return {
      name: symbol.name,
      section: section.name,
      type,
      keySize,
      valueSize,
      maxEntries: defaultEntries(type, maxEntries, cpus),
      flags,
      ...(pinning === PIN_GLOBAL ? { pinning: 1 } : {}),
      ...(types !== undefined && blob !== undefined ? { btf: blob, ...types } : {}),
    }
  })
  return maps.map((map, i) => ({
    map: withInner(map, i, maps, rows, section),
    section: section.index,
    offset: rows[i]!.symbol.value,
    slotsAt: undefined,
  }))
}

/** iproute2: the inner map is the one whose id the outer names; it also fills the slot that the inner's index names. */
function withInner(
  map: ObjectMap,
  at: number,
  maps: readonly ObjectMap[],
  rows: readonly { readonly words: readonly number[] }[],
  section: ElfSection,
): ObjectMap {
  if (map.type !== BPF_MAP_TYPE_ARRAY_OF_MAPS && map.type !== BPF_MAP_TYPE_HASH_OF_MAPS) return map
  const wanted = rows[at]!.words[7] ?? 0
  const inner = wanted === 0 ? -1 : rows.findIndex(({ words }, i) => i !== at && words[5] === wanted)
  const template = maps[inner]
  if (template === undefined) throw fail(`map of maps '${map.name}' does not say what its inner maps look like`, section)
  const { name: _, section: __, pinning: ___, ...shape } = template
  const slot = rows[inner]!.words[8] ?? 0
  const slots = map.type === BPF_MAP_TYPE_ARRAY_OF_MAPS && slot < map.maxEntries ? ([[slot, inner]] as const) : undefined
  return { ...map, inner: { ...shape, name: `${map.name}.inner` }, ...(slots === undefined ? {} : { slots }) }
}

/** Types of a legacy map that was annotated with a struct `____btf_map_<name>` of a key and a value. */
function annotated(
  btf: Btf | undefined,
  name: string,
  keySize: number,
  valueSize: number,
): { btfKey: number; btfValue: number } | undefined {
  const id = btf?.named(`____btf_map_${name}`, 'struct')[0]
  if (btf === undefined || id === undefined) return undefined
  const struct = btf.type(id)
  if (struct.kind !== 'struct') return undefined
  const [key, value] = struct.members
  if (key === undefined || value === undefined) return undefined
  if (sizeOf(btf, key.type) !== keySize || sizeOf(btf, value.type) !== valueSize) return undefined
  return { btfKey: key.type, btfValue: value.type }
}
