// `bpftool prog dump xlated`: the program as the kernel runs it, with the prototype in front of each function and the line of C in front of
// what was made of it. Plain text and JSON hold the same.

import { encodeInsns } from '../../bpf/encode.ts'
import { type Insns, newInsns } from '../../bpf/insns.ts'
import { BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC, BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, CALL, LD_IMM64 } from '../../bpf/opcode.ts'
import type { PrintNames } from '../../bpf/print.ts'
import { type Line, lineRecord, parseLines } from '../../btf/lines.ts'
import { type Btf, parseBtf } from '../../btf/parse.ts'
import { Cursor } from '../../bytes/cursor.ts'
import { toHex } from '../../bytes/hex.ts'
import { fixup } from '../../fixup/fixup.ts'
import type { Xlated } from '../../fixup/xlated.ts'
import { type LoadedProgram, programTag } from '../../kernel/program.ts'
import type { VersionFacts } from '../../kernel/version-table.ts'
import { disassemble } from './disassemble.ts'
import { hexStrings } from './hex.ts'
import type { Json } from './json.ts'
import { prototype } from './prototype.ts'
import type { Output } from './tool.ts'

export interface XlatedOptions {
  readonly opcodes?: boolean
  readonly linum?: boolean
}

const done = new WeakMap<LoadedProgram, Xlated>()

/** A program is rewritten once, when it is first looked at. */
function xlatedOf(p: LoadedProgram): Xlated {
  let xlated = done.get(p)
  if (xlated === undefined) {
    xlated = fixup(p.verified)
    done.set(p, xlated)
  }
  return xlated
}

export function xlatedBytes(p: LoadedProgram): number {
  return 8 * xlatedOf(p).insns.count
}

/** The tool gives up on line info where a function has none: what the kernel adds to a program that throws has none. */
export function losesLines(p: LoadedProgram): boolean {
  return p.bound === undefined && xlatedOf(p).subprogs.includes(-1)
}

/** The instructions as `dump xlated … file` writes them: maps by their ids. */
export function xlatedImage(p: LoadedProgram): Uint8Array {
  return encodeInsns(withIds(p, xlatedOf(p).insns))
}

export function dumpXlated(p: LoadedProgram, version: VersionFacts, options: XlatedOptions = {}): Output {
  const xlated = xlatedOf(p)
  const insns = withIds(p, xlated.insns)
  const bytes = encodeInsns(insns)
  const info = infoOf(p, xlated)
  const names = namesOf(p, xlated, info, version)
  const text: string[] = []
  const json: Json[] = []
  for (let i = 0; i < insns.count; i++) {
    const slots = insns.code[i] === LD_IMM64 ? 2 : 1
    const proto = info.prototypes.get(i)
    const line = info.lines.get(i)
    const disasm = disassemble(insns, i, names)
    const words = bytes.subarray(i * 8, (i + slots) * 8)
    if (proto !== undefined) text.push(`${proto}:\n`)
    if (line !== undefined) text.push(`; ${lineText(line, options.linum === true)}\n`)
    text.push(`${String(i).padStart(4)}: ${disasm}\n`)
    if (options.opcodes === true) text.push(`       ${toHex(words, ' ')}\n`)
    json.push({
      proto,
      ...(line === undefined ? {} : lineJson(line, options.linum === true)),
      disasm,
      opcodes: options.opcodes === true ? opcodeFields(words) : undefined,
    })
    i += slots - 1
  }
  return { text: text.join(''), json }
}

function trimStart(text: string): string {
  return text.replace(/^[ \t\n\v\f\r]+/, '')
}

function lineText(line: Line, linum: boolean): string {
  const src = trimStart(line.text)
  return linum ? `${src} [file:${line.file} line_num:${line.line} line_col:${line.column}]` : src
}

function lineJson(line: Line, linum: boolean): { readonly [key: string]: Json | undefined } {
  const src = trimStart(line.text)
  if (!linum) return { src }
  return {
    src,
    file: line.file,
    line_num: line.line === 0 ? undefined : line.line,
    line_col: line.column === 0 ? undefined : line.column,
  }
}

interface Info {
  /** By slot: prototype of the function that begins there. */
  readonly prototypes: ReadonlyMap<number, string>
  /** By subprogram of the rewritten program: the name of its function. */
  readonly functions: readonly string[]
  readonly lines: ReadonlyMap<number, Line>
}

function infoOf(p: LoadedProgram, xlated: Xlated): Info {
  const prototypes = new Map<number, string>()
  const lines = new Map<number, Line>()
  const functions: string[] = []
  const { btf: bytes, funcInfo, funcInfoRecordBytes = 8, lineInfo, lineInfoRecordBytes = 16 } = p.program
  if (bytes === undefined || p.bound !== undefined) return { prototypes, functions, lines }
  const btf = parseBtf(bytes)
  xlated.subprogs.forEach((subprog, n) => {
    const type = funcInfo === undefined || subprog < 0 ? 0 : functionType(btf, funcInfo, funcInfoRecordBytes, subprog)
    functions.push(type === 0 ? '' : btf.name(type))
    const text = type === 0 ? undefined : prototype(btf, type)
    if (text !== undefined) prototypes.set(xlated.subprogStart[n]!, text)
  })
  if (lineInfo !== undefined && lineInfo.length > 0 && !losesLines(p)) {
    const table = parseLines(btf, lineInfo, lineInfoRecordBytes)
    xlated.lineRecords.forEach((record, n) => {
      const line = lineRecord(table, record)
      if (line !== undefined) lines.set(xlated.lineStart[n]!, line)
    })
  }
  return { prototypes, functions, lines }
}

/** Type id of a subprogram's function: func_info has one record for each. 0: none. */
function functionType(btf: Btf, funcInfo: Uint8Array, recordBytes: number, subprog: number): number {
  if ((subprog + 1) * recordBytes > funcInfo.length) return 0
  const cursor = new Cursor(funcInfo, { code: 'bpftool/func-info', little: btf.little })
  cursor.seek(subprog * recordBytes + 4)
  return cursor.u32()
}

function namesOf(p: LoadedProgram, xlated: Xlated, info: Info, version: VersionFacts): PrintNames {
  return {
    imm64: (insns, i) => {
      if (insns.src[i] === BPF_PSEUDO_MAP_FD) return `map[id:${insns.imm[i]}]`
      if (insns.src[i] === BPF_PSEUDO_MAP_VALUE) return `map[id:${insns.imm[i]}][0]+${insns.imm[i + 1]! >>> 0}`
      return insns.src[i] === BPF_PSEUDO_FUNC ? `subprog[${signed(insns.imm[i]!)}]` : undefined
    },
    call: (insns, i) => {
      if (insns.src[i] === BPF_PSEUDO_CALL) {
        if (p.bound !== undefined || xlated.subprogStart.length < 2) return undefined
        return `pc${signed(insns.off[i]!)}#${subprogSymbol(xlated, info, insns.imm[i]!, version)}`
      }
      const symbol = xlated.symbols.get(i)
      return symbol === undefined ? undefined : `${symbol}#${insns.imm[i]}`
    },
  }
}

/** The name under which the kernel lists a function of a program. */
function subprogSymbol(xlated: Xlated, info: Info, n: number, version: VersionFacts): string {
  const { insns, subprogStart } = xlated
  const start = subprogStart[n] ?? 0
  const end = subprogStart[n + 1] ?? insns.count
  const part = newInsns(end - start)
  for (const field of ['code', 'dst', 'src', 'off', 'imm'] as const) part[field].set(insns[field].subarray(start, end))
  // The hash is of the form that goes to the compiler: own calls by number, their targets not yet known.
  for (let i = 0; i < part.count; i++) {
    if (part.code[i] === CALL && part.src[i] === BPF_PSEUDO_CALL) {
      part.off[i] = part.imm[i]!
      part.imm[i] = 1
    } else if (part.code[i] === LD_IMM64 && part.src[i] === BPF_PSEUDO_FUNC) {
      part.off[i] = part.imm[i + 1]!
      part.imm[i] = 1
      part.imm[i + 1] = 1
    }
  }
  const name = info.functions[n] ?? ''
  const shown = name === '' ? 'F' : name
  return `bpf_prog_${programTag(part, version)}_${shown}`
}

function withIds(p: LoadedProgram, insns: Insns): Insns {
  const imm = insns.imm.slice()
  for (let i = 0; i < insns.count; i++) {
    if (insns.code[i] !== LD_IMM64) continue
    const src = insns.src[i]
    if (src === BPF_PSEUDO_MAP_FD || src === BPF_PSEUDO_MAP_VALUE) imm[i] = p.maps[imm[i]!]?.id ?? 0
    i++
  }
  return { ...insns, imm }
}

function opcodeFields(bytes: Uint8Array): Json {
  return {
    code: hexStrings(bytes.subarray(0, 1))[0],
    src_reg: `0x${((bytes[1] ?? 0) >> 4).toString(16)}`,
    dst_reg: `0x${((bytes[1] ?? 0) & 15).toString(16)}`,
    off: hexStrings(bytes.subarray(2, 4)),
    imm: hexStrings(bytes.length === 16 ? bytes.subarray(4) : bytes.subarray(4, 8)),
  }
}

function signed(value: number): string {
  return value < 0 ? `${value}` : `+${value}`
}
