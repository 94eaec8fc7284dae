// What Linux demands of a map's attributes, per type: the answer is 0 or a negative errno. Limits are those of a 64-bit kernel with
// 4 KiB pages; a map that is allowed but too large for this memory is -ENOMEM at creation.

import { E2BIG, EINVAL, ENOTSUPP } from '../bpf/errno.ts'
import * as T from '../bpf/map-type-table.ts'
import type { MapSpec } from '../bpf/program.ts'

/** Largest kmalloc of a kernel with 4 KiB pages. */
const KMALLOC_MAX_BYTES = 4 << 20
/** Largest value that the per-CPU allocator gives. */
const PERCPU_MAX_BYTES = 32 << 10
/** Bytes of Linux's own before key and value of a hash element, and of a trie node. */
const HASH_ELEMENT_BYTES = 48
const TRIE_NODE_BYTES = 24
const PAGE_BYTES = 4096

const ACCESS = T.BPF_F_RDONLY | T.BPF_F_WRONLY | T.BPF_F_RDONLY_PROG | T.BPF_F_WRONLY_PROG

/** Read-only and write-only exclude each other, for programs as for user space. */
function access(flags: number): boolean {
  const program = T.BPF_F_RDONLY_PROG | T.BPF_F_WRONLY_PROG
  return (flags & program) !== program
}

export function checkArray(spec: MapSpec): number {
  const known = T.BPF_F_NUMA_NODE | T.BPF_F_MMAPABLE | ACCESS | T.BPF_F_PRESERVE_ELEMS | T.BPF_F_INNER_MAP
  const { type, flags } = spec
  const perCpu = type === T.BPF_MAP_TYPE_PERCPU_ARRAY
  if (spec.maxEntries === 0 || spec.keySize !== 4 || spec.valueSize === 0) return -EINVAL
  if ((flags & ~known) !== 0 || !access(flags) || (perCpu && (flags & T.BPF_F_NUMA_NODE) !== 0)) return -EINVAL
  if (type !== T.BPF_MAP_TYPE_ARRAY && (flags & (T.BPF_F_MMAPABLE | T.BPF_F_INNER_MAP)) !== 0) return -EINVAL
  if (type !== T.BPF_MAP_TYPE_PERF_EVENT_ARRAY && (flags & T.BPF_F_PRESERVE_ELEMS) !== 0) return -EINVAL
  if (spec.valueSize > 0x7fffffff || (perCpu && spec.valueSize > PERCPU_MAX_BYTES)) return -E2BIG
  return 0
}

export function checkHandleArray(spec: MapSpec): number {
  if (spec.valueSize !== 4 || (spec.flags & (T.BPF_F_RDONLY_PROG | T.BPF_F_WRONLY_PROG)) !== 0) return -EINVAL
  return checkArray(spec)
}

export function checkHash(spec: MapSpec): number {
  const known = T.BPF_F_NO_PREALLOC | T.BPF_F_NO_COMMON_LRU | T.BPF_F_NUMA_NODE | ACCESS | T.BPF_F_ZERO_SEED
  const { type, flags } = spec
  const perCpu = type === T.BPF_MAP_TYPE_PERCPU_HASH || type === T.BPF_MAP_TYPE_LRU_PERCPU_HASH
  const lru = type === T.BPF_MAP_TYPE_LRU_HASH || type === T.BPF_MAP_TYPE_LRU_PERCPU_HASH
  const perCpuLru = (flags & T.BPF_F_NO_COMMON_LRU) !== 0
  if ((flags & ~known) !== 0 || !access(flags) || (!lru && perCpuLru)) return -EINVAL
  if (lru && (flags & T.BPF_F_NO_PREALLOC) !== 0) return -ENOTSUPP
  if ((flags & T.BPF_F_NUMA_NODE) !== 0 && (perCpu || perCpuLru)) return -EINVAL
  if (spec.maxEntries === 0 || spec.keySize === 0 || spec.valueSize === 0) return -EINVAL
  if (spec.keySize + spec.valueSize >= KMALLOC_MAX_BYTES - HASH_ELEMENT_BYTES) return -E2BIG
  if (perCpu && spec.valueSize > PERCPU_MAX_BYTES) return -E2BIG
  // The table of buckets (16 bytes each) must stay below 4 GiB.
  if (spec.maxEntries > 2 ** 27) return -E2BIG
  return 0
}

export function checkHandleHash(spec: MapSpec): number {
  return spec.valueSize === 4 ? checkHash(spec) : -EINVAL
}

export function checkTrie(spec: MapSpec): number {
  const known = T.BPF_F_NO_PREALLOC | T.BPF_F_NUMA_NODE | ACCESS
  const { flags, keySize, valueSize } = spec
  if (spec.maxEntries === 0 || (flags & T.BPF_F_NO_PREALLOC) === 0 || (flags & ~known) !== 0 || !access(flags)) return -EINVAL
  // A prefix of 1 to 256 bytes after its length.
  if (keySize < 5 || keySize > 260 || valueSize < 1) return -EINVAL
  return valueSize > KMALLOC_MAX_BYTES - 256 - TRIE_NODE_BYTES ? -EINVAL : 0
}

export function checkQueue(spec: MapSpec): number {
  const { flags } = spec
  if (spec.maxEntries === 0 || spec.keySize !== 0 || spec.valueSize === 0) return -EINVAL
  if ((flags & ~(T.BPF_F_NUMA_NODE | ACCESS)) !== 0 || !access(flags)) return -EINVAL
  return spec.valueSize > KMALLOC_MAX_BYTES ? -E2BIG : 0
}

/** A value is an ifindex, or an ifindex and a program. */
export function checkDevices(spec: MapSpec): number {
  const known = T.BPF_F_NUMA_NODE | T.BPF_F_RDONLY | T.BPF_F_WRONLY
  if (spec.maxEntries === 0 || spec.keySize !== 4 || (spec.valueSize !== 4 && spec.valueSize !== 8)) return -EINVAL
  if ((spec.flags & ~known) !== 0) return -EINVAL
  return spec.type === T.BPF_MAP_TYPE_DEVMAP_HASH && spec.maxEntries > 2 ** 31 ? -EINVAL : 0
}

/** A value is a queue size, or a queue size and a program. Larger maps than 8192 CPUs are refused, Linux's most for x86-64. */
export function checkCpus(spec: MapSpec): number {
  if (spec.maxEntries === 0 || spec.keySize !== 4 || (spec.valueSize !== 4 && spec.valueSize !== 8)) return -EINVAL
  if ((spec.flags & ~T.BPF_F_NUMA_NODE) !== 0) return -EINVAL
  return spec.maxEntries > 8192 ? -E2BIG : 0
}

export function checkSockets(spec: MapSpec): number {
  const known = T.BPF_F_NUMA_NODE | T.BPF_F_RDONLY | T.BPF_F_WRONLY
  if (spec.maxEntries === 0 || spec.keySize !== 4 || spec.valueSize !== 4) return -EINVAL
  return (spec.flags & ~known) !== 0 ? -EINVAL : 0
}

/** `maxEntries` is the size of the ring in bytes: whole pages, a power of two. */
export function checkRing(spec: MapSpec): number {
  const size = spec.maxEntries
  if ((spec.flags & ~T.BPF_F_NUMA_NODE) !== 0 || spec.keySize !== 0 || spec.valueSize !== 0) return -EINVAL
  if (size === 0 || (size & (size - 1)) !== 0 || size % PAGE_BYTES !== 0) return -EINVAL
  return 0
}

/** What holds for every type: before its own check. */
export function checkCommon(spec: MapSpec): number {
  const both = T.BPF_F_RDONLY | T.BPF_F_WRONLY
  if ((spec.flags & both) === both) return -EINVAL
  const extra = spec.type === T.BPF_MAP_TYPE_BLOOM_FILTER || spec.type === T.BPF_MAP_TYPE_ARENA
  return !extra && (spec.extra ?? 0n) !== 0n ? -EINVAL : 0
}

/** The name, which Linux looks at last: at most 15 characters. */
export function checkName(name: string): number {
  return /^[A-Za-z0-9_.]{0,15}$/.test(name) ? 0 : -EINVAL
}
