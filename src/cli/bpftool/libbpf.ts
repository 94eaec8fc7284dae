// What libbpf does with an object file: open it, create its maps, load its programs; and what it says about it, which always goes to
// the standard error output.

import { basename } from 'node:path'
import { ENOENT, ENOTSUPP } from '../../bpf/errno.ts'
import * as T from '../../bpf/map-type-table.ts'
import { BPF_ANY } from '../../bpf/map-type-table.ts'
import type { MapSpec } from '../../bpf/program.ts'
import { NicwrightError } from '../../errors.ts'
import { idBytes } from '../../kernel/handles.ts'
import { isNeutral, type LoadedMap } from '../../kernel/map.ts'
import type { Netdev } from '../../kernel/netdev.ts'
import type { LoadedProgram } from '../../kernel/program.ts'
import { loadObject, type ObjectMap, type ObjectProgram, type ObjectSpec } from '../../object/index.ts'
import { strerror } from '../errno.ts'
import { readInput } from '../file.ts'
import { kernelName } from '../object.ts'
import { usedMaps } from '../trial.ts'
import type { Tool } from './tool.ts'

/** What libbpf needs of whoever calls it. */
export type Caller = Pick<Tool, 'kernel' | 'say' | 'open' | 'debug'>

/** Undefined where it can't be opened; why has been said. */
export function openFile(tool: Caller, path: string): ObjectSpec | undefined {
  try {
    return loadObject(readInput(path), { name: basename(path), cpus: tool.kernel.cpus })
  } catch (error) {
    if (!(error instanceof NicwrightError)) throw error
    if (error.code === 'file/enoent') tool.say(`libbpf: elf: failed to open ${path}: ${strerror(ENOENT)}`)
    else if (error.code.startsWith('file/')) tool.say(`libbpf: elf: failed to open ${path}: ${error.message}`)
    else tool.say(`libbpf: ${path}: ${error.message}`)
    return undefined
  }
}

export interface LoadRequest {
  readonly netdev?: Netdev
  /** A map that is there already and stands for one of the object. */
  readonly replacement?: (map: ObjectMap, index: number) => LoadedMap | undefined
  /** Of the programs; default all that load by themselves. */
  readonly wanted?: (program: ObjectProgram) => boolean
}

export interface LoadedFile {
  readonly programs: readonly { readonly source: ObjectProgram; readonly program: LoadedProgram }[]
  readonly maps: readonly { readonly source: ObjectMap; readonly map: LoadedMap }[]
}

/** Undefined where something was refused; what and why has been said. */
export function loadFile(tool: Caller, file: ObjectSpec, path: string, request: LoadRequest): LoadedFile | undefined {
  const failed = (): undefined => {
    tool.say(`libbpf: failed to load object '${path}'`)
    return undefined
  }
  const maps: { source: ObjectMap; map: LoadedMap }[] = []
  for (const [i, source] of file.maps.entries()) {
    const map = request.replacement?.(source, i) ?? create(tool, source, request.netdev)
    if (map === undefined) return failed()
    maps.push({ source, map })
    fillWithMaps(tool, source, map, maps)
  }
  const programs: { source: ObjectProgram; program: LoadedProgram }[] = []
  for (const source of file.programs) {
    if (!(request.wanted?.(source) ?? source.autoload)) continue
    const program = load(tool, source, maps, request.netdev)
    if (program === undefined) return failed()
    programs.push({ source, program })
  }
  for (const { source, map } of maps) {
    for (const [slot, name] of source.slots ?? []) {
      const found = programs.find(p => p.source.name === name)
      if (found !== undefined) map.ops.update(idBytes(slot), idBytes(found.program.id), BPF_ANY)
    }
  }
  return { programs, maps }
}

/** Types whose keys and values libbpf doesn't describe to the kernel. */
const UNTYPED: ReadonlySet<number> = new Set([
  T.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  T.BPF_MAP_TYPE_CGROUP_ARRAY,
  T.BPF_MAP_TYPE_STACK_TRACE,
  T.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  T.BPF_MAP_TYPE_HASH_OF_MAPS,
  T.BPF_MAP_TYPE_DEVMAP,
  T.BPF_MAP_TYPE_DEVMAP_HASH,
  T.BPF_MAP_TYPE_CPUMAP,
  T.BPF_MAP_TYPE_XSKMAP,
  T.BPF_MAP_TYPE_SOCKMAP,
  T.BPF_MAP_TYPE_SOCKHASH,
])

function create(tool: Caller, source: ObjectMap, netdev: Netdev | undefined): LoadedMap | undefined {
  const { btf, btfKey, btfValue, ...bare } = source
  const typed = btf !== undefined && ((btfKey ?? 0) !== 0 || (btfValue ?? 0) !== 0) && !UNTYPED.has(source.type)
  const name = kernelName(source.name)
  const place = netdev !== undefined && !isNeutral(source) ? netdev : undefined
  const retry = (errno: number): void => {
    // The C library's own words end at 133.
    const text = errno === ENOTSUPP ? `ERROR: strerror_r(${-errno})=22` : strerror(errno)
    tool.say(`libbpf: Error in bpf_create_map_xattr(${source.name}):${text}(${-errno}). Retrying without BTF.`)
  }
  let spec: MapSpec = { ...(typed ? source : bare), name }
  if (typed && place !== undefined) {
    // A device takes no types: libbpf asks with them first.
    const tried = tool.kernel.createMap({ ...bare, name, init: [] }, place)
    if (tried.ok) tool.kernel.removeMap(tried.map)
    retry(tried.ok ? ENOTSUPP : tried.errno)
    spec = { ...bare, name }
    // What was refused has taken no id.
    if (tried.ok) tool.kernel.next = { ...tool.kernel.next, map: tried.map.id }
  }
  let made = tool.kernel.createMap(spec, place)
  if (!made.ok && typed && place === undefined) {
    retry(made.errno)
    made = tool.kernel.createMap({ ...bare, name })
  }
  if (!made.ok) {
    tool.say(`libbpf: map '${source.name}': failed to create: ${strerror(made.errno)}(${-made.errno})`)
    return undefined
  }
  tool.open.add(made.map)
  return made.map
}

function fillWithMaps(tool: Caller, source: ObjectMap, map: LoadedMap, maps: LoadedFile['maps']): void {
  for (const [slot, inner] of source.slots ?? []) {
    const found = typeof inner === 'number' ? maps[inner] : undefined
    if (found === undefined) continue
    const error = map.ops.update(idBytes(slot), idBytes(found.map.id), BPF_ANY)
    if (error !== 0)
      tool.say(
        `libbpf: map '${source.name}': failed to initialize slot [${slot}] to map '${found.source.name}': ${strerror(-error)}`,
      )
  }
}

function load(
  tool: Caller,
  source: ObjectProgram,
  maps: LoadedFile['maps'],
  netdev: Netdev | undefined,
): LoadedProgram | undefined {
  const { program, maps: used } = usedMaps(
    source,
    maps.map(each => each.source),
  )
  const handles = used.flatMap(spec => maps.find(each => each.source === spec)?.map ?? [])
  const result = tool.kernel.load({ ...program, name: kernelName(program.name) }, handles, netdev === undefined ? {} : { netdev })
  if (!result.ok) {
    tool.say(`libbpf: prog '${source.name}': BPF program load failed: ${strerror(result.errno)}`)
    const log = result.log.trimEnd()
    if (log !== '') tool.say(`libbpf: prog '${source.name}': -- BEGIN PROG LOAD LOG --\n${log}\n-- END PROG LOAD LOG --`)
    tool.say(`libbpf: prog '${source.name}': failed to load: ${-result.errno}`)
    return undefined
  }
  if (tool.debug)
    tool.say(`libbpf: prog '${source.name}': -- BEGIN PROG LOAD LOG --\n${result.log.trimEnd()}\n-- END PROG LOAD LOG --`)
  tool.open.add(result.program)
  // Read-only data belongs to every program of the object.
  for (const each of maps) if (each.source.internal === 'rodata') tool.kernel.bindMap(result.program, each.map)
  return result.program
}
