import { helperNames } from '../../bpf/helper-table.ts'
import { mapTypeNames } from '../../bpf/map-type-table.ts'
import { progTypeNames } from '../../bpf/prog-type-table.ts'
import type { Output, Tool } from './tool.ts'
import { attachTypeNames, linkTypeNames } from './type-table.ts'
import { BpftoolError, type Words } from './words.ts'

// What came with the kernel that this bpftool was made with.
const LAST_HELPER = 209
const LAST_MAP_TYPE = 31
const LAST_PROG_TYPE = 31

const groups = {
  prog_types: () => progTypeNames.slice(0, LAST_PROG_TYPE + 1),
  map_types: () => mapTypeNames.slice(0, LAST_MAP_TYPE + 1),
  attach_types: () => attachTypeNames,
  link_types: () => linkTypeNames,
  helpers: () => [...helperNames].filter(([id]) => id <= LAST_HELPER).map(([, name]) => `bpf_${name}`),
} as const

export function featureList(_tool: Tool, words: Words): Output {
  if (words.done) throw new BpftoolError('', 255, 'feature')
  const group = words.keyword(Object.keys(groups) as (keyof typeof groups)[])
  if (group === undefined)
    throw new BpftoolError(`expected 'prog_types', 'map_types', 'attach_types', 'link_types' or 'helpers', got: ${words.peek()}`)
  const names = groups[group]()
  return { text: names.map(name => `${name}\n`).join(''), json: names }
}
