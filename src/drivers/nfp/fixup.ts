// After all words are there: every branch gets the word number of the instruction that it goes to.

import { EINVAL, ELOOP } from '../../bpf/errno.ts'
import { BPF_JMP, BPF_JMP32, BPF_PSEUDO_CALL, CALL, EXIT } from '../../bpf/opcode.ts'
import type { Code } from '../../nfp/code.ts'
import { RELO } from '../../nfp/insn-table.ts'
import { immedValue, isBranch, relocationOf, setBranchAddress, setImmedValue, setRelocation } from '../../nfp/patch.ts'
import { SKIP_PASS, SUBPROG_START } from './facts.ts'
import { skipped, type Translation } from './translation.ts'

/** Gives the last word a relocation type. */
export function relocateLast(code: Code, type: number): void {
  if (code.error === 0) setRelocation(code, code.count - 1, type)
}

/** A call has words behind its branch, and no other branch. */
function firstBranch(code: Code, from: number, to: number): number {
  for (let at = from; at <= to; at++) if (isBranch(code, at)) return at
  return -1
}

/** Quirk 17 is in setBranchAddress: 14 bits. 0, or a positive errno; what was wrong goes to `log`. */
export function fixBranches(t: Translation, lastBodyWord: number, log: (line: string) => void): number {
  const { insns, facts, code, offset } = t
  for (let i = 0; i < insns.count; i++) {
    if (skipped(t, i)) continue
    const opcode = insns.code[i]!
    const kind = opcode & 7
    if (kind !== BPF_JMP && kind !== BPF_JMP32) continue
    const call = opcode === CALL && insns.src[i] === BPF_PSEUDO_CALL
    if (opcode === CALL && !call) continue
    if (opcode === EXIT && facts.subprog[i] !== 0) continue
    const lastWord = i + 1 < insns.count ? offset[i + 1]! - 1 : lastBodyWord
    const at = call ? firstBranch(code, offset[i]!, lastWord) : lastWord
    if (at < 0 || !isBranch(code, at)) {
      log(`Fixup found block not ending in branch ${lastWord} ${opcode.toString(16).padStart(2, '0')}!!`)
      return ELOOP
    }
    if (opcode === EXIT) continue
    const relative = relocationOf(code, at) === RELO.REL
    if (!relative && !call) continue
    const to = facts.jumpTo[i]!
    if (to < 0 || to >= insns.count) {
      log('Non-exit jump destination info recorded!!')
      return ELOOP
    }
    if (t.flags[to]! & SKIP_PASS) {
      log('Branch landing on removed instruction!!')
      return ELOOP
    }
    if (call && !relative) {
      // The register-saving routine jumps to the function: its address is an immediate behind the branch.
      if (immedValue(code, at + 1) !== 0) return EINVAL
      setImmedValue(code, at + 1, offset[to]!)
      continue
    }
    // Quirk: a jump to a function's first instruction goes to the word that saves the return address, which is gone by then.
    const inside = !call && (t.flags[to]! & SUBPROG_START) !== 0 && t.repaired['function-loop'] ? 1 : 0
    for (let word = offset[i]!; word <= at; word++) {
      if (isBranch(code, word)) setBranchAddress(code, word, offset[to]! + inside)
    }
  }
  return 0
}
