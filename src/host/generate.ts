// Random XDP and TC programs that a verifier accepts, for comparing engines. The same seed gives the same program, maps and packets.

import * as T from '../bpf/map-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { Dice } from './dice.ts'
import { type Feature, Generator } from './generator.ts'

export interface GenerateOptions {
  /** Blocks in the main function. */
  readonly blocks?: number
  /** What may occur; everything when left out. */
  readonly features?: readonly Feature[]
  /** TC instead of XDP. */
  readonly tc?: boolean
}

export const allFeatures: readonly Feature[] = [
  'maps',
  'per-cpu maps',
  'queues',
  'tries',
  'atomics',
  'fetching atomics',
  'signed',
  'division',
  'helpers',
  'adjust',
  'functions',
  'loops',
  'variable offsets',
  'direct values',
  'acquire and release',
  'events',
  'tail calls',
]

/** A program in a slot of a program array; it uses the same maps. */
export interface RandomSlot {
  /** Index of the program array in the maps. */
  readonly map: number
  readonly index: number
  readonly program: Program
}

export interface RandomProgram {
  readonly program: Program
  readonly maps: readonly MapSpec[]
  readonly slots: readonly RandomSlot[]
}

/** The maps of a program: none to three that it works with, and those that single features take. */
function makeMaps(dice: Dice, features: ReadonlySet<Feature>): MapSpec[] {
  const maps: MapSpec[] = []
  const types: number[] = []
  if (features.has('maps')) types.push(T.BPF_MAP_TYPE_ARRAY, T.BPF_MAP_TYPE_HASH)
  if (features.has('per-cpu maps')) types.push(T.BPF_MAP_TYPE_PERCPU_ARRAY, T.BPF_MAP_TYPE_PERCPU_HASH)
  if (features.has('queues')) types.push(T.BPF_MAP_TYPE_QUEUE, T.BPF_MAP_TYPE_STACK)
  if (features.has('tries')) types.push(T.BPF_MAP_TYPE_LPM_TRIE)
  const add = (type: number, keySize: number, valueSize: number, flags = 0, maxEntries = dice.pick([2, 3, 4])): void => {
    maps.push({ name: `m${maps.length}`, type, keySize, valueSize, maxEntries, flags })
  }
  for (let i = types.length === 0 ? 0 : dice.below(4); i > 0; i--) {
    const type = dice.pick(types)
    const value = dice.pick([8, 16, 24])
    if (type === T.BPF_MAP_TYPE_ARRAY || type === T.BPF_MAP_TYPE_PERCPU_ARRAY) add(type, 4, value)
    else if (type === T.BPF_MAP_TYPE_QUEUE || type === T.BPF_MAP_TYPE_STACK) add(type, 0, value)
    else if (type === T.BPF_MAP_TYPE_LPM_TRIE) add(type, 8, value, T.BPF_F_NO_PREALLOC)
    else add(type, dice.pick([1, 4, 6, 8, 12]), value)
  }
  // Linux gives the address of a value only where there is one.
  if (features.has('direct values') && dice.chance(0.3)) add(T.BPF_MAP_TYPE_ARRAY, 4, 8 * (1 + dice.below(6)), 0, 1)
  if (features.has('events') && dice.chance(0.2)) add(T.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4)
  if (features.has('tail calls') && dice.chance(0.2)) add(T.BPF_MAP_TYPE_PROG_ARRAY, 4, 4)
  return maps
}

/** The program that a seed stands for. */
export function randomProgram(seed: number, options: GenerateOptions = {}): RandomProgram {
  const dice = new Dice(seed)
  const features = options.features ?? allFeatures
  const maps = makeMaps(dice, new Set(features))
  const blocks = (): number => options.blocks ?? 4 + dice.below(24)
  const tc = options.tc ?? false
  const program = new Generator(dice, features, maps, tc).generate(`random_${seed}`, blocks())
  const table = maps.findIndex(spec => spec.type === T.BPF_MAP_TYPE_PROG_ARRAY)
  if (table < 0) return { program, maps, slots: [] }
  // One slot goes on to another program, one begins again.
  const other = new Generator(dice, features, maps, tc).generate(`random_${seed}_1`, blocks())
  return {
    program,
    maps,
    slots: [
      { map: table, index: 0, program: other },
      { map: table, index: 1, program },
    ],
  }
}

/** A packet that a seed stands for: 14 to 128 bytes, most of them long enough for a random program's check. */
export function randomPacket(seed: number): Uint8Array {
  const dice = new Dice(seed ^ 0x5bd1e995)
  const bytes = new Uint8Array(dice.chance(0.1) ? 14 + dice.below(30) : 60 + dice.below(69))
  for (let i = 0; i < bytes.length; i++) bytes[i] = dice.chance(0.3) ? dice.pick([0, 1, 0x7f, 0x80, 0xff]) : dice.below(256)
  return bytes
}
