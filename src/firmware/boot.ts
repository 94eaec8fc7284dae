// Starts the firmware on a card: what the profile says about it becomes tables, a control channel, a datapath and the bytes behind its
// capability symbol. Another firmware is another function of this type; the card takes it as an option.

import type { Timing } from '../chip/timing.ts'
import type { Memory } from '../maps/index.ts'
import { encodeCapabilities } from '../nfp/capabilities.ts'
import type { Firmware } from '../nfp/profiles.ts'
import { Control } from './control.ts'
import type { Costs } from './costs.ts'
import { Tables } from './tables.ts'
import { Worker } from './worker.ts'

export interface BootOptions {
  readonly memory: Memory
  readonly timing: Timing
  readonly costs: Costs
  readonly seed: number
  readonly cacheBytes: number
}

/** A firmware at work. */
export interface Running {
  readonly tables: Tables
  readonly control: Control
  readonly worker: Worker
  /** What stands behind the capability symbol. */
  readonly capabilities: Uint8Array
  /** Largest message of the control channel. */
  readonly controlMtu: number
  /** Addresses in the control store that programs jump to and that are not theirs. */
  readonly entries: ReadonlySet<number>
}

export type Boot = (firmware: Firmware, options: BootOptions) => Running

const CONTROL_MTU = 1500
const OPERATION_HEADER = 16
/** Size of a key or value slot in the second version of the control messages. */
const SLOT = 64
/** Offset of a packet in its buffer where the capabilities leave the choice. */
const HEADROOM = 128

/** The firmware with the behaviour that the upstream driver expects. */
export function boot(firmware: Firmware, options: BootOptions): Running {
  const { capabilities } = firmware
  const limits = capabilities.maps
  // The third version of the messages has slots as large as the largest key and value.
  const fitted = capabilities.abiVersion >= 3 && limits !== undefined
  const keySlot = fitted ? limits.maxKeySize : SLOT
  const valueSlot = fitted ? limits.maxValueSize : SLOT
  const controlMtu = fitted ? Math.max(CONTROL_MTU, OPERATION_HEADER + keySlot + valueSlot) : CONTROL_MTU
  const tables = new Tables(
    options.memory,
    {
      types: limits?.types ?? 0,
      maxMaps: limits?.maxMaps ?? 0,
      maxElements: limits?.maxElems ?? 0,
      maxKeyBytes: limits?.maxKeySize ?? 0,
      maxValueBytes: limits?.maxValueSize ?? 0,
      maxElementBytes: limits?.maxElemSize ?? 0,
    },
    firmware.firstMap,
  )
  return {
    tables,
    control: new Control(tables, { keySlot, valueSlot, mtu: controlMtu, severalEntries: capabilities.multipleEntries }),
    worker: new Worker(tables, {
      start: firmware.start,
      done: firmware.done,
      helpers: capabilities.helpers,
      headroom: headroomOf(firmware),
      stackBytes: firmware.stackBytes,
      inlineBytes: firmware.inlineMtuBytes,
      timing: options.timing,
      costs: options.costs,
      seed: options.seed,
      eventMtu: controlMtu,
      cacheBytes: options.cacheBytes,
    }),
    capabilities: encodeCapabilities(capabilities),
    controlMtu,
    entries: new Set([firmware.done, ...capabilities.helpers.values()]),
  }
}

/** Where packets begin in their buffers: so that every program can take and add what the firmware guarantees. */
function headroomOf(firmware: Firmware): number {
  const limits = firmware.capabilities.adjustHead
  if (limits === undefined) return HEADROOM
  const least = limits.offMin + limits.guaranteedSub
  const most = limits.offMax - limits.guaranteedAdd
  return Math.max(least, Math.min(HEADROOM, most))
}
