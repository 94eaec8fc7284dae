// A record of ../shared/vectors/nfp: a program, the card it was loaded for, and what the upstream driver made of it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { FactsJson, InsnFactsJson } from '../drivers/nfp/facts-json.ts'

/** What translation gave for an instruction, beside the facts that it was given. */
export interface InsnResultJson extends InsnFactsJson {
  readonly off: number
  readonly gather?: number
  readonly cache?: readonly [start: number, end: number, fills: number]
  readonly neg?: number
}

export interface MetaJson extends FactsJson {
  readonly insns: readonly InsnResultJson[]
  readonly last_bpf_off: number
  readonly tgt_out: number
  readonly tgt_abort: number
  readonly tgt_push: number
  readonly tgt_pop: number
}

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
