// Array types: every index below maxEntries exists from the beginning. A key is a u32 index.

import { E2BIG, EEXIST, EINVAL, ENOENT } from '../bpf/errno.ts'
import { BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST } from '../bpf/map-type-table.ts'
import { round8 } from './layout.ts'
import { BpfMap } from './map.ts'
import { copy, type Memory } from './memory.ts'

/** Reads a u32 wherever it stands: a program's key on its stack need not be aligned. */
export function readU32(memory: Memory, address: number): number {
  return (address & 3) === 0 ? memory.u32[address >>> 2]! : memory.view.getUint32(address, true)
}

export function writeU32(memory: Memory, address: number, value: number): void {
  memory.view.setUint32(address, value, true)
}

/** Linux's order for everything that is indexed by a u32: ascending, an index out of range restarts. */
export function nextIndex(map: BpfMap, key: number, next: number): number {
  const index = key === 0 ? 0xffffffff : readU32(map.memory, key)
  if (index < map.maxEntries && index === map.maxEntries - 1) return -ENOENT
  writeU32(map.memory, next, index >= map.maxEntries ? 0 : index + 1)
  return 0
}

export class ArrayMap extends BpfMap {
  lookup(key: number): number {
    const index = readU32(this.memory, key)
    return index < this.maxEntries ? this.elements + index * this.stride : 0
  }

  protected refuse(key: number, flags: number): number {
    if ((flags & ~BPF_F_LOCK) >>> 0 > BPF_EXIST) return -EINVAL
    if (readU32(this.memory, key) >= this.maxEntries) return -E2BIG
    if ((flags & BPF_NOEXIST) !== 0) return -EEXIST
    if ((flags & BPF_F_LOCK) !== 0 && this.spinLock < 0) return -EINVAL
    return 0
  }

  update(key: number, value: number, flags: number): number {
    const error = this.refuse(key, flags)
    if (error !== 0) return error
    this.copyValue(this.lookup(key), value)
    return 0
  }

  remove(_key: number): number {
    return -EINVAL
  }

  nextKey(key: number, next: number): number {
    return nextIndex(this, key, next)
  }

  override visit(see: (key: number, value: number) => number): number {
    const key = this.scratch
    let calls = 0
    for (let index = 0; index < this.maxEntries; index++) {
      writeU32(this.memory, key, index)
      calls++
      if (see(key, this.lookup(key)) !== 0) break
    }
    return calls
  }
}

export class PerCpuArrayMap extends ArrayMap {
  override get perCpu(): boolean {
    return true
  }

  override lookup(key: number): number {
    return this.lookupOn(key, this.cpu)
  }

  override lookupOn(key: number, cpu: number): number {
    const index = readU32(this.memory, key)
    return index < this.maxEntries && cpu < this.cpus ? this.elements + (cpu * this.maxEntries + index) * this.stride : 0
  }

  override readTo(key: number, out: number): number {
    if (readU32(this.memory, key) >= this.maxEntries) return -ENOENT
    const bytes = round8(this.valueSize)
    for (let cpu = 0; cpu < this.cpus; cpu++) copy(this.memory, out + cpu * bytes, this.lookupOn(key, cpu), bytes)
    return 0
  }

  override writeFrom(key: number, value: number, flags: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL
    const error = this.refuse(key, flags)
    if (error !== 0) return error
    const bytes = round8(this.valueSize)
    for (let cpu = 0; cpu < this.cpus; cpu++) copy(this.memory, this.lookupOn(key, cpu), value + cpu * bytes, this.valueSize)
    return 0
  }
}
