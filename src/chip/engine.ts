// One microengine: it executes microcode for one context at a time. What a context owns (registers, flags, pointers) lies in this
// object; the firmware sets it up before a packet and reads it afterwards. Cycles count what the thread issues, bubbles included; waits
// go to the trace, where the throughput model overlaps them with other threads.
//
// Readings, where no public source is explicit. Each is what the driver's code needs to be right, and nothing that it emits
// tells it from another reading that is right as well:
//  - carry after a subtraction means "no borrow"; logical operations clear carry and overflow (no emitted code looks).
//  - shifts set N and Z and leave carry; ld_field, immed, multiplication and CSR words leave all condition codes.
//  - the amount of an indirect shift is the left operand of the last ALU word: 5 bits, but 6 bits for the double shift, where 32 to 63
//    take the left register shifted by the rest: a 64-bit shift left by n shifts the pair right by 32 - n, and must be right for n = 0.
//  - an arithmetic shift takes its sign from the result of the last ALU word or shift.
//  - local memory is addressed as pointer plus offset. Frames are aligned to 64 bytes, so "or" would be the same.
//  - a memory command with defer slots reads its transfer registers after these; a register for data of an indirect command holds
//    the result of the word before, whichever unit made it.

import { nextChance } from '../bytes/chance.ts'
import { CSR } from '../nfp/insn-table.ts'
import * as F from './fault.ts'
import { LocalMemory } from './local.ts'
import { type Ctm, type Emem, noEmem } from './memory.ts'
import * as M from './microcode.ts'
import { MemoryPort } from './port.ts'
import type { Timing } from './timing.ts'
import type { EngineUse, Trace } from './trace.ts'

/** Cycles after which a program counts as running away, unless told otherwise. */
export const CYCLE_LIMIT = 8_000_000

const LM_CSRS: readonly number[] = [CSR.ACT_LM_ADDR0, CSR.ACT_LM_ADDR1, CSR.ACT_LM_ADDR2, CSR.ACT_LM_ADDR3]

export class Microengine {
  readonly registers: Int32Array = new Int32Array(M.REGISTERS)
  readonly local: LocalMemory
  readonly ctm: Ctm
  readonly emem: Emem
  readonly trace: Trace
  readonly engineUse: EngineUse
  /** Issue cycles of this packet so far. */
  cycle = 0
  /** Where execution stands: after a run, the address that it left the program to, or that of the word that faulted. */
  address = 0
  cycleLimit: number = CYCLE_LIMIT
  /** State of the pseudo-random number register; never 0. */
  random = 1
  context = 0

  readonly #timing: Timing
  readonly #port: MemoryPort
  #csr = 0
  #csrRead = false
  // What the last ALU word left behind: result (N and Z), carry, overflow, left operand; and the last result of any unit.
  #result = 0
  #carry = 0
  #overflow = 0
  #left = 0
  #previous = 0
  // The product so far.
  #low = 0
  #high = 0

  constructor(ctm: Ctm, trace: Trace, engineUse: EngineUse, timing: Timing, emem: Emem = noEmem) {
    this.ctm = ctm
    this.emem = emem
    this.trace = trace
    this.engineUse = engineUse
    this.#timing = timing
    this.local = new LocalMemory(this.registers, timing.pointerDelay)
    this.#port = new MemoryPort(this.registers, ctm, emem, trace, engineUse, timing)
    for (let value = 0; value < 256; value++) this.registers[M.ZERO + value] = value
  }

  /** A fresh packet: registers and flags zero, pointers as given, nothing on its way. The local memory stays. */
  reset(pointer0: number, pointer1: number): void {
    this.registers.fill(0, 0, M.ZERO)
    this.local.reset(pointer0, pointer1)
    this.cycle = 0
    this.#csrRead = false
    this.#result = 0
    this.#carry = 0
    this.#overflow = 0
    this.#left = 0
    this.#previous = 0
    this.#low = 0
    this.#high = 0
  }

  /**
   * Executes from `address` until execution leaves the program or faults. Gives the fault, 0 = left the program; `address` says where.
   */
  run(program: M.Microcode, address: number): number {
    const { ops, executed, bubbles, base, count } = program
    const r = this.registers
    const { branchBubbles, branchEarlyBubbles, jumpBubbles, swapBubbles } = this.#timing
    const cycleLimit = this.cycleLimit
    const { trace, local } = this
    const port = this.#port
    let pc = address - base
    let cycle = this.cycle
    let segment = cycle
    let testedAt = -1
    let result = this.#result
    let carry = this.#carry
    let overflow = this.#overflow
    let left = this.#left
    let previous = this.#previous
    // A branch or command with defer slots takes effect when the word behind its slots is reached: `dueAt`. For a branch, `dueWord` is
    // where it goes; for a command it is the command's own word, as ~word, and its operands wait as well.
    let dueAt = -1
    let dueWord = 0
    let dueA = 0
    let dueB = 0
    let duePrevious = 0
    let fault = 0
    let v = 0

    for (;;) {
      if (pc === dueAt) {
        dueAt = -1
        if (dueWord >= 0) pc = dueWord - base
        else {
          const at = ~dueWord
          trace.issue += cycle - segment
          segment = cycle
          const waited = port.command(ops[at * 8 + 6]!, ops[at * 8 + 7]!, dueA, dueB, duePrevious)
          if (waited < 0) {
            pc = at
            fault = port.fault
            break
          }
          program.waited[at]! += waited
          trace.wait(waited)
        }
      }
      if (pc >>> 0 >= count) break
      const i = pc << 3
      executed[pc]!++
      cycle++
      const flags = ops[i + 5]!
      if (flags !== 0) {
        if (!local.fetch(flags, cycle)) {
          fault = F.FAULT_LOCAL_MEMORY
          break
        }
      }
      const a = r[ops[i + 1]!]!
      const b = r[ops[i + 2]!]!
      // The numbers are places in `operations` (microcode.ts). Words that give a value leave the switch by `break`; the others have
      // done all when they `continue`.
      switch (ops[i]!) {
        case 1: // move
          v = b
          left = a
          result = v
          carry = 0
          overflow = 0
          testedAt = cycle
          break
        case 2: // add
          v = (a + b) | 0
          carry = v >>> 0 < a >>> 0 ? 1 : 0
          overflow = ((a ^ v) & (b ^ v)) >>> 31
          left = a
          result = v
          testedAt = cycle
          break
        case 3: // not
          v = ~b
          left = a
          result = v
          carry = 0
          overflow = 0
          testedAt = cycle
          break
        case 4: // add2b
          v = (a + b) & 0xffff
          carry = (a & 0xffff) + (b & 0xffff) > 0xffff ? 1 : 0
          overflow = 0
          left = a
          result = v
          testedAt = cycle
          break
        case 5: // and
          v = a & b
          left = a
          result = v
          carry = 0
          overflow = 0
          testedAt = cycle
          break
        case 6: // andNotA
          v = ~a & b
          left = a
          result = v
          carry = 0
          overflow = 0
          testedAt = cycle
          break
        case 7: {
          // subC
          const sum = (a >>> 0) + (~b >>> 0) + carry
          v = sum | 0
          carry = sum > 0xffff_ffff ? 1 : 0
          overflow = ((a ^ b) & (a ^ v)) >>> 31
          left = a
          result = v
          testedAt = cycle
          break
        }
        case 8: // andNotB
          v = a & ~b
          left = a
          result = v
          carry = 0
          overflow = 0
          testedAt = cycle
          break
        case 9: {
          // addC
          const sum = (a >>> 0) + (b >>> 0) + carry
          v = sum | 0
          carry = sum > 0xffff_ffff ? 1 : 0
          overflow = ((a ^ v) & (b ^ v)) >>> 31
          left = a
          result = v
          testedAt = cycle
          break
        }
        case 10: // or
          v = a | b
          left = a
          result = v
          carry = 0
          overflow = 0
          testedAt = cycle
          break
        case 11: // sub
          v = (a - b) | 0
          carry = a >>> 0 >= b >>> 0 ? 1 : 0
          overflow = ((a ^ b) & (a ^ v)) >>> 31
          left = a
          result = v
          testedAt = cycle
          break
        case 12: // xor
          v = a ^ b
          left = a
          result = v
          carry = 0
          overflow = 0
          testedAt = cycle
          break
        case 13: // right
          v = b >>> ops[i + 6]!
          result = v
          testedAt = cycle
          break
        case 14: // left
          v = b << ops[i + 6]!
          result = v
          testedAt = cycle
          break
        case 15: {
          // double
          const n = ops[i + 6]!
          v = (b >>> n) | (a << (32 - n))
          result = v
          testedAt = cycle
          break
        }
        case 16: {
          // rotate
          const n = ops[i + 6]!
          v = n === 0 ? b : (b >>> n) | (b << (32 - n))
          result = v
          testedAt = cycle
          break
        }
        case 17: // arithmetic
          v = shiftRightSigned(b, ops[i + 6]!, result)
          result = v
          testedAt = cycle
          break
        case 18: // rightBy
          v = b >>> (left & 31)
          result = v
          testedAt = cycle
          break
        case 19: // leftBy
          v = b << (left & 31)
          result = v
          testedAt = cycle
          break
        case 20: {
          // doubleBy
          const n = left & 63
          if (n === 0) v = b
          else if (n < 32) v = (b >>> n) | (a << (32 - n))
          else v = a >>> (n - 32)
          result = v
          testedAt = cycle
          break
        }
        case 21: // arithmeticBy
          v = shiftRightSigned(b, left & 31, result)
          result = v
          testedAt = cycle
          break
        case 22: // shift
          v = combine(a, b, ops[i + 6]!, ops[i + 7]!, left)
          result = v
          testedAt = cycle
          break
        case 23: {
          // field
          const mask = ops[i + 6]!
          const n = ops[i + 7]!
          v = (a & ~mask) | ((n === 0 ? b : (b >>> n) | (b << (32 - n))) & mask)
          break
        }
        case 24: {
          // fieldRight
          const mask = ops[i + 6]!
          v = (a & ~mask) | ((b >>> ops[i + 7]!) & mask)
          break
        }
        case 25: {
          // fieldLeft
          const mask = ops[i + 6]!
          v = (a & ~mask) | ((b << ops[i + 7]!) & mask)
          break
        }
        case 26: // immed
          v = ops[i + 6]!
          break
        case 27: // immedPart
          v = (a & ops[i + 7]!) | ops[i + 6]!
          break
        case 28: // immedCsr
          v = this.#csrRead ? this.#csr : ops[i + 6]!
          this.#csrRead = false
          break
        case 29: // mulStart
          this.#low = 0
          this.#high = 0
          pc++
          continue
        case 30: // mulStep
          this.#multiply(a, b, ops[i + 6]!)
          pc++
          continue
        case 31: // mulLast
          v = this.#low
          break
        case 32: // mulLast2
          v = this.#high
          break
        case 33: // br
        case 34: // beq
        case 35: // bne
        case 36: // bmi
        case 37: // bhs
        case 38: // blo
        case 39: // bge
        case 40: // blt
        case 41: // brBit
        case 42: {
          // rtn
          const op = ops[i]!
          let to = ops[i + 6]!
          let defer = ops[i + 7]!
          let taken = true
          let lost = jumpBubbles
          if (op !== 33 && op < 41) {
            taken =
              op === 34
                ? result === 0
                : op === 35
                  ? result !== 0
                  : op === 36
                    ? result < 0
                    : op === 37
                      ? carry !== 0
                      : op === 38
                        ? carry === 0
                        : op === 39
                          ? result >>> 31 === overflow
                          : result >>> 31 !== overflow
            lost = testedAt === cycle - 1 ? branchBubbles : branchEarlyBubbles
          } else if (op === 41) {
            taken = ((a >>> ((defer >>> 2) & 31)) & 1) === defer >>> 7
            lost = branchBubbles
            defer &= 3
          } else if (op === 42) to = (a + to) & 0x3fff
          if (!taken) {
            pc++
            continue
          }
          if (dueAt >= 0) {
            fault = F.FAULT_BRANCH_IN_DEFER
            break
          }
          if (cycle > cycleLimit) {
            fault = F.FAULT_RUNAWAY
            break
          }
          lost = lost > defer ? lost - defer : 0
          bubbles[pc]! += lost
          cycle += lost
          if (defer === 0) pc = to - base
          else {
            dueWord = to
            dueAt = pc + 1 + defer
            pc++
          }
          continue
        }
        case 43: // csrRead
          fault = this.#readCsr(ops[i + 6]!, cycle)
          if (fault !== 0) break
          pc++
          continue
        case 44: // csrWrite
          fault = this.#writeCsr(ops[i + 6]!, a, cycle)
          if (fault !== 0) break
          pc++
          continue
        case 45: {
          // command
          const thread = (ops[i + 7]! >>> M.CMD_CTX_SHIFT) & 3
          if (thread === 3) {
            if (port.command(ops[i + 6]!, ops[i + 7]!, a, b, previous) < 0) {
              fault = port.fault
              break
            }
            pc++
            continue
          }
          if (dueAt >= 0) {
            fault = F.FAULT_BRANCH_IN_DEFER
            break
          }
          const lost = swapBubbles > thread ? swapBubbles - thread : 0
          bubbles[pc]! += lost
          cycle += lost
          dueWord = ~pc
          dueA = a
          dueB = b
          duePrevious = previous
          dueAt = pc + 1 + thread
          pc++
          continue
        }
        default:
          fault = F.FAULT_INVALID_WORD
      }
      if (fault !== 0) break
      r[ops[i + 3]!] = v
      r[ops[i + 4]!] = v
      previous = v
      if ((flags & M.FLAG_DST) !== 0 && !local.store(flags, v, cycle)) {
        fault = F.FAULT_LOCAL_MEMORY
        break
      }
      pc++
    }
    trace.issue += cycle - segment
    this.cycle = cycle
    this.address = (pc + base) & 0xffff
    this.#result = result
    this.#carry = carry
    this.#overflow = overflow
    this.#left = left
    this.#previous = previous
    return fault
  }

  /** Adds left times one byte of right (the one at bit `shift`) to the product. */
  #multiply(left: number, right: number, shift: number): void {
    const byte = (right >>> shift) & 0xff
    const product = (left >>> 0) * byte
    const low = Math.imul(left, byte)
    const high = Math.floor(product / 0x1_0000_0000)
    const addLow = low << shift
    const addHigh = shift === 0 ? high : (high << shift) | (low >>> (32 - shift))
    const sum = (this.#low + addLow) | 0
    const carry = sum >>> 0 < addLow >>> 0 ? 1 : 0
    this.#low = sum
    this.#high = (this.#high + addHigh + carry) | 0
  }

  #readCsr(csr: number, cycle: number): number {
    const k = LM_CSRS.indexOf(csr)
    if (k >= 0) this.#csr = this.local.current(k, cycle)
    else if (csr === CSR.CTX_PTR) this.#csr = this.context
    else if (csr === CSR.PSEUDO_RND_NUM) this.#csr = this.nextRandom()
    else return F.FAULT_REGISTER
    this.#csrRead = true
    return 0
  }

  #writeCsr(csr: number, value: number, cycle: number): number {
    const k = LM_CSRS.indexOf(csr)
    if (k >= 0) this.local.write(k, value, cycle)
    else if (csr === CSR.PSEUDO_RND_NUM) this.random = value | 0 || 1
    else return F.FAULT_REGISTER
    return 0
  }

  /** The pseudo-random register moves on with each reading: a xorshift, since the silicon's polynomial is not public. */
  nextRandom(): number {
    this.random = nextChance(this.random)
    return this.random
  }
}

/** Right shift that fills with the sign of another value. */
function shiftRightSigned(value: number, amount: number, sign: number): number {
  if (amount === 0) return value
  return (value >>> amount) | (sign < 0 ? -1 << (32 - amount) : 0)
}

/** A shift joined to the left operand by `and` or `or`. */
function combine(a: number, b: number, amount: number, how: number, left: number): number {
  const n = (how & 32) !== 0 ? left & 31 : amount
  const kind = how & 3
  let shifted = b
  if (kind === 1) shifted = b >>> n
  else if (kind === 2) shifted = b << n
  else if (n !== 0) shifted = (b >>> n) | ((kind === 3 ? a : b) << (32 - n))
  return ((how >>> 2) & 7) === 2 ? a & shifted : a | shifted
}
