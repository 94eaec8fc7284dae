// `nicwright fs`: the files of the simulated kernel, which the shell can't see.

import { ENOENT } from '../bpf/errno.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { collect } from '../kernel/lifetime.ts'
import { normal } from '../kernel/pins.ts'
import { type Command, usageError } from './command.ts'
import { strerror } from './errno.ts'
import { EXIT_OK, EXIT_UNEXPECTED } from './exit.ts'
import { below, files } from './fs-tree.ts'
import { changeSession, openSession, SESSION_FOLDER } from './session.ts'

export const command: Command = {
  usage: `nicwright fs [--session DIR] ls [-R] [PATH] | cat FILE… | write FILE TEXT | mkdir FOLDER… | rm [-r] PATH…

The files of the session's kernel: pins in /sys/fs/bpf, netdevsim's switches in /sys/kernel/debug/netdevsim (write … N refuses what the
switch is about), and /sys/bus/netdevsim/new_device and del_device: write "ID PORTS" makes a netdevsim device with so many interfaces.`,

  async run(args, io) {
    let folder = SESSION_FOLDER
    let words = args
    if (args[0] === '--session') {
      folder = args[1] ?? SESSION_FOLDER
      words = args.slice(2)
    }
    const run = (kernel: Kernel): number => runFs(kernel, words, io)
    const reads = words[0] === 'ls' || words[0] === 'cat'
    return reads ? run(openSession(folder).kernel) : changeSession(folder, run)
  },
}

export function runFs(
  kernel: Kernel,
  [verb, ...words]: readonly string[],
  io: { out(text: string): void; err(text: string): void },
): number {
  let status = EXIT_OK
  const answer = (path: string, error: number): void => {
    if (error >= 0) return
    io.err(`${verb}: ${path}: ${strerror(-error)}\n`)
    status = EXIT_UNEXPECTED
  }
  if (verb === 'ls') {
    const recursive = words[0] === '-R'
    const path = normal(words[recursive ? 1 : 0] ?? '/')
    const list = below(kernel, path)
    if (list === undefined) answer(path, files(kernel).has(path) ? 0 : -ENOENT)
    const prefix = path === '/' ? '/' : `${path}/`
    for (const each of list ?? []) {
      const rest = each.slice(prefix.length)
      if (recursive || !rest.replace(/\/$/, '').includes('/')) io.out(`${rest}\n`)
    }
  } else if (verb === 'cat') {
    for (const path of words) {
      const text = files(kernel).get(normal(path))?.read() ?? -ENOENT
      if (typeof text === 'string') io.out(text)
      else answer(path, text)
    }
  } else if (verb === 'write') {
    const [path, text] = words
    if (path === undefined || text === undefined) throw usageError('write wants a file and a text')
    const file = files(kernel).get(normal(path))
    answer(path, file === undefined ? -ENOENT : (file.write?.(text) ?? -1))
  } else if (verb === 'mkdir') {
    for (const path of words) answer(path, kernel.bpffs.mkdir(path))
  } else if (verb === 'rm') {
    const recursive = words[0]?.startsWith('-') === true && words[0].includes('r')
    for (const path of words.filter(word => !word.startsWith('-'))) answer(path, kernel.bpffs.remove(path, recursive))
  } else throw usageError('nicwright fs wants ls, cat, write, mkdir or rm')
  if (verb !== 'ls' && verb !== 'cat') collect(kernel)
  return status
}
