import { BPF_F_MMAPABLE, BPF_F_RDONLY_PROG, BPF_MAP_TYPE_ARRAY } from '../bpf/map-type-table.ts'
import type { Btf } from '../btf/parse.ts'
import { alignOf, bareType, sizeOf } from '../btf/resolve.ts'
import { BTF_INT_BOOL } from '../btf/types.ts'
import { encodeText, Writer } from '../bytes/writer.ts'
import { NicwrightError } from '../errors.ts'
import { internalName } from './globals.ts'
import type { LoadOptions, ObjectMap } from './spec.ts'
import type { ExternDeclaration, KconfigPlaces } from './types.ts'

// `extern int CONFIG_HZ __kconfig`: values of the kernel's configuration, which the loader puts into a read-only map.

interface Value extends ExternDeclaration {
  readonly size: number
  readonly align: number
}

/** Linux 6.18.0 */
const DEFAULT_KERNEL_VERSION = (6 << 16) | (18 << 8)

function values(btf: Btf, externs: readonly ExternDeclaration[]): Value[] {
  const all = externs
    .filter(each => each.section === '.kconfig')
    .map(each => {
      const size = sizeOf(btf, each.type)
      const align = alignOf(btf, each.type)
      if (size === undefined || align === undefined || size === 0) {
        throw new NicwrightError('object/kconfig', { message: `the type of ${each.name} has no size` })
      }
      return { ...each, size, align }
    })
  // The widest first, so that no gaps are left.
  return all.sort((a, b) => b.align - a.align || a.size - b.size || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

export function placeKconfig(btf: Btf, externs: readonly ExternDeclaration[]): KconfigPlaces {
  const offsets = new Map<string, number>()
  let size = 0
  for (const each of values(btf, externs)) {
    size = Math.ceil(size / each.align) * each.align
    offsets.set(each.name, size)
    size += each.size
  }
  if (size > 1 << 20)
    throw new NicwrightError('object/kconfig', { message: `configuration values of ${size} bytes are too large` })
  return { size, offsets }
}

/** The map of all values; undefined without any. `isWeak` says which may be missing: they are 0 then. */
export function kconfigMap(
  btf: Btf,
  blob: Uint8Array,
  externs: readonly ExternDeclaration[],
  object: string,
  options: LoadOptions,
  isWeak: (name: string) => boolean,
): ObjectMap | undefined {
  const places = placeKconfig(btf, externs)
  if (places.size === 0) return undefined
  const data = new Uint8Array(places.size)
  for (const each of values(btf, externs)) {
    const at = places.offsets.get(each.name)!
    const text = configured(each.name, options)
    if (text !== undefined) data.set(encode(btf, each, text), at)
    else if (!isWeak(each.name)) {
      throw new NicwrightError('object/kconfig', {
        message: `the program wants the kernel configuration value ${each.name}, which is not known`,
        notes: [
          `give its value, or declare it \`extern … ${each.name} __kconfig __weak\` so that it may be missing (it is 0 then)`,
        ],
      })
    }
  }
  const id = btf.named('.kconfig', 'datasec')[0]
  return {
    name: internalName(object, '.kconfig'),
    section: '.kconfig',
    internal: 'kconfig',
    type: BPF_MAP_TYPE_ARRAY,
    keySize: 4,
    valueSize: data.length,
    maxEntries: 1,
    flags: BPF_F_RDONLY_PROG | BPF_F_MMAPABLE,
    init: [{ key: new Uint8Array(4), value: data }],
    frozen: true,
    ...(id === undefined ? {} : { btf: blob, btfKey: 0, btfValue: id }),
  }
}

function configured(name: string, options: LoadOptions): string | undefined {
  if (name === 'LINUX_KERNEL_VERSION') return String(options.kernelVersion ?? DEFAULT_KERNEL_VERSION)
  // x86-64, as the simulated machine is.
  if (name === 'LINUX_HAS_SYSCALL_WRAPPER' || name === 'LINUX_HAS_BPF_COOKIE') return '1'
  return options.kconfig?.get(name)
}

const TRISTATE: { readonly [text: string]: number } = { n: 0, y: 1, m: 2 }

function encode(btf: Btf, value: Value, text: string): Uint8Array {
  const bad = (): NicwrightError =>
    new NicwrightError('object/kconfig', { message: `${value.name} is ${text}, which does not fit its type in the program` })
  const type = bareType(btf, value.type)
  if (type.kind === 'array') {
    const bytes = encodeText(text.startsWith('"') && text.endsWith('"') && text.length >= 2 ? text.slice(1, -1) : text)
    const element = bareType(btf, type.type)
    if (element.kind !== 'int' || element.size !== 1) throw bad()
    // A text that is too long is cut, and ends in a zero byte in any case.
    const out = new Uint8Array(value.size)
    out.set(bytes.subarray(0, Math.max(0, value.size - 1)))
    return out
  }
  if (type.kind !== 'int' && type.kind !== 'enum') throw bad()
  const tristate = TRISTATE[text]
  let number: bigint
  if (tristate !== undefined) {
    if (type.kind === 'int' && (type.encoding & BTF_INT_BOOL) !== 0 && tristate === 2) throw bad()
    number = BigInt(tristate)
    // `char` holds the letter itself, an `enum libbpf_tristate` and a bool the number.
    if (type.kind === 'int' && type.size === 1 && (type.encoding & BTF_INT_BOOL) === 0) number = BigInt(text.charCodeAt(0))
  } else if (/^-?(0x[0-9a-f]+|\d+)$/i.test(text)) {
    number = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text)
  } else {
    throw bad()
  }
  const bits = value.size * 8
  const signed = type.kind === 'enum' ? type.signed : (type.encoding & 1) !== 0
  const fits = signed ? BigInt.asIntN(bits, number) === number : BigInt.asUintN(bits, number) === number
  if (!fits || ![1, 2, 4, 8].includes(value.size)) throw bad()
  return new Writer().u64(number).finish().slice(0, value.size)
}
