// "Offload if you want it and not if you don't": a program is tried on the device first, and what the device refuses runs in the
// driver, or in the stack where the driver can't, with the reason told.

import { EOPNOTSUPP } from '../bpf/errno.ts'
import { BPF_PROG_TYPE_SCHED_CLS } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import type { Kernel, LoadResult } from './kernel.ts'
import { isNeutral, type LoadedMap } from './map.ts'
import type { Extack, Netdev, XdpMode } from './netdev.ts'
import type { LoadedProgram } from './program.ts'
import { attachXdp } from './xdp.ts'

/** Why one place would not take a program. */
export interface Refusal {
  readonly mode: XdpMode
  readonly stage: 'map' | 'attributes' | 'verify' | 'translate' | 'attach'
  readonly errno: number
  /** The last telling line of whoever refused. */
  readonly message: string
  readonly log: string
  readonly insn?: number
  /** The map that was refused. */
  readonly map?: string
}

export type Placement =
  | {
      readonly ok: true
      readonly mode: XdpMode
      readonly program: LoadedProgram
      readonly maps: readonly LoadedMap[]
      readonly load: LoadResult & { ok: true }
      readonly refusals: readonly Refusal[]
    }
  | { readonly ok: false; readonly refusals: readonly Refusal[] }

/** Creates the maps, loads and attaches: in the first of `modes` that takes the program. What a refused mode had made is freed. */
export function place(
  kernel: Kernel,
  program: Program,
  maps: readonly MapSpec[],
  netdev: Netdev,
  modes: readonly XdpMode[],
): Placement {
  const refusals: Refusal[] = []
  for (const mode of modes) {
    const tried = placeIn(kernel, program, maps, netdev, mode)
    if ('refusal' in tried) refusals.push(tried.refusal)
    else return { ok: true, mode, refusals, ...tried }
  }
  return { ok: false, refusals }
}

type Placed = { readonly program: LoadedProgram; readonly maps: readonly LoadedMap[]; readonly load: LoadResult & { ok: true } }

function placeIn(
  kernel: Kernel,
  program: Program,
  specs: readonly MapSpec[],
  netdev: Netdev,
  mode: XdpMode,
): Placed | { refusal: Refusal } {
  const bound = mode === 'offload'
  const maps: LoadedMap[] = []
  const refuse = (refusal: Omit<Refusal, 'mode'>): { refusal: Refusal } => {
    for (const map of maps) kernel.removeMap(map)
    return { refusal: { mode, ...refusal } }
  }
  for (const spec of specs) {
    const made = kernel.createMap(spec, bound && !isNeutral(spec) ? netdev : undefined)
    if (!made.ok) return refuse({ stage: 'map', errno: made.errno, message: made.message, log: '', map: spec.name })
    maps.push(made.map)
  }
  const load = kernel.load(program, maps, bound ? { netdev } : {})
  if (!load.ok) {
    const { stage, errno, message, log, insn } = load
    return refuse({ stage, errno, message, log, ...(insn === undefined ? {} : { insn }) })
  }
  const extack: Extack = { message: undefined }
  const classifier = program.type === BPF_PROG_TYPE_SCHED_CLS && bound
  const error = classifier
    ? (netdev.ops.offloadClassifier?.(load.program, extack) ?? -EOPNOTSUPP)
    : attachXdp(netdev, load.program, mode, extack)
  if (error !== 0) {
    kernel.unload(load.program)
    return refuse({ stage: 'attach', errno: -error, message: extack.message ?? '', log: load.log })
  }
  if (classifier) netdev.classifier = load.program
  return { program: load.program, maps, load }
}
