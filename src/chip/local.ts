// An engine's local memory and the four pointers that words reach it through. A pointer is written through a control register and takes
// effect some cycles later; until then words still use the old value, so writes wait here with the cycle they land in.

import * as M from './microcode.ts'

export const LOCAL_WORDS = 1024
const ADDRESS_MASK = LOCAL_WORDS * 4 - 1

/** Writes of one pointer that may be on their way: one a cycle, over the delay. */
const LANDING = 8

export class LocalMemory {
  readonly words: Int32Array = new Int32Array(LOCAL_WORDS)
  readonly #registers: Int32Array
  readonly #delay: number
  // Pointers as byte addresses; writes that have not landed: how many, value and cycle, oldest first.
  readonly #pointers: Int32Array = new Int32Array(4)
  readonly #landing: Int32Array = new Int32Array(4)
  readonly #value: Int32Array = new Int32Array(4 * LANDING)
  readonly #cycle: Int32Array = new Int32Array(4 * LANDING)

  /** `registers` is the engine's file, `delay` the cycles between the write of a pointer and its first use. */
  constructor(registers: Int32Array, delay: number) {
    this.#registers = registers
    this.#delay = Math.min(delay, LANDING - 1)
  }

  /** Pointers as given, nothing on its way. The contents stay. */
  reset(pointer0: number, pointer1: number): void {
    const pointers = this.#pointers
    pointers[0] = pointer0
    pointers[1] = pointer1
    pointers[2] = 0
    pointers[3] = 0
    this.#landing.fill(0)
  }

  /** A pointer once everything has landed. */
  pointer(k: number): number {
    const n = this.#landing[k]!
    return n > 0 ? this.#value[k * LANDING + n - 1]! : this.#pointers[k]!
  }

  /** A pointer as words see it now. */
  current(k: number, cycle: number): number {
    this.#settle(k, cycle)
    return this.#pointers[k]!
  }

  write(k: number, value: number, cycle: number): void {
    this.#settle(k, cycle)
    const n = this.#landing[k]!
    this.#value[k * LANDING + n] = value & ADDRESS_MASK
    this.#cycle[k * LANDING + n] = cycle + this.#delay
    this.#landing[k] = n + 1
  }

  /** Fetches a word's operands (`flags` as in microcode.ts) into the register file; false = outside of the memory. */
  fetch(flags: number, cycle: number): boolean {
    if ((flags & M.FLAG_LEFT) !== 0) {
      const at = this.#place(flags >>> 4, cycle)
      if (at < 0) return false
      this.#registers[M.LOCAL_LEFT] = this.words[at]!
    }
    if ((flags & M.FLAG_RIGHT) !== 0) {
      const at = this.#place(flags >>> 11, cycle)
      if (at < 0) return false
      this.#registers[M.LOCAL_RIGHT] = this.words[at]!
    }
    return true
  }

  store(flags: number, value: number, cycle: number): boolean {
    const at = this.#place(flags >>> 18, cycle)
    if (at < 0) return false
    this.words[at] = value
    return true
  }

  /** Lets writes land whose time has come: what was written in cycle c is used from cycle c + delay + 1 on. */
  #settle(k: number, cycle: number): void {
    const first = k * LANDING
    let n = this.#landing[k]!
    while (n > 0 && cycle > this.#cycle[first]!) {
      this.#pointers[k] = this.#value[first]!
      for (let i = 1; i < n; i++) {
        this.#value[first + i - 1] = this.#value[first + i]!
        this.#cycle[first + i - 1] = this.#cycle[first + i]!
      }
      n--
    }
    this.#landing[k] = n
  }

  /** Index of an operand (pointer in bits 0-1, place above), moving the pointer if it says so; -1 outside. */
  #place(operand: number, cycle: number): number {
    const k = operand & 3
    const place = (operand >>> 2) & 0x1f
    if (this.#landing[k] !== 0) this.#settle(k, cycle)
    const pointer = this.#pointers[k]!
    if (place < 16) {
      const index = (pointer >>> 2) + place
      return index < LOCAL_WORDS ? index : -1
    }
    this.#pointers[k] = (pointer + (place === 0x10 ? 4 : -4)) & ADDRESS_MASK
    return pointer >>> 2
  }
}
