// The order of use in an LRU map: a list of elements from oldest to newest, and a bit that a lookup sets. A lookup moves nothing
// (readers take no lock); an element whose bit is set when it would be evicted gets a second chance as the newest. Which entry goes
// when an LRU map is full is our own choice: Linux's depends on batches per CPU and is not promised to anyone.

import { H_NEWEST, H_OLDEST } from './layout.ts'
import type { Memory } from './memory.ts'

const OLDER = 8
const NEWER = 12
const REFERENCED = 16

export class LruOrder {
  readonly #memory: Memory
  readonly #base: number

  constructor(memory: Memory, base: number) {
    this.#memory = memory
    this.#base = base
  }

  touch(element: number): void {
    this.#memory.u32[(element + REFERENCED) >>> 2] = 1
  }

  /** Links an element as the newest. */
  add(element: number): void {
    const words = this.#memory.u32
    const newest = words[(this.#base + H_NEWEST) >>> 2]!
    words[(element + OLDER) >>> 2] = newest
    words[(element + NEWER) >>> 2] = 0
    words[(element + REFERENCED) >>> 2] = 0
    words[(newest === 0 ? this.#base + H_OLDEST : newest + NEWER) >>> 2] = element
    words[(this.#base + H_NEWEST) >>> 2] = element
  }

  /** Takes an element out of the order. */
  take(element: number): void {
    const words = this.#memory.u32
    const older = words[(element + OLDER) >>> 2]!
    const newer = words[(element + NEWER) >>> 2]!
    words[(older === 0 ? this.#base + H_OLDEST : older + NEWER) >>> 2] = newer
    words[(newer === 0 ? this.#base + H_NEWEST : newer + OLDER) >>> 2] = older
  }

  /** The element to evict, 0 when there is none. Each one passed over loses its bit, so the search ends. */
  oldest(): number {
    const words = this.#memory.u32
    for (;;) {
      const element = words[(this.#base + H_OLDEST) >>> 2]!
      if (element === 0 || words[(element + REFERENCED) >>> 2] === 0) return element
      this.take(element)
      this.add(element)
    }
  }
}
