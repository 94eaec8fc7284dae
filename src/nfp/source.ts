// A line of assembly taken apart: `label: mnemonic[operand, operand], option, option[argument] ; comment`. Pieces keep their column, so
// that an error can point at the one that is wrong. A listing's own prefix (byte offset, word number) is accepted and given back.

import { NicwrightError } from '../errors.ts'

export interface Piece {
  readonly text: string
  /** From 1. */
  readonly column: number
}

export interface Line {
  readonly label: Piece | undefined
  /** The word's number, where a listing says it. */
  readonly number: (Piece & { readonly value: number }) | undefined
  readonly mnemonic: Piece | undefined
  /** Undefined when the instruction is written without brackets. */
  readonly operands: readonly Piece[] | undefined
  readonly options: readonly Piece[]
  /** Where a missing piece would have stood. */
  readonly end: number
}

export function assemblyError(message: string, line: number, column: number): NicwrightError {
  return new NicwrightError('nfp/assemble', { message, at: { line, column } })
}

const LABEL = /^\s*([A-Za-z_]\w*):(?!\S)/
const LISTING = /^\s*(?:[0-9a-f]+:\s+)?\.(\d+)\s+/

/** Splits one line. `number` is its number in the text, for errors. */
export function splitLine(source: string, number: number): Line {
  const comment = source.indexOf(';')
  const text = comment < 0 ? source : source.slice(0, comment)
  let at = 0
  let label: Piece | undefined
  let wordNumber: Line['number']
  const listing = LISTING.exec(text)
  if (listing !== null) {
    const digits = listing[1] as string
    wordNumber = { text: digits, column: listing[0].indexOf('.') + 1, value: Number(digits) }
    at = listing[0].length
  } else {
    const named = LABEL.exec(text)
    if (named !== null) {
      label = { text: named[1] as string, column: named[0].indexOf(named[1] as string) + 1 }
      at = named[0].length
    }
  }
  while (at < text.length && isSpace(text[at] as string)) at++
  const end = text.trimEnd().length
  if (at >= end) return { label, number: wordNumber, mnemonic: undefined, operands: undefined, options: [], end: end + 1 }

  const start = at
  while (at < end && text[at] !== '[' && text[at] !== ',' && !isSpace(text[at] as string)) at++
  const mnemonic = { text: text.slice(start, at), column: start + 1 }
  if (mnemonic.text === '') throw assemblyError(`an instruction can't start with '${text[at]}'`, number, at + 1)
  // A directive's argument stands behind a space.
  if (mnemonic.text.startsWith('.')) {
    return { label, number: wordNumber, mnemonic, operands: undefined, options: pieces(text, at, end), end: end + 1 }
  }
  while (at < end && isSpace(text[at] as string)) at++
  let operands: Piece[] | undefined
  if (text[at] === '[') {
    const close = closing(text, at, end, number)
    operands = pieces(text, at + 1, close)
    at = close + 1
    while (at < end && isSpace(text[at] as string)) at++
  }
  if (at >= end) return { label, number: wordNumber, mnemonic, operands, options: [], end: end + 1 }
  if (text[at] !== ',') throw assemblyError(`expected ',' before '${text.slice(at, end)}'`, number, at + 1)
  return { label, number: wordNumber, mnemonic, operands, options: pieces(text, at + 1, end), end: end + 1 }
}

function isSpace(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\r'
}

function closing(text: string, open: number, end: number, number: number): number {
  let depth = 0
  for (let i = open; i < end; i++) {
    if (text[i] === '[') depth++
    else if (text[i] === ']' && --depth === 0) return i
  }
  throw assemblyError("'[' is never closed", number, open + 1)
}

/** The pieces between commas that stand outside brackets, trimmed. */
function pieces(text: string, from: number, to: number): Piece[] {
  const found: Piece[] = []
  let depth = 0
  let start = from
  for (let i = from; i <= to; i++) {
    const character = i === to ? ',' : text[i]
    if (character === '[') depth++
    else if (character === ']') depth--
    else if (character === ',' && (depth <= 0 || i === to)) {
      let first = start
      while (first < i && isSpace(text[first] as string)) first++
      found.push({ text: text.slice(start, i).trim(), column: first + 1 })
      start = i + 1
    }
  }
  return found.length === 1 && found[0]?.text === '' ? [] : found
}
