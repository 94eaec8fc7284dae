import { ENODEV } from '../../bpf/errno.ts'
import type { Netdev } from '../../kernel/netdev.ts'
import { strerror } from '../errno.ts'
import type { Json } from './json.ts'
import { BpftoolError, statusOf } from './words.ts'

/** The network namespace that everything lives in: the numbers that Linux gives the first one. */
const NS_DEV = 4
const NS_INODE = 4026531840

type Bound = { readonly netdev: Netdev; readonly orphaned?: boolean } | undefined

export function device(bound: Bound): Json | undefined {
  if (bound === undefined) return undefined
  return { ifindex: bound.netdev.ifindex, ns_dev: NS_DEV, ns_inode: NS_INODE, ifname: bound.netdev.name }
}

export function deviceText(bound: Bound): string {
  return bound === undefined ? '' : `  offloaded_to ${bound.netdev.name}`
}

/** Nothing can be told of what was on a device that is gone. */
export function present<T extends { readonly bound?: Bound }>(object: T, what: 'prog' | 'map'): T {
  if (object.bound?.orphaned !== true) return object
  throw new BpftoolError(`can't get ${what} info: ${strerror(ENODEV)}`, what === 'prog' ? 255 : statusOf(-ENODEV))
}
