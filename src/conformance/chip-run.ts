// One program on both engines: the interpreter on the host, and the machine code on the simulated card. What a packet became, its bytes, and
// the maps afterwards must be equal.

import { BPF_PROG_TYPE_SCHED_CLS } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { toHex } from '../bytes/hex.ts'
import { compareBytes } from '../bytes/writer.ts'
import { Card, VERDICT, verdictNames } from '../card/index.ts'
import type { CodegenOptions } from '../drivers/nfp/codegen.ts'
import { NfpDevice } from '../drivers/nfp/device.ts'
import { NfpMap } from '../drivers/nfp/maps.ts'
import { NfpProgram } from '../drivers/nfp/program.ts'
import { Interpreter } from '../host/index.ts'
import type { BoundMap } from '../kernel/netdev.ts'
import { type BpfMap, createMap, freeMap, type Memory, newMemory } from '../maps/index.ts'
import { Code } from '../nfp/code.ts'
import { defaultProfile, type Firmware } from '../nfp/profiles.ts'
import { relocate } from '../nfp/relocate.ts'
import { verify } from '../verifier/verify.ts'

/** What came of each packet, and of the maps in the end. */
export interface Outcome {
  readonly packets: readonly string[]
  readonly maps: readonly string[]
  /** Words of machine code, 0 on the host. */
  readonly words: number
}

/** The program is refused, or not translated. */
export interface Refusal {
  readonly refused: string
}

/** A map that stays on the host, of which the card knows the number only. */
const HOST_MAP_ID = 0x7000

function contents(entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): string {
  return [...entries]
    .sort((a, b) => compareBytes(a[0], b[0]))
    .map(([key, value]) => `${toHex(key)}=${toHex(value)}`)
    .join(' ')
}

/** What the card does with a packet for which the program returns this. */
export function verdictFor(progType: number, retval: number): number {
  if (progType === BPF_PROG_TYPE_SCHED_CLS) {
    if (retval === 2) return VERDICT.DROP
    return retval === 4 || retval === 5 ? VERDICT.DROP_UNCOUNTED : VERDICT.PASS
  }
  const byCode = [VERDICT.ABORTED, VERDICT.DROP, VERDICT.PASS, VERDICT.TX]
  return byCode[retval] ?? VERDICT.ABORTED
}

function describe(verdict: number, data: Uint8Array): string {
  return `${verdictNames[verdict]} ${toHex(data)}`
}

const isHostMap = (spec: MapSpec): boolean => spec.type === 4

/** Runs the packets on the interpreter. */
export function runOnHost(
  program: Program,
  specs: readonly MapSpec[],
  packets: readonly Uint8Array[],
  memory: Memory = newMemory(),
): Outcome | Refusal {
  const maps = specs.map(spec => createMap(memory, spec, { cpus: 1 }))
  // Somebody listens: the card can't tell whether anyone does, and says that all is well.
  for (const [i, spec] of specs.entries()) {
    if (isHostMap(spec)) maps[i]!.set(new Uint8Array(4), Uint8Array.of(1, 0, 0, 0))
  }
  const engine = new Interpreter(program, maps, { memory })
  try {
    const out: string[] = []
    for (const packet of packets) {
      const run = engine.run(packet)
      if (run.fault !== undefined) return { refused: `the interpreter faults: ${run.fault.message}` }
      out.push(describe(verdictFor(program.type, run.retval), run.data))
    }
    const list = maps.map((map: BpfMap, i) => (isHostMap(specs[i]!) ? '' : contents([...map.entries()])))
    return { packets: out, maps: list, words: 0 }
  } finally {
    engine.free()
    for (const map of maps) freeMap(map)
  }
}

/** Loads the program for the card, and runs the packets there. */
export function runOnCard(
  program: Program,
  specs: readonly MapSpec[],
  packets: readonly Uint8Array[],
  codegen: CodegenOptions,
  firmware: Firmware = defaultProfile.firmware,
): Outcome | Refusal {
  const card = new Card({ ...defaultProfile, firmware })
  const log: string[] = []
  const device = new NfpDevice('card', card, { codegen, log: line => log.push(line) })
  const bound: BoundMap[] = []
  for (const [i, spec] of specs.entries()) {
    const map = isHostMap(spec) ? undefined : device.allocateMap(spec)
    if (typeof map === 'number') return { refused: `map ${i}: ${log.at(-1) ?? map}` }
    bound.push({ id: HOST_MAP_ID + i, spec, device: map })
  }
  const image = device.prepare(program, bound)
  if (!(image instanceof NfpProgram)) return { refused: 'no program of this driver' }
  const verdict = verify(program, specs, { target: { kind: 'offloaded', device: 'card', hooks: image.hooks }, logLevel: 1 })
  if (!verdict.ok) return { refused: verdict.message.trim() }
  if (image.translate(verdict.verified) !== 0 || image.translated === undefined) return { refused: log.at(-1) ?? 'translation' }
  const { lo, hi, targets, stackSize } = image.translated
  if (stackSize > firmware.stackBytes) return { refused: 'stack' }
  const code = new Code(lo.length)
  for (let i = 0; i < lo.length; i++) code.push(lo[i]!, hi[i]!)
  const { start, done, capabilities } = firmware
  if (relocate(code, targets, { start, done, helpers: capabilities.helpers }) !== 0) return { refused: 'relocation' }
  if (!card.load(code)) return { refused: 'the card refuses the words' }
  const out = packets.map(packet => {
    const { verdict: what, data, fault } = card.receive(packet)
    return fault === undefined ? describe(what, data) : `fault: ${fault}`
  })
  device.touched()
  const words = lo.length
  return { packets: out, words, maps: bound.map(({ device: map }) => (map instanceof NfpMap ? contents(entriesOf(map)) : '')) }
}

function entriesOf(map: NfpMap): (readonly [Uint8Array, Uint8Array])[] {
  const list: (readonly [Uint8Array, Uint8Array])[] = []
  for (let key = map.nextKey(undefined); key instanceof Uint8Array; key = map.nextKey(key)) {
    const value = map.lookup(key)
    if (value instanceof Uint8Array) list.push([key, value])
  }
  return list
}

/** The first difference, or undefined. */
export function difference(host: Outcome, card: Outcome): string | undefined {
  for (const [i, packet] of host.packets.entries()) {
    if (packet !== card.packets[i]) return `packet ${i}: host ${packet}, card ${card.packets[i]}`
  }
  for (const [i, map] of host.maps.entries()) {
    if (map !== card.maps[i]) return `map ${i}: host ${map}, card ${card.maps[i]}`
  }
  return undefined
}
