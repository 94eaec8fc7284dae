// The functions that a program's BTF calls global: callers may rely on the prototype alone, so they are verified by themselves with any
// arguments that it allows. The main program begins with its context in R1.

import { EFAULT, EINVAL } from '../bpf/errno.ts'
import { DYNPTR_LOCAL, setConstDynptr } from './dynptr.ts'
import { type Env, Reject } from './env.ts'
import { markUnknown } from './operand.ts'
import { PTR_MAYBE_NULL, PTR_TO_BTF_ID, PTR_TO_CTX, PTR_TO_MEM, R_BTF_ID, R_ID, R_RANGE, REG_WORDS, setPointer } from './reg.ts'
import { isUnreliable, matchArgs, prepareArgs, type SubprogArg } from './subprog-args.ts'
import { typeId } from './type-id.ts'
import type { View } from './view.ts'
import { walk } from './walk.ts'

/** Begins a run at the first instruction of a function; registers are set up by the caller. */
export function startFunction(env: Env, subprog: number): void {
  const state = env.pool.take()
  state.start(subprog)
  state.firstInsn = env.subprogs[subprog]!.start
  state.lastInsn = -1
  state.inSleepable = env.sleepable
  env.enter(state)
  env.scratchAll()
  env.insn = state.firstInsn
}

export function startMain(env: Env): void {
  startFunction(env, 0)
  // A main program's BTF is looked at as well; what it says is not binding.
  if (env.funcInfo.length > 0) prepareArgs(env, 0)
  setPointer(env.regs, REG_WORDS, PTR_TO_CTX)
}

/** The errno that a call's arguments deserve, after saying why in the log; 0 where they fit. A fault of the BTF itself is a refusal. */
export function checkSubprogArgs(env: Env, subprog: number): number {
  const errno = matchArgs(env, subprog)
  if (errno === EFAULT) throw new Reject(EFAULT, env.insn)
  return errno
}

/** Verifies each global function that was called, and those that they call. */
export function checkGlobalFunctions(env: Env, view: View): void {
  if (env.funcInfo.length === 0) return
  const done = new Set<number>()
  for (const subprog of env.subprogs) if (subprog.isExceptionCallback) subprog.called = true
  for (let more = true; more; ) {
    more = false
    for (let n = 1; n < env.subprogs.length; n++) {
      const subprog = env.subprogs[n]!
      if (!subprog.isGlobal || !subprog.called || done.has(n)) continue
      checkGlobal(env, n, view)
      done.add(n)
      more = true
    }
  }
}

function checkGlobal(env: Env, n: number, view: View): void {
  const subprog = env.subprogs[n]!
  startFunction(env, n)
  if (env.logging) env.log.add(`Validating ${subprog.name}() func#${n}...\n`)
  const args = prepareArgs(env, n)
  if (typeof args === 'number') throw new Reject(args, env.insn)
  if (isUnreliable(subprog)) throw new Reject(EFAULT, env.insn)
  if (subprog.isExceptionCallback) {
    env.frame.inExceptionCallback = true
    if (args.length !== 1 || args[0]!.kind !== 'scalar') {
      env.reject(EINVAL, 'exception cb only supports single integer argument')
    }
  }
  for (let i = 0; i < args.length; i++) setArg(env, i + 1, args[i]!)
  walk(env, view)
  if (!env.logging2) env.log.reset(0)
  if (env.logging) env.log.add(`Func#${n} ('${subprog.name}') is safe for any args that match its prototype\n`)
}

function setArg(env: Env, n: number, arg: SubprogArg): void {
  const r = env.regs
  const i = n * REG_WORDS
  switch (arg.kind) {
    case 'scalar':
    case 'arena':
      markUnknown(env, r, i)
      return
    case 'ctx':
      setPointer(r, i, PTR_TO_CTX)
      return
    case 'dynptr':
      setConstDynptr(r, i, DYNPTR_LOCAL, env.newId())
      return
    case 'mem':
      setPointer(r, i, PTR_TO_MEM | arg.flags)
      r[i + R_RANGE] = arg.bytes
      if ((arg.flags & PTR_MAYBE_NULL) !== 0) r[i + R_ID] = env.newId()
      return
    case 'object':
      setPointer(r, i, PTR_TO_BTF_ID | arg.flags)
      r[i + R_BTF_ID] = typeId(env, arg.struct)
      r[i + R_ID] = env.newId()
  }
}
