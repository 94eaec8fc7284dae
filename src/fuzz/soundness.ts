// Soundness by execution: accepted programs run in the interpreter, which checks every access, and before every instruction every
// register must lie within what the verifier says of it there.

import { NicwrightError } from '../errors.ts'
import { Dice } from '../host/dice.ts'
import { Interpreter } from '../host/engine.ts'
import { allFeatures, randomPacket, randomProgram } from '../host/generate.ts'
import { FRAME_BYTES, type Machine } from '../host/machine.ts'
import { type BpfMap, createMap, freeMap, type Memory, newMemory } from '../maps/index.ts'
import * as R from '../verifier/reg.ts'
import { type Verified, verify } from '../verifier/verify.ts'
import type { Subject } from './corpus.ts'
import { mutate } from './mutate.ts'
import { hadType, mayBeNull, observe, type Ranges, typeBits } from './observe.ts'

export interface SoundnessOptions {
  /** Accepted programs to run. */
  readonly programs: number
  readonly seed: number
  /** What the verifier says of a program; for tests of this test. */
  readonly observe?: (subject: Subject, most: number) => Ranges | undefined
}

export interface Soundness {
  /** Programs that were tried, accepted, and whose ranges are known (a few have too many ways). */
  readonly tried: number
  readonly accepted: number
  readonly observed: number
  readonly runs: number
  /** Instructions executed under observation, and registers compared with a range. */
  readonly insns: number
  readonly checks: number
  readonly violations: readonly string[]
}

const PACKETS = 4
/** Simulated instructions that a program's ways may take, and executed ones that a packet may. */
const MOST_STATES = 30_000
const BUDGET = 100_000
const MOST_VIOLATIONS = 10
/** Kinds of values whose place is known: a register that may be any other is not compared. */
const COMPARED = typeBits(
  R.SCALAR_VALUE,
  R.PTR_TO_CTX,
  R.PTR_TO_MAP_VALUE,
  R.PTR_TO_STACK,
  R.PTR_TO_PACKET,
  R.PTR_TO_PACKET_META,
  R.PTR_TO_PACKET_END,
)
// A program that goes on in another one is that one's matter.
const FEATURES = allFeatures.filter(feature => feature !== 'tail calls')

export function soundness(options: SoundnessOptions, progress: (done: Soundness) => void = () => undefined): Soundness {
  const dice = new Dice(options.seed)
  const memory = newMemory()
  const totals = { tried: 0, accepted: 0, observed: 0, runs: 0, insns: 0, checks: 0, violations: [] as string[] }
  while (totals.accepted < options.programs && totals.violations.length < MOST_VIOLATIONS) {
    const seed = dice.word()
    const { program, maps } = randomProgram(seed, { features: FEATURES, tc: dice.chance(0.3) })
    const made = { program, maps }
    // Every second one is changed: what a generator builds carefully leads nowhere near the edge of what is accepted.
    const subject = dice.chance(0.5) ? made : mutate(dice, made, made)
    totals.tried++
    const verdict = verify(subject.program, subject.maps, { logLevel: 0 })
    if (!verdict.ok || verdict.stats.processed > MOST_STATES) continue
    totals.accepted++
    run(subject, verdict.verified, seed, memory, totals, options.observe ?? observe)
    if (totals.accepted % 500 === 0) progress(totals)
  }
  return totals
}

type Totals = { observed: number; runs: number; insns: number; checks: number; violations: string[] }

function run(subject: Subject, verified: Verified, seed: number, memory: Memory, totals: Totals, look: typeof observe): void {
  const ranges = look(subject, MOST_STATES)
  if (ranges !== undefined) totals.observed++
  const maps: BpfMap[] = []
  let engine: Interpreter | undefined
  try {
    for (const spec of subject.maps) maps.push(createMap(memory, spec))
    const watch = new Watch(subject, ranges, seed, totals)
    engine = interpreter(watch.program, maps, memory, seed)
    if (engine === undefined) return
    watch.machine = engine.machine
    watch.maps = maps
    for (let i = 0; i < PACKETS; i++) {
      const { fault } = engine.run(randomPacket(Math.imul(seed, PACKETS) + i))
      totals.runs++
      // A helper that the interpreter lacks, a structure of the kernel's, or a very long loop, says nothing of the verifier.
      if (fault === undefined || fault.code === 'host/helper' || fault.code === 'host/budget') continue
      if (inKernel(verified, fault.insn)) continue
      if (totals.violations.length < MOST_VIOLATIONS) totals.violations.push(`program ${seed}: ${fault.message}`)
    }
  } finally {
    engine?.free()
    for (const map of maps) freeMap(map)
  }
}

/** A load through a pointer to a map reads Linux's own record of it, which the interpreter has not. */
function inKernel({ pointerType }: Verified, insn: number): boolean {
  const base = pointerType[insn]! & R.TYPE_BASE_MASK
  return base === R.CONST_PTR_TO_MAP || base === R.PTR_TO_BTF_ID
}

/** undefined for a program with an instruction that can't be run: Linux lets it stand where no path comes by. */
function interpreter(
  program: Subject['program'],
  maps: readonly BpfMap[],
  memory: Memory,
  seed: number,
): Interpreter | undefined {
  try {
    return new Interpreter(program, maps, { memory, seed, budget: BUDGET })
  } catch (error) {
    if (error instanceof NicwrightError && error.code === 'host/bad-insn') return undefined
    throw error
  }
}

/** Looks at the registers before each instruction: the interpreter reads the destination register of each from the program once. */
class Watch {
  readonly program: Subject['program']
  machine: Machine | undefined
  maps: readonly BpfMap[] = []
  readonly #ranges: Ranges | undefined
  readonly #seed: number
  readonly #totals: Totals

  constructor({ program }: Subject, ranges: Ranges | undefined, seed: number, totals: Totals) {
    this.#ranges = ranges
    this.#seed = seed
    this.#totals = totals
    const { insns } = program
    const dst = new Proxy(insns.dst, {
      get: (target, key) => {
        const insn = typeof key === 'string' ? Number(key) : Number.NaN
        if (!Number.isInteger(insn)) return Reflect.get(target, key, target)
        if (this.machine !== undefined) this.#look(this.machine, insn)
        return target[insn]
      },
    })
    this.program = ranges === undefined ? program : { ...program, insns: { ...insns, dst } }
  }

  #look(m: Machine, insn: number): void {
    const ranges = this.#ranges!
    const totals = this.#totals
    totals.insns++
    for (let n = 0; n < R.MAX_BPF_REG; n++) {
      const at = insn * R.MAX_BPF_REG + n
      const types = ranges.types[at]!
      // Of a register without a value nothing is said.
      if (hadType(types, R.NOT_INIT) && types !== 0) continue
      const fits = this.#fits(m, ranges, at, types, m.lo[n]!, m.hi[n]!)
      if (fits === undefined) continue
      totals.checks++
      if (fits) continue
      const value = `0x${(m.hi[n]! >>> 0).toString(16)}${(m.lo[n]! >>> 0).toString(16).padStart(8, '0')}`
      const what = types === 0 ? 'an instruction that no path reaches' : ranges.text(at)
      if (totals.violations.length < MOST_VIOLATIONS)
        totals.violations.push(`program ${this.#seed}, before instruction ${insn}: r${n} = ${value}, ${what}`)
      return
    }
  }

  /** undefined: nothing can be said of such a pointer. */
  #fits(m: Machine, ranges: Ranges, at: number, types: number, lo: number, hi: number): boolean | undefined {
    if (types === 0) return false
    if (hadType(types, R.SCALAR_VALUE) && ranges.holdsScalar(at, lo, hi)) return true
    if (mayBeNull(types) && lo === 0 && hi === 0) return true
    const address = hi * 2 ** 32 + (lo >>> 0)
    const near = (base: number): boolean => ranges.holdsOffset(at, address - base)
    let said = hadType(types, R.SCALAR_VALUE)
    if (hadType(types, R.PTR_TO_CTX)) {
      said = true
      if (near(m.context)) return true
    }
    if (hadType(types, R.PTR_TO_PACKET)) {
      said = true
      if (near(m.data)) return true
    }
    if (hadType(types, R.PTR_TO_PACKET_META)) {
      said = true
      if (near(m.meta)) return true
    }
    if (hadType(types, R.PTR_TO_PACKET_END)) {
      said = true
      if (near(m.dataEnd)) return true
    }
    if (hadType(types, R.PTR_TO_STACK)) {
      said = true
      for (let frame = 0; frame <= m.depth; frame++) if (near(m.stackTop - frame * FRAME_BYTES)) return true
    }
    if (hadType(types, R.PTR_TO_MAP_VALUE)) {
      said = true
      const [least, most] = ranges.offsets(at)
      for (const map of this.maps) if (address >= map.elements + least && address <= map.elementsEnd + most) return true
    }
    return said && (types & ~COMPARED) === 0 ? false : undefined
  }
}

export function fuzzSoundness(options: SoundnessOptions, print: (line: string) => void): boolean {
  const told = (s: Soundness): string =>
    `${s.accepted} accepted programs of ${s.tried} (${s.observed} with ranges), ${s.runs} packets, ` +
    `${s.insns} instructions, ${s.checks} registers compared, ${s.violations.length} violations`
  const result = soundness(options, done => {
    if (done.accepted % 2000 === 0) print(told(done))
  })
  for (const violation of result.violations) print(violation)
  print(told(result))
  return result.violations.length === 0
}
