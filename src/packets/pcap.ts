import { Cursor } from '../bytes/cursor.ts'
import { Writer } from '../bytes/writer.ts'
import { NicwrightError } from '../errors.ts'
import { type Capture, type CapturedPacket, LINKTYPE_ETHERNET } from './capture.ts'

// The classic capture file: a header that fixes byte order, resolution and link type, then one record a packet.

const MAGIC_MICRO = 0xa1b2c3d4
const MAGIC_NANO = 0xa1b23c4d
const HEADER_BYTES = 24
const RECORD_BYTES = 16
/** No tool writes longer packets; a larger number is a damaged record. */
const MAX_PACKET_BYTES = 1 << 18

/** Whether the bytes begin like a pcap file. */
export function isPcap(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && formatOf(bytes) !== undefined
}

function formatOf(bytes: Uint8Array): { readonly little: boolean; readonly nano: boolean } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (const little of [true, false]) {
    const magic = view.getUint32(0, little)
    if (magic === MAGIC_MICRO) return { little, nano: false }
    if (magic === MAGIC_NANO) return { little, nano: true }
  }
  return undefined
}

/** Reads a pcap file of either byte order and resolution; throws `pcap/bad` with the offset. */
export function readPcap(bytes: Uint8Array): Capture {
  const probe = new Cursor(bytes, { code: 'pcap/bad' })
  probe.need(HEADER_BYTES, 0, 'pcap header')
  const format = formatOf(bytes)
  if (format === undefined) throw probe.fail('not a pcap file: its magic number is unknown', 0)
  const cursor = new Cursor(bytes, { code: 'pcap/bad', little: format.little })
  cursor.seek(4)
  const major = cursor.u16()
  if (major !== 2) throw cursor.fail(`pcap version ${major} is unknown`, 4)
  cursor.seek(20)
  const linkType = cursor.u32() & 0xffff
  const packets: CapturedPacket[] = []
  while (!cursor.done) {
    cursor.need(RECORD_BYTES, cursor.position, `record of packet ${packets.length + 1}`)
    const at = cursor.position
    const seconds = cursor.u32()
    const fraction = cursor.u32()
    const captured = cursor.u32()
    const originalBytes = cursor.u32()
    const nanoseconds = format.nano ? fraction : fraction * 1000
    if (nanoseconds > 999_999_999) throw cursor.fail(`packet ${packets.length + 1} has an impossible time`, at + 4)
    if (captured > MAX_PACKET_BYTES) throw cursor.fail(`packet ${packets.length + 1} of ${captured} bytes is too long`, at + 8)
    const data = cursor.take(captured, `packet ${packets.length + 1}`)
    packets.push({ data, seconds, nanoseconds, originalBytes, interface: 0 })
  }
  return { interfaces: [{ linkType }], packets }
}

export interface PcapOptions {
  readonly little?: boolean
  /** Times in nanoseconds (default) or microseconds. */
  readonly nano?: boolean
}

/** A pcap file, which holds one interface. */
export function writePcap(capture: Capture, options: PcapOptions = {}): Uint8Array {
  const nano = options.nano ?? true
  const linkTypes = new Set(capture.interfaces.map(each => each.linkType))
  if (linkTypes.size > 1)
    throw new NicwrightError('pcap/link-types', { message: 'a pcap file holds packets of one link type: write pcapng' })
  const out = new Writer({ little: options.little ?? true, capacity: 4096 })
  out
    .u32(nano ? MAGIC_NANO : MAGIC_MICRO)
    .u16(2)
    .u16(4)
    .u32(0)
    .u32(0)
    .u32(MAX_PACKET_BYTES)
  out.u32(capture.interfaces[0]?.linkType ?? LINKTYPE_ETHERNET)
  for (const packet of capture.packets) {
    out.u32(packet.seconds).u32(nano ? packet.nanoseconds : Math.floor(packet.nanoseconds / 1000))
    out.u32(packet.data.length).u32(packet.originalBytes).bytes(packet.data)
  }
  return out.finish()
}
