// The random numbers that programs draw, on the host and on the card alike: a seed and the number of the packet in its run decide them,
// so that engines can be compared and a part of a run gives what the whole gives.

/** A well-mixed state for packet `number` of a run with `seed`; never 0. */
export function packetSeed(seed: number, number: number): number {
  let x = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(number + 1, 0xc2b2ae35)) | 0
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return x ^ (x >>> 16) || 1
}

/** The state after this one, an int32 that is never 0, and the number that is drawn: a xorshift (Marsaglia 2003). */
export function nextChance(state: number): number {
  let x = state
  x ^= x << 13
  x ^= x >>> 17
  return x ^ (x << 5)
}
