import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { ET_REL, SHT_NOBITS, SHT_PROGBITS, SHT_REL, STB_GLOBAL, STT_OBJECT } from '../elf/constants.ts'
import { parseElf } from '../elf/parse.ts'
import { type NewElf, writeElf } from '../elf/write.ts'
import { NicwrightError } from '../errors.ts'
import { CAPABILITIES_SYMBOL, encodeCapabilities } from '../nfp/capabilities.ts'
import { defaultFirmware, profiles, withOptions } from '../nfp/profiles.ts'
import { command, renderFirmware, renderProfiles } from './device.ts'
import { entries, firmwareBytes, firmwareJson, readFirmware } from './device-firmware.ts'
import { EXIT_DEVICE, EXIT_OK } from './exit.ts'
import { captured } from './io.ts'

const folder = mkdtempSync(join(tmpdir(), 'nicwright-'))
afterAll(() => rmSync(folder, { recursive: true }))
const plain = { style: (_: unknown, text: string) => text, ascii: false } as const

const blob = encodeCapabilities(defaultFirmware.capabilities)

/** A firmware file with the capabilities `gap` bytes into a section. */
function firmware(options: Partial<NewElf> & { gap?: number; value?: number; size?: number; name?: string } = {}): Uint8Array {
  const { gap = 24, value = gap, size = blob.length, name = CAPABILITIES_SYMBOL, ...elf } = options
  const data = new Uint8Array(gap + blob.length + 8)
  data.set(blob, gap)
  return writeElf({
    machine: 0x6000,
    sections: [
      { name: '.text', type: SHT_PROGBITS, flags: 6, data: new Uint8Array(16) },
      { name: '.emem0', type: SHT_PROGBITS, flags: 3, data },
    ],
    symbols: [{ name, value, size, bind: STB_GLOBAL, type: STT_OBJECT, visibility: 0, section: 2 }],
    ...elf,
  })
}

describe('firmware files', () => {
  test('the symbol is found, whatever NFP the file is for', () => {
    for (const machine of [250, 6000, 0x3200, 0x3800, 0x6000, 62]) {
      for (const type of [ET_REL, 2, 0xff02]) {
        const { bytes, source } = firmwareBytes(firmware({ machine, type }))
        expect(bytes).toEqual(blob)
        expect(source).toContain(machine === 62 ? "not known as an NFP's" : 'NFP firmware')
      }
    }
  })

  test('lists of imports, relocations of no section, are passed over', () => {
    const file = firmware({ relocations: new Map([[1, [{ offset: 0, type: 1, symbol: 1, addend: undefined }]]]) })
    const view = new DataView(file.buffer)
    const table = Number(view.getBigUint64(40, true))
    let found = 0
    for (let i = 0; i < view.getUint16(60, true); i++) {
      if (view.getUint32(table + i * 64 + 4, true) !== SHT_REL) continue
      view.setUint32(table + i * 64 + 44, 0, true)
      found++
    }
    expect(found).toBe(1)
    expect(() => parseElf(file)).toThrow(/relocations of section 0/)
    expect(firmwareBytes(file).bytes).toEqual(blob)
  })

  test('without the symbol there are no capabilities, and no error', () => {
    const reading = readFirmware(firmware({ name: '_other' }))
    expect(reading).toMatchObject({ errno: 0, log: [], entries: [] })
    expect(reading.capabilities).toMatchObject({ abiVersion: 2, maps: undefined, random: false })
    expect(readFirmware(firmware({ symbols: [] })).errno).toBe(0)
  })

  test('a symbol outside of its section, without contents, or of an eBPF object is an error', () => {
    const bad = (file: Uint8Array): unknown => {
      try {
        return firmwareBytes(file)
      } catch (error) {
        return error
      }
    }
    expect(bad(firmware({ size: blob.length + 9 }))).toMatchObject({ code: 'firmware/symbol' })
    expect(bad(firmware({ value: 1e9 }))).toMatchObject({ code: 'firmware/symbol' })
    const empty = { name: '.emem0', type: SHT_NOBITS, flags: 3, data: new Uint8Array(0), size: 4096 }
    expect(bad(firmware({ sections: [empty, empty] }))).toMatchObject({ code: 'firmware/symbol' })
    expect(bad(firmware({ machine: 247 }))).toMatchObject({ code: 'firmware/machine' })
  })

  test('raw bytes are taken as the contents of the symbol', () => {
    const { capabilities, errno, entries: list } = readFirmware(blob)
    expect(errno).toBe(0)
    expect(capabilities).toEqual(defaultFirmware.capabilities)
    expect(list.map(entry => entry.type)).toEqual([7, 1, 1, 1, 1, 2, 3, 4, 5, 6])
  })

  test('anything else is read or refused, never a crash', () => {
    const file = firmware()
    const broken = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(file.length).map(length => file.slice(0, length)),
      fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }).map(changes => {
        const copy = file.slice()
        for (const [at, value] of changes) copy[at] = value
        return copy
      }),
    )
    fc.assert(
      fc.property(broken, bytes => {
        try {
          const reading = readFirmware(bytes)
          expect(reading.capabilities === undefined).toBe(reading.errno !== 0)
          expect(renderFirmware('x', reading, { ...plain, width: 80 }).length).toBeGreaterThan(1)
        } catch (error) {
          expect(error).toBeInstanceOf(NicwrightError)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('entries end where the bytes end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        const list = entries(bytes)
        let at = 0
        for (const entry of list) {
          expect(entry.offset).toBe(at)
          at += 8 + entry.length
        }
        for (const entry of list.slice(0, -1)) expect(entry.offset + 8 + entry.length).toBeLessThanOrEqual(bytes.length)
      }),
    )
  })

  test('what is read is what --fw takes', () => {
    for (const { firmware: made } of profiles) {
      const options = firmwareJson(made.capabilities)
      // Whatever it starts from.
      for (const base of profiles) {
        const { helpers, ...rest } = withOptions(base.firmware, options).capabilities
        const { helpers: wanted, ...others } = made.capabilities
        expect(rest).toEqual(others)
        expect([...helpers]).toEqual([...wanted])
      }
    }
  })
})

describe('nicwright device', () => {
  test('capabilities in 80 columns', async () => {
    const path = join(folder, 'fw.nffw')
    writeFileSync(path, firmware())
    const io = captured(80)
    expect(await command.run(['capabilities', path], io)).toBe(EXIT_OK)
    expect(io.stdout()).toContain('160 bytes in section .emem0')
    const text = renderFirmware('fw.nffw', readFirmware(firmware()), { ...plain, width: 80 }).join('\n')
    expect(`${text}\n`).toMatchInlineSnapshot(`
      "fw.nffw: NFP firmware (ELF, machine 0x6000), symbol _abi_bpf_capabilities: 160
        bytes in section .emem0

       offset  entry
            0  7 ABI version        2
           12  1 function           bpf_map_lookup_elem at 0x3000
           28  1 function           bpf_map_update_elem at 0x3100
           44  1 function           bpf_map_delete_elem at 0x3200
           60  1 function           bpf_perf_event_output at 0x3300
           76  2 adjust_head        packet start 48 to 192, sure of -16 +48, flags 0x1
          104  3 maps               hash array; 1024 maps, 16777216 elements, key 64
                                    B, value 64 B, element 128 B
          136  4 random
          144  5 queue select
          152  6 adjust_tail

      what the driver takes from it
        ABI             2
        maps            hash array, 1024 with 16777216 elements, up to 64+64 B, 128 B
                        together
        helpers         bpf_map_lookup_elem bpf_map_update_elem bpf_map_delete_elem
                        bpf_perf_event_output
        adjust_head     yes, packet start from 48 to 192
        adjust_tail     yes
        random          yes
        queue select    yes
        several entries no
      "
    `)
    const fw = captured()
    expect(await command.run(['capabilities', path, '--fw'], fw)).toBe(EXIT_OK)
    expect(JSON.parse(fw.stdout())).toMatchObject({ abi_version: 2, random: true, adjust_head: { off_min: 48 } })
  })

  test('a firmware that the driver refuses: its messages, exit 4', async () => {
    const path = join(folder, 'caps.bin')
    writeFileSync(path, blob.slice(0, 30))
    const io = captured(80)
    expect(await command.run(['capabilities', path], io)).toBe(EXIT_DEVICE)
    expect(io.stderr()).toContain('nfp: BPF capabilities left after parsing, parsed:28 total length:30')
    expect(io.stderr()).toContain('nfp: invalid BPF capabilities at offset:28')
    const renamed = join(folder, 'caps.nffw')
    writeFileSync(renamed, blob)
    await expect(command.run(['capabilities', renamed], io)).rejects.toMatchObject({ code: 'firmware/no-elf' })
  })

  test('profiles fit the width, and say which is the default', async () => {
    for (const width of [60, 80, 120]) {
      const lines = renderProfiles(profiles, { ...plain, width })
      expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(width)
      for (const { name } of profiles) expect(lines.some(line => line.startsWith(`${name} `))).toBe(true)
    }
    const io = captured()
    expect(await command.run(['profiles', '-j'], io)).toBe(EXIT_OK)
    const list: { name: string; default: boolean; board: { engines: number } }[] = JSON.parse(io.stdout()).profiles
    expect(list.filter(p => p.default).map(p => p.name)).toEqual(['upstream'])
    expect(list.find(p => p.name === 'agilio-cx-2x40')?.board.engines).toBe(50)
  })
})
