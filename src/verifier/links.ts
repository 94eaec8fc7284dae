// Registers with the same value: scalars that were copied have the same id (perhaps plus a constant), and what a jump teaches of one holds
// for all. Those that are live at the jump are noted in the jump history, at most six.

import { syncLinked } from './branch.ts'
import type { Env } from './env.ts'
import { BPF_ADD_CONST, R_ID, R_OFF, R_TYPE, REG_WORDS, SCALAR_VALUE, SLOT_WORDS } from './reg.ts'
import { isSpilled, type State } from './state.ts'

const LINKED_REGS_MAX = 6

// Each: frame in bits 0-2, bit 3 set for a register, its number or the slot's from bit 4 on.
const links = new Int32Array(LINKED_REGS_MAX)
let count = 0

export function clearLinks(): void {
  count = 0
}

export function linkCount(): number {
  return count
}

/** The packed entries 3n to 3n+2, ten bits each. */
export function packedLinks(n: number): number {
  let word = 0
  for (let k = 3 * n; k < 3 * n + 3 && k < count; k++) word |= links[k]! << ((k - 3 * n) * 10)
  return word
}

/** Instruction at which a frame of a state stands. */
export function frameInsn(state: State, f: number): number {
  return f === state.curframe ? state.insn : state.frames[f + 1]!.callsite
}

/**
 * `collect_linked_regs`: one that finds no place loses its id. Of two registers with one id that are compared, all that share it are
 * collected twice, as in Linux.
 */
export function collectLinks(env: Env, state: State, id: number): void {
  const base = id & ~BPF_ADD_CONST
  for (let f = state.curframe; f >= 0; f--) {
    const frame = state.frames[f]!
    const live = env.liveRegs[frameInsn(state, f)]!
    for (let n = 0; n < 10; n++) if ((live & (1 << n)) !== 0) collect(frame.regs, n * REG_WORDS, base, f | 8 | (n << 4))
    for (let s = 0; s < frame.allocated >> 3; s++) {
      if (isSpilled(frame.stack, s * SLOT_WORDS)) collect(frame.stack, s * SLOT_WORDS, base, f | (s << 4))
    }
  }
}

function collect(r: Int32Array, i: number, id: number, link: number): void {
  if (r[i + R_TYPE] !== SCALAR_VALUE || (r[i + R_ID]! & ~BPF_ADD_CONST) !== id) return
  if (count === LINKED_REGS_MAX) {
    r[i + R_ID] = 0
    r[i + R_OFF] = 0
    return
  }
  links[count++] = link
}

/** `sync_linked_regs`: the collected registers of a state learn what is known of one of them. */
export function syncLinks(state: State, known: Int32Array, k: number): void {
  const id = known[k + R_ID]! & ~BPF_ADD_CONST
  for (let n = 0; n < count; n++) {
    const link = links[n]!
    const frame = state.frames[link & 7]!
    const isReg = (link & 8) !== 0
    const r = isReg ? frame.regs : frame.stack
    const i = (link >>> 4) * (isReg ? REG_WORDS : SLOT_WORDS)
    if (r[i + R_TYPE] !== SCALAR_VALUE || (r === known && i === k)) continue
    if ((r[i + R_ID]! & ~BPF_ADD_CONST) !== id) continue
    syncLinked(r, i, known, k)
  }
}
