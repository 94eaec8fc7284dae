// Loads and stores through pointers to the context and to sockets: user space sees stable structures (xdp_md, __sk_buff, bpf_sock), the
// kernel has its own. An access becomes the way to the real field; of a field that is read in part, the whole is loaded, shifted and masked.

import {
  BPF_ADD,
  BPF_ALU64,
  BPF_AND,
  BPF_B,
  BPF_DW,
  BPF_H,
  BPF_JEQ,
  BPF_JGE,
  BPF_JNE,
  BPF_JSET,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOV,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_W,
  BPF_X,
  BPF_XOR,
  sizeBytes,
} from '../bpf/opcode.ts'
import { BPF_PROG_TYPE_SCHED_ACT, BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import {
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  TYPE_BASE_MASK,
} from '../verifier/reg.ts'
import type { Verified } from '../verifier/verdict.ts'
import type { Code, Patch } from './code.ts'
import { rewrite, stepAt } from './code.ts'
import * as field from './field-table.ts'
import {
  AX,
  alu32Imm,
  alu64,
  callKernel,
  exit,
  ja,
  jump32Imm,
  jumpImm,
  load,
  mov32Imm,
  mov64,
  mov64Imm,
  R0,
  R1,
  R2,
  R6,
  type Step,
  step,
  store,
} from './step.ts'

const TC_ACT_SHOT = 2

/** A sign-extending load that may fault, as a rewritten program shows it. */
const PROBE_MEMSX = 0x40

interface Structure {
  readonly fields: readonly field.Field[]
  /** The packet buffer: its control block and its time stamp are special. */
  readonly skb: boolean
  /** The program asks what kind of time stamp there is, and so sees it as it is. */
  readonly rawTstamp: boolean
}

const plain = { skb: false, rawTstamp: false }
const socket: Structure = { fields: field.sockFields, ...plain }
const tcpSocket: Structure = { fields: field.tcpSockFields, ...plain }
const xdpSocket: Structure = { fields: field.xdpSockFields, ...plain }

export function convertContext(verified: Verified, code: Code): Code {
  const { type } = verified.program
  const isTc = type === BPF_PROG_TYPE_SCHED_CLS || type === BPF_PROG_TYPE_SCHED_ACT
  const context = contextOf(verified, code, type, isTc)
  const prologue = isTc && verified.writesPacket ? unclone() : undefined
  return rewrite(code, i => {
    const instead = convert(verified, code, i, context)
    const before = i === 0 ? prologue : undefined
    if (instead === undefined && before === undefined) return undefined
    return { ...(before === undefined ? {} : { before }), ...(instead === undefined ? {} : { instead }) } satisfies Patch
  })
}

function contextOf(verified: Verified, code: Code, type: number, isTc: boolean): Structure {
  if (type === BPF_PROG_TYPE_XDP) return { fields: field.xdpFields, ...plain }
  const { insns } = code
  let rawTstamp = false
  for (let i = 0; i < insns.count; i++) {
    const isCtx = verified.pointerType[code.origin[i]!] === PTR_TO_CTX
    if (isTc && isCtx && insns.off[i] === field.TSTAMP_TYPE_OFF && (insns.code[i]! & 7) === BPF_LDX) rawTstamp = true
  }
  const fields = isTc ? [field.tcIfindex, ...field.skbFields] : field.skbFields
  return { fields, skb: true, rawTstamp }
}

function convert(verified: Verified, code: Code, i: number, context: Structure): Step[] | undefined {
  const { insns } = code
  const opcode = insns.code[i]!
  const cls = opcode & 7
  const mode = opcode & 0xe0
  if (cls !== BPF_LDX && cls !== BPF_ST && cls !== BPF_STX) return undefined
  if (mode !== BPF_MEM && !(cls === BPF_LDX && mode === BPF_MEMSX)) return undefined
  const pointer = verified.pointerType[code.origin[i]!]!
  const structure = structureOf(pointer & TYPE_BASE_MASK, context)
  if (structure !== undefined) {
    const steps =
      cls === BPF_LDX ? read(structure, insns.dst[i]!, insns.src[i]!, insns.off[i]!, opcode) : write(structure, code, i)
    if (steps === undefined || mode !== BPF_MEMSX) return steps
    const dst = insns.dst[i]!
    return [...steps, step(BPF_ALU64 | BPF_X | BPF_MOV, dst, dst, 8 * sizeBytes(opcode))]
  }
  if ((pointer & TYPE_BASE_MASK) !== PTR_TO_BTF_ID || mode !== BPF_MEMSX) return undefined
  return [{ ...stepAt(insns, i), code: (opcode & ~0xe0) | PROBE_MEMSX }]
}

function structureOf(base: number, context: Structure): Structure | undefined {
  switch (base) {
    case PTR_TO_CTX:
      return context
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
      return socket
    case PTR_TO_TCP_SOCK:
      return tcpSocket
    case PTR_TO_XDP_SOCK:
      return xdpSocket
    default:
      return undefined
  }
}

const sizeCodes: ReadonlyMap<number, number> = new Map([
  [1, BPF_B],
  [2, BPF_H],
  [4, BPF_W],
  [8, BPF_DW],
])

function sizeCode(bytes: number): number {
  return sizeCodes.get(bytes) ?? BPF_DW
}

function fieldAt(structure: Structure, off: number): field.Field | undefined {
  return structure.fields.find(row => off >= row.off && off < row.off + row.bytes)
}

function read(structure: Structure, dst: number, src: number, off: number, opcode: number): Step[] | undefined {
  const size = sizeBytes(opcode)
  if (structure.skb && off >= field.CB_OFF && off < field.CB_END) {
    return [load(opcode & 0x18, dst, src, off - field.CB_OFF + field.CB_AT)]
  }
  if (structure.skb && off === field.TSTAMP_OFF) return readTstamp(structure, dst, src)
  const row = fieldAt(structure, off)
  if (row === undefined) return undefined
  const steps = loadField(row, dst, src)
  const target = row.path.at(-1)?.[0] ?? 8
  if (size < row.bytes && size < target) {
    const shift = (off - row.off) * 8
    if (shift !== 0) steps.push(alu32Imm(BPF_RSH, dst, shift))
    steps.push(alu32Imm(BPF_AND, dst, (1 << (size * 8)) - 1))
  }
  return steps
}

function loadField(row: field.Field, dst: number, src: number): Step[] {
  const steps: Step[] = []
  let from = src
  if (row.shared === true) {
    steps.push(load(BPF_W, AX, src, field.SHARED_END_AT), load(BPF_DW, dst, src, field.SHARED_HEAD_AT), alu64(BPF_ADD, dst, AX))
    from = dst
  }
  row.path.forEach(([bytes, at], hop) => {
    steps.push(load(sizeCode(bytes), dst, from, at))
    from = dst
    if (row.nullable === true && hop === 0) steps.push(jumpImm(BPF_JEQ, dst, 0, 1))
  })
  if (row.finish !== undefined) steps.push(...finish(row.finish, dst))
  return steps
}

function finish(kind: field.Finish, dst: number): Step[] {
  switch (kind) {
    case 'low 2 bits':
      return [alu32Imm(BPF_AND, dst, 3)]
    case 'low 3 bits':
      return [alu32Imm(BPF_AND, dst, 7)]
    case 'upper half':
      return [alu32Imm(BPF_LSH, dst, 16)]
    case 'is set':
      return [jumpImm(BPF_JEQ, dst, 0, 1), mov32Imm(dst, 1)]
    case 'napi':
      return [jumpImm(BPF_JGE, dst, field.MIN_NAPI_ID, 1), mov64Imm(dst, 0)]
    case 'no queue':
      return [jumpImm(BPF_JNE, dst, field.NO_QUEUE, 1), mov64Imm(dst, -1)]
  }
}

/** At ingress, a time stamp of another clock than the real one reads as 0. */
function readTstamp(structure: Structure, dst: number, src: number): Step[] {
  const plainLoad = load(BPF_DW, dst, src, field.TSTAMP_AT)
  if (structure.rawTstamp) return [plainLoad]
  return [
    load(BPF_B, AX, src, field.TSTAMP_FLAGS_AT),
    jump32Imm(BPF_JSET, AX, field.AT_INGRESS, 1),
    ja(4),
    jump32Imm(BPF_JSET, AX, field.CLOCK_MASK, 1),
    ja(2),
    mov64Imm(dst, 0),
    ja(1),
    plainLoad,
  ]
}

function write(structure: Structure, code: Code, i: number): Step[] | undefined {
  const { insns } = code
  const insn = stepAt(insns, i)
  const isImm = (insn.code & 7) === BPF_ST
  const storeTo = (size: number, off: number): Step => ({ ...insn, code: (insn.code & ~0x18) | size, off })
  if (structure.skb && insn.off >= field.CB_OFF && insn.off < field.CB_END) {
    return [storeTo(insn.code & 0x18, insn.off - field.CB_OFF + field.CB_AT)]
  }
  if (structure.skb && insn.off === field.TSTAMP_OFF) {
    const plainStore = storeTo(BPF_DW, field.TSTAMP_AT)
    return structure.rawTstamp ? [plainStore] : [...forgetClock(insn.dst), plainStore]
  }
  const row = fieldAt(structure, insn.off)
  if (row?.write === undefined) return undefined
  const stored = storeTo(sizeCode(row.write[0]), row.write[1])
  if (row.off !== field.QUEUE_MAPPING_OFF) return [stored]
  if (isImm) return insn.imm >= field.NO_QUEUE ? [ja(0)] : [stored]
  return [jumpImm(BPF_JGE, insn.src, field.NO_QUEUE, 1), stored]
}

/** At ingress, a time stamp that a program writes is of the real clock. */
function forgetClock(skb: number): Step[] {
  return [
    load(BPF_B, AX, skb, field.TSTAMP_FLAGS_AT),
    jump32Imm(BPF_JSET, AX, field.AT_INGRESS, 1),
    ja(2),
    alu32Imm(BPF_AND, AX, ~field.CLOCK_MASK),
    store(BPF_B, skb, AX, field.TSTAMP_FLAGS_AT),
  ]
}

/** A buffer whose data others share is copied before the program writes into it; without memory for that the packet is dropped. */
function unclone(): Step[] {
  return [
    load(BPF_B, R6, R1, field.CLONED_AT),
    alu32Imm(BPF_AND, R6, field.CLONED_MASK),
    jumpImm(BPF_JEQ, R6, 0, 7),
    mov64(R6, R1),
    alu64(BPF_XOR, R2, R2),
    callKernel('bpf_skb_pull_data'),
    jumpImm(BPF_JEQ, R0, 0, 2),
    mov32Imm(R0, TC_ACT_SHOT),
    exit,
    mov64(R1, R6),
  ]
}
