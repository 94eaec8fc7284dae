// A SmartNIC on a bus: registers, memory that it fetches from, a control channel, ports. Behind them a chip and a firmware. It knows nothing of
// eBPF: programs are words for the control store, maps are what control messages ask for.
//
// All packets go through one microengine, one after the other, and so in a fixed order with a fixed outcome; how fast all engines together
// would be is worked out from the time that each packet took (ContextModel, throughput).

import { NO_FAULT } from '../chip/fault.ts'
import { loadWords, type Microcode } from '../chip/microcode.ts'
import { ContextModel } from '../chip/model.ts'
import { type Machine, throughput } from '../chip/throughput.ts'
import { type Timing, timing } from '../chip/timing.ts'
import { faultText, VERDICT } from '../firmware/abi.ts'
import { type Boot, boot } from '../firmware/boot.ts'
import type { Control } from '../firmware/control.ts'
import { type Costs, costs } from '../firmware/costs.ts'
import type { Tables } from '../firmware/tables.ts'
import type { Worker } from '../firmware/worker.ts'
import { type Memory, newMemory } from '../maps/index.ts'
import type { Code } from '../nfp/code.ts'
import { type Profile, workers } from '../nfp/profiles.ts'
import { CTRL_BPF, REG, Registers, UPDATE_BPF, UPDATE_ERR, UPDATE_GEN } from './registers.ts'
import type { CardReport, Counters, MemoryUses } from './report.ts'

/** External memory that tables may fill. */
const EMEM_BYTES = 2 ** 31
/** Events kept for a host that doesn't take them. */
const EVENTS_KEPT = 4096
/** Size of the cache in front of the external memory, by reading notes on the chip. */
export const CACHE_BYTES: number = 3 * 2 ** 20
/** Addresses of host memory begin here, page after page. */
const FIRST_DMA = 0x1_0000_0000
const PAGE = 4096

export interface CardOptions {
  /** Where random numbers come from; the same seed gives the same run. */
  readonly seed?: number
  /** External memory, where it is to be shared; a new one otherwise. */
  readonly memory?: Memory
  readonly timing?: Partial<Timing>
  readonly costs?: Costs
  /**
   * Bytes of the cache in front of the external memory. Without it every access hits, as in the measurements that the timing comes from;
   * `CACHE_BYTES` is what the card is said to have.
   */
  readonly cacheBytes?: number
  /** Starts another firmware than the usual one. */
  readonly boot?: Boot
  /** Takes events as they come; without it they wait in `takeEvents`. */
  readonly event?: (message: Uint8Array) => void
}

/** One packet's way through the card. */
export interface Received {
  /** One of VERDICT. */
  readonly verdict: number
  /** The packet as it goes on; as it came in where it is dropped by a fault. */
  readonly data: Uint8Array
  /** Receive queue that the program asked for, -1 = any. */
  readonly queue: number
  /** Cycles that the thread issued and waited, the firmware's own included. */
  readonly cycles: number
  readonly waits: number
  /** Cycles that the program itself issued, bubbles and routines included. */
  readonly programCycles: number
  /** Commands of program and routines to each memory. */
  readonly memoryUses: MemoryUses
  /** Text of a fault, undefined = none. */
  readonly fault: string | undefined
  readonly events: readonly Uint8Array[]
}

/** Packets in one array of bytes, and room for what becomes of them; see `receiveBatch`. */
export interface PacketBatch {
  readonly bytes: Uint8Array
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
  readonly count: number
  readonly verdicts: Uint8Array
  /** Cycles issued per packet, the firmware's own included. */
  readonly cycles?: Uint32Array
  /** Called after each packet; `Card.output` gives its bytes. */
  readonly visit?: (index: number, verdict: number) => void
}

/** One port's side of the card. */
interface Vnic {
  readonly registers: Registers
  program: Microcode | undefined
  active: boolean
  packets: number
  bytes: number
  /** Packets by verdict. */
  readonly verdicts: Float64Array
}

export class Card {
  readonly profile: Profile
  readonly memory: Memory
  /** What stands behind the firmware's capability symbol. */
  readonly capabilities: Uint8Array
  /** Largest message of the control channel. */
  readonly controlMtu: number
  readonly tables: Tables
  readonly timing: Timing
  readonly #worker: Worker
  readonly #control: Control
  readonly #model: ContextModel
  readonly #vnics: readonly Vnic[]
  /** The firmware's own addresses that programs jump to. */
  readonly #outside: ReadonlySet<number>
  readonly #hostMemory = new Map<number, Uint8Array>()
  readonly #event: ((message: Uint8Array) => void) | undefined
  #nextDma = FIRST_DMA
  #events: Uint8Array[] = []
  /** Events that found nobody to take them. */
  lostEvents = 0
  // Sums since the report was cleared.
  #packets = 0
  #bytes = 0
  #toHost = 0
  #issued = 0
  #waited = 0
  #eventCount = 0
  readonly #verdicts: Float64Array = new Float64Array(VERDICT.NONE + 1)
  readonly #uses: Float64Array = new Float64Array(3)
  readonly #faults = new Map<string, { text: string; word: number; count: number }>()
  // The packet last received, for `output`.
  #source: Uint8Array = new Uint8Array(0)
  #sourceAt = 0
  #sourceLength = 0

  constructor(profile: Profile, options: CardOptions = {}) {
    const { firmware, board } = profile
    this.profile = profile
    this.memory = options.memory ?? newMemory({ maximumBytes: EMEM_BYTES })
    this.timing = timing(options.timing)
    const running = (options.boot ?? boot)(firmware, {
      memory: this.memory,
      timing: this.timing,
      costs: options.costs ?? costs(),
      seed: options.seed ?? 1,
      cacheBytes: options.cacheBytes ?? 0,
    })
    this.tables = running.tables
    this.capabilities = running.capabilities
    this.controlMtu = running.controlMtu
    this.#control = running.control
    this.#worker = running.worker
    this.#outside = running.entries
    this.#model = new ContextModel(board.contexts)
    this.#event = options.event
    this.#vnics = Array.from({ length: board.ports }, () => ({
      registers: new Registers(firmware),
      program: undefined,
      active: false,
      packets: 0,
      bytes: 0,
      verdicts: new Float64Array(VERDICT.NONE + 1),
    }))
  }

  get ports(): number {
    return this.#vnics.length
  }

  /** Control registers of a port's vNIC. */
  registers(port = 0): Registers {
    return this.#vnic(port).registers
  }

  #vnic(port: number): Vnic {
    const vnic = this.#vnics[port]
    if (vnic === undefined) throw new RangeError(`the card has no port ${port}`)
    return vnic
  }

  /** Lets the card fetch from these bytes; gives the address on the bus. */
  mapHost(bytes: Uint8Array): number {
    const address = this.#nextDma
    this.#nextDma += Math.ceil((bytes.length + 1) / PAGE) * PAGE
    this.#hostMemory.set(address, bytes)
    return address
  }

  unmapHost(address: number): void {
    this.#hostMemory.delete(address)
  }

  /** Makes the firmware act on what was written to the registers. Says whether it did; the update word then is 0, or has the error bit. */
  reconfigure(port: number, update: number): boolean {
    const vnic = this.#vnic(port)
    let done = (update & ~(UPDATE_GEN | UPDATE_BPF)) === 0
    if (done && (update & UPDATE_BPF) !== 0) done = this.#fetchProgram(vnic)
    if (done && (update & UPDATE_GEN) !== 0) {
      vnic.active = (vnic.registers.read32(REG.CTRL) & CTRL_BPF) !== 0
      if (!vnic.active) vnic.program = undefined
    }
    vnic.registers.write32(REG.UPDATE, done ? 0 : update + UPDATE_ERR)
    return done
  }

  #fetchProgram(vnic: Vnic): boolean {
    const { firmware } = this.profile
    const { registers } = vnic
    if (vnic.active && !firmware.liveReload) return false
    const count = registers.read16(REG.SIZE)
    const field = registers.read64(REG.ADDR)
    const image = this.#hostMemory.get(field - (field % 8))
    if (count === 0 || count > firmware.maxLength || image === undefined || image.length < count * 8) return false
    const view = new DataView(image.buffer, image.byteOffset, image.byteLength)
    const low = new Uint32Array(count)
    const high = new Uint32Array(count)
    for (let i = 0; i < count; i++) {
      low[i] = view.getUint32(i * 8, true)
      high[i] = view.getUint32(i * 8 + 4, true)
    }
    const { microcode, badEcc } = loadWords(low, high, count, firmware.start, this.#outside)
    if (badEcc.length > 0) return false
    vnic.program = microcode
    return true
  }

  /** Loads and starts a relocated program, as a driver does it. Says whether the card took it. */
  load(code: Pick<Code, 'lo' | 'hi' | 'count'>, port = 0): boolean {
    const vnic = this.#vnic(port)
    const image = new Uint8Array(code.count * 8)
    const view = new DataView(image.buffer)
    for (let i = 0; i < code.count; i++) {
      view.setUint32(i * 8, code.lo[i]!, true)
      view.setUint32(i * 8 + 4, code.hi[i]!, true)
    }
    const address = this.mapHost(image)
    vnic.registers.write16(REG.SIZE, code.count)
    vnic.registers.write64(REG.ADDR, address)
    let done = this.reconfigure(port, UPDATE_BPF)
    if (done) {
      vnic.registers.write32(REG.CTRL, vnic.registers.read32(REG.CTRL) | CTRL_BPF)
      done = this.reconfigure(port, UPDATE_GEN)
    }
    this.unmapHost(address)
    return done
  }

  /** Stops a port's program. */
  unload(port = 0): void {
    const { registers } = this.#vnic(port)
    registers.write32(REG.CTRL, registers.read32(REG.CTRL) & ~CTRL_BPF)
    this.reconfigure(port, UPDATE_GEN)
  }

  /** The words that a port runs, with their counts; undefined = none. */
  program(port = 0): Microcode | undefined {
    return this.#vnic(port).program
  }

  /** What a port has received since the card was made; a report's clearing leaves it alone. */
  counters(port = 0): Counters {
    const { packets, bytes, verdicts } = this.#vnic(port)
    return { packets, bytes, verdicts: [...verdicts] }
  }

  /** A message of the control channel: the answers to it, none where it is no request. */
  control(message: Uint8Array): Uint8Array[] {
    return this.#control.handle(message)
  }

  /** Control messages that were dropped because they were no requests. */
  get droppedMessages(): number {
    return this.#control.dropped
  }

  /** Events that have come since the last call, as control messages. */
  takeEvents(): Uint8Array[] {
    const events = this.#events
    this.#events = []
    return events
  }

  /** Numbers packets on from here: random numbers are drawn by number, so a part of a run gives what the whole gives. */
  seek(packet: number): void {
    this.#worker.seek(packet)
  }

  receive(packet: Uint8Array, port = 0): Received {
    const worker = this.#worker
    const events: Uint8Array[] = []
    const verdict = this.#process(packet, 0, packet.length, port, events)
    const { trace } = worker
    return {
      verdict,
      data: verdict >= VERDICT.FAULT ? packet.slice() : worker.copyOut(packet, 0, packet.length),
      queue: worker.queue,
      cycles: trace.issued,
      waits: trace.waited,
      programCycles: worker.programCycles,
      memoryUses: { ctm: trace.uses[0]!, emem: trace.uses[1]!, imem: trace.uses[2]! },
      fault: worker.fault === NO_FAULT ? undefined : faultText(worker.fault),
      events,
    }
  }

  /** Many packets, without making an object for any; verdicts and cycles go to the batch's arrays. */
  receiveBatch(batch: PacketBatch, port = 0): void {
    const { bytes, offsets, lengths, count, verdicts, cycles, visit } = batch
    const { trace } = this.#worker
    for (let i = 0; i < count; i++) {
      const verdict = this.#process(bytes, offsets[i]!, lengths[i]!, port, undefined)
      verdicts[i] = verdict
      if (cycles !== undefined) cycles[i] = trace.issued
      visit?.(i, verdict)
    }
  }

  /** Bytes of the packet last received, as it goes on. */
  output(): Uint8Array {
    const at = this.#sourceAt
    const length = this.#sourceLength
    return this.#worker.verdict >= VERDICT.FAULT
      ? this.#source.slice(at, at + length)
      : this.#worker.copyOut(this.#source, at, length)
  }

  #process(bytes: Uint8Array, at: number, length: number, port: number, events: Uint8Array[] | undefined): number {
    const worker = this.#worker
    const vnic = this.#vnic(port)
    this.#source = bytes
    this.#sourceAt = at
    this.#sourceLength = length
    worker.load(vnic.active ? vnic.program : undefined)
    const verdict = worker.process(bytes, at, length)
    const { trace } = worker
    vnic.packets++
    vnic.bytes += length
    vnic.verdicts[verdict]!++
    this.#packets++
    this.#bytes += length
    this.#verdicts[verdict]!++
    if (verdict === VERDICT.PASS || verdict === VERDICT.NONE) this.#toHost++
    this.#issued += trace.issued
    this.#waited += trace.waited
    for (let i = 0; i < 3; i++) this.#uses[i]! += trace.uses[i]!
    this.#model.feed(trace)
    if (worker.fault !== NO_FAULT) this.#countFault(vnic)
    if (worker.routines.events.length > 0) this.#deliver(worker.routines.takeEvents(), events)
    return verdict
  }

  #deliver(messages: readonly Uint8Array[], into: Uint8Array[] | undefined): void {
    for (const message of messages) {
      this.#eventCount++
      into?.push(message)
      if (this.#event !== undefined) this.#event(message)
      else if (this.#events.length < EVENTS_KEPT) this.#events.push(message)
      else this.lostEvents++
    }
  }

  #countFault(vnic: Vnic): void {
    const { fault, faultAddress } = this.#worker
    const place = faultAddress - (vnic.program?.base ?? 0)
    const word = place >= 0 && place < (vnic.program?.count ?? 0) ? place : -1
    const key = `${fault} ${word}`
    const seen = this.#faults.get(key)
    if (seen === undefined) this.#faults.set(key, { text: faultText(fault), word, count: 1 })
    else seen.count++
  }

  /** What happened since `clearReport`. `engines` asks what another number of engines would do. */
  report(engines: number = workers(this.profile.board)): CardReport {
    const { board } = this.profile
    const packets = Math.max(1, this.#packets)
    const engineHz = board.engineMhz * 1e6
    const machine: Machine = {
      engines,
      engineHz,
      lineBits: board.ports * board.portGbps * 1e9,
      timing: this.timing,
    }
    const { engineUse } = this.#worker
    const cyclesPerPacket = this.#model.cyclesPerPacket()
    return {
      packets: this.#packets,
      bytes: this.#bytes,
      verdicts: [...this.#verdicts],
      faults: [...this.#faults.values()].map(fault => ({ ...fault })),
      events: this.#eventCount,
      instructions: this.#executed() / packets,
      issueCycles: this.#issued / packets,
      waitCycles: this.#waited / packets,
      memoryUses: {
        ctm: this.#uses[0]! / packets,
        emem: this.#uses[1]! / packets,
        imem: this.#uses[2]! / packets,
      },
      cyclesPerPacket,
      nanosecondsPerPacket: ((this.#issued + this.#waited) / packets / engineHz) * 1e9,
      hottestLine: engineUse.hottestLine,
      cacheMisses: (engineUse.cache?.misses ?? 0) / packets,
      throughput: throughput(
        {
          packets,
          bytes: this.#bytes,
          toHost: this.#toHost,
          cyclesPerPacket,
          engineTotal: engineUse.total,
          engineHottest: engineUse.hottest,
        },
        machine,
      ),
    }
  }

  #executed(): number {
    let sum = 0
    for (const vnic of this.#vnics) if (vnic.program !== undefined) for (const n of vnic.program.executed) sum += n
    return sum
  }

  clearReport(): void {
    this.#packets = 0
    this.#bytes = 0
    this.#toHost = 0
    this.#issued = 0
    this.#waited = 0
    this.#eventCount = 0
    this.#verdicts.fill(0)
    this.#uses.fill(0)
    this.#faults.clear()
    this.#model.clear()
    this.#worker.engineUse.clear()
    for (const { program } of this.#vnics) {
      program?.executed.fill(0)
      program?.bubbles.fill(0)
      program?.waited.fill(0)
      program?.called.fill(0)
    }
  }
}
