import {
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_CGROUP_ARRAY,
  BPF_MAP_TYPE_CPUMAP,
  BPF_MAP_TYPE_DEVMAP,
  BPF_MAP_TYPE_DEVMAP_HASH,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BPF_MAP_TYPE_PROG_ARRAY,
  BPF_MAP_TYPE_QUEUE,
  BPF_MAP_TYPE_RINGBUF,
  BPF_MAP_TYPE_SOCKHASH,
  BPF_MAP_TYPE_SOCKMAP,
  BPF_MAP_TYPE_STACK,
  BPF_MAP_TYPE_STACK_TRACE,
  BPF_MAP_TYPE_USER_RINGBUF,
  BPF_MAP_TYPE_XSKMAP,
} from '../bpf/map-type-table.ts'
import type { Btf } from '../btf/parse.ts'
import { bareType, sizeOf, skipModifiers } from '../btf/resolve.ts'
import { type BtfStruct, type BtfVar, LINKAGE_GLOBAL } from '../btf/types.ts'
import type { ElfSection } from '../elf/parse.ts'
import { NicwrightError } from '../errors.ts'
import type { ObjectMap } from './spec.ts'

// Maps that the source declares as variables of `.maps`: the type of the variable says everything, its bytes nothing. A number N
// is the type `int (*)[N]`, a type T is `T *`, so that the whole definition survives in the BTF alone.

/** A map as declared, before slots are filled: where it stands in its section is how instructions refer to it. */
export interface DeclaredMap {
  readonly map: ObjectMap
  readonly section: number
  readonly offset: number
  /** Byte offset of `values` in the definition; undefined without one. */
  readonly slotsAt: number | undefined
}

function fail(map: string, message: string): NicwrightError {
  return new NicwrightError('object/map', { message: `map '${map}': ${message}` })
}

/** Types of which the kernel keeps no BTF of keys and values. */
const WITHOUT_BTF = new Set([
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BPF_MAP_TYPE_CGROUP_ARRAY,
  BPF_MAP_TYPE_STACK_TRACE,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_DEVMAP,
  BPF_MAP_TYPE_DEVMAP_HASH,
  BPF_MAP_TYPE_CPUMAP,
  BPF_MAP_TYPE_XSKMAP,
  BPF_MAP_TYPE_SOCKMAP,
  BPF_MAP_TYPE_SOCKHASH,
  BPF_MAP_TYPE_QUEUE,
  BPF_MAP_TYPE_STACK,
])

const PAGE = 4096

/** Sizes that the source may leave open, as libbpf fills them in. */
export function defaultEntries(type: number, entries: number, cpus: number): number {
  if (type === BPF_MAP_TYPE_PERF_EVENT_ARRAY && entries === 0) return cpus
  if ((type === BPF_MAP_TYPE_RINGBUF || type === BPF_MAP_TYPE_USER_RINGBUF) && entries > 0 && entries < 2 ** 30) {
    let bytes = PAGE
    while (bytes < entries) bytes *= 2
    return bytes
  }
  return entries
}

export function keepsBtf(type: number): boolean {
  return !WITHOUT_BTF.has(type)
}

/** What the members of a definition say. */
interface Definition {
  type: number
  keySize: number
  valueSize: number
  maxEntries: number
  flags: number
  extra: bigint
  btfKey: number
  btfValue: number
  pinning: number
  inner: Definition | undefined
  /** Of program arrays: `values` holds functions. */
  programs: boolean
  slotsAt: number | undefined
}

/** Reads all variables of the `.maps` section, in the order in which they stand there. `blob` is the BTF that the maps refer to. */
export function declaredMaps(btf: Btf, blob: Uint8Array, section: ElfSection, cpus: number): DeclaredMap[] {
  const id = btf.named('.maps', 'datasec')[0]
  const datasec = id === undefined ? undefined : btf.type(id)
  if (datasec?.kind !== 'datasec') {
    throw new NicwrightError('object/map', {
      message: 'the BTF says nothing about the section .maps: compile with -g, and do not strip .BTF',
    })
  }
  const maps: DeclaredMap[] = []
  for (const place of datasec.vars) {
    const variable = btf.type(place.type)
    if (variable.kind !== 'var' || variable.name === '') {
      throw new NicwrightError('object/map', { message: `.maps holds something without a name at byte ${place.offset}` })
    }
    if (variable.linkage !== LINKAGE_GLOBAL) throw fail(variable.name, 'it must be a global variable, not static or extern')
    if (place.offset + place.size > section.size) throw fail(variable.name, 'it stands outside of the section .maps')
    const definition = readDefinition(btf, variable.name, definitionOf(btf, variable), false)
    maps.push({
      map: toMap(variable.name, definition, blob, section.name, cpus),
      section: section.index,
      offset: place.offset,
      slotsAt: definition.slotsAt,
    })
  }
  return maps
}

function definitionOf(btf: Btf, variable: BtfVar): BtfStruct {
  const type = bareType(btf, variable.type)
  if (type.kind !== 'struct') throw fail(variable.name, `its type is no struct but ${type.kind}`)
  const size = sizeOf(btf, variable.type)
  if (size === undefined) throw fail(variable.name, 'its type has no size')
  return type
}

function toMap(name: string, from: Definition, blob: Uint8Array, section: string, cpus: number): ObjectMap {
  const typed = keepsBtf(from.type) && (from.btfKey !== 0 || from.btfValue !== 0)
  return {
    name,
    section,
    type: from.type,
    keySize: from.keySize,
    valueSize: from.valueSize,
    maxEntries: defaultEntries(from.type, from.maxEntries, cpus),
    flags: from.flags,
    ...(from.extra === 0n ? {} : { extra: from.extra }),
    ...(typed ? { btf: blob, btfKey: from.btfKey, btfValue: from.btfValue } : {}),
    ...(from.inner === undefined ? {} : { inner: toMap(`${name}.inner`, from.inner, blob, section, cpus) }),
    ...(from.pinning === 0 ? {} : { pinning: from.pinning }),
  }
}

/** A member that is `int (*)[N]`: N. */
function numberOf(btf: Btf, map: string, field: string, type: number): number {
  const pointer = bareType(btf, type)
  if (pointer.kind !== 'ptr') throw fail(map, `field ${field} must be written with __uint`)
  const array = bareType(btf, pointer.type)
  if (array.kind !== 'array') throw fail(map, `field ${field} must be written with __uint`)
  return array.length
}

/** A number of up to 64 bits: the only value of an enum (`__ulong`), or as above. */
function wideNumberOf(btf: Btf, map: string, field: string, type: number): bigint {
  const bare = bareType(btf, type)
  if (bare.kind !== 'enum' && bare.kind !== 'enum64') return BigInt(numberOf(btf, map, field, type))
  const [value, more] = bare.values
  if (value === undefined || more !== undefined) throw fail(map, `field ${field} must be written with __ulong`)
  return BigInt.asUintN(64, BigInt(value.value))
}

/** A member that is `T *`: the id of T and its size. */
function typeOf(btf: Btf, map: string, field: string, type: number): { readonly id: number; readonly size: number } {
  const pointer = bareType(btf, type)
  if (pointer.kind !== 'ptr') throw fail(map, `field ${field} must be written with __type`)
  const size = sizeOf(btf, pointer.type)
  if (size === undefined) throw fail(map, `field ${field} names a type without a size`)
  return { id: pointer.type, size }
}

function readDefinition(btf: Btf, name: string, struct: BtfStruct, inner: boolean): Definition {
  const to: Definition = {
    type: 0,
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    flags: 0,
    extra: 0n,
    btfKey: 0,
    btfValue: 0,
    pinning: 0,
    inner: undefined,
    programs: false,
    slotsAt: undefined,
  }
  for (const [i, member] of struct.members.entries()) {
    const number = (): number => numberOf(btf, name, member.name, member.type)
    switch (member.name) {
      case 'type':
        to.type = number()
        break
      case 'max_entries':
        to.maxEntries = number()
        break
      case 'map_flags':
        to.flags = number()
        break
      case 'map_extra':
        to.extra = wideNumberOf(btf, name, member.name, member.type)
        break
      case 'numa_node':
        number()
        break
      case 'key_size':
        to.keySize = agree(name, 'key', to.keySize, number())
        break
      case 'value_size':
        to.valueSize = agree(name, 'value', to.valueSize, number())
        break
      case 'key': {
        const { id, size } = typeOf(btf, name, 'key', member.type)
        to.keySize = agree(name, 'key', to.keySize, size)
        to.btfKey = id
        break
      }
      case 'value': {
        const { id, size } = typeOf(btf, name, 'value', member.type)
        to.valueSize = agree(name, 'value', to.valueSize, size)
        to.btfValue = id
        break
      }
      case 'values':
        if (inner) throw fail(name, 'maps can be nested only once')
        if (i !== struct.members.length - 1) throw fail(name, 'the field values must be the last one')
        readSlots(btf, name, to, member.type)
        to.slotsAt = member.bitOffset / 8
        break
      case 'pinning':
        if (inner) throw fail(name, 'an inner map cannot be pinned')
        to.pinning = number()
        if (to.pinning > 1) throw fail(name, `pinning ${to.pinning} is unknown`)
        break
      default:
        throw fail(name, `unknown field '${member.name}'`)
    }
  }
  if (to.type === 0) throw fail(name, 'the map type is not given')
  return to
}

function agree(map: string, what: string, before: number, now: number): number {
  if (before !== 0 && before !== now) throw fail(map, `two different ${what} sizes, ${before} and ${now}`)
  return now
}

/** `values`: an array of pointers to the inner map's definition, or to functions in a program array. */
function readSlots(btf: Btf, name: string, to: Definition, type: number): void {
  const isMap = to.type === BPF_MAP_TYPE_ARRAY_OF_MAPS || to.type === BPF_MAP_TYPE_HASH_OF_MAPS
  const isPrograms = to.type === BPF_MAP_TYPE_PROG_ARRAY
  if (!isMap && !isPrograms) throw fail(name, 'only a map of maps or of programs can have values')
  const array = btf.type(skipModifiers(btf, type))
  if (array.kind !== 'array') throw fail(name, 'values must be an array')
  const pointer = bareType(btf, array.type)
  if (pointer.kind !== 'ptr') throw fail(name, 'values must be an array of pointers')
  to.valueSize = agree(name, 'value', to.valueSize, 4)
  const target = bareType(btf, pointer.type)
  if (isPrograms) {
    if (target.kind !== 'func_proto') throw fail(name, 'values of a program array must be pointers to functions')
    to.programs = true
    return
  }
  if (target.kind !== 'struct')
    throw fail(name, `values of a map of maps must be pointers to a map definition, not to ${target.kind}`)
  to.inner = readDefinition(btf, `${name}.inner`, target, true)
}
