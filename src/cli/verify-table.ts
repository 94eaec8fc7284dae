// The tables of `nicwright verify`. Pure: data in, lines out; cells are measured before they are coloured. On a terminal long names are
// cut to fit, elsewhere nothing is.

import { errnoName } from './errno.ts'
import type { Io, Style } from './io.ts'
import type { Change, Recorded } from './verify-baseline.ts'
import type { ProgramRow, Row } from './verify-rows.ts'
import { stackOf } from './verify-rows.ts'
import { disagreements } from './verify-witness.ts'

export interface TableStyle {
  readonly width: number
  readonly style: Io['style']
  readonly ascii: boolean
  /** Whether names may be cut to the width. */
  readonly fit: boolean
}

interface Cell {
  readonly text: string
  readonly style?: Style
}

interface Column {
  readonly title: string
  readonly right?: boolean
  /** Gives way when the width is small, down to so many characters. */
  readonly least?: number
}

const GAP = 2

function layout(columns: readonly Column[], rows: readonly (readonly Cell[])[], table: TableStyle): string[] {
  const widths = columns.map((column, c) => Math.max(column.title.length, ...rows.map(row => row[c]?.text.length ?? 0)))
  let over = table.fit ? widths.reduce((a, b) => a + b, 0) + GAP * (widths.length - 1) - table.width : 0
  while (over > 0) {
    // The widest of those that may give way.
    let widest = -1
    columns.forEach(({ least }, c) => {
      if (least !== undefined && widths[c]! > least && (widest < 0 || widths[c]! > widths[widest]!)) widest = c
    })
    if (widest < 0) break
    widths[widest]!--
    over--
  }
  const line = (cells: readonly Cell[]): string =>
    cells
      .map(({ text, style }, c) => {
        const width = widths[c]!
        const cut = text.length > width ? `${text.slice(0, width - 1)}${table.ascii ? '~' : '…'}` : text
        const padded = columns[c]!.right === true ? cut.padStart(width) : c === cells.length - 1 ? cut : cut.padEnd(width)
        return style === undefined ? padded : table.style(style, padded)
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  return [line(columns.map(({ title }) => ({ text: title, style: 'bold' }))), ...rows.map(line)]
}

export const sortKeys = ['file', 'program', 'verdict', 'insns', 'states', 'stack', 'time'] as const
export type SortKey = (typeof sortKeys)[number]

const numbers: Readonly<Record<'insns' | 'states' | 'stack' | 'time', (row: ProgramRow) => number>> = {
  insns: row => row.verdict.stats.processed,
  states: row => row.verdict.stats.totalStates,
  stack: row => stackOf(row.verdict),
  time: row => row.milliseconds,
}

/** By name upwards, by number downwards; rows without programs last, then by file and program. */
export function sorted(rows: readonly Row[], by: SortKey): Row[] {
  const name = (row: Row): string => ('error' in row ? '' : row.program.name)
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
  const byName = (a: Row, b: Row): number => compare(a.file, b.file) || compare(name(a), name(b))
  return [...rows].sort((a, b) => {
    if ('error' in a || 'error' in b) return Number('error' in a) - Number('error' in b) || byName(a, b)
    if (by === 'file') return byName(a, b)
    if (by === 'program') return compare(name(a), name(b)) || byName(a, b)
    if (by === 'verdict') return Number(b.verdict.ok) - Number(a.verdict.ok) || byName(a, b)
    return numbers[by](b) - numbers[by](a) || byName(a, b)
  })
}

function verdictCell(row: ProgramRow, { ascii }: TableStyle): Cell {
  const { verdict } = row
  if (verdict.ok) return { text: ascii ? 'accepted' : '✓ accepted', style: 'green' }
  return { text: `${ascii ? '' : '✗ '}${errnoName(verdict.errno)}`, style: 'red' }
}

export function renderTable(rows: readonly Row[], table: TableStyle): string[] {
  const witnessed = rows.some(row => 'kernel' in row)
  const columns: Column[] = [
    { title: 'file', least: 8 },
    { title: 'program', least: 8 },
    { title: 'verdict' },
    ...(witnessed ? [{ title: 'Linux', least: 9 }] : []),
    { title: 'insns', right: true },
    { title: 'states', right: true },
    { title: 'stack', right: true },
    { title: 'ms', right: true },
  ]
  const cells = rows.map((row): Cell[] => {
    if ('error' in row) {
      const rest = columns.slice(3).map((): Cell => ({ text: '' }))
      return [{ text: row.file }, { text: '' }, { text: table.ascii ? 'unreadable' : '– unreadable', style: 'yellow' }, ...rest]
    }
    const { stats } = row.verdict
    return [
      { text: row.file },
      { text: row.program.name },
      verdictCell(row, table),
      ...(witnessed ? [witnessCell(row)] : []),
      { text: String(stats.processed) },
      { text: String(stats.totalStates) },
      { text: String(stackOf(row.verdict)) },
      { text: row.milliseconds.toFixed(1) },
    ]
  })
  const lines = layout(columns, cells, table)
  for (const row of rows) {
    if ('error' in row) lines.push(table.style('yellow', row.error.message))
  }
  return [...lines, totals(rows, table)]
}

function witnessCell(row: ProgramRow): Cell {
  if (row.kernel === undefined) return { text: '' }
  if ('why' in row.kernel) return { text: 'not asked', style: 'yellow' }
  const differs = disagreements(row)
  return differs.length === 0 ? { text: 'the same', style: 'green' } : { text: differs[0]!.what, style: 'red' }
}

function totals(rows: readonly Row[], { style }: TableStyle): string {
  const programs = rows.filter((row): row is ProgramRow => !('error' in row))
  const accepted = programs.filter(row => row.verdict.ok).length
  const sum = (value: (row: ProgramRow) => number): number => programs.reduce((total, row) => total + value(row), 0)
  const files = new Set(rows.map(row => row.path)).size
  const parts = [
    `${programs.length} programs in ${files} ${files === 1 ? 'file' : 'files'}: ${accepted} accepted`,
    `${programs.length - accepted} refused`,
    ...(programs.length === rows.length ? [] : [`${rows.length - programs.length} unreadable`]),
    `${sum(numbers.insns)} insns`,
    `${sum(numbers.states)} states`,
    `${sum(numbers.time).toFixed(0)} ms`,
  ]
  return style('bold', parts.join(', '))
}

/** What differs from a baseline. */
export function renderChanges(changes: readonly Change[], compared: number, table: TableStyle): string[] {
  if (changes.length === 0) return [`${compared} programs as in the baseline`]
  const columns: Column[] = [
    { title: 'file', least: 8 },
    { title: 'program', least: 8 },
    { title: 'verdict', least: 12 },
    { title: 'insns', right: true },
    { title: 'states', right: true },
    { title: 'stack', right: true },
  ]
  const cells = changes.map(({ before, now, worse }): Cell[] => {
    const { file, program } = (now ?? before)!
    return [
      { text: file },
      { text: program },
      { text: verdictChange(before, now), ...(worse ? { style: 'red' as const } : {}) },
      ...(['insns', 'states', 'stack'] as const).map(measure => numberChange(before?.[measure], now?.[measure])),
    ]
  })
  const worse = changes.filter(change => change.worse).length
  const told = `${changes.length} of ${compared} programs differ from the baseline${worse === 0 ? '' : `, ${worse} for the worse`}`
  return [...layout(columns, cells, table), table.style('bold', told)]
}

function verdictChange(before: Recorded | undefined, now: Recorded | undefined): string {
  if (before === undefined) return `new: ${now!.verdict}`
  if (now === undefined) return `gone, was ${before.verdict}`
  if (before.verdict !== now.verdict) return `${before.verdict} -> ${now.verdict}`
  return before.message === now.message && before.errno === now.errno ? now.verdict : 'refused otherwise'
}

function numberChange(before: number | undefined, now: number | undefined): Cell {
  if (before === undefined || now === undefined) return { text: String(now ?? before) }
  if (before === now) return { text: String(now) }
  const percent = before === 0 ? '' : ` ${now > before ? '+' : ''}${((now / before - 1) * 100).toFixed(1)}%`
  return { text: `${before} -> ${now}${percent}`, style: now > before ? 'yellow' : 'green' }
}
