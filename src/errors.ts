/** Where something stands: as much of it as is known. `insn` counts eBPF slots from 0, `line` and `column` count from 1. */
export interface Place {
  readonly program?: string
  readonly insn?: number
  readonly file?: string
  readonly line?: number
  readonly column?: number
  readonly offset?: number
}

export interface ErrorFacts {
  /** The sentence a person reads; when left out, the code stands in. */
  readonly message?: string
  readonly at?: Place
  readonly notes?: readonly string[]
  readonly cause?: unknown
}

/** The base of all errors that nicwright raises on purpose: a stable `code` such as `elf/truncated`, and the facts. */
export class NicwrightError extends Error {
  readonly code: string
  readonly at: Place | undefined
  readonly notes: readonly string[]

  constructor(code: string, facts: ErrorFacts = {}) {
    super(facts.message ?? code, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = 'NicwrightError'
    this.code = code
    this.at = facts.at
    this.notes = facts.notes ?? []
  }
}

/** A refusal with the errno (positive) that Linux gives. */
export class SyscallError extends NicwrightError {
  readonly errno: number

  constructor(code: string, errno: number, facts: ErrorFacts = {}) {
    super(code, facts)
    this.name = 'SyscallError'
    this.errno = errno
  }
}
