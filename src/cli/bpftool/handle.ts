// How programs and maps are named on the command line.

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { ENOENT } from '../../bpf/errno.ts'
import type { LoadedMap } from '../../kernel/map.ts'
import type { Pin } from '../../kernel/pins.ts'
import type { LoadedProgram } from '../../kernel/program.ts'
import { strerror } from '../errno.ts'
import type { Tool } from './tool.ts'
import { BpftoolError, type Words } from './words.ts'

/** A number as C's strtoul reads it with base 0. */
export function cNumber(text: string, most: number = 2 ** 32): number | undefined {
  const value = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN
  return value < most ? value : undefined
}

function idOf(text: string): number {
  const value = cNumber(text)
  if (value === undefined) throw new BpftoolError(`can't parse ${text} as ID`)
  return value
}

/** The word after a keyword. */
function argument(words: Words): string {
  if (words.done) throw new BpftoolError(`'${words.before}' needs at least 1 arguments, 0 found`)
  return words.next()
}

/** Whatever is pinned at a path. */
export function pinned(tool: Tool, path: string): Pin {
  const { bpffs } = tool.kernel
  const pin = bpffs.get(path)
  if (pin !== undefined) return pin
  if (!bpffs.isFolder(dirname(path)) && existsSync(path))
    throw new BpftoolError(`bpf obj get (${dirname(path)}): directory not in bpf file system (bpffs)`)
  throw new BpftoolError(`bpf obj get (${path}): ${strerror(ENOENT)}`)
}

/** `id N`, `tag T`, `name X` or `pinned FILE`: all programs that it means, the newest first. */
export function programs(tool: Tool, words: Words): LoadedProgram[] {
  const kind = words.keyword(['id', 'tag', 'name', 'pinned'])
  if (kind === undefined) throw new BpftoolError(`expected 'id', 'tag', 'name' or 'pinned', got: '${words.peek() ?? '(null)'}'?`)
  const text = argument(words)
  if (kind === 'pinned') {
    const pin = pinned(tool, text)
    if (pin.kind !== 'prog') throw new BpftoolError(`incorrect object type: ${pin.kind}`)
    return held(tool, [pin.prog])
  }
  if (kind === 'id') {
    const found = tool.kernel.programs.get(idOf(text))
    if (found === undefined) throw new BpftoolError(`get by id (${idOf(text)}): ${strerror(ENOENT)}`)
    return held(tool, [found])
  }
  if (kind === 'tag' && !/^([0-9a-f]{1,2}){8}$/i.test(text)) throw new BpftoolError("can't parse tag")
  if (kind === 'name' && text.length > 15) throw new BpftoolError("can't parse name")
  const all = [...tool.kernel.programs.values()]
  const tag = text.toLowerCase()
  return held(
    tool,
    all.filter(p => (kind === 'tag' ? p.tag === tag : p.program.name.slice(0, 15) === text)),
  )
}

export function maps(tool: Tool, words: Words): LoadedMap[] {
  const kind = words.keyword(['id', 'name', 'pinned'])
  if (kind === undefined) throw new BpftoolError(`expected 'id', 'name' or 'pinned', got: '${words.peek() ?? '(null)'}'?`)
  const text = argument(words)
  if (kind === 'pinned') {
    const pin = pinned(tool, text)
    if (pin.kind !== 'map') throw new BpftoolError(`incorrect object type: ${pin.kind}`)
    return held(tool, [pin.map])
  }
  if (kind === 'id') {
    const found = tool.kernel.maps.get(idOf(text))
    if (found === undefined) throw new BpftoolError(`get map by id (${idOf(text)}): ${strerror(ENOENT)}`)
    return held(tool, [found])
  }
  if (text.length > 15) throw new BpftoolError("can't parse name")
  return held(
    tool,
    [...tool.kernel.maps.values()].filter(m => m.spec.name.slice(0, 15) === text),
  )
}

function held<T extends LoadedProgram | LoadedMap>(tool: Tool, objects: T[]): T[] {
  for (const object of objects) tool.open.add(object)
  return objects
}

/** The one that is meant; bpftool says nothing where there is none. */
export function only<T>(found: readonly T[], what: string, status = 255): T {
  const [one] = found
  if (one === undefined) throw new BpftoolError('', status)
  if (found.length > 1) throw new BpftoolError(`several ${what} match this handle`, status)
  return one
}

/** Paths at which an object is pinned. */
export function pinsOf(tool: Tool, object: LoadedProgram | LoadedMap): string[] {
  const pins = [...tool.kernel.bpffs.pins]
  return pins.flatMap(([path, pin]) => ((pin.kind === 'prog' ? pin.prog : pin.map) === object ? [path] : []))
}
