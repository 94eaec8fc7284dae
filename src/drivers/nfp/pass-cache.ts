// Packet cache: loads near one another from one packet pointer become one read of up to 64 bytes into transfer registers, from which
// they all take their bytes. The first load of a group reads, the others only take.

import { BPF_ALU, BPF_ALU64, BPF_LD, BPF_LDX, BPF_MEM, BPF_ST, BPF_STX, CALL, sizeBytes } from '../../bpf/opcode.ts'
import { PTR_TO_PACKET } from '../../verifier/reg.ts'
import { JUMP_DST, POINTER_VARIES } from './facts.ts'
import { isPacketLoad } from './pass-ldabs.ts'
import { remark, skipped, type Translation } from './translation.ts'

const MOST_BYTES = 64
const LDX_MEM = BPF_LDX | BPF_MEM
const STX_MEM = BPF_STX | BPF_MEM
const ST_MEM = BPF_ST | BPF_MEM

/** How often each register was written so far: whether two accesses in a straight line have the same base. */
const writes = new Int32Array(16)

export function cachePacket(t: Translation): void {
  const { insns, facts, cacheStart, cacheEnd, cacheFills, cached } = t
  const { code, dst, src, off } = insns
  const exact = t.repaired['cache-range']
  let first = -1
  let available = false
  let start = 0
  let end = 0
  let baseWrites = 0
  let members = 0

  const close = (): void => {
    if (first < 0) return
    cacheStart[first] = start
    cacheEnd[first] = end
    // Quirk 7: to the driver an end of 0 means that nothing is cached.
    cached[first] = exact || end !== 0 ? 1 : 0
    if (!cached[first]) remark(t, 'packet-cache', first, false, 'a range that ends at 0 counts as none')
    else if (members > 1) remark(t, 'packet-cache', first, true, `bytes ${start} to ${end - 1} read once for ${members} loads`)
    else remark(t, 'packet-cache', first, false, 'no other load can share the read')
  }

  for (let i = 0; i < insns.count; i++) {
    const opcode = code[i]!
    if (t.flags[i]! & JUMP_DST) available = false
    if (skipped(t, i)) continue
    const type = facts.ptrType[i]
    if (
      ((opcode & 0xe7) === STX_MEM && type === PTR_TO_PACKET) ||
      ((opcode & 0xe7) === ST_MEM && type === PTR_TO_PACKET) ||
      opcode === CALL ||
      isPacketLoad(opcode)
    ) {
      available = false
      continue
    }
    if ((opcode & 0xe7) !== LDX_MEM) {
      const kind = opcode & 7
      if (kind === BPF_ALU || kind === BPF_ALU64 || kind === BPF_LD) writes[dst[i]!]!++
      continue
    }
    const at = off[i]!
    const size = sizeBytes(opcode)
    const base = src[i]!
    if (type !== PTR_TO_PACKET || t.gather[i] !== 0) {
      available = false
    } else {
      let joined = false
      if (available && facts.ptrId[i] === facts.ptrId[first] && facts.ptrOff[i] === facts.ptrOff[first]) {
        // The driver looks at the pointers of the last visit: on another path they may have been two.
        const sameBase = base === src[first] && writes[base] === baseWrites
        if (!t.repaired['last-visit'] || sameBase || !((facts.more[i]! | facts.more[first]!) & POINTER_VARIES)) {
          const newStart = Math.min(start, at)
          const newEnd = Math.max(end, at + size)
          if (newStart === start && newEnd === end) joined = true
          else if (newEnd - newStart <= MOST_BYTES) {
            start = newStart
            // The driver keeps both in 16 bits, and 32768 becomes -32768.
            end = exact ? newEnd : (newEnd << 16) >> 16
            joined = true
          }
        }
      }
      if (!joined) {
        available = true
        close()
        first = i
        cacheFills[i] = 1
        start = at
        end = exact ? at + size : ((at + size) << 16) >> 16
        baseWrites = writes[base]!
        members = 0
      }
      members++
    }
    writes[dst[i]!]!++
  }
  close()

  let group = -1
  for (let i = 0; i < insns.count; i++) {
    if ((code[i]! & 0xe7) !== LDX_MEM || facts.ptrType[i] !== PTR_TO_PACKET || t.gather[i] !== 0 || skipped(t, i)) continue
    if (cacheFills[i]) group = i
    else if (group >= 0) {
      cacheStart[i] = cacheStart[group]!
      cacheEnd[i] = cacheEnd[group]!
      cached[i] = cached[group]!
    }
  }
}
