// A gathered copy (see pass-gather.ts): one read into transfer registers, a move from their read to their write side, one or two writes, and
// a reload of the register that the last load of the chain would have left.

import { BPF_B, BPF_DW, BPF_H } from '../../bpf/opcode.ts'
import { cmd } from '../../nfp/encode.ts'
import { ADDRESS, CMD, CTX } from '../../nfp/insn-table.ts'
import { address, immed32, immRestricted, mov, subpart } from '../../nfp/macro.ts'
import { gprA, gprB, gprBoth, xfer } from '../../nfp/operand.ts'
import { PTR_TO_PACKET } from '../../verifier/reg.ts'
import { MOST_DIRECT, mapAddress, overrideLength } from './transfer.ts'
import { SCRATCH, type Translation } from './translation.ts'

export function emitCopy(t: Translation, head: number): void {
  const { code, insns } = t
  const store = t.paired[head]!
  if (store < 0) {
    t.crash = 'mem_ldx: null pointer dereference'
    return
  }
  const length = Math.abs(t.gather[head]!)
  const down = t.gather[head]! < 0
  const words = Math.ceil(length / 4)

  const indirect = words > MOST_DIRECT
  if (t.facts.ptrType[head] === PTR_TO_PACKET) {
    const from = immRestricted(code, insns.off[head]!, gprB(SCRATCH))
    if (indirect) overrideLength(t, words)
    cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(insns.src[head]! * 2), from, words - 1, CTX.SWAP, indirect)
  } else {
    mapAddress(t, insns.src[head]! * 2, insns.off[head]!)
    if (indirect) overrideLength(t, words)
    cmd(code, CMD.READ32_SWAP, ADDRESS.B_A, 0, address.left, address.right, words - 1, CTX.SWAP, indirect)
  }
  for (let word = 0; word < words; word++) mov(code, xfer(word), xfer(word))
  write(t, insns.dst[store]! * 2, insns.off[store]!, length, words)
  reload(t, head, length, words, down)
}

function write(t: Translation, to: number, off: number, length: number, words: number): void {
  const { code } = t
  const base = gprA(to)
  const command = (op: number, first: number, at: number, count: number, indirect: boolean): void =>
    cmd(code, op, ADDRESS.BITS32, first, base, at, count - 1, CTX.SWAP, indirect)

  const at = immRestricted(code, off, gprB(SCRATCH))
  if (length <= MOST_DIRECT) {
    command(CMD.WRITE8_SWAP, 0, at, length, false)
    return
  }
  if (length <= 32 && length % 4 === 0) {
    command(CMD.WRITE32_SWAP, 0, at, words, false)
    return
  }
  if (length <= 32) {
    overrideLength(t, length)
    command(CMD.WRITE8_SWAP, 0, at, length, true)
    return
  }
  if (length % 4 === 0) {
    overrideLength(t, words)
    command(CMD.WRITE32_SWAP, 0, at, words, true)
    return
  }
  if (length <= 40) {
    command(CMD.WRITE32_SWAP, 0, at, MOST_DIRECT, false)
    const rest = immRestricted(code, off + 32, gprB(SCRATCH))
    command(CMD.WRITE8_SWAP, 8, rest, length - 32, false)
    return
  }
  overrideLength(t, words - 1)
  command(CMD.WRITE32_SWAP, 0, at, words - 1, true)
  const tail = off + (words - 1) * 4
  // Quirk 8: the driver keeps this offset in a byte.
  const rest = immRestricted(code, t.repaired['copy-tail'] ? tail : tail & 0xff, gprB(SCRATCH))
  command(CMD.WRITE8_SWAP, words - 1, rest, length & 3, false)
}

/** Quirk 8: the driver takes a word from the first register always, and a byte or half of a downward copy from the end of the first word. */
function reload(t: Translation, head: number, length: number, words: number, down: boolean): void {
  const { code } = t
  const d = t.insns.dst[head]! * 2
  const lo = gprBoth(d)
  const last = down ? 0 : words - 1
  const exact = t.repaired['copy-reload']
  switch (t.insns.code[head]! & 0x18) {
    case BPF_B:
      subpart(code, lo, xfer(last), 1, exact && down ? 0 : length % 4 === 0 ? 3 : (length & 3) - 1)
      break
    case BPF_H:
      subpart(code, lo, xfer(last), 2, exact && down ? 0 : (length & 3) ^ 2)
      break
    case BPF_DW:
      mov(code, lo, xfer(down ? 0 : words - 2))
      mov(code, gprBoth(d + 1), xfer(down ? 1 : words - 1))
      return
    default:
      mov(code, lo, xfer(exact ? last : 0))
  }
  immed32(code, gprBoth(d + 1), 0)
}
