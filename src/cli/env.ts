// `eval "$(nicwright env)"`: bpftool and ip mean the session's machine in this shell from then on.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, parse } from './command.ts'
import { EXIT_OK } from './exit.ts'
import { SESSION_FOLDER } from './session.ts'

const TOOLS = ['bpftool', 'ip'] as const

export const command: Command = {
  usage: `nicwright env [--session DIR]

Prints shell commands for eval "$(nicwright env)": bpftool and ip are then nicwright's, on the session's machine, in this shell alone.
nicwright_off puts the machine's own tools back.`,

  async run(args, io) {
    const { values } = parse(args, { session: { type: 'string', default: SESSION_FOLDER } })
    const folder = resolve(values.session)
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true, mode: 0o700 })
    const main = fileURLToPath(new URL('./main.js', import.meta.url))
    for (const tool of TOOLS) {
      const path = join(bin, tool)
      writeFileSync(path, `#!/bin/sh\nexec ${quoted(process.execPath)} ${quoted(main)} ${tool} "$@"\n`)
      chmodSync(path, 0o755)
    }
    io.out(`export NICWRIGHT_SESSION=${quoted(folder)}
export NICWRIGHT_PATH="\${NICWRIGHT_PATH:-$PATH}"
export PATH=${quoted(bin)}:"$NICWRIGHT_PATH"
nicwright_off() { PATH="$NICWRIGHT_PATH"; unset NICWRIGHT_SESSION NICWRIGHT_PATH; unset -f nicwright_off; hash -r; }
hash -r
`)
    return EXIT_OK
  },
}

/** As one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
