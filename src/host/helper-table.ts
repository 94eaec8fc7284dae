// Helpers by number. A helper reads its arguments from r1 to r5 and leaves its answer in r0.

import type { Machine } from './machine.ts'
import * as map from './map-helpers.ts'
import * as packet from './packet-helpers.ts'
import * as world from './world-helpers.ts'

export type Helper = (m: Machine) => void

const rows: readonly (readonly [number, Helper])[] = [
  [1, map.mapLookup],
  [2, map.mapUpdate],
  [3, map.mapDelete],
  [4, world.probeRead],
  [5, world.ktime],
  [6, world.tracePrintk],
  [7, world.prandom],
  [8, world.processorId],
  [9, packet.skbStoreBytes],
  [10, packet.l3CsumReplace],
  [11, packet.l4CsumReplace],
  // 12 tail_call: part of the loop, since it changes the code that runs.
  // get_cgroup_classid and get_route_realm: no socket has a class, no route a realm.
  [17, world.zero],
  [23, packet.redirect],
  [24, world.zero],
  [25, map.perfEventOutput],
  [26, packet.skbLoadBytes],
  [28, packet.csumDiff],
  [32, packet.skbChangeType],
  [38, packet.skbChangeTail],
  [39, packet.skbPullData],
  [40, packet.csumUpdate],
  [41, packet.setHashInvalid],
  // get_numa_node_id
  [42, world.zero],
  [43, packet.skbChangeHead],
  [44, packet.xdpAdjustHead],
  [48, packet.setHash],
  [51, map.redirectMap],
  [54, packet.xdpAdjustMeta],
  [65, packet.xdpAdjustTail],
  [68, packet.skbLoadBytesRelative],
  // sk_lookup_tcp and sk_lookup_udp, skc_lookup_tcp: there are no sockets.
  [84, world.zero],
  [85, world.zero],
  [87, map.mapPush],
  [88, map.mapPop],
  [89, map.mapPeek],
  [93, map.spinLock],
  [94, map.spinUnlock],
  [99, world.zero],
  [105, world.strtol],
  [106, world.strtoul],
  [113, world.probeRead],
  [118, world.jiffies],
  // ktime_get_boot_ns, ktime_get_coarse_ns, ktime_get_tai_ns: one clock.
  [125, world.ktime],
  [130, map.ringOutput],
  [131, map.ringReserve],
  [132, map.ringSubmit],
  [133, map.ringDiscard],
  [134, map.ringQuery],
  [160, world.ktime],
  [164, map.forEachMapElem],
  [165, world.snprintf],
  [177, world.traceVprintk],
  [181, map.loop],
  [182, world.strncmp],
  [188, packet.xdpBufferLength],
  [189, packet.xdpLoadBytes],
  [190, packet.xdpStoreBytes],
  [195, map.mapLookupPerCpu],
  [208, world.ktime],
]

export const helperTable: readonly (Helper | undefined)[] = (() => {
  const table: (Helper | undefined)[] = []
  for (const [number, helper] of rows) table[number] = helper
  return table
})()
