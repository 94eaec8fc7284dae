// The tables of `nicwright opts` as text. Pure: data in, lines out; cells are measured before they are coloured.

import type { Io } from './io.ts'
import type { SwitchRow } from './opts-list.ts'
import type { Matrix, MatrixRow, Measured } from './opts-matrix.ts'
import { wrap } from './translate-text.ts'

export interface TableOptions {
  readonly width: number
  readonly style: Io['style']
  readonly ascii: boolean
}

/** From this width on a switch has its title beside its name. */
const WIDE = 76
const NAME = 17
/** Width of words, cycles and rate together. */
const FIGURES = 24

/** With `all`, also the repairs that do nothing in the program. */
export function renderList(rows: readonly SwitchRow[], { width, style, ascii }: TableOptions, all = true): string[] {
  const out: string[] = []
  const yes = ascii ? 'on ' : '✓ on '
  const no = ascii ? 'off' : '✗ off'
  const indent = NAME + 9
  for (const [kind, title] of [
    ['pass', 'passes, in their order'],
    ['emitter', 'decisions while words are emitted'],
    ['repair', "repairs of the upstream driver's code (off with --codegen upstream)"],
  ] as const) {
    if (out.length > 0) out.push('')
    out.push(...wrap(title, width).map(line => style('bold', line)))
    const of = rows.filter(row => row.kind === kind)
    const shown = of.filter(row => all || kind !== 'repair' || !row.on || row.effect?.applies !== false)
    for (const row of shown) {
      const state = row.on ? style('green', yes) : style('yellow', no)
      const pad = ' '.repeat(Math.max(1, 7 - (row.on ? yes : no).length))
      const evidence = row.evidence === undefined ? '' : ` [${row.evidence}]`
      const effect = effectText(row)
      const text = `${row.title}${evidence}${effect === '' ? '' : `: ${effect}`}`
      const [first = '', ...rest] = wrap(text, width - indent).map(line =>
        row.effect?.applies === false ? style('dim', line) : line,
      )
      out.push(`  ${row.name.padEnd(NAME)}${state}${pad}${first}`, ...rest.map(more => ' '.repeat(indent) + more))
    }
    if (shown.length < of.length) {
      const count = of.length - shown.length
      const text = `  ${count} ${count === 1 ? 'repair has' : 'repairs have'} nothing to do in this program; --all shows ${count === 1 ? 'it' : 'them'}`
      out.push(...wrap(text, width, 2).map(line => style('dim', line)))
    }
  }
  return out
}

function effectText({ effect, on }: SwitchRow): string {
  if (effect === undefined || !on) return ''
  const { applies, applied, missed, words } = effect
  const parts: string[] = []
  if (applied > 0) parts.push(`${applied} applied`)
  if (missed > 0) parts.push(`${missed} missed`)
  if (words === undefined) parts.push('not translated without it')
  else if (words !== 0) parts.push(`${signed(words)} words without it`)
  else if (applies && applied === 0) parts.push('other words without it')
  if (!applies && missed === 0) parts.unshift('nothing to do')
  return parts.join(', ')
}

export function renderMatrix(matrix: Matrix, options: TableOptions): string[] {
  const { style, width, ascii } = options
  const timed = matrix.base.cost !== undefined
  const label = (name: string, title: string): string => (width >= WIDE ? title : name)
  // Most repairs are for code that this program doesn't have.
  const rows = matrix.rows.filter(row => row.used || row.off || !row.repair)
  const names = rows.map(row => label(row.name, row.title))
  const first = Math.min(44, Math.max(13, ...names.map(name => name.length))) + 2
  const numbers = timed ? FIGURES : 7
  const room = width - first - numbers - 2
  const out: string[] = []
  const head = timed ? `${'words'.padStart(7)}${'cycles'.padStart(9)}${'Mpps'.padStart(8)}` : 'words'.padStart(7)
  out.push(style('bold', `${'without'.padEnd(first)}${head}`))
  const base = matrix.off.length === 0 ? 'all on' : 'as switched'
  out.push(`${`(${base})`.padEnd(first)}${figures(matrix.base, timed)}${limitText(matrix.base)}`)
  for (const [i, row] of rows.entries()) {
    const name = wrap(names[i] ?? '', first - 2, 2)
    const { text, strong } = comparison(matrix, row, ascii)
    const cells = 'refused' in row.without ? '-'.padStart(7).padEnd(numbers) : figures(row.without, timed)
    const notes = wrap(text, room)
    for (let k = 0; k < Math.max(name.length, notes.length); k++) {
      const left = (name[k] ?? '').padEnd(first)
      const middle = k === 0 ? cells : ' '.repeat(numbers)
      const note = notes[k] ?? ''
      out.push(`${left}${middle}  ${note === '' ? '' : style(strong ? 'yellow' : 'dim', note)}`.trimEnd())
    }
  }
  const source = timed
    ? `${matrix.packets} packets each; cycles: one engine's per packet, the firmware's own included; Mpps: the whole card's (modelled)`
    : 'words only: no packets were given (--packets FILE.pcap)'
  out.push('', ...wrap(source, width).map(line => style('dim', line)))
  const left = matrix.rows.length - rows.length
  if (left > 0)
    out.push(
      ...wrap(`${left} ${left === 1 ? 'repair is' : 'repairs are'} not used by this program`, width).map(line =>
        style('dim', line),
      ),
    )
  if (matrix.off.length > 0) out.push(...wrap(`off in all rows: ${matrix.off.join(' ')}`, width).map(line => style('dim', line)))
  return out
}

function figures({ words, cost }: Measured, timed: boolean): string {
  const count = String(words).padStart(7)
  if (!timed || cost === undefined) return timed ? count.padEnd(FIGURES) : count
  return `${count}${cost.cyclesPerPacket.toFixed(1).padStart(9)}${mpps(cost.packetsPerSecond).padStart(8)}`
}

function mpps(packetsPerSecond: number): string {
  return (packetsPerSecond / 1e6).toFixed(2)
}

function limitText({ cost }: Measured): string {
  return cost === undefined ? '' : `  limit: ${cost.limit}`
}

/** What a row says about its switch. */
function comparison({ base }: Matrix, row: MatrixRow, ascii: boolean): { text: string; strong: boolean } {
  if (row.off) return { text: 'off already', strong: false }
  if ('refused' in row.without) return { text: `not translated: ${row.without.refused}`, strong: true }
  if (!row.used) return { text: 'not used by this program', strong: false }
  const { cost, words } = row.without
  if (cost === undefined || base.cost === undefined) {
    return words === base.words
      ? { text: 'other words, as many', strong: false }
      : { text: percent(words, base.words, 'words'), strong: true }
  }
  const more = cost.cyclesPerPacket / base.cost.cyclesPerPacket - 1
  if (more === 0)
    return { text: words === base.words ? 'other words, same time' : 'not on the way of these packets', strong: false }
  const bar = blocks(more * 10, ascii)
  const text = `${bar === '' ? '' : `${bar} `}${percent(cost.cyclesPerPacket, base.cost.cyclesPerPacket, 'cycles')}`
  const slower = Math.abs(cost.packetsPerSecond / base.cost.packetsPerSecond - 1)
  return { text: slower < 0.0005 ? `${text}, same rate` : text, strong: slower >= 0.0005 }
}

function percent(value: number, base: number, unit: string): string {
  const change = (value / base - 1) * 100
  const sign = change < 0 ? '-' : '+'
  if (Math.abs(change) < 0.05) return `${sign}${Math.max(0.1, Math.abs(value - base)).toFixed(1)} ${unit}`
  const digits = Math.abs(change) < 10 ? 1 : 0
  return `${sign}${Math.abs(change).toFixed(digits)} % ${unit}`
}

/** A bar of `length` cells, in eighths. */
function blocks(length: number, ascii: boolean): string {
  const eighths = Math.min(80, Math.round(length * 8))
  if (eighths <= 0) return ''
  if (ascii) return '#'.repeat(Math.max(1, Math.round(eighths / 8)))
  return '█'.repeat(eighths >> 3) + ('▏▎▍▌▋▊▉'[(eighths & 7) - 1] ?? '')
}

function signed(n: number): string {
  return n < 0 ? `${n}` : `+${n}`
}
