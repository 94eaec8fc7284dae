// What a running program can see and change: registers, stack, packet, context and maps, all in one linear memory, and the world
// that the helpers ask (clock, random numbers, CPU). Registers are two int32 halves; a pointer is an address with a zero high half.
//
// The stack grows downwards, FRAME_BYTES a call, from `stackTop`. Live regions are what a program may touch at this moment: the
// frames in use, the packet from its metadata to its end, the context, and the contents of its maps. The verifier has promised that
// a program touches nothing else; the machine doesn't rely on it.

import { printInsn } from '../bpf/print.ts'
import { nextChance, packetSeed } from '../bytes/chance.ts'
import { openMap } from '../maps/create.ts'
import { HEADER_BYTES } from '../maps/layout.ts'
import type { BpfMap } from '../maps/map.ts'
import type { Memory } from '../maps/memory.ts'
import type { Code } from './code.ts'

export const FRAME_BYTES = 512
/** Frames of nested calls and callbacks. Linux allows 8 calls; callbacks nest on top. */
export const FRAMES = 32
/** Words that are kept of a caller: r6..r9 as halves, r10, where to go on, tries left of may_goto. */
export const SAVED_WORDS = 11
const SCRATCH_BYTES = 16
/** Above the stack, so that its end is nobody else's beginning. */
const GUARD_BYTES = 64
/** Rounds that a may_goto loop gets, Linux's BPF_MAX_LOOPS. */
export const MAY_GOTO_LIMIT: number = 8 * 1024 * 1024

/** Why a run ended before its program did. */
export interface Fault {
  readonly code: 'host/access' | 'host/budget' | 'host/helper' | 'host/insn' | 'host/stack'
  readonly message: string
  readonly program: string
  readonly insn: number
  /** The address of a bad access. */
  readonly address?: number
}

/** Carries a fault out of the depth of a run; never leaves the engine. */
export class GuestFault extends Error {
  readonly fault: Fault
  constructor(fault: Fault) {
    super(fault.message)
    this.fault = fault
  }
}

/** Where the helpers redirect to. */
export interface Redirect {
  /** 0 for redirect() by device. */
  readonly map: number
  /** Interface index, or key in the map. */
  readonly target: number
  readonly flags: number
}

export interface World {
  /** Nanoseconds that the clocks show. */
  now: bigint
  /** Changed by Machine.onCpu only, since the maps must follow. */
  cpu: number
  perfEvent: ((map: BpfMap, cpu: number, data: Uint8Array) => void) | undefined
  trace: ((line: string) => void) | undefined
}

export class Machine {
  readonly memory: Memory
  readonly world: World
  /** Registers 0..10. */
  readonly lo: Int32Array = new Int32Array(16)
  readonly hi: Int32Array = new Int32Array(16)
  readonly saved: Int32Array = new Int32Array(FRAMES * SAVED_WORDS)
  readonly savedCode: Code[] = []
  depth = 0
  deepest = 0
  mayGoto: number = MAY_GOTO_LIMIT
  tailCalls = 0
  budget = 0
  readonly stackTop: number
  readonly #stackBytes = FRAME_BYTES * FRAMES

  /**
   * The packet: room from hardStart to hardEnd, metadata from meta, bytes from data to dataEnd. What of an XDP packet doesn't fit
   * its first buffer lies behind that up to `end`, out of reach of direct access; otherwise `end` is dataEnd.
   */
  hardStart = 0
  meta = 0
  data = 0
  dataEnd = 0
  end = 0
  hardEnd = 0
  readonly context: number
  readonly contextBytes = 192
  /** Room for a key that a helper makes up. */
  readonly scratch: number
  /** Whether the context is a __sk_buff, not an xdp_md. */
  skb = false
  /** Of a socket buffer: where its headers begin, and the queue mapping that a too large store leaves alone. */
  macHeader = 0
  networkHeader = 0
  /** Bytes before the data, and the transport header's offset from the buffer's start as Linux keeps it (16 bits, 0xffff = unset). */
  headroom = 0
  transportHeader = 0
  queueMapping = 0

  /** Of what runs now, for helpers that call back and for faults. */
  code: Code | undefined
  pc = 0
  /** The region that the last successful reach() found. */
  regionStart = 0
  regionEnd = 0
  redirect: Redirect | undefined
  random: number
  readonly #seed: number
  #packets = 0
  /** Programs by the handles that stand in program arrays. */
  readonly programs: Map<number, Code> = new Map()
  readonly #maps: Map<number, BpfMap> = new Map()
  readonly #regions: number[] = []

  constructor(memory: Memory, world: World, seed: number) {
    this.memory = memory
    this.world = world
    this.#seed = seed
    this.random = packetSeed(seed, 0)
    this.stackTop = memory.alloc(this.#stackBytes + GUARD_BYTES, 16) + this.#stackBytes
    this.context = memory.alloc(this.contextBytes + SCRATCH_BYTES, 16)
    this.scratch = this.context + this.contextBytes
  }

  /** Gives the machine's own blocks back. */
  free(): void {
    this.memory.free(this.stackTop - this.#stackBytes, this.#stackBytes + GUARD_BYTES)
    this.memory.free(this.context, this.contextBytes + SCRATCH_BYTES)
  }

  addMap(map: BpfMap): void {
    if (this.#maps.has(map.base)) return
    map.cpu = this.world.cpu
    this.#maps.set(map.base, map)
    this.#regions.push(map.base + HEADER_BYTES, map.elementsEnd)
  }

  /** The CPU that runs from now on: its number, and its values of per-CPU maps. */
  onCpu(cpu: number): void {
    this.world.cpu = cpu
    for (const map of this.#maps.values()) map.cpu = cpu
  }

  /** The map that a register points to. */
  map(register: number): BpfMap {
    const base = this.lo[register]! >>> 0
    const map = this.#maps.get(base)
    if (map !== undefined) return map
    // An inner map that was put into its outer map after this machine was made.
    try {
      const opened = openMap(this.memory, base, this.world.cpu)
      this.addMap(opened)
      return opened
    } catch {
      throw this.fault('host/helper', `r${register} is no map`, base)
    }
  }

  /** The map in whose contents an address lies. */
  mapAt(address: number): BpfMap | undefined {
    for (const map of this.#maps.values()) if (address >= map.elements && address < map.elementsEnd) return map
    return undefined
  }

  fault(code: Fault['code'], why: string, address?: number): GuestFault {
    const shown = this.code !== undefined && this.pc < this.code.insns.count ? ` ${printInsn(this.code.insns, this.pc)}` : ''
    const at = `instruction ${this.pc}${shown}`
    return new GuestFault({
      code,
      message: `${why} at ${at}`,
      program: this.code?.name ?? '',
      insn: this.pc,
      ...(address === undefined ? {} : { address }),
    })
  }

  /** Finds the live region that holds all `bytes` bytes at an address, or ends the run. */
  reach(code: Code, pc: number, address: number, high: number, bytes: number): void {
    if (high === 0 && this.locate(address, bytes)) return
    this.code = code
    this.pc = pc
    const shown = high === 0 ? address : (high >>> 0) * 2 ** 32 + address
    throw this.fault(
      'host/access',
      `access of ${bytes} bytes at 0x${shown.toString(16)}, outside stack, packet, context and maps,`,
      shown,
    )
  }

  locate(address: number, bytes: number): boolean {
    const end = address + bytes
    // Not from R10: an Interpreter also runs programs that no verifier has seen, and those may write it.
    const frame = this.stackTop - FRAME_BYTES * (this.depth + 1)
    if (address >= frame && end <= this.stackTop) return this.#found(frame, this.stackTop)
    if (address >= this.meta && end <= this.dataEnd) return this.#found(this.meta, this.dataEnd)
    if (address >= this.context && end <= this.context + this.contextBytes)
      return this.#found(this.context, this.context + this.contextBytes)
    const regions = this.#regions
    for (let i = 0; i < regions.length; i += 2)
      if (address >= regions[i]! && end <= regions[i + 1]!) return this.#found(regions[i]!, regions[i + 1]!)
    return false
  }

  #found(start: number, end: number): true {
    this.regionStart = start
    this.regionEnd = end
    return true
  }

  /** The address in a register of which a helper reads or writes `bytes` bytes. */
  pointer(register: number, bytes: number): number {
    const address = this.lo[register]! >>> 0
    if (this.hi[register] !== 0 || !this.locate(address, bytes))
      throw this.fault(
        'host/access',
        `r${register} gives a helper ${bytes} bytes outside stack, packet, context and maps`,
        address,
      )
    return address
  }

  /** r0 = a signed number, or an address. */
  answer(value: number): void {
    this.lo[0] = value
    this.hi[0] = value < 0 ? -1 : 0
  }

  answer64(value: bigint): void {
    this.lo[0] = Number(BigInt.asIntN(32, value))
    this.hi[0] = Number(BigInt.asIntN(32, value >> 32n))
  }

  setRegister(register: number, value: number): void {
    this.lo[register] = value
    this.hi[register] = value < 0 ? -1 : 0
  }

  /** The next of the sequence that the seed and the packet's number decide, unsigned. */
  nextRandom(): number {
    this.random = nextChance(this.random)
    return this.random >>> 0
  }

  /** Makes ready for a run: what earlier runs left on the stack and in registers is gone. */
  reset(budget: number): void {
    this.random = packetSeed(this.#seed, this.#packets++)
    const used = FRAME_BYTES * (this.deepest + 1)
    this.memory.u8.fill(0, this.stackTop - used, this.stackTop)
    this.lo.fill(0)
    this.hi.fill(0)
    this.lo[10] = this.stackTop
    this.depth = 0
    this.deepest = 0
    this.mayGoto = MAY_GOTO_LIMIT
    this.tailCalls = 0
    this.budget = budget
    this.redirect = undefined
  }
}
