// From named fields to a word: the inverse of `decode` for any format of the table, including what the driver never emits. The encoder
// of the translator's hot path is `encode.ts`.

import { type Field, type FieldName, formats } from './insn-table.ts'

export type Fields = Partial<Record<FieldName, number>>

export interface Word {
  readonly lo: number
  readonly hi: number
}

/** Fields that are left out are 0; a value too wide for its field is cut. `addressHigh` and `xferHigh` come from the whole number. */
export function pack(format: number, values: Readonly<Fields>): Word {
  const { base, fields } = formats[format]!
  let { lo, hi } = base
  for (const [name, field] of Object.entries(fields) as [FieldName, Field][]) {
    const { at, bits } = field
    const value = fieldValue(name, values) & ((1 << bits) - 1)
    if (at >= 32) hi |= value << (at - 32)
    else {
      lo |= value << at
      if (at + bits > 32) hi |= value >>> (32 - at)
    }
  }
  return { lo: lo >>> 0, hi: hi >>> 0 }
}

function fieldValue(name: FieldName, values: Readonly<Fields>): number {
  if (name === 'addressHigh' && values.addressHigh === undefined) return (values.address ?? 0) >>> 13
  if (name === 'xferHigh' && values.xferHigh === undefined) return (values.xfer ?? 0) >>> 5
  return values[name] ?? 0
}
