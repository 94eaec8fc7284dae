// The verifier against the recorded answers of Linux 6.18: verdict, errno, the telling message, instructions processed, states, and the log
// at levels 1 and 2. Addresses of the recording kernel and parts that the recording cut out are not compared.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { decodeInsns } from '../bpf/decode.ts'
import { ENOSPC } from '../bpf/errno.ts'
import { progTypeNumber } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { fromHex } from '../bytes/hex.ts'
import { type Verdict, verify } from '../verifier/verify.ts'

const FILES = ['random', 'selftests-arrays', 'selftests-asm']
/** The log buffer of the recording. */
const RECORDED_BYTES = 1 << 25
const CUT = '\n@@CUT@@\n'

interface MapRecord {
  readonly type: number
  readonly key_size: number
  readonly value_size: number
  readonly max_entries: number
  readonly map_flags?: number
  readonly name?: string
  readonly btf?: string
  readonly btf_key?: number
  readonly btf_value?: number
  readonly inner?: MapRecord
  readonly init?: readonly { readonly key: string; readonly value: string }[]
  readonly frozen?: boolean | number
  readonly prog_array?: unknown
  readonly extra?: number
}

export interface ProgramRecord {
  readonly name: string
  readonly prog_type: string
  readonly expected_attach_type?: number
  readonly prog_flags?: number
  readonly license?: string
  readonly insns: readonly string[]
  readonly maps: readonly MapRecord[]
  readonly kfuncs?: readonly (readonly [number, string])[]
  readonly btf?: string
  readonly func_info?: string
  readonly func_info_rec?: number
  readonly line_info?: string
  readonly line_info_rec?: number
  readonly expect: {
    readonly ok: boolean
    readonly errno: number
    readonly message?: string
    readonly stats?: readonly number[]
    readonly processed?: number
    readonly log1?: string
    readonly log2?: string
    readonly xlated?: string
  }
}

export interface VerifierSample {
  /** Every n-th program. */
  readonly every?: number
  /** Programs whose name contains this, and then all that differs is printed. */
  readonly name?: string
  /** One of the files. */
  readonly file?: string
  /** Differences printed of each kind, default 0. */
  readonly show?: number
}

const KINDS = ['verdict', 'errno', 'message', 'processed', 'states', 'log1', 'log2'] as const
type Kind = (typeof KINDS)[number]

class Score {
  readonly equal: Record<Kind, number> = { verdict: 0, errno: 0, message: 0, processed: 0, states: 0, log1: 0, log2: 0 }
  readonly asked: Record<Kind, number> = { verdict: 0, errno: 0, message: 0, processed: 0, states: 0, log1: 0, log2: 0 }
  readonly shown: Record<Kind, number> = { verdict: 0, errno: 0, message: 0, processed: 0, states: 0, log1: 0, log2: 0 }
}

/** Prints the agreement per file and every verdict that differs; says whether all verdicts agree. */
export async function verifierConformance(
  folder: string,
  print: (line: string) => void,
  sample: VerifierSample = {},
): Promise<boolean> {
  let good = true
  for (const file of FILES) {
    if (sample.file !== undefined && sample.file !== file) continue
    const text = gunzipSync(readFileSync(join(folder, 'verifier', `${file}.jsonl.gz`))).toString('utf8')
    const score = new Score()
    let index = 0
    for (const line of text.split('\n')) {
      if (line === '') continue
      if (index++ % (sample.every ?? 1) !== 0) continue
      if (sample.name !== undefined && !line.slice(0, 300).includes(sample.name)) continue
      const record = JSON.parse(line) as ProgramRecord
      if (sample.name !== undefined && !record.name.includes(sample.name)) continue
      check(record, score, print, sample)
    }
    const parts = KINDS.map(kind => `${kind} ${score.equal[kind]}/${score.asked[kind]}`)
    print(`verifier  ${file}: ${parts.join(', ')}`)
    if (score.equal.verdict !== score.asked.verdict) good = false
  }
  return good
}

/** A record's program and maps. */
export function programOf(record: ProgramRecord): { readonly program: Program; readonly maps: readonly MapSpec[] } {
  const program: Program = {
    name: record.name,
    type: progTypeNumber(record.prog_type) ?? 0,
    expectedAttachType: record.expected_attach_type ?? 0,
    flags: record.prog_flags ?? 0,
    license: record.license ?? 'GPL',
    insns: decodeInsns(fromHex(record.insns.join(''))),
    ...(record.kfuncs === undefined ? {} : { kfuncs: record.kfuncs }),
    ...(record.btf === undefined ? {} : { btf: fromHex(record.btf) }),
    ...(record.func_info === undefined ? {} : { funcInfo: fromHex(record.func_info) }),
    ...(record.func_info_rec === undefined ? {} : { funcInfoRecordBytes: record.func_info_rec }),
    ...(record.line_info === undefined ? {} : { lineInfo: fromHex(record.line_info) }),
    ...(record.line_info_rec === undefined ? {} : { lineInfoRecordBytes: record.line_info_rec }),
  }
  return { program, maps: record.maps.map(mapOf) }
}

function mapOf(record: MapRecord): MapSpec {
  return {
    name: record.name ?? '',
    type: record.type,
    keySize: record.key_size,
    valueSize: record.value_size,
    maxEntries: record.max_entries,
    flags: record.map_flags ?? 0,
    ...(record.btf === undefined ? {} : { btf: fromHex(record.btf) }),
    ...(record.btf_key === undefined ? {} : { btfKey: record.btf_key }),
    ...(record.btf_value === undefined ? {} : { btfValue: record.btf_value }),
    ...(record.inner === undefined ? {} : { inner: mapOf(record.inner) }),
    ...(record.init === undefined
      ? {}
      : { init: record.init.map(({ key, value }) => ({ key: fromHex(key), value: fromHex(value) })) }),
    ...(record.frozen ? { frozen: true } : {}),
    ...(record.prog_array === undefined ? {} : { filled: true }),
    ...(record.extra === undefined ? {} : { extra: BigInt(record.extra) }),
  }
}

function run(record: ProgramRecord, logLevel: number): Verdict {
  const { program, maps } = programOf(record)
  return verify(program, maps, { logLevel, logSize: RECORDED_BYTES })
}

function check(record: ProgramRecord, score: Score, print: (line: string) => void, sample: VerifierSample): void {
  const { expect } = record
  const detail = sample.name !== undefined
  const note = (kind: Kind, good: boolean, text: () => string): void => {
    score.asked[kind]++
    if (good) {
      score.equal[kind]++
      return
    }
    if (kind === 'verdict' || detail || score.shown[kind] < (sample.show ?? 0)) print(`  ${record.name}: ${kind}: ${text()}`)
    score.shown[kind]++
  }
  let verdict: Verdict
  let log1: string
  try {
    verdict = run(record, 1)
    log1 = verdict.log
    // A full log is a verdict of its own; the recorded one is that without a log.
    if (!verdict.ok && verdict.errno === ENOSPC) verdict = run(record, 0)
  } catch (error) {
    note('verdict', false, () => `crash: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    return
  }
  const saying = (v: Verdict): string => (v.ok ? 'accepted' : `refused (${v.errno}) ${v.message}`)
  note(
    'verdict',
    verdict.ok === expect.ok,
    () => `Linux ${expect.ok ? 'accepts' : `refuses (${expect.errno}) ${expect.message}`}, here ${saying(verdict)}`,
  )
  if (!expect.ok && !verdict.ok) {
    note('errno', verdict.errno === expect.errno, () => `Linux ${expect.errno} ${expect.message}, here ${saying(verdict)}`)
    if (expect.message !== undefined) {
      const { message } = verdict
      note('message', mask(message) === mask(expect.message), () => `Linux "${expect.message}", here "${message}"`)
    }
  }
  const { stats } = verdict
  const processed = expect.stats?.[0] ?? expect.processed
  if (processed !== undefined)
    note('processed', stats.processed === processed, () => `Linux ${processed}, here ${stats.processed}`)
  if (expect.stats !== undefined) {
    const mine = [stats.processed, stats.maxStatesPerInsn, stats.totalStates, stats.peakStates]
    note('states', mine.join() === expect.stats.join(), () => `Linux ${expect.stats?.join()}, here ${mine.join()}`)
  }
  compareLog(note, 'log1', log1, expect.log1)
  if (expect.log2 !== undefined) compareLog(note, 'log2', run(record, 2).log, expect.log2)
}

function mask(text: string): string {
  return text.replace(/0xffff[0-9a-f]{12}/g, '0xffffADDR')
}

type Note = (kind: Kind, good: boolean, text: () => string) => void

function compareLog(note: Note, kind: 'log1' | 'log2', mine: string, theirs: string | undefined): void {
  if (theirs === undefined) return
  const cut = theirs.indexOf(CUT)
  if (cut < 0) {
    note(kind, mask(mine) === mask(theirs), () => firstDifference(mine, theirs))
    return
  }
  // A longer log than the recording's buffer has lost its beginning there.
  const full = mine.length >= RECORDED_BYTES - 1
  // Whole lines: a cut may go through an address.
  const head = full ? '' : theirs.slice(0, theirs.lastIndexOf('\n', cut - 1) + 1)
  const tail = theirs.slice(theirs.indexOf('\n', cut + CUT.length))
  const good = mask(mine.slice(0, head.length)) === mask(head) && mask(mine.slice(-tail.length)) === mask(tail)
  note(kind, good, () => firstDifference(mine, head))
}

function firstDifference(mine: string, theirs: string): string {
  const a = mask(mine).split('\n')
  const b = mask(theirs).split('\n')
  let i = 0
  while (i < a.length && i < b.length && a[i] === b[i]) i++
  return `line ${i + 1}\n      ${b[i - 1] ?? ''}\n    - ${b[i] ?? '(end)'}\n    + ${a[i] ?? '(end)'}`
}
