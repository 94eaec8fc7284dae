import { buildPacket, type Header, PROTOCOL_TCP, TCP_SYN } from './build.ts'
import { type CapturedPacket, packetAt } from './capture.ts'
import { newRandom, type Random } from './random.ts'
import { CLIENT_MAC, clientAddress, type Flow, flowHeaders, newFlow, SERVER_MAC, sizedPacket, traffic } from './traffic.ts'

// The traffic of the example programs: for each one packets that take every path through it, mixed into what its users would
// send. Everything follows from the seed, so the committed captures can be made again.

export interface ScenarioOptions {
  /** Default 1. */
  readonly seed?: number
  /** Default: what the committed capture has. */
  readonly packets?: number
}

const ETH: Header = { kind: 'eth', src: CLIENT_MAC, dst: SERVER_MAC }
const WEB = { version: 4, protocol: 'tcp', dst: '192.0.2.10', dstPort: 80 } as const
const DNS = { version: 4, protocol: 'udp', dst: '192.0.2.53', dstPort: 53 } as const
const WEB6 = { version: 6, protocol: 'tcp', dst: '2001:db8::10', dstPort: 443 } as const
const DNS6 = { version: 6, protocol: 'udp', dst: '2001:db8::53', dstPort: 53 } as const

/** A virtual service of the load balancer example; port 0 of protocol 1 or 58 answers pings. */
export interface Service {
  readonly address: string
  readonly port: number
  readonly protocol: number
  readonly number: number
  readonly flags: number
  /** Numbers of its real servers; none: its packets are dropped. */
  readonly reals: readonly number[]
}

export const LB_SERVICES: readonly Service[] = [
  { address: '192.0.2.10', port: 80, protocol: 6, number: 0, flags: 0, reals: [1, 2, 3, 4] },
  { address: '192.0.2.10', port: 443, protocol: 6, number: 1, flags: 0, reals: [1, 2, 3, 4] },
  { address: '192.0.2.53', port: 53, protocol: 17, number: 2, flags: 1, reals: [5, 6] },
  { address: '2001:db8::10', port: 443, protocol: 6, number: 3, flags: 0, reals: [7, 8, 9] },
  { address: '2001:db8::53', port: 53, protocol: 17, number: 4, flags: 1, reals: [10, 11] },
  { address: '192.0.2.99', port: 80, protocol: 6, number: 5, flags: 0, reals: [] },
  { address: '192.0.2.10', port: 0, protocol: 1, number: 0, flags: 0, reals: [] },
  { address: '2001:db8::10', port: 0, protocol: 58, number: 3, flags: 0, reals: [] },
]

export interface Real {
  readonly number: number
  readonly address: string
  readonly source: string
  readonly mac: string
}

export const LB_REALS: readonly Real[] = Array.from({ length: 11 }, (_, i) => {
  const number = i + 1
  const mac = `02:00:00:00:01:${number.toString(16).padStart(2, '0')}`
  if (number <= 6) return { number, address: `10.0.0.${number}`, source: '192.0.2.1', mac }
  return { number, address: `2001:db8:1::${number.toString(16)}`, source: '2001:db8::1', mac }
})

/** Rules of the firewall example: the flows of its traffic that have one. */
export function firewallFlows(seed = 1): { readonly flow: Flow; readonly drop: boolean }[] {
  const random = newRandom(seed)
  return Array.from({ length: 32 }, (_, i) => ({ flow: newFlow(random, i % 4 === 3 ? DNS : WEB), drop: i % 2 === 0 }))
}

/** Sources of the rate limiter example and the share of their packets that passes. */
export const LIMITED_SOURCES: readonly { readonly address: string; readonly share: number }[] = [
  { address: '198.18.0.1', share: 0 },
  { address: '198.18.0.2', share: 0.25 },
  { address: '198.18.0.3', share: 1 },
]

type Make = (random: Random, count: number, seed: number) => Uint8Array[]

interface Scenario {
  readonly packets: number
  readonly make: Make
}

const MIXED = [WEB, WEB, DNS, WEB6, DNS6] as const

/** The special packets in turn between ordinary ones: every tenth, or more often where the count has no room for each otherwise. */
function mix(special: readonly Uint8Array[], ordinary: readonly Uint8Array[], count: number): Uint8Array[] {
  const every = Math.max(2, Math.min(10, Math.floor(count / special.length)))
  let next = 0
  return Array.from({ length: count }, (_, i) =>
    i % every === 1 ? special[next++ % special.length]! : ordinary[i % ordinary.length]!,
  )
}

/** What breaks off, what is rare, and what is no IP: the paths at the edge of every parser. */
function oddPackets(random: Random): Uint8Array[] {
  const flow = newFlow(random, WEB)
  const flow6 = newFlow(random, WEB6)
  const whole = sizedPacket(flowHeaders(flow, random), 60)
  const whole6 = sizedPacket(flowHeaders(flow6, random), 90)
  const ip = { kind: 'ipv4', src: flow.src, dst: flow.dst } as const
  const ip6 = { kind: 'ipv6', src: flow6.src, dst: flow6.dst } as const
  const tcp = { kind: 'tcp', srcPort: flow.srcPort, dstPort: 80 } as const
  const padded = (...headers: Header[]): Uint8Array => sizedPacket(headers, 60)
  return [
    padded({ ...ETH, kind: 'eth', type: 0x0806 } as Header),
    padded(ETH, { kind: 'vlan', id: 7 }, ip, tcp),
    padded(ETH, { kind: 'vlan', id: 7, tpid: 0x88a8 }, { kind: 'vlan', id: 8 }, ip6, { ...tcp, flags: TCP_SYN }),
    padded(ETH, { kind: 'vlan', id: 1 }, { kind: 'vlan', id: 2 }, { kind: 'vlan', id: 3 }, ip, tcp),
    padded(ETH, { ...ip, options: Uint8Array.of(1, 1, 1, 1) }, tcp),
    padded(ETH, { ...ip, headerWords: 4 }, tcp),
    padded(ETH, { ...ip, version: 5 }, tcp),
    padded(ETH, { ...ip6, version: 4 }, tcp),
    padded(ETH, { ...ip, protocol: PROTOCOL_TCP, fragmentOffset: 1480 }),
    padded(ETH, { ...ip, moreFragments: true }, tcp),
    padded(ETH, { ...ip, protocol: 47 }),
    padded(ETH, { ...ip6, next: 0 }),
    padded(ETH, ip, { ...tcp, headerWords: 4 }),
    padded(ETH, ip, { kind: 'udp', srcPort: 1, dstPort: 2, length: 7 }),
    padded(ETH, ip, { kind: 'icmp', type: 8, rest: 0x00010001 }),
    padded(ETH, ip6, { kind: 'icmpv6', type: 128, rest: 0x00010001 }),
    padded(ETH, ip, { ...tcp, flags: TCP_SYN }),
    whole.subarray(0, 14),
    whole.subarray(0, 33),
    whole.subarray(0, 36),
    whole6.subarray(0, 40),
    whole6.subarray(0, 58),
    buildPacket([ETH, { kind: 'vlan', id: 1 }]).subarray(0, 16),
  ]
}

/** What only a load balancer looks at: errors about its flows, pings, services without servers. */
function balancerPackets(random: Random): Uint8Array[] {
  const reply: Header[] = [
    { kind: 'ipv4', src: WEB.dst, dst: clientAddress(random, 4) },
    { kind: 'tcp', srcPort: 80, dstPort: random.between(1024, 65535) },
  ]
  const reply6: Header[] = [
    { kind: 'ipv6', src: WEB6.dst, dst: clientAddress(random, 6) },
    { kind: 'tcp', srcPort: 443, dstPort: random.between(1024, 65535) },
  ]
  const router: Header = { kind: 'ipv4', src: '198.18.255.1', dst: WEB.dst }
  const router6: Header = { kind: 'ipv6', src: '2001:db8:c::1', dst: WEB6.dst }
  const about = buildPacket(reply)
  const about6 = buildPacket(reply6)
  const ping = { type: 8, rest: random.u32() } as const
  return [
    buildPacket([ETH, router, { kind: 'icmp', type: 3, code: 4, rest: 1400 }], about.subarray(0, 28)),
    buildPacket([ETH, router, { kind: 'icmp', type: 3, code: 1 }], about.subarray(0, 24)),
    buildPacket(
      [ETH, router, { kind: 'icmp', type: 3, code: 2 }],
      buildPacket([{ kind: 'ipv4', src: WEB.dst, dst: '198.18.0.9', protocol: 47 }], new Uint8Array(8)),
    ),
    buildPacket([ETH, router, { kind: 'icmp', type: 11 }], about),
    buildPacket([ETH, router6, { kind: 'icmpv6', type: 2, rest: 1280 }], about6),
    buildPacket([ETH, router6, { kind: 'icmpv6', type: 1, code: 4 }], about6.subarray(0, 44)),
    buildPacket([ETH, router6, { kind: 'icmpv6', type: 3 }], about6),
    sizedPacket([ETH, router, { kind: 'icmp', ...ping }], 98),
    sizedPacket([ETH, { kind: 'ipv4', src: '198.18.255.1', dst: '192.0.2.77' }, { kind: 'icmp', ...ping }], 98),
    sizedPacket([ETH, router6, { kind: 'icmpv6', ...ping, type: 128 }], 118),
    sizedPacket([ETH, { kind: 'ipv6', src: '2001:db8:c::1', dst: '2001:db8::77' }, { kind: 'icmpv6', ...ping, type: 128 }], 118),
    sizedPacket(flowHeaders(newFlow(random, { ...WEB, dst: '192.0.2.99' }), random), 60),
    sizedPacket(flowHeaders(newFlow(random, { ...WEB, dstPort: 22 }), random), 60),
    sizedPacket(flowHeaders(newFlow(random, { ...WEB6, dst: '2001:db8::77' }), random), 90),
  ]
}

const SCENARIOS: { readonly [name: string]: Scenario } = {
  xdp_drop: { packets: 32, make: (random, packets) => traffic(random, { packets, flows: 8, to: MIXED }) },
  xdp_tx: { packets: 32, make: (random, packets) => traffic(random, { packets, flows: 8, to: MIXED }) },
  xdp_counter: {
    packets: 128,
    make: (random, packets) => mix(oddPackets(random), traffic(random, { packets, flows: 32, to: MIXED }), packets),
  },
  xdp_parser: {
    packets: 256,
    make: (random, packets) => mix(oddPackets(random), traffic(random, { packets, flows: 32, to: MIXED }), packets),
  },
  xdp_fw: {
    packets: 256,
    make: (random, packets, seed) => {
      const ruled = firewallFlows(seed).map(({ flow }) => flow)
      const others = traffic(random, { packets, flows: 64, to: [WEB, DNS] })
      const sizes = [60, 60, 128, 590]
      const ordinary = others.map(other =>
        random.chance(0.5) ? other : sizedPacket(flowHeaders(random.pick(ruled), random), random.pick(sizes)),
      )
      return mix(oddPackets(random), ordinary, packets)
    },
  },
  xdp_limit: { packets: 256, make: limited },
  xdp_bucket: { packets: 256, make: limited },
  xdp_lb: {
    packets: 256,
    make: (random, packets) => {
      const to = [WEB, WEB, WEB, { ...WEB, dstPort: 443 }, { ...WEB, dstPort: 443 }, DNS, WEB6, WEB6, DNS6]
      const special = [...balancerPackets(random), ...oddPackets(random)]
      return mix(special, traffic(random, { packets, flows: Math.max(64, packets >> 3), to }), packets)
    },
  },
}

function limited(random: Random, packets: number): Uint8Array[] {
  const known = LIMITED_SOURCES.map(({ address }) => address)
  return Array.from({ length: packets }, () => {
    if (random.chance(0.03)) return sizedPacket(flowHeaders(newFlow(random, WEB6), random), 90)
    const flow = newFlow(random, WEB)
    return sizedPacket(
      flowHeaders(random.chance(0.75) ? { ...flow, src: random.pick(known) } : flow, random),
      random.pick([60, 60, 590]),
    )
  })
}

/** Names of the examples that have traffic. */
export const scenarioNames: readonly string[] = Object.keys(SCENARIOS)

/** The packets of an example, 10 microseconds apart; undefined where there is no such example. */
export function scenario(name: string, options: ScenarioOptions = {}): CapturedPacket[] | undefined {
  const found = SCENARIOS[name]
  if (found === undefined) return undefined
  const seed = options.seed ?? 1
  const all = found.make(newRandom(seed), options.packets ?? found.packets, seed)
  return all.map((data, i) => packetAt(data.slice(), i * 10_000))
}
