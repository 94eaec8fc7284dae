// The memories that a memory command reaches, and the order of bytes on the card.
//
// A transfer register holds a 32-bit word as the microengine sees it: the byte at the lowest address is the highest byte (the chip
// is big-endian). Commands with `swap` in their name turn the bytes of each word around, so that the byte at the lowest address
// becomes the lowest byte. Programs that come from little-endian eBPF read and write packets and map values with the swapping
// forms only, so:
//
//   packet bytes, map keys and map values   lie in memory exactly as on the wire and as on a little-endian host
//   the stack (local memory)                byte k of a frame is bits 8(k%4).. of local word k/4: little-endian as well
//   words changed by the atomic add         the engine adds big-endian: the 32-bit word at an address has its highest byte first.
//                                           A 64-bit add works on two such words, the low one at the lower address. That is why
//                                           the driver swaps each 32-bit word of a counter between the host and the card, and why
//                                           a program can't read back with a swapping command what it counts.
//
// Addresses. The 32-bit mode reaches the island's packet memory (CTM): with bit 31 set, bits 16..24 are a packet's number and the low
// 16 bits an offset in its buffer; otherwise they are a plain offset in CTM. The 40-bit mode adds one operand shifted left by 8 to the
// other. Bits 39..32 choose the memory: EMEM_BASE_HIGH is the external memory, whose low 32 bits are an offset in `emem`.
// Both operands of the JIT's addresses come from a 64-bit pointer, low word plain, high word shifted: so a pointer to EMEM has
// EMEM_POINTER_HIGH in its high word.

const CTM_BYTES: number = 256 * 1024
export const CTM_PACKET = 0x8000_0000
const PACKET_NUMBERS = 512

export const EMEM_BASE_HIGH = 0x80
export const EMEM_POINTER_HIGH = 0x8000_0000

/** Memory of any size that may be replaced by a larger one while it grows: read the views afresh for each access. */
export interface Emem {
  readonly u8: Uint8Array
  readonly i32: Int32Array
  /** Whether other threads write to it. */
  readonly shared: boolean
}

/** An island's packet memory: the bytes, and where each packet's buffer lies. */
export class Ctm {
  readonly u8: Uint8Array
  /** Start and size of a packet's buffer by packet number; size 0 = no such packet. */
  readonly packetAt: Int32Array = new Int32Array(PACKET_NUMBERS)
  readonly packetBytes: Int32Array = new Int32Array(PACKET_NUMBERS)

  constructor(bytes: number = CTM_BYTES) {
    this.u8 = new Uint8Array(bytes)
  }

  /** Offset in `u8` of `bytes` bytes at a 32-bit address, -1 if they aren't all there. */
  at(address: number, bytes: number): number {
    if (address >= 0) return address + bytes <= this.u8.length ? address : -1
    const packet = (address >>> 16) & (PACKET_NUMBERS - 1)
    const offset = address & 0xffff
    return offset + bytes <= this.packetBytes[packet]! ? this.packetAt[packet]! + offset : -1
  }
}

/** Memory that isn't there. */
export const noEmem: Emem = Object.freeze({ u8: new Uint8Array(0), i32: new Int32Array(0), shared: false })

/** Adds to the big-endian word at `at`; gives the carry. */
export function addBigEndian(memory: Emem, at: number, value: number, carry: number): number {
  const index = at >>> 2
  const words = memory.i32
  for (;;) {
    const old = words[index]!
    const sum = (swap32(old) >>> 0) + (value >>> 0) + carry
    const next = swap32(sum | 0)
    if (!memory.shared) words[index] = next
    else if (Atomics.compareExchange(words, index, old, next) !== old) continue
    return sum > 0xffff_ffff ? 1 : 0
  }
}

export function swap32(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)
}
