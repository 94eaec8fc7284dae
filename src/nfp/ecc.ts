// The error-correcting code of a word: seven parity bits over bits 0..44, kept in bits 45..51. The control store refuses words whose
// code is wrong, so the driver adds it last, after relocation.

/** For each code bit the operation bits that it covers, as (bits 0..31, bits 32..44). */
const MASKS: readonly (readonly [number, number])[] = [
  [0x0000_7fff, 0x0ff8],
  [0x01ff_801f, 0x11f8],
  [0x7e07_81e1, 0x1e38],
  [0x8e38_8e22, 0x17cb],
  [0xb2c9_3244, 0x1af5],
  [0xd552_5488, 0x1f56],
  [0x69a4_6910, 0x0daf],
]

/** The operation in the high half of a word: its bits 32..44. */
const HIGH_OPERATION = 0x1fff

// Parity of sums is the sum of parities, so the code of a word is the xor of the codes of its bytes: six table look-ups instead of
// seven parities over 45 bits.
const TABLE: Uint8Array = makeTable()

function parity(value: number): number {
  let v = value
  v ^= v >>> 16
  v ^= v >>> 8
  v ^= v >>> 4
  return (0x6996 >>> (v & 15)) & 1
}

function makeTable(): Uint8Array {
  const table = new Uint8Array(6 * 256)
  for (let byte = 0; byte < 6; byte++) {
    for (let value = 0; value < 256; value++) {
      const lo = byte < 4 ? value << (byte * 8) : 0
      const hi = byte < 4 ? 0 : (value << ((byte - 4) * 8)) & HIGH_OPERATION
      let code = 0
      MASKS.forEach(([maskLo, maskHi], bit) => {
        code |= parity((lo & maskLo) ^ (hi & maskHi)) << bit
      })
      table[byte * 256 + value] = code
    }
  }
  return table
}

/** The seven bits of code that belong to a word. */
export function ecc(lo: number, hi: number): number {
  return (
    TABLE[lo & 0xff]! ^
    TABLE[0x100 + ((lo >>> 8) & 0xff)]! ^
    TABLE[0x200 + ((lo >>> 16) & 0xff)]! ^
    TABLE[0x300 + (lo >>> 24)]! ^
    TABLE[0x400 + (hi & 0xff)]! ^
    TABLE[0x500 + ((hi >>> 8) & 0x1f)]!
  )
}

/** The high half with its code in place; whatever stood above bit 44 is dropped. */
export function withEcc(lo: number, hi: number): number {
  const operation = hi & HIGH_OPERATION
  return operation | (ecc(lo, operation) << 13)
}

/** Whether a word carries the code that belongs to it and nothing above it: what the control store checks. */
export function eccHolds(lo: number, hi: number): boolean {
  return hi >>> 0 === withEcc(lo, hi)
}
