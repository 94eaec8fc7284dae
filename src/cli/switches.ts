// How code is made, as the command line says it: code generation, card, firmware, and which optimisations and repairs are on. Switches
// that `nicwright opts off` has put into the session folder hold for every verb that asks `machineOptionsOf` or `switchesOf`; `--opt` goes before them.

import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RepairName, repairs } from '../drivers/nfp/codegen.ts'
import { type SwitchName, switchedOff, switches } from '../drivers/nfp/passes.ts'
import { NicwrightError } from '../errors.ts'
import type { FirmwareOptions } from '../nfp/profiles.ts'
import { oneOf, usageError } from './command.ts'
import { readInput } from './file.ts'
import { type MachineOptions, profileOf } from './machine.ts'
import { SESSION_FOLDER } from './session.ts'

const FILE = 'opts.json'

/** Options of every verb that makes code, for `parse`. */
export const codegenOptions = {
  codegen: { type: 'string' },
  opt: { type: 'string', multiple: true },
  profile: { type: 'string' },
  fw: { type: 'string' },
  session: { type: 'string' },
} as const

export const CODEGEN_USAGE = `[--codegen correct|upstream] [--opt -NAME …] [--profile P] [--fw JSON] [--session DIR]`

export interface CodegenValues {
  readonly codegen?: string | undefined
  readonly opt?: readonly string[] | undefined
  readonly profile?: string | undefined
  readonly fw?: string | undefined
  /** Folder of the session. */
  readonly session?: string | undefined
}

/** `--opt -memcpy` as the one word that the parser of options wants: a value that begins with a dash. */
export function joinSwitches(args: readonly string[]): string[] {
  const out: string[] = []
  for (let i = 0; i < args.length; i++) {
    const next = args[i + 1]
    if (args[i] === '--opt' && next !== undefined && /^[-+][a-z]/.test(next)) {
      out.push(`--opt=${next}`)
      i++
    } else out.push(args[i] as string)
  }
  return out
}

/** What the options, the session folder and the defaults say together. @throws NicwrightError for unknown names and values */
export function machineOptionsOf(values: CodegenValues, folder: string = values.session ?? SESSION_FOLDER): MachineOptions {
  const options: MachineOptions = {
    ...(values.codegen === undefined ? {} : { codegen: oneOf(values.codegen, '--codegen', ['correct', 'upstream']) }),
    ...(values.profile === undefined ? {} : { profile: values.profile }),
    ...(values.fw === undefined ? {} : { firmware: firmwareOptions(values.fw) }),
    off: switchesOf(values.opt, folder),
  }
  // Unknown profiles and impossible firmware are told before anything is done.
  asUsage(() => profileOf(options))
  return options
}

/**
 * The names that are off: those of the session folder, then `list` in its order (`-name` off, `+name` or `name` on; commas separate).
 * @throws NicwrightError `passes/name` for an unknown name, `session/damaged` for a damaged file
 */
export function switchesOf(list: readonly string[] = [], folder: string = SESSION_FOLDER): string[] {
  const words = list.flatMap(item => item.split(',')).filter(word => word !== '')
  const remembered = rememberedOff(folder).map(name => `-${name}`)
  return [...asUsage(() => switchedOff([...remembered, ...words.flatMap(all)]))]
}

/** What is wrong with names on the command line is an error of usage. */
function asUsage<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof NicwrightError)) throw error
    throw new NicwrightError('cli/usage', { message: error.message, notes: error.notes, cause: error })
  }
}

function all(word: string): string[] {
  const sign = /^[-+]/.exec(word)?.[0] ?? ''
  return word.slice(sign.length) === 'all' ? switches.map(s => sign + s.name) : [word]
}

/** What `nicwright opts off` has kept. */
export function rememberedOff(folder: string = SESSION_FOLDER): string[] {
  const path = join(folder, FILE)
  if (!existsSync(path)) return []
  const damaged = (why: string): NicwrightError =>
    new NicwrightError('session/damaged', {
      message: `${path} is damaged: ${why}`,
      notes: ['remove it, or: nicwright opts on all'],
    })
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(readInput(path)))
  } catch (error) {
    throw damaged((error as Error).message)
  }
  const off = typeof json === 'object' && json !== null ? (json as { readonly off?: unknown }).off : undefined
  if (!Array.isArray(off) || !off.every(name => typeof name === 'string' && isSwitch(name))) {
    throw damaged('it should hold {"off": [names of switches]}')
  }
  return [...new Set<string>(off)]
}

/** Keeps these names as off. Written whole and then renamed, so that a reader never sees half of it. */
export function rememberOff(off: readonly string[], folder: string = SESSION_FOLDER): void {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, FILE)
  writeFileSync(`${path}.new`, `${JSON.stringify({ off: [...off].sort() })}\n`)
  renameSync(`${path}.new`, path)
}

export function isSwitch(name: string): name is SwitchName | RepairName {
  return switches.some(s => s.name === name) || repairs.some(r => r.name === name)
}

/** Firmware options: JSON itself, or a file with it. */
function firmwareOptions(text: string): FirmwareOptions {
  const inline = text.trimStart().startsWith('{')
  const json = inline ? text : new TextDecoder().decode(readInput(text))
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw usageError(`--fw ${inline ? '' : `${text} `}is not JSON: ${(error as Error).message}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usageError('--fw is an object of firmware options')
  return value as FirmwareOptions
}
