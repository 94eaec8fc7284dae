// What a firmware says it can do: the bytes behind its run-time symbol `_abi_bpf_capabilities`, a sequence of (type, length, value) in
// little-endian words. The driver reads it once, when it starts; this is its reading, with its checks, messages and refusals.

import { Writer } from '../bytes/writer.ts'

export interface AdjustHead {
  readonly flags: number
  /** The packet's start must stay between these offsets in its buffer for the inline form. */
  readonly offMin: number
  readonly offMax: number
  /** How many bytes a program may surely take or add, whatever the packet's offset. */
  readonly guaranteedSub: number
  readonly guaranteedAdd: number
}

export interface MapLimits {
  /** A bit for each BPF map type. */
  readonly types: number
  readonly maxMaps: number
  readonly maxElems: number
  readonly maxKeySize: number
  readonly maxValueSize: number
  /** Key and value together, each rounded up to 8 bytes. */
  readonly maxElemSize: number
}

export interface Capabilities {
  /** Of the control messages; 0 when the firmware's is unknown to the driver, which switches offload off. */
  readonly abiVersion: number
  /** Addresses of routines in the control store by BPF helper number. */
  readonly helpers: ReadonlyMap<number, number>
  readonly adjustHead: AdjustHead | undefined
  readonly maps: MapLimits | undefined
  readonly random: boolean
  readonly queueSelect: boolean
  readonly adjustTail: boolean
  /** Several entries in one map message. */
  readonly multipleEntries: boolean
}

export interface ParsedCapabilities {
  /** Undefined when the driver refuses to start with this firmware. */
  readonly capabilities: Capabilities | undefined
  /** 0, or a positive errno. */
  readonly errno: number
  /** The driver's lines in the kernel log, without prefix. */
  readonly log: readonly string[]
}

export const CAPABILITIES_SYMBOL = '_abi_bpf_capabilities'

const FUNC = 1
const ADJUST_HEAD = 2
const MAPS = 3
const RANDOM = 4
const QUEUE_SELECT = 5
const ADJUST_TAIL = 6
const ABI_VERSION = 7
const MULTIPLE_ENTRIES = 8

const EINVAL = 22
const HEADER = 8
const OLDEST_ABI = 2
const NEWEST_ABI = 3
/** The largest immediate operand of an instruction. */
const LARGEST_IMMEDIATE = 255
/** The helpers that the driver has an address field for: map lookup, update and delete, perf event output. */
const KNOWN_HELPERS: readonly number[] = [1, 2, 3, 25]

interface Reading {
  abiVersion: number
  helpers: Map<number, number>
  adjustHead: AdjustHead | undefined
  maps: MapLimits | undefined
  random: boolean
  queueSelect: boolean
  adjustTail: boolean
  multipleEntries: boolean
}

/** What a driver assumes of a firmware without the symbol. */
export const noCapabilities: Capabilities = Object.freeze(nothing())

function nothing(): Reading {
  return {
    abiVersion: OLDEST_ABI,
    helpers: new Map<number, number>(),
    adjustHead: undefined,
    maps: undefined,
    random: false,
    queueSelect: false,
    adjustTail: false,
    multipleEntries: false,
  }
}

/** Reads the symbol's bytes; undefined stands for a firmware that has no such symbol, which is no error. */
export function parseCapabilities(bytes: Uint8Array | undefined): ParsedCapabilities {
  const reading = nothing()
  const log: string[] = []
  if (bytes === undefined) return { capabilities: reading, errno: 0, log }
  if (bytes.length < HEADER) {
    log.push(`Symbol ${CAPABILITIES_SYMBOL} too small`)
    return { capabilities: undefined, errno: EINVAL, log }
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const refuse = (offset: number): ParsedCapabilities => {
    log.push(`invalid BPF capabilities at offset:${offset}`)
    return { capabilities: undefined, errno: EINVAL, log }
  }
  let at = 0
  while (at + HEADER <= bytes.length) {
    const type = view.getUint32(at, true)
    const length = view.getUint32(at + 4, true)
    const value = at + HEADER
    at = value + length
    if (at > bytes.length) return refuse(at)
    if (!readOne(type, new DataView(view.buffer, view.byteOffset + value, length), reading, log)) return refuse(at)
  }
  if (at !== bytes.length) {
    log.push(`BPF capabilities left after parsing, parsed:${at} total length:${bytes.length}`)
    return refuse(at)
  }
  return { capabilities: reading, errno: 0, log }
}

/** Says whether the entry could be read. */
function readOne(type: number, value: DataView, into: Reading, log: string[]): boolean {
  const word = (index: number): number => value.getUint32(index * 4, true)
  const length = value.byteLength
  const truncated = (what: string): false => {
    // The driver prints the length as a signed number.
    log.push(`truncated ${what} TLV: ${length | 0}`)
    return false
  }
  switch (type) {
    case FUNC:
      if (length < 8) return truncated('function')
      if (KNOWN_HELPERS.includes(word(0))) into.helpers.set(word(0), word(1))
      return true
    case ADJUST_HEAD: {
      if (length < 20) return truncated('adjust_head')
      const [flags, offMin, offMax, guaranteedSub, guaranteedAdd] = [word(0), word(1), word(2), word(3), word(4)]
      if (offMin > offMax) {
        log.push('invalid adjust_head TLV: min > max')
        return false
      }
      const fits = offMin <= LARGEST_IMMEDIATE && offMax <= LARGEST_IMMEDIATE
      if (!fits) log.push('disabling adjust_head - driver expects min/max to fit in as immediates')
      into.adjustHead = fits ? { flags, offMin, offMax, guaranteedSub, guaranteedAdd } : undefined
      return true
    }
    case MAPS:
      if (length < 24) return truncated('maps')
      into.maps = {
        types: word(0),
        maxMaps: word(1),
        maxElems: word(2),
        maxKeySize: word(3),
        maxValueSize: word(4),
        maxElemSize: word(5),
      }
      return true
    case RANDOM:
      into.random = true
      return true
    case QUEUE_SELECT:
      into.queueSelect = true
      return true
    case ADJUST_TAIL:
      into.adjustTail = true
      return true
    case ABI_VERSION: {
      if (length < 4) return truncated('ABI version')
      const version = word(0)
      const known = version >= OLDEST_ABI && version <= NEWEST_ABI
      if (!known) log.push(`unsupported BPF ABI version: ${version | 0}`)
      into.abiVersion = known ? version : 0
      return true
    }
    case MULTIPLE_ENTRIES:
      into.multipleEntries = true
      return true
    default:
      // Newer firmware may say more; the driver mentions it in its debug log only.
      return true
  }
}

/** The bytes that a firmware with these capabilities has behind the symbol. Nothing is checked: that is the driver's part. */
export function encodeCapabilities(capabilities: Capabilities): Uint8Array {
  const out = new Writer()
  const entry = (type: number, ...words: number[]): void => {
    out.u32(type).u32(words.length * 4)
    for (const word of words) out.u32(word)
  }
  const { adjustHead, maps } = capabilities
  entry(ABI_VERSION, capabilities.abiVersion)
  for (const [id, address] of capabilities.helpers) entry(FUNC, id, address)
  if (adjustHead !== undefined) {
    const { flags, offMin, offMax, guaranteedSub, guaranteedAdd } = adjustHead
    entry(ADJUST_HEAD, flags, offMin, offMax, guaranteedSub, guaranteedAdd)
  }
  if (maps !== undefined) {
    const { types, maxMaps, maxElems, maxKeySize, maxValueSize, maxElemSize } = maps
    entry(MAPS, types, maxMaps, maxElems, maxKeySize, maxValueSize, maxElemSize)
  }
  if (capabilities.random) entry(RANDOM)
  if (capabilities.queueSelect) entry(QUEUE_SELECT)
  if (capabilities.adjustTail) entry(ADJUST_TAIL)
  if (capabilities.multipleEntries) entry(MULTIPLE_ENTRIES)
  return out.finish()
}
