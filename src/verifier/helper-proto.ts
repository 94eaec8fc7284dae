// What a helper function takes and gives: its prototype in the verifier's terms. An argument or return type is a base number (ARG_*,
// RET_*) with the flags of register types (reg.ts), as the kernel has it.

import {
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_XDP,
} from '../bpf/prog-type-table.ts'

export const ARG_CONST_MAP_PTR = 1
export const ARG_PTR_TO_MAP_KEY = 2
export const ARG_PTR_TO_MAP_VALUE = 3
export const ARG_PTR_TO_MEM = 4
export const ARG_CONST_SIZE = 6
export const ARG_CONST_SIZE_OR_ZERO = 7
export const ARG_PTR_TO_CTX = 8
export const ARG_ANYTHING = 9
export const ARG_PTR_TO_SPIN_LOCK = 10
export const ARG_PTR_TO_SOCK_COMMON = 11
export const ARG_PTR_TO_SOCKET = 12
export const ARG_PTR_TO_BTF_ID = 13
export const ARG_PTR_TO_RINGBUF_MEM = 14
export const ARG_CONST_ALLOC_SIZE_OR_ZERO = 15
export const ARG_PTR_TO_BTF_ID_SOCK_COMMON = 16
export const ARG_PTR_TO_PERCPU_BTF_ID = 17
export const ARG_PTR_TO_FUNC = 18
export const ARG_PTR_TO_STACK = 19
export const ARG_PTR_TO_CONST_STR = 20
export const ARG_PTR_TO_TIMER = 21
export const ARG_KPTR_XCHG_DEST = 22
export const ARG_PTR_TO_DYNPTR = 23
export const ARG_SCALAR = 24

export const RET_INTEGER = 0
export const RET_VOID = 1
export const RET_PTR_TO_MAP_VALUE = 2
export const RET_PTR_TO_SOCKET = 3
export const RET_PTR_TO_TCP_SOCK = 4
export const RET_PTR_TO_SOCK_COMMON = 5
export const RET_PTR_TO_MEM = 6
export const RET_PTR_TO_MEM_OR_BTF_ID = 7
export const RET_PTR_TO_BTF_ID = 8

// Program types that a helper is there for, a bit each. sched_act has those of sched_cls.
export const XDP = 1
export const TC = 2
export const SF = 4
export const CG = 8
export const ALL: number = XDP | TC | SF | CG

export interface HelperProto {
  readonly id: number
  /** XDP | TC | SF | CG. */
  readonly types: number
  readonly ret: number
  readonly args: readonly number[]
  /** Bytes of each argument with MEM_FIXED_SIZE; 0 elsewhere. */
  readonly sizes: readonly number[]
  /** Only for programs with a licence that is compatible with the GPL. */
  readonly gpl: boolean
  /** May be given pointers into the packet. */
  readonly pktAccess: boolean
  readonly mightSleep: boolean
  /** Keeps registers that it has no argument for, when inlined. */
  readonly fastcall: boolean
  /** Kernel structures that arguments of ARG_PTR_TO_BTF_ID must point to, by argument; '' elsewhere. */
  readonly argStructs: readonly string[]
  /** Structure that a returned BTF pointer points to. */
  readonly retStruct: string
}

const typeBits: ReadonlyMap<number, number> = new Map([
  [BPF_PROG_TYPE_XDP, XDP],
  [BPF_PROG_TYPE_SCHED_CLS, TC],
  [BPF_PROG_TYPE_SCHED_ACT, TC],
  [BPF_PROG_TYPE_SOCKET_FILTER, SF],
  [BPF_PROG_TYPE_CGROUP_SKB, CG],
])

/** The bit of a program type in HelperProto.types; 0 for types that are not known here. */
export function helperTypeBit(progType: number): number {
  return typeBits.get(progType) ?? 0
}

interface Particulars {
  readonly gpl?: boolean
  readonly pkt?: boolean
  readonly sleeps?: boolean
  readonly fastcall?: boolean
  readonly sizes?: readonly number[]
  readonly argStructs?: readonly string[]
  readonly retStruct?: string
}

/** A row of the table. */
export function helper(id: number, types: number, ret: number, args: readonly number[], more: Particulars = {}): HelperProto {
  return {
    id,
    types,
    ret,
    args,
    sizes: more.sizes ?? [],
    gpl: more.gpl ?? false,
    pktAccess: more.pkt ?? false,
    mightSleep: more.sleeps ?? false,
    fastcall: more.fastcall ?? false,
    argStructs: more.argStructs ?? [],
    retStruct: more.retStruct ?? '',
  }
}
