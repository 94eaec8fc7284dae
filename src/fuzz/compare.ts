// One program before both verifiers, and what they don't agree on, by class: the first of verdict, errno, message, processed count,
// states, log.

import { NicwrightError } from '../errors.ts'
import { type Verdict, verify } from '../verifier/index.ts'
import type { Subject } from './corpus.ts'
import { template } from './cover.ts'
import type { KernelAnswer, KernelWitness } from './witness.ts'

/** From the worst to the least. */
export const kinds = ['crash', 'unsound', 'too strict', 'errno', 'message', 'processed', 'states', 'log 1', 'log 2'] as const
export type Kind = (typeof kinds)[number]

export interface Difference {
  readonly kind: Kind
  /** Differences with the same text have, in all likelihood, the same cause. */
  readonly name: string
  readonly detail: string
}

export interface Comparison {
  readonly kernel: KernelAnswer
  readonly log: string
  readonly message: string
  readonly difference: Difference | undefined
}

/** Larger ones are compared without the full log. */
const FULL_LOG_INSNS = 3000

/** Asks both, unless Linux processed more than `most` instructions. undefined where Linux can't be asked: a map or a kernel function that it doesn't have. */
export function compare(witness: KernelWitness, subject: Subject, full: boolean, most = 1_000_001): Comparison | undefined {
  let kernel: KernelAnswer
  let level = 1
  try {
    kernel = witness.ask(subject.program, subject.maps, level)
    if (full && kernel.ok && (kernel.stats[0] ?? 0) < FULL_LOG_INSNS) {
      level = 2
      kernel = witness.ask(subject.program, subject.maps, level)
    }
  } catch (error) {
    if (error instanceof NicwrightError) return undefined
    throw error
  }
  if ((kernel.stats[0] ?? 0) > most) return { kernel, log: '', message: kernel.message, difference: undefined }
  let verdict: Verdict
  try {
    verdict = verify(subject.program, subject.maps, { logLevel: level })
  } catch (error) {
    const text = error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error)
    const [first = '', ...rest] = text.split('\n')
    const place = rest.find(line => line.includes('at ')) ?? ''
    const difference: Difference = { kind: 'crash', name: `${template(first)} ${place.trim().split(' ')[1] ?? ''}`, detail: text }
    return { kernel, log: kernel.log, message: kernel.message, difference }
  }
  return { kernel, log: kernel.log, message: kernel.message, difference: differenceOf(kernel, verdict, level) }
}

function mask(text: string): string {
  return text.replace(/0xffff[0-9a-f]{12}/g, '0xffffADDR')
}

export function differenceOf(kernel: KernelAnswer, verdict: Verdict, level: number): Difference | undefined {
  const here = verdict.ok ? 'accepted' : `errno ${verdict.errno}, ${verdict.message || '(no message)'}`
  const there = kernel.ok ? 'accepted' : `errno ${kernel.errno}, ${kernel.message || '(no message)'}`
  const detail = `Linux: ${there}\nhere:  ${here}`
  if (kernel.ok !== verdict.ok) {
    const kind = verdict.ok ? 'unsound' : 'too strict'
    return { kind, name: template(verdict.ok ? kernel.message || `errno ${kernel.errno}` : verdict.message), detail }
  }
  if (!verdict.ok) {
    if (verdict.errno !== kernel.errno)
      return {
        kind: 'errno',
        name: `${kernel.errno} ${template(kernel.message)}, here ${verdict.errno} ${template(verdict.message)}`,
        detail,
      }
    if (mask(verdict.message) !== mask(kernel.message))
      return { kind: 'message', name: `${template(kernel.message)} | ${template(verdict.message)}`, detail }
  }
  const { stats } = verdict
  const mine = [stats.processed, stats.maxStatesPerInsn, stats.totalStates, stats.peakStates]
  const first = kernel.stats.length === 0 ? undefined : firstDifference(mask(kernel.log), mask(verdict.log))
  if (kernel.stats.length === 0) return undefined
  const shapes = first === undefined ? '' : `${shape(first.there)} | ${shape(first.here)}`
  const told = `Linux: ${kernel.stats.join(' ')}\nhere:  ${mine.join(' ')}${first === undefined ? '' : `\n${first.text}`}`
  // Without the full log nothing tells one cause of another count from another.
  const where = level === 2 ? shapes : verdict.ok ? '' : template(kernel.message)
  if (mine[0] !== kernel.stats[0]) return { kind: 'processed', name: where, detail: told }
  if (mine.join() !== kernel.stats.join()) return { kind: 'states', name: where, detail: told }
  if (first !== undefined) return { kind: level === 2 ? 'log 2' : 'log 1', name: shapes, detail: first.text }
  return undefined
}

interface LogDifference {
  readonly here: string
  readonly there: string
  readonly text: string
}

function firstDifference(theirs: string, mine: string): LogDifference | undefined {
  if (theirs === mine) return undefined
  const a = theirs.split('\n')
  const b = mine.split('\n')
  let i = 0
  while (i < a.length && i < b.length && a[i] === b[i]) i++
  const there = a[i] ?? '(end)'
  const here = b[i] ?? '(end)'
  const before = a.slice(Math.max(0, i - 3), i).map(line => `    ${line}`)
  return { here, there, text: [...before, `  - ${there}`, `  + ${here}`].join('\n') }
}

/** A line of the log without its numbers: which opcode, and which facts. */
function shape(line: string): string {
  if (line.startsWith('from ')) return 'from # to #'
  if (line.startsWith('processed')) return 'processed'
  return template(line)
    .replace(/\b[rw]#/g, 'r#')
    .replace(/\s+/g, ' ')
    .slice(0, 100)
}
