// A translation as a reader sees it: sections in the order of the words, one for each run of instructions of one line of C, and what
// stands around them. Pure data, the same whether it comes from a program or from an image file, which has no eBPF text.

import { helperNames } from '../bpf/helper-table.ts'
import type { Insns } from '../bpf/insns.ts'
import { BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, LD_IMM64 } from '../bpf/opcode.ts'
import { printInsn } from '../bpf/print.ts'
import { SKIP, SKIP_NOOP, SKIP_VERIFIER } from '../drivers/nfp/facts.ts'
import type { Translated } from '../drivers/nfp/translate.ts'
import { type DeviceImage, ORIGIN, originNames, type SourceLine } from '../nfp/image.ts'
import { RELO, UNRELOCATED } from '../nfp/insn-table.ts'
import { branchAddress, relocationOf } from '../nfp/patch.ts'
import { printInsn as printWord } from '../nfp/print.ts'
import type { ObjectProgram } from '../object/index.ts'

export interface ViewWord {
  readonly number: number
  readonly text: string
  /** What the word jumps to once it is relocated, where that is outside of the program's own code. */
  readonly target: string | undefined
}

export interface ViewInsn {
  readonly slot: number
  /** As the verifier's log prints it; undefined where only the image is known. */
  readonly text: string | undefined
  /** What the translator did about it. */
  readonly notes: readonly string[]
  /** No word comes from it, and why. */
  readonly removed: string | undefined
  readonly words: readonly ViewWord[]
}

export interface ViewSection {
  /** One of originNames; the translation of instructions is `instruction`. */
  readonly kind: string
  /** Name of the function that begins here, where there are several. */
  readonly function: string | undefined
  readonly line: SourceLine | undefined
  readonly insns: readonly ViewInsn[]
  /** Of sections without instructions. */
  readonly words: readonly ViewWord[]
}

export interface View {
  readonly name: string
  readonly words: number
  readonly sections: readonly ViewSection[]
}

/** What is known of an eBPF instruction beside the image. */
export interface KnownInsn {
  readonly slot: number
  readonly text: string
  readonly notes: readonly string[]
  readonly removed: string | undefined
  readonly line: SourceLine | undefined
  readonly function: string | undefined
}

/** The instructions of a program, an ld_imm64 as one, with what the translator decided about each. `maps` are names by index. */
export function knownInsns(
  program: ObjectProgram,
  maps: readonly string[],
  translated: Translated,
  lineOf: (insn: number) => SourceLine | undefined,
): KnownInsn[] {
  const { insns, functions } = program
  const starts = functions.length > 1 ? new Map(functions.map(f => [f.insn, f.name])) : new Map<number, string>()
  const known: KnownInsn[] = []
  for (let i = 0; i < insns.count; i++) {
    if (secondSlot(program, i)) continue
    known.push({
      slot: i,
      text: insnText(program.insns, i, maps),
      notes: notesOf(translated, i),
      removed: removedBecause(translated.flags[i]!),
      line: lineOf(i),
      function: starts.get(i),
    })
  }
  return known
}

/**
 * An instruction as the verifier's log has it, with the names of maps in the place of their numbers. `tables` says what the numbers mean
 * once references are replaced.
 */
export function insnText(insns: Insns, i: number, maps: readonly string[], tables?: ReadonlyMap<number, string>): string {
  return printInsn(insns, i, {
    imm64: (_, at) => {
      if (tables !== undefined && insns.src[at] === BPF_PSEUDO_MAP_FD) return tables.get(insns.imm[at]!)
      const name = maps[insns.imm[at]!]
      if (name === undefined || (insns.src[at] !== BPF_PSEUDO_MAP_FD && insns.src[at] !== BPF_PSEUDO_MAP_VALUE)) return undefined
      return insns.src[at] === BPF_PSEUDO_MAP_FD ? `map[${name}]` : `map[${name}][0]+${insns.imm[at + 1] ?? 0}`
    },
  })
}

export function secondSlot({ insns }: Pick<ObjectProgram, 'insns'>, i: number): boolean {
  return i > 0 && insns.code[i - 1] === LD_IMM64 && insns.code[i] === 0
}

export function removedBecause(flags: number): string | undefined {
  if ((flags & SKIP) === 0) return undefined
  if (flags & SKIP_VERIFIER) return 'never reached'
  return flags & SKIP_NOOP ? 'without effect' : 'optimised away'
}

export function notesOf(
  t: Pick<Translated, 'gather' | 'cacheStart' | 'cacheEnd' | 'cacheFills' | 'negated'>,
  i: number,
): string[] {
  const notes: string[] = []
  const copied = Math.abs(t.gather[i]!)
  if (copied > 0) notes.push(`copy of ${copied} bytes`)
  if (t.cacheEnd[i]! > t.cacheStart[i]! && sharesCache(t, i)) {
    const range = `packet bytes ${t.cacheStart[i]}-${t.cacheEnd[i]! - 1}`
    notes.push(t.cacheFills[i] ? `caches ${range}` : `from cached ${range}`)
  }
  if (t.negated[i]) notes.push('compares by addition')
  return notes
}

/** A range that only one load reads is no cache. */
function sharesCache(t: Pick<Translated, 'cacheStart' | 'cacheEnd' | 'cacheFills'>, i: number): boolean {
  if (!t.cacheFills[i]) return true
  return t.cacheEnd.some((end, j) => end === t.cacheEnd[i] && t.cacheStart[j] === t.cacheStart[i] && !t.cacheFills[j])
}

export function viewOf(image: DeviceImage, known?: readonly KnownInsn[]): View {
  const sections: ViewSection[] = []
  const total = image.lo.length
  let at = 0
  const take = (while_: (word: number) => boolean): ViewWord[] => {
    const words: ViewWord[] = []
    for (; at < total && while_(at); at++) words.push(wordOf(image, at))
    return words
  }
  const around = (): void => {
    const kind = image.origin[at]!
    const words = take(word => image.insn[word] === -1 && image.origin[word] === kind)
    if (words.length > 0) {
      sections.push({ kind: originNames[kind] ?? '', function: undefined, line: undefined, insns: [], words })
    }
  }
  let open: { line: SourceLine | undefined; insns: ViewInsn[] } | undefined
  const add = (insn: KnownInsn, words: ViewWord[], helper: boolean): void => {
    const { line } = insn
    if (open === undefined || insn.function !== undefined || (line !== undefined && !sameLine(line, open.line))) {
      open = { line, insns: [] }
      sections.push({ kind: 'instruction', function: insn.function, words: [], ...open })
    }
    const { slot, text, removed } = insn
    const notes = helper ? [...insn.notes, 'helper glue'] : insn.notes
    open.insns.push({
      slot,
      text: text === '' ? undefined : text,
      notes,
      removed: words.length === 0 ? removed : undefined,
      words,
    })
  }
  while (at < total && image.insn[at] === -1 && image.origin[at] === ORIGIN.PROLOGUE) around()
  for (const insn of known ?? imageInsns(image)) {
    const first = at
    // The words of an ld_imm64 come from its second slot.
    const words = take(word => image.insn[word] === insn.slot || (image.insn[word] === insn.slot + 1 && wide(insn)))
    add(insn, words, words.length > 0 && image.origin[first] === ORIGIN.HELPER)
  }
  while (at < total) {
    const before = at
    around()
    // Words that no instruction claims: an image from elsewhere may have them in any order.
    if (at === before) {
      const slot = image.insn[at]!
      add(
        bare(image, at),
        take(word => image.insn[word] === slot),
        false,
      )
    }
  }
  return { name: image.name, words: total, sections }
}

function wide(insn: KnownInsn): boolean {
  return insn.text.startsWith('(18)')
}

function sameLine(a: SourceLine, b: SourceLine | undefined): boolean {
  return b !== undefined && a.line === b.line && a.file === b.file
}

function bare(image: DeviceImage, word: number): KnownInsn {
  const line = image.lines[image.line[word]!]
  return { slot: image.insn[word]!, text: '', notes: [], removed: undefined, line, function: undefined }
}

/** The instructions as far as an image tells them: those that have words. */
function imageInsns(image: DeviceImage): KnownInsn[] {
  const insns: KnownInsn[] = []
  image.insn.forEach((slot, word) => {
    if (slot >= 0 && slot !== image.insn[word - 1]) insns.push(bare(image, word))
  })
  return insns
}

function wordOf(image: DeviceImage, number: number): ViewWord {
  return { number, text: printWord(image.lo[number]!, image.hi[number]!), target: targetOf(image, number) }
}

function targetOf(image: DeviceImage, word: number): string | undefined {
  switch (relocationOf(image, word)) {
    case RELO.GO_OUT:
      return 'out'
    case RELO.GO_ABORT:
      return 'abort'
    case RELO.PUSH_REGS:
      return 'save registers'
    case RELO.POP_REGS:
      return 'restore registers'
    case RELO.NEXT_PKT:
      return 'packet done'
    case RELO.HELPER: {
      const id = branchAddress(image, word) - UNRELOCATED
      return `bpf_${helperNames.get(id) ?? id}`
    }
    default:
      return undefined
  }
}
