// The routines that programs call: maps and events. A routine reads its arguments where the agreement with the driver puts them (abi.ts),
// does its work on the tables, leaves its result in register 0 and accounts for the time that the firmware's code would take.
//
// The cost of a map routine follows the public firmware: descriptor from IMEM, the bucket's lock word, the entry (64 bytes), and the
// unlocking, which nobody waits for. All tables share one hash table there, arrays too, so all types cost the same. Lock words lie
// 8 bytes apart, two to a line of the memory engine.

import { EFAULT, EINVAL } from '../bpf/errno.ts'
import type { Microengine } from '../chip/engine.ts'
import { FAULT_ADDRESS, FAULT_JUMP, FAULT_LOCAL_MEMORY, NO_FAULT } from '../chip/fault.ts'
import { LOCAL_WORDS } from '../chip/local.ts'
import { EMEM_BASE_HIGH, EMEM_POINTER_HIGH } from '../chip/memory.ts'
import { BANK_A, BANK_B } from '../chip/microcode.ts'
import type { Timing } from '../chip/timing.ts'
import { MEMORY_CTM, MEMORY_EMEM, MEMORY_IMEM, USE_ADD, USE_LOCK, USE_READ, USE_WRITE } from '../chip/trace.ts'
import type { BpfMap } from '../maps/index.ts'
import * as Abi from './abi.ts'
import { EVENT_PACKET_AT, eventBytes, newEvent } from './control.ts'
import type { Costs } from './costs.ts'
import type { Tables } from './tables.ts'

export const HELPER = { LOOKUP: 1, UPDATE: 2, DELETE: 3, EVENT: 25 } as const

/**
 * Where the bucket locks and the buckets themselves lie, above all that tables can fill. Only which keys share a line matters, so fewer
 * buckets than the firmware's four million do: enough that no line is hot by chance.
 */
const LOCKS_AT = 0xfe00_0000
const BUCKETS_AT = 0xc000_0000
const BUCKET_MASK = 0xffff
const ENTRY_BYTES = 64

/** Events go out from the engine that stands for all; the host emits them on this CPU. */
const EVENT_CPU = 0

export interface RoutineOptions {
  readonly helpers: ReadonlyMap<number, number>
  readonly timing: Timing
  readonly costs: Costs
  readonly eventMtu: number
}

export class Routines {
  /** Cycles issued by routines since the beginning. */
  issued = 0
  /** Events of the programs, as messages for the host, until somebody takes them. */
  events: Uint8Array[] = []
  /** Events that were longer than a message may be. */
  lostEvents = 0
  readonly #engine: Microengine
  readonly #tables: Tables
  readonly #options: RoutineOptions
  readonly #byAddress: ReadonlyMap<number, number>
  // Key and value of the call at hand, in the tables' memory.
  readonly #key: number
  readonly #value: number
  #hash = 0

  constructor(engine: Microengine, tables: Tables, options: RoutineOptions) {
    const { maxKeyBytes, maxValueBytes } = tables.limits
    this.#engine = engine
    this.#tables = tables
    this.#options = options
    this.#byAddress = new Map([...options.helpers].map(([helper, address]) => [address, helper]))
    // Both come from local memory, so they can't be longer than that.
    this.#key = tables.memory.alloc(Math.min(maxKeyBytes, LOCAL_WORDS * 4) + 8)
    this.#value = tables.memory.alloc(Math.min(maxValueBytes, LOCAL_WORDS * 4) + 8)
  }

  /** The events so far; the list begins anew. */
  takeEvents(): Uint8Array[] {
    const { events } = this
    this.events = []
    return events
  }

  /** Serves a jump to `address`. Gives a fault, 0 = done: the program goes on at the address in HELPER_RETURN. */
  call(address: number): number {
    switch (this.#byAddress.get(address)) {
      case HELPER.LOOKUP:
        return this.#lookup()
      case HELPER.UPDATE:
        return this.#update()
      case HELPER.DELETE:
        return this.#delete()
      case HELPER.EVENT:
        return this.#event()
      default:
        return FAULT_JUMP
    }
  }

  /** The map of the call, its key copied; undefined = no such table, -1 = the key is not in local memory. */
  #map(): BpfMap | undefined | -1 {
    const id = this.#engine.registers[Abi.HELPER_MAP]!
    this.#hash = id
    const map = this.#tables.get(id >>> 0)
    if (map === undefined) return undefined
    return this.#copyLocal(0, map.keySize, this.#key) ? map : -1
  }

  /** Copies from local memory through pointer k. A frame's bytes are little-endian in their words, so whole words copy as they are. */
  #copyLocal(k: number, bytes: number, to: number): boolean {
    const from = this.#engine.local.pointer(k) >>> 2
    const words = (bytes + 3) >>> 2
    const local = this.#engine.local.words
    if (from + words > local.length) return false
    const memory = this.#tables.memory.i32
    // Keys of all tables share the buckets, so the table's number is part of what is hashed.
    let hash = this.#hash
    for (let i = 0; i < words; i++) {
      const word = local[from + i]!
      memory[(to >>> 2) + i] = word
      hash = Math.imul(hash ^ word, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    if (k === 0) this.#hash = hash
    return true
  }

  #lookup(): number {
    const map = this.#map()
    if (map === -1) return FAULT_LOCAL_MEMORY
    const value = map === undefined ? 0 : map.lookup(this.#key)
    this.#spendLookup(map, value)
    this.#answer(value, value === 0 ? 0 : EMEM_POINTER_HIGH)
    return NO_FAULT
  }

  #update(): number {
    const { registers } = this.#engine
    const map = this.#map()
    if (map === -1) return FAULT_LOCAL_MEMORY
    let error = -EINVAL
    if (map !== undefined) {
      if (!this.#copyLocal(2, map.valueSize, this.#value)) return FAULT_LOCAL_MEMORY
      if (registers[Abi.high(4)] === 0) error = map.update(this.#key, this.#value, registers[Abi.low(4)]!)
    }
    const { updateIssue, updateWord, updateWaits } = this.#options.costs
    this.#spendWrite(updateIssue + updateWord * words(map, true), updateWaits)
    this.#answer(error, error >> 31)
    return NO_FAULT
  }

  #delete(): number {
    const map = this.#map()
    if (map === -1) return FAULT_LOCAL_MEMORY
    const error = map === undefined ? -EINVAL : map.remove(this.#key)
    const { deleteIssue, deleteWaits, lookupKeyWord } = this.#options.costs
    this.#spendWrite(deleteIssue + lookupKeyWord * words(map, false), deleteWaits)
    this.#answer(error, error >> 31)
    return NO_FAULT
  }

  /** Data from the packet, the stack or a map value, and as much of the packet as the flags' bits 32..51 say, go to the host. */
  #event(): number {
    const engine = this.#engine
    const r = engine.registers
    const mapId = r[Abi.low(2)]! >>> 0
    const packetBytes = r[Abi.high(3)]! & 0xfffff
    const dataBytes = r[Abi.low(5)]! >>> 0
    const pointer = r[Abi.low(4)]!
    const kind = r[Abi.HELPER_POINTER]!
    const { eventIssue, eventWord, eventWaits } = this.#options.costs
    const vector = engine.local.pointer(1) >>> 2
    const length = engine.local.words[vector + Abi.VECTOR_LENGTH]! & Abi.LENGTH_MASK
    if (packetBytes > length) {
      this.#spend(eventIssue, 0, 0)
      this.#answer(-EFAULT, -1)
      return NO_FAULT
    }
    const total = eventBytes(dataBytes, packetBytes)
    if (total > this.#options.eventMtu) {
      this.lostEvents++
      this.#spend(eventIssue, 0, 0)
      this.#answer(0, 0)
      return NO_FAULT
    }
    const message = newEvent(EVENT_CPU, mapId, dataBytes, packetBytes)
    const packetAt = engine.ctm.at(engine.local.words[vector + Abi.VECTOR_ADDRESS]!, packetBytes)
    if (packetAt < 0) return FAULT_ADDRESS
    message.set(engine.ctm.u8.subarray(packetAt, packetAt + packetBytes), EVENT_PACKET_AT)
    const fault = this.#data(kind, pointer, r[Abi.high(4)]!, dataBytes, message.subarray(total - dataBytes))
    if (fault !== NO_FAULT) return fault
    this.events.push(message)
    this.#spend(eventIssue + eventWord * (total >>> 2), eventWaits, this.#options.timing.imemWait)
    this.#engine.trace.uses[MEMORY_CTM]!++
    this.#answer(0, 0)
    return NO_FAULT
  }

  #data(kind: number, low: number, high: number, bytes: number, to: Uint8Array): number {
    const { ctm } = this.#engine
    const local = this.#engine.local.words
    if (bytes === 0) return NO_FAULT
    switch (kind) {
      case Abi.POINTER_PACKET: {
        const at = ctm.at(low, bytes)
        if (at < 0) return FAULT_ADDRESS
        to.set(ctm.u8.subarray(at, at + bytes))
        return NO_FAULT
      }
      case Abi.POINTER_MAP_VALUE: {
        const memory = this.#tables.memory.u8
        const at = low >>> 0
        if (high >>> 24 !== EMEM_BASE_HIGH || at + bytes > memory.length) return FAULT_ADDRESS
        to.set(memory.subarray(at, at + bytes))
        return NO_FAULT
      }
      case Abi.POINTER_STACK:
        if (low < 0 || low + bytes > local.length * 4) return FAULT_LOCAL_MEMORY
        for (let i = 0; i < bytes; i++) to[i] = local[(low + i) >>> 2]! >>> (((low + i) & 3) * 8)
        return NO_FAULT
      default:
        return FAULT_ADDRESS
    }
  }

  #answer(low: number, high: number): void {
    const r = this.#engine.registers
    r[BANK_A] = low
    r[BANK_B] = low
    r[BANK_A + 1] = high
    r[BANK_B + 1] = high
  }

  #spendLookup(map: BpfMap | undefined, value: number): void {
    const { timing, costs } = this.#options
    const issue = costs.lookupIssue + costs.lookupKeyWord * words(map, false)
    const { trace } = this.#engine
    const quarter = issue >>> 2
    const lockLate = this.#lockBucket()
    const entryLate = this.#useEntry(value, USE_READ)
    this.#unlockBucket()
    trace.issue += quarter
    trace.wait(timing.imemWait)
    trace.issue += quarter
    trace.wait(timing.ememWait + lockLate)
    trace.issue += quarter
    trace.wait(timing.ememWait + entryLate)
    trace.issue += issue - 3 * quarter
    this.issued += issue
    trace.uses[MEMORY_IMEM]!++
    trace.uses[MEMORY_EMEM]! += 3
  }

  /** The memory engine's part of a routine; each gives the cycles that it takes longer than one that hits the cache. */
  #lockBucket(): number {
    return this.#engine.engineUse.count(USE_LOCK, LOCKS_AT + (this.#hash & BUCKET_MASK) * 8, 8)
  }

  #unlockBucket(): number {
    return this.#engine.engineUse.count(USE_ADD, LOCKS_AT + (this.#hash & BUCKET_MASK) * 8, 8)
  }

  /** The entry of a value's address, or the bucket itself where there is none. */
  #useEntry(value: number, kind: number): number {
    const at = value === 0 ? BUCKETS_AT + (this.#hash & BUCKET_MASK) * ENTRY_BYTES : value
    return this.#engine.engineUse.count(kind, at, ENTRY_BYTES)
  }

  #spendWrite(issue: number, waits: number): void {
    const { timing } = this.#options
    this.#lockBucket()
    const late = this.#useEntry(0, USE_READ)
    this.#useEntry(0, USE_WRITE)
    this.#unlockBucket()
    this.#spend(issue, waits, timing.ememWait)
    if (late > 0) this.#engine.trace.wait(late)
    this.#engine.trace.uses[MEMORY_EMEM]! += 4
  }

  #spend(issue: number, waits: number, wait: number): void {
    const { trace } = this.#engine
    this.issued += issue
    for (let i = 0; i < waits; i++) {
      const part = Math.floor(issue / (waits + 1))
      trace.issue += part
      trace.wait(wait)
    }
    trace.issue += issue - waits * Math.floor(issue / (waits + 1))
  }
}

/** Words of a key, and of the value too. */
function words(map: BpfMap | undefined, withValue: boolean): number {
  if (map === undefined) return 0
  return ((map.keySize + 3) >>> 2) + (withValue ? (map.valueSize + 3) >>> 2 : 0)
}
