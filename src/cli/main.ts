// The command line. Verbs are loaded when they are called, so that starting costs little.

import { NicwrightError } from '../errors.ts'
import type { Command } from './command.ts'
import { EXIT_BUG, EXIT_INPUT, EXIT_OK, EXIT_USAGE } from './exit.ts'
import { type GlobalOptions, type Io, terminal } from './io.ts'

interface Verb {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<{ readonly command: Command }>
}

const verbs: readonly Verb[] = [
  { name: 'try', summary: 'all steps once, from the object file to the packet rate', load: () => import('./try.ts') },
  { name: 'run', summary: 'packets through a program on an engine of your choice', load: () => import('./run.ts') },
  { name: 'verify', summary: "Linux's verdict on the programs of an object file", load: () => import('./verify.ts') },
  { name: 'translate', summary: 'the machine code that the driver would load', load: () => import('./translate.ts') },
  { name: 'opts', summary: 'every optimisation a switch; what each is worth', load: () => import('./opts.ts') },
  { name: 'device', summary: 'cards to choose from; what a firmware can do', load: () => import('./device.ts') },
  {
    name: 'batch',
    summary: 'verify, translate, run, disassemble: JSON lines in, JSON lines out',
    load: () => import('./batch.ts'),
  },
  {
    name: 'bpftool',
    summary: 'the real tool’s words on programs, maps, pins and interfaces',
    load: () => import('./bpftool.ts'),
  },
  { name: 'ip', summary: 'ip link on the session’s interfaces, XDP above all', load: () => import('./ip.ts') },
  {
    name: 'session',
    summary: 'the machine that commands work on: save, restore, show',
    load: () => import('./session-command.ts'),
  },
  { name: 'fs', summary: 'the machine’s files: pins, and netdevsim’s switches', load: () => import('./fs.ts') },
  { name: 'env', summary: 'bpftool and ip of this shell become nicwright’s', load: () => import('./env.ts') },
  { name: 'doctor', summary: 'what this machine has that nicwright can use', load: () => import('./doctor.ts') },
]

async function main(argv: readonly string[]): Promise<number> {
  const { options, rest } = globals(argv)
  const io = terminal(options)
  const [name, ...args] = rest
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') return help(io, args[0])
  if (name === 'version' || name === '--version' || name === '-V') {
    const { version } = await import('./version.ts')
    io.out(`nicwright ${version()}\n`)
    return EXIT_OK
  }
  const verb = verbs.find(v => v.name === name)
  if (verb === undefined) {
    io.err(`nicwright: there is no verb ${JSON.stringify(name)}; nicwright help lists them\n`)
    return EXIT_USAGE
  }
  const { command } = await verb.load()
  if (args.includes('--help') && name !== 'bpftool' && name !== 'ip') {
    io.out(`${command.usage}\n`)
    return EXIT_OK
  }
  try {
    return await command.run(args, io)
  } catch (error) {
    return failed(error, io, command)
  }
}

async function help(io: Io, name: string | undefined): Promise<number> {
  if (name !== undefined) {
    const verb = verbs.find(v => v.name === name)
    if (verb === undefined) {
      io.err(`nicwright: there is no verb ${JSON.stringify(name)}\n`)
      return EXIT_USAGE
    }
    io.out(`${(await verb.load()).command.usage}\n`)
    return EXIT_OK
  }
  const lines = verbs.map(v => `  ${v.name.padEnd(11)}${v.summary}`)
  io.out(`${io.style('bold', 'nicwright')} runs XDP programs on a SmartNIC that you don't have.

  nicwright [--color always|never] [--ascii] [--width N] VERB …

${lines.join('\n')}

nicwright help VERB says more. First steps: nicwright try
`)
  return EXIT_OK
}

/** Options before the verb hold for all verbs. */
function globals(argv: readonly string[]): { options: GlobalOptions; rest: readonly string[] } {
  let color: 'always' | 'never' | undefined
  let ascii = false
  let width: number | undefined
  let i = 0
  for (; i < argv.length; i++) {
    const word = argv[i] ?? ''
    const value = word.includes('=') ? word.slice(word.indexOf('=') + 1) : argv[i + 1]
    if (word === '--no-color') color = 'never'
    else if (word === '--ascii') ascii = true
    else if (/^--(color|width)(=|$)/.test(word)) {
      if (word.startsWith('--color')) color = value === 'never' ? 'never' : 'always'
      else width = Number(value) || undefined
      if (!word.includes('=')) i++
    } else break
  }
  return { options: { color, ascii, width }, rest: argv.slice(i) }
}

function failed(error: unknown, io: Io, command: Command): number {
  if (error instanceof NicwrightError) {
    const at = error.at?.file === undefined ? '' : `${error.at.file}${error.at.line === undefined ? '' : `:${error.at.line}`}: `
    io.err(`${io.style('red', 'nicwright:')} ${at}${error.message}\n`)
    for (const note of error.notes) io.err(`  ${note}\n`)
    if (error.code === 'cli/usage') {
      io.err(`${command.usage.split('\n')[0]}\n`)
      return EXIT_USAGE
    }
    return EXIT_INPUT
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  io.err(`nicwright: this is a bug of nicwright's own, please report it with what follows\n${text}\n`)
  return EXIT_BUG
}

// A reader that goes away (`| head`) is no error.
process.stdout.on('error', error => {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(EXIT_OK)
  throw error
})
// Ctrl-C has no handler: it must end the process in the middle of a computation too. Files are written whole and renamed.
process.exitCode = await main(process.argv.slice(2))
