// Instructions put down one after the other, with jumps to places that are only known later.

import { type Insns, newInsns } from '../bpf/insns.ts'
import { BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, LD_IMM64 } from '../bpf/opcode.ts'

interface Slot {
  readonly code: number
  readonly dst: number
  readonly src: number
  off: number
  imm: number
}

export type Label = number | string

export class ProgramBuilder {
  readonly #slots: Slot[] = []
  readonly #jumps: { readonly at: number; readonly to: Label }[] = []
  readonly #places: Map<Label, number> = new Map()
  #labels = 0

  get count(): number {
    return this.#slots.length
  }

  emit(code: number, dst = 0, src = 0, off = 0, imm = 0): void {
    this.#slots.push({ code, dst, src, off, imm })
  }

  /** A 64-bit immediate, which takes two slots. */
  wideImm(dst: number, low: number, high: number): void {
    this.emit(LD_IMM64, dst, 0, 0, low)
    this.emit(0, 0, 0, 0, high)
  }

  /** A map by its index, or the address of a byte in its first value. */
  mapReference(dst: number, index: number, offset?: number): void {
    this.emit(LD_IMM64, dst, offset === undefined ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE, 0, index)
    this.emit(0, 0, 0, 0, offset ?? 0)
  }

  label(): Label {
    return this.#labels++
  }

  /** A jump to a label; of `gotol` (0x06) the distance stands in imm. */
  jump(code: number, dst: number, src: number, imm: number, to: Label): void {
    this.#jumps.push({ at: this.count, to })
    this.emit(code, dst, src, 0, imm)
  }

  /** The label is here. */
  bind(label: Label): void {
    this.#places.set(label, this.count)
  }

  /** The function that a call instruction calls begins at `start`. */
  setCall(call: number, start: number): void {
    this.#slots[call]!.imm = start - call - 1
  }

  finish(): Insns {
    for (const { at, to } of this.#jumps) {
      const slot = this.#slots[at]!
      const distance = this.#places.get(to)! - at - 1
      if (slot.code === 0x06) slot.imm = distance
      else slot.off = distance
    }
    const insns = newInsns(this.count)
    this.#slots.forEach((slot, i) => {
      insns.code[i] = slot.code
      insns.dst[i] = slot.dst
      insns.src[i] = slot.src
      insns.off[i] = slot.off
      insns.imm[i] = slot.imm
    })
    return insns
  }
}
