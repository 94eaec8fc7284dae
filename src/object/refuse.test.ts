import { describe, expect, test } from 'vitest'
import { encodeInsns } from '../bpf/encode.ts'
import { newInsns } from '../bpf/insns.ts'
import { encodeText, Writer } from '../bytes/writer.ts'
import {
  EM_BPF,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHT_PROGBITS,
  STB_GLOBAL,
  STB_LOCAL,
  STB_WEAK,
  STT_FUNC,
  STT_OBJECT,
  STT_SECTION,
} from '../elf/constants.ts'
import type { ElfRelocation } from '../elf/parse.ts'
import { type NewElf, type NewSymbol, writeElf } from '../elf/write.ts'
import { NicwrightError } from '../errors.ts'
import { internalName, objectName } from './globals.ts'
import { loadObject } from './load.ts'
import { sectionMeaning } from './section-table.ts'

/** Instructions as [code, src, imm], registers and offsets 0. */
function code(...rows: readonly (readonly [number, number, number])[]): Uint8Array {
  const insns = newInsns(rows.length)
  for (const [i, [opcode, src, imm]] of rows.entries()) {
    insns.code[i] = opcode
    insns.src[i] = src
    insns.imm[i] = imm
  }
  return encodeInsns(insns)
}

const MOV = [0xb7, 0, 2] as const
const EXIT = [0x95, 0, 0] as const
const LOAD = [0x18, 0, 0] as const
const SECOND = [0, 0, 0] as const

const text = (name: string, data: Uint8Array): NewElf['sections'][number] => ({
  name,
  type: SHT_PROGBITS,
  flags: SHF_ALLOC | SHF_EXECINSTR,
  data,
  align: 8,
})
const data = (name: string, bytes: Uint8Array): NewElf['sections'][number] => ({
  name,
  type: SHT_PROGBITS,
  flags: SHF_ALLOC | SHF_WRITE,
  data: bytes,
  align: 8,
})
const symbol = (
  name: string,
  section: number,
  value: number,
  size: number,
  type: number,
  bind: number = STB_GLOBAL,
): NewSymbol => ({
  name,
  section,
  value,
  size,
  type,
  bind,
  visibility: 0,
})
const at = (slot: number, to: number): ElfRelocation => ({ offset: slot * 8, type: 1, symbol: to, addend: undefined })

function object(parts: Partial<NewElf>): Uint8Array {
  return writeElf({
    machine: EM_BPF,
    sections: [text('xdp', code(MOV, EXIT))],
    symbols: [symbol('main', 1, 0, 16, STT_FUNC)],
    ...parts,
  })
}

function refusal(bytes: Uint8Array): string {
  try {
    loadObject(bytes)
  } catch (error) {
    if (error instanceof NicwrightError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'loaded'
}

describe('files that are no eBPF objects', () => {
  test.each([
    ['a host object', object({ machine: 62 }), 'object/machine: the object is for x86-64, not for eBPF'],
    [
      'an executable',
      object({ type: 2 }),
      'object/not-relocatable: an eBPF object is relocatable (clang -c); this ELF file is: executable',
    ],
    ['the other byte order', object({ little: false }), 'object/byte-order: the object is for big-endian eBPF'],
    ['no code', object({ sections: [], symbols: [] }), 'object/no-program: the object holds no program'],
    [
      'no program',
      object({ sections: [text('.text', code(MOV, EXIT))] }),
      'object/no-program: the object holds functions but no program',
    ],
    ['half an instruction', object({ sections: [text('xdp', new Uint8Array(12))] }), 'object/code: section xdp of 12 bytes'],
    [
      'a function beyond its section',
      object({ symbols: [symbol('main', 1, 0, 24, STT_FUNC)] }),
      'object/symbol: function main takes the bytes 0 to 24',
    ],
    [
      'maps without types',
      object({ sections: [text('xdp', code(MOV, EXIT)), data('.maps', new Uint8Array(8))] }),
      'object/no-btf: the maps of the section .maps',
    ],
    ['nothing', new Uint8Array(0), 'elf/bad: the file is empty'],
  ])('%s', (_, bytes, message) => {
    expect(refusal(bytes)).toContain(message)
  })

  test('a plain program without any description is loaded', () => {
    const spec = loadObject(object({}), { name: 'dir/plain.bpf.o' })
    expect(spec.name).toBe('plain')
    expect(spec.programs).toMatchObject([{ name: 'main', type: 6, expectedAttachType: 37, license: '' }])
    expect(spec.notes.join()).toContain('no BTF')
  })
})

describe('references', () => {
  const sections = [
    text('xdp', code(LOAD, SECOND, [0x85, 1, -1], EXIT)),
    text('.text', code(MOV, EXIT)),
    data('.data', Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)),
  ]
  const main = symbol('main', 1, 0, 32, STT_FUNC)

  test('a variable by its own name, and by section with an offset in the instruction', () => {
    const named = object({
      sections,
      symbols: [symbol('f', 2, 0, 16, STT_FUNC, STB_LOCAL), main, symbol('v', 3, 4, 4, STT_OBJECT)],
      relocations: new Map([[1, [at(0, 3), at(2, 1)]]]),
    })
    const [program] = loadObject(named).programs
    expect(Array.from(program!.insns.src.subarray(0, 3))).toEqual([2, 0, 1])
    expect(Array.from(program!.insns.imm.subarray(0, 3))).toEqual([0, 4, 1])

    const byOffset = [text('xdp', code([0x18, 0, 6], SECOND, EXIT)), sections[2]!]
    const anonymous = object({
      sections: byOffset,
      symbols: [symbol('', 2, 0, 0, STT_SECTION, STB_LOCAL), symbol('main', 1, 0, 24, STT_FUNC)],
      relocations: new Map([[1, [at(0, 1)]]]),
    })
    const [other] = loadObject(anonymous).programs
    expect(Array.from(other!.insns.imm.subarray(0, 2))).toEqual([0, 6])
  })

  test.each([
    [
      'a function that nobody defines',
      STB_GLOBAL,
      2,
      "object/extern: main, instruction 2: calls 'gone', which is defined nowhere",
    ],
    ['a variable that nobody defines', STB_GLOBAL, 0, "object/extern: the program refers to 'gone'"],
    ['a return from a value', STB_GLOBAL, 3, "main, instruction 3: refers to 'gone', but opcode 0x95 cannot carry an address"],
  ])('%s', (_, bind, slot, message) => {
    // The call leads to its own function unless it is relocated.
    const bytes = object({
      sections: [text('xdp', code(LOAD, SECOND, [0x85, 1, -3], EXIT))],
      symbols: [main, symbol('gone', 0, 0, 0, 0, bind)],
      relocations: new Map([[1, [at(slot, 2)]]]),
    })
    expect(refusal(bytes)).toContain(message)
  })

  test('a weak symbol is 0', () => {
    const bytes = object({
      sections: [text('xdp', code([0x18, 0, 9], SECOND, EXIT))],
      symbols: [symbol('main', 1, 0, 24, STT_FUNC), symbol('gone', 0, 0, 0, 0, STB_WEAK)],
      relocations: new Map([[1, [at(0, 2)]]]),
    })
    const [program] = loadObject(bytes).programs
    expect([program!.insns.src[0], program!.insns.imm[0]]).toEqual([0, 0])
  })

  test('functions in sections of their own are no programs', () => {
    const spec = loadObject(
      object({
        sections: [text('xdp', code([0x85, 1, -1], EXIT)), text('.text.f', code(MOV, EXIT))],
        symbols: [symbol('main', 1, 0, 16, STT_FUNC), symbol('f', 2, 0, 16, STT_FUNC)],
        relocations: new Map([[1, [at(0, 2)]]]),
      }),
    )
    expect(spec.programs.map(({ functions }) => functions.map(({ name }) => name))).toEqual([['main', 'f']])
    expect(spec.programs[0]!.insns.imm[0]).toBe(1)
  })

  test('a call into the middle of a function, and into data', () => {
    const into = (value: number, section: number): string =>
      refusal(
        object({
          sections,
          symbols: [symbol('f', 2, 0, 16, STT_FUNC, STB_LOCAL), main, symbol('g', section, value, 8, STT_OBJECT)],
          relocations: new Map([[1, [at(2, 3)]]]),
        }),
      )
    expect(into(8, 2)).toContain('leads to a place where no function begins')
    expect(into(0, 3)).toContain("calls 'g', which is no function")
  })
})

describe('maps from before BTF', () => {
  const words = (...rows: readonly (readonly number[])[]): Uint8Array => {
    const out = new Writer()
    for (const row of rows) for (const word of row) out.u32(word)
    return out.finish()
  }
  const withMaps = (rows: readonly (readonly number[])[]): Uint8Array => {
    const bytes = (rows[0]?.length ?? 0) * 4
    return object({
      sections: [
        text('prog', code([0x18, 0, 0], SECOND, EXIT)),
        data('maps', words(...rows)),
        data('license', encodeText('GPL\0')),
      ],
      symbols: [symbol('main', 1, 0, 24, STT_FUNC), ...rows.map((_, i) => symbol(`map${i}`, 2, i * bytes, bytes, STT_OBJECT))],
      relocations: new Map([[1, [at(0, 1 + rows.length)]]]),
    })
  }

  test('five words, and more that are zero', () => {
    const spec = loadObject(
      withMaps([
        [1, 4, 8, 16, 1],
        [2, 4, 8, 1, 0],
      ]),
    )
    expect(spec.maps).toMatchObject([
      { name: 'map0', type: 1, keySize: 4, valueSize: 8, maxEntries: 16, flags: 1 },
      { name: 'map1', type: 2 },
    ])
    expect(spec.programs[0]).toMatchObject({ type: 0, license: 'GPL' })
    expect([spec.programs[0]!.insns.src[0], spec.programs[0]!.insns.imm[0]]).toEqual([1, 1])
    expect(spec.notes.join()).toContain("section name 'prog'")
    expect(loadObject(withMaps([[1, 4, 8, 16, 0, 0, 0]])).maps).toHaveLength(1)
    expect(refusal(withMaps([[1, 4, 8, 16, 0, 5, 0]]))).toContain('what they mean is unknown')
    expect(refusal(withMaps([[1, 4, 8, 16]]))).toContain('20 bytes at least')
  })

  test("iproute2's nine words: pinning, and inner maps by id", () => {
    const spec = loadObject(
      withMaps([
        [12, 4, 4, 8, 0, 0, 2, 77, 0],
        [2, 4, 16, 2, 0, 77, 0, 0, 3],
      ]),
    )
    expect(spec.maps[0]).toMatchObject({ pinning: 1, inner: { name: 'map0.inner', type: 2, valueSize: 16 }, slots: [[3, 1]] })
    expect(refusal(withMaps([[12, 4, 4, 8, 0, 0, 0, 5, 0]]))).toContain('what its inner maps look like')
  })
})

test('names of objects and of their data', () => {
  expect(objectName('/a/b/xdp_fw.bpf.o')).toBe('xdp_fw')
  expect(objectName('a-name-that-is-much-too-long.o')).toBe('a-name-that-is-')
  expect(internalName('xdp_fw', '.rodata')).toBe('xdp_fw.rodata')
  expect(internalName('a-long-name', '.rodata')).toBe('a_long_n.rodata')
  expect(internalName('a-long-name', '.bss')).toBe('a_long_n.bss')
  expect(internalName('object', '.data.custom')).toBe('.data.custom')
  expect(internalName('object', '.data.custom.and.more')).toBe('.data.custom.an')
  expect(internalName('object', '.kconfig')).toBe('object.kconfig')
})

test.each([
  ['xdp', 6, 37, 0, true, ''],
  ['xdp.frags/devmap', 6, 33, 32, true, ''],
  ['xdp/cpumap', 6, 35, 0, true, ''],
  ['?xdp', 6, 37, 0, false, ''],
  ['tc', 3, 0, 0, true, ''],
  ['classifier/ingress', 3, 0, 0, true, ''],
  ['xdp_old_style', 6, 37, 0, true, ''],
  ['action', 4, 0, 0, true, ''],
  ['socket', 1, 0, 0, true, ''],
  ['cgroup_skb/egress', 8, 1, 0, true, ''],
  ['kprobe/do_unlinkat', 2, 0, 0, true, 'do_unlinkat'],
  ['fentry.s/foo', 26, 24, 16, true, 'foo'],
  ['prog', 0, 0, 0, true, ''],
])('section %s', (section, type, attachType, flags, autoload, target) => {
  expect(sectionMeaning(section)).toEqual({ type, attachType, flags, autoload, target })
})
