// `nicwright session`: the machine that commands work on, as a file.

import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { mapTypeNames } from '../bpf/map-type-table.ts'
import { progTypeNames } from '../bpf/prog-type-table.ts'
import { NicwrightError } from '../errors.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { mapEntries } from '../kernel/map.ts'
import type { KernelVersion } from '../kernel/version-table.ts'
import { type Command, oneOf, parse, usageError, wholeNumber } from './command.ts'
import { EXIT_OK } from './exit.ts'
import type { Io } from './io.ts'
import { withLock } from './lock.ts'
import { newMachine, readSession, SESSION_FILE, SESSION_FOLDER, writeSession } from './session.ts'

export const command: Command = {
  usage: `nicwright session save FILE | restore FILE | show [FILE] [-j] | new [--empty] [--profile NAME] [--kernel 6.1|6.18] [--cpus N]
       [--session DIR]

save     copies the session, whole, to a file: interfaces, programs, maps with their contents, pins, attachments
restore  puts the session back to what a file holds; a file that does not load changes nothing
show     what is in the session, or in a file
new      begins anew: a machine with one card nic0, or without any interface`,

  async run(args, io) {
    const { values, positionals } = parse(args, {
      session: { type: 'string', default: SESSION_FOLDER },
      empty: { type: 'boolean', default: false },
      profile: { type: 'string' },
      kernel: { type: 'string', default: '6.18' },
      cpus: { type: 'string', default: '2' },
      json: { type: 'boolean', short: 'j', default: false },
    })
    const [verb, file, ...more] = positionals
    if (more.length > 0) throw usageError(`what is ${JSON.stringify(more[0])}?`)
    const folder = values.session
    const path = join(folder, SESSION_FILE)
    const which = oneOf(verb ?? '', 'the word after session', ['save', 'restore', 'show', 'new'])
    if (which === 'show') {
      show(readSession(existing(file ?? path)), io, values.json)
      return EXIT_OK
    }
    if (which === 'new') {
      const version: KernelVersion = oneOf(values.kernel, '--kernel', ['6.1', '6.18'])
      const cpus = wholeNumber(values.cpus, '--cpus', 1, 1024)
      const card = values.profile === undefined ? {} : { profile: values.profile }
      const kernel = newMachine({ version, cpus, empty: values.empty, card })
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      withLock(folder, () => writeSession(kernel, card, path))
      return EXIT_OK
    }
    if (file === undefined) throw usageError(`session ${which} wants a file`)
    // A file replaces the session only after it was read as a whole.
    if (which === 'save') {
      readSession(existing(path))
      replace(path, file)
    } else {
      readSession(existing(file))
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      withLock(folder, () => replace(file, path))
    }
    return EXIT_OK
  },
}

function existing(path: string): string {
  if (existsSync(path)) return path
  throw new NicwrightError('session/none', { message: `there is no session in ${path}` })
}

function replace(from: string, to: string): void {
  const draft = `${to}.${process.pid}.new`
  try {
    copyFileSync(from, draft)
    renameSync(draft, to)
  } catch (error) {
    rmSync(draft, { force: true })
    throw new NicwrightError('session/write', {
      message: `${to} could not be written: ${(error as Error).message}`,
      cause: error,
    })
  }
}

function show(kernel: Kernel, io: Io, json: boolean): void {
  const state = {
    kernel: kernel.version.version,
    cpus: kernel.cpus,
    netdevs: [...kernel.netdevs.values()].map(n => ({
      name: n.name,
      driver: n.ops.driver,
      mtu: n.mtu,
      xdp: [...n.xdp].map(([mode, program]) => ({ mode, id: program.id })),
    })),
    programs: [...kernel.programs.values()].map(p => ({
      id: p.id,
      type: progTypeNames[p.program.type],
      name: p.program.name,
      ...(p.bound === undefined ? {} : { netdev: p.bound.netdev.name }),
    })),
    maps: [...kernel.maps.values()].map(m => ({
      id: m.id,
      type: mapTypeNames[m.spec.type],
      name: m.spec.name,
      entries: mapEntries(m).length,
      ...(m.bound === undefined ? {} : { netdev: m.bound.netdev.name }),
    })),
    pins: [...kernel.bpffs.pins].map(([path, pin]) => ({
      path,
      kind: pin.kind,
      id: pin.kind === 'prog' ? pin.prog.id : pin.map.id,
    })),
  }
  if (json) {
    io.out(`${JSON.stringify(state, null, 2)}\n`)
    return
  }
  const on = (netdev: string | undefined): string => (netdev === undefined ? '' : ` on ${netdev}`)
  const lines = [
    `kernel ${state.kernel}, ${state.cpus} CPU${state.cpus === 1 ? '' : 's'}`,
    ...state.netdevs.map(
      n => `interface ${n.name}  ${n.driver}  mtu ${n.mtu}${n.xdp.map(({ mode, id }) => `  ${mode} id ${id}`).join('')}`,
    ),
    ...state.programs.map(p => `program ${p.id}  ${p.type}  ${p.name}${on(p.netdev)}`),
    ...state.maps.map(m => `map ${m.id}  ${m.type}  ${m.name}  ${m.entries} entries${on(m.netdev)}`),
    ...state.pins.map(p => `pin ${p.path}  ${p.kind} ${p.id}`),
  ]
  io.out(`${lines.join('\n')}\n`)
}
