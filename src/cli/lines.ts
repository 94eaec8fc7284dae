// Lines of a byte stream, of bounded length. Chunks are joined once a line, so that a line of many chunks costs no more than its bytes.

/** Longest line, in bytes: about two programs of a million instructions. */
export const MOST_LINE_BYTES: number = 64 << 20

/** Gives each line without its newline, or undefined in the place of one that was too long. The last needs no newline. */
export async function* lines(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder()
  let parts: Uint8Array[] = []
  let bytes = 0
  const take = (): string | undefined => {
    const whole = bytes > MOST_LINE_BYTES ? undefined : decoder.decode(parts.length === 1 ? parts[0] : join(parts, bytes))
    parts = []
    bytes = 0
    return whole
  }
  for await (const piece of stream) {
    const chunk = typeof piece === 'string' ? new TextEncoder().encode(piece) : piece
    let from = 0
    for (let end = chunk.indexOf(10, from); end >= 0; end = chunk.indexOf(10, from)) {
      bytes += end - from
      if (bytes <= MOST_LINE_BYTES) parts.push(chunk.subarray(from, end))
      yield take()
      from = end + 1
    }
    bytes += chunk.length - from
    if (bytes <= MOST_LINE_BYTES) parts.push(chunk.subarray(from))
    else parts = []
  }
  if (bytes > 0) yield take()
}

function join(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
