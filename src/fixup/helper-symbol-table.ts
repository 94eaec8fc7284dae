// Functions of Linux 6.18 behind helper ids whose name differs from the helper's, and behind the helpers of maps by map type.

import * as map from '../bpf/map-type-table.ts'

/** `other`: what types without a function of their own get. */
export interface HelperSymbol {
  readonly other: string
  readonly xdp?: string
  readonly tc?: string
}

export const helperSymbols: ReadonlyMap<number, HelperSymbol> = new Map([
  [7, { other: 'bpf_user_rnd_u32' }],
  [8, { other: 'bpf_get_raw_cpu_id', xdp: 'bpf_get_smp_processor_id', tc: 'bpf_get_smp_processor_id' }],
  [17, { other: 'bpf_get_cgroup_classid_curr', tc: 'bpf_get_cgroup_classid' }],
  [23, { other: 'bpf_redirect', xdp: 'bpf_xdp_redirect' }],
  [25, { other: 'bpf_skb_event_output', xdp: 'bpf_xdp_event_output' }],
  [51, { other: 'bpf_xdp_redirect_map' }],
  [69, { other: 'bpf_skb_fib_lookup', xdp: 'bpf_xdp_fib_lookup' }],
  [84, { other: 'bpf_sk_lookup_tcp', xdp: 'bpf_xdp_sk_lookup_tcp', tc: 'bpf_tc_sk_lookup_tcp' }],
  [85, { other: 'bpf_sk_lookup_udp', xdp: 'bpf_xdp_sk_lookup_udp', tc: 'bpf_tc_sk_lookup_udp' }],
  [99, { other: 'bpf_skc_lookup_tcp', xdp: 'bpf_xdp_skc_lookup_tcp', tc: 'bpf_tc_skc_lookup_tcp' }],
  [163, { other: 'bpf_skb_check_mtu', xdp: 'bpf_xdp_check_mtu' }],
])

const LOOKUP = 1
const UPDATE = 2
const DELETE = 3
const REDIRECT = 51
const PUSH = 87
const POP = 88
const PEEK = 89
const FOR_EACH = 164
const LOOKUP_PERCPU = 195

const hash = (kind: string, extra: readonly (readonly [number, string])[] = []): ReadonlyMap<number, string> =>
  new Map([
    [LOOKUP, `htab${kind}_map_lookup_elem`],
    [UPDATE, `htab${kind}_map_update_elem`],
    [DELETE, kind.startsWith('_lru') ? 'htab_lru_map_delete_elem' : 'htab_map_delete_elem'],
    [FOR_EACH, 'bpf_for_each_hash_elem'],
    ...extra,
  ])

export const mapSymbols: ReadonlyMap<number, ReadonlyMap<number, string>> = new Map([
  [map.BPF_MAP_TYPE_HASH, hash('')],
  [map.BPF_MAP_TYPE_PERCPU_HASH, hash('_percpu', [[LOOKUP_PERCPU, 'htab_percpu_map_lookup_percpu_elem']])],
  [map.BPF_MAP_TYPE_LRU_HASH, hash('_lru')],
  [map.BPF_MAP_TYPE_LRU_PERCPU_HASH, hash('_lru_percpu', [[LOOKUP_PERCPU, 'htab_lru_percpu_map_lookup_percpu_elem']])],
  [
    map.BPF_MAP_TYPE_ARRAY,
    new Map([
      [LOOKUP, 'array_map_lookup_elem'],
      [UPDATE, 'array_map_update_elem'],
      [DELETE, 'array_map_delete_elem'],
      [FOR_EACH, 'bpf_for_each_array_elem'],
    ]),
  ],
  [
    map.BPF_MAP_TYPE_PERCPU_ARRAY,
    new Map([
      [LOOKUP, 'percpu_array_map_lookup_elem'],
      [UPDATE, 'array_map_update_elem'],
      [DELETE, 'array_map_delete_elem'],
      [FOR_EACH, 'bpf_for_each_array_elem'],
      [LOOKUP_PERCPU, 'percpu_array_map_lookup_percpu_elem'],
    ]),
  ],
  [map.BPF_MAP_TYPE_ARRAY_OF_MAPS, new Map([[LOOKUP, 'array_of_map_lookup_elem']])],
  [map.BPF_MAP_TYPE_HASH_OF_MAPS, new Map([[LOOKUP, 'htab_of_map_lookup_elem']])],
  [
    map.BPF_MAP_TYPE_LPM_TRIE,
    new Map([
      [LOOKUP, 'trie_lookup_elem'],
      [UPDATE, 'trie_update_elem'],
      [DELETE, 'trie_delete_elem'],
    ]),
  ],
  [
    map.BPF_MAP_TYPE_QUEUE,
    new Map([
      [PUSH, 'queue_stack_map_push_elem'],
      [POP, 'queue_map_pop_elem'],
      [PEEK, 'queue_map_peek_elem'],
    ]),
  ],
  [
    map.BPF_MAP_TYPE_STACK,
    new Map([
      [PUSH, 'queue_stack_map_push_elem'],
      [POP, 'stack_map_pop_elem'],
      [PEEK, 'stack_map_peek_elem'],
    ]),
  ],
  [
    map.BPF_MAP_TYPE_BLOOM_FILTER,
    new Map([
      [PUSH, 'bloom_map_push_elem'],
      [PEEK, 'bloom_map_peek_elem'],
    ]),
  ],
  [
    map.BPF_MAP_TYPE_DEVMAP,
    new Map([
      [LOOKUP, 'dev_map_lookup_elem'],
      [REDIRECT, 'dev_map_redirect'],
    ]),
  ],
  [
    map.BPF_MAP_TYPE_DEVMAP_HASH,
    new Map([
      [LOOKUP, 'dev_map_hash_lookup_elem'],
      [REDIRECT, 'dev_hash_map_redirect'],
    ]),
  ],
  [map.BPF_MAP_TYPE_CPUMAP, new Map([[REDIRECT, 'cpu_map_redirect']])],
  [
    map.BPF_MAP_TYPE_XSKMAP,
    new Map([
      [LOOKUP, 'xsk_map_lookup_elem'],
      [REDIRECT, 'xsk_map_redirect'],
    ]),
  ],
  [
    map.BPF_MAP_TYPE_SOCKMAP,
    new Map([
      [LOOKUP, 'sock_map_lookup'],
      [UPDATE, 'sock_map_update_elem'],
      [DELETE, 'sock_map_delete_elem'],
    ]),
  ],
  [
    map.BPF_MAP_TYPE_SOCKHASH,
    new Map([
      [LOOKUP, 'sock_hash_lookup'],
      [UPDATE, 'sock_map_update_elem'],
      [DELETE, 'sock_hash_delete_elem'],
    ]),
  ],
])
