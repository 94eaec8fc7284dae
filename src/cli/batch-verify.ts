import { readRecord } from '../bpf/record.ts'
import { verify } from '../verifier/index.ts'
import type { BatchJob } from './batch.ts'

/** A longer log keeps its end, and the answer is Linux's for a buffer that is too small: ENOSPC. */
const MOST_LOG_BYTES = 64 << 20

export const job: BatchJob = record => {
  const { program, maps } = readRecord(record)
  const verdict = verify(program, maps, { logLevel: logLevel(record), logSize: MOST_LOG_BYTES })
  const { processed, maxStatesPerInsn, totalStates, peakStates } = verdict.stats
  return {
    ok: verdict.ok,
    errno: verdict.ok ? 0 : verdict.errno,
    log: verdict.log,
    processed,
    stats: [processed, maxStatesPerInsn, totalStates, peakStates],
    ...(verdict.ok ? {} : { message: verdict.message }),
  }
}

/** The verifier's level; anything but a number is the default, 1. */
export function logLevel(record: Readonly<Record<string, unknown>>): number {
  const level = record.log_level
  return typeof level === 'number' && Number.isInteger(level) ? level : 1
}
