// Where a command writes, and what the place can show: colour, width, progress. Commands never touch process.stdout themselves, so
// a test can give them a place of its own.

import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'

export interface Io {
  out(text: string): void
  err(text: string): void
  style(style: Style, text: string): string
  /** Columns to write into. */
  readonly width: number
  /** Whether a person looks on: progress is shown, and comfort that scripts must not see. */
  readonly interactive: boolean
  /** Plain ASCII instead of box and block characters. */
  readonly ascii: boolean
}

export interface GlobalOptions {
  readonly color?: 'always' | 'never' | undefined
  readonly ascii?: boolean
  readonly width?: number | undefined
}

/** The terminal, with NO_COLOR, FORCE_COLOR, a dumb terminal and a pipe respected. */
export function terminal(options: GlobalOptions = {}): Io {
  const { stdout, stderr, env } = process
  const interactive = stdout.isTTY === true && env.TERM !== 'dumb' && env.CI === undefined
  const color =
    options.color === 'always' ||
    (options.color !== 'never' && (env.NO_COLOR ?? '') === '' && (interactive || (env.FORCE_COLOR ?? '0') !== '0'))
  const plain = options.ascii === true ? asAscii : (text: string): string => text
  return {
    out: text => void stdout.write(plain(text)),
    err: text => void stderr.write(plain(text)),
    style: (style, text) => (color ? styleText(style, text, { validateStream: false }) : text),
    width: Math.max(60, options.width ?? stdout.columns ?? 120),
    interactive,
    ascii: options.ascii === true,
  }
}

const ASCII: Readonly<Record<string, string>> = {
  '→': '->',
  '·': '-',
  '×': 'x',
  '…': '...',
  '✓': 'ok',
  '✗': 'no',
  '–': '-',
  '│': '|',
  '≤': '<=',
  '≥': '>=',
}

/** Words for the signs that a plain terminal or a screen reader can't take. */
function asAscii(text: string): string {
  return text.replace(/[→·×…✓✗–│≤≥]/g, sign => ASCII[sign] ?? sign)
}

/** A place that collects what is written, for tests and for commands inside commands. */
export function captured(width = 100): Io & { readonly stdout: () => string; readonly stderr: () => string } {
  let out = ''
  let err = ''
  return {
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
    style: (_, text) => text,
    width,
    interactive: false,
    ascii: false,
    stdout: () => out,
    stderr: () => err,
  }
}
