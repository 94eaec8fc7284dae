// BPF program types and the attach types that matter to them: Linux's numbers and bpftool's names.

export const BPF_PROG_TYPE_UNSPEC = 0
export const BPF_PROG_TYPE_SOCKET_FILTER = 1
export const BPF_PROG_TYPE_KPROBE = 2
export const BPF_PROG_TYPE_SCHED_CLS = 3
export const BPF_PROG_TYPE_SCHED_ACT = 4
export const BPF_PROG_TYPE_TRACEPOINT = 5
export const BPF_PROG_TYPE_XDP = 6
export const BPF_PROG_TYPE_PERF_EVENT = 7
export const BPF_PROG_TYPE_CGROUP_SKB = 8
export const BPF_PROG_TYPE_CGROUP_SOCK = 9
export const BPF_PROG_TYPE_LWT_IN = 10
export const BPF_PROG_TYPE_LWT_OUT = 11
export const BPF_PROG_TYPE_LWT_XMIT = 12
export const BPF_PROG_TYPE_SOCK_OPS = 13
export const BPF_PROG_TYPE_SK_SKB = 14
export const BPF_PROG_TYPE_CGROUP_DEVICE = 15
export const BPF_PROG_TYPE_SK_MSG = 16
export const BPF_PROG_TYPE_RAW_TRACEPOINT = 17
export const BPF_PROG_TYPE_CGROUP_SOCK_ADDR = 18
export const BPF_PROG_TYPE_LWT_SEG6LOCAL = 19
export const BPF_PROG_TYPE_LIRC_MODE2 = 20
export const BPF_PROG_TYPE_SK_REUSEPORT = 21
export const BPF_PROG_TYPE_FLOW_DISSECTOR = 22
export const BPF_PROG_TYPE_CGROUP_SYSCTL = 23
export const BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE = 24
export const BPF_PROG_TYPE_CGROUP_SOCKOPT = 25
export const BPF_PROG_TYPE_TRACING = 26
export const BPF_PROG_TYPE_STRUCT_OPS = 27
export const BPF_PROG_TYPE_EXT = 28
export const BPF_PROG_TYPE_LSM = 29
export const BPF_PROG_TYPE_SK_LOOKUP = 30
export const BPF_PROG_TYPE_SYSCALL = 31
export const BPF_PROG_TYPE_NETFILTER = 32

export const BPF_CGROUP_INET_INGRESS = 0
export const BPF_CGROUP_INET_EGRESS = 1
export const BPF_XDP_DEVMAP = 33
export const BPF_XDP_CPUMAP = 35
export const BPF_XDP = 37

export const BPF_F_STRICT_ALIGNMENT: number = 1 << 0
export const BPF_F_ANY_ALIGNMENT: number = 1 << 1
export const BPF_F_TEST_RND_HI32: number = 1 << 2
export const BPF_F_TEST_STATE_FREQ: number = 1 << 3
export const BPF_F_SLEEPABLE: number = 1 << 4
export const BPF_F_XDP_HAS_FRAGS: number = 1 << 5
export const BPF_F_XDP_DEV_BOUND_ONLY: number = 1 << 6
export const BPF_F_TEST_REG_INVARIANTS: number = 1 << 7

/** The names that bpftool prints, by number. */
export const progTypeNames: readonly string[] = [
  'unspec',
  'socket_filter',
  'kprobe',
  'sched_cls',
  'sched_act',
  'tracepoint',
  'xdp',
  'perf_event',
  'cgroup_skb',
  'cgroup_sock',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
  'sock_ops',
  'sk_skb',
  'cgroup_device',
  'sk_msg',
  'raw_tracepoint',
  'cgroup_sock_addr',
  'lwt_seg6local',
  'lirc_mode2',
  'sk_reuseport',
  'flow_dissector',
  'cgroup_sysctl',
  'raw_tracepoint_writable',
  'cgroup_sockopt',
  'tracing',
  'struct_ops',
  'ext',
  'lsm',
  'sk_lookup',
  'syscall',
  'netfilter',
]

/** The number of a program type given as a number or by name (`xdp`, `BPF_PROG_TYPE_XDP`); undefined if there is none. */
export function progTypeNumber(type: string | number): number | undefined {
  if (typeof type === 'number') return Number.isInteger(type) && type > 0 && type < progTypeNames.length ? type : undefined
  const index = progTypeNames.indexOf(type.toLowerCase().replace(/^bpf_prog_type_/, ''))
  return index > 0 ? index : undefined
}
