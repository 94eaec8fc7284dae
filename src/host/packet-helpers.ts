// Helpers that read or change the packet: those of XDP, and those of socket buffers. Bounds and errors are Linux's.

import { EACCES, EFAULT, EINVAL, ENOMEM, ENOTSUPP } from '../bpf/errno.ts'
import { csumPartial, csumReplace, csumReplace16, csumReplaceByDiff, csumSub, csumTo16 } from './checksum.ts'
import { ETH_HEADER_BYTES, SKB_HASH, SKB_LIMIT_BYTES, SKB_PAD_BYTES, SKB_PKT_TYPE, writePointers } from './context.ts'
import type { Machine } from './machine.ts'

/** Bytes at the start of the headroom that Linux keeps for its struct xdp_frame. */
const XDP_FRAME_BYTES = 40
/** Most metadata: what fits the byte that carries its length, in words. */
const META_LIMIT = 252
const PAGE_BYTES = 4096

/** The signed value of a register that a helper takes as an int. */
function int(m: Machine, register: number): number {
  return m.lo[register]!
}

function u32(m: Machine, register: number): number {
  return m.lo[register]! >>> 0
}

export function xdpAdjustHead(m: Machine): void {
  const metaBytes = m.data - m.meta
  const data = m.data + int(m, 2)
  if (data < m.hardStart + XDP_FRAME_BYTES + metaBytes || data > m.dataEnd - ETH_HEADER_BYTES) {
    m.answer(-EINVAL)
    return
  }
  if (metaBytes > 0) m.memory.u8.copyWithin(data - metaBytes, m.meta, m.meta + metaBytes)
  m.data = data
  m.meta = data - metaBytes
  writePointers(m)
  m.answer(0)
}

export function xdpAdjustTail(m: Machine): void {
  const end = m.end + int(m, 2)
  const fragments = m.end - m.dataEnd
  // The last fragment has a page to itself, as far as it isn't filled.
  const limit = fragments === 0 ? m.hardEnd : m.end + (((-fragments % PAGE_BYTES) + PAGE_BYTES) % PAGE_BYTES)
  if (end > limit || end < m.data + ETH_HEADER_BYTES) {
    m.answer(-EINVAL)
    return
  }
  if (end > m.end) m.memory.u8.fill(0, m.end, end)
  if (fragments === 0 || end < m.dataEnd) m.dataEnd = end
  m.end = end
  writePointers(m)
  m.answer(0)
}

export function xdpAdjustMeta(m: Machine): void {
  const meta = m.meta + int(m, 2)
  const bytes = m.data - meta
  if (meta < m.hardStart + XDP_FRAME_BYTES || bytes < 0) m.answer(-EINVAL)
  else if (bytes % 4 !== 0 || bytes > META_LIMIT) m.answer(-EACCES)
  else {
    m.meta = meta
    writePointers(m)
    m.answer(0)
  }
}

export function xdpBufferLength(m: Machine): void {
  m.answer(m.end - m.data)
}

/** xdp_load_bytes and xdp_store_bytes (ctx, offset, buffer, length). */
export function xdpLoadBytes(m: Machine): void {
  transfer(m, false)
}

export function xdpStoreBytes(m: Machine): void {
  transfer(m, true)
}

function transfer(m: Machine, store: boolean): void {
  const offset = u32(m, 2)
  const bytes = u32(m, 4)
  const buffer = m.pointer(3, bytes)
  if (offset > 0xffff || bytes > 0xffff) m.answer(-EFAULT)
  else if (offset + bytes > m.end - m.data) m.answer(-EINVAL)
  else {
    const at = m.data + offset
    if (store) m.memory.u8.copyWithin(at, buffer, buffer + bytes)
    else m.memory.u8.copyWithin(buffer, at, at + bytes)
    m.answer(0)
  }
}

/** redirect(ifindex, flags): of XDP no flags are known and 4 is XDP_REDIRECT; of TC 1 is BPF_F_INGRESS, 2 TC_ACT_SHOT, 7 TC_ACT_REDIRECT. */
export function redirect(m: Machine): void {
  const target = u32(m, 1)
  const flags = m.hi[2] === 0 ? u32(m, 2) : 0xffffffff
  const known = m.skb ? 1 : 0
  if ((flags & ~known) !== 0) m.answer(m.skb ? 2 : 0)
  else {
    m.redirect = { map: 0, target, flags }
    m.answer(m.skb ? 7 : 4)
  }
}

/** csum_diff(from, from_size, to, to_size, seed): the sum without `from` and with `to`, folded to 16 bits. */
export function csumDiff(m: Machine): void {
  const fromBytes = u32(m, 2)
  const toBytes = u32(m, 4)
  const { view } = m.memory
  const from = fromBytes === 0 ? 0 : m.pointer(1, fromBytes)
  const to = toBytes === 0 ? 0 : m.pointer(3, toBytes)
  const seed = u32(m, 5)
  let sum = seed
  if (fromBytes > 0 && toBytes > 0) sum = csumSub(csumPartial(view, to, toBytes, seed), csumPartial(view, from, fromBytes, 0))
  else if (toBytes > 0) sum = csumPartial(view, to, toBytes, seed)
  else if (fromBytes > 0) sum = ~csumPartial(view, from, fromBytes, ~seed) >>> 0
  m.answer(csumTo16(sum))
}

/** skb_load_bytes(skb, offset, to, length): what can't be read is zeroed. */
export function skbLoadBytes(m: Machine): void {
  loadFrom(m, m.data, u32(m, 2), 0x7fffffff)
}

/** skb_load_bytes_relative(skb, offset, to, length, header): 0 counts from the Ethernet header, 1 from the network header. */
export function skbLoadBytesRelative(m: Machine): void {
  const header = u32(m, 5)
  loadFrom(m, header === 0 ? m.macHeader : m.networkHeader, u32(m, 2), header > 1 ? -1 : 0xffff)
}

function loadFrom(m: Machine, start: number, offset: number, limit: number): void {
  const bytes = u32(m, 4)
  const to = m.pointer(3, bytes)
  const at = start + offset
  const { u8 } = m.memory
  if (offset > limit || at + bytes > m.dataEnd) {
    u8.fill(0, to, to + bytes)
    m.answer(-EFAULT)
  } else {
    u8.copyWithin(to, at, at + bytes)
    m.answer(0)
  }
}

/** skb_store_bytes(skb, offset, from, length, flags): flags are BPF_F_RECOMPUTE_CSUM and BPF_F_INVALIDATE_HASH. */
export function skbStoreBytes(m: Machine): void {
  const offset = u32(m, 2)
  const bytes = u32(m, 4)
  const from = m.pointer(3, bytes)
  const flags = m.hi[5] === 0 ? u32(m, 5) : 0xffffffff
  if ((flags & ~3) !== 0) m.answer(-EINVAL)
  else if (offset > 0x7fffffff || offset + bytes > m.dataEnd - m.data) m.answer(-EFAULT)
  else {
    m.memory.u8.copyWithin(m.data + offset, from, from + bytes)
    if ((flags & 2) !== 0) m.memory.view.setUint32(m.context + SKB_HASH, 0, true)
    m.answer(0)
  }
}

// Flags of the checksum helpers: the low bits are the size of the field that changed.
const FIELD_SIZE = 0x0f
const MARK_MANGLED_0 = 0x20
const MARK_ENFORCE = 0x40
const L4_FLAGS = 0xff

/** The checksum field at an offset, or a negative errno. */
function checkField(m: Machine, known: number): number {
  const offset = u32(m, 2)
  const flags = m.hi[5] === 0 ? u32(m, 5) : 0xffffffff
  if ((flags & ~known) !== 0) return -EINVAL
  if (offset > 0xffff || (offset & 1) !== 0 || offset + 2 > m.dataEnd - m.data) return -EFAULT
  return m.data + offset
}

/** The new checksum, or -EINVAL: from and to are r3 and r4; size 0 means that r4 is a difference. */
function replaced(m: Machine, check: number): number {
  switch (u32(m, 5) & FIELD_SIZE) {
    case 0:
      return (m.lo[3]! | m.hi[3]!) === 0 ? csumReplaceByDiff(check, u32(m, 4)) : -EINVAL
    case 2:
      return csumReplace16(check, u32(m, 3) & 0xffff, u32(m, 4) & 0xffff)
    case 4:
      return csumReplace(check, u32(m, 3), u32(m, 4))
    default:
      return -EINVAL
  }
}

export function l3CsumReplace(m: Machine): void {
  const { view } = m.memory
  const at = checkField(m, FIELD_SIZE)
  const sum = at < 0 ? at : replaced(m, view.getUint16(at, true))
  if (sum >= 0) view.setUint16(at, sum, true)
  m.answer(Math.min(sum, 0))
}

/** As for L3; a UDP checksum of zero means none, so zero is left alone or becomes 0xffff when the flags say so. */
export function l4CsumReplace(m: Machine): void {
  const { view } = m.memory
  const at = checkField(m, L4_FLAGS)
  const flags = u32(m, 5)
  const old = at < 0 ? 0 : view.getUint16(at, true)
  if (at >= 0 && (flags & (MARK_MANGLED_0 | MARK_ENFORCE)) === MARK_MANGLED_0 && old === 0) {
    m.answer(0)
    return
  }
  // Fields of a transport header are summed in 32 bits whatever their size.
  const size = flags & FIELD_SIZE
  const sum = at < 0 ? at : size === 2 ? csumReplace(old, u32(m, 3) & 0xffff, u32(m, 4) & 0xffff) : replaced(m, old)
  if (sum >= 0) view.setUint16(at, sum === 0 && (flags & MARK_MANGLED_0) !== 0 ? 0xffff : sum, true)
  m.answer(Math.min(sum, 0))
}

/** csum_update only means something on a packet whose whole sum the device computed, which none here is. */
export function csumUpdate(m: Machine): void {
  m.answer(-ENOTSUPP)
}

export function skbPullData(m: Machine): void {
  m.answer(u32(m, 2) <= m.dataEnd - m.data ? 0 : -ENOMEM)
}

/** Bytes that must stay: up to the transport header where one is set, otherwise up to the network header. */
function leastBytes(m: Machine): number {
  const transport = m.transportHeader === 0xffff ? 0 : m.transportHeader - m.headroom
  return transport > 0 ? transport : Math.max(m.networkHeader - m.data, 0)
}

/** skb_change_tail(skb, length, flags): cuts, or grows with zeros. */
export function skbChangeTail(m: Machine): void {
  const bytes = u32(m, 2)
  if ((m.lo[3]! | m.hi[3]!) !== 0 || bytes < leastBytes(m) || bytes > SKB_LIMIT_BYTES) {
    m.answer(-EINVAL)
    return
  }
  const end = m.data + bytes
  if (end > m.dataEnd) m.memory.u8.fill(0, m.dataEnd, end)
  m.dataEnd = m.end = end
  writePointers(m)
  m.answer(0)
}

/** skb_change_head(skb, room, flags): zeros in front, where the Ethernet header now begins. */
export function skbChangeHead(m: Machine): void {
  const room = u32(m, 2)
  const data = m.data - room
  if ((m.lo[3]! | m.hi[3]!) !== 0 || m.dataEnd - data > SKB_LIMIT_BYTES) {
    m.answer(-EINVAL)
    return
  }
  if (room > m.headroom) {
    // Linux moves the headers' offsets by what the headroom grows, and an unset transport header with them: it wraps and is set.
    const grown = Math.ceil((room - m.headroom) / SKB_PAD_BYTES) * SKB_PAD_BYTES
    m.headroom += grown
    m.transportHeader = (m.transportHeader + grown) & 0xffff
  }
  m.headroom -= room
  m.memory.u8.fill(0, data, m.data)
  m.data = m.meta = m.macHeader = data
  writePointers(m)
  m.answer(0)
}

/** skb_change_type(skb, type): among the four kinds that a received packet has. */
export function skbChangeType(m: Machine): void {
  const at = m.context + SKB_PKT_TYPE
  const { view } = m.memory
  if (u32(m, 2) > 3 || view.getUint32(at, true) > 3) m.answer(-EINVAL)
  else {
    view.setUint32(at, u32(m, 2), true)
    m.answer(0)
  }
}

export function setHash(m: Machine): void {
  m.memory.view.setUint32(m.context + SKB_HASH, u32(m, 2), true)
  m.answer(0)
}

export function setHashInvalid(m: Machine): void {
  m.memory.view.setUint32(m.context + SKB_HASH, 0, true)
  m.answer(0)
}
