// From a word to its fields and operands. The result goes into a record that the caller keeps and hands in again, so that decoding a
// whole control store makes no garbage. A field that the word's format doesn't have is 0.

import { ALU_CRC, type Field, type FieldName, FORMAT, type Format, formats, MUL_STEP } from './insn-table.ts'
import { BANK_A, BANK_B, decodeRestricted, decodeUnrestricted, KIND_IMM, NONE, operandKind, operandValue } from './operand.ts'

/** A decoded word. Raw fields have the names of `insn-table.ts`; what follows them is worked out from several fields. */
export class NfpInsn implements Record<FieldName, number> {
  lo = 0
  hi = 0
  /** One of FORMAT. */
  format: number = FORMAT.INVALID

  a = 0
  b = 0
  dst = 0
  swap = 0
  op = 0
  dstBank = 0
  noCc = 0
  both = 0
  srcExt = 0
  dstExt = 0
  predicate = 0
  shiftKind = 0
  imm8 = 0
  amount = 0
  zero = 0
  mask = 0
  loadCc = 0
  high = 0
  width = 0
  invert = 0
  shift = 0
  condition = 0
  event = 0
  state = 0
  defer = 0
  /** All 14 bits. */
  address = 0
  addressHigh = 0
  set = 0
  byte = 0
  ctx = 0
  token = 0
  /** The transfer register's number, all six bits. */
  xfer = 0
  xferHigh = 0
  length = 0
  signal = 0
  command = 0
  indirect = 0
  mode = 0
  write = 0
  csr = 0
  step = 0
  type = 0
  events = 0
  any = 0
  breakpoint = 0
  resume = 0
  noLoad = 0

  /** Destination operand, NONE where nothing is written; `both` says whether the other bank is written too. */
  dest: number = NONE
  /** Source operands after the swap. The formats with one register (branches, CSRs) have it in `left`. */
  left: number = NONE
  right: number = NONE
  /** `immed`: the 16 bits before shift and inversion; `br_alu`: the address added; `br_bit`: the bit; -1 where the word has none. */
  value = 0
  /** CRC: 1 for the little-endian form. */
  little = 0
}

type NamedField = readonly [FieldName, Field]

const named: readonly (readonly NamedField[])[] = formats.map(format => Object.entries(format.fields) as unknown as NamedField[])
const allFields: readonly FieldName[] = [...new Set(named.flatMap(fields => fields.map(([name]) => name)))]

export function formatOf(lo: number, hi: number): number {
  for (let i = 1; i < formats.length; i++) {
    const { mask, base } = formats[i] as Format
    if ((lo & mask.lo) >>> 0 === base.lo && (hi & mask.hi) === base.hi) return i
  }
  return FORMAT.INVALID
}

function extract(lo: number, hi: number, field: Field): number {
  const { at, bits } = field
  const mask = (1 << bits) - 1
  if (at >= 32) return (hi >>> (at - 32)) & mask
  if (at + bits <= 32) return (lo >>> at) & mask
  return ((lo >>> at) | (hi << (32 - at))) & mask
}

/** Fills `into`, and says whether the word is an instruction. ECC and relocation bits are left aside. */
export function decode(lo: number, hi: number, into: NfpInsn): boolean {
  for (const name of allFields) into[name] = 0
  const format = formatOf(lo, hi)
  into.lo = lo >>> 0
  into.hi = hi >>> 0
  into.format = format
  into.dest = NONE
  into.left = NONE
  into.right = NONE
  into.value = 0
  into.little = 0
  for (const [name, field] of named[format]!) into[name] = extract(lo, hi, field)
  into.address |= into.addressHigh << 13
  into.xfer |= into.xferHigh << 5
  operands(into)
  return format !== FORMAT.INVALID
}

function isImmediate(operand: number): boolean {
  return operandKind(operand) === KIND_IMM
}

function operands(insn: NfpInsn): void {
  switch (insn.format) {
    case FORMAT.ALU: {
      sources(insn, unrestrictedA(insn), unrestrictedB(insn))
      const dest = decodeUnrestricted(insn.dst, insn.dstBank, insn.dstExt)
      insn.dest = isImmediate(dest) ? NONE : dest
      if (insn.op === ALU_CRC) insn.little = (leftCode(insn) >>> 3) & 1
      break
    }
    case FORMAT.MUL: {
      sources(insn, unrestrictedA(insn), unrestrictedB(insn))
      if (insn.step >= MUL_STEP.LAST) {
        const dest = decodeUnrestricted(insn.swap ? insn.b : insn.a, insn.dstBank, insn.dstExt)
        insn.dest = isImmediate(dest) ? NONE : dest
        insn.left = NONE
        insn.right = NONE
      }
      break
    }
    case FORMAT.ALU_SHF: {
      sources(insn, restrictedA(insn), restrictedB(insn))
      const dest = decodeRestricted(insn.dst, insn.dstBank, insn.dstExt, insn.imm8)
      insn.dest = isImmediate(dest) ? NONE : dest
      break
    }
    case FORMAT.LD_FIELD: {
      sources(insn, restrictedA(insn), restrictedB(insn))
      // The destination stands where the left operand is read, but takes the destination's pointer bit.
      const bank = insn.swap ? BANK_B : BANK_A
      insn.dest = decodeRestricted(insn.swap ? insn.b : insn.a, bank, insn.dstExt, insn.imm8)
      insn.left = insn.dest
      break
    }
    case FORMAT.IMMED: {
      const a = decodeUnrestricted(insn.a, BANK_A, insn.dstExt)
      const b = decodeUnrestricted(insn.b, BANK_B, insn.dstExt)
      insn.dest = !isImmediate(a) ? a : !isImmediate(b) ? b : NONE
      const low = isImmediate(b) ? operandValue(b) : isImmediate(a) ? operandValue(a) : -1
      insn.value = low < 0 ? -1 : (insn.high << 8) | low
      break
    }
    case FORMAT.LOCAL_CSR: {
      const a = unrestrictedA(insn)
      const b = unrestrictedB(insn)
      insn.left = isImmediate(a) && !isImmediate(b) ? b : a
      break
    }
    case FORMAT.BR_ALU: {
      const a = unrestrictedA(insn)
      const b = unrestrictedB(insn)
      insn.left = isImmediate(a) ? b : a
      const low = isImmediate(a) ? operandValue(a) : isImmediate(b) ? operandValue(b) : -1
      insn.value = low < 0 ? -1 : (insn.high << 8) | low
      break
    }
    case FORMAT.BR_BIT: {
      // The machine counts bits from 1.
      const a = restrictedA(insn)
      const b = restrictedB(insn)
      insn.left = isImmediate(a) ? b : a
      const number = isImmediate(a) ? a : b
      insn.value = isImmediate(number) ? (operandValue(number) - 1) & 0x1f : -1
      break
    }
    case FORMAT.BR_BYTE: {
      const a = restrictedA(insn)
      const b = restrictedB(insn)
      insn.left = isImmediate(a) ? b : a
      insn.right = isImmediate(a) ? a : b
      break
    }
    case FORMAT.CMD:
      insn.left = restrictedA(insn)
      insn.right = restrictedB(insn)
      break
  }
}

/** The code in the slot of the left operand: CRC has its mode there instead of an operand. */
export function leftCode(insn: NfpInsn): number {
  return insn.swap ? insn.b : insn.a
}

/** The code in the slot of the right operand: `cam_lookup` has its result's place there. */
export function rightCode(insn: NfpInsn): number {
  return insn.swap ? insn.a : insn.b
}

function sources(insn: NfpInsn, a: number, b: number): void {
  insn.left = insn.swap ? b : a
  insn.right = insn.swap ? a : b
}

function unrestrictedA(insn: NfpInsn): number {
  return decodeUnrestricted(insn.a, BANK_A, insn.srcExt)
}

function unrestrictedB(insn: NfpInsn): number {
  return decodeUnrestricted(insn.b, BANK_B, insn.srcExt)
}

function restrictedA(insn: NfpInsn): number {
  return decodeRestricted(insn.a, BANK_A, insn.srcExt, insn.imm8)
}

function restrictedB(insn: NfpInsn): number {
  return decodeRestricted(insn.b, BANK_B, insn.srcExt, insn.imm8)
}

/** The operation of a memory command as `CMD` has it: token and command. */
export function commandOf(insn: NfpInsn): number {
  return (insn.token << 8) | insn.command
}
