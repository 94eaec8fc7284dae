// What the optimisations did and did not do, one line each, in the manner of a compiler's remarks: place, verdict, pass, reason.

import type { Line } from '../btf/lines.ts'
import { remarkText } from '../drivers/nfp/remarks.ts'
import type { Remark } from '../drivers/nfp/translation.ts'
import { place } from './object.ts'
import { type TextOptions, wrap } from './translate-text.ts'

export type { Remark }

type LineOf = (insn: number) => Line | undefined

export function remarkLines(remarks: readonly Remark[], lineOf: LineOf, { width, style }: TextOptions): string[] {
  if (remarks.length === 0) return ['none: no optimisation had anything to do']
  return [...remarks]
    .sort((a, b) => a.insn - b.insn)
    .flatMap(remark => {
      const where = place(lineOf(remark.insn))
      const text = `${where === '' ? '' : `${where}: `}${remarkText(remark)}`
      return wrap(text, width, 4).map(line => style(remark.applied ? 'green' : 'yellow', line))
    })
}

export function remarkJson(remark: Remark, lineOf: LineOf): Record<string, unknown> {
  const line = lineOf(remark.insn)
  return { ...remark, ...(line === undefined ? {} : { file: line.file, line: line.line }) }
}
