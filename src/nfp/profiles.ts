// Cards as data: the board (silicon, clock, ports) and what its firmware tells the driver through registers and capabilities. The
// values of the profile `upstream` are those of the test firmware behind the recorded answers of the upstream driver; the boards'
// figures are from the public core-NIC firmware's sources (NICFW) and the published measurements.

import { NicwrightError } from '../errors.ts'
import type { Capabilities, MapLimits } from './capabilities.ts'

export interface Board {
  readonly name: string
  readonly title: string
  /** The silicon. */
  readonly chip: 'NFP-4000' | 'NFP-6000'
  /** Netronome's assembly number, where the sources name it. */
  readonly assembly: string | undefined
  readonly engineMhz: number
  /** General islands and their microengines; the ones of each island that run packets and so eBPF. */
  readonly islands: number
  readonly enginesPerIsland: number
  readonly workersPerIsland: number
  /** Hardware threads of each worker. */
  readonly contexts: number
  readonly ports: number
  readonly portGbps: number
}

/** What the driver finds on a vNIC: control registers and capabilities. */
export interface Firmware {
  /** Register BPF_MAX_LEN, used as a number of instruction words. */
  readonly maxLength: number
  /** Registers BPF_START and BPF_DONE: control-store addresses. */
  readonly start: number
  readonly done: number
  /** Register BPF_STACK_SZ in bytes (the register counts 64-byte units). */
  readonly stackBytes: number
  /** Register BPF_INL_MTU in bytes: where a packet is split between engine-near memory and the rest. */
  readonly inlineMtuBytes: number
  readonly mtu: number
  /** Bit RELO of BPF_CAP: a running program can be replaced. */
  readonly liveReload: boolean
  /** The number that the firmware gives the first map. */
  readonly firstMap: number
  /** Register BPF_ABI; `capabilities` says what the firmware's symbol says. */
  readonly abiVersion: number
  readonly capabilities: Capabilities
}

export interface Profile {
  readonly name: string
  readonly title: string
  readonly board: Board
  readonly firmware: Firmware
}

export const boards: readonly Board[] = [
  board('agilio-cx-2x10', 'Agilio CX 2x10GbE (Lithium)', 'AMDA0096', 633, 2, 10),
  board('agilio-cx-2x25', 'Agilio CX 2x25GbE (Carbon)', 'AMDA0099', 800, 2, 25),
  board('agilio-cx-1x40', 'Agilio CX 1x40GbE (Hydrogen)', 'AMDA0081', 800, 1, 40),
  board('agilio-cx-2x40', 'Agilio CX 2x40GbE (Beryllium)', 'AMDA0097', 800, 2, 40),
  {
    name: 'agilio-lx',
    title: 'Agilio LX 2x40GbE (Starfighter)',
    chip: 'NFP-6000',
    assembly: undefined,
    engineMhz: 1200,
    islands: 10,
    enginesPerIsland: 12,
    // 80 engines for packets are published for this chip; how they lie in the islands is not.
    workersPerIsland: 8,
    contexts: 4,
    ports: 2,
    portGbps: 40,
  },
]

function board(name: string, title: string, assembly: string, engineMhz: number, ports: number, portGbps: number): Board {
  return {
    name,
    title,
    chip: 'NFP-4000',
    assembly,
    engineMhz,
    islands: 5,
    enginesPerIsland: 12,
    workersPerIsland: 10,
    contexts: 4,
    ports,
    portGbps,
  }
}

const HASH_AND_ARRAY = (1 << 1) | (1 << 2)
const UNIT = 64

export const defaultFirmware: Firmware = {
  maxLength: 8192,
  start: 0x100,
  done: 0x50,
  stackBytes: 8 * UNIT,
  inlineMtuBytes: 32 * UNIT,
  mtu: 1500,
  liveReload: true,
  firstMap: 1,
  abiVersion: 2,
  capabilities: {
    abiVersion: 2,
    helpers: new Map([
      [1, 0x3000],
      [2, 0x3100],
      [3, 0x3200],
      [25, 0x3300],
    ]),
    adjustHead: { flags: 1, offMin: 0x30, offMax: 0xc0, guaranteedSub: 16, guaranteedAdd: 48 },
    maps: {
      types: HASH_AND_ARRAY,
      maxMaps: 1024,
      maxElems: 1 << 24,
      maxKeySize: 64,
      maxValueSize: 64,
      maxElemSize: 128,
    },
    random: true,
    queueSelect: true,
    adjustTail: true,
    multipleEntries: false,
  },
}

/**
 * The public core-NIC firmware: programs of 2,560 words at 3072, maps of at most 64 bytes an entry, and of the helpers that are
 * routines only the map lookup (update and delete are commented out, events are not in the tree).
 */
const publicFirmware: Firmware = {
  ...defaultFirmware,
  maxLength: 2560,
  start: 3072,
  done: 2476,
  capabilities: {
    ...defaultFirmware.capabilities,
    helpers: new Map([[1, 202]]),
    // What it guarantees isn't published; nothing makes the driver emit the whole check.
    adjustHead: { flags: 0, offMin: 44, offMax: 248, guaranteedSub: 0, guaranteedAdd: 0 },
    maps: {
      types: HASH_AND_ARRAY,
      maxMaps: 128,
      maxElems: 2_048_000,
      maxKeySize: 56,
      maxValueSize: 56,
      maxElemSize: 64,
    },
  },
}

function boardNamed(name: string): Board {
  return boards.find(b => b.name === name) as Board
}

/** The first one is the default. */
export const profiles: readonly Profile[] = [
  {
    name: 'upstream',
    title: 'Agilio CX 2x40GbE with every capability that the upstream driver knows',
    board: boardNamed('agilio-cx-2x40'),
    firmware: defaultFirmware,
  },
  ...boards.map(b => ({ name: b.name, title: b.title, board: b, firmware: defaultFirmware })),
  {
    name: 'core-nic',
    title: 'Agilio CX 2x40GbE with the limits of the public core-NIC firmware',
    board: boardNamed('agilio-cx-2x40'),
    firmware: publicFirmware,
  },
]

export const defaultProfile: Profile = profiles[0] as Profile

export function profileNamed(name: string): Profile {
  const found = profiles.find(profile => profile.name === name)
  if (found !== undefined) return found
  throw new NicwrightError('nfp/no-profile', {
    message: `there is no profile '${name}'`,
    notes: [`profiles: ${profiles.map(profile => profile.name).join(', ')}`],
  })
}

/** Packet-running engines of a board. */
export function workers(b: Board): number {
  return b.islands * b.workersPerIsland
}

/** Firmware options as people write them: what differs from a profile; null for a capability that is absent. */
export type FirmwareOptions = Readonly<Record<string, unknown>>

type NumberField = readonly [option: string, most: number]

const REGISTERS: readonly NumberField[] = [
  ['abi_version', 0xff],
  ['start', 0xffff],
  ['done', 0xffff],
  ['max_len', 0xffff],
  ['stack_sz', 0xff],
  ['inl_mtu', 0xff],
  ['mtu', 0xffff],
  ['tid_base', 0xffffffff],
]
const FLAGS: readonly string[] = ['random', 'queue_select', 'adjust_tail', 'cmsg_multi_ent', 'live_reload']
const STRUCTS: readonly string[] = ['adjust_head', 'maps', 'helpers']

/** A firmware that differs from `base` in the options given. Unknown names and impossible values are errors. */
export function withOptions(base: Firmware, options: FirmwareOptions): Firmware {
  for (const name of Object.keys(options)) {
    if (!REGISTERS.some(([known]) => known === name) && !FLAGS.includes(name) && !STRUCTS.includes(name)) {
      throw optionError(name, 'there is no such option', [...REGISTERS.map(([known]) => known), ...FLAGS, ...STRUCTS])
    }
  }
  const register = (name: string, otherwise: number): number => {
    const most = REGISTERS.find(([known]) => known === name)?.[1] as number
    return options[name] === undefined ? otherwise : whole(name, options[name], most)
  }
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = options[name]
    if (value === undefined) return otherwise
    if (value === null) return false
    if (typeof value !== 'boolean') throw optionError(name, 'is true or false')
    return value
  }
  const { capabilities } = base
  const abiVersion = register('abi_version', capabilities.abiVersion)
  return {
    maxLength: register('max_len', base.maxLength),
    start: register('start', base.start),
    done: register('done', base.done),
    stackBytes: register('stack_sz', base.stackBytes / UNIT) * UNIT,
    inlineMtuBytes: register('inl_mtu', base.inlineMtuBytes / UNIT) * UNIT,
    mtu: register('mtu', base.mtu),
    liveReload: flag('live_reload', base.liveReload),
    firstMap: register('tid_base', base.firstMap),
    abiVersion: options.abi_version === undefined ? base.abiVersion : abiVersion,
    capabilities: {
      abiVersion,
      helpers: helperOption(options.helpers, capabilities.helpers),
      adjustHead: structOption('adjust_head', options.adjust_head, capabilities.adjustHead, ADJUST_HEAD_FIELDS),
      maps: structOption('maps', options.maps, capabilities.maps, MAP_FIELDS),
      random: flag('random', capabilities.random),
      queueSelect: flag('queue_select', capabilities.queueSelect),
      adjustTail: flag('adjust_tail', capabilities.adjustTail),
      multipleEntries: flag('cmsg_multi_ent', capabilities.multipleEntries),
    },
  }
}

const ADJUST_HEAD_FIELDS = {
  flags: 'flags',
  off_min: 'offMin',
  off_max: 'offMax',
  guaranteed_sub: 'guaranteedSub',
  guaranteed_add: 'guaranteedAdd',
} as const

const MAP_FIELDS: Readonly<Record<string, keyof MapLimits>> = {
  types: 'types',
  max_maps: 'maxMaps',
  max_elems: 'maxElems',
  max_key_sz: 'maxKeySize',
  max_val_sz: 'maxValueSize',
  max_elem_sz: 'maxElemSize',
}

function structOption<T extends object>(
  name: string,
  value: unknown,
  base: T | undefined,
  names: Readonly<Record<string, keyof T>>,
): T | undefined {
  if (value === undefined) return base
  if (value === null) return undefined
  if (typeof value !== 'object' || Array.isArray(value))
    throw optionError(name, `is an object of ${Object.keys(names).join(', ')}`)
  const zero = Object.fromEntries(Object.values(names).map(field => [field, 0]))
  const result = { ...zero, ...base } as Record<keyof T, unknown>
  for (const [key, number] of Object.entries(value)) {
    const field = Object.hasOwn(names, key) ? names[key] : undefined
    if (field === undefined) throw optionError(`${name}.${key}`, 'there is no such option', Object.keys(names))
    result[field] = whole(`${name}.${key}`, number, 0xffffffff)
  }
  return result as T
}

function helperOption(value: unknown, base: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  if (value === undefined) return base
  if (value === null) return new Map()
  if (typeof value !== 'object' || Array.isArray(value))
    throw optionError('helpers', 'is an object of helper numbers and addresses')
  return new Map(
    Object.entries(value).map(([id, address]) => {
      if (!/^\d{1,4}$/.test(id)) throw optionError(`helpers.${id}`, 'is no helper number')
      return [Number(id), whole(`helpers.${id}`, address, 0xffffffff)]
    }),
  )
}

function whole(name: string, value: unknown, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value
  throw optionError(name, `is a whole number from 0 to ${most}`)
}

function optionError(name: string, message: string, known?: readonly string[]): NicwrightError {
  return new NicwrightError('nfp/firmware-option', {
    message: `firmware option '${name}': ${message}`,
    notes: known === undefined ? [] : [`options: ${known.join(', ')}`],
  })
}
