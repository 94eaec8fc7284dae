import { concat, Writer } from '../bytes/writer.ts'
import { parseIpv4 as readIpv4, parseIpv6 as readIpv6, parseMac as readMac } from './address.ts'
import { finishChecksum, internetChecksum, pseudoHeader } from './checksum.ts'

// A packet is a list of headers from the outside to the inside, and a payload. What one header says about the next (types,
// protocols, lengths, checksums) is filled in from what really follows; every such field can be given instead, to make packets
// that lie.

export const ETHERTYPE_IPV4 = 0x0800
export const ETHERTYPE_VLAN = 0x8100
export const ETHERTYPE_IPV6 = 0x86dd

export const PROTOCOL_ICMP = 1
export const PROTOCOL_IPIP = 4
export const PROTOCOL_TCP = 6
export const PROTOCOL_UDP = 17
export const PROTOCOL_IPV6 = 41
export const PROTOCOL_ICMPV6 = 58
export const PROTOCOL_NONE = 59

export interface EthHeader {
  readonly kind: 'eth'
  readonly src: string
  readonly dst: string
  readonly type?: number
}

export interface VlanHeader {
  readonly kind: 'vlan'
  readonly id: number
  readonly priority?: number
  /** The type that leads to this tag (default 0x8100). */
  readonly tpid?: number
  readonly type?: number
}

export interface Ipv4Header {
  readonly kind: 'ipv4'
  readonly src: string
  readonly dst: string
  readonly tos?: number
  readonly id?: number
  readonly ttl?: number
  readonly dontFragment?: boolean
  readonly moreFragments?: boolean
  /** In bytes, a multiple of 8. */
  readonly fragmentOffset?: number
  /** A multiple of 4 bytes, 40 at most. */
  readonly options?: Uint8Array
  readonly protocol?: number
  readonly length?: number
  readonly headerWords?: number
  readonly version?: number
  readonly checksum?: number
}

export interface Ipv6Header {
  readonly kind: 'ipv6'
  readonly src: string
  readonly dst: string
  readonly trafficClass?: number
  readonly flowLabel?: number
  readonly hopLimit?: number
  readonly next?: number
  readonly length?: number
  readonly version?: number
}

export interface TcpHeader {
  readonly kind: 'tcp'
  readonly srcPort: number
  readonly dstPort: number
  readonly seq?: number
  readonly ack?: number
  /** Default ACK. */
  readonly flags?: number
  readonly window?: number
  readonly options?: Uint8Array
  readonly headerWords?: number
  readonly checksum?: number
}

export interface UdpHeader {
  readonly kind: 'udp'
  readonly srcPort: number
  readonly dstPort: number
  readonly length?: number
  readonly checksum?: number
}

export interface IcmpHeader {
  readonly kind: 'icmp' | 'icmpv6'
  readonly type: number
  readonly code?: number
  /** The word behind the checksum: identifier and sequence number of an echo. */
  readonly rest?: number
  readonly checksum?: number
}

export type Header = EthHeader | VlanHeader | Ipv4Header | Ipv6Header | TcpHeader | UdpHeader | IcmpHeader

export const TCP_SYN = 2
export const TCP_PSH = 8
export const TCP_ACK = 16

/** Traffic names the same few addresses again and again; the table is emptied before it grows large. */
function remembered(parse: (text: string) => Uint8Array): (text: string) => Uint8Array {
  const known = new Map<string, Uint8Array>()
  return text => {
    const found = known.get(text)
    if (found !== undefined) return found
    if (known.size >= 4096) known.clear()
    const bytes = parse(text)
    known.set(text, bytes)
    return bytes
  }
}

const parseMac = remembered(readMac)
const parseIpv4 = remembered(readIpv4)
const parseIpv6 = remembered(readIpv6)

/** The bytes of a packet. */
export function buildPacket(headers: readonly Header[], payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  let inside = payload
  for (let i = headers.length - 1; i >= 0; i--) {
    const ip = headers[i - 1]
    const bytes = headerBytes(headers[i]!, headers[i + 1], inside, ip)
    inside = concat([bytes, inside])
  }
  return inside
}

const HEADER_BYTES: { readonly [kind in Header['kind']]: number } = {
  eth: 14,
  vlan: 4,
  ipv4: 20,
  ipv6: 40,
  tcp: 20,
  udp: 8,
  icmp: 8,
  icmpv6: 8,
}

/** Bytes that the headers take, options with their padding included. */
export function headersLength(headers: readonly Header[]): number {
  let bytes = 0
  for (const header of headers) {
    const options = 'options' in header && header.options !== undefined ? header.options.length : 0
    bytes += HEADER_BYTES[header.kind] + Math.ceil(options / 4) * 4
  }
  return bytes
}

function etherType(next: Header | undefined): number {
  switch (next?.kind) {
    case 'vlan':
      return next.tpid ?? ETHERTYPE_VLAN
    case 'ipv4':
      return ETHERTYPE_IPV4
    case 'ipv6':
      return ETHERTYPE_IPV6
    default:
      return 0xffff
  }
}

function protocolOf(next: Header | undefined): number {
  switch (next?.kind) {
    case 'ipv4':
      return PROTOCOL_IPIP
    case 'ipv6':
      return PROTOCOL_IPV6
    case 'tcp':
      return PROTOCOL_TCP
    case 'udp':
      return PROTOCOL_UDP
    case 'icmp':
      return PROTOCOL_ICMP
    case 'icmpv6':
      return PROTOCOL_ICMPV6
    default:
      return PROTOCOL_NONE
  }
}

function headerBytes(header: Header, next: Header | undefined, inside: Uint8Array, ip: Header | undefined): Uint8Array {
  const out = new Writer({ little: false, capacity: 64 })
  switch (header.kind) {
    case 'eth':
      out.bytes(parseMac(header.dst)).bytes(parseMac(header.src))
      return out.u16(header.type ?? etherType(next)).finish()
    case 'vlan':
      return out
        .u16(((header.priority ?? 0) << 13) | (header.id & 0xfff))
        .u16(header.type ?? etherType(next))
        .finish()
    case 'ipv4':
      return ipv4Bytes(out, header, next, inside)
    case 'ipv6':
      out.u32((((header.version ?? 6) << 28) | ((header.trafficClass ?? 0) << 20) | (header.flowLabel ?? 0)) >>> 0)
      out
        .u16(header.length ?? inside.length)
        .u8(header.next ?? protocolOf(next))
        .u8(header.hopLimit ?? 64)
      return out.bytes(parseIpv6(header.src)).bytes(parseIpv6(header.dst)).finish()
    case 'tcp': {
      const options = header.options ?? new Uint8Array(0)
      const words = header.headerWords ?? 5 + Math.ceil(options.length / 4)
      out
        .u16(header.srcPort)
        .u16(header.dstPort)
        .u32(header.seq ?? 0)
        .u32(header.ack ?? 0)
      out.u16((words << 12) | (header.flags ?? TCP_ACK)).u16(header.window ?? 65535)
      out.u16(0).u16(0).bytes(options).align(4)
      return withChecksum(out, 16, header.checksum, inside, PROTOCOL_TCP, ip)
    }
    case 'udp': {
      out
        .u16(header.srcPort)
        .u16(header.dstPort)
        .u16(header.length ?? 8 + inside.length)
        .u16(0)
      return withChecksum(out, 6, header.checksum, inside, PROTOCOL_UDP, ip)
    }
    case 'icmp':
    case 'icmpv6':
      out
        .u8(header.type)
        .u8(header.code ?? 0)
        .u16(0)
        .u32(header.rest ?? 0)
      return withChecksum(out, 2, header.checksum, inside, header.kind === 'icmp' ? undefined : PROTOCOL_ICMPV6, ip)
  }
}

function ipv4Bytes(out: Writer, header: Ipv4Header, next: Header | undefined, inside: Uint8Array): Uint8Array {
  const options = header.options ?? new Uint8Array(0)
  const words = 5 + Math.ceil(options.length / 4)
  const fragment = (header.dontFragment ? 0x4000 : 0) | (header.moreFragments ? 0x2000 : 0) | ((header.fragmentOffset ?? 0) >> 3)
  out.u8(((header.version ?? 4) << 4) | (header.headerWords ?? words)).u8(header.tos ?? 0)
  out.u16(header.length ?? words * 4 + inside.length)
  out
    .u16(header.id ?? 0)
    .u16(fragment)
    .u8(header.ttl ?? 64)
    .u8(header.protocol ?? protocolOf(next))
    .u16(0)
  out.bytes(parseIpv4(header.src)).bytes(parseIpv4(header.dst)).bytes(options).align(4)
  return out.patch16(10, header.checksum ?? internetChecksum(out.finish())).finish()
}

/** Fills in a checksum over header, payload and, with a protocol, the pseudo header of the IP header in front. */
function withChecksum(
  out: Writer,
  at: number,
  given: number | undefined,
  inside: Uint8Array,
  protocol: number | undefined,
  ip: Header | undefined,
): Uint8Array {
  if (given !== undefined) return out.patch16(at, given).finish()
  let sum = 0
  const length = out.length + inside.length
  if (protocol !== undefined && ip?.kind === 'ipv4') sum = pseudoHeader(parseIpv4(ip.src), parseIpv4(ip.dst), protocol, length)
  if (protocol !== undefined && ip?.kind === 'ipv6') sum = pseudoHeader(parseIpv6(ip.src), parseIpv6(ip.dst), protocol, length)
  const header = out.finish()
  // Headers are even in length: the payload's words begin on their own.
  const checksum = finishChecksum(65535 - internetChecksum(header, 0, header.length, sum) + (65535 - internetChecksum(inside)))
  // UDP writes 0 as its other form: 0 says that there is no checksum.
  return out.patch16(at, checksum === 0 && protocol === PROTOCOL_UDP ? 0xffff : checksum).finish()
}
