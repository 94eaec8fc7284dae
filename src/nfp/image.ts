// A translated program as data, and as a file (`prog.nfpimg`, docs/image.md). The words are the un-relocated ones: the relocation type
// stands in the top byte, there is no ECC, and addresses count from the program's first word, so an image fits any vNIC that has what
// the program needs. For each word the image knows where it comes from.

import { NicwrightError } from '../errors.ts'
import { RELO } from './insn-table.ts'
import { relocationOf } from './patch.ts'
import type { Targets } from './relocate.ts'

/** What made a word. */
export const ORIGIN = {
  /** The program's first words, before any instruction. */
  PROLOGUE: 0,
  /** The translation of an instruction. */
  INSN: 1,
  /** Entry of a subprogram. */
  SUBPROGRAM: 2,
  /** A helper call's argument and return glue. */
  HELPER: 3,
  /** Turns the verdict into the firmware's result. */
  OUTRO: 4,
  /** Saves or restores registers around subprogram calls. */
  ROUTINE: 5,
  /** The words that fill the engine's prefetch window. */
  NOP: 6,
} as const

export const originNames: readonly string[] = ['prologue', 'instruction', 'subprogram', 'helper', 'outro', 'routine', 'nop']

/** A place in the source, as the object's line information has it. */
export interface SourceLine {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly text: string
}

export interface ImageMap {
  readonly name: string
  /** BPF map type, Linux's number. */
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  /** The number that stands in the words. */
  readonly id: number
  /** The map stays on the host (perf event arrays). */
  readonly onHost: boolean
}

/** What a firmware must have for this program to be loaded. */
export interface Needs {
  /** BPF helper numbers of firmware routines, ascending. */
  readonly helpers: readonly number[]
  readonly adjustHead: boolean
  readonly adjustTail: boolean
  readonly random: boolean
  readonly queueSelect: boolean
}

export interface DeviceImage {
  readonly name: string
  /** `xdp` or `sched_cls`. */
  readonly progType: string
  /** `upstream` or `correct`. */
  readonly codegen: string
  /** Bits 0..31 and 32..63 of each word. */
  readonly lo: Uint32Array
  readonly hi: Uint32Array
  readonly targets: Targets
  readonly stackBytes: number
  /** The furthest byte of the packet that may be touched, counted from its start. */
  readonly maxPacketOffset: number
  readonly maps: readonly ImageMap[]
  readonly needs: Needs
  /** One of ORIGIN for each word. */
  readonly origin: Uint8Array
  /** The eBPF instruction slot of each word, -1 where there is none. */
  readonly insn: Int32Array
  /** Index into `lines` for each word, -1 where it is unknown. */
  readonly line: Int32Array
  readonly lines: readonly SourceLine[]
}

/** A word that depends on where the program lies or on the firmware. */
export interface Relocation {
  readonly word: number
  /** One of RELO. */
  readonly type: number
}

export function relocations(image: DeviceImage): Relocation[] {
  const found: Relocation[] = []
  image.hi.forEach((hi, word) => {
    if (hi >>> 24 !== RELO.NONE) found.push({ word, type: hi >>> 24 })
  })
  return found
}

const LAST_RELOCATION = RELO.IMMED_REL
/** Bits 45..55 of a word are empty before relocation. */
const RESERVED = 0x00ff_e000
/** What a relocation register can address. */
const MOST_WORDS = 0xffff

/** Checks what the parts of an image say about each other: an image from a file has not been through the translator here. */
export function checkImage(image: DeviceImage): void {
  const { lo, hi, targets, origin, insn, line, lines } = image
  const count = lo.length
  if (count === 0 || count > MOST_WORDS) throw imageError(`a program has 1 to ${MOST_WORDS} words, not ${count}`)
  for (const [what, length] of [
    ['high halves', hi.length],
    ['origins', origin.length],
    ['instructions', insn.length],
    ['lines', line.length],
  ] as const) {
    if (length !== count) throw imageError(`${count} words but ${length} ${what}`)
  }
  for (const [what, word] of Object.entries(targets)) {
    if (word >= count) throw imageError(`target '${what}' is word ${word} of ${count}`)
  }
  for (let i = 0; i < count; i++) {
    const type = relocationOf(image, i)
    if (type > LAST_RELOCATION) throw imageError(`word ${i} has the unknown relocation type ${type}`)
    if ((hi[i]! & RESERVED) !== 0) throw imageError(`word ${i} has bits set above the operation`)
    if (origin[i]! >= originNames.length) throw imageError(`word ${i} has the unknown origin ${origin[i]}`)
    if (insn[i]! < -1) throw imageError(`word ${i} comes from instruction ${insn[i]}`)
    if (line[i]! < -1 || line[i]! >= lines.length)
      throw imageError(`word ${i} comes from line entry ${line[i]} of ${lines.length}`)
  }
}

export function imageError(message: string, offset?: number): NicwrightError {
  return new NicwrightError('nfp/bad-image', {
    message: `image: ${message}`,
    ...(offset === undefined ? {} : { at: { offset } }),
  })
}

/** What a vNIC must offer for an image to be loaded; the driver's checks at attach are its own. */
export interface Offer {
  readonly maxLength: number
  readonly stackBytes: number
  readonly helpers: ReadonlyMap<number, number>
  readonly adjustHead: boolean
  readonly adjustTail: boolean
  readonly random: boolean
  readonly queueSelect: boolean
}

/** What the image needs and the vNIC doesn't have, one line each. */
export function missing(image: DeviceImage, offer: Offer): string[] {
  const lines: string[] = []
  if (image.lo.length > offer.maxLength) lines.push(`${image.lo.length} words, the card takes ${offer.maxLength}`)
  if (image.stackBytes > offer.stackBytes) lines.push(`${image.stackBytes} bytes of stack, the card has ${offer.stackBytes}`)
  for (const id of image.needs.helpers) if (!offer.helpers.has(id)) lines.push(`helper ${id}, the firmware doesn't have it`)
  for (const name of ['adjustHead', 'adjustTail', 'random', 'queueSelect'] as const) {
    if (image.needs[name] && !offer[name]) lines.push(`capability ${name}, the firmware doesn't have it`)
  }
  return lines
}
