import { Cursor } from '../bytes/cursor.ts'
import type { Btf } from './parse.ts'

// Line info as it goes with a program load: records sorted by the index of the first instruction that they stand for. What a
// record says holds up to the next one.

export interface Line {
  readonly file: string
  /** From 1; 0 where clang has none. */
  readonly line: number
  readonly column: number
  /** The line of C as it stands in the source, indentation included; '' where it was stripped. */
  readonly text: string
}

export interface LineTable {
  readonly btf: Btf
  readonly count: number
  /** Instruction index of each record, ascending. */
  readonly insn: Uint32Array
  /** Offsets of strings in `btf`. */
  readonly file: Uint32Array
  readonly text: Uint32Array
  /** Line << 10 | column. */
  readonly place: Uint32Array
}

/** Reads line_info records; throws `btf/bad-lines` where they are cut off or out of order. */
export function parseLines(btf: Btf, lineInfo: Uint8Array, recordBytes: number): LineTable {
  const cursor = new Cursor(lineInfo, { code: 'btf/bad-lines', little: btf.little })
  if (recordBytes < 16 || lineInfo.length % recordBytes !== 0) {
    throw cursor.fail(`line info of ${lineInfo.length} bytes in records of ${recordBytes}`, 0)
  }
  const count = lineInfo.length / recordBytes
  const table = {
    btf,
    count,
    insn: new Uint32Array(count),
    file: new Uint32Array(count),
    text: new Uint32Array(count),
    place: new Uint32Array(count),
  }
  for (let i = 0; i < count; i++) {
    cursor.seek(i * recordBytes)
    table.insn[i] = cursor.u32()
    table.file[i] = cursor.u32()
    table.text[i] = cursor.u32()
    table.place[i] = cursor.u32()
    if (i > 0 && table.insn[i]! < table.insn[i - 1]!)
      throw cursor.fail(`line info goes back to instruction ${table.insn[i]}`, i * recordBytes)
  }
  return table
}

/** Index of the record that covers an instruction, -1 before the first. */
export function lineIndex(table: LineTable, insn: number): number {
  let low = 0
  let high = table.count
  while (low < high) {
    const middle = (low + high) >> 1
    if (table.insn[middle]! <= insn) low = middle + 1
    else high = middle
  }
  return low - 1
}

export function lineRecord(table: LineTable, index: number): Line | undefined {
  if (index < 0 || index >= table.count) return undefined
  const place = table.place[index]!
  return {
    file: table.btf.string(table.file[index]!) ?? '',
    line: place >>> 10,
    column: place & 1023,
    text: table.btf.string(table.text[index]!) ?? '',
  }
}

/** The line of C that an instruction comes from. */
export function lineAt(table: LineTable, insn: number): Line | undefined {
  return lineRecord(table, lineIndex(table, insn))
}
