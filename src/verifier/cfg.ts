// Pass 9: a depth-first walk over the program that refuses unreachable code and marks where the simulation is to look for equal states
// (prune points) and to note how it came there (jump points). The walk is iterative and comes back to an instruction after each edge;
// `seen` holds for each instruction: 0 not met, DISCOVERED plus the number of edges taken while it is on the stack, EXPLORED when done.
// The order of the edges is Linux's, since it decides which fault is reported.

import { EINVAL } from '../bpf/errno.ts'
import { BPF_CALL, BPF_EXIT, BPF_JA, BPF_JCOND, BPF_JMP, BPF_JMP32, BPF_PSEUDO_CALL, BPF_X, LD_IMM64 } from '../bpf/opcode.ts'
import { callEffects } from './call-summary.ts'
import { CALLS_CALLBACK, type Env, FORCE_CHECKPOINT, ITER_NEXT, JMP_POINT, PRUNE_POINT } from './env.ts'
import { slots } from './flow.ts'
import { lineText } from './lines.ts'
import { isPseudoFunc } from './subprogs.ts'

const DISCOVERED = 0x10
const EXPLORED = 0x20
const FALLTHROUGH = 1
const BRANCH = 2

class Walk {
  readonly env: Env
  readonly seen: Uint8Array
  readonly stack: Int32Array
  depth = 0

  constructor(env: Env) {
    this.env = env
    this.seen = new Uint8Array(env.count)
    this.stack = new Int32Array(env.count)
  }

  from(start: number): void {
    this.seen[start] = DISCOVERED
    this.stack[0] = start
    this.depth = 1
    while (this.depth > 0) {
      const at = this.stack[this.depth - 1]!
      if (this.visit(at)) continue
      this.seen[at] = EXPLORED
      this.depth--
    }
  }

  /** True when an edge leads to a new instruction, which has been put on the stack. */
  private visit(at: number): boolean {
    const { insns, marks } = this.env
    const code = insns.code[at]!
    const cls = code & 7
    if (isPseudoFunc(this.env, at)) return this.call(at, true)
    if (cls !== BPF_JMP && cls !== BPF_JMP32) return this.edge(at, at + slots(insns, at), FALLTHROUGH)
    switch (code & 0xf0) {
      case BPF_EXIT:
        return false
      case BPF_CALL:
        this.markCall(at)
        return this.call(at, insns.src[at] === BPF_PSEUDO_CALL)
      case BPF_JA: {
        if ((code & BPF_X) !== 0) this.env.reject(EINVAL, '')
        const target = this.env.flow.target[at]!
        if (this.edge(at, target, FALLTHROUGH)) return true
        marks[target]! |= PRUNE_POINT | JMP_POINT
        return false
      }
      default:
        marks[at]! |= PRUNE_POINT
        if ((code & 0xf0) === BPF_JCOND && cls === BPF_JMP && insns.src[at] === 0) marks[at]! |= FORCE_CHECKPOINT
        return this.edge(at, at + 1, FALLTHROUGH) || this.edge(at, this.env.flow.target[at]!, BRANCH)
    }
  }

  private markCall(at: number): void {
    const { marks, insns } = this.env
    if (insns.src[at] === BPF_PSEUDO_CALL) return
    const effects = callEffects(this.env, at)
    if (effects.asyncCallback) marks[at]! |= PRUNE_POINT
    // How often a callback runs is not known: the call is where its states are compared.
    if (effects.syncCallback) marks[at]! |= CALLS_CALLBACK | FORCE_CHECKPOINT | PRUNE_POINT | JMP_POINT
    if (effects.iterNext) marks[at]! |= PRUNE_POINT | FORCE_CHECKPOINT | ITER_NEXT
    const subprog = this.env.subprogs[this.env.subprogOf[at]!]!
    if (effects.sleeps) subprog.mightSleep = true
    if (effects.changesPacket) subprog.changesPktData = true
  }

  private call(at: number, visitCallee: boolean): boolean {
    const { env } = this
    const after = at + slots(env.insns, at)
    if (this.edge(at, after, FALLTHROUGH)) return true
    // The way back from a function is no straight line either.
    env.marks[after]! |= PRUNE_POINT | JMP_POINT
    if (!visitCallee) return false
    const callee = at + env.insns.imm[at]! + 1
    env.marks[at]! |= PRUNE_POINT
    const from = env.subprogs[env.subprogOf[at]!]!
    const to = env.subprogs[env.subprogOf[callee]!]!
    from.changesPktData ||= to.changesPktData
    from.mightSleep ||= to.mightSleep
    return this.edge(at, callee, BRANCH)
  }

  private edge(at: number, to: number, kind: number): boolean {
    const { env, seen } = this
    if (seen[at]! >= (DISCOVERED | kind)) return false
    if (to < 0 || to >= env.count) {
      env.verbose(lineText(env, at, `${at}: `))
      env.reject(EINVAL, `jump out of range from insn ${at} to ${to}`)
    }
    if (kind === BRANCH) env.marks[to]! |= PRUNE_POINT | JMP_POINT
    if (seen[to] === 0) {
      seen[at] = DISCOVERED | kind
      seen[to] = DISCOVERED
      this.stack[this.depth++] = to
      return true
    }
    if ((seen[to]! & 0xf0) === DISCOVERED) {
      if (env.privileged) return false
      env.verbose(lineText(env, at, `${at}: `))
      env.verbose(lineText(env, to, `${to}: `))
      env.reject(EINVAL, `back-edge from insn ${at} to ${to}`)
    }
    seen[at] = DISCOVERED | kind
    return false
  }
}

export function checkCfg(env: Env): void {
  const walk = new Walk(env)
  walk.from(0)
  const thrown = env.subprogs.find(subprog => subprog.isExceptionCallback)
  if (thrown !== undefined && walk.seen[thrown.start] !== EXPLORED) walk.from(thrown.start)
  for (let i = 0; i < env.count; i++) {
    env.insn = i
    if (walk.seen[i] !== EXPLORED) env.reject(EINVAL, `unreachable insn ${i}`)
    if (env.insns.code[i] !== LD_IMM64) continue
    if (walk.seen[i + 1] !== 0) env.reject(EINVAL, `jump into the middle of ldimm64 insn ${i}`)
    i++
  }
  env.changesPktData = env.subprogs[0]!.changesPktData
}
