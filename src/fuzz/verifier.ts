// `npm run fuzz -- verifier`: programs out of programs, before the real verifier and ours, as long as the clock allows. What showed
// something of the verifier that nothing before it did becomes a parent of others. Of each class of disagreement the first program is
// minimised and reported.

import { writeFileSync } from 'node:fs'
import { encodeInsns } from '../bpf/encode.ts'
import { printInsn } from '../bpf/print.ts'
import { progTypeNames } from '../bpf/prog-type-table.ts'
import { toHex } from '../bytes/hex.ts'
import { Dice } from '../host/dice.ts'
import { randomProgram } from '../host/generate.ts'
import { compare, type Difference, kinds } from './compare.ts'
import { Corpus, recordText, type Subject } from './corpus.ts'
import { featuresOf } from './cover.ts'
import { minimise } from './minimise.ts'
import { mutate } from './mutate.ts'
import { KernelWitness } from './witness.ts'

export interface VerifierFuzz {
  readonly seconds: number
  readonly seed: number
  readonly corpus?: string | undefined
  /** Programs to start from beside generated ones. */
  readonly seeds: readonly Subject[]
  /** A file that always holds all classes so far. */
  readonly report?: string | undefined
}

interface Class {
  readonly first: Difference
  readonly subject: Subject
  count: number
}

export interface FuzzResult {
  readonly programs: number
  readonly accepted: number
  readonly features: number
  readonly corpus: number
  readonly disagreements: number
  readonly classes: ReadonlyMap<string, Class>
}

/** A program that takes longer than this in Linux is nobody's parent. */
const MOST_PROCESSED = 20_000
const GENERATED = 40
const FRESH = 0.1

export function fuzzVerifier(options: VerifierFuzz, print: (line: string) => void, now: () => number): FuzzResult {
  const dice = new Dice(options.seed)
  const witness = new KernelWitness()
  const corpus = new Corpus(options.corpus)
  const known: Set<string> = new Set()
  const classes: Map<string, Class> = new Map()
  const start = now()
  /** Of the corpus, those that were accepted: a change of one leads further in than a change of what was refused early. */
  const good: Subject[] = []
  let programs = 0
  let accepted = 0
  let disagreements = 0
  let told = start

  const run = (subject: Subject, keep: boolean): void => {
    const full = dice.chance(0.5)
    // The long ones are looked at seldom.
    const result = compare(witness, subject, full, dice.chance(0.05) ? undefined : MOST_PROCESSED)
    if (result === undefined) return
    programs++
    if (result.kernel.ok) accepted++
    if ((result.kernel.stats[0] ?? 0) <= MOST_PROCESSED) {
      let fresh = false
      for (const feature of featuresOf(result.log, result.message)) {
        if (known.has(feature)) continue
        known.add(feature)
        fresh = true
      }
      if (fresh && keep) corpus.add(subject)
      if (fresh && result.kernel.ok) good.push(subject)
    }
    if (result.difference === undefined) return
    disagreements++
    const key = `${result.difference.kind}: ${result.difference.name}`
    const seen = classes.get(key)
    if (seen !== undefined) {
      seen.count++
      return
    }
    const small = minimise(
      subject,
      candidate => {
        const again = compare(witness, candidate, full)?.difference
        return again !== undefined && again.kind === result.difference?.kind && again.name === result.difference.name
      },
      result.kernel.stats[0] === undefined || result.kernel.stats[0] < MOST_PROCESSED ? 1500 : 20,
    )
    const first = compare(witness, small, full)?.difference ?? result.difference
    classes.set(key, { first, subject: small, count: 1 })
    print(`${elapsed(now() - start)}  new class  ${key}`)
    if (options.report !== undefined) writeFileSync(options.report, reportText(classes))
  }

  for (const subject of [...corpus.subjects]) run(subject, false)
  for (const subject of options.seeds) if (now() - start < options.seconds * 1000) run(subject, true)
  for (let i = 0; i < GENERATED; i++) run(generated(dice), true)
  while (now() - start < options.seconds * 1000) {
    const { subjects } = corpus
    const fresh = subjects.length < 2 || dice.chance(FRESH)
    const parent = fresh ? generated(dice) : pickFrom(dice, good.length > 0 && dice.chance(0.7) ? good : subjects)
    const other = subjects.length < 2 ? parent : dice.pick(subjects)
    run(mutate(dice, parent, other), true)
    if (now() - told > 10_000) {
      told = now()
      const rate = Math.round((programs * 1000) / (told - start))
      print(
        `${elapsed(told - start)}  ${programs} programs (${rate}/s, ${percent(accepted, programs)} accepted), ${known.size} features, ` +
          `${subjects.length} in the corpus, ${disagreements} disagreements in ${classes.size} classes`,
      )
    }
  }
  witness.close()
  if (options.report !== undefined) writeFileSync(options.report, reportText(classes))
  return { programs, accepted, features: known.size, corpus: corpus.subjects.length, disagreements, classes }
}

/** Half of the time one of the latest finds. */
function pickFrom(dice: Dice, subjects: readonly Subject[]): Subject {
  const recent = Math.min(subjects.length, 64)
  const index = dice.chance(0.5) ? subjects.length - 1 - dice.below(recent) : dice.below(subjects.length)
  return subjects[index]!
}

function generated(dice: Dice): Subject {
  const { program, maps } = randomProgram(dice.word(), { tc: dice.chance(0.5), blocks: 1 + dice.below(12) })
  return { program, maps }
}

/** The table of classes, the worst kind first. */
export function tableOf(result: FuzzResult): string[] {
  const lines = [
    `${result.programs} programs, ${percent(result.accepted, result.programs)} of them accepted by Linux; ${result.features} features, ` +
      `${result.corpus} programs in the corpus; ${result.disagreements} disagreements in ${result.classes.size} classes`,
  ]
  for (const kind of kinds) {
    const of = [...result.classes].filter(([, c]) => c.first.kind === kind)
    const count = of.reduce((sum, [, c]) => sum + c.count, 0)
    lines.push(`  ${kind.padEnd(12)}${String(count).padStart(7)} programs in ${of.length} classes`)
    for (const [key, { count: n }] of of.sort((a, b) => b[1].count - a[1].count)) {
      lines.push(`    ${String(n).padStart(7)}  ${key.slice(kind.length + 2)}`)
    }
  }
  return lines
}

export function reportText(classes: ReadonlyMap<string, Class>): string {
  const parts = ['# Disagreements with Linux, by class, minimised; the worst first\n']
  for (const kind of kinds) {
    for (const [key, { first, subject, count }] of classes) {
      if (first.kind !== kind) continue
      parts.push(`\n## ${key}\n\nprograms: ${count}\n\n\`\`\`\n${first.detail}\n\`\`\`\n\n\`\`\`\n${listing(subject)}\n\`\`\`\n`)
    }
  }
  return parts.join('')
}

/** A program as text, and as a record that can be run again. */
function listing(subject: Subject): string {
  const { program } = subject
  const { insns } = program
  const lines = [`type ${progTypeNames[program.type] ?? program.type}, flags ${program.flags}`]
  for (let i = 0; i < insns.count; i++) {
    lines.push(`${String(i).padStart(4)}: ${printInsn(insns, i)}`)
    if (insns.code[i] === 0x18) i++
  }
  lines.push(recordText(subject).length < 4000 ? recordText(subject).trimEnd() : toHex(encodeInsns(insns)))
  return lines.join('\n')
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${Math.round((100 * part) / whole)} %`
}

function elapsed(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000)
  return `${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}`
}
