// `nicwright opts`: the optimisations and repairs of the translator: what there is, what each is worth, which are off from now on.

import { existsSync } from 'node:fs'
import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import { switches } from '../drivers/nfp/passes.ts'
import { NicwrightError } from '../errors.ts'
import type { ObjectProgram } from '../object/index.ts'
import { type Command, oneOf, parse, usageError, wholeNumber } from './command.ts'
import { EXIT_OK } from './exit.ts'
import type { Io } from './io.ts'
import { mapSpecs, openObject } from './object.ts'
import { effects, switchRows } from './opts-list.ts'
import { matrixOf } from './opts-matrix.ts'
import { renderList, renderMatrix, type TableOptions } from './opts-text.ts'
import {
  CODEGEN_USAGE,
  codegenOptions,
  isSwitch,
  joinSwitches,
  machineOptionsOf,
  rememberedOff,
  rememberOff,
} from './switches.ts'
import { packetsFor, readPackets, withContentsFile } from './traffic.ts'
import type { RefusedProgram } from './translate-program.ts'
import { refusalJson, renderRefusal } from './translate-refusal.ts'

export const command: Command = {
  usage: `nicwright opts list [PROG.o] [--prog N] [--all] ${CODEGEN_USAGE} [-j]
nicwright opts matrix PROG.o [--prog N] [--packets FILE.pcap] [--count N] [--maps FILE.json] [--repairs] ${CODEGEN_USAGE} [-j]
nicwright opts on|off NAME… [--session DIR]

list    every pass, switch and repair; with a program, what each does in it
matrix  the program without each of them: words and, with packets, cycles and rate; the capture beside the object is used by itself
on|off  switches NAME (or all) for translate and opts from now on, in the session folder; --opt -NAME does it for one call`,

  async run(args, io) {
    const { values, positionals } = parse(joinSwitches(args), {
      ...codegenOptions,
      prog: { type: 'string' },
      packets: { type: 'string' },
      count: { type: 'string' },
      maps: { type: 'string' },
      seed: { type: 'string', default: '1' },
      repairs: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      json: { type: 'boolean', short: 'j', default: false },
    })
    const [word = '', ...rest] = positionals
    const verb = oneOf(word, 'nicwright opts', ['list', 'matrix', 'on', 'off'])
    if (verb === 'on' || verb === 'off') return change(verb, rest, values.session, values.json, io)
    const options = machineOptionsOf(values)
    const table: TableOptions = { width: io.width, style: io.style, ascii: io.ascii }
    const [path] = rest
    if (rest.length > 1 || (path === undefined && verb === 'matrix')) throw usageError('give one object file')
    if (path === undefined) {
      const rows = switchRows(options)
      io.out(values.json ? `${JSON.stringify({ switches: rows }, null, 2)}\n` : `${renderList(rows, table).join('\n')}\n`)
      return EXIT_OK
    }
    const { object, programs } = openObject(path, values.prog)
    const program = only(path, programs)
    if (verb === 'list') {
      const rows = effects(program, mapSpecs(object), options)
      if ('ok' in rows) return refused(rows, values.json, table, io)
      if (values.json) io.out(`${JSON.stringify({ file: path, program: program.name, switches: rows }, null, 2)}\n`)
      else io.out(`${[io.style('bold', program.name), ...renderList(rows, table, values.all)].join('\n')}\n`)
      return EXIT_OK
    }
    const count = values.count === undefined ? undefined : wholeNumber(values.count, '--count', 1, 1_000_000)
    const seed = wholeNumber(values.seed, '--seed', 0, 0xffffffff)
    const packets = packetsOf(program, path, values.packets, count, seed)
    const maps = withContentsFile(mapSpecs(object), path, values.maps)
    const matrix = matrixOf({
      program,
      maps,
      options: { ...options, seed },
      packets,
      repairs: values.repairs,
      ...(io.interactive ? { progress: (done: number, of: number) => io.err(`\r${done} of ${of} `) } : {}),
    })
    if (io.interactive) io.err('\r\u001b[K')
    if ('ok' in matrix) return refused(matrix, values.json, table, io)
    if (values.json) io.out(`${JSON.stringify({ file: path, ...matrix }, null, 2)}\n`)
    else io.out(`${renderMatrix(matrix, table).join('\n')}\n`)
    return EXIT_OK
  },
}

function only(path: string, programs: readonly ObjectProgram[]): ObjectProgram {
  const [program] = programs
  if (program === undefined) throw new NicwrightError('object/no-program', { message: `${path} holds no program` })
  if (programs.length > 1) {
    throw usageError(
      `${path} has ${programs.length} programs (${programs.map(p => p.name).join(', ')}): say with --prog which one`,
    )
  }
  return program
}

const LEAST_BYTES = 14

/** Packets as given or beside the object; none otherwise, and none for programs that don't run on packets of a port. */
function packetsOf(
  program: ObjectProgram,
  path: string,
  given: string | undefined,
  count: number | undefined,
  seed: number,
): readonly Uint8Array[] {
  if (program.type !== BPF_PROG_TYPE_XDP) {
    if (given !== undefined) throw usageError(`${program.name} is no XDP program: packets can't be run through it here`)
    return []
  }
  const beside = existsSync(`${path.replace(/(\.bpf)?\.(o|c)$/, '')}.pcap`)
  if (given === undefined && !beside) return []
  const found = given === undefined ? packetsFor(path, count ?? 2000, seed) : readPackets(given)
  const packets = found.packets.map(packet => packet.data).filter(data => data.length >= LEAST_BYTES)
  if (packets.length === 0)
    throw new NicwrightError('packets/none', { message: `${found.source}: no packet of at least ${LEAST_BYTES} bytes` })
  return count === undefined ? packets : packets.slice(0, count)
}

function refused(result: RefusedProgram, json: boolean, table: TableOptions, io: Io): number {
  if (json) io.out(`${JSON.stringify(refusalJson(result), null, 2)}\n`)
  else io.err(`${renderRefusal(result, table).join('\n')}\n`)
  return result.exit
}

/** The file of the session folder, changed; names are checked before anything is written. */
function change(verb: 'on' | 'off', names: readonly string[], folder: string | undefined, json: boolean, io: Io): number {
  if (names.length === 0) throw usageError(`nicwright opts ${verb} wants names; nicwright opts list has them`)
  const unknown = names.find(name => name !== 'all' && !isSwitch(name))
  if (unknown !== undefined) throw usageError(`no optimisation is called ${unknown}; nicwright opts list has the names`)
  const everything = names.includes('all')
  // `on all` must work whatever stands in the file: it is the way out of a damaged one.
  const off = new Set(verb === 'on' && everything ? [] : rememberedOff(folder))
  const meant = everything ? [...names.filter(name => name !== 'all'), ...switches.map(s => s.name)] : names
  for (const name of meant) {
    if (verb === 'off') off.add(name)
    else off.delete(name)
  }
  rememberOff([...off], folder)
  if (json) io.out(`${JSON.stringify({ off: [...off].sort() })}\n`)
  else io.out(off.size === 0 ? 'everything is on\n' : `off: ${[...off].sort().join(' ')}\n`)
  return EXIT_OK
}
