// The control registers of one vNIC: a little-endian memory that the driver reads and writes over the bus. The part below 0x80 is common to all
// firmware of this family; the part from 0x80 on is about loaded programs (the driver's names for it begin with BPF). What the firmware says about itself can't be written.

import type { Firmware } from '../nfp/profiles.ts'

export const REG = {
  CTRL: 0x00,
  UPDATE: 0x04,
  MTU: 0x18,
  CAP: 0x38,
  MAX_MTU: 0x44,
  ABI: 0x80,
  RELOAD: 0x81,
  MAX_LEN: 0x82,
  START: 0x84,
  DONE: 0x86,
  STACK_SZ: 0x88,
  INL_MTU: 0x89,
  SIZE: 0x8e,
  ADDR: 0x90,
} as const

export const CTRL_BPF: number = 1 << 27
export const CAP_RELOAD = 1
export const UPDATE_GEN = 1
export const UPDATE_BPF: number = 1 << 10
/** Set by the firmware in the update word when it refused. */
export const UPDATE_ERR = 0x8000_0000

const BYTES = 0x100
const UNIT = 64

/** What the driver may write: register ranges, first byte and the byte behind. */
const writable: readonly (readonly [number, number])[] = [
  [REG.CTRL, REG.UPDATE + 4],
  [REG.MTU, REG.MTU + 4],
  [REG.SIZE, REG.ADDR + 8],
]

export class Registers {
  readonly #view: DataView = new DataView(new ArrayBuffer(BYTES))

  constructor(firmware: Firmware) {
    const view = this.#view
    view.setUint32(REG.MTU, firmware.mtu, true)
    view.setUint32(REG.MAX_MTU, firmware.mtu, true)
    view.setUint32(REG.CAP, CTRL_BPF, true)
    view.setUint8(REG.ABI, firmware.abiVersion)
    view.setUint8(REG.RELOAD, firmware.liveReload ? CAP_RELOAD : 0)
    view.setUint16(REG.MAX_LEN, firmware.maxLength, true)
    view.setUint16(REG.START, firmware.start, true)
    view.setUint16(REG.DONE, firmware.done, true)
    view.setUint8(REG.STACK_SZ, firmware.stackBytes / UNIT)
    view.setUint8(REG.INL_MTU, firmware.inlineMtuBytes / UNIT)
  }

  read8(at: number): number {
    return this.#holds(at, 1) ? this.#view.getUint8(at) : 0xff
  }

  read16(at: number): number {
    return this.#holds(at, 2) ? this.#view.getUint16(at, true) : 0xffff
  }

  /** Reading where nothing is gives all ones, as on a bus. */
  read32(at: number): number {
    return this.#holds(at, 4) ? this.#view.getUint32(at, true) : 0xffff_ffff
  }

  /** An address; exact up to 2^53. */
  read64(at: number): number {
    return this.read32(at + 4) * 0x1_0000_0000 + this.read32(at)
  }

  write16(at: number, value: number): void {
    if (this.#mayWrite(at, 2)) this.#view.setUint16(at, value, true)
  }

  write32(at: number, value: number): void {
    if (this.#mayWrite(at, 4)) this.#view.setUint32(at, value, true)
  }

  write64(at: number, value: number): void {
    this.write32(at, value % 0x1_0000_0000)
    this.write32(at + 4, Math.floor(value / 0x1_0000_0000))
  }

  #holds(at: number, bytes: number): boolean {
    return Number.isInteger(at) && at >= 0 && at + bytes <= BYTES
  }

  /** Writes elsewhere go nowhere, as on a bus. */
  #mayWrite(at: number, bytes: number): boolean {
    return this.#holds(at, bytes) && writable.some(([first, end]) => at >= first && at + bytes <= end)
  }
}
