// Map operations a second, as a helper does them: key and value in the same linear memory, no copy to JavaScript.

import * as T from '../bpf/map-type-table.ts'
import type { MapSpec } from '../bpf/program.ts'
import { createMap, freeMap, newMemory } from '../maps/index.ts'
import { rate, time } from './measure.ts'

const ENTRIES = 10_000
const RUNS = 7

const kinds: readonly (readonly [name: string, type: number, flags: number])[] = [
  ['array', T.BPF_MAP_TYPE_ARRAY, 0],
  ['hash', T.BPF_MAP_TYPE_HASH, 0],
  ['lru_hash', T.BPF_MAP_TYPE_LRU_HASH, 0],
  ['percpu_array', T.BPF_MAP_TYPE_PERCPU_ARRAY, 0],
]

export function benchMaps(print: (line: string) => void): void {
  print(`maps of ${ENTRIES} entries with values of 16 bytes, median of ${RUNS}`)
  for (const [name, type, flags] of kinds) {
    const memory = newMemory()
    const spec: MapSpec = { name, type, keySize: 4, valueSize: 16, maxEntries: ENTRIES, flags }
    const map = createMap(memory, spec, { cpus: 2 })
    const key = memory.alloc(8, 8)
    const value = memory.alloc(16, 8)
    const each = (work: () => void) => (): void => {
      for (let i = 0; i < ENTRIES; i++) {
        memory.u32[key >>> 2] = i
        work()
      }
    }
    const update = time(
      each(() => void map.update(key, value, 0)),
      RUNS,
    )
    const lookup = time(
      each(() => void map.lookup(key)),
      RUNS,
    )
    print(
      `  ${name.padEnd(14)} lookup ${rate(ENTRIES, lookup.median).padStart(10)}  update ${rate(ENTRIES, update.median).padStart(10)}`,
    )
    freeMap(map)
  }
}
