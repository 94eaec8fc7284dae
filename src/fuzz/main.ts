// `npm run fuzz -- verifier|engines|soundness`: long random runs, against the real kernel where it takes part. Exit 1 when something
// was found that must not be.

import { parseArgs } from 'node:util'
import { NicwrightError } from '../errors.ts'
import { probe } from '../linux/index.ts'

const USAGE = `npm run fuzz -- verifier [--seconds N] [--seed S] [--corpus DIR] [--seeds FILE]… [--report FILE.md]
npm run fuzz -- engines [--seconds N] [--seed S]
npm run fuzz -- soundness [--programs N] [--seed S]

verifier   mutated programs before Linux's verifier and ours: verdict, errno, message, counts, log; disagreements by class
engines    random accepted programs on the interpreter, the real kernel and the simulated card
soundness  accepted random programs, every register of every instruction inside what the verifier said of it
--corpus   a folder that keeps programs which showed something new; --seeds: records (docs/batch.md), one a line
--report   a file that holds every class of disagreement with a minimised program`

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const now = (): number => performance.now()

async function main(): Promise<number> {
  let parsed: ReturnType<typeof options>
  try {
    parsed = options()
  } catch (error) {
    process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`)
    return 2
  }
  const { values, positionals } = parsed
  const number = (text: string, name: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < 0) throw new NicwrightError('cli/usage', { message: `--${name} is a whole number` })
    return value
  }
  const seconds = number(values.seconds, 'seconds')
  const seed = number(values.seed, 'seed')
  const what = positionals[0] ?? 'verifier'
  if (what === 'soundness') {
    const { fuzzSoundness } = await import('./soundness.ts')
    return fuzzSoundness({ programs: number(values.programs, 'programs'), seed }, print) ? 0 : 1
  }
  if (what !== 'verifier' && what !== 'engines') {
    process.stderr.write(`fuzz: there is no ${what}\n${USAGE}\n`)
    return 2
  }
  const kernel = probe()
  if (!kernel.ok) {
    print(`skipped: the real kernel can't be asked: ${kernel.why}`)
    return 0
  }
  if (what === 'engines') {
    const { fuzzEngines } = await import('./engines.ts')
    return fuzzEngines({ seconds, seed }, print, now) ? 0 : 1
  }
  const { fuzzVerifier, tableOf } = await import('./verifier.ts')
  const { readSeeds } = await import('./corpus.ts')
  const seeds = (values.seeds ?? []).flatMap(path => readSeeds(path))
  const result = fuzzVerifier({ seconds, seed, corpus: values.corpus, seeds, report: values.report }, print, now)
  for (const line of tableOf(result)) print(line)
  return result.disagreements === 0 ? 0 : 1
}

function options(): { values: Values; positionals: string[] } {
  return parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      corpus: { type: 'string' },
      seeds: { type: 'string', multiple: true },
      report: { type: 'string' },
      programs: { type: 'string', default: '20000' },
    },
  })
}

interface Values {
  readonly seconds: string
  readonly seed: string
  readonly corpus?: string | undefined
  readonly seeds?: string[] | undefined
  readonly report?: string | undefined
  readonly programs: string
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof NicwrightError)) throw error
  process.stderr.write(`fuzz: ${error.message}\n`)
  process.exitCode = error.code === 'cli/usage' ? 2 : 6
}
