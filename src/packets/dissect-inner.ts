import { formatIpv4, formatMac } from './address.ts'
import { pseudoHeader } from './checksum.ts'
import type { Field, Layer, Next, Reader } from './layer.ts'

// What stands inside of IP, and ARP.

interface Step {
  readonly layer: Layer
  readonly inside: Next | undefined
}

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const

function port(name: string, value: number, start: number): Field {
  return { name, value: String(value), start, end: start + 2 }
}

function transportChecksum(reader: Reader, { at, end, pseudo }: Next, field: number, protocol: number): string {
  const value = reader.u16(field)
  const text = `0x${value.toString(16).padStart(4, '0')}`
  if (protocol === 17 && value === 0) return `${text} (none)`
  // Without all bytes nothing can be said.
  if (pseudo === undefined || !pseudo.whole) return text
  return reader.checksumText(field, at, end, pseudoHeader(pseudo.src, pseudo.dst, protocol, end - at))
}

export function dissectTcp(reader: Reader, next: Next): Step {
  const { at, end } = next
  const [srcPort, dstPort] = [reader.u16(at), reader.u16(at + 2)]
  const words = reader.u8(at + 12) >> 4
  const flags = TCP_FLAGS.filter((_, i) => (reader.u8(at + 13) >> i) & 1).join(' ') || 'no flags'
  const stop = Math.min(end, at + Math.max(words, 5) * 4)
  const fields: Field[] = [
    port('source port', srcPort, at),
    port('destination port', dstPort, at + 2),
    { name: 'sequence number', value: String(reader.u32(at + 4)), start: at + 4, end: at + 8 },
    { name: 'acknowledgment', value: String(reader.u32(at + 8)), start: at + 8, end: at + 12 },
    { name: 'header length', value: `${words * 4} bytes`, start: at + 12, end: at + 13 },
    { name: 'flags', value: flags, start: at + 13, end: at + 14 },
    { name: 'window', value: String(reader.u16(at + 14)), start: at + 14, end: at + 16 },
    { name: 'checksum', value: transportChecksum(reader, next, at + 16, 6), start: at + 16, end: at + 18 },
    { name: 'urgent pointer', value: String(reader.u16(at + 18)), start: at + 18, end: at + 20 },
  ]
  if (stop > at + 20) fields.push({ name: 'options', value: `${stop - at - 20} bytes`, start: at + 20, end: stop })
  const short = `TCP ${flags}`
  const layer: Layer = {
    kind: 'tcp',
    title: `TCP, port ${srcPort} to ${dstPort}, ${flags}`,
    short,
    start: at,
    end: stop,
    fields,
    srcPort,
    dstPort,
  }
  return { layer, inside: words < 5 ? undefined : { kind: 'data', at: stop, end } }
}

export function dissectUdp(reader: Reader, next: Next): Step {
  const { at, end } = next
  const [srcPort, dstPort, length] = [reader.u16(at), reader.u16(at + 2), reader.u16(at + 4)]
  const inner = length >= 8 ? Math.min(end, at + length) : end
  const fields: Field[] = [
    port('source port', srcPort, at),
    port('destination port', dstPort, at + 2),
    { name: 'length', value: String(length), start: at + 4, end: at + 6 },
    { name: 'checksum', value: transportChecksum(reader, { ...next, end: inner }, at + 6, 17), start: at + 6, end: at + 8 },
  ]
  const layer: Layer = {
    kind: 'udp',
    title: `UDP, port ${srcPort} to ${dstPort}`,
    short: 'UDP',
    start: at,
    end: at + 8,
    fields,
    srcPort,
    dstPort,
  }
  return { layer, inside: { kind: 'data', at: at + 8, end: inner } }
}

const ICMP_NAMES: { readonly [type: number]: string } = {
  0: 'echo reply',
  3: 'unreachable',
  5: 'redirect',
  8: 'echo request',
  11: 'time exceeded',
  12: 'parameter problem',
}
const ICMPV6_NAMES: { readonly [type: number]: string } = {
  1: 'unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  4: 'parameter problem',
  128: 'echo request',
  129: 'echo reply',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbor solicitation',
  136: 'neighbor advertisement',
}

function icmpLayer(reader: Reader, next: Next, name: 'ICMP' | 'ICMPv6', checksum: string): Step {
  const { at, end } = next
  const type = reader.u8(at)
  const code = reader.u8(at + 1)
  const meaning = (name === 'ICMP' ? ICMP_NAMES : ICMPV6_NAMES)[type] ?? `type ${type}`
  const fields: Field[] = [
    { name: 'type', value: `${meaning} (${type})`, start: at, end: at + 1 },
    { name: 'code', value: String(code), start: at + 1, end: at + 2 },
    { name: 'checksum', value: checksum, start: at + 2, end: at + 4 },
  ]
  const kind = name === 'ICMP' ? 'icmp' : 'icmpv6'
  return {
    layer: { kind, title: `${name}, ${meaning}`, short: `${name} ${meaning}`, start: at, end: at + 8, fields },
    inside: { kind: 'data', at: at + 8, end },
  }
}

export function dissectIcmp(reader: Reader, next: Next): Step {
  return icmpLayer(reader, next, 'ICMP', reader.checksumText(next.at + 2, next.at, next.end))
}

export function dissectIcmpv6(reader: Reader, next: Next): Step {
  return icmpLayer(reader, next, 'ICMPv6', transportChecksum(reader, next, next.at + 2, 58))
}

/** Generic routing encapsulation: the type says what follows its optional words. */
export function dissectGre(reader: Reader, { at, end }: Next): Step {
  const flags = reader.u16(at)
  const type = reader.u16(at + 2)
  const bytes = 4 + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0)
  const stop = Math.min(end, at + bytes)
  const fields: Field[] = [
    { name: 'flags', value: `0x${flags.toString(16).padStart(4, '0')}`, start: at, end: at + 2 },
    { name: 'type', value: `0x${type.toString(16).padStart(4, '0')}`, start: at + 2, end: at + 4 },
  ]
  const layer: Layer = { kind: 'gre', title: 'GRE', start: at, end: stop, fields }
  if (at + bytes > end) return { layer, inside: undefined }
  if (type === 0x0800) return { layer, inside: { kind: 'ipv4', at: stop, end } }
  if (type === 0x86dd) return { layer, inside: { kind: 'ipv6', at: stop, end } }
  return { layer, inside: { kind: 'data', at: stop, end } }
}

export function dissectArp(reader: Reader, { at, end }: Next): Step {
  const operation = reader.u16(at + 6)
  const isEthernetIpv4 = reader.u16(at) === 1 && reader.u16(at + 2) === 0x0800 && reader.u16(at + 4) === 0x0604
  if (!isEthernetIpv4) {
    return { layer: { kind: 'arp', title: 'ARP of another kind', start: at, end, fields: [] }, inside: undefined }
  }
  const sender = formatIpv4(reader.slice(at + 14, 4))
  const target = formatIpv4(reader.slice(at + 24, 4))
  const fields: Field[] = [
    {
      name: 'operation',
      value: operation === 1 ? 'request (1)' : operation === 2 ? 'reply (2)' : String(operation),
      start: at + 6,
      end: at + 8,
    },
    { name: 'sender MAC', value: formatMac(reader.slice(at + 8, 6)), start: at + 8, end: at + 14 },
    { name: 'sender address', value: sender, start: at + 14, end: at + 18 },
    { name: 'target MAC', value: formatMac(reader.slice(at + 18, 6)), start: at + 18, end: at + 24 },
    { name: 'target address', value: target, start: at + 24, end: at + 28 },
  ]
  const title = operation === 2 ? `ARP, ${sender} is here` : `ARP, who has ${target}? tell ${sender}`
  return { layer: { kind: 'arp', title, start: at, end: at + 28, fields }, inside: { kind: 'data', at: at + 28, end } }
}
