import { encodeInsns } from '../../bpf/encode.ts'
import { BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, LD_IMM64 } from '../../bpf/opcode.ts'
import { printInsn } from '../../bpf/print.ts'
import { progTypeNames } from '../../bpf/prog-type-table.ts'
import { toHex } from '../../bytes/hex.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { LoadedProgram } from '../../kernel/program.ts'
import { listing } from '../../nfp/listing.ts'
import { device, deviceText } from './device.ts'
import { only, programs } from './handle.ts'
import { hexStrings } from './hex.ts'
import type { Json } from './json.ts'
import { BpftoolError, type Words } from './words.ts'

/** Text for plain output, or a value for JSON. */
export interface Output {
  readonly text: string
  readonly json: Json
}

export function progShow(kernel: Kernel, words: Words): Output {
  const one = !words.done
  const list = one ? programs(kernel, words) : [...kernel.programs.values()]
  const json = list.map(progJson)
  return { text: list.map(progText).join(''), json: one && json.length === 1 ? (json[0] ?? null) : json }
}

function progText(p: LoadedProgram): string {
  const name = p.program.name.slice(0, 15)
  const head = `${p.id}: ${progTypeNames[p.program.type]}  ${name === '' ? '' : `name ${name}  `}tag ${p.tag}${deviceText(p.bound)}${gpl(p) ? '  gpl' : ''}`
  const jited = jitedBytes(p)
  const maps = p.maps.length === 0 ? '' : `  map_ids ${p.maps.map(m => m.id).join(',')}`
  return `${head}
\tloaded_at ${timestamp(p.loadedAt)}  uid 0
\txlated ${p.program.insns.count * 8}B  ${jited === 0 ? 'not jited' : `jited ${jited}B`}  memlock ${memlock(p)}B${maps}
`
}

function progJson(p: LoadedProgram): Json {
  const jited = jitedBytes(p)
  return {
    id: p.id,
    type: progTypeNames[p.program.type] ?? '',
    name: p.program.name === '' ? undefined : p.program.name.slice(0, 15),
    tag: p.tag,
    gpl_compatible: gpl(p),
    dev: device(p.bound),
    loaded_at: p.loadedAt,
    uid: 0,
    bytes_xlated: p.program.insns.count * 8,
    jited: jited > 0,
    bytes_jited: jited === 0 ? undefined : jited,
    bytes_memlock: memlock(p),
    map_ids: p.maps.length === 0 ? undefined : p.maps.map(m => m.id),
  }
}

/** Linux's list of licenses that GPL-only helpers accept. */
const GPL: readonly string[] = ['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL']
const gpl = (p: LoadedProgram): boolean => GPL.includes(p.program.license)
const jitedBytes = (p: LoadedProgram): number => p.bound?.device.jited.length ?? 0
/** Whole pages of the program with Linux's header of it. */
const memlock = (p: LoadedProgram): number => Math.ceil((p.program.insns.count * 8 + 72) / 4096) * 4096

/** In UTC, whatever the machine's time zone: the same session prints the same everywhere. */
function timestamp(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}+0000`
}

export function progDump(kernel: Kernel, words: Words): Output {
  const what = words.keyword(['xlated', 'jited'])
  if (what === undefined) throw new BpftoolError(`expected 'xlated' or 'jited', got: ${words.peek() ?? ''}`)
  const program = only(programs(kernel, words), 'programs')
  const opcodes = words.keyword(['opcodes']) !== undefined
  if (!words.done)
    throw new BpftoolError(`expected no more arguments, 'opcodes', 'linum' or 'file', got: '${words.peek() ?? ''}'?`)
  return what === 'xlated' ? xlated(program, opcodes) : jited(program, opcodes)
}

/** Of a bound program: what the user wrote, since nothing rewrites it for the host. */
function xlated(p: LoadedProgram, opcodes: boolean): Output {
  if (p.bound === undefined)
    throw new BpftoolError('nicwright keeps no rewritten form of host programs; programs bound to a device have one')
  const { insns } = p.program
  const bytes = encodeInsns(insns)
  const text: string[] = []
  const json: Json[] = []
  for (let i = 0; i < insns.count; i++) {
    const wide = insns.code[i] === LD_IMM64
    const disasm = printInsn(insns, i, { imm64: (_, at) => mapReference(p, at) })
    const words = bytes.subarray(i * 8, i * 8 + (wide ? 16 : 8))
    text.push(`${String(i).padStart(4)}: ${disasm}\n`)
    if (opcodes) text.push(`       ${toHex(words, ' ')}\n`)
    json.push({ disasm, opcodes: opcodes ? opcodeFields(words) : undefined })
    if (wide) i++
  }
  return { text: text.join(''), json }
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

function mapReference(p: LoadedProgram, at: number): string | undefined {
  const { insns } = p.program
  const map = p.maps[insns.imm[at] ?? -1]
  if (map === undefined) return undefined
  if (insns.src[at] === BPF_PSEUDO_MAP_FD) return `map[id:${map.id}]`
  return insns.src[at] === BPF_PSEUDO_MAP_VALUE ? `map[id:${map.id}][0]+${insns.imm[at + 1] ?? 0}` : undefined
}

function jited(p: LoadedProgram, opcodes: boolean): Output {
  const bytes = p.bound?.device.jited
  if (bytes === undefined || bytes.length === 0) {
    throw new BpftoolError('error retrieving jit dump: no instructions returned or kernel.kptr_restrict set?')
  }
  const lines = listing(bytes)
  const text = lines.map(({ pc, text: line, word }) => {
    const offset = (pc * 8).toString(16).padStart(4)
    return `${offset}:\t${line}\n${opcodes ? `\t${toHex(word, ' ')}\n` : ''}`
  })
  const insns = lines.map(({ pc, text: line, word }) => ({
    pc: `0x${(pc * 8).toString(16)}`,
    operation: line,
    opcodes: opcodes ? hexStrings(word) : undefined,
  }))
  return { text: text.join(''), json: [{ name: p.program.name, insns }] }
}
