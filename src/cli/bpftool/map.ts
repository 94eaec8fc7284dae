import { EINVAL, ENOENT, ENOTSUPP } from '../../bpf/errno.ts'
import * as T from '../../bpf/map-type-table.ts'
import { progTypeNames } from '../../bpf/prog-type-table.ts'
import { holdsMaps, holdsPrograms } from '../../kernel/handles.ts'
import { type LoadedMap, mayWrite } from '../../kernel/map.ts'
import { strerror } from '../errno.ts'
import { device, deviceText, present } from './device.ts'
import { elementJson, elementOutput, elementPlain, parseElement } from './element.ts'
import { maps, only, pinsOf } from './handle.ts'
import { elementError, hexLines, hexStrings } from './hex.ts'
import { type Json, printJson } from './json.ts'
import { memlock } from './memlock.ts'
import { pinAt } from './pin.ts'
import { NOTHING, type Output, type Tool } from './tool.ts'
import { BpftoolError, statusOf, type Words } from './words.ts'

export function mapShow(tool: Tool, words: Words): Output {
  if (words.done) {
    const list = [...tool.kernel.maps.values()].map(map => present(map, 'map'))
    // The tool asks into the same memory again and again, and Linux 6.18 doesn't clear what a map hasn't.
    let btf: number | undefined
    const shown = list.map(map => {
      btf = map.btf?.id ?? btf
      return { map, btf }
    })
    return {
      text: shown.map(each => mapText(each.map, each.btf, tool)).join(''),
      json: shown.map(each => mapJson(each.map, each.btf, tool)),
    }
  }
  if (words.left !== 2) throw new BpftoolError(`what is '${words.peek()}'?`)
  const list = maps(tool, words).map(map => present(map, 'map'))
  if (list.length === 0) return { text: '', json: undefined, status: 255 }
  const json = list.map(map => mapJson(map, map.btf?.id, tool))
  return {
    text: list.map(map => mapText(map, map.btf?.id, tool)).join(''),
    json: json.length === 1 ? json[0] : json,
  }
}

/** Programs can't write to a map of devices, and Linux says so in its flags. */
function flagsOf({ spec }: LoadedMap): number {
  const devices = spec.type === T.BPF_MAP_TYPE_DEVMAP || spec.type === T.BPF_MAP_TYPE_DEVMAP_HASH
  return devices ? spec.flags | T.BPF_F_RDONLY_PROG : spec.flags
}

function mapText(map: LoadedMap, btf: number | undefined, tool: Tool): string {
  const { spec, owner } = map
  const name = spec.name === '' ? '' : `name ${spec.name}  `
  const locked = memlock(map)
  const ownerText = owner === undefined ? '' : `\towner_prog_type ${progTypeNames[owner.type]}  owner not jited\n`
  const pins = tool.bpffs ? pinsOf(tool, map).map(path => `\tpinned ${path}\n`) : []
  const last = [btf === undefined ? [] : [`btf_id ${btf}`], map.frozen ? ['frozen'] : []].flat().join('  ')
  return `${map.id}: ${T.mapTypeNames[spec.type]}  ${name}flags 0x${flagsOf(map).toString(16)}${deviceText(map.bound)}
\tkey ${spec.keySize}B  value ${spec.valueSize}B  max_entries ${spec.maxEntries}${locked === undefined ? '' : `  memlock ${locked}B`}
${ownerText}${pins.join('')}${last === '' ? '' : `\t${last}\n`}`
}

function mapJson(map: LoadedMap, btf: number | undefined, tool: Tool): Json {
  const { spec, owner } = map
  const pins = tool.bpffs ? pinsOf(tool, map) : []
  return {
    id: map.id,
    type: T.mapTypeNames[spec.type] ?? '',
    name: spec.name === '' ? undefined : spec.name,
    flags: flagsOf(map),
    dev: device(map.bound),
    bytes_key: spec.keySize,
    bytes_value: spec.valueSize,
    max_entries: spec.maxEntries,
    bytes_memlock: memlock(map),
    owner_prog_type: owner === undefined ? undefined : (progTypeNames[owner.type] ?? ''),
    owner_jited: owner === undefined ? undefined : false,
    frozen: map.frozen ? 1 : 0,
    btf_id: btf,
    pinned: pins.length === 0 ? undefined : pins,
  }
}

/** The map that a command with nothing else names; anything else gets the usage. */
function alone(tool: Tool, words: Words): LoadedMap[] {
  if (words.left !== 2) throw new BpftoolError('', 255, 'map')
  return maps(tool, words)
}

/** The one map at the beginning of a command that takes more. */
function first(tool: Tool, words: Words): LoadedMap {
  if (words.left < 2) throw new BpftoolError('', 255, 'map')
  return present(only(maps(tool, words), 'maps'), 'map')
}

export function mapDump(tool: Tool, words: Words): Output {
  const list = alone(tool, words).map(map => present(map, 'map'))
  if (list.length === 0) return { text: '', json: undefined, status: 255 }
  const dumps = list.map(dump)
  if (dumps.length === 1) return dumps[0] ?? NOTHING
  return {
    text: dumps.map(d => d.text).join(''),
    json: list.map((map, i) => ({ ...(mapJson(map, map.btf?.id, tool) as object), elements: dumps[i]?.json })),
    status: dumps.find(d => d.status !== 0)?.status ?? 0,
  }
}

function dump(map: LoadedMap): Output {
  const texts: string[] = []
  const typed: Json[] = []
  const json: Json[] = []
  let found = 0
  let status = 0
  let key = map.ops.nextKey(undefined)
  for (; typeof key !== 'number'; key = map.ops.nextKey(key)) {
    const value = map.ops.lookup(key)
    if (typeof value === 'number') {
      // Empty slots of maps that stand for objects are not worth a word.
      if (value === -ENOENT && (holdsMaps(map.spec) || holdsPrograms(map.spec))) continue
      const message = value === -ENOENT ? '<no entry>' : strerror(-value)
      texts.push(elementError(key, message))
      json.push({ key: hexStrings(key), value: { error: strerror(-value) } })
      continue
    }
    found++
    const plain = elementPlain(map, key, value)
    if (plain.json !== undefined) typed.push(plain.json)
    else texts.push(plain.text ?? '')
    json.push(elementJson(map, key, value))
  }
  if (noOrder(map)) status = statusOf(-EINVAL)
  else if (key !== -ENOENT) status = statusOf(key)
  if (map.spec.type === T.BPF_MAP_TYPE_RINGBUF) status = statusOf(-ENOTSUPP)
  const text =
    map.btf === undefined ? `${texts.join('')}Found ${found} element${found === 1 ? '' : 's'}\n` : printJson(typed, true)
  return { text, json, status }
}

/** Queues and stacks have no keys to go along. */
function noOrder(map: LoadedMap): boolean {
  return map.spec.type === T.BPF_MAP_TYPE_QUEUE || map.spec.type === T.BPF_MAP_TYPE_STACK
}

function isQueue(map: LoadedMap): boolean {
  return noOrder(map) && map.host !== undefined
}

export function mapLookup(tool: Tool, words: Words): Output {
  const map = first(tool, words)
  const { key } = parseElement(tool, words, map, { key: true })
  const value = isQueue(map) ? (map.host?.popBytes(true) ?? -ENOENT) : map.ops.lookup(key)
  if (value === -ENOENT) return { text: `key:\n${hexLines(key)}\n\nNot found\n`, json: null, status: statusOf(-ENOENT) }
  if (typeof value === 'number') throw new BpftoolError(`lookup failed: ${strerror(-value)}`, statusOf(value))
  return elementOutput(map, key, value)
}

export function mapUpdate(tool: Tool, words: Words): Output {
  const map = first(tool, words)
  const { key, value, flags } = parseElement(tool, words, map, { key: true, value: true, flags: true })
  const error =
    isQueue(map) && map.host !== undefined ? mayWrite(map) || map.host.pushBytes(value, flags) : map.ops.update(key, value, flags)
  if (error !== 0) throw new BpftoolError(`update failed: ${strerror(-error)}`, statusOf(error))
  return NOTHING
}

export function mapDelete(tool: Tool, words: Words): Output {
  const map = first(tool, words)
  if (words.done) throw new BpftoolError('did not find key')
  const { key } = parseElement(tool, words, map, { key: true })
  const error = map.ops.remove(key)
  if (error !== 0) throw new BpftoolError(`delete failed: ${strerror(-error)}`, statusOf(error))
  return NOTHING
}

export function mapNext(tool: Tool, words: Words): Output {
  const map = first(tool, words)
  const key = words.done ? undefined : parseElement(tool, words, map, { key: true }).key
  const next = noOrder(map) ? -EINVAL : map.ops.nextKey(key)
  if (typeof next === 'number') throw new BpftoolError(`can't get next key: ${strerror(-next)}`, statusOf(next))
  return {
    text: `${key === undefined ? 'key: None\n' : `key:\n${hexLines(key)}\n`}next key:\n${hexLines(next)}\n`,
    json: { key: key === undefined ? null : hexStrings(key), next_key: hexStrings(next) },
  }
}

export function mapPop(tool: Tool, words: Words): Output {
  const map = only(alone(tool, words), 'maps')
  const value = take(map)
  if (value === -ENOENT) return { text: 'Error: empty map\n', json: null, status: statusOf(-ENOENT) }
  if (typeof value === 'number') throw new BpftoolError(`pop failed: ${strerror(-value)}`, statusOf(value))
  return elementOutput(map, new Uint8Array(map.spec.keySize), value)
}

/** Looks up and deletes; of a map with keys, the element of the key 0. */
function take(map: LoadedMap): Uint8Array | number {
  const forbidden = mayWrite(map)
  if (forbidden !== 0) return forbidden
  if (isQueue(map)) return map.host?.popBytes() ?? -ENOENT
  const { type, keySize } = map.spec
  const hash = [T.BPF_MAP_TYPE_HASH, T.BPF_MAP_TYPE_LRU_HASH, T.BPF_MAP_TYPE_PERCPU_HASH, T.BPF_MAP_TYPE_LRU_PERCPU_HASH]
  if (!hash.includes(type) || map.bound !== undefined) return -ENOTSUPP
  const key = new Uint8Array(keySize)
  const value = map.ops.lookup(key)
  if (typeof value === 'number') return value
  return map.ops.remove(key) || value
}

export function mapFreeze(tool: Tool, words: Words): Output {
  const map = only(alone(tool, words), 'maps')
  const error = tool.kernel.freeze(map)
  if (error !== 0) throw new BpftoolError(`failed to freeze map: ${strerror(-error)}`, statusOf(error))
  return NOTHING
}

export function mapPin(tool: Tool, words: Words): Output {
  words.need(3, 234)
  const map = only(maps(tool, words), 'maps')
  pinAt(tool, words.next(), { kind: 'map', map })
  return NOTHING
}

/** Events reach readers that wait for them, and no command outlives another here. */
export function mapEventPipe(tool: Tool, words: Words): Output {
  const map = first(tool, words)
  if (map.spec.type !== T.BPF_MAP_TYPE_PERF_EVENT_ARRAY) throw new BpftoolError('map is not a perf event array')
  throw new BpftoolError(`failed to create perf buffer: ${strerror(95)} (-95)`)
}
