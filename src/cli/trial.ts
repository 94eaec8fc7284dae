// The seven steps from an object file to the packet rate, as data: compile, verify, bind, translate, place, attach, run. `try` prints it.

import { mapTypeNames } from '../bpf/map-type-table.ts'
import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import { toHex } from '../bytes/hex.ts'
import { type CardReport, wordCosts } from '../card/index.ts'
import { type Explanation, explanationOf } from '../drivers/nfp/explain-table.ts'
import { switches } from '../drivers/nfp/passes.ts'
import { NfpProgram } from '../drivers/nfp/program.ts'
import { provenance } from '../drivers/nfp/provenance.ts'
import { NicwrightError } from '../errors.ts'
import { Interpreter } from '../host/index.ts'
import { type Placement, place as placeProgram, type Refusal } from '../kernel/fallback.ts'
import { type LoadedMap, mapEntries } from '../kernel/map.ts'
import type { XdpMode } from '../kernel/netdev.ts'
import { createMap, newMemory } from '../maps/index.ts'
import type { ObjectMap, ObjectProgram } from '../object/index.ts'
import type { CapturedPacket } from '../packets/index.ts'
import { type Machine, type MachineOptions, makeMachine } from './machine.ts'
import { linesOf } from './object.ts'

/** Shortest packet that both engines take: an Ethernet header. */
const LEAST_BYTES = 14
const NAMES = ['aborted', 'drop', 'pass', 'tx'] as const
type Verdict = (typeof NAMES)[number]

export interface TrialInput {
  readonly program: ObjectProgram
  readonly maps: readonly ObjectMap[]
  readonly packets: readonly CapturedPacket[]
  readonly options: MachineOptions
  /** Called now and then with the packets done. */
  readonly progress?: (done: number) => void
}

/** A refusal in five parts. */
export interface Refused extends Refusal {
  readonly file?: string
  readonly line?: number
  readonly source?: string
  readonly explanation: Explanation | undefined
}

export interface HotLine {
  /** Of the cycles that the program itself spends. */
  readonly share: number
  readonly file: string
  readonly line: number
  readonly source: string
  readonly cyclesPerPacket: number
}

export interface Trial {
  readonly machine: Machine
  readonly mode: XdpMode | undefined
  readonly refused: readonly Refused[]
  readonly verify:
    | {
        readonly insns: number
        readonly maps: number
        readonly processed: number
        readonly states: number
        readonly stackBytes: number
      }
    | undefined
  readonly bind: { readonly netdev: string; readonly board: string; readonly accepted: number } | undefined
  readonly translate:
    | { readonly words: number; readonly limit: number; readonly on: number; readonly switches: number }
    | undefined
  readonly place:
    | {
        readonly maps: readonly { readonly name: string; readonly type: string; readonly where: string; readonly bytes: number }[]
        readonly stackBytes: number
        readonly stackLimit: number
      }
    | undefined
  readonly programId: number | undefined
  readonly packets: number
  /** Shorter than an Ethernet header: nothing was done with them. */
  readonly skipped: number
  readonly verdicts: Readonly<Record<Verdict, number>>
  /** Packets whose verdict and bytes are the same on card and host; undefined when only the host ran. */
  readonly same: number | undefined
  readonly mapsSame: boolean | undefined
  /** First packet that differs. */
  readonly firstDifference: number | undefined
  readonly report: CardReport | undefined
  /** Cycles that the program itself spends on a packet, the firmware's not counted. */
  readonly programCycles: number | undefined
  readonly hottest: readonly HotLine[]
}

/** Which maps a program refers to, with the program's references counted anew. */
export function usedMaps(program: ObjectProgram, maps: readonly ObjectMap[]): { program: ObjectProgram; maps: ObjectMap[] } {
  const { insns } = program
  const used = new Map<number, number>()
  const imm = insns.imm.slice()
  for (let i = 0; i < insns.count; i++) {
    if (insns.code[i] !== 0x18) continue
    if (insns.src[i] === 1 || insns.src[i] === 2) {
      const index = insns.imm[i] ?? 0
      if (!used.has(index)) used.set(index, used.size)
      imm[i] = used.get(index) ?? 0
    }
    i++
  }
  const list = [...used.keys()].map(index => {
    const map = maps[index]
    if (map === undefined)
      throw new NicwrightError('object/map', { message: `the program refers to map ${index}, which does not exist` })
    return map
  })
  return { program: { ...program, insns: { ...insns, imm } }, maps: list }
}

export function runTrial(input: TrialInput): Trial {
  const { program, maps } = usedMaps(input.program, input.maps)
  if (program.type !== BPF_PROG_TYPE_XDP) {
    throw new NicwrightError('try/type', {
      message: `${program.name} is no XDP program (section ${program.section}); nicwright verify and translate take it`,
    })
  }
  const machine = makeMachine(input.options)
  const placement = placeProgram(machine.kernel, program, maps, machine.netdev, ['offload', 'driver', 'generic'])
  const refused = placement.refusals.map(refusal => explain(refusal, program))
  const packets = input.packets.filter(p => p.data.length >= LEAST_BYTES)
  const skipped = input.packets.length - packets.length
  const base = { machine, refused, packets: packets.length, skipped }
  if (!placement.ok) return { ...base, ...NOTHING }
  const host = runOnHost(placement, maps, packets, input.options.seed ?? 1)
  const common = { ...base, mode: placement.mode, programId: placement.program.id, verify: verified(placement, maps.length) }
  const { device } = placement.program.bound ?? {}
  if (!(device instanceof NfpProgram)) return { ...NOTHING, ...common, verdicts: host.verdicts }
  const card = runOnCard(machine, packets, host, input.progress)
  const { firmware } = machine.device
  const words = device.translated?.lo.length ?? 0
  const microcode = machine.card.program(machine.port.index)
  const report = machine.card.report()
  return {
    ...common,
    bind: {
      netdev: machine.netdev.name,
      board: machine.card.profile.board.title,
      accepted: placement.program.verified.seen.reduce((a, b) => a + b, 0),
    },
    translate: {
      words,
      limit: firmware.maxLength,
      on: switches.length - (input.options.off?.length ?? 0),
      switches: switches.length,
    },
    place: {
      maps: placement.maps.map(map => placed(map)),
      stackBytes: device.translated?.stackSize ?? 0,
      stackLimit: firmware.stackBytes,
    },
    verdicts: card.verdicts,
    same: card.same,
    firstDifference: card.firstDifference,
    mapsSame: sameMaps(placement.maps, host.maps),
    report,
    programCycles:
      microcode === undefined
        ? undefined
        : wordCosts(microcode).reduce((sum, w) => sum + w.issued, 0) / Math.max(1, packets.length),
    hottest: microcode === undefined ? [] : hotLines(program, device, wordCosts(microcode), packets.length),
  }
}

const NOTHING = {
  mode: undefined,
  verify: undefined,
  bind: undefined,
  translate: undefined,
  place: undefined,
  programId: undefined,
  verdicts: { aborted: 0, drop: 0, pass: 0, tx: 0 },
  same: undefined,
  mapsSame: undefined,
  firstDifference: undefined,
  report: undefined,
  programCycles: undefined,
  hottest: [],
} as const

type Placed = Placement & { readonly ok: true }

function verified(placement: Placed, maps: number): NonNullable<Trial['verify']> {
  const { processed, totalStates } = placement.load.stats
  const { verified: v, program } = placement.program
  return { insns: program.insns.count, maps, processed, states: totalStates, stackBytes: v.stackDepth.reduce((a, b) => a + b, 0) }
}

function placed(map: LoadedMap): NonNullable<Trial['place']>['maps'][number] {
  const { spec, bound } = map
  const bytes = spec.maxEntries * (spec.keySize + spec.valueSize)
  return { name: spec.name, type: mapTypeNames[spec.type] ?? '', where: bound === undefined ? 'host' : 'EMEM', bytes }
}

function explain(refusal: Refusal, program: ObjectProgram): Refused {
  const line = refusal.insn === undefined ? undefined : linesOf(program)?.(refusal.insn)
  return {
    ...refusal,
    explanation: explanationOf(refusal.message),
    ...(line === undefined ? {} : { file: line.file, line: line.line, source: line.text.trim() }),
  }
}

interface HostRun {
  readonly codes: Uint8Array
  readonly outputs: readonly (Uint8Array | undefined)[]
  readonly maps: readonly (readonly (readonly [Uint8Array, Uint8Array])[])[]
  readonly verdicts: Record<Verdict, number>
}

/** What a return code means to XDP: redirects and unknown codes are aborts on a card, and counted as such here. */
function codeOf(retval: number): number {
  return retval < NAMES.length ? retval : 0
}

function runOnHost(placement: Placed, specs: readonly ObjectMap[], packets: readonly CapturedPacket[], seed: number): HostRun {
  const memory = newMemory()
  const maps = specs.map(spec => createMap(memory, spec))
  const engine = new Interpreter(placement.program.verified.program, maps, { memory, seed })
  const codes = new Uint8Array(packets.length)
  const verdicts: Record<Verdict, number> = { aborted: 0, drop: 0, pass: 0, tx: 0 }
  const outputs = packets.map(({ data }, i) => {
    const ran = engine.run(data)
    const code = codeOf(ran.retval)
    codes[i] = code
    verdicts[NAMES[code] ?? 'aborted']++
    return code >= 2 ? ran.data.subarray(ran.metaBytes) : undefined
  })
  return { codes, outputs, verdicts, maps: maps.map(map => [...map.entries()]) }
}

function runOnCard(
  machine: Machine,
  packets: readonly CapturedPacket[],
  host: HostRun,
  progress: TrialInput['progress'],
): { readonly verdicts: Record<Verdict, number>; readonly same: number; readonly firstDifference: number | undefined } {
  const verdicts: Record<Verdict, number> = { aborted: 0, drop: 0, pass: 0, tx: 0 }
  let same = 0
  let firstDifference: number | undefined
  for (let i = 0; i < packets.length; i++) {
    const done = machine.port.receive((packets[i] as CapturedPacket).data)
    const code = done?.verdict ?? 0
    verdicts[NAMES[code] ?? 'aborted']++
    const output = host.outputs[i]
    const equal = code === host.codes[i] && (output === undefined || (done !== undefined && equalBytes(output, done.data)))
    if (equal) same++
    else firstDifference ??= i
    if (i % 500 === 499) progress?.(i + 1)
  }
  progress?.(packets.length)
  return { verdicts, same, firstDifference }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function sameMaps(card: readonly LoadedMap[], host: HostRun['maps']): boolean {
  const text = (entries: readonly (readonly [Uint8Array, Uint8Array])[]): string =>
    entries
      .map(([key, value]) => `${toHex(key)}=${toHex(value)}`)
      .sort()
      .join()
  return card.every((map, i) => map.bound === undefined || text(mapEntries(map)) === text(host[i] ?? []))
}

function hotLines(program: ObjectProgram, device: NfpProgram, costs: ReturnType<typeof wordCosts>, packets: number): HotLine[] {
  const lines = linesOf(program)
  const { translated } = device
  if (lines === undefined || translated === undefined) return []
  const from = provenance(program.insns, translated)
  const sums = new Map<string, { file: string; line: number; source: string; cycles: number }>()
  let total = 0
  for (const { word, issued } of costs) {
    total += issued
    const insn = from.insn[word] ?? -1
    const line = insn < 0 ? undefined : lines(insn)
    if (line === undefined || line.line === 0) continue
    const key = `${line.file}:${line.line}`
    const sum = sums.get(key) ?? { file: line.file, line: line.line, source: line.text.trim(), cycles: 0 }
    sum.cycles += issued
    sums.set(key, sum)
  }
  return [...sums.values()]
    .sort((a, b) => b.cycles - a.cycles)
    .map(({ file, line, source, cycles }) => ({
      file,
      line,
      source,
      share: cycles / Math.max(1, total),
      cyclesPerPacket: cycles / Math.max(1, packets),
    }))
}
