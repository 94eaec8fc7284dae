// A register type in the words of the verifier's log: flags in front, `_or_null` behind.

import {
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  MEM_USER,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  TYPE_BASE_MASK,
} from './reg.ts'

// By base type, in the order of the numbers in reg.ts.
const bases = [
  '?',
  'scalar',
  'ctx',
  'map_ptr',
  'map_value',
  'map_key',
  'fp',
  'pkt_meta',
  'pkt',
  'pkt_end',
  'flow_keys',
  'sock',
  'sock_common',
  'tcp_sock',
  'tp_buffer',
  'xdp_sock',
  'ptr_',
  'mem',
  'arena',
  'buf',
  'func',
  'dynptr_ptr',
]

const prefixes: readonly (readonly [flag: number, text: string])[] = [
  [MEM_RDONLY, 'rdonly_'],
  [MEM_RINGBUF, 'ringbuf_'],
  [MEM_USER, 'user_'],
  [MEM_PERCPU, 'percpu_'],
  [MEM_RCU, 'rcu_'],
  [PTR_UNTRUSTED, 'untrusted_'],
  [PTR_TRUSTED, 'trusted_'],
]

/** `reg_type_str`, such as `map_value_or_null`; of BTF pointers without the name that follows, `ptr_or_null_`. */
export function regTypeName(type: number): string {
  const base = type & TYPE_BASE_MASK
  let text = ''
  for (const [flag, prefix] of prefixes) if ((type & flag) !== 0) text += prefix
  text += bases[base] ?? '?'
  if ((type & PTR_MAYBE_NULL) !== 0) text += base === PTR_TO_BTF_ID ? 'or_null_' : '_or_null'
  return text
}
