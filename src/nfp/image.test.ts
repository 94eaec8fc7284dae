import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NicwrightError } from '../errors.ts'
import { crc32 } from './crc.ts'
import { type DeviceImage, missing, ORIGIN, relocations } from './image.ts'
import { decodeImage, encodeImage } from './image-file.ts'
import { RELO } from './insn-table.ts'
import { defaultFirmware } from './profiles.ts'

const u32 = fc.integer({ min: 0, max: 0xffffffff })

const image: fc.Arbitrary<DeviceImage> = fc.integer({ min: 1, max: 40 }).chain(count => {
  const word = fc.integer({ min: 0, max: count - 1 })
  return fc.integer({ min: 0, max: 3 }).chain(lineCount =>
    fc.record({
      name: fc.string({ unit: 'grapheme' }),
      progType: fc.constantFrom('xdp', 'sched_cls'),
      codegen: fc.constantFrom('upstream', 'correct'),
      lo: fc.array(u32, { minLength: count, maxLength: count }).map(all => Uint32Array.from(all)),
      hi: fc
        .array(fc.tuple(fc.integer({ min: 0, max: 0x1fff }), fc.integer({ min: 0, max: 8 })), {
          minLength: count,
          maxLength: count,
        })
        .map(all => Uint32Array.from(all, ([operation, type]) => operation | (type << 24))),
      targets: fc.record({ out: word, abort: word, pushRegs: word, popRegs: word }),
      stackBytes: u32,
      maxPacketOffset: u32,
      maps: fc.array(
        fc.record({
          name: fc.string(),
          type: u32,
          keySize: u32,
          valueSize: u32,
          maxEntries: u32,
          flags: u32,
          id: u32,
          onHost: fc.boolean(),
        }),
        { maxLength: 3 },
      ),
      needs: fc.record({
        helpers: fc.array(u32, { maxLength: 4 }),
        adjustHead: fc.boolean(),
        adjustTail: fc.boolean(),
        random: fc.boolean(),
        queueSelect: fc.boolean(),
      }),
      origin: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: count, maxLength: count }).map(all => Uint8Array.from(all)),
      insn: fc.array(fc.integer({ min: -1, max: 4096 }), { minLength: count, maxLength: count }).map(all => Int32Array.from(all)),
      line: fc
        .array(fc.integer({ min: -1, max: lineCount - 1 }), { minLength: count, maxLength: count })
        .map(all => Int32Array.from(all)),
      lines: fc.array(fc.record({ file: fc.string(), line: u32, column: u32, text: fc.string() }), {
        minLength: lineCount,
        maxLength: lineCount,
      }),
    }),
  )
})

const small: DeviceImage = {
  name: 'drop',
  progType: 'xdp',
  codegen: 'correct',
  lo: Uint32Array.of(0x000c0300, 0xea600803),
  hi: Uint32Array.of(0xf0, 0x020001d8),
  targets: { out: 1, abort: 0, pushRegs: 0, popRegs: 0 },
  stackBytes: 64,
  maxPacketOffset: 13,
  maps: [{ name: 'flows', type: 1, keySize: 4, valueSize: 8, maxEntries: 16, flags: 0, id: 1, onHost: false }],
  needs: { helpers: [1], adjustHead: true, adjustTail: false, random: false, queueSelect: false },
  origin: Uint8Array.of(ORIGIN.PROLOGUE, ORIGIN.INSN),
  insn: Int32Array.of(-1, 1),
  line: Int32Array.of(-1, 0),
  lines: [{ file: 'drop.c', line: 7, column: 9, text: '  return XDP_DROP;' }],
}

/** A file with its length and checksum made right again, so that the inner checks are reached. */
function sealed(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  view.setUint32(12, bytes.length, true)
  view.setUint32(16, 0, true)
  view.setUint32(16, crc32(bytes), true)
  return bytes
}

function refusal(bytes: Uint8Array): NicwrightError {
  try {
    decodeImage(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(NicwrightError)
    return error as NicwrightError
  }
  throw new Error('the image was accepted')
}

describe('image files', () => {
  test('reading gives back what was written', () => {
    fc.assert(
      fc.property(image, wanted => {
        expect(decodeImage(encodeImage(wanted))).toEqual(wanted)
      }),
    )
  })

  test('every truncation is refused', () => {
    const whole = encodeImage(small)
    for (let length = 0; length < whole.length; length++) expect(refusal(whole.subarray(0, length)).code).toBe('nfp/bad-image')
    expect(refusal(Uint8Array.of(...whole, 0)).message).toContain('it was cut or something was added')
  })

  test('every altered byte is refused', () => {
    const whole = encodeImage(small)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const altered = whole.slice()
        altered[at] = altered[at]! ^ flip
        expect(refusal(altered).code).toBe('nfp/bad-image')
      }),
      { numRuns: 500 },
    )
  })

  test('with a matching checksum nonsense is refused or harmless', () => {
    const whole = encodeImage(small)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 20, max: whole.length - 1 }), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 6,
        }),
        changes => {
          const altered = whole.slice()
          for (const [at, value] of changes) altered[at] = value
          try {
            const read = decodeImage(sealed(altered))
            expect(read.hi.length).toBe(read.lo.length)
            for (const target of Object.values(read.targets)) expect(target).toBeLessThan(read.lo.length)
          } catch (error) {
            expect(error).toBeInstanceOf(NicwrightError)
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('says what is wrong', () => {
    expect(refusal(new Uint8Array(100)).message).toContain("doesn't begin as an NFP image")
    const newer = encodeImage(small)
    newer[8] = 2
    expect(refusal(sealed(newer)).message).toContain('version 2 is unknown')
    expect(() => encodeImage({ ...small, targets: { ...small.targets, out: 2 } })).toThrow("target 'out' is word 2 of 2")
    expect(() => encodeImage({ ...small, hi: Uint32Array.of(0xf0, 0x090001d8) })).toThrow(
      'word 1 has the unknown relocation type 9',
    )
    expect(() => encodeImage({ ...small, hi: Uint32Array.of(0x20f0, 0) })).toThrow('word 0 has bits set above the operation')
    expect(() => encodeImage({ ...small, insn: Int32Array.of(0) })).toThrow('2 words but 1 instructions')
    expect(() => encodeImage({ ...small, line: Int32Array.of(0, 1) })).toThrow('word 1 comes from line entry 1 of 1')
  })
})

test('relocations are read off the words', () => {
  expect(relocations(small)).toEqual([{ word: 1, type: RELO.GO_OUT }])
})

test('what the card lacks is listed', () => {
  const { capabilities, maxLength, stackBytes } = defaultFirmware
  const offer = { ...capabilities, adjustHead: true, maxLength, stackBytes }
  expect(missing(small, offer)).toEqual([])
  expect(missing(small, { ...offer, maxLength: 1, stackBytes: 0, helpers: new Map(), adjustHead: false })).toEqual([
    '2 words, the card takes 1',
    '64 bytes of stack, the card has 0',
    "helper 1, the firmware doesn't have it",
    "capability adjustHead, the firmware doesn't have it",
  ])
})

test('the checksum is the well-known one', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
})
