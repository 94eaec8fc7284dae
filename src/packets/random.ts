// Random numbers that are the same everywhere and always for the same seed (xoshiro128**, seeded by splitmix32): traffic must be
// reproducible.

export interface Random {
  /** 0 .. 2^32 - 1 */
  u32(): number
  /** 0 .. below - 1, for `below` up to 2^32. */
  below(below: number): number
  /** low .. high, both included. */
  between(low: number, high: number): number
  pick<T>(from: readonly T[]): T
  /** True in `share` (0 .. 1) of all cases. */
  chance(share: number): boolean
  bytes(count: number): Uint8Array
}

export function newRandom(seed: number): Random {
  let mix = seed >>> 0
  const next = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0
    let word = mix
    word = Math.imul(word ^ (word >>> 16), 0x21f0aaad)
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
    return (word ^ (word >>> 15)) >>> 0
  }
  let [a, b, c, d] = [next(), next(), next(), next()]
  const u32 = (): number => {
    const scrambled = Math.imul(b, 5)
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return result
  }
  const below = (limit: number): number => Math.floor((u32() / 4294967296) * limit)
  return {
    u32,
    below,
    between: (low, high) => low + below(high - low + 1),
    pick: from => {
      const chosen = from[below(from.length)]
      if (chosen === undefined) throw new RangeError('nothing to pick from')
      return chosen
    },
    chance: share => u32() < share * 4294967296,
    bytes: count => Uint8Array.from({ length: count }, () => u32() & 255),
  }
}
