import type { Netdev } from '../../kernel/netdev.ts'
import type { Json } from './json.ts'

/** The network namespace that everything lives in: the numbers that Linux gives the first one. */
const NS_DEV = 4
const NS_INODE = 4026531840

export function device(bound: { readonly netdev: Netdev } | undefined): Json | undefined {
  if (bound === undefined) return undefined
  return { ifindex: bound.netdev.ifindex, ns_dev: NS_DEV, ns_inode: NS_INODE, ifname: bound.netdev.name }
}

export function deviceText(bound: { readonly netdev: Netdev } | undefined): string {
  return bound === undefined ? '' : `  offloaded_to ${bound.netdev.name}`
}
