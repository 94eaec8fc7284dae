// A refusal in sections: what kind of fault it is, why in a sentence, where, what led there, and what to change. Category and sentences
// come from a table by the kind of refusal; register, its value, and the path from the state in which the verification stopped.

import { lineAt } from '../btf/lines.ts'
import { type Cause, causesOf } from './cause.ts'
import type { Env } from './env.ts'
import { type ExplanationRow, explanationRows } from './explain-table.ts'
import { insnText } from './insn-text.ts'
import { regText } from './print-state.ts'
import { NOT_INIT, R_TYPE, REF_TYPE_PTR, REG_WORDS } from './reg.ts'
import { REF_INSN, REF_TYPE, REF_WORDS } from './state.ts'

/** An instruction with its line of C, where there is line info. */
export interface ExplainedInsn {
  readonly insn: number
  /** As the log prints it. */
  readonly text: string
  readonly file?: string
  readonly line?: number
  readonly column?: number
  /** The line of C, indented as in the source. */
  readonly source?: string
}

export interface ExplainedStep extends ExplainedInsn {
  /** What the instruction does to the fact, e.g. `R1 gets its value`. */
  readonly what: string
}

export interface Explanation {
  readonly category: string
  readonly title: string
  readonly reason: string
  readonly at: ExplainedInsn
  /** First to last; empty where nothing led there but the instruction itself. */
  readonly path: readonly ExplainedStep[]
  readonly suggestion: string
}

const MAX_PATH = 12

/** Explains why a verification stopped; `message` is the telling line of its log. */
export function explain(env: Env, message: string): Explanation {
  const row = explanationRows.find(each => each.pattern.test(message))
  const match = row?.pattern.exec(message)
  const inSimulation = env.processed > 0 && env.frame !== undefined
  const reg = match?.groups?.reg === undefined ? returnReg(row, message) : Number(match.groups.reg)
  const known = inSimulation && reg >= 0 && reg <= 10 ? textOf(env, reg) : ''
  const fill = (text: string): string =>
    text
      .replace(/%(\d)/g, (_, n: string) => match?.[Number(n)] ?? '')
      .replace(/ \(%v\)/g, known === '' ? '' : ` (${known})`)
      .replace(/%v/g, known === '' ? 'not known' : known)
  return {
    category: row?.category ?? 'Verification',
    title: row?.title ?? message,
    reason: row === undefined ? message : fill(row.why),
    at: insnAt(env, env.insn),
    path: inSimulation ? pathTo(env, reg, message) : [],
    suggestion: row === undefined ? '' : fill(row.fix),
  }
}

/** Refusals of a return value are about R0 without a group of their own. */
function returnReg(row: ExplanationRow | undefined, message: string): number {
  return row?.category === 'Return value' && message.includes('R0') ? 0 : -1
}

function textOf(env: Env, reg: number): string {
  const type = env.regs[reg * REG_WORDS + R_TYPE]
  return type === NOT_INIT ? '' : regText(env, env.regs, reg * REG_WORDS, env.frame.frameno)
}

function insnAt(env: Env, insn: number): ExplainedInsn {
  const place = { insn, text: insn < env.count ? insnText(env, insn) : '' }
  const line = env.lines === null ? undefined : lineAt(env.lines, insn)
  if (line === undefined) return place
  return { ...place, file: line.file, line: line.line, column: line.column, source: line.text }
}

function pathTo(env: Env, reg: number, message: string): ExplainedStep[] {
  if (reg >= 0 && reg < 10) {
    const causes = causesOf(env, reg, MAX_PATH)
    return causes.map(cause => ({ ...insnAt(env, cause.insn), what: words(cause) }))
  }
  if (message.includes('leak')) return held(env, REF_TYPE_PTR, 'the reference is acquired and not released on this path')
  return message.includes('-ed region') || message.includes('holding a lock') ? held(env, ~REF_TYPE_PTR, 'this is held here') : []
}

/** What is still held was acquired somewhere. */
function held(env: Env, types: number, what: string): ExplainedStep[] {
  const { state } = env
  const steps: ExplainedStep[] = []
  for (let n = 0; n < state.refCount; n++) {
    const at = n * REF_WORDS
    if ((state.refs[at + REF_TYPE]! & types) === 0) continue
    steps.push({ ...insnAt(env, state.refs[at + REF_INSN]!), what })
  }
  return steps
}

function words({ how, what }: Cause): string {
  switch (how) {
    case 'sets':
      return `${what} gets its value`
    case 'jumps':
      return `${what} is tested, the jump is taken`
    case 'falls':
      return `${what} is tested, the jump is not taken`
    case 'calls':
      return `${what} is passed to the function`
    case 'returns':
      return `${what} is returned by the function`
    case 'spills':
      return `${what} is stored on the stack`
    case 'fills':
      return `${what} is loaded back from the stack`
    case 'clobbers':
      return `${what} is worth nothing after the call`
  }
}
