// Machine words made ready to run, once per program: eight int32 a word in one array, so the executor decodes nothing while it runs.
//
//   [0] operation (the numbers of `operations`)
//   [1] [2] left and right operand, [3] [4] destinations: indices into the register file below; swapped operands are unswapped here
//   [5] what of it is in local memory (see `localOperand`), 0 = nothing
//   [6] [7] constants of the operation: amount, mask, branch target, defer slots
//
// The register file is one Int32Array: both banks, the two sides of the transfer registers, a place to write to for words without a
// destination, two places that local-memory operands are fetched to, the constants 0..255 (operands can't hold more), and the
// next-neighbour registers. So every operand of every kind is read the same way.

import { commandOf, decode, NfpInsn } from '../nfp/decode.ts'
import { eccHolds } from '../nfp/ecc.ts'
import { ADDRESS, ALU, BR, CMD, CTX, FORMAT, MUL_STEP, MUL_TYPE, SHF, SHIFT, WIDTH } from '../nfp/insn-table.ts'
import {
  KIND_GPR_A,
  KIND_GPR_B,
  KIND_IMM,
  KIND_LM,
  KIND_NN,
  KIND_NONE,
  KIND_XFER,
  operandKind,
  operandValue,
} from '../nfp/operand.ts'

export const BANK_A = 0
export const BANK_B = 32
export const XFER_IN = 64
export const XFER_OUT = 128
export const NOWHERE = 192
export const LOCAL_LEFT = 193
export const LOCAL_RIGHT = 194
export const ZERO = 256
export const NEIGHBOUR = 512
export const REGISTERS = 640

export const XFERS = 64

export const FLAG_LEFT = 1
export const FLAG_RIGHT = 2
export const FLAG_DST = 4

/** Words per instruction in the array. */
const STRIDE = 8

/** The operations; the executor's `switch` has the same numbers as literals, because only literals become a jump table. */
export const operations: readonly string[] = [
  ...['invalid', 'move', 'add', 'not', 'add2b', 'and', 'andNotA', 'subC', 'andNotB', 'addC', 'or', 'sub', 'xor'],
  ...['right', 'left', 'double', 'rotate', 'arithmetic', 'rightBy', 'leftBy', 'doubleBy', 'arithmeticBy', 'shift'],
  ...['field', 'fieldRight', 'fieldLeft', 'immed', 'immedPart', 'immedCsr'],
  ...['mulStart', 'mulStep', 'mulLast', 'mulLast2'],
  ...['br', 'beq', 'bne', 'bmi', 'bhs', 'blo', 'bge', 'blt', 'brBit', 'rtn', 'csrRead', 'csrWrite', 'command'],
]

function operation(name: string): number {
  const at = operations.indexOf(name)
  if (at < 0) throw new RangeError(`no operation ${name}`)
  return at
}

const aluOperations: ReadonlyMap<number, number> = new Map([
  [ALU.NONE, operation('move')],
  [ALU.ADD, operation('add')],
  [ALU.NOT, operation('not')],
  [ALU.ADD_2B, operation('add2b')],
  [ALU.AND, operation('and')],
  [ALU.AND_NOT_A, operation('andNotA')],
  [ALU.SUB_C, operation('subC')],
  [ALU.AND_NOT_B, operation('andNotB')],
  [ALU.ADD_C, operation('addC')],
  [ALU.OR, operation('or')],
  [ALU.SUB, operation('sub')],
  [ALU.XOR, operation('xor')],
])

const branchOperations: ReadonlyMap<number, number> = new Map([
  [BR.UNC, operation('br')],
  [BR.EQ, operation('beq')],
  [BR.NE, operation('bne')],
  [BR.MI, operation('bmi')],
  [BR.HS, operation('bhs')],
  [BR.LO, operation('blo')],
  [BR.GE, operation('bge')],
  [BR.LT, operation('blt')],
])

const commands: ReadonlySet<number> = new Set(Object.values(CMD))
const modes: ReadonlySet<number> = new Set(Object.values(ADDRESS))

/** A program in the control store. The counters belong to it, so a report can name its costly words. */
export interface Microcode {
  /** Control-store address of the first word. */
  readonly base: number
  readonly count: number
  readonly ops: Int32Array
  /** How often each word was executed. */
  readonly executed: Float64Array
  /** Cycles lost behind each word: bubbles of branches and swaps. */
  readonly bubbles: Float64Array
  /** Cycles that the thread waited for each word's memory command. */
  readonly waited: Float64Array
  /** Cycles that routines of the firmware issued for each word that calls one. */
  readonly called: Float64Array
}

export interface LoadResult {
  readonly microcode: Microcode
  /** Words with a wrong error-correcting code, which the control store refuses; by word number. */
  readonly badEcc: readonly number[]
  /** Words that mean nothing to this chip: they fault when they are executed. */
  readonly invalid: readonly number[]
}

// The word at hand, and where its operations go.
const word = new NfpInsn()
let ops: Int32Array = new Int32Array(STRIDE)
let at = 0
let valid = true

/** A local-memory operand: the flag, and its pointer and place above it. */
function local(flag: number, value: number): void {
  const shift = flag === FLAG_LEFT ? 4 : flag === FLAG_RIGHT ? 11 : 18
  ops[at + 5] = ops[at + 5]! | flag | (((value >>> 8) | ((value & 0x1f) << 2)) << shift)
}

/** The register that a source operand is read from. */
function source(operand: number, flag: number): number {
  const value = operandValue(operand)
  switch (operandKind(operand)) {
    case KIND_NONE:
      return ZERO
    case KIND_GPR_A:
      return BANK_A + value
    case KIND_GPR_B:
      return BANK_B + value
    case KIND_XFER:
      return XFER_IN + value
    case KIND_NN:
      return NEIGHBOUR + value
    case KIND_IMM:
      return ZERO + value
    case KIND_LM:
      local(flag, value)
      return flag === FLAG_LEFT ? LOCAL_LEFT : LOCAL_RIGHT
    default:
      valid = false
      return ZERO
  }
}

function sources(): void {
  ops[at + 1] = source(word.left, FLAG_LEFT)
  ops[at + 2] = source(word.right, FLAG_RIGHT)
}

function destination(): void {
  const value = operandValue(word.dest)
  switch (operandKind(word.dest)) {
    case KIND_NONE:
      return
    case KIND_GPR_A:
    case KIND_GPR_B:
      ops[at + 3] = (word.both === 0 && operandKind(word.dest) === KIND_GPR_B ? BANK_B : BANK_A) + value
      if (word.both !== 0) ops[at + 4] = BANK_B + value
      return
    case KIND_XFER:
      ops[at + 3] = XFER_OUT + value
      return
    case KIND_LM:
      local(FLAG_DST, value)
      return
    default:
      valid = false
  }
}

function shf(): number {
  const kind = word.shiftKind
  const op = word.op
  const indirect = word.amount === 0 && kind !== SHIFT.NONE
  ops[at + 6] = kind === SHIFT.LEFT && !indirect ? 32 - word.amount : word.amount
  ops[at + 7] = kind | (op << 2) | (indirect ? 32 : 0)
  if (op === SHF.ASHR) return kind === SHIFT.RIGHT ? operation(indirect ? 'arithmeticBy' : 'arithmetic') : 0
  if (op !== SHF.NONE) return op === SHF.AND || op === SHF.OR ? operation('shift') : 0
  if (kind === SHIFT.NONE) return operation('rotate')
  const name = kind === SHIFT.RIGHT ? 'right' : kind === SHIFT.LEFT ? 'left' : 'double'
  return operation(indirect ? `${name}By` : name)
}

function byteMask(bytes: number): number {
  let mask = 0
  for (let i = 0; i < 4; i++) if ((bytes >>> i) & 1) mask |= 0xff << (8 * i)
  return mask
}

function ldField(): number {
  const { shiftKind: kind, amount } = word
  if (word.zero !== 0) ops[at + 1] = ZERO
  ops[at + 6] = byteMask(word.mask)
  ops[at + 7] = kind === SHIFT.LEFT ? 32 - amount : amount
  if (kind === SHIFT.NONE) return operation('field')
  // Amount 0 is the indirect form, which is not known for this instruction; a double shift has no second register here.
  if (amount === 0 || kind === SHIFT.RIGHT_DOUBLE) return 0
  return operation(kind === SHIFT.RIGHT ? 'fieldRight' : 'fieldLeft')
}

function immed(afterCsrRead: boolean): number {
  const { width, shift } = word
  if (word.value < 0 || shift > 2) return 0
  const value = word.value << (shift * 8)
  const constant = word.invert !== 0 ? ~value : value
  if (width === WIDTH.ALL) {
    ops[at + 6] = constant
    return operation(afterCsrRead ? 'immedCsr' : 'immed')
  }
  // The other bytes of the destination stay, so it is read as well.
  ops[at + 1] = source(word.dest, FLAG_LEFT)
  const mask = (width === WIDTH.BYTE ? 0xff : 0xffff) << (shift * 8)
  ops[at + 6] = constant & mask
  ops[at + 7] = ~mask
  return width === WIDTH.BYTE || width === WIDTH.WORD ? operation('immedPart') : 0
}

function brBit(): number {
  if (word.value < 0) return 0
  ops[at + 1] = source(word.left, FLAG_LEFT)
  ops[at + 6] = word.address
  ops[at + 7] = word.defer | (word.value << 2) | (word.set << 7)
  return operation('brBit')
}

function mul(): number {
  const { type, step } = word
  if (step > MUL_STEP.LAST2) return 0
  if (step >= MUL_STEP.LAST) {
    if (type === MUL_TYPE.START) return 0
    destination()
    return operation(step === MUL_STEP.LAST ? 'mulLast' : 'mulLast2')
  }
  sources()
  if (type === MUL_TYPE.START) return step === MUL_STEP.STEP1 ? operation('mulStart') : 0
  const steps = type === MUL_TYPE.BITS32X32 ? 4 : type === MUL_TYPE.BITS16X16 ? 2 : 1
  ops[at + 6] = step * 8
  return step < steps ? operation('mulStep') : 0
}

// A command's constants: [6] the command (token above the target), [7] transfer register, length, addressing and thread bits.
export const CMD_LENGTH_SHIFT = 6
export const CMD_MODE_SHIFT = 9
export const CMD_CTX_SHIFT = 12
export const CMD_INDIRECT: number = 1 << 14

function cmd(): number {
  const { mode, ctx } = word
  const command = commandOf(word)
  sources()
  ops[at + 6] = command
  ops[at + 7] =
    word.xfer |
    (word.length << CMD_LENGTH_SHIFT) |
    (mode << CMD_MODE_SHIFT) |
    (ctx << CMD_CTX_SHIFT) |
    (word.indirect !== 0 ? CMD_INDIRECT : 0)
  // A thread that gives way needs a signal to come back by.
  if (ctx !== CTX.NO_SWAP && word.signal === 0) return 0
  return commands.has(command) && modes.has(mode) ? operation('command') : 0
}

function lower(afterCsrRead: boolean): number {
  // Predicated words and ALU words that leave the condition codes alone exist in the encoding, but how the chip runs them is in no
  // public source.
  if (word.predicate !== 0 || word.noCc !== 0 || word.loadCc !== 0) return 0
  switch (word.format) {
    case FORMAT.ALU:
      sources()
      destination()
      return aluOperations.get(word.op) ?? 0
    case FORMAT.ALU_SHF:
      sources()
      destination()
      return shf()
    case FORMAT.LD_FIELD:
      sources()
      destination()
      return ldField()
    case FORMAT.IMMED:
      destination()
      return immed(afterCsrRead)
    case FORMAT.BR:
      ops[at + 6] = word.address
      ops[at + 7] = word.defer
      return branchOperations.get(word.condition) ?? 0
    case FORMAT.BR_BIT:
      return brBit()
    case FORMAT.BR_ALU:
      if (word.value < 0) return 0
      ops[at + 1] = source(word.left, FLAG_LEFT)
      ops[at + 6] = word.value
      ops[at + 7] = word.defer
      return operation('rtn')
    case FORMAT.LOCAL_CSR:
      ops[at + 6] = word.csr << 2
      if (word.write === 0) return CSR_READ
      ops[at + 1] = source(word.left, FLAG_LEFT)
      return operation('csrWrite')
    case FORMAT.MUL:
      return mul()
    case FORMAT.CMD:
      return cmd()
    default:
      return 0
  }
}

const nowhere: ReadonlySet<number> = new Set()
const CSR_READ = operation('csrRead')

/** In a branch's target: outside of the program, whatever the address says. */
const OUTSIDE = 0x1_0000

/**
 * Makes `count` words ready that lie at `base` in the control store. Branches to an address of `outside` leave the program even where it
 * has a word at that address, as in test firmware that keeps its own code apart from the programs'.
 */
export function loadWords(
  low: Uint32Array,
  high: Uint32Array,
  count: number,
  base: number,
  outside: ReadonlySet<number> = nowhere,
): LoadResult {
  const badEcc: number[] = []
  const invalid: number[] = []
  const all = new Int32Array(count * STRIDE)
  ops = all
  for (let i = 0; i < count; i++) {
    const lo = low[i]!
    const hi = high[i]!
    at = i * STRIDE
    valid = true
    if (!eccHolds(lo, hi)) badEcc.push(i)
    all.fill(ZERO, at + 1, at + 3)
    all.fill(NOWHERE, at + 3, at + 5)
    decode(lo, hi, word)
    const op = lower(i > 0 && all[at - STRIDE] === CSR_READ)
    if (op === 0 || !valid) {
      invalid.push(i)
      all[at] = 0
      all[at + 5] = 0
    } else all[at] = op
    if (word.format === FORMAT.BR && outside.has(word.address)) all[at + 6] = word.address | OUTSIDE
  }
  const microcode: Microcode = {
    base,
    count,
    ops: all,
    executed: new Float64Array(count),
    bubbles: new Float64Array(count),
    waited: new Float64Array(count),
    called: new Float64Array(count),
  }
  return { microcode, badEcc, invalid }
}
