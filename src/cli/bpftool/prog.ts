import { writeFileSync } from 'node:fs'
import { progTypeNames } from '../../bpf/prog-type-table.ts'
import { toHex } from '../../bytes/hex.ts'
import type { LoadedProgram } from '../../kernel/program.ts'
import { listing } from '../../nfp/listing.ts'
import { strerror } from '../errno.ts'
import { device, deviceText, present } from './device.ts'
import { only, pinsOf, programs } from './handle.ts'
import { hexStrings } from './hex.ts'
import type { Json } from './json.ts'
import { NOTHING, type Output, type Tool } from './tool.ts'
import { BpftoolError, type Words } from './words.ts'
import { dumpXlated, losesLines, xlatedBytes, xlatedImage } from './xlated.ts'

export function progShow(tool: Tool, words: Words): Output {
  if (words.done) {
    const list = [...tool.kernel.programs.values()].map(p => present(p, 'prog'))
    return { text: list.map(p => progText(p, tool)).join(''), json: list.map(p => progJson(p, tool)) }
  }
  if (words.left !== 2) throw new BpftoolError(`what is '${words.peek()}'?`)
  const list = programs(tool, words).map(p => present(p, 'prog'))
  const json = list.map(p => progJson(p, tool))
  if (list.length === 0) return { text: '', json: undefined, status: 255 }
  return { text: list.map(p => progText(p, tool)).join(''), json: json.length === 1 ? json[0] : json }
}

function progText(p: LoadedProgram, tool: Tool): string {
  const name = p.program.name.slice(0, 15)
  const head = `${p.id}: ${progTypeNames[p.program.type]}  ${name === '' ? '' : `name ${name}  `}tag ${p.tag}${deviceText(p.bound)}${gpl(p) ? '  gpl' : ''}`
  const jited = jitedBytes(p)
  const maps = p.maps.length === 0 ? '' : `  map_ids ${p.maps.map(m => m.id).join(',')}`
  return `${head}
\tloaded_at ${timestamp(p.loadedAt)}  uid 0
\txlated ${xlatedBytes(p)}B  ${jited === 0 ? 'not jited' : `jited ${jited}B`}  memlock ${memlock(p)}B${maps}
${pinnedText(p, tool)}${p.btf === undefined ? '' : `\tbtf_id ${p.btf.id}\n`}`
}

function pinnedText(p: LoadedProgram, tool: Tool): string {
  return tool.bpffs
    ? pinsOf(tool, p)
        .map(path => `\tpinned ${path}\n`)
        .join('')
    : ''
}

function progJson(p: LoadedProgram, tool: Tool): Json {
  const pins = tool.bpffs ? pinsOf(tool, p) : []
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
    bytes_xlated: xlatedBytes(p),
    jited: jited > 0,
    bytes_jited: jited === 0 ? undefined : jited,
    bytes_memlock: memlock(p),
    map_ids: p.maps.length === 0 ? undefined : p.maps.map(m => m.id),
    btf_id: p.btf?.id,
    pinned: pins.length === 0 ? undefined : pins,
  }
}

/** Linux's list of licenses that GPL-only helpers accept. */
const GPL: readonly string[] = ['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL']
const gpl = (p: LoadedProgram): boolean => GPL.includes(p.program.license)
const jitedBytes = (p: LoadedProgram): number => p.bound?.device.jited.length ?? 0
/** Whole pages of the program with Linux's header of it: they become more when it is rewritten, and never fewer. */
const memlock = (p: LoadedProgram): number => Math.ceil((Math.max(p.program.insns.count * 8, xlatedBytes(p)) + 72) / 4096) * 4096

/** In UTC, whatever the machine's time zone: the same session prints the same everywhere. */
function timestamp(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}+0000`
}

export function progDump(tool: Tool, words: Words): Output {
  const what = words.keyword(['xlated', 'jited'])
  if (what === undefined) throw new BpftoolError(`expected 'xlated' or 'jited', got: ${words.peek() ?? '(null)'}`)
  const program = present(only(programs(tool, words), 'programs'), 'prog')
  if (what === 'jited' && (program.bound?.device.jited.length ?? 0) === 0) throw new BpftoolError('No libbfd support')
  if (words.keyword(['file']) !== undefined) {
    return imageFile(what === 'jited' ? (program.bound?.device.jited ?? new Uint8Array(0)) : xlatedImage(program), words)
  }
  const opcodes = words.keyword(['opcodes']) !== undefined
  const linum = !opcodes && words.keyword(['linum']) !== undefined
  if (!words.done) throw new BpftoolError('', 255, 'prog')
  if (what === 'jited') return jited(program, opcodes)
  if (losesLines(program) && !tool.json) tool.say('error in processing bpf_line_info.  continue without it.')
  return dumpXlated(program, tool.kernel.version, { opcodes, linum })
}

/** The code as it is. */
function imageFile(bytes: Uint8Array, words: Words): Output {
  if (words.done) throw new BpftoolError('expected file path')
  const path = words.next()
  if (!words.done) throw new BpftoolError('', 255, 'prog')
  try {
    writeFileSync(path, bytes)
  } catch (error) {
    throw new BpftoolError(`can't open file ${path}: ${strerror(Math.abs((error as NodeJS.ErrnoException).errno ?? 5))}`)
  }
  return NOTHING
}

function jited(p: LoadedProgram, opcodes: boolean): Output {
  const lines = listing(p.bound?.device.jited ?? new Uint8Array(0))
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
