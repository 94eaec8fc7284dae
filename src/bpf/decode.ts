import { NicwrightError } from '../errors.ts'
import { type Insns, newInsns } from './insns.ts'

/**
 * Reads instructions as they stand in memory on a little-endian machine: 8 bytes a slot, opcode, registers (dst in the low
 * nibble), s16 offset, s32 immediate.
 * @throws NicwrightError `bpf/length` when the length is no multiple of 8.
 */
export function decodeInsns(bytes: Uint8Array): Insns {
  if (bytes.length % 8 !== 0) {
    throw new NicwrightError('bpf/length', { message: `${bytes.length} bytes are no whole number of 8-byte instructions` })
  }
  const insns = newInsns(bytes.length / 8)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0, at = 0; i < insns.count; i++, at += 8) {
    const registers = view.getUint8(at + 1)
    insns.code[i] = view.getUint8(at)
    insns.dst[i] = registers & 15
    insns.src[i] = registers >> 4
    insns.off[i] = view.getInt16(at + 2, true)
    insns.imm[i] = view.getInt32(at + 4, true)
  }
  return insns
}
