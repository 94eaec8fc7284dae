// The kernel's driver for tests: it takes programs and maps as a card would and keeps them in memory; packets never come. What it
// accepts is set by switches, which stand in its folder of debugfs.

import { EBUSY, EINVAL, ENOMEM, EOPNOTSUPP } from '../../bpf/errno.ts'
import { BPF_F_XDP_HAS_FRAGS } from '../../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../../bpf/program.ts'
import type { DeviceMap, DeviceProgram, Extack, LinkFacts, NetdevOps, OffloadDevice } from '../../kernel/netdev.ts'
import type { LoadedProgram } from '../../kernel/program.ts'
import type { DeviceHooks } from '../../verifier/device.ts'
import { NetdevsimMap } from './map.ts'

/** Of a device: whether it takes programs at all, and what its part in the verification says. */
export interface DeviceSwitches {
  bpf_bind_accept: boolean
  bpf_bind_verifier_accept: boolean
  /** Milliseconds that the driver waits at the first instruction; nothing waits here. */
  bpf_bind_verifier_delay: number
}

/** Of a port. */
export interface PortSwitches {
  bpf_map_accept: boolean
  bpf_tc_accept: boolean
  bpf_tc_non_bound_accept: boolean
  bpf_xdpdrv_accept: boolean
  bpf_xdpoffload_accept: boolean
}

export const deviceDefaults: DeviceSwitches = {
  bpf_bind_accept: true,
  bpf_bind_verifier_accept: true,
  bpf_bind_verifier_delay: 5,
}
export const portDefaults: PortSwitches = {
  bpf_map_accept: true,
  bpf_tc_accept: true,
  bpf_tc_non_bound_accept: false,
  bpf_xdpdrv_accept: true,
  bpf_xdpoffload_accept: true,
}

/** Longest packets that it takes while it runs XDP. */
const XDP_MAX_MTU = 4000
/** Entries of a map. */
const MAX_ENTRIES = 2

export class NetdevsimDevice implements OffloadDevice {
  readonly name: string
  readonly switches: DeviceSwitches
  /** State of the programs that are bound to it, by the number that debugfs shows them under. */
  readonly bound: Map<number, NetdevsimProgram> = new Map()
  #nextBound = 0

  constructor(name: string, switches: Partial<DeviceSwitches> = {}) {
    this.name = name
    this.switches = { ...deviceDefaults, ...switches }
  }

  /** Any of its ports may be asked; the kernel asks the one that the map is created for. */
  allocateMap(spec: MapSpec): DeviceMap | number {
    if (spec.maxEntries > MAX_ENTRIES) return -ENOMEM
    if (spec.flags !== 0) return -EINVAL
    return new NetdevsimMap(spec)
  }

  prepare(program: Program): DeviceProgram {
    const number = this.#nextBound++
    const made = new NetdevsimProgram(program, this.switches, () => this.bound.delete(number))
    this.bound.set(number, made)
    return made
  }
}

export class NetdevsimProgram implements DeviceProgram {
  readonly hooks: DeviceHooks
  readonly jited: Uint8Array = new Uint8Array(0)
  state: 'verify' | 'xlated' = 'verify'
  readonly #onDestroy: () => void

  constructor(program: Program, switches: DeviceSwitches, onDestroy: () => void) {
    this.#onDestroy = onDestroy
    const last = program.insns.count - 1
    this.hooks = {
      prepare: () => (switches.bpf_bind_accept ? 0 : -EOPNOTSUPP),
      insn: (view, insn) => {
        if (insn !== last) return 0
        view.log('[netdevsim] Hello from netdevsim!\n')
        return switches.bpf_bind_verifier_accept ? 0 : -EOPNOTSUPP
      },
      finalize: () => 0,
      // It has no such callbacks: the core gives up on its rewrites, and the driver does not mind.
      replaceInsn: () => -EOPNOTSUPP,
      removeInsns: () => -EOPNOTSUPP,
    }
  }

  translate(): number {
    this.state = 'xlated'
    return 0
  }

  destroy(): void {
    this.#onDestroy()
  }
}

export class NetdevsimPort implements NetdevOps {
  readonly driver = 'netdevsim'
  readonly modes = ['driver', 'offload'] as const
  readonly offload: OffloadDevice
  readonly device: NetdevsimDevice
  readonly index: number
  readonly switches: PortSwitches
  readonly link: LinkFacts
  #mtu = 1500
  #driver: LoadedProgram | undefined
  #offloaded: LoadedProgram | undefined

  constructor(device: NetdevsimDevice, index: number, switches: Partial<PortSwitches> = {}) {
    this.device = device
    this.offload = device
    this.index = index
    this.switches = { ...portDefaults, ...switches }
    this.link = {
      broadcast: ['BROADCAST', 'NOARP'],
      queues: 1,
      tsoMaxBytes: 65536,
      qdisc: 'noqueue',
      carrier: false,
      portName: `p${index + 1}`,
      switchId: switchId(device.name),
      parent: { bus: 'netdevsim', device: device.name },
      virtualFunctions: true,
    }
  }

  /** The id of the program that the device runs for this port, 0 for none. */
  get offloadedId(): number {
    return this.#offloaded?.id ?? 0
  }

  allocateMap(spec: MapSpec): DeviceMap | number {
    return this.switches.bpf_map_accept ? this.device.allocateMap(spec) : -EOPNOTSUPP
  }

  setupXdp(mode: 'driver' | 'offload', program: LoadedProgram | undefined, extack: Extack): number {
    const refuse = (errno: number, message: string): number => {
      extack.message = `netdevsim: ${message}`
      return -errno
    }
    const old = mode === 'driver' ? this.#driver : this.#offloaded
    if (program === undefined && old === undefined) return 0
    if (program !== undefined) {
      const accepted = mode === 'driver' ? this.switches.bpf_xdpdrv_accept : this.switches.bpf_xdpoffload_accept
      if (mode === 'driver' && program.bound !== undefined) return refuse(EINVAL, 'attempt to load offloaded prog to drv')
      const frags = (program.program.flags & BPF_F_XDP_HAS_FRAGS) !== 0
      if (mode === 'driver' && this.#mtu > XDP_MAX_MTU && !frags) return refuse(EINVAL, 'MTU too large w/ XDP enabled')
      if (mode === 'offload') {
        const { bound } = program
        if (bound === undefined) return refuse(EINVAL, 'xdpoffload of non-bound program')
        if (bound.orphaned || bound.netdev.ops.offload !== this.offload) return refuse(EINVAL, 'program bound to different dev')
        const { device } = bound
        if (device instanceof NetdevsimProgram && device.state !== 'xlated')
          return refuse(EINVAL, 'offloading program in bad state')
      }
      if (!accepted)
        return refuse(EOPNOTSUPP, mode === 'driver' ? 'driver XDP disabled in DebugFS' : 'XDP offload disabled in DebugFS')
    }
    if (mode === 'driver') this.#driver = program
    else this.#offloaded = program
    return 0
  }

  changeMtu(mtu: number): number {
    const program = this.#driver?.program
    if (program !== undefined && (program.flags & BPF_F_XDP_HAS_FRAGS) === 0 && mtu > XDP_MAX_MTU) return -EBUSY
    this.#mtu = mtu
    return 0
  }
}

/** The 31 bytes by which the ports of one device are known to belong together. */
function switchId(name: string): string {
  let hash = 0x811c9dc5
  let text = ''
  for (let i = 0; i < 31; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i % name.length) ^ i, 0x01000193) >>> 0
    text += (hash >>> 24).toString(16).padStart(2, '0')
  }
  return text
}
