// The smallest program that still shows a thing: pieces are left out, then single instructions, then operands become plain.

import { EXIT } from '../bpf/opcode.ts'
import type { Program } from '../bpf/program.ts'
import type { Subject } from './corpus.ts'
import { replace, type Slot, slotsOf, withSlots } from './edit.ts'

const EXIT_SLOT: Slot = { code: EXIT, dst: 0, src: 0, off: 0, imm: 0 }

/** `still` says whether a smaller program shows it too; it is asked at most `tries` times. */
export function minimise(subject: Subject, still: (subject: Subject) => boolean, tries = 1500): Subject {
  let best = subject
  let left = tries
  const attempt = (program: Program): boolean => {
    if (left-- <= 0 || program.insns.count === 0) return false
    const smaller = { program, maps: best.maps }
    if (!still(smaller)) return false
    best = smaller
    return true
  }
  plain(best.program, attempt)
  // What comes later is often not needed at all.
  for (let keep = 1; keep < best.program.insns.count; keep *= 2) {
    if (attempt(replace(best.program, keep, best.program.insns.count - keep, [EXIT_SLOT]))) break
  }
  for (let size = Math.max(1, best.program.insns.count >> 1); size >= 1; size >>= 1) {
    for (let shrunk = true; shrunk && left > 0; ) {
      shrunk = false
      for (let at = best.program.insns.count - size; at >= 0; at -= size) {
        if (attempt(replace(best.program, at, size, []))) shrunk = true
        if (at > best.program.insns.count) at = best.program.insns.count
      }
    }
  }
  simplify(() => best.program, attempt)
  return best
}

/** Everything beside the instructions. */
function plain(program: Program, attempt: (program: Program) => boolean): void {
  const { btf: _, funcInfo: __, funcInfoRecordBytes: ___, lineInfo: ____, lineInfoRecordBytes: _____, ...bare } = program
  if (!attempt(bare)) {
    const { lineInfo: _l, lineInfoRecordBytes: _b, ...lineless } = program
    attempt(lineless)
  }
}

function simplify(program: () => Program, attempt: (program: Program) => boolean): void {
  if (program().flags !== 0) attempt({ ...program(), flags: 0 })
  for (let i = 0; i < program().insns.count; i++) {
    for (const field of ['imm', 'off'] as const) {
      const slots = slotsOf(program().insns)
      const slot = slots[i]!
      for (const value of [0, 1, 8]) {
        if (Math.abs(slot[field]) <= value) break
        const before = slot[field]
        slot[field] = value
        if (attempt(withSlots(program(), slots))) break
        slot[field] = before
      }
    }
  }
}
