// What lives on: what is pinned, attached, or held by something that lives, as by the kernel's reference counts. Descriptors of
// processes are passed in, since a process of this kernel is one command.

import type { BtfObject } from './btf.ts'
import { holdsPrograms, mapsIn, programsIn } from './handles.ts'
import type { Kernel } from './kernel.ts'
import { type LoadedMap, mapEntries } from './map.ts'
import type { LoadedProgram } from './program.ts'

/** Frees everything that nothing holds. */
export function collect(kernel: Kernel, open: Iterable<LoadedProgram | LoadedMap> = []): void {
  const programs = new Set<LoadedProgram>()
  const maps = new Set<LoadedMap>()
  /** Maps that user space can reach: a program array that it can't is emptied, though programs hold it. */
  const reachable = new Set<LoadedMap>()
  const keepMap = (map: LoadedMap): void => {
    if (maps.has(map)) return
    maps.add(map)
    for (const each of programsIn(kernel, map)) keepProgram(each)
    for (const each of mapsIn(kernel, map)) {
      if (reachable.has(map)) reachable.add(each)
      keepMap(each)
    }
  }
  const keepProgram = (program: LoadedProgram): void => {
    if (programs.has(program)) return
    programs.add(program)
    for (const map of program.maps) keepMap(map)
  }
  const roots: (LoadedProgram | LoadedMap)[] = [...open]
  for (const pin of kernel.bpffs.pins.values()) roots.push(pin.kind === 'prog' ? pin.prog : pin.map)
  for (const netdev of kernel.netdevs.values()) {
    roots.push(...netdev.xdp.values())
    if (netdev.classifier !== undefined) roots.push(netdev.classifier)
  }
  for (const root of roots) if ('ops' in root) reachable.add(root)
  for (const map of kernel.maps.values()) {
    if (!holdsPrograms(map.spec) || reachable.has(map)) continue
    for (const [key] of mapEntries(map)) map.ops.remove(key)
  }
  for (const root of roots) {
    if ('ops' in root) keepMap(root)
    else keepProgram(root)
  }
  for (const program of [...kernel.programs.values()]) if (!programs.has(program)) kernel.unload(program)
  for (const map of [...kernel.maps.values()]) if (!maps.has(map)) kernel.removeMap(map)
  const types = new Set<BtfObject>()
  for (const { btf } of [...kernel.programs.values(), ...kernel.maps.values()]) if (btf !== undefined) types.add(btf)
  for (const [id, object] of kernel.btfs.objects) if (!types.has(object)) kernel.btfs.objects.delete(id)
}
