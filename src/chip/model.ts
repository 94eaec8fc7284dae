// How long packets take on one microengine: its contexts share the issue slots. One context issues at a time, keeps issuing until it
// waits (nothing takes it off), and whoever is ready is served in turn. Each context works on a packet from its first segment to its last and
// then takes the next one; there is always a next one, since the question is how many packets fit.
//
// Packets are fed one after the other and simulated as far as is needed to free a context for the next. The first packets are kept too, so
// that a short run can be gone through again until the start no longer shows.

import type { Trace } from './trace.ts'

/** Packets that the model must have seen before its average counts, and those at the start that it leaves out. */
const STEADY = 2048
const WARM_UP = 64
/** int32 of segments kept for going through again: about a megabyte. */
const KEPT = 1 << 18

interface Context {
  segments: Int32Array
  /** int32 in `segments`, and the next to run. */
  length: number
  next: number
  readyAt: number
}

export class ContextModel {
  readonly #contexts: Context[]
  #now = 0
  #turn = 0
  #packets = 0
  #fed = 0
  #startedAt = 0
  #startedPackets = 0
  // Segments of the first packets, and where each begins.
  #kept: Int32Array = new Int32Array(1024)
  #keptLength = 0
  readonly #keptAt: number[] = [0]

  constructor(contexts: number) {
    this.#contexts = Array.from({ length: contexts }, () => ({ segments: new Int32Array(64), length: 0, next: 0, readyAt: 0 }))
  }

  clear(): void {
    for (const context of this.#contexts) {
      context.length = 0
      context.next = 0
      context.readyAt = 0
    }
    this.#now = 0
    this.#turn = 0
    this.#packets = 0
    this.#fed = 0
    this.#startedAt = 0
    this.#startedPackets = 0
    this.#keptLength = 0
    this.#keptAt.length = 1
  }

  /** The next packet. */
  feed(trace: Trace): void {
    const length = trace.count * 2
    if (length === 0) return
    if (this.#keptLength + length <= KEPT) this.#keep(trace.segments, length)
    this.#take(trace.segments, 0, length)
  }

  /**
   * Cycles per packet in the long run, NaN before the first packet. When few packets were fed, they are gone through again and again.
   */
  cyclesPerPacket(): number {
    const kept = this.#keptAt.length - 1
    if (kept === 0) return Number.NaN
    for (let i = 0; this.#fed < STEADY; i++) {
      const at = this.#keptAt[i % kept]!
      this.#take(this.#kept, at, this.#keptAt[(i % kept) + 1]! - at)
    }
    return (this.#now - this.#startedAt) / (this.#packets - this.#startedPackets)
  }

  #keep(segments: Int32Array, length: number): void {
    while (this.#keptLength + length > this.#kept.length) {
      const larger = new Int32Array(this.#kept.length * 2)
      larger.set(this.#kept)
      this.#kept = larger
    }
    for (let i = 0; i < length; i++) this.#kept[this.#keptLength + i] = segments[i]!
    this.#keptLength += length
    this.#keptAt.push(this.#keptLength)
  }

  #take(segments: Int32Array, at: number, length: number): void {
    this.#fed++
    let context = this.#idle()
    while (context === undefined) {
      this.#step()
      context = this.#idle()
    }
    if (context.segments.length < length) context.segments = new Int32Array(length * 2)
    for (let i = 0; i < length; i++) context.segments[i] = segments[at + i]!
    context.length = length
    context.next = 0
  }

  #idle(): Context | undefined {
    for (const context of this.#contexts) if (context.next >= context.length) return context
    return undefined
  }

  /** The next ready context in turn issues one segment; when nobody is ready, time goes on to the first that will be. */
  #step(): void {
    const contexts = this.#contexts
    const n = contexts.length
    let chosen = -1
    let soonest = Number.POSITIVE_INFINITY
    for (let k = 1; k <= n; k++) {
      const i = (this.#turn + k) % n
      const context = contexts[i]!
      if (context.next >= context.length) continue
      if (context.readyAt <= this.#now) {
        chosen = i
        break
      }
      if (context.readyAt < soonest) {
        soonest = context.readyAt
        chosen = i
      }
    }
    const context = contexts[chosen]!
    if (context.readyAt > this.#now) this.#now = context.readyAt
    this.#turn = chosen
    this.#now += context.segments[context.next]!
    context.readyAt = this.#now + context.segments[context.next + 1]!
    context.next += 2
    if (context.next < context.length) return
    this.#packets++
    if (this.#packets === WARM_UP) {
      this.#startedAt = this.#now
      this.#startedPackets = this.#packets
    }
  }
}
