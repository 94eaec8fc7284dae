// Prototypes of functions as bpftool writes them from BTF: names of types stand in front of a space, `* ` behind what is pointed at, so that
// `int f(struct xdp_md * ctx)` comes out.

import type { Btf } from '../../btf/parse.ts'
import type { BtfFuncProto } from '../../btf/types.ts'

/** Types that refer to each other more deeply than this are no declaration. */
const MAX_DEPTH = 64

/** Of a FUNC; undefined where its types are none that a prototype may have. */
export function prototype(btf: Btf, id: number): string | undefined {
  try {
    return typeText(btf, id, 0)
  } catch {
    return undefined
  }
}

function typeText(btf: Btf, id: number, depth: number): string {
  if (depth > MAX_DEPTH) throw new RangeError('types refer to each other in a circle')
  if (id === 0) return 'void '
  const type = btf.type(id)
  const inner = (of: number): string => typeText(btf, of, depth + 1)
  switch (type.kind) {
    case 'int':
    case 'typedef':
    case 'float':
      return `${type.name} `
    case 'struct':
    case 'union':
      return `${type.kind} ${type.name} `
    case 'enum':
    case 'enum64':
      return `enum ${type.name} `
    case 'array':
      return `${inner(type.type)}[${type.length}]`
    case 'ptr':
      return `${inner(type.type)}* `
    case 'fwd':
      return `${type.union ? 'union' : 'struct'} ${type.name} `
    case 'volatile':
    case 'const':
    case 'restrict':
      return `${type.kind} ${inner(type.type)}`
    case 'func_proto':
      return functionText(type, '', inner)
    case 'func': {
      const proto = btf.type(type.type)
      if (proto.kind !== 'func_proto') throw new RangeError('a function without a prototype')
      return functionText(proto, type.name, inner)
    }
    default:
      throw new RangeError(`a ${type.kind} is no type of a prototype`)
  }
}

function functionText(proto: BtfFuncProto, name: string, inner: (id: number) => string): string {
  const params = proto.params.map(({ name: param, type }) => {
    if (type === 0) return '...'
    const text = inner(type)
    return param === '' ? text.replace(/ $/, '') : `${text}${param}`
  })
  return `${inner(proto.type)}${name}(${params.join(', ')})`
}
