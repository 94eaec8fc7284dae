// The reference engine: a program, its maps, and packets one after the other. Maps keep their contents between packets. Given the
// same seed, clock and packets a run is the same every time. An Engine runs what the verifier has accepted for the host. An Interpreter
// runs any program, because it checks every access itself: for comparing engines, and for what was verified for another target.

import * as T from '../bpf/prog-type-table.ts'
import type { Program } from '../bpf/program.ts'
import { NicwrightError } from '../errors.ts'
import type { BpfMap } from '../maps/map.ts'
import { type Memory, newMemory } from '../maps/memory.ts'
import type { Verified } from '../verifier/verdict.ts'
import { type Code, prepare } from './code.ts'
import { type Arrival, ETH_HEADER_BYTES, SKB_LIMIT_BYTES, writeContext, writePointers } from './context.ts'
import { execute } from './execute.ts'
import { type Fault, GuestFault, Machine, type Redirect } from './machine.ts'

/** Bytes of a receive buffer, of which Linux keeps the first for headroom and the last for its own record of the packet. */
const FRAME_BYTES = 4096
const HEADROOM_BYTES = 256
/** Of a socket buffer, whose data begins 64 bytes into a block of a power of two: a program may look at the low bits of a pointer. */
const SKB_HEADROOM_BYTES = 16384 + 64
const TAILROOM_BYTES = 320

/** Programs whose context is a packet. */
const PACKET_TYPES: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_SOCKET_FILTER,
  T.BPF_PROG_TYPE_SCHED_CLS,
  T.BPF_PROG_TYPE_SCHED_ACT,
  T.BPF_PROG_TYPE_XDP,
  T.BPF_PROG_TYPE_CGROUP_SKB,
  T.BPF_PROG_TYPE_LWT_IN,
  T.BPF_PROG_TYPE_LWT_OUT,
  T.BPF_PROG_TYPE_LWT_XMIT,
  T.BPF_PROG_TYPE_LWT_SEG6LOCAL,
])

export interface EngineOptions {
  /** Where the stack and packets shall lie; the memory of the maps when left out. */
  readonly memory?: Memory
  readonly seed?: number
  /** Nanoseconds that the clock shows until `world.now` is set anew. */
  readonly now?: bigint
  readonly cpu?: number
  /** Instructions that one packet may take. */
  readonly budget?: number
  readonly arrival?: Partial<Arrival>
  readonly perfEvent?: (map: BpfMap, cpu: number, data: Uint8Array) => void
  readonly trace?: (line: string) => void
}

export interface Run {
  /** The low half of r0, unsigned. */
  readonly retval: number
  /** The packet as the program left it, metadata in front. */
  readonly data: Uint8Array
  readonly metaBytes: number
  readonly insns: number
  readonly redirect?: Redirect
  readonly fault?: Fault
}

export class Interpreter {
  readonly memory: Memory
  readonly machine: Machine
  readonly #code: Code
  readonly #budget: number
  readonly #arrival: Arrival
  #frame = 0
  #frameBytes = 0

  constructor(program: Program, maps: readonly BpfMap[], options: EngineOptions = {}) {
    this.memory = options.memory ?? maps[0]?.memory ?? newMemory()
    if (maps.some(map => map.memory !== this.memory))
      throw new NicwrightError('host/memory', { message: 'the maps of a program must lie in one memory' })
    const world = {
      now: options.now ?? 0n,
      cpu: options.cpu ?? 0,
      perfEvent: options.perfEvent,
      trace: options.trace,
    }
    this.machine = new Machine(this.memory, world, options.seed ?? 1)
    this.#budget = options.budget ?? 100_000_000
    this.#arrival = { ifindex: 1, queue: 0, egressIfindex: 0, ...options.arrival }
    this.#code = this.#add(program, maps)
    this.#makeFrame(FRAME_BYTES)
  }

  #add(program: Program, maps: readonly BpfMap[]): Code {
    if (!PACKET_TYPES.has(program.type))
      throw new NicwrightError('host/type', {
        message: `programs of type ${T.progTypeNames[program.type] ?? program.type} do not run on packets`,
      })
    for (const map of maps) this.machine.addMap(map)
    return prepare(program, maps)
  }

  /** Makes a program callable by a handle that stands in a program array. */
  addProgram(handle: number, program: Program, maps: readonly BpfMap[]): void {
    this.machine.programs.set(handle, this.#add(program, maps))
  }

  /** Runs on another CPU from now on. */
  onCpu(cpu: number): void {
    this.machine.onCpu(cpu)
  }

  /** The clock, the CPU and where events go. */
  get world(): Machine['world'] {
    return this.machine.world
  }

  #makeFrame(bytes: number): void {
    this.memory.free(this.#frame, this.#frameBytes)
    this.#frameBytes = bytes
    this.#frame = this.memory.alloc(bytes, FRAME_BYTES)
  }

  /** Places a packet, runs the program on it, and gives what came of it. */
  run(packet: Uint8Array): Run {
    const m = this.machine
    const retval = this.execute(packet)
    return {
      retval,
      data: this.#result(),
      metaBytes: m.data - m.meta,
      insns: this.#budget - Math.max(m.budget, 0),
      ...(m.redirect === undefined ? {} : { redirect: m.redirect }),
      ...(this.fault === undefined ? {} : { fault: this.fault }),
    }
  }

  /** The packet's bytes; Linux gives a packet whose program didn't see the Ethernet header a zeroed one back. */
  #result(): Uint8Array {
    const m = this.machine
    if (this.#link) return this.memory.u8.slice(m.meta, m.end)
    const out = new Uint8Array(ETH_HEADER_BYTES + m.dataEnd - m.data)
    out.set(this.memory.u8.subarray(m.data, m.dataEnd), ETH_HEADER_BYTES)
    return out
  }

  /** Whether the program's packets begin with the Ethernet header: in XDP and TC; elsewhere with the network header. */
  get #link(): boolean {
    const { type } = this.#code
    return type === T.BPF_PROG_TYPE_XDP || type === T.BPF_PROG_TYPE_SCHED_CLS || type === T.BPF_PROG_TYPE_SCHED_ACT
  }

  /** Of the last execute(): why it ended early. */
  fault: Fault | undefined

  /** As run(), but leaves the packet where it is: machine.meta, data and dataEnd tell where. After a fault the answer is 0. */
  execute(packet: Uint8Array): number {
    const m = this.machine
    this.memory.refresh()
    this.place(packet)
    m.reset(this.#budget)
    writeContext(m, this.#code.type, this.#arrival)
    if (!this.#link) {
      m.data = m.meta = m.networkHeader
      writePointers(m)
    }
    m.lo[1] = m.context
    this.fault = undefined
    try {
      execute(m, this.#code, 0)
      return m.lo[0]! >>> 0
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      this.fault = error.fault
      return 0
    }
  }

  /** Puts a packet behind the headroom. */
  place(packet: Uint8Array): void {
    if (packet.length < ETH_HEADER_BYTES)
      throw new NicwrightError('host/short-packet', {
        message: `a packet of ${packet.length} bytes is shorter than an Ethernet header`,
      })
    const m = this.machine
    // Behind the packet a buffer's worth of room, so that its last fragment can grow.
    const headroom = this.xdp ? HEADROOM_BYTES : SKB_HEADROOM_BYTES
    // A socket buffer grows as long as Linux lets it.
    const room = this.xdp ? FRAME_BYTES : SKB_LIMIT_BYTES
    const needed = headroom + packet.length + TAILROOM_BYTES <= FRAME_BYTES ? FRAME_BYTES : headroom + packet.length + room
    if (needed > this.#frameBytes) this.#makeFrame(needed)
    m.hardStart = this.#frame
    m.hardEnd = this.#frame + (this.xdp ? FRAME_BYTES : needed) - TAILROOM_BYTES
    m.data = m.meta = this.#frame + headroom
    m.end = m.data + packet.length
    m.dataEnd = this.xdp ? Math.min(m.end, m.hardEnd) : m.end
    // A program can uncover the headroom: it never sees an earlier packet there.
    if (this.xdp) this.memory.u8.fill(0, m.hardStart, m.data)
    this.memory.u8.set(packet, m.data)
  }

  /** Whether the program's context is an xdp_md. */
  get xdp(): boolean {
    return this.#code.type === T.BPF_PROG_TYPE_XDP
  }

  /** Gives the memory back that is the engine's own. Maps stay. */
  free(): void {
    this.memory.free(this.#frame, this.#frameBytes)
    this.#frameBytes = 0
    this.machine.free()
  }
}

export class Engine extends Interpreter {
  constructor(verified: Verified, maps: readonly BpfMap[], options: EngineOptions = {}) {
    const { program, target } = verified
    if (target.kind === 'offloaded')
      throw new NicwrightError('host/target', {
        message: `${program.name || 'the program'} was verified for ${target.device}, not for the host`,
      })
    super(program, maps, options)
  }
}
