// Translation to machine code: the same random programs with their verification, and from facts that are known.

import { offloadProgram } from '../conformance/offload-program.ts'
import { CORRECT } from '../drivers/nfp/codegen.ts'
import { type CompileInput, compile } from '../drivers/nfp/compile.ts'
import { defaultProfile } from '../nfp/profiles.ts'
import { rate, time } from './measure.ts'

const PROGRAMS = 100

export function benchTranslate(print: (line: string) => void): void {
  const { firmware } = defaultProfile
  const programs: CompileInput[] = []
  let insns = 0
  for (let seed = 1; programs.length < PROGRAMS; seed++) {
    const input = { ...offloadProgram(seed), firmware, codegen: CORRECT, logLevel: 0 }
    const compiled = compile(input)
    if (!compiled.ok) continue
    programs.push({ ...input, facts: compiled.facts })
    insns += input.program.insns.count
  }
  const whole = time(() => {
    for (const { facts: _, ...input } of programs) compile(input)
  }, 7)
  const alone = time(() => {
    for (const input of programs) compile(input)
  }, 7)
  print(`translation of ${PROGRAMS} random programs (${Math.round(insns / PROGRAMS)} instructions each), median of 7`)
  print(`  with verification     ${rate(PROGRAMS, whole.median)}, ${(whole.median / PROGRAMS).toFixed(2)} ms each`)
  print(`  from known facts      ${rate(PROGRAMS, alone.median)}, ${(alone.median / PROGRAMS).toFixed(2)} ms each`)
}
