// Loads and stores of the context, the packet and map values. The packet is addressed with 32 bits, map values with 40 in a register
// pair. A command moves whole words between memory and transfer registers, and the thread gives way until they are there.

import { EOPNOTSUPP } from '../../bpf/errno.ts'
import { BPF_LDX, BPF_ST, BPF_STX, sizeBytes } from '../../bpf/opcode.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../../bpf/prog-type-table.ts'
import { alu, br, cmd, ldField, shf } from '../../nfp/encode.ts'
import { ADDRESS, ALU, BR, CMD, CTX, SHF, SHIFT } from '../../nfp/insn-table.ts'
import { address, immed32, immRestricted, mov, orSubpart, subpart } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth, imm, lm, NONE, xfer } from '../../nfp/operand.ts'
import { PTR_TO_CTX, PTR_TO_MAP_VALUE, PTR_TO_PACKET, PTR_TO_STACK } from '../../verifier/reg.ts'
import { emitCopy } from './emit-copy.ts'
import { emitStack } from './emit-stack.ts'
import { MOST_DIRECT, mapAddress, overrideLength, VECTOR, VECTOR_POINTER } from './transfer.ts'
import { loadFramePointer, PACKET_LENGTH, R10, SCRATCH, SCRATCH_ADDRESS, type Translation, zext } from './translation.ts'

// Of the packet vector: flag bit 4 says that a queue is chosen, and which one.
const VECTOR_FLAGS = lm(VECTOR, 4)
const VECTOR_QUEUE = lm(VECTOR, 6)

// Fields of the contexts, byte offsets.
const XDP_DATA = 0
const XDP_DATA_END = 4
const XDP_RX_QUEUE_INDEX = 16
const SKB_LEN = 0
const SKB_DATA = 76
const SKB_DATA_END = 80

/** The driver's most receive rings: a queue index above 255 is replaced by it, and the firmware refuses it. */
const MOST_RINGS = 64

export function emitLoad(t: Translation, i: number): void {
  const { facts } = t
  if (t.gather[i] !== 0) {
    emitCopy(t, i)
    return
  }
  switch (facts.ptrType[i]) {
    case PTR_TO_CTX:
      loadContext(t, i)
      return
    case PTR_TO_PACKET:
      t.cached[i] ? loadCached(t, i) : loadPacket(t, i)
      return
    case PTR_TO_STACK:
      emitStack(t, i, BPF_LDX)
      return
    case PTR_TO_MAP_VALUE:
      loadMap(t, i)
      return
    default:
      t.code.fail(EOPNOTSUPP)
  }
}

export function emitStore(t: Translation, i: number): void {
  switch (t.facts.ptrType[i]) {
    case PTR_TO_PACKET:
      storePacket(t, i)
      return
    case PTR_TO_STACK:
      emitStack(t, i, BPF_STX)
      return
    case PTR_TO_CTX:
      selectQueue(t, i)
      return
    default:
      t.code.fail(EOPNOTSUPP)
  }
}

/** Quirk 1: the verifier's hook never records a pointer for these, so all of them fail. */
export function emitStoreImmediate(t: Translation, i: number): void {
  if (t.repaired['st-immediate']) {
    if (t.facts.ptrType[i] === PTR_TO_STACK) {
      emitStack(t, i, BPF_ST)
      return
    }
    if (t.facts.ptrType[i] === PTR_TO_CTX) {
      selectQueueImmediate(t, i)
      return
    }
  }
  if (t.facts.ptrType[i] === PTR_TO_PACKET) {
    storePacketImmediate(t, i)
    return
  }
  t.code.fail(EOPNOTSUPP)
}

function loadContext(t: Translation, i: number): void {
  const { code, insns } = t
  const d = insns.dst[i]! * 2
  const off = insns.off[i]!
  const xdp = t.progType === BPF_PROG_TYPE_XDP
  const data = xdp ? XDP_DATA : SKB_DATA
  const end = xdp ? XDP_DATA_END : SKB_DATA_END
  if (sizeBytes(insns.code[i]!) !== 4 || (!xdp && t.progType !== BPF_PROG_TYPE_SCHED_CLS)) {
    code.fail(EOPNOTSUPP)
    return
  }
  if (off === data) mov(code, gprBoth(d), VECTOR_POINTER)
  else if (off === end) alu(code, gprBoth(d), gprB(PACKET_LENGTH), ALU.ADD, VECTOR_POINTER)
  else if (!xdp && off === SKB_LEN) mov(code, gprBoth(d), gprB(PACKET_LENGTH))
  else {
    code.fail(EOPNOTSUPP)
    return
  }
  immed32(code, gprBoth(d + 1), 0)
}

/** What has arrived in transfer registers, to the destination. */
function takeLoaded(t: Translation, i: number, size: number): void {
  const { code } = t
  const d = t.insns.dst[i]! * 2
  if (size < 4) ldField(code, gprBoth(d), (1 << size) - 1, xfer(0), SHIFT.NONE, 0, 1)
  else {
    mov(code, gprBoth(d), xfer(0))
    if (size === 8) mov(code, gprBoth(d + 1), xfer(1))
  }
  if (size <= 4) zext(t, i, d)
}

function loadPacket(t: Translation, i: number): void {
  const { code, insns } = t
  const size = sizeBytes(insns.code[i]!)
  const off = immRestricted(code, insns.off[i]!, gprB(SCRATCH))
  cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(insns.src[i]! * 2), off, Math.max(size, 4) / 4 - 1, CTX.SWAP)
  takeLoaded(t, i, size)
}

function loadMap(t: Translation, i: number): void {
  const { code, insns } = t
  const size = sizeBytes(insns.code[i]!)
  mapAddress(t, insns.src[i]! * 2, insns.off[i]!)
  cmd(code, CMD.READ32_SWAP, ADDRESS.B_A, 0, address.left, address.right, Math.max(size, 4) / 4 - 1, CTX.SWAP)
  takeLoaded(t, i, size)
}

/** A load whose bytes another one has read, or reads for itself and others. */
function loadCached(t: Translation, i: number): void {
  const { code, insns } = t
  const start = t.cacheStart[i]!
  if (t.cacheFills[i]) {
    const off = immRestricted(code, start, gprB(SCRATCH))
    const words = Math.ceil(((t.cacheEnd[i]! - start) & 0xff) / 4)
    const indirect = words > MOST_DIRECT
    if (indirect) overrideLength(t, words)
    cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(insns.src[i]! * 2), off, words - 1, CTX.SWAP, indirect)
  }
  const size = sizeBytes(insns.code[i]!)
  const at = (insns.off[i]! - start) & 0xff
  const word = at >> 2
  const skip = at & 3
  const d = insns.dst[i]! * 2
  const lo = gprBoth(d)
  const hi = gprBoth(d + 1)
  if (skip === 0) {
    if (size < 4) subpart(code, lo, xfer(word), size, 0)
    else mov(code, lo, xfer(word))
    if (size === 8) mov(code, hi, xfer(word + 1))
    else zext(t, i, d)
    return
  }
  // The bytes lie across words: `first` of them in the first word, the rest in one or two more.
  const first = Math.min(size, 4 - skip)
  subpart(code, lo, xfer(word), first, skip)
  if (size === 8) {
    orSubpart(code, lo, xfer(word + 1), 4 - first, first)
    subpart(code, hi, xfer(word + 1), first, 4 - first)
    orSubpart(code, hi, xfer(word + 2), 4 - first, first)
    return
  }
  if (size > first) orSubpart(code, lo, xfer(word + 1), size - first, first)
  zext(t, i, d)
}

function storePacket(t: Translation, i: number): void {
  const { code, insns } = t
  const size = sizeBytes(insns.code[i]!)
  const src = insns.src[i]!
  const off = insns.off[i]!
  let right: number
  if (src === R10 && t.repaired['r10-operand']) {
    loadFramePointer(t, gprA(SCRATCH_ADDRESS))
    right = immRestricted(code, off, gprB(SCRATCH))
    mov(code, xfer(0), gprA(SCRATCH_ADDRESS))
    if (size === 8) immed32(code, xfer(1), 0)
  } else {
    right = immRestricted(code, off, gprB(SCRATCH))
    mov(code, xfer(0), gprA(src * 2))
    if (size === 8) mov(code, xfer(1), gprA(src * 2 + 1))
  }
  cmd(code, CMD.WRITE8_SWAP, ADDRESS.BITS32, 0, gprA(insns.dst[i]! * 2), right, size - 1, CTX.SWAP)
}

function storePacketImmediate(t: Translation, i: number): void {
  const { code, insns } = t
  const size = sizeBytes(insns.code[i]!)
  const right = immRestricted(code, insns.off[i]!, gprB(SCRATCH))
  const value = insns.imm[i]!
  if (t.repaired['st-immediate']) {
    // A value of two words is put together in a register: of a transfer register only the side that is not written can be read.
    immed32(code, gprA(SCRATCH_ADDRESS), size < 4 ? value & ((1 << (size * 8)) - 1) : value)
    mov(code, xfer(0), gprA(SCRATCH_ADDRESS))
  } else immed32(code, xfer(0), value)
  if (size === 8) immed32(code, xfer(1), value >> 31)
  cmd(code, CMD.WRITE8_SWAP, ADDRESS.BITS32, 0, gprA(insns.dst[i]! * 2), right, size - 1, CTX.SWAP)
}

function isQueueIndex(t: Translation, i: number): boolean {
  const { insns } = t
  return t.progType === BPF_PROG_TYPE_XDP && insns.off[i] === XDP_RX_QUEUE_INDEX && sizeBytes(insns.code[i]!) === 4
}

/** A store to xdp_md.rx_queue_index chooses the queue to the host. */
function selectQueue(t: Translation, i: number): void {
  const { code, insns } = t
  if (!isQueueIndex(t, i)) {
    code.fail(EOPNOTSUPP)
    return
  }
  const src = insns.src[i]!
  let s = src * 2
  if (src === R10 && t.repaired['r10-operand']) {
    loadFramePointer(t, gprBoth(SCRATCH_ADDRESS))
    s = SCRATCH_ADDRESS
  }
  alu(code, NONE, gprA(s), ALU.AND_NOT_B, imm(0xff))
  br(code, BR.EQ, code.count + 4, 2)
  shf(code, VECTOR_FLAGS, VECTOR_FLAGS, SHF.OR, imm(1), SHIFT.LEFT, 4)
  ldField(code, VECTOR_QUEUE, 0x1, gprB(s), SHIFT.NONE, 0)
  ldField(code, VECTOR_QUEUE, 0x1, imm(MOST_RINGS), SHIFT.NONE, 0)
}

function selectQueueImmediate(t: Translation, i: number): void {
  const { code } = t
  if (!isQueueIndex(t, i)) {
    code.fail(EOPNOTSUPP)
    return
  }
  const queue = t.insns.imm[i]! >>> 0
  shf(code, VECTOR_FLAGS, VECTOR_FLAGS, SHF.OR, imm(1), SHIFT.LEFT, 4)
  ldField(code, VECTOR_QUEUE, 0x1, imm(queue > 0xff ? MOST_RINGS : queue), SHIFT.NONE, 0)
}
