// BPF map types: Linux's numbers, bpftool's names, and the flags of map creation.

export const BPF_MAP_TYPE_UNSPEC = 0
export const BPF_MAP_TYPE_HASH = 1
export const BPF_MAP_TYPE_ARRAY = 2
export const BPF_MAP_TYPE_PROG_ARRAY = 3
export const BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4
export const BPF_MAP_TYPE_PERCPU_HASH = 5
export const BPF_MAP_TYPE_PERCPU_ARRAY = 6
export const BPF_MAP_TYPE_STACK_TRACE = 7
export const BPF_MAP_TYPE_CGROUP_ARRAY = 8
export const BPF_MAP_TYPE_LRU_HASH = 9
export const BPF_MAP_TYPE_LRU_PERCPU_HASH = 10
export const BPF_MAP_TYPE_LPM_TRIE = 11
export const BPF_MAP_TYPE_ARRAY_OF_MAPS = 12
export const BPF_MAP_TYPE_HASH_OF_MAPS = 13
export const BPF_MAP_TYPE_DEVMAP = 14
export const BPF_MAP_TYPE_SOCKMAP = 15
export const BPF_MAP_TYPE_CPUMAP = 16
export const BPF_MAP_TYPE_XSKMAP = 17
export const BPF_MAP_TYPE_SOCKHASH = 18
export const BPF_MAP_TYPE_CGROUP_STORAGE = 19
export const BPF_MAP_TYPE_REUSEPORT_SOCKARRAY = 20
export const BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE = 21
export const BPF_MAP_TYPE_QUEUE = 22
export const BPF_MAP_TYPE_STACK = 23
export const BPF_MAP_TYPE_SK_STORAGE = 24
export const BPF_MAP_TYPE_DEVMAP_HASH = 25
export const BPF_MAP_TYPE_STRUCT_OPS = 26
export const BPF_MAP_TYPE_RINGBUF = 27
export const BPF_MAP_TYPE_INODE_STORAGE = 28
export const BPF_MAP_TYPE_TASK_STORAGE = 29
export const BPF_MAP_TYPE_BLOOM_FILTER = 30
export const BPF_MAP_TYPE_USER_RINGBUF = 31
export const BPF_MAP_TYPE_CGRP_STORAGE = 32
export const BPF_MAP_TYPE_ARENA = 33

/** The names that bpftool prints, by number. */
export const mapTypeNames: readonly string[] = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
]

export const BPF_F_NO_PREALLOC: number = 1 << 0
export const BPF_F_NO_COMMON_LRU: number = 1 << 1
export const BPF_F_NUMA_NODE: number = 1 << 2
export const BPF_F_RDONLY: number = 1 << 3
export const BPF_F_WRONLY: number = 1 << 4
export const BPF_F_STACK_BUILD_ID: number = 1 << 5
export const BPF_F_ZERO_SEED: number = 1 << 6
export const BPF_F_RDONLY_PROG: number = 1 << 7
export const BPF_F_WRONLY_PROG: number = 1 << 8
export const BPF_F_CLONE: number = 1 << 9
export const BPF_F_MMAPABLE: number = 1 << 10
export const BPF_F_PRESERVE_ELEMS: number = 1 << 11
export const BPF_F_INNER_MAP: number = 1 << 12

// Flags of an element update.
export const BPF_ANY = 0
export const BPF_NOEXIST = 1
export const BPF_EXIST = 2
export const BPF_F_LOCK = 4

/** The number of a map type given as a number, as bpftool's name (`hash`) or as Linux's (`BPF_MAP_TYPE_HASH`); undefined if there is none. */
export function mapTypeNumber(type: string | number): number | undefined {
  if (typeof type === 'number') return Number.isInteger(type) && type > 0 && type < mapTypeNames.length ? type : undefined
  const index = mapTypeNames.indexOf(type.toLowerCase().replace(/^bpf_map_type_/, ''))
  return index > 0 ? index : undefined
}
