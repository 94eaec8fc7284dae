// One visit of one instruction: what the driver demands of the state, in its order and with its words, and what it notes.

import { EINVAL, EOPNOTSUPP } from '../../bpf/errno.ts'
import {
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_ARSH,
  BPF_ATOMIC,
  BPF_DIV,
  BPF_JMP,
  BPF_JMP32,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MOV,
  BPF_MUL,
  BPF_PSEUDO_CALL,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_X,
  CALL,
  EXIT,
  sizeBytes,
} from '../../bpf/opcode.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../../bpf/prog-type-table.ts'
import { ult } from '../../bytes/long.ts'
import type { DeviceView, RegView } from '../../verifier/device.ts'
import { PTR_TO_CTX, PTR_TO_MAP_VALUE, PTR_TO_PACKET, PTR_TO_STACK, SCALAR_VALUE } from '../../verifier/reg.ts'
import { checkHelper } from './check-helper.ts'
import type { DeviceVerifier } from './device-verifier.ts'
import { CALLER_STACK, type Facts, MAY_16, OVER_16, POINTER_VARIES } from './facts.ts'
import { WORD_ATOMIC, WORD_READ, WORD_UNUSED, wordUseNames } from './map-use.ts'
import { demandPrecise, isConst, refuse, tnumText } from './refusal.ts'
import { isSupported } from './translate.ts'

/** R10; the verifier's own registers above it are what constant blinding uses. */
const LAST_REG = 10
const XDP_RX_QUEUE_INDEX = 16
/** TC_ACT_*: what the driver takes of the small ones, and the largest it looks at. Quirk 11: the outro knows REDIRECT, which is refused. */
const TC_ACT_SHOT = 2
const TC_ACT_STOLEN = 4
const TC_ACT_QUEUED = 5
const TC_ACT_REDIRECT = 7

export function checkInsn(v: DeviceVerifier, view: DeviceView, i: number): number {
  const { insns } = v
  const opcode = insns.code[i]!
  if (!isSupported(opcode)) return refuse(view, EINVAL, `instruction 0x${opcode.toString(16)} not supported`)
  if (insns.src[i]! > LAST_REG || insns.dst[i]! > LAST_REG) {
    return refuse(view, EINVAL, 'program uses extended registers - jit hardening?')
  }
  if (opcode === CALL) return insns.src[i] === BPF_PSEUDO_CALL ? 0 : checkHelper(v, view, i)
  if (opcode === EXIT) return checkExit(v, view)
  const kind = opcode & 7
  const mode = opcode & 0xe0
  switch (kind) {
    case BPF_LDX:
      return mode === BPF_MEM ? checkPointer(v, view, i, insns.src[i]!, 'load') : 0
    case BPF_STX:
      if (mode === BPF_ATOMIC) return checkAtomic(v, view, i)
      if (view.reg(insns.src[i]!).type === PTR_TO_CTX && view.reg(insns.dst[i]!).type !== PTR_TO_STACK) observeContext(v)
      return checkStore(v, view, i)
    case BPF_ST:
      // Quirk 1: the driver doesn't look at these, and so knows no pointer when it translates them.
      return v.repaired['st-immediate'] ? checkStore(v, view, i) : 0
    case BPF_ALU:
    case BPF_ALU64:
      return checkAlu(v, view, i)
    case BPF_JMP:
    case BPF_JMP32:
      if (view.reg(insns.dst[i]!).type === PTR_TO_CTX) observeContext(v)
      if (opcode & BPF_X && view.reg(insns.src[i]!).type === PTR_TO_CTX) observeContext(v)
      return 0
    default:
      return 0
  }
}

function observeContext(v: DeviceVerifier): void {
  v.facts.contextObserved = true
}

/** The exit code of a TC program must be known, and one that the firmware can carry out. */
function checkExit(v: DeviceVerifier, view: DeviceView): number {
  if (v.progType === BPF_PROG_TYPE_XDP) return 0
  // Quirk 13: what a function returns is looked at like a verdict.
  if (view.frame !== 0 && v.repaired['function-exit']) return 0
  const r0 = view.reg(0)
  if (r0.type !== SCALAR_VALUE || !isConst(r0)) {
    return refuse(view, EINVAL, `unsupported exit state: ${r0.type}, var_off: ${tnumText(r0)}`)
  }
  const code = r0.valueHi === 0 ? r0.valueLo >>> 0 : 0xffff_ffff
  const small = v.progType === BPF_PROG_TYPE_SCHED_CLS && code <= TC_ACT_REDIRECT
  if (small && code !== TC_ACT_SHOT && code !== TC_ACT_STOLEN && code !== TC_ACT_QUEUED) {
    return refuse(view, EINVAL, `unsupported exit state: ${r0.type}, imm: ${code.toString(16)}`)
  }
  demandPrecise(v, view, 0)
  return 0
}

type Access = 'load' | 'store' | 'atomic'

function checkStore(v: DeviceVerifier, view: DeviceView, i: number): number {
  const dst = v.insns.dst[i]!
  if (view.reg(dst).type === PTR_TO_CTX) {
    if (v.progType !== BPF_PROG_TYPE_XDP || v.insns.off[i] !== XDP_RX_QUEUE_INDEX) {
      return refuse(view, EOPNOTSUPP, 'unsupported store to context field')
    }
    if (!v.options.capabilities.queueSelect) return refuse(view, EOPNOTSUPP, 'queue selection not supported by FW')
  }
  return checkPointer(v, view, i, dst, 'store')
}

function checkPointer(v: DeviceVerifier, view: DeviceView, i: number, number: number, access: Access): number {
  const { facts } = v
  const reg = view.reg(number)
  const { type } = reg
  if (type !== PTR_TO_CTX && type !== PTR_TO_STACK && type !== PTR_TO_MAP_VALUE && type !== PTR_TO_PACKET) {
    return refuse(view, EINVAL, `unsupported ptr type: ${type}`)
  }
  const before = facts.ptrType[i]!
  if (type === PTR_TO_STACK) {
    const error = checkStack(facts, view, i, reg)
    if (error !== 0) return error
  }
  if (type === PTR_TO_MAP_VALUE) {
    if (access === 'store') return refuse(view, EOPNOTSUPP, 'map writes not supported')
    const error = markUsed(v, view, i, reg, access === 'load' ? WORD_READ : WORD_ATOMIC)
    if (error !== 0) return error
  }
  if (before !== 0 && before !== type) {
    return refuse(view, EINVAL, `ptr type changed for instruction ${before} -> ${type}`)
  }
  if (before === PTR_TO_PACKET && (facts.ptrId[i] !== reg.id || facts.ptrOff[i] !== reg.off)) facts.more[i]! |= POINTER_VARIES
  facts.ptrType[i] = type
  facts.ptrOff[i] = reg.off
  facts.ptrId[i] = reg.id
  facts.ptrFrame[i] = reg.frame
  facts.ptrValueLo[i] = reg.valueLo
  facts.ptrValueHi[i] = reg.valueHi
  facts.ptrMaskLo[i] = reg.maskLo
  facts.ptrMaskHi[i] = reg.maskHi
  return 0
}

function checkStack(facts: Facts, view: DeviceView, i: number, reg: RegView): number {
  if (reg.frame !== view.frame) facts.flags[i]! |= CALLER_STACK
  if (!isConst(reg)) return refuse(view, EINVAL, 'variable ptr stack access')
  if (facts.ptrType[i] === 0) return 0
  const was = (facts.ptrOff[i]! + facts.ptrValueLo[i]!) | 0
  const is = (reg.off + reg.valueLo) | 0
  if (was !== is) facts.notConst[i] = 1
  if (!facts.notConst[i] || was % 4 === is % 4) return 0
  return refuse(view, EINVAL, `stack access changed location was:${was} is:${is}`)
}

/** Notes what the words of a map's value are used for. Marks stay even if the program is refused later (quirk 12). */
function markUsed(v: DeviceVerifier, view: DeviceView, i: number, reg: RegView, use: number): number {
  if (!isConst(reg)) return refuse(view, EOPNOTSUPP, 'map value offset is variable')
  const map = view.maps[reg.map]
  const marks = v.options.marks[reg.map]
  if (map === undefined || marks === undefined) return 0
  const off = (reg.valueLo + v.insns.off[i]! + reg.off) >>> 0
  const size = sizeBytes(v.insns.code[i]!)
  if (off + size > map.valueSize) return refuse(view, EINVAL, 'map value access out-of-bounds')
  for (let at = off; at < off + size; at += 4 - (at % 4)) {
    const word = at >>> 2
    const was = marks.use[word]!
    if (was !== WORD_UNUSED && was !== use) {
      return refuse(view, EOPNOTSUPP, `map value use type conflict ${wordUseNames[was]} vs ${wordUseNames[use]} off: ${at}`)
    }
    if (marks.nonZeroUpdate[word] && use === WORD_ATOMIC) {
      return refuse(view, EOPNOTSUPP, `atomic counter in map value may already be initialized to non-zero value off: ${at}`)
    }
    marks.use[word] = use
  }
  return 0
}

function checkAtomic(v: DeviceVerifier, view: DeviceView, i: number): number {
  const { insns, facts } = v
  const dst = insns.dst[i]!
  const src = insns.src[i]!
  if (insns.imm[i] !== BPF_ADD) return refuse(view, EOPNOTSUPP, `atomic op not implemented: ${insns.imm[i]}`)
  const target = view.reg(dst).type
  if (target !== PTR_TO_MAP_VALUE) return refuse(view, EOPNOTSUPP, `atomic add not to a map value pointer: ${target}`)
  const added = view.reg(src)
  if (added.type !== SCALAR_VALUE) return refuse(view, EOPNOTSUPP, `atomic add not of a scalar: ${added.type}`)
  const high = added.valueHi | added.maskHi
  if (high !== 0 || added.valueLo >>> 0 > 0xffff || added.maskLo >>> 0 > 0xffff) facts.atomic[i]! |= OVER_16
  if ((added.valueHi & ~added.maskHi) === 0 && (added.valueLo & ~added.maskLo) >>> 0 <= 0xffff) facts.atomic[i]! |= MAY_16
  // With both marks the code asks at run time, and any value is right.
  if (facts.atomic[i] !== (OVER_16 | MAY_16)) demandPrecise(v, view, src)
  return checkPointer(v, view, i, dst, 'atomic')
}

function widen(facts: Facts, i: number, src: RegView, dst: RegView): void {
  lower(facts.uminSrcLo, facts.uminSrcHi, i, src.uminLo, src.uminHi)
  raise(facts.umaxSrcLo, facts.umaxSrcHi, i, src.umaxLo, src.umaxHi)
  lower(facts.uminDstLo, facts.uminDstHi, i, dst.uminLo, dst.uminHi)
  raise(facts.umaxDstLo, facts.umaxDstHi, i, dst.umaxLo, dst.umaxHi)
}

// The facts' halves are unsigned, a register's are signed: equal halves have to look equal.
function lower(lo: Uint32Array, hi: Uint32Array, i: number, newLo: number, newHi: number): void {
  if (!ult(newLo | 0, newHi | 0, lo[i]! | 0, hi[i]! | 0)) return
  lo[i] = newLo
  hi[i] = newHi
}

function raise(lo: Uint32Array, hi: Uint32Array, i: number, newLo: number, newHi: number): void {
  if (!ult(lo[i]! | 0, hi[i]! | 0, newLo | 0, newHi | 0)) return
  lo[i] = newLo
  hi[i] = newHi
}

function checkAlu(v: DeviceVerifier, view: DeviceView, i: number): number {
  const { insns, facts } = v
  const opcode = insns.code[i]!
  const op = opcode & 0xf0
  const variable = (opcode & BPF_X) !== 0
  const wide = (opcode & 7) === BPF_ALU64
  const src = view.reg(insns.src[i]!)
  const dst = view.reg(insns.dst[i]!)
  if (op !== BPF_MOV && (dst.type === PTR_TO_CTX || (variable && src.type === PTR_TO_CTX))) observeContext(v)
  if (op === BPF_MOV && !wide && src.type === PTR_TO_CTX) observeContext(v)
  widen(facts, i, src, dst)
  // Only the low words of a 32-bit operation count.
  const lowOnly = !wide && v.repaired['narrow-range']
  if (op === BPF_MUL && !lowOnly) {
    if (facts.umaxDstHi[i] !== 0) return refuse(view, EINVAL, 'multiplier is not within u32 value range')
    if (variable && facts.umaxSrcHi[i] !== 0) return refuse(view, EINVAL, 'multiplicand is not within u32 value range')
    if (!variable && wide && insns.imm[i]! < 0) {
      return refuse(view, EINVAL, "sign extended multiplicand won't be within u32 value range")
    }
  }
  if (op === BPF_DIV) {
    if (insns.off[i] !== 0 && v.repaired['signed-division'] && !sameUnsigned(facts, i, opcode, insns.imm[i]!)) {
      return refuse(view, EINVAL, 'signed division of numbers that may be negative is not supported')
    }
    if (facts.umaxDstHi[i] !== 0 && !lowOnly) return refuse(view, EINVAL, 'dividend is not within u32 value range')
    if (variable) {
      if (!isConstSource(facts, i)) return refuse(view, EINVAL, 'divisor is not constant')
      if (facts.umaxSrcHi[i] !== 0 && !lowOnly) return refuse(view, EINVAL, 'divisor is not within u32 value range')
    } else if (insns.imm[i]! < 0 && !lowOnly) {
      return refuse(view, EINVAL, 'divide by negative constant is not supported')
    }
  }
  if (v.repaired.precision) preciseOperands(v, view, i, lowOnly)
  return 0
}

/**
 * Since 6.6 an offset of 1 makes a division signed, which the driver doesn't look at. Between numbers that are not negative there is no
 * difference; those of 64 bits are within u32 anyway.
 */
function sameUnsigned(facts: Facts, i: number, opcode: number, imm: number): boolean {
  if ((opcode & 7) === BPF_ALU64) return true
  const dividend = facts.umaxDstHi[i] === 0 && facts.umaxDstLo[i]! <= 0x7fff_ffff
  const divisor = opcode & BPF_X ? facts.umaxSrcHi[i] === 0 && facts.umaxSrcLo[i]! <= 0x7fff_ffff : imm >= 0
  return dividend && divisor
}

function isConstSource(facts: Facts, i: number): boolean {
  return facts.uminSrcLo[i] === facts.umaxSrcLo[i] && facts.uminSrcHi[i] === facts.umaxSrcHi[i]
}

/** Where the bounds seen so far choose a form that is not right for all values, the operands have to stay within them on every path. */
function preciseOperands(v: DeviceVerifier, view: DeviceView, i: number, lowOnly: boolean): void {
  const { insns, facts } = v
  const opcode = insns.code[i]!
  const op = opcode & 0xf0
  const variable = (opcode & BPF_X) !== 0
  const wide = (opcode & 7) === BPF_ALU64
  const most = facts.umaxSrcHi[i] !== 0 ? 0xffff_ffff : facts.umaxSrcLo[i]!
  if (op === BPF_MUL) {
    const short = facts.umaxDstHi[i] === 0 && facts.umaxDstLo[i]! <= 0xffff && (!variable || most <= 0xffff)
    if (lowOnly && !short) return
    demandPrecise(v, view, insns.dst[i]!)
    if (variable) demandPrecise(v, view, insns.src[i]!)
  } else if (op === BPF_DIV) {
    if (!lowOnly || insns.off[i] !== 0) demandPrecise(v, view, insns.dst[i]!)
    if (variable) demandPrecise(v, view, insns.src[i]!)
  } else if (variable && (op === BPF_LSH || op === BPF_RSH || op === BPF_ARSH)) {
    const special = isConstSource(facts, i) || (wide && most < 64 && (most < 32 || facts.uminSrcLo[i]! >= 32))
    if (special || (op === BPF_ARSH && most < 0x8000_0000)) demandPrecise(v, view, insns.src[i]!)
  }
}
