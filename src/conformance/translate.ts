// The translator against the upstream driver's recorded answers. First with the driver's own facts: translation is a pure function then,
// and every word, target, offset and decision of a pass must be equal. Then the whole way with our own verifier, which is Linux 6.18's where
// the recorded driver ran under 6.1: where the words differ, the facts must, and giving the recorded facts back must mend it.

import { performance } from 'node:perf_hooks'
import { readRecord } from '../bpf/record.ts'
import { UPSTREAM } from '../drivers/nfp/codegen.ts'
import { CALLER_STACK, DO_ZEXT, type Facts, SKIP_VERIFIER } from '../drivers/nfp/facts.ts'
import { readFacts } from '../drivers/nfp/facts-json.ts'
import type { MetaJson } from '../drivers/nfp/meta-json.ts'
import { type Translated, translate } from '../drivers/nfp/translate.ts'
import { Code } from '../nfp/code.ts'
import type { Firmware } from '../nfp/profiles.ts'
import { relocate } from '../nfp/relocate.ts'
import { firmwareOf, type Loaded, load, tryLoad } from './nfp-load.ts'
import { type AcceptedRecord, corpora, type RejectedRecord, readRecords } from './nfp-record.ts'

const SHOWN = 5
/** The recorded logs of refused programs have the lines of every path. */
const LOG_LEVEL = 2

/** Prints a line per file, and the first differences; says whether there were none that is not accounted for. */
export async function translateConformance(folder: string, print: (line: string) => void): Promise<boolean> {
  let good = true
  for (const corpus of corpora) good = givenFacts(folder, corpus, print) && good
  for (const corpus of corpora) good = wholeWay(folder, corpus, print) && good
  for (const corpus of corpora) good = refusals(folder, corpus, print) && good
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
    const firmware = firmwareOf(record)
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

/** What may differ because another verifier walked the program, and the facts that belong to it. */
const factClasses: Readonly<Record<string, readonly (keyof Facts)[]>> = {
  'dead branches': ['jumpTo'],
  ranges: [
    ...(['uminSrcLo', 'uminSrcHi', 'umaxSrcLo', 'umaxSrcHi'] as const),
    ...(['uminDstLo', 'uminDstHi', 'umaxDstLo', 'umaxDstHi', 'atomic'] as const),
  ],
  pointers: [
    ...(['ptrType', 'ptrOff', 'ptrId', 'ptrValueLo', 'ptrValueHi', 'ptrFrame', 'notConst'] as const),
    ...(['helper', 'argType', 'arg2Type', 'arg2Off', 'arg2ValueLo', 'arg2ValueHi', 'arg2Changed'] as const),
  ],
  'stack depth': ['stackDepth', 'savesRegs'],
  adjust_head: ['adjustHead'],
}
const FLAG_CLASSES: Readonly<Record<string, number>> = {
  'dead branches': SKIP_VERIFIER,
  'zero extension': DO_ZEXT,
  pointers: CALLER_STACK,
}
const classNames: readonly string[] = ['dead branches', 'zero extension', 'ranges', 'pointers', 'stack depth', 'adjust_head']

/** Our facts, with those of some classes taken from the recording. */
function mixed(ours: Facts, recorded: Facts, classes: readonly string[]): Facts {
  const facts = { ...ours, flags: ours.flags.slice() }
  for (const name of classes) {
    for (const key of factClasses[name] ?? []) Object.assign(facts, { [key]: recorded[key] })
    const mask = FLAG_CLASSES[name] ?? 0
    for (let i = 0; i < facts.count; i++) facts.flags[i] = (facts.flags[i]! & ~mask) | (recorded.flags[i]! & mask)
  }
  return facts
}

/** The classes of facts that have to be the recorded ones for the words to be the recorded ones; undefined: not even all are enough. */
function reasons(record: AcceptedRecord, ours: Facts): readonly string[] | undefined {
  const { program } = readRecord(record)
  const recorded = readFacts(record.meta, program.insns)
  const firmware = firmwareOf(record)
  const { offMin, offMax } = firmware.capabilities.adjustHead ?? { offMin: 0, offMax: 0 }
  const right = (classes: readonly string[]): boolean => {
    const made = translate({
      insns: program.insns,
      progType: program.type,
      facts: mixed(ours, recorded, classes),
      mapIds: record.map_ids,
      maxWords: firmware.maxLength,
      adjustHead: { offMin, offMax },
      options: UPSTREAM,
    })
    return made.ok && wordDifference('', made.lo, made.hi, record.nfp_prereloc) === undefined
  }
  if (!right(classNames)) return undefined
  let needed = classNames
  for (const name of classNames) {
    const fewer = needed.filter(n => n !== name)
    if (right(fewer)) needed = fewer
  }
  return needed
}

/** Refusals of a program that the recorded driver took, and why Linux 6.18 is the reason. */
function refusalReason(made: Loaded, record: AcceptedRecord): string | undefined {
  if (/may be non-zero|already be initialized/.test(made.message)) return 'a zero on the stack is a spilled register since 6.8'
  if (made.stage === 'prog_load' && !made.message.startsWith('[nfp]') && !made.message.startsWith('Translation')) {
    return 'Linux 6.18 itself refuses'
  }
  const { program } = readRecord(record)
  if (made.facts === undefined || made.at < 0) return undefined
  const recorded = readFacts(record.meta, program.insns)
  const keys = factClasses.ranges ?? []
  const { facts, at } = made
  const differ = keys.some(key => (facts[key] as Uint32Array)[at] !== (recorded[key] as Uint32Array)[at])
  return differ ? 'other ranges at the instruction' : undefined
}

function wholeWay(folder: string, corpus: string, print: (line: string) => void): boolean {
  const records = readRecords<AcceptedRecord>(folder, `${corpus}.accepted`)
  const classes = new Map<string, number>()
  const count = (name: string): void => {
    classes.set(name, (classes.get(name) ?? 0) + 1)
  }
  let accepted = 0
  let equal = 0
  let unexplained = 0
  const begin = performance.now()
  const unclear = (record: AcceptedRecord, what: string): void => {
    if (unexplained++ < SHOWN) print(`  ${record.name}: ${what}`)
  }
  for (const record of records) {
    const made = load(record, UPSTREAM)
    if (made.stage !== 'accepted' || made.translated === undefined || made.facts === undefined) {
      const reason = refusalReason(made, record)
      if (reason === undefined) unclear(record, `${made.stage} ${made.errno} ${made.message}`)
      else count(`refused: ${reason}`)
      continue
    }
    accepted++
    const { lo, hi } = made.translated
    const difference = wordDifference('before relocation', lo, hi, record.nfp_prereloc)
    if (difference === undefined) {
      equal++
      continue
    }
    const needed = reasons(record, made.facts)
    if (needed === undefined) unclear(record, difference)
    else count(needed.join(' + '))
  }
  const rate = Math.round((records.length / (performance.now() - begin)) * 1000)
  const total = records.length
  print(
    `whole way    ${corpus}: ${total} programs, accepted ${share(accepted, total)}, words equal ${share(equal, total)} (${rate} a second)`,
  )
  for (const [name, n] of [...classes].sort((a, b) => b[1] - a[1])) print(`               ${n} differ by ${name}`)
  if (unexplained > 0) print(`               ${unexplained} without explanation`)
  return total > 0 && unexplained === 0
}

/** What of a refusal differs, or undefined. */
function refusalDifference(made: Loaded | undefined, record: RejectedRecord): string | undefined {
  if (made === undefined) return record.stage === 'prog_load' ? undefined : 'cannot be read'
  if (made.stage !== record.stage)
    return `${made.stage} ${made.errno} (${made.message}) instead of ${record.stage} ${record.errno}`
  if (made.errno !== record.errno) return `errno ${made.errno} instead of ${record.errno}: ${made.message}`
  if (made.nfpLog.join('\n') !== record.nfp_log.join('\n'))
    return `"${made.nfpLog.join(' | ')}" instead of "${record.nfp_log.join(' | ')}"`
  if (made.kernelLog.join('\n') !== record.dmesg.join('\n')) {
    return `"${made.kernelLog.join(' | ')}" instead of "${record.dmesg.join(' | ')}" in the kernel log`
  }
  if ((record.extack ?? '') !== '' && made.extack !== record.extack)
    return `extack "${made.extack}" instead of "${record.extack}"`
  return undefined
}

/** The instruction at which the recorded load ended, -1 where the record doesn't say. */
function endOf(record: RejectedRecord): number {
  const translated = /translated: (\d+)/.exec(record.dmesg.at(-1) ?? '')?.[1]
  if (translated !== undefined) return Number(translated)
  const lines = record.last_log_lines.flatMap(line => /^(\d+): \(/.exec(line)?.[1] ?? [])
  return Number(lines.at(-1) ?? -1)
}

const RANGES = /within u32|divisor is not constant|error -14/
const PATHS = /type conflict|already be initialized|warning: return codes|misaligned stack access/

/** Why Linux 6.18 is the reason of a difference, or undefined. */
function otherRefusal(made: Loaded, record: RejectedRecord): string | undefined {
  const was = [...record.nfp_log, ...record.dmesg].at(-1) ?? record.last_log_lines.at(-1) ?? ''
  const now = made.message
  const at = endOf(record)
  if (/unknown opcode|reserved fields/.test(was)) return 'an instruction that Linux 6.1 did not know'
  if (/kernel function|fd_array/.test(was)) return 'Linux 6.1 built without function calls, or loaded without file descriptors'
  if (at >= 0 && made.facts !== undefined && (made.facts.flags[at] ?? 0) & SKIP_VERIFIER) return 'dead branches'
  if (/may be non-zero|already be initialized/.test(now)) return 'a zero on the stack is a spilled register since 6.8'
  if (RANGES.test(was) || RANGES.test(now)) return 'ranges'
  return PATHS.test(was) ? 'other paths walked' : undefined
}

function refusals(folder: string, corpus: string, print: (line: string) => void): boolean {
  const records = readRecords<RejectedRecord>(folder, `${corpus}.rejected`)
  const reasonCounts = new Map<string, number>()
  let equal = 0
  let unexplained = 0
  for (const record of records) {
    const made = tryLoad(record, UPSTREAM, LOG_LEVEL)
    const difference = refusalDifference(made, record)
    if (difference === undefined) {
      equal++
      continue
    }
    const reason = made === undefined ? undefined : otherRefusal(made, record)
    if (reason !== undefined) reasonCounts.set(reason, (reasonCounts.get(reason) ?? 0) + 1)
    else if (unexplained++ < SHOWN) print(`  ${record.name}: ${difference}`)
  }
  print(`refusals     ${corpus}: ${records.length} programs, stage, errno and lines equal ${share(equal, records.length)}`)
  for (const [name, n] of [...reasonCounts].sort((a, b) => b[1] - a[1])) print(`               ${n} differ by ${name}`)
  if (unexplained > 0) print(`               ${unexplained} without explanation`)
  return records.length > 0 && unexplained === 0
}
