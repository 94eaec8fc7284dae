// A state in the words of the verifier's log: one item a register or stack slot, each after a space. After an instruction only what it
// touched (the scratched registers and slots) is shown, on the instruction's own line where nothing came between.

import type { Env } from './env.ts'
import { hex64, snum, tnumPair, unum } from './print-number.ts'
import {
  BPF_ADD_CONST,
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  MAX_BPF_REG,
  NON_OWN_REF,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  R_AUX,
  R_BTF_ID,
  R_FRAME,
  R_ID,
  R_MAP,
  R_MASK,
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
  REG_WORDS,
  S_TYPES,
  SCALAR_VALUE,
  SLOT_WORDS,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_ITER,
  STACK_SPILL,
  slotType,
  TYPE_BASE_MASK,
} from './reg.ts'
import { regTypeName } from './reg-name.ts'
import { type Frame, REF_ID, REF_WORDS, type State } from './state.ts'

const SLOT_CHARS = '?rm0dif'

const names = ['smin', 'smax', 'umin', 'umax', 'smin32', 'smax32', 'umin32', 'umax32']
const lows = new Int32Array(8)
const highs = new Int32Array(8)
const omit = new Uint8Array(8)

function bound(n: number, lo: number, hi: number, isDefault: boolean): void {
  lows[n] = lo
  highs[n] = hi
  omit[n] = isDefault ? 1 : 0
}

// A 32-bit signed bound is shown with its sign when small, else as 32 bits.
function bound32(n: number, value: number, isDefault: boolean): void {
  bound(n, value, value >= -32768 && value <= 32767 ? value >> 31 : 0, isDefault)
}

// Bounds that are not the widest, each value once: `smin=umin=1`.
function ranges(r: Int32Array, i: number): string[] {
  const lo = (w: number): number => r[i + w]!
  const hi = (w: number): number => r[i + w + 1]!
  bound(0, lo(R_SMIN), hi(R_SMIN), lo(R_SMIN) === 0 && hi(R_SMIN) === -0x80000000)
  bound(1, lo(R_SMAX), hi(R_SMAX), lo(R_SMAX) === -1 && hi(R_SMAX) === 0x7fffffff)
  bound(2, lo(R_UMIN), hi(R_UMIN), (lo(R_UMIN) | hi(R_UMIN)) === 0)
  bound(3, lo(R_UMAX), hi(R_UMAX), (lo(R_UMAX) & hi(R_UMAX)) === -1)
  bound32(4, lo(R_S32_MIN), lo(R_S32_MIN) === -0x80000000)
  bound32(5, lo(R_S32_MAX), lo(R_S32_MAX) === 0x7fffffff)
  bound(6, lo(R_U32_MIN), 0, lo(R_U32_MIN) === 0)
  bound(7, lo(R_U32_MAX), 0, lo(R_U32_MAX) === -1)
  const out: string[] = []
  for (let a = 0; a < 8; a++) {
    if (omit[a] === 1) continue
    const signed = (a & 2) === 0
    const negative = signed && highs[a]! < 0
    let text = `${names[a]}=`
    for (let b = a + 2; b < 8; b += 2) {
      if (omit[b] === 1 || lows[b] !== lows[a] || highs[b] !== highs[a]) continue
      if (((b & 2) === 0 && highs[b]! < 0) !== negative) continue
      omit[b] = 1
      text += `${names[b]}=`
    }
    out.push(text + (signed ? snum(lows[a]!, highs[a]!) : unum(lows[a]!, highs[a]!)))
  }
  return out
}

/** One register's value, such as `map_value(ks=4,vs=8,off=4)`; `frameno` is that of the frame it is shown in. */
export function regText(env: Env, r: Int32Array, i: number, frameno: number): string {
  const type = r[i + R_TYPE]!
  const base = type & TYPE_BASE_MASK
  const known = (r[i + R_MASK]! | r[i + R_MASK + 1]!) === 0
  const valueLo = r[i + R_VALUE]!
  const valueHi = r[i + R_VALUE + 1]!
  if (type === SCALAR_VALUE) {
    const precise = r[i + R_PRECISE] !== 0 ? 'P' : ''
    if (known) return precise + snum(valueLo, valueHi)
    return `${precise}scalar(${fields(env, r, i, type, base).join(',')})`
  }
  let name = regTypeName(type)
  if (base === PTR_TO_ARENA) return name
  if (base === PTR_TO_STACK) {
    if (r[i + R_FRAME] !== frameno) name += `[${r[i + R_FRAME]}]`
    if (known) {
      const off = valueLo + r[i + R_OFF]!
      return name + snum(off | 0, (off | 0) >> 31)
    }
  }
  if (base === PTR_TO_BTF_ID) name += env.typeNames[r[i + R_BTF_ID]!] ?? ''
  return `${name}(${fields(env, r, i, type, base).join(',')})`
}

function fields(env: Env, r: Int32Array, i: number, type: number, base: number): string[] {
  const out: string[] = []
  const id = r[i + R_ID]!
  const off = r[i + R_OFF]!
  if (id !== 0) out.push(`id=${id & ~BPF_ADD_CONST}${(id & BPF_ADD_CONST) === 0 ? '' : off >= 0 ? `+${off}` : off}`)
  if (r[i + R_REF_ID] !== 0) out.push(`ref_obj_id=${r[i + R_REF_ID]}`)
  if ((type & NON_OWN_REF) !== 0) out.push('non_own_ref')
  if (base === CONST_PTR_TO_MAP || base === PTR_TO_MAP_KEY || base === PTR_TO_MAP_VALUE) {
    const map = env.maps[r[i + R_MAP]!]
    if (map !== undefined) {
      if (map.name !== '') out.push(`map=${map.name}`)
      out.push(`ks=${map.keySize},vs=${map.valueSize}`)
    }
  }
  if (type !== SCALAR_VALUE && off !== 0) out.push(`off=${snum(off, off >> 31)}`)
  if (base === PTR_TO_PACKET || base === PTR_TO_PACKET_META) {
    const range = r[i + R_RANGE]!
    out.push(`r=${range < 0 ? hex64(range, -1) : unum(range, 0)}`)
  }
  if (base === PTR_TO_MEM) out.push(`sz=${unum(r[i + R_RANGE]!, 0)}`)
  if (type === CONST_PTR_TO_DYNPTR) out.push(`type=${dynptrName(r[i + R_AUX]!)}`)
  if ((r[i + R_MASK]! | r[i + R_MASK + 1]!) === 0) {
    const lo = r[i + R_VALUE]!
    const hi = r[i + R_VALUE + 1]!
    if ((lo | hi) !== 0) out.push(`imm=${snum(lo, hi)}`)
  } else {
    out.push(...ranges(r, i))
    if ((r[i + R_MASK]! & r[i + R_MASK + 1]!) !== -1) out.push(`var_off=${tnumPair(r, i + R_VALUE)}`)
  }
  return out
}

const dynptrNames = ['', 'local', 'ringbuf', 'skb', 'xdp', 'skb_meta']

function dynptrName(aux: number): string {
  return dynptrNames[aux & 0xff] ?? ''
}

const iterStates = ['<invalid>', 'active', 'drained']

function slotText(env: Env, frame: Frame, slot: number): string | undefined {
  const stack = frame.stack
  const base = slot * SLOT_WORDS
  if (stack[base + S_TYPES] === 0 && stack[base + S_TYPES + 1] === 0) return undefined
  const off = -8 * (slot + 1)
  const last = slotType(stack, base, 7)
  if (last === STACK_SPILL) {
    let above = ''
    for (let j = 0; j < 8 && slotType(stack, base, j) !== STACK_SPILL; j++) above += SLOT_CHARS[slotType(stack, base, j)]
    return ` fp${off}=${above}${regText(env, stack, base, frame.frameno)}`
  }
  if (last === STACK_DYNPTR) {
    // Shown with its first slot, the one at the higher address.
    const aux = stack[base + R_AUX]!
    if ((aux & 0x100) === 0) return undefined
    const id = stack[base + R_ID]!
    const ref = stack[base + R_REF_ID]!
    const parts: string[] = []
    if (id !== 0) parts.push(`id=${id}`)
    if (ref !== 0) parts.push(`ref_id=${ref}`)
    // Linux shows the mark of the first slot as if it were the id of a parent: they lie in one union.
    parts.push('dynptr_id=1')
    return ` fp${off}=dynptr_${dynptrName(aux)}(${parts.join(',')})`
  }
  if (last === STACK_ITER) {
    const ref = stack[base + R_REF_ID]!
    if (ref === 0) return undefined
    const aux = stack[base + R_AUX]!
    return ` fp${off}=iter_${env.typeNames[stack[base + R_BTF_ID]!] ?? ''}(ref_id=${ref},state=${iterStates[aux & 3]},depth=${aux >>> 2})`
  }
  let text = ''
  for (let j = 0; j < 8; j++) text += SLOT_CHARS[slotType(stack, base, j)] ?? SLOT_CHARS[STACK_INVALID]
  return ` fp${off}=${text}`
}

/** `print_verifier_state`: a frame of a state, `all` of it or what is scratched, without the newline. */
export function stateText(env: Env, state: State, frameno: number, all: boolean): string {
  const frame = state.frames[frameno]!
  let text = frame.frameno !== 0 ? ` frame${frame.frameno}:` : ''
  for (let n = 0; n < MAX_BPF_REG; n++) {
    if (frame.regs[n * REG_WORDS + R_TYPE] === NOT_INIT) continue
    if (!all && (env.scratchedRegs & (1 << n)) === 0) continue
    text += ` R${n}=${regText(env, frame.regs, n * REG_WORDS, frame.frameno)}`
  }
  const slots = frame.allocated >> 3
  for (let s = 0; s < slots; s++) {
    if (!all && ((s < 32 ? env.scratchedSlotsLo : env.scratchedSlotsHi) & (1 << (s & 31))) === 0) continue
    text += slotText(env, frame, s) ?? ''
  }
  if (state.refCount > 0 && state.refs[REF_ID] !== 0) {
    text += ` refs=${state.refs[REF_ID]}`
    for (let i = 1; i < state.refCount; i++) {
      const id = state.refs[i * REF_WORDS + REF_ID]!
      if (id !== 0) text += `,${id}`
    }
  }
  if (frame.inCallback) text += ' cb'
  if (frame.inAsyncCallback) text += ' async_cb'
  return text
}

/** A whole state on a line of its own, after whatever began the line. */
export function printState(env: Env, state: State, frameno: number): void {
  env.log.add(`${stateText(env, state, frameno, true)}\n`)
}

/** `print_insn_state`: what the last instruction touched, behind its text or on a new line. */
export function printInsnState(env: Env): void {
  if (!env.log.joinInsn()) env.log.add(`${env.insn}:`)
  env.log.add(`${stateText(env, env.state, env.state.curframe, false)}\n`)
  env.scratchedRegs = 0
  env.scratchedSlotsLo = 0
  env.scratchedSlotsHi = 0
}

export function isScratched(env: Env): boolean {
  return (env.scratchedRegs | env.scratchedSlotsLo | env.scratchedSlotsHi) !== 0
}
