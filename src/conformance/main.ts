// `npm run conformance [-- translate|chip|disassembly|verifier]`: the recorded answers of real software (NICWRIGHT_VECTORS) against ours. One
// line a file with its counts; exit 1 where a part falls below what it owes.

import { existsSync } from 'node:fs'
import { chipConformance } from './chip.ts'
import { disassemblyConformance } from './disassembly.ts'
import { goldenConformance } from './golden.ts'
import { translateConformance } from './translate.ts'
import { verifierConformance } from './verifier.ts'
import { xlatedConformance } from './xlated.ts'

type Suite = (folder: string, print: (line: string) => void) => Promise<boolean>

const suites: Readonly<Record<string, Suite>> = {
  translate: translateConformance,
  chip: chipConformance,
  disassembly: disassemblyConformance,
  verifier: verifierConformance,
  golden: goldenConformance,
  xlated: xlatedConformance,
}

const folder = process.env.NICWRIGHT_VECTORS ?? '../shared/vectors'
const wanted = process.argv.slice(2)
const unknown = wanted.find(name => !Object.hasOwn(suites, name))
if (unknown !== undefined) {
  process.stderr.write(`conformance: there is no suite ${unknown}; there are ${Object.keys(suites).join(', ')}\n`)
  process.exitCode = 2
} else if (!existsSync(folder)) {
  process.stderr.write(`conformance: there are no vectors at ${folder}; NICWRIGHT_VECTORS names them\n`)
  process.exitCode = 2
} else {
  for (const [name, suite] of Object.entries(suites)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const good = await suite(folder, line => void process.stdout.write(`${line}\n`))
    process.stdout.write(`${good ? '✓' : '✗'} ${name}\n`)
    if (!good) process.exitCode = 1
  }
}
