// The translator's code on the simulated card against the interpreter, on the recorded programs and on random ones. Correct code does what
// the interpreter does, always. Upstream's code does not, and every difference must be one that a listed repair mends.

import { performance } from 'node:perf_hooks'
import type { MapSpec, Program } from '../bpf/program.ts'
import { readRecord } from '../bpf/record.ts'
import { CORRECT, type RepairName, repairs, UPSTREAM } from '../drivers/nfp/codegen.ts'
import { defaultFirmware, type Firmware, withOptions } from '../nfp/profiles.ts'
import { difference, type Outcome, type Refusal, runOnCard, runOnHost } from './chip-run.ts'
import { corpora, readRecords } from './nfp-record.ts'
import { offloadPacket, offloadProgram } from './offload-program.ts'

const SHOWN = 5
const PACKETS = 4
/** Programs by seed, and how many of the recorded ones: all of them with NICWRIGHT_CHIP=full. */
const SEEDS = 20_000
const SAMPLE = 10

/** What the firmware leaves to programs in these runs: enough for all of them, wherever they were recorded. */
const ROOM = {
  stack_sz: 32,
  abi_version: 3,
  start: 0x100,
  done: 0x50,
  adjust_head: { flags: 1, off_min: 0, off_max: 255, guaranteed_sub: 16, guaranteed_add: 48 },
}

interface Case {
  readonly name: string
  readonly program: Program
  readonly maps: readonly MapSpec[]
  readonly packets: readonly Uint8Array[]
  readonly firmware: Firmware
}

interface Tally {
  run: number
  refused: number
  differing: Case[]
}

/** get_prandom_u32 draws from the card's own register: a constant instead, so that both draw the same. */
const PRANDOM = '8500000007000000'

function* recordedCases(folder: string, corpus: string, step: number): Generator<Case> {
  const records = readRecords<{ name: string; insns: string[]; fw?: Record<string, unknown> }>(folder, `${corpus}.accepted`)
  for (let i = 0; i < records.length; i += step) {
    const record = records[i]!
    const insns = record.insns.map((word, k) =>
      word === PRANDOM ? `b4000000${((k * 2654435761) >>> 0).toString(16).padStart(8, '0')}` : word,
    )
    const { program, maps } = readRecord({ ...record, insns })
    const packets = Array.from({ length: PACKETS }, (_, k) => offloadPacket(i * PACKETS + k))
    yield { name: record.name, program, maps, packets, firmware: withOptions(defaultFirmware, { ...record.fw, ...ROOM }) }
  }
}

function* randomCases(from: number, count: number): Generator<Case> {
  for (let seed = from; seed < from + count; seed++) {
    const { program, maps } = offloadProgram(seed)
    const packets = Array.from({ length: PACKETS }, (_, k) => offloadPacket(seed * PACKETS + k))
    yield { name: `seed ${seed}`, program, maps, packets, firmware: withOptions(defaultFirmware, ROOM) }
  }
}

function onCard(c: Case, off: readonly string[] | 'upstream'): Outcome | Refusal {
  const codegen = off === 'upstream' ? UPSTREAM : { ...CORRECT, off: new Set(off) }
  return runOnCard(c.program, c.maps, c.packets, codegen, c.firmware)
}

/** Adjustments beyond the room in the card's buffers, and growing: refused by every card, granted by the host. */
function beyondDevice(name: string): boolean {
  return /^adjust_(head|head32)_300$|^adjust_tail_4$/.test(name)
}

function runAll(cases: Iterable<Case>, off: readonly string[] | 'upstream', print: (line: string) => void): Tally {
  const tally: Tally = { run: 0, refused: 0, differing: [] }
  for (const c of cases) {
    if (beyondDevice(c.name)) continue
    const card = onCard(c, off)
    if ('refused' in card) {
      tally.refused++
      continue
    }
    const host = runOnHost(c.program, c.maps, c.packets)
    tally.run++
    const what = 'refused' in host ? host.refused : difference(host, card)
    if (what === undefined) continue
    tally.differing.push(c)
    if (off !== 'upstream' && tally.differing.length <= SHOWN) print(`  ${c.name}: ${what.slice(0, 160)}`)
  }
  return tally
}

/** The repairs without which correct code would differ on these packets; found one by one, then in pairs. */
function mendedBy(c: Case): readonly RepairName[] {
  const host = runOnHost(c.program, c.maps, c.packets)
  const wrong = (off: readonly RepairName[]): boolean => {
    const card = onCard(c, off)
    return 'refused' in host || 'refused' in card ? false : difference(host, card) !== undefined
  }
  const alone = repairs.map(r => r.name).filter(name => wrong([name]))
  if (alone.length > 0) return alone
  // Two of them may each hide what the other one mends.
  for (const a of repairs) {
    for (const b of repairs) if (a.name < b.name && wrong([a.name, b.name])) return [a.name, b.name]
  }
  return []
}

function report(title: string, tally: Tally, milliseconds: number, print: (line: string) => void): void {
  const { run, refused, differing } = tally
  const each = (milliseconds / Math.max(1, run + refused)).toFixed(1)
  print(
    `${title}: ${run} programs run, ${refused} refused, ${run - differing.length} equal, ${differing.length} differ (${each} ms each)`,
  )
}

/** Prints a line per corpus; says whether correct code was always right and every fault of upstream's code is a listed one. */
export async function chipConformance(folder: string, print: (line: string) => void): Promise<boolean> {
  const full = process.env.NICWRIGHT_CHIP === 'full'
  const step = full ? 1 : SAMPLE
  const seeds = full ? SEEDS : SEEDS / SAMPLE
  let good = true
  const measure = (title: string, cases: Iterable<Case>, off: 'upstream' | readonly string[]): Tally => {
    const begin = performance.now()
    const tally = runAll(cases, off, print)
    report(title, tally, performance.now() - begin, print)
    return tally
  }
  for (const corpus of corpora) {
    if (measure(`chip         ${corpus}, correct`, recordedCases(folder, corpus, step), []).differing.length > 0) good = false
  }
  if (measure('chip         seeds, correct', randomCases(1, seeds), []).differing.length > 0) good = false

  const faults = new Map<string, number>()
  let unexplained = 0
  const explain = (tally: Tally): void => {
    for (const c of tally.differing) {
      const names = mendedBy(c)
      for (const name of names) faults.set(name, (faults.get(name) ?? 0) + 1)
      if (names.length > 0) continue
      if (unexplained++ < SHOWN) print(`  ${c.name}: no repair mends it`)
    }
  }
  for (const corpus of corpora)
    explain(measure(`chip         ${corpus}, upstream`, recordedCases(folder, corpus, step), 'upstream'))
  explain(measure('chip         seeds, upstream', randomCases(1, seeds / 4), 'upstream'))
  for (const [name, n] of [...faults].sort((a, b) => b[1] - a[1])) print(`               ${n} programs wrong without ${name}`)
  if (unexplained > 0) print(`               ${unexplained} without explanation`)
  return good && unexplained === 0
}
