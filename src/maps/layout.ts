// How a map lies in linear memory. A map is named by the address of its header, which is also what a program's map pointer holds.
// All words are little-endian u32; the header is HEADER_BYTES long and followed by what its type needs, in one block.
//
// Array types:        element (cpu * maxEntries + index) at `elements`, `stride` bytes each: the value, padded to 8.
//                     Not per-CPU: cpu = 0. Maps of programs, maps, devices and the like hold one u32 handle, 0 = empty.
// Hash types:         `buckets` is a table of u32 element addresses (0 = end of chain), indexed by hash & `mask`.
//                     Element: next u32, hash u32, [older u32, newer u32, referenced u32, zero u32 in LRU types], key padded to 8,
//                     value padded to 8 for each CPU. Elements never used lie from `fresh` on, freed ones are chained from `freed`
//                     by their first word. There are maxEntries + cpus elements: replacing a value takes a new element before it
//                     gives the old one back, as in Linux, so a pointer to the old value stays readable and keeps its contents.
// LPM trie:           `root` is the address of the root node (0 = empty). Node: child 0 u32, child 1 u32, prefix length u32,
//                     1 = entry / 0 = fork u32, key data padded to 8, value padded to 8. 2 * maxEntries nodes.
// Queue, stack:       maxEntries values of `stride` bytes from `elements`; `head` is the index of the oldest, `count` how many.
// Ring buffer:        maxEntries bytes of records (ring.ts) from `elements`; the positions count bytes and never go back.

export const HEADER_BYTES = 96

export const H_TYPE = 0
export const H_KEY_SIZE = 4
export const H_VALUE_SIZE = 8
export const H_MAX_ENTRIES = 12
export const H_FLAGS = 16
export const H_CPUS = 20
/** Entries in it now; not kept for array types, where all exist. */
export const H_COUNT = 24
/** 0 free, 1 taken: held by whoever changes a map that several threads share. */
export const H_LOCK = 28
/** Address of the first element or node; end of that area. */
export const H_ELEMENTS = 32
export const H_ELEMENTS_END = 36
/** Bytes from one element to the next. */
export const H_STRIDE = 40
/** Offsets in a hash element. */
export const H_KEY_AT = 44
export const H_VALUE_AT = 48
export const H_BUCKETS = 52
export const H_MASK = 56
export const H_FREED = 60
export const H_FRESH = 64
/** LRU types: oldest and newest element. Trie: root. Queue and stack: head. Ring buffer: positions as two doubles at 72 and 80. */
export const H_OLDEST = 68
export const H_NEWEST = 72
export const H_ROOT = 68
export const H_HEAD = 68
export const H_CONSUMED = 72
export const H_PRODUCED = 80
/** Offset + 1 of a bpf_spin_lock in the value, which copies leave alone; 0 = none. */
export const H_SPIN_LOCK = 88
/** Bytes of the whole block, so that a map can be freed by its address. */
export const H_BYTES = 92

export function round8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8
}
