// The datapath of one microengine: takes a packet into packet memory, sets up the program's registers, runs it, serves its calls and
// decodes its result. One packet is in work at a time; how four contexts overlap is the throughput model's matter. Nothing is allocated
// per packet but the messages of events.
//
// A context's state is cleared for each packet (registers, stack), which the real firmware does not do: so a verdict never depends on
// the packet before, and runs can be split over threads. A program that the verifier passed for an unprivileged user can't tell.

import { packetSeed } from '../bytes/chance.ts'
import { Microengine } from '../chip/engine.ts'
import { FAULT_JUMP, NO_FAULT } from '../chip/fault.ts'
import { LOCAL_WORDS } from '../chip/local.ts'
import { CTM_PACKET, Ctm } from '../chip/memory.ts'
import type { Microcode } from '../chip/microcode.ts'
import type { Timing } from '../chip/timing.ts'
import { EngineUse, Trace } from '../chip/trace.ts'
import * as Abi from './abi.ts'
import type { Costs } from './costs.ts'
import { Routines } from './routines.ts'
import type { Tables } from './tables.ts'

/** Local memory: packet vectors at the bottom, stacks at the top. */
const VECTOR_AT = 0x40
const LOCAL_BYTES = LOCAL_WORDS * 4

/** Room behind the inline part of a packet, because words are read whole: up to 31 words may be read for one byte. */
const SLACK_BYTES = 128

/** Number of the packet in packet memory; with one packet in work any will do. Not 0, so that a lost number shows. */
const PACKET_NUMBER = 5

export interface WorkerOptions {
  /** Addresses in the control store where programs begin and where they go when they are done. */
  readonly start: number
  readonly done: number
  /** Address of each helper routine, by helper number. */
  readonly helpers: ReadonlyMap<number, number>
  /** Bytes in front of a packet in its buffer. */
  readonly headroom: number
  readonly stackBytes: number
  /** Bytes of a packet that stand in packet memory; the rest is elsewhere and out of a program's reach. */
  readonly inlineBytes: number
  readonly timing: Timing
  readonly costs: Costs
  readonly seed: number
  /** Longest event message. */
  readonly eventMtu: number
  /** Of the cache in front of the external memory; 0 = everything hits. */
  readonly cacheBytes: number
}

export class Worker {
  readonly engine: Microengine
  readonly trace: Trace = new Trace()
  readonly engineUse: EngineUse
  readonly routines: Routines
  /** The last packet: verdict, counter (0..3, -1 = none), fault, where it lies in packet memory, its length and its queue (-1 = any). */
  verdict = 0
  counter = -1
  fault: number = NO_FAULT
  faultAddress = 0
  offset = 0
  length = 0
  queue = -1
  /** Cycles that the program issued, routines that it called included. */
  programCycles = 0
  #program: Microcode | undefined
  readonly #ctm: Ctm
  readonly #bufferAt: number
  readonly #stackAt: number
  readonly #options: WorkerOptions
  readonly #packetShares: Int32Array
  readonly #sendShares: Int32Array
  #inline = 0
  /** Where the packet ended when it came in. */
  #end = 0
  #packets = 0

  constructor(tables: Tables, options: WorkerOptions) {
    const { timing, headroom, inlineBytes, stackBytes } = options
    const bufferBytes = headroom + inlineBytes + SLACK_BYTES
    this.#options = options
    const { packetIssue, packetWaits, sendIssue, sendWaits } = options.costs
    this.#packetShares = shares(packetIssue, packetWaits)
    this.#sendShares = shares(sendIssue, sendWaits)
    this.#ctm = new Ctm(Math.max(bufferBytes * 2, 4096))
    // Not at the beginning of the memory: an address that lost its packet bit must not hit the packet.
    this.#bufferAt = this.#ctm.u8.length - bufferBytes
    this.#ctm.packetAt[PACKET_NUMBER] = this.#bufferAt
    this.#ctm.packetBytes[PACKET_NUMBER] = bufferBytes
    this.#stackAt = LOCAL_BYTES - Math.min((stackBytes + 63) & ~63, LOCAL_BYTES - 512)
    this.engineUse = new EngineUse(timing, options.cacheBytes)
    this.engine = new Microengine(this.#ctm, this.trace, this.engineUse, timing, tables.memory)
    this.routines = new Routines(this.engine, tables, options)
  }

  /** A new program, none to stop. */
  load(program: Microcode | undefined): void {
    this.#program = program
  }

  /** Starts the count of packets again that random numbers are drawn from, e.g. at a packet's place in a larger run. */
  seek(packet: number): void {
    this.#packets = packet
  }

  /** Takes `length` bytes of `bytes` from `at` on as a packet and runs the program on it. Gives the verdict. */
  process(bytes: Uint8Array, at: number, length: number): number {
    const { headroom, inlineBytes, seed } = this.#options
    const { engine, trace } = this
    const program = this.#program
    trace.clear()
    const number = this.#packets++
    this.fault = NO_FAULT
    this.counter = -1
    this.queue = -1
    this.length = length
    this.programCycles = 0
    this.offset = this.#bufferAt + headroom
    this.#inline = Math.min(length, inlineBytes)
    this.#end = this.offset + length
    if (program === undefined || length > Abi.LENGTH_MASK) {
      this.verdict = Abi.VERDICT.NONE
      return this.verdict
    }
    const u8 = this.#ctm.u8
    // Copies of short packets by a loop are faster than a subarray each.
    const inline = this.#inline
    const to = this.#bufferAt + headroom
    if (inline > 256) u8.set(bytes.subarray(at, at + inline), to)
    else for (let i = 0; i < inline; i++) u8[to + i] = bytes[at + i]!
    u8.fill(0, this.#bufferAt, to)
    u8.fill(0, to + inline, Math.min(to + inline + SLACK_BYTES, u8.length))

    const { registers } = engine
    const local = engine.local.words
    local.fill(0, VECTOR_AT >>> 2, (VECTOR_AT >>> 2) + Abi.VECTOR_WORDS)
    local.fill(0, this.#stackAt >>> 2)
    local[(VECTOR_AT >>> 2) + Abi.VECTOR_LENGTH] = length
    local[(VECTOR_AT >>> 2) + Abi.VECTOR_ADDRESS] = CTM_PACKET | (PACKET_NUMBER << 16) | headroom
    engine.reset(this.#stackAt, VECTOR_AT)
    engine.random = packetSeed(seed, number)
    registers[Abi.STACK_BASE] = this.#stackAt
    this.#spend(true)
    const called = this.routines.issued
    this.#execute(program)
    this.programCycles = engine.cycle + this.routines.issued - called
    this.#finish()
    this.#spend(false)
    trace.end()
    return this.verdict
  }

  #execute(program: Microcode): void {
    const { engine, routines } = this
    const { start, done } = this.#options
    let address = start
    for (;;) {
      let fault = engine.run(program, address)
      address = engine.address
      if (fault === NO_FAULT) {
        if (address === done) return
        const back = engine.registers[Abi.HELPER_RETURN]! & 0x3fff
        const before = routines.issued
        const waitedBefore = this.trace.waited
        fault = routines.call(address)
        // The call's cost stands with the branch, three words before the place that it comes back to.
        const call = back - 3 - program.base
        if (call >= 0 && call < program.count) {
          program.called[call]! += routines.issued - before
          program.waited[call]! += this.trace.waited - waitedBefore
        }
        address = fault === NO_FAULT ? back : address
      }
      if (fault !== NO_FAULT) {
        this.fault = fault
        this.faultAddress = address
        return
      }
      if (address < program.base || address >= program.base + program.count) {
        this.fault = FAULT_JUMP
        this.faultAddress = address
        return
      }
    }
  }

  #finish(): void {
    const { engine } = this
    if (this.fault !== NO_FAULT) {
      this.verdict = Abi.VERDICT.FAULT
      return
    }
    const result = (engine.registers[Abi.RESULT]! >>> 16) & 0xff
    this.verdict = Abi.verdictOf(result)
    if (this.verdict === Abi.VERDICT.FAULT) this.#fail(Abi.FAULT_RESULT)
    if (result >>> 4 !== 0) this.counter = 31 - Math.clz32(result >>> 4)
    const vector = VECTOR_AT >>> 2
    const local = engine.local.words
    this.length = local[vector + Abi.VECTOR_LENGTH]! & Abi.LENGTH_MASK
    this.offset = this.#bufferAt + (local[vector + Abi.VECTOR_ADDRESS]! & 0xffff)
    if ((local[vector + Abi.VECTOR_FLAGS]! & Abi.QUEUE_IS_SET) !== 0) this.queue = local[vector + Abi.VECTOR_QUEUE]! & 0xff
    // A program can only move the beginning within its buffer; what doesn't fit there is a broken result.
    const before = this.#bufferAt + this.#options.headroom
    if (this.offset - before > this.#inline || this.offset + this.length > this.#end) this.#fail(Abi.FAULT_PACKET)
  }

  #fail(fault: number): void {
    this.verdict = Abi.VERDICT.FAULT
    this.fault = fault
    this.faultAddress = this.#options.done
  }

  /** The packet as it leaves, from packet memory and, where it is longer than the inline part, from the bytes that came in. */
  copyOut(source: Uint8Array, at: number, originalLength: number): Uint8Array {
    const out = new Uint8Array(this.length)
    const first = this.#bufferAt + this.#options.headroom
    const inlineEnd = first + this.#inline
    const end = this.offset + this.length
    const u8 = this.#ctm.u8
    const rest = end > inlineEnd && originalLength > this.#inline ? Math.min(end - inlineEnd, originalLength - this.#inline) : 0
    out.set(u8.subarray(this.offset, Math.min(end - rest, u8.length)))
    if (rest > 0) out.set(source.subarray(at + this.#inline, at + this.#inline + rest), out.length - rest)
    return out
  }

  /** The firmware's own part before or after the program: equal segments that each end in a wait, half of them on each side. */
  #spend(before: boolean): void {
    const { packetWait } = this.#options.costs
    const shares = this.#packetShares
    const half = shares.length >>> 1
    const end = before ? half : shares.length
    for (let i = before ? 0 : half; i < end; i++) this.#segment(shares[i]!, packetWait)
    if (before || this.verdict !== Abi.VERDICT.TX) return
    for (let i = 0; i < this.#sendShares.length; i++) this.#segment(this.#sendShares[i]!, packetWait)
  }

  #segment(issue: number, wait: number): void {
    this.trace.issue += issue
    this.trace.wait(wait)
  }
}

function shares(sum: number, n: number): Int32Array {
  return Int32Array.from({ length: n }, (_, i) => share(sum, n, i))
}

/** The i-th of n whole shares of a sum. */
export function share(sum: number, n: number, i: number): number {
  return Math.floor((sum * (i + 1)) / n) - Math.floor((sum * i) / n)
}
