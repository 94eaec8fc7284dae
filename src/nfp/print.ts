// Words as text, letter for letter as GNU binutils' libopcodes prints NFP-6xxx code with four contexts (`ctx4`), which is what bpftool
// shows. That includes its texts for words that are no instruction, its "# ERROR" mark, and its habit of leaving the operands behind a
// bad one empty, because people compare listings.

import { commandTargets } from './command-table.ts'
import { decode, leftCode, NfpInsn, rightCode } from './decode.ts'
import { FORMAT, SHIFT } from './insn-table.ts'
import {
  decodeUnrestricted,
  KIND_ABSOLUTE_A,
  KIND_ABSOLUTE_B,
  KIND_BAD,
  KIND_GPR_A,
  KIND_GPR_B,
  KIND_IMM,
  KIND_LM,
  KIND_NN,
  KIND_NN_INDEX,
  KIND_XFER,
  KIND_XFER_INDEX,
  NONE,
  operandKind,
  operandValue,
} from './operand.ts'
import {
  aluOpNames,
  crcBytesNames,
  crcOpNames,
  csrNames,
  type Form,
  forms,
  inputStateNames,
  multiplyStepNames,
  multiplyTypeNames,
  type Option,
  type Part,
  type Selector,
  shfOpNames,
} from './syntax-table.ts'

const ERROR = '\t # ERROR'

/** Set by the first part of the word at hand that means nothing. */
let bad = false

const insn = new NfpInsn()

const rowsOf: readonly (readonly Form[])[] = Array.from({ length: FORMAT.MUL + 1 }, (_, format) =>
  forms.filter(form => form.format === format),
)

/** The row that a decoded word is written by. */
export function formOf(word: NfpInsn): Form | undefined {
  return rowsOf[word.format]?.find(form =>
    Object.entries(form.when).every(([name, values]) => values.includes(word[name as Selector])),
  )
}

/** One word's text; its address is not needed, as branches carry word numbers. */
export function printInsn(lo: number, hi: number): string {
  bad = false
  decode(lo, hi, insn)
  if (insn.format === FORMAT.INVALID) return `<invalid_instruction>: 0x${wordHex(lo, hi)}${ERROR}`
  const form = formOf(insn)
  if (form === undefined) return `<invalid_instruction>: 0x${wordHex(lo, hi)}${ERROR}`
  const text = form.format === FORMAT.CMD ? printCommand(form) : printForm(form, form.mnemonic)
  return bad ? text + ERROR : text
}

/** A word without leading zeros. */
export function wordHex(lo: number, hi: number): string {
  return hi === 0 ? (lo >>> 0).toString(16) : (hi >>> 0).toString(16) + (lo >>> 0).toString(16).padStart(8, '0')
}

function printForm(form: Form, mnemonic: string): string {
  let text = mnemonic
  if (form.mnemonic === '<invalid branch>') bad = true
  if (form.bare === undefined) {
    const operands = form.operands.map(printPart).filter(part => part !== undefined)
    text += `[${operands.join(', ')}]`
  }
  for (const option of form.options) text += printOption(option)
  return text
}

function printCommand(form: Form): string {
  const { command, length } = insn
  const target = commandTargets.find(({ first, count }) => command >= first && command < first + count)
  // Commands with immediate address and data use the token's bits for the data.
  const token = insn.mode === 6 ? 0 : insn.token
  if (target === undefined) {
    bad = true
    const action = command < 0x20 ? command & 3 : command & 0x1f
    return `<invalid cmd target -1:${action}:${token}>[]`
  }
  const action = command - target.first
  const name = commandName(target.actions[action], token, length)
  if (name === undefined) {
    bad = true
    return `${target.name}[<invalid cmd action ${target.number}:${action}:${token}>[]`
  }
  return printForm(form, target.name)
}

/** The name of one variant of an action, in the notation of the command table. */
export function commandName(action: string | undefined, token: number, length: number): string | undefined {
  const names = action?.split(' ')[token]?.split('|')
  if (names === undefined) return undefined
  const name = names[names.length === 1 ? 0 : names.length === 2 ? length >>> 2 : length]
  return name === '-' ? undefined : name
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`
}

/** A source or destination as it is written. */
export function operandText(operand: number): string {
  const value = operandValue(operand)
  switch (operandKind(operand)) {
    case KIND_GPR_A:
      return `gprA_${value}`
    case KIND_GPR_B:
      return `gprB_${value}`
    case KIND_ABSOLUTE_A:
      return `@gprA_${value}`
    case KIND_ABSOLUTE_B:
      return `@gprB_${value}`
    case KIND_XFER_INDEX:
      return `*$index${['', '++', '--'][value]}`
    case KIND_XFER:
      return `$xfer_${value}`
    case KIND_NN_INDEX:
      return `*n$index${value ? '++' : ''}`
    case KIND_NN:
      return `n$reg_${value}`
    case KIND_LM: {
      const place = value & 0x1f
      return `*l$index${value >>> 8}${place & 0x10 ? (place & 1 ? '--' : '++') : place ? `[${place}]` : ''}`
    }
    case KIND_IMM:
      return hex(value)
    default:
      return `<opnd:${hex(value)}>`
  }
}

/** An operand, or nothing once an operand before it was bad. */
function operand(value: number): string {
  if (bad) return ''
  if (operandKind(value) === KIND_BAD) bad = true
  return operandText(value)
}

/** `byte_align` knows the first two pointers only. */
function nearPointer(value: number): number {
  return operandKind(value) === KIND_LM ? value & ~0x200 : value
}

function shiftText(): string {
  const { shiftKind, amount } = insn
  if (shiftKind === SHIFT.NONE) return `>>rot${amount}`
  if (amount === 0) return shiftKind === SHIFT.LEFT ? '<<indirect' : '>>indirect'
  return shiftKind === SHIFT.LEFT ? `<<${32 - amount}` : `>>${amount}`
}

/** The value that `immed` writes before it is shifted, with inversion done. */
function immediateText(): string {
  const value = insn.invert ? (insn.value ^ 0xffff) | 0xffff0000 : insn.value
  if (insn.width & 1) return hex(value & 0xff)
  return hex(insn.width & 2 ? value & 0xffff : value)
}

function eventsText(): string {
  const { events } = insn
  if (insn.breakpoint) return 'bpt'
  if (events === 1) return 'voluntary'
  if (events === 0) return insn.noLoad ? '--' : 'kill'
  const names: string[] = []
  for (let n = 1; n < 16; n++) if ((events >>> n) & 1) names.push(`sig${n}`)
  return names.join(', ')
}

function printPart(part: Part): string | undefined {
  switch (part) {
    case 'dest':
      return insn.dest === NONE ? '--' : operand(insn.dest)
    case 'left':
      return operand(insn.left)
    case 'right':
      return operand(insn.right)
    case 'lastDest':
      return operand(decodeUnrestricted(leftCode(insn), insn.dstBank, insn.dstExt))
    case 'alignLeft':
      return operand(nearPointer(insn.left))
    case 'alignRight':
      return operand(nearPointer(insn.right))
    case 'none':
      return '--'
    case 'aluOp': {
      const name = aluOpNames[insn.op]
      if (name === undefined) bad = true
      return name ?? `<operator:${hex(insn.op)}>`
    }
    case 'shfOp':
      return shfOpNames[insn.op]
    case 'shift':
      return shiftText()
    case 'fieldShift':
      if (insn.shiftKind === SHIFT.RIGHT_DOUBLE) return `>>dbl${insn.amount}`
      return insn.shiftKind === SHIFT.NONE && insn.amount === 0 ? undefined : shiftText()
    case 'byteMask':
      return insn.mask.toString(2).padStart(4, '0')
    case 'immediate':
      return immediateText()
    case 'immediateShift':
      return insn.shift === 0 ? undefined : `<<${insn.shift * 8}`
    case 'camEntry':
      return String(insn.dst & 0xf)
    case 'crcOp': {
      const name = crcOpNames[(leftCode(insn) >>> 5) & 7]
      if (name !== undefined) return name
      bad = true
      return ', <invalid CRC operator>'
    }
    case 'context':
      return String(insn.state)
    case 'inputState':
      return inputStateNames[insn.state]
    case 'ring':
      return `cls_ring${insn.state}_status`
    case 'address':
      return `.${insn.address}`
    case 'jump':
      return `.${insn.value}`
    case 'byteNumber':
      return String(insn.byte)
    case 'bitNumber':
      // Without an immediate there is no bit; binutils' arithmetic makes it 30.
      return String(insn.value < 0 ? 30 : insn.value)
    case 'events':
      return eventsText()
    case 'csr':
      return csrNames.get(insn.csr) ?? hex(insn.csr * 4)
    case 'storeIndex':
      return '*u$index0++'
    case 'action': {
      const target = commandTargets.find(({ first, count }) => insn.command >= first && insn.command < first + count)
      return commandName(target?.actions[insn.command - target.first], insn.mode === 6 ? 0 : insn.token, insn.length)
    }
    case 'xfer':
      return `$xfer_${insn.xfer}`
    case 'thirdParty':
      return hex((insn.indirect << 6) | insn.xfer)
    case 'by8':
      return '<<8'
    case 'count':
      return String(insn.length + 1)
    case 'address16':
      return hex((insn.b << 8) | insn.a)
    case 'data14':
      return hex((insn.signal << 10) | (insn.length << 7) | ((insn.xfer & 0x1f) << 2) | insn.token)
    case 'data22':
      return hex((insn.xfer << 16) | (insn.b << 8) | insn.a)
  }
}

function printOption(option: Option): string {
  switch (option) {
    case 'no_cc':
      return insn.noCc ? ', no_cc' : ''
    case 'gpr_wrboth':
      return insn.both ? ', gpr_wrboth' : ''
    case 'predicate_cc':
      return insn.predicate ? ', predicate_cc' : ''
    case 'load_cc':
      return insn.loadCc ? ', load_cc' : ''
    case 'indirect_ref':
      return insn.indirect ? ', indirect_ref' : ''
    case 'signal':
      return signalText()
    case 'defer':
      return insn.defer ? `, defer[${insn.defer}]` : ''
    case 'any':
      // A context that is killed waits for nothing.
      return insn.any && (insn.breakpoint || insn.events !== 0 || insn.noLoad) ? ', any' : ''
    case 'resume':
      return insn.resume ? `, br[.${insn.address}]` : ''
    case 'lm_addr': {
      const code = rightCode(insn)
      if ((code & 3) === 0) return ''
      return `, lm_addr${((code >>> 1) & 1) + ((code >>> 3) & 2)}[${(code >>> 2) & 3}]`
    }
    case 'bytes': {
      const bytes = leftCode(insn) & 7
      return bytes ? `, ${crcBytesNames[bytes]}` : ''
    }
    case 'bit_swap':
      return leftCode(insn) & 0x10 ? ', bit_swap' : ''
    case 'multiply': {
      const type = multiplyTypeNames[insn.type] as string
      if (insn.type === 0) return `, ${type}`
      const step = multiplyStepNames[insn.step]
      if (step === undefined) bad = true
      return `, ${type}_${step ?? '<invalid mul_step>'}`
    }
  }
}

function signalText(): string {
  const signal = insn.mode === 6 ? 0 : insn.signal
  if (insn.ctx === 3) return signal ? `, sig_done[sig${signal}]` : ''
  const swap = `, ctx_swap[${signal ? `sig${signal}` : '--'}]`
  return insn.ctx ? `${swap}, defer[${insn.ctx}]` : swap
}
