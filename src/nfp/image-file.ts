// The file form of an image, described in docs/image.md: a header with the file's length and checksum, a table of sections, sections.
// Everything is little endian. Reading believes nothing: lengths are checked before they are used, and what the sections say about each
// other is checked at the end.

import { Cursor, decodeText } from '../bytes/cursor.ts'
import { Writer } from '../bytes/writer.ts'
import { crc32 } from './crc.ts'
import { checkImage, type DeviceImage, type ImageMap, imageError, type Needs, type SourceLine } from './image.ts'
import type { Targets } from './relocate.ts'

const MAGIC: Uint8Array = Uint8Array.of(0x89, 0x4e, 0x46, 0x50, 0x49, 0x4d, 0x47, 0x0a) // "\x89NFPIMG\n"
const VERSION = 1
const HEADER = 24
const ENTRY = 12
const LENGTH_AT = 12
const CHECKSUM_AT = 16

const INFO = 1
const WORDS = 2
const MAPS = 3
const NEEDS = 4
const ORIGINS = 5
const LINES = 6
const sectionNames: readonly string[] = ['', 'info', 'words', 'maps', 'needs', 'origins', 'lines']

const ADJUST_HEAD = 1
const ADJUST_TAIL = 2
const RANDOM = 4
const QUEUE_SELECT = 8
const ALL_FLAGS = 15

export function encodeImage(image: DeviceImage): Uint8Array {
  checkImage(image)
  const sections: readonly (readonly [number, Writer])[] = [
    [INFO, infoSection(image)],
    [WORDS, wordsSection(image)],
    [MAPS, mapsSection(image.maps)],
    [NEEDS, needsSection(image.needs)],
    [ORIGINS, originsSection(image)],
    [LINES, linesSection(image.lines)],
  ]
  const out = new Writer()
  out.bytes(MAGIC).u16(VERSION).u16(sections.length).u32(0).u32(0).u32(0)
  let offset = HEADER + sections.length * ENTRY
  for (const [kind, { length }] of sections) {
    out.u32(kind).u32(offset).u32(length)
    offset += length + padding(length)
  }
  for (const [, section] of sections) out.bytes(section.finish()).align(4)
  out.patch32(LENGTH_AT, out.length)
  out.patch32(CHECKSUM_AT, crc32(out.finish()))
  return out.finish()
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4
}

function string(out: Writer, text: string): Writer {
  const bytes = new TextEncoder().encode(text)
  if (bytes.length > 0xffff) throw imageError('a text is longer than 65535 bytes')
  return out.u16(bytes.length).bytes(bytes)
}

function infoSection(image: DeviceImage): Writer {
  const { out, abort, pushRegs, popRegs } = image.targets
  const section = new Writer()
  section.u32(out).u32(abort).u32(pushRegs).u32(popRegs).u32(image.stackBytes).u32(image.maxPacketOffset)
  string(section, image.name)
  string(section, image.progType)
  return string(section, image.codegen)
}

function wordsSection({ lo, hi }: DeviceImage): Writer {
  const section = new Writer({ capacity: lo.length * 8 })
  for (let i = 0; i < lo.length; i++) section.u32(lo[i]!).u32(hi[i]!)
  return section
}

function mapsSection(maps: readonly ImageMap[]): Writer {
  const section = new Writer().u32(maps.length)
  for (const map of maps) {
    section.u32(map.type).u32(map.keySize).u32(map.valueSize).u32(map.maxEntries).u32(map.flags).u32(map.id)
    string(section.u8(map.onHost ? 1 : 0), map.name)
  }
  return section
}

function needsSection(needs: Needs): Writer {
  const flags =
    (needs.adjustHead ? ADJUST_HEAD : 0) |
    (needs.adjustTail ? ADJUST_TAIL : 0) |
    (needs.random ? RANDOM : 0) |
    (needs.queueSelect ? QUEUE_SELECT : 0)
  const section = new Writer().u32(flags).u32(needs.helpers.length)
  for (const id of needs.helpers) section.u32(id)
  return section
}

function originsSection({ origin, insn, line }: DeviceImage): Writer {
  const section = new Writer({ capacity: origin.length * 9 })
  for (let i = 0; i < origin.length; i++) section.u8(origin[i]!).u32(insn[i]!).u32(line[i]!)
  return section
}

function linesSection(lines: readonly SourceLine[]): Writer {
  const section = new Writer().u32(lines.length)
  for (const { file, line, column, text } of lines) string(string(section.u32(line).u32(column), file), text)
  return section
}

/** Reads an image file; whatever is wrong with it is a NicwrightError that says what and where. */
export function decodeImage(bytes: Uint8Array): DeviceImage {
  const sections = readSections(bytes)
  const section = (kind: number): Cursor => {
    const found = sections.get(kind)
    if (found === undefined) throw imageError(`section '${sectionNames[kind]}' is missing`)
    return found
  }
  const words = section(WORDS)
  if (words.length % 8 !== 0) throw words.fail(`words take 8 bytes each, the section has ${words.length}`)
  const count = words.length / 8
  const lo = new Uint32Array(count)
  const hi = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    lo[i] = words.u32()
    hi[i] = words.u32()
  }
  const info = readInfo(section(INFO))
  const origins = section(ORIGINS)
  if (origins.length !== count * 9) throw origins.fail(`origins of ${count} words take ${count * 9} bytes, not ${origins.length}`)
  const origin = new Uint8Array(count)
  const insn = new Int32Array(count)
  const line = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    origin[i] = origins.u8()
    insn[i] = origins.s32()
    line[i] = origins.s32()
  }
  const image: DeviceImage = {
    ...info,
    lo,
    hi,
    maps: readMaps(section(MAPS)),
    needs: readNeeds(section(NEEDS)),
    origin,
    insn,
    line,
    lines: readLines(section(LINES)),
  }
  checkImage(image)
  return image
}

function readSections(bytes: Uint8Array): Map<number, Cursor> {
  const header = new Cursor(bytes, { code: 'nfp/bad-image' })
  if (bytes.length < HEADER || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw imageError("the file doesn't begin as an NFP image does", 0)
  }
  header.seek(MAGIC.length)
  const version = header.u16()
  const count = header.u16()
  const length = header.u32()
  const checksum = header.u32()
  if (length !== bytes.length) {
    throw imageError(`the file should have ${length} bytes and has ${bytes.length}: it was cut or something was added`, LENGTH_AT)
  }
  const unsigned = bytes.slice()
  unsigned.fill(0, CHECKSUM_AT, CHECKSUM_AT + 4)
  if (crc32(unsigned) !== checksum) throw imageError('the checksum is wrong: the file was altered', CHECKSUM_AT)
  if (version !== VERSION) throw imageError(`version ${version} is unknown: this program reads version ${VERSION}`, MAGIC.length)
  if (header.u32() !== 0) throw imageError('reserved bytes of the header are set', HEADER - 4)
  const sections = new Map<number, Cursor>()
  for (let i = 0; i < count; i++) {
    const at = header.position
    const kind = header.u32()
    const offset = header.u32()
    const size = header.u32()
    const name = sectionNames[kind]
    if (name === undefined || name === '') throw imageError(`section ${i} has the unknown kind ${kind}`, at)
    if (sections.has(kind)) throw imageError(`section '${name}' stands twice`, at)
    sections.set(kind, new Cursor(header.slice(offset, size, `section '${name}'`), { code: 'nfp/bad-image', base: offset }))
  }
  return sections
}

function readString(from: Cursor): string {
  return decodeText(from.take(from.u16(), 'text'))
}

/** A count that the section can hold, given the least size of an entry. */
function readCount(from: Cursor, least: number, what: string): number {
  const count = from.u32()
  if (count * least > from.left) throw from.fail(`${count} ${what} don't fit the section`, from.position - 4)
  return count
}

function finished<T>(from: Cursor, value: T): T {
  if (!from.done) throw from.fail(`${from.left} bytes are left over`)
  return value
}

type Info = Pick<DeviceImage, 'name' | 'progType' | 'codegen' | 'targets' | 'stackBytes' | 'maxPacketOffset'>

function readInfo(from: Cursor): Info {
  const targets: Targets = { out: from.u32(), abort: from.u32(), pushRegs: from.u32(), popRegs: from.u32() }
  const stackBytes = from.u32()
  const maxPacketOffset = from.u32()
  const name = readString(from)
  const progType = readString(from)
  const codegen = readString(from)
  return finished(from, { name, progType, codegen, targets, stackBytes, maxPacketOffset })
}

function readMaps(from: Cursor): ImageMap[] {
  const count = readCount(from, 27, 'maps')
  const maps = Array.from({ length: count }, () => {
    const type = from.u32()
    const keySize = from.u32()
    const valueSize = from.u32()
    const maxEntries = from.u32()
    const flags = from.u32()
    const id = from.u32()
    const place = from.u8()
    if (place > 1) throw from.fail(`${place} is neither 0 (card) nor 1 (host)`, from.position - 1)
    return { name: readString(from), type, keySize, valueSize, maxEntries, flags, id, onHost: place === 1 }
  })
  return finished(from, maps)
}

function readNeeds(from: Cursor): Needs {
  const flags = from.u32()
  if ((flags & ~ALL_FLAGS) !== 0) throw from.fail(`needs 0x${flags.toString(16)} has unknown bits`, 0)
  const count = readCount(from, 4, 'helpers')
  const helpers = Array.from({ length: count }, () => from.u32())
  return finished(from, {
    helpers,
    adjustHead: (flags & ADJUST_HEAD) !== 0,
    adjustTail: (flags & ADJUST_TAIL) !== 0,
    random: (flags & RANDOM) !== 0,
    queueSelect: (flags & QUEUE_SELECT) !== 0,
  })
}

function readLines(from: Cursor): SourceLine[] {
  const count = readCount(from, 12, 'lines')
  const lines = Array.from({ length: count }, () => {
    const line = from.u32()
    const column = from.u32()
    const file = readString(from)
    return { file, line, column, text: readString(from) }
  })
  return finished(from, lines)
}
