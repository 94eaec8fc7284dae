import { NicwrightError } from '../../errors.ts'

/** What bpftool ends with: its text after `Error: `, and its exit status. */
export class BpftoolError extends NicwrightError {
  readonly status: number

  constructor(message: string, status = 255) {
    super('bpftool', { message })
    this.status = status
  }
}

/** The words of a command line, taken one by one. bpftool takes any beginning of a keyword; the first that fits wins. */
export class Words {
  readonly #words: readonly string[]
  #at = 0

  constructor(words: readonly string[]) {
    this.#words = words
  }

  get done(): boolean {
    return this.#at >= this.#words.length
  }

  peek(): string | undefined {
    return this.#words[this.#at]
  }

  next(): string {
    const word = this.#words[this.#at]
    if (word === undefined) throw new BpftoolError('expected more arguments')
    this.#at++
    return word
  }

  /** Takes the next word when it is a beginning of one of these, and says of which. */
  keyword<T extends string>(keywords: readonly T[]): T | undefined {
    const word = this.peek()
    const found = word === undefined || word === '' ? undefined : keywords.find(k => k.startsWith(word))
    if (found !== undefined) this.#at++
    return found
  }

  rest(): readonly string[] {
    const rest = this.#words.slice(this.#at)
    this.#at = this.#words.length
    return rest
  }
}
