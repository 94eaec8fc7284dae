// Copy gathering: clang writes a memcpy into the packet as pairs of a load and a store. A chain of such pairs over neighbouring
// bytes becomes one read and one or two writes. The first load of the chain keeps the length (negative when the chain runs down) and
// the lowest offset; everything else of the chain is skipped.

import { BPF_LDX, BPF_MEM, BPF_STX, sizeBytes } from '../../bpf/opcode.ts'
import { PTR_TO_MAP_VALUE, PTR_TO_PACKET } from '../../verifier/reg.ts'
import { JUMP_DST, POINTER_VARIES, SKIP_PASS } from './facts.ts'
import { remark, type Translation } from './translation.ts'

const MOST_BYTES = 128
const LDX_MEM = BPF_LDX | BPF_MEM
const STX_MEM = BPF_STX | BPF_MEM

function isPair(t: Translation, i: number): boolean {
  const { code, dst, src } = t.insns
  const load = code[i]!
  const store = code[i + 1]!
  if ((load & 0xe7) !== LDX_MEM || (store & 0xe7) !== STX_MEM) return false
  const from = t.facts.ptrType[i]
  if (from !== PTR_TO_PACKET && from !== PTR_TO_MAP_VALUE) return false
  if (t.facts.ptrType[i + 1] !== PTR_TO_PACKET) return false
  return (load & 0x18) === (store & 0x18) && dst[i] === src[i + 1] && !(t.flags[i + 1]! & JUMP_DST)
}

/** Whether the pair at `i` goes on where the pair at `previous` ended, upwards (1) or downwards (-1); 0: it doesn't. */
function direction(t: Translation, i: number, previous: number): number {
  const { code, dst, src, off } = t.insns
  const size = sizeBytes(code[i]!)
  if (dst[previous] !== dst[i] || src[previous] !== src[i] || dst[previous + 1] !== dst[i + 1]) return 0
  if (size !== sizeBytes(code[previous]!) || t.flags[i]! & JUMP_DST) return 0
  const load = off[i]!
  const store = off[i + 1]!
  if (off[previous]! + size === load && off[previous + 1]! + size === store) return 1
  if (load + size === off[previous]! && store + size === off[previous + 1]!) return -1
  return 0
}

function s16(value: number): number {
  return (value << 16) >> 16
}

/** Whether reading the pair at `i` before all of the chain's stores would give something else, as far as the driver can tell. */
function crosses(t: Translation, i: number, head: number, previous: number): boolean {
  const { off, code } = t.insns
  const { ptrType, ptrId, ptrOff, more } = t.facts
  if (ptrType[head] !== ptrType[head + 1]) return false
  if (ptrId[head] !== ptrId[head + 1]) return true
  const sameBase = t.insns.src[head] === t.insns.dst[head + 1]
  if (t.repaired['last-visit'] && !sameBase && (more[head]! | more[head + 1]!) & POINTER_VARIES) return true
  const headLoad = s16(off[head]! + ptrOff[head]!)
  const headStore = s16(off[head + 1]! + ptrOff[head + 1]!)
  const load = s16(off[i]! + ptrOff[head]!)
  if (t.repaired['copy-overlap']) {
    // The bytes that the chain has stored so far, and whether this load touches any of them.
    const size = sizeBytes(code[i]!)
    const lastStore = off[previous + 1]! + ptrOff[head + 1]!
    const first = off[head + 1]! + ptrOff[head + 1]!
    const at = off[i]! + ptrOff[head]!
    return at < Math.max(first, lastStore) + size && at + size > Math.min(first, lastStore)
  }
  if (load > headLoad && headLoad < headStore && load >= headStore) return true
  return load < headLoad && headLoad > headStore && load <= headStore
}

function stops(t: Translation, i: number, why: string): false {
  remark(t, 'memcpy', i, false, `not gathered with the copy before: ${why}`)
  return false
}

export function gatherCopies(t: Translation): void {
  const { insns, gather, paired, flags } = t
  const { code, off } = insns
  let head = -1
  let previous = -1
  let length = 0
  let pairs = 0
  let way = 0

  const close = (): void => {
    if (pairs > 1) {
      if (off[previous]! < off[head]!) {
        off[head] = off[previous]!
        off[head + 1] = off[previous + 1]!
        length = -length
      }
      gather[head] = length
      paired[head] = head + 1
      flags[head + 1]! |= SKIP_PASS
      remark(t, 'memcpy', head, true, `${pairs} copies gathered into one of ${Math.abs(length)} bytes`)
    } else {
      gather[head] = 0
      remark(t, 'memcpy', head, false, `copy of ${length} bytes stands alone`)
    }
  }

  for (let i = 0; i + 1 < insns.count; ) {
    const pair = isPair(t, i)
    let goesOn = pair
    if (pair && head >= 0) {
      const next = direction(t, i, previous)
      const turns = t.repaired['copy-direction'] && way !== 0 && next !== way
      if (next === 0) goesOn = stops(t, i, 'other registers, size or place, or a jump leads here')
      else if (length >= MOST_BYTES) goesOn = stops(t, i, `${MOST_BYTES} bytes are the most`)
      else if (crosses(t, i, head, previous)) goesOn = stops(t, i, 'source and target may overlap')
      else if (turns) goesOn = stops(t, i, 'the copy turns round')
      else way = next
    }
    if (!goesOn) {
      if (pairs === 0) {
        i++
        continue
      }
      close()
      pairs = 0
      head = -1
      if (!pair) {
        i++
        continue
      }
    }
    if (head < 0) {
      head = i
      length = 0
      way = 0
    } else {
      flags[i]! |= SKIP_PASS
      flags[i + 1]! |= SKIP_PASS
    }
    length += sizeBytes(code[i]!)
    gather[head] = length
    previous = i
    pairs++
    i += 2
  }
  // Quirk 2: a chain that is still open when the list ends has a length and no store; the driver follows a null pointer there.
  if (pairs !== 0 && t.repaired['copy-end']) close()
}
