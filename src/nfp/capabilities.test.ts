import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Writer } from '../bytes/writer.ts'
import { type Capabilities, encodeCapabilities, noCapabilities, parseCapabilities } from './capabilities.ts'
import { boards, defaultFirmware, defaultProfile, profileNamed, profiles, withOptions, workers } from './profiles.ts'

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const byte = fc.integer({ min: 0, max: 255 })

const capabilities: fc.Arbitrary<Capabilities> = fc.record({
  abiVersion: fc.constantFrom(2, 3),
  helpers: fc
    .uniqueArray(fc.constantFrom(1, 2, 3, 25))
    .chain(ids => fc.tuple(...ids.map(id => u32.map(a => [id, a] as const))).map(all => new Map(all))),
  adjustHead: fc.option(
    fc.record({ flags: u32, offMin: byte, offMax: byte, guaranteedSub: u32, guaranteedAdd: u32 }).map(head => ({
      ...head,
      offMin: Math.min(head.offMin, head.offMax),
      offMax: Math.max(head.offMin, head.offMax),
    })),
    { nil: undefined },
  ),
  maps: fc.option(fc.record({ types: u32, maxMaps: u32, maxElems: u32, maxKeySize: u32, maxValueSize: u32, maxElemSize: u32 }), {
    nil: undefined,
  }),
  random: fc.boolean(),
  queueSelect: fc.boolean(),
  adjustTail: fc.boolean(),
  multipleEntries: fc.boolean(),
})

/** Entries of (type, words). */
function blob(...entries: readonly (readonly number[])[]): Uint8Array {
  const out = new Writer()
  for (const [type, ...words] of entries) {
    out.u32(type ?? 0).u32(words.length * 4)
    for (const word of words) out.u32(word)
  }
  return out.finish()
}

describe('capability bytes', () => {
  test('parsing gives back what was encoded', () => {
    fc.assert(
      fc.property(capabilities, wanted => {
        expect(parseCapabilities(encodeCapabilities(wanted))).toEqual({ capabilities: wanted, errno: 0, log: [] })
      }),
    )
  })

  test('any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        const { capabilities: read, errno, log } = parseCapabilities(bytes)
        expect(errno === 0).toBe(read !== undefined)
        if (errno !== 0) expect(log.length).toBeGreaterThan(0)
      }),
    )
  })

  test('every truncation within an entry is refused', () => {
    const whole = encodeCapabilities(defaultFirmware.capabilities)
    const ends = new Set<number>()
    for (let at = 0; at < whole.length; at += 8 + new DataView(whole.buffer).getUint32(at + 4, true)) ends.add(at)
    for (let length = 0; length < whole.length; length++) {
      expect(parseCapabilities(whole.subarray(0, length)).errno).toBe(ends.has(length) && length > 0 ? 0 : 22)
    }
  })

  test('a firmware without the symbol has no capabilities', () => {
    expect(parseCapabilities(undefined)).toEqual({ capabilities: noCapabilities, errno: 0, log: [] })
  })

  const refused: readonly (readonly [Uint8Array, readonly string[]])[] = [
    [blob([1, 5]), ['truncated function TLV: 4', 'invalid BPF capabilities at offset:12']],
    [blob([2, 0, 0, 0, 0]), ['truncated adjust_head TLV: 16', 'invalid BPF capabilities at offset:24']],
    [blob([2, 0, 9, 8, 0, 0]), ['invalid adjust_head TLV: min > max', 'invalid BPF capabilities at offset:28']],
    [blob([3, 0, 0, 0, 0, 0]), ['truncated maps TLV: 20', 'invalid BPF capabilities at offset:28']],
    [blob([7]), ['truncated ABI version TLV: 0', 'invalid BPF capabilities at offset:8']],
    [
      Uint8Array.of(...blob([4]), 1, 2, 3),
      ['BPF capabilities left after parsing, parsed:8 total length:11', 'invalid BPF capabilities at offset:8'],
    ],
    [
      blob([4], [5]).slice(0, 12),
      ['BPF capabilities left after parsing, parsed:8 total length:12', 'invalid BPF capabilities at offset:8'],
    ],
    [Uint8Array.of(4, 0, 0, 0, 200, 0, 0, 0), ['invalid BPF capabilities at offset:208']],
  ]
  test.each(refused)('refusal %#', (bytes, log) => {
    expect(parseCapabilities(bytes)).toEqual({ capabilities: undefined, errno: 22, log })
  })

  test('what the driver can live with is only mentioned', () => {
    const { capabilities: read, log } = parseCapabilities(blob([2, 1, 0, 256, 1, 1], [7, 4], [99, 1, 2], [1, 77, 5]))
    expect(read).toEqual({ ...noCapabilities, abiVersion: 0 })
    expect(log).toEqual([
      'disabling adjust_head - driver expects min/max to fit in as immediates',
      'unsupported BPF ABI version: 4',
    ])
  })
})

describe('profiles', () => {
  test('each firmware is one that the driver accepts', () => {
    for (const { firmware } of profiles) {
      expect(parseCapabilities(encodeCapabilities(firmware.capabilities))).toEqual({
        capabilities: firmware.capabilities,
        errno: 0,
        log: [],
      })
      expect(firmware.start + firmware.maxLength).toBeLessThanOrEqual(0x4000)
    }
  })

  test('names are unique and lead to their profile', () => {
    expect(new Set(profiles.map(({ name }) => name)).size).toBe(profiles.length)
    for (const profile of profiles) expect(profileNamed(profile.name)).toBe(profile)
    expect(defaultProfile.name).toBe('upstream')
    expect(() => profileNamed('agilio')).toThrow("there is no profile 'agilio'")
  })

  test('boards run as many packet engines as the sources count', () => {
    expect(boards.map(workers)).toEqual([50, 50, 50, 50, 80])
  })

  test('options change what they name, and nothing else', () => {
    const changed = withOptions(defaultFirmware, {
      stack_sz: 16,
      maps: { max_val_sz: 512 },
      adjust_head: null,
      random: false,
      helpers: { '1': 8191 },
    })
    expect(changed).toEqual({
      ...defaultFirmware,
      stackBytes: 1024,
      capabilities: {
        ...defaultFirmware.capabilities,
        adjustHead: undefined,
        random: false,
        helpers: new Map([[1, 8191]]),
        maps: { ...defaultFirmware.capabilities.maps, maxValueSize: 512 },
      },
    })
    expect(withOptions(defaultFirmware, {})).toEqual(defaultFirmware)
    expect(
      withOptions(defaultFirmware, { inl_mtu: 16, mtu: 900, max_len: 300, start: 1, done: 2, tid_base: 3, live_reload: false }),
    ).toEqual({
      ...defaultFirmware,
      inlineMtuBytes: 1024,
      mtu: 900,
      maxLength: 300,
      start: 1,
      done: 2,
      firstMap: 3,
      liveReload: false,
    })
    expect(withOptions(defaultFirmware, { abi_version: 3 })).toEqual({
      ...defaultFirmware,
      abiVersion: 3,
      capabilities: { ...defaultFirmware.capabilities, abiVersion: 3 },
    })
  })

  test.each([
    [{ stak_sz: 1 }, "firmware option 'stak_sz': there is no such option"],
    [{ stack_sz: 256 }, "firmware option 'stack_sz': is a whole number from 0 to 255"],
    [{ max_len: '5' }, "firmware option 'max_len'"],
    [{ maps: { max_val: 1 } }, "firmware option 'maps.max_val': there is no such option"],
    [{ maps: 5 }, "firmware option 'maps': is an object"],
    [{ helpers: { x: 1 } }, "firmware option 'helpers.x': is no helper number"],
    [{ random: 1 }, "firmware option 'random': is true or false"],
  ])('%j', (options, message) => {
    expect(() => withOptions(defaultFirmware, options)).toThrow(message)
  })
})
