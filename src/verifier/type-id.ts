// Kernel structures by name: the verifier has no BTF of a running kernel, so R_BTF_ID of a kernel pointer is an index into the names that
// this verification has met. Index 0 is no type.

import type { Env } from './env.ts'

export function typeId(env: Env, name: string): number {
  const known = env.typeNames.indexOf(name)
  return known >= 0 ? known : env.typeNames.push(name) - 1
}
