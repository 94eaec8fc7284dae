// `nicwright verify`: Linux's verdict on each program of an object.

import { progTypeNames } from '../bpf/prog-type-table.ts'
import type { ObjectProgram } from '../object/index.ts'
import { type Verdict, verify } from '../verifier/index.ts'
import { type Command, parse, usageError, wholeNumber } from './command.ts'
import { errnoName } from './errno.ts'
import { EXIT_OK, EXIT_VERIFIER } from './exit.ts'
import type { Io } from './io.ts'
import { linesOf, mapSpecs, openObject, place } from './object.ts'

export const command: Command = {
  usage: `nicwright verify FILE.o [--prog NAME] [--log-level N] [-j]

Verifies the programs of an object as Linux 6.18 does. --log-level: 1 prints the log of a refusal (default), 2 the states of every path,
4 statistics; they add up. -j gives one JSON document.`,

  async run(args, io) {
    const { values, positionals } = parse(args, {
      prog: { type: 'string' },
      'log-level': { type: 'string', default: '1' },
      json: { type: 'boolean', short: 'j', default: false },
    })
    const [path] = positionals
    if (path === undefined || positionals.length > 1) throw usageError('give one object file')
    const logLevel = wholeNumber(values['log-level'], '--log-level', 0, 15)
    const { object, programs } = openObject(path, values.prog)
    const maps = mapSpecs(object)
    const verdicts = programs.map(program => ({ program, verdict: verify(program, maps, { logLevel }) }))
    if (values.json) {
      io.out(
        `${JSON.stringify({ file: path, programs: verdicts.map(({ program, verdict }) => asJson(program, verdict)) }, null, 2)}\n`,
      )
    } else {
      for (const { program, verdict } of verdicts) printVerdict(io, program, verdict, logLevel)
    }
    return verdicts.every(v => v.verdict.ok) ? EXIT_OK : EXIT_VERIFIER
  },
}

function printVerdict(io: Io, program: ObjectProgram, verdict: Verdict, logLevel: number): void {
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
  if (logLevel > 0) io.out(verdict.log)
}

function asJson(program: ObjectProgram, verdict: Verdict): unknown {
  const base = {
    name: program.name,
    section: program.section,
    type: progTypeNames[program.type],
    insns: program.insns.count,
    ok: verdict.ok,
    stats: verdict.stats,
  }
  if (verdict.ok) return { ...base, stack: [...verdict.verified.stackDepth], log: verdict.log }
  const line = linesOf(program)?.(verdict.at)
  return {
    ...base,
    errno: verdict.errno,
    message: verdict.message,
    insn: verdict.at,
    ...(line === undefined ? {} : { file: line.file, line: line.line, column: line.column, source: line.text.trim() }),
    log: verdict.log,
  }
}
