// Maps of objects: programs, maps, perf events, devices, CPUs, sockets. A value's first word is a handle that the owner of the
// objects chose (a program id, the address of an inner map, an ifindex, a queue size); 0 is an empty slot.

import { E2BIG, EBADF, EEXIST, EINVAL, ENOENT, ENOTSUPP, EOPNOTSUPP } from '../bpf/errno.ts'
import {
  BPF_ANY,
  BPF_EXIST,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BPF_MAP_TYPE_XSKMAP,
  BPF_NOEXIST,
} from '../bpf/map-type-table.ts'
import { nextIndex, readU32 } from './array.ts'
import { HashMap } from './hash.ts'
import { BpfMap } from './map.ts'
import { copy } from './memory.ts'

/** Program, perf event and cgroup arrays, and arrays of maps, whose lookup gives the inner map. */
export class HandleArrayMap extends BpfMap {
  /** The handle in a slot, 0 = empty or out of range. */
  handle(index: number): number {
    return index < this.maxEntries ? this.memory.u32[(this.elements + index * this.stride) >>> 2]! : 0
  }

  lookup(key: number): number {
    return this.type === BPF_MAP_TYPE_ARRAY_OF_MAPS ? this.handle(readU32(this.memory, key)) : 0
  }

  update(key: number, value: number, flags: number): number {
    const index = readU32(this.memory, key)
    if (flags !== BPF_ANY) return -EINVAL
    if (index >= this.maxEntries) return -E2BIG
    if (readU32(this.memory, value) === 0) return -EBADF
    copy(this.memory, this.elements + index * this.stride, value, this.valueSize)
    return 0
  }

  remove(key: number): number {
    const index = readU32(this.memory, key)
    if (index >= this.maxEntries) return -E2BIG
    if (this.handle(index) === 0) return -ENOENT
    this.memory.u32[(this.elements + index * this.stride) >>> 2] = 0
    return 0
  }

  nextKey(key: number, next: number): number {
    return nextIndex(this, key, next)
  }

  override readTo(key: number, out: number): number {
    if (this.type === BPF_MAP_TYPE_PERF_EVENT_ARRAY) return -ENOTSUPP
    const handle = this.handle(readU32(this.memory, key))
    if (handle === 0) return -ENOENT
    this.memory.view.setUint32(out, handle, true)
    return 0
  }
}

/** Device, CPU and XDP socket maps: a program's lookup sees the value of a filled slot. */
export class TargetArrayMap extends BpfMap {
  lookup(key: number): number {
    const index = readU32(this.memory, key)
    if (index >= this.maxEntries) return 0
    const at = this.elements + index * this.stride
    return this.memory.u32[at >>> 2] === 0 ? 0 : at
  }

  update(key: number, value: number, flags: number): number {
    const index = readU32(this.memory, key)
    if (flags >>> 0 > BPF_EXIST) return -EINVAL
    if (index >= this.maxEntries) return -E2BIG
    if (this.type === BPF_MAP_TYPE_XSKMAP) {
      const old = this.lookup(key)
      if (flags === BPF_NOEXIST && old !== 0) return -EEXIST
      if (flags === BPF_EXIST && old === 0) return -ENOENT
    } else if (flags === BPF_NOEXIST) return -EEXIST
    copy(this.memory, this.elements + index * this.stride, value, this.valueSize)
    return 0
  }

  remove(key: number): number {
    const index = readU32(this.memory, key)
    if (index >= this.maxEntries) return -EINVAL
    const at = this.elements + index * this.stride
    this.memory.u8.fill(0, at, at + this.stride)
    return 0
  }

  nextKey(key: number, next: number): number {
    return nextIndex(this, key, next)
  }

  override readTo(key: number, out: number): number {
    return this.type === BPF_MAP_TYPE_XSKMAP ? -EOPNOTSUPP : super.readTo(key, out)
  }
}

/** Devices by any u32. Linux doesn't ask an update with BPF_EXIST whether the entry exists. */
export class DeviceHashMap extends HashMap {
  override update(key: number, value: number, flags: number): number {
    if (flags >>> 0 > BPF_EXIST || readU32(this.memory, value) === 0) return -EINVAL
    return super.update(key, value, flags === BPF_EXIST ? BPF_ANY : flags)
  }
}

/** Hash of maps: a lookup gives the inner map. */
export class HandleHashMap extends HashMap {
  override lookup(key: number): number {
    const value = super.lookup(key)
    return value === 0 ? 0 : this.memory.u32[value >>> 2]!
  }

  override update(key: number, value: number, flags: number): number {
    return readU32(this.memory, value) === 0 ? -EBADF : super.update(key, value, flags)
  }
}
