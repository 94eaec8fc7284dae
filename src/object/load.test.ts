import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeInsns } from '../bpf/encode.ts'
import type { Insns } from '../bpf/insns.ts'
import { typesOf } from '../btf/encode.ts'
import { lineAt } from '../btf/lines.ts'
import { type Btf, parseBtf } from '../btf/parse.ts'
import { fromHex, toHex } from '../bytes/hex.ts'
import { parseElf } from '../elf/parse.ts'
import { NicwrightError } from '../errors.ts'
import { POISON } from './core.ts'
import { loadObject, programLines } from './load.ts'
import type { LoadOptions, ObjectProgram, ObjectSpec } from './spec.ts'

const examples = new URL('../../examples/', import.meta.url)
const objects = new URL('../../testdata/objects/', import.meta.url)

function read(home: URL, name: string): Uint8Array {
  return readFileSync(new URL(name, home))
}

function load(home: URL, name: string, options: LoadOptions = {}): ObjectSpec {
  return loadObject(read(home, name), { name, ...options })
}

function slots(insns: Insns): string[] {
  return toHex(encodeInsns(insns)).match(/.{16}/g) ?? []
}

/** The BTF of kernel.bpf.c, which plays the kernel. */
function kernelBtf(): Btf {
  const section = parseElf(read(objects, 'kernel.bpf.o')).sections.find(({ name }) => name === '.BTF')
  return parseBtf(section!.data)
}

/** What libbpf 1.1 gave to a Linux kernel for the same object. */
interface Witness {
  readonly maps: readonly { readonly name: string; readonly extra: number }[]
  readonly programs: readonly {
    readonly name: string
    readonly insns: readonly string[]
    readonly loaded: boolean
    readonly funcInfo: string
    readonly lineInfo: string
  }[]
  readonly btf: string
}

describe.each([
  ['link', {}],
  ['core', { kernelBtf: kernelBtf() }],
] as const)('%s.bpf.o is what libbpf makes of it', (name, options) => {
  const spec = load(objects, `${name}.bpf.o`, options)
  const witness = JSON.parse(new TextDecoder().decode(read(objects, `${name}.libbpf.json`))) as Witness

  test('maps', () => {
    const ours = spec.maps.map(map => ({
      name: map.name,
      type: map.type,
      keySize: map.keySize,
      valueSize: map.valueSize,
      maxEntries: map.maxEntries,
      flags: map.flags,
      btfKey: map.btfKey ?? 0,
      btfValue: map.btfValue ?? 0,
      extra: Number(map.extra ?? 0n),
    }))
    expect(ours).toEqual(witness.maps)
  })

  test('programs, instruction by instruction', () => {
    const ours = spec.programs.map(({ name, section, type, expectedAttachType, insns }) => ({
      name,
      section,
      type,
      expectedAttachType,
      insns: slots(insns),
    }))
    expect(ours).toEqual(witness.programs.map(({ funcInfo: _, lineInfo: __, loaded: ___, ...program }) => program))
  })

  test('functions and lines, record by record', () => {
    for (const [i, { loaded, funcInfo, lineInfo }] of witness.programs.entries()) {
      const program = spec.programs[i]!
      expect(program.autoload).toBe(loaded)
      if (!loaded) continue
      expect(toHex(program.funcInfo!)).toBe(funcInfo)
      expect(toHex(program.lineInfo!)).toBe(lineInfo)
    }
  })

  test('types', () => {
    expect(typesOf(parseBtf(spec.btf!))).toEqual(typesOf(parseBtf(fromHex(witness.btf))))
  })
})

describe('the example programs', () => {
  const names = readdirSync(examples).filter(name => name.endsWith('.bpf.o'))
  const records = JSON.parse(new TextDecoder().decode(read(examples, 'objects.json'))) as {
    [name: string]: { source: string; object: string }
  }

  test.each(names)('%s stands for its source, names no machine, and has lines', name => {
    const bytes = read(examples, name)
    const program = name.slice(0, -6)
    const headers = readdirSync(new URL('include', examples)).sort()
    const source = createHash('sha256').update(read(examples, `${program}.bpf.c`))
    for (const header of headers) source.update(read(examples, `include/${header}`))
    expect(records[program]).toMatchObject({
      source: source.digest('hex'),
      object: createHash('sha256').update(bytes).digest('hex'),
    })
    expect(new TextDecoder('latin1').decode(bytes)).not.toMatch(/\0\/(home|root|work|tmp|usr|build)/)

    const spec = load(examples, name)
    expect(spec.programs.map(each => each.name)).toEqual([program])
    expect(spec.license).toBe('GPL')
    const lines = programLines(spec.programs[0]!)!
    for (let insn = 0; insn < spec.programs[0]!.insns.count; insn++) {
      expect(lineAt(lines, insn)?.file).toMatch(/^\.\/(xdp_\w+\.bpf\.c|include\/\w+\.h)$/)
    }
  })

  test('the load balancer has the size of the one in the talk', () => {
    const { insns } = load(examples, 'xdp_lb.bpf.o').programs[0]!
    expect(insns.count).toBeGreaterThan(750)
    expect(insns.count).toBeLessThan(850)
  })
})

describe('maps and data', () => {
  const spec = load(objects, 'link.bpf.o')
  const map = (name: string): ObjectSpec['maps'][number] => spec.maps.find(each => each.name === name)!

  test('inner maps and what stands in slots', () => {
    const index = (name: string): number => spec.maps.findIndex(each => each.name === name)
    expect(map('outer').inner).toMatchObject({ name: 'outer.inner', type: 2, keySize: 4, valueSize: 4, maxEntries: 4 })
    expect(map('outer').slots).toEqual([
      [0, index('inner_one')],
      [2, index('inner_two')],
    ])
    expect(map('programs').slots).toEqual([[1, 'second']])
  })

  test('global data has its bytes; what is read-only is frozen', () => {
    const rodata = map('link.rodata')
    expect(rodata.frozen).toBe(true)
    expect(toHex(rodata.init![0]!.value)).toMatch(/04000000|03000000/)
    expect(map('link.data').frozen).toBeUndefined()
    expect(map('link.bss').init).toBeUndefined()
    expect(map('.data.custom').init![0]!.value).toEqual(Uint8Array.of(4, 0, 0, 0))
  })

  test('license, version, and a section that is not loaded unless asked for', () => {
    expect([spec.license, spec.version]).toEqual(['GPL', 0x60100])
    const program = spec.programs.find(({ name }) => name === 'on_cpu')!
    expect([program.section, program.autoload, program.expectedAttachType]).toEqual(['xdp/cpumap', false, 35])
  })

  test('functions stand behind their program, each once', () => {
    const first = spec.programs.find(({ name }) => name === 'first')!
    expect(first.functions.map(({ name, section }) => `${section}:${name}`)).toEqual([
      'xdp:first',
      '.text:callback',
      '.text:middle',
      '.text:global_function',
      '.text:leaf',
    ])
    let at = 0
    for (const each of first.functions) {
      expect(each.insn).toBe(at)
      at += each.count
    }
    expect(at).toBe(first.insns.count)
  })
})

describe('symbols of a kernel', () => {
  const core = (options: LoadOptions = {}): ObjectSpec => load(objects, 'core.bpf.o', { kernelBtf: kernelBtf(), ...options })
  const kconfig = (spec: ObjectSpec): string => toHex(spec.maps.find(({ name }) => name === 'core.kconfig')!.init![0]!.value)

  test('configuration values fill a read-only map, weak ones are 0', () => {
    expect(kconfig(core())).toBe('001206000000')
    const values = new Map([
      ['CONFIG_BPF', 'y'],
      ['CONFIG_TRISTATE', 'm'],
    ])
    expect(kconfig(core({ kconfig: values, kernelVersion: 0x050a01 }))).toBe('010a0500016d')
    expect(() => core({ kconfig: new Map([['CONFIG_BPF', 'm']]) })).toThrow('CONFIG_BPF is m')
  })

  test('without the kernel’s types, a program that depends on them is refused by name', () => {
    expect(() => load(objects, 'core.bpf.o')).toThrow(/layout of the kernel's struct task\.parent/)
  })

  test('what the kernel has not got cannot be run, the rest can', () => {
    const empty = parseBtf(parseElf(read(objects, 'network.bpf.o')).sections.find(({ name }) => name === '.BTF')!.data)
    const { insns } = core({ kernelBtf: empty }).programs[0]!
    const poisoned = Array.from(insns.code.keys()).filter(i => insns.code[i] === 0x85 && insns.imm[i]! >= POISON)
    expect(poisoned.length).toBeGreaterThan(3)
    expect(insns.imm[0]).toBe(35)
  })

  test('types of the network need no kernel; functions of the kernel are named', () => {
    const [program] = load(objects, 'network.bpf.o').programs
    const [call] = program!.kfuncs!
    expect(call![1]).toBe('bpf_xdp_metadata_rx_hash')
    expect([program!.insns.code[call![0]], program!.insns.src[call![0]]]).toEqual([0x85, 2])
  })
})

test('an object that is changed or cut is loaded or refused with an error of ours', () => {
  const files = [read(objects, 'link.bpf.o'), read(objects, 'core.bpf.o'), read(examples, 'xdp_fw.bpf.o')]
  const change = fc.record({ at: fc.nat(20000), to: fc.integer({ min: 0, max: 255 }) })
  const target = kernelBtf()
  const codes = new Set<string>()
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.option(fc.nat(20000), { freq: 10 }),
      (file, changes, cut) => {
        const bytes = new Uint8Array(file)
        for (const { at, to } of changes) bytes[at % bytes.length] = to
        let programs: readonly ObjectProgram[] = []
        try {
          programs = loadObject(cut === null ? bytes : bytes.subarray(0, cut % bytes.length), { kernelBtf: target }).programs
        } catch (error) {
          if (!(error instanceof NicwrightError)) throw error
          codes.add(error.code)
          expect(error.code).toMatch(/^(elf|btf|object)\//)
        }
        for (const program of programs) {
          try {
            programLines(program)
          } catch (error) {
            expect((error as NicwrightError).code).toBe('btf/bad-lines')
          }
        }
      },
    ),
    { numRuns: 600 },
  )
  expect(codes.has('elf/bad')).toBe(true)
})
