// Which fields of its context a program may read and write, and what a read gives: measured on Linux 6.18 for every offset and size.
// A row is one field of xdp_md or __sk_buff as user space knows it.

import {
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_XDP,
  BPF_XDP_DEVMAP,
} from '../bpf/prog-type-table.ts'
import { CG, SF, TC, XDP } from './helper-proto.ts'
import { PTR_MAYBE_NULL, PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_PACKET_META, PTR_TO_SOCK_COMMON, SCALAR_VALUE } from './reg.ts'

/** Egress programs of devmap entries; a context of their own in this table. */
const DEVMAP = 16
/** XDP programs for a device: the device fills in what they write. */
const OFFLOADED = 32

export interface CtxField {
  readonly name: string
  readonly off: number
  readonly bytes: number
  /** Aligned parts of it may be accessed, not only the whole. */
  readonly narrow: boolean
  /** Register type of a read. */
  readonly result: number
  /** Program types that may read and write it: XDP, TC, SF, CG of helper-proto.ts. */
  readonly read: number
  readonly write: number
}

const SKB: number = TC | SF | CG

function part(name: string, off: number, read: number, write = 0): CtxField {
  return { name, off, bytes: 4, narrow: true, result: SCALAR_VALUE, read, write }
}

function whole(name: string, off: number, bytes: number, read: number, write = 0, result: number = SCALAR_VALUE): CtxField {
  return { name, off, bytes, narrow: false, result, read, write }
}

const xdp: readonly CtxField[] = [
  whole('data', 0, 4, XDP, 0, PTR_TO_PACKET),
  whole('data_end', 4, 4, XDP, 0, PTR_TO_PACKET_END),
  whole('data_meta', 8, 4, XDP, 0, PTR_TO_PACKET_META),
  whole('ingress_ifindex', 12, 4, XDP),
  whole('rx_queue_index', 16, 4, XDP, OFFLOADED),
  whole('egress_ifindex', 20, 4, DEVMAP),
]

const skb: readonly CtxField[] = [
  part('len', 0, SKB),
  part('pkt_type', 4, SKB),
  part('mark', 8, SKB),
  whole('mark', 8, 4, 0, TC | CG),
  part('queue_mapping', 12, SKB),
  whole('queue_mapping', 12, 4, 0, TC),
  part('protocol', 16, SKB),
  part('vlan_present', 20, SKB),
  part('vlan_tci', 24, SKB),
  part('vlan_proto', 28, SKB),
  part('priority', 32, SKB),
  whole('priority', 32, 4, 0, TC | CG),
  part('ingress_ifindex', 36, SKB),
  part('ifindex', 40, SKB),
  part('tc_index', 44, SKB),
  whole('tc_index', 44, 4, 0, TC),
  part('cb[0]', 48, SKB, SKB),
  part('cb[1]', 52, SKB, SKB),
  part('cb[2]', 56, SKB, SKB),
  part('cb[3]', 60, SKB, SKB),
  part('cb[4]', 64, SKB, SKB),
  whole('cb[0..1]', 48, 8, SKB, SKB),
  whole('cb[2..3]', 56, 8, SKB, SKB),
  part('hash', 68, SKB),
  part('tc_classid', 72, TC),
  whole('tc_classid', 72, 4, 0, TC),
  whole('data', 76, 4, TC | CG, 0, PTR_TO_PACKET),
  whole('data_end', 80, 4, TC | CG, 0, PTR_TO_PACKET_END),
  part('napi_id', 84, SKB),
  part('family', 88, CG),
  whole('remote_ip4', 92, 4, CG),
  whole('local_ip4', 96, 4, CG),
  whole('remote_ip6[0]', 100, 4, CG),
  whole('remote_ip6[1]', 104, 4, CG),
  whole('remote_ip6[2]', 108, 4, CG),
  whole('remote_ip6[3]', 112, 4, CG),
  whole('local_ip6[0]', 116, 4, CG),
  whole('local_ip6[1]', 120, 4, CG),
  whole('local_ip6[2]', 124, 4, CG),
  whole('local_ip6[3]', 128, 4, CG),
  part('remote_port', 132, CG),
  part('local_port', 136, CG),
  whole('data_meta', 140, 4, TC, 0, PTR_TO_PACKET_META),
  whole('tstamp', 152, 8, TC | CG, TC | CG),
  part('wire_len', 160, TC),
  part('gso_segs', 164, SKB),
  whole('sk', 168, 8, SKB, 0, PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL),
  part('gso_size', 176, SKB),
  whole('tstamp_type', 180, 1, TC),
  whole('hwtstamp', 184, 8, TC | CG),
]

/** Bytes of the larger context, rounded up. */
const CTX_BYTES = 192

/** By 4 * offset + log2(size): register type of a read, or 1 for a permitted write; 0 = refused. */
export interface CtxAccess {
  readonly fields: readonly CtxField[]
  readonly read: Int32Array
  readonly write: Int32Array
}

function compile(fields: readonly CtxField[], types: number): CtxAccess {
  const read = new Int32Array(4 * CTX_BYTES)
  const write = new Int32Array(4 * CTX_BYTES)
  for (const field of fields) {
    for (let log = 0; 1 << log <= field.bytes; log++) {
      const size = 1 << log
      if (size < field.bytes && !field.narrow) continue
      for (let off = field.off; off < field.off + field.bytes; off += size) {
        if ((field.read & types) !== 0) read[4 * off + log] = field.result
        if ((field.write & types) !== 0) write[4 * off + log] = SCALAR_VALUE
      }
    }
  }
  return { fields, read, write }
}

const tables = {
  xdp: compile(xdp, XDP),
  devmap: compile(xdp, XDP | DEVMAP),
  offloaded: compile(xdp, XDP | OFFLOADED),
  tc: compile(skb, TC),
  socketFilter: compile(skb, SF),
  cgroupSkb: compile(skb, CG),
}

/** The context of a program; undefined for program types that are not known here. */
export function ctxAccessOf(progType: number, attachType: number, offloaded: boolean): CtxAccess | undefined {
  switch (progType) {
    case BPF_PROG_TYPE_XDP:
      if (offloaded) return tables.offloaded
      return attachType === BPF_XDP_DEVMAP ? tables.devmap : tables.xdp
    case BPF_PROG_TYPE_SCHED_CLS:
    case BPF_PROG_TYPE_SCHED_ACT:
      return tables.tc
    case BPF_PROG_TYPE_SOCKET_FILTER:
      return tables.socketFilter
    case BPF_PROG_TYPE_CGROUP_SKB:
      return tables.cgroupSkb
    default:
      return undefined
  }
}

/** Register type that an access of 1, 2, 4 or 8 bytes gives (SCALAR_VALUE for a permitted write); 0 when it is refused. */
export function ctxResult(ctx: CtxAccess, off: number, size: number, write: boolean): number {
  if (off < 0 || off >= CTX_BYTES) return 0
  return (write ? ctx.write : ctx.read)[4 * off + (31 - Math.clz32(size))]!
}

/** Name of the field that an offset lies in, for explanations. */
export function ctxFieldName(ctx: CtxAccess, off: number): string | undefined {
  return ctx.fields.find(field => off >= field.off && off < field.off + field.bytes)?.name
}
