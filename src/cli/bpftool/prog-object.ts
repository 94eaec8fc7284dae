// prog load, loadall and pin.

import { posix } from 'node:path'
import { ENODEV } from '../../bpf/errno.ts'
import type { LoadedMap } from '../../kernel/map.ts'
import type { Netdev } from '../../kernel/netdev.ts'
import { sectionMeaning } from '../../object/index.ts'
import { strerror } from '../errno.ts'
import { kernelName } from '../object.ts'
import { cNumber, maps, only, programs } from './handle.ts'
import { loadFile, openFile } from './libbpf.ts'
import { mountFor, pinAt } from './pin.ts'
import { NOTHING, type Output, type Tool } from './tool.ts'
import { progTypeSections } from './type-table.ts'
import { BpftoolError, type Words } from './words.ts'

const STRICT = `Warning: bpftool is now running in libbpf strict mode and has more stringent requirements about BPF programs.
If it used to work for this object file but now doesn't, see --legacy option for more details.
`

export function progLoad(tool: Tool, words: Words): Output {
  return load(tool, words, true)
}

export function progLoadAll(tool: Tool, words: Words): Output {
  return load(tool, words, false)
}

interface Request {
  readonly path: string
  readonly pin: string
  readonly type?: number
  readonly attachType?: number
  readonly netdev?: Netdev
  readonly pinMaps?: string
  /** Maps that stand in for those of the object, by index or by name. */
  readonly replaced: ReadonlyMap<number | string, LoadedMap>
}

function load(tool: Tool, words: Words, first: boolean): Output {
  words.need(2)
  const request = parse(tool, words)
  const file = openFile(tool, request.path)
  if (file === undefined) throw new BpftoolError('failed to open object file')
  const names = new Set(file.maps.map(map => map.name))
  for (const key of request.replaced.keys())
    if (typeof key === 'number' ? key >= file.maps.length : !names.has(key))
      throw new BpftoolError(
        typeof key === 'number' ? `no map idx ${key} in the object file` : `no map '${key}' in the object file`,
      )
  const { type, attachType, netdev, replaced } = request
  const retyped = file.programs.map(program =>
    type === undefined ? program : { ...program, type, expectedAttachType: attachType ?? program.expectedAttachType },
  )
  try {
    const loaded = loadFile(tool, { ...file, programs: retyped }, request.path, {
      ...(netdev === undefined ? {} : { netdev }),
      replacement: (map, index) => replaced.get(index) ?? replaced.get(map.name),
    })
    if (loaded === undefined) throw new BpftoolError('failed to load object file')
    const [one] = loaded.programs
    if (first && one !== undefined) {
      mountFor(tool, request.pin)
      if (tool.kernel.bpffs.pin(request.pin, { kind: 'prog', prog: one.program }) !== 0)
        throw new BpftoolError(`failed to pin program ${one.source.section}`)
    } else if (!first) pinPrograms(tool, request.pin, loaded.programs)
    if (request.pinMaps !== undefined) pinMaps(tool, request.pinMaps, loaded.maps)
    return NOTHING
  } catch (error) {
    if (error instanceof BpftoolError && !tool.legacy) throw new BpftoolError(error.message, error.status, STRICT)
    throw error
  }
}

function parse(tool: Tool, words: Words): Request {
  const path = words.next()
  const pin = words.next()
  let type: number | undefined
  let attachType: number | undefined
  let netdev: Netdev | undefined
  let pinDir: string | undefined
  const replaced = new Map<number | string, LoadedMap>()
  while (!words.done) {
    const word = words.peek() ?? ''
    const keyword = words.keyword(['type', 'map', 'dev', 'pinmaps'])
    if (keyword === 'type') {
      words.need(1)
      if (type !== undefined) throw new BpftoolError('program type already specified')
      const meaning = typeOf(tool, words.next())
      type = meaning.type
      attachType = meaning.attachType
    } else if (keyword === 'map') {
      const [key, map] = replacement(tool, words)
      if (replaced.has(key)) throw new BpftoolError(`replacement for map idx ${key} specified more than once`)
      replaced.set(key, map)
    } else if (keyword === 'dev') {
      words.need(1)
      if (netdev !== undefined) throw new BpftoolError('offload device already specified')
      const name = words.next()
      netdev = tool.kernel.netdevs.get(name)
      if (netdev === undefined) throw new BpftoolError(`unrecognized netdevice '${name}': ${strerror(ENODEV)}`)
    } else if (keyword === 'pinmaps') {
      words.need(1)
      pinDir = words.next()
    } else throw new BpftoolError(`expected no more arguments, 'type', 'map' or 'dev', got: '${word}'?`)
  }
  return {
    path,
    pin,
    replaced,
    ...(type === undefined ? {} : { type }),
    ...(attachType === undefined ? {} : { attachType }),
    ...(netdev === undefined ? {} : { netdev }),
    ...(pinDir === undefined ? {} : { pinMaps: pinDir }),
  }
}

function replacement(tool: Tool, words: Words): [number | string, LoadedMap] {
  words.need(4)
  const kind = words.keyword(['idx', 'name'])
  if (kind === undefined) throw new BpftoolError(`expected 'idx' or 'name', got: '${words.peek() ?? ''}'?`)
  const text = words.next()
  const key = kind === 'name' ? text : cNumber(text)
  if (key === undefined) throw new BpftoolError(`can't parse ${text} as IDX`)
  return [key, only(maps(tool, words), 'maps')]
}

/** A type is named as the sections of an object file are. */
function typeOf(tool: Tool, name: string): { readonly type: number; readonly attachType: number } {
  const { type, attachType } = sectionMeaning(name)
  if (type !== 0) return { type, attachType }
  tool.say(`libbpf: failed to guess program type from ELF section '${name}/'`)
  tool.say(`libbpf: supported section(type) names are: ${progTypeSections}`)
  throw new BpftoolError('')
}

function pinPrograms(tool: Tool, folder: string, list: NonNullable<ReturnType<typeof loadFile>>['programs']): void {
  mountFor(tool, folder)
  for (const { source, program } of list) {
    if (!pinBelow(tool, folder, source.name, { kind: 'prog', prog: program }))
      throw new BpftoolError('failed to pin all programs')
  }
}

function pinMaps(tool: Tool, folder: string, list: NonNullable<ReturnType<typeof loadFile>>['maps']): void {
  mountFor(tool, folder)
  for (const { source, map } of list) {
    // The file system has no names with dots.
    if (!pinBelow(tool, folder, source.name.replaceAll('.', '_'), { kind: 'map', map }))
      throw new BpftoolError('failed to pin all maps')
  }
}

/** Pins into a folder, which is made when it isn't there. */
function pinBelow(tool: Tool, folder: string, name: string, pin: Parameters<typeof tool.kernel.bpffs.pin>[1]): boolean {
  const { bpffs } = tool.kernel
  if (!bpffs.isFolder(folder) && bpffs.mkdir(folder) !== 0) return false
  const path = posix.join(folder, name)
  const error = bpffs.pin(path, pin)
  if (error === 0) return true
  const what = pin.kind === 'prog' ? `prog '${name}': failed to pin at '${path}'` : `failed to pin map: ${path}`
  tool.say(`libbpf: ${what}: ${strerror(-error)}`)
  return false
}

export function progPin(tool: Tool, words: Words): Output {
  words.need(3, 234)
  const program = only(programs(tool, words), 'programs')
  const path = words.next()
  if (!words.done) throw new BpftoolError(`what is '${kernelName(words.peek() ?? '')}'?`)
  pinAt(tool, path, { kind: 'prog', prog: program })
  return NOTHING
}
