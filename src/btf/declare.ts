import { NicwrightError } from '../errors.ts'
import type { Btf } from './parse.ts'
import { alignOf } from './resolve.ts'
import type { BtfEnum, BtfEnum64, BtfFuncProto, BtfStruct } from './types.ts'

// Types as C. A declaration is built from the inside out: the name first, then what is said about it by pointers, arrays and
// functions, and at last the named type in front. Structs without a name stand in full where they are used.

const MAX_NESTING = 200

function tooDeep(): NicwrightError {
  return new NicwrightError('btf/loop', { message: 'the type is nested too deep to be written as C, or in a circle' })
}

/** `name` declared with the type, such as `int (*next)[4]`; without a name the type alone. */
export function declare(btf: Btf, id: number, name = ''): string {
  return build(btf, id, name, '', 0, 0)
}

/** The definition of a struct, union, enum or typedef, with the closing semicolon. */
export function define(btf: Btf, id: number): string {
  const type = btf.type(id)
  switch (type.kind) {
    case 'struct':
    case 'union':
      return `${structBody(btf, id, type, 0, 0)};`
    case 'enum':
    case 'enum64':
      return `${enumBody(type, 0)};`
    case 'typedef':
      return `typedef ${build(btf, type.type, type.name, '', 0, 0)};`
    case 'fwd':
      return `${type.union ? 'union' : 'struct'} ${type.name};`
    default:
      return `${declare(btf, id, type.name)};`
  }
}

/** `qualifiers` are those met since the last pointer: they belong in front of the type that follows, or behind the next star. */
function build(btf: Btf, id: number, inner: string, qualifiers: string, indent: number, depth: number): string {
  if (depth > MAX_NESTING) throw tooDeep()
  const type = btf.type(id)
  const next = (to: number, text: string, kept = ''): string => build(btf, to, text, kept, indent, depth + 1)
  const base = (text: string): string => `${qualifiers}${text}${inner === '' ? '' : ` ${inner}`}`
  switch (type.kind) {
    case 'void':
      return base('void')
    case 'int':
    case 'float':
    case 'typedef':
      return base(type.name)
    case 'const':
    case 'volatile':
    case 'restrict':
      return next(type.type, inner, `${type.kind} ${qualifiers}`)
    case 'type_tag':
      return next(type.type, inner, qualifiers)
    case 'ptr': {
      const own = qualifiers === '' ? '' : ` ${qualifiers.trimEnd()}${inner === '' ? '' : ' '}`
      const text = `*${own}${inner}`
      const kind = kindBehind(btf, type.type)
      return next(type.type, kind === 'array' || kind === 'func_proto' ? `(${text})` : text)
    }
    case 'array':
      return next(type.type, `${inner}[${type.length}]`, qualifiers)
    case 'func_proto':
      return next(type.type, `${inner}(${parameters(btf, type, indent, depth)})`)
    case 'struct':
    case 'union':
      return base(type.name !== '' ? `${type.kind} ${type.name}` : structBody(btf, id, type, indent, depth))
    case 'enum':
    case 'enum64':
      return base(type.name !== '' ? `enum ${type.name}` : enumBody(type, indent))
    case 'fwd':
      return base(`${type.union ? 'union' : 'struct'} ${type.name}`)
    case 'func':
    case 'var':
      return next(type.type, inner === '' ? type.name : inner)
    default:
      return base(`/* ${type.kind} */`)
  }
}

function kindBehind(btf: Btf, id: number): string {
  let at = id
  for (let step = 0; step < MAX_NESTING; step++) {
    const type = btf.type(at)
    if (type.kind !== 'const' && type.kind !== 'volatile' && type.kind !== 'restrict' && type.kind !== 'type_tag')
      return type.kind
    at = type.type
  }
  throw tooDeep()
}

function parameters(btf: Btf, proto: BtfFuncProto, indent: number, depth: number): string {
  if (proto.params.length === 0) return 'void'
  const last = proto.params.length - 1
  return proto.params
    .map((param, i) =>
      i === last && param.type === 0 && param.name === '' ? '...' : build(btf, param.type, param.name, '', indent, depth + 1),
    )
    .join(', ')
}

function structBody(btf: Btf, id: number, type: BtfStruct, indent: number, depth: number): string {
  const tabs = '\t'.repeat(indent + 1)
  const members = type.members.map(member => {
    const width = member.bitSize > 0 ? `: ${member.bitSize}` : ''
    return `${tabs}${build(btf, member.type, member.name, '', indent + 1, depth + 1)}${width};\n`
  })
  const body = members.length === 0 ? '{}' : `{\n${members.join('')}${'\t'.repeat(indent)}}`
  return `${type.kind}${type.name === '' ? '' : ` ${type.name}`} ${body}${isPacked(btf, id, type) ? ' __attribute__((packed))' : ''}`
}

/** A struct is packed if its members or its end stand where no compiler would put them by itself. */
function isPacked(btf: Btf, id: number, type: BtfStruct): boolean {
  if (alignOf(btf, id) !== 1) return false
  return type.members.some(member => member.bitSize === 0 && (alignOf(btf, member.type) ?? 1) > 1)
}

function enumBody(type: BtfEnum | BtfEnum64, indent: number): string {
  const tabs = '\t'.repeat(indent + 1)
  const suffix = type.kind === 'enum64' ? (type.signed ? 'LL' : 'ULL') : ''
  const values = type.values.map(each => `${tabs}${each.name} = ${each.value}${suffix},\n`)
  const mode =
    type.size === 8
      ? ' __attribute__((mode(DI)))'
      : type.size === 4
        ? ''
        : ` __attribute__((mode(${type.size === 1 ? 'byte' : 'HI'})))`
  return `enum${type.name === '' ? '' : ` ${type.name}`} {\n${values.join('')}${'\t'.repeat(indent)}}${mode}`
}

/**
 * All types with names as C that compiles: each after those that it holds; where only a pointer needs it, a struct is announced. With
 * roots, those types alone and what they need.
 */
export function declarations(btf: Btf, roots?: readonly number[]): string[] {
  const out: string[] = []
  const done = new Set<number>()
  /** Typedefs whose types have been written in full. */
  const whole = new Set<number>()
  const announced = new Set<string>()
  const visit = (id: number, behindPointer: boolean, depth: number): void => {
    if (depth > MAX_NESTING) throw tooDeep()
    const type = btf.type(id)
    switch (type.kind) {
      case 'struct':
      case 'union': {
        if (done.has(id)) return
        const head = `${type.kind} ${type.name}`
        if (behindPointer && type.name !== '') {
          if (!announced.has(head)) {
            announced.add(head)
            out.push(`${head};`)
          }
          return
        }
        done.add(id)
        announced.add(head)
        for (const member of type.members) visit(member.type, false, depth + 1)
        if (type.name !== '') out.push(define(btf, id))
        return
      }
      case 'enum':
      case 'enum64':
        if (done.has(id)) return
        done.add(id)
        if (type.name !== '') out.push(define(btf, id))
        return
      case 'typedef':
        // Behind a pointer the alias of an announced struct is enough; used by value it needs the whole struct.
        if (!(behindPointer ? done : whole).has(id)) {
          if (!behindPointer) whole.add(id)
          visit(type.type, behindPointer, depth + 1)
        }
        if (done.has(id)) return
        done.add(id)
        out.push(define(btf, id))
        return
      case 'fwd': {
        const head = `${type.union ? 'union' : 'struct'} ${type.name}`
        if (announced.has(head)) return
        announced.add(head)
        out.push(`${head};`)
        return
      }
      case 'ptr':
        visit(type.type, true, depth + 1)
        return
      case 'array':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        visit(type.type, behindPointer, depth + 1)
        return
      case 'func_proto':
        visit(type.type, true, depth + 1)
        for (const param of type.params) visit(param.type, true, depth + 1)
        return
    }
  }
  for (const id of roots ?? []) visit(id, false, 0)
  if (roots !== undefined) return out
  for (let id = btf.base?.count ?? 1; id < btf.count; id++) {
    const type = btf.type(id)
    if (
      type.kind === 'struct' ||
      type.kind === 'union' ||
      type.kind === 'enum' ||
      type.kind === 'enum64' ||
      type.kind === 'typedef'
    ) {
      if (type.name !== '') visit(id, false, 0)
    }
  }
  return out
}
