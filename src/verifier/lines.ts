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
  if (index < 0 || printed.get(env) === index) return ''
  printed.set(env, index)
  const line = lineRecord(lines, index)
  if (line === undefined) return ''
  const slash = line.file.lastIndexOf('/')
  return `${prefix}; ${line.text.replace(/^\s+/, '')} @ ${line.file.slice(slash + 1)}:${line.line}\n`
}
