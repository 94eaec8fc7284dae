// Why a program is not translated, as lines: who refuses, the line of C, what the log says, the reason, what to change.

import { errnoName } from './errno.ts'
import { place } from './object.ts'
import type { RefusedProgram } from './translate-program.ts'
import { clean, lineTitle, type TextOptions, wrap } from './translate-text.ts'

const who = { verifier: 'refused by Linux', device: 'refused by the device', attach: 'refused at attach' } as const

export function renderRefusal(refused: RefusedProgram, { style, width, ascii }: Omit<TextOptions, 'all'>): string[] {
  const { program, by, refusal, insn, line, explanation } = refused
  const where = [insn === undefined ? '' : `insn ${insn}`, place(line)].filter(Boolean).join(', ')
  const error = refusal.stage === 'crash' ? 'crash' : errnoName(refusal.errno)
  const head = `${clean(program.name)}: ${who[by]} (${error}${where === '' ? '' : ` at ${where}`})`
  const out = [
    `${style('red', ascii ? 'x' : '✗')} ${style('bold', head)}`,
    ...wrap(clean(refused.message), width - 2, 2).map(text => `  ${text}`),
  ]
  if (line !== undefined && line.text.trim() !== '') out.push(`  ${style('cyan', lineTitle(line))}`)
  const log = tellingLines(refusal.log, refusal.dmesg, refusal.message)
  if (log.length > 0) out.push('', ...log.map(text => `  ${style('dim', clean(text))}`))
  if (explanation !== undefined) {
    out.push('')
    for (const [label, text] of [
      ['what', explanation.title],
      ['why', explanation.why],
      ['fix', explanation.fix],
      ['card', explanation.device],
    ] as const) {
      if (text === undefined) continue
      const [first = '', ...rest] = wrap(text, width - 8)
      out.push(`  ${style('bold', label.padEnd(4))}  ${first}`, ...rest.map(more => `        ${more}`))
    }
  }
  return out
}

/** The instruction and what was said of it, from the verifier's log; the kernel's log where the driver spoke there. */
export function tellingLines(log: string, dmesg: readonly string[], message: string): string[] {
  const lines = log.split('\n').filter(line => line !== '' && !line.startsWith('processed '))
  let from = lines.length
  for (let i = lines.length - 1; i >= 0; i--) {
    if (/^\d+: \([0-9a-f]{2}\) /.test(lines[i] ?? '')) {
      from = i
      break
    }
  }
  if (from === lines.length) from = Math.max(0, lines.length - 2)
  const shown = repeated([...lines.slice(from), ...dmesg])
  return shown.length === 1 && shown[0] === message ? [] : shown
}

/** The driver says for each word without room that there is none. */
function repeated(lines: readonly string[]): string[] {
  const out: string[] = []
  for (let i = 0; i < lines.length; ) {
    let count = 1
    while (lines[i + count] === lines[i]) count++
    out.push(count === 1 ? (lines[i] ?? '') : `${lines[i]} (${count} times)`)
    i += count
  }
  return out
}

export function refusalJson(refused: RefusedProgram): Record<string, unknown> {
  const { program, by, refusal, insn, line, explanation } = refused
  return {
    name: program.name,
    section: program.section,
    ok: false,
    by,
    stage: refusal.stage,
    errno: refusal.errno,
    message: refused.message,
    ...(insn === undefined ? {} : { insn }),
    ...(line === undefined ? {} : { file: line.file, line: line.line, column: line.column, source: line.text.trim() }),
    ...(explanation === undefined
      ? {}
      : {
          reason: {
            title: explanation.title,
            why: explanation.why,
            fix: explanation.fix,
            ...(explanation.device === undefined ? {} : { device: explanation.device }),
          },
        }),
    log: refusal.log,
    dmesg: refusal.dmesg,
  }
}
