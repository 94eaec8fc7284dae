// Structures as loads through typed pointers see them: members in order with offsets, from a program's BTF or from the table of kernel
// structures. `walk` finds what an access of some bytes at some offset meets.

import type { Btf } from '../btf/parse.ts'
import { bareType, sizeOf, skipModifiers } from '../btf/resolve.ts'
import { layoutRows } from './layout-table.ts'

export interface Member {
  readonly name: string
  readonly offset: number
  /** Bytes of one element; of a bit field the bits, counted from the start of the structure, are in `bits`. */
  readonly bytes: number
  readonly count: number
  readonly isArray: boolean
  readonly bits: readonly [first: number, width: number] | undefined
  /** Of a pointer: the structure that it points at, '' for anything else; undefined for no pointer. */
  readonly target: string | undefined
  /** Of a pointer: its tags. */
  readonly tags: readonly string[]
  /** Of a structure: its layout, or its name where the layout isn't known. */
  readonly inner: Layout | string | undefined
}

export interface Layout {
  readonly name: string
  readonly bytes: number
  readonly isUnion: boolean
  readonly members: readonly Member[]
}

// ---- the table -------------------------------------------------------------------------------------------------------------------

const known = new Map<string, Layout>()

/** The layout of a kernel structure; undefined for the many that aren't in the table. */
export function kernelLayout(name: string): Layout | undefined {
  const before = known.get(name)
  if (before !== undefined) return before
  const row = layoutRows.find(each => each[0] === name)
  if (row === undefined) return undefined
  const layout = { name, bytes: row[1], isUnion: false, members: new Reader(row[2]).members() }
  known.set(name, layout)
  return layout
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  members(): Member[] {
    const found: Member[] = []
    while (this.#at < this.#text.length && this.#text[this.#at] !== '}' && this.#text[this.#at] !== '>') {
      found.push(this.member())
      this.take(/^;? */)
    }
    return found
  }

  private take(pattern: RegExp): RegExpExecArray {
    const match = pattern.exec(this.#text.slice(this.#at))
    if (match === null) throw new RangeError(`layout: ${this.#text.slice(this.#at, this.#at + 30)}`)
    this.#at += match[0].length
    return match
  }

  private member(): Member {
    const nameless = /^(\d+) ([{<])(\d+); /.exec(this.#text.slice(this.#at))
    if (nameless !== null) {
      this.#at += nameless[0].length
      const bytes = Number(nameless[3])
      const inner = { name: '', bytes, isUnion: nameless[2] === '<', members: this.members() }
      this.take(/^[}>]/)
      return { ...PLAIN, name: '', offset: Number(nameless[1]), bytes, inner }
    }
    const [, name, at] = this.take(/^(\w+) (\d+)/)
    const bit = /^:(\d+)/.exec(this.#text.slice(this.#at))
    if (bit !== null) {
      this.#at += bit[0].length
      return { ...PLAIN, name: name!, offset: Number(at) >> 3, bytes: 0, bits: [Number(at), Number(bit[1])] }
    }
    const [, type, count] = this.take(/^ ([^;}>]+?)(?:x(\d+))?(?=[;}>]|$)/)
    const place = { name: name!, offset: Number(at), count: Number(count ?? 1), isArray: count !== undefined }
    if (type!.startsWith('*')) {
      const [target, ...tags] = type!.slice(1).split('@')
      return { ...PLAIN, ...place, bytes: 8, target: target!, tags }
    }
    if (type!.startsWith('#')) {
      const [inner, bytes] = type!.slice(1).split(':')
      return { ...PLAIN, ...place, bytes: Number(bytes), inner: inner! }
    }
    return { ...PLAIN, ...place, bytes: Number(type) }
  }
}

const PLAIN = { count: 1, isArray: false, bits: undefined, target: undefined, tags: [], inner: undefined } as const

// ---- BTF -------------------------------------------------------------------------------------------------------------------------

const MAX_DEPTH = 8

/** The layout of a structure of a program's BTF. */
export function btfLayout(btf: Btf, id: number, depth = 0): Layout | undefined {
  const type = bareType(btf, id)
  if ((type.kind !== 'struct' && type.kind !== 'union') || depth > MAX_DEPTH) return undefined
  const members = type.members.map((member): Member => {
    const place = { ...PLAIN, name: member.name, offset: member.bitOffset >> 3 }
    if (member.bitSize !== 0) return { ...place, bytes: 0, bits: [member.bitOffset, member.bitSize] }
    let element = skipModifiers(btf, member.type)
    let count = 1
    let isArray = false
    for (let inner = btf.type(element); inner.kind === 'array'; inner = btf.type(element)) {
      count *= inner.length
      isArray = true
      element = skipModifiers(btf, inner.type)
    }
    const shape = { ...place, count, isArray, bytes: sizeOf(btf, element) ?? 0 }
    const kind = btf.type(element)
    if (kind.kind === 'ptr') return { ...shape, target: '' }
    if (kind.kind === 'struct' || kind.kind === 'union')
      return { ...shape, inner: btfLayout(btf, element, depth + 1) ?? kind.name }
    return shape
  })
  return { name: type.name === '' ? '(anon)' : type.name, bytes: type.size, isUnion: type.kind === 'union', members }
}

// ---- walking ---------------------------------------------------------------------------------------------------------------------

export type Found =
  | { readonly kind: 'scalar' }
  /** A pointer to a structure ('' = to something else). */
  | { readonly kind: 'pointer'; readonly target: string; readonly field: string; readonly tags: readonly string[] }
  /** Refused, in the words of the log. */
  | { readonly kind: 'refused'; readonly errno: 'access' | 'invalid'; readonly text: string }
  /** A structure whose layout is not in the table. */
  | { readonly kind: 'unknown'; readonly name: string }

/** `btf_struct_walk`: also says whether a union was gone through, which costs a pointer its trust. */
export function walk(
  layout: Layout,
  off: number,
  size: number,
  trusted = true,
): { readonly found: Found; readonly throughUnion: boolean } {
  let at = layout
  let from = off
  let throughUnion = false
  for (;;) {
    if (at.isUnion && at.members.length !== 1) throughUnion = true
    const next = step(at, from, size, trusted && !throughUnion)
    if (!('into' in next)) return { found: next, throughUnion }
    if (typeof next.into === 'string') {
      const inner = kernelLayout(next.into)
      if (inner === undefined) return { found: { kind: 'unknown', name: next.into }, throughUnion }
      at = inner
    } else {
      at = next.into
    }
    from = next.off
  }
}

interface Into {
  readonly into: Layout | string
  readonly off: number
}

function step(layout: Layout, off: number, size: number, trusted: boolean): Found | Into {
  const name = layout.name === '' ? '(anon)' : layout.name
  if (off + size > layout.bytes) {
    const last = layout.members.at(-1)
    const isFlexible = last?.isArray === true && last.count === 0 && off >= last.offset
    if (!isFlexible) return refused('access', `access beyond struct ${name} at off ${off} size ${size}`)
    if (last.inner === undefined) {
      if (last.target === undefined) return { kind: 'scalar' }
      return refused('access', `access beyond struct ${name} at off ${off} size ${size}`)
    }
    return { into: last.inner, off: (off - last.offset) % Math.max(last.bytes, 1) }
  }
  for (const member of layout.members) {
    if (off + size <= member.offset) break
    if (member.bits !== undefined) {
      const [first, width] = member.bits
      if (off <= member.offset && Math.ceil((first + width) / 8) <= off + size) return { kind: 'scalar' }
      continue
    }
    if (off < member.offset) break
    const end = member.offset + member.bytes * member.count
    if (off >= end) continue
    const element = member.isArray
      ? member.offset + Math.floor((off - member.offset) / member.bytes) * member.bytes
      : member.offset
    if (member.inner !== undefined) return { into: member.inner, off: off - element }
    if (member.target !== undefined) {
      if (size !== 8 || off !== element) {
        return refused(
          'access',
          `cannot access ptr member ${member.name} with moff ${element} in struct ${name} with off ${off} size ${size}`,
        )
      }
      return { kind: 'pointer', target: member.target, field: member.name, tags: member.tags }
    }
    if (off + size > end && trusted) {
      return refused(
        'access',
        `access beyond the end of member ${member.name} (mend:${end}) in struct ${name} with off ${off} size ${size}`,
      )
    }
    return { kind: 'scalar' }
  }
  return refused('invalid', `struct ${name} doesn't have field at offset ${off}`)
}

function refused(errno: 'access' | 'invalid', text: string): Found {
  return { kind: 'refused', errno, text }
}
