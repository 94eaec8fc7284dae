// The translator against the upstream driver's recorded answers. First with the driver's own facts: translation is a pure function then,
// and every word, target, offset and decision of a pass must be equal.

import { performance } from 'node:perf_hooks'
import { readRecord } from '../bpf/record.ts'
import { UPSTREAM } from '../drivers/nfp/codegen.ts'
import { readFacts } from '../drivers/nfp/facts-json.ts'
import { type Translated, translate } from '../drivers/nfp/translate.ts'
import { Code } from '../nfp/code.ts'
import { defaultFirmware, type Firmware, withOptions } from '../nfp/profiles.ts'
import { relocate } from '../nfp/relocate.ts'
import { type AcceptedRecord, corpora, type MetaJson, readRecords } from './nfp-record.ts'

const SHOWN = 5

/** Prints a line per file, and the first differences; says whether there were none. */
export async function translateConformance(folder: string, print: (line: string) => void): Promise<boolean> {
  let good = true
  for (const corpus of corpora) good = givenFacts(folder, corpus, print) && good
  return good
}

function givenFacts(folder: string, corpus: string, print: (line: string) => void): boolean {
  const records = readRecords<AcceptedRecord>(folder, `${corpus}.accepted`)
  let equal = 0
  let shown = 0
  let milliseconds = 0
  for (const record of records) {
    const { program } = readRecord(record)
    const facts = readFacts(record.meta, program.insns)
    const firmware = withOptions(defaultFirmware, record.fw ?? {})
    const { offMin, offMax } = firmware.capabilities.adjustHead ?? { offMin: 0, offMax: 0 }
    const begin = performance.now()
    const made = translate({
      insns: program.insns,
      progType: program.type,
      facts,
      mapIds: record.map_ids,
      maxWords: firmware.maxLength,
      adjustHead: { offMin, offMax },
      options: UPSTREAM,
    })
    milliseconds += performance.now() - begin
    const difference = made.ok ? differenceOf(made, record, firmware) : 'not translated'
    if (difference === undefined) equal++
    else if (shown++ < SHOWN) print(`  ${record.name}: ${difference}`)
  }
  const rate = Math.round((records.length / milliseconds) * 1000)
  print(
    `translation  ${corpus}: ${records.length} programs, given facts, equal ${share(equal, records.length)} (${rate} a second)`,
  )
  return records.length > 0 && equal === records.length
}

function share(part: number, whole: number): string {
  return whole === 0 ? 'none' : `${part} (${((100 * part) / whole).toFixed(1)} %)`
}

/** What differs first, or undefined. */
function differenceOf(made: Translated, record: AcceptedRecord, firmware: Firmware): string | undefined {
  const words = wordDifference('before relocation', made.lo, made.hi, record.nfp_prereloc)
  if (words !== undefined) return words
  if (made.stackSize !== record.stack_size) return `stack ${made.stackSize} instead of ${record.stack_size}`
  const { meta } = record
  const { targets } = made
  if (targets.out !== meta.tgt_out || targets.abort !== meta.tgt_abort) return 'targets of the outro'
  if (targets.pushRegs !== meta.tgt_push || targets.popRegs !== meta.tgt_pop) return 'targets of the register routines'
  if (made.lastBodyWord !== meta.last_bpf_off) return 'end of the body'
  return decisionDifference(made, meta) ?? placedDifference(made, record, firmware)
}

function decisionDifference(made: Translated, meta: MetaJson): string | undefined {
  for (const [i, insn] of meta.insns.entries()) {
    if (insn.off !== made.offset[i]) return `offset of instruction ${i}`
    if (insn.flags !== made.flags[i]) return `flags of instruction ${i}`
    if ((insn.gather ?? 0) !== made.gather[i]) return `gathered length of instruction ${i}`
    if ((insn.neg ?? 0) !== made.negated[i]) return `negation of instruction ${i}`
    if (insn.cache === undefined) continue
    const [start, end, fills] = insn.cache
    if (start !== made.cacheStart[i] || end !== made.cacheEnd[i] || fills !== made.cacheFills[i]) {
      return `cached range of instruction ${i}`
    }
  }
  return undefined
}

function placedDifference(made: Translated, record: AcceptedRecord, firmware: Firmware): string | undefined {
  const code = new Code(made.lo.length)
  for (let i = 0; i < made.lo.length; i++) code.push(made.lo[i]!, made.hi[i]!)
  const { start, done, capabilities } = firmware
  const errno = relocate(code, made.targets, { start, done, helpers: capabilities.helpers })
  if (errno !== 0) return `relocation fails with ${errno}`
  return wordDifference('after relocation', code.lo.subarray(0, code.count), code.hi.subarray(0, code.count), record.nfp)
}

export function wordDifference(when: string, lo: Uint32Array, hi: Uint32Array, wanted: readonly string[]): string | undefined {
  if (lo.length !== wanted.length) return `${lo.length} words instead of ${wanted.length}`
  for (const [i, word] of wanted.entries()) {
    const given = hex(hi[i]!) + hex(lo[i]!)
    if (given !== word) return `word ${i} ${when}: ${given} instead of ${word}`
  }
  return undefined
}

function hex(half: number): string {
  return half.toString(16).padStart(8, '0')
}
