// Text to words: reads what `print.ts` writes, bpftool's listings included, and a little more (labels, comments, `.word`). Printing and
// assembling a word gives the word again wherever the text says all of it; `printExact` falls back to `.word` where it doesn't.

import { NicwrightError } from '../errors.ts'
import { Code } from './code.ts'
import { commandTargets } from './command-table.ts'
import { Draft } from './draft.ts'
import { FORMAT } from './insn-table.ts'
import type { Word } from './pack.ts'
import { type Labels, readEvents, readPart } from './parse.ts'
import { readOption } from './parse-option.ts'
import { printInsn, wordHex } from './print.ts'
import { assemblyError, type Line, type Piece, splitLine } from './source.ts'
import { type Form, forms, type Part } from './syntax-table.ts'

const units: ReadonlySet<string> = new Set(commandTargets.map(({ name }) => name))
const commandForms: readonly Form[] = forms.filter(form => form.format === FORMAT.CMD)
const formsByName: ReadonlyMap<string, readonly Form[]> = groupForms()

const NO_LABELS: Labels = new Map()

/** Assembles a whole text. The words have neither relocation types nor ECC. */
export function assemble(text: string): Code {
  const lines = text.split('\n').map((line, i) => splitLine(line, i + 1))
  const labels = new Map<string, number>()
  let count = 0
  lines.forEach((line, i) => {
    if (line.label !== undefined) {
      if (labels.has(line.label.text)) throw assemblyError(`label '${line.label.text}' stands twice`, i + 1, line.label.column)
      labels.set(line.label.text, count)
    }
    if (line.number !== undefined && line.number.value !== count) {
      throw assemblyError(
        `the line says that it is word ${line.number.value}, but it is word ${count}`,
        i + 1,
        line.number.column,
      )
    }
    if (line.mnemonic !== undefined) count++
  })
  const code = new Code(count)
  lines.forEach((line, i) => {
    if (line.mnemonic === undefined) return
    const { lo, hi } = assembleLine(line, i + 1, labels)
    code.push(lo, hi)
  })
  return code
}

/** Assembles one instruction. */
export function assembleInsn(text: string, number = 1): Word {
  const line = splitLine(text, number)
  if (line.mnemonic === undefined) throw assemblyError('there is no instruction', number, 1)
  return assembleLine(line, number, NO_LABELS)
}

/** A word's text if it says the whole word, and else `.word` with the text as a comment. Bits above the operation are left out. */
export function printExact(lo: number, hi: number): string {
  const operation = hi & 0x1fff
  const text = printInsn(lo, operation)
  const raw = `.word 0x${wordHex(lo, operation)}`
  if (text.endsWith('# ERROR')) return raw
  return saysAll(text, lo >>> 0, operation) ? text : `${raw} ; ${text}`
}

function saysAll(text: string, lo: number, hi: number): boolean {
  try {
    const again = assembleInsn(text)
    return again.lo === lo && again.hi === hi
  } catch (error) {
    // Texts of words that mean nothing, such as a branch that tests an immediate.
    if (error instanceof NicwrightError) return false
    throw error
  }
}

function groupForms(): ReadonlyMap<string, readonly Form[]> {
  const groups = new Map<string, Form[]>()
  for (const form of forms) {
    if (form.format === FORMAT.CMD || form.mnemonic.startsWith('<')) continue
    const group = groups.get(form.mnemonic)
    if (group === undefined) groups.set(form.mnemonic, [form])
    else group.push(form)
  }
  return groups
}

/** Parts that may be left out, at the end of an instruction's operands. */
const OPTIONAL: ReadonlySet<Part> = new Set<Part>(['fieldShift', 'immediateShift'])

function assembleLine(line: Line, number: number, labels: Labels): Word {
  const mnemonic = line.mnemonic as Piece
  if (mnemonic.text === '.word') return rawWord(line, number)
  const candidates = units.has(mnemonic.text) ? commandForms : formsByName.get(mnemonic.text)
  if (candidates === undefined) throw assemblyError(`no instruction is called '${mnemonic.text}'`, number, mnemonic.column)
  const fitting = candidates.filter(form => countFits(form, line.operands))
  if (fitting.length === 0) throw wrongCount(candidates, line, number)
  // Ways of writing that share a mnemonic differ in their operands' shapes: the first that can be read is meant. When none can, an error
  // about operands that were read well outranks one about their shape, and one further to the right the one before it.
  let telling: unknown
  let rank = -1
  for (const form of fitting) {
    const draft = new Draft(form, mnemonic, number)
    try {
      readForm(draft, line, labels)
      return draft.finish()
    } catch (error) {
      if (!(error instanceof NicwrightError)) throw error
      const own = (error.at?.column ?? 0) + (draft.complete ? WELL_READ : 0)
      if (own >= rank) {
        rank = own
        telling = error
      }
    }
  }
  throw telling
}

/** More than any column. */
const WELL_READ = 0x1000000

function rawWord(line: Line, number: number): Word {
  const piece = line.options[0]
  if (line.options.length !== 1 || piece === undefined || !/^0x[0-9a-f]{1,16}$/i.test(piece.text)) {
    throw assemblyError('.word takes one hexadecimal number of up to 64 bits', number, piece?.column ?? line.end)
  }
  const digits = piece.text.slice(2).padStart(16, '0')
  return { lo: Number.parseInt(digits.slice(8), 16), hi: Number.parseInt(digits.slice(0, 8), 16) }
}

function countFits(form: Form, operands: readonly Piece[] | undefined): boolean {
  if (form.bare) return operands === undefined
  if (operands === undefined) return false
  if (form.operands[0] === 'events') return operands.length > 0
  const last = form.operands.at(-1)
  const most = form.operands.length
  return operands.length === most || (last !== undefined && OPTIONAL.has(last) && operands.length === most - 1)
}

function wrongCount(candidates: readonly Form[], line: Line, number: number): Error {
  const mnemonic = line.mnemonic as Piece
  if (candidates.every(form => form.bare)) return assemblyError(`${mnemonic.text} takes no operands`, number, mnemonic.column)
  if (line.operands === undefined) {
    return assemblyError(`${mnemonic.text} needs operands in brackets`, number, mnemonic.column + mnemonic.text.length)
  }
  const counts = [...new Set(candidates.map(form => form.operands.length))].sort((a, b) => a - b)
  return assemblyError(
    `${mnemonic.text} takes ${counts.join(' or ')} operands, not ${line.operands.length}`,
    number,
    line.operands[0]?.column ?? mnemonic.column,
  )
}

function readForm(draft: Draft, line: Line, labels: Labels): void {
  const { form } = draft
  const operands = line.operands ?? []
  if (form.operands[0] === 'events') readEvents(draft, operands)
  else {
    operands.forEach((piece, i) => {
      readPart(form.operands[i] as Part, piece, draft, labels)
    })
  }
  draft.complete = true
  const seen = new Set<string>()
  for (const piece of line.options) readOption(form, piece, draft, seen, labels)
  if (form.options.includes('multiply') && draft.fields.type === undefined) {
    throw draft.error('the kind of multiplication is missing, e.g. 32x32_step1', line.end)
  }
}
