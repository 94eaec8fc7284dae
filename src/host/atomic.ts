// Atomic memory instructions. Where the memory is shared with threads they are really atomic; otherwise a plain read, change, write.

import { BPF_CMPXCHG, BPF_FETCH, BPF_LOAD_ACQ, BPF_STORE_REL, BPF_XCHG } from '../bpf/opcode.ts'
import { toSigned } from '../bytes/long.ts'
import type { Memory } from '../maps/memory.ts'
import type { Machine } from './machine.ts'

/** Runs `kind` (the imm of the instruction) of `bytes` bytes at an address that may be touched; false = there is no such operation. */
export function atomic(m: Machine, kind: number, bytes: number, at: number, dst: number, src: number): boolean {
  if (kind === BPF_LOAD_ACQ) load(m, bytes, at, dst)
  else if (kind === BPF_STORE_REL) store(m, bytes, at, src)
  else if (bytes === 4) return word(m, kind, at, src)
  else if (bytes === 8) return m.memory.shared && at % 8 === 0 ? sharedPair(m, kind, at, src) : pair(m, kind, at, src)
  else return false
  return true
}

function load(m: Machine, bytes: number, at: number, dst: number): void {
  const { view } = m.memory
  m.hi[dst] = bytes === 8 ? view.getInt32(at + 4, true) : 0
  m.lo[dst] = bytes === 1 ? view.getUint8(at) : bytes === 2 ? view.getUint16(at, true) : view.getInt32(at, true)
}

function store(m: Machine, bytes: number, at: number, src: number): void {
  const { view } = m.memory
  const low = m.lo[src]!
  if (bytes === 1) view.setUint8(at, low)
  else if (bytes === 2) view.setUint16(at, low, true)
  else view.setInt32(at, low, true)
  if (bytes === 8) view.setInt32(at + 4, m.hi[src]!, true)
}

/** What a word becomes; undefined where there is no such operation. */
function change(kind: number, old: number, by: number): number | undefined {
  switch (kind & ~BPF_FETCH) {
    case 0x00:
      return old + by
    case 0x40:
      return old | by
    case 0x50:
      return old & by
    case 0xa0:
      return old ^ by
    case BPF_XCHG & ~BPF_FETCH:
      return by
    default:
      return undefined
  }
}

function word(m: Machine, kind: number, at: number, src: number): boolean {
  const { memory, lo, hi } = m
  const by = lo[src]!
  const shared = memory.shared && at % 4 === 0
  if (kind === BPF_CMPXCHG) {
    const expected = lo[0]!
    const old = shared ? Atomics.compareExchange(memory.i32, at >>> 2, expected, by) : memory.view.getInt32(at, true)
    if (!shared && old === expected) memory.view.setInt32(at, by, true)
    lo[0] = old
    hi[0] = 0
    return true
  }
  let old = memory.view.getInt32(at, true)
  for (;;) {
    const next = change(kind, old, by)
    if (next === undefined) return false
    if (!shared) memory.view.setInt32(at, next, true)
    else {
      const found = Atomics.compareExchange(memory.i32, at >>> 2, old, next | 0)
      if (found !== old) {
        old = found
        continue
      }
    }
    if ((kind & BPF_FETCH) !== 0) {
      lo[src] = old
      hi[src] = 0
    }
    return true
  }
}

function pair(m: Machine, kind: number, at: number, src: number): boolean {
  const { lo, hi } = m
  const { view } = m.memory
  const oldLo = view.getInt32(at, true)
  const oldHi = view.getInt32(at + 4, true)
  if (kind === BPF_CMPXCHG) {
    if (oldLo === lo[0] && oldHi === hi[0]) {
      view.setInt32(at, lo[src]!, true)
      view.setInt32(at + 4, hi[src]!, true)
    }
    lo[0] = oldLo
    hi[0] = oldHi
    return true
  }
  const low = change(kind, oldLo, lo[src]!)
  const high = change(kind, oldHi, hi[src]!)
  if (low === undefined || high === undefined) return false
  const carry = (kind & ~BPF_FETCH) === 0 && (oldLo >>> 0) + (lo[src]! >>> 0) > 0xffffffff ? 1 : 0
  view.setInt32(at, low, true)
  view.setInt32(at + 4, high + carry, true)
  if ((kind & BPF_FETCH) !== 0) {
    lo[src] = oldLo
    hi[src] = oldHi
  }
  return true
}

function sharedPair(m: Machine, kind: number, at: number, src: number): boolean {
  const { lo, hi } = m
  const index = at / 8
  const by = toSigned(lo[src]!, hi[src]!)
  const old = exchange(m.memory, kind, index, by, toSigned(lo[0]!, hi[0]!))
  if (old === undefined) return false
  if ((kind & BPF_FETCH) === 0) return true
  const to = kind === BPF_CMPXCHG ? 0 : src
  lo[to] = Number(BigInt.asIntN(32, old))
  hi[to] = Number(BigInt.asIntN(32, old >> 32n))
  return true
}

function exchange(memory: Memory, kind: number, index: number, by: bigint, expected: bigint): bigint | undefined {
  const { i64 } = memory
  if (kind === BPF_CMPXCHG) return Atomics.compareExchange(i64, index, expected, by)
  if (kind === BPF_XCHG) return Atomics.exchange(i64, index, by)
  switch (kind & ~BPF_FETCH) {
    case 0x00:
      return Atomics.add(i64, index, by)
    case 0x40:
      return Atomics.or(i64, index, by)
    case 0x50:
      return Atomics.and(i64, index, by)
    case 0xa0:
      return Atomics.xor(i64, index, by)
    default:
      return undefined
  }
}
