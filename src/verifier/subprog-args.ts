// What a function's BTF prototype says of its arguments (`btf_prepare_func_args`), and whether a call gives it that. Of a static function
// only numbers and the context are of interest, since it is walked with what it is really given; a global one may be handed pointers to
// memory of known size, dynptrs and trusted kernel objects too, as tags `arg:…` on its parameters say.

import { EFAULT, EINVAL, EOPNOTSUPP } from '../bpf/errno.ts'
import {
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_XDP,
} from '../bpf/prog-type-table.ts'
import type { Btf } from '../btf/parse.ts'
import { sizeOf, skipModifiers } from '../btf/resolve.ts'
import type { BtfType } from '../btf/types.ts'
import { NicwrightError } from '../errors.ts'
import { checkFixedOffset } from './check-arg.ts'
import { checkDynptr } from './dynptr.ts'
import { type Env, Reject, type Subprog } from './env.ts'
import { tagsOf } from './exception.ts'
import { checkMemReg } from './mem-reg.ts'
import {
  isNull,
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  R_BTF_ID,
  R_TYPE,
  REG_WORDS,
  SCALAR_VALUE,
  TYPE_BASE_MASK,
} from './reg.ts'
import { regTypeName } from './reg-name.ts'
import { checkRegOffset } from './reg-offset.ts'

export interface SubprogArg {
  readonly kind: 'scalar' | 'ctx' | 'mem' | 'dynptr' | 'object' | 'arena'
  /** PTR_MAYBE_NULL, PTR_TRUSTED, PTR_UNTRUSTED, MEM_RDONLY. */
  readonly flags: number
  /** Of memory. */
  readonly bytes: number
  /** Kernel structure of an object. */
  readonly struct: string
}

const SCALAR: SubprogArg = { kind: 'scalar', flags: 0, bytes: 0, struct: '' }
const CTX: SubprogArg = { kind: 'ctx', flags: 0, bytes: 0, struct: '' }
const MAX_ARGS = 5

/** The arguments, or the errno of why there are none. */
type Prepared = readonly SubprogArg[] | number

const prepared = new WeakMap<Subprog, Prepared>()
/** Functions that were called with something else than their BTF says: it isn't believed any more. */
const unreliable = new WeakSet<Subprog>()

export function prepareArgs(env: Env, n: number): Prepared {
  const subprog = env.subprogs[n]!
  const known = prepared.get(subprog)
  if (known !== undefined && typeof known !== 'number') return known
  const found = parseArgs(env, n)
  prepared.set(subprog, found)
  return found
}

function parseArgs(env: Env, n: number): Prepared {
  const { btf } = env
  const subprog = env.subprogs[n]!
  const say = (errno: number, text: string): number => {
    env.verbose(`${text}\n`)
    return errno
  }
  if (btf === null || subprog.typeId === 0) {
    return subprog.isGlobal ? say(EFAULT, 'Global functions need valid BTF') : EINVAL
  }
  const func = btf.type(subprog.typeId)
  if (func.kind !== 'func') return say(EFAULT, `BTF of func#${n} doesn't point to KIND_FUNC`)
  const proto = btf.type(func.type)
  if (proto.kind !== 'func_proto') return say(EFAULT, `Invalid type of function ${func.name}()`)
  const params = proto.params
  if (params.length > MAX_ARGS) {
    if (!subprog.isGlobal) return EINVAL
    return say(EINVAL, `Global function ${func.name}() with ${params.length} > ${MAX_ARGS} args. Buggy compiler.`)
  }
  if (!isScalar(btf.type(skipModifiers(btf, proto.type)))) {
    if (!subprog.isGlobal) return EINVAL
    return say(EINVAL, `Global function ${func.name}() doesn't return scalar. Only those are supported.`)
  }
  const args: SubprogArg[] = []
  for (let i = 0; i < params.length; i++) {
    const arg = parseArg(env, btf, subprog, func.name, i, params[i]!.type, say)
    if (typeof arg === 'number') return arg
    args.push(arg)
  }
  return args
}

function isScalar(type: BtfType): boolean {
  return type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64'
}

/** Kinds as the log has them. */
export function kindText(type: BtfType): string {
  return type.kind === 'void' ? 'UNKNOWN' : type.kind.toUpperCase()
}

const knownTags: ReadonlySet<string> = new Set(['ctx', 'trusted', 'untrusted', 'nonnull', 'nullable', 'arena'])

function parseArg(
  env: Env,
  btf: Btf,
  subprog: Subprog,
  name: string,
  i: number,
  typeId: number,
  say: (errno: number, text: string) => number,
): SubprogArg | number {
  const tags = new Set(tagsOf(btf, subprog.typeId, 'arg:', i))
  for (const tag of tags) {
    if (!subprog.isGlobal) return say(EOPNOTSUPP, `arg#${i} type tag is not supported in static functions`)
    if (!knownTags.has(tag)) return say(EOPNOTSUPP, `arg#${i} has unsupported set of tags`)
  }
  const only = (...allowed: readonly string[]): boolean => [...tags].every(tag => allowed.includes(tag))
  const type = btf.type(skipModifiers(btf, typeId))
  if (type.kind === 'ptr') {
    const pointer = type.type
    const target = btf.type(skipModifiers(btf, pointer))
    if (tags.has('ctx') || isContext(target, env.progType)) {
      if (!only('ctx')) return say(EINVAL, `arg#${i} has invalid combination of tags`)
      return tags.has('ctx') ? taggedContext(env, target, i, say) : CTX
    }
    if (target.kind === 'struct' && target.name === 'bpf_dynptr') {
      if (tags.size > 0) return say(EINVAL, `arg#${i} has invalid combination of tags`)
      return { kind: 'dynptr', flags: MEM_RDONLY, bytes: 0, struct: '' }
    }
    if (tags.has('trusted')) {
      if (tags.has('nonnull')) return say(EINVAL, `arg#${i} has invalid combination of tags`)
      const flags = PTR_TRUSTED | (tags.has('nullable') ? PTR_MAYBE_NULL : 0)
      return kernelObject(target, flags, i, say)
    }
    if (tags.has('untrusted')) {
      if (!only('untrusted')) return say(EINVAL, `arg#${i} untrusted cannot be combined with any other tags`)
      if (target.kind === 'void' || isScalar(target)) {
        return { kind: 'mem', flags: MEM_RDONLY | PTR_UNTRUSTED, bytes: 0, struct: '' }
      }
      return kernelObject(target, PTR_UNTRUSTED, i, say)
    }
    if (tags.has('arena')) {
      if (!only('arena')) return say(EINVAL, `arg#${i} arena cannot be combined with any other tags`)
      return { kind: 'arena', flags: 0, bytes: 0, struct: '' }
    }
    if (subprog.isGlobal) {
      if (tags.has('nullable')) return say(EINVAL, `arg#${i} has invalid combination of tags`)
      const bytes = sizeOrNone(btf, pointer)
      if (bytes === undefined) {
        return say(EINVAL, `arg#${i} reference type('${kindText(target)} ${target.name}') size cannot be determined: -22`)
      }
      return { kind: 'mem', flags: tags.has('nonnull') ? 0 : PTR_MAYBE_NULL, bytes, struct: '' }
    }
  }
  if (tags.size > 0) return say(EINVAL, `arg#${i} has pointer tag, but is not a pointer type`)
  if (isScalar(type)) return SCALAR
  if (!subprog.isGlobal) return EINVAL
  return say(EINVAL, `Arg#${i} type ${kindText(type)} in ${name}() is not supported yet.`)
}

function sizeOrNone(btf: Btf, id: number): number | undefined {
  try {
    return sizeOf(btf, id)
  } catch (error) {
    if (error instanceof NicwrightError) return undefined
    throw error
  }
}

function kernelObject(
  target: BtfType,
  flags: number,
  i: number,
  say: (errno: number, text: string) => number,
): SubprogArg | number {
  if (target.kind !== 'struct' && target.kind !== 'union') {
    return say(EINVAL, `arg#${i} has type ${kindText(target)} '${target.name}', but only struct or primitive types are allowed`)
  }
  // The part of a name behind three underscores tells flavours of one structure apart.
  const flavour = target.name.indexOf('___')
  return { kind: 'object', flags, bytes: 0, struct: flavour > 0 ? target.name.slice(0, flavour) : target.name }
}

/** The structure that a program type's context is declared as, and the kernel's own behind it. */
function contextNames(progType: number): readonly string[] {
  switch (progType) {
    case BPF_PROG_TYPE_XDP:
      return ['xdp_md', 'xdp_buff']
    case BPF_PROG_TYPE_SCHED_CLS:
    case BPF_PROG_TYPE_SCHED_ACT:
    case BPF_PROG_TYPE_SOCKET_FILTER:
    case BPF_PROG_TYPE_CGROUP_SKB:
      return ['__sk_buff', 'sk_buff']
  }
  return []
}

/** Whether a pointer to this type is a program's context. */
export function isContext(target: BtfType, progType: number): boolean {
  return target.kind === 'struct' && contextNames(progType).includes(target.name)
}

export function isContextName(name: string, progType: number): boolean {
  return contextNames(progType).includes(name)
}

function taggedContext(env: Env, target: BtfType, i: number, say: (errno: number, text: string) => number): SubprogArg | number {
  if (target.kind === 'void') return CTX
  if (target.name === '') return say(EINVAL, `arg#${i} type doesn't have a name`)
  const name = contextNames(env.progType)[0] ?? ''
  if (target.kind !== 'struct' || target.name !== name) return say(EINVAL, `arg#${i} should be \`struct ${name} *\``)
  return CTX
}

/** `btf_check_subprog_call`: the errno that a call's arguments deserve, after saying why in the log; 0 where they fit. */
export function matchArgs(env: Env, n: number): number {
  const subprog = env.subprogs[n]!
  if (env.funcInfo.length === 0) return EINVAL
  if (subprog.typeId === 0) return EFAULT
  if (unreliable.has(subprog)) return EINVAL
  const args = prepareArgs(env, n)
  const errno = typeof args === 'number' ? args : matchAll(env, args)
  if (errno !== 0) unreliable.add(subprog)
  return errno
}

export function isUnreliable(subprog: Subprog): boolean {
  return unreliable.has(subprog)
}

function matchAll(env: Env, args: readonly SubprogArg[]): number {
  try {
    for (let i = 0; i < args.length; i++) match(env, args[i]!, i)
    return 0
  } catch (error) {
    if (error instanceof Reject) return error.errno
    throw error
  }
}

function match(env: Env, arg: SubprogArg, i: number): void {
  const n = i + 1
  const r = env.regs
  const type = r[n * REG_WORDS + R_TYPE]!
  if (arg.kind === 'scalar') {
    if (type !== SCALAR_VALUE) env.reject(EINVAL, `R${n} is not a scalar`)
    return
  }
  // What is only read with probes may be anything.
  if ((arg.flags & PTR_UNTRUSTED) !== 0) return
  switch (arg.kind) {
    case 'ctx':
      checkRegOffset(env, n)
      if (type !== PTR_TO_CTX) env.reject(EINVAL, `arg#${i} expects pointer to ctx`)
      return
    case 'mem':
      checkRegOffset(env, n)
      try {
        checkMemReg(env, n, arg.bytes)
      } catch (error) {
        if (error instanceof Reject) throw new Reject(EINVAL, env.insn)
        throw error
      }
      if ((arg.flags & PTR_MAYBE_NULL) === 0 && (type & PTR_MAYBE_NULL) !== 0) {
        env.reject(EINVAL, `arg#${i} is expected to be non-NULL`)
      }
      return
    case 'arena':
      if (type !== PTR_TO_ARENA && type !== SCALAR_VALUE) env.reject(EINVAL, `R${n} is not a pointer to arena or scalar.`)
      return
    case 'dynptr':
      checkDynptr(env, n, MEM_RDONLY, 0)
      return
    case 'object': {
      if (isNull(r, n * REG_WORDS) && (arg.flags & PTR_MAYBE_NULL) !== 0) return
      const given = (arg.flags & PTR_MAYBE_NULL) !== 0 ? type & ~PTR_MAYBE_NULL : type
      if ((given & TYPE_BASE_MASK) !== PTR_TO_BTF_ID || (given & ~TYPE_BASE_MASK & ~PTR_TRUSTED) !== 0) {
        env.reject(EINVAL, `R${n} type=${regTypeName(type)} expected=ptr_, trusted_ptr_, rcu_ptr_`)
      }
      const is = env.typeNames[r[n * REG_WORDS + R_BTF_ID]!] ?? ''
      if (is !== arg.struct) env.reject(EINVAL, `R${n} is of type ${is} but ${arg.struct} is expected`)
      checkFixedOffset(env, n, true)
    }
  }
}
