// `nicwright doctor`: what of this machine nicwright can use beside itself. Nothing of it is needed.

import { spawnSync } from 'node:child_process'
import { probe } from '../linux/index.ts'
import { type Command, parse } from './command.ts'
import { EXIT_OK } from './exit.ts'
import { version } from './version.ts'

interface Finding {
  readonly name: string
  readonly found: boolean
  readonly text: string
  readonly use: string
}

/** The first line of what a tool says of its version; undefined where there is no such tool. */
function toolVersion(tool: string, args: readonly string[]): string | undefined {
  const ran = spawnSync(tool, args, { encoding: 'utf8', timeout: 10_000 })
  return ran.error === undefined && ran.status === 0 ? ran.stdout.split('\n')[0]?.trim() : undefined
}

function findings(): Finding[] {
  const kernel = probe()
  const tool = (name: string, args: readonly string[], use: string): Finding => {
    const text = toolVersion(name, args)
    return { name, found: text !== undefined, text: text ?? 'not on PATH', use }
  }
  return [
    {
      name: 'kernel',
      found: kernel.ok,
      text: kernel.ok ? 'bpf(2) is permitted' : kernel.why,
      use: '--engine kernel: the real Linux as a second opinion',
    },
    tool('clang', ['--version'], 'compiles C for you (nicwright try FILE.c)'),
    tool('bpftool', ['version'], 'the real tool, to compare with'),
    tool('tshark', ['--version'], 'reads the captures that nicwright writes'),
  ]
}

export const command: Command = {
  usage: `nicwright doctor [-j]

Says what this machine has that nicwright can use. It needs none of it: no root, no card, no Linux.`,

  async run(args, io) {
    const { values } = parse(args, { json: { type: 'boolean', short: 'j', default: false } })
    const found = findings()
    if (values.json) {
      io.out(
        `${JSON.stringify({ nicwright: version(), node: process.versions.node, platform: `${process.platform}-${process.arch}`, findings: found }, null, 2)}\n`,
      )
      return EXIT_OK
    }
    io.out(`nicwright ${version()} on Node ${process.versions.node}, ${process.platform}-${process.arch}\n`)
    for (const { name, found: there, text, use } of found) {
      io.out(
        `  ${there ? io.style('green', '✓') : io.style('dim', '–')} ${name.padEnd(8)} ${text}\n             ${io.style('dim', use)}\n`,
      )
    }
    return EXIT_OK
  },
}
