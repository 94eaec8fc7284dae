// Every switch with what it does in a program: the passes and the decisions of the emitters with what they did and didn't do, the repairs
// with whether they change this program's code.

import { type Evidence, repairs } from '../drivers/nfp/codegen.ts'
import { passes, switches } from '../drivers/nfp/passes.ts'
import type { ObjectMap, ObjectProgram } from '../object/index.ts'
import type { MachineOptions } from './machine.ts'
import { sameCode, translated } from './opts-matrix.ts'
import type { RefusedProgram } from './translate-program.ts'

export interface SwitchRow {
  readonly name: string
  readonly title: string
  readonly kind: 'pass' | 'emitter' | 'repair'
  /** Of a repair: how it is known that upstream is wrong there. */
  readonly evidence?: Evidence
  readonly on: boolean
  /** In the program; undefined where none was given. */
  readonly effect?: SwitchEffect
}

export interface SwitchEffect {
  readonly applies: boolean
  /** Places where it did something, and where it could have and didn't. */
  readonly applied: number
  readonly missed: number
  /** Words that the program has more (less: negative) without it; undefined where it isn't translated without it. */
  readonly words: number | undefined
}

export function switchRows(options: MachineOptions): SwitchRow[] {
  const off = new Set(options.off ?? [])
  const upstream = options.codegen === 'upstream'
  return [
    ...switches.map(({ name, title }): SwitchRow => {
      return { name, title, kind: passes.some(pass => pass.name === name) ? 'pass' : 'emitter', on: !off.has(name) }
    }),
    ...repairs.map(({ name, title, evidence }): SwitchRow => {
      return { name, title, kind: 'repair', evidence, on: !upstream && !off.has(name) }
    }),
  ]
}

/** The rows with what each does in a program, or why the program is refused. */
export function effects(
  program: ObjectProgram,
  maps: readonly ObjectMap[],
  options: MachineOptions,
): readonly SwitchRow[] | RefusedProgram {
  const base = translated({ program, maps }, options)
  if (!base.ok) return base
  const off = options.off ?? []
  return switchRows(options).map(row => {
    const remarks = base.remarks.filter(remark => remark.pass === row.name)
    const applied = remarks.filter(remark => remark.applied).length
    const missed = remarks.length - applied
    if (!row.on) return { ...row, effect: { applies: false, applied: 0, missed: 0, words: 0 } }
    const without = translated({ program, maps }, { ...options, off: [...off, row.name] })
    const differs = !without.ok || !sameCode(base, without)
    const words = without.ok ? without.compiled.translated.lo.length - base.compiled.translated.lo.length : undefined
    return { ...row, effect: { applies: differs || applied > 0, applied, missed, words } }
  })
}
