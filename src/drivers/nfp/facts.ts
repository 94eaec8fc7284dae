// What the device's side of the verification learns about each instruction: the inputs of translation. One typed array a fact, one
// element an eBPF slot, so that facts can be sent to a worker and that passes read them without an object per instruction. 64-bit
// quantities are two uint32 halves. "Last" means the last time that the verifier walked the instruction, "ever" a union over all times.

// Bits of `flags`. The numbers are the driver's, and those of the recorded facts.
export const JUMP_DST = 1
export const SUBPROG_START = 2
/** The stack that is accessed belongs to a calling function. */
export const CALLER_STACK = 4
/** Does nothing: seen during translation. */
export const SKIP_NOOP = 8
/** Removed by a pass. */
export const SKIP_PASS = 16
/** Removed by the verifier: never reached, or a jump to the next instruction. */
export const SKIP_VERIFIER = 32
/** The 32-bit result is later read as 64 bits. */
export const DO_ZEXT = 64
export const SKIP: number = SKIP_NOOP | SKIP_PASS | SKIP_VERIFIER

// Bits of `atomic`: how large the value added by an atomic add was, ever.
export const OVER_16 = 1
export const MAY_16 = 2

// Bits of `more`: what the upstream driver doesn't record, and correct code needs.
/** The packet pointer was another one (id or offset) at another visit: the last one says nothing about other paths. */
export const POINTER_VARIES = 1
/** The key that is given to a map helper lies in a caller's frame. */
export const KEY_OF_CALLER = 2
/** A conditional jump that is always taken. */
export const ALWAYS_TAKEN = 4

/** `adjustHead`: no call may use the short form. */
export const ADJUST_HEAD_IMPOSSIBLE = -1

export interface Facts {
  readonly count: number
  readonly flags: Uint8Array
  readonly more: Uint8Array
  /** Number of the function that the instruction is in. */
  readonly subprog: Uint16Array
  /** Where a jump or a call of a function goes; -1 for every other instruction. */
  readonly jumpTo: Int32Array

  /** Arithmetic: unsigned bounds of the source and the destination register before the instruction, ever. */
  readonly uminSrcLo: Uint32Array
  readonly uminSrcHi: Uint32Array
  readonly umaxSrcLo: Uint32Array
  readonly umaxSrcHi: Uint32Array
  readonly uminDstLo: Uint32Array
  readonly uminDstHi: Uint32Array
  readonly umaxDstLo: Uint32Array
  readonly umaxDstHi: Uint32Array

  /** Memory access: the base register, last. Types are those of verifier/reg.ts; 0 where it was never walked. */
  readonly ptrType: Uint8Array
  readonly ptrOff: Int32Array
  readonly ptrId: Int32Array
  readonly ptrValueLo: Uint32Array
  readonly ptrValueHi: Uint32Array
  readonly ptrMaskLo: Uint32Array
  readonly ptrMaskHi: Uint32Array
  readonly ptrFrame: Uint8Array
  /** The stack offset was another one at another visit. */
  readonly notConst: Uint8Array
  readonly atomic: Uint8Array

  /** Helper call: its number, the type of R1 (of R4 for perf_event_output), and R2, last. */
  readonly helper: Int32Array
  readonly argType: Uint16Array
  readonly arg2Type: Uint16Array
  readonly arg2Off: Int32Array
  readonly arg2ValueLo: Uint32Array
  readonly arg2ValueHi: Uint32Array
  /** R2's stack offset was another one at another visit. */
  readonly arg2Changed: Uint8Array

  /** Of each function: stack bytes with the save areas, and whether it must save R6 to R9. */
  stackDepth: Int32Array
  savesRegs: Uint8Array
  /** The instruction whose adjust_head may take the short form, 0 for none, ADJUST_HEAD_IMPOSSIBLE. */
  adjustHead: number
  maxPacketOffset: number
  /** R1's context pointer is used as a value: compared, calculated with, or stored outside the stack. */
  contextObserved: boolean
}

const U32_MAX = 0xffffffff

export function newFacts(count: number): Facts {
  const u8 = (): Uint8Array => new Uint8Array(count)
  const u16 = (): Uint16Array => new Uint16Array(count)
  const s32 = (): Int32Array => new Int32Array(count)
  const u32 = (): Uint32Array => new Uint32Array(count)
  return {
    count,
    flags: u8(),
    more: u8(),
    subprog: u16(),
    jumpTo: s32().fill(-1),
    // The union of no visits: the lowest is the greatest number, the greatest is 0.
    uminSrcLo: u32().fill(U32_MAX),
    uminSrcHi: u32().fill(U32_MAX),
    umaxSrcLo: u32(),
    umaxSrcHi: u32(),
    uminDstLo: u32().fill(U32_MAX),
    uminDstHi: u32().fill(U32_MAX),
    umaxDstLo: u32(),
    umaxDstHi: u32(),
    ptrType: u8(),
    ptrOff: s32(),
    ptrId: s32(),
    ptrValueLo: u32(),
    ptrValueHi: u32(),
    ptrMaskLo: u32(),
    ptrMaskHi: u32(),
    ptrFrame: u8(),
    notConst: u8(),
    atomic: u8(),
    helper: s32(),
    argType: u16(),
    arg2Type: u16(),
    arg2Off: s32(),
    arg2ValueLo: u32(),
    arg2ValueHi: u32(),
    arg2Changed: u8(),
    stackDepth: new Int32Array(1),
    savesRegs: new Uint8Array(1),
    adjustHead: 0,
    maxPacketOffset: 0,
    contextObserved: false,
  }
}
