import { ENODEV } from '../../bpf/errno.ts'
import { mapTypeNames } from '../../bpf/map-type-table.ts'
import type { MapSpec } from '../../bpf/program.ts'
import type { LoadedMap } from '../../kernel/map.ts'
import type { Netdev } from '../../kernel/netdev.ts'
import { strerror } from '../errno.ts'
import { kernelName } from '../object.ts'
import { cNumber, maps, only } from './handle.ts'
import { pinAt } from './pin.ts'
import { NOTHING, type Output, type Tool } from './tool.ts'
import { BpftoolError, type Words } from './words.ts'

/** Numbers that a keyword gives, with the words for them in errors. */
const NUMBERS = {
  key: 'key size',
  value: 'value size',
  entries: 'max entries',
  flags: 'flags',
} as const

export function mapCreate(tool: Tool, words: Words): Output {
  words.need(7)
  const path = words.next()
  const numbers: Partial<Record<keyof typeof NUMBERS, number>> = {}
  let type: number | undefined
  let name: string | undefined
  let netdev: Netdev | undefined
  let inner: LoadedMap | undefined
  while (!words.done) {
    words.need(2)
    const text = words.peek() ?? ''
    const keyword = words.keyword(['type', 'name', 'key', 'value', 'entries', 'flags', 'dev', 'inner_map'])
    if (keyword === undefined) throw new BpftoolError(`unknown arg ${text}`)
    if (keyword === 'type') {
      if (type !== undefined) throw new BpftoolError('map type already specified')
      type = typeOf(words.next())
    } else if (keyword === 'name') name = words.next()
    else if (keyword === 'dev') {
      const device = words.next()
      netdev = tool.kernel.netdevs.get(device)
      if (netdev === undefined) throw new BpftoolError(`unrecognized netdevice '${device}': ${strerror(ENODEV)}`)
    } else if (keyword === 'inner_map') inner = only(maps(tool, words), 'maps')
    else {
      const what = NUMBERS[keyword]
      if (numbers[keyword] !== undefined) throw new BpftoolError(`${what} already specified`)
      const number = words.next()
      const value = cNumber(number)
      if (value === undefined) throw new BpftoolError(`can't parse ${number} as ${what}`)
      numbers[keyword] = value
    }
  }
  if (name === undefined) throw new BpftoolError('map name not specified')
  const spec: MapSpec = {
    name: kernelName(name),
    type: type ?? 0,
    keySize: numbers.key ?? 0,
    valueSize: numbers.value ?? 0,
    maxEntries: numbers.entries ?? 0,
    flags: numbers.flags ?? 0,
    ...(inner === undefined ? {} : { inner: shape(inner.spec) }),
  }
  const made = tool.kernel.createMap(spec, netdev)
  if (!made.ok) throw new BpftoolError(`map create failed: ${strerror(made.errno)}`)
  tool.open.add(made.map)
  pinAt(tool, path, { kind: 'map', map: made.map })
  return NOTHING
}

/** What an outer map keeps of an inner one: its form, not its contents. */
function shape({ init: _, btf: _btf, frozen: _frozen, ...spec }: MapSpec): MapSpec {
  return spec
}

/** A name in full: the one word that may not be abbreviated. */
function typeOf(text: string): number {
  const number = mapTypeNames.indexOf(text)
  if (number < 0) throw new BpftoolError(`unrecognized map type: ${text}`)
  return number
}
