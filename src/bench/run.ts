// How fast programs run: in the interpreter and on the simulated card, on the examples and their captures.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { MapSpec } from '../bpf/program.ts'
import { makeMachine } from '../cli/machine.ts'
import { mapSpecs } from '../cli/object.ts'
import { readPackets, withContentsFile } from '../cli/traffic.ts'
import { usedMaps } from '../cli/trial.ts'
import { Engine } from '../host/index.ts'
import { place } from '../kernel/fallback.ts'
import { createMap, newMemory } from '../maps/index.ts'
import { loadObject, type ObjectProgram } from '../object/index.ts'
import { verify } from '../verifier/index.ts'
import { rate, time } from './measure.ts'

const EXAMPLES = ['xdp_drop', 'xdp_tx', 'xdp_parser', 'xdp_fw', 'xdp_lb'] as const
const folder = fileURLToPath(new URL('../../examples/', import.meta.url))
const LEAST_BYTES = 14
/** Packets of one timed piece. */
const BATCH = 20_000
const RUNS = 5

interface Example {
  readonly name: string
  readonly program: ObjectProgram
  readonly maps: readonly MapSpec[]
  readonly packets: readonly Uint8Array[]
}

function example(name: string): Example {
  const path = `${folder}${name}.bpf.o`
  const object = loadObject(readFileSync(path), { name })
  const all = withContentsFile(mapSpecs(object), path, undefined)
  const { program, maps } = usedMaps(object.programs[0]!, all)
  const packets = readPackets(`${folder}${name}.pcap`)
    .packets.map(packet => packet.data)
    .filter(data => data.length >= LEAST_BYTES)
  return { name, program, maps, packets }
}

export function benchInterpreter(print: (line: string) => void): void {
  print(`interpreter, ${BATCH} packets of each example's capture, median of ${RUNS}`)
  for (const name of EXAMPLES) {
    const { program, maps, packets } = example(name)
    const memory = newMemory()
    const opened = maps.map(spec => createMap(memory, spec))
    const verdict = verify(program, maps, { logLevel: 0 })
    if (!verdict.ok) continue
    const engine = new Engine(verdict.verified, opened, { memory })
    let insns = 0
    for (const packet of packets) insns += engine.run(packet).insns
    const perPacket = insns / packets.length
    const { median } = time(() => {
      for (let i = 0; i < BATCH; i++) engine.execute(packets[i % packets.length]!)
    }, RUNS)
    print(
      `  ${name.padEnd(12)} ${rate(BATCH, median).padStart(10)} packets  ${rate(BATCH * perPacket, median).padStart(10)} instructions (${perPacket.toFixed(1)} a packet)`,
    )
  }
}

export function benchChip(print: (line: string) => void): void {
  print(`simulated card, ${BATCH} packets of each example's capture, median of ${RUNS}`)
  for (const name of EXAMPLES) {
    const { program, maps, packets } = example(name)
    const { kernel, netdev, card } = makeMachine()
    const placed = place(kernel, program, maps, netdev, ['offload'])
    if (!placed.ok) {
      print(`  ${name.padEnd(12)} is refused: ${placed.refusals[0]?.message ?? ''}`)
      continue
    }
    card.clearReport()
    for (const packet of packets) card.receive(packet)
    const perPacket = card.report().instructions
    const { median } = time(() => {
      for (let i = 0; i < BATCH; i++) card.receive(packets[i % packets.length]!)
    }, RUNS)
    print(
      `  ${name.padEnd(12)} ${rate(BATCH, median).padStart(10)} packets  ${rate(BATCH * perPacket, median).padStart(10)} NFP instructions (${perPacket.toFixed(1)} a packet)`,
    )
  }
}
