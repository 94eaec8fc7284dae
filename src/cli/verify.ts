// `nicwright verify`: Linux's verdict on each program of objects and folders of them; what it costs the verifier, and what has changed.

import { progTypeNames } from '../bpf/prog-type-table.ts'
import type { KernelAnswer } from '../fuzz/witness.ts'
import { type Command, oneOf, parse, usageError, wholeNumber } from './command.ts'
import { errnoName } from './errno.ts'
import { EXIT_INPUT, EXIT_OK, EXIT_UNEXPECTED, EXIT_VERIFIER } from './exit.ts'
import { writeOutput } from './file.ts'
import type { Io } from './io.ts'
import { linesOf, place } from './object.ts'
import {
  type Baseline,
  baselineText,
  before,
  byProgram,
  type Change,
  changes,
  readBaseline,
  recordOf,
} from './verify-baseline.ts'
import { exceeded, parseBudget } from './verify-budget.ts'
import { explanationJson, renderExplanation } from './verify-explain.ts'
import { objectFiles, type ProgramRow, type Row, rowsOf } from './verify-rows.ts'
import { renderChanges, renderTable, sorted, sortKeys, type TableStyle } from './verify-table.ts'
import { disagreements, kernelWitness } from './verify-witness.ts'

export const command: Command = {
  usage: `nicwright verify FILE.o|DIR… [--prog NAME] [--target host|nic0] [--log-level N] [--explain] [--table] [-j]
                 [--sort COLUMN] [--baseline FILE] [--compare FILE] [--budget TERMS] [--witness kernel]

Verifies the programs of objects as Linux 6.18 does, for the host or with the card taking part.
--log-level  1 prints the log of a refusal (default), 2 the states of every path, 4 statistics; they add up
--explain    why a program is refused, what led there and what to change
--table      a line for each program; --sort ${sortKeys.join('|')}
--baseline   writes verdicts and complexity into FILE; --compare shows what differs from such a file, exit 1 where a verdict got worse
--budget     e.g. 'insns<=50000,states<=2000,stack<=256', or 'insns<=+5%' with --compare; exit 1 where it is exceeded
--witness    loads the same programs into the real kernel too; exit 1 where it says otherwise
-j           one JSON document`,

  async run(args, io) {
    const { values, positionals } = parse(args, {
      prog: { type: 'string' },
      target: { type: 'string', default: 'host' },
      'log-level': { type: 'string' },
      explain: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
      sort: { type: 'string', default: 'file' },
      baseline: { type: 'string' },
      compare: { type: 'string' },
      budget: { type: 'string' },
      witness: { type: 'string' },
      json: { type: 'boolean', short: 'j', default: false },
    })
    if (positionals.length === 0) throw usageError('give an object file or a folder of them')
    // A table shows no log: making one would only cost time.
    const logLevel = wholeNumber(values['log-level'] ?? (values.table && !values.json ? '0' : '1'), '--log-level', 0, 15)
    const target = oneOf(values.target, '--target', ['host', 'nic0'])
    const sort = oneOf(values.sort, '--sort', sortKeys)
    const limits = values.budget === undefined ? [] : parseBudget(values.budget)
    if (values.compare === undefined && limits.some(limit => limit.relative)) {
      throw usageError('a budget with +N% needs --compare FILE')
    }
    const baseline = values.compare === undefined ? undefined : readBaseline(values.compare)
    if (values.witness !== undefined) {
      oneOf(values.witness, '--witness', ['kernel'])
      if (target !== 'host') throw usageError('--witness kernel asks the host: leave --target out')
    }
    const witness = values.witness === undefined ? undefined : kernelWitness()
    if (witness !== undefined && 'why' in witness) io.err(`the real kernel is not asked: ${witness.why}\n`)
    const ask = witness === undefined || 'why' in witness ? undefined : witness

    const rows: Row[] = []
    const files = objectFiles(positionals)
    for (const [i, file] of files.entries()) {
      if (io.interactive && files.length > 1) io.err(`\r\x1b[K${i + 1} of ${files.length}  ${file.file.slice(0, io.width - 20)}`)
      rows.push(...rowsOf(file, { program: values.prog, logLevel, target, kernel: ask && (row => ask.ask(row)) }))
    }
    if (io.interactive && files.length > 1) io.err('\r\x1b[K')
    ask?.close()
    if (rows.length === 0) throw usageError(`no object has a program ${JSON.stringify(values.prog)}`)
    if (values.baseline !== undefined) writeOutput(values.baseline, baselineText(rows, target))

    const result: Result = {
      rows: values.table ? sorted(rows, sort) : rows,
      changes: baseline === undefined ? undefined : changesOf(rows, baseline),
      exceeded: overBudget(rows, limits, baseline),
    }
    const table: TableStyle = { width: io.width, style: io.style, ascii: io.ascii, fit: io.interactive }
    if (values.json) io.out(`${JSON.stringify(asJson(result, positionals, values.explain), null, 2)}\n`)
    else {
      if (values.table) io.out(`${renderTable(result.rows, table).join('\n')}\n`)
      else if (baseline === undefined) printRows(io, result.rows, { logLevel, explain: values.explain, named: files.length > 1 })
      printFindings(io, result, table)
    }
    return exitCode(result)
  },
}

interface Result {
  readonly rows: readonly Row[]
  readonly changes: readonly Change[] | undefined
  readonly exceeded: readonly string[]
}

function changesOf(rows: readonly Row[], baseline: Baseline): Change[] {
  return changes(byProgram(baseline), rows.map(recordOf))
}

function overBudget(rows: readonly Row[], limits: ReturnType<typeof parseBudget>, baseline: Baseline | undefined): string[] {
  const known = byProgram(baseline ?? { version: 1, kernel: '', target: '', programs: [] })
  return rows.map(recordOf).flatMap(now => {
    const over = exceeded(limits, now, before(known, now))
    return over.length === 0 ? [] : [`${now.file} ${now.program}: ${over.join(', ')}`]
  })
}

/** What was asked for beyond verdicts decides first; then refusals; then files that could not be read. */
function exitCode({ rows, changes, exceeded }: Result): number {
  const disagree = rows.some(row => !('error' in row) && disagreements(row).length > 0)
  if (exceeded.length > 0 || disagree || changes?.some(change => change.worse)) return EXIT_UNEXPECTED
  if (changes !== undefined) return EXIT_OK
  if (rows.some(row => !('error' in row) && !row.verdict.ok)) return EXIT_VERIFIER
  return rows.some(row => 'error' in row) ? EXIT_INPUT : EXIT_OK
}

function printRows(io: Io, rows: readonly Row[], options: { logLevel: number; explain: boolean; named: boolean }): void {
  let file = ''
  for (const row of rows) {
    if (options.named && row.path !== file) {
      io.out(`${file === '' ? '' : '\n'}${io.style('bold', row.file)}\n`)
      file = row.path
    }
    if ('error' in row) io.out(`${io.style('yellow', io.ascii ? '-' : '–')} ${row.error.message}\n`)
    else printVerdict(io, row, options)
  }
}

function printVerdict(io: Io, row: ProgramRow, { logLevel, explain }: { logLevel: number; explain: boolean }): void {
  const { program, verdict } = row
  const { processed, totalStates } = verdict.stats
  const kind = progTypeNames[program.type] ?? ''
  if (verdict.ok) {
    const stack = verdict.verified.stackDepth.join('+')
    io.out(
      `${io.style('green', '✓')} ${program.name}  ${kind}  ${program.insns.count} insns  ${processed} processed, ${totalStates} states, stack ${stack} B\n`,
    )
    if (logLevel > 1) io.out(verdict.log)
    return
  }
  const where = place(linesOf(program)?.(verdict.at))
  const at = `insn ${verdict.at}${where === '' ? '' : `, ${where}`}`
  io.out(`${io.style('red', '✗')} ${program.name}  ${kind}  ${verdict.message} (${errnoName(verdict.errno)} at ${at})\n`)
  if (explain) io.out(`${renderExplanation(row, io).join('\n')}\n`)
  else if (logLevel > 0) io.out(verdict.log)
}

function printFindings(io: Io, { rows, changes, exceeded }: Result, table: TableStyle): void {
  if (changes !== undefined) io.out(`${renderChanges(changes, rows.length, table).join('\n')}\n`)
  for (const line of exceeded) io.out(`${io.style('red', 'over budget')}  ${line}\n`)
  let asked = 0
  let differ = 0
  for (const row of rows) {
    if ('error' in row || row.kernel === undefined) continue
    if ('why' in row.kernel) {
      io.out(`${io.style('yellow', 'not asked')}  ${row.file} ${row.program.name}: ${row.kernel.why}\n`)
      continue
    }
    asked++
    const found = disagreements(row)
    if (found.length > 0) differ++
    for (const { what, linux, here } of found) {
      io.out(`${io.style('red', 'differs')}  ${row.file} ${row.program.name}: ${what}: Linux ${linux}, here ${here}\n`)
    }
  }
  if (asked > 0) io.out(`the real kernel agrees on ${asked - differ} of ${asked} programs\n`)
}

function asJson({ rows, changes, exceeded }: Result, paths: readonly string[], explain: boolean): unknown {
  const files = [...new Set(rows.map(row => row.path))].map(path => {
    const of = rows.filter(row => row.path === path)
    const [first] = of
    if (first !== undefined && 'error' in first) return { file: path, error: first.error.message, code: first.error.code }
    return { file: path, programs: of.flatMap(row => ('error' in row ? [] : [programJson(row, explain)])) }
  })
  const more = {
    ...(changes === undefined ? {} : { changes }),
    ...(exceeded.length === 0 ? {} : { overBudget: exceeded }),
  }
  const [only] = files
  return only !== undefined && paths.length === 1 && paths[0] === only.file ? { ...only, ...more } : { files, ...more }
}

function programJson(row: ProgramRow, explain: boolean): unknown {
  const { program, verdict, kernel } = row
  const base = {
    name: program.name,
    section: program.section,
    type: progTypeNames[program.type],
    insns: program.insns.count,
    ok: verdict.ok,
    stats: verdict.stats,
    milliseconds: Math.round(row.milliseconds * 1000) / 1000,
    ...(kernel === undefined ? {} : { kernel: kernelJson(row, kernel) }),
  }
  if (verdict.ok) return { ...base, stack: [...verdict.verified.stackDepth], log: verdict.log }
  const line = linesOf(program)?.(verdict.at)
  return {
    ...base,
    errno: verdict.errno,
    message: verdict.message,
    insn: verdict.at,
    ...(line === undefined ? {} : { file: line.file, line: line.line, column: line.column, source: line.text.trim() }),
    ...(explain ? { explanation: explanationJson(row) } : {}),
    log: verdict.log,
  }
}

function kernelJson(row: ProgramRow, kernel: KernelAnswer | { readonly why: string }): unknown {
  if ('why' in kernel) return { asked: false, why: kernel.why }
  const { ok, errno, message, stats } = kernel
  return { asked: true, ok, errno, message, processed: stats[0], differs: disagreements(row) }
}
