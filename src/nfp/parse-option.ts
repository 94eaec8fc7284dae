// What stands behind an instruction's brackets (`, gpr_wrboth, ctx_swap[sig1]`), read into a draft: the mirror of `printOption`.

import type { Draft } from './draft.ts'
import { imm } from './operand.ts'
import { type Labels, readAddress, readNumber } from './parse.ts'
import type { Piece } from './source.ts'
import { crcBytesNames, type Form, multiplyStepNames, multiplyTypeNames, type Option } from './syntax-table.ts'

const WITH_ARGUMENT = /^(\w+?)\[([^\]]*)\]$/

export function readOption(form: Form, piece: Piece, draft: Draft, seen: Set<string>, labels: Labels): void {
  const match = WITH_ARGUMENT.exec(piece.text)
  const name = match?.[1] ?? piece.text
  const argument = match?.[2]
  for (const option of form.options) {
    if (readKnownOption(option, name, argument, piece, draft, labels)) {
      if (seen.has(name)) throw draft.error(`${name} stands twice`, piece.column)
      seen.add(name)
      return
    }
  }
  throw draft.error(
    piece.text === '' ? 'an option is missing' : `${draft.mnemonic.text} has no option '${piece.text}'`,
    piece.column,
  )
}

/** Reads the option if it is this one. */
function readKnownOption(
  option: Option,
  name: string,
  argument: string | undefined,
  piece: Piece,
  draft: Draft,
  labels: Labels,
): boolean {
  const { fields } = draft
  switch (option) {
    case 'no_cc':
      return flag(option, 'noCc', piece, draft)
    case 'gpr_wrboth':
      return flag(option, 'both', piece, draft)
    case 'predicate_cc':
      return flag(option, 'predicate', piece, draft)
    case 'load_cc':
      return flag(option, 'loadCc', piece, draft)
    case 'indirect_ref':
      return flag(option, 'indirect', piece, draft)
    case 'any':
      return flag(option, 'any', piece, draft)
    case 'signal':
      return readSignal(name, argument, piece, draft)
    case 'defer':
      if (name !== 'defer' || argument === undefined) return false
      fields.defer = readNumber({ text: argument, column: piece.column + 6 }, 3, draft, 'a number of deferred words')
      return true
    case 'resume':
      if (name !== 'br' || argument === undefined) return false
      fields.resume = 1
      fields.address = readAddress(argument, piece.column + 3, draft, labels)
      return true
    case 'lm_addr': {
      const match = /^lm_addr([0-3])\[([0-3])\]$/.exec(piece.text)
      if (match === null) return false
      const pointer = Number(match[1])
      const code = (pointer & 1 ? 2 : 1) | ((pointer & 2) << 3) | (Number(match[2]) << 2)
      draft.right = { operand: imm(code), column: piece.column }
      return true
    }
    case 'bytes': {
      const bytes = crcBytesNames.indexOf(piece.text)
      if (bytes < 1) return false
      draft.crc |= bytes
      return true
    }
    case 'bit_swap':
      if (piece.text !== 'bit_swap') return false
      draft.crc |= 0x10
      return true
    case 'multiply': {
      const [type, step] = piece.text.split('_')
      const number = multiplyTypeNames.indexOf(type ?? '')
      if (number < 0 || (step === undefined) !== (number === 0)) return false
      fields.type = number
      if (step !== undefined) {
        const stepNumber = multiplyStepNames.indexOf(step)
        if (stepNumber < 0) return false
        fields.step = stepNumber
      }
      return true
    }
  }
}

function flag(
  option: Option,
  field: 'noCc' | 'both' | 'predicate' | 'loadCc' | 'indirect' | 'any',
  piece: Piece,
  draft: Draft,
): boolean {
  if (piece.text !== option) return false
  draft.fields[field] = 1
  return true
}

function readSignal(name: string, argument: string | undefined, piece: Piece, draft: Draft): boolean {
  const { fields } = draft
  if (argument === undefined) return false
  const column = piece.column + name.length + 1
  if (name === 'defer') {
    if (fields.ctx === 3) throw draft.error('only a command with ctx_swap before it defers words', piece.column)
    fields.ctx = readNumber({ text: argument, column }, 2, draft, 'a number of deferred words')
    return true
  }
  if (name !== 'ctx_swap' && name !== 'sig_done') return false
  const match = /^sig(\d{1,2})$/.exec(argument)
  const signal = match === null ? 0 : Number(match[1])
  if (signal > 15 || (signal === 0 && !(name === 'ctx_swap' && argument === '--'))) {
    throw draft.error(`'${argument}' is no signal: sig1 to sig15`, column)
  }
  // With immediate data the signal's bits belong to the data.
  if (fields.mode !== 6) fields.signal = signal
  else if (signal !== 0) throw draft.error('a command with immediate data has no signal', column)
  if (name === 'ctx_swap') fields.ctx = 0
  return true
}
