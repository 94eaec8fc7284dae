// What the verifier knows at one point of one path. A Frame is one call's registers and stack, each in one Int32Array (layout in
// reg.ts); a State is a chain of frames, the references held, and the jumps taken since its checkpoint. Both are pooled: verification
// copies states at every branch and checkpoint, and copying into arrays that are already there is a plain memory copy.

import { FRAME_REG_WORDS, PTR_TO_STACK, R_FRAME, REG_WORDS, S_TYPES, SLOT_WORDS, setNotInit, setPointer } from './reg.ts'

export const MAX_CALL_FRAMES = 8
export const MAX_BPF_STACK = 512
// Spills around bpf_fastcall helpers may use six slots more.
const MAX_SLOTS = MAX_BPF_STACK / 8 + 6

/** Words of a reference: id, acquiring instruction, REF_TYPE_*, identity of the lock (map or BTF pointer). */
export const REF_WORDS = 4
export const REF_ID = 0
export const REF_INSN = 1
export const REF_TYPE = 2
export const REF_PTR = 3

/**
 * Words of a jump history entry: instruction, previous instruction, INSN_F_* flags, and up to six linked registers of 10 bits, three
 * a word: 3 bits frame, 1 bit "is a register", 6 bits register or slot; the number of them in the flags from bit 12 on.
 */
export const JMP_WORDS = 5
export const J_IDX = 0
export const J_PREV = 1
export const J_FLAGS = 2
export const J_LINKED = 3
/** Bits 0-2: frame; bits 3-8: slot. */
export const INSN_F_SPI_SHIFT = 3
export const INSN_F_STACK_ACCESS: number = 1 << 9
export const INSN_F_DST_REG_STACK: number = 1 << 10
export const INSN_F_SRC_REG_STACK: number = 1 << 11
export const J_LINKED_COUNT_SHIFT = 12

const freshRegs = new Int32Array(FRAME_REG_WORDS)
for (let i = 0; i < FRAME_REG_WORDS; i += REG_WORDS) setNotInit(freshRegs, i)
setPointer(freshRegs, 10 * REG_WORDS, PTR_TO_STACK)

/** A slot that was never written. */
const freshSlot = new Int32Array(SLOT_WORDS)
setNotInit(freshSlot, 0)

export class Frame {
  readonly regs: Int32Array = new Int32Array(FRAME_REG_WORDS)
  stack: Int32Array = new Int32Array(0)
  /** Bytes of stack in use, a multiple of 8; slot s is the words from s * SLOT_WORDS on. */
  allocated = 0
  /** Instruction of the call; -1 in the main frame. */
  callsite = -1
  frameno = 0
  subprog = 0
  asyncEntryCount = 0
  callbackDepth = 0
  inCallback = false
  inAsyncCallback = false
  inExceptionCallback = false
  /** Registers written since the last checkpoint, a bit each. */
  written = 0
  /** Of a checkpoint: registers of which somewhere behind it all 64 bits were read before they were written. */
  read64 = 0
  /** R0 came from a call and was last written before the last checkpoint, in this frame, which has ended since; -1: it did not. */
  resultFrame = -1
  /** The range that a callback's return value must be in. */
  returnMin = 0
  returnMax = 0

  reset(callsite: number, frameno: number, subprog: number): void {
    this.regs.set(freshRegs)
    this.regs[10 * REG_WORDS + R_FRAME] = frameno
    this.allocated = 0
    this.callsite = callsite
    this.frameno = frameno
    this.subprog = subprog
    this.asyncEntryCount = 0
    this.callbackDepth = 0
    this.inCallback = false
    this.inAsyncCallback = false
    this.inExceptionCallback = false
    this.returnMin = 0
    this.returnMax = 0
    this.written = 0
    this.read64 = 0
    this.resultFrame = -1
  }

  /** Makes at least `bytes` (rounded up to 8) of stack; new slots are uninitialised. */
  grow(bytes: number): void {
    const wanted = (bytes + 7) & ~7
    if (wanted <= this.allocated) return
    this.reserve(wanted)
    for (let w = (this.allocated >> 3) * SLOT_WORDS; w < (wanted >> 3) * SLOT_WORDS; w += SLOT_WORDS) this.stack.set(freshSlot, w)
    this.allocated = wanted
  }

  /** Word where slot `s` begins. */
  slot(s: number): number {
    return s * SLOT_WORDS
  }

  copyFrom(other: Frame): void {
    this.regs.set(other.regs)
    this.reserve(other.allocated)
    const words = (other.allocated >> 3) * SLOT_WORDS
    const from = other.stack
    const to = this.stack
    if (words === from.length) to.set(from)
    else for (let i = 0; i < words; i++) to[i] = from[i]!
    this.allocated = other.allocated
    this.callsite = other.callsite
    this.frameno = other.frameno
    this.subprog = other.subprog
    this.asyncEntryCount = other.asyncEntryCount
    this.callbackDepth = other.callbackDepth
    this.inCallback = other.inCallback
    this.inAsyncCallback = other.inAsyncCallback
    this.inExceptionCallback = other.inExceptionCallback
    this.returnMin = other.returnMin
    this.returnMax = other.returnMax
    this.written = other.written
    this.read64 = 0
    this.resultFrame = other.resultFrame
  }

  private reserve(bytes: number): void {
    const words = (bytes >> 3) * SLOT_WORDS
    if (this.stack.length >= words) return
    const stack = new Int32Array(Math.min(Math.max(words, this.stack.length * 2), MAX_SLOTS * SLOT_WORDS))
    stack.set(this.stack)
    this.stack = stack
  }
}

/** A visit of a loop: the checkpoint that it began at, and paths that ended because they equal a checkpoint inside. */
export interface LoopVisit {
  /** The call sites down to the loop and its component, such as `(5,1)`. */
  readonly chain: string
  entry: State | null
  readonly backedges: State[]
}

export class State {
  /** Frames 0..curframe are in use; later ones are leftovers for reuse. */
  readonly frames: Frame[] = []
  curframe = 0
  refs: Int32Array = new Int32Array(0)
  refCount = 0
  activeLocks = 0
  activePreemptLocks = 0
  activeIrqId = 0
  activeLockId = 0
  activeLockPtr = 0
  activeRcuLocks = 0
  speculative = false
  inSleepable = false
  /** Explored paths that this checkpoint still waits for. */
  branches = 1
  /** Instruction about to run, or where the checkpoint stands. */
  insn = 0
  firstInsn = 0
  lastInsn = -1
  /** The checkpoint that this state comes from. */
  parent: State | null = null
  /** Of a backedge: the checkpoint that it was found equal to. */
  equal: State | null = null
  dfsDepth = 0
  callbackUnrollDepth = 0
  mayGotoDepth = 0
  /** Dead registers and slots have been dropped. */
  cleaned = false
  jmp: Int32Array = new Int32Array(0)
  jmpCount = 0
  // Particulars of a checkpoint in the table of explored states.
  hits = 0
  misses = 0
  explored = false
  inFreeList = false
  /** Of a checkpoint inside a loop: the visit of the loop that it belongs to. */
  visit: LoopVisit | null = null
  /** Of a checkpoint: a digest of the current frame's registers; equal states have equal digests. */
  digest = 0

  frame(n: number): Frame {
    return this.frames[n]!
  }

  /** Puts a fresh frame on top; its number is one more than the current. */
  push(callsite: number, subprog: number): Frame {
    const frame = this.enter(this.curframe + 1)
    frame.reset(callsite, this.curframe + 1, subprog)
    this.curframe++
    return frame
  }

  /** Makes this a state with one fresh frame. */
  start(subprog: number): Frame {
    this.clear()
    const frame = this.enter(0)
    frame.reset(-1, 0, subprog)
    return frame
  }

  /** All but the jump history, which belongs to a path and not to a point. */
  copyFrom(other: State): void {
    for (let i = 0; i <= other.curframe; i++) this.enter(i).copyFrom(other.frames[i]!)
    this.curframe = other.curframe
    const words = other.refCount * REF_WORDS
    if (this.refs.length < words) this.refs = new Int32Array(Math.max(words, 32))
    for (let i = 0; i < words; i++) this.refs[i] = other.refs[i]!
    this.refCount = other.refCount
    this.activeLocks = other.activeLocks
    this.activePreemptLocks = other.activePreemptLocks
    this.activeIrqId = other.activeIrqId
    this.activeLockId = other.activeLockId
    this.activeLockPtr = other.activeLockPtr
    this.activeRcuLocks = other.activeRcuLocks
    this.speculative = other.speculative
    this.inSleepable = other.inSleepable
    this.branches = other.branches
    this.insn = other.insn
    this.firstInsn = other.firstInsn
    this.lastInsn = other.lastInsn
    this.parent = other.parent
    this.equal = other.equal
    this.dfsDepth = other.dfsDepth
    this.callbackUnrollDepth = other.callbackUnrollDepth
    this.mayGotoDepth = other.mayGotoDepth
    this.cleaned = other.cleaned
    this.copyJumps(other)
  }

  copyJumps(other: State): void {
    const words = other.jmpCount * JMP_WORDS
    if (this.jmp.length < words) this.jmp = new Int32Array(other.jmp.length)
    for (let i = 0; i < words; i++) this.jmp[i] = other.jmp[i]!
    this.jmpCount = other.jmpCount
  }

  /** Appends a jump history entry and returns the index of its first word. */
  pushJump(insn: number, previous: number, flags: number, linked0: number, linked1: number): number {
    const at = this.jmpCount * JMP_WORDS
    if (at === this.jmp.length) {
      const jmp = new Int32Array(Math.max(at * 2, 16 * JMP_WORDS))
      jmp.set(this.jmp)
      this.jmp = jmp
    }
    this.jmp[at + J_IDX] = insn
    this.jmp[at + J_PREV] = previous
    this.jmp[at + J_FLAGS] = flags
    this.jmp[at + J_LINKED] = linked0
    this.jmp[at + J_LINKED + 1] = linked1
    this.jmpCount++
    return at
  }

  /** Appends a reference. */
  addRef(id: number, insn: number, type: number, ptr: number): void {
    const at = this.refCount * REF_WORDS
    if (at === this.refs.length) {
      const refs = new Int32Array(Math.max(at * 2, 8 * REF_WORDS))
      refs.set(this.refs)
      this.refs = refs
    }
    this.refs[at + REF_ID] = id
    this.refs[at + REF_INSN] = insn
    this.refs[at + REF_TYPE] = type
    this.refs[at + REF_PTR] = ptr
    this.refCount++
  }

  /** Position of the reference of a kind with an id, -1 if there is none. */
  findRef(id: number, types: number): number {
    for (let i = 0; i < this.refCount; i++) {
      if (this.refs[i * REF_WORDS + REF_ID] === id && (this.refs[i * REF_WORDS + REF_TYPE]! & types) !== 0) return i
    }
    return -1
  }

  /** Takes a reference out, keeping the order of the others. */
  removeRef(position: number): void {
    this.refs.copyWithin(position * REF_WORDS, (position + 1) * REF_WORDS, this.refCount * REF_WORDS)
    this.refCount--
  }

  private enter(n: number): Frame {
    let frame = this.frames[n]
    if (frame === undefined) {
      frame = new Frame()
      this.frames[n] = frame
    }
    return frame
  }

  private clear(): void {
    this.curframe = 0
    this.refCount = 0
    this.activeLocks = 0
    this.activePreemptLocks = 0
    this.activeIrqId = 0
    this.activeLockId = 0
    this.activeLockPtr = 0
    this.activeRcuLocks = 0
    this.speculative = false
    this.inSleepable = false
    this.branches = 1
    this.insn = 0
    this.firstInsn = 0
    this.lastInsn = -1
    this.parent = null
    this.equal = null
    this.dfsDepth = 0
    this.callbackUnrollDepth = 0
    this.mayGotoDepth = 0
    this.cleaned = false
    this.jmpCount = 0
  }
}

/** States that are out of use, for the next copy. */
export class StatePool {
  readonly #free: State[] = []

  copy(of: State): State {
    const state = this.take()
    state.copyFrom(of)
    return state
  }

  take(): State {
    const state = this.#free.pop() ?? new State()
    state.hits = 0
    state.misses = 0
    state.explored = false
    state.inFreeList = false
    state.visit = null
    return state
  }

  release(state: State): void {
    state.parent = null
    state.equal = null
    this.#free.push(state)
  }
}

/** Whether a slot's register stands for all eight bytes: it was spilled whole. */
export function isSpilled(stack: Int32Array, slot: number): boolean {
  // The byte at the lowest address tells: a narrower spill begins there.
  return stack[slot + S_TYPES + 1]! >>> 24 === 1
}
