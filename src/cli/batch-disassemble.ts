import { NicwrightError } from '../errors.ts'
import { printInsn } from '../nfp/print.ts'
import type { BatchJob } from './batch.ts'

export const job: BatchJob = record => {
  const { words } = record
  if (!Array.isArray(words)) throw new NicwrightError('batch/words', { message: 'words is no list' })
  return { ok: true, text: words.map(disassemble) }
}

function disassemble(word: unknown, index: number): string {
  const digits = typeof word === 'string' ? /^(?:0x)?([0-9a-f]{1,16})$/i.exec(word)?.[1] : undefined
  if (digits === undefined) throw new NicwrightError('batch/words', { message: `words[${index}] is not up to 16 hex digits` })
  const padded = digits.padStart(16, '0')
  return printInsn(Number.parseInt(padded.slice(8), 16), Number.parseInt(padded.slice(0, 8), 16))
}
