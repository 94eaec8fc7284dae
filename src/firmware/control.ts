// The control channel: messages of the driver about maps, and the answers. All numbers are big-endian.
//
//   header    type u8, version u8 (1), tag u16; an answer has type | 0x80 and the same tag
//   alloc     key_size, value_size, max_entries, map_type, map_flags (u32 each)     → rc, table
//   free      table                                                                → rc, count
//   others    table, count, flags, entry...                                        → rc, count, 0, entry...
//
// An entry is a key slot and a value slot of fixed sizes. A request has room for one entry; `count` says how many the driver wants, which only
// "first" and "next" give more than one of. An answer that is not rc 0 has room for one entry more than its count; when entries run out
// before the wanted count, the answer has those that there are and rc "no entry".
//
// Whatever arrives gets an answer or is counted as dropped: nothing here throws on bytes.

import type { BpfMap } from '../maps/index.ts'
import { RC, rcOf, type Tables } from './tables.ts'

export const MESSAGE = {
  ALLOC: 1,
  FREE: 2,
  LOOKUP: 3,
  UPDATE: 4,
  DELETE: 5,
  NEXT: 6,
  FIRST: 7,
  EVENT: 8,
} as const

export const REPLY = 0x80
export const VERSION = 1
const HEADER = 4
const OPERATION = 16
const EVENT_HEADER = 24

export interface ControlOptions {
  readonly keySlot: number
  readonly valueSlot: number
  /** Longest message of either direction. */
  readonly mtu: number
  /** Whether "first" and "next" may give several entries. */
  readonly severalEntries: boolean
}

export class Control {
  /** Messages that were no requests: too short, another version, an unknown type. */
  dropped = 0
  answered = 0
  readonly #tables: Tables
  readonly #options: ControlOptions

  constructor(tables: Tables, options: ControlOptions) {
    this.#tables = tables
    this.#options = options
  }

  /** The answers to a message: one or none. */
  handle(message: Uint8Array): Uint8Array[] {
    const reply = this.#answer(message)
    if (reply === undefined) {
      this.dropped++
      return []
    }
    this.answered++
    return [reply]
  }

  #answer(message: Uint8Array): Uint8Array | undefined {
    if (message.length < HEADER || message.length > this.#options.mtu) return undefined
    if (message[1] !== VERSION) return undefined
    switch (message[0]) {
      case MESSAGE.ALLOC:
        return this.#alloc(message)
      case MESSAGE.FREE:
        return this.#free(message)
      case MESSAGE.LOOKUP:
      case MESSAGE.UPDATE:
      case MESSAGE.DELETE:
      case MESSAGE.NEXT:
      case MESSAGE.FIRST:
        return this.#operation(message)
      default:
        return undefined
    }
  }

  #alloc(message: Uint8Array): Uint8Array {
    const view = viewOf(message)
    if (message.length !== 24) return shortReply(message, RC.INVALID, 0)
    const { rc, id } = this.#tables.alloc({
      keySize: view.getUint32(4),
      valueSize: view.getUint32(8),
      maxEntries: view.getUint32(12),
      type: view.getUint32(16),
      flags: view.getUint32(20),
    })
    return shortReply(message, rc, id)
  }

  #free(message: Uint8Array): Uint8Array {
    if (message.length !== 8) return shortReply(message, RC.INVALID, 0)
    const rc = this.#tables.free(viewOf(message).getUint32(4))
    return shortReply(message, rc, rc === RC.OK ? 1 : 0)
  }

  #operation(message: Uint8Array): Uint8Array {
    const { keySlot, valueSlot, mtu, severalEntries } = this.#options
    const entry = keySlot + valueSlot
    if (message.length < OPERATION + entry) return this.#reply(message, RC.INVALID, [], 0)
    const view = viewOf(message)
    const map = this.#tables.get(view.getUint32(4))
    const count = view.getUint32(8)
    const flags = view.getUint32(12)
    const type = message[0]!
    const walks = type === MESSAGE.FIRST || type === MESSAGE.NEXT
    if (map === undefined) return this.#reply(message, RC.BAD_TABLE, [], 0)
    // A firmware may take larger entries than its messages have room for; only programs reach those.
    if (map.keySize > keySlot || map.valueSize > valueSlot) return this.#reply(message, RC.INVALID, [], 0)
    if (count === 0 || (count > 1 && !(walks && severalEntries))) return this.#reply(message, RC.INVALID, [], 0)
    const key = message.slice(OPERATION, OPERATION + map.keySize)
    const value = message.slice(OPERATION + keySlot, OPERATION + keySlot + map.valueSize)
    if (walks) {
      // Room for the entry that a result code brings with it is kept.
      const room = Math.max(1, Math.floor((mtu - OPERATION) / entry) - 1)
      return this.#walk(message, map, type === MESSAGE.NEXT ? key : undefined, Math.min(count, room), count)
    }
    switch (type) {
      case MESSAGE.LOOKUP: {
        const found = map.get(key)
        return found === undefined ? this.#reply(message, RC.NO_ENTRY, [], 0) : this.#reply(message, RC.OK, [[key, found]], 1)
      }
      case MESSAGE.UPDATE: {
        if (flags > 2) return this.#reply(message, RC.INVALID, [], 0)
        const error = map.set(key, value, flags)
        return error === 0 ? this.#reply(message, RC.OK, [[key, value]], 1) : this.#reply(message, rcOf(error), [], 0)
      }
      default: {
        const error = map.delete(key)
        return error === 0 ? this.#reply(message, RC.OK, [[key, empty]], 1) : this.#reply(message, rcOf(error), [], 0)
      }
    }
  }

  #walk(message: Uint8Array, map: BpfMap, after: Uint8Array | undefined, most: number, wanted: number): Uint8Array {
    const entries: [Uint8Array, Uint8Array][] = []
    let key = map.next(after)
    while (key !== undefined && entries.length < most) {
      entries.push([key, map.get(key) ?? empty])
      key = entries.length < most ? map.next(key) : undefined
    }
    const rc = entries.length === Math.min(wanted, most) ? RC.OK : RC.NO_ENTRY
    return this.#reply(message, rc, entries, entries.length)
  }

  #reply(request: Uint8Array, rc: number, entries: readonly (readonly [Uint8Array, Uint8Array])[], count: number): Uint8Array {
    const { keySlot, valueSlot } = this.#options
    const slots = count + (rc === RC.OK ? 0 : 1)
    const reply = new Uint8Array(OPERATION + (keySlot + valueSlot) * slots)
    head(reply, request)
    const view = viewOf(reply)
    view.setUint32(4, rc)
    view.setUint32(8, count)
    entries.forEach(([key, value], i) => {
      const at = OPERATION + (keySlot + valueSlot) * i
      reply.set(key, at)
      reply.set(value, at + keySlot)
    })
    return reply
  }
}

const empty = new Uint8Array(0)

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function head(reply: Uint8Array, request: Uint8Array): void {
  reply.set(request.subarray(0, HEADER))
  reply[0] = request[0]! | REPLY
}

function shortReply(request: Uint8Array, rc: number, value: number): Uint8Array {
  const reply = new Uint8Array(12)
  head(reply, request)
  const view = viewOf(reply)
  view.setUint32(4, rc)
  view.setUint32(8, value)
  return reply
}

/** Bytes of an event message. */
export function eventBytes(dataBytes: number, packetBytes: number): number {
  return EVENT_HEADER + ((packetBytes + 3) & ~3) + dataBytes
}

/** An event's message with its header filled; gives where the packet's bytes and the data belong. */
export function newEvent(cpu: number, mapId: number, dataBytes: number, packetBytes: number): Uint8Array {
  const message = new Uint8Array(eventBytes(dataBytes, packetBytes))
  message[0] = MESSAGE.EVENT
  message[1] = VERSION
  const view = viewOf(message)
  view.setUint32(4, cpu)
  view.setUint32(12, mapId)
  view.setUint32(16, dataBytes)
  view.setUint32(20, packetBytes)
  return message
}

export const EVENT_PACKET_AT: number = EVENT_HEADER
