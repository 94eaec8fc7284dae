// The passes before the simulation, in Linux's order: each is a row, because the order decides which of several faults is reported.

import { EINVAL } from '../bpf/errno.ts'
import { checkBtfInfo, checkBtfInfoEarly } from './btf-info.ts'
import { checkCfg } from './cfg.ts'
import { type Env, Reject } from './env.ts'
import { markFastcall } from './fastcall.ts'
import { resolveImm64 } from './imm64.ts'
import { computeLiveRegs } from './live-regs.ts'
import { computePostorder, computeScc } from './order.ts'
import { addSubprogs, checkSubprogs } from './subprogs.ts'

export interface Pass {
  readonly name: string
  readonly title: string
  readonly run: (env: Env) => void
}

export const structuralPasses: readonly Pass[] = [
  { name: 'btf-info-early', title: 'function records are well formed', run: checkBtfInfoEarly },
  { name: 'subprogs', title: 'find functions and kernel functions', run: addSubprogs },
  { name: 'jumps', title: 'jumps stay in their function', run: checkSubprogs },
  { name: 'btf-info', title: 'function and line records fit the program', run: checkBtfInfo },
  { name: 'imm64', title: 'opcodes are known, 64-bit constants resolved', run: resolveImm64 },
  { name: 'device', title: 'the device looks at the program', run: prepareDevice },
  { name: 'cfg', title: 'all code can be reached; prune points', run: checkCfg },
  { name: 'postorder', title: 'order of data flow', run: computePostorder },
  { name: 'attach', title: 'the program may be attached as it says', run: checkAttach },
  { name: 'scc', title: 'find loops', run: computeScc },
  { name: 'live-regs', title: 'registers that are read later', run: computeLiveRegs },
  { name: 'fastcall', title: 'spills around calls that keep registers', run: markFastcall },
]

function prepareDevice(env: Env): void {
  const answer = env.hooks?.prepare(env.insns, env.maps, env.progType) ?? 0
  if (answer !== 0) throw new Reject(answer < 0 ? -answer : EINVAL, 0)
}

function checkAttach(env: Env): void {
  if (!env.sleepable) return
  env.reject(EINVAL, 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable')
}

/** Runs them all. Throws Reject at the first fault. */
export function checkStructure(env: Env): void {
  for (const pass of structuralPasses) pass.run(env)
}
