// The interpreter's loop. Opcodes are literal numbers (RFC 9669) because only then does the engine make a jump table of the switch;
// the source bit of arithmetic and jumps is gone (code.ts), the operand stands in (sl, sh). A 32-bit result clears the high half.

import { atomic } from './atomic.ts'
import { CALL_KFUNC, type Code, IMMEDIATE } from './code.ts'
import { loadPacket, storedContext } from './context.ts'
import { helperTable } from './helper-table.ts'
import { kfuncTable } from './kfunc-table.ts'
import { FRAME_BYTES, FRAMES, MAY_GOTO_LIMIT, type Machine, SAVED_WORDS } from './machine.ts'
import * as wide from './wide.ts'

/** Linux's MAX_TAIL_CALL_CNT. */
const TAIL_CALL_LIMIT = 33

/** Runs from instruction `start` until the frame that it starts in is left; the answer is in r0. Throws GuestFault. */
export function execute(m: Machine, entry: Code, start: number): void {
  const { lo, hi } = m
  const { u8, i8, u16, i16, i32, view } = m.memory
  const floor = m.depth
  // Only a __sk_buff has fields that keep less than what is stored.
  const contextStart = m.skb ? m.context : Number.POSITIVE_INFINITY
  const contextEnd = m.context + m.contextBytes
  let code = entry
  let { op, dst, src, off, target, imm, immHigh } = code
  let pc = start
  let budget = m.budget
  // The live region of the last access; asked again after anything that may change it.
  let from = 0
  let to = 0

  try {
    for (;;) {
      if (--budget < 0) {
        m.code = code
        m.pc = pc
        throw m.fault('host/budget', 'the instruction budget is used up')
      }
      const d = dst[pc]!
      const s = src[pc]!
      let sl: number
      let sh: number
      if (s === IMMEDIATE) {
        sl = imm[pc]!
        sh = sl >> 31
      } else {
        sl = lo[s]!
        sh = hi[s]!
      }

      switch (op[pc]) {
        // 64-bit arithmetic
        case 0x07: {
          const sum = (lo[d]! >>> 0) + (sl >>> 0)
          lo[d] = sum
          hi[d] = hi[d]! + sh + (sum > 0xffffffff ? 1 : 0)
          break
        }
        case 0x17: {
          const low = lo[d]!
          lo[d] = low - sl
          hi[d] = hi[d]! - sh - (low >>> 0 < sl >>> 0 ? 1 : 0)
          break
        }
        case 0x27:
          wide.mul(lo, hi, d, sl, sh)
          break
        case 0x37:
          wide.div(lo, hi, d, sl, sh)
          break
        case 0x137:
          wide.sdiv(lo, hi, d, sl, sh)
          break
        case 0x47:
          lo[d] = lo[d]! | sl
          hi[d] = hi[d]! | sh
          break
        case 0x57:
          lo[d] = lo[d]! & sl
          hi[d] = hi[d]! & sh
          break
        case 0x67:
          wide.shl(lo, hi, d, sl)
          break
        case 0x77:
          wide.shr(lo, hi, d, sl)
          break
        case 0x87: {
          const low = lo[d]!
          lo[d] = -low
          hi[d] = ~hi[d]! + (low === 0 ? 1 : 0)
          break
        }
        case 0x97:
          wide.mod(lo, hi, d, sl, sh)
          break
        case 0x197:
          wide.smod(lo, hi, d, sl, sh)
          break
        case 0xa7:
          lo[d] = lo[d]! ^ sl
          hi[d] = hi[d]! ^ sh
          break
        case 0xb7:
          lo[d] = sl
          hi[d] = sh
          break
        case 0x1b7: {
          const value = off[pc] === 8 ? (sl << 24) >> 24 : off[pc] === 16 ? (sl << 16) >> 16 : sl
          lo[d] = value
          hi[d] = value >> 31
          break
        }
        case 0xc7:
          wide.sar(lo, hi, d, sl)
          break

        // 32-bit arithmetic
        case 0x04:
          lo[d] = lo[d]! + sl
          hi[d] = 0
          break
        case 0x14:
          lo[d] = lo[d]! - sl
          hi[d] = 0
          break
        case 0x24:
          lo[d] = Math.imul(lo[d]!, sl)
          hi[d] = 0
          break
        case 0x34:
          lo[d] = sl === 0 ? 0 : (lo[d]! >>> 0) / (sl >>> 0)
          hi[d] = 0
          break
        case 0x134:
          lo[d] = sl === 0 ? 0 : lo[d]! / sl
          hi[d] = 0
          break
        case 0x44:
          lo[d] = lo[d]! | sl
          hi[d] = 0
          break
        case 0x54:
          lo[d] = lo[d]! & sl
          hi[d] = 0
          break
        case 0x64:
          lo[d] = lo[d]! << sl
          hi[d] = 0
          break
        case 0x74:
          lo[d] = lo[d]! >>> sl
          hi[d] = 0
          break
        case 0x84:
          lo[d] = -lo[d]!
          hi[d] = 0
          break
        case 0x94:
          if (sl !== 0) lo[d] = (lo[d]! >>> 0) % (sl >>> 0)
          hi[d] = 0
          break
        case 0x194:
          if (sl !== 0) lo[d] = lo[d]! % sl
          hi[d] = 0
          break
        case 0xa4:
          lo[d] = lo[d]! ^ sl
          hi[d] = 0
          break
        case 0xb4:
          lo[d] = sl
          hi[d] = 0
          break
        case 0x1b4:
          lo[d] = off[pc] === 8 ? (sl << 24) >> 24 : (sl << 16) >> 16
          hi[d] = 0
          break
        case 0xc4:
          lo[d] = lo[d]! >> sl
          hi[d] = 0
          break

        // Byte order: to little endian, to big endian, swap
        case 0xd4:
          wide.truncate(lo, hi, d, imm[pc]!)
          break
        case 0xdc:
        case 0xd7:
          wide.swap(lo, hi, d, imm[pc]!)
          break

        case 0x18:
          lo[d] = imm[pc]!
          hi[d] = immHigh[pc]!
          pc += 2
          continue

        // Loads
        case 0x61: {
          const at = (sl >>> 0) + off[pc]!
          if (sh !== 0 || at < from || at + 4 > to) {
            m.reach(code, pc, at, sh, 4)
            from = m.regionStart
            to = m.regionEnd
          }
          lo[d] = (at & 3) === 0 ? i32[at >>> 2]! : view.getInt32(at, true)
          hi[d] = 0
          break
        }
        case 0x69: {
          const at = (sl >>> 0) + off[pc]!
          if (sh !== 0 || at < from || at + 2 > to) {
            m.reach(code, pc, at, sh, 2)
            from = m.regionStart
            to = m.regionEnd
          }
          lo[d] = (at & 1) === 0 ? u16[at >>> 1]! : view.getUint16(at, true)
          hi[d] = 0
          break
        }
        case 0x71: {
          const at = (sl >>> 0) + off[pc]!
          if (sh !== 0 || at < from || at + 1 > to) {
            m.reach(code, pc, at, sh, 1)
            from = m.regionStart
            to = m.regionEnd
          }
          lo[d] = u8[at]!
          hi[d] = 0
          break
        }
        case 0x79: {
          const at = (sl >>> 0) + off[pc]!
          if (sh !== 0 || at < from || at + 8 > to) {
            m.reach(code, pc, at, sh, 8)
            from = m.regionStart
            to = m.regionEnd
          }
          if ((at & 3) === 0) {
            lo[d] = i32[at >>> 2]!
            hi[d] = i32[(at >>> 2) + 1]!
          } else {
            lo[d] = view.getInt32(at, true)
            hi[d] = view.getInt32(at + 4, true)
          }
          break
        }
        case 0x81: {
          const at = (sl >>> 0) + off[pc]!
          m.reach(code, pc, at, sh, 4)
          lo[d] = view.getInt32(at, true)
          hi[d] = lo[d]! >> 31
          break
        }
        case 0x89: {
          const at = (sl >>> 0) + off[pc]!
          m.reach(code, pc, at, sh, 2)
          lo[d] = (at & 1) === 0 ? i16[at >>> 1]! : view.getInt16(at, true)
          hi[d] = lo[d]! >> 31
          break
        }
        case 0x91: {
          const at = (sl >>> 0) + off[pc]!
          m.reach(code, pc, at, sh, 1)
          lo[d] = i8[at]!
          hi[d] = lo[d]! >> 31
          break
        }

        // Stores: of an immediate (class 2) and of a register (class 3)
        case 0x62:
        case 0x63: {
          const at = (lo[d]! >>> 0) + off[pc]!
          if (hi[d] !== 0 || at < from || at + 4 > to) {
            m.reach(code, pc, at, hi[d]!, 4)
            from = m.regionStart
            to = m.regionEnd
          }
          if ((at & 3) === 0) i32[at >>> 2] = sl
          else view.setInt32(at, sl, true)
          if (at >= contextStart && at < contextEnd) storedContext(m, at)
          break
        }
        case 0x6a:
        case 0x6b: {
          const at = (lo[d]! >>> 0) + off[pc]!
          if (hi[d] !== 0 || at < from || at + 2 > to) {
            m.reach(code, pc, at, hi[d]!, 2)
            from = m.regionStart
            to = m.regionEnd
          }
          if ((at & 1) === 0) u16[at >>> 1] = sl
          else view.setUint16(at, sl, true)
          if (at >= contextStart && at < contextEnd) storedContext(m, at)
          break
        }
        case 0x72:
        case 0x73: {
          const at = (lo[d]! >>> 0) + off[pc]!
          if (hi[d] !== 0 || at < from || at + 1 > to) {
            m.reach(code, pc, at, hi[d]!, 1)
            from = m.regionStart
            to = m.regionEnd
          }
          u8[at] = sl
          if (at >= contextStart && at < contextEnd) storedContext(m, at)
          break
        }
        case 0x7a:
        case 0x7b: {
          const at = (lo[d]! >>> 0) + off[pc]!
          if (hi[d] !== 0 || at < from || at + 8 > to) {
            m.reach(code, pc, at, hi[d]!, 8)
            from = m.regionStart
            to = m.regionEnd
          }
          if ((at & 3) === 0) {
            i32[at >>> 2] = sl
            i32[(at >>> 2) + 1] = sh
          } else {
            view.setInt32(at, sl, true)
            view.setInt32(at + 4, sh, true)
          }
          if (at >= contextStart && at < contextEnd) storedContext(m, at)
          break
        }

        // Atomics of 4, 2, 1 and 8 bytes. A load reads from its source register's address.
        case 0xc3:
        case 0xcb:
        case 0xd3:
        case 0xdb: {
          const size = op[pc] === 0xc3 ? 4 : op[pc] === 0xdb ? 8 : op[pc] === 0xd3 ? 1 : 2
          const base = imm[pc] === 0x100 ? s : d
          const at = (lo[base]! >>> 0) + off[pc]!
          m.reach(code, pc, at, hi[base]!, size)
          if (!atomic(m, imm[pc]!, size, at, d, s)) {
            m.code = code
            m.pc = pc
            throw m.fault('host/insn', 'there is no such atomic operation')
          }
          break
        }

        // Packet loads of socket filters: beyond the packet they end the function with 0
        case 0x20:
        case 0x28:
        case 0x30:
        case 0x40:
        case 0x48:
        case 0x50: {
          const indirect = op[pc]! >= 0x40
          const size = (op[pc]! & 0x18) === 0 ? 4 : (op[pc]! & 0x18) === 8 ? 2 : 1
          const value = loadPacket(m, (imm[pc]! + (indirect ? sl : 0)) | 0, size)
          lo[0] = value
          hi[0] = 0
          if (value >= 0) break
          lo[0] = 0
          if (m.depth === floor) return
          pc = leave(m)
          code = m.savedCode[m.depth]!
          ;({ op, dst, src, off, target, imm, immHigh } = code)
          from = to = 0
          continue
        }

        // Jumps
        case 0x05:
          pc = target[pc]!
          continue
        case 0xe5:
          // may_goto: taken when the frame's rounds are used up.
          if (m.mayGoto > 0) m.mayGoto--
          else {
            pc = target[pc]!
            continue
          }
          break
        case 0x15:
          pc = lo[d] === sl && hi[d] === sh ? target[pc]! : pc + 1
          continue
        case 0x55:
          pc = lo[d] !== sl || hi[d] !== sh ? target[pc]! : pc + 1
          continue
        case 0x25:
          pc = (hi[d] === sh ? lo[d]! >>> 0 > sl >>> 0 : hi[d]! >>> 0 > sh >>> 0) ? target[pc]! : pc + 1
          continue
        case 0x35:
          pc = (hi[d] === sh ? lo[d]! >>> 0 >= sl >>> 0 : hi[d]! >>> 0 > sh >>> 0) ? target[pc]! : pc + 1
          continue
        case 0xa5:
          pc = (hi[d] === sh ? lo[d]! >>> 0 < sl >>> 0 : hi[d]! >>> 0 < sh >>> 0) ? target[pc]! : pc + 1
          continue
        case 0xb5:
          pc = (hi[d] === sh ? lo[d]! >>> 0 <= sl >>> 0 : hi[d]! >>> 0 < sh >>> 0) ? target[pc]! : pc + 1
          continue
        case 0x45:
          pc = ((lo[d]! & sl) | (hi[d]! & sh)) !== 0 ? target[pc]! : pc + 1
          continue
        case 0x65:
          pc = (hi[d] === sh ? lo[d]! >>> 0 > sl >>> 0 : hi[d]! > sh) ? target[pc]! : pc + 1
          continue
        case 0x75:
          pc = (hi[d] === sh ? lo[d]! >>> 0 >= sl >>> 0 : hi[d]! > sh) ? target[pc]! : pc + 1
          continue
        case 0xc5:
          pc = (hi[d] === sh ? lo[d]! >>> 0 < sl >>> 0 : hi[d]! < sh) ? target[pc]! : pc + 1
          continue
        case 0xd5:
          pc = (hi[d] === sh ? lo[d]! >>> 0 <= sl >>> 0 : hi[d]! < sh) ? target[pc]! : pc + 1
          continue

        case 0x16:
          pc = lo[d] === sl ? target[pc]! : pc + 1
          continue
        case 0x56:
          pc = lo[d] !== sl ? target[pc]! : pc + 1
          continue
        case 0x26:
          pc = lo[d]! >>> 0 > sl >>> 0 ? target[pc]! : pc + 1
          continue
        case 0x36:
          pc = lo[d]! >>> 0 >= sl >>> 0 ? target[pc]! : pc + 1
          continue
        case 0xa6:
          pc = lo[d]! >>> 0 < sl >>> 0 ? target[pc]! : pc + 1
          continue
        case 0xb6:
          pc = lo[d]! >>> 0 <= sl >>> 0 ? target[pc]! : pc + 1
          continue
        case 0x46:
          pc = (lo[d]! & sl) !== 0 ? target[pc]! : pc + 1
          continue
        case 0x66:
          pc = lo[d]! > sl ? target[pc]! : pc + 1
          continue
        case 0x76:
          pc = lo[d]! >= sl ? target[pc]! : pc + 1
          continue
        case 0xc6:
          pc = lo[d]! < sl ? target[pc]! : pc + 1
          continue
        case 0xd6:
          pc = lo[d]! <= sl ? target[pc]! : pc + 1
          continue

        // Calls: of a helper, a function of the program, a kernel function
        case 0x85:
        case CALL_KFUNC: {
          m.code = code
          m.pc = pc
          from = to = 0
          if (op[pc] === 0x85 && imm[pc] === 12) {
            const next = tailCall(m)
            if (next === undefined) break
            code = next
            ;({ op, dst, src, off, target, imm, immHigh } = code)
            pc = 0
            continue
          }
          const name = op[pc] === 0x85 ? '' : (code.kfuncs.get(pc) ?? '?')
          const helper = name === '' ? helperTable[imm[pc]!] : kfuncTable.get(name)
          if (helper === undefined) throw m.fault('host/helper', `${name || `helper ${imm[pc]}`} is not available here`)
          m.budget = budget
          helper(m)
          budget = m.budget
          break
        }
        case 0x185:
          m.code = code
          m.pc = pc
          enter(m, code, pc + 1)
          from = to = 0
          pc = target[pc]!
          continue
        case 0x95:
          if (m.depth === floor) return
          pc = leave(m)
          code = m.savedCode[m.depth]!
          ;({ op, dst, src, off, target, imm, immHigh } = code)
          from = to = 0
          continue

        default:
          m.code = code
          m.pc = pc
          throw m.fault('host/insn', 'there is no such instruction')
      }
      pc++
    }
  } finally {
    m.budget = budget
  }
}

/** Opens a frame: r6 to r10 are the caller's, and come back when it is left. */
function enter(m: Machine, code: Code, next: number): void {
  if (m.depth + 1 >= FRAMES) throw m.fault('host/stack', `more than ${FRAMES} frames`)
  const { lo, hi, saved } = m
  const at = m.depth * SAVED_WORDS
  for (let r = 0; r < 4; r++) {
    saved[at + r] = lo[6 + r]!
    saved[at + 4 + r] = hi[6 + r]!
  }
  saved[at + 8] = lo[10]!
  saved[at + 9] = next
  saved[at + 10] = m.mayGoto
  m.savedCode[m.depth] = code
  m.depth++
  if (m.depth > m.deepest) m.deepest = m.depth
  m.mayGoto = MAY_GOTO_LIMIT
  lo[10] = lo[10]! - FRAME_BYTES
}

/** Leaves a frame; gives the instruction to go on with. */
function leave(m: Machine): number {
  const { lo, hi, saved } = m
  m.depth--
  const at = m.depth * SAVED_WORDS
  for (let r = 0; r < 4; r++) {
    lo[6 + r] = saved[at + r]!
    hi[6 + r] = saved[at + 4 + r]!
  }
  lo[10] = saved[at + 8]!
  m.mayGoto = saved[at + 10]!
  return saved[at + 9]!
}

/** The program to go on with, undefined when the call does nothing: no such slot, an empty one, or too many calls. */
function tailCall(m: Machine): Code | undefined {
  const map = m.map(2)
  const index = m.lo[3]! >>> 0
  if (index >= map.maxEntries || m.tailCalls >= TAIL_CALL_LIMIT) return undefined
  const handle = m.memory.u32[(map.elements + index * map.stride) >>> 2]!
  if (handle === 0) return undefined
  const next = m.programs.get(handle)
  if (next === undefined) throw m.fault('host/helper', `the program array names program ${handle}, which there is none`)
  m.tailCalls++
  m.mayGoto = MAY_GOTO_LIMIT
  return next
}

/** Calls a function of the running program for a helper; r1 to r3 as given, the answer is r0's low half. */
export function callBack(m: Machine, code: Code, start: number, r1: number, r2: number, r3: number): number {
  const pc = m.pc
  enter(m, code, pc)
  m.setRegister(1, r1)
  m.setRegister(2, r2)
  m.setRegister(3, r3)
  execute(m, code, start)
  leave(m)
  m.code = code
  m.pc = pc
  return m.lo[0]!
}
