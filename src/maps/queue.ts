// Queue and stack: a ring of values. Linux's error numbers: -E2BIG full, -ENOENT empty, and an empty pop clears the value.

import { E2BIG, EINVAL, ENOENT } from '../bpf/errno.ts'
import { BPF_EXIST, BPF_MAP_TYPE_STACK, BPF_NOEXIST } from '../bpf/map-type-table.ts'
import { H_COUNT, H_HEAD } from './layout.ts'
import { BpfMap } from './map.ts'
import { copy } from './memory.ts'

export class QueueMap extends BpfMap {
  #head(): number {
    return this.memory.u32[(this.base + H_HEAD) >>> 2]!
  }
  #setHead(head: number, count: number): void {
    this.memory.u32[(this.base + H_HEAD) >>> 2] = head % this.maxEntries
    this.memory.u32[(this.base + H_COUNT) >>> 2] = count
  }
  #at(index: number): number {
    return this.elements + ((this.#head() + index) % this.maxEntries) * this.stride
  }

  override push(value: number, flags: number): number {
    if ((flags & BPF_NOEXIST) !== 0 || flags >>> 0 > BPF_EXIST) return -EINVAL
    this.lock()
    let error = 0
    if (this.count === this.maxEntries) {
      if (flags === BPF_EXIST) this.#setHead(this.#head() + 1, this.count - 1)
      else error = -E2BIG
    }
    if (error === 0) {
      copy(this.memory, this.#at(this.count), value, this.valueSize)
      this.#setHead(this.#head(), this.count + 1)
    }
    this.unlock()
    return error
  }

  override pop(value: number): number {
    return this.#read(value, true)
  }
  override peek(value: number): number {
    return this.#read(value, false)
  }

  #read(value: number, take: boolean): number {
    this.lock()
    const count = this.count
    const stack = this.type === BPF_MAP_TYPE_STACK
    if (count === 0) this.memory.u8.fill(0, value, value + this.valueSize)
    else {
      copy(this.memory, value, this.#at(stack ? count - 1 : 0), this.valueSize)
      if (take) this.#setHead(stack ? this.#head() : this.#head() + 1, count - 1)
    }
    this.unlock()
    return count === 0 ? -ENOENT : 0
  }

  lookup(_key: number): number {
    return 0
  }
  update(_key: number, _value: number, _flags: number): number {
    return -EINVAL
  }
  remove(_key: number): number {
    return -EINVAL
  }
  nextKey(_key: number, _next: number): number {
    return -EINVAL
  }
  /** Without a key, a lookup by the control plane is a peek and an update is a push. */
  override readTo(_key: number, out: number): number {
    return this.peek(out)
  }
  override writeFrom(_key: number, value: number, flags: number): number {
    return this.push(value, flags)
  }
}
