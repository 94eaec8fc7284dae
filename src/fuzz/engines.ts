// `npm run fuzz -- engines`: accepted random programs on everything that runs them. Programs of all features on the interpreter and in the
// real kernel, and those that fit a card on the card as well. What a packet became, its bytes and the maps afterwards are equal.

import { BPF_MAP_TYPE_PROG_ARRAY } from '../bpf/map-type-table.ts'
import { printInsn } from '../bpf/print.ts'
import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { MapSpec } from '../bpf/program.ts'
import { toHex } from '../bytes/hex.ts'
import { compareBytes } from '../bytes/writer.ts'
import { difference, runOnCard, runOnHost } from '../conformance/chip-run.ts'
import { offloadPacket, offloadProgram } from '../conformance/offload-program.ts'
import { CORRECT } from '../drivers/nfp/codegen.ts'
import { SyscallError } from '../errors.ts'
import { Dice } from '../host/dice.ts'
import { Interpreter } from '../host/engine.ts'
import { allFeatures, randomPacket, randomProgram } from '../host/generate.ts'
import { possibleCpus, runOnKernel } from '../linux/index.ts'
import { createMap, freeMap, newMemory } from '../maps/index.ts'
import { verify } from '../verifier/index.ts'
import { recordText, type Subject } from './corpus.ts'
import { minimise } from './minimise.ts'

export interface EnginesFuzz {
  readonly seconds: number
  readonly seed: number
}

const PACKETS = 4
const BUDGET = 200_000
const MOST_SHOWN = 10
const memory = newMemory()

type Pair = 'kernel' | 'card'

interface Score {
  programs: number
  packets: number
  /** Refused by the verifier, the device or a test run. */
  passed: number
  differ: number
}

/** Runs until the time is over; whether all engines agreed. */
export function fuzzEngines(options: EnginesFuzz, print: (line: string) => void, now: () => number): boolean {
  const dice = new Dice(options.seed)
  const scores: Record<Pair, Score> = {
    kernel: { programs: 0, packets: 0, passed: 0, differ: 0 },
    card: { programs: 0, packets: 0, passed: 0, differ: 0 },
  }
  const start = now()
  let told = start
  const examine = (pair: Pair, subject: Subject, packets: readonly Uint8Array[], differs: Differs): void => {
    const score = scores[pair]
    const found = differs(subject, packets)
    if (found === 'passed') {
      score.passed++
      return
    }
    score.programs++
    score.packets += packets.length
    if (found === undefined) return
    if (++score.differ > MOST_SHOWN) return
    const small = minimise(subject, candidate => isText(differs(candidate, packets)), 400)
    print(`interpreter and ${pair} differ: ${describe(differs(small, packets))}`)
    const { insns } = small.program
    for (let i = 0; i < insns.count; i++) if (insns.code[i] !== 0) print(`  ${i}: ${printInsn(insns, i)}`)
    print(recordText(small).trimEnd())
  }
  while (now() - start < options.seconds * 1000) {
    const seed = dice.word()
    if (dice.chance(0.5)) {
      const made = randomProgram(seed, { tc: dice.chance(0.4), features: allFeatures.filter(f => f !== 'tail calls') })
      // As they were made: a changed one may store or compare an address, which is another on every engine.
      examine('kernel', { program: made.program, maps: made.maps }, packetsOf(seed), hostAndKernel)
    } else {
      const { program, maps } = offloadProgram(seed)
      const packets = Array.from({ length: PACKETS }, (_, i) => offloadPacket(Math.imul(seed, PACKETS) + i))
      examine('card', { program, maps }, packets, hostAndCard)
    }
    if (now() - told > 10_000) {
      told = now()
      print(`${Math.round((told - start) / 1000)} s  ${text(scores)}`)
    }
  }
  print(text(scores))
  return scores.kernel.differ === 0 && scores.card.differ === 0
}

function text(scores: Record<Pair, Score>): string {
  return (['kernel', 'card'] as const)
    .map(pair => {
      const { programs, packets, passed, differ } = scores[pair]
      return `interpreter and ${pair}: ${programs} programs, ${packets} packets, ${differ} differ (${passed} refused, not run)`
    })
    .join('; ')
}

type Answer = string | undefined | 'passed'
type Differs = (subject: Subject, packets: readonly Uint8Array[]) => Answer

function isText(answer: Answer): boolean {
  return answer !== undefined && answer !== 'passed'
}

function describe(answer: Answer): string {
  return answer ?? 'no longer when small'
}

function packetsOf(seed: number): Uint8Array[] {
  return Array.from({ length: PACKETS }, (_, i) => randomPacket(Math.imul(seed, PACKETS) + i))
}

/** Helpers whose answer is the machine's: random numbers, clocks, nodes. The runs are on the first processor. */
const OWN = new Set([5, 7, 42, 118, 125, 160, 208])

function hostAndKernel(subject: Subject, packets: readonly Uint8Array[]): Answer {
  const { program, maps } = subject
  const { insns } = program
  for (let i = 0; i < insns.count; i++) {
    if (insns.code[i] === 0x85 && insns.src[i] === 0 && OWN.has(insns.imm[i]!)) return 'passed'
  }
  const verdict = verify(program, maps, { logLevel: 0 })
  if (!verdict.ok || verdict.stats.processed > BUDGET) return 'passed'
  try {
    const mine = interpret(subject, packets)
    if (typeof mine === 'string') return mine
    const theirs = runOnKernel(program, maps, packets)
    if (!theirs.ok || theirs.runs.some(run => run.errno !== 0)) return 'passed'
    const other = [
      ...theirs.runs.map(run => `${run.retval} ${toHex(run.data)}`),
      ...theirs.maps.map((entries, i) => (isReadable(maps[i]!) ? entriesText(entries) : '')),
    ]
    const at = mine.findIndex((line, i) => line !== other[i])
    return at < 0 ? undefined : `${mine[at]}, kernel ${other[at]}`
  } catch (error) {
    if (error instanceof SyscallError) return 'passed'
    throw error
  }
}

/** Queues have no keys, and what stands for a program in a program array is nobody's business. */
function isReadable(spec: MapSpec): boolean {
  return spec.keySize !== 0 && spec.type !== BPF_MAP_TYPE_PROG_ARRAY
}

/** Return value and packet of each run, then the maps; or why there is nothing to compare. */
function interpret({ program, maps }: Subject, packets: readonly Uint8Array[]): string[] | string {
  const cpus = possibleCpus()
  const opened = maps.map(spec => createMap(memory, spec, { cpus }))
  const engine = new Interpreter(program, opened, { memory, budget: BUDGET })
  try {
    const runs = packets.map(packet => engine.run(packet))
    const fault = runs.find(run => run.fault !== undefined)?.fault
    if (fault?.code === 'host/helper' || fault?.code === 'host/budget') return 'passed'
    if (fault !== undefined) return `the interpreter faults: ${fault.message}`
    return [
      ...runs.map(run => `${run.retval} ${toHex(run.data)}`),
      ...opened.map((map, i) =>
        isReadable(maps[i]!) ? entriesText([...map.entries()].sort((a, b) => compareBytes(a[0], b[0]))) : '',
      ),
    ]
  } finally {
    engine.free()
    for (const map of opened) freeMap(map)
  }
}

function entriesText(entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): string {
  return entries.map(([key, value]) => `${toHex(key)}=${toHex(value)}`).join(' ')
}

function hostAndCard({ program, maps }: Subject, packets: readonly Uint8Array[]): Answer {
  if (program.type === BPF_PROG_TYPE_XDP && !verify(program, maps, { logLevel: 0 }).ok) return 'passed'
  const card = runOnCard(program, maps, packets, CORRECT)
  if ('refused' in card) return 'passed'
  const host = runOnHost(program, maps, packets, memory)
  return 'refused' in host ? host.refused : difference(host, card)
}
