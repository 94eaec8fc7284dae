// Longest-prefix-match trie. A key is a u32 prefix length in bits and the data, most significant bit first. A node is an entry or a
// fork (two entries below differ there); each node's prefix is a true prefix of its children's.

import { EEXIST, EINVAL, ENOENT, ENOSPC } from '../bpf/errno.ts'
import { BPF_EXIST, BPF_NOEXIST } from '../bpf/map-type-table.ts'
import { readU32, writeU32 } from './array.ts'
import * as L from './layout.ts'
import { BpfMap } from './map.ts'
import { copy, type Memory } from './memory.ts'

const PREFIX = 8
const ENTRY = 12
const DATA = 16

export class TrieMap extends BpfMap {
  readonly #dataBytes: number
  readonly #valueAt: number
  readonly #root: number

  constructor(memory: Memory, base: number) {
    super(memory, base)
    this.#dataBytes = this.keySize - 4
    this.#valueAt = memory.u32[(base + L.H_VALUE_AT) >>> 2]!
    this.#root = base + L.H_ROOT
  }

  #word(at: number): number {
    return this.memory.u32[at >>> 2]!
  }
  #set(at: number, value: number): void {
    this.memory.u32[at >>> 2] = value
  }
  #bit(data: number, index: number): number {
    return (this.memory.u8[data + (index >> 3)]! >> (7 - (index & 7))) & 1
  }

  /** Bits that a node and a key have in common, no more than either prefix has. */
  #common(node: number, key: number): number {
    const limit = Math.min(this.#word(node + PREFIX), readU32(this.memory, key))
    const u8 = this.memory.u8
    for (let bits = 0, i = 0; bits < limit; bits += 8, i++) {
      const difference = u8[node + DATA + i]! ^ u8[key + 4 + i]!
      if (difference !== 0) return Math.min(limit, bits + Math.clz32(difference) - 24)
    }
    return limit
  }

  lookup(key: number): number {
    const length = readU32(this.memory, key)
    if (length > this.#dataBytes * 8) return 0
    let found = 0
    for (let node = this.#word(this.#root); node !== 0; ) {
      const prefix = this.#word(node + PREFIX)
      if (this.#common(node, key) < prefix) break
      if (this.#word(node + ENTRY) === 1) found = node
      if (prefix >= this.#dataBytes * 8) break
      node = this.#word(node + 4 * this.#bit(key + 4, prefix))
    }
    return found === 0 ? 0 : found + this.#valueAt
  }

  #take(): number {
    const freed = this.#word(this.base + L.H_FREED)
    if (freed !== 0) {
      this.#set(this.base + L.H_FREED, this.#word(freed))
      return freed
    }
    const fresh = this.#word(this.base + L.H_FRESH)
    this.#set(this.base + L.H_FRESH, fresh + this.stride)
    return fresh
  }

  #give(node: number): void {
    this.#set(node, this.#word(this.base + L.H_FREED))
    this.#set(this.base + L.H_FREED, node)
  }

  #newNode(prefix: number, entry: number, data: number): number {
    const node = this.#take()
    this.#set(node, 0)
    this.#set(node + 4, 0)
    this.#set(node + PREFIX, prefix)
    this.#set(node + ENTRY, entry)
    copy(this.memory, node + DATA, data, this.#dataBytes)
    return node
  }

  update(key: number, value: number, flags: number): number {
    this.lock()
    const error = this.#put(key, value, flags)
    this.unlock()
    return error
  }

  #put(key: number, value: number, flags: number): number {
    const length = readU32(this.memory, key)
    if (flags >>> 0 > BPF_EXIST || length > this.#dataBytes * 8) return -EINVAL
    let at = this.#root
    let common = 0
    let node = this.#word(at)
    while (node !== 0) {
      const prefix = this.#word(node + PREFIX)
      common = this.#common(node, key)
      if (common !== prefix || prefix === length) break
      at = node + 4 * this.#bit(key + 4, prefix)
      node = this.#word(at)
    }
    const same = node !== 0 && common === length && this.#word(node + PREFIX) === length
    if (same && this.#word(node + ENTRY) === 1) {
      if (flags === BPF_NOEXIST) return -EEXIST
    } else {
      if (flags === BPF_EXIST) return -ENOENT
      if (this.count === this.maxEntries) return -ENOSPC
      this.#set(this.base + L.H_COUNT, this.count + 1)
    }
    const added = this.#newNode(length, 1, key + 4)
    this.copyValue(added + this.#valueAt, value)
    if (node === 0) this.#set(at, added)
    else if (same) {
      this.#set(added, this.#word(node))
      this.#set(added + 4, this.#word(node + 4))
      this.#set(at, added)
      this.#give(node)
    } else if (common === length) {
      this.#set(added + 4 * this.#bit(node + DATA, common), node)
      this.#set(at, added)
    } else {
      const fork = this.#newNode(common, 0, node + DATA)
      const side = this.#bit(key + 4, common)
      this.#set(fork + 4 * side, added)
      this.#set(fork + 4 * (1 - side), node)
      this.#set(at, fork)
    }
    return 0
  }

  remove(key: number): number {
    this.lock()
    const error = this.#drop(key)
    this.unlock()
    return error
  }

  #drop(key: number): number {
    const length = readU32(this.memory, key)
    if (length > this.#dataBytes * 8) return -EINVAL
    let parentAt = 0
    let at = this.#root
    let node = this.#word(at)
    while (node !== 0) {
      const prefix = this.#word(node + PREFIX)
      if (this.#common(node, key) !== prefix) return -ENOENT
      if (prefix === length) break
      parentAt = at
      at = node + 4 * this.#bit(key + 4, prefix)
      node = this.#word(at)
    }
    if (node === 0 || this.#word(node + ENTRY) === 0) return -ENOENT
    this.#set(this.base + L.H_COUNT, this.count - 1)
    const left = this.#word(node)
    const right = this.#word(node + 4)
    if (left !== 0 && right !== 0) {
      this.#set(node + ENTRY, 0)
      return 0
    }
    const parent = parentAt === 0 ? 0 : this.#word(parentAt)
    if (parent !== 0 && left === 0 && right === 0 && this.#word(parent + ENTRY) === 0) {
      // A fork with one side left is none: the other side takes its place.
      this.#set(parentAt, this.#word(at === parent ? parent + 4 : parent))
      this.#give(parent)
    } else this.#set(at, left !== 0 ? left : right)
    this.#give(node)
    return 0
  }

  /** The more specific come first: children before their parent, 0 before 1. */
  nextKey(key: number, next: number): number {
    const path: number[] = []
    let node = key === 0 ? 0 : this.#exact(key, path)
    if (node === 0) {
      path.length = 0
      node = this.#deepest(this.#word(this.#root), path)
    } else node = this.#following(node, path)
    while (node !== 0 && this.#word(node + ENTRY) === 0) node = this.#following(node, path)
    if (node === 0) return -ENOENT
    writeU32(this.memory, next, this.#word(node + PREFIX))
    copy(this.memory, next + 4, node + DATA, this.#dataBytes)
    return 0
  }

  /** The entry with exactly this prefix, 0 = none; `path` gets the nodes above it. */
  #exact(key: number, path: number[]): number {
    const length = readU32(this.memory, key)
    let node = this.#word(this.#root)
    while (node !== 0) {
      const prefix = this.#word(node + PREFIX)
      if (prefix > length || this.#common(node, key) !== prefix) return 0
      if (prefix === length) return this.#word(node + ENTRY) === 1 ? node : 0
      path.push(node)
      node = this.#word(node + 4 * this.#bit(key + 4, prefix))
    }
    return 0
  }

  #deepest(from: number, path: number[]): number {
    let node = from
    while (node !== 0) {
      const child = this.#word(node) || this.#word(node + 4)
      if (child === 0) return node
      path.push(node)
      node = child
    }
    return 0
  }

  #following(node: number, path: number[]): number {
    const parent = path.at(-1)
    if (parent === undefined) return 0
    const right = this.#word(parent + 4)
    if (right !== node && right !== 0) return this.#deepest(right, path)
    path.pop()
    return parent
  }
}
