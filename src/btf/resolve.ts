import { NicwrightError } from '../errors.ts'
import type { Btf } from './parse.ts'
import type { BtfType } from './types.ts'

// Following references. Hostile BTF can point in circles (a typedef of itself, an array of itself), so every walk counts its
// steps; 32 is also where the kernel gives up.

export const MAX_DEPTH = 32

function tooDeep(id: number): NicwrightError {
  return new NicwrightError('btf/loop', {
    message: `BTF type ${id} refers to others more than ${MAX_DEPTH} deep, or in a circle`,
  })
}

/** The id behind const, volatile, restrict, type tags, and typedefs unless `typedefs` is false. */
export function skipModifiers(btf: Btf, id: number, typedefs = true): number {
  let at = id
  for (let step = 0; step <= MAX_DEPTH; step++) {
    const type = btf.type(at)
    switch (type.kind) {
      case 'typedef':
        if (!typedefs) return at
        at = type.type
        break
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        at = type.type
        break
      default:
        return at
    }
  }
  throw tooDeep(id)
}

/** The type behind all modifiers and typedefs. */
export function bareType(btf: Btf, id: number): BtfType {
  return btf.type(skipModifiers(btf, id))
}

/** Bytes of a value of the type; undefined for what has no size (void, func, fwd). Pointers are `pointerBytes` wide. */
export function sizeOf(btf: Btf, id: number, pointerBytes = 8): number | undefined {
  let elements = 1
  let at = id
  for (let step = 0; step <= MAX_DEPTH; step++) {
    const type = btf.type(at)
    switch (type.kind) {
      case 'int':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'float':
      case 'datasec':
        return sized(elements * type.size, id)
      case 'ptr':
        return sized(elements * pointerBytes, id)
      case 'array':
        elements *= type.length
        at = type.type
        break
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
      case 'var':
        at = type.type
        break
      default:
        return undefined
    }
  }
  throw tooDeep(id)
}

/** Sizes are 32 bit in the kernel. */
function sized(bytes: number, id: number): number {
  if (bytes > 0xffffffff) throw new NicwrightError('btf/size', { message: `BTF type ${id} of ${bytes} bytes is too large` })
  return bytes
}

/** Bytes that a value of the type is aligned to; undefined for what has no size. */
export function alignOf(btf: Btf, id: number, pointerBytes = 8): number | undefined {
  return alignment(btf, id, pointerBytes, 0, new Map())
}

/** `known` keeps the time linear where structs hold structs hold structs. */
function alignment(
  btf: Btf,
  id: number,
  pointerBytes: number,
  depth: number,
  known: Map<number, number | undefined>,
): number | undefined {
  if (depth > MAX_DEPTH) throw tooDeep(id)
  const bare = skipModifiers(btf, id)
  const type = btf.type(bare)
  switch (type.kind) {
    case 'int':
    case 'enum':
    case 'enum64':
    case 'float':
      return Math.min(pointerBytes, type.size)
    case 'ptr':
      return pointerBytes
    case 'array':
    case 'var':
      return alignment(btf, type.type, pointerBytes, depth + 1, known)
    case 'struct':
    case 'union': {
      if (known.has(bare)) return known.get(bare)
      let most = 1
      for (const member of type.members) {
        const align = alignment(btf, member.type, pointerBytes, depth + 1, known) ?? 1
        // A member that stands off its alignment tells of a packed struct.
        if (member.bitSize === 0 && member.bitOffset % (8 * align) !== 0) {
          most = 1
          break
        }
        most = Math.max(most, align)
      }
      const align = type.size % most === 0 ? most : 1
      known.set(bare, align)
      return align
    }
    default:
      return undefined
  }
}
