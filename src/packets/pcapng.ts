import { Cursor, decodeText } from '../bytes/cursor.ts'
import { encodeText, Writer } from '../bytes/writer.ts'
import type { Capture, CapturedPacket, CaptureInterface } from './capture.ts'

// pcapng: blocks with their length in front and behind. A section fixes the byte order; interfaces are declared before their
// packets, with the resolution of their times; packets carry options, among them the verdict of an XDP program.

const SECTION = 0x0a0d0d0a
const INTERFACE = 1
const OLD_PACKET = 2
const SIMPLE_PACKET = 3
const ENHANCED_PACKET = 6
const BYTE_ORDER = 0x1a2b3c4d
const MAX_PACKET_BYTES = 1 << 18

// Options: of all blocks, of interfaces, of packets.
const OPT_END = 0
const OPT_COMMENT = 1
const IF_NAME = 2
const IF_TSRESOL = 9
const IF_TSOFFSET = 14
const EPB_QUEUE = 6
const EPB_VERDICT = 7
/** The first byte of a verdict: 64 bits of an XDP action follow. */
const VERDICT_XDP = 1

/** Whether the bytes begin like a pcapng file. */
export function isPcapng(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0) === SECTION
}

interface Clock {
  /** Units of a second. */
  readonly unitsPerSecond: bigint
  readonly offsetSeconds: bigint
  readonly snapBytes: number
}

/** Reads a pcapng file; blocks that are not known are skipped. Throws `pcap/bad` with the offset. */
export function readPcapng(bytes: Uint8Array): Capture {
  const probe = new Cursor(bytes, { code: 'pcap/bad' })
  if (!isPcapng(bytes)) throw probe.fail('not a pcapng file: it does not begin with a section', 0)
  const interfaces: CaptureInterface[] = []
  const packets: CapturedPacket[] = []
  let clocks: Clock[] = []
  /** Interfaces are numbered from 0 in each section. */
  let firstInterface = 0
  let little = true
  let position = 0
  while (position < bytes.length) {
    probe.need(12, position, 'block')
    const type = probe.view.getUint32(position, little)
    if (type === SECTION) {
      const order = probe.view.getUint32(position + 8, true)
      little = order === BYTE_ORDER
      if (!little && probe.view.getUint32(position + 8) !== BYTE_ORDER)
        throw probe.fail('section with an unknown byte order', position + 8)
      firstInterface = interfaces.length
      clocks = []
    }
    const length = probe.view.getUint32(position + 4, little)
    if (length < 12 || length % 4 !== 0) throw probe.fail(`block of ${length} bytes`, position + 4)
    const body = probe.slice(position, length, 'block').subarray(8, length - 4)
    const trailer = probe.view.getUint32(position + length - 4, little)
    if (trailer !== length) throw probe.fail(`block of ${length} bytes says ${trailer} at its end`, position + length - 4)
    const cursor = new Cursor(body, { code: 'pcap/bad', little, base: position + 8 })
    switch (type) {
      case SECTION: {
        cursor.skip(4)
        const major = cursor.u16()
        if (major !== 1) throw cursor.fail(`pcapng version ${major} is unknown`, 4)
        break
      }
      case INTERFACE: {
        const { description, clock } = readInterface(cursor)
        interfaces.push(description)
        clocks.push(clock)
        break
      }
      case ENHANCED_PACKET:
      case OLD_PACKET:
        packets.push(readPacket(cursor, type === OLD_PACKET, clocks, firstInterface))
        break
      case SIMPLE_PACKET: {
        const clock = clocks[0]
        if (clock === undefined) throw cursor.fail('packet before any interface', 0)
        const originalBytes = cursor.u32()
        const snapped = clock.snapBytes === 0 ? originalBytes : Math.min(originalBytes, clock.snapBytes)
        packets.push({
          data: cursor.take(snapped, 'packet'),
          seconds: 0,
          nanoseconds: 0,
          originalBytes,
          interface: firstInterface,
        })
        break
      }
    }
    position += length
  }
  return { interfaces, packets }
}

function readOptions(cursor: Cursor, take: (code: number, value: Uint8Array) => void): void {
  while (cursor.left >= 4) {
    const code = cursor.u16()
    const length = cursor.u16()
    if (code === OPT_END) return
    take(code, cursor.take(length, 'option'))
    cursor.skip((4 - (length % 4)) % 4)
  }
}

function readInterface(cursor: Cursor): { readonly description: CaptureInterface; readonly clock: Clock } {
  const linkType = cursor.u16()
  cursor.skip(2)
  const snapBytes = cursor.u32()
  let name: string | undefined
  let unitsPerSecond = 1_000_000n
  let offsetSeconds = 0n
  readOptions(cursor, (code, value) => {
    if (code === IF_NAME) name = decodeText(value)
    else if (code === IF_TSRESOL && value.length >= 1) {
      const exponent = BigInt(value[0]! & 0x7f)
      if (exponent > 63n) throw cursor.fail(`times of an impossible resolution, ${value[0]}`, cursor.position - 4)
      unitsPerSecond = (value[0]! & 0x80) === 0 ? 10n ** exponent : 2n ** exponent
    } else if (code === IF_TSOFFSET && value.length >= 8) {
      offsetSeconds = new Cursor(value, { code: cursor.code, little: cursor.little }).s64()
    }
  })
  return {
    description: name === undefined ? { linkType } : { linkType, name },
    clock: { unitsPerSecond, offsetSeconds, snapBytes },
  }
}

function readPacket(cursor: Cursor, old: boolean, clocks: readonly Clock[], firstInterface: number): CapturedPacket {
  // The older block has a 16-bit interface and a count of drops in the same word.
  const index = old ? cursor.u16() : cursor.u32()
  if (old) cursor.skip(2)
  const clock = clocks[index]
  if (clock === undefined) throw cursor.fail(`packet of interface ${index}, which is not declared`, 0)
  const high = cursor.u32()
  const low = cursor.u32()
  const captured = cursor.u32()
  const originalBytes = cursor.u32()
  if (captured > MAX_PACKET_BYTES) throw cursor.fail(`packet of ${captured} bytes is too long`, 12)
  const data = cursor.take(captured, 'packet')
  cursor.skip(Math.min(cursor.left, (4 - (captured % 4)) % 4))
  const units = (BigInt(high) << 32n) | BigInt(low)
  const seconds = Number(units / clock.unitsPerSecond + clock.offsetSeconds)
  const nanoseconds = Number(((units % clock.unitsPerSecond) * 1_000_000_000n) / clock.unitsPerSecond)
  let comment: string | undefined
  let verdict: number | undefined
  let queue: number | undefined
  readOptions(cursor, (code, value) => {
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
    if (code === OPT_COMMENT) comment = decodeText(value)
    else if (code === EPB_QUEUE && value.length >= 4) queue = view.getUint32(0, cursor.little)
    else if (code === EPB_VERDICT && value.length >= 9 && value[0] === VERDICT_XDP)
      verdict = Number(view.getBigUint64(1, cursor.little))
  })
  return {
    data,
    seconds,
    nanoseconds,
    originalBytes,
    interface: firstInterface + index,
    ...(comment === undefined ? {} : { comment }),
    ...(verdict === undefined ? {} : { verdict }),
    ...(queue === undefined ? {} : { queue }),
  }
}

function block(out: Writer, type: number, write: () => void): void {
  const start = out.length
  out.u32(type).u32(0)
  write()
  out.align(4)
  const length = out.length - start + 4
  out.u32(length).patch32(start + 4, length)
}

function option(out: Writer, code: number, value: Uint8Array): void {
  out.u16(code).u16(value.length).bytes(value).align(4)
}

/** A pcapng file of one section, times in nanoseconds. */
export function writePcapng(capture: Capture, options: { readonly little?: boolean } = {}): Uint8Array {
  const little = options.little ?? true
  const out = new Writer({ little, capacity: 4096 })
  block(out, SECTION, () => {
    out.u32(BYTE_ORDER).u16(1).u16(0).u64(-1n)
  })
  for (const each of capture.interfaces) {
    block(out, INTERFACE, () => {
      out.u16(each.linkType).u16(0).u32(0)
      if (each.name !== undefined) option(out, IF_NAME, encodeText(each.name))
      option(out, IF_TSRESOL, Uint8Array.of(9))
      out.u32(OPT_END)
    })
  }
  for (const packet of capture.packets) block(out, ENHANCED_PACKET, () => writePacket(out, packet, little))
  return out.finish()
}

function writePacket(out: Writer, packet: CapturedPacket, little: boolean): void {
  const time = BigInt(packet.seconds) * 1_000_000_000n + BigInt(packet.nanoseconds)
  out
    .u32(packet.interface)
    .u32(Number((time >> 32n) & 0xffffffffn))
    .u32(Number(time & 0xffffffffn))
  out.u32(packet.data.length).u32(packet.originalBytes).bytes(packet.data).align(4)
  const { comment, verdict, queue } = packet
  if (comment === undefined && verdict === undefined && queue === undefined) return
  if (comment !== undefined) option(out, OPT_COMMENT, encodeText(comment).subarray(0, 0xffff))
  if (queue !== undefined) option(out, EPB_QUEUE, new Writer({ little }).u32(queue).finish())
  if (verdict !== undefined) option(out, EPB_VERDICT, new Writer({ little }).u8(VERDICT_XDP).u64(verdict).finish())
  out.u32(OPT_END)
}
