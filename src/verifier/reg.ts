// A register's abstract value is REG_WORDS 32-bit words in an Int32Array, 64-bit quantities low half first: comparing two states
// is comparing two slices, copying one is copying memory, and no BigInt is made while the verifier runs. A function that works on
// a register takes the array and the index of the register's first word.

export const REG_WORDS = 28

/** Base type (low byte, the kernel's numbers of 6.18's `bpf_reg_type`) and flags (TYPE_FLAG_*). */
export const R_TYPE = 0
/** Fixed offset of a pointer; of a scalar with ADD_CONST in its id: the constant. */
export const R_OFF = 1
/** By type: packet range in bytes (negative: AT/BEYOND_PKT_END), memory size, subprogram number of a func pointer. */
export const R_RANGE = 2
/** Index into the program's list of maps for map pointers, values and keys. */
export const R_MAP = 3
export const R_ID = 4
export const R_REF_ID = 5
export const R_FRAME = 6
/** Instruction index + 1 of the last 32-bit definition; 0: none (zero-extension tracking). */
export const R_SUBREG_DEF = 7
export const R_PRECISE = 8
/** Index into the environment's table of BTF types, and the type id in it. */
export const R_BTF = 9
export const R_BTF_ID = 10
/** Dynptr or iterator particulars; map_uid of an inner map. */
export const R_AUX = 11
export const R_VALUE = 12
export const R_MASK = 14
export const R_SMIN = 16
export const R_SMAX = 18
export const R_UMIN = 20
export const R_UMAX = 22
export const R_S32_MIN = 24
export const R_S32_MAX = 25
/** Stored as int32 bit patterns: read with `>>> 0`. */
export const R_U32_MIN = 26
export const R_U32_MAX = 27

// Base types, low byte of R_TYPE, in the kernel's order.
export const NOT_INIT = 0
export const SCALAR_VALUE = 1
export const PTR_TO_CTX = 2
export const CONST_PTR_TO_MAP = 3
export const PTR_TO_MAP_VALUE = 4
export const PTR_TO_MAP_KEY = 5
export const PTR_TO_STACK = 6
export const PTR_TO_PACKET_META = 7
export const PTR_TO_PACKET = 8
export const PTR_TO_PACKET_END = 9
export const PTR_TO_FLOW_KEYS = 10
export const PTR_TO_SOCKET = 11
export const PTR_TO_SOCK_COMMON = 12
export const PTR_TO_TCP_SOCK = 13
export const PTR_TO_TP_BUFFER = 14
export const PTR_TO_XDP_SOCK = 15
export const PTR_TO_BTF_ID = 16
export const PTR_TO_MEM = 17
export const PTR_TO_ARENA = 18
export const PTR_TO_BUF = 19
export const PTR_TO_FUNC = 20
export const CONST_PTR_TO_DYNPTR = 21
export const TYPE_BASE_MASK = 0xff

// Type flags, from bit 8 on, in the kernel's order.
export const PTR_MAYBE_NULL: number = 1 << 8
export const MEM_RDONLY: number = 1 << 9
export const MEM_RINGBUF: number = 1 << 10
export const MEM_USER: number = 1 << 11
export const MEM_PERCPU: number = 1 << 12
export const OBJ_RELEASE: number = 1 << 13
export const PTR_UNTRUSTED: number = 1 << 14
export const MEM_UNINIT: number = 1 << 15
export const DYNPTR_TYPE_LOCAL: number = 1 << 16
export const DYNPTR_TYPE_RINGBUF: number = 1 << 17
export const MEM_FIXED_SIZE: number = 1 << 18
export const MEM_ALLOC: number = 1 << 19
export const PTR_TRUSTED: number = 1 << 20
export const MEM_RCU: number = 1 << 21
export const NON_OWN_REF: number = 1 << 22
export const DYNPTR_TYPE_SKB: number = 1 << 23
export const DYNPTR_TYPE_XDP: number = 1 << 24
export const MEM_ALIGNED: number = 1 << 25
export const MEM_WRITE: number = 1 << 26
export const DYNPTR_TYPE_SKB_META: number = 1 << 27

/** In R_ID of a scalar: the value is that of the register it is linked to plus the constant in R_OFF, added in 64 or in 32 bits. */
export const BPF_ADD_CONST64: number = 1 << 31
export const BPF_ADD_CONST32: number = 1 << 30
export const BPF_ADD_CONST: number = BPF_ADD_CONST64 | BPF_ADD_CONST32

// Values of R_RANGE of a packet pointer that a comparison has placed at or beyond the end.
export const AT_PKT_END = -1
export const BEYOND_PKT_END = -2

// Bytes of a stack slot, `slot_type`.
export const STACK_INVALID = 0
export const STACK_SPILL = 1
export const STACK_MISC = 2
export const STACK_ZERO = 3
export const STACK_DYNPTR = 4
export const STACK_ITER = 5
export const STACK_IRQ_FLAG = 6

// Kinds of acquired references, a bit each.
export const REF_TYPE_PTR: number = 1 << 1
export const REF_TYPE_IRQ: number = 1 << 2
export const REF_TYPE_LOCK: number = 1 << 3
export const REF_TYPE_RES_LOCK: number = 1 << 4
export const REF_TYPE_RES_LOCK_IRQ: number = 1 << 5

/** Registers R0..R10 of a frame. */
export const MAX_BPF_REG = 11
export const FRAME_REG_WORDS: number = MAX_BPF_REG * REG_WORDS

// A stack slot is a register (what was spilled, a dynptr or an iterator) and eight slot types, a byte each: byte j of the words
// S_TYPES and S_TYPES + 1 describes the byte at R10 - 8*slot - 1 - j, so byte 0 is the highest address.
export const S_TYPES: number = REG_WORDS
export const SLOT_WORDS: number = REG_WORDS + 2

/** STACK_* type of byte `j` (0 = highest address) of a slot that begins at word `slot` of `stack`. */
export function slotType(stack: Int32Array, slot: number, j: number): number {
  return (stack[slot + S_TYPES + (j >> 2)]! >>> ((j & 3) << 3)) & 0xff
}

export function setSlotType(stack: Int32Array, slot: number, j: number, type: number): void {
  const word = slot + S_TYPES + (j >> 2)
  const shift = (j & 3) << 3
  stack[word] = (stack[word]! & ~(0xff << shift)) | (type << shift)
}

/** All eight bytes of a slot. */
export function fillSlotType(stack: Int32Array, slot: number, type: number): void {
  const word = Math.imul(type, 0x01010101)
  stack[slot + S_TYPES] = word
  stack[slot + S_TYPES + 1] = word
}

export function copyReg(to: Int32Array, t: number, from: Int32Array, f: number): void {
  for (let i = 0; i < REG_WORDS; i++) to[t + i] = from[f + i]!
}

export function setUnbounded(r: Int32Array, i: number): void {
  r[i + R_SMIN] = 0
  r[i + R_SMIN + 1] = -0x80000000
  r[i + R_SMAX] = -1
  r[i + R_SMAX + 1] = 0x7fffffff
  r[i + R_UMIN] = 0
  r[i + R_UMIN + 1] = 0
  r[i + R_UMAX] = -1
  r[i + R_UMAX + 1] = -1
  r[i + R_S32_MIN] = -0x80000000
  r[i + R_S32_MAX] = 0x7fffffff
  r[i + R_U32_MIN] = 0
  r[i + R_U32_MAX] = -1
}

/** A scalar of which nothing is known, not precise. Keeps R_SUBREG_DEF. */
export function setUnknown(r: Int32Array, i: number): void {
  clearKind(r, i)
  r[i + R_TYPE] = SCALAR_VALUE
  r[i + R_VALUE] = 0
  r[i + R_VALUE + 1] = 0
  r[i + R_MASK] = -1
  r[i + R_MASK + 1] = -1
  setUnbounded(r, i)
}

export function setNotInit(r: Int32Array, i: number): void {
  setUnknown(r, i)
  r[i + R_TYPE] = NOT_INIT
}

/** Value and bounds of a constant; type, ids and the rest stay. */
export function setConst(r: Int32Array, i: number, lo: number, hi: number): void {
  r[i + R_VALUE] = lo
  r[i + R_VALUE + 1] = hi
  r[i + R_MASK] = 0
  r[i + R_MASK + 1] = 0
  r[i + R_SMIN] = lo
  r[i + R_SMIN + 1] = hi
  r[i + R_SMAX] = lo
  r[i + R_SMAX + 1] = hi
  r[i + R_UMIN] = lo
  r[i + R_UMIN + 1] = hi
  r[i + R_UMAX] = lo
  r[i + R_UMAX + 1] = hi
  r[i + R_S32_MIN] = lo
  r[i + R_S32_MAX] = lo
  r[i + R_U32_MIN] = lo
  r[i + R_U32_MAX] = lo
}

/** The scalar constant, not precise, linked to nothing. Keeps R_SUBREG_DEF. */
export function setKnown(r: Int32Array, i: number, lo: number, hi: number): void {
  clearKind(r, i)
  r[i + R_TYPE] = SCALAR_VALUE
  setConst(r, i, lo, hi)
}

/** A pointer of a type at offset 0, value 0. Keeps R_SUBREG_DEF. */
export function setPointer(r: Int32Array, i: number, type: number): void {
  setKnown(r, i, 0, 0)
  r[i + R_TYPE] = type
}

/** Everything but value, bounds and R_SUBREG_DEF. */
function clearKind(r: Int32Array, i: number): void {
  r[i + R_TYPE] = 0
  r[i + R_OFF] = 0
  r[i + R_RANGE] = 0
  r[i + R_MAP] = -1
  r[i + R_ID] = 0
  r[i + R_REF_ID] = 0
  r[i + R_FRAME] = 0
  r[i + R_PRECISE] = 0
  r[i + R_BTF] = 0
  r[i + R_BTF_ID] = 0
  r[i + R_AUX] = 0
}

/** Whether the 64-bit value is a constant. */
export function isConst(r: Int32Array, i: number): boolean {
  return r[i + R_MASK] === 0 && r[i + R_MASK + 1] === 0
}

/** A scalar with exactly this value. */
export function isNull(r: Int32Array, i: number): boolean {
  return (
    r[i + R_TYPE] === SCALAR_VALUE &&
    r[i + R_MASK] === 0 &&
    r[i + R_MASK + 1] === 0 &&
    r[i + R_VALUE] === 0 &&
    r[i + R_VALUE + 1] === 0
  )
}
