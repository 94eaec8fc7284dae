// How many packets a second a card does, and what keeps it from doing more: the least of several limits, each with its number. The compute
// limit scales one engine to all; the memory engine is shared by all, so its limit is that of the line of memory that packets meet at
// most; MAC, line and the way to the host are what they are.

import type { Timing } from './timing.ts'

/** Bytes on the wire that a frame has beyond its own: preamble, start, gap. */
const WIRE_OVERHEAD = 20
const FCS = 4
const SHORTEST_FRAME = 64
/** Engine uses are counted in ten-thousandths of a cycle. */
const USE_UNIT = 10_000

export interface Load {
  /** Packets that the figures below are sums over. */
  readonly packets: number
  readonly bytes: number
  /** Packets that go to the host. */
  readonly toHost: number
  /** Cycles per packet of one engine with all its contexts. */
  readonly cyclesPerPacket: number
  /** Uses of the external memory's engine over the run: in all, and of the line used most. */
  readonly engineTotal: number
  readonly engineHottest: number
}

export interface Machine {
  readonly engines: number
  readonly engineHz: number
  /** Bits per second of all ports that receive. */
  readonly lineBits: number
  readonly timing: Timing
}

export type LimitName = 'compute' | 'memory line' | 'memory banks' | 'mac' | 'line' | 'host'

export interface Limit {
  readonly name: LimitName
  readonly packetsPerSecond: number
  /** What the number comes from, in figures. */
  readonly reason: string
}

export interface Throughput {
  readonly packetsPerSecond: number
  /** The limit that binds. */
  readonly limit: LimitName
  /** All limits, the tightest first. */
  readonly limits: readonly Limit[]
  /**
   * Packets per second that arrive if the line is overloaded and the capacity is in the band where the MAC was seen to collapse; undefined
   * outside of it.
   */
  readonly collapse: number | undefined
}

/** Packets per second of a line with frames of `bytes` bytes, the check sequence not counted. */
export function lineRate(bits: number, bytes: number): number {
  return bits / (8 * (Math.max(SHORTEST_FRAME, bytes + FCS) + WIRE_OVERHEAD))
}

const COLLAPSE_FROM = 36_000_000
const COLLAPSE_TO = 58_000_000

export function throughput(load: Load, machine: Machine): Throughput {
  const { packets, bytes, toHost, cyclesPerPacket, engineTotal, engineHottest } = load
  const { engines, engineHz, lineBits, timing } = machine
  const limits: Limit[] = []
  const add = (name: LimitName, packetsPerSecond: number, reason: string): void => {
    if (Number.isFinite(packetsPerSecond)) limits.push({ name, packetsPerSecond, reason })
  }
  add(
    'compute',
    (engines * engineHz) / cyclesPerPacket,
    `${cyclesPerPacket.toFixed(1)} cycles a packet on each of ${engines} engines at ${engineHz / 1e6} MHz`,
  )
  const line = engineHottest / packets / USE_UNIT
  if (line > 0) add('memory line', timing.ememClock / line, `${line.toFixed(2)} cycles a packet at one 16-byte line of EMEM`)
  const banks = engineTotal / packets / USE_UNIT / timing.ememBanks
  if (banks > 0)
    add(
      'memory banks',
      timing.ememClock / banks,
      `${banks.toFixed(2)} cycles a packet at each of ${timing.ememBanks} banks of EMEM`,
    )
  add('mac', timing.macCap, 'what the MAC takes in')
  const length = bytes / packets
  add('line', lineRate(lineBits, length), `${length.toFixed(0)}-byte packets at ${lineBits / 1e9} Gbit/s`)
  if (toHost > 0)
    add('host', (timing.hostCap * packets) / toHost, `${((100 * toHost) / packets).toFixed(0)} % of the packets go to the host`)
  limits.sort((a, b) => a.packetsPerSecond - b.packetsPerSecond)
  const binding = limits[0]!
  const capacity = Math.min(...limits.filter(l => l.name !== 'line' && l.name !== 'mac').map(l => l.packetsPerSecond))
  const overloaded = lineRate(lineBits, length) > capacity && capacity > COLLAPSE_FROM && capacity < COLLAPSE_TO
  return {
    packetsPerSecond: binding.packetsPerSecond,
    limit: binding.name,
    limits,
    collapse: overloaded ? timing.macCollapse : undefined,
  }
}
