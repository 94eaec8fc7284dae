// Programs that a fuzzer starts from. Those that showed something new are files of a folder, one record (docs/batch.md) each; seeds
// are records too, one a line, in a file that may be gzipped.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { MapSpec, Program } from '../bpf/program.ts'
import { readRecord, writeRecord } from '../bpf/record.ts'
import { NicwrightError } from '../errors.ts'

/** A program and the maps that it refers to. */
export interface Subject {
  readonly program: Program
  readonly maps: readonly MapSpec[]
}

export function recordText({ program, maps }: Subject): string {
  return `${JSON.stringify(writeRecord({ program, maps, hostMaps: [] }))}\n`
}

/** The records of a file, one a line. @throws NicwrightError `fuzz/seeds` that names file and line. */
export function readSeeds(path: string): Subject[] {
  let text: string
  try {
    const bytes = readFileSync(path)
    text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8')
  } catch (error) {
    throw new NicwrightError('fuzz/seeds', { message: `${path} can't be read`, cause: error })
  }
  return text.split('\n').flatMap((line, i) => {
    if (line === '') return []
    try {
      const { program, maps } = readRecord(JSON.parse(line))
      return program.insns.count === 0 ? [] : [{ program, maps }]
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new NicwrightError('fuzz/seeds', { message: `${path}, line ${i + 1}: ${why}`, cause: error })
    }
  })
}

/** A folder of found programs; without a folder they are kept in memory alone. */
export class Corpus {
  readonly #folder: string | undefined
  readonly #subjects: Subject[] = []
  #files = 0

  constructor(folder: string | undefined) {
    this.#folder = folder
    if (folder === undefined) return
    mkdirSync(folder, { recursive: true })
    for (const name of readdirSync(folder).sort()) {
      if (!name.endsWith('.json')) continue
      this.#subjects.push(...readSeeds(join(folder, name)))
      this.#files = Math.max(this.#files, Number.parseInt(name, 10) || 0)
    }
  }

  get subjects(): readonly Subject[] {
    return this.#subjects
  }

  add(subject: Subject): void {
    this.#subjects.push(subject)
    if (this.#folder === undefined) return
    const name = `${String(++this.#files).padStart(6, '0')}.json`
    writeFileSync(join(this.#folder, name), recordText(subject))
  }
}
