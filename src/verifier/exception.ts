// The exception callback of a main program: a global function that a BTF tag "exception_callback:NAME" on the main function names, and
// that bpf_throw runs with what it was given.

import { EEXIST, EINVAL, ENOENT } from '../bpf/errno.ts'
import type { Btf } from '../btf/parse.ts'
import { LINKAGE_GLOBAL } from '../btf/types.ts'
import { type Env, Reject } from './env.ts'

const TAG = 'exception_callback:'

/** First instruction of the exception callback, 0 if there is none. */
export function exceptionCallback(env: Env): number {
  const { btf, funcInfo } = env
  const main = funcInfo[0]
  if (btf === null || main === undefined) return 0
  const names = tagsOf(btf, main.type, TAG)
  if (names.length === 0) return 0
  if (names.length > 1) env.reject(EEXIST, 'multiple exception callback tags for main subprog')
  const name = names[0]!
  const id = btf.named(name, 'func')[0]
  if (id === undefined) env.reject(ENOENT, `exception callback '${name}' could not be found in BTF`)
  const type = btf.type(id)
  if (type.kind !== 'func' || type.linkage !== LINKAGE_GLOBAL) {
    env.reject(EINVAL, `exception callback '${name}' must have global linkage`)
  }
  const info = funcInfo.filter(each => each.type === id).pop()
  if (info === undefined) env.reject(EINVAL, 'exception callback type id not found in func_info')
  if (info.insn === 0) {
    env.verbose('invalid exception callback insn_off in func_info: 0\n')
    env.verbose('exception callback type id not found in func_info\n')
    throw new Reject(EINVAL, 0)
  }
  return info.insn
}

/** What follows a prefix in the declaration tags on a type. */
export function tagsOf(btf: Btf, id: number, prefix: string, component = -1): string[] {
  const found: string[] = []
  for (let tag = 1; tag < btf.count; tag++) {
    if (btf.kind(tag) !== 'decl_tag') continue
    const type = btf.type(tag)
    if (type.kind !== 'decl_tag' || type.type !== id || type.component !== component) continue
    if (type.name.startsWith(prefix)) found.push(type.name.slice(prefix.length))
  }
  return found
}
