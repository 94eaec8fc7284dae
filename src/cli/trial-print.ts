// The story of `try` as text. Not a terminal: the same facts as plain lines.

import { basename } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { type LimitName, lineRate } from '../chip/throughput.ts'
import { errnoName } from './errno.ts'
import type { Io } from './io.ts'
import type { Refused, Trial } from './trial.ts'
import type { TrialFacts } from './try.ts'
import { version } from './version.ts'

const NUMBERS = ['①', '②', '③', '④', '⑤', '⑥', '⑦']
const EIGHTHS = ' ▏▎▍▌▋▊▉█'

const limitTexts: Readonly<Record<LimitName, string>> = {
  compute: 'compute',
  'memory line': 'memory (one line)',
  'memory banks': 'memory (EMEM)',
  mac: 'MAC',
  line: 'wire',
  host: 'to the host',
}

export function limitText(name: LimitName): string {
  return limitTexts[name]
}

/** `10 000` */
export function grouped(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ' ')
}

/** A bar of `share` of `width` columns, in eighths of a column; whole signs in ASCII. */
export function bar(share: number, width: number, ascii: boolean): string {
  const length = Math.max(0, Math.min(1, share)) * width
  if (ascii) return '#'.repeat(Math.round(length))
  const whole = Math.floor(length)
  const rest = Math.round((length - whole) * 8)
  return '█'.repeat(whole) + (rest > 0 ? (EIGHTHS[rest] ?? '') : '')
}

export function printTrial(io: Io, trial: Trial, facts: TrialFacts): void {
  const steps = new Steps(io)
  io.out(
    `${io.style('bold', 'nicwright')} ${version()} · no root, no NIC, no kernel needed${' '.repeat(4)}${io.style('dim', `session ${facts.session}`)}\n\n`,
  )
  steps.print(
    'compile',
    `${facts.path.split('/').slice(-2).join('/')}  ${facts.program}`,
    facts.compiled ? `clang, ${facts.compileSeconds.toFixed(1)} s` : 'prebuilt object',
    true,
  )
  const { verify, bind, translate, place } = trial
  if (verify !== undefined) {
    steps.print(
      'verify',
      `${verify.insns} insns, ${verify.maps} map${verify.maps === 1 ? '' : 's'}`,
      `${grouped(verify.processed)} insns processed, ${verify.states} states, stack ${verify.stackBytes} B`,
      true,
    )
  }
  for (const refused of trial.refused) printRefused(io, refused)
  if (bind !== undefined)
    steps.print(
      'bind',
      `${bind.netdev} = ${bind.board.split(' with ')[0]}`,
      `the device accepted ${bind.accepted} of ${bind.accepted} instructions`,
      true,
    )
  if (translate !== undefined) {
    const share = translate.words / translate.limit
    const gauge = io.ascii ? '' : `▕${bar(share, 8, false).padEnd(8)}▏`
    steps.print(
      'translate',
      'eBPF → NFP',
      `${grouped(translate.words)} words of ${grouped(translate.limit)} ${gauge}${percent(share)}, optimisations ${translate.on}/${translate.switches} on`,
      true,
    )
  }
  if (place !== undefined) {
    const maps = place.maps.map(m => `${m.name} → ${m.where}`).join(' · ')
    steps.print(
      'place',
      `${maps === '' ? 'no maps' : maps} · stack → local memory, ${place.stackBytes} of ${place.stackLimit} B`,
      '',
    )
  }
  if (trial.mode === undefined) {
    io.out('\nNothing takes this program: see above.\n')
    return
  }
  const netdev = trial.machine.netdev.name
  steps.print(
    'attach',
    `${netdev} xdp${trial.mode === 'offload' ? 'offload' : trial.mode === 'driver' ? 'drv' : 'generic'} id ${trial.programId}`,
    trial.mode === 'offload' ? '' : 'on the host: the card refused it',
    true,
  )
  printRun(io, steps, trial, facts)
  printVerdicts(io, trial)
  printCard(io, trial)
  printNext(io, trial, facts)
}

class Steps {
  readonly #io: Io
  #step = 0

  constructor(io: Io) {
    this.#io = io
  }

  /** One sentence: what, on what, and what came of it. */
  print(word: string, what: string, outcome: string, good?: boolean): void {
    const io = this.#io
    const number = io.ascii ? `${this.#step + 1} ` : (NUMBERS[this.#step] ?? '')
    const mark =
      good === undefined ? ' ' : good ? io.style('green', io.ascii ? 'ok' : '✓') : io.style('red', io.ascii ? 'no' : '✗')
    const indent = ' '.repeat(17)
    const room = io.width - indent.length
    const [first = '', ...more] = wrapped(what, room)
    const fits = more.length === 0 && Math.max(36, first.length) + 3 + plainLength(outcome) <= room
    io.out(`  ${number}  ${word.padEnd(10)}${outcome !== '' && fits ? first.padEnd(36) : first}`)
    for (const line of more) io.out(`\n${indent}${line}`)
    if (outcome !== '') io.out(fits ? ` ${mark} ${outcome}\n` : `\n${indent}${mark} ${outcome}\n`)
    else io.out('\n')
    this.#step++
  }
}

function printRun(io: Io, steps: Steps, trial: Trial, facts: TrialFacts): void {
  const packets = `${grouped(trial.packets)} packets`
  const dim = io.style('dim', facts.source)
  if (trial.same === undefined) steps.print('run', packets, `on the host's interpreter  ${dim}`, true)
  else {
    const equal = trial.same === trial.packets && trial.mapsSame !== false
    const maps =
      trial.mapsSame === undefined || trial.place?.maps.length === 0 ? '' : trial.mapsSame ? ', same maps' : ', maps differ'
    steps.print(
      'run',
      packets,
      `card = host: ${grouped(trial.same)} of ${grouped(trial.packets)} verdicts and bytes${maps}`,
      equal,
    )
    if (trial.firstDifference !== undefined)
      io.out(`${' '.repeat(17)}the first that differs is packet ${trial.firstDifference}\n`)
    io.out(`${' '.repeat(17)}${dim}\n`)
  }
  if (trial.skipped > 0)
    io.out(`${' '.repeat(17)}${trial.skipped} packets are shorter than an Ethernet header and were left out\n`)
}

/** Columns of a text, without the codes of its colours. */
function plainLength(text: string): number {
  return stripVTControlCharacters(text).length
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
}

function printVerdicts(io: Io, trial: Trial): void {
  const width = Math.min(40, io.width - 40)
  io.out('\n')
  const total = Math.max(1, trial.packets)
  const most = Math.max(1, ...Object.values(trial.verdicts))
  const rows = [
    ['PASS', trial.verdicts.pass],
    ['DROP', trial.verdicts.drop],
    ['TX', trial.verdicts.tx],
    ['ABORTED', trial.verdicts.aborted],
  ] as const
  rows.forEach(([name, count], i) => {
    const share = count / total
    const gauge = count === 0 ? '' : ` ${bar((count / most) * (most / total), width, io.ascii)}`
    io.out(
      `  ${i === 0 ? 'verdicts' : '        '}  ${name.padEnd(8)}${String(grouped(count)).padStart(8)}  ${percent(share).padStart(6)} ${gauge}\n`,
    )
  })
}

function mpps(rate: number): string {
  const millions = rate / 1e6
  return millions >= 100 ? millions.toFixed(0) : millions.toFixed(1)
}

function printCard(io: Io, trial: Trial): void {
  const { report } = trial
  if (report === undefined) return
  const { throughput } = report
  const { board } = trial.machine.card.profile
  const engines = board.islands * board.workersPerIsland
  const bytes = Math.round(report.bytes / Math.max(1, report.packets))
  const conditions = `packets of ${bytes} B on average, ${engines} cores × ${board.contexts} threads @ ${board.engineMhz} MHz`
  const gap = 30 + conditions.length > io.width ? '\n     ' : '   '
  io.out(`\n  ${io.style('bold', 'What would the card do?')}${gap}${conditions}\n`)
  const width = Math.min(36, io.width - 50)
  const limits = [...throughput.limits].sort((a, b) => b.packetsPerSecond - a.packetsPerSecond)
  const most = Math.min(limits[0]?.packetsPerSecond ?? 1, throughput.packetsPerSecond * 4)
  for (const limit of limits) {
    const binds = limit.name === throughput.limit
    const over = limit.packetsPerSecond > most
    const gauge = bar(limit.packetsPerSecond / most, width, io.ascii) + (over ? (io.ascii ? '>' : '▶') : '')
    const mark = binds ? io.style('yellow', `  ${io.ascii ? '<-' : '◀'} your limit`) : ''
    io.out(`     ${limitText(limit.name).padEnd(19)}${mpps(limit.packetsPerSecond).padStart(6)} Mpps ${gauge}${mark}\n`)
    if (!binds) continue
    for (const line of wrapped(limit.reason, io.width - 24)) io.out(`${' '.repeat(24)}${io.style('dim', line)}\n`)
  }
  io.out(`     ${io.style('bold', 'expected'.padEnd(19) + mpps(throughput.packetsPerSecond).padStart(6))} Mpps\n`)
  io.out(`     ${io.style('dim', shortPackets(trial, report))}\n`)
  if (throughput.collapse !== undefined) {
    io.out(
      `     ${io.style('dim', `an overloaded line brings ${mpps(throughput.collapse)} Mpps: the MAC was measured to collapse in this band`)}\n`,
    )
  }
}

const SHORTEST_FRAME = 64
const LONGEST_FRAME = 1518
const FCS = 4

/** The same work on the shortest frames, and the size from which on the wire is full. */
function shortPackets(trial: Trial, report: NonNullable<Trial['report']>): string {
  const { board } = trial.machine.card.profile
  const bits = board.ports * board.portGbps * 1e9
  const others = report.throughput.limits.filter(limit => limit.name !== 'line').map(limit => limit.packetsPerSecond)
  const rate = Math.min(...others)
  const wire = (frame: number): number => lineRate(bits, frame - FCS)
  let full = SHORTEST_FRAME
  while (full <= LONGEST_FRAME && wire(full) > rate) full++
  const at64 = `${mpps(Math.min(rate, wire(SHORTEST_FRAME)))} Mpps of 64-byte frames`
  return full > LONGEST_FRAME ? `${at64}; the wire is never full` : `${at64}; the wire is full from ${full} bytes on`
}

function printNext(io: Io, trial: Trial, facts: TrialFacts): void {
  const [hot] = trial.hottest
  if (hot !== undefined) {
    io.out(
      `\n  hottest line   ${io.style('red', percent(hot.share))} of the program's ${Math.round(trial.programCycles ?? 0)} cycles a packet\n`,
    )
    io.out(`     ${basename(hot.file)}:${hot.line}   ${hot.source.slice(0, Math.max(30, io.width - 40))}\n`)
  }
  const file = facts.path.includes('examples/') ? `examples/${basename(facts.path)}` : facts.path
  const next = ['nicwright bpftool prog show', 'nicwright bpftool map show']
  if (trial.mode === 'offload')
    next.push('nicwright bpftool prog dump jited id 1', `nicwright translate ${file}`, `nicwright opts matrix ${file}`)
  io.out(`\n  try next\n${next.map(line => `     ${line}`).join('\n')}\n`)
}

/** Five parts: what, where, why here, how to change the code, how to change the device. */
export function printRefused(io: Io, refused: Refused): void {
  const where =
    refused.file === undefined || refused.line === undefined || refused.line === 0
      ? ''
      : `${basename(refused.file)}:${refused.line}  `
  const place = refused.mode === 'offload' ? 'the card' : refused.mode === 'driver' ? 'the driver' : 'the stack'
  const what = refused.explanation?.title ?? refused.message
  const subject = refused.map === undefined ? '' : `map ${refused.map}: `
  io.out(`     ${io.style('red', io.ascii ? 'no' : '✗')} ${io.style('bold', `${where}${subject}${what}`)}\n`)
  const insn = refused.insn === undefined ? '' : ` at insn ${refused.insn}`
  for (const line of wrapped(`${place} refuses it${insn}: ${refused.message} (${errnoName(refused.errno)})`, io.width - 7))
    io.out(`       ${line}\n`)
  if (refused.source !== undefined && refused.source !== '')
    io.out(`       ${io.style('dim', `${refused.line} │`)} ${refused.source}\n`)
  const { explanation } = refused
  if (explanation === undefined) return
  const rows: readonly (readonly [word: string, text: string | undefined])[] = [
    ['why', explanation.why],
    ['fix', explanation.fix],
    ['card', explanation.device],
  ]
  for (const [word, text] of rows) {
    if (text === undefined) continue
    const lines = wrapped(text, io.width - 15).map(line => (word === 'fix' ? io.style('green', line) : line))
    io.out(`       ${word.padEnd(8)}${lines.join(`\n${' '.repeat(15)}`)}\n`)
  }
}

/** Lines of at most `width` columns, broken between words. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
