// Pass 0 and 1: what a load says before the verifier looks at the first instruction. Linux refuses these with an errno and no text.

import { E2BIG, EINVAL, EPERM } from '../bpf/errno.ts'
import {
  BPF_CGROUP_INET_EGRESS,
  BPF_CGROUP_INET_INGRESS,
  BPF_F_XDP_DEV_BOUND_ONLY,
  BPF_F_XDP_HAS_FRAGS,
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_UNSPEC,
  BPF_PROG_TYPE_XDP,
  progTypeNames,
} from '../bpf/prog-type-table.ts'
import type { Program } from '../bpf/program.ts'
import { NicwrightError } from '../errors.ts'
import type { Target } from './device.ts'

const MAX_INSNS = 1_000_000
const MAX_INSNS_UNPRIVILEGED = 4096
/** BPF_F_STRICT_ALIGNMENT up to BPF_F_TEST_REG_INVARIANTS. */
const KNOWN_FLAGS = 0xff
const KNOWN_LOG_LEVELS = 15

export interface LoadAttributes {
  readonly target: Target
  readonly privileged: boolean
  readonly logLevel: number
}

const supported: ReadonlySet<number> = new Set([
  BPF_PROG_TYPE_XDP,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_CGROUP_SKB,
])

/**
 * The errno of a load that is refused before verification, 0 if it may go on.
 * @throws NicwrightError `verifier/prog-type` for the program types of Linux that are not verified here.
 */
export function checkAttributes(program: Program, load: LoadAttributes): number {
  const { type, flags } = program
  const count = program.insns.count
  if ((flags & ~KNOWN_FLAGS) !== 0) return EINVAL
  if (count === 0 || count > (load.privileged ? MAX_INSNS : MAX_INSNS_UNPRIVILEGED)) return E2BIG
  if (!load.privileged && type !== BPF_PROG_TYPE_SOCKET_FILTER && type !== BPF_PROG_TYPE_CGROUP_SKB) return EPERM
  if (!Number.isInteger(type) || type <= BPF_PROG_TYPE_UNSPEC || type >= progTypeNames.length) return EINVAL
  if (!supported.has(type)) {
    throw new NicwrightError('verifier/prog-type', {
      message: `programs of type ${progTypeNames[type]} are not verified here`,
      at: { program: program.name },
      notes: [`types that are: ${[...supported].map(each => progTypeNames[each]).join(', ')}`],
    })
  }
  if (type === BPF_PROG_TYPE_CGROUP_SKB) {
    const attach = program.expectedAttachType
    if (attach !== BPF_CGROUP_INET_INGRESS && attach !== BPF_CGROUP_INET_EGRESS) return EINVAL
  }
  if (load.target.kind !== 'host' && !mayBeBound(type, flags, load.target.kind)) return EINVAL
  return (load.logLevel & ~KNOWN_LOG_LEVELS) === 0 ? 0 : EINVAL
}

/** Devices take XDP and tc programs; of the flags, an offloaded one may have none. */
function mayBeBound(type: number, flags: number, kind: 'dev-bound' | 'offloaded'): boolean {
  if (type !== BPF_PROG_TYPE_XDP && type !== BPF_PROG_TYPE_SCHED_CLS) return false
  if (kind === 'offloaded') return flags === 0
  return type === BPF_PROG_TYPE_XDP && (flags & ~(BPF_F_XDP_DEV_BOUND_ONLY | BPF_F_XDP_HAS_FRAGS)) === 0
}
