import type { Insns } from './insns.ts'

/** The inverse of decodeInsns: 8 bytes a slot, little endian. */
export function encodeInsns(insns: Insns): Uint8Array {
  const bytes = new Uint8Array(insns.count * 8)
  const view = new DataView(bytes.buffer)
  for (let i = 0, at = 0; i < insns.count; i++, at += 8) {
    bytes[at] = insns.code[i]!
    bytes[at + 1] = (insns.dst[i]! & 15) | (insns.src[i]! << 4)
    view.setInt16(at + 2, insns.off[i]!, true)
    view.setInt32(at + 4, insns.imm[i]!, true)
  }
  return bytes
}
