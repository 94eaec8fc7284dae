// Maps whose values stand for objects of the kernel. User space puts an object in and reads its id back; inside, a program array holds
// the ids of programs, and a map of maps the addresses of the inner maps.

import { EBADF, EINVAL } from '../bpf/errno.ts'
import * as T from '../bpf/map-type-table.ts'
import type { MapSpec } from '../bpf/program.ts'
import type { BpfMap } from '../maps/index.ts'
import type { Kernel } from './kernel.ts'
import { hostOps, type LoadedMap, mapEntries } from './map.ts'
import type { MapOps } from './netdev.ts'
import type { LoadedProgram } from './program.ts'

export function holdsMaps(spec: MapSpec): boolean {
  return spec.type === T.BPF_MAP_TYPE_ARRAY_OF_MAPS || spec.type === T.BPF_MAP_TYPE_HASH_OF_MAPS
}

export function holdsPrograms(spec: MapSpec): boolean {
  return spec.type === T.BPF_MAP_TYPE_PROG_ARRAY
}

export function readId(value: Uint8Array): number {
  return new DataView(value.buffer, value.byteOffset).getUint32(0, true)
}

export function idBytes(id: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, id, true)
  return bytes
}

/** Operations of a map of maps, in which values are ids of maps. */
export function mapOfMapsOps(kernel: Kernel, outer: BpfMap, spec: MapSpec): MapOps {
  const ops = hostOps(outer)
  return {
    ...ops,
    lookup: key => {
      const value = ops.lookup(key)
      if (typeof value === 'number') return value
      const base = readId(value)
      for (const map of kernel.maps.values()) if (map.host?.base === base) return idBytes(map.id)
      return -EBADF
    },
    update: (key, value, flags) => {
      if (value.length !== 4) return -EINVAL
      const inner = kernel.maps.get(readId(value))
      if (inner?.host === undefined) return -EBADF
      return sameShape(spec.inner, inner.spec) ? ops.update(key, idBytes(inner.host.base), flags) : -EINVAL
    },
  }
}

/** Whether a map may stand where a map like `like` was promised. */
function sameShape(like: MapSpec | undefined, map: MapSpec): boolean {
  if (like === undefined) return false
  const array = like.type === T.BPF_MAP_TYPE_ARRAY && (like.flags & T.BPF_F_INNER_MAP) === 0
  return (
    like.type === map.type &&
    like.keySize === map.keySize &&
    like.valueSize === map.valueSize &&
    like.flags === map.flags &&
    (!array || like.maxEntries === map.maxEntries)
  )
}

/** Operations of a program array, in which values are ids of programs. `self` gives the map, which is made with these. */
export function programArrayOps(kernel: Kernel, array: BpfMap, self: () => LoadedMap): MapOps {
  const ops = hostOps(array)
  return {
    ...ops,
    update: (key, value, flags) => {
      if (value.length !== 4) return -EINVAL
      const program = kernel.programs.get(readId(value))
      if (program === undefined) return -EBADF
      return program.bound === undefined && own(self(), program) ? ops.update(key, value, flags) : -EINVAL
    },
  }
}

/** Whether a program may be in this program array or call from it; the first one decides for all that follow. */
export function own(map: LoadedMap, program: { readonly program: { readonly type: number } }): boolean {
  map.owner ??= { type: program.program.type }
  return map.owner.type === program.program.type
}

export function programsIn(kernel: Kernel, map: LoadedMap): LoadedProgram[] {
  if (!holdsPrograms(map.spec)) return []
  return mapEntries(map).flatMap(([, value]) => kernel.programs.get(readId(value)) ?? [])
}

export function mapsIn(kernel: Kernel, map: LoadedMap): LoadedMap[] {
  if (!holdsMaps(map.spec)) return []
  return mapEntries(map).flatMap(([, value]) => kernel.maps.get(readId(value)) ?? [])
}
