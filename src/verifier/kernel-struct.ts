// The kernel's structures as far as calls of its functions need them: which are made of numbers alone and how large they are, and which
// begin with which other. A structure that isn't listed holds pointers: memory of a program can't stand in for it.

/** Bytes of structures that consist of numbers. */
const numbers: ReadonlyMap<string, number> = new Map([
  ['bpf_sock_tuple', 36],
  ['bpf_ct_opts', 16],
  ['bpf_xfrm_state_opts', 36],
  ['bpf_tcp_req_attrs', 20],
  ['nf_inet_addr', 16],
  ['xdp_md', 24],
])

/** Bytes of scalar types. */
const scalars: ReadonlyMap<string, number> = new Map([
  ['char', 1],
  ['u8', 1],
  ['bool', 1],
  ['u16', 2],
  ['__be16', 2],
  ['u32', 4],
  ['__u32', 4],
  ['s32', 4],
  ['int', 4],
  ['unsigned int', 4],
  ['u64', 8],
  ['s64', 8],
  ['size_t', 8],
  ['long int', 8],
  ['long unsigned int', 8],
])

/** A C type that a pointer points at, or that is passed by value. */
export interface CType {
  readonly kind: 'STRUCT' | 'UNION' | 'INT' | 'ENUM' | 'UNKNOWN' | 'FUNC_PROTO'
  readonly name: string
  /** Undefined for what has no size or isn't known here. */
  readonly bytes: number | undefined
  /** Whether memory of a program may be passed for it. */
  readonly isNumbers: boolean
}

export function parseCType(text: string): CType {
  const [word, name] = text.split(' ')
  if (word === 'struct' || word === 'union') {
    const bytes = numbers.get(name!)
    return { kind: word === 'struct' ? 'STRUCT' : 'UNION', name: name!, bytes, isNumbers: bytes !== undefined }
  }
  if (word === 'enum') return { kind: 'ENUM', name: name!, bytes: 4, isNumbers: true }
  if (text === '?' || text === 'bpf_task_work_callback_t')
    return { kind: 'FUNC_PROTO', name: '', bytes: undefined, isNumbers: false }
  if (text === 'void') return { kind: 'UNKNOWN', name: '', bytes: undefined, isNumbers: false }
  return { kind: 'INT', name: text, bytes: scalars.get(text), isNumbers: true }
}

/** Structures that begin with another one, all the way down: what may be passed where the inner one is asked for. */
const firstMember: ReadonlyMap<string, string> = new Map([
  ['sock', 'sock_common'],
  ['inet_sock', 'sock'],
  ['inet_connection_sock', 'inet_sock'],
  ['tcp_sock', 'inet_connection_sock'],
  ['tcp6_sock', 'tcp_sock'],
  ['udp_sock', 'inet_sock'],
  ['udp6_sock', 'udp_sock'],
  ['unix_sock', 'sock'],
  ['mptcp_sock', 'inet_connection_sock'],
  ['request_sock', 'sock_common'],
  ['inet_request_sock', 'request_sock'],
  ['tcp_request_sock', 'inet_request_sock'],
  ['inet_timewait_sock', 'sock_common'],
  ['tcp_timewait_sock', 'inet_timewait_sock'],
])

/** Whether a pointer to `is` may be passed where `wanted` is asked for. */
export function beginsWith(is: string, wanted: string, strict: boolean): boolean {
  if (strict) return is === wanted
  for (let name: string | undefined = is; name !== undefined; name = firstMember.get(name)) if (name === wanted) return true
  return false
}
