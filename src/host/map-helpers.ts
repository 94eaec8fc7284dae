// Helpers on maps: r1 is the map, r2 a key or value, r3 a value; errors are negative errno in r0.

import { EINVAL, ENOENT, EOPNOTSUPP } from '../bpf/errno.ts'
import { RingMap } from '../maps/ring.ts'
import { callBack } from './execute.ts'
import type { Machine } from './machine.ts'

/** A helper's flags: those that Linux knows fit 32 bits, so anything above is as wrong as the highest bit. */
function flags(m: Machine, register: number): number {
  return m.hi[register] === 0 ? m.lo[register]! >>> 0 : 0xffffffff
}

export function mapLookup(m: Machine): void {
  const map = m.map(1)
  m.answer(map.lookup(m.pointer(2, map.keySize)))
}

export function mapLookupPerCpu(m: Machine): void {
  const map = m.map(1)
  const cpu = m.lo[3]! >>> 0
  m.answer(cpu < map.cpus ? map.lookupOn(m.pointer(2, map.keySize), cpu) : 0)
}

export function mapUpdate(m: Machine): void {
  const map = m.map(1)
  m.answer(map.update(m.pointer(2, map.keySize), m.pointer(3, map.valueSize), flags(m, 4)))
}

export function mapDelete(m: Machine): void {
  const map = m.map(1)
  m.answer(map.remove(m.pointer(2, map.keySize)))
}

export function mapPush(m: Machine): void {
  const map = m.map(1)
  m.answer(map.push(m.pointer(2, map.valueSize), flags(m, 3)))
}

export function mapPop(m: Machine): void {
  const map = m.map(1)
  m.answer(map.pop(m.pointer(2, map.valueSize)))
}

export function mapPeek(m: Machine): void {
  const map = m.map(1)
  m.answer(map.peek(m.pointer(2, map.valueSize)))
}

/** for_each_map_elem(map, callback, context, flags): the callback gets map, key, value, context. */
export function forEachMapElem(m: Machine): void {
  const map = m.map(1)
  const start = m.lo[2]!
  const contextLo = m.lo[3]!
  const contextHi = m.hi[3]!
  const { code } = m
  if (flags(m, 4) !== 0 || code === undefined) {
    m.answer(-EINVAL)
    return
  }
  const calls = map.visit((key, value) => {
    m.lo[4] = contextLo
    m.hi[4] = contextHi
    return callBack(m, code, start, map.base, key, value)
  })
  m.answer(calls)
}

/** Most rounds of bpf_loop: BPF_MAX_LOOPS. */
const LOOP_LIMIT = 8 * 1024 * 1024

/** loop(count, callback, context, flags): the callback gets the round and the context; 1 ends it. */
export function loop(m: Machine): void {
  const count = m.lo[1]! >>> 0
  const start = m.lo[2]!
  const contextLo = m.lo[3]!
  const contextHi = m.hi[3]!
  const { code } = m
  if (flags(m, 4) !== 0 || code === undefined) m.answer(-EINVAL)
  else if (count > LOOP_LIMIT) m.answer(-7)
  else {
    let round = 0
    while (round < count) {
      const end = callBackWith(m, code, start, round, contextLo, contextHi)
      round++
      if (end !== 0) break
    }
    m.answer(round)
  }
}

function callBackWith(
  m: Machine,
  code: NonNullable<Machine['code']>,
  start: number,
  round: number,
  lo: number,
  hi: number,
): number {
  return callBack(m, code, start, round, hi === 0 ? lo >>> 0 : lo, 0)
}

/** redirect_map(map, key, flags): the low bits of the flags are the verdict when there is nothing at the key. */
export function redirectMap(m: Machine): void {
  const map = m.map(1)
  const given = flags(m, 3)
  // Verdicts are two bits; device maps also take BPF_F_BROADCAST and BPF_F_EXCLUDE_INGRESS.
  const known = map.type === 14 || map.type === 25 ? 3 | 8 | 16 : 3
  if ((given & ~known) !== 0) {
    m.answer(0)
    return
  }
  const target = m.lo[2]! >>> 0
  m.memory.u32[m.scratch >>> 2] = target
  if ((given & 8) === 0 && map.lookup(m.scratch) === 0) m.answer(given & 3)
  else {
    m.redirect = { map: map.base, target, flags: given }
    m.answer(4)
  }
}

function ring(m: Machine): RingMap {
  const map = m.map(1)
  if (map instanceof RingMap) return map
  throw m.fault('host/helper', 'r1 is no ring buffer')
}

export function ringOutput(m: Machine): void {
  const bytes = m.lo[3]! >>> 0
  // BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP.
  m.answer((flags(m, 4) & ~3) !== 0 ? -EINVAL : ring(m).output(m.pointer(2, bytes), bytes))
}

export function ringReserve(m: Machine): void {
  m.answer(flags(m, 3) !== 0 ? 0 : ring(m).reserve(m.lo[2]! >>> 0))
}

/** The map of a record: the one whose ring holds its address. */
function commit(m: Machine, discard: boolean): void {
  const record = m.lo[1]! >>> 0
  const map = m.mapAt(record)
  if (!(map instanceof RingMap)) throw m.fault('host/helper', 'r1 is no ring buffer record', record)
  map.commit(record, discard)
}

export function ringSubmit(m: Machine): void {
  commit(m, false)
}

export function ringDiscard(m: Machine): void {
  commit(m, true)
}

export function ringQuery(m: Machine): void {
  m.answer64(BigInt(ring(m).query(m.hi[2] === 0 ? m.lo[2]! >>> 0 : 9)))
}

/** perf_event_output(ctx, map, flags, data, size): the high half of the flags asks for that many bytes of the packet as well. */
export function perfEventOutput(m: Machine): void {
  const map = m.map(2)
  const packetBytes = m.hi[3]! >>> 0
  const bytes = m.lo[5]! >>> 0
  const given = m.lo[3]! >>> 0
  const data = m.pointer(4, bytes)
  const cpu = given === 0xffffffff ? m.world.cpu : given
  if (packetBytes > 0xfffff) m.answer(-EINVAL)
  else if (packetBytes > m.end - m.data) m.answer(-14)
  else if (cpu >= map.maxEntries) m.answer(-7)
  else if (m.memory.u32[(map.elements + cpu * map.stride) >>> 2] === 0) m.answer(-ENOENT)
  else if (cpu !== m.world.cpu) m.answer(-EOPNOTSUPP)
  else {
    const sample = new Uint8Array(bytes + packetBytes)
    sample.set(m.memory.u8.subarray(data, data + bytes))
    sample.set(m.memory.u8.subarray(m.data, m.data + packetBytes), bytes)
    m.world.perfEvent?.(map, cpu, sample)
    m.answer(0)
  }
}

/** A lock is held while its word is 1; threads that share the memory wait for each other. */
export function spinLock(m: Machine): void {
  const at = m.pointer(1, 4) >>> 2
  if (m.memory.shared) while (Atomics.compareExchange(m.memory.i32, at, 0, 1) !== 0);
  else m.memory.i32[at] = 1
}

export function spinUnlock(m: Machine): void {
  Atomics.store(m.memory.i32, m.pointer(1, 4) >>> 2, 0)
}
