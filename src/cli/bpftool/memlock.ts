// Bytes that Linux 6.18 accounts for a map, as measured there on two CPUs: the map's head, its elements, its buckets.

import * as T from '../../bpf/map-type-table.ts'
import type { LoadedMap } from '../../kernel/map.ts'

const round8 = (bytes: number): number => (bytes + 7) & ~7
const PAGE_BYTES = 4096

const ARRAY_HEAD = 312
const HASH_HEAD = 896
/** A hash element without key and value, and a bucket. */
const ELEMENT = 48
const BUCKET = 16

/** Undefined where it wasn't measured. */
export function memlock({ spec, bound, host }: LoadedMap): number | undefined {
  if (bound !== undefined) return PAGE_BYTES
  const cpus = host?.cpus ?? 1
  const { type, maxEntries, keySize, valueSize, flags } = spec
  const buckets = BUCKET * 2 ** Math.ceil(Math.log2(maxEntries))
  const element = ELEMENT + round8(keySize) + round8(valueSize)
  switch (type) {
    case T.BPF_MAP_TYPE_ARRAY: {
      const bytes = maxEntries * round8(valueSize)
      // Elements that can be mapped lie on pages of their own.
      if ((flags & T.BPF_F_MMAPABLE) !== 0) return PAGE_BYTES + Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES
      return ARRAY_HEAD + bytes
    }
    case T.BPF_MAP_TYPE_PROG_ARRAY:
    case T.BPF_MAP_TYPE_PERF_EVENT_ARRAY:
    case T.BPF_MAP_TYPE_CGROUP_ARRAY:
    case T.BPF_MAP_TYPE_ARRAY_OF_MAPS:
      return ARRAY_HEAD + maxEntries * 8
    case T.BPF_MAP_TYPE_PERCPU_ARRAY:
      return ARRAY_HEAD + maxEntries * (8 + cpus * round8(valueSize))
    case T.BPF_MAP_TYPE_HASH: {
      if ((flags & T.BPF_F_NO_PREALLOC) !== 0) return HASH_HEAD + buckets + (host?.count ?? 0) * element
      return HASH_HEAD + cpus * 8 + (maxEntries + cpus) * element + buckets
    }
    case T.BPF_MAP_TYPE_HASH_OF_MAPS:
      return HASH_HEAD + cpus * 8 + maxEntries * element + buckets
    case T.BPF_MAP_TYPE_LRU_HASH:
      return HASH_HEAD + maxEntries * element + buckets
    case T.BPF_MAP_TYPE_PERCPU_HASH:
    case T.BPF_MAP_TYPE_LRU_PERCPU_HASH:
      return HASH_HEAD + maxEntries * (ELEMENT + round8(keySize) + 8 + cpus * round8(valueSize)) + buckets
    case T.BPF_MAP_TYPE_LPM_TRIE:
      return (host?.count ?? 0) * (24 + keySize - 4 + valueSize)
    case T.BPF_MAP_TYPE_DEVMAP:
      return ARRAY_HEAD + 32 + maxEntries * 8
    case T.BPF_MAP_TYPE_DEVMAP_HASH:
      return ARRAY_HEAD + 32 + 8 * 2 ** Math.ceil(Math.log2(maxEntries))
    case T.BPF_MAP_TYPE_CPUMAP:
    case T.BPF_MAP_TYPE_XSKMAP:
      return ARRAY_HEAD - 8 + maxEntries * 8
    case T.BPF_MAP_TYPE_QUEUE:
    case T.BPF_MAP_TYPE_STACK:
      return ARRAY_HEAD + (maxEntries + 1) * valueSize
    case T.BPF_MAP_TYPE_RINGBUF:
      // The ring, and pointers to its pages, which stand there twice.
      return 12616 + maxEntries + (maxEntries / PAGE_BYTES) * 16
    default:
      return undefined
  }
}
