// Is a path covered by a checkpoint that was explored before? It is if everything that the checkpoint's exploration relied on holds for the
// path too: exact types, ranges inside ranges where precision was needed, and ids that correspond one to one.

import type { Env } from './env.ts'
import { frameInsn } from './links.ts'
import {
  BPF_ADD_CONST,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BUF,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
  R_AUX,
  R_BTF,
  R_BTF_ID,
  R_FRAME,
  R_ID,
  R_MAP,
  R_OFF,
  R_PRECISE,
  R_RANGE,
  R_REF_ID,
  R_S32_MAX,
  R_S32_MIN,
  R_SMAX,
  R_SMIN,
  R_TYPE,
  R_U32_MAX,
  R_U32_MIN,
  R_UMAX,
  R_UMIN,
  R_VALUE,
  REF_TYPE_LOCK,
  REF_TYPE_RES_LOCK,
  REF_TYPE_RES_LOCK_IRQ,
  REG_WORDS,
  SCALAR_VALUE,
  SLOT_WORDS,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  setUnknown,
  slotType,
  TYPE_BASE_MASK,
} from './reg.ts'
import { speculationOf } from './speculation.ts'
import { type Frame, REF_ID, REF_PTR, REF_TYPE, REF_WORDS, type State } from './state.ts'
import { tnumIn } from './tnum.ts'

/** How alike: scalars that nothing relied on may differ; all ranges must be inside; everything must be the same. */
export const NOT_EXACT = 0
export const RANGE_WITHIN = 1
export const EXACT = 2

// Ids of the checkpoint and those of the path that they correspond to. Temporary ids stand for scalars without one.
const oldIds = new Int32Array(1024)
const newIds = new Int32Array(1024)
let idCount = 0
let temporary = 0
/** Unprivileged: masks depend on unknown scalars, so scalars are compared to the letter. */
let strict = false

function startIds(env: Env): void {
  strict = speculationOf(env)?.exact === true
  idCount = 0
  temporary = env.nextId
}

function sameId(a: number, b: number): boolean {
  if ((a === 0) !== (b === 0)) return false
  if (a === 0) return true
  for (let i = 0; i < idCount; i++) {
    if (oldIds[i] === a) return newIds[i] === b
    if (newIds[i] === b) return false
  }
  if (idCount === oldIds.length) return false
  oldIds[idCount] = a
  newIds[idCount++] = b
  return true
}

function sameScalarId(a: number, b: number): boolean {
  return sameId(a === 0 ? ++temporary : a, b === 0 ? ++temporary : b)
}

// Type, offset and what the type is about.
function sameKind(a: Int32Array, i: number, b: Int32Array, j: number): boolean {
  return (
    a[i + R_TYPE] === b[j + R_TYPE] &&
    a[i + R_OFF] === b[j + R_OFF] &&
    a[i + R_RANGE] === b[j + R_RANGE] &&
    a[i + R_MAP] === b[j + R_MAP] &&
    a[i + R_BTF] === b[j + R_BTF] &&
    a[i + R_BTF_ID] === b[j + R_BTF_ID] &&
    a[i + R_AUX] === b[j + R_AUX]
  )
}

function sameBounds(a: Int32Array, i: number, b: Int32Array, j: number): boolean {
  for (let w = R_VALUE; w < REG_WORDS; w++) if (a[i + w] !== b[j + w]) return false
  return true
}

function sameExactly(a: Int32Array, i: number, b: Int32Array, j: number): boolean {
  if (!sameKind(a, i, b, j)) return false
  for (let w = R_VALUE; w < REG_WORDS; w++) if (a[i + w] !== b[j + w]) return false
  return sameId(a[i + R_ID]!, b[j + R_ID]!) && sameId(a[i + R_REF_ID]!, b[j + R_REF_ID]!)
}

// a <= b for the 64-bit quantities at two words; `sign` is the sign bit to flip for signed ones.
function atMost(a: Int32Array, p: number, b: Int32Array, q: number, sign: number): boolean {
  const ah = (a[p + 1]! ^ sign) >>> 0
  const bh = (b[q + 1]! ^ sign) >>> 0
  return ah === bh ? a[p]! >>> 0 <= b[q]! >>> 0 : ah < bh
}

const SIGN = -0x80000000

function rangeWithin(a: Int32Array, i: number, b: Int32Array, j: number): boolean {
  return (
    atMost(a, i + R_UMIN, b, j + R_UMIN, 0) &&
    atMost(b, j + R_UMAX, a, i + R_UMAX, 0) &&
    atMost(a, i + R_SMIN, b, j + R_SMIN, SIGN) &&
    atMost(b, j + R_SMAX, a, i + R_SMAX, SIGN) &&
    a[i + R_U32_MIN]! >>> 0 <= b[j + R_U32_MIN]! >>> 0 &&
    a[i + R_U32_MAX]! >>> 0 >= b[j + R_U32_MAX]! >>> 0 &&
    a[i + R_S32_MIN]! <= b[j + R_S32_MIN]! &&
    a[i + R_S32_MAX]! >= b[j + R_S32_MAX]!
  )
}

function within(a: Int32Array, i: number, b: Int32Array, j: number): boolean {
  return rangeWithin(a, i, b, j) && tnumIn(a, i + R_VALUE, b, j + R_VALUE)
}

/** `regsafe`: the old register `a` covers the current one `b`. */
function regSafe(a: Int32Array, i: number, b: Int32Array, j: number, exact: number): boolean {
  if (exact === EXACT) return sameExactly(a, i, b, j)
  const type = a[i + R_TYPE]!
  if (type === NOT_INIT && (exact === NOT_EXACT || b[j + R_TYPE] === NOT_INIT)) return true
  if (type !== b[j + R_TYPE]) return false
  switch (type & TYPE_BASE_MASK) {
    case SCALAR_VALUE: {
      if (strict) return sameKind(a, i, b, j) && sameBounds(a, i, b, j) && sameScalarId(a[i + R_ID]!, b[j + R_ID]!)
      if (a[i + R_PRECISE] === 0 && exact === NOT_EXACT) return true
      const id = a[i + R_ID]!
      // A value that nothing was linked to may be linked to anything.
      if (id !== 0) {
        if (((id ^ b[j + R_ID]!) & BPF_ADD_CONST) !== 0) return false
        if ((id & BPF_ADD_CONST) !== 0 && a[i + R_OFF] !== b[j + R_OFF]) return false
        if (!sameScalarId(id, b[j + R_ID]!)) return false
        // Of two that are something plus a constant, it must be the same something for all.
        if ((id & BPF_ADD_CONST) !== 0 && !sameId(id & ~BPF_ADD_CONST, b[j + R_ID]! & ~BPF_ADD_CONST)) return false
      }
      return within(a, i, b, j)
    }
    case PTR_TO_MAP_KEY:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MEM:
    case PTR_TO_BUF:
    case PTR_TO_TP_BUFFER:
      return (
        sameKind(a, i, b, j) &&
        within(a, i, b, j) &&
        sameId(a[i + R_ID]!, b[j + R_ID]!) &&
        sameId(a[i + R_REF_ID]!, b[j + R_REF_ID]!)
      )
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET: {
      const oldRange = a[i + R_RANGE]!
      const newRange = b[j + R_RANGE]!
      if (oldRange < 0 || newRange < 0 ? oldRange !== newRange : oldRange > newRange) return false
      return a[i + R_OFF] === b[j + R_OFF] && sameId(a[i + R_ID]!, b[j + R_ID]!) && within(a, i, b, j)
    }
    case PTR_TO_STACK:
      return sameExactly(a, i, b, j) && a[i + R_FRAME] === b[j + R_FRAME]
    case PTR_TO_ARENA:
      return true
    default:
      return sameExactly(a, i, b, j)
  }
}

// A slot of which nothing is known, as a scalar.
const anything = new Int32Array(SLOT_WORDS)
setUnknown(anything, 0)

function isAllMisc(env: Env, stack: Int32Array, s: number): boolean {
  for (let j = 0; j < 8; j++) {
    const type = slotType(stack, s, j)
    if (type !== STACK_MISC && !(type === STACK_INVALID && env.privileged)) return false
  }
  return true
}

// Whether a slot can be seen as a 64-bit scalar: 1 as what was spilled, 2 as an unknown one.
function scalarView(env: Env, stack: Int32Array, s: number): number {
  if (slotType(stack, s, 0) === STACK_SPILL) return stack[s + R_TYPE] === SCALAR_VALUE ? 1 : 0
  return isAllMisc(env, stack, s) ? 2 : 0
}

function stackSafe(env: Env, old: Frame, current: Frame, exact: number): boolean {
  const a = old.stack
  const b = current.stack
  for (let at = 0; at < old.allocated; at++) {
    const s = (at >> 3) * SLOT_WORDS
    const j = at & 7
    const missing = at >= current.allocated
    const type = slotType(a, s, j)
    if (exact === EXACT && (missing || type !== slotType(b, s, j))) return false
    if (type === STACK_INVALID) continue
    if (env.privileged && type === STACK_MISC) continue
    if (missing) return false
    const oldView = scalarView(env, a, s)
    const newView = scalarView(env, b, s)
    if (oldView !== 0 && newView !== 0) {
      if (
        !regSafe(oldView === 1 ? a : anything, oldView === 1 ? s : 0, newView === 1 ? b : anything, newView === 1 ? s : 0, exact)
      ) {
        return false
      }
      at |= 7
      continue
    }
    const other = slotType(b, s, j)
    // Misc bytes may as well be zero.
    if (type === STACK_MISC && other === STACK_ZERO) continue
    if (type !== other) return false
    if (j === 7 && !slotSafe(a, b, s, type, exact)) return false
  }
  return true
}

// The object in a slot, by the type of its lowest byte.
function slotSafe(a: Int32Array, b: Int32Array, s: number, type: number, exact: number): boolean {
  switch (type) {
    case STACK_SPILL:
      return regSafe(a, s, b, s, exact)
    case STACK_DYNPTR:
      return a[s + R_AUX] === b[s + R_AUX] && sameId(a[s + R_REF_ID]!, b[s + R_REF_ID]!)
    case STACK_ITER:
      // Its state counts, its depth does not: loops would never converge.
      return (
        a[s + R_BTF] === b[s + R_BTF] &&
        a[s + R_BTF_ID] === b[s + R_BTF_ID] &&
        (a[s + R_AUX]! & 3) === (b[s + R_AUX]! & 3) &&
        sameId(a[s + R_REF_ID]!, b[s + R_REF_ID]!)
      )
    case STACK_IRQ_FLAG:
      return sameId(a[s + R_REF_ID]!, b[s + R_REF_ID]!) && a[s + R_AUX] === b[s + R_AUX]
    default:
      return true
  }
}

const LOCKS = REF_TYPE_LOCK | REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ

function refsSafe(old: State, current: State): boolean {
  if (old.refCount !== current.refCount || old.activeLocks !== current.activeLocks) return false
  if (old.activePreemptLocks !== current.activePreemptLocks || old.activeRcuLocks !== current.activeRcuLocks) return false
  if (!sameId(old.activeIrqId, current.activeIrqId)) return false
  if (!sameId(old.activeLockId, current.activeLockId) || old.activeLockPtr !== current.activeLockPtr) return false
  for (let n = 0; n < old.refCount; n++) {
    const at = n * REF_WORDS
    const type = old.refs[at + REF_TYPE]!
    if (!sameId(old.refs[at + REF_ID]!, current.refs[at + REF_ID]!) || type !== current.refs[at + REF_TYPE]) return false
    if ((type & LOCKS) !== 0 && old.refs[at + REF_PTR] !== current.refs[at + REF_PTR]) return false
  }
  return true
}

/** `states_equal`: whether the checkpoint covers the current state. */
export function statesEqual(env: Env, old: State, current: State, exact: number): boolean {
  if (old.curframe !== current.curframe) return false
  if (old.speculative && !current.speculative) return false
  if (old.inSleepable !== current.inSleepable) return false
  startIds(env)
  if (!refsSafe(old, current)) return false
  for (let f = 0; f <= old.curframe; f++) {
    const a = old.frames[f]!
    const b = current.frames[f]!
    if (a.callsite !== b.callsite) return false
    if (a.callbackDepth > b.callbackDepth) return false
    const live = env.liveRegs[frameInsn(old, f)]!
    for (let n = 0; n < 11; n++) {
      if ((live & (1 << n)) !== 0 && !regSafe(a.regs, n * REG_WORDS, b.regs, n * REG_WORDS, exact)) return false
    }
    if (!stackSafe(env, a, b, exact)) return false
  }
  return true
}

/** Whether nothing at all differs between two registers, ids corresponding within one call of startComparison. */
export function regsExact(a: Int32Array, i: number, b: Int32Array, j: number): boolean {
  return sameExactly(a, i, b, j)
}

/** Begins a comparison with `regsExact`. */
export function startComparison(env: Env): void {
  startIds(env)
}

/** Whether a checkpoint that is still being explored looks like the current state at a glance. */
export function maybeLooping(old: State, current: State): boolean {
  if (old.curframe !== current.curframe) return false
  const a = old.frames[old.curframe]!.regs
  const b = current.frames[current.curframe]!.regs
  for (let n = 0; n < 11; n++) {
    const i = n * REG_WORDS
    for (let w = R_VALUE; w < REG_WORDS; w++) if (a[i + w] !== b[i + w]) return false
    if (!sameKind(a, i, b, i) || a[i + R_ID] !== b[i + R_ID] || a[i + R_REF_ID] !== b[i + R_REF_ID]) return false
  }
  return true
}
