import { ENOENT } from '../../bpf/errno.ts'
import * as T from '../../bpf/map-type-table.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { type LoadedMap, mapEntries } from '../../kernel/map.ts'
import { device, deviceText } from './device.ts'
import { maps, only } from './handle.ts'
import { elementText, hexLines, hexStrings } from './hex.ts'
import type { Json } from './json.ts'
import type { Output } from './prog.ts'
import { BpftoolError, type Words } from './words.ts'

export function mapShow(kernel: Kernel, words: Words): Output {
  const one = !words.done
  const list = one ? maps(kernel, words) : [...kernel.maps.values()]
  const json = list.map(mapJson)
  return { text: list.map(mapText).join(''), json: one && json.length === 1 ? (json[0] ?? null) : json }
}

function mapText(map: LoadedMap): string {
  const { spec } = map
  const name = spec.name === '' ? '' : `name ${spec.name}  `
  const locked = memlock(map)
  return `${map.id}: ${T.mapTypeNames[spec.type]}  ${name}flags 0x${spec.flags.toString(16)}${deviceText(map.bound)}
\tkey ${spec.keySize}B  value ${spec.valueSize}B  max_entries ${spec.maxEntries}${locked === undefined ? '' : `  memlock ${locked}B`}
`
}

function mapJson(map: LoadedMap): Json {
  const { spec } = map
  return {
    id: map.id,
    type: T.mapTypeNames[spec.type] ?? '',
    name: spec.name === '' ? undefined : spec.name,
    flags: spec.flags,
    dev: device(map.bound),
    bytes_key: spec.keySize,
    bytes_value: spec.valueSize,
    max_entries: spec.maxEntries,
    bytes_memlock: memlock(map),
    frozen: spec.frozen === true ? 1 : 0,
  }
}

const round8 = (bytes: number): number => (bytes + 7) & ~7

/** Bytes that Linux 6.18 accounts for, as measured there: the map's head, its elements, its buckets. Undefined where it wasn't measured. */
function memlock({ spec, bound, host }: LoadedMap): number | undefined {
  if (bound !== undefined) return 4096
  const cpus = host?.cpus ?? 1
  const { type, maxEntries, keySize, valueSize } = spec
  const ARRAY_HEAD = 312
  switch (type) {
    case T.BPF_MAP_TYPE_ARRAY:
      return ARRAY_HEAD + maxEntries * round8(valueSize)
    case T.BPF_MAP_TYPE_PROG_ARRAY:
    case T.BPF_MAP_TYPE_PERF_EVENT_ARRAY:
      return ARRAY_HEAD + maxEntries * 8
    case T.BPF_MAP_TYPE_PERCPU_ARRAY:
      return ARRAY_HEAD + maxEntries * (8 + cpus * round8(valueSize))
    case T.BPF_MAP_TYPE_HASH: {
      const element = 48 + round8(keySize) + round8(valueSize)
      return 912 + (maxEntries + cpus) * element + 16 * 2 ** Math.ceil(Math.log2(maxEntries))
    }
    default:
      return undefined
  }
}

export function mapDump(kernel: Kernel, words: Words): Output {
  const entries = mapEntries(only(maps(kernel, words), 'maps'))
  const found = `Found ${entries.length} element${entries.length === 1 ? '' : 's'}\n`
  return {
    text: entries.map(([key, value]) => elementText(key, value)).join('') + found,
    json: entries.map(([key, value]) => ({ key: hexStrings(key), value: hexStrings(value) })),
  }
}

export function mapLookup(kernel: Kernel, words: Words): Output & { readonly status?: number } {
  const map = only(maps(kernel, words), 'maps')
  if (words.keyword(['key']) === undefined) throw new BpftoolError('did not find key')
  const key = bytesOf(words, map.spec.keySize, 'key')
  const value = map.ops.lookup(key)
  if (value === -ENOENT) return { text: `key:\n${hexLines(key)}\n\nNot found\n`, json: null, status: 254 }
  if (typeof value === 'number') throw new BpftoolError(`lookup failed: errno ${-value}`, 256 + value)
  return { text: elementText(key, value), json: { key: hexStrings(key), value: hexStrings(value) } }
}

/** Bytes in decimal, octal (leading 0) or hex (0x, or all of them after the word `hex`), exactly as many as the map wants. */
function bytesOf(words: Words, count: number, what: string): Uint8Array {
  const base16 = words.keyword(['hex']) !== undefined
  const bytes = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    if (words.done) throw new BpftoolError(`${what} expected ${count} bytes got ${i}`)
    const text = words.next()
    const base = base16 || /^0x/i.test(text) ? 16 : /^0\d/.test(text) ? 8 : 10
    const value = /^(0x)?[0-9a-f]+$/i.test(text) ? Number.parseInt(text.replace(/^0x/i, ''), base) : Number.NaN
    if (!(value <= 255)) throw new BpftoolError(`error parsing byte: ${text}`)
    bytes[i] = value
  }
  if (!words.done) throw new BpftoolError(`expected no more arguments, got: '${words.peek()}'?`)
  return bytes
}
