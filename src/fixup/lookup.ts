// Lookups without the call: of array-like maps the whole way to the value, of hash tables a call of the function that finds an entry, and
// the way from there. R1 is the map, R2 the key, R0 becomes the value or null.

import {
  BPF_F_INNER_MAP,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_PERCPU_HASH,
  BPF_MAP_TYPE_XSKMAP,
} from '../bpf/map-type-table.ts'
import { BPF_ADD, BPF_AND, BPF_B, BPF_DW, BPF_JEQ, BPF_JGE, BPF_JNE, BPF_LSH, BPF_MUL, BPF_W } from '../bpf/opcode.ts'
import type { MapSpec } from '../bpf/program.ts'
import {
  alu32Imm,
  alu64,
  alu64Imm,
  callKernel,
  ja,
  jumpImm,
  load,
  mov64Imm,
  movPerCpu,
  R0,
  R1,
  R2,
  type Step,
  storeImm,
} from './step.ts'

// Offsets in the kernel's structures: the elements of an array, those of a map of XDP sockets, the key of a hash entry, and its mark of
// recent use.
const ARRAY_VALUES = 312
const XSK_VALUES = 304
const ENTRY_KEY = 48
const ENTRY_USED = 35

/** Undefined where the kernel has no such form. `trusted`: the key is not masked against speculation. */
export function inlineLookup(map: MapSpec, trusted: boolean): Step[] | undefined {
  switch (map.type) {
    case BPF_MAP_TYPE_ARRAY:
      // Arrays of other sizes may stand where this one does.
      if ((map.flags & BPF_F_INNER_MAP) !== 0) return undefined
      return element(map, trusted, ARRAY_VALUES, roundUp8(map.valueSize), [])
    case BPF_MAP_TYPE_PERCPU_ARRAY:
      return element(map, trusted, ARRAY_VALUES, 8, [load(BPF_DW, R0, R0, 0), movPerCpu(R0, R0)])
    case BPF_MAP_TYPE_ARRAY_OF_MAPS:
      return element(map, trusted, ARRAY_VALUES, 8, [load(BPF_DW, R0, R0, 0), jumpImm(BPF_JEQ, R0, 0, 1)])
    case BPF_MAP_TYPE_XSKMAP:
      return [
        load(BPF_W, R0, R2, 0),
        jumpImm(BPF_JGE, R0, map.maxEntries, 5),
        alu64Imm(BPF_LSH, R0, 3),
        alu64Imm(BPF_ADD, R1, XSK_VALUES),
        alu64(BPF_ADD, R0, R1),
        load(BPF_DW, R0, R0, 0),
        ja(1),
        mov64Imm(R0, 0),
      ]
    case BPF_MAP_TYPE_HASH:
      return entry(map, [])
    case BPF_MAP_TYPE_PERCPU_HASH:
      return entry(map, [load(BPF_DW, R0, R0, 0), movPerCpu(R0, R0)])
    case BPF_MAP_TYPE_HASH_OF_MAPS:
      return entry(map, [load(BPF_DW, R0, R0, 0)])
    case BPF_MAP_TYPE_LRU_HASH: {
      const value = alu64Imm(BPF_ADD, R0, ENTRY_KEY + roundUp8(map.keySize))
      return [
        callKernel('__htab_map_lookup_elem'),
        jumpImm(BPF_JEQ, R0, 0, 4),
        load(BPF_B, R1, R0, ENTRY_USED),
        jumpImm(BPF_JNE, R1, 0, 1),
        storeImm(BPF_B, R0, ENTRY_USED, 1),
        value,
      ]
    }
    default:
      return undefined
  }
}

function element(map: MapSpec, trusted: boolean, values: number, bytes: number, rest: readonly Step[]): Step[] {
  const shift = Math.log2(bytes)
  const body = [
    ...(trusted ? [] : [alu32Imm(BPF_AND, R0, indexMask(map.maxEntries))]),
    Number.isInteger(shift) ? alu64Imm(BPF_LSH, R0, shift) : alu64Imm(BPF_MUL, R0, bytes),
    alu64(BPF_ADD, R0, R1),
    ...rest,
  ]
  return [
    alu64Imm(BPF_ADD, R1, values),
    load(BPF_W, R0, R2, 0),
    jumpImm(BPF_JGE, R0, map.maxEntries | 0, body.length + 1),
    ...body,
    ja(1),
    mov64Imm(R0, 0),
  ]
}

function entry(map: MapSpec, rest: readonly Step[]): Step[] {
  return [
    callKernel('__htab_map_lookup_elem'),
    jumpImm(BPF_JEQ, R0, 0, 1 + rest.length),
    alu64Imm(BPF_ADD, R0, ENTRY_KEY + roundUp8(map.keySize)),
    ...rest,
  ]
}

/** The next power of two, less one. */
function indexMask(entries: number): number {
  return entries <= 1 ? 0 : 2 ** Math.ceil(Math.log2(entries)) - 1
}

function roundUp8(bytes: number): number {
  return (bytes + 7) & ~7
}
