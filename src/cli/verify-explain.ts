// Why a program is refused, in sections: what kind of fault, Linux's own words, the instruction with its line of C, what led there,
// what to change. The sections are the verifier's data; here they become lines.

import { printInsn } from '../bpf/print.ts'
import type { Io } from './io.ts'
import { linesOf } from './object.ts'
import { clean, lineTitle, wrap } from './translate-text.ts'
import type { ProgramRow } from './verify-rows.ts'

export function renderExplanation(row: ProgramRow, { style, width }: Pick<Io, 'style' | 'width'>): string[] {
  const { program, verdict } = row
  if (verdict.ok) return []
  const line = linesOf(program)?.(verdict.at)
  const out: string[] = []
  const section = (label: string, text: string): void => {
    const [first = '', ...rest] = wrap(clean(text), width - 12)
    out.push(`  ${style('bold', label.padEnd(8))}  ${first}`, ...rest.map(more => `            ${more}`))
  }
  section('Reason', verdict.message)
  section('At', `insn ${verdict.at}: ${printInsn(program.insns, verdict.at)}`)
  if (line !== undefined && line.text.trim() !== '') section('', lineTitle(line))
  return out
}

export function explanationJson(row: ProgramRow): unknown {
  const { verdict } = row
  return verdict.ok ? undefined : { reason: verdict.message, at: verdict.at }
}
