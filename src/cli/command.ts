import { type ParseArgsConfig, parseArgs } from 'node:util'
import { NicwrightError } from '../errors.ts'
import type { Io } from './io.ts'

/** A verb of the command line. */
export interface Command {
  /** What `nicwright help VERB` prints: the first line is `nicwright VERB …`. */
  readonly usage: string
  /** Gives the exit code. */
  run(args: readonly string[], io: Io): Promise<number>
}

type Options = NonNullable<ParseArgsConfig['options']>

/** Words and options of a verb; anything unknown is a usage error that names it. */
export function parse<T extends Options>(
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw usageError(error instanceof Error ? error.message.replace(/\. To specify a positional.*$/s, '') : String(error))
  }
}

export function usageError(message: string): NicwrightError {
  return new NicwrightError('cli/usage', { message })
}

/** A whole number from `least` to `most`, given as text. */
export function wholeNumber(text: string, name: string, least: number, most: number): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most))
    throw usageError(`${name} is a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`)
  return value
}

/** One of a few words. */
export function oneOf<T extends string>(text: string, name: string, words: readonly T[]): T {
  const word = words.find(w => w === text)
  if (word === undefined) throw usageError(`${name} is one of ${words.join(', ')}, not ${JSON.stringify(text)}`)
  return word
}
