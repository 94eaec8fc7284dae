// Loads, stores and atomics by the type of their pointer: alignment first, then whether the memory is there and may be read or written,
// then what a load leaves in its register.

import { EACCES, EINVAL } from '../bpf/errno.ts'
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE_ARRAY } from '../bpf/map-type-table.ts'
import {
  BPF_ADD,
  BPF_AND,
  BPF_CMPXCHG,
  BPF_FETCH,
  BPF_LOAD_ACQ,
  BPF_MEMSX,
  BPF_OR,
  BPF_STORE_REL,
  BPF_XCHG,
  BPF_XOR,
  sizeBytes,
} from '../bpf/opcode.ts'
import { checkBounds } from './alu.ts'
import { truncate } from './bounds.ts'
import { loadBtf, loadKptr, loadMapField } from './btf-access.ts'
import { ctxResult } from './ctx-table.ts'
import type { Env } from './env.ts'
import { lineText } from './lines.ts'
import { mapFields } from './map-fields.ts'
import { defineReg, isPointerValue, markUnknown, readReg, writeReg } from './operand.ts'
import { tnumText } from './print-number.ts'
import {
  CONST_PTR_TO_MAP,
  isConst,
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_UNTRUSTED,
  R_ID,
  R_MAP,
  R_MASK,
  R_OFF,
  R_RANGE,
  R_SUBREG_DEF,
  R_TYPE,
  R_VALUE,
  REG_WORDS,
  SCALAR_VALUE,
  setKnown,
  setPointer,
  TYPE_BASE_MASK,
} from './reg.ts'
import { regTypeName } from './reg-name.ts'
import { checkMapFlags, checkMapValue, checkPacket, checkRegion } from './region.ts'
import { signExtend64 } from './scalar-width.ts'
import { loadSocket } from './sock-access.ts'
import { checkStackBounds, readStack, writeStack } from './stack.ts'

// What stands for NET_IP_ALIGN where alignment is asked for: the Ethernet header begins two bytes after an aligned address.
const IP_ALIGN = 2

/** A load (BPF_LDX, or a load-acquire). */
export function stepLoad(env: Env, isAtomic: boolean): void {
  const { insns, insn } = env
  const src = insns.src[insn]!
  const dst = insns.dst[insn]!
  const code = insns.code[insn]!
  readReg(env, src)
  writeReg(env, dst)
  const type = env.regs[src * REG_WORDS + R_TYPE]!
  checkAccess(env, src, insns.off[insn]!, sizeBytes(code), false, dst, isAtomic, (code & 0xe0) === BPF_MEMSX && !isAtomic)
  notePointer(env, type)
  checkBounds(env, env.regs, dst * REG_WORDS, isAtomic ? 'atomic_load' : 'ldx')
}

/** A store of a register (BPF_STX, or a store-release). */
export function stepStore(env: Env, isAtomic: boolean): void {
  const { insns, insn } = env
  const src = insns.src[insn]!
  const dst = insns.dst[insn]!
  readReg(env, src)
  readReg(env, dst)
  const type = env.regs[dst * REG_WORDS + R_TYPE]!
  checkAccess(env, dst, insns.off[insn]!, sizeBytes(insns.code[insn]!), true, src, isAtomic, false)
  notePointer(env, type)
}

/** A store of an immediate (BPF_ST). */
export function stepStoreImm(env: Env): void {
  const { insns, insn } = env
  const dst = insns.dst[insn]!
  readReg(env, dst)
  const type = env.regs[dst * REG_WORDS + R_TYPE]!
  checkAccess(env, dst, insns.off[insn]!, sizeBytes(insns.code[insn]!), true, -1, false, false)
  notePointer(env, type)
}

const rmwOps: ReadonlySet<number> = new Set(
  [BPF_ADD, BPF_AND, BPF_OR, BPF_XOR].flatMap(op => [op, op | BPF_FETCH]).concat(BPF_XCHG, BPF_CMPXCHG),
)

/** An atomic instruction. */
export function stepAtomic(env: Env): void {
  const { insns, insn } = env
  const imm = insns.imm[insn]!
  const size = sizeBytes(insns.code[insn]!)
  if (imm === BPF_LOAD_ACQ) {
    const src = insns.src[insn]!
    stepLoad(env, true)
    if (!takesAtomics(env, src)) refuseAtomic(env, 'loads from', src)
    return
  }
  if (imm === BPF_STORE_REL) {
    stepStore(env, true)
    const dst = insns.dst[insn]!
    if (!takesAtomics(env, dst)) refuseAtomic(env, 'stores into', dst)
    return
  }
  if (!rmwOps.has(imm)) env.reject(EINVAL, `BPF_ATOMIC uses invalid atomic opcode ${(imm >>> 0).toString(16).padStart(2, '0')}`)
  if (size < 4) env.reject(EINVAL, 'invalid atomic operand size')
  const src = insns.src[insn]!
  const dst = insns.dst[insn]!
  readReg(env, src)
  readReg(env, dst)
  if (imm === BPF_CMPXCHG) {
    readReg(env, 0)
    if (isPointerValue(env, 0)) env.reject(EACCES, 'R0 leaks addr into mem')
  }
  if (isPointerValue(env, src)) env.reject(EACCES, `R${src} leaks addr into mem`)
  if (!takesAtomics(env, dst)) refuseAtomic(env, 'stores into', dst)
  const off = insns.off[insn]!
  const type = env.regs[dst * REG_WORDS + R_TYPE]!
  let into = -1
  if ((imm & BPF_FETCH) !== 0) {
    into = imm === BPF_CMPXCHG ? 0 : src
    defineReg(env, into)
  }
  checkAccess(env, dst, off, size, false, -1, true, false)
  if (into >= 0) checkAccess(env, dst, off, size, false, into, true, false)
  if (type === PTR_TO_ARENA) notePointer(env, type)
  else env.ptrType[insn] = type
  checkAccess(env, dst, off, size, true, -1, true, false)
}

function takesAtomics(env: Env, n: number): boolean {
  switch (env.regs[n * REG_WORDS + R_TYPE]) {
    case PTR_TO_CTX:
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
    case PTR_TO_FLOW_KEYS:
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_XDP_SOCK:
      return false
    default:
      return true
  }
}

function refuseAtomic(env: Env, what: string, n: number): never {
  return env.reject(EACCES, `BPF_ATOMIC ${what} R${n} ${regTypeName(env.regs[n * REG_WORDS + R_TYPE]!)} is not allowed`)
}

// Pointers whose accesses are rewritten for what they are: an instruction must not meet two kinds of them.
function isRewritten(type: number): boolean {
  switch (type & TYPE_BASE_MASK) {
    case PTR_TO_CTX:
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_XDP_SOCK:
    case PTR_TO_BTF_ID:
    case PTR_TO_ARENA:
      return true
    default:
      return false
  }
}

// `save_aux_ptr_type`.
function notePointer(env: Env, type: number): void {
  const before = env.ptrType[env.insn]!
  if (before === 0) env.ptrType[env.insn] = type
  else if (before !== type && (isRewritten(type) || isRewritten(before))) {
    env.reject(EINVAL, 'same insn cannot be used with different pointers')
  }
}

function descriptionOf(base: number): string {
  switch (base) {
    case PTR_TO_FLOW_KEYS:
      return 'flow keys '
    case PTR_TO_MAP_KEY:
      return 'key '
    case PTR_TO_MAP_VALUE:
      return 'value '
    case PTR_TO_CTX:
      return 'context '
    case PTR_TO_STACK:
      return 'stack '
    case PTR_TO_SOCKET:
      return 'sock '
    case PTR_TO_SOCK_COMMON:
      return 'sock_common '
    case PTR_TO_TCP_SOCK:
      return 'tcp_sock '
    case PTR_TO_XDP_SOCK:
      return 'xdp_sock '
    default:
      return ''
  }
}

/** `check_ptr_alignment`: `off` is the instruction's offset. */
export function checkAlignment(env: Env, n: number, off: number, size: number, once: boolean): void {
  const r = env.regs
  const i = n * REG_WORDS
  const type = r[i + R_TYPE]!
  const strict = env.strictAlignment || once || type === PTR_TO_STACK
  if (!strict || size === 1 || type === PTR_TO_ARENA) return
  const packet = type === PTR_TO_PACKET || type === PTR_TO_PACKET_META
  // Whole addition: carries of unknown bits only go up.
  const low = (r[i + R_VALUE]! + r[i + R_OFF]! + off + (packet ? IP_ALIGN : 0)) | 0
  if (((low | r[i + R_MASK]!) & (size - 1)) === 0) return
  const tail = `${tnumText(r, i + R_VALUE)}+${r[i + R_OFF]}+${off} size ${size}`
  env.reject(
    EACCES,
    packet ? `misaligned packet access off ${IP_ALIGN}+${tail}` : `misaligned ${descriptionOf(type)}access off ${tail}`,
  )
}

/** `check_ptr_off_reg`: the pointer as it was handed out, without an offset. */
export function checkUnmoved(env: Env, n: number): void {
  const r = env.regs
  const i = n * REG_WORDS
  const off = r[i + R_OFF]!
  const name = regTypeName(r[i + R_TYPE]!)
  if (off < 0) env.reject(EACCES, `negative offset ${name} ptr R${n} off=${off} disallowed`)
  if (off !== 0) env.reject(EACCES, `dereference of modified ${name} ptr R${n} off=${off} disallowed`)
  if (!isConst(r, i) || (r[i + R_VALUE]! | r[i + R_VALUE + 1]!) !== 0) {
    env.reject(EACCES, `variable ${name} access var_off=${tnumText(r, i + R_VALUE)} disallowed`)
  }
}

/**
 * `check_mem_access`: `size` bytes through register `n`. `value` is the register that is stored (-1: an immediate) or loaded into (-1:
 * nowhere).
 */
export function checkAccess(
  env: Env,
  n: number,
  insnOff: number,
  size: number,
  write: boolean,
  value: number,
  strictOnce: boolean,
  signed: boolean,
): void {
  const r = env.regs
  const i = n * REG_WORDS
  checkAlignment(env, n, insnOff, size, strictOnce)
  const off = insnOff + r[i + R_OFF]!
  const type = r[i + R_TYPE]!
  const load = !write && value >= 0
  const leaks = write && value >= 0 && isPointerValue(env, value)
  const d = value * REG_WORDS
  switch (type & ~MEM_RDONLY & ~PTR_UNTRUSTED) {
    case PTR_TO_STACK:
      checkStackBounds(env, n, off, size, write)
      if (write) writeStack(env, n, off, size, value)
      else readStack(env, n, off, size, value)
      break
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      if (write) {
        if (!env.writesPacket) env.reject(EACCES, 'cannot write into packet')
        env.seenDirectWrite = true
      }
      if (leaks) env.reject(EACCES, `R${value} leaks addr into packet`)
      checkPacket(env, n, off, size, false)
      if (load) markUnknown(env, r, d)
      break
    case PTR_TO_CTX:
      if (leaks) env.reject(EACCES, `R${value} leaks addr into ctx`)
      checkUnmoved(env, n)
      accessCtx(env, off, size, write, load ? d : -1, signed)
      break
    case PTR_TO_MAP_VALUE:
      if (leaks) env.reject(EACCES, `R${value} leaks addr into map`)
      checkMapFlags(env, n, off, size, write)
      checkMapValue(env, n, off, size, false, true)
      accessValue(env, i, off, size, write, value, load, signed)
      break
    case PTR_TO_MAP_KEY:
      if (write) env.reject(EACCES, `write to change key R${n} not allowed`)
      checkRegion(env, n, off, size, env.maps[r[i + R_MAP]!]!.keySize, false)
      if (load) markUnknown(env, r, d)
      break
    default:
      accessOther(env, n, off, size, write, value, load, leaks)
      break
  }
  if (load && size < 8 && r[d + R_TYPE] === SCALAR_VALUE) {
    if (signed) signExtend64(r, d, size)
    else truncate(r, d, size)
  }
}

function accessOther(
  env: Env,
  n: number,
  off: number,
  size: number,
  write: boolean,
  value: number,
  load: boolean,
  leaks: boolean,
): void {
  const r = env.regs
  const i = n * REG_WORDS
  const type = r[i + R_TYPE]!
  const base = type & TYPE_BASE_MASK
  const maybeNull = (type & PTR_MAYBE_NULL) !== 0
  const d = value * REG_WORDS
  if (base === PTR_TO_MEM && !maybeNull) {
    const readOnly = (type & MEM_RDONLY) !== 0
    if (write && readOnly) env.reject(EACCES, `R${n} cannot write into ${regTypeName(type)}`)
    if (leaks) env.reject(EACCES, `R${value} leaks addr into mem`)
    if (!readOnly || (type & PTR_UNTRUSTED) === 0) checkRegion(env, n, off, size, r[i + R_RANGE]! >>> 0, false)
    if (value >= 0 && (!write || readOnly)) markUnknown(env, r, d)
  } else if (type === PTR_TO_SOCKET || type === PTR_TO_SOCK_COMMON || type === PTR_TO_TCP_SOCK || type === PTR_TO_XDP_SOCK) {
    if (write) env.reject(EACCES, `R${n} cannot write into ${regTypeName(type)}`)
    loadSocket(env, n, off, size)
    if (value >= 0) markUnknown(env, r, d)
  } else if (base === PTR_TO_BTF_ID && !maybeNull) {
    loadBtf(env, n, off, size, write, value)
  } else if (type === CONST_PTR_TO_MAP) {
    loadMapField(env, n, off, size, write, value)
  } else if (base === PTR_TO_BUF && !maybeNull) {
    if (write && (type & MEM_RDONLY) !== 0) env.reject(EACCES, `R${n} cannot write into ${regTypeName(type)}`)
    checkRegion(env, n, off, size, r[i + R_RANGE]! >>> 0, false)
    if (value >= 0 && (!write || (type & MEM_RDONLY) !== 0)) markUnknown(env, r, d)
  } else if (type === PTR_TO_ARENA) {
    if (load) markUnknown(env, r, d)
  } else {
    env.reject(EACCES, `R${n} invalid mem access '${regTypeName(type)}'`)
  }
}

function accessCtx(env: Env, off: number, size: number, write: boolean, d: number, signed: boolean): void {
  const { ctx } = env
  const result = ctx === undefined || off % size !== 0 ? 0 : ctxResult(ctx, off, size, write)
  // A pointer can't be loaded with sign extension.
  if (result === 0 || (signed && result !== SCALAR_VALUE)) {
    env.verbose(`invalid bpf_context access off=${off} size=${size}\n`)
    env.verbose(lineText(env, env.insn))
    env.reject(EACCES, '')
  }
  if (d < 0) return
  const r = env.regs
  if (result === SCALAR_VALUE) {
    markUnknown(env, r, d)
    return
  }
  setPointer(r, d, result)
  if ((result & PTR_MAYBE_NULL) !== 0) r[d + R_ID] = env.newId()
  r[d + R_SUBREG_DEF] = 0
}

function accessValue(
  env: Env,
  i: number,
  off: number,
  size: number,
  write: boolean,
  value: number,
  load: boolean,
  signed: boolean,
): void {
  const r = env.regs
  const map = env.maps[r[i + R_MAP]!]!
  if (map.btf !== undefined && isConst(r, i)) {
    const at = off + r[i + R_VALUE]!
    const field = mapFields(map).fields.find(f => f.offset === at && (f.kind.startsWith('kptr') || f.kind === 'uptr'))
    if (field !== undefined) {
      loadKptr(env, map, field, write, value)
      return
    }
  }
  if (!load) return
  const d = value * REG_WORDS
  if (isConst(r, i) && isFolded(env, i)) {
    const at = off + r[i + R_VALUE]!
    const data = new DataView(new ArrayBuffer(8))
    const contents = map.init?.[0]?.value
    for (let k = 0; k < size; k++) data.setUint8(k, contents?.[at + k] ?? 0)
    let lo = data.getInt32(0, true)
    let hi = data.getInt32(4, true)
    if (signed && size < 8) {
      lo = size === 4 ? lo : (lo << (32 - size * 8)) >> (32 - size * 8)
      hi = lo >> 31
    }
    setKnown(r, d, lo, hi)
    return
  }
  markUnknown(env, r, d)
}

// Frozen for user space and read-only for programs: the contents are constants.
function isFolded(env: Env, i: number): boolean {
  const map = env.maps[env.regs[i + R_MAP]!]!
  return map.frozen === true && (map.flags & BPF_F_RDONLY_PROG) !== 0 && map.type === BPF_MAP_TYPE_ARRAY && map.maxEntries === 1
}
