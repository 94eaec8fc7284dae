// The capabilities of a firmware that a user has: the bytes behind the symbol of a firmware file (ELF), or those bytes by themselves,
// entry by entry, with what the driver makes of them.

import { helperNames } from '../bpf/helper-table.ts'
import { mapTypeNames } from '../bpf/map-type-table.ts'
import { ELFDATA2LSB, EM_BPF, ET_REL, SHN_LORESERVE, SHT_NOBITS, SHT_PROGBITS, SHT_REL, SHT_RELA } from '../elf/constants.ts'
import { parseElf } from '../elf/parse.ts'
import { NicwrightError } from '../errors.ts'
import { CAPABILITIES_SYMBOL, type Capabilities, type ParsedCapabilities, parseCapabilities } from '../nfp/capabilities.ts'

export interface FirmwareBytes {
  /** What the file is, in words. */
  readonly source: string
  /** Undefined for a firmware without the symbol. */
  readonly bytes: Uint8Array | undefined
}

/** Section of symbols that are only referred to. */
const UNDEFINED = 0
/** EM_NFP, and the chip families that older tools wrote in its place. */
const NFP_MACHINES: ReadonlySet<number> = new Set([250, 0x3200, 0x3800, 0x6000, 6000])

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
}

/**
 * Finds the capabilities in a firmware file. The machine may be any but eBPF's: what matters is the symbol.
 * @throws NicwrightError `elf/…`, or `firmware/…` where the symbol points outside of its section
 */
export function firmwareBytes(file: Uint8Array): FirmwareBytes {
  if (!isElf(file)) return { source: `${file.length} bytes, taken as the contents of ${CAPABILITIES_SYMBOL}`, bytes: file }
  const elf = parseElf(withoutRelocations(file))
  const hex = `0x${elf.machine.toString(16)}`
  if (elf.machine === EM_BPF) {
    throw new NicwrightError('firmware/machine', {
      message: 'an eBPF object, not a firmware',
      notes: ['nicwright translate takes eBPF objects'],
    })
  }
  const kind = NFP_MACHINES.has(elf.machine)
    ? `NFP firmware (ELF, machine ${hex})`
    : `ELF file of machine ${hex}, which is not known as an NFP's`
  if (elf.symbols.length === 0) return { source: `${kind} without symbols`, bytes: undefined }
  const defined = elf.symbols.filter(s => s.name === CAPABILITIES_SYMBOL && s.section !== UNDEFINED)
  const symbol = defined.find(s => s.size > 0) ?? defined[0]
  if (symbol === undefined) return { source: `${kind} without the symbol ${CAPABILITIES_SYMBOL}`, bytes: undefined }
  const bad = (why: string): NicwrightError => new NicwrightError('firmware/symbol', { message: `${CAPABILITIES_SYMBOL} ${why}` })
  const section = symbol.section < SHN_LORESERVE ? elf.sections[symbol.section] : undefined
  if (section === undefined) throw bad('lies in no section: its contents are not in the file')
  if (section.type === SHT_NOBITS) throw bad(`lies in section ${section.name}, which has no contents in the file`)
  // In relocatable files a symbol's value counts from its section, in linked ones it is an address.
  const linked = elf.type !== ET_REL && symbol.value >= section.address
  const offset = linked ? symbol.value - section.address : symbol.value
  if (offset + symbol.size > section.data.length) {
    throw bad(`has ${symbol.size} bytes at ${offset} of section ${section.name}, which has ${section.data.length}`)
  }
  const bytes = section.data.subarray(offset, offset + symbol.size)
  return { source: `${kind}, symbol ${CAPABILITIES_SYMBOL}: ${symbol.size} bytes in section ${section.name}`, bytes }
}

const SECTION_BYTES = 64

/**
 * A copy in which relocation sections are plain data. Linked firmware keeps lists of imports as such, which need not refer to a section, and
 * no relocation concerns the capabilities.
 */
function withoutRelocations(file: Uint8Array): Uint8Array {
  if (file.length < SECTION_BYTES) return file
  const copy = file.slice()
  const view = new DataView(copy.buffer)
  const little = copy[5] === ELFDATA2LSB
  const table = Number(view.getBigUint64(40, little))
  const count = view.getUint16(60, little)
  for (let i = 0; i < count; i++) {
    const at = table + i * SECTION_BYTES + 4
    if (at + 4 > copy.length) break
    const type = view.getUint32(at, little)
    if (type === SHT_REL || type === SHT_RELA) view.setUint32(at, SHT_PROGBITS, little)
  }
  return copy
}

export interface Entry {
  readonly offset: number
  readonly type: number
  readonly name: string
  /** Bytes of the value. */
  readonly length: number
  readonly text: string
}

const FUNC = 1
const names: readonly string[] = [
  '',
  'function',
  'adjust_head',
  'maps',
  'random',
  'queue select',
  'adjust_tail',
  'ABI version',
  'several entries a message',
]

/** The entries as they stand in the bytes, as far as they go. */
export function entries(bytes: Uint8Array): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: Entry[] = []
  for (let at = 0; at + 8 <= bytes.length; ) {
    const type = view.getUint32(at, true)
    const length = view.getUint32(at + 4, true)
    const fits = at + 8 + length <= bytes.length
    const words: number[] = []
    for (let i = 0; fits && i + 4 <= length && words.length < 8; i += 4) words.push(view.getUint32(at + 8 + i, true))
    const name = names[type] ?? ''
    const text = fits ? valueText(type, words) : `${length} bytes, ${bytes.length - at - 8} are left`
    found.push({ offset: at, type, name: name === '' ? 'unknown, ignored' : name, length, text })
    if (!fits) break
    at += 8 + length
  }
  return found
}

function valueText(type: number, words: readonly number[]): string {
  const hex = (n: number | undefined): string => `0x${(n ?? 0).toString(16)}`
  const [a, b, c, d, e, f] = words
  if (type === FUNC && words.length >= 2) return `bpf_${helperNames.get(a ?? 0) ?? a} at ${hex(b)}`
  if (type === 2 && words.length >= 5) return `packet start ${b} to ${c}, sure of -${d} +${e}, flags ${hex(a)}`
  if (type === 3 && words.length >= 6)
    return `${mapTypes(a ?? 0)}; ${b} maps, ${c} elements, key ${d} B, value ${e} B, element ${f} B`
  if (type === 7 && words.length >= 1) return String(a)
  return words.map(hex).join(' ')
}

export function mapTypes(bits: number): string {
  const known: string[] = []
  for (let type = 0; type < 32; type++) if (bits & (1 << type)) known.push(mapTypeNames[type] ?? String(type))
  return known.length === 0 ? 'no map type' : known.join(' ')
}

export interface FirmwareReading extends ParsedCapabilities {
  readonly source: string
  readonly entries: readonly Entry[]
}

export function readFirmware(file: Uint8Array): FirmwareReading {
  const { source, bytes } = firmwareBytes(file)
  return { source, entries: bytes === undefined ? [] : entries(bytes), ...parseCapabilities(bytes) }
}

/** As `--fw` takes it. */
export function firmwareJson(capabilities: Capabilities): Record<string, unknown> {
  const { abiVersion, helpers, adjustHead, maps, random, queueSelect, adjustTail, multipleEntries } = capabilities
  return {
    abi_version: abiVersion,
    helpers: Object.fromEntries(helpers),
    adjust_head:
      adjustHead === undefined
        ? null
        : {
            flags: adjustHead.flags,
            off_min: adjustHead.offMin,
            off_max: adjustHead.offMax,
            guaranteed_sub: adjustHead.guaranteedSub,
            guaranteed_add: adjustHead.guaranteedAdd,
          },
    maps:
      maps === undefined
        ? null
        : {
            types: maps.types,
            max_maps: maps.maxMaps,
            max_elems: maps.maxElems,
            max_key_sz: maps.maxKeySize,
            max_val_sz: maps.maxValueSize,
            max_elem_sz: maps.maxElemSize,
          },
    random,
    queue_select: queueSelect,
    adjust_tail: adjustTail,
    cmsg_multi_ent: multipleEntries,
  }
}
