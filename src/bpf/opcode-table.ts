// The instruction set as one table, a row for each opcode byte that exists. What tells forms of one opcode apart (offset of a
// sign-extending move, immediate of an atomic) stands in VARIANTS. Decoder, encoder, printer, assembler, interpreter and the random
// program generator read these rows.

import * as op from './opcode.ts'

/** What an opcode does, as far as its operands are concerned. */
export type Kind =
  | 'alu' // dst op= src or imm
  | 'neg' // dst = -dst
  | 'end' // dst = le/be/bswap imm bits of dst
  | 'ldimm64'
  | 'ldabs'
  | 'ldind'
  | 'ldx'
  | 'ldxs' // sign-extending load
  | 'st'
  | 'stx'
  | 'atomic'
  | 'ja'
  | 'jmp' // conditional
  | 'jcond' // may_goto
  | 'call'
  | 'exit'

export interface OpcodeRow {
  readonly code: number
  readonly kind: Kind
  /** Field's word: add, mov, jeq, ldx … */
  readonly name: string
  /** The operator as the verifier prints it. */
  readonly symbol: string
  /** Operates on 32 bits and clears the upper half (ALU) or compares 32 bits (JMP32). */
  readonly is32: boolean
  /** The second operand is a register. */
  readonly isX: boolean
  /** Bytes of a memory access; 0 for all others. */
  readonly size: number
  /** Version of the instruction set (clang's -mcpu) that brought it. */
  readonly isa: 1 | 2 | 3 | 4
}

const aluOps: readonly (readonly [bits: number, name: string, symbol: string])[] = [
  [op.BPF_ADD, 'add', '+='],
  [op.BPF_SUB, 'sub', '-='],
  [op.BPF_MUL, 'mul', '*='],
  [op.BPF_DIV, 'div', '/='],
  [op.BPF_OR, 'or', '|='],
  [op.BPF_AND, 'and', '&='],
  [op.BPF_LSH, 'lsh', '<<='],
  [op.BPF_RSH, 'rsh', '>>='],
  [op.BPF_MOD, 'mod', '%='],
  [op.BPF_XOR, 'xor', '^='],
  [op.BPF_MOV, 'mov', '='],
  [op.BPF_ARSH, 'arsh', 's>>='],
]

const jumpOps: readonly (readonly [bits: number, name: string, symbol: string, isa: 1 | 2])[] = [
  [op.BPF_JEQ, 'jeq', '==', 1],
  [op.BPF_JGT, 'jgt', '>', 1],
  [op.BPF_JGE, 'jge', '>=', 1],
  [op.BPF_JSET, 'jset', '&', 1],
  [op.BPF_JNE, 'jne', '!=', 1],
  [op.BPF_JSGT, 'jsgt', 's>', 1],
  [op.BPF_JSGE, 'jsge', 's>=', 1],
  [op.BPF_JLT, 'jlt', '<', 2],
  [op.BPF_JLE, 'jle', '<=', 2],
  [op.BPF_JSLT, 'jslt', 's<', 2],
  [op.BPF_JSLE, 'jsle', 's<=', 2],
]

const sizes = [op.BPF_B, op.BPF_H, op.BPF_W, op.BPF_DW]

function rows(): OpcodeRow[] {
  const list: OpcodeRow[] = []
  const add = (
    code: number,
    kind: Kind,
    name: string,
    symbol: string,
    isa: 1 | 2 | 3 | 4,
    more: Partial<OpcodeRow> = {},
  ): void => {
    list.push({ code, kind, name, symbol, is32: false, isX: false, size: 0, isa, ...more })
  }
  for (const cls of [op.BPF_ALU, op.BPF_ALU64]) {
    const is32 = cls === op.BPF_ALU
    for (const [bits, name, symbol] of aluOps) {
      for (const source of [op.BPF_K, op.BPF_X]) {
        add(cls | bits | source, 'alu', name, symbol, 1, { is32, isX: source === op.BPF_X })
      }
    }
    add(cls | op.BPF_NEG, 'neg', 'neg', '-', 1, { is32 })
  }
  add(op.BPF_ALU | op.BPF_END | op.BPF_K, 'end', 'le', 'le', 1)
  add(op.BPF_ALU | op.BPF_END | op.BPF_X, 'end', 'be', 'be', 1)
  add(op.BPF_ALU64 | op.BPF_END, 'end', 'bswap', 'bswap', 4)
  for (const cls of [op.BPF_JMP, op.BPF_JMP32]) {
    const is32 = cls === op.BPF_JMP32
    for (const [bits, name, symbol, isa] of jumpOps) {
      for (const source of [op.BPF_K, op.BPF_X]) {
        add(cls | bits | source, 'jmp', name, symbol, is32 ? 3 : isa, { is32, isX: source === op.BPF_X })
      }
    }
  }
  add(op.BPF_JMP | op.BPF_JA, 'ja', 'ja', 'goto', 1)
  add(op.BPF_JMP32 | op.BPF_JA, 'ja', 'jal', 'gotol', 4, { is32: true })
  add(op.BPF_JMP | op.BPF_JCOND, 'jcond', 'jcond', 'may_goto', 4)
  add(op.CALL, 'call', 'call', 'call', 1)
  add(op.EXIT, 'exit', 'exit', 'exit', 1)
  for (const size of sizes) {
    const bytes = op.sizeBytes(size)
    add(op.BPF_LDX | op.BPF_MEM | size, 'ldx', 'ldx', `u${bytes * 8}`, 1, { size: bytes })
    if (bytes < 8) add(op.BPF_LDX | op.BPF_MEMSX | size, 'ldxs', 'ldxs', `s${bytes * 8}`, 4, { size: bytes })
    add(op.BPF_ST | op.BPF_MEM | size, 'st', 'st', `u${bytes * 8}`, 1, { size: bytes })
    add(op.BPF_STX | op.BPF_MEM | size, 'stx', 'stx', `u${bytes * 8}`, 1, { size: bytes, isX: true })
    // 8 and 16 bits: load-acquire and store-release alone.
    add(op.BPF_STX | op.BPF_ATOMIC | size, 'atomic', 'atomic', `u${bytes * 8}`, bytes < 4 ? 4 : 1, { size: bytes, isX: true })
    if (bytes < 8) {
      add(op.BPF_LD | op.BPF_ABS | size, 'ldabs', 'ldabs', `u${bytes * 8}`, 1, { size: bytes })
      add(op.BPF_LD | op.BPF_IND | size, 'ldind', 'ldind', `u${bytes * 8}`, 1, { size: bytes, isX: true })
    }
  }
  add(op.LD_IMM64, 'ldimm64', 'lddw', '=', 1, { size: 8 })
  return list
}

export const opcodeRows: readonly OpcodeRow[] = rows()

/** Row by opcode byte; undefined where the byte is no instruction (among them 0, the second slot of an ld_imm64). */
export const opcodes: readonly (OpcodeRow | undefined)[] = (() => {
  const table = new Array<OpcodeRow | undefined>(256).fill(undefined)
  for (const row of opcodeRows) table[row.code] = row
  return table
})()

export interface AtomicRow {
  readonly imm: number
  readonly name: string
  /** Operator of the form without fetch; empty where there is none. */
  readonly symbol: string
  readonly fetch: boolean
}

/** The operations of an atomic store, by its immediate. */
export const atomicRows: readonly AtomicRow[] = [
  { imm: op.BPF_ADD, name: 'add', symbol: '+=', fetch: false },
  { imm: op.BPF_OR, name: 'or', symbol: '|=', fetch: false },
  { imm: op.BPF_AND, name: 'and', symbol: '&=', fetch: false },
  { imm: op.BPF_XOR, name: 'xor', symbol: '^=', fetch: false },
  { imm: op.BPF_ADD | op.BPF_FETCH, name: 'add', symbol: '+=', fetch: true },
  { imm: op.BPF_OR | op.BPF_FETCH, name: 'or', symbol: '|=', fetch: true },
  { imm: op.BPF_AND | op.BPF_FETCH, name: 'and', symbol: '&=', fetch: true },
  { imm: op.BPF_XOR | op.BPF_FETCH, name: 'xor', symbol: '^=', fetch: true },
  { imm: op.BPF_XCHG, name: 'xchg', symbol: '', fetch: true },
  { imm: op.BPF_CMPXCHG, name: 'cmpxchg', symbol: '', fetch: true },
  { imm: op.BPF_LOAD_ACQ, name: 'load_acquire', symbol: '', fetch: false },
  { imm: op.BPF_STORE_REL, name: 'store_release', symbol: '', fetch: false },
]
