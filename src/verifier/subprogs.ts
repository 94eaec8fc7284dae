// Finding the functions of a program: the first instruction begins one, and so does whatever a call or a function pointer refers to.
// A function ends where the next begins, so jumps must stay inside and the last instruction must not fall through.

import { E2BIG, EINVAL, EPERM, EPROTO } from '../bpf/errno.ts'
import {
  BPF_ABS,
  BPF_EXIT,
  BPF_IND,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  CALL,
  EXIT,
  LD_IMM64,
} from '../bpf/opcode.ts'
import { isHelperCall, isKfuncCall } from './call-summary.ts'
import { type Env, newSubprog, type Subprog } from './env.ts'
import { exceptionCallback } from './exception.ts'
import { isJump } from './flow.ts'
import { isAbsentKfunc, kfuncAt, kfuncNameAt } from './kfunc.ts'

const MAX_SUBPROGS = 256
const MAX_KFUNCS = 256
const TAIL_CALL = 12

export function isPseudoCall(env: Env, i: number): boolean {
  return env.insns.code[i] === CALL && env.insns.src[i] === BPF_PSEUDO_CALL
}

export function isPseudoFunc(env: Env, i: number): boolean {
  return env.insns.code[i] === LD_IMM64 && env.insns.src[i] === BPF_PSEUDO_FUNC
}

/** Index of the subprogram that begins at an instruction, -1 if none does. */
export function findSubprog(env: Env, start: number): number {
  return env.subprogs.findIndex(subprog => subprog.start === start)
}

/** Pass 4: the functions, and the kernel functions that are called. */
export function addSubprogs(env: Env): void {
  const { insns, count } = env
  const starts = new Set([0])
  const kfuncs = new Set<string>()
  const add = (start: number): void => {
    if (start < 0 || start >= count) env.reject(EINVAL, 'call to invalid destination')
    if (starts.has(start)) return
    if (starts.size >= MAX_SUBPROGS) env.reject(E2BIG, 'too many subprograms')
    starts.add(start)
  }
  for (let i = 0; i < count; i++) {
    env.insn = i
    const kfunc = isKfuncCall(insns, i)
    if (!kfunc && !isPseudoCall(env, i) && !isPseudoFunc(env, i)) continue
    if (!env.privileged) {
      env.reject(EPERM, 'loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN')
    }
    if (kfunc) addKfunc(env, i, kfuncs)
    else add(i + insns.imm[i]! + 1)
  }
  const thrown = exceptionCallback(env)
  if (thrown > 0) add(thrown)
  const sorted = [...starts].sort((a, b) => a - b)
  env.subprogs = sorted.map(newSubprog)
  for (let n = 0; n < sorted.length; n++) {
    if (thrown > 0 && sorted[n] === thrown) env.subprogs[n]!.isExceptionCallback = true
    env.subprogOf.fill(n, sorted[n], sorted[n + 1] ?? count)
    if (env.logging2) env.verbose(`func#${n} @${sorted[n]}\n`)
  }
}

function addKfunc(env: Env, i: number, known: Set<string>): void {
  if (!env.gpl) env.reject(EINVAL, 'cannot call kernel function from non-GPL compatible program')
  if (isAbsentKfunc(env, i)) return
  const off = env.insns.off[i]!
  if (off !== 0) {
    // An offset is an index into the file descriptors of modules' BTF, of which a load here has none.
    if (off < 0) env.verbose('negative offset disallowed for kernel module function call\n')
    else env.verbose('kfunc offset > 0 without fd_array is invalid\n')
    env.reject(off < 0 ? EINVAL : EPROTO, 'failed to find BTF for kernel function')
  }
  const name = kfuncNameAt(env, i)
  if (name === undefined) env.reject(EINVAL, `kernel btf_id ${env.insns.imm[i]! >>> 0} is not a function`)
  if (known.has(name)) return
  if (known.size >= MAX_KFUNCS) env.reject(E2BIG, 'too many different kernel function calls')
  known.add(name)
  if (kfuncAt(env, i)?.name.startsWith('bpf_xdp_metadata_') !== true) return
  if (env.target.kind === 'host') env.reject(EINVAL, 'metadata kfuncs require device-bound program')
  if (env.target.kind === 'offloaded') env.reject(EINVAL, "metadata kfuncs can't be offloaded")
}

/** Pass 5: jumps stay in their function, which ends in an exit or a jump. */
export function checkSubprogs(env: Env): void {
  const { insns, flow } = env
  for (let n = 0; n < env.subprogs.length; n++) {
    const subprog = env.subprogs[n]!
    const end = env.subprogEnd(n)
    for (let i = subprog.start; i < end; i++) {
      env.insn = i
      checkInsn(env, subprog, i, end)
    }
    const last = insns.code[end - 1]!
    if (last !== EXIT && last !== (BPF_JMP32 | BPF_JA) && last !== (BPF_JMP | BPF_JA)) {
      env.reject(EINVAL, 'last insn is not an exit or jmp')
    }
  }
  function checkInsn(env: Env, subprog: Subprog, i: number, end: number): void {
    const code = insns.code[i]!
    const cls = code & 7
    if (isHelperCall(insns, i) && insns.imm[i] === TAIL_CALL) {
      subprog.hasTailCall = true
      subprog.tailCallReachable = true
    }
    const mode = code & 0xe0
    if (cls === BPF_LD && (mode === BPF_ABS || mode === BPF_IND)) subprog.hasLdAbs = true
    if (isJump(code)) {
      const target = flow.target[i]!
      if (target < subprog.start || target >= end) env.reject(EINVAL, `jump out of range from insn ${i} to ${target}`)
    } else if ((cls === BPF_JMP || cls === BPF_JMP32) && (code & 0xf0) === BPF_EXIT) {
      subprog.exitInsn = i
    }
  }
}
