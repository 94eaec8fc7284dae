import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NicwrightError } from '../errors.ts'
import { EM_BPF, SHT_NOBITS, SHT_PROGBITS } from './constants.ts'
import { type ElfRelocation, parseElf } from './parse.ts'
import { type NewElf, writeElf } from './write.ts'

const name = fc.constantFrom('.text', 'xdp', 'maps', '.maps', 'license', 'größe', 'a', '')
const u32 = fc.integer({ min: 0, max: 0xffffffff })

const file: fc.Arbitrary<NewElf> = fc.integer({ min: 1, max: 6 }).chain(count =>
  fc.integer({ min: 0, max: 6 }).chain(symbolCount => {
    const index = fc.integer({ min: 1, max: count })
    const relocation = fc.record({
      offset: u32,
      type: u32,
      symbol: fc.integer({ min: 0, max: symbolCount }),
      addend: fc.constant(undefined),
    })
    const withAddend = fc.record({
      offset: u32,
      type: u32,
      symbol: fc.integer({ min: 0, max: symbolCount }),
      addend: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
    })
    const list: fc.Arbitrary<ElfRelocation[]> = fc.oneof(
      fc.array(relocation, { minLength: 1, maxLength: 4 }),
      fc.array(withAddend, { minLength: 1, maxLength: 4 }),
    )
    return fc.record({
      little: fc.boolean(),
      machine: fc.constantFrom(EM_BPF, 62, 0),
      sections: fc.array(
        fc.oneof(
          fc.record({
            name,
            type: fc.constant(SHT_PROGBITS),
            flags: u32,
            data: fc.uint8Array({ maxLength: 40 }),
            align: fc.constantFrom(1, 8),
          }),
          fc.record({ name, type: fc.constant(SHT_NOBITS), flags: u32, data: fc.constant(new Uint8Array()), size: fc.nat(5000) }),
        ),
        { minLength: count, maxLength: count },
      ),
      symbols: fc.array(
        fc.record({
          name,
          value: fc.nat(),
          size: fc.nat(),
          bind: fc.constantFrom(0, 1, 2),
          type: fc.integer({ min: 0, max: 4 }),
          visibility: fc.integer({ min: 0, max: 3 }),
          section: fc.oneof(index, fc.constantFrom(0, 0xfff1)),
        }),
        { minLength: symbolCount, maxLength: symbolCount },
      ),
      relocations: fc.array(fc.tuple(index, list), { maxLength: 3 }).map(pairs => new Map(pairs)),
    })
  }),
)

test('what is written is parsed again', () => {
  fc.assert(
    fc.property(file, wanted => {
      const elf = parseElf(writeElf(wanted))
      expect([elf.little, elf.machine, elf.type]).toEqual([wanted.little, wanted.machine, 1])
      for (const [i, section] of wanted.sections.entries()) {
        const got = elf.sections[i + 1]!
        expect([got.name, got.type, got.flags]).toEqual([section.name, section.type, section.flags])
        expect(got.size).toBe(section.type === SHT_NOBITS ? section.size : section.data.length)
        expect(Array.from(got.data)).toEqual(Array.from(section.data))
      }
      expect(elf.symbols.slice(1).map(({ index: _, ...symbol }) => symbol)).toEqual(wanted.symbols)
      expect(elf.relocations).toEqual(wanted.relocations)
    }),
  )
})

test('any change and any cut is read in full or refused with elf/bad and an offset', () => {
  const change = fc.record({ at: fc.nat(4000), to: fc.integer({ min: 0, max: 255 }) })
  fc.assert(
    fc.property(file, fc.array(change, { maxLength: 6 }), fc.option(fc.nat(4000)), (wanted, changes, cut) => {
      const bytes = writeElf(wanted)
      for (const { at, to } of changes) bytes[at % bytes.length] = to
      try {
        parseElf(cut === null ? bytes : bytes.subarray(0, cut % bytes.length))
      } catch (error) {
        expect(error).toBeInstanceOf(NicwrightError)
        expect((error as NicwrightError).code).toBe('elf/bad')
        expect((error as NicwrightError).at?.offset).toBeTypeOf('number')
      }
    }),
    { numRuns: 1000 },
  )
})

test('a header that promises more than there is', () => {
  const bytes = writeElf({ machine: EM_BPF, sections: [], symbols: [] })
  const view = new DataView(bytes.buffer)
  view.setUint16(60, 0xfff0, true)
  expect(() => parseElf(bytes)).toThrow(/table of 65520 ELF section headers/)
  expect(() => parseElf(bytes.subarray(0, 30))).toThrow(/ELF header of 64 bytes ends beyond the last byte, 30/)
  expect(() => parseElf(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, ...new Uint8Array(60).fill(1)]))).toThrow('32 bits')
  expect(() => parseElf(new TextEncoder().encode('#include <x>'))).toThrow('not an ELF file')
})
