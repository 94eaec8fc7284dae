// The cache in front of the external memory's DRAM, for asking what happens when tables don't fit: direct-mapped, lines of 64 bytes.
// How the silicon's cache is built and what a miss costs are in no public source, and the measurements that the other parameters come from
// all hit; so a card has no such cache unless it is asked for, and then the answer is as good as the two parameters.

const LINE_SHIFT = 6

export class Cache {
  /** The line that each slot holds, plus one; 0 = none. */
  readonly #lines: Int32Array
  hits = 0
  misses = 0

  constructor(bytes: number) {
    this.#lines = new Int32Array(Math.max(1, bytes >>> LINE_SHIFT))
  }

  /** Whether all of some bytes were there; they are from then on. */
  touch(at: number, bytes: number): boolean {
    const lines = this.#lines
    const last = (at + bytes - 1) >>> LINE_SHIFT
    let hit = true
    for (let line = at >>> LINE_SHIFT; line <= last; line++) {
      const slot = line % lines.length
      if (lines[slot] === line + 1) continue
      lines[slot] = line + 1
      hit = false
    }
    if (hit) this.hits++
    else this.misses++
    return hit
  }

  clear(): void {
    this.hits = 0
    this.misses = 0
  }
}
