// The special fields of a map value, found through the BTF of the map: locks, timers, kernel pointers, lists. Loads and stores must keep
// off them. A field is a named struct of Linux's, or a pointer with a kptr tag, at some offset of the value, in nested structs and
// arrays too.

import type { MapSpec } from '../bpf/program.ts'
import { type Btf, parseBtf } from '../btf/parse.ts'
import { bareType, sizeOf, skipModifiers } from '../btf/resolve.ts'
import { NicwrightError } from '../errors.ts'
import { tagsOf } from './exception.ts'

export type FieldKind =
  | 'spin_lock'
  | 'res_spin_lock'
  | 'timer'
  | 'wq'
  | 'task_work'
  | 'list_head'
  | 'list_node'
  | 'rb_root'
  | 'rb_node'
  | 'refcount'
  | 'kptr_unref'
  | 'kptr_ref'
  | 'kptr_percpu'
  | 'uptr'

export interface SpecialField {
  readonly kind: FieldKind
  readonly offset: number
  readonly size: number
  /** Type id in the map's BTF: of what a kptr points at. */
  readonly target: number
  /** Of a list head or tree root: struct and member of its nodes, from the tag `contains:STRUCT:MEMBER`. */
  readonly contains: string
}

export interface MapFields {
  readonly btf: Btf | null
  readonly fields: readonly SpecialField[]
  /** Offsets of what a value has one of at most; -1: none. */
  readonly spinLock: number
  readonly resSpinLock: number
  readonly timer: number
  readonly workqueue: number
  readonly taskWork: number
  readonly refcount: number
}

const NO_FIELDS: MapFields = {
  btf: null,
  fields: [],
  spinLock: -1,
  resSpinLock: -1,
  timer: -1,
  workqueue: -1,
  taskWork: -1,
  refcount: -1,
}

/** Structs that are fields by their name. */
const named: ReadonlyMap<string, readonly [kind: FieldKind, size: number]> = new Map([
  ['bpf_spin_lock', ['spin_lock', 4]],
  ['bpf_res_spin_lock', ['res_spin_lock', 8]],
  ['bpf_timer', ['timer', 16]],
  ['bpf_wq', ['wq', 16]],
  ['bpf_task_work', ['task_work', 8]],
  ['bpf_list_head', ['list_head', 16]],
  ['bpf_list_node', ['list_node', 24]],
  ['bpf_rb_root', ['rb_root', 16]],
  ['bpf_rb_node', ['rb_node', 32]],
  ['bpf_refcount', ['refcount', 4]],
])

const kptrTags: ReadonlyMap<string, FieldKind> = new Map([
  ['kptr_untrusted', 'kptr_unref'],
  ['kptr', 'kptr_ref'],
  ['percpu_kptr', 'kptr_percpu'],
  ['uptr', 'uptr'],
])

const MAX_FIELDS = 11
const MAX_NESTING = 4

const known = new WeakMap<MapSpec, MapFields>()

/** The special fields of a map's values; parsed once for each spec. */
export function mapFields(map: MapSpec): MapFields {
  const before = known.get(map)
  if (before !== undefined) return before
  const found = parse(map)
  known.set(map, found)
  return found
}

function parse(map: MapSpec): MapFields {
  if (map.btf === undefined || (map.btfValue ?? 0) === 0) return NO_FIELDS
  const btf = parseBtf(map.btf)
  const value = map.btfValue!
  if (value >= btf.count) {
    throw new NicwrightError('map/btf', {
      message: `map '${map.name}' has value type ${value}, its BTF ends at ${btf.count - 1}`,
    })
  }
  return fieldsOf(btf, value)
}

/** The special fields of any struct. */
export function fieldsOf(btf: Btf, id: number): MapFields {
  const fields: SpecialField[] = []
  collect(btf, id, 0, 0, fields)
  fields.sort((a, b) => a.offset - b.offset)
  const at = (kind: FieldKind): number => fields.find(field => field.kind === kind)?.offset ?? -1
  return {
    btf,
    fields,
    spinLock: at('spin_lock'),
    resSpinLock: at('res_spin_lock'),
    timer: at('timer'),
    workqueue: at('wq'),
    taskWork: at('task_work'),
    refcount: at('refcount'),
  }
}

function collect(btf: Btf, id: number, base: number, depth: number, into: SpecialField[]): void {
  const type = bareType(btf, id)
  if (type.kind === 'struct') {
    for (let m = 0; m < type.members.length; m++) {
      const member = type.members[m]!
      if (member.bitOffset % 8 !== 0) continue
      const contains = (): string => tagsOf(btf, skipModifiers(btf, id), 'contains:', m)[0] ?? ''
      one(btf, member.type, base + member.bitOffset / 8, depth, contains, into)
    }
  } else if (type.kind === 'datasec') {
    for (const item of type.vars) {
      const variable = btf.type(item.type)
      if (variable.kind !== 'var') continue
      one(btf, variable.type, base + item.offset, depth, () => tagsOf(btf, item.type, 'contains:')[0] ?? '', into)
    }
  }
}

function one(btf: Btf, id: number, offset: number, depth: number, contains: () => string, into: SpecialField[]): void {
  let type = bareType(btf, id)
  let element = id
  let count = 1
  while (type.kind === 'array') {
    count *= type.length
    element = type.type
    type = bareType(btf, element)
  }
  const bytes = sizeOf(btf, element) ?? 0
  const kptr = type.kind === 'ptr' ? kptrOf(btf, element) : undefined
  const struct = type.kind === 'struct' ? named.get(type.name) : undefined
  for (let n = 0; n < count && into.length < MAX_FIELDS; n++) {
    const at = offset + n * bytes
    if (kptr !== undefined) into.push({ kind: kptr.kind, offset: at, size: 8, target: kptr.target, contains: '' })
    else if (struct !== undefined && bytes === struct[1]) {
      const holds = struct[0] === 'list_head' || struct[0] === 'rb_root' ? contains() : ''
      into.push({ kind: struct[0], offset: at, size: struct[1], target: 0, contains: holds })
    } else if (type.kind === 'struct' && depth < MAX_NESTING) {
      const before = into.length
      collect(btf, element, at, depth + 1, into)
      if (into.length === before) return
    } else return
  }
}

/** A pointer whose target begins with a type tag of a kptr. */
function kptrOf(btf: Btf, id: number): { kind: FieldKind; target: number } | undefined {
  const pointer = bareType(btf, id)
  if (pointer.kind !== 'ptr') return undefined
  const tag = btf.type(pointer.type)
  if (tag.kind !== 'type_tag') return undefined
  const kind = kptrTags.get(tag.name)
  if (kind === undefined) return undefined
  return { kind, target: skipModifiers(btf, tag.type) }
}
