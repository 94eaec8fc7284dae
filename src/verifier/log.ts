// The verifier's log: text that grows at its end, and is cut back there at level 1, where a queued branch is taken up and the log is to show
// that path alone. New text is a list of pieces; when there are many they are joined to a block, because a million little strings
// cost ten times their text. What does not fit the buffer is let go at the front (the log rotates) or at the end (LOG_FIXED). Positions
// and sizes count UTF-16 units, which are bytes here, since all that the verifier prints is ASCII but source lines.

export const LOG_LEVEL1 = 1
export const LOG_LEVEL2 = 2
export const LOG_STATS = 4
export const LOG_FIXED = 8
/** Either of the levels that print instructions. */
export const LOG_LEVEL: number = LOG_LEVEL1 | LOG_LEVEL2

// State is appended to an instruction's line at a multiple of MIN columns, from column ALIGNMENT on.
const MIN_ALIGNMENT = 8
const ALIGNMENT = 40
/** Pieces that make a block. */
const MANY = 2048

export class Log {
  readonly level: number
  /** Bytes that fit, without the terminating zero. */
  readonly size: number
  /** The last line that was written with `write`, kept at every level: the reason of a refusal. */
  lastLine = ''
  readonly #blocks: string[] = []
  readonly #pieces: string[] = []
  /** Positions: where the text of the blocks begins, where the log begins that is still shown, where it ends. */
  #kept = 0
  #start = 0
  #end = 0
  /** Where the text ends that pieces and blocks hold: before #end when a fixed log is full. */
  #stored = 0
  /** The largest that #end ever was: what a buffer must hold for a log that is kept whole. */
  #longest = 0
  /** Where the last instruction's line ended, and its length with its newline. */
  #insnEnd = 0
  #insnLength = 0

  constructor(level: number, size: number) {
    this.level = level
    this.size = size
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
    this.#end += text.length
    if (this.#end > this.#longest) this.#longest = this.#end
    if ((this.level & LOG_FIXED) === 0) {
      if (this.#end - this.size > this.#start) this.#start = this.#end - this.size
    } else if (this.#stored >= this.size) {
      // Beyond the buffer: it counts, but nobody sees it.
      return
    }
    this.#stored = this.#end
    this.#pieces.push(text)
    if (this.#pieces.length >= MANY) this.#join()
  }

  #join(): void {
    this.#blocks.push(this.#pieces.join(''))
    this.#pieces.length = 0
    while (this.#blocks.length > 1 && this.#kept + this.#blocks[0]!.length <= this.#start)
      this.#kept += this.#blocks.shift()!.length
  }

  /** The position of the end, to which the log can be cut back. */
  mark(): number {
    return this.#end
  }

  /** Cuts the log back to a mark. */
  reset(mark: number): void {
    if (mark >= this.#stored) {
      this.#end = Math.min(mark, this.#end)
      return
    }
    this.#end = this.#stored
    while (this.#end > mark) {
      const list = this.#pieces.length > 0 ? this.#pieces : this.#blocks
      const last = list.pop()
      if (last === undefined) {
        // Even the front of what was kept is cut off.
        this.#end = mark
        this.#kept = mark
        break
      }
      const keep = last.length - (this.#end - mark)
      if (keep > 0) list.push(last.slice(0, keep))
      this.#end = keep > 0 ? mark : this.#end - last.length
    }
    this.#stored = this.#end
    if (this.#start > mark) this.#start = mark
  }

  /** Counts text that is not made, towards `truncated`. */
  skip(bytes: number): void {
    this.#end += bytes
    if (this.#end > this.#longest) this.#longest = this.#end
  }

  /** An instruction's line, without its newline: state may follow on the same line. */
  addInsn(line: string): void {
    this.add(`${line}\n`)
    this.#insnEnd = this.#end
    this.#insnLength = line.length + 1
  }

  /**
   * If nothing was written since the last instruction's line: turns its newline into the first of the spaces before the state. It stays
   * a space when the log is later cut back to the mark between the two, which is what Linux's log shows after a jump.
   */
  joinInsn(): boolean {
    if (this.#insnEnd !== this.#end || this.#end === 0) return false
    const columns = Math.ceil(Math.max(this.#insnLength + MIN_ALIGNMENT / 2, ALIGNMENT) / MIN_ALIGNMENT) * MIN_ALIGNMENT
    const start = this.#start
    this.reset(this.#end - 1)
    this.#start = Math.min(start, this.#end)
    this.add(' ')
    this.add(`${' '.repeat(columns - this.#insnLength - 2)};`)
    return true
  }

  /** The rotating log keeps its end, the fixed one its beginning. */
  text(): string {
    const all = this.#blocks.join('') + this.#pieces.join('')
    if ((this.level & LOG_FIXED) !== 0) return all.slice(0, this.size)
    return all.slice(Math.max(this.#start - this.#kept, 0))
  }

  /** The log did not fit. */
  get truncated(): boolean {
    return this.level !== 0 && this.#longest > this.size
  }
}
