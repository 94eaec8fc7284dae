// The driver's part in the verification: the core calls `insn` before it simulates each instruction, each time with the state at hand.
// The driver refuses what the card can't do, in the verifier's log, and keeps what translation will want to know (facts.ts). Whatever
// depends on several visits is a union or a sticky bit: pruning decides which states there are to be seen.

import { EINVAL, EOPNOTSUPP } from '../../bpf/errno.ts'
import { type Insns, newInsns } from '../../bpf/insns.ts'
import { BPF_JA, BPF_JMP, BPF_JMP32, CALL, EXIT } from '../../bpf/opcode.ts'
import type { MapSpec } from '../../bpf/program.ts'
import type { Capabilities } from '../../nfp/capabilities.ts'
import type { DeviceHooks, DeviceSummary, DeviceView } from '../../verifier/device.ts'
import { checkInsn } from './check-insn.ts'
import { type CodegenOptions, type Repaired, repairedBy } from './codegen.ts'
import { ALWAYS_TAKEN, DO_ZEXT, type Facts, JUMP_DST, newFacts, SKIP_VERIFIER, SUBPROG_START } from './facts.ts'
import { jumpTarget } from './facts-json.ts'
import type { MapUse } from './map-use.ts'
import { stackSize } from './translate.ts'

/** Word 0 of a function's frame keeps the return address; R6 to R9 take eight more. */
const RETURN_ADDRESS_BYTES = 4
const SAVED_REGS_BYTES = 32

export interface DeviceVerifierOptions {
  readonly capabilities: Capabilities
  /** Bytes of local memory that the firmware leaves to a program. */
  readonly stackBytes: number
  /** What is known of each map's words, by index into the program's maps; undefined for maps that stay on the host. */
  readonly marks: readonly (MapUse | undefined)[]
  readonly codegen: CodegenOptions
}

/** Kernel's `JMP | JA`: what a hard-wired jump is replaced by. */
const JA = BPF_JMP | BPF_JA

export class DeviceVerifier implements DeviceHooks {
  readonly options: DeviceVerifierOptions
  readonly repaired: Repaired
  insns: Insns = newInsns(0)
  facts: Facts = newFacts(0)
  progType = 0
  /** A rewrite of the core's came that the driver can't follow: the program can't be translated. */
  optimiseFailed = false
  #log: (text: string) => void = () => {}

  constructor(options: DeviceVerifierOptions) {
    this.options = options
    this.repaired = repairedBy(options.codegen)
  }

  prepare(insns: Insns, _maps: readonly MapSpec[], progType: number): number {
    const facts = newFacts(insns.count)
    this.insns = insns
    this.facts = facts
    this.progType = progType
    this.optimiseFailed = false
    // All slots, also those that will turn out dead.
    for (let i = 0; i < insns.count; i++) {
      const to = jumpTarget(insns, i)
      facts.jumpTo[i] = to
      if (to < 0 || to >= insns.count) continue
      facts.flags[to]! |= JUMP_DST
      if (insns.code[i] === CALL) facts.flags[to]! |= SUBPROG_START
    }
    return 0
  }

  insn(view: DeviceView, insn: number, _previous: number): number {
    return checkInsn(this, view, insn)
  }

  finalize(summary: DeviceSummary): number {
    const { insns, facts } = this
    this.#log = text => summary.log(`[nfp] ${text}\n`)
    let subprog = 0
    const saves: number[] = [0]
    for (let i = 0; i < insns.count; i++) {
      if (facts.flags[i]! & SUBPROG_START && i > 0) {
        subprog++
        saves.push(0)
      }
      facts.subprog[i] = subprog
      const dst = insns.dst[i]!
      if (dst >= 6 && dst <= 9) saves[subprog] = 1
      if (summary.zext[i]) facts.flags[i]! |= DO_ZEXT
    }
    const count = subprog + 1
    if (count !== summary.subprogCount) {
      // The driver says so and goes on.
      this.#log(`BUG: number of processed BPF functions is not consistent (processed ${count}, expected ${summary.subprogCount})`)
    }
    facts.savesRegs = Uint8Array.from(saves)
    facts.stackDepth = new Int32Array(count)
    for (let n = 0; n < count; n++) {
      const own = n === 0 ? 0 : RETURN_ADDRESS_BYTES + (saves[n] ? SAVED_REGS_BYTES : 0)
      facts.stackDepth[n] = (summary.stackDepth[n] ?? 0) + own
    }
    facts.maxPacketOffset = summary.maxPacketOffset
    const need = stackSize(insns, facts)
    const { stackBytes } = this.options
    if (need > stackBytes) {
      this.#log(`stack too large: program ${need}B > FW stack ${stackBytes}B`)
      return -EOPNOTSUPP
    }
    return 0
  }

  replaceInsn(insn: number, code: number, off: number): number {
    const { insns, facts } = this
    const old = insns.code[insn]!
    const kind = old & 7
    const conditional = (kind === BPF_JMP || kind === BPF_JMP32) && old !== CALL && old !== EXIT && (old & 0xf0) !== BPF_JA
    if (!conditional || code !== JA) {
      this.#log(`unsupported instruction replacement ${old.toString(16)} -> ${code.toString(16)}`)
      return this.#cannotFollow()
    }
    if (off === 0) {
      facts.jumpTo[insn] = insn + 1
      return 0
    }
    const target = facts.jumpTo[insn]!
    if (target !== insn + 1 + off) {
      this.#log(`branch hard wire at ${insn} changes target ${target} -> ${insn + 1 + off}`)
      return this.#cannotFollow()
    }
    facts.more[insn]! |= ALWAYS_TAKEN
    return 0
  }

  removeInsns(insn: number, count: number): number {
    const { flags } = this.facts
    let left = count
    for (let i = insn; left > 0; i++) {
      if (i >= flags.length) return this.#cannotFollow()
      if (flags[i]! & SKIP_VERIFIER) continue
      flags[i]! |= SKIP_VERIFIER
      left--
    }
    return 0
  }

  #cannotFollow(): number {
    this.optimiseFailed = true
    return -EINVAL
  }
}
