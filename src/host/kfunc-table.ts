// Kernel functions by name. The metadata ones are a driver's; a device without them answers -EOPNOTSUPP, as Linux's fallbacks do.

import { EOPNOTSUPP } from '../bpf/errno.ts'
import type { Helper } from './helper-table.ts'

const unsupported: Helper = m => m.answer(-EOPNOTSUPP)

export const kfuncTable: ReadonlyMap<string, Helper> = new Map<string, Helper>([
  ['bpf_xdp_metadata_rx_timestamp', unsupported],
  ['bpf_xdp_metadata_rx_hash', unsupported],
  ['bpf_xdp_metadata_rx_vlan_tag', unsupported],
  // Sections that no other code can enter while a program runs here.
  ['bpf_rcu_read_lock', () => undefined],
  ['bpf_rcu_read_unlock', () => undefined],
  ['bpf_preempt_disable', () => undefined],
  ['bpf_preempt_enable', () => undefined],
])
