// What offloaded programs do with each 32-bit word of a map's values. It belongs to the map, not to a program: marks made while a
// program was verified stay, even if its load failed in the end (quirk 12). The card counts in big endian, so words that are
// counted must not be read, written or copied as anything else.

export const WORD_UNUSED = 0
export const WORD_READ = 1
/** 2 would be a plain store, which the driver refuses. */
export const WORD_ATOMIC = 3

export const wordUseNames: readonly string[] = ['unused', 'read', 'write', 'atomic']

export interface MapUse {
  /** WORD_* of each word of the value, rounded up to whole words. */
  readonly use: Uint8Array
  /** 1 for each word that may hold a value which reads differently in the other byte order. */
  readonly nonZeroUpdate: Uint8Array
}

export function newMapUse(valueSize: number): MapUse {
  const words = Math.ceil(valueSize / 4)
  return { use: new Uint8Array(words), nonZeroUpdate: new Uint8Array(words) }
}

/** Swaps the bytes of every counted word, in place: between the card's order and the host's. */
export function swapCounters(map: MapUse, value: Uint8Array): void {
  for (let word = 0; word < map.use.length; word++) {
    if (map.use[word] === WORD_ATOMIC) value.subarray(word * 4, word * 4 + 4).reverse()
  }
}

/** Notes what user space has written into words of which no program has said what they are. */
export function noteUpdate(map: MapUse, value: Uint8Array): void {
  for (let word = 0; word < map.use.length; word++) {
    if (map.use[word] !== WORD_UNUSED) continue
    const at = word * 4
    const [a = 0, b = 0, c = 0, d = 0] = [value[at], value[at + 1], value[at + 2], value[at + 3]]
    if (a !== d || b !== c) map.nonZeroUpdate[word] = 1
  }
}
