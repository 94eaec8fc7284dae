import { NicwrightError } from '../../errors.ts'

/** What bpftool ends with: its text after `Error: ` ('' for none), its exit status, and the usage of which object follows. */
export class BpftoolError extends NicwrightError {
  readonly status: number
  readonly usage: string | undefined

  constructor(message: string, status = 255, usage?: string) {
    super('bpftool', { message })
    this.status = status
    this.usage = usage
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

  /** How many there are still. */
  get left(): number {
    return this.#words.length - this.#at
  }

  peek(): string | undefined {
    return this.#words[this.#at]
  }

  /** The word before the next one, as it was typed. */
  get before(): string {
    return this.#words[this.#at - 1] ?? ''
  }

  next(): string {
    const word = this.#words[this.#at]
    if (word === undefined) throw new BpftoolError('expected more arguments')
    this.#at++
    return word
  }

  /** Takes the next word when it is a beginning of one of these, and says of which. */
  keyword<T extends string>(keywords: readonly T[]): T | undefined {
    const found = match(this.peek(), keywords)
    if (found !== undefined) this.#at++
    return found
  }

  /** Refuses when fewer words than `count` are left for the command or keyword that was typed last. */
  need(count: number, status = 255): void {
    if (this.left >= count) return
    throw new BpftoolError(`'${this.before}' needs at least ${count} arguments, ${this.left} found`, status)
  }
}

/** The first of the keywords that the word is a beginning of. */
export function match<T extends string>(word: string | undefined, keywords: readonly T[]): T | undefined {
  return word === undefined || word === '' ? undefined : keywords.find(k => k.startsWith(word))
}

/** An exit status as a process has it: of the C library's negative numbers the low eight bits. */
export function statusOf(error: number): number {
  return error & 0xff
}
