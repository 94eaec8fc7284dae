import type { Kernel } from '../../kernel/kernel.ts'
import type { LoadedMap } from '../../kernel/map.ts'
import type { LoadedProgram } from '../../kernel/program.ts'
import { BpftoolError, type Words } from './words.ts'

function number(text: string): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN
  if (!(value < 2 ** 32)) throw new BpftoolError(`can't parse ${text} as ID`)
  return value
}

/** `id N`, `tag T` or `name X`: all programs that it means. */
export function programs(kernel: Kernel, words: Words): LoadedProgram[] {
  const kind = words.keyword(['id', 'tag', 'name'])
  if (kind === undefined) throw new BpftoolError(`expected 'id', 'tag', 'name' or 'pinned', got: '${words.peek() ?? ''}'?`)
  if (words.done) throw new BpftoolError(`what is '${kind}'?`)
  const text = words.next()
  if (kind === 'id') {
    const found = kernel.programs.get(number(text))
    if (found === undefined) throw new BpftoolError(`get by id (${number(text)}): No such file or directory`)
    return [found]
  }
  const all = [...kernel.programs.values()]
  const found = all.filter(p => (kind === 'tag' ? p.tag === text : p.program.name.slice(0, 15) === text))
  if (found.length === 0) throw new BpftoolError(`no such ${kind}`.replace('no such name', "can't get prog by name"))
  return found
}

export function maps(kernel: Kernel, words: Words): LoadedMap[] {
  const kind = words.keyword(['id', 'name'])
  if (kind === undefined) throw new BpftoolError(`expected 'id', 'name' or 'pinned', got: '${words.peek() ?? ''}'?`)
  if (words.done) throw new BpftoolError(`what is '${kind}'?`)
  const text = words.next()
  if (kind === 'id') {
    const found = kernel.maps.get(number(text))
    if (found === undefined) throw new BpftoolError(`get map by id (${number(text)}): No such file or directory`)
    return [found]
  }
  const found = [...kernel.maps.values()].filter(m => m.spec.name.slice(0, 15) === text)
  if (found.length === 0) throw new BpftoolError("can't find map by name")
  return found
}

export function only<T>(found: readonly T[], what: string): T {
  const [one] = found
  if (one === undefined || found.length > 1) throw new BpftoolError(`several ${what} match this handle`)
  return one
}
