// What an arithmetic instruction does to what is known of scalars: one transfer function an operation, on the 64-bit and the
// 32-bit ranges and the tnum apart, as the kernel has it (6.18). `d`/`i` is the destination register, `s`/`j` the source.

import {
  BPF_ADD,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_END,
  BPF_LSH,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_XOR,
} from '../bpf/opcode.ts'
import { syncBounds, zeroExtend32 } from './bounds.ts'
import {
  R_MASK,
  R_PRECISE,
  R_S32_MAX,
  R_S32_MIN,
  R_SMAX,
  R_SMIN,
  R_U32_MAX,
  R_U32_MIN,
  R_UMAX,
  R_UMIN,
  R_VALUE,
  REG_WORDS,
  setUnknown,
} from './reg.ts'
import {
  addRange32,
  addRange64,
  bitRange32,
  bitRange64,
  known,
  mulRange32,
  mulRange64,
  subRange32,
  subRange64,
} from './scalar-range.ts'
import { arsh, arsh32, lsh, lsh32, rsh, rsh32 } from './scalar-shift.ts'
import { byteSwap } from './scalar-width.ts'
import { tnumAdd, tnumAnd, tnumMul, tnumNeg, tnumOr, tnumSub, tnumXor } from './tnum.ts'

type Regs = Int32Array

const copy = new Int32Array(REG_WORDS)

function unknown(d: Regs, i: number, precise: number): void {
  setUnknown(d, i)
  d[i + R_PRECISE] = precise
}

// The source is one value in the width of the instruction, by its bounds and by its bits.
function sourceIsConst(s: Regs, j: number, alu64: boolean): boolean {
  if (!alu64) {
    return s[j + R_MASK] === 0 && s[j + R_S32_MIN] === s[j + R_S32_MAX] && s[j + R_U32_MIN] === s[j + R_U32_MAX]
  }
  if ((s[j + R_MASK]! | s[j + R_MASK + 1]!) !== 0) return false
  return (
    s[j + R_SMIN] === s[j + R_SMAX] &&
    s[j + R_SMIN + 1] === s[j + R_SMAX + 1] &&
    s[j + R_UMIN] === s[j + R_UMAX] &&
    s[j + R_UMIN + 1] === s[j + R_UMAX + 1]
  )
}

/**
 * `adjust_scalar_min_max_vals`: d = d op s, for ADD SUB MUL DIV MOD AND OR XOR shifts NEG and END. `code` is the opcode byte, `imm` the
 * immediate (the width of END). The source slice is not changed and may be the destination; `precise` marks an unknown result.
 */
export function scalarAlu(code: number, imm: number, d: Regs, i: number, s: Regs, j: number, precise: number): void {
  const op = code & 0xf0
  const alu64 = (code & 7) === BPF_ALU64
  let src = s
  let k = j
  if (s === d && i === j) {
    copy.set(d.subarray(i, i + REG_WORDS))
    src = copy
    k = 0
  }
  const p = i + R_VALUE
  const q = k + R_VALUE
  switch (op) {
    case BPF_ADD:
      addRange32(d, i, src, k)
      addRange64(d, i, src, k)
      tnumAdd(d, p, d, p, src, q)
      break
    case BPF_SUB:
      subRange32(d, i, src, k)
      subRange64(d, i, src, k)
      tnumSub(d, p, d, p, src, q)
      break
    case BPF_NEG:
      copy.set(d.subarray(i, i + REG_WORDS))
      known(d, i, 0, 0)
      subRange32(d, i, copy, 0)
      subRange64(d, i, copy, 0)
      tnumNeg(d, p, copy, R_VALUE)
      break
    case BPF_MUL:
      tnumMul(d, p, d, p, src, q)
      mulRange32(d, i, src, k)
      mulRange64(d, i, src, k)
      break
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
      if (op === BPF_AND) tnumAnd(d, p, d, p, src, q)
      else if (op === BPF_OR) tnumOr(d, p, d, p, src, q)
      else tnumXor(d, p, d, p, src, q)
      bitRange32(op, d, i, src, k)
      bitRange64(op, d, i, src, k)
      break
    case BPF_LSH:
    case BPF_RSH:
    case BPF_ARSH: {
      const n = src[k + R_UMAX]!
      // An amount that is not one constant below the width leaves nothing known.
      if (!sourceIsConst(src, k, alu64) || src[k + R_UMAX + 1] !== 0 || n >>> 0 >= (alu64 ? 64 : 32)) {
        unknown(d, i, precise)
        return
      }
      if (op === BPF_LSH) alu64 ? lsh(d, i, n) : lsh32(d, i, n)
      else if (op === BPF_RSH) alu64 ? rsh(d, i, n) : rsh32(d, i, n)
      else alu64 ? arsh(d, i, n) : arsh32(d, i, n)
      break
    }
    case BPF_END:
      byteSwap(d, i, code, imm)
      break
    default:
      unknown(d, i, precise)
      return
  }
  if (!alu64 && op !== BPF_END) zeroExtend32(d, i)
  syncBounds(d, i)
}
