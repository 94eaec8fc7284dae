// How instructions are written, in the syntax of GNU binutils' NFP disassembler (which bpftool shows): for each way of writing a word,
// its format, the field values that select it, the operands between the brackets, and the options after them. Printer and assembler walk
// the same rows; a part's name stands for one function in each.

import { ALU, ALU_CAM, ALU_CRC, ALU_UNARY, BYTE_ALIGN, type FieldName, FORMAT, SHF, SHIFT } from './insn-table.ts'
import { NONE } from './operand.ts'

export type Part =
  /** Registers: destination (`--` for none), sources, `mul_step`'s destination (where none is written as an immediate). */
  | 'dest'
  | 'left'
  | 'right'
  | 'lastDest'
  | 'alignLeft'
  | 'alignRight'
  | 'none'
  /** Operations and amounts. */
  | 'aluOp'
  | 'shfOp'
  | 'shift'
  | 'fieldShift'
  | 'byteMask'
  | 'immediate'
  | 'immediateShift'
  | 'camEntry'
  | 'crcOp'
  /** Branches. */
  | 'context'
  | 'inputState'
  | 'ring'
  | 'address'
  | 'jump'
  | 'byteNumber'
  | 'bitNumber'
  | 'events'
  /** Control registers. */
  | 'csr'
  | 'storeIndex'
  /** Commands. */
  | 'action'
  | 'xfer'
  | 'thirdParty'
  | 'by8'
  | 'count'
  | 'address16'
  | 'data14'
  | 'data22'

export type Option =
  | 'no_cc'
  | 'gpr_wrboth'
  | 'predicate_cc'
  | 'load_cc'
  | 'indirect_ref'
  | 'signal'
  | 'defer'
  | 'any'
  | 'resume'
  | 'lm_addr'
  | 'bytes'
  | 'bit_swap'
  | 'multiply'

export type Selector = FieldName | 'dest' | 'value' | 'little'

export interface Form {
  /** What stands before the bracket; commands have their unit's name there and the empty string here. */
  readonly mnemonic: string
  readonly format: number
  /** Fields (or what decoding works out from them) that must have one of these values. */
  readonly when: Readonly<Partial<Record<Selector, readonly number[]>>>
  readonly operands: readonly Part[]
  readonly options: readonly Option[]
  /** Written without brackets. */
  readonly bare?: true
}

const RESULT: readonly Option[] = ['no_cc', 'gpr_wrboth', 'predicate_cc']
const ADDRESSED: readonly Option[] = ['indirect_ref', 'signal']

function alu(mnemonic: string, ops: readonly number[], operands: readonly Part[], before: readonly Option[] = []): Form {
  return { mnemonic, format: FORMAT.ALU, when: { op: ops }, operands, options: [...before, ...RESULT] }
}

function crc(mnemonic: string, little: number): Form {
  return {
    mnemonic,
    format: FORMAT.ALU,
    when: { op: [ALU_CRC], little: [little] },
    operands: ['crcOp', 'dest', 'right'],
    options: ['bytes', 'bit_swap', ...RESULT],
  }
}

function immed(mnemonic: string, width: readonly number[], shift: readonly number[], shown: readonly Part[] = []): Form {
  return {
    mnemonic,
    format: FORMAT.IMMED,
    when: { width, shift },
    operands: ['dest', 'immediate', ...shown],
    options: ['gpr_wrboth', 'predicate_cc'],
  }
}

function branch(mnemonic: string, condition: number, ...operands: readonly Part[]): Form {
  return { mnemonic, format: FORMAT.BR, when: { condition: [condition] }, operands: [...operands, 'address'], options: ['defer'] }
}

function command(mode: number, operands: readonly Part[], options: readonly Option[] = ADDRESSED): Form {
  return { mnemonic: '', format: FORMAT.CMD, when: { mode: [mode] }, operands: ['action', ...operands], options }
}

const OTHER_SHIFTS: readonly number[] = [SHIFT.NONE, SHIFT.RIGHT, SHIFT.LEFT]

/** Rows of one format stand in the order in which they are tried. */
export const forms: readonly Form[] = [
  {
    mnemonic: 'byte_align_le',
    format: FORMAT.ALU_SHF,
    when: { op: [BYTE_ALIGN], shiftKind: [SHIFT.LEFT] },
    operands: ['dest', 'alignLeft'],
    options: RESULT,
  },
  {
    mnemonic: 'byte_align_be',
    format: FORMAT.ALU_SHF,
    when: { op: [BYTE_ALIGN] },
    operands: ['dest', 'alignRight'],
    options: RESULT,
  },
  // Binutils leaves the left operand out of a double shift that says "arithmetic", which no assembler makes.
  {
    mnemonic: 'dbl_shf',
    format: FORMAT.ALU_SHF,
    when: { op: [SHF.ASHR], shiftKind: [SHIFT.RIGHT_DOUBLE] },
    operands: ['dest', 'right', 'shift'],
    options: RESULT,
  },
  {
    mnemonic: 'dbl_shf',
    format: FORMAT.ALU_SHF,
    when: { shiftKind: [SHIFT.RIGHT_DOUBLE] },
    operands: ['dest', 'left', 'right', 'shift'],
    options: RESULT,
  },
  { mnemonic: 'asr', format: FORMAT.ALU_SHF, when: { op: [SHF.ASHR] }, operands: ['dest', 'right', 'shift'], options: RESULT },
  {
    mnemonic: 'alu_shf',
    format: FORMAT.ALU_SHF,
    when: { op: [0, 1], shiftKind: OTHER_SHIFTS },
    operands: ['dest', 'none', 'shfOp', 'right', 'shift'],
    options: RESULT,
  },
  {
    mnemonic: 'alu_shf',
    format: FORMAT.ALU_SHF,
    when: { op: [2, 3, 4, 5] },
    operands: ['dest', 'left', 'shfOp', 'right', 'shift'],
    options: RESULT,
  },

  alu('pop_count1', [ALU_UNARY.POP_COUNT1], ['right']),
  alu('pop_count2', [ALU_UNARY.POP_COUNT2], ['right']),
  alu('pop_count3', [ALU_UNARY.POP_COUNT3], ['dest', 'right']),
  alu('ffs', [ALU_UNARY.FFS], ['dest', 'right']),
  alu('cam_read_tag', [ALU_UNARY.CAM_READ_TAG], ['dest', 'right']),
  alu('cam_read_state', [ALU_UNARY.CAM_READ_STATE], ['dest', 'right']),
  { mnemonic: 'cam_clear', format: FORMAT.ALU, when: { op: [ALU_CAM.CLEAR] }, operands: [], options: RESULT, bare: true },
  alu('cam_lookup', [ALU_CAM.LOOKUP], ['dest', 'left'], ['lm_addr']),
  alu('cam_write', [ALU_CAM.WRITE], ['right', 'left', 'camEntry']),
  alu('cam_write_state', [ALU_CAM.WRITE_STATE], ['right', 'camEntry']),
  crc('crc_be', 0),
  crc('crc_le', 1),
  alu('alu', [ALU.NONE, ALU.NOT], ['dest', 'none', 'aluOp', 'right']),
  { mnemonic: 'alu', format: FORMAT.ALU, when: {}, operands: ['dest', 'left', 'aluOp', 'right'], options: RESULT },

  { mnemonic: 'nop', format: FORMAT.IMMED, when: { dest: [NONE], value: [0] }, operands: [], options: [], bare: true },
  immed('immed_b0', [1, 3], [0]),
  immed('immed_b1', [1, 3], [1]),
  immed('immed_b2', [1, 3], [2]),
  immed('immed_b3', [1, 3], [3]),
  immed('immed_w0', [2], [0, 1]),
  immed('immed_w1', [2], [2, 3]),
  immed('immed', [0], [0, 1, 2, 3], ['immediateShift']),

  {
    mnemonic: 'ld_field_w_clr',
    format: FORMAT.LD_FIELD,
    when: { zero: [1] },
    operands: ['dest', 'byteMask', 'right', 'fieldShift'],
    options: ['load_cc', 'gpr_wrboth', 'predicate_cc'],
  },
  {
    mnemonic: 'ld_field',
    format: FORMAT.LD_FIELD,
    when: {},
    operands: ['dest', 'byteMask', 'right', 'fieldShift'],
    options: ['load_cc', 'gpr_wrboth', 'predicate_cc'],
  },

  { mnemonic: 'ctx_arb', format: FORMAT.CTX_ARB, when: {}, operands: ['events'], options: ['any', 'resume', 'defer'] },

  { mnemonic: 'uwr', format: FORMAT.LOCAL_CSR, when: { csr: [1], write: [1] }, operands: ['storeIndex', 'left'], options: [] },
  { mnemonic: 'urd', format: FORMAT.LOCAL_CSR, when: { csr: [1] }, operands: ['left', 'storeIndex'], options: [] },
  { mnemonic: 'local_csr_wr', format: FORMAT.LOCAL_CSR, when: { write: [1] }, operands: ['csr', 'left'], options: [] },
  { mnemonic: 'local_csr_rd', format: FORMAT.LOCAL_CSR, when: {}, operands: ['csr'], options: [] },

  branch('beq', 0),
  branch('bne', 1),
  branch('bmi', 2),
  branch('bpl', 3),
  branch('bcs', 4),
  branch('bcc', 5),
  branch('bvs', 6),
  branch('bvc', 7),
  branch('bge', 8),
  branch('blt', 9),
  branch('ble', 10),
  branch('bgt', 11),
  branch('br=ctx', 16, 'context'),
  branch('br!=ctx', 17, 'context'),
  branch('br_signal', 18, 'context'),
  branch('br_!signal', 19, 'context'),
  branch('br_inp_state', 20, 'inputState'),
  branch('br_!inp_state', 21, 'inputState'),
  branch('br_cls_state', 22, 'ring'),
  branch('br_!cls_state', 23, 'ring'),
  branch('br', 24),
  { mnemonic: '<invalid branch>', format: FORMAT.BR, when: {}, operands: ['address'], options: ['defer'] },

  {
    mnemonic: 'br=byte',
    format: FORMAT.BR_BYTE,
    when: { set: [1] },
    operands: ['left', 'byteNumber', 'right', 'address'],
    options: ['defer'],
  },
  {
    mnemonic: 'br!=byte',
    format: FORMAT.BR_BYTE,
    when: {},
    operands: ['left', 'byteNumber', 'right', 'address'],
    options: ['defer'],
  },
  {
    mnemonic: 'br_bset',
    format: FORMAT.BR_BIT,
    when: { set: [1] },
    operands: ['left', 'bitNumber', 'address'],
    options: ['defer'],
  },
  { mnemonic: 'br_bclr', format: FORMAT.BR_BIT, when: {}, operands: ['left', 'bitNumber', 'address'], options: ['defer'] },
  { mnemonic: 'rtn', format: FORMAT.BR_ALU, when: { value: [0] }, operands: ['left'], options: ['defer'] },
  { mnemonic: 'jump', format: FORMAT.BR_ALU, when: {}, operands: ['left', 'jump'], options: ['defer'] },

  {
    mnemonic: 'mul_step',
    format: FORMAT.MUL,
    when: { step: [0, 1, 2, 3] },
    operands: ['left', 'right'],
    options: ['multiply', ...RESULT],
  },
  { mnemonic: 'mul_step', format: FORMAT.MUL, when: {}, operands: ['lastDest', 'none'], options: ['multiply', ...RESULT] },

  command(0, ['xfer', 'left', 'by8', 'right', 'count']),
  command(1, ['xfer', 'right', 'by8', 'left', 'count']),
  command(2, ['thirdParty', 'left', 'by8', 'right', 'count'], ['signal']),
  command(3, ['thirdParty', 'right', 'by8', 'left', 'count'], ['signal']),
  command(4, ['xfer', 'left', 'right', 'count']),
  command(5, ['xfer', 'address16', 'count']),
  command(6, ['address16', 'data14']),
  command(7, ['data22', 'none', 'count']),
]

export const aluOpNames: readonly (string | undefined)[] = row(32, {
  0: 'B',
  1: '+',
  4: '~B',
  5: '+16',
  8: 'AND',
  9: '+8',
  12: '~AND',
  13: '-carry',
  16: 'AND~',
  17: '+carry',
  20: 'OR',
  21: '-',
  24: 'XOR',
  25: 'B-A',
})

export const shfOpNames: readonly string[] = ['B', '~B', 'AND', '~AND', 'AND~', 'OR']

export const crcOpNames: readonly (string | undefined)[] = row(8, {
  0: '--',
  2: 'crc_ccitt',
  4: 'crc_32',
  5: 'crc_iscsi',
  6: 'crc_10',
  7: 'crc_5',
})

/** Which bytes of the source a CRC takes; all of them is not written. The last code has no name, and binutils prints that literally. */
export const crcBytesNames: readonly string[] = [
  'bytes_0_3',
  'bytes_1_3',
  'bytes_2_3',
  'byte_3',
  'bytes_0_2',
  'bytes_0_1',
  'byte_0',
  '(null)',
]

export const multiplyTypeNames: readonly string[] = ['start', '24x8', '16x16', '32x32']

export const multiplyStepNames: readonly (string | undefined)[] = [
  'step1',
  'step2',
  'step3',
  'step4',
  'last',
  'last2',
  undefined,
  undefined,
]

export const inputStateNames: readonly string[] = [
  'nn_empty',
  'nn_full',
  ...Array.from({ length: 14 }, (_, ring) => `ctm_ring${ring}_status`),
]

/** Local control registers by number, which is a quarter of the byte address. */
export const csrNames: ReadonlyMap<number, string> = new Map([
  [0x000 / 4, 'UstorAddr'],
  [0x004 / 4, 'UstorDataLwr'],
  [0x008 / 4, 'UstorDataUpr'],
  [0x00c / 4, 'UstorErrStat'],
  [0x010 / 4, 'ALUOut'],
  [0x014 / 4, 'CtxArbCtrl'],
  [0x018 / 4, 'CtxEnables'],
  [0x01c / 4, 'CondCodeEn'],
  [0x020 / 4, 'CSRCtxPtr'],
  [0x024 / 4, 'PcBreakpoint0'],
  [0x028 / 4, 'PcBreakpoint1'],
  [0x02c / 4, 'PcBreakpointStatus'],
  [0x030 / 4, 'RegErrStatus'],
  [0x034 / 4, 'LMErrStatus'],
  [0x038 / 4, 'LMeccErrorMask'],
  [0x040 / 4, 'IndCtxStatus'],
  [0x044 / 4, 'ActCtxStatus'],
  [0x048 / 4, 'IndCtxSglEvt'],
  [0x04c / 4, 'ActCtxSglEvt'],
  [0x050 / 4, 'IndCtxWkpEvt'],
  [0x054 / 4, 'ActCtxWkpEvt'],
  [0x058 / 4, 'IndCtxFtrCnt'],
  [0x05c / 4, 'ActCtxFtrCnt'],
  [0x060 / 4, 'IndLMAddr0'],
  [0x064 / 4, 'ActLMAddr0'],
  [0x068 / 4, 'IndLMAddr1'],
  [0x06c / 4, 'ActLMAddr1'],
  [0x070 / 4, 'ByteIndex'],
  [0x074 / 4, 'XferIndex'],
  [0x078 / 4, 'IndFtrCntSgl'],
  [0x07c / 4, 'ActFtrCntSgl'],
  [0x080 / 4, 'NNPut'],
  [0x084 / 4, 'NNGet'],
  [0x090 / 4, 'IndLMAddr2'],
  [0x094 / 4, 'ActLMAddr2'],
  [0x098 / 4, 'IndLMAddr3'],
  [0x09c / 4, 'ActLMAddr3'],
  [0x0a0 / 4, 'IndLMAddr2BytIdx'],
  [0x0a4 / 4, 'ActLMAddr2BytIdx'],
  [0x0a8 / 4, 'IndLMAddr3BytIdx'],
  [0x0ac / 4, 'ActLMAddr3BytIdx'],
  [0x0b0 / 4, 'IndPredCC'],
  [0x0c0 / 4, 'TimestampLow'],
  [0x0c4 / 4, 'TimestampHgh'],
  [0x0e0 / 4, 'IndLMAddr0BytIdx'],
  [0x0e4 / 4, 'ActLMAddr0BytIdx'],
  [0x0e8 / 4, 'IndLMAddr1BytIdx'],
  [0x0ec / 4, 'ActLMAddr1BytIdx'],
  [0x0f4 / 4, 'XfrAndBytIdx'],
  [0x100 / 4, 'NxtNghbrSgl'],
  [0x104 / 4, 'PrvNghbrSgl'],
  [0x108 / 4, 'SameMESignal'],
  [0x140 / 4, 'CRCRemainder'],
  [0x144 / 4, 'ProfileCnt'],
  [0x148 / 4, 'PseudoRndNum'],
  [0x160 / 4, 'MiscControl'],
  [0x164 / 4, 'PcBreakpoint0Mask'],
  [0x168 / 4, 'PcBreakpoint1Mask'],
  [0x170 / 4, 'Mailbox0'],
  [0x174 / 4, 'Mailbox1'],
  [0x178 / 4, 'Mailbox2'],
  [0x17c / 4, 'Mailbox3'],
  [0x190 / 4, 'CmdIndirectRef0'],
])

function row(length: number, names: Readonly<Record<number, string>>): (string | undefined)[] {
  return Array.from({ length }, (_, i) => names[i])
}
