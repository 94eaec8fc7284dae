// The context of a program, an xdp_md or a __sk_buff, lies in guest memory exactly as the program's header declares it: data and
// data_end hold addresses, so a load of a field is a plain load. What Linux keeps in fewer bits than the declared field has is cut
// when it is stored. Values are those that BPF_PROG_TEST_RUN gives a packet that arrived at the loopback device.

import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { Machine } from './machine.ts'

// Offsets in struct xdp_md.
const XDP_DATA = 0
const XDP_DATA_END = 4
const XDP_DATA_META = 8
const XDP_INGRESS_IFINDEX = 12
const XDP_RX_QUEUE_INDEX = 16
const XDP_EGRESS_IFINDEX = 20

// Offsets in struct __sk_buff.
const SKB_LEN = 0
export const SKB_PKT_TYPE = 4
const SKB_QUEUE_MAPPING = 12
export const SKB_PROTOCOL = 16
const SKB_INGRESS_IFINDEX = 36
const SKB_IFINDEX = 40
const SKB_TC_INDEX = 44
export const SKB_HASH = 68
const SKB_TC_CLASSID = 72
const SKB_DATA = 76
const SKB_DATA_END = 80
const SKB_DATA_META = 140

export const ETH_HEADER_BYTES = 14
/** Headroom of a new socket buffer, and what it grows by. */
export const SKB_PAD_BYTES = 64
/** Most bytes that a program may make a socket buffer: four pages without their record. */
export const SKB_LIMIT_BYTES: number = 4 * 4096 - 320

/** What the program is told about where its packet came from. */
export interface Arrival {
  readonly ifindex: number
  readonly queue: number
  /** Of programs in a devmap: the device that the packet goes to. */
  readonly egressIfindex: number
}

/** Fills the context for the packet that is in place. */
export function writeContext(m: Machine, type: number, arrival: Arrival): void {
  m.skb = type !== BPF_PROG_TYPE_XDP
  m.memory.u8.fill(0, m.context, m.context + m.contextBytes)
  const put = (at: number, value: number): void => m.memory.view.setUint32(m.context + at, value, true)
  if (m.skb) {
    m.macHeader = m.data
    m.networkHeader = m.data + ETH_HEADER_BYTES
    m.headroom = SKB_PAD_BYTES
    m.transportHeader = 0xffff
    m.queueMapping = 0
    put(SKB_PKT_TYPE, packetType(m))
    put(SKB_PROTOCOL, protocol(m))
    put(SKB_IFINDEX, arrival.ifindex)
    put(SKB_INGRESS_IFINDEX, 0)
  } else {
    put(XDP_INGRESS_IFINDEX, arrival.ifindex)
    put(XDP_RX_QUEUE_INDEX, arrival.queue)
    put(XDP_EGRESS_IFINDEX, arrival.egressIfindex)
  }
  writePointers(m)
}

/** Writes the packet's addresses into the context, after every change of them. */
export function writePointers(m: Machine): void {
  const { view } = m.memory
  const { context } = m
  if (m.skb) view.setUint32(context + SKB_LEN, m.dataEnd - m.data, true)
  view.setUint32(context + (m.skb ? SKB_DATA : XDP_DATA), m.data, true)
  view.setUint32(context + (m.skb ? SKB_DATA_END : XDP_DATA_END), m.dataEnd, true)
  view.setUint32(context + (m.skb ? SKB_DATA_META : XDP_DATA_META), m.meta, true)
}

/** PACKET_HOST 0, PACKET_MULTICAST 2, PACKET_OTHERHOST 3: the loopback device's address is zero, and so is its broadcast address. */
function packetType(m: Machine): number {
  const mac = m.memory.u8.subarray(m.data, m.data + 6)
  if (mac.every(byte => byte === 0)) return 0
  return (mac[0]! & 1) === 1 ? 2 : 3
}

/** As eth_type_trans: an EtherType, or 802.2 where the field is a length. In network order, read as a little-endian word. */
function protocol(m: Machine): number {
  const { view } = m.memory
  const type = view.getUint16(m.data + 12, true)
  if (view.getUint16(m.data + 12, false) >= 0x600) return type
  const raw = m.dataEnd - m.data >= 16 && view.getUint16(m.data + 14, true) === 0xffff
  return raw ? 0x0100 : 0x0400
}

/** After a store into a __sk_buff: fields that Linux keeps in 16 bits. */
export function storedContext(m: Machine, address: number): void {
  const { view } = m.memory
  const field = (address - m.context) & ~3
  const at = m.context + field
  const value = view.getUint32(at, true)
  if (field === SKB_TC_INDEX || field === SKB_TC_CLASSID) view.setUint32(at, value & 0xffff, true)
  else if (field === SKB_QUEUE_MAPPING) {
    // 0xffff means no mapping; it and anything larger is ignored.
    if (value < 0xffff) m.queueMapping = value
    view.setUint32(at, m.queueMapping, true)
  }
}

// Offsets from which a socket filter's packet loads count from a header.
const NETWORK_OFFSET = -0x100000
const LINK_OFFSET = -0x200000

/** The big-endian value of 1, 2 or 4 bytes of the packet, -1 beyond it. */
export function loadPacket(m: Machine, offset: number, bytes: number): number {
  let at = m.data + offset
  if (offset < 0) {
    if (offset >= NETWORK_OFFSET) at = m.networkHeader + offset - NETWORK_OFFSET
    else if (offset >= LINK_OFFSET) at = m.macHeader + offset - LINK_OFFSET
    else return -1
  }
  if (at < m.hardStart || at + bytes > m.dataEnd) return -1
  const { view } = m.memory
  return bytes === 1 ? view.getUint8(at) : bytes === 2 ? view.getUint16(at, false) : view.getUint32(at, false)
}
