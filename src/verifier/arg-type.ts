// Which register types each argument type of a helper accepts. The order is that of the refusal's list.

import {
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
  ARG_PTR_TO_SOCKET,
  ARG_PTR_TO_SPIN_LOCK,
  ARG_PTR_TO_STACK,
  ARG_PTR_TO_TIMER,
  ARG_SCALAR,
} from './helper-proto.ts'
import {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RINGBUF,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TRUSTED,
  SCALAR_VALUE,
} from './reg.ts'

const memory: readonly number[] = [
  PTR_TO_STACK,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_MEM | MEM_RINGBUF,
  PTR_TO_BUF,
  PTR_TO_BTF_ID | PTR_TRUSTED,
]
const sockets: readonly number[] = [PTR_TO_SOCK_COMMON, PTR_TO_SOCKET, PTR_TO_TCP_SOCK, PTR_TO_XDP_SOCK]
const scalars: readonly number[] = [SCALAR_VALUE]

/** By base argument type; undefined where the type isn't looked at. */
export const compatibleTypes: ReadonlyMap<number, readonly number[]> = new Map([
  [ARG_PTR_TO_MAP_KEY, memory],
  [ARG_PTR_TO_MAP_VALUE, memory],
  [ARG_PTR_TO_MEM, memory],
  [ARG_CONST_SIZE, scalars],
  [ARG_CONST_SIZE_OR_ZERO, scalars],
  [ARG_CONST_ALLOC_SIZE_OR_ZERO, scalars],
  [ARG_SCALAR, scalars],
  [ARG_CONST_MAP_PTR, [CONST_PTR_TO_MAP]],
  [ARG_PTR_TO_CTX, [PTR_TO_CTX]],
  [ARG_PTR_TO_SOCK_COMMON, sockets],
  [ARG_PTR_TO_BTF_ID_SOCK_COMMON, [...sockets, PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED]],
  [ARG_PTR_TO_SOCKET, [PTR_TO_SOCKET]],
  [ARG_PTR_TO_BTF_ID, [PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED, PTR_TO_BTF_ID | MEM_RCU]],
  [ARG_PTR_TO_SPIN_LOCK, [PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC]],
  [ARG_PTR_TO_RINGBUF_MEM, [PTR_TO_MEM | MEM_RINGBUF]],
  [
    ARG_PTR_TO_PERCPU_BTF_ID,
    [PTR_TO_BTF_ID | MEM_PERCPU, PTR_TO_BTF_ID | MEM_PERCPU | MEM_RCU, PTR_TO_BTF_ID | MEM_PERCPU | PTR_TRUSTED],
  ],
  [ARG_PTR_TO_FUNC, [PTR_TO_FUNC]],
  [ARG_PTR_TO_STACK, [PTR_TO_STACK]],
  [ARG_PTR_TO_CONST_STR, [PTR_TO_MAP_VALUE]],
  [ARG_PTR_TO_TIMER, [PTR_TO_MAP_VALUE]],
  [ARG_KPTR_XCHG_DEST, [PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC]],
  [ARG_PTR_TO_DYNPTR, [PTR_TO_STACK, CONST_PTR_TO_DYNPTR]],
])

/** Whether an argument type takes a register as plain memory. */
export function isMemoryArg(types: readonly number[]): boolean {
  return types === memory
}
