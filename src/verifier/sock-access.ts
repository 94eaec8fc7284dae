// Fields of sockets that programs may read: of bpf_sock, its common part, bpf_tcp_sock and bpf_xdp_sock.

import { EACCES } from '../bpf/errno.ts'
import type { Env } from './env.ts'
import { PTR_TO_SOCK_COMMON, PTR_TO_TCP_SOCK, PTR_TO_XDP_SOCK, R_SMIN, R_TYPE, REG_WORDS, TYPE_BASE_MASK } from './reg.ts'
import { regTypeName } from './reg-name.ts'

const SOCK_BYTES = 80
const TCP_SOCK_BYTES = 112
const XDP_SOCK_BYTES = 4

// Offsets in bpf_sock.
const TYPE = 8
const PRIORITY_END = 24
const SRC_IP4 = 24
const SRC_PORT = 44
const DST_PORT = 48
const DST_IP4 = 52
const STATE = 72
// Fields of which the first bytes may be read: family, type, protocol, src_port, state, rx_queue_mapping. Of addresses any aligned part
// may be; bound_dev_if, mark and priority are read whole.
const fromStart: ReadonlySet<number> = new Set([4, 8, 12, 44, 72, 76])

function isAddress(off: number): boolean {
  return (off >= SRC_IP4 && off < SRC_PORT) || (off >= DST_IP4 && off < STATE)
}

// 64-bit fields of bpf_tcp_sock.
const BYTES_RECEIVED = 80
const BYTES_ACKED = 88

function sockField(off: number, size: number): boolean {
  if (off >= SOCK_BYTES || size > 4) return false
  // The port is the first half of its word; the rest is padding.
  if (off >= DST_PORT && off < DST_IP4) return off === DST_PORT || (off < DST_PORT + 2 && size <= 2)
  return size === 4 || isAddress(off) || fromStart.has(off)
}

function isReadable(base: number, off: number, size: number): boolean {
  if (off < 0 || off % size !== 0) return false
  switch (base) {
    case PTR_TO_SOCK_COMMON:
      return !(off >= TYPE && off < PRIORITY_END) && sockField(off, size)
    case PTR_TO_TCP_SOCK:
      if (off >= BYTES_RECEIVED && off < BYTES_ACKED + 8) return size === 8
      return off < TCP_SOCK_BYTES && size === 4
    case PTR_TO_XDP_SOCK:
      return off < XDP_SOCK_BYTES && size === 4
    default:
      return sockField(off, size)
  }
}

/** `check_sock_access`. */
export function loadSocket(env: Env, n: number, off: number, size: number): void {
  const r = env.regs
  const i = n * REG_WORDS
  if (r[i + R_SMIN + 1]! < 0) {
    env.reject(EACCES, `R${n} min value is negative, either use unsigned index or do a if (index >=0) check.`)
  }
  const type = r[i + R_TYPE]!
  if (!isReadable(type & TYPE_BASE_MASK, off, size)) {
    env.reject(EACCES, `R${n} invalid ${regTypeName(type)} access off=${off} size=${size}`)
  }
}
