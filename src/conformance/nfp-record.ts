// A record of ../shared/vectors/nfp: a program, the card it was loaded for, and what the upstream driver made of it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { MetaJson } from '../drivers/nfp/meta-json.ts'

export interface AcceptedRecord {
  readonly name: string
  readonly fw?: Readonly<Record<string, unknown>>
  readonly map_ids: readonly number[]
  readonly nfp: readonly string[]
  readonly nfp_prereloc: readonly string[]
  readonly stack_size: number
  readonly meta: MetaJson
}

export interface RejectedRecord {
  readonly name: string
  readonly fw?: Readonly<Record<string, unknown>>
  readonly map_ids: readonly number[]
  readonly stage: 'map_create' | 'prog_load' | 'attach' | 'crash'
  readonly errno: number
  readonly nfp_log: readonly string[]
  readonly last_log_lines: readonly string[]
  readonly dmesg: readonly string[]
  readonly extack?: string
  readonly crash?: readonly string[]
}

export const corpora: readonly string[] = ['hand', 'hand2', 'hand3', 'clang', 'random']

export function readRecords<T>(folder: string, file: string): T[] {
  const text = gunzipSync(readFileSync(join(folder, 'nfp', `${file}.jsonl.gz`))).toString('utf8')
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as T)
}
