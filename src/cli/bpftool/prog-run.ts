// prog run, attach, detach, and what prog can't do here.

import { readFileSync, writeFileSync } from 'node:fs'
import { EINVAL } from '../../bpf/errno.ts'
import { NicwrightError } from '../../errors.ts'
import { testRun } from '../../kernel/test-run.ts'
import { strerror } from '../errno.ts'
import { cNumber, maps, only, programs } from './handle.ts'
import { hexDump } from './hex.ts'
import type { Output, Tool } from './tool.ts'
import { BpftoolError, match, statusOf, type Words } from './words.ts'

const KEYWORDS = ['data_in', 'data_out', 'data_size_out', 'ctx_in', 'ctx_out', 'ctx_size_out', 'repeat'] as const
const NUMBERS: Readonly<Record<string, string>> = {
  data_size_out: 'output data size',
  ctx_size_out: 'output context size',
  repeat: 'repeat number',
}

export function progRun(tool: Tool, words: Words): Output {
  words.need(4)
  const program = only(programs(tool, words), 'programs')
  const files: Partial<Record<string, string>> = {}
  const numbers: Partial<Record<string, number>> = {}
  while (!words.done) {
    const keyword = words.keyword(KEYWORDS)
    if (keyword === undefined)
      throw new BpftoolError(
        `expected no more arguments, 'data_in', 'data_out', 'data_size_out', 'ctx_in', 'ctx_out', 'ctx_size_out' or 'repeat', got: '${words.peek()}'?`,
      )
    words.need(1)
    const text = words.next()
    const what = NUMBERS[keyword]
    if (what === undefined) files[keyword] = text
    else {
      numbers[keyword] = cNumber(text)
      if (numbers[keyword] === undefined) throw new BpftoolError(`can't parse ${text} as ${what}`)
    }
  }
  const data = files.data_in === undefined ? new Uint8Array(0) : readFile(files.data_in)
  if (files.ctx_in !== undefined) readFile(files.ctx_in)
  const repeat = numbers.repeat ?? 1
  const start = process.hrtime.bigint()
  const ran = run(tool, program, data, repeat)
  const duration = Number((process.hrtime.bigint() - start) / BigInt(Math.max(1, repeat)))
  if (typeof ran === 'number') throw new BpftoolError(`failed to run program: ${strerror(-ran)}`, statusOf(ran))
  const out = ran.data.subarray(0, numbers.data_size_out ?? ran.data.length)
  const target = files.data_out
  if (target !== undefined && target !== '-') writeFile(target, out)
  const dump = target === '-' ? hexDump(out) : ''
  return {
    text: `${dump}Return value: ${ran.retval}, duration${repeat > 1 ? ' (average)' : ''}: ${duration}ns\n`,
    json: { data_out: target === '-' ? [...out] : undefined, retval: ran.retval, duration },
  }
}

function run(
  ...[tool, program, data, repeat]: [Tool, Parameters<typeof testRun>[1], Uint8Array, number]
): ReturnType<typeof testRun> {
  try {
    return testRun(tool.kernel, program, data, { repeat })
  } catch (error) {
    if (!(error instanceof NicwrightError)) throw error
    throw new BpftoolError(`failed to run program: ${error.message}`)
  }
}

function readFile(path: string): Uint8Array {
  try {
    return new Uint8Array(path === '-' ? readFileSync(0) : readFileSync(path))
  } catch (error) {
    throw new BpftoolError(`failed to open ${path}: ${reason(error)}`)
  }
}

function writeFile(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes)
  } catch (error) {
    throw new BpftoolError(`failed to write output data/ctx: ${reason(error)}`)
  }
}

function reason(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException
  return errno === undefined ? message : strerror(Math.abs(errno))
}

const ATTACH_TYPES = [
  'sk_skb_stream_parser',
  'sk_skb_stream_verdict',
  'sk_skb_verdict',
  'sk_msg_verdict',
  'flow_dissector',
] as const

export function progAttach(tool: Tool, words: Words): Output {
  return attachTo(tool, words, 'failed prog attach to map')
}

export function progDetach(tool: Tool, words: Words): Output {
  return attachTo(tool, words, 'failed prog detach from map')
}

/** These are programs of sockets, which the simulated machine has none of: the kernel refuses every other kind. */
function attachTo(tool: Tool, words: Words, refusal: string): Output {
  words.need(3, statusOf(-EINVAL))
  only(programs(tool, words), 'programs', statusOf(-EINVAL))
  const type = match(words.peek(), ATTACH_TYPES)
  if (type === undefined) throw new BpftoolError('invalid attach/detach type', statusOf(-EINVAL))
  words.next()
  if (type !== 'flow_dissector') {
    words.need(2, statusOf(-EINVAL))
    only(maps(tool, words), 'maps', statusOf(-EINVAL))
  }
  throw new BpftoolError(refusal, statusOf(-EINVAL))
}

export function progProfile(): Output {
  throw new BpftoolError('bpftool prog profile command is not supported. Please build bpftool with clang >= 10.0.0', 0)
}

/** Lines of the trace pipe reach readers that wait for them, and no command outlives another here. */
export function progTracelog(): Output {
  throw new BpftoolError(`could not open trace pipe: ${strerror(2)}`)
}
