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
  const out: string[] = []
  const section = (label: string, text: string): void => {
    const [first = '', ...rest] = wrap(clean(text), width - 12)
    out.push(`  ${style('bold', label.padEnd(8))}  ${first}`, ...rest.map(more => `            ${more}`))
  }
  const { explanation } = verdict
  if (explanation !== undefined) section('Fault', `${explanation.category}: ${explanation.title}`)
  section('Reason', explanation?.reason ?? verdict.message)
  section('At', `insn ${verdict.at}: ${printInsn(program.insns, verdict.at)}`)
  const title = lineTitle(linesOf(program)?.(verdict.at))
  if (title !== '') section('', title)
  explanation?.path.forEach((step, n) => {
    section(n === 0 ? 'Path' : '', `insn ${step.insn}: ${step.text}  ${step.what}`)
    const source = lineTitle(linesOf(program)?.(step.insn))
    if (source !== '') section('', `  ${source}`)
  })
  if (explanation !== undefined && explanation.suggestion !== '') section('Change', explanation.suggestion)
  return out
}

export function explanationJson(row: ProgramRow): unknown {
  const { verdict } = row
  if (verdict.ok) return undefined
  return { message: verdict.message, ...(verdict.explanation ?? { reason: verdict.message, at: { insn: verdict.at } }) }
}
