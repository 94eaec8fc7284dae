// What Linux does to a program that it has accepted and before it compiles it: the passes in Linux's order. The result is the program that
// `bpftool prog dump xlated` shows, of a 6.18 kernel on x86-64 with its JIT on: addresses are those of one build (symbols.ts), maps are
// named by index, as in the program that was loaded.

import { newInsns } from '../bpf/insns.ts'
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CMPXCHG,
  BPF_MOV,
  BPF_PSEUDO_BTF_ID,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  BPF_STX,
  BPF_W,
  BPF_X,
  CALL,
  LD_IMM64,
} from '../bpf/opcode.ts'
import type { Verified } from '../verifier/verdict.ts'
import type { Code } from './code.ts'
import { append, rewrite, stepAt } from './code.ts'
import { convertContext } from './context.ts'
import { guardDivision } from './division.ts'
import { expandHelper } from './helpers.ts'
import { expandKfunc } from './kfuncs.ts'
import { keptLines } from './lines.ts'
import { inlineLoops } from './loop.ts'
import { expandMayGoto, isMayGoto, MAY_GOTO_STACK, startMayGoto } from './may-goto.ts'
import { expandPacketLoad, isPacketLoad } from './packet-load.ts'
import { exit, mov32, mov64, type Step, step } from './step.ts'
import { type Switches, type SwitchName, switchesWithout } from './switches.ts'
import type { Xlated } from './xlated.ts'

const ADDR_SPACE_CAST = 1

export interface FixupOptions {
  /** Optimisations to leave out. */
  readonly off?: readonly SwitchName[]
}

/** The rewritten program. Pure: the same program gives the same words on every machine. */
export function fixup(verified: Verified, options: FixupOptions = {}): Xlated {
  const switches = switchesWithout(options.off ?? [])
  const subprogs = survivingSubprogs(verified)
  const depth = Int32Array.from(subprogs, n => verified.stackDepth[n]!)
  const place = placeOf(verified)
  const lines = keptLines(verified, place)
  let code: Code = {
    insns: verified.kept,
    origin: verified.origin,
    symbols: new Map(),
    starts: Int32Array.from(subprogs, n => place[verified.subprogStart[n]!]!),
    lines: lines.places,
  }
  if (switches['inline-loop']) {
    const inlined = inlineLoops(verified, code, depth, n => place[verified.subprogStart[n]!]!)
    code = inlined.code
    for (let n = 0; n < depth.length; n++) depth[n]! += inlined.stack[n]!
  }
  // A device has its own context and its own machine: of a program for it only what the core patches in every program is changed.
  const offloaded = verified.target.kind === 'offloaded'
  if (!offloaded) code = convertContext(verified, code)
  // The function that gets what a program throws when it has none for it: the program returns that.
  if (verified.throwsByDefault) code = append(code, [mov64(0, 1), exit])
  code = patchInsns(verified, code, depth, switches)
  if (!offloaded) code = extendCmpxchg(verified, code)
  return {
    insns: finish(verified, code),
    origin: code.origin,
    symbols: code.symbols,
    // The kernel's own function is behind all of the user's.
    subprogs: verified.throwsByDefault ? Int32Array.of(...subprogs, -1) : Int32Array.from(subprogs),
    subprogStart: code.starts,
    lineRecords: lines.records,
    lineStart: code.lines,
  }
}

/** For each slot of the user's program: where it, or what follows it, lies in what is kept. */
function placeOf(verified: Verified): Int32Array {
  const { count } = verified.program.insns
  const place = new Int32Array(count + 1)
  let next = 0
  for (let i = 0; i <= count; i++) {
    place[i] = next
    if (next < verified.origin.length && verified.origin[next] === i) next++
  }
  return place
}

/** Subprograms of which something is left. */
function survivingSubprogs(verified: Verified): number[] {
  const { subprogStart, program, origin } = verified
  const left = new Set<number>()
  let n = 0
  for (const i of origin) {
    while (n + 1 < subprogStart.length && subprogStart[n + 1]! <= i) n++
    left.add(n)
  }
  return program.insns.count === 0 ? [] : [...left]
}

/** What depends on nothing but the instruction and the facts about it (`do_misc_fixups`). */
function patchInsns(verified: Verified, code: Code, depth: Int32Array, switches: Switches): Code {
  const kfuncs = new Map(verified.program.kfuncs)
  const { insns } = code
  const subprogOf = new Int32Array(insns.count)
  const counts = new Uint8Array(code.starts.length)
  for (let i = 0, n = 0; i < insns.count; i++) {
    while (n + 1 < code.starts.length && code.starts[n + 1]! <= i) n++
    subprogOf[i] = n
    if (isMayGoto(insns.code[i]!)) counts[n] = 1
  }
  const slotOf = (n: number): number => -roundUp8(depth[n]!) - MAY_GOTO_STACK
  return rewrite(code, i => {
    const n = subprogOf[i]!
    const starts = code.starts[n] === i && counts[n] === 1
    const instead = isMayGoto(insns.code[i]!) ? expandMayGoto(code, i, slotOf(n)) : patchOf(verified, code, i, kfuncs, switches)
    if (!starts && instead === undefined) return undefined
    return { ...(starts ? { before: startMayGoto(slotOf(n)) } : {}), ...(instead === undefined ? {} : { instead }) }
  })
}

function patchOf(
  verified: Verified,
  code: Code,
  i: number,
  kfuncs: ReadonlyMap<number, string>,
  switches: Switches,
): Step[] | undefined {
  const { insns } = code
  const opcode = insns.code[i]!
  // A call that an earlier pass made has its address already.
  if (code.symbols.has(i)) return undefined
  const insn = stepAt(insns, i)
  if (opcode === CALL) {
    const origin = code.origin[i]!
    if (insn.src === BPF_PSEUDO_KFUNC_CALL) return expandKfunc(verified, insn, origin, kfuncs.get(origin) ?? '')
    return insn.src === 0 ? expandHelper(verified, insn, origin, switches) : undefined
  }
  if (isPacketLoad(opcode)) return expandPacketLoad(insn)
  if (opcode === (BPF_ALU64 | BPF_MOV | BPF_X) && insn.off === ADDR_SPACE_CAST && insn.imm === 1) {
    return [mov32(insn.dst, insn.src)]
  }
  return guardDivision(insn)
}

/** A 32-bit compare and exchange that fails loads nothing on x86-64: where the result is read as 64 bit, it is extended. */
function extendCmpxchg(verified: Verified, code: Code): Code {
  const { insns } = code
  return rewrite(code, i => {
    if (insns.code[i] !== (BPF_STX | BPF_ATOMIC | BPF_W) || insns.imm[i] !== BPF_CMPXCHG) return undefined
    if (verified.zext[code.origin[i]!] === 0) return undefined
    return { instead: [stepAt(insns, i), step(BPF_ALU | BPF_MOV | BPF_X, 0, 0, 0, 1)] }
  })
}

/** References as a dump shows them: own calls with the distance in `off` and the subprogram in `imm`, maps by index. */
function finish(verified: Verified, code: Code): Xlated['insns'] {
  const { insns } = code
  const out = newInsns(insns.count)
  out.code.set(insns.code)
  out.dst.set(insns.dst)
  out.src.set(insns.src)
  out.off.set(insns.off)
  out.imm.set(insns.imm)
  // Numbering subprograms is a matter of compiling them.
  const several = code.starts.length > 1 && verified.target.kind !== 'offloaded'
  for (let i = 0; i < insns.count; i++) {
    const src = insns.src[i]
    if (several && insns.code[i] === CALL && src === BPF_PSEUDO_CALL) {
      out.off[i] = insns.imm[i]!
      out.imm[i] = subprogAt(code.starts, i + 1 + insns.imm[i]!)
    }
    if (insns.code[i] !== LD_IMM64) continue
    const map = code.symbols.has(i) ? -1 : verified.mapOf[code.origin[i]!]!
    if (map >= 0) {
      const isValue = src !== BPF_PSEUDO_MAP_FD && src !== 5
      out.src[i] = isValue ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD
      out.imm[i] = map
      out.imm[i + 1] = isValue ? verified.mapOffset[code.origin[i]!]! : 0
    } else if (src === BPF_PSEUDO_FUNC && several) {
      out.imm[i + 1] = subprogAt(code.starts, i + 1 + insns.imm[i]!)
    } else if (src === BPF_PSEUDO_BTF_ID) out.src[i] = 0
    i++
  }
  return out
}

function subprogAt(starts: Int32Array, slot: number): number {
  return starts.indexOf(slot)
}

function roundUp8(bytes: number): number {
  return (bytes + 7) & ~7
}
