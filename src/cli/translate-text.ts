// A translation as text: C, eBPF and NFP side by side. Three columns where there is room for them, two with the line of C above, or one
// under the other in a narrow terminal. Pure: data in, lines out. Cells are measured before they are coloured.

import { basename } from 'node:path'
import type { SourceLine } from '../nfp/image.ts'
import type { Io, Style } from './io.ts'
import type { View, ViewInsn, ViewSection, ViewWord } from './translate-view.ts'

export interface TextOptions {
  readonly width: number
  readonly style: Io['style']
  readonly ascii: boolean
  /** Nothing is folded. */
  readonly all: boolean
}

interface Cell {
  readonly text: string
  readonly style?: Style
}

const TWO_COLUMNS = 100
const THREE_COLUMNS = 150
/** Words of one instruction from which on the middle ones are folded, and how many are shown then. */
const MANY_WORDS = 16
const FIRST_WORDS = 4
const LAST_WORDS = 2
/** Widest column of eBPF. */
const MOST_BPF = 46

const titles: Readonly<Record<string, string>> = {
  prologue: 'prologue',
  outro: 'outro: verdict to firmware result',
  routine: 'routines: save and restore R6 to R9',
  nop: 'nops: what the engine may prefetch',
}

export function renderView(view: View, options: TextOptions): string[] {
  const columns = options.width >= THREE_COLUMNS ? 3 : options.width >= TWO_COLUMNS ? 2 : 1
  const digits = String(Math.max(0, view.words - 1)).length
  const out: string[] = []
  const page = new Page(options, columns, digits, bpfWidth(view), out)
  let folded = false
  for (const section of view.sections) {
    if (section.function !== undefined) page.heading(clean(`function ${section.function}`))
    if (section.kind === 'instruction') folded = page.code(section) || folded
    else folded = page.around(section) || folded
  }
  if (folded) {
    out.push('')
    page.full({ text: '--all shows what is folded', style: 'dim' })
  }
  return out
}

/** As wide as the longest instruction, within bounds. */
function bpfWidth(view: View): number {
  let longest = 0
  for (const { insns } of view.sections) {
    for (const { text, notes } of insns) longest = Math.max(longest, text?.length ?? 0, ...notes.map(note => note.length + 2))
  }
  return Math.min(MOST_BPF, longest + 9)
}

class Page {
  readonly #options: TextOptions
  readonly #columns: 1 | 2 | 3
  readonly #digits: number
  readonly #out: string[]
  /** Widths of the columns of C and of eBPF. */
  readonly #c: number
  readonly #bpf: number

  constructor(options: TextOptions, columns: 1 | 2 | 3, digits: number, bpf: number, out: string[]) {
    this.#options = options
    this.#columns = columns
    this.#digits = digits
    this.#out = out
    const spare = Math.max(0, options.width - THREE_COLUMNS)
    this.#c = columns === 3 ? 40 + Math.floor(spare / 3) : 0
    this.#bpf = columns === 1 ? 0 : bpf
  }

  heading(text: string): void {
    this.#out.push('')
    this.full({ text, style: 'bold' })
  }

  /** A line of its own, broken where it is too long. */
  full(cell: Cell, indent = 0): void {
    for (const text of wrap(cell.text, this.#options.width - indent))
      this.#row([{ text: ' '.repeat(indent) }, { ...cell, text }], [indent])
  }

  code({ line, insns, function: starts }: ViewSection): boolean {
    const title = lineTitle(line)
    if (title !== '' || starts === undefined) this.#out.push('')
    if (this.#columns < 3 && title !== '') {
      // A line of C that is cut says so; its place tells where it stands in full.
      this.full({ text: cut(title, this.#options.width, this.#options.ascii), style: 'cyan' })
    }
    const c = this.#columns === 3 ? wrap(title, this.#c - 2).map((text): Cell => ({ text, style: 'cyan' })) : []
    let folded = false
    for (let i = 0; i < insns.length; i++) {
      const removed = removedRun(insns, i)
      if (removed > 2 && !this.#options.all) {
        folded = true
        const first = insns[i] as ViewInsn
        const slots = `${first.slot}-${insns[i + removed - 1]?.slot}`
        this.#pair(c, [{ text: `${slots.padStart(5)}: ${removed} instructions, ${first.removed}`, style: 'dim' }], [])
        i += removed - 1
      } else folded = this.#insn(insns[i] as ViewInsn, c) || folded
    }
    for (const cell of c) this.#row([cell], [])
    return folded
  }

  #insn({ slot, text, notes, removed, words }: ViewInsn, c: Cell[]): boolean {
    const label = `${String(slot).padStart(5)}: ${text ?? 'instruction'}`
    const remarks = removed === undefined ? notes : [removed]
    const bpf: Cell[] = (this.#columns === 1 ? wrap(label, this.#options.width, 8) : wrap(label, this.#bpf - 2, 8)).map(
      (part): Cell => (removed === undefined ? { text: part } : { text: part, style: 'dim' }),
    )
    for (const note of remarks) bpf.push({ text: `       ; ${note}`, style: removed === undefined ? 'green' : 'dim' })
    const fold = !this.#options.all && words.length > MANY_WORDS
    const middle = `${' '.repeat(this.#digits + 3)}${this.#options.ascii ? '...' : '…'} ${words.length - FIRST_WORDS - LAST_WORDS} more words`
    const nfp = fold
      ? [
          ...this.#words(words.slice(0, FIRST_WORDS)),
          { text: middle, style: 'dim' } as const,
          ...this.#words(words.slice(-LAST_WORDS)),
        ]
      : this.#words(words)
    this.#pair(c, bpf, nfp)
    return fold
  }

  around({ kind, words }: ViewSection): boolean {
    this.#out.push('')
    const first = words[0]?.number ?? 0
    const last = first + words.length - 1
    const range = words.length === 1 ? `.${first}` : `.${first}-.${last}`
    const fold = !this.#options.all && kind !== 'prologue'
    const title = `${titles[kind] ?? kind}, ${words.length === 1 ? 'word' : `${words.length} words`} ${range}`
    this.full({ text: title, style: 'dim' })
    if (!fold) this.#pair([], [], this.#words(words))
    return fold
  }

  #words(words: readonly ViewWord[]): Cell[] {
    const room = this.#options.width - this.#nfpAt()
    return words.flatMap(({ number, text, target }) => {
      const label = `.${number}`.padStart(this.#digits + 1)
      const whole = `${label}  ${text}`
      const comment = target === undefined ? '' : `  ; ${target}`
      return wrap(whole.length + comment.length <= room ? whole + comment : whole, room, this.#digits + 5).map(
        (part): Cell => ({ text: part }),
      )
    })
  }

  #nfpAt(): number {
    return this.#columns === 1 ? 7 : this.#c + this.#bpf
  }

  /** eBPF and NFP, each with as many lines as it takes; what is left of the C cell goes along. */
  #pair(c: Cell[], bpf: readonly Cell[], nfp: readonly Cell[]): void {
    if (this.#columns === 1) {
      for (const cell of bpf) this.#row([cell], [])
      for (const cell of nfp) this.#row([{ text: '' }, cell], [7])
      return
    }
    for (let i = 0; i < Math.max(bpf.length, nfp.length); i++) {
      const cells = [bpf[i] ?? { text: '' }, nfp[i] ?? { text: '' }]
      if (this.#columns === 3) this.#row([c.shift() ?? { text: '' }, ...cells], [this.#c, this.#bpf])
      else this.#row(cells, [this.#bpf])
    }
  }

  #row(cells: readonly Cell[], widths: readonly number[]): void {
    let last = cells.length - 1
    while (last > 0 && cells[last]?.text === '') last--
    let text = ''
    for (const [i, cell] of cells.slice(0, last + 1).entries()) {
      text += cell.style === undefined || cell.text === '' ? cell.text : this.#options.style(cell.style, cell.text)
      if (i < last) text += ' '.repeat(Math.max(0, (widths[i] ?? 0) - cell.text.length))
    }
    this.#out.push(text.trimEnd())
  }
}

/** How many instructions from here on were removed for the same reason. */
function removedRun(insns: readonly ViewInsn[], from: number): number {
  const reason = insns[from]?.removed
  if (reason === undefined) return 0
  let count = 0
  while (insns[from + count]?.removed === reason) count++
  return count
}

/** Texts come from files: what would move a terminal's cursor is shown as `?`. */
export function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, '?')
}

/** `xdp_fw.bpf.c:71  v = lookup(&flows, &key);` */
export function lineTitle(line: SourceLine | undefined): string {
  if (line === undefined || line.line === 0) return ''
  const text = clean(line.text.trim().replace(/\s+/g, ' '))
  return `${clean(basename(line.file))}:${line.line}${text === '' ? '' : `  ${text}`}`
}

export function cut(text: string, width: number, ascii: boolean): string {
  if (text.length <= width) return text
  return ascii ? `${text.slice(0, width - 3)}...` : `${text.slice(0, width - 1)}…`
}

/** Breaks at spaces where there are some; lines after the first are indented. */
export function wrap(text: string, width: number, indent = 0): string[] {
  const room = Math.max(8, width)
  const lines: string[] = []
  let rest = text
  while (rest.length > room) {
    const lead = lines.length === 0 ? 0 : indent
    let at = rest.lastIndexOf(' ', room)
    if (at <= lead || rest.slice(0, at).trim() === '') at = room
    lines.push(rest.slice(0, at).trimEnd())
    const more = rest.slice(at).trimStart()
    const step = Math.min(indent, room - 4)
    rest = ' '.repeat(step) + more
  }
  lines.push(rest)
  return lines
}
