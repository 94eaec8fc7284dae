import { buildPacket, type Header, headersLength, TCP_ACK, TCP_PSH, TCP_SYN } from './build.ts'
import type { Random } from './random.ts'

// Flows and the packets of flows, drawn from a seed.

export interface Flow {
  readonly version: 4 | 6
  readonly protocol: 'tcp' | 'udp'
  readonly src: string
  readonly dst: string
  readonly srcPort: number
  readonly dstPort: number
}

/** Bytes of a frame without its checksum, and how often each comes; after the simple Internet mix. */
export const MIXED_SIZES: readonly number[] = [60, 60, 60, 60, 60, 60, 60, 128, 256, 590, 590, 590, 1400]

export const CLIENT_MAC = '02:00:00:00:00:01'
export const SERVER_MAC = '02:00:00:00:00:02'

/** An address of a client network: 198.18.0.0/15, which is reserved for measurements, or 2001:db8:c::/48. */
export function clientAddress(random: Random, version: 4 | 6): string {
  if (version === 4) return `198.${random.between(18, 19)}.${random.below(256)}.${random.between(1, 254)}`
  return `2001:db8:c:${random.below(256).toString(16)}::${random.between(1, 0xffff).toString(16)}`
}

/** A flow from a random client and port to one of the given ends. */
export function newFlow(random: Random, to: Pick<Flow, 'version' | 'protocol' | 'dst' | 'dstPort'>): Flow {
  return { ...to, src: clientAddress(random, to.version), srcPort: random.between(1024, 65535) }
}

/** The headers of a packet of a flow. */
export function flowHeaders(flow: Flow, random: Random, options: { readonly syn?: boolean } = {}): Header[] {
  const flags = options.syn ? TCP_SYN : TCP_ACK | TCP_PSH
  const transport: Header =
    flow.protocol === 'udp'
      ? { kind: 'udp', srcPort: flow.srcPort, dstPort: flow.dstPort }
      : {
          kind: 'tcp',
          srcPort: flow.srcPort,
          dstPort: flow.dstPort,
          seq: random.u32(),
          ack: options.syn ? 0 : random.u32(),
          flags,
        }
  const ip: Header =
    flow.version === 4
      ? { kind: 'ipv4', src: flow.src, dst: flow.dst, id: random.below(65536), dontFragment: true }
      : { kind: 'ipv6', src: flow.src, dst: flow.dst }
  return [{ kind: 'eth', src: CLIENT_MAC, dst: SERVER_MAC }, ip, transport]
}

/** The longest payload that a packet can have. */
const FILLER = new Uint8Array(65536).map((_, i) => i & 255)

/** A frame of the headers, filled up to a size with bytes that count up. */
export function sizedPacket(headers: readonly Header[], bytes: number): Uint8Array {
  const payload = Math.max(0, bytes - headersLength(headers))
  return buildPacket(headers, FILLER.subarray(0, payload))
}

export interface TrafficOptions {
  readonly packets: number
  /** Drawn once; packets pick among them. */
  readonly flows: number
  readonly to: readonly Pick<Flow, 'version' | 'protocol' | 'dst' | 'dstPort'>[]
  /** Frame sizes, each as often as it stands here (default MIXED_SIZES). */
  readonly sizes?: readonly number[]
  /** Share of the packets that belong to the first tenth of the flows (default 0.5): some flows are busier than others. */
  readonly busy?: number
}

/** Packets of a set of random flows. */
export function traffic(random: Random, options: TrafficOptions): Uint8Array[] {
  const { sizes = MIXED_SIZES, busy = 0.5 } = options
  const flows = Array.from({ length: options.flows }, () => newFlow(random, random.pick(options.to)))
  const top = flows.slice(0, Math.max(1, Math.floor(flows.length / 10)))
  return Array.from({ length: options.packets }, () => {
    const flow = random.pick(random.chance(busy) ? top : flows)
    const size = random.pick(sizes)
    return sizedPacket(flowHeaders(flow, random, { syn: random.chance(0.1) }), size)
  })
}
