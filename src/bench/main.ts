// `npm run bench [-- verifier|translate|chip|interpreter|maps|start]`: how fast things are, on this machine, now. Nothing is asserted.

import { availableParallelism, cpus } from 'node:os'

type Bench = (print: (line: string) => void) => void

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  verifier: async () => (await import('./verifier.ts')).benchVerifier,
  translate: async () => (await import('./translate.ts')).benchTranslate,
  chip: async () => (await import('./run.ts')).benchChip,
  interpreter: async () => (await import('./run.ts')).benchInterpreter,
  maps: async () => (await import('./maps.ts')).benchMaps,
  start: async () => (await import('./start.ts')).benchStart,
}

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const wanted = process.argv.slice(2)
const unknown = wanted.find(name => !Object.hasOwn(benches, name))
if (unknown !== undefined) {
  process.stderr.write(`bench: there is no ${unknown}; there are ${Object.keys(benches).join(', ')}\n`)
  process.exitCode = 2
} else {
  print(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? process.arch}`)
  for (const name of wanted.length > 0 ? wanted : Object.keys(benches)) {
    const bench = await benches[name]!()
    bench(print)
  }
}
