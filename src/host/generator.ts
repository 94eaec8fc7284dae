// Writes one random program, instruction by instruction. Valid by construction: r0 to r5 and r9 hold scalars at all times, r6 the
// context, r7 the packet with RANGE bytes checked, r8 the packet's end, and the uppermost STACK bytes of the stack are initialised; a
// block may use others in between but leaves it so.

import * as T from '../bpf/map-type-table.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import type { Dice } from './dice.ts'
import { ProgramBuilder } from './program-builder.ts'

export type Feature =
  | 'maps'
  | 'per-cpu maps'
  | 'queues'
  | 'tries'
  | 'atomics'
  | 'fetching atomics'
  | 'signed'
  | 'division'
  | 'helpers'
  | 'adjust'
  | 'functions'
  | 'loops'
  | 'variable offsets'
  | 'direct values'
  | 'acquire and release'
  | 'events'
  | 'tail calls'

/** Packet bytes that are checked, and stack bytes that are initialised. */
const RANGE = 40
const STACK = 64
const CTX = 6
const PACKET = 7
const END = 8
const COUNTER = 9
const FP = 10

const SIZES = [0x10, 0x08, 0x00, 0x18] as const
const BYTES: Readonly<Record<number, number>> = { 16: 1, 8: 2, 0: 4, 24: 8 }
const JUMPS = [0x15, 0x25, 0x35, 0x45, 0x55, 0x65, 0x75, 0xa5, 0xb5, 0xc5, 0xd5] as const
const INTERESTING = [
  0, 1, -1, 2, 7, 8, 31, 32, 63, 127, 128, 255, 256, 0x7fff, 0xffff, 0x10000, 0x7fffffff, -0x80000000, -2, -128,
]

export class Generator {
  readonly #dice: Dice
  readonly #b = new ProgramBuilder()
  readonly #features: ReadonlySet<Feature>
  readonly #maps: MapSpec[]
  /** Registers that hold scalars and may be overwritten. */
  #scalars: number[] = [0, 1, 2, 3, 4, 5, COUNTER]
  #packet = true
  /** Calls whose functions are still to be written: the instruction that calls. */
  readonly #calls: number[] = []
  #depth = 0

  readonly #tc: boolean

  constructor(dice: Dice, features: readonly Feature[], maps: MapSpec[], tc: boolean) {
    this.#dice = dice
    this.#tc = tc
    this.#maps = maps
    this.#features = new Set(features)
  }

  generate(name: string, blocks: number): Program {
    const b = this.#b
    b.emit(0xbf, CTX, 1)
    this.#loadPacketPointers()
    this.#initialise()
    for (let i = 0; i < blocks; i++) this.#block()
    if (this.#dice.chance(0.3)) b.emit(0xb7, 0, 0, 0, this.#dice.below(5))
    b.emit(0x95)
    b.bind('short')
    b.emit(0xb7, 0, 0, 0, 1)
    b.emit(0x95)
    this.#functions()
    return {
      name,
      type: this.#tc ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP,
      expectedAttachType: 0,
      flags: 0,
      license: 'GPL',
      insns: b.finish(),
    }
  }

  #has(feature: Feature): boolean {
    return this.#features.has(feature)
  }
  #scalar(): number {
    return this.#dice.pick(this.#scalars)
  }
  #imm(): number {
    return this.#dice.chance(0.6) ? this.#dice.pick(INTERESTING) : this.#dice.word()
  }

  /** r7 and r8 from the context, with the first RANGE bytes checked. */
  #loadPacketPointers(): void {
    const b = this.#b
    b.emit(0x61, PACKET, CTX, this.#tc ? 76 : 0)
    b.emit(0x61, END, CTX, this.#tc ? 80 : 4)
    b.emit(0xbf, 2, PACKET)
    b.emit(0x07, 2, 0, 0, RANGE)
    b.jump(0x2d, 2, END, 0, 'short')
  }

  /** Gives every scalar and the stack a value. */
  #initialise(): void {
    for (let at = -STACK; at < 0; at += 8) this.#b.emit(0x7a, FP, 0, at, this.#imm())
    for (const register of this.#scalars) this.#refill(register)
  }

  #refill(register: number): void {
    const b = this.#b
    const kind = this.#dice.below(this.#packet ? 4 : 3)
    if (kind === 0) b.emit(0xb7, register, 0, 0, this.#imm())
    else if (kind === 1) b.wideImm(register, this.#dice.word(), this.#dice.word())
    else if (kind === 2) b.emit(0x79, register, FP, -8 * (1 + this.#dice.below(STACK / 8)))
    else this.#packetLoad(register)
  }

  /** A helper call leaves r1 to r5 unreadable. */
  #call(helper: number): void {
    this.#b.emit(0x85, 0, 0, 0, helper)
    for (let register = 1; register <= 5; register++) this.#refill(register)
  }

  #block(): void {
    const choices: [number, () => void][] = [
      [10, () => this.#alu()],
      [3, () => this.#refill(this.#scalar())],
      [3, () => this.#stack()],
      [4, () => this.#skip()],
    ]
    if (this.#packet) {
      choices.push([4, () => this.#packetAccess()])
      choices.push([1, () => this.#context()])
      if (this.#has('variable offsets')) choices.push([2, () => this.#variablePacketAccess()])
      if (this.#has('adjust')) choices.push([1, () => this.#adjust()])
      if (this.#has('helpers')) choices.push([1, () => this.#packetHelper()])
    }
    if (this.#has('variable offsets')) choices.push([1, () => this.#variableStackAccess()])
    if (this.#has('atomics')) choices.push([2, () => this.#atomic(FP, -STACK, STACK)])
    if (this.#has('helpers')) choices.push([2, () => this.#helper()])
    if (this.#has('acquire and release')) choices.push([1, () => this.#ordered(FP, -STACK, STACK)])
    for (const [index, spec] of this.#maps.entries()) this.#mapChoices(index, spec, choices)
    if (this.#has('functions') && this.#packet && this.#calls.length < 4) choices.push([1, () => this.#functionCall()])
    if (this.#has('loops') && this.#depth === 0) choices.push([1, () => this.#loop()])
    this.#dice.weighted(choices)()
  }

  /** Fields of the context that can be read, and of a socket buffer those that can be written. */
  #context(): void {
    const written = [8, 12, 32, 44, 48, 52, 56, 60, 64, 72]
    if (!this.#tc) this.#b.emit(0x61, this.#scalar(), CTX, this.#dice.pick([12, 16]))
    else if (this.#dice.chance(0.5)) this.#b.emit(0x63, CTX, this.#scalar(), this.#dice.pick(written))
    else this.#b.emit(0x61, this.#scalar(), CTX, this.#dice.pick([0, 4, 16, 20, 24, 36, 40, 68, ...written]))
  }

  #alu(): void {
    const dice = this.#dice
    const dst = this.#scalar()
    const wide = dice.chance(0.6) ? 7 : 4
    const operations = [0x00, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x80, 0xa0, 0xb0, 0xc0, 0xd0]
    if (this.#has('division')) operations.push(0x30, 0x90)
    const operation = dice.pick(operations)
    const b = this.#b
    if (operation === 0x80) b.emit(0x80 | wide, dst)
    else if (operation === 0xd0)
      b.emit(this.#has('signed') ? dice.pick([0xd4, 0xdc, 0xd7]) : dice.pick([0xd4, 0xdc]), dst, 0, 0, dice.pick([16, 32, 64]))
    else {
      const signed = this.#has('signed') && dice.chance(0.4)
      const register = dice.chance(0.5)
      let off = 0
      if (signed && (operation === 0x30 || operation === 0x90)) off = 1
      if (signed && operation === 0xb0 && register) off = dice.pick(wide === 7 ? [8, 16, 32] : [8, 16])
      if (register) b.emit(operation | 8 | wide, dst, this.#scalar(), off)
      else {
        const shift = operation === 0x60 || operation === 0x70 || operation === 0xc0
        const division = operation === 0x30 || operation === 0x90
        const imm = shift ? dice.below(wide === 7 ? 64 : 32) : division ? this.#imm() || 3 : this.#imm()
        b.emit(operation | wide, dst, 0, off, imm)
      }
    }
  }

  /** A load of any size, sign-extending or not, into a scalar. */
  #load(size: number, dst: number, src: number, off: number): void {
    const extend = this.#has('signed') && size !== 0x18 && this.#dice.chance(0.3)
    this.#b.emit((extend ? 0x81 : 0x61) | size, dst, src, off)
  }

  #store(size: number, dst: number, off: number): void {
    if (this.#dice.chance(0.3)) this.#b.emit(0x62 | size, dst, 0, off, this.#imm())
    else this.#b.emit(0x63 | size, dst, this.#scalar(), off)
  }

  #packetLoad(register: number): void {
    const size = this.#dice.pick(SIZES)
    this.#load(size, register, PACKET, this.#dice.below(RANGE - BYTES[size]! + 1))
  }

  #packetAccess(): void {
    const size = this.#dice.pick(SIZES)
    const off = this.#dice.below(RANGE - BYTES[size]! + 1)
    if (this.#dice.chance(0.5)) this.#load(size, this.#scalar(), PACKET, off)
    else this.#store(size, PACKET, off)
  }

  #stack(): void {
    const size = this.#dice.pick(SIZES)
    const bytes = BYTES[size]!
    const off = -bytes * (1 + this.#dice.below(STACK / bytes))
    if (this.#dice.chance(0.5)) this.#load(size, this.#scalar(), FP, off)
    else this.#store(size, FP, off)
  }

  /** A jump over a few blocks. */
  #skip(): void {
    const dice = this.#dice
    const b = this.#b
    if (this.#depth > 2) return
    const jump = (dice.pick(JUMPS) & 0xf0) | (dice.chance(0.5) ? 5 : 6)
    const end = b.label()
    if (dice.chance(0.5)) b.jump(jump | 8, this.#scalar(), this.#scalar(), 0, end)
    else b.jump(jump, this.#scalar(), 0, this.#imm(), end)
    this.#depth++
    for (let i = 1 + dice.below(4); i > 0; i--) this.#block()
    // The other side of an if, reached by a short or a long jump.
    if (dice.chance(0.3)) {
      const after = b.label()
      b.jump(this.#has('signed') && dice.chance(0.5) ? 0x06 : 0x05, 0, 0, 0, after)
      b.bind(end)
      for (let i = 1 + dice.below(3); i > 0; i--) this.#block()
      b.bind(after)
    } else b.bind(end)
    this.#depth--
  }

  #loop(): void {
    const b = this.#b
    this.#depth++
    const scalars = this.#scalars
    this.#scalars = scalars.filter(register => register !== COUNTER)
    b.emit(0xb7, COUNTER, 0, 0, 1 + this.#dice.below(6))
    const start = b.label()
    b.bind(start)
    for (let i = 1 + this.#dice.below(3); i > 0; i--) this.#alu()
    b.emit(0x07, COUNTER, 0, 0, -1)
    b.jump(0x55, COUNTER, 0, 0, start)
    this.#scalars = scalars
    this.#depth--
  }

  /** A pointer in r2 somewhere behind the packet's start, checked against its end. */
  #variablePacketAccess(): void {
    const b = this.#b
    const size = this.#dice.pick(SIZES)
    const end = b.label()
    b.emit(0xbf, 3, this.#scalar())
    b.emit(0x57, 3, 0, 0, this.#dice.pick([7, 15, 31, 63]))
    b.emit(0xbf, 2, PACKET)
    b.emit(0x0f, 2, 3)
    b.emit(0xbf, 4, 2)
    b.emit(0x07, 4, 0, 0, 16)
    b.jump(0x2d, 4, END, 0, end)
    const off = this.#dice.below(16 - BYTES[size]! + 1)
    if (this.#dice.chance(0.5)) this.#load(size, 0, 2, off)
    else b.emit(0x63 | size, 2, this.#dice.pick([0, 1, 3, 5]), off)
    b.bind(end)
    this.#refill(2)
    this.#refill(4)
  }

  #variableStackAccess(): void {
    const b = this.#b
    const dst = this.#scalar()
    b.emit(0xbf, 3, this.#scalar())
    b.emit(0x57, 3, 0, 0, 0x38)
    b.emit(0xbf, 2, FP)
    b.emit(0x0f, 2, 3)
    if (this.#dice.chance(0.5)) b.emit(0x79, 0, 2, -STACK)
    else b.emit(0x7b, 2, dst === 2 ? 0 : dst, -STACK)
    this.#refill(2)
  }

  #atomic(base: number, off: number, bytes: number): void {
    const dice = this.#dice
    const wide = dice.chance(0.5)
    const size = wide ? 8 : 4
    const at = off + size * dice.below(bytes / size)
    const code = wide ? 0xdb : 0xc3
    const free = this.#scalars.filter(register => register !== base)
    const source = dice.pick(free)
    const fetch = this.#has('fetching atomics')
    const kinds = fetch ? [0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1] : [0x00]
    // A comparing exchange answers in r0.
    const kind = dice.pick(base === 0 ? kinds.filter(k => k !== 0xf1) : kinds)
    this.#b.emit(code, base, source, at, kind)
  }

  #helper(): void {
    const b = this.#b
    const dice = this.#dice
    switch (dice.below(3)) {
      case 0:
        // csum_diff of two pieces of the stack
        b.emit(0xbf, 1, FP)
        b.emit(0x07, 1, 0, 0, -32)
        b.emit(0xb7, 2, 0, 0, 4 * dice.below(9))
        b.emit(0xbf, 3, FP)
        b.emit(0x07, 3, 0, 0, -STACK)
        b.emit(0xb7, 4, 0, 0, 4 * dice.below(9))
        b.emit(0xb7, 5, 0, 0, this.#imm())
        this.#call(28)
        break
      case 1:
        this.#call(8)
        break
      default:
        b.emit(0xb7, 1, 0, 0, dice.below(4))
        b.emit(0xb7, 2, 0, 0, dice.below(2))
        this.#call(23)
    }
  }

  #packetHelper(): void {
    const b = this.#b
    const dice = this.#dice
    b.emit(0xbf, 1, CTX)
    if (!this.#tc && dice.chance(0.3)) {
      this.#call(188)
      return
    }
    const load = dice.chance(0.5)
    const bytes = 1 + dice.below(16)
    b.emit(0xb7, 2, 0, 0, dice.below(64))
    b.emit(0xbf, 3, FP)
    b.emit(0x07, 3, 0, 0, -STACK + dice.below(32))
    b.emit(0xb7, 4, 0, 0, bytes)
    if (this.#tc) b.emit(0xb7, 5, 0, 0, dice.pick([0, 1, 2, 4]))
    this.#moves(this.#tc ? (load ? 26 : 9) : load ? 189 : 190)
  }

  #reload(): void {
    this.#loadPacketPointers()
    for (let register = 1; register <= 5; register++) this.#refill(register)
  }

  #adjust(): void {
    const dice = this.#dice
    this.#b.emit(0xbf, 1, CTX)
    if (this.#tc) {
      this.#adjustBuffer()
      return
    }
    const helper = dice.pick([44, 54, 65])
    const by =
      helper === 54 ? dice.pick([0, -4, -8, -3, 4, 8, -32, -36]) : dice.pick([0, 4, -4, 14, -14, 20, -20, 7, 300, -300, 3000])
    this.#b.emit(0xb7, 2, 0, 0, by)
    this.#moves(helper)
  }

  /** Tail, head, what can be reached, and the two checksums of a socket buffer. */
  #adjustBuffer(): void {
    const dice = this.#dice
    const b = this.#b
    const helper = dice.pick([38, 43, 39, 10, 11])
    const offset = dice.pick([0, 10, 14, 24, 25, 50, 200])
    b.emit(
      0xb7,
      2,
      0,
      0,
      helper === 38 ? dice.pick([10, 14, 60, 64, 90, 200]) : helper === 43 ? dice.pick([0, 4, 14, 20]) : offset,
    )
    b.emit(0xb7, 3, 0, 0, helper >= 38 ? dice.pick([0, 0, 0, 1]) : dice.pick([0, this.#imm()]))
    b.emit(0xb7, 4, 0, 0, this.#imm())
    b.emit(0xb7, 5, 0, 0, dice.pick(helper === 11 ? [0, 2, 4, 0x12, 0x14, 0x22, 0x24, 0x64] : [0, 2, 4, 1]))
    this.#moves(helper)
  }

  /** A helper that takes the packet's pointers away: they are loaded anew. */
  #moves(helper: number): void {
    this.#b.emit(0x85, 0, 0, 0, helper)
    this.#b.emit(0xbf, COUNTER, 0)
    this.#reload()
    this.#b.emit(0xbf, 0, COUNTER)
  }

  /** A key on the stack: few different ones, so that they meet again. */
  #key(map: MapSpec): void {
    const b = this.#b
    for (let at = 0; at < 16; at += 8) b.emit(0x7a, FP, 0, -16 + at, 0)
    b.emit(0xbf, 2, this.#scalar())
    const trie = map.type === T.BPF_MAP_TYPE_LPM_TRIE
    b.emit(0x57, 2, 0, 0, trie ? 31 : this.#dice.pick([1, 3, 7]))
    b.emit(0x73, FP, 2, -16)
    if (trie) b.emit(0x73, FP, this.#dice.pick([0, 2, 4]), -12)
    b.emit(0xbf, 2, FP)
    b.emit(0x07, 2, 0, 0, -16)
  }

  #mapChoices(index: number, spec: MapSpec, choices: [number, () => void][]): void {
    if (spec.type === T.BPF_MAP_TYPE_PROG_ARRAY) {
      if (this.#packet) choices.push([1, () => this.#tailCall(index)])
    } else if (spec.type === T.BPF_MAP_TYPE_PERF_EVENT_ARRAY) {
      if (this.#packet) choices.push([1, () => this.#event(index)])
    } else if (spec.keySize === 0) choices.push([2, () => this.#queueAccess(index)])
    else {
      choices.push([2, () => this.#mapAccess(index, spec)])
      if (spec.type === T.BPF_MAP_TYPE_ARRAY && spec.maxEntries === 1) choices.push([1, () => this.#directAccess(index, spec)])
    }
  }

  #mapAccess(index: number, spec: MapSpec): void {
    const dice = this.#dice
    const b = this.#b
    const indexed = spec.type === T.BPF_MAP_TYPE_ARRAY || spec.type === T.BPF_MAP_TYPE_PERCPU_ARRAY
    this.#key(spec)
    b.mapReference(1, index)
    const kind = dice.below(indexed ? 4 : 6)
    if (kind >= 4) this.#call(3)
    else if (kind >= 2) {
      b.emit(0xbf, 3, FP)
      b.emit(0x07, 3, 0, 0, -STACK + 8 * dice.below(3))
      b.emit(0xb7, 4, 0, 0, dice.pick([0, 0, 0, 1, 2]))
      this.#call(2)
    } else this.#lookup(spec)
  }

  /** A value of an array whose address stands in the program. */
  #directAccess(index: number, spec: MapSpec): void {
    const size = this.#dice.pick(SIZES)
    const bytes = BYTES[size]!
    const off = bytes * this.#dice.below(spec.valueSize / bytes)
    const start = bytes * this.#dice.below(spec.valueSize / bytes)
    this.#b.mapReference(2, index, start)
    if (this.#dice.chance(0.5)) this.#load(size, 0, 2, off - start)
    else this.#b.emit(0x63 | size, 2, this.#dice.pick([0, 1, 3, 4, 5]), off - start)
    this.#refill(2)
  }

  /** Goes on in another program, or here when the slot is empty or calls are used up. */
  #tailCall(index: number): void {
    const b = this.#b
    b.emit(0xbf, 3, this.#scalar())
    b.emit(0x57, 3, 0, 0, 3)
    b.emit(0xbf, 1, CTX)
    b.mapReference(2, index)
    this.#call(12)
    this.#refill(0)
  }

  /** An event for a CPU that nobody listens to. */
  #event(index: number): void {
    const b = this.#b
    b.emit(0xbf, 1, CTX)
    b.mapReference(2, index)
    b.wideImm(3, this.#dice.pick([-1, 0, 1, 9]), this.#dice.pick([0, 0, 14, 1000, -1]))
    b.emit(0xbf, 4, FP)
    b.emit(0x07, 4, 0, 0, -STACK)
    b.emit(0xb7, 5, 0, 0, 1 + this.#dice.below(STACK))
    this.#call(25)
  }

  /** A load-acquire or a store-release of any size. */
  #ordered(base: number, off: number, bytes: number): void {
    const size = this.#dice.pick(SIZES)
    const at = off + BYTES[size]! * this.#dice.below(bytes / BYTES[size]!)
    const free = this.#scalars.filter(register => register !== base)
    if (this.#dice.chance(0.5)) this.#b.emit(0xc3 | size, this.#dice.pick(free), base, at, 0x100)
    else this.#b.emit(0xc3 | size, base, this.#dice.pick(free), at, 0x110)
  }

  #lookup(map: MapSpec): void {
    const dice = this.#dice
    const b = this.#b
    this.#call(1)
    const missing = b.label()
    const end = b.label()
    b.jump(0x15, 0, 0, 0, missing)
    const scalars = this.#scalars
    this.#scalars = scalars.filter(register => register !== 0)
    for (let i = 1 + dice.below(3); i > 0; i--) {
      const size = dice.pick(SIZES)
      const bytes = BYTES[size]!
      const off = bytes * dice.below(map.valueSize / bytes)
      const kind = dice.below(this.#has('acquire and release') ? 4 : 3)
      if (kind === 3) this.#ordered(0, 0, map.valueSize)
      else if (kind === 0) this.#load(size, this.#scalar(), 0, off)
      else if (kind === 1 || !this.#has('atomics')) this.#store(size, 0, off)
      else this.#atomic(0, 0, map.valueSize)
    }
    this.#scalars = scalars
    b.emit(0xb7, 0, 0, 0, this.#imm())
    b.jump(0x05, 0, 0, 0, end)
    b.bind(missing)
    b.emit(0xb7, 0, 0, 0, this.#imm())
    b.bind(end)
  }

  #queueAccess(index: number): void {
    const b = this.#b
    b.mapReference(1, index)
    b.emit(0xbf, 2, FP)
    b.emit(0x07, 2, 0, 0, -24 - 8 * this.#dice.below(3))
    const helper = this.#dice.pick([87, 87, 88, 89])
    if (helper === 87) b.emit(0xb7, 3, 0, 0, this.#dice.pick([0, 0, 2]))
    this.#call(helper)
  }

  /** A call of a function that will be written after the main one; its arguments are whatever scalars r1 to r5 hold. */
  #functionCall(): void {
    this.#calls.push(this.#b.count)
    this.#b.emit(0x85, 0, 1, 0, 0)
    for (let register = 1; register <= 5; register++) this.#refill(register)
  }

  /** The functions that were called: each has a frame of its own, and no packet. */
  #functions(): void {
    const b = this.#b
    for (let call = this.#calls.shift(); call !== undefined; call = this.#calls.shift()) {
      b.setCall(call, b.count)
      this.#packet = false
      // Called ones don't call on: the depth of the stack stays bounded.
      this.#depth = 1
      this.#scalars = [1, 2, 3, 4, 5]
      for (let at = -STACK; at < 0; at += 8) b.emit(0x7a, FP, 0, at, this.#imm())
      for (const register of [0, 6, 7, 8, COUNTER]) b.emit(0xbf, register, this.#scalar())
      this.#scalars = [0, 1, 2, 3, 4, 5, 6, 7, 8, COUNTER]
      for (let i = 2 + this.#dice.below(6); i > 0; i--) this.#block()
      b.emit(0x95)
    }
  }
}
