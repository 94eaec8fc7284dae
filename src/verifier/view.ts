// What a device sees of the simulation. A register is read from the current state where it stands.

import type { Insns } from '../bpf/insns.ts'
import type { MapSpec } from '../bpf/program.ts'
import type { DeviceSummary, DeviceView, RegView } from './device.ts'
import type { Env } from './env.ts'
import { markChainPrecision, markSlotPrecision } from './precision.ts'
import {
  MAX_BPF_REG,
  R_FRAME,
  R_ID,
  R_MAP,
  R_MASK,
  R_OFF,
  R_TYPE,
  R_UMAX,
  R_UMIN,
  R_VALUE,
  REG_WORDS,
  SCALAR_VALUE,
  SLOT_WORDS,
  STACK_INVALID,
  STACK_SPILL,
  STACK_ZERO,
  slotType,
} from './reg.ts'

class RegInFrame implements RegView {
  readonly #env: Env
  readonly #i: number

  constructor(env: Env, n: number) {
    this.#env = env
    this.#i = n * REG_WORDS
  }

  #word(w: number): number {
    return this.#env.regs[this.#i + w]!
  }

  get type(): number {
    return this.#word(R_TYPE)
  }
  get off(): number {
    return this.#word(R_OFF)
  }
  get id(): number {
    return this.#word(R_ID)
  }
  get frame(): number {
    return this.#word(R_FRAME)
  }
  get map(): number {
    return this.#word(R_MAP)
  }
  get valueLo(): number {
    return this.#word(R_VALUE)
  }
  get valueHi(): number {
    return this.#word(R_VALUE + 1)
  }
  get maskLo(): number {
    return this.#word(R_MASK)
  }
  get maskHi(): number {
    return this.#word(R_MASK + 1)
  }
  get uminLo(): number {
    return this.#word(R_UMIN)
  }
  get uminHi(): number {
    return this.#word(R_UMIN + 1)
  }
  get umaxLo(): number {
    return this.#word(R_UMAX)
  }
  get umaxHi(): number {
    return this.#word(R_UMAX + 1)
  }
}

export class View implements DeviceView {
  protected readonly env: Env
  readonly #regs: RegView[] = []

  constructor(env: Env) {
    this.env = env
  }

  get insns(): Insns {
    return this.env.insns
  }
  get maps(): readonly MapSpec[] {
    return this.env.maps
  }
  get progType(): number {
    return this.env.progType
  }
  get frame(): number {
    return this.env.state.curframe
  }

  reg(number: number): RegView {
    let reg = this.#regs[number]
    if (reg === undefined) {
      if (!(number >= 0 && number < MAX_BPF_REG)) throw new RangeError(`no register R${number}`)
      reg = new RegInFrame(this.env, number)
      this.#regs[number] = reg
    }
    return reg
  }

  stackByte(frame: number, offset: number): number {
    const at = this.env.state.frames[frame]
    if (at === undefined || frame > this.env.state.curframe || offset >= 0 || -offset > at.allocated) return STACK_INVALID
    return slotType(at.stack, ((-offset - 1) >> 3) * SLOT_WORDS, (-offset - 1) & 7)
  }

  stackIsZero(frame: number, offset: number): boolean {
    const type = this.stackByte(frame, offset)
    if (type !== STACK_SPILL) return type === STACK_ZERO
    const slot = (-offset - 1) >> 3
    const { stack } = this.env.state.frames[frame]!
    const at = slot * SLOT_WORDS
    const byte = offset & 7
    const word = byte >> 2
    if (stack[at + R_TYPE] !== SCALAR_VALUE) return false
    const known = ((stack[at + R_VALUE + word]! | stack[at + R_MASK + word]!) >>> ((byte & 3) * 8)) & 0xff
    if (known !== 0) return false
    markSlotPrecision(this.env, frame, slot)
    return true
  }

  markPrecise(number: number): void {
    markChainPrecision(this.env, number)
  }

  log(text: string): void {
    this.env.verbose(text)
  }
}

/** The same at the end of the simulation. */
export class Summary extends View implements DeviceSummary {
  readonly subprogCount: number
  readonly subprogStart: Int32Array
  readonly stackDepth: Int32Array

  constructor(env: Env) {
    super(env)
    this.subprogCount = env.subprogs.length
    this.subprogStart = Int32Array.from(env.subprogs, subprog => subprog.start)
    this.stackDepth = Int32Array.from(env.subprogs, subprog => subprog.stackDepth)
  }

  get zext(): Uint8Array {
    return this.env.zext
  }
  get maxPacketOffset(): number {
    return this.env.maxPacketOffset
  }
}
