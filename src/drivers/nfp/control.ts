// Control messages between driver and firmware: how maps on the card are made and used. Everything is big endian. A message has a
// four-byte header (type, version, tag), then words, then entries of one key slot and one value slot each; slots have fixed sizes
// that both sides know. The specification is section 14.2 of the translator's document: sizes here are bytes.

import { E2BIG, EAGAIN, EBADFD, EEXIST, EINVAL, EIO, ENOENT, ENOMEM, EOPNOTSUPP, ETIMEDOUT } from '../../bpf/errno.ts'

export const CMSG_ALLOC = 1
export const CMSG_FREE = 2
export const CMSG_LOOKUP = 3
export const CMSG_UPDATE = 4
export const CMSG_DELETE = 5
export const CMSG_GETNEXT = 6
export const CMSG_GETFIRST = 7
export const CMSG_EVENT = 8
const REPLY = 0x80
const VERSION = 1
const OP_HEADER = 16
const MAX_ENTRIES = 4
const TAGS = 0xffff >> 2

/** Errno by the firmware's reply code. */
const ERRNO: readonly number[] = [0, EBADFD, ENOENT, EINVAL, EIO, EEXIST, ENOMEM, E2BIG]

/** Carries a message to the firmware and gives what it sends back at once. */
export type Transport = (message: Uint8Array) => readonly Uint8Array[]

export interface ControlOptions {
  readonly keySlot: number
  readonly valueSlot: number
  /** Largest message that the channel carries. */
  readonly mtu: number
  /** The firmware answers several entries in one message. */
  readonly multiEntry: boolean
  /** The driver's lines for the kernel log. */
  readonly log: (line: string) => void
  /** What the firmware sends unasked: events. */
  readonly event?: (message: Uint8Array) => void
}

export interface AllocRequest {
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly type: number
}

export interface Entries {
  readonly keys: readonly Uint8Array[]
  readonly values: readonly Uint8Array[]
}

export class ControlChannel {
  readonly #send: Transport
  readonly #options: ControlOptions
  #tag = 0
  /** Tags of requests that were given up; a late reply to one of them is dropped. */
  readonly #lost: Set<number> = new Set()

  constructor(send: Transport, options: ControlOptions) {
    this.#send = send
    this.#options = options
  }

  /** The smallest MTU that a channel with these slots can work with. */
  static minimumMtu(keySlot: number, valueSlot: number): number {
    return OP_HEADER + keySlot + valueSlot
  }

  /** The table id that the firmware gave, or a negative errno. Ids are positive. */
  alloc(request: AllocRequest): number {
    const message = this.#message(CMSG_ALLOC, 24)
    const view = viewOf(message)
    view.setUint32(4, request.keySize)
    view.setUint32(8, request.valueSize)
    view.setUint32(12, request.maxEntries)
    view.setUint32(16, request.type)
    const reply = this.#communicate(message, 12)
    if (typeof reply === 'number') return reply
    const answer = viewOf(reply)
    const error = this.#errno(answer.getUint32(4))
    return error === 0 ? answer.getUint32(8) : error
  }

  free(tid: number): void {
    const message = this.#message(CMSG_FREE, 8)
    viewOf(message).setUint32(4, tid)
    const reply = this.#communicate(message, 12)
    if (typeof reply === 'number') return
    const error = this.#errno(viewOf(reply).getUint32(4))
    if (error !== 0) this.#options.log(`leaking map - FW responded with an error: ${error}`)
  }

  lookup(tid: number, key: Uint8Array): Entries | number {
    return this.#entryOp(CMSG_LOOKUP, tid, key, undefined, 0, 1)
  }

  update(tid: number, key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags > 0xffffffff) return -EOPNOTSUPP
    const reply = this.#entryOp(CMSG_UPDATE, tid, key, value, flags, 1)
    return typeof reply === 'number' ? reply : 0
  }

  remove(tid: number, key: Uint8Array): number {
    const reply = this.#entryOp(CMSG_DELETE, tid, key, undefined, 0, 1)
    return typeof reply === 'number' ? reply : 0
  }

  getFirst(tid: number): Entries | number {
    return this.#entryOp(CMSG_GETFIRST, tid, undefined, undefined, 0, this.#batch())
  }

  getNext(tid: number, key: Uint8Array): Entries | number {
    return this.#entryOp(CMSG_GETNEXT, tid, key, undefined, 0, this.#batch())
  }

  /** How many entries one reply may carry. */
  #batch(): number {
    if (!this.#options.multiEntry) return 1
    const { keySlot, valueSlot, mtu } = this.#options
    return Math.max(1, Math.min(MAX_ENTRIES, Math.floor((mtu - OP_HEADER) / (keySlot + valueSlot))))
  }

  #entryOp(
    type: number,
    tid: number,
    key: Uint8Array | undefined,
    value: Uint8Array | undefined,
    flags: number,
    count: number,
  ): Entries | number {
    const { keySlot, valueSlot } = this.#options
    const entry = keySlot + valueSlot
    const message = this.#message(type, OP_HEADER + entry)
    const view = viewOf(message)
    view.setUint32(4, tid)
    view.setUint32(8, count)
    view.setUint32(12, flags)
    if (key !== undefined) message.set(key, OP_HEADER)
    if (value !== undefined) message.set(value, OP_HEADER + keySlot)
    const reply = this.#communicate(message)
    if (typeof reply === 'number') return reply
    if (reply.length < OP_HEADER) return this.#malformed(`reply too short: ${reply.length}`)
    const answer = viewOf(reply)
    const code = answer.getUint32(4)
    const got = answer.getUint32(8)
    if (reply.length !== OP_HEADER + entry * (got + (code !== 0 ? 1 : 0))) {
      return this.#malformed(`reply with ${got} entries has ${reply.length} bytes`)
    }
    // Having asked for several, what came is good even if the code says that there was no more.
    const error = count > 1 && got > 0 ? 0 : this.#errno(code)
    if (error !== 0) return error
    const keys: Uint8Array[] = []
    const values: Uint8Array[] = []
    for (let i = 0, at = OP_HEADER; i < got; i++, at += entry) {
      keys.push(reply.slice(at, at + keySlot))
      values.push(reply.slice(at + keySlot, at + entry))
    }
    return { keys, values }
  }

  #message(type: number, length: number): Uint8Array {
    const message = new Uint8Array(length)
    message[0] = type
    message[1] = VERSION
    return message
  }

  /** Sends a request and waits for the reply with its tag; -EAGAIN when all tags are out, -ETIMEDOUT, or -EIO for a wrong reply. */
  #communicate(message: Uint8Array, length = 0): Uint8Array | number {
    if (this.#lost.size >= TAGS) {
      this.#options.log('all FW request contexts busy!')
      return -EAGAIN
    }
    do this.#tag = (this.#tag + 1) & 0xffff
    while (this.#lost.has(this.#tag))
    viewOf(message).setUint16(2, this.#tag)
    let reply: Uint8Array | undefined
    for (const received of this.#send(message)) {
      if (received.length < 4) continue
      if (received[0] === CMSG_EVENT) this.#options.event?.(received)
      else if (viewOf(received).getUint16(2) === this.#tag) reply = received
      else this.#lost.delete(viewOf(received).getUint16(2))
    }
    const type = message[0]!
    if (reply === undefined) {
      this.#lost.add(this.#tag)
      this.#options.log(`timeout waiting for response to 0x${type.toString(16).padStart(2, '0')}`)
      return -ETIMEDOUT
    }
    if (reply[0] !== (type | REPLY)) {
      return this.#malformed(`reply of type 0x${reply[0]!.toString(16)} to 0x${type.toString(16)}`)
    }
    if (length !== 0 && reply.length !== length) return this.#malformed(`reply has ${reply.length} bytes instead of ${length}`)
    return reply
  }

  #malformed(what: string): number {
    this.#options.log(`control message: ${what}`)
    return -EIO
  }

  #errno(code: number): number {
    const errno = ERRNO[code]
    if (errno !== undefined) return errno === 0 ? 0 : -errno
    this.#options.log(`FW responded with invalid status: ${code}`)
    return -EIO
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
