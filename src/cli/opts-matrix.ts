// What each switch is worth to a program: translated, and where there are packets run on a card, once as it is and once without each.

import { repairs } from '../drivers/nfp/codegen.ts'
import { switches } from '../drivers/nfp/passes.ts'
import { NicwrightError } from '../errors.ts'
import { place } from '../kernel/fallback.ts'
import type { ObjectMap, ObjectProgram } from '../object/index.ts'
import { codegenOf, type MachineOptions, makeMachine, profileOf } from './machine.ts'
import { kernelName } from './object.ts'
import { type RefusedProgram, type TranslatedProgram, translateProgram } from './translate-program.ts'
import { usedMaps } from './trial.ts'

/** What packets cost, by the card's report. */
export interface Cost {
  readonly cyclesPerPacket: number
  readonly packetsPerSecond: number
  /** What keeps the card from doing more. */
  readonly limit: string
}

export interface Measured {
  readonly words: number
  readonly cost: Cost | undefined
}

export interface MatrixRow {
  readonly name: string
  readonly title: string
  readonly repair: boolean
  /** It is off already. */
  readonly off: boolean
  /** Without it: the same answer, or why there is none. */
  readonly without: Measured | { readonly refused: string }
  /** Whether it does anything in this program. */
  readonly used: boolean
}

export interface Matrix {
  readonly program: string
  /** Names that are off in what everything is compared with. */
  readonly off: readonly string[]
  readonly base: Measured
  readonly rows: readonly MatrixRow[]
  /** Packets that each figure is an average of. */
  readonly packets: number
}

export interface MatrixInput {
  readonly program: ObjectProgram
  readonly maps: readonly ObjectMap[]
  readonly options: MachineOptions
  /** None: words only. */
  readonly packets: readonly Uint8Array[]
  /** The repairs too. */
  readonly repairs: boolean
  /** Called when a row is done. */
  readonly progress?: (done: number, of: number) => void
}

/** The ablation table, or why the program isn't translated at all. */
export function matrixOf(input: MatrixInput): Matrix | RefusedProgram {
  const { program, packets, options } = input
  const base = translated(input, options)
  if (!base.ok) return base
  const off = new Set(options.off ?? [])
  const names = input.repairs && options.codegen !== 'upstream' ? [...switches, ...repairs] : switches
  const rows: MatrixRow[] = []
  const measured = measure(input, options, base)
  for (const { name, title } of names) {
    const variant = { ...options, off: [...off, name] }
    const result = translated(input, variant)
    const used = !result.ok || !sameCode(base, result)
    // The same words take the same time: runs are deterministic.
    const without = !used ? measured : result.ok ? measure(input, variant, result) : { refused: result.message }
    rows.push({ name, title, repair: !switches.some(s => s.name === name), off: off.has(name), without, used })
    input.progress?.(rows.length, names.length + 1)
  }
  const nothing = { ...options, off: [...new Set([...off, ...switches.map(s => s.name)])] }
  const result = translated(input, nothing)
  const without = result.ok ? measure(input, nothing, result) : { refused: result.message }
  rows.push({ name: 'all', title: 'all of the optimisations', repair: false, off: false, without, used: true })
  return { program: program.name, off: [...off], base: measured, rows, packets: packets.length }
}

export function translated(
  { program, maps }: Pick<MatrixInput, 'program' | 'maps'>,
  options: MachineOptions,
): TranslatedProgram | RefusedProgram {
  return translateProgram({ program, maps, firmware: profileOf(options).firmware, codegen: codegenOf(options) })
}

/** Whether two translations are the same words. */
export function sameCode(a: TranslatedProgram, b: TranslatedProgram): boolean {
  const { lo, hi } = a.compiled.translated
  const other = b.compiled.translated
  return lo.length === other.lo.length && lo.every((word, i) => word === other.lo[i] && hi[i] === other.hi[i])
}

function measure({ program, maps, packets }: MatrixInput, options: MachineOptions, result: TranslatedProgram): Measured {
  const words = result.compiled.translated.lo.length
  if (packets.length === 0) return { words, cost: undefined }
  const used = usedMaps(program, maps)
  const { kernel, netdev, port, card } = makeMachine(options)
  const named = used.maps.map(map => ({ ...map, name: kernelName(map.name) }))
  const placed = place(kernel, { ...used.program, name: kernelName(program.name) }, named, netdev, ['offload'])
  if (!placed.ok) {
    const message = placed.refusals[0]?.message ?? 'refused'
    throw new NicwrightError('opts/place', { message: `${program.name} was translated but is not taken: ${message}` })
  }
  for (const packet of packets) port.receive(packet)
  const { cyclesPerPacket, throughput } = card.report()
  return { words, cost: { cyclesPerPacket, packetsPerSecond: throughput.packetsPerSecond, limit: throughput.limit } }
}
