import { type Insns, newInsns } from '../bpf/insns.ts'
import { BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC, BPF_PSEUDO_KFUNC_CALL, CALL, LD_IMM64 } from '../bpf/opcode.ts'
import type { BtfExt, ExtInfo } from '../btf/ext.ts'
import { SHN_LORESERVE, STB_LOCAL, STB_WEAK, STT_SECTION } from '../elf/constants.ts'
import type { ElfRelocation, ElfSymbol } from '../elf/parse.ts'
import { NicwrightError } from '../errors.ts'
import { type CodeFunction, type CodeSection, functionAt, type ObjectFile } from './file.ts'

// A program is its own function and, behind it, each function that it reaches, once, in the order in which the calls are met when
// every function is read to its end at the place of the first call to it (so libbpf lays them out, and the kernel numbers them).
// Different programs have different sets, so each gets its own copy and its own distances.

/** What the symbol of a data reference means. */
export interface Reference {
  /** Index into the object's maps. */
  readonly map: number
  /** Byte offset into the map's only value; undefined for the map itself. */
  readonly offset: number | undefined
}

/** What functions refer to beyond the code itself; throws for what cannot be resolved. */
export interface References {
  /** A symbol in a section of maps or data; undefined where it is neither. `addend` is the immediate of the instruction. */
  data(symbol: ElfSymbol, addend: number): Reference | undefined
  /** An extern variable: a reference into the map of configuration values, or the value 0 of a weak one that isn't there. */
  extern(symbol: ElfSymbol): Reference | 'zero'
  /** An extern function: true where it is one of the kernel. */
  kfunc(symbol: ElfSymbol): boolean
}

export interface PlacedFunction {
  readonly code: CodeFunction
  readonly insn: number
}

export interface Linked {
  readonly insns: Insns
  readonly functions: readonly PlacedFunction[]
  readonly kfuncs: readonly (readonly [insn: number, name: string])[]
}

/** A program with more functions than this is none that a kernel takes (its limit is 256); the bound keeps the recursion flat. */
const MAX_FUNCTIONS = 1024

function fail(
  from: CodeFunction,
  slot: number,
  message: string,
  code = 'object/relocation',
  notes?: readonly string[],
): NicwrightError {
  const at = { program: from.name, insn: slot - from.start }
  const facts = { message: `${from.name}, instruction ${slot - from.start}: ${message}`, at }
  return new NicwrightError(code, notes === undefined ? facts : { ...facts, notes })
}

function symbolName(file: ObjectFile, symbol: ElfSymbol): string {
  return symbol.name !== '' ? symbol.name : (file.elf.sections[symbol.section]?.name ?? '?')
}

function isCall(insns: Insns, slot: number): boolean {
  return insns.code[slot] === CALL && insns.src[slot] === BPF_PSEUDO_CALL
}

/** Whether a relocated ld_imm64 takes the address of a function. */
function isFunctionAddress(file: ObjectFile, symbol: ElfSymbol): CodeSection | undefined {
  return file.code.find(section => section.index === symbol.section)
}

/** The function that a call or an address at a slot means; undefined where it means no function of this object. */
function calledFunction(file: ObjectFile, from: CodeFunction, slot: number): CodeFunction | undefined {
  const { section } = from
  const { insns } = section
  const relocation = section.relocations.get(slot)
  const symbol = relocation === undefined ? undefined : symbolOf(file, from, slot, relocation)
  const imm = insns.imm[slot]!
  let target: CodeSection | undefined
  let at: number
  if (isCall(insns, slot)) {
    if (symbol === undefined) {
      target = section
      at = slot + imm + 1
    } else {
      if (isExtern(symbol)) return undefined
      target = isFunctionAddress(file, symbol)
      if (target === undefined || symbol.value % 8 !== 0) {
        throw fail(from, slot, `calls '${symbolName(file, symbol)}', which is no function`)
      }
      // The immediate counts from behind the call: -1 for a function's own symbol, the distance in the section for a section's.
      at = symbol.value / 8 + imm + 1
    }
  } else if (insns.code[slot] === LD_IMM64 && symbol !== undefined && !isExtern(symbol)) {
    target = isFunctionAddress(file, symbol)
    if (target === undefined) return undefined
    at = (symbol.value + imm) / 8
  } else {
    return undefined
  }
  const found = Number.isInteger(at) ? functionAt(target, at) : undefined
  if (found === undefined || found.start !== at) throw fail(from, slot, 'leads to a place where no function begins')
  return found
}

function isExtern(symbol: ElfSymbol): boolean {
  return symbol.section === 0 && symbol.bind !== STB_LOCAL
}

function symbolOf(file: ObjectFile, from: CodeFunction, slot: number, relocation: ElfRelocation): ElfSymbol {
  const symbol = file.elf.symbols[relocation.symbol]
  if (symbol === undefined || relocation.symbol === 0) throw fail(from, slot, 'is relocated against no symbol')
  return symbol
}

/** Lays out a program and resolves all that it refers to. */
export function link(file: ObjectFile, main: CodeFunction, references: References): Linked {
  const functions: PlacedFunction[] = []
  const placed = new Map<CodeFunction, number>()
  let count = 0
  const place = (each: CodeFunction): void => {
    if (functions.length >= MAX_FUNCTIONS) {
      throw new NicwrightError('object/functions', {
        message: `program ${main.name} reaches more than ${MAX_FUNCTIONS} functions`,
      })
    }
    placed.set(each, count)
    functions.push({ code: each, insn: count })
    count += each.count
    for (let slot = each.start; slot < each.start + each.count; slot++) {
      const called = calledFunction(file, each, slot)
      if (called !== undefined && !placed.has(called)) place(called)
      if (each.section.insns.code[slot] === LD_IMM64) slot++
    }
  }
  place(main)

  const insns = newInsns(count)
  const kfuncs: [number, string][] = []
  for (const { code, insn } of functions) copyFunction(insns, code, insn)
  for (const { code, insn } of functions) {
    for (let slot = code.start; slot < code.start + code.count; slot++) {
      const wide = code.section.insns.code[slot] === LD_IMM64
      if (wide && slot + 1 >= code.start + code.count)
        throw fail(code, slot, 'is the first half of a 64-bit load without the second')
      relocate(file, code, slot, insns, insn + slot - code.start, placed, references, kfuncs)
      if (wide) slot++
    }
  }
  return { insns, functions, kfuncs }
}

function copyFunction(to: Insns, { section, start, count }: CodeFunction, at: number): void {
  const from = section.insns
  const end = start + count
  to.code.set(from.code.subarray(start, end), at)
  to.dst.set(from.dst.subarray(start, end), at)
  to.src.set(from.src.subarray(start, end), at)
  to.off.set(from.off.subarray(start, end), at)
  to.imm.set(from.imm.subarray(start, end), at)
}

function relocate(
  file: ObjectFile,
  from: CodeFunction,
  slot: number,
  insns: Insns,
  at: number,
  placed: ReadonlyMap<CodeFunction, number>,
  references: References,
  kfuncs: [number, string][],
): void {
  const target = calledFunction(file, from, slot)
  if (target !== undefined) {
    insns.imm[at] = placed.get(target)! - at - 1
    if (insns.code[at] === LD_IMM64) {
      insns.src[at] = BPF_PSEUDO_FUNC
      insns.imm[at + 1] = 0
    }
    return
  }
  const relocation = from.section.relocations.get(slot)
  if (relocation === undefined) return
  const symbol = symbolOf(file, from, slot, relocation)
  const name = symbolName(file, symbol)
  if (insns.code[at] === CALL) {
    if (insns.src[at] !== BPF_PSEUDO_CALL) throw fail(from, slot, `calls '${name}' in a form that is unknown`)
    if (!references.kfunc(symbol))
      throw fail(from, slot, `calls '${name}', which is defined nowhere`, 'object/extern', EXTERN_NOTES)
    insns.src[at] = BPF_PSEUDO_KFUNC_CALL
    insns.imm[at] = 0
    kfuncs.push([at, name])
    return
  }
  if (insns.code[at] !== LD_IMM64) {
    throw fail(from, slot, `refers to '${name}', but opcode 0x${insns.code[at]!.toString(16)} cannot carry an address`)
  }
  if (symbol.section >= SHN_LORESERVE) {
    throw fail(
      from,
      slot,
      `refers to '${name}' in the special section 0x${symbol.section.toString(16)}: is a global variable without a value?`,
    )
  }
  const found = isExtern(symbol) ? references.extern(symbol) : references.data(symbol, insns.imm[at]!)
  if (found === undefined) {
    const section = file.elf.sections[symbol.section]?.name ?? '?'
    throw fail(from, slot, `refers to '${name}' in section ${section}, which holds neither maps nor data`)
  }
  if (found === 'zero') {
    insns.imm[at] = 0
    insns.imm[at + 1] = 0
    return
  }
  insns.src[at] = found.offset === undefined ? 1 : 2
  insns.imm[at] = found.map
  insns.imm[at + 1] = found.offset ?? 0
}

const EXTERN_NOTES = [
  'a function of the kernel is declared `extern … __ksym`',
  'a helper is called through its number, as bpf_helpers.h defines it',
  'functions of other C files must be linked first: bpftool gen object',
]

/** Whether a symbol that is defined nowhere may stay so. */
export function isWeak(symbol: ElfSymbol): boolean {
  return symbol.bind === STB_WEAK
}

/** Of a reference to data: the addend counts only with the symbol of the section; with a variable's own it is relative to it. */
export function isSectionSymbol(symbol: ElfSymbol): boolean {
  return symbol.type === STT_SECTION
}

/** The records of the functions, in their order, with the slot offsets of the final program; undefined where a function has none. */
export function linkedRecords(ext: BtfExt, info: ExtInfo, functions: readonly PlacedFunction[]): Uint8Array | undefined {
  const parts: Uint8Array[] = []
  let bytes = 0
  for (const { code, insn } of functions) {
    const section = info.sections.find(each => each.name === code.section.name)
    if (section === undefined) return undefined
    const { records, count } = section
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
    const slotOf = (i: number): number => view.getUint32(i * info.recordBytes, ext.little) / 8
    const first = lowerBound(count, i => slotOf(i) >= code.start)
    const last = lowerBound(count, i => slotOf(i) >= code.start + code.count)
    if (last <= first) return undefined
    const part = records.slice(first * info.recordBytes, last * info.recordBytes)
    const out = new DataView(part.buffer)
    for (let i = first; i < last; i++) {
      const slot = slotOf(i)
      if (
        !Number.isInteger(slot) ||
        slot < code.start ||
        slot >= code.start + code.count ||
        (i > first && slot < slotOf(i - 1))
      ) {
        throw new NicwrightError('btf/bad-ext', {
          message: `a record of section ${section.name} stands at byte ${slot * 8}, out of order`,
        })
      }
      out.setUint32((i - first) * info.recordBytes, insn + slot - code.start, ext.little)
    }
    parts.push(part)
    bytes += part.length
  }
  const all = new Uint8Array(bytes)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** The first index from which on a condition holds. */
function lowerBound(count: number, holds: (i: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
