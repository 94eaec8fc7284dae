// A program with its maps as one JSON object, the form of the batch interface and of recorded answers (docs/batch.md): instructions
// as hex words, maps as small objects, blobs as hex. An ld_imm64 that refers to a map carries the map's index in its imm.

import { fromHex, toHex } from '../bytes/hex.ts'
import { NicwrightError } from '../errors.ts'
import { decodeInsns } from './decode.ts'
import { encodeInsns } from './encode.ts'
import { mapTypeNumber } from './map-type-table.ts'
import { progTypeNumber } from './prog-type-table.ts'
import type { MapSpec, Program } from './program.ts'

export interface ProgramRecord {
  readonly program: Program
  readonly maps: readonly MapSpec[]
  /** For each map, whether it stands on the host though the program is bound to a device. */
  readonly hostMaps: readonly boolean[]
}

type Json = Readonly<Record<string, unknown>>

const MAX_INSNS = 1_000_000
const MAX_MAPS = 4096

/**
 * Reads a record. Fields that it doesn't know are ignored.
 * @throws NicwrightError `record/…` that names the field.
 */
export function readRecord(json: unknown): ProgramRecord {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw bad('record', 'is no JSON object')
  const record = json as Json
  const type = record.prog_type ?? 'xdp'
  const progType = typeof type === 'string' || typeof type === 'number' ? progTypeNumber(type) : undefined
  if (progType === undefined) throw bad('prog_type', `${JSON.stringify(type)} is no program type`)
  const maps = list(record.maps, 'maps', MAX_MAPS)
  const program: Program = {
    name: string(record.name, 'name', ''),
    type: progType,
    expectedAttachType: integer(record.expected_attach_type, 'expected_attach_type', 0),
    flags: integer(record.prog_flags, 'prog_flags', 0),
    license: string(record.license, 'license', 'GPL'),
    insns: decodeInsns(words(record.insns)),
    ...optional('kfuncs', record.kfuncs, kfuncs),
    ...optional('btf', record.btf, blob('btf')),
    ...optional('funcInfo', record.func_info, blob('func_info')),
    ...optional('funcInfoRecordBytes', record.func_info_rec, v => integer(v, 'func_info_rec', 8)),
    ...optional('lineInfo', record.line_info, blob('line_info')),
    ...optional('lineInfoRecordBytes', record.line_info_rec, v => integer(v, 'line_info_rec', 16)),
  }
  return {
    program,
    maps: maps.map((map, i) => mapSpec(map, `maps[${i}]`, 0)),
    hostMaps: maps.map(map => (map as Json).host === true || (map as Json).host === 1),
  }
}

/** The inverse of readRecord, as an object for JSON. Fields that stand at their default are left out. */
export function writeRecord({ program, maps, hostMaps }: ProgramRecord): Json {
  const hex = toHex(encodeInsns(program.insns))
  return defined({
    name: program.name,
    prog_type: program.type,
    expected_attach_type: program.expectedAttachType || undefined,
    prog_flags: program.flags || undefined,
    license: program.license,
    insns: hex.match(/.{16}/g) ?? [],
    maps: maps.map((map, i) => ({ ...writeMap(map), ...(hostMaps[i] === true ? { host: true } : {}) })),
    kfuncs: program.kfuncs,
    btf: program.btf && toHex(program.btf),
    func_info: program.funcInfo && toHex(program.funcInfo),
    func_info_rec: program.funcInfoRecordBytes,
    line_info: program.lineInfo && toHex(program.lineInfo),
    line_info_rec: program.lineInfoRecordBytes,
  })
}

function writeMap(map: MapSpec): Json {
  return defined({
    type: map.type,
    name: map.name || undefined,
    key_size: map.keySize,
    value_size: map.valueSize,
    max_entries: map.maxEntries,
    map_flags: map.flags || undefined,
    extra: map.extra === undefined ? undefined : Number(map.extra),
    btf: map.btf && toHex(map.btf),
    btf_key: map.btfKey,
    btf_value: map.btfValue,
    inner: map.inner && writeMap(map.inner),
    init: map.init?.map(({ key, value }) => ({ key: toHex(key), value: toHex(value) })),
    frozen: map.frozen,
    prog_array: map.filled,
  })
}

function defined(fields: Record<string, unknown>): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function words(value: unknown): Uint8Array {
  if (typeof value === 'string') return fromHex(value.replace(/\s+/g, ''), 'record/insns')
  const items = list(value, 'insns', MAX_INSNS)
  if (value === undefined) throw bad('insns', 'is missing')
  const bytes = new Uint8Array(items.length * 8)
  items.forEach((item, i) => {
    if (typeof item !== 'string' || item.length !== 16) throw bad(`insns[${i}]`, 'is not a string of 16 hex digits')
    bytes.set(fromHex(item, 'record/insns'), i * 8)
  })
  return bytes
}

function mapSpec(value: unknown, where: string, depth: number): MapSpec {
  if (typeof value !== 'object' || value === null) throw bad(where, 'is no map')
  if (depth > 4) throw bad(where, 'has inner maps nested too deeply')
  const map = value as Json
  const type = typeof map.type === 'string' || typeof map.type === 'number' ? mapTypeNumber(map.type) : undefined
  if (type === undefined) throw bad(`${where}.type`, `${JSON.stringify(map.type)} is no map type`)
  return {
    name: string(map.name, `${where}.name`, ''),
    type,
    keySize: integer(map.key_size, `${where}.key_size`, 0),
    valueSize: integer(map.value_size, `${where}.value_size`, 0),
    maxEntries: integer(map.max_entries, `${where}.max_entries`, 0),
    flags: integer(map.map_flags, `${where}.map_flags`, 0),
    ...optional('extra', map.extra, v => BigInt(integer(v, `${where}.extra`, 0))),
    ...optional('btf', map.btf, blob(`${where}.btf`)),
    ...optional('btfKey', map.btf_key, v => integer(v, `${where}.btf_key`, 0)),
    ...optional('btfValue', map.btf_value, v => integer(v, `${where}.btf_value`, 0)),
    ...optional('inner', map.inner, v => mapSpec(v, `${where}.inner`, depth + 1)),
    ...optional('init', map.init, v =>
      list(v, `${where}.init`, MAX_INSNS).map((entry, i) => element(entry, `${where}.init[${i}]`)),
    ),
    ...optional('frozen', map.frozen, v => v === true || v === 1),
    ...optional('filled', map.prog_array, v => v !== false && v !== 0),
  }
}

function element(value: unknown, where: string): { key: Uint8Array; value: Uint8Array } {
  const entry = (typeof value === 'object' && value !== null ? value : {}) as Json
  return { key: blob(`${where}.key`)(entry.key), value: blob(`${where}.value`)(entry.value) }
}

function kfuncs(value: unknown): (readonly [number, string])[] {
  return list(value, 'kfuncs', MAX_INSNS).map((item, i) => {
    if (!Array.isArray(item) || typeof item[0] !== 'number' || typeof item[1] !== 'string') {
      throw bad(`kfuncs[${i}]`, 'is not [instruction index, name]')
    }
    return [item[0], item[1]]
  })
}

function optional<K extends string, T>(name: K, value: unknown, read: (value: unknown) => T): { [P in K]?: T } {
  return value === undefined || value === null ? {} : ({ [name]: read(value) } as { [P in K]?: T })
}

function blob(where: string): (value: unknown) => Uint8Array {
  return value => {
    if (typeof value !== 'string') throw bad(where, 'is no hex string')
    return fromHex(value, 'record/hex')
  }
}

function list(value: unknown, where: string, most: number): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw bad(where, 'is no list')
  if (value.length > most) throw bad(where, `has ${value.length} elements, the most is ${most}`)
  return value
}

function string(value: unknown, where: string, fallback: string): string {
  if (value === undefined || value === null) return fallback
  if (typeof value !== 'string') throw bad(where, 'is no string')
  return value
}

function integer(value: unknown, where: string, fallback: number): number {
  if (value === undefined || value === null) return fallback
  if (typeof value !== 'number' || !Number.isInteger(value)) throw bad(where, `${JSON.stringify(value)} is no integer`)
  return value
}

function bad(where: string, what: string): NicwrightError {
  return new NicwrightError('record/field', { message: `${where} ${what}` })
}
