// A record on the simulated card: maps on the device, load with the device taking part, attach in offload mode, packets.

import { NicwrightError, SyscallError } from '../errors.ts'
import { place } from '../kernel/fallback.ts'
import { mapEntries } from '../kernel/map.ts'
import type { FirmwareOptions } from '../nfp/profiles.ts'
import { type EngineRun, type RunRequest, withContents } from './engines.ts'
import { type MachineOptions, makeMachine } from './machine.ts'

/** Fields of a record that say how code is made and for which firmware. */
export function machineOptions(record: Readonly<Record<string, unknown>>): MachineOptions {
  const { codegen, opt, fw, profile } = record
  if (codegen !== undefined && codegen !== 'correct' && codegen !== 'upstream') {
    throw new NicwrightError('batch/codegen', { message: `codegen is "correct" or "upstream", not ${JSON.stringify(codegen)}` })
  }
  const switches = opt === undefined || opt === null ? [] : opt
  if (!Array.isArray(switches) || !switches.every(s => typeof s === 'string')) {
    throw new NicwrightError('batch/opt', { message: 'opt is a list of switches such as "-packet-cache"' })
  }
  if (fw !== undefined && fw !== null && (typeof fw !== 'object' || Array.isArray(fw))) {
    throw new NicwrightError('batch/fw', { message: 'fw is an object of firmware options' })
  }
  return {
    ...(codegen === undefined ? {} : { codegen }),
    ...(typeof profile === 'string' ? { profile } : {}),
    ...(fw === undefined || fw === null ? {} : { firmware: fw as FirmwareOptions }),
    off: switches.filter(s => s.startsWith('-')).map(s => s.slice(1)),
  }
}

export function runOnChip(request: RunRequest): EngineRun {
  const { program, packets, seed, machine } = request
  const { kernel, netdev, port } = makeMachine({ ...machine, seed })
  const placed = place(kernel, program, withContents(request), netdev, ['offload'])
  if (!placed.ok) {
    const refusal = placed.refusals[0]
    throw new SyscallError(`offload/${refusal?.stage}`, refusal?.errno ?? 22, { message: refusal?.message ?? '' })
  }
  const retvals: number[] = []
  const out: Uint8Array[] = []
  const cycles: number[] = []
  for (const packet of packets) {
    const done = port.receive(packet)
    if (done === undefined) throw new NicwrightError('card/idle', { message: 'no program runs on the card' })
    if (done.fault !== undefined) throw new NicwrightError('card/fault', { message: done.fault })
    retvals.push(done.verdict)
    out.push(done.data)
    cycles.push(done.cycles)
  }
  return { retvals, packets: out, maps: placed.maps.map(mapEntries), cycles }
}
