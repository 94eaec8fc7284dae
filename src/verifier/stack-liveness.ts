// Which stack slots may still be read. Unlike registers this can't be known beforehand, because pointers into the stack are passed
// around: the simulation reports reads and writes as it meets them, per instruction and call chain, and a data-flow over the function
// spreads them whenever a path or function ends. An Instance is a function in one call chain; chains form a tree whose edges are call
// sites. For each frame of the chain an instance has 8 words an instruction: four masks of 64 slots, low half first.

import { CALLS_CALLBACK, type Env, PRUNE_POINT } from './env.ts'
import type { StackWatch } from './stack-watch.ts'
import { MAX_CALL_FRAMES, type State } from './state.ts'

const WORDS = 8
/** Slots that the instruction may read. */
const READ = 0
/** Slots that it overwrites on every visit. */
const WRITE = 2
/** Slots that are overwritten on every way from here to the end of the function. */
const WRITTEN = 4
/** Slots that may be read from here on before they are overwritten. */
const LIVE = 6

class Instance {
  readonly outer: Instance | null
  /** Instruction of the call in the outer instance. */
  readonly callsite: number
  readonly depth: number
  readonly subprog: number
  readonly start: number
  readonly count: number
  readonly inner: Map<number, Instance> = new Map()
  readonly frames: (Int32Array | null)[]
  /** 1: the instruction was simulated, its WRITE mask means something. */
  readonly writeSet: Uint8Array
  updated = false
  writeDropped = false

  constructor(env: Env, outer: Instance | null, callsite: number, subprog: number) {
    this.outer = outer
    this.callsite = callsite
    this.depth = outer === null ? 0 : outer.depth + 1
    this.subprog = subprog
    this.start = env.subprogs[subprog]!.start
    this.count = env.subprogEnd(subprog) - this.start
    this.frames = new Array<Int32Array | null>(this.depth + 1).fill(null)
    this.writeSet = new Uint8Array(this.count)
  }

  masks(frame: number): Int32Array {
    let masks = this.frames[frame]
    if (masks === null || masks === undefined) {
      masks = new Int32Array(this.count * WORDS)
      this.frames[frame] = masks
    }
    return masks
  }

  /** As the log shows it: the call sites, and the beginning of the innermost function. */
  chain(): string {
    const sites = [this.start]
    for (let at: Instance = this; at.outer !== null; at = at.outer) sites.unshift(at.callsite)
    return `(${sites.join(',')})`
  }
}

export class StackLiveness implements StackWatch {
  readonly #env: Env
  readonly #roots: Map<number, Instance> = new Map()
  #current: Instance | null = null
  /** Slots that the instruction at #insn has written, two words a frame. */
  readonly #written: Int32Array = new Int32Array(2 * MAX_CALL_FRAMES)
  #insn = 0
  readonly #asked: Instance[] = []
  #askedFrame = 0
  #askedInsn = 0

  constructor(env: Env) {
    this.#env = env
  }

  begin(insn: number): void {
    this.#reset(this.#ensure(), insn)
  }

  read(frame: number, insn: number, lo: number, hi: number): void {
    markRead(this.#ensure(), frame, insn, lo, hi)
  }

  write(frame: number, lo: number, hi: number): void {
    this.#written[2 * frame]! |= lo
    this.#written[2 * frame + 1]! |= hi
  }

  commit(): void {
    if (this.#current !== null) this.#commit(this.#current)
  }

  resetChain(): void {
    this.#current = null
  }

  update(): void {
    const { state } = this.#env
    this.#current = null
    let instance: Instance | null = this.#lookup(state, state.curframe)
    for (; instance !== null; instance = instance.outer) {
      if (!instance.updated) continue
      this.#spread(instance)
      instance.updated = false
      instance.writeDropped = false
    }
  }

  query(state: State): void {
    let instance: Instance | null = this.#lookup(state, state.curframe)
    for (; instance !== null; instance = instance.outer) this.#asked[instance.depth] = instance
    this.#askedFrame = state.curframe
    this.#askedInsn = state.insn
  }

  alive(frame: number, slot: number): boolean {
    const last = this.#askedFrame
    if (isLive(this.#asked[last]!, frame, this.#askedInsn, slot)) return true
    // In an outer function the slot counts from the call's return on; a callback may be called again.
    for (let i = frame; i < last; i++) {
      const callsite = this.#asked[i + 1]!.callsite
      const again = (this.#env.marks[callsite]! & CALLS_CALLBACK) !== 0
      if (isLive(this.#asked[i]!, frame, again ? callsite : callsite + 1, slot)) return true
    }
    return false
  }

  #ensure(): Instance {
    this.#current ??= this.#lookup(this.#env.state, this.#env.state.curframe)
    return this.#current
  }

  #lookup(state: State, frames: number): Instance {
    const main = state.frames[0]!.subprog
    let at = this.#roots.get(main)
    if (at === undefined) {
      at = new Instance(this.#env, null, -1, main)
      this.#roots.set(main, at)
    }
    for (let i = 1; i <= frames; i++) {
      const { callsite, subprog } = state.frames[i]!
      const key = callsite * this.#env.subprogs.length + subprog
      let inner: Instance | undefined = at.inner.get(key)
      if (inner === undefined) {
        inner = new Instance(this.#env, at, callsite, subprog)
        at.inner.set(key, inner)
      }
      at = inner
    }
    return at
  }

  #reset(instance: Instance, insn: number): void {
    this.#insn = insn
    this.#written.fill(0, 0, 2 * (instance.depth + 1))
  }

  /** A slot counts as overwritten by an instruction if every visit overwrites it. */
  #commit(instance: Instance): void {
    const at = this.#insn - instance.start
    const known = instance.writeSet[at] === 1
    for (let frame = 0; frame <= instance.depth; frame++) {
      let lo = this.#written[2 * frame]!
      let hi = this.#written[2 * frame + 1]!
      if ((lo | hi) === 0 && !known) continue
      const masks = instance.masks(frame)
      const w = at * WORDS + WRITE
      const oldLo = masks[w]!
      const oldHi = masks[w + 1]!
      if (known) {
        lo &= oldLo
        hi &= oldHi
      }
      if (lo !== oldLo || hi !== oldHi) {
        masks[w] = lo
        masks[w + 1] = hi
        instance.updated = true
      }
      if (((oldLo & ~lo) | (oldHi & ~hi)) !== 0) instance.writeDropped = true
    }
    instance.writeSet[at] = 1
    this.#insn = 0
  }

  /** Data-flow up to the fixed point, and what it found for outer frames on to the call. */
  #spread(instance: Instance): void {
    if (instance.writeDropped) {
      for (const masks of instance.frames) {
        if (masks === null) continue
        for (let w = WRITTEN; w < masks.length; w += WORDS) {
          masks[w] = 0
          masks[w + 1] = 0
        }
      }
    }
    const { postorder, subprogs, logging2 } = this.#env
    const from = subprogs[instance.subprog]!.postorderStart
    const to = subprogs[instance.subprog + 1]?.postorderStart ?? postorder.length
    let rounds = 0
    for (let changed = true; changed; rounds++) {
      changed = false
      for (let frame = 0; frame <= instance.depth; frame++) {
        const masks = instance.frames[frame]
        if (masks === null || masks === undefined) continue
        for (let n = from; n < to; n++) if (this.#flow(instance, masks, frame, postorder[n]!)) changed = true
      }
    }
    if (logging2) this.#env.verbose(`${instance.chain()} live stack update done in ${rounds} iterations\n`)
    if (instance.outer !== null) this.#handUp(instance, instance.outer)
  }

  #handUp(instance: Instance, outer: Instance): void {
    this.#reset(outer, instance.callsite)
    for (let frame = 0; frame < instance.depth; frame++) {
      const masks = instance.frames[frame]
      if (masks === null || masks === undefined) continue
      this.write(frame, masks[WRITTEN]!, masks[WRITTEN + 1]!)
      markRead(outer, frame, instance.callsite, masks[LIVE]!, masks[LIVE + 1]!)
    }
    this.#commit(outer)
  }

  /** One step of the data-flow; true if anything changed. */
  #flow(instance: Instance, masks: Int32Array, frame: number, insn: number): boolean {
    const { flow, marks, logging2 } = this.#env
    const next = flow.next[insn]!
    const target = flow.target[insn]!
    if (next < 0 && target < 0) return false
    const w = (insn - instance.start) * WORDS
    let liveLo = 0
    let liveHi = 0
    let writtenLo = -1
    let writtenHi = -1
    if (next >= 0) {
      const s = (next - instance.start) * WORDS
      liveLo = masks[s + LIVE]!
      liveHi = masks[s + LIVE + 1]!
      writtenLo = masks[s + WRITTEN]!
      writtenHi = masks[s + WRITTEN + 1]!
    }
    if (target >= 0) {
      const s = (target - instance.start) * WORDS
      liveLo |= masks[s + LIVE]!
      liveHi |= masks[s + LIVE + 1]!
      writtenLo &= masks[s + WRITTEN]!
      writtenHi &= masks[s + WRITTEN + 1]!
    }
    const readLo = masks[w + READ]!
    const readHi = masks[w + READ + 1]!
    const writeLo = masks[w + WRITE]!
    const writeHi = masks[w + WRITE + 1]!
    writtenLo |= writeLo
    writtenHi |= writeHi
    liveLo = (liveLo & ~writeLo) | readLo
    liveHi = (liveHi & ~writeHi) | readHi
    const liveChanged = liveLo !== masks[w + LIVE] || liveHi !== masks[w + LIVE + 1]
    const writtenChanged = writtenLo !== masks[w + WRITTEN] || writtenHi !== masks[w + WRITTEN + 1]
    if (!liveChanged && !writtenChanged) return false
    if (logging2) {
      const telling = (readLo | readHi | writeLo | writeHi) !== 0 || insn === instance.start || (marks[insn]! & PRUNE_POINT) !== 0
      if (telling) {
        this.#log(instance, 'live', frame, insn, masks, w + LIVE, liveLo, liveHi)
        this.#log(instance, 'written', frame, insn, masks, w + WRITTEN, writtenLo, writtenHi)
      }
    }
    masks[w + LIVE] = liveLo
    masks[w + LIVE + 1] = liveHi
    masks[w + WRITTEN] = writtenLo
    masks[w + WRITTEN + 1] = writtenHi
    return true
  }

  #log(
    instance: Instance,
    what: string,
    frame: number,
    insn: number,
    masks: Int32Array,
    w: number,
    lo: number,
    hi: number,
  ): void {
    const oldLo = masks[w]!
    const oldHi = masks[w + 1]!
    if (lo === oldLo && hi === oldHi) return
    let line = `${instance.chain()} frame ${frame} insn ${insn} `
    const more = slotList(lo & ~oldLo, hi & ~oldHi)
    const less = slotList(oldLo & ~lo, oldHi & ~hi)
    if (more !== '') line += `+${what} ${more} `
    if (less !== '') line += `-${what} ${less}`
    this.#env.verbose(`${line}\n`)
  }
}

function markRead(instance: Instance, frame: number, insn: number, lo: number, hi: number): void {
  const masks = instance.masks(frame)
  const w = (insn - instance.start) * WORDS
  const moreLo = lo & ~masks[w + READ]!
  const moreHi = hi & ~masks[w + READ + 1]!
  const readLo = masks[w + READ]! | lo
  const readHi = masks[w + READ + 1]! | hi
  if ((moreLo | moreHi) !== 0 && ((readLo & ~masks[w + LIVE]!) | (readHi & ~masks[w + LIVE + 1]!)) !== 0) instance.updated = true
  masks[w + READ] = readLo
  masks[w + READ + 1] = readHi
}

function isLive(instance: Instance, frame: number, insn: number, slot: number): boolean {
  const masks = instance.frames[frame]
  if (masks === null || masks === undefined) return false
  return (masks[(insn - instance.start) * WORDS + LIVE + (slot >> 5)]! & (1 << (slot & 31))) !== 0
}

/** `-8,-16` for slots 0 and 1. */
export function slotList(lo: number, hi: number): string {
  const list: number[] = []
  for (let slot = 0; slot < 64; slot++) if (((slot < 32 ? lo : hi) & (1 << (slot & 31))) !== 0) list.push(-8 * slot - 8)
  return list.join(',')
}
