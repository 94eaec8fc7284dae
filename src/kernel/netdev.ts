// What a network driver plugs into. A Netdev is one interface; interfaces of one ASIC share an OffloadDevice, on which programs
// and maps live.

import type { MapSpec, Program } from '../bpf/program.ts'
import type { DeviceHooks } from '../verifier/device.ts'
import type { Verified } from '../verifier/index.ts'
import type { LoadedProgram } from './program.ts'
import type { VersionFacts } from './version-table.ts'

/** Text for the user beside an errno, as netlink's extended ack carries it. */
export interface Extack {
  message: string | undefined
}

/** How XDP is attached: in the stack, in the driver, on the device. */
export type XdpMode = 'generic' | 'driver' | 'offload'

/** Element operations as system calls see them: results by value, or a negative errno. */
export interface MapOps {
  lookup(key: Uint8Array): Uint8Array | number
  update(key: Uint8Array, value: Uint8Array, flags: number): number
  remove(key: Uint8Array): number
  /** The key after the given one, the first where none is given; -ENOENT at the end. */
  nextKey(key: Uint8Array | undefined): Uint8Array | number
}

/** A map that a device has allocated. */
export interface DeviceMap extends MapOps {
  free(): void
}

/** What a map is to a program that is bound to a device: its id, what it shall be, and where it lives. */
export interface BoundMap {
  readonly id: number
  readonly spec: MapSpec
  /** The device's own handle where the map lives on it; undefined for a neutral host map. */
  readonly device: DeviceMap | undefined
}

/** The device's state of one program, from the start of its verification to its end. */
export interface DeviceProgram {
  readonly hooks: DeviceHooks
  /** Makes the device's code; 0 or a negative errno. */
  translate(verified: Verified): number
  /** The code as user space sees it (`bpftool prog dump jited`); empty where the device shows none. */
  readonly jited: Uint8Array
  destroy(): void
}

/** The offload side of a driver; shared by the interfaces of one ASIC. */
export interface OffloadDevice {
  readonly name: string
  /** A map on the device, or a negative errno. The reason goes to the kernel log. */
  allocateMap(spec: MapSpec): DeviceMap | number
  prepare(program: Program, maps: readonly BoundMap[]): DeviceProgram
}

/** A driver's side of one interface. Functions return 0 or a negative errno. */
export interface NetdevOps {
  readonly driver: string
  /** Modes in which the driver itself runs XDP; generic is always the stack's. */
  readonly modes: readonly XdpMode[]
  readonly offload?: OffloadDevice
  setupXdp(mode: 'driver' | 'offload', program: LoadedProgram | undefined, extack: Extack): number
  /** Where a driver decides about maps by interface. */
  allocateMap?(spec: MapSpec): DeviceMap | number
  /** Puts a TC classifier onto the device, where the driver can. */
  offloadClassifier?(program: LoadedProgram, extack: Extack): number
  /** Refuses an MTU that the attached programs can't bear. */
  changeMtu(mtu: number): number
  /** Runs a packet through what is attached on the device; undefined when nothing is. */
  receive?(packet: Uint8Array): DevicePacket | undefined
  /** What the interface is besides, as `ip link` shows it. */
  readonly link?: LinkFacts
}

export interface LinkFacts {
  /** The kind of a virtual interface. */
  readonly kind?: string
  /** The other end of a pair. */
  readonly peer?: () => Netdev | undefined
  readonly broadcast: readonly string[]
  readonly queues: number
  readonly tsoMaxBytes: number
  /** Transmit queues: what `ip link` calls the qdisc while the interface is up. */
  readonly qdisc: string
  /** An interface that knows no carrier has no other state than UNKNOWN. */
  readonly carrier: boolean
  readonly maxMtu?: () => number
  readonly portName?: string
  readonly switchId?: string
  readonly parent?: { readonly bus: string; readonly device: string }
  readonly virtualFunctions?: boolean
}

/** What became of a packet on the device. */
export interface DevicePacket {
  /** XDP_* return code; of a TC classifier the TC_ACT_* code. */
  readonly verdict: number
  readonly data: Uint8Array
  readonly cycles: number
  /** The device's own account of a program that went wrong on it. */
  readonly fault?: string
}

export interface Netdev {
  readonly name: string
  readonly ifindex: number
  readonly ops: NetdevOps
  readonly version: VersionFacts
  /** What its driver needs to make it again: plain data. */
  readonly options: unknown
  mtu: number
  up: boolean
  /** Attached programs, by mode. */
  readonly xdp: Map<XdpMode, LoadedProgram>
  /** A TC classifier that runs on the device. */
  classifier?: LoadedProgram
}
