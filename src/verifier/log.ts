// The verifier's log: a list of text pieces. Level 1 shows the current path only, so when a queued branch is taken up the log is cut
// back to the mark it had when the branch was queued: a mark is a number of pieces. Sizes are counted in UTF-16 units, which are
// bytes here, since everything the verifier prints is ASCII but source lines.

export const LOG_LEVEL1 = 1
export const LOG_LEVEL2 = 2
export const LOG_STATS = 4
export const LOG_FIXED = 8
/** Either of the levels that print instructions. */
export const LOG_LEVEL: number = LOG_LEVEL1 | LOG_LEVEL2

// State is appended to an instruction's line at a multiple of MIN columns, from column ALIGNMENT on.
const MIN_ALIGNMENT = 8
const ALIGNMENT = 40

export class Log {
  readonly level: number
  /** Bytes that fit, without the terminating zero. */
  readonly size: number
  /** The last line that was written with `write`, kept at every level: the reason of a refusal. */
  lastLine = ''
  readonly #pieces: string[] = []
  #length = 0
  /** The longest that the text ever was: what a buffer must hold for a log that is kept whole. */
  #longest = 0
  /** Length of the log right after the last instruction line, and of that line with its newline. */
  #insnEnd = 0
  #insnLength = 0

  constructor(level: number, size: number) {
    this.level = level
    this.size = size
  }

  get length(): number {
    return this.#length
  }

  get longest(): number {
    return this.#longest
  }

  /** Text of an explanation or refusal. Every piece that ends a line does so with a newline. */
  write(text: string): void {
    if (text.length > 1) {
      const end = text.endsWith('\n') ? text.length - 1 : text.length
      this.lastLine = text.slice(text.lastIndexOf('\n', end - 1) + 1, end)
    }
    if (this.level !== 0) this.add(text)
  }

  /** The same for text that is no explanation: the caller has looked at the level. */
  add(text: string): void {
    this.#pieces.push(text)
    this.#length += text.length
    if (this.#length > this.#longest) this.#longest = this.#length
  }

  mark(): number {
    return this.#pieces.length
  }

  /** Cuts the log back to a mark. */
  reset(mark: number): void {
    while (this.#pieces.length > mark) this.#length -= this.#pieces.pop()!.length
  }

  /** An instruction's line, without its newline: state may follow on the same line. */
  addInsn(line: string): void {
    this.add(`${line}\n`)
    this.#insnEnd = this.#length
    this.#insnLength = line.length + 1
  }

  /**
   * If nothing was written since the last instruction's line: turns its newline into the first of the spaces before the state. It stays
   * a space when the log is later cut back to the mark between the two, which is what Linux's log shows after a jump.
   */
  joinInsn(): boolean {
    if (this.#insnEnd !== this.#length || this.#insnEnd === 0) return false
    const pad =
      Math.ceil(Math.max(this.#insnLength + MIN_ALIGNMENT / 2, ALIGNMENT) / MIN_ALIGNMENT) * MIN_ALIGNMENT - this.#insnLength - 1
    this.#pieces.push(`${this.#pieces.pop()!.slice(0, -1)} `)
    this.add(`${' '.repeat(pad - 1)};`)
    return true
  }

  /** The rotating log keeps its end, the fixed one its beginning. */
  text(): string {
    const all = this.#pieces.join('')
    if (all.length <= this.size) return all
    return (this.level & LOG_FIXED) !== 0 ? all.slice(0, this.size) : all.slice(all.length - this.size)
  }

  get truncated(): boolean {
    return this.level !== 0 && this.#longest > this.size
  }
}
