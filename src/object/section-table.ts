import {
  BPF_CGROUP_INET_EGRESS,
  BPF_CGROUP_INET_INGRESS,
  BPF_F_SLEEPABLE,
  BPF_F_XDP_HAS_FRAGS,
  BPF_PROG_TYPE_CGROUP_DEVICE,
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_PROG_TYPE_CGROUP_SOCK,
  BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
  BPF_PROG_TYPE_CGROUP_SOCKOPT,
  BPF_PROG_TYPE_CGROUP_SYSCTL,
  BPF_PROG_TYPE_EXT,
  BPF_PROG_TYPE_FLOW_DISSECTOR,
  BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE_LIRC_MODE2,
  BPF_PROG_TYPE_LSM,
  BPF_PROG_TYPE_LWT_IN,
  BPF_PROG_TYPE_LWT_OUT,
  BPF_PROG_TYPE_LWT_SEG6LOCAL,
  BPF_PROG_TYPE_LWT_XMIT,
  BPF_PROG_TYPE_NETFILTER,
  BPF_PROG_TYPE_PERF_EVENT,
  BPF_PROG_TYPE_RAW_TRACEPOINT,
  BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SK_LOOKUP,
  BPF_PROG_TYPE_SK_MSG,
  BPF_PROG_TYPE_SK_REUSEPORT,
  BPF_PROG_TYPE_SK_SKB,
  BPF_PROG_TYPE_SOCK_OPS,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_STRUCT_OPS,
  BPF_PROG_TYPE_SYSCALL,
  BPF_PROG_TYPE_TRACEPOINT,
  BPF_PROG_TYPE_TRACING,
  BPF_PROG_TYPE_XDP,
  BPF_XDP,
  BPF_XDP_CPUMAP,
  BPF_XDP_DEVMAP,
} from '../bpf/prog-type-table.ts'

// What the name of a section says about the programs in it, as libbpf reads it. A name that ends in `+` may stand alone or be
// followed by `/` and a target. Attach types are Linux's numbers of `enum bpf_attach_type`.

type Row = readonly [name: string, type: number, attach: number, flags?: number]

const S = BPF_F_SLEEPABLE
const F = BPF_F_XDP_HAS_FRAGS

const ROWS: readonly Row[] = [
  ['socket', BPF_PROG_TYPE_SOCKET_FILTER, 0],
  ['sk_reuseport/migrate', BPF_PROG_TYPE_SK_REUSEPORT, 40],
  ['sk_reuseport', BPF_PROG_TYPE_SK_REUSEPORT, 39],
  ['kprobe+', BPF_PROG_TYPE_KPROBE, 0],
  ['uprobe+', BPF_PROG_TYPE_KPROBE, 0],
  ['uprobe.s+', BPF_PROG_TYPE_KPROBE, 0, S],
  ['kretprobe+', BPF_PROG_TYPE_KPROBE, 0],
  ['uretprobe+', BPF_PROG_TYPE_KPROBE, 0],
  ['uretprobe.s+', BPF_PROG_TYPE_KPROBE, 0, S],
  ['kprobe.multi+', BPF_PROG_TYPE_KPROBE, 42],
  ['kretprobe.multi+', BPF_PROG_TYPE_KPROBE, 42],
  ['kprobe.session+', BPF_PROG_TYPE_KPROBE, 56],
  ['uprobe.multi+', BPF_PROG_TYPE_KPROBE, 48],
  ['uretprobe.multi+', BPF_PROG_TYPE_KPROBE, 48],
  ['ksyscall+', BPF_PROG_TYPE_KPROBE, 0],
  ['kretsyscall+', BPF_PROG_TYPE_KPROBE, 0],
  ['usdt+', BPF_PROG_TYPE_KPROBE, 0],
  ['usdt.s+', BPF_PROG_TYPE_KPROBE, 0, S],
  ['tc/ingress', BPF_PROG_TYPE_SCHED_CLS, 46],
  ['tc/egress', BPF_PROG_TYPE_SCHED_CLS, 47],
  ['tcx/ingress', BPF_PROG_TYPE_SCHED_CLS, 46],
  ['tcx/egress', BPF_PROG_TYPE_SCHED_CLS, 47],
  ['netkit/primary', BPF_PROG_TYPE_SCHED_CLS, 54],
  ['netkit/peer', BPF_PROG_TYPE_SCHED_CLS, 55],
  ['tc', BPF_PROG_TYPE_SCHED_CLS, 0],
  ['classifier', BPF_PROG_TYPE_SCHED_CLS, 0],
  ['action', BPF_PROG_TYPE_SCHED_ACT, 0],
  ['tracepoint+', BPF_PROG_TYPE_TRACEPOINT, 0],
  ['tp+', BPF_PROG_TYPE_TRACEPOINT, 0],
  ['raw_tracepoint+', BPF_PROG_TYPE_RAW_TRACEPOINT, 0],
  ['raw_tp+', BPF_PROG_TYPE_RAW_TRACEPOINT, 0],
  ['raw_tracepoint.w+', BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0],
  ['raw_tp.w+', BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0],
  ['tp_btf+', BPF_PROG_TYPE_TRACING, 23],
  ['fentry+', BPF_PROG_TYPE_TRACING, 24],
  ['fmod_ret+', BPF_PROG_TYPE_TRACING, 26],
  ['fexit+', BPF_PROG_TYPE_TRACING, 25],
  ['fentry.s+', BPF_PROG_TYPE_TRACING, 24, S],
  ['fmod_ret.s+', BPF_PROG_TYPE_TRACING, 26, S],
  ['fexit.s+', BPF_PROG_TYPE_TRACING, 25, S],
  ['freplace+', BPF_PROG_TYPE_EXT, 0],
  ['lsm+', BPF_PROG_TYPE_LSM, 27],
  ['lsm.s+', BPF_PROG_TYPE_LSM, 27, S],
  ['lsm_cgroup+', BPF_PROG_TYPE_LSM, 43],
  ['iter+', BPF_PROG_TYPE_TRACING, 28],
  ['iter.s+', BPF_PROG_TYPE_TRACING, 28, S],
  ['syscall', BPF_PROG_TYPE_SYSCALL, 0, S],
  ['xdp.frags/devmap', BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP, F],
  ['xdp/devmap', BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP],
  ['xdp.frags/cpumap', BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP, F],
  ['xdp/cpumap', BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP],
  ['xdp.frags', BPF_PROG_TYPE_XDP, BPF_XDP, F],
  ['xdp', BPF_PROG_TYPE_XDP, BPF_XDP],
  ['perf_event', BPF_PROG_TYPE_PERF_EVENT, 0],
  ['lwt_in', BPF_PROG_TYPE_LWT_IN, 0],
  ['lwt_out', BPF_PROG_TYPE_LWT_OUT, 0],
  ['lwt_xmit', BPF_PROG_TYPE_LWT_XMIT, 0],
  ['lwt_seg6local', BPF_PROG_TYPE_LWT_SEG6LOCAL, 0],
  ['sockops', BPF_PROG_TYPE_SOCK_OPS, 3],
  ['sk_skb/stream_parser', BPF_PROG_TYPE_SK_SKB, 4],
  ['sk_skb/stream_verdict', BPF_PROG_TYPE_SK_SKB, 5],
  ['sk_skb/verdict', BPF_PROG_TYPE_SK_SKB, 38],
  ['sk_skb', BPF_PROG_TYPE_SK_SKB, 0],
  ['sk_msg', BPF_PROG_TYPE_SK_MSG, 7],
  ['lirc_mode2', BPF_PROG_TYPE_LIRC_MODE2, 16],
  ['flow_dissector', BPF_PROG_TYPE_FLOW_DISSECTOR, 17],
  ['cgroup_skb/ingress', BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS],
  ['cgroup_skb/egress', BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS],
  ['cgroup/skb', BPF_PROG_TYPE_CGROUP_SKB, 0],
  ['cgroup/sock_create', BPF_PROG_TYPE_CGROUP_SOCK, 2],
  ['cgroup/sock_release', BPF_PROG_TYPE_CGROUP_SOCK, 34],
  ['cgroup/sock', BPF_PROG_TYPE_CGROUP_SOCK, 2],
  ['cgroup/post_bind4', BPF_PROG_TYPE_CGROUP_SOCK, 12],
  ['cgroup/post_bind6', BPF_PROG_TYPE_CGROUP_SOCK, 13],
  ['cgroup/bind4', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 8],
  ['cgroup/bind6', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 9],
  ['cgroup/connect4', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 10],
  ['cgroup/connect6', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 11],
  ['cgroup/connect_unix', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 49],
  ['cgroup/sendmsg4', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 14],
  ['cgroup/sendmsg6', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 15],
  ['cgroup/sendmsg_unix', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 50],
  ['cgroup/recvmsg4', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 19],
  ['cgroup/recvmsg6', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 20],
  ['cgroup/recvmsg_unix', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 51],
  ['cgroup/getpeername4', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 29],
  ['cgroup/getpeername6', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 30],
  ['cgroup/getpeername_unix', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 52],
  ['cgroup/getsockname4', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 31],
  ['cgroup/getsockname6', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 32],
  ['cgroup/getsockname_unix', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 53],
  ['cgroup/sysctl', BPF_PROG_TYPE_CGROUP_SYSCTL, 18],
  ['cgroup/getsockopt', BPF_PROG_TYPE_CGROUP_SOCKOPT, 21],
  ['cgroup/setsockopt', BPF_PROG_TYPE_CGROUP_SOCKOPT, 22],
  ['cgroup/dev', BPF_PROG_TYPE_CGROUP_DEVICE, 6],
  ['struct_ops+', BPF_PROG_TYPE_STRUCT_OPS, 0],
  ['struct_ops.s+', BPF_PROG_TYPE_STRUCT_OPS, 0, S],
  ['sk_lookup', BPF_PROG_TYPE_SK_LOOKUP, 36],
  ['netfilter', BPF_PROG_TYPE_NETFILTER, 45],
]

/**
 * Names of which libbpf before 1.0 only looked at the beginning: `SEC("xdp_prog")` and `SEC("classifier/ingress")` stand in many
 * older sources. libbpf 1.0 refuses them; they are taken here because nothing else can be meant.
 */
const LOOSE: readonly Row[] = ROWS.filter(([name]) =>
  [
    'xdp',
    'classifier',
    'action',
    'socket',
    'sk_skb',
    'sk_msg',
    'sockops',
    'perf_event',
    'flow_dissector',
    'lwt_in',
    'lwt_out',
  ].includes(name),
)

export interface SectionMeaning {
  readonly type: number
  readonly attachType: number
  /** Load flags. */
  readonly flags: number
  /** False with a `?` in front: not loaded unless asked for. */
  readonly autoload: boolean
  /** What follows the `/` of a name that takes a target, '' otherwise. */
  readonly target: string
}

function matches(row: Row, name: string): boolean {
  if (!row[0].endsWith('+')) return row[0] === name
  const stem = row[0].slice(0, -1)
  return name === stem || name.startsWith(`${stem}/`)
}

/** The meaning of a section name; type 0 (unspecified) where it has none: then the loader must be told the type. */
export function sectionMeaning(section: string): SectionMeaning {
  const autoload = !section.startsWith('?')
  const name = autoload ? section : section.slice(1)
  const row = ROWS.find(each => matches(each, name)) ?? LOOSE.find(each => name.startsWith(each[0]))
  if (row === undefined) return { type: 0, attachType: 0, flags: 0, autoload, target: '' }
  const target = row[0].endsWith('+') ? name.slice(row[0].length) : ''
  return { type: row[1], attachType: row[2], flags: row[3] ?? 0, autoload, target }
}
