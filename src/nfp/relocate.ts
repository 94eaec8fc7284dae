// From the words that translation gives (relocation type in the top byte, no ECC) to the words that a card's control store takes: the
// driver does it at attach, for each vNIC, because the start of the program and the jump targets are the firmware's.

import { type Code, EINVAL } from './code.ts'
import { withEcc } from './ecc.ts'
import { RELO, UNRELOCATED } from './insn-table.ts'
import { branchAddress, immedValue, setBranchAddress, setImmedValue } from './patch.ts'

/** Word numbers inside the program, from translation. Routines that the program doesn't have are 0. */
export interface Targets {
  readonly out: number
  readonly abort: number
  readonly pushRegs: number
  readonly popRegs: number
}

/** What the vNIC's registers and the firmware's capabilities say. */
export interface Placement {
  /** Control-store address of the program's first word. */
  readonly start: number
  /** Address to jump to when the packet is finished. */
  readonly done: number
  /** Addresses of the firmware's helper routines by BPF helper number. */
  readonly helpers: ReadonlyMap<number, number>
}

/** The helpers that the driver knows how to call. */
const CALLABLE: ReadonlySet<number> = new Set([1, 2, 3, 25])

/** Bits above the operation that must be clear before the ECC goes in: 46..55 (the driver's check lets bit 45 pass). */
const EXCESS = 0x00ff_c000

/**
 * Relocates in place and adds the ECC. Gives 0, or a positive errno when a word can't be relocated; the code is spoilt then.
 */
export function relocate(code: Code, targets: Targets, placement: Placement): number {
  const { start, done } = placement
  for (let i = 0; i < code.count; i++) {
    const type = code.hi[i]! >>> 24
    if (type !== RELO.NONE) {
      switch (type) {
        case RELO.REL:
          setBranchAddress(code, i, branchAddress(code, i) + start)
          break
        case RELO.GO_OUT:
          setBranchAddress(code, i, targets.out + start)
          break
        case RELO.GO_ABORT:
          setBranchAddress(code, i, targets.abort + start)
          break
        case RELO.PUSH_REGS:
          if (targets.pushRegs === 0) return EINVAL
          setBranchAddress(code, i, targets.pushRegs + start)
          break
        case RELO.POP_REGS:
          if (targets.popRegs === 0) return EINVAL
          setBranchAddress(code, i, targets.popRegs + start)
          break
        case RELO.NEXT_PKT:
          setBranchAddress(code, i, done)
          break
        case RELO.HELPER: {
          const id = branchAddress(code, i) - UNRELOCATED
          if (!CALLABLE.has(id)) return EINVAL
          setBranchAddress(code, i, placement.helpers.get(id) ?? 0)
          break
        }
        case RELO.IMMED_REL:
          setImmedValue(code, i, immedValue(code, i) + start)
          break
        default:
          return EINVAL
      }
      code.hi[i] = code.hi[i]! & 0x00ff_ffff
    }
    if ((code.hi[i]! & EXCESS) !== 0) return EINVAL
    code.hi[i] = withEcc(code.lo[i]!, code.hi[i]!)
  }
  return 0
}

/** A copy, for relocating one translation to several vNICs. */
export function copyCode(from: Code, to: Code): void {
  to.clear()
  for (let i = 0; i < from.count; i++) to.push(from.lo[i]!, from.hi[i]!)
}
