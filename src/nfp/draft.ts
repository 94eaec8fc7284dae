// An instruction that the assembler is reading: fields as far as they are written, operands still as operands. `finish` assigns the
// operands to the machine's slots and gives the word. What the text doesn't say has the value that the driver's encoder gives.

import { commandTargets } from './command-table.ts'
import { BR, type FieldName, FORMAT, MUL_STEP } from './insn-table.ts'
import {
  encodeRestricted,
  encodeUnrestricted,
  imm,
  KIND_ABSOLUTE_A,
  KIND_ABSOLUTE_B,
  KIND_GPR_A,
  KIND_GPR_B,
  KIND_IMM,
  KIND_LM,
  NONE,
  operandKind,
  operandValue,
  pointerExtension,
} from './operand.ts'
import { type Fields, pack, type Word } from './pack.ts'
import { commandName, operandText } from './print.ts'
import { assemblyError, type Piece } from './source.ts'
import type { Form } from './syntax-table.ts'

export interface Operand {
  readonly operand: number
  readonly column: number
}

const NOBODY: Operand = { operand: NONE, column: 1 }
const NO_DESTINATION = 0x300
const NO_DESTINATION_RESTRICTED = 0x20

export class Draft {
  readonly form: Form
  readonly fields: Fields = {}
  readonly line: number
  readonly mnemonic: Piece
  dest: Operand = NOBODY
  left: Operand = NOBODY
  right: Operand = NOBODY
  action: Piece | undefined
  /** All operands could be read. */
  complete = false
  /** CRC: what stands in the left operand's slot. */
  crc = 0

  constructor(form: Form, mnemonic: Piece, line: number) {
    this.form = form
    this.mnemonic = mnemonic
    this.line = line
    for (const [name, values] of Object.entries(form.when)) {
      if (name === 'little') this.crc = (values[0] as number) << 3
      else if (name !== 'dest' && name !== 'value') this.fields[name as FieldName] = values[0] as number
    }
    if (form.format === FORMAT.CMD) this.fields.ctx = 3
  }

  error(message: string, column: number): Error {
    return assemblyError(message, this.line, column)
  }

  finish(): Word {
    const { fields, form } = this
    switch (form.format) {
      case FORMAT.ALU:
        this.#alu()
        break
      case FORMAT.MUL:
        this.#multiply()
        break
      case FORMAT.ALU_SHF:
        this.#destination(true)
        this.#sources(true)
        break
      case FORMAT.LD_FIELD:
        this.#loadField()
        break
      case FORMAT.IMMED:
        this.#immediate()
        break
      case FORMAT.LOCAL_CSR:
        if (form.operands.includes('left')) this.#single(this.left, this.#isImmediate(this.left) ? this.left.operand : imm(0))
        break
      case FORMAT.BR:
        fields.event = fields.condition === BR.UNC ? 0 : 1
        fields.state ??= 2
        break
      case FORMAT.BR_ALU:
        if (this.#isImmediate(this.left)) throw this.error('the address is in a register', this.left.column)
        this.#single(this.left, this.right.operand === NONE ? imm(0) : this.right.operand)
        break
      case FORMAT.BR_BIT:
      case FORMAT.BR_BYTE:
        this.#tested()
        break
      case FORMAT.CMD:
        this.#command()
        break
    }
    return pack(form.format, fields)
  }

  #isImmediate(operand: Operand): boolean {
    return operandKind(operand.operand) === KIND_IMM
  }

  #code(operand: Operand, restricted: boolean): number {
    const code = restricted ? encodeRestricted(operand.operand) : encodeUnrestricted(operand.operand)
    if (code >= 0) return code
    const text = operandText(operand.operand)
    if (restricted && encodeUnrestricted(operand.operand) >= 0) {
      throw this.error(`${text} can't be reached by ${this.mnemonic.text}, whose operands have eight bits`, operand.column)
    }
    throw this.error(`there is no ${text}`, operand.column)
  }

  #bank(operand: Operand): 'A' | 'B' | '' {
    const kind = operandKind(operand.operand)
    if (kind === KIND_GPR_A || kind === KIND_ABSOLUTE_A) return 'A'
    return kind === KIND_GPR_B || kind === KIND_ABSOLUTE_B ? 'B' : ''
  }

  #destination(restricted: boolean): void {
    const { dest, fields } = this
    if (dest.operand === NONE) {
      fields.dst ??= restricted ? NO_DESTINATION_RESTRICTED : NO_DESTINATION
      return
    }
    if (this.#isImmediate(dest)) throw this.error('an immediate is no destination', dest.column)
    fields.dst = this.#code(dest, restricted)
    fields.dstBank = this.#bank(dest) === 'B' ? 1 : 0
    fields.dstExt = pointerExtension(dest.operand)
  }

  /** Left and right to the slots A and B, as their banks allow. */
  #sources(restricted: boolean): void {
    const { left, right, fields } = this
    const leftBank = this.#bank(left)
    const rightBank = this.#bank(right)
    if (leftBank !== '' && leftBank === rightBank) {
      throw this.error(`both operands are in bank ${leftBank}: an instruction reads one from each`, right.column)
    }
    const swap = leftBank === 'B' || rightBank === 'A'
    fields.swap = swap ? 1 : 0
    fields.a = this.#code(swap ? right : left, restricted)
    fields.b = this.#code(swap ? left : right, restricted)
    this.#extension(left, right)
    if (restricted) this.#wideImmediate(left, right)
  }

  #extension(left: Operand, right: Operand): void {
    const pointers = [left, right].filter(({ operand }) => operandKind(operand) === KIND_LM)
    const extensions = new Set(pointers.map(({ operand }) => pointerExtension(operand)))
    if (extensions.size > 1) throw this.error('one instruction reads through pointers 0 and 1 or through 2 and 3', right.column)
    for (const extension of extensions) this.fields.srcExt = extension
  }

  /** Bit 7 of an immediate is one bit for both operands. */
  #wideImmediate(left: Operand, right: Operand): void {
    const immediates = [left, right].filter(operand => this.#isImmediate(operand))
    const highs = new Set(immediates.map(({ operand }) => operandValue(operand) >>> 7))
    if (highs.size > 1) throw this.error('two immediates must both be below 0x80 or both above 0x7f', right.column)
    for (const high of highs) this.fields.imm8 = high
  }

  #narrowImmediate(operand: Operand): void {
    if (this.#isImmediate(operand) && operandValue(operand.operand) > 0x7f) {
      throw this.error(`${operandText(operand.operand)} is above 0x7f, the largest immediate here`, operand.column)
    }
  }

  #alu(): void {
    this.#destination(false)
    // The slot holds the mode instead of an operand; it is written as an immediate, which belongs to no bank.
    if (this.form.operands[0] === 'crcOp') this.left = { operand: imm(this.crc), column: 1 }
    this.#sources(false)
  }

  #multiply(): void {
    const { fields } = this
    const last = this.form.operands[0] === 'lastDest'
    if (last) {
      if (fields.step === undefined || fields.step < MUL_STEP.LAST) {
        if (fields.type === 0) fields.step = MUL_STEP.LAST
        else throw this.error('only the last steps have a destination', this.dest.column)
      }
      fields.a = this.#code(this.dest, false)
      fields.dstBank = this.#bank(this.dest) === 'B' ? 1 : 0
      fields.dstExt = pointerExtension(this.dest.operand)
      return
    }
    if ((fields.step ?? 0) >= MUL_STEP.LAST) throw this.error("the last steps have a destination and '--'", this.left.column)
    this.#sources(false)
  }

  #loadField(): void {
    const { dest, right, fields } = this
    const destBank = this.#bank(dest)
    if (destBank !== '' && destBank === this.#bank(right)) {
      throw this.error(`destination and source are both in bank ${destBank}: an instruction reads one from each`, right.column)
    }
    const swap = destBank === 'B' || this.#bank(right) === 'A'
    fields.swap = swap ? 1 : 0
    fields.a = this.#code(swap ? right : dest, true)
    fields.b = this.#code(swap ? dest : right, true)
    fields.dstExt = pointerExtension(dest.operand)
    // The destination is read too, so its pointer counts among the sources where the source has none.
    fields.srcExt = operandKind(right.operand) === KIND_LM ? pointerExtension(right.operand) : fields.dstExt
    this.#wideImmediate(dest, right)
  }

  #immediate(): void {
    const { dest, fields } = this
    if (this.form.bare) {
      fields.a = NO_DESTINATION
      fields.b = NO_DESTINATION
      return
    }
    const low = this.right.operand
    if (dest.operand !== NONE && this.#isImmediate(dest)) throw this.error('an immediate is no destination', dest.column)
    const slot = dest.operand === NONE ? NO_DESTINATION : this.#code(dest, false)
    const inB = this.#bank(dest) === 'B'
    fields.a = inB ? encodeUnrestricted(low) : slot
    fields.b = inB ? slot : encodeUnrestricted(low)
    fields.dstExt = pointerExtension(dest.operand)
    fields.srcExt = fields.dstExt
  }

  /** Formats with one register: it stands in its bank's slot, the other slot has an immediate. */
  #single(register: Operand, other: number): void {
    const { fields } = this
    const code = this.#code(register, false)
    const inB = this.#bank(register) === 'B'
    fields.a = inB ? encodeUnrestricted(other) : code
    fields.b = inB ? code : encodeUnrestricted(other)
    fields.srcExt = pointerExtension(register.operand)
  }

  #tested(): void {
    const { left, right, fields } = this
    if (this.#isImmediate(left)) throw this.error('a register is tested, not an immediate', left.column)
    const inB = this.#bank(left) === 'B'
    // A byte may be compared with a register too, through the other bank.
    if (!this.#isImmediate(right) && (inB || this.#bank(right) === 'A')) {
      throw this.error(`${operandText(right.operand)} can't be compared with ${operandText(left.operand)}`, right.column)
    }
    if (this.form.format === FORMAT.BR_BYTE) this.#wideImmediate(left, right)
    else this.#narrowImmediate(right)
    fields.a = this.#code(inB ? right : left, true)
    fields.b = this.#code(inB ? left : right, true)
    this.#extension(left, right)
  }

  #command(): void {
    const { left, right, fields } = this
    const action = this.action as Piece
    const target = commandTargets.find(({ name }) => name === this.mnemonic.text)
    if (target === undefined) throw this.error(`no instruction is called '${this.mnemonic.text}'`, this.mnemonic.column)
    const length = fields.length ?? 0
    const immediateData = fields.mode === 6
    const tokens = immediateData ? [0] : [0, 1, 2, 3]
    const found = target.actions.flatMap((names, number) =>
      tokens.filter(token => commandName(names, token, length) === action.text).map(token => ({ number, token })),
    )[0]
    if (found === undefined) {
      throw this.error(`${target.name} has no command '${action.text}' of length ${length + 1}`, action.column)
    }
    fields.command = target.first + found.number
    if (!immediateData) fields.token = found.token
    if (left.operand === NONE && right.operand === NONE) return
    if (this.#bank(left) === 'B') throw this.error(`${operandText(left.operand)} can't be read through bank A`, left.column)
    if (this.#bank(right) === 'A') throw this.error(`${operandText(right.operand)} can't be read through bank B`, right.column)
    for (const operand of [left, right]) {
      this.#narrowImmediate(operand)
      if (pointerExtension(operand.operand) !== 0) {
        throw this.error('a command reaches local memory through pointers 0 and 1 only', operand.column)
      }
    }
    fields.a = this.#code(left, true)
    fields.b = this.#code(right, true)
  }
}
