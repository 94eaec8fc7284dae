import { formatIpv4, formatIpv6, formatMac } from './address.ts'
import { dissectArp, dissectGre, dissectIcmp, dissectIcmpv6, dissectTcp, dissectUdp } from './dissect-inner.ts'
import { type Field, type Layer, type Next, Reader } from './layer.ts'

// What stands in a packet, header by header, each with the bytes that it takes, so that a view of the bytes can point at it.
// Nothing is trusted: a header that is cut off ends the dissection with a layer that says so.

const TYPE_NAMES: { readonly [type: number]: string } = {
  2048: 'IPv4',
  2054: 'ARP',
  33024: 'VLAN',
  34525: 'IPv6',
  34984: 'QinQ',
  34887: 'MPLS',
  35020: 'LLDP',
}

const PROTOCOL_NAMES: { readonly [protocol: number]: string } = {
  0: 'Hop-by-hop',
  1: 'ICMP',
  4: 'IPIP',
  6: 'TCP',
  17: 'UDP',
  41: 'IPv6',
  43: 'Routing',
  44: 'Fragment',
  47: 'GRE',
  50: 'ESP',
  51: 'AH',
  58: 'ICMPv6',
  59: 'None',
  60: 'Destination options',
  132: 'SCTP',
}

/** More headers than this are no packet but a trick. */
const MAX_LAYERS = 32

export interface Dissection {
  readonly layers: readonly Layer[]
  /** One line: the ends, and what the innermost header says. */
  readonly summary: string
}

/** Takes an Ethernet frame apart. Never throws. */
export function dissect(data: Uint8Array): Dissection {
  const reader = new Reader(data)
  const layers: Layer[] = []
  let next: Next | undefined = { kind: 'eth', at: 0, end: data.length }
  while (next !== undefined && layers.length < MAX_LAYERS) {
    const { layer, inside } = dissectLayer(reader, next)
    if (layer !== undefined) layers.push(layer)
    next = inside
  }
  return { layers, summary: summaryOf(layers) }
}

interface Step {
  readonly layer: Layer | undefined
  readonly inside: Next | undefined
}

function dissectLayer(reader: Reader, next: Next): Step {
  const least = HEADER_BYTES[next.kind]
  if (least !== undefined && next.end - next.at < least) {
    if (next.end <= next.at) {
      return {
        layer: { kind: 'truncated', title: `${next.kind} header is missing`, start: next.at, end: next.at, fields: [] },
        inside: undefined,
      }
    }
    const title = `${next.kind} header cut off: ${next.end - next.at} of ${least} bytes`
    return { layer: { kind: 'truncated', title, start: next.at, end: next.end, fields: [] }, inside: undefined }
  }
  switch (next.kind) {
    case 'eth':
      return dissectEth(reader, next)
    case 'vlan':
      return dissectVlan(reader, next)
    case 'ipv4':
      return dissectIpv4(reader, next)
    case 'ipv6':
      return dissectIpv6(reader, next)
    case 'extension':
      return dissectExtension(reader, next)
    case 'arp':
      return dissectArp(reader, next)
    case 'tcp':
      return dissectTcp(reader, next)
    case 'udp':
      return dissectUdp(reader, next)
    case 'icmp':
      return dissectIcmp(reader, next)
    case 'icmpv6':
      return dissectIcmpv6(reader, next)
    case 'gre':
      return dissectGre(reader, next)
    case 'data': {
      if (next.end <= next.at) return { layer: undefined, inside: undefined }
      const title = `${next.name ?? 'data'}, ${next.end - next.at} bytes`
      return { layer: { kind: 'data', title, start: next.at, end: next.end, fields: [] }, inside: undefined }
    }
  }
}

const HEADER_BYTES: { readonly [kind in Next['kind']]?: number } = {
  eth: 14,
  vlan: 4,
  ipv4: 20,
  ipv6: 40,
  extension: 8,
  arp: 28,
  tcp: 20,
  udp: 8,
  icmp: 8,
  icmpv6: 8,
  gre: 4,
}

/** What an EtherType leads to. */
function byType(type: number, at: number, end: number): Next {
  switch (type) {
    case 0x0800:
      return { kind: 'ipv4', at, end }
    case 0x86dd:
      return { kind: 'ipv6', at, end }
    case 0x0806:
      return { kind: 'arp', at, end }
    case 0x8100:
    case 0x88a8:
      return { kind: 'vlan', at, end }
    default:
      return { kind: 'data', at, end, name: TYPE_NAMES[type] ?? 'data' }
  }
}

function byProtocol(protocol: number, next: Next, at: number, end: number): Next {
  const pseudo = next.pseudo === undefined ? {} : { pseudo: next.pseudo }
  switch (protocol) {
    case 1:
      return { kind: 'icmp', at, end }
    case 4:
      return { kind: 'ipv4', at, end }
    case 6:
      return { kind: 'tcp', at, end, ...pseudo }
    case 17:
      return { kind: 'udp', at, end, ...pseudo }
    case 41:
      return { kind: 'ipv6', at, end }
    case 47:
      return { kind: 'gre', at, end }
    case 58:
      return { kind: 'icmpv6', at, end, ...pseudo }
    case 0:
    case 43:
    case 44:
    case 60:
      return { kind: 'extension', at, end, protocol, ...pseudo }
    default:
      return { kind: 'data', at, end, name: PROTOCOL_NAMES[protocol] ?? `protocol ${protocol}` }
  }
}

function dissectEth(reader: Reader, { at, end }: Next): Step {
  const type = reader.u16(at + 12)
  const src = formatMac(reader.slice(at + 6, 6))
  const dst = formatMac(reader.slice(at, 6))
  const fields: Field[] = [
    { name: 'destination', value: dst, start: at, end: at + 6 },
    { name: 'source', value: src, start: at + 6, end: at + 12 },
    { name: 'type', value: typeText(type), start: at + 12, end: at + 14 },
  ]
  const layer: Layer = { kind: 'eth', title: `Ethernet, ${src} to ${dst}`, start: at, end: at + 14, fields, src, dst }
  // Below 1,536 the field is a length: an IEEE 802.3 frame.
  if (type < 0x600) return { layer, inside: { kind: 'data', at: at + 14, end, name: '802.3' } }
  return { layer, inside: byType(type, at + 14, end) }
}

function typeText(type: number): string {
  const hex = `0x${type.toString(16).padStart(4, '0')}`
  const name = TYPE_NAMES[type]
  return name === undefined ? hex : `${name} (${hex})`
}

function dissectVlan(reader: Reader, { at, end }: Next): Step {
  const tag = reader.u16(at)
  const type = reader.u16(at + 2)
  const fields: Field[] = [
    { name: 'priority', value: String(tag >> 13), start: at, end: at + 1 },
    { name: 'id', value: String(tag & 0xfff), start: at, end: at + 2 },
    { name: 'type', value: typeText(type), start: at + 2, end: at + 4 },
  ]
  return {
    layer: { kind: 'vlan', title: `VLAN ${tag & 0xfff}`, start: at, end: at + 4, fields },
    inside: byType(type, at + 4, end),
  }
}

function dissectIpv4(reader: Reader, next: Next): Step {
  const { at, end } = next
  const version = reader.u8(at) >> 4
  const bytes = (reader.u8(at) & 15) * 4
  const length = reader.u16(at + 2)
  const flags = reader.u16(at + 6)
  const protocol = reader.u8(at + 9)
  const src = formatIpv4(reader.slice(at + 12, 4))
  const dst = formatIpv4(reader.slice(at + 16, 4))
  const offset = (flags & 0x1fff) * 8
  const fields: Field[] = [
    { name: 'version', value: String(version), start: at, end: at + 1 },
    { name: 'header length', value: `${bytes} bytes`, start: at, end: at + 1 },
    {
      name: 'type of service',
      value: `0x${reader
        .u8(at + 1)
        .toString(16)
        .padStart(2, '0')}`,
      start: at + 1,
      end: at + 2,
    },
    { name: 'total length', value: String(length), start: at + 2, end: at + 4 },
    { name: 'identification', value: String(reader.u16(at + 4)), start: at + 4, end: at + 6 },
    { name: 'flags', value: flagText(flags), start: at + 6, end: at + 7 },
    { name: 'fragment offset', value: String(offset), start: at + 6, end: at + 8 },
    { name: 'time to live', value: String(reader.u8(at + 8)), start: at + 8, end: at + 9 },
    { name: 'protocol', value: protocolText(protocol), start: at + 9, end: at + 10 },
    { name: 'checksum', value: reader.checksumText(at + 10, at, Math.min(at + bytes, end)), start: at + 10, end: at + 12 },
    { name: 'source', value: src, start: at + 12, end: at + 16 },
    { name: 'destination', value: dst, start: at + 16, end: at + 20 },
  ]
  const layer: Layer = {
    kind: 'ipv4',
    title: `IPv4, ${src} to ${dst}`,
    start: at,
    end: Math.min(at + Math.max(bytes, 20), end),
    fields,
    src,
    dst,
  }
  if (version !== 4 || bytes < 20)
    return { layer, inside: { kind: 'data', at: layer.end, end, name: version !== 4 ? 'not IPv4' : 'broken header' } }
  if (bytes > end - at) return { layer, inside: undefined }
  if (bytes > 20) fields.push({ name: 'options', value: `${bytes - 20} bytes`, start: at + 20, end: at + bytes })
  // What lies behind the total length is Ethernet's padding.
  const inner = length >= bytes ? Math.min(end, at + length) : end
  if (offset > 0) return { layer, inside: { kind: 'data', at: at + bytes, end: inner, name: `fragment at ${offset}` } }
  const pseudo = {
    src: reader.slice(at + 12, 4),
    dst: reader.slice(at + 16, 4),
    whole: (flags & 0x2000) === 0 && at + length <= end,
  }
  return { layer, inside: byProtocol(protocol, { ...next, pseudo }, at + bytes, inner) }
}

function flagText(flags: number): string {
  const names = [flags & 0x4000 ? "don't fragment" : '', flags & 0x2000 ? 'more fragments' : ''].filter(name => name !== '')
  return names.length === 0 ? 'none' : names.join(', ')
}

function protocolText(protocol: number): string {
  const name = PROTOCOL_NAMES[protocol]
  return name === undefined ? String(protocol) : `${name} (${protocol})`
}

function dissectIpv6(reader: Reader, next: Next): Step {
  const { at, end } = next
  const first = reader.u32(at)
  const length = reader.u16(at + 4)
  const protocol = reader.u8(at + 6)
  const src = formatIpv6(reader.slice(at + 8, 16))
  const dst = formatIpv6(reader.slice(at + 24, 16))
  const fields: Field[] = [
    { name: 'version', value: String(first >>> 28), start: at, end: at + 1 },
    { name: 'traffic class', value: `0x${((first >>> 20) & 255).toString(16).padStart(2, '0')}`, start: at, end: at + 2 },
    { name: 'flow label', value: `0x${(first & 0xfffff).toString(16).padStart(5, '0')}`, start: at + 1, end: at + 4 },
    { name: 'payload length', value: String(length), start: at + 4, end: at + 6 },
    { name: 'next header', value: protocolText(protocol), start: at + 6, end: at + 7 },
    { name: 'hop limit', value: String(reader.u8(at + 7)), start: at + 7, end: at + 8 },
    { name: 'source', value: src, start: at + 8, end: at + 24 },
    { name: 'destination', value: dst, start: at + 24, end: at + 40 },
  ]
  const layer: Layer = { kind: 'ipv6', title: `IPv6, ${src} to ${dst}`, start: at, end: at + 40, fields, src, dst }
  if (first >>> 28 !== 6) return { layer, inside: { kind: 'data', at: at + 40, end, name: 'not IPv6' } }
  const pseudo = { src: reader.slice(at + 8, 16), dst: reader.slice(at + 24, 16), whole: at + 40 + length <= end }
  return { layer, inside: byProtocol(protocol, { ...next, pseudo }, at + 40, Math.min(end, at + 40 + length)) }
}

function dissectExtension(reader: Reader, next: Next): Step {
  const { at, end, protocol = 0 } = next
  const after = reader.u8(at)
  const bytes = protocol === 44 ? 8 : (reader.u8(at + 1) + 1) * 8
  const stop = Math.min(at + bytes, end)
  const fields: Field[] = [{ name: 'next header', value: protocolText(after), start: at, end: at + 1 }]
  const layer: Layer = {
    kind: 'extension',
    title: `${PROTOCOL_NAMES[protocol] ?? 'extension'} header`,
    start: at,
    end: stop,
    fields,
  }
  if (at + bytes > end) return { layer, inside: undefined }
  if (protocol === 44) {
    const offset = reader.u16(at + 2) & 0xfff8
    fields.push({ name: 'fragment offset', value: String(offset), start: at + 2, end: at + 4 })
    if (offset > 0) return { layer, inside: { kind: 'data', at: stop, end, name: `fragment at ${offset}` } }
    if (next.pseudo !== undefined && (reader.u16(at + 2) & 1) === 1) {
      return { layer, inside: byProtocol(after, { ...next, pseudo: { ...next.pseudo, whole: false } }, stop, end) }
    }
  }
  return { layer, inside: byProtocol(after, next, stop, end) }
}

function summaryOf(layers: readonly Layer[]): string {
  const ends = layers.findLast(layer => layer.kind === 'ipv4' || layer.kind === 'ipv6')
  const outer = layers.filter(layer => layer.kind === 'ipv4' || layer.kind === 'ipv6').slice(0, -1)
  const last = layers.findLast(layer => layer.kind !== 'data') ?? layers.at(-1)
  if (last === undefined) return 'empty'
  const parts: string[] = []
  if (outer.length > 0) parts.push(`${outer.map(layer => `${layer.src} > ${layer.dst}`).join(' | ')} |`)
  if (ends !== undefined) {
    const ports = last.srcPort === undefined ? ['', ''] : [`:${last.srcPort}`, `:${last.dstPort}`]
    const bracket = (address: string | undefined, port: string): string =>
      port !== '' && ends.kind === 'ipv6' ? `[${address}]${port}` : `${address}${port}`
    parts.push(`${bracket(ends.src, ports[0]!)} > ${bracket(ends.dst, ports[1]!)}`)
  }
  if (last !== ends) parts.push(last.short ?? last.title)
  const data = layers.at(-1)
  if (data?.kind === 'data' && data !== last)
    parts.push(data.title.startsWith('data,') ? `${data.end - data.start} bytes` : data.title)
  return parts.join(' ')
}
