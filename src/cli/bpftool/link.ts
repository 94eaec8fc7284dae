// Links keep an attachment alive as an object of its own. Nothing on this machine makes one: ip and bpftool attach without.

import { ENOENT } from '../../bpf/errno.ts'
import { strerror } from '../errno.ts'
import { cNumber, pinned } from './handle.ts'
import type { Output, Tool } from './tool.ts'
import { BpftoolError, statusOf, type Words } from './words.ts'

/** Always refuses: there is no link to be named. */
function link(tool: Tool, words: Words): never {
  const kind = words.keyword(['id', 'pinned'])
  if (kind === undefined) throw new BpftoolError(`expected 'id' or 'pinned', got: '${words.peek() ?? '(null)'}'?`)
  if (words.done) throw new BpftoolError(`what is '${words.before}'?`)
  const text = words.next()
  if (kind === 'pinned') throw new BpftoolError(`incorrect object type: ${pinned(tool, text).kind}`)
  const id = cNumber(text)
  if (id === undefined) throw new BpftoolError(`can't parse ${text} as ID`)
  throw new BpftoolError(`failed to get link with ID ${id}: ${strerror(ENOENT)}`, statusOf(-ENOENT))
}

export function linkShow(tool: Tool, words: Words): Output {
  if (words.done) return { text: '', json: [] }
  if (words.left < 2) throw new BpftoolError(`what is '${words.peek()}'?`)
  return link(tool, words)
}

export function linkPin(tool: Tool, words: Words): Output {
  words.need(3, 234)
  return link(tool, words)
}

/** Every refusal of this command ends with 1. */
export function linkDetach(tool: Tool, words: Words): Output {
  if (words.left !== 2) throw new BpftoolError('link specifier is invalid or missing\n', 1)
  try {
    return link(tool, words)
  } catch (error) {
    throw error instanceof BpftoolError ? new BpftoolError(error.message, 1) : error
  }
}
