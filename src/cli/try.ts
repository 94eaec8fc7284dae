// `nicwright try`: all steps once, told as a story of seven lines, the verdicts, and what the card would do.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import cliProgress from 'cli-progress'
import { NicwrightError } from '../errors.ts'
import type { ObjectProgram } from '../object/index.ts'
import { type Command, parse, usageError, wholeNumber } from './command.ts'
import { EXIT_ATTACH, EXIT_DEVICE, EXIT_OK, EXIT_UNEXPECTED, EXIT_VERIFIER } from './exit.ts'
import type { MachineOptions } from './machine.ts'
import { mapSpecs, openObject } from './object.ts'
import { SESSION_FOLDER, saveSession } from './session.ts'
import { joinSwitches, machineOptionsOf } from './switches.ts'
import { packetsFor, readPackets, withContentsFile } from './traffic.ts'
import { runTrial, type Trial } from './trial.ts'
import { trialJson } from './trial-json.ts'
import { printTrial } from './trial-print.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const DEFAULT_PACKETS = 10_000

export const command: Command = {
  usage: `nicwright try [FILE.o|FILE.c] [--prog NAME] [--packets FILE.pcap] [--maps FILE.json] [--count N] [--profile P] [--fw JSON]
              [--codegen correct|upstream] [--opt -NAME]… [--seed N] [--session DIR] [-j]

Compiles (C, with clang on PATH), verifies, binds to nic0, translates, places, attaches and runs an XDP program on the simulated card, and
runs it on the host beside it. Without a file: the load balancer of the examples with 10,000 packets. Packets come from --packets, from
the capture beside the object, or from a generator. What the card refuses runs on the host, with the reason.
Exit: 0 ok, 1 card and host differ, 3 verifier refused, 4 device refused, 5 attach refused, 6 input unreadable.`,

  async run(args, io) {
    const { values, positionals } = parse(joinSwitches(args), {
      prog: { type: 'string' },
      packets: { type: 'string' },
      maps: { type: 'string' },
      count: { type: 'string' },
      profile: { type: 'string' },
      fw: { type: 'string' },
      codegen: { type: 'string', default: 'correct' },
      opt: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string', default: '1' },
      session: { type: 'string', default: SESSION_FOLDER },
      json: { type: 'boolean', short: 'j', default: false },
    })
    if (positionals.length > 1) throw usageError('give one file')
    const path = positionals[0] ?? join(root, 'examples/xdp_lb.bpf.o')
    const began = performance.now()
    const object = path.endsWith('.c') ? compileC(path) : path
    const opened = openObject(object, values.prog)
    const program = firstXdp(opened.programs)
    const seed = wholeNumber(values.seed, '--seed', 0, 2 ** 32 - 1)
    const count = values.count === undefined ? undefined : wholeNumber(values.count, '--count', 1, 10_000_000)
    const { packets, source } =
      values.packets === undefined
        ? packetsFor(path, count ?? (positionals.length === 0 ? DEFAULT_PACKETS : undefined), seed)
        : readPackets(values.packets)
    const options: MachineOptions = { ...machineOptionsOf(values, values.session), seed }
    const maps = withContentsFile(mapSpecs(opened.object), path, values.maps)
    const compileSeconds = (performance.now() - began) / 1000
    const bar = io.interactive && !values.json ? progressBar(packets.length) : undefined
    const trial = runTrial({ program, maps, packets, options, ...(bar === undefined ? {} : { progress: n => bar.update(n) }) })
    bar?.stop()
    const seconds = (performance.now() - began) / 1000
    const facts = {
      path,
      program: program.name,
      source,
      compileSeconds,
      seconds,
      compiled: path.endsWith('.c'),
      session: values.session,
    }
    if (trial.mode !== undefined) saveSession(trial.machine.kernel, options, values.session)
    if (values.json) io.out(`${JSON.stringify(trialJson(trial, facts), null, 2)}\n`)
    else printTrial(io, trial, facts)
    return exitCode(trial)
  },
}

export interface TrialFacts {
  readonly path: string
  readonly program: string
  /** Where the packets come from. */
  readonly source: string
  readonly compileSeconds: number
  readonly seconds: number
  /** C was given and compiled just now. */
  readonly compiled: boolean
  readonly session: string
}

function exitCode(trial: Trial): number {
  if (trial.mode === 'offload') return trial.same === trial.packets && trial.mapsSame !== false ? EXIT_OK : EXIT_UNEXPECTED
  const refusal = trial.refused.at(-1)
  const byDevice = refusal?.message.startsWith('[nfp]') || refusal?.stage === 'map' || refusal?.stage === 'translate'
  if (refusal?.stage === 'attach') return EXIT_ATTACH
  return byDevice ? EXIT_DEVICE : EXIT_VERIFIER
}

function firstXdp(programs: readonly ObjectProgram[]): ObjectProgram {
  const program = programs.find(p => p.section.startsWith('xdp')) ?? programs[0]
  if (program === undefined) throw new NicwrightError('object/no-program', { message: 'the object holds no program' })
  return program
}

/** The object that clang makes of a C file, in a temporary folder. */
function compileC(path: string): string {
  if (!existsSync(path)) throw new NicwrightError('file/enoent', { message: `${path}: there is no such file` })
  const out = join(mkdtempSync(join(tmpdir(), 'nicwright-')), `${basename(path, '.c')}.o`)
  const args = [
    '-O2',
    '-g',
    '-target',
    'bpf',
    '-mcpu=v3',
    '-I',
    join(root, 'examples/include'),
    '-I',
    dirname(path),
    '-c',
    path,
    '-o',
    out,
  ]
  const ran = spawnSync('clang', args, { encoding: 'utf8' })
  if (ran.error !== undefined) {
    throw new NicwrightError('clang/missing', {
      message: `${path} is C, and there is no clang on PATH to compile it; give the object file that clang -target bpf makes`,
    })
  }
  if (ran.status !== 0)
    throw new NicwrightError('clang/failed', { message: `clang refuses ${path}`, notes: ran.stderr.trimEnd().split('\n') })
  return out
}

interface Bar {
  update(done: number): void
  stop(): void
}

function progressBar(total: number): Bar {
  const bar = new cliProgress.SingleBar(
    { format: '  ⑦  run       {value} of {total} packets  ▕{bar}▏', clearOnComplete: true, hideCursor: false, barsize: 30 },
    cliProgress.Presets.shades_classic,
  )
  bar.start(total, 0)
  return bar
}
