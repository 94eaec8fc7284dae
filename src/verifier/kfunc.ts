// Kernel functions as a program sees them. A call carries a BTF id of the kernel that it was made for; here the name that stands beside
// the call in `Program.kfuncs` decides, and the id is only printed.

import { BPF_PSEUDO_KFUNC_CALL, CALL } from '../bpf/opcode.ts'
import {
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_XDP,
} from '../bpf/prog-type-table.ts'
import type { Env } from './env.ts'
import { kfuncRows } from './kfunc-table.ts'

export interface KfuncParam {
  /** C type without the name: `struct bpf_dynptr*`, `u32`. */
  readonly type: string
  /** With its suffix: `buffer__szk`. */
  readonly name: string
}

export interface Kfunc {
  readonly name: string
  /** Letters of the program types that may call it. */
  readonly types: string
  /** C type, `void` for none. */
  readonly returns: string
  readonly params: readonly KfuncParam[]
  readonly acquire: boolean
  readonly release: boolean
  readonly retNull: boolean
  readonly trustedArgs: boolean
  readonly rcu: boolean
  readonly rcuProtected: boolean
  readonly sleepable: boolean
  readonly iterNew: boolean
  readonly iterNext: boolean
  readonly iterDestroy: boolean
  readonly fastcall: boolean
}

const kfuncs: ReadonlyMap<string, Kfunc> = new Map(
  kfuncRows.map(([name, types, flags, returns, params]) => [
    name,
    {
      name,
      types,
      returns,
      params: params === '' ? [] : params.split(',').map(parseParam),
      acquire: flags.includes('A'),
      release: flags.includes('R'),
      retNull: flags.includes('N'),
      // What releases a reference takes trusted arguments only.
      trustedArgs: flags.includes('T') || flags.includes('R'),
      rcu: flags.includes('C'),
      rcuProtected: flags.includes('U'),
      sleepable: flags.includes('S'),
      iterNew: flags.includes('i'),
      iterNext: flags.includes('n'),
      iterDestroy: flags.includes('d'),
      fastcall: flags.includes('F'),
    },
  ]),
)

function parseParam(text: string): KfuncParam {
  const trimmed = text.trim()
  const space = trimmed.lastIndexOf(' ')
  return { type: trimmed.slice(0, space).trim(), name: trimmed.slice(space + 1) }
}

/** The name of the kernel function that an instruction calls; undefined where the program gives none. */
export function kfuncNameAt(env: Env, i: number): string | undefined {
  for (const [insn, name] of env.program.kfuncs ?? []) if (insn === i) return name
  return undefined
}

/** The kernel function that an instruction calls; undefined for other instructions and for names that no program here may call. */
export function kfuncAt(env: Env, i: number): Kfunc | undefined {
  if (env.insns.code[i] !== CALL || env.insns.src[i] !== BPF_PSEUDO_KFUNC_CALL) return undefined
  const name = kfuncNameAt(env, i)
  return name === undefined ? undefined : kfuncs.get(name)
}

/** Whether a call has the id 0 and no known name: a weak symbol that the kernel lacks, which is refused only where it survives dead-code removal. */
export function isAbsentKfunc(env: Env, i: number): boolean {
  return env.insns.imm[i] === 0 && env.insns.off[i] === 0 && kfuncAt(env, i) === undefined
}

const letters: ReadonlyMap<number, string> = new Map([
  [BPF_PROG_TYPE_XDP, 'x'],
  [BPF_PROG_TYPE_SCHED_CLS, 't'],
  [BPF_PROG_TYPE_SCHED_ACT, 't'],
  [BPF_PROG_TYPE_SOCKET_FILTER, 's'],
  [BPF_PROG_TYPE_CGROUP_SKB, 'c'],
])

/** Whether programs of a type may call it. */
export function kfuncAllowed(kfunc: Kfunc, progType: number): boolean {
  const letter = letters.get(progType)
  return letter !== undefined && kfunc.types.includes(letter)
}
