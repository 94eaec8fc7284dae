// What a packet did with its time, in a form that the throughput model can replay: segments of (cycles of issue, cycles of waiting).
// A thread issues without giving way until it waits, so a packet is a short list of such pairs; the last one waits for nothing.
// Uses of the external memory's engine are counted per 16-byte line, because the engine serves one line at a time: the line that most
// packets meet at is what limits a card. Arrays are reused from packet to packet and grow only when a packet needs more than any before.

import { Cache } from './cache.ts'
import type { Timing } from './timing.ts'

const LINE_SHIFT = 4
/** Lines per page of counters; a page is made when its first line is used. */
const PAGE_SHIFT = 12
/** A page's number has 16 bits: two halves of 8. */
const HALF_SHIFT = 8
const HALF: number = 1 << HALF_SHIFT

export const USE_READ = 0
export const USE_ADD = 1
export const USE_LOCK = 2
export const USE_WRITE = 3

export const MEMORY_CTM = 0
export const MEMORY_EMEM = 1
export const MEMORY_IMEM = 2

export class Trace {
  /** Pairs of issue and wait cycles. */
  segments: Int32Array = new Int32Array(64)
  /** Closed pairs. */
  count = 0
  /** Cycles issued since the last wait. */
  issue = 0
  /** Sums over the packet. */
  issued = 0
  waited = 0
  /** Accesses of this packet to each memory (MEMORY_*). */
  readonly uses: Int32Array = new Int32Array(3)

  clear(): void {
    this.count = 0
    this.issue = 0
    this.issued = 0
    this.waited = 0
    this.uses.fill(0)
  }

  wait(cycles: number): void {
    this.#push(cycles)
    this.waited += cycles
  }

  /** Ends the packet: what was issued since the last wait becomes the last segment. */
  end(): void {
    if (this.issue > 0) this.#push(0)
  }

  #push(wait: number): void {
    const at = this.count * 2
    if (at === this.segments.length) {
      const larger = new Int32Array(at * 2)
      larger.set(this.segments)
      this.segments = larger
    }
    this.segments[at] = this.issue
    this.segments[at + 1] = wait
    this.issued += this.issue
    this.issue = 0
    this.count++
  }
}

/** The use of the EMEM engine over a run, in ten-thousandths of an engine cycle. */
export class EngineUse {
  total = 0
  /** The most used line: its address and its use. */
  hottestLine = 0
  hottest = 0
  readonly #cost: readonly number[]
  /** Pages of counters by the high and low half of their number, each made at its first use. */
  readonly #pages: ((Float64Array | undefined)[] | undefined)[] = new Array(HALF).fill(undefined)
  // Neighbouring uses fall into the same page: the last one is kept at hand.
  #page: Float64Array = new Float64Array(0)
  #number = -1

  readonly #miss: number
  /** Undefined where everything hits. */
  readonly cache: Cache | undefined

  /** With `cacheBytes` of 0 everything hits. */
  constructor(timing: Timing, cacheBytes = 0) {
    this.#miss = timing.ememMiss
    this.cache = cacheBytes === 0 ? undefined : new Cache(cacheBytes)
    this.#cost = [timing.ememRead, timing.ememAdd, timing.ememLock, timing.ememWrite]
  }

  clear(): void {
    this.total = 0
    this.hottest = 0
    this.hottestLine = 0
    this.cache?.clear()
    this.#pages.fill(undefined)
    this.#number = -1
  }

  /**
   * One command over `bytes` bytes at an offset in EMEM: every line that it touches is used once. Gives the cycles that it takes longer
   * than one that hits.
   */
  count(kind: number, at: number, bytes: number): number {
    const last = (at + bytes - 1) >>> LINE_SHIFT
    const cost = this.#cost[kind]!
    for (let line = at >>> LINE_SHIFT; line <= last; line++) {
      const number = line >>> PAGE_SHIFT
      if (number !== this.#number) this.#turn(number)
      const index = line & ((1 << PAGE_SHIFT) - 1)
      const use = this.#page[index]! + cost
      this.#page[index] = use
      this.total += cost
      if (use > this.hottest) {
        this.hottest = use
        this.hottestLine = (line << LINE_SHIFT) >>> 0
      }
    }
    return this.cache === undefined || this.cache.touch(at, bytes) ? 0 : this.#miss
  }

  #turn(number: number): void {
    let pages = this.#pages[number >>> HALF_SHIFT]
    if (pages === undefined) {
      pages = new Array<Float64Array | undefined>(HALF).fill(undefined)
      this.#pages[number >>> HALF_SHIFT] = pages
    }
    let page = pages[number & (HALF - 1)]
    if (page === undefined) {
      page = new Float64Array(1 << PAGE_SHIFT)
      pages[number & (HALF - 1)] = page
    }
    this.#page = page
    this.#number = number
  }
}
