import type { Insns } from '../bpf/insns.ts'
import { readRecord } from '../bpf/record.ts'
import { compile } from '../drivers/nfp/compile.ts'
import { type FactsJson, readFacts } from '../drivers/nfp/facts-json.ts'
import { writeMeta } from '../drivers/nfp/meta-json.ts'
import { NicwrightError } from '../errors.ts'
import type { BatchJob } from './batch.ts'
import { logLevel } from './batch-verify.ts'
import { machineOptions } from './chip.ts'
import { codegenOf, profileOf } from './machine.ts'

export const job: BatchJob = record => {
  const { program, maps, hostMaps } = readRecord(record)
  const options = machineOptions(record)
  const compiled = compile({
    program,
    maps,
    hostMaps,
    firmware: profileOf(options).firmware,
    codegen: codegenOf(options),
    logLevel: logLevel(record),
    ...(record.map_ids === undefined ? {} : { mapIds: mapIds(record.map_ids, maps.length) }),
    ...(record.facts === undefined ? {} : { facts: factsOf(record.facts, program.insns) }),
  })
  if (!compiled.ok) {
    const { stage, errno, log, dmesg, message, extack } = compiled
    return { ok: false, stage, errno, log, dmesg, message, ...(extack === undefined ? {} : { extack }) }
  }
  const { translated, code, facts, log } = compiled
  return {
    ok: true,
    stage: '',
    errno: 0,
    log,
    dmesg: [],
    nfp_prereloc: hexWords(translated.lo, translated.hi, translated.lo.length),
    nfp: hexWords(code.lo, code.hi, code.count),
    stack_size: translated.stackSize,
    meta: writeMeta(facts, program.insns, translated),
  }
}

/** Each word as 16 digits, most significant first; written as bytes once, because this is most of what a batch prints. */
function hexWords(lo: Uint32Array, hi: Uint32Array, count: number): string[] {
  const bytes = Buffer.allocUnsafe(count * 8)
  for (let i = 0, at = 0; i < count; i++, at += 8) {
    bytes.writeUInt32BE(hi[i]!, at)
    bytes.writeUInt32BE(lo[i]!, at + 4)
  }
  const digits = bytes.toString('hex')
  const words = new Array<string>(count)
  for (let i = 0; i < count; i++) words[i] = digits.slice(i * 16, i * 16 + 16)
  return words
}

function mapIds(value: unknown, count: number): number[] {
  if (!Array.isArray(value) || value.length !== count || !value.every(id => Number.isInteger(id))) {
    throw new NicwrightError('batch/map-ids', { message: `map_ids is no list of ${count} integers` })
  }
  return value as number[]
}

/** Facts come from outside: whatever is wrong with them is told as such. */
function factsOf(value: unknown, insns: Insns): ReturnType<typeof readFacts> {
  try {
    return readFacts(value as FactsJson, insns)
  } catch (error) {
    if (error instanceof NicwrightError) throw error
    throw new NicwrightError('batch/facts', {
      message: `facts have not the form of a vector's meta: ${(error as Error).message}`,
    })
  }
}
