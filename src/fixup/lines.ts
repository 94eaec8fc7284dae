// Line info of what is left of a program. A record whose instructions are gone goes with them, but the last one before an instruction that has
// none of its own stays with that instruction.

import { Cursor } from '../bytes/cursor.ts'
import type { Verified } from '../verifier/verdict.ts'

export interface KeptLines {
  /** Numbers of the records in the program's line info. */
  readonly records: Int32Array
  /** Where each begins in the kept program. */
  readonly places: Int32Array
}

/** `place`: for each slot of the user's program, where it or what follows it lies in what is kept. */
export function keptLines(verified: Verified, place: Int32Array): KeptLines {
  const { lineInfo, lineInfoRecordBytes = 16, insns } = verified.program
  const records: number[] = []
  const places: number[] = []
  if (lineInfo === undefined || lineInfoRecordBytes < 4) return { records: new Int32Array(0), places: new Int32Array(0) }
  const kept = verified.kept.count
  const cursor = new Cursor(lineInfo, { code: 'fixup/bad-lines', little: true })
  for (let n = 0; (n + 1) * lineInfoRecordBytes <= lineInfo.length; n++) {
    cursor.seek(n * lineInfoRecordBytes)
    const insn = cursor.u32()
    if (insn >= insns.count) break
    const at = place[insn]!
    // Nothing behind it is left.
    if (at >= kept) break
    // Of several that come to lie on one instruction the last one holds.
    if (places.at(-1) === at) {
      records.pop()
      places.pop()
    }
    records.push(n)
    places.push(at)
  }
  return { records: Int32Array.from(records), places: Int32Array.from(places) }
}
