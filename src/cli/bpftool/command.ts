// One command line of the mirror on a kernel: the grammar decides which action it is; what comes out is text or JSON, and a status.

import { readFileSync } from 'node:fs'
import { collect } from '../../kernel/lifetime.ts'
import { strerror } from '../errno.ts'
import type { Entry } from './grammar-table.ts'
import { grammar, objectNames } from './grammar-table.ts'
import { type Json, printJson } from './json.ts'
import { type Parsed, parseOptions } from './options.ts'
import type { Output, Tool } from './tool.ts'
import { usageTexts } from './usage-table.ts'
import { BpftoolError, match, Words } from './words.ts'

/** Where a command writes. */
export interface Streams {
  out(text: string): void
  err(text: string): void
}

const VERSION = { version: '7.1.0', libbpf_version: '1.1' }
const VERSION_TEXT = `bpftool v${VERSION.version}
using libbpf v${VERSION.libbpf_version}
features: libbpf_strict
`
const VERSION_JSON: Json = { ...VERSION, features: { libbfd: false, libbpf_strict: true, skeletons: false } }
/** Objects whose help has no JSON form: the text comes, and an empty line where JSON would be. */
const PLAIN_HELP: ReadonlySet<string> = new Set(['perf', 'iter'])

/** What a command line gives: pieces in order, since a batch has many. */
interface Result {
  readonly text: string
  /** Undefined: nothing where JSON would be. */
  readonly json: Json | undefined
  readonly status: number
}

/** Whether a command line only looks at the session. */
export function onlyReads(args: readonly string[]): boolean {
  const { words, instead, error } = parseOptions(args)
  if (instead !== undefined || error !== undefined) return true
  return readsOnly(words)
}

function readsOnly(words: readonly string[]): boolean {
  const object = words.length === 0 ? 'help' : match(words[0], objectNames)
  if (object === 'batch') return false
  const entry = object === undefined ? undefined : find(object, words[1])
  return entry === undefined || entry.reads === true
}

/** Whether it needs no session at all: help, versions, lists of names, files. */
export function needsNothing(args: readonly string[]): boolean {
  const { words, instead, error } = parseOptions(args)
  const object = words.length === 0 ? 'help' : match(words[0], objectNames)
  if (instead !== undefined || error !== undefined || object === undefined) return true
  if (object === 'help' || object === 'version') return true
  if (object === 'batch') return words.length !== 3
  const entry = find(object, words[1])
  if (entry === undefined || entry.run === 'help') return true
  if (object === 'btf') return entry.name === 'dump' && match(words[2], ['id', 'map', 'prog', 'file']) === 'file'
  return object === 'feature' || object === 'gen' || object === 'cgroup' || object === 'perf' || object === 'struct_ops'
}

function find(object: string, word: string | undefined): Entry | undefined {
  const entries = grammar[object] ?? []
  if (word === undefined) return entries[0]
  const name = match(
    word,
    entries.map(entry => entry.name),
  )
  return entries.find(entry => entry.name === name)
}

/** Runs a command line; gives its exit status. Objects that nothing holds afterwards are gone. */
export function runBpftool(
  kernel: Tool['kernel'],
  args: readonly string[],
  streams: Streams,
  input: () => string = stdin,
): number {
  const parsed = parseOptions(args)
  const { options } = parsed
  const tool: Tool = { ...options, kernel, open: new Set(), input, say: line => streams.err(`${line}\n`) }
  const result = whole(parsed, tool, streams)
  if (options.json) {
    if (result.json === undefined) streams.out('\n')
    else {
      // The version that an option asks for ends without a newline.
      const text = printJson(result.json, options.pretty)
      streams.out(parsed.instead === 'version' ? text.trimEnd() : text)
    }
  } else streams.out(result.text)
  if (!onlyReads(args)) collect(kernel)
  return result.status
}

function stdin(): string {
  return readFileSync(0, 'utf8')
}

function whole({ words, instead, error }: Parsed, tool: Tool, streams: Streams): Result {
  if (error !== undefined) return failed(error, tool, streams)
  if (instead === 'version') return { text: VERSION_TEXT, json: VERSION_JSON, status: 0 }
  if (instead === 'help') return usage('', tool, streams, 0)
  return one(words, tool, streams)
}

function one(words: readonly string[], tool: Tool, streams: Streams): Result {
  const object = words.length === 0 ? 'help' : match(words[0], objectNames)
  if (object === undefined) return usage('', tool, streams, 255)
  if (object === 'help') return usage('', tool, streams, 0)
  if (object === 'version') return { text: VERSION_TEXT, json: VERSION_JSON, status: 0 }
  try {
    if (object === 'batch') return batch(words.slice(1), tool, streams)
    const entry = find(object, words[1])
    if (entry === undefined) return usage(object, tool, streams, 255)
    const { run } = entry
    if (run === 'help') return usage(object, tool, streams, 0)
    const rest = new Words(words)
    rest.next()
    if (!rest.done) rest.next()
    const output: Output = run(tool, rest)
    return { text: output.text, json: output.json, status: output.status ?? 0 }
  } catch (error) {
    if (error instanceof BpftoolError) return failed(error, tool, streams)
    throw error
  }
}

/** Usage goes to the error output; where JSON is asked for, there is none. */
function usage(object: string, tool: Tool, streams: Streams, status: number): Result {
  if (tool.json && !PLAIN_HELP.has(object)) return { text: '', json: null, status }
  streams.err(usageTexts[object] ?? '')
  return { text: '', json: undefined, status }
}

/** Plain errors are words on the error output, those of JSON a part of it. Further text that an error carries is for people alone. */
function failed(error: BpftoolError, tool: Tool, streams: Streams): Result {
  const { message, status, usage: more } = error
  if (tool.json) {
    if (message === '') return { text: '', json: more === undefined ? undefined : null, status }
    return { text: '', json: { error: message }, status }
  }
  if (message !== '') streams.err(`Error: ${message}\n`)
  if (more !== undefined) streams.err(usageTexts[more] ?? `${more}\n`)
  return { text: '', json: undefined, status }
}

/** `batch file FILE`: one command a line, until one fails. */
function batch(words: readonly string[], tool: Tool, streams: Streams): Result {
  if (words.length < 2) throw new BpftoolError('too few parameters for batch')
  if (match(words[0], ['file']) === undefined) throw new BpftoolError(`expected 'file', got: ${words[0]}`)
  if (words.length > 2) throw new BpftoolError('too many parameters for batch')
  const lines = batchLines(batchText(words[1] ?? '', tool))
  const json: Json[] = []
  let count = 0
  for (const line of lines) {
    const command = split(line)
    if (command.length === 0) continue
    const result = one(command, tool, streams)
    json.push({ command, output: result.json ?? null })
    // What a command printed stands there before the errors of the next.
    if (!tool.json) streams.out(result.text)
    if (result.status !== 0) return { text: '', json, status: result.status }
    count++
  }
  return { text: `processed ${count} commands\n`, json, status: 0 }
}

function batchText(path: string, tool: Tool): string {
  try {
    return path === '-' ? tool.input() : readFileSync(path, 'utf8')
  } catch (error) {
    const { errno = 2 } = error as NodeJS.ErrnoException
    throw new BpftoolError(`Can't open file (${path}): ${strerror(Math.abs(errno))}`)
  }
}

/** A `#` begins a comment; a backslash at the end goes on in the next line. */
function batchLines(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.replace(/#.*/, ''))
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
}

/** Words between blanks; quotes hold some together. */
function split(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|[^\s'"]+/g)].map(m => m[1] ?? m[2] ?? m[0])
}
