// The program after each pass as one HTML page: a row for each instruction under its line of C, a column for each pass, what changed
// marked. Nothing is fetched and no script runs: what can be switched is a checkbox that the style sheet looks at, what can be selected is
// a link into the page.

import { basename } from 'node:path'
import type { CodegenOptions } from '../drivers/nfp/codegen.ts'
import type { Profile } from '../nfp/profiles.ts'
import { type Stage, type StageCell, stagesOf } from './passes-stages.ts'
import { PASSES_STYLE } from './passes-style.ts'
import type { TranslatedProgram } from './translate-program.ts'
import type { View, ViewInsn, ViewWord } from './translate-view.ts'

export interface PassesInput {
  /** Name of the object. */
  readonly file: string
  readonly translated: TranslatedProgram
  readonly view: View
  readonly profile: Profile
  readonly codegen: CodegenOptions
}

export function renderPasses({ file, translated, view, profile, codegen }: PassesInput): string {
  const { slots, stages } = stagesOf(translated, profile.firmware, codegen)
  const row = new Map(slots.map((slot, i) => [slot, i]))
  const columns = stages.length + 1
  const body = view.sections.map(section => {
    if (section.kind !== 'instruction') return aroundRow(section.kind, section.words, columns)
    const rows = section.insns.map(insn => insnRow(insn, row.get(insn.slot) ?? -1, stages))
    const same = section.insns.every(insn => stages.every(stage => !changedAt(stage, row.get(insn.slot) ?? -1)))
    const { line } = section
    const place = line === undefined ? '' : `${basename(line.file)}:${line.line}`
    const starts = section.function === undefined ? '' : `<b>function ${html(section.function)}</b> `
    const title = `${starts}<code>${html(line?.text.trim() ?? '')}</code> <span class="place">${html(place)}</span>`
    return `<tbody${same ? ' class="same"' : ''}><tr class="c"><th colspan="${columns}" scope="rowgroup"><span class="stay">${title}</span></th></tr>\n${rows.join('\n')}\n</tbody>`
  })
  const { program, compiled } = translated
  const off = codegen.off.size === 0 ? '' : `, off: ${[...codegen.off].join(' ')}`
  const facts = `${file}, ${profile.title}, codegen ${codegen.codegen}${off}: ${slots.length} instructions, ${compiled.translated.lo.length} words`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(program.name)}: passes</title>
<style>${PASSES_STYLE}</style>
</head>
<body>
<header>
<h1>${html(program.name)} <small>after each pass</small></h1>
<p>${html(facts)}</p>
<p class="tools"><label><input type="checkbox" id="changed"> only what changes</label>
<label><input type="checkbox" id="words" checked> NFP words of what changes</label>
<span class="legend"><span class="cell changed">changed by this pass</span> <del>removed</del></span></p>
</header>
<div class="scroll" tabindex="0" role="region" aria-label="program after each pass">
<table>
<thead><tr>${stages.map((stage, i) => stageHead(stage, stages[i - 1])).join('')}<th scope="col"><b>NFP</b><br>final words</th></tr></thead>
${body.join('\n')}
</table>
</div>
</body>
</html>
`
}

function narrow(stage: Stage): boolean {
  return stage.name !== 'loaded' && stage.changes === 0
}

function stageHead(stage: Stage, before: Stage | undefined): string {
  const { name, title, off, words, changes } = stage
  if (narrow(stage)) {
    const why = off ? 'switched off' : 'nothing to do here'
    return `<th scope="col" class="narrow" title="${html(title)}: ${why}"><span>${html(name)}${off ? ' (off)' : ''}</span></th>`
  }
  const total = words === undefined ? 'not translated' : `${words} words`
  const less =
    words === undefined || before?.words === undefined || words === before.words
      ? ''
      : ` <b class="delta">${signed(words - before.words)}</b>`
  const count = name === 'loaded' ? 'every switch off' : `${changes} ${changes === 1 ? 'instruction' : 'instructions'} changed`
  return `<th scope="col"><b>${html(title)}</b>${name === 'loaded' ? '' : ` <code>${html(name)}</code>`}<br>${total}${less}<br><span class="dim">${count}</span></th>`
}

function signed(n: number): string {
  return n < 0 ? `\u2212${-n}` : `+${n}`
}

function changedAt(stage: Stage, row: number): boolean {
  return stage.cells[row]?.changed === true
}

function insnRow(insn: ViewInsn, row: number, stages: readonly Stage[]): string {
  const same = stages.every(stage => !changedAt(stage, row))
  const cells = stages.map((stage, i) => {
    const cell = stage.cells[row]
    if (cell === undefined) return '<td></td>'
    if (narrow(stage)) return '<td class="narrow"></td>'
    if (i === 0) {
      const link = `<a href="#i${insn.slot}">${insn.slot}</a>`
      return `<th scope="row" class="first">${link} <code>${html(cell.text)}</code>${wordList(cell.words)}</th>`
    }
    return stageCell(cell, stages[i - 1]?.cells[row])
  })
  const final = insn.words.map(finalWord).join('\n')
  return `<tr id="i${insn.slot}"${same ? ' class="same"' : ''}>${cells.join('')}<td class="final">${final === '' ? '' : `<pre>${final}</pre>`}</td></tr>`
}

function stageCell(cell: StageCell, before: StageCell | undefined): string {
  const text = `<code>${html(cell.text)}</code>`
  const shown = cell.removed === undefined ? text : `<del>${text}</del>`
  if (!cell.changed) return `<td class="cell">${shown}</td>`
  const notes = cell.removed === undefined ? cell.notes : [cell.removed]
  const count =
    before === undefined || before.words.length === cell.words.length
      ? ''
      : `<span class="count">${before.words.length} \u2192 ${cell.words.length} words</span>`
  return `<td class="cell changed">${shown}${notes.map(note => `<span class="note">${html(note)}</span>`).join('')}${count}${wordList(cell.words)}</td>`
}

function wordList(words: readonly string[]): string {
  return words.length === 0 ? '' : `<pre class="words">${words.map(html).join('\n')}</pre>`
}

function finalWord({ number, text, target }: ViewWord): string {
  return `<span class="n">.${number}</span> ${html(text)}${target === undefined ? '' : ` <span class="n">; ${html(target)}</span>`}`
}

function aroundRow(kind: string, words: readonly ViewWord[], columns: number): string {
  const summary = `${kind}, ${words.length} words`
  return `<tbody class="around same"><tr><td colspan="${columns}"><details class="stay"><summary>${html(summary)}</summary><pre>${words.map(finalWord).join('\n')}</pre></details></td></tr></tbody>`
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function html(text: string): string {
  return text.replace(/[&<>"']/g, character => entities[character] ?? character)
}
