// What a pass puts in the place of an instruction: a list of steps. Jumps inside such a list count slots, as in any program; one that
// leaves it names its target by index in the code that the pass rewrites, since only the relinking knows where that comes to lie.

import * as op from '../bpf/opcode.ts'
import { symbolAddress, symbolOffset } from './symbols.ts'

/** One slot; an ld_imm64 is two steps. */
export interface Step {
  readonly code: number
  readonly dst: number
  readonly src: number
  readonly off: number
  readonly imm: number
  /** Index in the code that is being rewritten which a jump or call goes to. */
  readonly to?: number
  /** The kernel's name of what the immediate is the address of. */
  readonly symbol?: string
}

export const R0 = 0
export const R1 = 1
export const R2 = 2
export const R6 = 6
export const FP = 10
/** A register that programs don't have: the kernel's own sequences use it. */
export const AX = 11

/** `off` of a move that turns an offset into this processor's area into an address. */
const PER_CPU = -1

export function step(code: number, dst = 0, src = 0, off = 0, imm = 0): Step {
  return { code, dst, src, off, imm }
}

export const alu64 = (operation: number, dst: number, src: number): Step => step(op.BPF_ALU64 | op.BPF_X | operation, dst, src)
export const alu32 = (operation: number, dst: number, src: number): Step => step(op.BPF_ALU | op.BPF_X | operation, dst, src)
export const alu64Imm = (operation: number, dst: number, imm: number): Step =>
  step(op.BPF_ALU64 | op.BPF_K | operation, dst, 0, 0, imm)
export const alu32Imm = (operation: number, dst: number, imm: number): Step =>
  step(op.BPF_ALU | op.BPF_K | operation, dst, 0, 0, imm)
export const mov64 = (dst: number, src: number): Step => alu64(op.BPF_MOV, dst, src)
export const mov64Imm = (dst: number, imm: number): Step => alu64Imm(op.BPF_MOV, dst, imm)
export const mov32Imm = (dst: number, imm: number): Step => alu32Imm(op.BPF_MOV, dst, imm)
/** Clears the upper half. */
export const mov32 = (dst: number, src: number): Step => alu32(op.BPF_MOV, dst, src)
export const movPerCpu = (dst: number, src: number): Step => step(op.BPF_ALU64 | op.BPF_X | op.BPF_MOV, dst, src, PER_CPU)

/** `size`: BPF_B, BPF_H, BPF_W or BPF_DW. */
export const load = (size: number, dst: number, src: number, off: number): Step =>
  step(op.BPF_LDX | op.BPF_MEM | size, dst, src, off)
export const store = (size: number, dst: number, src: number, off: number): Step =>
  step(op.BPF_STX | op.BPF_MEM | size, dst, src, off)
export const storeImm = (size: number, dst: number, off: number, imm: number): Step =>
  step(op.BPF_ST | op.BPF_MEM | size, dst, 0, off, imm)

export const ja = (off: number): Step => step(op.BPF_JMP | op.BPF_JA, 0, 0, off)
export const jumpImm = (operation: number, dst: number, imm: number, off: number): Step =>
  step(op.BPF_JMP | op.BPF_K | operation, dst, 0, off, imm)
export const jump32Imm = (operation: number, dst: number, imm: number, off: number): Step =>
  step(op.BPF_JMP32 | op.BPF_K | operation, dst, 0, off, imm)
export const jumpReg = (operation: number, dst: number, src: number, off: number): Step =>
  step(op.BPF_JMP | op.BPF_X | operation, dst, src, off)
export const exit: Step = step(op.EXIT)

/** A call of one of the kernel's functions: the immediate counts from `__bpf_call_base`. */
export function callKernel(symbol: string, src = 0): Step {
  return { ...step(op.CALL, 0, src, 0, symbolOffset(symbol)), symbol }
}

/** The address of one of the kernel's variables. */
export function loadAddress(dst: number, symbol: string): Step[] {
  const { high, low } = symbolAddress(symbol)
  return [{ ...step(op.LD_IMM64, dst, 0, 0, low), symbol }, step(0, 0, 0, 0, high)]
}
