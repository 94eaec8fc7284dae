// Keys and values on the command line, and how an element is shown.

import * as T from '../../bpf/map-type-table.ts'
import { type Btf, parseBtf, type Shown, showValue } from '../../btf/index.ts'
import { NicwrightError } from '../../errors.ts'
import { holdsMaps, holdsPrograms, idBytes } from '../../kernel/handles.ts'
import type { LoadedMap } from '../../kernel/map.ts'
import { maps, only, programs } from './handle.ts'
import { elementText, hexLines, hexStrings } from './hex.ts'
import { type Json, Members, printJson, Raw } from './json.ts'
import type { Tool } from './tool.ts'
import { BpftoolError, type Words } from './words.ts'

export interface Element {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly flags: number
}

const FLAGS: Readonly<Record<string, number>> = { any: T.BPF_ANY, noexist: T.BPF_NOEXIST, exist: T.BPF_EXIST }

/** Reads `key DATA value DATA flags`, of which the command wants what `want` says; the map's own sizes decide what exists. */
export function parseElement(
  tool: Tool,
  words: Words,
  map: LoadedMap,
  want: { readonly key?: boolean; readonly value?: boolean; readonly flags?: boolean },
): Element {
  const { keySize, valueSize } = map.spec
  let key: Uint8Array | undefined
  let value: Uint8Array | undefined
  let flags: number | undefined
  const wanted = { key: want.key === true && keySize > 0, value: want.value === true && valueSize > 0 }
  while (!words.done) {
    const text = words.peek() ?? ''
    const keyword = words.keyword(['key', 'value', 'any', 'noexist', 'exist'])
    if (keyword === 'key') {
      if (!wanted.key || key !== undefined)
        throw new BpftoolError(want.key === true && keySize > 0 ? 'duplicate key' : 'unnecessary key')
      key = bytesOf(words, keySize, 'key')
    } else if (keyword === 'value') {
      if (!wanted.value || value !== undefined)
        throw new BpftoolError(want.value === true && valueSize > 0 ? 'duplicate value' : 'unnecessary value')
      value = readValue(tool, words, map)
    } else if (keyword !== undefined) {
      if (want.flags !== true || flags !== undefined) throw new BpftoolError(`flags specified multiple times: ${text}`)
      flags = FLAGS[keyword]
    } else throw new BpftoolError(`expected key or value, got: ${text}`)
  }
  if (wanted.key && key === undefined) throw new BpftoolError('did not find key')
  if (wanted.value && value === undefined) throw new BpftoolError('did not find value')
  return { key: key ?? new Uint8Array(0), value: value ?? new Uint8Array(0), flags: flags ?? T.BPF_ANY }
}

function readValue(tool: Tool, words: Words, map: LoadedMap): Uint8Array {
  const { valueSize } = map.spec
  if (holdsMaps(map.spec)) return idBytes(only(maps(tool, words), 'maps').id)
  if (holdsPrograms(map.spec)) {
    if (words.peek() !== undefined && 'id'.startsWith(words.peek() ?? ' '))
      tool.say('Warning: updating program array via MAP_ID, make sure this map is kept open\n')
    return idBytes(only(programs(tool, words), 'programs').id)
  }
  const bytes = bytesOf(words, valueSize, 'value')
  const { host } = map
  if (host === undefined || !host.perCpu) return bytes
  // The same on every CPU.
  const all = new Uint8Array(host.userValueBytes)
  for (let at = 0; at < all.length; at += all.length / host.cpus) all.set(bytes, at)
  return all
}

/** Bytes in decimal, octal (leading 0) or hex (0x, or all of them after the word `hex`), as many as the map wants. */
export function bytesOf(words: Words, count: number, what: string): Uint8Array {
  const base16 = words.keyword(['hex']) !== undefined
  const bytes = new Uint8Array(count)
  let i = 0
  for (; i < count && !words.done; i++) {
    const text = words.next()
    const base = base16 || /^0x/i.test(text) ? 16 : /^0[0-7]/.test(text) ? 8 : 10
    const digits = base === 16 ? /^(0x)?[0-9a-f]+$/i : base === 8 ? /^[0-7]+$/ : /^\d+$/
    if (!digits.test(text)) throw new BpftoolError(`error parsing byte: ${text}`)
    // A larger number is cut to a byte, as C does.
    bytes[i] = Number(BigInt.asUintN(8, BigInt(base === 8 ? `0o${text}` : base === 16 ? `0x${text.replace(/^0x/i, '')}` : text)))
  }
  if (i !== count) throw new BpftoolError(`${what} expected ${count} bytes got ${i}`)
  return bytes
}

const parsed = new WeakMap<Uint8Array, Btf>()

export function btfOf(map: LoadedMap): Btf | undefined {
  if (map.btf === undefined) return undefined
  const known = parsed.get(map.btf.bytes) ?? parseBtf(map.btf.bytes)
  parsed.set(map.btf.bytes, known)
  return known
}

/** The tree of a value as JSON. */
export function shownAsJson(shown: Shown): Json {
  if (shown.kind === 'raw') return new Raw(shown.text)
  if (shown.kind === 'text') return shown.text
  if (shown.kind === 'array') return shown.items.map(shownAsJson)
  return new Members(shown.fields.map(([name, value]) => [name, shownAsJson(value)] as const))
}

/** The values of the CPUs; of other types the one value. */
function perCpu(map: LoadedMap, value: Uint8Array): Uint8Array[] | undefined {
  const { host, spec } = map
  if (host === undefined || !host.perCpu) return undefined
  const stride = value.length / host.cpus
  return Array.from({ length: host.cpus }, (_, cpu) => value.subarray(cpu * stride, cpu * stride + spec.valueSize))
}

/** Key and value through the map's types; undefined where it has none, or the value has no form in them. */
function formatted(map: LoadedMap, key: Uint8Array, value: Uint8Array, plain: boolean): Json | undefined {
  const btf = btfOf(map)
  const { btfKey = 0, btfValue = 0 } = map.spec
  if (btf === undefined) return undefined
  try {
    const show = (id: number, bytes: Uint8Array): Json => shownAsJson(showValue(btf, id, bytes, 0, { plain }))
    const values = perCpu(map, value)
    return {
      key: btfKey === 0 ? undefined : show(btfKey, key),
      ...(values === undefined
        ? { value: show(btfValue, value) }
        : { values: values.map((bytes, cpu) => ({ cpu, value: show(btfValue, bytes) })) }),
    }
  } catch (error) {
    if (error instanceof NicwrightError) return undefined
    throw error
  }
}

/** One element as JSON: bytes, and what they mean. */
export function elementJson(map: LoadedMap, key: Uint8Array, value: Uint8Array): Json {
  const values = perCpu(map, value)
  return {
    key: hexStrings(key),
    ...(values === undefined
      ? { value: hexStrings(value) }
      : { values: values.map((bytes, cpu) => ({ cpu, value: hexStrings(bytes) })) }),
    formatted: formatted(map, key, value, false),
  }
}

/** For people: JSON of what it means where the map has types, bytes elsewhere. */
export function elementPlain(
  map: LoadedMap,
  key: Uint8Array,
  value: Uint8Array,
): { readonly json?: Json; readonly text?: string } {
  const json = formatted(map, key, value, true)
  if (json !== undefined) return { json }
  const values = perCpu(map, value)
  if (values === undefined) return { text: elementText(key, value) }
  const space = map.spec.valueSize > 16 ? '\n' : ' '
  const lines = values.map((bytes, cpu) => `value (CPU ${String(cpu).padStart(2, '0')}):${space}${hexLines(bytes)}\n`)
  return { text: `key:\n${hexLines(key)}\n${lines.join('')}` }
}

/** One element that was asked for. */
export function elementOutput(map: LoadedMap, key: Uint8Array, value: Uint8Array): { text: string; json: Json } {
  const { json, text } = elementPlain(map, key, value)
  return { text: text ?? printJson(json ?? null, true), json: elementJson(map, key, value) }
}
