// Operands as they are written, read into a draft: the mirror of `printPart`.

import type { Draft, Operand } from './draft.ts'
import { FORMAT, SHIFT } from './insn-table.ts'
import {
  imm,
  KIND_ABSOLUTE_A,
  KIND_ABSOLUTE_B,
  KIND_GPR_A,
  KIND_GPR_B,
  KIND_LM,
  KIND_NN,
  KIND_NN_INDEX,
  KIND_XFER,
  KIND_XFER_INDEX,
  makeOperand,
  NONE,
} from './operand.ts'
import type { Piece } from './source.ts'
import { aluOpNames, crcOpNames, csrNames, inputStateNames, type Part, shfOpNames } from './syntax-table.ts'

/** Label to word number. */
export type Labels = ReadonlyMap<string, number>

/** Words of control store that a branch can name. */
const ADDRESSES = 0x4000

const csrNumbers: ReadonlyMap<string, number> = new Map([...csrNames].map(([number, name]) => [name, number]))

const REGISTER = /^(@?)gpr([AB])_(\d+)$/
const XFER = /^\$xfer_(\d+)$/
const INDEXED = /^\*(n?)\$index(\+\+|--)?$/
const NEIGHBOUR = /^n\$reg_(\d+)$/
const LOCAL = /^\*l\$index([0-3])(?:(\+\+|--)|\[(\d+)\])?$/
const NUMBER = /^(?:0x[0-9a-f]{1,8}|\d{1,10})$/i

export function readNumber(piece: Piece, most: number, draft: Draft, what: string): number {
  const value = NUMBER.test(piece.text) ? Number(piece.text) : -1
  if (value < 0 || value > most) {
    throw draft.error(
      `'${piece.text}' is not ${what}: a number from 0 to ${most > 0xffff ? `0x${most.toString(16)}` : most}`,
      piece.column,
    )
  }
  return value
}

/** A register's number is checked when it is encoded; here it must only fit an operand. */
function registerNumber(digits: string, draft: Draft, piece: Piece): number {
  const value = Number(digits)
  if (value > 0xff) throw draft.error(`there is no ${piece.text}`, piece.column)
  return value
}

function parseOperand(piece: Piece, draft: Draft): Operand {
  const { text, column } = piece
  const register = REGISTER.exec(text)
  if (register !== null) {
    const bankB = register[2] === 'B'
    const kind = register[1] === '@' ? (bankB ? KIND_ABSOLUTE_B : KIND_ABSOLUTE_A) : bankB ? KIND_GPR_B : KIND_GPR_A
    return { operand: makeOperand(kind, registerNumber(register[3] as string, draft, piece)), column }
  }
  const transfer = XFER.exec(text)
  if (transfer !== null) return { operand: makeOperand(KIND_XFER, registerNumber(transfer[1] as string, draft, piece)), column }
  const indexed = INDEXED.exec(text)
  if (indexed !== null) {
    const step = indexed[2] === undefined ? 0 : indexed[2] === '++' ? 1 : 2
    return { operand: makeOperand(indexed[1] === 'n' ? KIND_NN_INDEX : KIND_XFER_INDEX, step), column }
  }
  const neighbour = NEIGHBOUR.exec(text)
  if (neighbour !== null) return { operand: makeOperand(KIND_NN, registerNumber(neighbour[1] as string, draft, piece)), column }
  const local = LOCAL.exec(text)
  if (local !== null) {
    const word = Number(local[3] ?? 0)
    if (word > 15) throw draft.error(`'${text}': a pointer reaches words 0 to 15`, column)
    const place = local[2] === undefined ? word : local[2] === '++' ? 0x10 : 0x11
    return { operand: makeOperand(KIND_LM, (Number(local[1]) << 8) | place), column }
  }
  if (NUMBER.test(text)) {
    const value = Number(text)
    if (value > 0xff) throw draft.error(`${text} is above 0xff, the largest immediate operand`, column)
    return { operand: imm(value), column }
  }
  throw draft.error(text === '' ? 'an operand is missing' : `'${text}' is no operand`, column)
}

function indexOf(names: readonly (string | undefined)[], piece: Piece, draft: Draft, what: string): number {
  const index = names.indexOf(piece.text)
  if (index >= 0 && piece.text !== '') return index
  const known = names.filter(name => name !== undefined)
  throw draft.error(`'${piece.text}' is no ${what}: ${known.join(', ')}`, piece.column)
}

/** `.N`, or a label's name. */
export function readAddress(text: string, column: number, draft: Draft, labels: Labels): number {
  if (/^\.\d{1,6}$/.test(text)) {
    const address = Number(text.slice(1))
    if (address < ADDRESSES) return address
    throw draft.error(`${text} is beyond word ${ADDRESSES - 1}, the last that a branch can name`, column)
  }
  const address = labels.get(text)
  if (address === undefined) throw draft.error(`'${text}' is neither a word number (.12) nor a label of this text`, column)
  return address
}

const SHIFT_TEXT = /^(?:(<<|>>)(indirect|rot|dbl)?(\d{1,2})?)$/

function readShift(piece: Piece, draft: Draft): void {
  const { fields } = draft
  const match = SHIFT_TEXT.exec(piece.text)
  const [, direction, word, digits] = match ?? []
  const amount = digits === undefined ? -1 : Number(digits)
  const double = fields.shiftKind === SHIFT.RIGHT_DOUBLE
  if (word === 'indirect' && amount < 0 && !(double && direction === '<<')) {
    if (!double) fields.shiftKind = direction === '<<' ? SHIFT.LEFT : SHIFT.RIGHT
    fields.amount = 0
    return
  }
  if (amount >= 0 && amount < 32) {
    if (direction === '>>' && word === 'rot' && !double) {
      fields.shiftKind = SHIFT.NONE
      fields.amount = amount
      return
    }
    if (direction === '>>' && word === 'dbl' && draft.form.format === FORMAT.LD_FIELD) {
      fields.shiftKind = SHIFT.RIGHT_DOUBLE
      fields.amount = amount
      return
    }
    if (word === undefined && amount > 0 && !(double && direction === '<<')) {
      if (!double) fields.shiftKind = direction === '<<' ? SHIFT.LEFT : SHIFT.RIGHT
      fields.amount = direction === '<<' ? 32 - amount : amount
      return
    }
  }
  const ways = double ? '>>1 to >>31 or >>indirect' : '<<1 to <<31, >>1 to >>31, <<indirect, >>indirect or >>rot0 to >>rot31'
  throw draft.error(`'${piece.text}' is no shift of ${draft.mnemonic.text}: ${ways}`, piece.column)
}

function readImmediate(piece: Piece, draft: Draft): void {
  const { fields } = draft
  const width = fields.width ?? 0
  const most = width & 1 ? 0xff : width & 2 ? 0xffff : 0xffffffff
  let value = readNumber(piece, most, draft, 'a value')
  if (value > 0xffff) {
    if (value < 0xffff0000) throw draft.error(`${piece.text} is neither 16 bits nor 16 bits inverted`, piece.column)
    value = ~value & 0xffff
    fields.invert = 1
  }
  // A zero for nobody is written `nop`; where the text says otherwise, the zero is an inverted one.
  if (value === 0 && width !== 0 && draft.dest.operand === NONE) {
    value = most
    fields.invert = 1
  }
  fields.high = value >>> 8
  draft.right = { operand: imm(value & 0xff), column: piece.column }
}

export function readEvents(draft: Draft, pieces: readonly Piece[]): void {
  const { fields } = draft
  const only = pieces.length === 1 ? pieces[0]?.text : undefined
  if (only === 'bpt') fields.breakpoint = 1
  else if (only === 'voluntary') fields.events = 1
  else if (only === 'kill') fields.events = 0
  else if (only === '--') fields.noLoad = 1
  else {
    let events = 0
    for (const piece of pieces) {
      const signal = /^sig(\d{1,2})$/.exec(piece.text)
      const number = Number(signal?.[1] ?? 0)
      if (number < 1 || number > 15) throw draft.error(`'${piece.text}' is no signal: sig1 to sig15`, piece.column)
      events |= 1 << number
    }
    fields.events = events
  }
}

function literal(piece: Piece, expected: string, draft: Draft): void {
  if (piece.text !== expected) throw draft.error(`'${piece.text}' stands where '${expected}' belongs`, piece.column)
}

export function readPart(part: Part, piece: Piece, draft: Draft, labels: Labels): void {
  const { fields } = draft
  switch (part) {
    case 'dest':
      if (piece.text !== '--') draft.dest = parseOperand(piece, draft)
      else if (draft.form.format === FORMAT.LD_FIELD) throw draft.error('ld_field needs a destination', piece.column)
      return
    case 'lastDest':
      draft.dest = parseOperand(piece, draft)
      return
    case 'left':
    case 'alignLeft':
      draft.left = parseOperand(piece, draft)
      return
    case 'right':
    case 'alignRight':
      draft.right = parseOperand(piece, draft)
      return
    case 'none':
      literal(piece, '--', draft)
      return
    case 'by8':
      literal(piece, '<<8', draft)
      return
    case 'storeIndex':
      literal(piece, '*u$index0++', draft)
      return
    case 'aluOp':
      fields.op = operation(aluOpNames, piece, draft)
      return
    case 'shfOp':
      fields.op = operation(shfOpNames, piece, draft)
      return
    case 'shift':
    case 'fieldShift':
      readShift(piece, draft)
      return
    case 'byteMask':
      if (!/^[01]{4}$/.test(piece.text)) throw draft.error(`'${piece.text}' is no byte mask: four digits 0 or 1`, piece.column)
      fields.mask = Number.parseInt(piece.text, 2)
      return
    case 'immediate':
      readImmediate(piece, draft)
      return
    case 'immediateShift': {
      const shift = ['', '<<8', '<<16', '<<24'].indexOf(piece.text)
      if (shift < 1) throw draft.error(`'${piece.text}' is no shift of immed: <<8, <<16 or <<24`, piece.column)
      fields.shift = shift
      return
    }
    case 'camEntry':
      fields.dst = 0x300 | readNumber(piece, 15, draft, 'a CAM entry')
      return
    case 'crcOp':
      draft.crc |= indexOf(crcOpNames, piece, draft, 'CRC') << 5
      return
    case 'context':
      fields.state = readNumber(piece, 15, draft, 'a context or signal')
      return
    case 'inputState':
      fields.state = indexOf(inputStateNames, piece, draft, 'input state')
      return
    case 'ring': {
      const ring = /^cls_ring(\d{1,2})_status$/.exec(piece.text)
      if (ring === null || Number(ring[1]) > 15)
        throw draft.error(`'${piece.text}' is no ring: cls_ring0_status to 15`, piece.column)
      fields.state = Number(ring[1])
      return
    }
    case 'address':
      fields.address = readAddress(piece.text, piece.column, draft, labels)
      return
    case 'jump':
      if (!/^\.\d{1,6}$/.test(piece.text) || Number(piece.text.slice(1)) > 0x1ffff) {
        throw draft.error(`'${piece.text}' is no address to add: .0 to .131071`, piece.column)
      }
      fields.high = Number(piece.text.slice(1)) >>> 8
      draft.right = { operand: imm(Number(piece.text.slice(1)) & 0xff), column: piece.column }
      return
    case 'byteNumber':
      fields.byte = readNumber(piece, 3, draft, 'a byte')
      return
    case 'bitNumber':
      draft.right = { operand: imm(readNumber(piece, 31, draft, 'a bit') + 1), column: piece.column }
      return
    case 'csr': {
      const number = csrNumbers.get(piece.text)
      if (number === undefined && !NUMBER.test(piece.text)) {
        throw draft.error(`'${piece.text}' is no control register`, piece.column)
      }
      const address = number === undefined ? readNumber(piece, 0x1ffc, draft, 'a control register') : number * 4
      if (address & 3) throw draft.error(`${piece.text}: control registers have addresses divisible by 4`, piece.column)
      fields.csr = address >>> 2
      return
    }
    case 'action':
      draft.action = piece
      return
    case 'xfer': {
      const match = XFER.exec(piece.text)
      if (match === null || Number(match[1]) > 63) {
        throw draft.error(`'${piece.text}' is no transfer register: $xfer_0 to $xfer_63`, piece.column)
      }
      fields.xfer = Number(match[1])
      return
    }
    case 'thirdParty': {
      const value = readNumber(piece, 0x7f, draft, "a third party's reference")
      fields.xfer = value & 0x3f
      fields.indirect = value >>> 6
      return
    }
    case 'count': {
      const count = readNumber(piece, 8, draft, 'a count')
      if (count === 0) throw draft.error('a command moves 1 to 8 units', piece.column)
      fields.length = count - 1
      return
    }
    case 'address16': {
      const value = readNumber(piece, 0xffff, draft, 'an address')
      fields.a = value & 0xff
      fields.b = value >>> 8
      return
    }
    case 'data14': {
      const value = readNumber(piece, 0x3fff, draft, 'data of 14 bits')
      fields.token = value & 3
      fields.xfer = (value >>> 2) & 0x1f
      fields.length = (value >>> 7) & 7
      fields.signal = value >>> 10
      return
    }
    case 'data22': {
      const value = readNumber(piece, 0x3fffff, draft, 'data of 22 bits')
      fields.a = value & 0xff
      fields.b = (value >>> 8) & 0xff
      fields.xfer = value >>> 16
      return
    }
  }
}

/** The operation's number, if it is one of those that this way of writing has. */
function operation(names: readonly (string | undefined)[], piece: Piece, draft: Draft): number {
  const op = indexOf(names, piece, draft, 'operation')
  const allowed = draft.form.when.op
  const oneOperand = op === 0 || op === (draft.form.format === FORMAT.ALU ? 4 : 1)
  const fits = allowed === undefined ? !oneOperand : allowed.includes(op)
  if (!fits) {
    throw draft.error(`${piece.text} takes ${oneOperand ? "'--' for" : 'an operand, not'} the left operand`, piece.column)
  }
  return op
}
