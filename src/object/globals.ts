import { BPF_F_MMAPABLE, BPF_F_RDONLY_PROG, BPF_MAP_TYPE_ARRAY } from '../bpf/map-type-table.ts'
import type { Btf } from '../btf/parse.ts'
import { LINKAGE_STATIC } from '../btf/types.ts'
import { decodeText } from '../bytes/cursor.ts'
import { encodeText } from '../bytes/writer.ts'
import type { DataSection } from './file.ts'
import type { ObjectMap } from './spec.ts'

// Global variables: each section of them becomes an array map with one element, named after the object and the section. The
// kernel keeps 15 bytes of a name, so both parts are cut: at least 7 of them belong to the section.

const NAME_BYTES = 15

/** Of the object, from its file's name: up to the first dot, at most 15 bytes. */
export function objectName(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1).split('.')[0] ?? ''
  return cut(base, NAME_BYTES)
}

function cut(text: string, bytes: number): string {
  return decodeText(encodeText(text).subarray(0, bytes)).replace(/\uFFFD+$/, '')
}

export function internalName(object: string, section: string): string {
  const suffix = Math.min(NAME_BYTES, Math.max(7, section.length))
  // `.data.custom` already says enough by itself.
  const prefix = section.indexOf('.', 1) > 0 ? 0 : NAME_BYTES - suffix
  return (cut(object, prefix) + section.slice(0, suffix)).replace(/[^A-Za-z0-9_.]/g, '_')
}

const KEY = new Uint8Array(4)

/** The map of a section of global data. `blob` is the BTF that maps refer to. */
export function globalMap(data: DataSection, object: string, btf: Btf | undefined, blob: Uint8Array | undefined): ObjectMap {
  const { section, kind } = data
  const id = btf?.named(section.name, 'datasec')[0]
  return {
    name: internalName(object, section.name),
    section: section.name,
    internal: kind,
    type: BPF_MAP_TYPE_ARRAY,
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: (kind === 'rodata' ? BPF_F_RDONLY_PROG : 0) | (isShared(btf, id) ? BPF_F_MMAPABLE : 0),
    ...(id !== undefined && blob !== undefined ? { btf: blob, btfKey: 0, btfValue: id } : {}),
    ...(kind === 'bss' ? {} : { init: [{ key: KEY, value: section.data.slice() }] }),
    ...(kind === 'rodata' ? { frozen: true } : {}),
  }
}

/** A section can be mapped into user space if there is a variable in it that user space can name. */
function isShared(btf: Btf | undefined, id: number | undefined): boolean {
  if (btf === undefined || id === undefined) return false
  const datasec = btf.type(id)
  if (datasec.kind !== 'datasec') return false
  return datasec.vars.some(({ type }) => {
    const variable = btf.type(type)
    return variable.kind === 'var' && variable.linkage !== LINKAGE_STATIC
  })
}
