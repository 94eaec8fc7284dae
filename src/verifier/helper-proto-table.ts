// The prototypes of the helper functions that Linux 6.18 gives to XDP, sched_cls, socket_filter and cgroup_skb programs: which types have
// them was measured on a running kernel. One prototype serves all types that have the helper.

import {
  ALL,
  ARG_ANYTHING,
  ARG_CONST_ALLOC_SIZE_OR_ZERO,
  ARG_CONST_MAP_PTR,
  ARG_CONST_SIZE,
  ARG_CONST_SIZE_OR_ZERO,
  ARG_KPTR_XCHG_DEST,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_BTF_ID_SOCK_COMMON,
  ARG_PTR_TO_CONST_STR,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_DYNPTR,
  ARG_PTR_TO_FUNC,
  ARG_PTR_TO_MAP_KEY,
  ARG_PTR_TO_MAP_VALUE,
  ARG_PTR_TO_MEM,
  ARG_PTR_TO_PERCPU_BTF_ID,
  ARG_PTR_TO_RINGBUF_MEM,
  ARG_PTR_TO_SOCK_COMMON,
  ARG_PTR_TO_SPIN_LOCK,
  ARG_PTR_TO_STACK,
  ARG_PTR_TO_TIMER,
  CG,
  type HelperProto,
  helper,
  RET_INTEGER,
  RET_PTR_TO_BTF_ID,
  RET_PTR_TO_MAP_VALUE,
  RET_PTR_TO_MEM,
  RET_PTR_TO_MEM_OR_BTF_ID,
  RET_PTR_TO_SOCK_COMMON,
  RET_PTR_TO_SOCKET,
  RET_PTR_TO_TCP_SOCK,
  RET_VOID,
  SF,
  TC,
  XDP,
} from './helper-proto.ts'
import {
  DYNPTR_TYPE_LOCAL,
  DYNPTR_TYPE_RINGBUF,
  MEM_ALIGNED,
  MEM_FIXED_SIZE,
  MEM_RDONLY,
  MEM_RINGBUF,
  MEM_UNINIT,
  MEM_WRITE,
  OBJ_RELEASE,
  PTR_MAYBE_NULL,
  PTR_TRUSTED,
} from './reg.ts'

const rows: readonly HelperProto[] = [
  // map_lookup_elem
  helper(1, ALL, RET_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL, [ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY], { pkt: true }),
  // map_update_elem
  helper(2, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ARG_PTR_TO_MAP_VALUE, ARG_ANYTHING], { pkt: true }),
  // map_delete_elem
  helper(3, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY], { pkt: true }),
  // ktime_get_ns
  helper(5, ALL, RET_INTEGER, []),
  // trace_printk
  helper(6, ALL, RET_INTEGER, [ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE], { gpl: true }),
  // get_prandom_u32
  helper(7, ALL, RET_INTEGER, []),
  // get_smp_processor_id
  helper(8, ALL, RET_INTEGER, [], { fastcall: true }),
  // skb_store_bytes
  helper(9, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE, ARG_ANYTHING]),
  // l3_csum_replace
  helper(10, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_ANYTHING, ARG_ANYTHING, ARG_ANYTHING]),
  // l4_csum_replace
  helper(11, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_ANYTHING, ARG_ANYTHING, ARG_ANYTHING]),
  // tail_call
  helper(12, ALL, RET_VOID, [ARG_PTR_TO_CTX, ARG_CONST_MAP_PTR, ARG_ANYTHING]),
  // clone_redirect
  helper(13, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_ANYTHING]),
  // get_current_pid_tgid
  helper(14, ALL, RET_INTEGER, []),
  // get_current_uid_gid
  helper(15, ALL, RET_INTEGER, []),
  // get_current_comm
  helper(16, ALL, RET_INTEGER, [ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE]),
  // get_cgroup_classid
  helper(17, TC, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // The one of the task that runs.
  helper(17, XDP | SF | CG, RET_INTEGER, []),
  // skb_vlan_push
  helper(18, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_ANYTHING]),
  // skb_vlan_pop
  helper(19, TC, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // skb_get_tunnel_key
  helper(20, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE, ARG_ANYTHING]),
  // skb_set_tunnel_key
  helper(21, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE, ARG_ANYTHING]),
  // perf_event_read
  helper(22, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_ANYTHING], { gpl: true }),
  // redirect
  helper(23, XDP | TC, RET_INTEGER, [ARG_ANYTHING, ARG_ANYTHING]),
  // get_route_realm
  helper(24, TC, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // perf_event_output
  helper(
    25,
    ALL,
    RET_INTEGER,
    [ARG_PTR_TO_CTX, ARG_CONST_MAP_PTR, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO],
    { gpl: true },
  ),
  // skb_load_bytes
  helper(26, TC | SF | CG, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE]),
  // csum_diff
  helper(
    28,
    XDP | TC,
    RET_INTEGER,
    [
      ARG_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_RDONLY,
      ARG_CONST_SIZE_OR_ZERO,
      ARG_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_RDONLY,
      ARG_CONST_SIZE_OR_ZERO,
      ARG_ANYTHING,
    ],
    { pkt: true },
  ),
  // skb_get_tunnel_opt
  helper(29, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE]),
  // skb_set_tunnel_opt
  helper(30, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE]),
  // skb_change_proto
  helper(31, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_ANYTHING]),
  // skb_change_type
  helper(32, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING]),
  // skb_under_cgroup
  helper(33, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_CONST_MAP_PTR, ARG_ANYTHING]),
  // get_hash_recalc
  helper(34, TC, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // get_current_task
  helper(35, ALL, RET_INTEGER, [], { gpl: true }),
  // current_task_under_cgroup
  helper(37, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_ANYTHING]),
  // skb_change_tail
  helper(38, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_ANYTHING]),
  // skb_pull_data
  helper(39, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING]),
  // csum_update
  helper(40, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING]),
  // set_hash_invalid
  helper(41, TC, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // get_numa_node_id
  helper(42, ALL, RET_INTEGER, []),
  // skb_change_head
  helper(43, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_ANYTHING]),
  // xdp_adjust_head
  helper(44, XDP, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING]),
  // get_socket_cookie
  helper(46, TC | SF | CG, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // get_socket_uid
  helper(47, TC | SF | CG, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // set_hash
  helper(48, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING]),
  // skb_adjust_room
  helper(50, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_ANYTHING, ARG_ANYTHING]),
  // redirect_map
  helper(51, XDP, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_ANYTHING, ARG_ANYTHING]),
  // xdp_adjust_meta
  helper(54, XDP, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING]),
  // perf_event_read_value
  helper(55, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE], {
    gpl: true,
  }),
  // xdp_adjust_tail
  helper(65, XDP, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING]),
  // skb_get_xfrm_state
  helper(66, TC, RET_INTEGER, [
    ARG_PTR_TO_CTX,
    ARG_ANYTHING,
    ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE,
    ARG_CONST_SIZE,
    ARG_ANYTHING,
  ]),
  // skb_load_bytes_relative
  helper(68, TC | SF | CG, RET_INTEGER, [
    ARG_PTR_TO_CTX,
    ARG_ANYTHING,
    ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE,
    ARG_CONST_SIZE,
    ARG_ANYTHING,
  ]),
  // fib_lookup
  helper(69, XDP | TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_PTR_TO_MEM | MEM_WRITE, ARG_CONST_SIZE, ARG_ANYTHING], { gpl: true }),
  // skb_cgroup_id
  helper(79, TC | CG, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // get_current_cgroup_id
  helper(80, ALL, RET_INTEGER, []),
  // get_local_storage
  helper(81, CG, RET_PTR_TO_MAP_VALUE, [ARG_CONST_MAP_PTR, ARG_ANYTHING]),
  // skb_ancestor_cgroup_id
  helper(83, TC | CG, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING]),
  // sk_lookup_tcp
  helper(
    84,
    XDP | TC | CG,
    RET_PTR_TO_SOCKET | PTR_MAYBE_NULL,
    [ARG_PTR_TO_CTX, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING, ARG_ANYTHING],
    { pkt: true },
  ),
  // sk_lookup_udp
  helper(
    85,
    XDP | TC | CG,
    RET_PTR_TO_SOCKET | PTR_MAYBE_NULL,
    [ARG_PTR_TO_CTX, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING, ARG_ANYTHING],
    { pkt: true },
  ),
  // sk_release
  helper(86, XDP | TC | CG, RET_INTEGER, [ARG_PTR_TO_BTF_ID_SOCK_COMMON | OBJ_RELEASE]),
  // map_push_elem
  helper(87, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_VALUE, ARG_ANYTHING], { pkt: true }),
  // map_pop_elem
  helper(88, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_VALUE | MEM_UNINIT | MEM_WRITE]),
  // map_peek_elem
  helper(89, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_VALUE | MEM_UNINIT | MEM_WRITE]),
  // spin_lock
  helper(93, ALL, RET_VOID, [ARG_PTR_TO_SPIN_LOCK]),
  // spin_unlock
  helper(94, ALL, RET_VOID, [ARG_PTR_TO_SPIN_LOCK]),
  // sk_fullsock
  helper(95, TC | CG, RET_PTR_TO_SOCKET | PTR_MAYBE_NULL, [ARG_PTR_TO_SOCK_COMMON]),
  // tcp_sock
  helper(96, TC | CG, RET_PTR_TO_TCP_SOCK | PTR_MAYBE_NULL, [ARG_PTR_TO_SOCK_COMMON]),
  // skb_ecn_set_ce
  helper(97, TC | CG, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // get_listener_sock
  helper(98, TC | CG, RET_PTR_TO_SOCKET | PTR_MAYBE_NULL, [ARG_PTR_TO_SOCK_COMMON]),
  // skc_lookup_tcp
  helper(
    99,
    XDP | TC | CG,
    RET_PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL,
    [ARG_PTR_TO_CTX, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING, ARG_ANYTHING],
    { pkt: true },
  ),
  // tcp_check_syncookie
  helper(
    100,
    XDP | TC,
    RET_INTEGER,
    [ARG_PTR_TO_BTF_ID_SOCK_COMMON, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE],
    { gpl: true, pkt: true },
  ),
  // strtol
  helper(
    105,
    ALL,
    RET_INTEGER,
    [
      ARG_PTR_TO_MEM | MEM_RDONLY,
      ARG_CONST_SIZE,
      ARG_ANYTHING,
      ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_UNINIT | MEM_WRITE | MEM_ALIGNED,
    ],
    { sizes: [0, 0, 0, 8] },
  ),
  // strtoul
  helper(
    106,
    ALL,
    RET_INTEGER,
    [
      ARG_PTR_TO_MEM | MEM_RDONLY,
      ARG_CONST_SIZE,
      ARG_ANYTHING,
      ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_UNINIT | MEM_WRITE | MEM_ALIGNED,
    ],
    { sizes: [0, 0, 0, 8] },
  ),
  // sk_storage_get
  helper(107, TC | CG, RET_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL, [
    ARG_CONST_MAP_PTR,
    ARG_PTR_TO_BTF_ID_SOCK_COMMON,
    ARG_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL,
    ARG_ANYTHING,
  ]),
  // sk_storage_delete
  helper(108, TC | CG, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_BTF_ID_SOCK_COMMON]),
  // send_signal
  helper(109, ALL, RET_INTEGER, [ARG_ANYTHING]),
  // tcp_gen_syncookie
  helper(
    110,
    XDP | TC,
    RET_INTEGER,
    [ARG_PTR_TO_BTF_ID_SOCK_COMMON, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE],
    { gpl: true, pkt: true },
  ),
  // probe_read_user
  helper(112, ALL, RET_INTEGER, [ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING], { gpl: true }),
  // probe_read_kernel
  helper(113, ALL, RET_INTEGER, [ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING], { gpl: true }),
  // probe_read_user_str
  helper(114, ALL, RET_INTEGER, [ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING], { gpl: true }),
  // probe_read_kernel_str
  helper(115, ALL, RET_INTEGER, [ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING], { gpl: true }),
  // send_signal_thread
  helper(117, ALL, RET_INTEGER, [ARG_ANYTHING]),
  // jiffies64
  helper(118, ALL, RET_INTEGER, []),
  // get_ns_current_pid_tgid
  helper(120, ALL, RET_INTEGER, [ARG_ANYTHING, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE]),
  // get_netns_cookie
  helper(122, TC | SF | CG, RET_INTEGER, [ARG_PTR_TO_CTX | PTR_MAYBE_NULL]),
  // get_current_ancestor_cgroup_id
  helper(123, ALL, RET_INTEGER, [ARG_ANYTHING]),
  // sk_assign
  helper(124, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_PTR_TO_BTF_ID_SOCK_COMMON, ARG_ANYTHING]),
  // ktime_get_boot_ns
  helper(125, ALL, RET_INTEGER, []),
  // sk_cgroup_id
  helper(128, CG, RET_INTEGER, [ARG_PTR_TO_BTF_ID_SOCK_COMMON]),
  // sk_ancestor_cgroup_id
  helper(129, CG, RET_INTEGER, [ARG_PTR_TO_BTF_ID_SOCK_COMMON, ARG_ANYTHING]),
  // ringbuf_output
  helper(130, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING]),
  // ringbuf_reserve
  helper(131, ALL, RET_PTR_TO_MEM | MEM_RINGBUF | PTR_MAYBE_NULL, [
    ARG_CONST_MAP_PTR,
    ARG_CONST_ALLOC_SIZE_OR_ZERO,
    ARG_ANYTHING,
  ]),
  // ringbuf_submit
  helper(132, ALL, RET_VOID, [ARG_PTR_TO_RINGBUF_MEM | OBJ_RELEASE, ARG_ANYTHING]),
  // ringbuf_discard
  helper(133, ALL, RET_VOID, [ARG_PTR_TO_RINGBUF_MEM | OBJ_RELEASE, ARG_ANYTHING]),
  // ringbuf_query
  helper(134, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_ANYTHING]),
  // csum_level
  helper(135, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING]),
  // skc_to_tcp6_sock
  helper(136, ALL, RET_PTR_TO_BTF_ID | PTR_MAYBE_NULL, [ARG_PTR_TO_BTF_ID_SOCK_COMMON], { retStruct: 'tcp6_sock' }),
  // skc_to_tcp_sock
  helper(137, ALL, RET_PTR_TO_BTF_ID | PTR_MAYBE_NULL, [ARG_PTR_TO_BTF_ID_SOCK_COMMON], { retStruct: 'tcp_sock' }),
  // skc_to_tcp_timewait_sock
  helper(138, ALL, RET_PTR_TO_BTF_ID | PTR_MAYBE_NULL, [ARG_PTR_TO_BTF_ID_SOCK_COMMON], { retStruct: 'tcp_timewait_sock' }),
  // skc_to_tcp_request_sock
  helper(139, ALL, RET_PTR_TO_BTF_ID | PTR_MAYBE_NULL, [ARG_PTR_TO_BTF_ID_SOCK_COMMON], { retStruct: 'tcp_request_sock' }),
  // skc_to_udp6_sock
  helper(140, ALL, RET_PTR_TO_BTF_ID | PTR_MAYBE_NULL, [ARG_PTR_TO_BTF_ID_SOCK_COMMON], { retStruct: 'udp6_sock' }),
  // get_task_stack
  helper(
    141,
    ALL,
    RET_INTEGER,
    [ARG_PTR_TO_BTF_ID, ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING],
    { argStructs: ['task_struct'] },
  ),
  // copy_from_user
  helper(148, ALL, RET_INTEGER, [ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING], {
    sleeps: true,
  }),
  // snprintf_btf
  helper(149, ALL, RET_INTEGER, [
    ARG_PTR_TO_MEM | MEM_WRITE,
    ARG_CONST_SIZE,
    ARG_PTR_TO_MEM | MEM_RDONLY,
    ARG_CONST_SIZE,
    ARG_ANYTHING,
  ]),
  // skb_cgroup_classid
  helper(151, TC, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // redirect_neigh
  helper(152, TC, RET_INTEGER, [
    ARG_ANYTHING,
    ARG_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_RDONLY,
    ARG_CONST_SIZE_OR_ZERO,
    ARG_ANYTHING,
  ]),
  // per_cpu_ptr
  helper(153, ALL, RET_PTR_TO_MEM_OR_BTF_ID | PTR_MAYBE_NULL | MEM_RDONLY, [ARG_PTR_TO_PERCPU_BTF_ID, ARG_ANYTHING]),
  // this_cpu_ptr
  helper(154, ALL, RET_PTR_TO_MEM_OR_BTF_ID | MEM_RDONLY, [ARG_PTR_TO_PERCPU_BTF_ID]),
  // redirect_peer
  helper(155, TC, RET_INTEGER, [ARG_ANYTHING, ARG_ANYTHING]),
  // task_storage_get
  helper(
    156,
    ALL,
    RET_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL,
    [ARG_CONST_MAP_PTR, ARG_PTR_TO_BTF_ID | PTR_MAYBE_NULL, ARG_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL, ARG_ANYTHING],
    { argStructs: ['', 'task_struct'] },
  ),
  // task_storage_delete
  helper(157, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_BTF_ID | PTR_MAYBE_NULL], { argStructs: ['', 'task_struct'] }),
  // get_current_task_btf
  helper(158, ALL, RET_PTR_TO_BTF_ID | PTR_TRUSTED, [], { gpl: true, retStruct: 'task_struct' }),
  // ktime_get_coarse_ns
  helper(160, ALL, RET_INTEGER, []),
  // check_mtu
  helper(
    163,
    XDP | TC,
    RET_INTEGER,
    [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_WRITE | MEM_ALIGNED, ARG_ANYTHING, ARG_ANYTHING],
    { gpl: true, sizes: [0, 0, 4, 0, 0] },
  ),
  // for_each_map_elem
  helper(164, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_FUNC, ARG_PTR_TO_STACK | PTR_MAYBE_NULL, ARG_ANYTHING]),
  // snprintf
  helper(
    165,
    ALL,
    RET_INTEGER,
    [
      ARG_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_WRITE,
      ARG_CONST_SIZE_OR_ZERO,
      ARG_PTR_TO_CONST_STR,
      ARG_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_RDONLY,
      ARG_CONST_SIZE_OR_ZERO,
    ],
    { gpl: true },
  ),
  // timer_init
  helper(169, ALL, RET_INTEGER, [ARG_PTR_TO_TIMER, ARG_CONST_MAP_PTR, ARG_ANYTHING], { gpl: true }),
  // timer_set_callback
  helper(170, ALL, RET_INTEGER, [ARG_PTR_TO_TIMER, ARG_PTR_TO_FUNC], { gpl: true }),
  // timer_start
  helper(171, ALL, RET_INTEGER, [ARG_PTR_TO_TIMER, ARG_ANYTHING, ARG_ANYTHING], { gpl: true }),
  // timer_cancel
  helper(172, ALL, RET_INTEGER, [ARG_PTR_TO_TIMER], { gpl: true }),
  // task_pt_regs
  helper(175, ALL, RET_PTR_TO_BTF_ID, [ARG_PTR_TO_BTF_ID], { gpl: true, argStructs: ['task_struct'], retStruct: 'pt_regs' }),
  // get_branch_snapshot
  helper(176, ALL, RET_INTEGER, [ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE_OR_ZERO], { gpl: true }),
  // trace_vprintk
  helper(
    177,
    ALL,
    RET_INTEGER,
    [ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE, ARG_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO],
    { gpl: true },
  ),
  // skc_to_unix_sock
  helper(178, ALL, RET_PTR_TO_BTF_ID | PTR_MAYBE_NULL, [ARG_PTR_TO_BTF_ID_SOCK_COMMON], { retStruct: 'unix_sock' }),
  // find_vma
  helper(
    180,
    ALL,
    RET_INTEGER,
    [ARG_PTR_TO_BTF_ID, ARG_ANYTHING, ARG_PTR_TO_FUNC, ARG_PTR_TO_STACK | PTR_MAYBE_NULL, ARG_ANYTHING],
    { argStructs: ['task_struct'] },
  ),
  // loop
  helper(181, ALL, RET_INTEGER, [ARG_ANYTHING, ARG_PTR_TO_FUNC, ARG_PTR_TO_STACK | PTR_MAYBE_NULL, ARG_ANYTHING]),
  // strncmp
  helper(182, ALL, RET_INTEGER, [ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE, ARG_PTR_TO_CONST_STR]),
  // xdp_get_buff_len
  helper(188, XDP, RET_INTEGER, [ARG_PTR_TO_CTX]),
  // xdp_load_bytes
  helper(189, XDP, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE]),
  // xdp_store_bytes
  helper(190, XDP, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE]),
  // copy_from_user_task
  helper(
    191,
    ALL,
    RET_INTEGER,
    [ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING, ARG_PTR_TO_BTF_ID, ARG_ANYTHING],
    { gpl: true, sleeps: true, argStructs: ['', '', '', 'task_struct'] },
  ),
  // skb_set_tstamp
  helper(192, TC, RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_ANYTHING]),
  // kptr_xchg
  helper(194, ALL, RET_PTR_TO_BTF_ID | PTR_MAYBE_NULL, [ARG_KPTR_XCHG_DEST, ARG_PTR_TO_BTF_ID | PTR_MAYBE_NULL | OBJ_RELEASE]),
  // map_lookup_percpu_elem
  helper(195, ALL, RET_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL, [ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ARG_ANYTHING], { pkt: true }),
  // skc_to_mptcp_sock
  helper(196, ALL, RET_PTR_TO_BTF_ID | PTR_MAYBE_NULL, [ARG_PTR_TO_SOCK_COMMON], { retStruct: 'mptcp_sock' }),
  // dynptr_from_mem
  helper(197, ALL, RET_INTEGER, [
    ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE,
    ARG_CONST_SIZE_OR_ZERO,
    ARG_ANYTHING,
    ARG_PTR_TO_DYNPTR | DYNPTR_TYPE_LOCAL | MEM_UNINIT | MEM_WRITE,
  ]),
  // ringbuf_reserve_dynptr
  helper(198, ALL, RET_INTEGER, [
    ARG_CONST_MAP_PTR,
    ARG_ANYTHING,
    ARG_ANYTHING,
    ARG_PTR_TO_DYNPTR | DYNPTR_TYPE_RINGBUF | MEM_UNINIT | MEM_WRITE,
  ]),
  // ringbuf_submit_dynptr
  helper(199, ALL, RET_VOID, [ARG_PTR_TO_DYNPTR | DYNPTR_TYPE_RINGBUF | OBJ_RELEASE, ARG_ANYTHING]),
  // ringbuf_discard_dynptr
  helper(200, ALL, RET_VOID, [ARG_PTR_TO_DYNPTR | DYNPTR_TYPE_RINGBUF | OBJ_RELEASE, ARG_ANYTHING]),
  // dynptr_read
  helper(201, ALL, RET_INTEGER, [
    ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE,
    ARG_CONST_SIZE_OR_ZERO,
    ARG_PTR_TO_DYNPTR | MEM_RDONLY,
    ARG_ANYTHING,
    ARG_ANYTHING,
  ]),
  // dynptr_write
  helper(202, ALL, RET_INTEGER, [
    ARG_PTR_TO_DYNPTR | MEM_RDONLY,
    ARG_ANYTHING,
    ARG_PTR_TO_MEM | MEM_RDONLY,
    ARG_CONST_SIZE_OR_ZERO,
    ARG_ANYTHING,
  ]),
  // dynptr_data
  helper(203, ALL, RET_PTR_TO_MEM | PTR_MAYBE_NULL, [ARG_PTR_TO_DYNPTR | MEM_RDONLY, ARG_ANYTHING, ARG_CONST_ALLOC_SIZE_OR_ZERO]),
  // tcp_raw_gen_syncookie_ipv4
  helper(
    204,
    XDP | TC,
    RET_INTEGER,
    [ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_RDONLY, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO],
    {
      gpl: true,
      pkt: true,
      sizes: [20, 0, 0],
    },
  ),
  // tcp_raw_gen_syncookie_ipv6
  helper(
    205,
    XDP | TC,
    RET_INTEGER,
    [ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_RDONLY, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO],
    {
      gpl: true,
      pkt: true,
      sizes: [40, 0, 0],
    },
  ),
  // tcp_raw_check_syncookie_ipv4
  helper(
    206,
    XDP | TC,
    RET_INTEGER,
    [ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_RDONLY, ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_RDONLY],
    {
      gpl: true,
      pkt: true,
      sizes: [20, 20],
    },
  ),
  // tcp_raw_check_syncookie_ipv6
  helper(
    207,
    XDP | TC,
    RET_INTEGER,
    [ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_RDONLY, ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_RDONLY],
    {
      gpl: true,
      pkt: true,
      sizes: [40, 20],
    },
  ),
  // ktime_get_tai_ns
  helper(208, ALL, RET_INTEGER, []),
  // user_ringbuf_drain
  helper(209, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_FUNC, ARG_PTR_TO_STACK | PTR_MAYBE_NULL, ARG_ANYTHING]),
  // cgrp_storage_get
  helper(
    210,
    ALL,
    RET_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL,
    [ARG_CONST_MAP_PTR, ARG_PTR_TO_BTF_ID | PTR_MAYBE_NULL, ARG_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL, ARG_ANYTHING],
    { argStructs: ['', 'cgroup'] },
  ),
  // cgrp_storage_delete
  helper(211, ALL, RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_BTF_ID | PTR_MAYBE_NULL], { argStructs: ['', 'cgroup'] }),
]

// By helper id, the last row of each.
const protos: readonly (HelperProto | undefined)[] = byId()

/** The prototype that a program type (its bit in `types`) has of a helper. */
export function protoOf(id: number, type: number): HelperProto | undefined {
  const proto = protos[id]
  if (proto === undefined || (proto.types & type) !== 0) return proto
  // Another row, or none.
  return rows.find(row => row.id === id && (row.types & type) !== 0)
}

function byId(): (HelperProto | undefined)[] {
  const all: (HelperProto | undefined)[] = new Array(212).fill(undefined)
  for (const row of rows) all[row.id] = row
  return all
}
