// The driver of a card: it reads once what the firmware is and can do, makes maps and programs on it for the kernel, and puts programs
// onto the vNIC of a port. All that it knows of the card comes over the bus: registers, the capability symbol, control messages.

import { EBUSY, EINVAL, EIO, EOPNOTSUPP } from '../../bpf/errno.ts'
import { BPF_PROG_TYPE_SCHED_CLS } from '../../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../../bpf/program.ts'
import { CAP_RELOAD, type Card, REG, VERDICT } from '../../card/index.ts'
import { NicwrightError } from '../../errors.ts'
import type { BoundMap, DeviceMap, DevicePacket, DeviceProgram, Extack, NetdevOps, OffloadDevice } from '../../kernel/netdev.ts'
import type { LoadedProgram } from '../../kernel/program.ts'
import { parseCapabilities } from '../../nfp/capabilities.ts'
import { Code } from '../../nfp/code.ts'
import type { Firmware } from '../../nfp/profiles.ts'
import { relocate } from '../../nfp/relocate.ts'
import { beyondSplit, checkAttach } from './attach.ts'
import { CORRECT, type CodegenOptions } from './codegen.ts'
import { ControlChannel } from './control.ts'
import { checkAllocation, type MapTotals, NfpMap } from './maps.ts'
import { LOG_PREFIX, NfpProgram } from './program.ts'

export interface NfpOptions {
  readonly codegen?: CodegenOptions
  /** The kernel log. */
  readonly log: (line: string) => void
  /** Events of programs on the card, as control messages. */
  readonly event?: (message: Uint8Array) => void
}

const UNIT_BYTES = 64
/** Key and value slots of the second version of the control messages. */
const SLOT_BYTES = 64

export class NfpDevice implements OffloadDevice {
  readonly name: string
  readonly card: Card
  /** What the driver has read of the firmware. */
  readonly firmware: Firmware
  readonly #options: NfpOptions
  readonly #channel: ControlChannel
  readonly #totals: MapTotals = { maps: 0, elements: 0 }
  #generation = 0

  /** @throws NicwrightError `nfp/probe` when the driver refuses to start with this firmware. */
  constructor(name: string, card: Card, options: NfpOptions) {
    const log = (line: string): void => options.log(`${LOG_PREFIX}${line}`)
    const parsed = parseCapabilities(card.capabilities)
    for (const line of parsed.log) log(line)
    const { capabilities } = parsed
    if (capabilities === undefined)
      throw new NicwrightError('nfp/probe', { message: 'the driver refuses this firmware', notes: parsed.log })
    this.name = name
    this.card = card
    this.#options = options
    const registers = card.registers(0)
    this.firmware = {
      maxLength: registers.read16(REG.MAX_LEN),
      start: registers.read16(REG.START),
      done: registers.read16(REG.DONE),
      stackBytes: registers.read8(REG.STACK_SZ) * UNIT_BYTES,
      inlineMtuBytes: registers.read8(REG.INL_MTU) * UNIT_BYTES,
      mtu: registers.read32(REG.MTU),
      liveReload: (registers.read8(REG.RELOAD) & CAP_RELOAD) !== 0,
      firstMap: 0,
      abiVersion: registers.read8(REG.ABI),
      capabilities,
    }
    const slots = capabilities.abiVersion >= 3 ? capabilities.maps : undefined
    const keySlot = slots?.maxKeySize ?? SLOT_BYTES
    const valueSlot = slots?.maxValueSize ?? SLOT_BYTES
    const least = ControlChannel.minimumMtu(keySlot, valueSlot)
    if (card.controlMtu < least) {
      throw new NicwrightError('nfp/probe', { message: `ctrl channel MTU below min required ${card.controlMtu} < ${least}` })
    }
    this.#channel = new ControlChannel(message => card.control(message), {
      keySlot,
      valueSlot,
      mtu: card.controlMtu,
      multiEntry: capabilities.multipleEntries,
      log,
      ...(options.event === undefined ? {} : { event: options.event }),
    })
  }

  /** Whether programs can be put onto a vNIC: register and symbol must speak of the same ABI. */
  get capable(): boolean {
    const { abiVersion, capabilities } = this.firmware
    return capabilities.abiVersion !== 0 && abiVersion === capabilities.abiVersion
  }

  allocateMap(spec: MapSpec): DeviceMap | number {
    const log = (line: string): void => this.#options.log(`${LOG_PREFIX}${line}`)
    const error = checkAllocation(spec, this.firmware.capabilities.maps, this.#totals, log)
    if (error !== 0) return error
    const { type, keySize, valueSize, maxEntries } = spec
    const tid = this.#channel.alloc({ type, keySize, valueSize, maxEntries })
    if (tid < 0) return tid
    this.#totals.maps++
    this.#totals.elements += maxEntries
    return new NfpMap({
      channel: this.#channel,
      tid,
      spec,
      generation: () => this.#generation,
      onFree: () => {
        this.#totals.maps--
        this.#totals.elements -= maxEntries
      },
    })
  }

  prepare(program: Program, maps: readonly BoundMap[]): DeviceProgram {
    const { firmware } = this
    return new NfpProgram({ program, maps, firmware, codegen: this.#options.codegen ?? CORRECT, log: this.#options.log })
  }

  /** The driver's side of one port. */
  port(index: number): NfpPort {
    return new NfpPort(this, index)
  }

  /** Notes that programs may have changed the maps. */
  touched(): void {
    this.#generation++
  }
}

/** TC_ACT_* code of what the card did with a packet: the plainest that means it. */
const TC_CODE: Readonly<Record<number, number>> = {
  [VERDICT.ABORTED]: 2,
  [VERDICT.DROP]: 2,
  [VERDICT.PASS]: 0,
  [VERDICT.TX]: 7,
  [VERDICT.DROP_UNCOUNTED]: 4,
  [VERDICT.FAULT]: 2,
  [VERDICT.NONE]: 0,
}

/** XDP_* code of what the card did with a packet. What the host never sees counts as dropped. */
const XDP_CODE: Readonly<Record<number, number>> = {
  [VERDICT.ABORTED]: 0,
  [VERDICT.DROP]: 1,
  [VERDICT.PASS]: 2,
  [VERDICT.TX]: 3,
  [VERDICT.DROP_UNCOUNTED]: 1,
  [VERDICT.FAULT]: 0,
  [VERDICT.NONE]: 2,
}

export class NfpPort implements NetdevOps {
  readonly driver = 'nfp'
  readonly modes = ['driver', 'offload'] as const
  readonly offload: NfpDevice
  readonly index: number
  #mtu: number
  #running: NfpProgram | undefined

  constructor(device: NfpDevice, index: number) {
    this.offload = device
    this.index = index
    this.#mtu = device.firmware.mtu
  }

  /** The program that the card runs for this port. */
  get running(): NfpProgram | undefined {
    return this.#running
  }

  setupXdp(mode: 'driver' | 'offload', program: LoadedProgram | undefined, extack: Extack): number {
    if (mode === 'driver') return 0
    const { offload } = this
    if (!offload.capable) return program === undefined ? 0 : -EINVAL
    if (program === undefined) {
      offload.card.unload(this.index)
      this.#running = undefined
      return 0
    }
    return this.#start(program, extack)
  }

  /** Puts a TC classifier (direct action, skip_sw) onto the vNIC. It and XDP exclude each other. */
  offloadClassifier(program: LoadedProgram, extack: Extack): number {
    if (this.#running !== undefined) return -EBUSY
    if (!this.offload.capable) {
      extack.message = 'nfp: NFP firmware does not support eBPF offload'
      return -EOPNOTSUPP
    }
    return this.#start(program, extack)
  }

  #start(program: LoadedProgram, extack: Extack): number {
    const { offload } = this
    const image = program.bound?.device
    if (!(image instanceof NfpProgram) || program.bound?.netdev.ops.offload !== offload) return -EINVAL
    if (this.#running !== undefined && !offload.firmware.liveReload) {
      extack.message = 'nfp: FW does not support live reload'
      return -EBUSY
    }
    const error = this.#load(image, extack)
    if (error === 0) this.#running = image
    return error
  }

  #load(image: NfpProgram, extack: Extack): number {
    const { firmware, card } = this.offload
    const { translated } = image
    if (translated === undefined) return -EINVAL
    const words = translated.lo.length
    const { maxPacketOffset } = image.hooks.facts
    const refused = checkAttach({ maxPacketOffset, stackBytes: translated.stackSize, words }, firmware, this.#mtu, extack)
    if (refused !== 0) return refused
    const code = new Code(words)
    for (let i = 0; i < words; i++) code.push(translated.lo[i]!, translated.hi[i]!)
    const { start, done, capabilities } = firmware
    const error = relocate(code, translated.targets, { start, done, helpers: capabilities.helpers })
    if (error !== 0) return -error
    if (!card.load(code, this.index)) {
      extack.message = 'nfp: FW command error while loading BPF'
      return -EIO
    }
    return 0
  }

  changeMtu(mtu: number): number {
    const running = this.#running
    if (running?.translated !== undefined) {
      const program = { maxPacketOffset: running.hooks.facts.maxPacketOffset, stackBytes: 0, words: 0 }
      if (beyondSplit(program, this.offload.firmware, mtu)) return -EBUSY
    }
    this.#mtu = mtu
    return 0
  }

  receive(packet: Uint8Array): DevicePacket | undefined {
    if (this.#running === undefined) return undefined
    this.offload.touched()
    const { verdict, data, cycles, fault } = this.offload.card.receive(packet, this.index)
    const codes = this.#running.hooks.progType === BPF_PROG_TYPE_SCHED_CLS ? TC_CODE : XDP_CODE
    return { verdict: codes[verdict] ?? 0, data, cycles, ...(fault === undefined ? {} : { fault }) }
  }
}
