// Pass 7, one scan in program order where the first fault wins: reserved fields of loads, unknown opcodes, the shape of ld_imm64, and
// which map or map value each of those refers to. The instructions stay as they are; what was found stands in `mapOf` and `mapOffset`.

import { E2BIG, EBADF, EINVAL, ENOENT, ENOTSUPP, EPROTO } from '../bpf/errno.ts'
import { BPF_MAP_TYPE_ARENA, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_STRUCT_OPS } from '../bpf/map-type-table.ts'
import {
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_PSEUDO_BTF_ID,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_IDX,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  LD_IMM64,
} from '../bpf/opcode.ts'
import { opcodes } from '../bpf/opcode-table.ts'
import { BPF_PROG_TYPE_SOCKET_FILTER } from '../bpf/prog-type-table.ts'
import type { Env } from './env.ts'
import { mapFields } from './map-fields.ts'

const MAX_USED_MAPS = 64
/** No BTF has more types. */
const MAX_BTF_ID = 0xfffff
const BPF_MAX_VAR_OFF = 2 ** 29

export function resolveImm64(env: Env): void {
  const { insns, count } = env
  const used = new Set<number>()
  for (let i = 0; i < count; i++) {
    env.insn = i
    const code = insns.code[i]!
    if ((code & 7) === BPF_LDX) {
      const mode = code & 0xe0
      if ((mode !== BPF_MEM && mode !== BPF_MEMSX) || insns.imm[i] !== 0) env.reject(EINVAL, 'BPF_LDX uses reserved fields')
    }
    if (code !== LD_IMM64) {
      if (opcodes[code] === undefined) env.reject(EINVAL, `unknown opcode ${code.toString(16).padStart(2, '0')}`)
      continue
    }
    const next = i + 1
    if (next === count || insns.code[next] !== 0 || insns.dst[next] !== 0 || insns.src[next] !== 0 || insns.off[next] !== 0) {
      env.reject(EINVAL, 'invalid bpf_ld_imm64 insn')
    }
    resolve(env, i, used)
    i = next
  }
}

function resolve(env: Env, i: number, used: Set<number>): void {
  const src = env.insns.src[i]!
  const high = env.insns.imm[i + 1]!
  if (src === 0 || src === BPF_PSEUDO_FUNC) return
  if (src === BPF_PSEUDO_BTF_ID) {
    // A module's BTF can't be named without a file descriptor, and the kernel's own variables are known by its BTF alone.
    if (high !== 0) env.reject(EINVAL, 'invalid module BTF object FD specified.')
    const id = env.insns.imm[i]! >>> 0
    if (id > MAX_BTF_ID) env.reject(ENOENT, `ldimm64 insn specifies invalid btf_id ${id | 0}.`)
    env.reject(EINVAL, `pseudo btf_id ${id | 0} in ldimm64 isn't KIND_VAR or KIND_FUNC`)
  }
  const isValue = src === BPF_PSEUDO_MAP_VALUE || src === BPF_PSEUDO_MAP_IDX_VALUE
  const isMap = src === BPF_PSEUDO_MAP_FD || src === BPF_PSEUDO_MAP_IDX
  if (!isValue && (!isMap || high !== 0)) env.reject(EINVAL, 'unrecognized bpf_ld_imm64 insn')
  const byIndex = src === BPF_PSEUDO_MAP_IDX || src === BPF_PSEUDO_MAP_IDX_VALUE
  if (byIndex && env.program.fdArray !== true) env.reject(EPROTO, 'fd_idx without fd_array is invalid')
  const index = env.insns.imm[i]!
  const map = index < env.ownMaps ? env.maps[index] : undefined
  if (map === undefined) env.reject(EBADF, `fd ${index} is not pointing to valid bpf_map`)
  if (!used.has(index)) {
    if (used.size >= MAX_USED_MAPS) {
      env.reject(E2BIG, `The total number of maps per program has reached the limit of ${MAX_USED_MAPS}`)
    }
    checkMap(env, index)
    used.add(index)
  }
  env.mapOf[i] = index
  if (!isValue) return
  const offset = high >>> 0
  if (offset >= BPF_MAX_VAR_OFF) env.reject(EINVAL, `direct value offset of ${offset} is not allowed`)
  if (map.type !== BPF_MAP_TYPE_ARRAY && map.type !== BPF_MAP_TYPE_ARENA) {
    env.reject(EINVAL, 'no direct value access support for this map type')
  }
  const refusal = `invalid access to map value pointer, value_size=${map.valueSize} off=${offset}`
  if (map.type === BPF_MAP_TYPE_ARRAY && map.maxEntries !== 1) env.reject(ENOTSUPP, refusal)
  if (map.type === BPF_MAP_TYPE_ARRAY && offset >= map.valueSize) env.reject(EINVAL, refusal)
  env.mapOffset[i] = offset
}

/** Whether a program of this type and target may use a map at all. */
function checkMap(env: Env, index: number): void {
  const map = env.maps[index]!
  const fields = mapFields(map)
  if (env.progType === BPF_PROG_TYPE_SOCKET_FILTER && (fields.spinLock >= 0 || fields.resSpinLock >= 0)) {
    env.reject(EINVAL, 'socket filter progs cannot use bpf_spin_lock yet')
  }
  if (env.target.kind !== 'dev-bound' && env.target.usableMaps?.[index] === false) {
    env.reject(EINVAL, 'offload device mismatch between prog and map')
  }
  if (map.type === BPF_MAP_TYPE_STRUCT_OPS) env.reject(EINVAL, 'bpf_struct_ops map cannot be used in prog')
}
