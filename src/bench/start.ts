// What starting the command line costs over Node alone.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { time } from './measure.ts'

const RUNS = 15
const cli = fileURLToPath(new URL('../cli/main.js', import.meta.url))

export function benchStart(print: (line: string) => void): void {
  const start = (...args: string[]): number =>
    time(() => void spawnSync(process.execPath, args, { stdio: 'ignore' }), RUNS).median
  const bare = start('-e', '0')
  print(`start of the command line, median of ${RUNS}; node -e 0 takes ${bare.toFixed(0)} ms`)
  for (const verb of ['version', 'help']) {
    const whole = start(cli, verb)
    print(`  nicwright ${verb.padEnd(8)} ${whole.toFixed(0)} ms, ${(whole - bare).toFixed(0)} ms over Node's`)
  }
}
