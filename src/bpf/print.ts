import { helperNames } from './helper-table.ts'
import type { Insns } from './insns.ts'
import * as op from './opcode.ts'
import { atomicRows, opcodes } from './opcode-table.ts'

/** What the printer can't know from the instruction alone. Each returns the text after `=` or `call`, or undefined for the plain form. */
export interface PrintNames {
  /** The value of an ld_imm64, e.g. `map[id:3]` or a kernel address. */
  readonly imm64?: (insns: Insns, index: number) => string | undefined
  readonly call?: (insns: Insns, index: number) => string | undefined
}

/** One instruction in the words of the verifier log and of `bpftool prog dump xlated`: `(bf) r2 = r1`. The index is the first slot of an ld_imm64. */
export function printInsn(insns: Insns, index: number, names: PrintNames = {}): string {
  const code = insns.code[index] ?? 0
  const words = text(insns, index, code, names)
  // What Linux doesn't know it prints without the opcode in front.
  return words.startsWith('BUG_') ? words : `(${code.toString(16).padStart(2, '0')}) ${words}`
}

function text(insns: Insns, index: number, code: number, names: PrintNames): string {
  const row = opcodes[code]
  const dst = insns.dst[index]!
  const src = insns.src[index]!
  const off = insns.off[index]!
  const imm = insns.imm[index]!
  if (row === undefined) return broken(code)
  const r = row.is32 ? 'w' : 'r'
  const at = (base: number): string => `*(${row.symbol} *)(r${base} ${signed(off)})`
  switch (row.kind) {
    case 'alu':
      if (row.name === 'mov' && row.isX) return `${r}${dst} = ${movSource(src, off, imm, r)}`
      return `${r}${dst} ${aluSymbol(row.name, row.symbol, off)} ${row.isX ? `${r}${src}` : imm}`
    case 'neg':
      return `${r}${dst} = -${r}${dst}`
    case 'end':
      return `r${dst} = ${row.symbol}${imm} r${dst}`
    case 'ldimm64':
      return `r${dst} = ${names.imm64?.(insns, index) ?? imm64(insns, index)}`
    case 'ldabs':
      return `r0 = *(${row.symbol} *)skb[${imm}]`
    case 'ldind':
      return `r0 = *(${row.symbol} *)skb[r${src} + ${imm}]`
    case 'ldx':
    case 'ldxs':
      return `r${dst} = ${at(src)}`
    case 'st':
      return `${at(dst)} = ${imm}`
    case 'stx':
      return `${at(dst)} = r${src}`
    case 'atomic':
      return atomic(dst, src, off, imm, row.symbol, row.size) ?? broken(code)
    case 'ja':
      return row.is32 ? `gotol pc${signed(imm)}` : `goto pc${signed(off)}`
    case 'jcond':
      // Linux knows one kind of conditional pseudo jump; it has no operator for others.
      if (src !== 0) return `if ${r}${dst} (null) 0x${(imm >>> 0).toString(16)} goto pc${signed(off)}`
      return `may_goto pc${signed(off)}`
    case 'jmp':
      return `if ${r}${dst} ${row.symbol} ${row.isX ? `${r}${src}` : `0x${(imm >>> 0).toString(16)}`} goto pc${signed(off)}`
    case 'call':
      return `call ${names.call?.(insns, index) ?? callee(src, imm)}`
    case 'exit':
      return 'exit'
  }
}

function movSource(src: number, off: number, imm: number, r: string): string {
  if (r === 'r' && off === 1) return `addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`
  if (r === 'r' && off === -1) return `&(void __percpu *)(r${src})`
  if (off === 8 || off === 16 || off === 32) return `(s${off})${r}${src}`
  return `${r}${src}`
}

function aluSymbol(name: string, symbol: string, off: number): string {
  return off === 1 && (name === 'div' || name === 'mod') ? `s${symbol}` : symbol
}

function imm64(insns: Insns, index: number): string {
  const low = insns.imm[index]! >>> 0
  const high = (insns.imm[index + 1] ?? 0) >>> 0
  return high === 0 ? `0x${low.toString(16)}` : `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`
}

function callee(src: number, imm: number): string {
  if (src === op.BPF_PSEUDO_CALL) return `pc${signed(imm)}`
  if (src === op.BPF_PSEUDO_KFUNC_CALL) return `kernel-function#${imm}`
  const name = src === 0 ? helperNames.get(imm) : undefined
  return name === undefined ? `unknown#${imm}` : `bpf_${name}#${imm}`
}

function atomic(dst: number, src: number, off: number, imm: number, type: string, size: number): string | undefined {
  const place = `(${type} *)(r${dst} ${signed(off)})`
  if (imm === op.BPF_LOAD_ACQ) return `r${dst} = load_acquire((${type} *)(r${src} ${signed(off)}))`
  if (imm === op.BPF_STORE_REL) return `store_release(${place}, r${src})`
  const row = atomicRows.find(r => r.imm === imm)
  if (row === undefined) return undefined
  const prefix = size === 8 ? 'atomic64' : 'atomic'
  if (imm === op.BPF_CMPXCHG) return `r0 = ${prefix}_cmpxchg(${place}, r0, r${src})`
  if (imm === op.BPF_XCHG) return `r${src} = ${prefix}_xchg(${place}, r${src})`
  if (row.fetch) return `r${src} = ${prefix}_fetch_${row.name}(${place}, r${src})`
  return `lock *${place} ${row.symbol} r${src}`
}

/** How Linux prints an opcode that it doesn't know, by class. */
function broken(code: number): string {
  const hex = code.toString(16).padStart(2, '0')
  const cls = code & 7
  if (cls === op.BPF_LDX) return `BUG_ldx_${hex}`
  if (cls === op.BPF_ST) return `BUG_st_${hex}`
  if (cls === op.BPF_LD) return `BUG_ld_${hex}`
  return `BUG_${hex}`
}

function signed(value: number): string {
  return value < 0 ? `${value}` : `+${value}`
}
