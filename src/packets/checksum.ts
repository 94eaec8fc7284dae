// The Internet checksum (RFC 1071): the one's complement of the one's complement sum of big-endian 16-bit words.

/** Adds the words of a range to a sum that is not folded yet; an odd last byte counts as the high half of a word. */
export function addWords(bytes: Uint8Array, start: number, end: number, sum: number): number {
  let total = sum
  let at = start
  for (; at + 1 < end; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!
  if (at < end) total += bytes[at]! << 8
  return total
}

/** Folds a sum to 16 bits and complements it: what stands in a header. */
export function finishChecksum(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000)
  return ~folded & 0xffff
}

/** The checksum of a range; 0 when the range contains a right one. */
export function internetChecksum(bytes: Uint8Array, start = 0, end: number = bytes.length, sum = 0): number {
  return finishChecksum(addWords(bytes, start, end, sum))
}

/** Sum of the pseudo header that goes before a transport header: addresses of 4 or 16 bytes each, protocol, length. */
export function pseudoHeader(source: Uint8Array, destination: Uint8Array, protocol: number, length: number): number {
  return addWords(
    source,
    0,
    source.length,
    addWords(destination, 0, destination.length, protocol + (length >>> 16) + (length & 0xffff)),
  )
}
