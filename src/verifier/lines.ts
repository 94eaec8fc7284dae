// Source lines in the log: `; text @ file.c:12`, once for as long as the line record stays the same.

import { lineIndex, lineRecord } from '../btf/lines.ts'
import type { Env } from './env.ts'

/** Index of the line record that was printed last, for each verification. */
const printed = new WeakMap<Env, number>()

/**
 * The log's line for the source of an instruction, with its newline; '' where nothing is known or the same record was the last printed.
 * `prefix` stands between `; ` and the text's beginning: Linux puts it before the semicolon.
 */
export function lineText(env: Env, insn: number, prefix = ''): string {
  const { lines } = env
  if (lines === null || !env.logging) return ''
  const index = lineIndex(lines, insn)
  const before = printed.get(env) ?? -1
  if (index < 0 || before === index) return ''
  const line = lineRecord(lines, index)
  if (line === undefined) return ''
  // Records of one line differ in their columns, which are not shown.
  const last = before < 0 ? undefined : lineRecord(lines, before)
  if (last !== undefined && last.file === line.file && last.line === line.line) return ''
  printed.set(env, index)
  const slash = line.file.lastIndexOf('/')
  return `${prefix}; ${line.text.replace(/^\s+/, '')} @ ${line.file.slice(slash + 1)}:${line.line}\n`
}
