// Which helpers go with which map types (`check_map_func_compatibility`): many map types serve one purpose, and many helpers know one kind
// of map. Both directions are asked, since a row that names neither is open.

import { EINVAL } from '../bpf/errno.ts'
import { helperNames } from '../bpf/helper-table.ts'
import * as map from '../bpf/map-type-table.ts'
import {
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_XDP,
} from '../bpf/prog-type-table.ts'
import type { Env } from './env.ts'

const LOOKUP = 1
const UPDATE = 2
const DELETE = 3
const TAIL_CALL = 12
const PERF_EVENT_READ = 22
const PERF_EVENT_OUTPUT = 25
const GET_STACKID = 27
const SKB_UNDER_CGROUP = 33
const CURRENT_TASK_UNDER_CGROUP = 37
const REDIRECT_MAP = 51
const SK_REDIRECT_MAP = 52
const SOCK_MAP_UPDATE = 53
const PERF_EVENT_READ_VALUE = 55
const MSG_REDIRECT_MAP = 60
const SOCK_HASH_UPDATE = 70
const MSG_REDIRECT_HASH = 71
const SK_REDIRECT_HASH = 72
const GET_LOCAL_STORAGE = 81
const SK_SELECT_REUSEPORT = 82
const PUSH = 87
const POP = 88
const PEEK = 89
const SK_STORAGE_GET = 107
const SK_STORAGE_DELETE = 108
const SKB_OUTPUT = 111
const XDP_OUTPUT = 121
const RINGBUF_OUTPUT = 130
const RINGBUF_RESERVE = 131
const RINGBUF_QUERY = 134
const INODE_STORAGE_GET = 145
const INODE_STORAGE_DELETE = 146
const TASK_STORAGE_GET = 156
const TASK_STORAGE_DELETE = 157
const FOR_EACH_MAP_ELEM = 164
const KPTR_XCHG = 194
const MAP_LOOKUP_PERCPU = 195
const RINGBUF_RESERVE_DYNPTR = 198
const USER_RINGBUF_DRAIN = 209
const CGRP_STORAGE_GET = 210
const CGRP_STORAGE_DELETE = 211

const perfEvents = [PERF_EVENT_READ, PERF_EVENT_OUTPUT, SKB_OUTPUT, PERF_EVENT_READ_VALUE, XDP_OUTPUT]
const ringbuf = [RINGBUF_OUTPUT, RINGBUF_RESERVE, RINGBUF_QUERY, RINGBUF_RESERVE_DYNPTR]
const cgroups = [SKB_UNDER_CGROUP, CURRENT_TASK_UNDER_CGROUP]
const redirect = [REDIRECT_MAP, LOOKUP]

/** Helpers that a map type goes with; types that aren't here go with any. */
const helpersOf: ReadonlyMap<number, readonly number[]> = new Map([
  [map.BPF_MAP_TYPE_PROG_ARRAY, [TAIL_CALL]],
  [map.BPF_MAP_TYPE_PERF_EVENT_ARRAY, perfEvents],
  [map.BPF_MAP_TYPE_RINGBUF, ringbuf],
  [map.BPF_MAP_TYPE_USER_RINGBUF, [USER_RINGBUF_DRAIN]],
  [map.BPF_MAP_TYPE_STACK_TRACE, [GET_STACKID]],
  [map.BPF_MAP_TYPE_CGROUP_ARRAY, cgroups],
  [map.BPF_MAP_TYPE_CGROUP_STORAGE, [GET_LOCAL_STORAGE]],
  [map.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, [GET_LOCAL_STORAGE]],
  [map.BPF_MAP_TYPE_DEVMAP, redirect],
  [map.BPF_MAP_TYPE_DEVMAP_HASH, redirect],
  [map.BPF_MAP_TYPE_CPUMAP, [REDIRECT_MAP]],
  [map.BPF_MAP_TYPE_XSKMAP, redirect],
  [map.BPF_MAP_TYPE_ARRAY_OF_MAPS, [LOOKUP]],
  [map.BPF_MAP_TYPE_HASH_OF_MAPS, [LOOKUP]],
  [map.BPF_MAP_TYPE_SOCKMAP, [SK_REDIRECT_MAP, SOCK_MAP_UPDATE, MSG_REDIRECT_MAP, SK_SELECT_REUSEPORT, LOOKUP]],
  [map.BPF_MAP_TYPE_SOCKHASH, [SK_REDIRECT_HASH, SOCK_HASH_UPDATE, MSG_REDIRECT_HASH, SK_SELECT_REUSEPORT, LOOKUP]],
  [map.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, [SK_SELECT_REUSEPORT]],
  [map.BPF_MAP_TYPE_QUEUE, [PEEK, POP, PUSH]],
  [map.BPF_MAP_TYPE_STACK, [PEEK, POP, PUSH]],
  [map.BPF_MAP_TYPE_SK_STORAGE, [SK_STORAGE_GET, SK_STORAGE_DELETE, KPTR_XCHG]],
  [map.BPF_MAP_TYPE_INODE_STORAGE, [INODE_STORAGE_GET, INODE_STORAGE_DELETE, KPTR_XCHG]],
  [map.BPF_MAP_TYPE_TASK_STORAGE, [TASK_STORAGE_GET, TASK_STORAGE_DELETE, KPTR_XCHG]],
  [map.BPF_MAP_TYPE_CGRP_STORAGE, [CGRP_STORAGE_GET, CGRP_STORAGE_DELETE, KPTR_XCHG]],
  [map.BPF_MAP_TYPE_BLOOM_FILTER, [PEEK, PUSH]],
])

const sockets = [map.BPF_MAP_TYPE_SOCKMAP, map.BPF_MAP_TYPE_SOCKHASH]
const reuseport = [map.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, ...sockets]

/** Map types that a helper knows; helpers that aren't here know any. */
const mapsOf: ReadonlyMap<number, readonly number[]> = new Map([
  [TAIL_CALL, [map.BPF_MAP_TYPE_PROG_ARRAY]],
  ...perfEvents.map((id): [number, readonly number[]] => [id, [map.BPF_MAP_TYPE_PERF_EVENT_ARRAY]]),
  ...ringbuf.map((id): [number, readonly number[]] => [id, [map.BPF_MAP_TYPE_RINGBUF]]),
  [USER_RINGBUF_DRAIN, [map.BPF_MAP_TYPE_USER_RINGBUF]],
  [GET_STACKID, [map.BPF_MAP_TYPE_STACK_TRACE]],
  ...cgroups.map((id): [number, readonly number[]] => [id, [map.BPF_MAP_TYPE_CGROUP_ARRAY]]),
  [REDIRECT_MAP, [map.BPF_MAP_TYPE_DEVMAP, map.BPF_MAP_TYPE_DEVMAP_HASH, map.BPF_MAP_TYPE_CPUMAP, map.BPF_MAP_TYPE_XSKMAP]],
  [SK_REDIRECT_MAP, [map.BPF_MAP_TYPE_SOCKMAP]],
  [MSG_REDIRECT_MAP, [map.BPF_MAP_TYPE_SOCKMAP]],
  [SOCK_MAP_UPDATE, [map.BPF_MAP_TYPE_SOCKMAP]],
  [SK_REDIRECT_HASH, [map.BPF_MAP_TYPE_SOCKHASH]],
  [MSG_REDIRECT_HASH, [map.BPF_MAP_TYPE_SOCKHASH]],
  [SOCK_HASH_UPDATE, [map.BPF_MAP_TYPE_SOCKHASH]],
  [GET_LOCAL_STORAGE, [map.BPF_MAP_TYPE_CGROUP_STORAGE, map.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]],
  [SK_SELECT_REUSEPORT, reuseport],
  [POP, [map.BPF_MAP_TYPE_QUEUE, map.BPF_MAP_TYPE_STACK]],
  [PEEK, [map.BPF_MAP_TYPE_QUEUE, map.BPF_MAP_TYPE_STACK, map.BPF_MAP_TYPE_BLOOM_FILTER]],
  [PUSH, [map.BPF_MAP_TYPE_QUEUE, map.BPF_MAP_TYPE_STACK, map.BPF_MAP_TYPE_BLOOM_FILTER]],
  [MAP_LOOKUP_PERCPU, [map.BPF_MAP_TYPE_PERCPU_ARRAY, map.BPF_MAP_TYPE_PERCPU_HASH, map.BPF_MAP_TYPE_LRU_PERCPU_HASH]],
  [SK_STORAGE_GET, [map.BPF_MAP_TYPE_SK_STORAGE]],
  [SK_STORAGE_DELETE, [map.BPF_MAP_TYPE_SK_STORAGE]],
  [INODE_STORAGE_GET, [map.BPF_MAP_TYPE_INODE_STORAGE]],
  [INODE_STORAGE_DELETE, [map.BPF_MAP_TYPE_INODE_STORAGE]],
  [TASK_STORAGE_GET, [map.BPF_MAP_TYPE_TASK_STORAGE]],
  [TASK_STORAGE_DELETE, [map.BPF_MAP_TYPE_TASK_STORAGE]],
  [CGRP_STORAGE_GET, [map.BPF_MAP_TYPE_CGRP_STORAGE]],
  [CGRP_STORAGE_DELETE, [map.BPF_MAP_TYPE_CGRP_STORAGE]],
])

// Program types that may put sockets into a sockmap by plain map updates (and take them out).
const sockmapUpdaters: readonly number[] = [
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_XDP,
]

function mayUpdateSockmap(env: Env, id: number): boolean {
  if (id !== UPDATE && id !== DELETE) return false
  if (sockmapUpdaters.includes(env.progType)) return true
  env.verbose('cannot update sockmap in this context\n')
  return false
}

/** Refuses a map (its index) that a helper can't work on. */
export function checkMapHelper(env: Env, index: number, id: number): void {
  const spec = env.maps[index]
  if (spec === undefined) return
  const helpers = helpersOf.get(spec.type)
  const types = mapsOf.get(id)
  const serves = helpers === undefined || helpers.includes(id) || (sockets.includes(spec.type) && mayUpdateSockmap(env, id))
  if (serves && (types === undefined || types.includes(spec.type))) return
  env.reject(EINVAL, `cannot pass map_type ${spec.type} into func bpf_${helperNames.get(id)}#${id}`)
}

/** What a helper does to the elements of the map that it is given. */
export function writesMap(id: number): boolean {
  return id === UPDATE || id === DELETE || id === PUSH || id === POP
}

/** Helpers whose map is remembered for inlining, and so for BPF_F_RDONLY_PROG. */
export function recordsMap(id: number): boolean {
  return (
    writesMap(id) ||
    id === TAIL_CALL ||
    id === LOOKUP ||
    id === PEEK ||
    id === FOR_EACH_MAP_ELEM ||
    id === REDIRECT_MAP ||
    id === MAP_LOOKUP_PERCPU
  )
}
