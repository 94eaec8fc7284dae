// JSON lines in, JSON lines out, in order (docs/batch.md). Whatever a line holds, it gives one line back.

import { once } from 'node:events'
import { NicwrightError } from '../errors.ts'
import { type Command, oneOf, parse, wholeNumber } from './command.ts'
import { EXIT_OK } from './exit.ts'
import { lines, MOST_LINE_BYTES } from './lines.ts'

export const BATCH_VERSION = 1

export interface BatchOptions {
  /** Executed instructions a packet. */
  readonly budget: number
}

/** Answers one record; an Error that it throws becomes the answer. */
export type BatchJob = (record: Readonly<Record<string, unknown>>, options: BatchOptions) => Readonly<Record<string, unknown>>

const jobs: Readonly<Record<string, () => Promise<{ readonly job: BatchJob }>>> = {
  verify: () => import('./batch-verify.ts'),
  translate: () => import('./batch-translate.ts'),
  run: () => import('./batch-run.ts'),
  disassemble: () => import('./batch-disassemble.ts'),
}

export const command: Command = {
  usage: `nicwright batch verify|translate|run|disassemble [--budget INSNS] < requests.jsonl > answers.jsonl
nicwright batch version

One process for thousands of programs: each input line is a program as JSON, each output line its answer, in order. docs/batch.md has
the fields. --budget bounds the instructions that a packet may execute (default 10000000).`,

  async run(args, io) {
    const { values, positionals } = parse(args, { budget: { type: 'string', default: '10000000' } })
    const name = oneOf(positionals[0] ?? '', 'the job', [...Object.keys(jobs), 'version'])
    if (name === 'version') {
      io.out(`${BATCH_VERSION}\n`)
      return EXIT_OK
    }
    const load = jobs[name]
    if (load === undefined) throw new NicwrightError('cli/usage')
    const { job } = await load()
    const options = { budget: wholeNumber(values.budget, '--budget', 1, 2 ** 40) }
    let pending = ''
    for await (const line of lines(process.stdin)) {
      if (line !== undefined && line.trim() === '') continue
      pending += `${answer(line, job, options)}\n`
      if (pending.length < 1 << 16) continue
      if (!process.stdout.write(pending)) await once(process.stdout, 'drain')
      pending = ''
    }
    io.out(pending)
    return EXIT_OK
  },
}

/** One line's answer as JSON. */
export function answer(line: string | undefined, job: BatchJob, options: BatchOptions): string {
  let name: unknown = ''
  try {
    if (line === undefined)
      throw new NicwrightError('batch/line', { message: `the line is longer than ${MOST_LINE_BYTES} bytes` })
    const record = readLine(line)
    name = record.name ?? ''
    return JSON.stringify({ name, ...job(record, options) })
  } catch (error) {
    return JSON.stringify({ name, ok: false, ...reason(error) })
  }
}

function readLine(line: string): Readonly<Record<string, unknown>> {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch (error) {
    throw new NicwrightError('batch/json', { message: `not JSON: ${(error as Error).message}` })
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new NicwrightError('batch/json', { message: 'not a JSON object' })
  return json as Readonly<Record<string, unknown>>
}

/** A fault of ours is told as one: it must not look like a refusal. */
function reason(error: unknown): Record<string, unknown> {
  if (error instanceof NicwrightError)
    return { error: error.message, code: error.code, errno: 'errno' in error ? error.errno : 22 }
  return { error: error instanceof Error ? error.message : String(error), code: 'bug', errno: 5 }
}
