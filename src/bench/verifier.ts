// The verifier beside the real kernel's on the same programs in one run: instructions processed a second without log and with a level-2
// log. The kernel's time is that of the system call, with its JIT, the log written into a buffer that keeps its end.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { closeKernelMap, closeProgram, createKernelMap, loadProgram, probe } from '../linux/index.ts'
import { type Verdict, verify } from '../verifier/index.ts'
import { rate, type Timed, time } from './measure.ts'
import { exploding, largeShapes, loop, ordinary, type Shape } from './shapes.ts'

const RUNS = 5
const KERNEL_LOG_BYTES = 1 << 20
const E2BIG = 7

export function benchVerifier(print: (line: string) => void): void {
  const kernel = probe()
  if (!kernel.ok) print(`the real kernel is not asked: ${kernel.why}`)
  print("verifier: instructions processed a second, median; ratio = ours / the kernel's")
  const ratios: number[][] = [[], []]
  for (const make of largeShapes) {
    const shape = make()
    const verdict = accepted(shape)
    for (const [column, level] of [0, 2].entries()) {
      const mine = time(() => void verify(shape.program, shape.maps, { logLevel: level }), level === 0 ? RUNS : 3)
      const theirs = kernel.ok ? timeKernel(shape, level) : undefined
      const { processed } = verdict.stats
      const ratio = theirs === undefined ? undefined : theirs.median / mine.median
      if (ratio !== undefined) ratios[column]!.push(ratio)
      print(
        `  ${shape.name.padEnd(32)} log ${level}  ${String(processed).padStart(7)} insns  ${rate(processed, mine.median).padStart(10)}` +
          (theirs === undefined || ratio === undefined
            ? ''
            : `  kernel ${rate(processed, theirs.median).padStart(10)}  ratio ${ratio.toFixed(2)}`),
      )
    }
  }
  for (const [column, level] of [0, 2].entries()) {
    const all = ratios[column]!
    if (all.length > 0) print(`  geometric mean of the ratios, log ${level}: ${geometric(all).toFixed(2)}`)
  }
  const small = ordinary()
  const warm = time(() => void verify(small.program, small.maps), 200, 100)
  print(
    `  ${small.name}: ${small.program.insns.count} slots, ${accepted(small).stats.processed} processed: ${warm.median.toFixed(2)} ms warm`,
  )
  limits(print)
}

function accepted(shape: Shape): Extract<Verdict, { ok: true }> {
  const verdict = verify(shape.program, shape.maps, { logLevel: 0 })
  if (!verdict.ok) throw new Error(`${shape.name} is refused: ${verdict.message}`)
  return verdict
}

function timeKernel(shape: Shape, logLevel: number): Timed {
  const maps = shape.maps.map(spec => createKernelMap(spec))
  try {
    return time(() => closeProgram(loadProgram(shape.program, maps, { logLevel, logBytes: KERNEL_LOG_BYTES }).fd), RUNS)
  } finally {
    for (const map of maps) closeKernelMap(map)
  }
}

function geometric(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/** Memory at the limit of a million instructions, each in a process of its own. */
function limits(print: (line: string) => void): void {
  for (const what of ['loop', 'exploding'] as const) {
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), what], { encoding: 'utf8' })
    print(`  ${child.stdout.trim() || child.stderr.trim()}`)
  }
}

/** In a child: one verification near the limit, and what it took. */
function limit(what: string): void {
  const shape = what === 'loop' ? loop(71_400) : exploding()
  const start = performance.now()
  const verdict = verify(shape.program, shape.maps, { logLevel: 0 })
  const seconds = (performance.now() - start) / 1000
  const peak = Math.round(process.resourceUsage().maxRSS / 1024)
  const end = verdict.ok ? 'accepted' : `${verdict.errno === E2BIG ? 'E2BIG' : `errno ${verdict.errno}`}: ${verdict.message}`
  process.stdout.write(
    `${shape.name}: ${verdict.stats.processed} insns processed, ${end}; peak memory ${peak} MiB, ${seconds.toFixed(1)} s cold\n`,
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) limit(process.argv[2] ?? 'loop')
