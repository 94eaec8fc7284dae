// The tool's options: before or between the words, short ones together, long ones by any beginning that only one of them has.

import type { ToolOptions } from './tool.ts'
import { BpftoolError } from './words.ts'

const LONG = [
  'json',
  'help',
  'pretty',
  'version',
  'bpffs',
  'mapcompat',
  'nomount',
  'debug',
  'use-loader',
  'base-btf',
  'legacy',
] as const
type Long = (typeof LONG)[number]
const SHORT: Readonly<Record<string, Long>> = {
  j: 'json',
  h: 'help',
  p: 'pretty',
  V: 'version',
  f: 'bpffs',
  m: 'mapcompat',
  n: 'nomount',
  d: 'debug',
  L: 'use-loader',
  B: 'base-btf',
  l: 'legacy',
}

export interface Parsed {
  readonly options: ToolOptions
  readonly words: readonly string[]
  /** What ends it before any command. */
  readonly instead?: 'help' | 'version'
  readonly error?: BpftoolError
}

export function parseOptions(args: readonly string[]): Parsed {
  const set = new Set<Long>()
  const words: string[] = []
  let instead: 'help' | 'version' | undefined
  let error: BpftoolError | undefined
  const take = (name: Long, rest: () => string | undefined): void => {
    if (name === 'help' || name === 'version') instead ??= name
    else if (name === 'base-btf') {
      const path = rest()
      error ??= new BpftoolError(`failed to parse base BTF at '${path ?? ''}': -2\n`)
    } else set.add(name)
  }
  for (let i = 0; i < args.length && instead === undefined && error === undefined; i++) {
    const word = args[i] ?? ''
    const unknown = new BpftoolError(`unrecognized option '${word}'`, 255, '')
    if (word === '--') {
      words.push(...args.slice(i + 1))
      break
    }
    if (word.startsWith('--')) {
      const [text = '', value] = word.slice(2).split('=')
      const fits = LONG.filter(name => name.startsWith(text))
      const name = LONG.find(each => each === text) ?? (fits.length === 1 ? fits[0] : undefined)
      if (name === undefined || (value !== undefined && name !== 'base-btf')) error = unknown
      else take(name, () => value ?? args[++i])
    } else if (word.length > 1 && word.startsWith('-')) {
      for (let at = 1; at < word.length && error === undefined; at++) {
        const name = SHORT[word[at] ?? '']
        if (name === undefined) error = unknown
        else if (name !== 'base-btf') take(name, () => undefined)
        else {
          take(name, () => word.slice(at + 1) || args[++i])
          break
        }
      }
    } else words.push(word)
  }
  const pretty = set.has('pretty')
  return {
    options: {
      json: set.has('json') || pretty,
      pretty,
      debug: set.has('debug'),
      bpffs: set.has('bpffs'),
      noMount: set.has('nomount'),
      legacy: set.has('legacy'),
    },
    words,
    ...(instead === undefined ? {} : { instead }),
    ...(error === undefined ? {} : { error }),
  }
}
