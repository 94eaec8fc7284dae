// What a microengine sends to the memories: reads and writes through its transfer registers, and the atomic add of the external memory. A
// command is done at once; what it costs is the cycles until its signal, which come back, and a use of the memory's engine.

import { CMD } from '../nfp/insn-table.ts'
import * as F from './fault.ts'
import { addBigEndian, type Ctm, EMEM_BASE_HIGH, type Emem } from './memory.ts'
import * as M from './microcode.ts'
import type { Timing } from './timing.ts'
import { type EngineUse, MEMORY_CTM, MEMORY_EMEM, type Trace, USE_ADD, USE_READ, USE_WRITE } from './trace.ts'

const OVERRIDE_LENGTH = 0x80
const OVERRIDE_DATA_HIGH = 2 << 3

export class MemoryPort {
  /** Why a command failed. */
  fault = 0
  readonly #emem: Emem
  readonly #registers: Int32Array
  readonly #ctm: Ctm
  readonly #trace: Trace
  readonly #engineUse: EngineUse
  readonly #timing: Timing
  readonly #ctmWait: number

  constructor(registers: Int32Array, ctm: Ctm, emem: Emem, trace: Trace, engineUse: EngineUse, timing: Timing) {
    this.#registers = registers
    this.#ctm = ctm
    this.#emem = emem
    this.#trace = trace
    this.#engineUse = engineUse
    this.#timing = timing
    // A round trip is counted from the command's issue, so the cycles that the command itself issues are part of it.
    this.#ctmWait = Math.max(0, timing.ctmRoundTrip - timing.instruction - timing.swapBubbles)
  }

  /** A memory command. Gives the cycles until its signal, or -1 and leaves the reason in `fault`. */
  command(command: number, constants: number, a: number, b: number, previous: number): number {
    const mode = (constants >>> M.CMD_MODE_SHIFT) & 7
    const xfer = constants & 0x3f
    let length = (constants >>> M.CMD_LENGTH_SHIFT) & 7
    const indirect = (constants & M.CMD_INDIRECT) !== 0
    if (indirect && (previous & OVERRIDE_LENGTH) !== 0) length = (previous >>> 8) & 0x1f
    if (command === CMD.ADD || command === CMD.ADD_IMM) return this.#add(command, mode, xfer, length, indirect, a, b, previous)

    const units = length + 1
    const bytes = command === CMD.READ8 || command === CMD.WRITE8_SWAP ? units : command === CMD.READ_LE ? units * 8 : units * 4
    if (xfer + ((bytes + 3) >>> 2) > M.XFERS) return this.#refuse(F.FAULT_COMMAND)
    let memory: Uint8Array
    let at: number
    const external = mode !== 4
    if (external) {
      at = this.#external(mode, a, b, bytes)
      memory = this.#emem.u8
    } else {
      at = this.#ctm.at((a + b) | 0, bytes)
      memory = this.#ctm.u8
    }
    if (at < 0) return this.#refuse(F.FAULT_ADDRESS)
    const r = this.#registers
    const write = command === CMD.WRITE8_SWAP || command === CMD.WRITE32_SWAP
    let late = 0
    if (external) {
      this.#trace.uses[MEMORY_EMEM]!++
      late = this.#engineUse.count(write ? USE_WRITE : USE_READ, at, bytes)
    } else this.#trace.uses[MEMORY_CTM]!++
    switch (command) {
      case CMD.READ32_SWAP:
        for (let i = 0; i < units; i++, at += 4)
          r[M.XFER_IN + xfer + i] = memory[at]! | (memory[at + 1]! << 8) | (memory[at + 2]! << 16) | (memory[at + 3]! << 24)
        break
      case CMD.READ32:
        for (let i = 0; i < units; i++, at += 4) r[M.XFER_IN + xfer + i] = bigEndian(memory, at)
        break
      case CMD.READ_LE:
        // The two words of each 64-bit word change places; their bytes don't. No code that the driver emits uses it.
        for (let i = 0; i < units; i++, at += 8) {
          r[M.XFER_IN + xfer + 2 * i] = bigEndian(memory, at + 4)
          r[M.XFER_IN + xfer + 2 * i + 1] = bigEndian(memory, at)
        }
        break
      case CMD.READ8:
        for (let i = 0; i < bytes; i += 4) {
          let word = 0
          for (let k = 0; k < 4; k++) word = (word << 8) | (i + k < bytes ? memory[at + i + k]! : 0)
          r[M.XFER_IN + xfer + (i >>> 2)] = word
        }
        break
      case CMD.WRITE8_SWAP:
      case CMD.WRITE32_SWAP:
        for (let i = 0; i < bytes; i++) memory[at + i] = r[M.XFER_OUT + xfer + (i >>> 2)]! >>> ((i & 3) * 8)
        break
      default:
        return this.#refuse(F.FAULT_COMMAND)
    }
    return external ? this.#timing.ememWait + late : this.#ctmWait
  }

  /** The atomic add of the external memory: 32 bits, or 64 with bit 2 of the length, low word at the lower address. */
  #add(
    command: number,
    mode: number,
    xfer: number,
    length: number,
    indirect: boolean,
    a: number,
    b: number,
    previous: number,
  ): number {
    const wide = (length & 4) !== 0
    if (mode === 4 || (length & 3) !== 0) return this.#refuse(F.FAULT_COMMAND)
    let low: number
    let high = 0
    if (command === CMD.ADD_IMM) {
      // The value is the high half of the word before: an immediate of 16 bits, never negative.
      if (!indirect || (previous & 0x38) !== OVERRIDE_DATA_HIGH) return this.#refuse(F.FAULT_COMMAND)
      low = previous >>> 16
    } else {
      low = this.#registers[M.XFER_OUT + xfer]!
      if (wide) high = this.#registers[M.XFER_OUT + ((xfer + 1) & 0x3f)]!
    }
    const bytes = wide ? 8 : 4
    const at = this.#external(mode, a, b, bytes)
    if (at < 0 || (at & 3) !== 0) return this.#refuse(F.FAULT_ADDRESS)
    const carry = addBigEndian(this.#emem, at, low, 0)
    if (wide) addBigEndian(this.#emem, at + 4, high, carry)
    this.#trace.uses[MEMORY_EMEM]!++
    this.#engineUse.count(USE_ADD, at, bytes)
    return this.#timing.pullWait
  }

  /** Offset in the external memory of a 40-bit address; -1 if the bytes are not all there. */
  #external(mode: number, a: number, b: number, bytes: number): number {
    const high = mode === 1 ? b : a
    const low = mode === 1 ? a : b
    const sum = ((high << 8) >>> 0) + (low >>> 0)
    const top = ((high >>> 24) + (sum > 0xffff_ffff ? 1 : 0)) & 0xff
    const at = sum >>> 0
    return top === EMEM_BASE_HIGH && at + bytes <= this.#emem.u8.length ? at : -1
  }

  #refuse(fault: number): number {
    this.fault = fault
    return -1
  }
}

function bigEndian(memory: Uint8Array, at: number): number {
  return (memory[at]! << 24) | (memory[at + 1]! << 16) | (memory[at + 2]! << 8) | memory[at + 3]!
}
