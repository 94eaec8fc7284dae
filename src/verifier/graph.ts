// Linked lists and red-black trees of allocated objects. Head and root stand in a map value or object beside the lock that must be held;
// a tag names the structure and member by which objects are linked.

import { EINVAL } from '../bpf/errno.ts'
import type { Env } from './env.ts'
import { objectFields, structFields } from './local-object.ts'
import type { FieldKind, SpecialField } from './map-fields.ts'
import { isConst, R_BTF, R_ID, R_OFF, R_VALUE, REG_WORDS } from './reg.ts'
import { holdsLock, lockIdentity } from './spin-lock.ts'

/** What a head or root contains. */
export interface Contained {
  readonly head: FieldKind
  /** Type id in the program's BTF. */
  readonly type: number
  /** Offset of the node in it. */
  readonly node: number
}

/** `__process_kf_arg_ptr_to_graph_root`: register `n` points at a list head or tree root whose lock is held. */
export function checkGraphRoot(env: Env, n: number, kind: 'list_head' | 'rb_root'): Contained {
  const r = env.regs
  const i = n * REG_WORDS
  const name = `bpf_${kind}`
  if (!isConst(r, i)) env.reject(EINVAL, `R${n} doesn't have constant offset. ${name} has to be at the constant offset`)
  const fields = objectFields(env, r, i)
  const off = r[i + R_OFF]! + r[i + R_VALUE]!
  const field = fields?.fields.find(each => each.kind === kind && each.offset === off)
  if (fields === undefined || field === undefined) return env.reject(EINVAL, `${name} not found at offset=${off >>> 0}`)
  if (!isLocked(env, n)) env.reject(EINVAL, `bpf_spin_lock at off=${fields.spinLock} must be held for ${name}`)
  return contained(env, field)
}

/** `check_reg_allocation_locked`. */
function isLocked(env: Env, n: number): boolean {
  if (env.state.activeLocks === 0) return false
  if (holdsLock(env.state, env.regs[n * REG_WORDS + R_ID]!, lockIdentity(env, n))) return true
  env.verbose('held lock and object are not in the same allocation\n')
  return false
}

function contained(env: Env, field: SpecialField): Contained {
  const [struct, member] = field.contains.split(':')
  const { btf } = env
  const type = btf === null || struct === undefined ? undefined : btf.named(struct, 'struct')[0]
  if (btf === null || type === undefined) return env.reject(EINVAL, '')
  const info = btf.type(type)
  const at = info.kind === 'struct' ? info.members.find(each => each.name === member) : undefined
  if (at === undefined) return env.reject(EINVAL, '')
  return { head: field.kind, type, node: at.bitOffset / 8 }
}

/** `__process_kf_arg_ptr_to_graph_node`: register `n` points at the node of an object that the head may contain. */
export function checkGraphNode(env: Env, n: number, kind: 'list_node' | 'rb_node', root: Contained): void {
  const r = env.regs
  const i = n * REG_WORDS
  const name = `bpf_${kind}`
  if (!isConst(r, i)) env.reject(EINVAL, `R${n} doesn't have constant offset. ${name} has to be at the constant offset`)
  const off = r[i + R_OFF]! + r[i + R_VALUE]!
  const type = r[i + R_BTF]!
  if (structFields(env, type)?.fields.find(each => each.kind === kind && each.offset === off) === undefined) {
    env.reject(EINVAL, `${name} not found at offset=${off >>> 0}`)
  }
  const wanted = env.btf?.name(root.type) ?? ''
  if (type !== root.type) {
    const is = env.btf?.name(type) ?? ''
    env.reject(
      EINVAL,
      `operation on bpf_${root.head} expects arg#1 ${name} at offset=${root.node} in struct ${wanted}, ` +
        `but arg is at offset=${off} in struct ${is}`,
    )
  }
  if (off !== root.node) {
    env.reject(EINVAL, `arg#1 offset=${off}, but expected ${name} at offset=${root.node} in struct ${wanted}`)
  }
}
