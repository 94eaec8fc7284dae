// One program, its maps and packets on each engine; the same answer form from all, so that they can be compared.

import type { MapSpec } from '../bpf/program.ts'
import type { ProgramRecord } from '../bpf/record.ts'
import { NicwrightError, SyscallError } from '../errors.ts'
import { Engine } from '../host/index.ts'
import { probe, runOnKernel as run } from '../linux/index.ts'
import { type BpfMap, createMap, freeMap, type Memory, newMemory } from '../maps/index.ts'
import { verify } from '../verifier/index.ts'
import { runOnChip } from './chip.ts'
import type { MachineOptions } from './machine.ts'

/** What every engine gives back. */
export interface EngineRun {
  readonly retvals: readonly number[]
  readonly packets: readonly Uint8Array[]
  readonly maps: readonly (readonly (readonly [key: Uint8Array, value: Uint8Array])[])[]
  readonly cycles?: readonly number[]
}

export interface RunRequest extends ProgramRecord {
  readonly packets: readonly Uint8Array[]
  /** Put into the maps before the first packet. */
  readonly init: readonly (readonly [map: number, key: Uint8Array, value: Uint8Array])[]
  readonly seed: number
  /** Nanoseconds that the clock shows. */
  readonly now: bigint
  /** Instructions that a packet may execute. */
  readonly budget: number
  /** Of the chip: how code is made, and for which card. */
  readonly machine: MachineOptions
}

/** The maps with what the request puts into them. */
export function withContents({ maps, init }: Pick<RunRequest, 'maps' | 'init'>): MapSpec[] {
  return maps.map((spec, i) => {
    const more = init.flatMap(([map, key, value]) => (map === i ? [{ key, value }] : []))
    return more.length === 0 ? spec : { ...spec, init: [...(spec.init ?? []), ...more] }
  })
}

function refused(verdict: { readonly errno: number; readonly message: string }): SyscallError {
  return new SyscallError('verifier/refused', verdict.errno, { message: verdict.message })
}

// One guest memory serves all records: every one costs address space, of which a process has only so much.
let memory: Memory | undefined

export function runOnInterpreter(request: RunRequest): EngineRun {
  const specs = withContents(request)
  const verdict = verify(request.program, specs, { logLevel: 0 })
  if (!verdict.ok) throw refused(verdict)
  memory ??= newMemory()
  const maps: BpfMap[] = []
  let engine: Engine | undefined
  try {
    for (const spec of specs) maps.push(createMap(memory, spec))
    const { seed, now, budget } = request
    engine = new Engine(verdict.verified, maps, { memory, seed, now, budget })
    const retvals: number[] = []
    const packets: Uint8Array[] = []
    for (const packet of request.packets) {
      const ran = engine.run(packet)
      if (ran.fault !== undefined) {
        throw new NicwrightError('host/fault', { message: `instruction ${ran.fault.insn}: ${ran.fault.message}` })
      }
      retvals.push(ran.retval)
      packets.push(ran.data)
    }
    return { retvals, packets, maps: maps.map(map => [...map.entries()]) }
  } finally {
    engine?.free()
    for (const map of maps) freeMap(map)
  }
}

export function runOnKernel(request: RunRequest): EngineRun {
  const available = probe()
  if (!available.ok)
    throw new NicwrightError('linux/unavailable', { message: `the real kernel is not available here: ${available.why}` })
  const result = run(request.program, withContents(request), request.packets, { logLevel: 1, cpus: 1 })
  if (!result.ok) throw new SyscallError('linux/refused', result.errno, { message: lastLine(result.log) })
  const failed = result.runs.find(r => r.errno !== 0)
  if (failed !== undefined) throw new SyscallError('linux/run', failed.errno, { message: 'the test run was refused' })
  return { retvals: result.runs.map(r => r.retval), packets: result.runs.map(r => r.data), maps: result.maps }
}

/** The line before the kernel's statistics. */
function lastLine(log: string): string {
  const lines = log.trimEnd().split('\n')
  return lines.filter(line => !line.startsWith('processed ')).at(-1) ?? ''
}

export const engines: Readonly<Record<'interpreter' | 'chip' | 'kernel', (request: RunRequest) => EngineRun>> = {
  interpreter: runOnInterpreter,
  chip: runOnChip,
  kernel: runOnKernel,
}
