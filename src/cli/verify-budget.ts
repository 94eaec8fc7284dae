// Limits for verifier complexity, as CI sets them: `insns<=50000,states<=2000,stack<=256`, or against a baseline `insns<=+5%`.

import { usageError } from './command.ts'
import type { Recorded } from './verify-baseline.ts'

const MEASURES = ['insns', 'states', 'stack'] as const
export type Measure = (typeof MEASURES)[number]

export interface Limit {
  readonly measure: Measure
  readonly most: number
  /** `most` is what the baseline's number may grow by, in percent. */
  readonly relative: boolean
}

export function parseBudget(text: string): Limit[] {
  return text.split(',').map(term => {
    const found = /^\s*(\w+)\s*<=\s*(\+?)(\d+(?:\.\d+)?)(%?)\s*$/.exec(term)
    const measure = MEASURES.find(m => m === found?.[1])
    const relative = found?.[2] === '+'
    if (found === null || measure === undefined || relative !== (found[4] === '%')) {
      throw usageError(
        `--budget is a list of insns<=N, states<=N and stack<=N, or insns<=+N% with --compare; not ${JSON.stringify(term.trim())}`,
      )
    }
    return { measure, most: Number(found[3]), relative }
  })
}

/** What a program exceeds, in words; a limit against a baseline needs the program to be in it. */
export function exceeded(limits: readonly Limit[], now: Recorded, before: Recorded | undefined): string[] {
  return limits.flatMap(({ measure, most, relative }) => {
    const value = now[measure]
    if (!relative) return value > most ? [`${measure} ${value} > ${most}`] : []
    const base = before?.[measure]
    if (base === undefined || value <= base * (1 + most / 100)) return []
    return [`${measure} ${value} > ${base} + ${most}%`]
  })
}
