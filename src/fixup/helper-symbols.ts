// Which function of the kernel stands behind a helper's id: mostly the one of the helper's name, but some have a function per program type,
// and those of maps belong to the type of the map.

import { helperNames } from '../bpf/helper-table.ts'
import { BPF_PROG_TYPE_SCHED_ACT, BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import { helperSymbols, mapSymbols } from './helper-symbol-table.ts'

/** The function that a program of this type calls. */
export function helperSymbol(id: number, progType: number): string {
  const row = helperSymbols.get(id)
  if (row === undefined) return `bpf_${helperNames.get(id) ?? 'unspec'}`
  if (progType === BPF_PROG_TYPE_XDP) return row.xdp ?? row.other
  const isTc = progType === BPF_PROG_TYPE_SCHED_CLS || progType === BPF_PROG_TYPE_SCHED_ACT
  return (isTc ? row.tc : undefined) ?? row.other
}

/** The function of a map type that does what a helper asks for; undefined where the helper finds it when it runs. */
export function mapSymbol(id: number, mapType: number): string | undefined {
  return mapSymbols.get(mapType)?.get(id)
}
