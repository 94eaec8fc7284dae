// Verdicts and complexity of a corpus as a JSON file, and what has changed since. There is no time in it: the same programs and the same
// nicwright give the same file.

import * as v from 'valibot'
import { NicwrightError } from '../errors.ts'
import { readInput } from './file.ts'
import { type Row, stackOf, type TargetName } from './verify-rows.ts'

export interface Recorded {
  readonly file: string
  readonly program: string
  readonly verdict: 'accepted' | 'refused' | 'unreadable'
  readonly errno?: number | undefined
  readonly message?: string | undefined
  /** Instructions processed. */
  readonly insns: number
  readonly states: number
  readonly stack: number
}

export interface Baseline {
  readonly version: 1
  readonly kernel: string
  readonly target: string
  readonly programs: readonly Recorded[]
}

const schema = v.object({
  version: v.literal(1),
  kernel: v.string(),
  target: v.string(),
  programs: v.array(
    v.object({
      file: v.string(),
      program: v.string(),
      verdict: v.picklist(['accepted', 'refused', 'unreadable']),
      errno: v.optional(v.number()),
      message: v.optional(v.string()),
      insns: v.number(),
      states: v.number(),
      stack: v.number(),
    }),
  ),
})

export function recordOf(row: Row): Recorded {
  const { file } = row
  if ('error' in row) {
    return { file, program: '', verdict: 'unreadable', message: row.error.message, insns: 0, states: 0, stack: 0 }
  }
  const { verdict } = row
  return {
    file,
    program: row.program.name,
    verdict: verdict.ok ? 'accepted' : 'refused',
    ...(verdict.ok ? {} : { errno: verdict.errno, message: verdict.message }),
    insns: verdict.stats.processed,
    states: verdict.stats.totalStates,
    stack: stackOf(verdict),
  }
}

export function baselineText(rows: readonly Row[], target: TargetName): string {
  const programs = rows.map(row => `    ${JSON.stringify(recordOf(row))}`)
  return `{\n  "version": 1,\n  "kernel": "6.18",\n  "target": ${JSON.stringify(target)},\n  "programs": [\n${programs.join(',\n')}\n  ]\n}\n`
}

/** @throws NicwrightError that says what is wrong with the file. */
export function readBaseline(path: string): Baseline {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(readInput(path)))
  } catch (error) {
    if (error instanceof NicwrightError) throw error
    throw new NicwrightError('verify/baseline', { message: `${path} is no JSON`, cause: error })
  }
  const found = v.safeParse(schema, json)
  if (found.success) return found.output
  const [issue] = found.issues
  const where = v.getDotPath(issue) ?? ''
  throw new NicwrightError('verify/baseline', {
    message: `${path} is no baseline of nicwright verify${where === '' ? '' : ` (${where})`}: ${issue.message}`,
  })
}

export interface Change {
  readonly before: Recorded | undefined
  readonly now: Recorded | undefined
  /** The verdict got worse: what was accepted no longer is, or is gone. */
  readonly worse: boolean
}

const key = (row: Recorded): string => `${row.file}\0${row.program}`

/** The baseline's row of each program. */
export function byProgram(baseline: Baseline): Map<string, Recorded> {
  return new Map(baseline.programs.map(row => [key(row), row]))
}

export function before(known: ReadonlyMap<string, Recorded>, now: Recorded): Recorded | undefined {
  return known.get(key(now))
}

/** What differs, in the order of now; what is gone comes last. */
export function changes(known: ReadonlyMap<string, Recorded>, now: readonly Recorded[]): Change[] {
  const here = new Set(now.map(key))
  const changed = now.flatMap(row => {
    const old = known.get(key(row))
    const same =
      old !== undefined &&
      old.verdict === row.verdict &&
      old.errno === row.errno &&
      old.message === row.message &&
      old.insns === row.insns &&
      old.states === row.states &&
      old.stack === row.stack
    return same ? [] : [{ before: old, now: row, worse: old?.verdict === 'accepted' && row.verdict !== 'accepted' }]
  })
  const gone = [...known.values()].filter(row => !here.has(key(row)))
  return [...changed, ...gone.map(row => ({ before: row, now: undefined, worse: row.verdict === 'accepted' }))]
}
