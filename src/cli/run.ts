// `nicwright run`: a capture through a program on one engine.

import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import { toHex } from '../bytes/hex.ts'
import { NicwrightError, SyscallError } from '../errors.ts'
import { writePcapng } from '../packets/index.ts'
import { type Command, oneOf, parse, usageError, wholeNumber } from './command.ts'
import { type EngineRun, engines } from './engines.ts'
import { errnoName } from './errno.ts'
import { EXIT_DEVICE, EXIT_OK, EXIT_UNEXPECTED, EXIT_VERIFIER } from './exit.ts'
import { writeOutput } from './file.ts'
import type { Io } from './io.ts'
import { mapSpecs, openObject } from './object.ts'
import { joinSwitches, machineOptionsOf } from './switches.ts'
import { readPackets, withContentsFile } from './traffic.ts'
import { usedMaps } from './trial.ts'
import { grouped } from './trial-print.ts'

const XDP_NAMES = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT']

export const command: Command = {
  usage: `nicwright run FILE.o --in FILE.pcap [--prog NAME] [--engine interpreter|chip|kernel] [--out FILE.pcapng] [--maps FILE.json]
              [--codegen correct|upstream] [--opt -NAME]… [--profile P] [--fw JSON] [--seed N] [--session DIR] [-j]

Runs the packets of a capture through a program, maps kept from packet to packet. --engine: interpreter (default, the reference), chip
(the simulated card), kernel (the real Linux, where bpf(2) is permitted). --out writes what came out, with the verdict of each packet as
a pcapng option; --maps gives first contents (default: FILE.maps.json beside the object).`,

  async run(args, io) {
    const { values, positionals } = parse(joinSwitches(args), {
      in: { type: 'string' },
      out: { type: 'string' },
      prog: { type: 'string' },
      maps: { type: 'string' },
      engine: { type: 'string', default: 'interpreter' },
      codegen: { type: 'string', default: 'correct' },
      opt: { type: 'string', multiple: true, default: [] },
      profile: { type: 'string' },
      fw: { type: 'string' },
      session: { type: 'string' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', short: 'j', default: false },
    })
    const [path] = positionals
    if (path === undefined || positionals.length > 1) throw usageError('give one object file')
    if (values.in === undefined) throw usageError('--in names the capture to run')
    const name = oneOf(values.engine, '--engine', Object.keys(engines) as (keyof typeof engines)[])
    const opened = openObject(path, values.prog)
    const [program] = opened.programs
    if (program === undefined) throw new NicwrightError('object/no-program', { message: `${path} holds no program` })
    const used = usedMaps(program, withContentsFile(mapSpecs(opened.object), path, values.maps))
    const { packets } = readPackets(values.in)
    const seed = wholeNumber(values.seed, '--seed', 0, 2 ** 32 - 1)
    let ran: EngineRun
    try {
      ran = engines[name]({
        program: used.program,
        maps: used.maps,
        hostMaps: used.maps.map(() => false),
        packets: packets.map(p => p.data),
        init: [],
        seed,
        now: 0n,
        budget: 10_000_000,
        machine: machineOptionsOf(values),
      })
    } catch (error) {
      if (error instanceof SyscallError) return refused(io, error, path, program.name, values.json)
      throw error
    }
    const xdp = program.type === BPF_PROG_TYPE_XDP
    if (values.out !== undefined) {
      const out = packets.map((packet, i) => {
        const data = ran.packets[i] ?? packet.data
        const { comment: _, ...rest } = packet
        return { ...rest, data, originalBytes: data.length, ...(xdp ? { verdict: ran.retvals[i] ?? 0 } : {}) }
      })
      writeOutput(values.out, writePcapng({ interfaces: [{ linkType: 1, name: 'nic0' }], packets: out }))
    }
    if (values.json) io.out(`${JSON.stringify(asJson(path, program.name, name, ran, used.maps), null, 2)}\n`)
    else print(io, name, ran, xdp, values.out)
    return EXIT_OK
  },
}

function refused(io: Io, error: SyscallError, path: string, program: string, json: boolean): number {
  const { code, message, errno } = error
  if (json) io.out(`${JSON.stringify({ file: path, program, ok: false, code, errno, error: message })}\n`)
  else io.err(`${io.style('red', '✗')} ${program}: ${message} (${errnoName(errno)})\n`)
  if (code.startsWith('offload/')) return EXIT_DEVICE
  return code.includes('refused') ? EXIT_VERIFIER : EXIT_UNEXPECTED
}

function tally(retvals: readonly number[], xdp: boolean): [name: string, count: number][] {
  const counts = new Map<string, number>()
  for (const retval of retvals) {
    const name = xdp ? (XDP_NAMES[retval] ?? `${retval}`) : `${retval | 0}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].sort((a, b) => b[1] - a[1])
}

function print(io: Io, engine: string, ran: EngineRun, xdp: boolean, out: string | undefined): void {
  const count = ran.retvals.length
  io.out(`${grouped(count)} packets on the ${engine}\n`)
  for (const [name, n] of tally(ran.retvals, xdp))
    io.out(`  ${name.padEnd(10)}${grouped(n).padStart(9)}  ${((100 * n) / count).toFixed(1)} %\n`)
  if (ran.cycles !== undefined && count > 0) {
    const sum = ran.cycles.reduce((a, b) => a + b, 0)
    io.out(`  ${(sum / count).toFixed(1)} cycles issued a packet, the firmware's included\n`)
  }
  if (out !== undefined) io.out(`wrote ${out}\n`)
}

function asJson(
  path: string,
  program: string,
  engine: string,
  ran: EngineRun,
  maps: readonly { readonly name: string }[],
): unknown {
  return {
    file: path,
    program,
    engine,
    ok: true,
    retvals: ran.retvals,
    packets: ran.packets.map(data => toHex(data)),
    maps: Object.fromEntries(
      maps.map((map, i) => [map.name, (ran.maps[i] ?? []).map(([key, value]) => [toHex(key), toHex(value)])]),
    ),
    ...(ran.cycles === undefined ? {} : { cycles: ran.cycles }),
  }
}
