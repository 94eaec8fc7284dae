import { basename } from 'node:path'
import { EINVAL, ENOENT } from '../../bpf/errno.ts'
import { type Btf, type BtfType, declarations, parseBtf } from '../../btf/index.ts'
import { BTF_INT_BOOL, BTF_INT_CHAR, BTF_INT_SIGNED } from '../../btf/types.ts'
import { parseElf } from '../../elf/parse.ts'
import { NicwrightError } from '../../errors.ts'
import type { BtfObject } from '../../kernel/btf.ts'
import { strerror } from '../errno.ts'
import { readInput } from '../file.ts'
import { cNumber, maps, only, programs } from './handle.ts'
import { type Json, Raw } from './json.ts'
import type { Output, Tool } from './tool.ts'
import { BpftoolError, statusOf, type Words } from './words.ts'

function objectWithId(tool: Tool, text: string): BtfObject {
  const id = cNumber(text)
  if (id === undefined) throw new BpftoolError(`can't parse ${text} as ID`)
  const found = tool.kernel.btfs.objects.get(id)
  if (found === undefined) throw new BpftoolError(`can't get BTF object by id (${id}): ${strerror(ENOENT)}`)
  return found
}

export function btfShow(tool: Tool, words: Words): Output {
  let list = [...tool.kernel.btfs.objects.values()]
  if (!words.done) {
    if (words.left !== 2) throw new BpftoolError(`what is '${words.peek()}'?`)
    if (words.keyword(['id']) === undefined) throw new BpftoolError(`expected 'id', got: '${words.peek()}'?`)
    list = [objectWithId(tool, words.next())]
  }
  const users = (object: BtfObject) => ({
    progs: [...tool.kernel.programs.values()].filter(p => p.btf === object).map(p => p.id),
    maps: [...tool.kernel.maps.values()].filter(m => m.btf === object).map(m => m.id),
  })
  const text = list.map(object => {
    const { progs, maps: mapIds } = users(object)
    const progText = progs.length === 0 ? '' : `  prog_ids ${progs.join(',')}`
    const mapText = mapIds.length === 0 ? '' : `  map_ids ${mapIds.join(',')}`
    return `${object.id}: name <anon>  size ${object.bytes.length}B${progText}${mapText}\n`
  })
  const json = list.map(object => {
    const { progs, maps: mapIds } = users(object)
    return { id: object.id, size: object.bytes.length, prog_ids: progs, map_ids: mapIds, kernel: false }
  })
  return { text: text.join(''), json }
}

export function btfDump(tool: Tool, words: Words): Output {
  if (words.left < 2) {
    throw new BpftoolError(`'${words.before}' needs at least 2 arguments, ${words.left} found`, 255, 'btf')
  }
  const { btf, roots } = source(tool, words)
  const format = formatOf(words)
  if (format === 'c') {
    if (tool.json) throw new BpftoolError('JSON output for C-syntax dump is not supported', statusOf(-95))
    return { text: cText(btf, roots), json: null }
  }
  const ids = roots ?? Array.from({ length: btf.count - 1 }, (_, i) => i + 1)
  return {
    text: ids.map(id => typeText(btf, id)).join(''),
    json: { types: ids.map(id => typeJson(id, btf.type(id))) },
  }
}

function source(tool: Tool, words: Words): { readonly btf: Btf; readonly roots?: readonly number[] } {
  const text = words.peek() ?? ''
  const kind = words.keyword(['id', 'map', 'prog', 'file'])
  if (kind === undefined) throw new BpftoolError(`unrecognized BTF source specifier: '${text}'`)
  if (kind === 'file') return { btf: fileBtf(tool, words.next()) }
  if (kind === 'id') {
    const id = words.next()
    try {
      return { btf: parseBtf(objectWithId(tool, id).bytes) }
    } catch (error) {
      throw missing(tool, error, id)
    }
  }
  if (kind === 'prog') {
    const program = only(programs(tool, words), 'programs')
    if (program.btf === undefined) throw new BpftoolError(`get btf by id (0): ${strerror(ENOENT)}`, statusOf(-ENOENT))
    return { btf: parseBtf(program.btf.bytes) }
  }
  const map = only(maps(tool, words), 'maps')
  const { btfKey = 0, btfValue = 0 } = map.spec
  const part = words.keyword(['key', 'value', 'kv', 'all'])
  if (part === undefined && !words.done && words.peek() !== 'format' && !'format'.startsWith(words.peek() ?? ' '))
    throw new BpftoolError(`unrecognized option: '${words.peek()}'`, statusOf(-EINVAL))
  if (map.btf === undefined) {
    tool.say(`Error: can't get BTF object by id (0): ${strerror(ENOENT)}`)
    throw new BpftoolError(`get btf by id (0): ${strerror(ENOENT)}`, statusOf(-ENOENT))
  }
  const btf = parseBtf(map.btf.bytes)
  if (part === 'all') return { btf }
  const wanted = part === 'key' ? [btfKey] : part === 'value' ? [btfValue] : [btfKey, btfValue]
  return { btf, roots: wanted.filter(id => id !== 0) }
}

function missing(tool: Tool, error: unknown, id: string): unknown {
  if (!(error instanceof BpftoolError) || error.message.startsWith("can't parse")) return error
  tool.say(`Error: ${error.message}`)
  return new BpftoolError(`get btf by id (${id}): ${strerror(ENOENT)}`, statusOf(-ENOENT))
}

/** The types of an object file, or a file that is nothing but types. */
function fileBtf(tool: Tool, path: string): Btf {
  const fail = (why: string, status: number): BpftoolError => new BpftoolError(`failed to load BTF from ${path}: ${why}`, status)
  let bytes: Uint8Array
  try {
    bytes = readInput(path)
  } catch (error) {
    if (error instanceof NicwrightError && error.code === 'file/enoent') throw fail(strerror(ENOENT), statusOf(-ENOENT))
    throw fail((error as Error).message, 255)
  }
  try {
    if (bytes[0] === 0x9f && bytes[1] === 0xeb) return parseBtf(bytes)
    const section = parseElf(bytes).sections.find(each => each.name === '.BTF')
    if (section === undefined) throw fail(strerror(ENOENT), statusOf(-ENOENT))
    return parseBtf(section.data)
  } catch (error) {
    if (error instanceof BpftoolError || !(error instanceof NicwrightError)) throw error
    tool.say(`libbpf: ${basename(path)}: ${error.message}`)
    throw fail('Unknown error 4001', 95)
  }
}

function formatOf(words: Words): 'raw' | 'c' {
  let format: 'raw' | 'c' = 'raw'
  while (!words.done) {
    const text = words.next()
    if (text === '' || !'format'.startsWith(text)) throw new BpftoolError(`unrecognized option: '${text}'`, statusOf(-EINVAL))
    if (words.done) throw new BpftoolError("expecting value for 'format' option\n", statusOf(-EINVAL))
    const name = words.next()
    if (name !== 'raw' && name !== 'c')
      throw new BpftoolError(`unrecognized format specifier: '${name}', possible values: raw, c`, statusOf(-EINVAL))
    format = name
  }
  return format
}

/** The types as C; with roots, those alone and what they need. */
function cText(btf: Btf, roots: readonly number[] | undefined): string {
  const parts = roots === undefined ? declarations(btf) : declarations(btf, roots)
  return `#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

${parts.map(part => `${part}\n\n`).join('')}#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
`
}

const ENCODINGS: Readonly<Record<number, string>> = {
  0: '(none)',
  [BTF_INT_SIGNED]: 'SIGNED',
  [BTF_INT_CHAR]: 'CHAR',
  [BTF_INT_BOOL]: 'BOOL',
}
const LINKAGES = ['static', 'global', 'extern']
const signed = (is: boolean): string => (is ? 'SIGNED' : 'UNSIGNED')

/** A line, and one for each part. Fields are the same as in JSON, in the same order. */
function typeText(btf: Btf, id: number): string {
  const type = btf.type(id)
  const { head, parts } = fields(type)
  // A variable's linkage stands behind a comma.
  const shown = Object.entries(head).map(
    ([name, value]) => `${type.kind === 'var' && name === 'linkage' ? ', ' : ' '}${name}=${value}`,
  )
  const lines = parts?.list.map(part => {
    const { name, ...rest } = part
    const texts = Object.entries(rest).map(([key, value]) => `${key}=${value}`)
    const of = type.kind === 'datasec' ? btf.type(Number(part.type_id)) : undefined
    const named = of === undefined ? [] : [`(${of.kind.toUpperCase()} '${of.name || '(anon)'}')`]
    return `\n\t${[...(name === undefined ? [] : [`'${name}'`]), ...texts, ...named].join(' ')}`
  })
  return `[${id}] ${type.kind.toUpperCase()} '${type.name || '(anon)'}'${shown.join('')}${lines?.join('') ?? ''}\n`
}

function typeJson(id: number, type: BtfType): Json {
  const { head, parts } = fields(type)
  const list = parts?.list.map(
    part => ({ ...part, ...(typeof part.val === 'bigint' ? { val: new Raw(String(part.val)) } : {}) }) as Json,
  )
  return {
    id,
    kind: type.kind.toUpperCase(),
    name: type.name || '(anon)',
    ...head,
    ...(parts === undefined ? {} : { [parts.name]: list }),
  }
}

type Part = Readonly<Record<string, string | number | bigint>>
interface Fields {
  readonly head: Readonly<Record<string, string | number>>
  readonly parts?: { readonly name: string; readonly list: readonly Part[] }
}

function fields(type: BtfType): Fields {
  switch (type.kind) {
    case 'void':
      return { head: {} }
    case 'int':
      return {
        head: { size: type.size, bits_offset: type.bitOffset, nr_bits: type.bits, encoding: ENCODINGS[type.encoding] ?? 'UNKN' },
      }
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return { head: { type_id: type.type } }
    case 'array':
      return { head: { type_id: type.type, index_type_id: type.index, nr_elems: type.length } }
    case 'struct':
    case 'union':
      return {
        head: { size: type.size, vlen: type.members.length },
        parts: {
          name: 'members',
          list: type.members.map(m => ({
            name: m.name || '(anon)',
            type_id: m.type,
            bits_offset: m.bitOffset,
            ...(m.bitSize > 0 ? { bitfield_size: m.bitSize } : {}),
          })),
        },
      }
    case 'enum':
    case 'enum64':
      return {
        head: { encoding: signed(type.signed), size: type.size, vlen: type.values.length },
        parts: { name: 'values', list: type.values.map(({ name, value }) => ({ name, val: value })) },
      }
    case 'fwd':
      return { head: { fwd_kind: type.union ? 'union' : 'struct' } }
    case 'func':
      return { head: { type_id: type.type, linkage: LINKAGES[type.linkage] ?? '(unknown)' } }
    case 'func_proto':
      return {
        head: { ret_type_id: type.type, vlen: type.params.length },
        parts: { name: 'params', list: type.params.map(p => ({ name: p.name || '(anon)', type_id: p.type })) },
      }
    case 'var':
      return { head: { type_id: type.type, linkage: LINKAGES[type.linkage] ?? '(unknown)' } }
    case 'datasec':
      return {
        head: { size: type.size, vlen: type.vars.length },
        parts: {
          name: 'vars',
          list: type.vars.map(v => ({ type_id: v.type, offset: v.offset, size: v.size })),
        },
      }
    case 'float':
      return { head: { size: type.size } }
    case 'decl_tag':
      return { head: { type_id: type.type, component_idx: type.component } }
  }
}
