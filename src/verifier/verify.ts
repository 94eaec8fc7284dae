// The verifier's entry: attributes, structure, simulation of the main program and of global functions, the device's last word, and the
// rewriting of dead code, in Linux's order. Every refusal on the way is a Reject, which becomes a verdict here.

import { EINVAL, ENOSPC } from '../bpf/errno.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { checkAttributes } from './attributes.ts'
import { isKfuncCall } from './call-summary.ts'
import { HARD_WIRED_NOP, HARD_WIRED_TAKEN, REMOVED, type Rewritten, rewriteDeadCode } from './dead-code.ts'
import { Env, Reject, type VerifyOptions } from './env.ts'
import { explain } from './explain.ts'
import { checkGlobalFunctions, startMain } from './global-function.ts'
import { isThrow } from './kfunc-call.ts'
import { LOG_LEVEL, LOG_LEVEL1, LOG_STATS } from './log.ts'
import { StackLiveness } from './stack-liveness.ts'
import { checkStructure } from './structure.ts'
import type { Facts, Refused, Stats, Verdict, Verified } from './verdict.ts'
import { Summary, View } from './view.ts'
import { walk } from './walk.ts'

export type { VerifyOptions } from './env.ts'
export type { Accepted, Facts, Refused, Stats, Verdict, Verified } from './verdict.ts'

const NO_STATS: Stats = { processed: 0, maxStatesPerInsn: 0, totalStates: 0, peakStates: 0 }

/**
 * Decides whether a program may run on a target, as Linux 6.18 does. `maps` are what the program's ld_imm64 refer to; they exist already, so
 * their contents count. Deterministic: reads no clock and no file.
 */
export function verify(program: Program, maps: readonly MapSpec[], options: VerifyOptions = {}): Verdict {
  const attributes = checkAttributes(program, {
    target: options.target ?? { kind: 'host' },
    privileged: options.privileged ?? true,
    logLevel: options.logLevel ?? 1,
  })
  if (attributes !== 0) return { ok: false, errno: attributes, message: '', at: 0, log: '', stats: NO_STATS }
  if (isWorthTrying(program, options)) {
    // At level 1 an accepted program's log is empty of instructions: most need no text at all.
    const env = new Env(program, maps, options, true)
    const verdict = attempt(env, options)
    if (verdict.ok && !env.subprogs.some(subprog => subprog.isGlobal && subprog.called)) return verdict
  }
  return attempt(new Env(program, maps, options), options)
}

/** Programs from this length on are simulated without text first; for shorter ones a refusal would take twice the time. */
const LONG = 64

// A device must see each instruction once.
function isWorthTrying(program: Program, options: VerifyOptions): boolean {
  const level = options.logLevel ?? 1
  return (level & LOG_LEVEL) === LOG_LEVEL1 && options.target?.kind !== 'offloaded' && program.insns.count >= LONG
}

function attempt(env: Env, options: VerifyOptions): Verdict {
  let errno = 0
  let rewritten: Rewritten | undefined
  try {
    rewritten = run(env)
  } catch (error) {
    if (!(error instanceof Reject)) throw error
    errno = error.errno
  }
  const message = env.log.lastLine
  const stats = statsOf(env)
  if ((env.log.level & LOG_STATS) !== 0) env.log.add(workText(env))
  if (env.log.level !== 0) env.log.add(statsText(stats))
  if (env.log.truncated) errno = ENOSPC
  const log = env.log.text()
  if (errno !== 0 || rewritten === undefined) {
    const refused: Refused = { ok: false, errno, message, at: env.insn, log, stats }
    return options.explain === true ? { ...refused, explanation: explain(env, message) } : refused
  }
  return { ok: true, verified: verified(env, rewritten), log, stats }
}

function run(env: Env): Rewritten {
  checkStructure(env)
  const view = new View(env)
  env.stackWatch = new StackLiveness(env)
  startMain(env)
  walk(env, view)
  forgetPaths(env)
  checkGlobalFunctions(env, view)
  if (env.hooks !== null) {
    const answer = env.hooks.finalize(new Summary(env))
    if (answer !== 0) throw new Reject(answer < 0 ? -answer : EINVAL, env.insn)
  }
  return rewriteDeadCode(env)
}

// At level 1 what the paths of an accepted function left in the log is of no use.
function forgetPaths(env: Env): void {
  if (!env.logging2) env.log.reset(0)
}

function statsOf(env: Env): Stats {
  return {
    processed: env.processed,
    maxStatesPerInsn: env.maxStatesPerInsn,
    totalStates: env.totalStates,
    peakStates: env.peakStates,
  }
}

/** The verifier reads no clock, so the time is always 0: what prints it can put its own measurement there. */
function workText(env: Env): string {
  const depths = env.subprogs.map(subprog => subprog.stackDepth)
  return `verification time 0 usec\nstack depth ${depths.length === 0 ? 0 : depths.join('+')}\n`
}

function statsText(stats: Stats): string {
  return (
    `processed ${stats.processed} insns (limit 1000000) max_states_per_insn ${stats.maxStatesPerInsn} ` +
    `total_states ${stats.totalStates} peak_states ${stats.peakStates} mark_read 0\n`
  )
}

function throwsByDefault(env: Env): boolean {
  if (env.subprogs.some(subprog => subprog.isExceptionCallback)) return false
  return env.seen.some((seen, i) => seen !== 0 && isKfuncCall(env.insns, i) && isThrow(env, i))
}

function loopCallback(env: Env): Int32Array {
  const list = new Int32Array(env.count).fill(-1)
  for (const [call, subprog] of env.loopCallbacks) list[call] = subprog
  return list
}

function verified(env: Env, rewritten: Rewritten): Verified {
  const facts: Facts = {
    seen: env.seen,
    zext: env.zext,
    hardWired: env.rewritten.map(bits => bits & (HARD_WIRED_TAKEN | HARD_WIRED_NOP)),
    removed: env.rewritten.map(bits => ((bits & REMOVED) !== 0 ? 1 : 0)),
    pointerType: env.ptrType,
    mapOf: env.mapOf,
    mapOffset: env.mapOffset,
    subprogStart: Int32Array.from(env.subprogs, subprog => subprog.start),
    stackDepth: Int32Array.from(env.subprogs, subprog => subprog.stackDepth),
    maxPacketOffset: env.maxPacketOffset,
    writesPacket: env.seenDirectWrite,
    kept: rewritten.insns,
    origin: rewritten.origin,
    callMap: env.callMap,
    allMaps: env.maps,
    loopCallback: loopCallback(env),
    callObject: env.callObject,
    callNumber: env.callNumber,
    throwsByDefault: throwsByDefault(env),
  }
  const result = {
    ...facts,
    program: env.program,
    maps: env.maps.slice(0, env.ownMaps),
    target: env.target,
    kernel: '6.18' as const,
    privileged: env.privileged,
  }
  // The one place where the brand is given.
  return Object.freeze(result) as unknown as Verified
}
