// Loads and stores through pointers whose memory BTF describes: objects of the kernel and of the program, kernel pointers in map values, the
// map itself. The program's own objects may be written, but for their special fields; of the kernel's only what is in the table of
// layouts can be read, everything else is refused.

import { EACCES, EINVAL, ENOTSUPP, EPERM } from '../bpf/errno.ts'
import * as mapType from '../bpf/map-type-table.ts'
import { BPF_LDX, BPF_MEM, BPF_ST } from '../bpf/opcode.ts'
import type { MapSpec } from '../bpf/program.ts'
import type { Env } from './env.ts'
import { inRcu } from './iter.ts'
import { beginsWith } from './kernel-struct.ts'
import { btfLayout, type Found, kernelLayout, type Layout, walk } from './layout.ts'
import { isObject, structFields } from './local-object.ts'
import { mapFields, type SpecialField } from './map-fields.ts'
import { markUnknown } from './operand.ts'
import { tnumText } from './print-number.ts'
import {
  isConst,
  isNull,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_USER,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  R_BTF,
  R_BTF_ID,
  R_ID,
  R_MAP,
  R_OFF,
  R_REF_ID,
  R_TYPE,
  R_VALUE,
  REG_WORDS,
  setPointer,
  TYPE_BASE_MASK,
} from './reg.ts'
import { regTypeName } from './reg-name.ts'
import { fieldName } from './region.ts'
import { typeId } from './type-id.ts'

/** Through a PTR_TO_BTF_ID in register `n`; `value` as in checkAccess. */
export function loadBtf(env: Env, n: number, off: number, size: number, write: boolean, value: number): void {
  const r = env.regs
  const i = n * REG_WORDS
  const type = r[i + R_TYPE]!
  const name = env.typeNames[r[i + R_BTF_ID]!] ?? ''
  const isLocal = r[i + R_BTF] !== 0
  if (!env.privileged) env.reject(EPERM, `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`)
  if (!env.gpl && !isLocal) env.reject(EINVAL, `Cannot access kernel 'struct ${name}' from non-GPL compatible program`)
  const who = `R${n} is ptr_${name}`
  if (off < 0) env.reject(EACCES, `${who} invalid negative access: off=${off}`)
  if (!isConst(r, i) || (r[i + R_VALUE]! | r[i + R_VALUE + 1]!) !== 0) {
    env.reject(EACCES, `${who} invalid variable offset: off=${off}, var_off=${tnumText(r, i + R_VALUE)}`)
  }
  if ((type & MEM_USER) !== 0) env.reject(EACCES, `${who} access user memory: off=${off}`)
  if ((type & MEM_PERCPU) !== 0) env.reject(EACCES, `${who} access percpu memory: off=${off}`)
  if (write && !isObject(type)) env.reject(EACCES, 'only read is supported')
  if (isObject(type)) keepOffFields(env, r[i + R_BTF]!, off, size)
  const layout = isLocal && env.btf !== null ? btfLayout(env.btf, r[i + R_BTF]!) : kernelLayout(name)
  if (layout === undefined) refuseUnknown(env, n, name)
  const { found, throughUnion } = look(env, n, layout, off, size, (type & PTR_UNTRUSTED) === 0)
  if (write || value < 0) return
  const d = value * REG_WORDS
  if (found.kind !== 'pointer' || isObject(type)) {
    markUnknown(env, r, d)
    return
  }
  if (found.target === '') {
    setPointer(r, d, PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED)
    return
  }
  let flags = throughUnion ? PTR_UNTRUSTED : 0
  if (found.tags.includes('user')) flags |= MEM_USER
  if (found.tags.includes('percpu')) flags |= MEM_PERCPU
  const isTrusted = r[i + R_REF_ID] !== 0 || (type & (PTR_TRUSTED | MEM_RCU)) !== 0
  if ((type & PTR_UNTRUSTED) !== 0) flags = PTR_UNTRUSTED
  else if (isTrusted && inRcu(env) && (type & PTR_MAYBE_NULL) === 0) {
    if (found.tags.includes('rcu')) flags |= MEM_RCU | PTR_MAYBE_NULL
  } else if (isTrusted) flags = PTR_UNTRUSTED
  setPointer(r, d, PTR_TO_BTF_ID | flags)
  r[d + R_BTF_ID] = typeId(env, found.target)
  if ((flags & PTR_MAYBE_NULL) !== 0) r[d + R_ID] = env.newId()
}

function look(env: Env, n: number, layout: Layout, off: number, size: number, trusted: boolean): ReturnType<typeof walk> {
  const result = walk(layout, off, size, trusted)
  const found: Found = result.found
  if (found.kind === 'refused') env.reject(found.errno === 'access' ? EACCES : EINVAL, found.text)
  if (found.kind === 'unknown') refuseUnknown(env, n, found.name)
  return result
}

function refuseUnknown(env: Env, n: number, name: string): never {
  return env.reject(EACCES, `R${n} is ptr_${name}: the layout of struct ${name} is not known here`)
}

/** Locks, nodes and the like of an object are for their functions alone. */
function keepOffFields(env: Env, type: number, off: number, size: number): void {
  for (const field of structFields(env, type)?.fields ?? []) {
    if (off >= field.offset + field.size || field.offset >= off + size) continue
    env.reject(EACCES, `direct access to ${fieldName(field.kind)} is disallowed`)
  }
}

// ---- maps ------------------------------------------------------------------------------------------------------------------------

/** The kernel's structure behind a map, by the map's type. */
const mapStructs: ReadonlyMap<number, string> = new Map([
  [mapType.BPF_MAP_TYPE_HASH, 'bpf_htab'],
  [mapType.BPF_MAP_TYPE_PERCPU_HASH, 'bpf_htab'],
  [mapType.BPF_MAP_TYPE_LRU_HASH, 'bpf_htab'],
  [mapType.BPF_MAP_TYPE_LRU_PERCPU_HASH, 'bpf_htab'],
  [mapType.BPF_MAP_TYPE_HASH_OF_MAPS, 'bpf_htab'],
  [mapType.BPF_MAP_TYPE_ARRAY, 'bpf_array'],
  [mapType.BPF_MAP_TYPE_PERCPU_ARRAY, 'bpf_array'],
  [mapType.BPF_MAP_TYPE_PROG_ARRAY, 'bpf_array'],
  [mapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 'bpf_array'],
  [mapType.BPF_MAP_TYPE_CGROUP_ARRAY, 'bpf_array'],
  [mapType.BPF_MAP_TYPE_ARRAY_OF_MAPS, 'bpf_array'],
  [mapType.BPF_MAP_TYPE_LPM_TRIE, 'lpm_trie'],
  [mapType.BPF_MAP_TYPE_DEVMAP, 'bpf_dtab'],
  [mapType.BPF_MAP_TYPE_DEVMAP_HASH, 'bpf_dtab'],
  [mapType.BPF_MAP_TYPE_CPUMAP, 'bpf_cpu_map'],
  [mapType.BPF_MAP_TYPE_XSKMAP, 'xsk_map'],
  [mapType.BPF_MAP_TYPE_SOCKMAP, 'bpf_stab'],
  [mapType.BPF_MAP_TYPE_SOCKHASH, 'bpf_shtab'],
  [mapType.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 'reuseport_array'],
  [mapType.BPF_MAP_TYPE_QUEUE, 'bpf_queue_stack'],
  [mapType.BPF_MAP_TYPE_STACK, 'bpf_queue_stack'],
  [mapType.BPF_MAP_TYPE_STACK_TRACE, 'bpf_stack_map'],
  [mapType.BPF_MAP_TYPE_RINGBUF, 'bpf_ringbuf_map'],
  [mapType.BPF_MAP_TYPE_USER_RINGBUF, 'bpf_ringbuf_map'],
  [mapType.BPF_MAP_TYPE_BLOOM_FILTER, 'bpf_bloom_filter'],
  [mapType.BPF_MAP_TYPE_CGROUP_STORAGE, 'bpf_cgroup_storage_map'],
  [mapType.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 'bpf_cgroup_storage_map'],
  [mapType.BPF_MAP_TYPE_SK_STORAGE, 'bpf_local_storage_map'],
  [mapType.BPF_MAP_TYPE_TASK_STORAGE, 'bpf_local_storage_map'],
  [mapType.BPF_MAP_TYPE_CGRP_STORAGE, 'bpf_local_storage_map'],
  [mapType.BPF_MAP_TYPE_INODE_STORAGE, 'bpf_local_storage_map'],
  [mapType.BPF_MAP_TYPE_ARENA, 'bpf_arena'],
])

/** Through a CONST_PTR_TO_MAP of a map. */
export function loadMapField(env: Env, n: number, off: number, size: number, write: boolean, value: number): void {
  const r = env.regs
  const spec = env.maps[r[n * REG_WORDS + R_MAP]!]
  if (spec === undefined) refuseUnknown(env, n, 'bpf_map')
  const name = mapStructs.get(spec.type)
  if (name === undefined) env.reject(ENOTSUPP, `map_ptr access not supported for map type ${spec.type}`)
  if (!env.privileged) env.reject(EPERM, `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`)
  if (off < 0) env.reject(EACCES, `R${n} is ${name} invalid negative access: off=${off}`)
  if (write) env.reject(EACCES, `only read from ${name} is supported`)
  // Every one of these begins with the common part.
  const common = kernelLayout('bpf_map')
  const layout = kernelLayout(name) ?? (common !== undefined && off + size <= common.bytes ? common : undefined)
  if (layout === undefined) refuseUnknown(env, n, name)
  const { found } = look(env, n, layout, off, size, true)
  if (value < 0) return
  const d = value * REG_WORDS
  if (found.kind !== 'pointer') markUnknown(env, r, d)
  else if (found.target === '') setPointer(r, d, PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED)
  else {
    setPointer(r, d, PTR_TO_BTF_ID)
    r[d + R_BTF_ID] = typeId(env, found.target)
  }
}

// ---- kernel pointers in map values -------------------------------------------------------------------------------------------------

/** Kernel types that RCU keeps alive. */
const rcuProtected: ReadonlySet<string> = new Set(['cpumask', 'cgroup', 'task_struct', 'bpf_crypto_ctx'])

/** A kernel pointer in a map value: loaded into register `value`, or stored from it (-1: an immediate). */
export function loadKptr(env: Env, map: MapSpec, field: SpecialField, write: boolean, value: number): void {
  const code = env.insns.code[env.insn]!
  if ((code & 0xe0) !== BPF_MEM) env.reject(EACCES, 'kptr in map can only be accessed using BPF_MEM instruction mode')
  if (write && field.kind !== 'kptr_unref') {
    env.reject(EACCES, field.kind === 'uptr' ? 'store to uptr disallowed' : 'store to referenced kptr disallowed')
  }
  const r = env.regs
  const target = mapFields(map).btf?.name(field.target) ?? ''
  if ((code & 7) === BPF_LDX) {
    const isSafe = field.kind === 'kptr_percpu' || (field.kind === 'kptr_ref' && rcuProtected.has(target))
    let flags = PTR_MAYBE_NULL
    if (isSafe && inRcu(env)) flags |= MEM_RCU | (field.kind === 'kptr_percpu' ? MEM_PERCPU : 0)
    else flags |= PTR_UNTRUSTED
    const d = value * REG_WORDS
    setPointer(r, d, PTR_TO_BTF_ID | flags)
    r[d + R_BTF_ID] = typeId(env, target)
    r[d + R_ID] = env.newId()
    return
  }
  if ((code & 7) === BPF_ST) {
    if (env.insns.imm[env.insn] !== 0) env.reject(EACCES, `BPF_ST imm must be 0 when storing to kptr at off=${field.offset}`)
    return
  }
  if (!isNull(r, value * REG_WORDS)) matchKptr(env, value, target, field)
}

/** `map_kptr_match_type`: what is stored must be of the pointer's type. */
export function matchKptr(env: Env, n: number, target: string, field: SpecialField): void {
  const r = env.regs
  const i = n * REG_WORDS
  const type = r[i + R_TYPE]!
  const given = env.typeNames[r[i + R_BTF_ID]!] ?? ''
  const untrusted = field.kind === 'kptr_unref' ? PTR_UNTRUSTED : 0
  const allowed = PTR_MAYBE_NULL | PTR_TRUSTED | MEM_RCU | untrusted
  const isKind = (type & TYPE_BASE_MASK) === PTR_TO_BTF_ID && (type & ~TYPE_BASE_MASK & ~allowed) === 0 && r[i + R_BTF] === 0
  const isWhole = isConst(r, i) && (r[i + R_VALUE]! | r[i + R_VALUE + 1]! | r[i + R_OFF]!) === 0
  if (isKind && isWhole && beginsWith(given, target, field.kind !== 'kptr_unref')) return
  env.verbose(`invalid kptr access, R${n} type=${regTypeName(type)}${given} `)
  env.reject(EACCES, `expected=${regTypeName(PTR_TO_BTF_ID)}${target}`)
}
