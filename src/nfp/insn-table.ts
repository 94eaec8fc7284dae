// The NFP-6000 microengine's instruction set as data: which words belong to a format (word & mask === base), where its fields are,
// and what the values of a field are called. Encoder, decoder, printer, assembler and the chip's executor all read this table.
// Words and masks are written as plain numbers: the 45 bits of an operation fit a JavaScript number exactly.

/** Bits `at` to `at + bits - 1` of a word. */
export interface Field {
  readonly at: number
  readonly bits: number
}

export interface Base {
  readonly lo: number
  readonly hi: number
}

function field(first: number, last: number = first): Field {
  return Object.freeze({ at: first, bits: last - first + 1 })
}

function base(word: number): Base {
  return Object.freeze({ lo: word >>> 0, hi: Math.floor(word / 0x100000000) })
}

export type FieldsOf<Name extends string> = Readonly<Record<Name, Field>>

type AluField = 'a' | 'b' | 'dst' | 'swap' | 'op' | 'dstBank' | 'noCc' | 'both' | 'srcExt' | 'dstExt' | 'predicate'

export const ALU_BASE: Base = base(0x0a000000000)
export const aluFields: FieldsOf<AluField> = {
  a: field(0, 9),
  b: field(10, 19),
  dst: field(20, 29),
  swap: field(30),
  op: field(31, 35),
  dstBank: field(36),
  noCc: field(40),
  both: field(41),
  srcExt: field(42),
  dstExt: field(43),
  predicate: field(44),
}

type ShfField =
  | 'a'
  | 'shiftKind'
  | 'b'
  | 'imm8'
  | 'swap'
  | 'dst'
  | 'amount'
  | 'op'
  | 'dstBank'
  | 'noCc'
  | 'both'
  | 'srcExt'
  | 'dstExt'
  | 'predicate'

export const SHF_BASE: Base = base(0x08000000000)
export const shfFields: FieldsOf<ShfField> = {
  a: field(0, 7),
  shiftKind: field(8, 9),
  b: field(10, 17),
  imm8: field(18),
  swap: field(19),
  dst: field(20, 27),
  amount: field(28, 32),
  op: field(33, 35),
  dstBank: field(36),
  noCc: field(40),
  both: field(41),
  srcExt: field(42),
  dstExt: field(43),
  predicate: field(44),
}

type LdField =
  | 'a'
  | 'shiftKind'
  | 'b'
  | 'imm8'
  | 'swap'
  | 'zero'
  | 'mask'
  | 'amount'
  | 'loadCc'
  | 'both'
  | 'srcExt'
  | 'dstExt'
  | 'predicate'

export const LD_FIELD_BASE: Base = base(0x0c000000000)
export const ldFieldFields: FieldsOf<LdField> = {
  a: field(0, 7),
  shiftKind: field(8, 9),
  b: field(10, 17),
  imm8: field(18),
  swap: field(19),
  zero: field(20),
  mask: field(24, 27),
  amount: field(28, 32),
  loadCc: field(34),
  both: field(41),
  srcExt: field(42),
  dstExt: field(43),
  predicate: field(44),
}

type ImmedField = 'a' | 'b' | 'high' | 'width' | 'invert' | 'shift' | 'both' | 'srcExt' | 'dstExt' | 'predicate'

export const IMMED_BASE: Base = base(0x0f000000000)
export const immedFields: FieldsOf<ImmedField> = {
  a: field(0, 9),
  b: field(10, 19),
  high: field(20, 27),
  width: field(29, 30),
  invert: field(31),
  shift: field(33, 34),
  both: field(41),
  srcExt: field(42),
  dstExt: field(43),
  predicate: field(44),
}

type BrField = 'condition' | 'event' | 'state' | 'defer' | 'address' | 'addressHigh'

export const BR_BASE: Base = base(0x0d800000020)
export const brFields: FieldsOf<BrField> = {
  condition: field(0, 4),
  event: field(8, 9),
  state: field(14, 17),
  defer: field(20, 21),
  address: field(22, 34),
  addressHigh: field(40),
}

type BrBitField = 'a' | 'b' | 'set' | 'defer' | 'address' | 'addressHigh' | 'srcExt'

export const BR_BIT_BASE: Base = base(0x0d000000000)
export const brBitFields: FieldsOf<BrBitField> = {
  a: field(0, 7),
  b: field(10, 17),
  set: field(18),
  defer: field(20, 21),
  address: field(22, 34),
  addressHigh: field(40),
  srcExt: field(42),
}

type BrAluField = 'a' | 'b' | 'defer' | 'high' | 'srcExt' | 'dstExt'

export const BR_ALU_BASE: Base = base(0x0e800000000)
export const brAluFields: FieldsOf<BrAluField> = {
  a: field(0, 9),
  b: field(10, 19),
  defer: field(20, 21),
  high: field(22, 30),
  srcExt: field(42),
  dstExt: field(43),
}

type CmdField = 'a' | 'ctx' | 'b' | 'token' | 'xfer' | 'length' | 'signal' | 'command' | 'xferHigh' | 'indirect' | 'mode'

export const CMD_BASE: Base = base(0)
export const cmdFields: FieldsOf<CmdField> = {
  a: field(0, 7),
  ctx: field(8, 9),
  b: field(10, 17),
  token: field(18, 19),
  xfer: field(20, 24),
  length: field(25, 27),
  signal: field(28, 31),
  command: field(32, 38),
  xferHigh: field(40),
  indirect: field(41),
  mode: field(42, 44),
}

type LcsrField = 'a' | 'b' | 'write' | 'csr' | 'srcExt' | 'dstExt'

export const LCSR_BASE: Base = base(0x0fc00000000)
export const lcsrFields: FieldsOf<LcsrField> = {
  a: field(0, 9),
  b: field(10, 19),
  write: field(21),
  csr: field(22, 32),
  srcExt: field(42),
  dstExt: field(43),
}

type MulField = 'a' | 'b' | 'step' | 'dstBank' | 'swap' | 'type' | 'noCc' | 'both' | 'srcExt' | 'dstExt' | 'predicate'

export const MUL_BASE: Base = base(0x0f800000000)
export const mulFields: FieldsOf<MulField> = {
  a: field(0, 9),
  b: field(10, 19),
  step: field(20, 22),
  dstBank: field(23),
  swap: field(30),
  type: field(31, 32),
  noCc: field(40),
  both: field(41),
  srcExt: field(42),
  dstExt: field(43),
  predicate: field(44),
}

type CtxArbField = 'events' | 'any' | 'breakpoint' | 'resume' | 'noLoad' | 'defer' | 'address' | 'addressHigh'

export const CTX_ARB_BASE: Base = base(0x0e000000000)
export const ctxArbFields: FieldsOf<CtxArbField> = {
  events: field(0, 15),
  any: field(16),
  breakpoint: field(17),
  resume: field(18),
  noLoad: field(19),
  defer: field(20, 21),
  address: field(22, 34),
  addressHigh: field(40),
}

type BrByteField = 'a' | 'byte' | 'b' | 'imm8' | 'set' | 'defer' | 'address' | 'addressHigh' | 'srcExt'

export const BR_BYTE_BASE: Base = base(0x0c800000000)
export const brByteFields: FieldsOf<BrByteField> = {
  a: field(0, 7),
  byte: field(8, 9),
  b: field(10, 17),
  imm8: field(18),
  set: field(19),
  defer: field(20, 21),
  address: field(22, 34),
  addressHigh: field(40),
  srcExt: field(42),
}

export type FieldName =
  | AluField
  | ShfField
  | LdField
  | ImmedField
  | BrField
  | BrBitField
  | BrByteField
  | BrAluField
  | CmdField
  | LcsrField
  | MulField
  | CtxArbField

export type FormatName =
  | 'invalid'
  | 'cmd'
  | 'alu_shf'
  | 'alu'
  | 'immed'
  | 'ld_field'
  | 'ctx_arb'
  | 'local_csr'
  | 'br'
  | 'br_byte'
  | 'br_bit'
  | 'br_alu'
  | 'mul'

/** Formats by number: an index into `formats`. */
export const FORMAT = {
  INVALID: 0,
  CMD: 1,
  ALU_SHF: 2,
  ALU: 3,
  IMMED: 4,
  LD_FIELD: 5,
  CTX_ARB: 6,
  LOCAL_CSR: 7,
  BR: 8,
  BR_BYTE: 9,
  BR_BIT: 10,
  BR_ALU: 11,
  MUL: 12,
} as const

export interface Format {
  readonly name: FormatName
  /** The bits that tell this format from the others, and what they are. */
  readonly mask: Base
  readonly base: Base
  readonly fields: Readonly<Partial<Record<FieldName, Field>>>
}

const NOTHING: Base = base(0)

export const formats: readonly Format[] = [
  { name: 'invalid', mask: NOTHING, base: NOTHING, fields: {} },
  { name: 'cmd', mask: base(0x08000000000), base: CMD_BASE, fields: cmdFields },
  { name: 'alu_shf', mask: base(0x0e000000000), base: SHF_BASE, fields: shfFields },
  { name: 'alu', mask: base(0x0e000000000), base: ALU_BASE, fields: aluFields },
  { name: 'immed', mask: base(0x1f900000000), base: IMMED_BASE, fields: immedFields },
  { name: 'ld_field', mask: base(0x1fa00e00000), base: LD_FIELD_BASE, fields: ldFieldFields },
  { name: 'ctx_arb', mask: base(0x0f800000000), base: CTX_ARB_BASE, fields: ctxArbFields },
  { name: 'local_csr', mask: base(0x1fe00100000), base: LCSR_BASE, fields: lcsrFields },
  { name: 'br', mask: base(0x0f8000c3ce0), base: BR_BASE, fields: brFields },
  { name: 'br_byte', mask: base(0x0f800000000), base: BR_BYTE_BASE, fields: brByteFields },
  { name: 'br_bit', mask: base(0x0f800080300), base: BR_BIT_BASE, fields: brBitFields },
  { name: 'br_alu', mask: base(0x0ff80000000), base: BR_ALU_BASE, fields: brAluFields },
  { name: 'mul', mask: base(0x0fe3f000000), base: MUL_BASE, fields: mulFields },
]

/** Operations of `alu`; ADD_2B adds the low 16 bits, the `_C` forms take the carry along. */
export const ALU = {
  NONE: 0x00,
  ADD: 0x01,
  NOT: 0x04,
  ADD_2B: 0x05,
  AND: 0x08,
  AND_NOT_A: 0x0c,
  SUB_C: 0x0d,
  AND_NOT_B: 0x10,
  ADD_C: 0x11,
  OR: 0x14,
  SUB: 0x15,
  XOR: 0x18,
} as const

/** `alu`'s operations that have a mnemonic of their own. */
export const ALU_UNARY = { POP_COUNT3: 3, POP_COUNT1: 6, POP_COUNT2: 7, FFS: 14, CAM_READ_TAG: 15, CAM_READ_STATE: 31 } as const
export const ALU_CAM = { CLEAR: 11, WRITE: 19, LOOKUP: 23, WRITE_STATE: 27 } as const
export const ALU_CRC = 18

/** Operations of `shf`. */
export const SHF = { NONE: 0, AND: 2, OR: 5, ASHR: 6 } as const

/** The operation of a shift that aligns bytes by the engine's byte index. */
export const BYTE_ALIGN = 7

/** Kinds of shift; NONE rotates right, and rotating by 0 is no shift. */
export const SHIFT = { NONE: 0, RIGHT: 1, LEFT: 2, RIGHT_DOUBLE: 3 } as const

export const WIDTH = { ALL: 0, BYTE: 1, WORD: 2 } as const

/** Conditions of `br`. */
export const BR = { EQ: 0, NE: 1, MI: 2, HS: 4, CC: 5, LO: 5, GE: 8, LT: 9, UNC: 0x18 } as const

/** What a memory command does to the thread: give way until its signal (with 0, 1 or 2 words still executed), or go on. */
export const CTX = { SWAP: 0, SWAP_DEFER1: 1, SWAP_DEFER2: 2, NO_SWAP: 3 } as const

/** Address of a memory command: 40 bits from A (the high byte) and B, from B and A, or 32 bits. */
export const ADDRESS = { A_B: 0, B_A: 1, BITS32: 4 } as const

/** Memory commands: the token in bits 8-9, the target command below. */
export const CMD = {
  READ8: 0x143,
  WRITE8_SWAP: 0x242,
  WRITE32_SWAP: 0x25f,
  READ32: 0x05c,
  READ32_LE: 0x15c,
  READ32_SWAP: 0x25c,
  READ_LE: 0x140,
  READ_SWAP_LE: 0x340,
  ADD: 0x047,
  ADD_IMM: 0x247,
} as const

/** Local control registers, as byte addresses. */
export const CSR = {
  CTX_PTR: 0x20,
  ACT_LM_ADDR0: 0x64,
  ACT_LM_ADDR1: 0x6c,
  ACT_LM_ADDR2: 0x94,
  ACT_LM_ADDR3: 0x9c,
  PSEUDO_RND_NUM: 0x148,
} as const

export const MUL_TYPE = { START: 0, BITS24X8: 1, BITS16X16: 2, BITS32X32: 3 } as const

export const MUL_STEP = { STEP1: 0, STEP2: 1, STEP3: 2, STEP4: 3, LAST: 4, LAST2: 5 } as const

/** Relocation types in the top byte of a word. */
export const RELO = {
  NONE: 0,
  REL: 1,
  GO_OUT: 2,
  GO_ABORT: 3,
  PUSH_REGS: 4,
  POP_REGS: 5,
  NEXT_PKT: 6,
  HELPER: 7,
  IMMED_REL: 8,
} as const

/** The address that a branch carries until relocation gives the real one; helper calls add the helper's id to it. */
export const UNRELOCATED = 15000
