import type { Btf } from '../btf/parse.ts'
import { bareType, sizeOf, skipModifiers } from '../btf/resolve.ts'
import { BTF_INT_SIGNED, type BtfMember, type BtfStruct } from '../btf/types.ts'
import { NicwrightError } from '../errors.ts'

// What a CO-RE record means, free of ids: a path of names and element numbers from a named type (`iphdr.saddr`, `task_struct.comm[3]`),
// which is looked up in any BTF.

export const FIELD_BYTE_OFFSET = 0
const FIELD_BYTE_SIZE = 1
const FIELD_EXISTS = 2
const FIELD_SIGNED = 3
const FIELD_LSHIFT = 4
const FIELD_RSHIFT = 5
const TYPE_ID_LOCAL = 6
const TYPE_ID_TARGET = 7
const TYPE_EXISTS = 8
const TYPE_SIZE = 9
const ENUMVAL_EXISTS = 10
const ENUMVAL_VALUE = 11

export const KIND_TEXT: readonly string[] = [
  'offset of',
  'size of',
  'existence of',
  'signedness of',
  'left shift of',
  'right shift of',
  'id of',
  'kernel id of',
  'existence of',
  'size of',
  'existence of',
  'value of',
  'match of',
]

/** A member by name, or an element by number. */
type Step = string | number

export interface LocalSpec {
  readonly btf: Btf
  /** The type behind modifiers, in the object's BTF. */
  readonly root: number
  readonly kind: number
  /** The type's name without a `___flavor`. */
  readonly essential: string
  readonly steps: readonly Step[]
  /** Of an enum: the name of the value. */
  readonly enumerator: string | undefined
  readonly isEnum: boolean
  readonly isLocalId: boolean
  /** For messages. */
  readonly text: string
  /** The answer where nothing is found; undefined: the instruction cannot work. */
  readonly missing: Value | undefined
}

export interface Value {
  readonly value: bigint
  /** Of the field that an offset leads to. */
  readonly bytes: number
  readonly signed: boolean
  /** Whether the compiler must have come to the same value: it loads bit fields in words of its own choice. */
  readonly exact: boolean
}

function plain(value: bigint | number | boolean, exact = true): Value {
  return { value: BigInt(value), bytes: 0, signed: false, exact }
}

/** The name without the part that tells variants of a type apart in one source: `sk_buff___old`. */
export function essentialName(name: string): string {
  const at = name.indexOf('___', 1)
  return at < 0 ? name : name.slice(0, at)
}

function bad(message: string): NicwrightError {
  return new NicwrightError('object/core', { message })
}

/** Reads a record: `access` is a list of numbers with colons between. */
export function localSpec(btf: Btf, type: number, access: string, kind: number): LocalSpec {
  if (!/^\d+(:\d+)*$/.test(access) || access.length > 400) throw bad(`CO-RE access '${access}' is no list of numbers`)
  const numbers = access.split(':').map(Number)
  const isType = kind >= TYPE_ID_LOCAL && kind <= TYPE_SIZE
  const isEnum = kind === ENUMVAL_EXISTS || kind === ENUMVAL_VALUE
  const isField = kind <= FIELD_RSHIFT
  if (!isType && !isEnum && !isField) throw bad(`CO-RE relocations of kind ${kind} (matching of whole types) are not supported`)
  // A typedef is looked up by its own name where the whole type is meant.
  const root = skipModifiers(btf, type, !isType)
  const name = btf.name(root)
  const common = { btf, root, kind, essential: essentialName(name), isLocalId: kind === TYPE_ID_LOCAL, isEnum }
  if (name === '' && !common.isLocalId) throw bad('a CO-RE relocation needs a type with a name')
  const exists = kind === FIELD_EXISTS || kind === TYPE_EXISTS || kind === ENUMVAL_EXISTS
  const missing = exists || kind === TYPE_ID_TARGET || kind === TYPE_SIZE ? plain(0) : undefined
  if (isType) return { ...common, steps: [], enumerator: undefined, text: `${btf.kind(root)} ${name}`, missing }
  if (isEnum) {
    const values = btf.type(root)
    const enumerator = values.kind === 'enum' || values.kind === 'enum64' ? values.values[numbers[0]!]?.name : undefined
    if (enumerator === undefined) throw bad(`${btf.kind(root)} ${name} has no value ${numbers[0]}`)
    return { ...common, steps: [], enumerator, text: `enum ${name}::${enumerator}`, missing }
  }
  const steps = pathOf(btf, root, numbers)
  const text =
    name + steps.map((step, i) => (typeof step === 'string' ? `.${step}` : i === 0 && step === 0 ? '' : `[${step}]`)).join('')
  return { ...common, steps, enumerator: undefined, text: `${btf.kind(root)} ${text}`, missing }
}

/** Numbers of members become names; members without a name (nested unions) fall out of the path. */
function pathOf(btf: Btf, root: number, numbers: readonly number[]): Step[] {
  const steps: Step[] = [numbers[0]!]
  let id = root
  for (const number of numbers.slice(1)) {
    const type = bareType(btf, id)
    if (type.kind === 'struct' || type.kind === 'union') {
      const member = type.members[number]
      if (member === undefined) throw bad(`${type.kind} ${type.name} has no member ${number}`)
      if (member.name !== '') steps.push(member.name)
      id = member.type
    } else if (type.kind === 'array') {
      steps.push(number)
      id = type.type
    } else {
      throw bad(`CO-RE access goes into ${type.kind} ${type.name}`)
    }
  }
  return steps
}

/** The value of a record on a type of some BTF; undefined where the type hasn't got it. */
export function evaluate(spec: LocalSpec, btf: Btf, id: number): Value | undefined {
  switch (spec.kind) {
    case TYPE_ID_LOCAL:
    case TYPE_ID_TARGET:
      return plain(id)
    case TYPE_EXISTS:
      return plain(1)
    case TYPE_SIZE: {
      const size = sizeOf(btf, id)
      return size === undefined ? undefined : plain(size)
    }
    case ENUMVAL_EXISTS:
    case ENUMVAL_VALUE: {
      const type = btf.type(id)
      if (type.kind !== 'enum' && type.kind !== 'enum64') return undefined
      const wanted = essentialName(spec.enumerator ?? '')
      const found = type.values.find(each => essentialName(each.name) === wanted)
      if (found === undefined) return undefined
      return spec.kind === ENUMVAL_EXISTS ? plain(1) : plain(found.value)
    }
    default:
      return evaluateField(spec, btf, id)
  }
}

interface Found {
  readonly member: BtfMember
  readonly bitOffset: number
}

/** A member by name, through members without names; each nested type is searched once. */
function findMember(btf: Btf, type: BtfStruct, name: string, seen: Set<BtfStruct> = new Set()): Found | undefined {
  if (seen.has(type)) return undefined
  seen.add(type)
  for (const member of type.members) {
    if (member.name === name) return { member, bitOffset: member.bitOffset }
    if (member.name !== '') continue
    const inside = bareType(btf, member.type)
    if (inside.kind !== 'struct' && inside.kind !== 'union') continue
    const found = findMember(btf, inside, name, seen)
    if (found !== undefined) return { member: found.member, bitOffset: member.bitOffset + found.bitOffset }
  }
  return undefined
}

function evaluateField(spec: LocalSpec, btf: Btf, root: number): Value | undefined {
  const size = sizeOf(btf, root)
  if (size === undefined) return undefined
  let bitOffset = (spec.steps[0] as number) * size * 8
  let id = root
  let last: BtfMember | undefined
  for (const step of spec.steps.slice(1)) {
    const type = bareType(btf, id)
    if (typeof step === 'string') {
      if (type.kind !== 'struct' && type.kind !== 'union') return undefined
      const found = findMember(btf, type, step)
      if (found === undefined) return undefined
      bitOffset += found.bitOffset
      id = found.member.type
      last = found.member
    } else {
      if (type.kind !== 'array') return undefined
      // The last member of a struct may be an array of open length.
      if (step >= type.length && type.length > 1) return undefined
      bitOffset += step * (sizeOf(btf, type.type) ?? 0) * 8
      id = type.type
      last = undefined
    }
  }
  return fieldValue(spec.kind, btf, id, bitOffset, last?.bitSize ?? 0)
}

function fieldValue(kind: number, btf: Btf, id: number, bitOffset: number, bitSize: number): Value | undefined {
  const bytesOfType = sizeOf(btf, id)
  if (bytesOfType === undefined || bytesOfType === 0) return kind === FIELD_EXISTS ? plain(1) : undefined
  let bytes = bytesOfType
  let offset = Math.floor(bitOffset / 8)
  let bits = bytes * 8
  if (bitSize > 0) {
    // The widest load that the field needs, aligned to itself.
    bits = bitSize
    const aligned = (): number => Math.floor(bitOffset / 8 / bytes) * bytes
    offset = aligned()
    while (bitOffset + bits - offset * 8 > bytes * 8) {
      if (bytes >= 8) return undefined
      bytes *= 2
      offset = aligned()
    }
  }
  const type = bareType(btf, id)
  const signed =
    (type.kind === 'int' && (type.encoding & BTF_INT_SIGNED) !== 0) ||
    ((type.kind === 'enum' || type.kind === 'enum64') && type.signed)
  switch (kind) {
    case FIELD_EXISTS:
      return plain(1)
    case FIELD_BYTE_OFFSET:
      return bitSize > 0 ? plain(offset, false) : { value: BigInt(offset), bytes, signed, exact: true }
    case FIELD_BYTE_SIZE:
      return plain(bytes, bitSize === 0)
    case FIELD_SIGNED:
      return plain(signed)
    case FIELD_LSHIFT:
      return plain(64 - (bitOffset + bits - offset * 8), bitSize === 0)
    case FIELD_RSHIFT:
      return plain(64 - bits)
    default:
      return undefined
  }
}
