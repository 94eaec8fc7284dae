// A program on a packet of user space's own, as BPF_PROG_TEST_RUN does: repeated runs see what the one before has left.

import { EINVAL, ENOTSUPP } from '../bpf/errno.ts'
import { BPF_F_XDP_HAS_FRAGS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import { NicwrightError } from '../errors.ts'
import { Engine } from '../host/index.ts'
import { mapsIn, programsIn } from './handles.ts'
import type { Kernel } from './kernel.ts'
import type { LoadedMap } from './map.ts'
import type { LoadedProgram } from './program.ts'

export interface TestRunOptions {
  readonly repeat?: number
  readonly seed?: number
  readonly perfEvent?: (map: LoadedMap, cpu: number, data: Uint8Array) => void
  readonly trace?: (line: string) => void
}

const ETH_HEADER_BYTES = 14
/** A page without headroom and without the kernel's own record of the packet. */
const MOST_BYTES = 4096 - 256 - 320

/** What came of it, or a negative errno. */
export function testRun(
  kernel: Kernel,
  program: LoadedProgram,
  packet: Uint8Array,
  options: TestRunOptions = {},
): { readonly retval: number; readonly data: Uint8Array } | number {
  if (program.bound !== undefined) return -ENOTSUPP
  if (packet.length < ETH_HEADER_BYTES) return -EINVAL
  const { type, flags } = program.program
  if (type === BPF_PROG_TYPE_XDP && (flags & BPF_F_XDP_HAS_FRAGS) === 0 && packet.length > MOST_BYTES) return -EINVAL
  const perf = options.perfEvent
  let engine: Engine
  try {
    engine = new Engine(program.verified, hostMaps(program), {
      memory: kernel.memory,
      seed: options.seed ?? 1,
      ...(perf === undefined
        ? {}
        : {
            perfEvent: (map, cpu, data) => {
              const found = [...kernel.maps.values()].find(each => each.host?.base === map.base)
              if (found !== undefined) perf(found, cpu, data)
            },
          }),
      ...(options.trace === undefined ? {} : { trace: options.trace }),
    })
  } catch (error) {
    if (error instanceof NicwrightError && error.code === 'host/type') return -ENOTSUPP
    throw error
  }
  try {
    addReachable(kernel, engine, program)
    let data = packet
    let retval = 0
    for (let i = 0; i < Math.max(1, options.repeat ?? 1); i++) {
      const ran = engine.run(data)
      if (ran.fault !== undefined)
        throw new NicwrightError('host/fault', { message: `instruction ${ran.fault.insn}: ${ran.fault.message}` })
      retval = ran.retval
      data = ran.data.slice(ran.metaBytes)
    }
    return { retval, data }
  } finally {
    engine.free()
  }
}

function hostMaps(program: LoadedProgram): NonNullable<LoadedMap['host']>[] {
  return program.maps.flatMap(map => map.host ?? [])
}

/** Programs that tail calls can reach, and maps that stand in maps. */
function addReachable(kernel: Kernel, engine: Engine, first: LoadedProgram): void {
  const programs = new Set([first])
  for (const program of programs) {
    for (const map of program.maps) {
      for (const inner of mapsIn(kernel, map)) if (inner.host !== undefined) engine.machine.addMap(inner.host)
      for (const next of programsIn(kernel, map)) {
        if (programs.has(next)) continue
        programs.add(next)
        engine.addProgram(next.id, next.program, hostMaps(next))
      }
    }
  }
  // The program itself can be in a program array that it calls.
  engine.addProgram(first.id, first.program, hostMaps(first))
}
