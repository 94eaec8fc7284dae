// What `nicwright verify` knows of each program: one row, whether it was accepted, refused, or could not be read at all.

import { readdirSync, statSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { DeviceVerifier } from '../drivers/nfp/device-verifier.ts'
import { newMapUse } from '../drivers/nfp/map-use.ts'
import { NicwrightError } from '../errors.ts'
import type { KernelAnswer } from '../fuzz/witness.ts'
import { isNeutral } from '../kernel/map.ts'
import { defaultProfile } from '../nfp/profiles.ts'
import type { ObjectMap, ObjectProgram } from '../object/index.ts'
import { type Target, type Verdict, verify } from '../verifier/index.ts'
import { INTERFACE } from './machine.ts'
import { mapSpecs, openObject } from './object.ts'
import { usedMaps } from './trial.ts'

export type TargetName = 'host' | typeof INTERFACE

export interface ProgramRow {
  /** As shown: below the folder that was given. */
  readonly file: string
  /** As found on disk. */
  readonly path: string
  readonly program: ObjectProgram
  /** What it refers to, in the order of its indices. */
  readonly maps: readonly ObjectMap[]
  readonly verdict: Verdict
  readonly milliseconds: number
  /** The real kernel's answer, or why it was not given. */
  readonly kernel?: KernelAnswer | { readonly why: string }
}

/** A file without programs that can be verified. */
export interface BrokenRow {
  readonly file: string
  readonly path: string
  readonly error: NicwrightError
}

export type Row = ProgramRow | BrokenRow

export interface ObjectFile {
  readonly file: string
  readonly path: string
  /** Found in a folder: then what can't be read is a row, not the end. */
  readonly found: boolean
}

/** The files that are meant: those named, and every .o below the folders named. */
export function objectFiles(paths: readonly string[]): ObjectFile[] {
  return paths.flatMap((path): ObjectFile[] => {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [{ file: basename(path), path, found: false }]
    const files = readdirSync(path, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && entry.name.endsWith('.o'))
      .map(entry => join(entry.parentPath, entry.name))
      .sort()
    if (files.length === 0) throw new NicwrightError('file/none', { message: `${path} holds no .o file` })
    return files.map(file => ({ file: relative(path, file), path: file, found: true }))
  })
}

export interface RowOptions {
  readonly program?: string | undefined
  readonly logLevel: number
  readonly target: TargetName
  readonly kernel?: ((row: ProgramRow) => KernelAnswer | { readonly why: string }) | undefined
}

/** The programs of a file, each with its verdict. @throws NicwrightError when a file that was named can't be read. */
export function rowsOf({ file, path, found }: ObjectFile, options: RowOptions): Row[] {
  try {
    const { object, programs } = openObject(path, options.program)
    if (programs.length === 0) throw new NicwrightError('object/no-program', { message: `${path} holds no program` })
    const maps = mapSpecs(object)
    return programs.map(program => {
      const row = rowOf({ file, path }, program, maps, options)
      return options.kernel === undefined ? row : { ...row, kernel: options.kernel(row) }
    })
  } catch (error) {
    if (!(error instanceof NicwrightError) || !found) throw error
    // Which program of an object that lacks it: other files may have it.
    if (error.code === 'object/no-such-program') return []
    return [{ file, path, error }]
  }
}

function rowOf(
  place: Pick<ObjectFile, 'file' | 'path'>,
  whole: ObjectProgram,
  all: readonly ObjectMap[],
  { logLevel, target }: RowOptions,
): ProgramRow {
  const { program, maps } = usedMaps(whole, all)
  const start = performance.now()
  const verdict = verify(program, maps, {
    logLevel,
    target: target === 'host' ? { kind: 'host' } : cardTarget(maps),
    explain: true,
  })
  return { ...place, program, maps, verdict, milliseconds: performance.now() - start }
}

/** The card of the default profile: its maps are the program's own, event arrays stand on the host. */
function cardTarget(maps: readonly ObjectMap[]): Target {
  const { capabilities, stackBytes } = defaultProfile.firmware
  const hooks = new DeviceVerifier({
    capabilities,
    stackBytes,
    marks: maps.map(map => (isNeutral(map) ? undefined : newMapUse(map.valueSize))),
    codegen: { codegen: 'correct', off: new Set() },
  })
  return { kind: 'offloaded', device: INTERFACE, hooks }
}

/** Bytes of stack of all functions of an accepted program together; 0 of a refused one. */
export function stackOf(verdict: Verdict): number {
  return verdict.ok ? verdict.verified.stackDepth.reduce((a, b) => a + b, 0) : 0
}
