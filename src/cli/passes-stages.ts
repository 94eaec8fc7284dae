// A program after each optimisation: the passes one after the other in their order, then what the emitters decide. Each stage is a whole
// translation with the later switches off, so that every stage has machine code of its own, and its words can be counted.

import type { CodegenOptions } from '../drivers/nfp/codegen.ts'
import { type SwitchName, switches } from '../drivers/nfp/passes.ts'
import type { Translation } from '../drivers/nfp/translation.ts'
import { printInsn } from '../nfp/print.ts'
import type { Firmware } from '../nfp/profiles.ts'
import { again, type TranslatedProgram } from './translate-program.ts'
import { insnText, notesOf, removedBecause, secondSlot } from './translate-view.ts'

/** One instruction after one stage. */
export interface StageCell {
  readonly text: string
  readonly notes: readonly string[]
  readonly removed: string | undefined
  /** Its machine code, as text. */
  readonly words: readonly string[]
  /** Whether anything of it is another than before, where branches lead aside: they move with every word. */
  readonly changed: boolean
}

export interface Stage {
  readonly name: SwitchName | 'loaded'
  readonly title: string
  /** The switch was put off: nothing happens here. */
  readonly off: boolean
  /** Words of the whole program; undefined where this stage can't be translated. */
  readonly words: number | undefined
  /** By row. */
  readonly cells: readonly StageCell[]
  readonly changes: number
}

export interface Stages {
  /** First slot of the instruction of each row. */
  readonly slots: readonly number[]
  readonly stages: readonly Stage[]
}

/** Dead code goes first: it is known before the driver begins. What the emitters decide comes after the passes. */
const sequence: readonly SwitchName[] = ['dead-code', ...switches.map(s => s.name).filter(name => name !== 'dead-code')]

export function stagesOf(from: TranslatedProgram, firmware: Firmware, codegen: CodegenOptions): Stages {
  const { program } = from
  const slots: number[] = []
  for (let i = 0; i < program.insns.count; i++) if (!secondSlot(program, i)) slots.push(i)
  const names = from.maps.map(map => map.spec.name)
  const tables = new Map(from.maps.map(({ id, onHost, spec }) => [id, `${onHost ? 'map' : 'table'} ${id} (${spec.name})`]))
  const stages: Stage[] = []
  for (let done = 0; done <= sequence.length; done++) {
    const off = new Set([...codegen.off, ...sequence.slice(done)])
    const name = done === 0 ? 'loaded' : (sequence[done - 1] as SwitchName)
    const mapText = done > sequence.indexOf('map-refs') ? tables : undefined
    // What can't be translated is compared with nothing, and nothing with it.
    const before = stages.findLast(stage => stage.words !== undefined)
    const { cells, words } = run(from, firmware, { ...codegen, off }, slots, names, mapText, before?.cells)
    stages.push({
      name,
      title: switches.find(s => s.name === name)?.title ?? 'as loaded',
      off: codegen.off.has(name),
      words,
      cells,
      changes: cells.reduce((count, cell) => count + (cell.changed ? 1 : 0), 0),
    })
  }
  return { slots, stages }
}

function run(
  from: TranslatedProgram,
  firmware: Firmware,
  codegen: CodegenOptions,
  slots: readonly number[],
  names: readonly string[],
  tables: ReadonlyMap<number, string> | undefined,
  before: readonly StageCell[] | undefined,
): { readonly cells: StageCell[]; readonly words: number | undefined } {
  let state: Translation | undefined
  const watch = (_: unknown, t: Translation): void => {
    state = t
  }
  const result = again(from, firmware, codegen, { afterPass: watch })
  // Map references are always resolved, so there is always a pass to look at; a reader sees names until it is that pass' turn.
  const insns = state?.insns ?? from.program.insns
  const references = tables === undefined ? { ...insns, imm: insns.imm.slice() } : insns
  if (tables === undefined) {
    for (let i = 0; i < insns.count; i++) if (insns.code[i] === 0x18) references.imm[i] = from.program.insns.imm[i]!
  }
  const words = result.ok ? result.lo.length : undefined
  const cells = slots.map((slot, row): StageCell => {
    const text = insnText(references, slot, names, tables)
    if (!result.ok) return { text, notes: [], removed: undefined, words: [], changed: false }
    const removed = removedBecause(result.flags[slot]!)
    const notes = notesOf(result, slot)
    const first = result.offset[slot]!
    const next = slots[row + 1]
    const end = next === undefined ? result.lastBodyWord + 1 : result.offset[next]!
    const code: string[] = []
    for (let word = first; word < end; word++) code.push(printInsn(result.lo[word]!, result.hi[word]!))
    const old = before?.[row]
    const changed =
      old !== undefined &&
      (old.text !== text || old.removed !== removed || old.notes.join() !== notes.join() || !sameWords(old.words, code))
    return { text, notes, removed, words: code, changed }
  })
  return { cells, words }
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, i) => placeless(word) === placeless(b[i] ?? ''))
}

function placeless(word: string): string {
  return word.replace(/\.\d+/, '.')
}
