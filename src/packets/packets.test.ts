import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../bytes/hex.ts'
import { NicwrightError } from '../errors.ts'
import { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from './address.ts'
import { buildPacket } from './build.ts'
import { type Capture, type CapturedPacket, packetAt } from './capture.ts'
import { internetChecksum } from './checksum.ts'
import { dissect } from './dissect.ts'
import { writePcap } from './pcap.ts'
import { writePcapng } from './pcapng.ts'
import { newRandom } from './random.ts'
import { readCapture } from './read.ts'
import { scenario, scenarioNames } from './scenarios.ts'

const packet: fc.Arbitrary<CapturedPacket> = fc
  .record({
    data: fc.uint8Array({ maxLength: 80 }),
    seconds: fc.integer({ min: 0, max: 0xffffffff }),
    nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
    more: fc.nat(2000),
  })
  .map(({ data, seconds, nanoseconds, more }) => ({
    data,
    seconds,
    nanoseconds,
    originalBytes: data.length + more,
    interface: 0,
  }))

const told = fc.record({
  comment: fc.option(fc.string({ maxLength: 20 }), { nil: undefined }),
  verdict: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
  queue: fc.option(fc.nat(63), { nil: undefined }),
})

function plain(capture: Capture): unknown {
  return { interfaces: capture.interfaces, packets: capture.packets.map(each => ({ ...each, data: toHex(each.data) })) }
}

describe('captures', () => {
  test('pcap: what is written is read again, in both byte orders and resolutions', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 6 }), fc.boolean(), fc.boolean(), (packets, little, nano) => {
        const capture: Capture = { interfaces: [{ linkType: 1 }], packets }
        const read = readCapture(writePcap(capture, { little, nano }))
        const rounded = packets.map(each => ({
          ...each,
          nanoseconds: nano ? each.nanoseconds : Math.floor(each.nanoseconds / 1000) * 1000,
        }))
        expect(plain(read)).toEqual(plain({ ...capture, packets: rounded }))
      }),
    )
  })

  test('pcapng: what is written is read again, with interfaces, comments, verdicts and queues', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(packet, told, fc.boolean()), { maxLength: 6 }), fc.boolean(), (rows, little) => {
        const packets = rows.map(([each, { comment, verdict, queue }, second]) => ({
          ...each,
          interface: second ? 1 : 0,
          ...(comment === undefined ? {} : { comment }),
          ...(verdict === undefined ? {} : { verdict }),
          ...(queue === undefined ? {} : { queue }),
        }))
        const capture: Capture = { interfaces: [{ linkType: 1, name: 'nic0' }, { linkType: 1 }], packets }
        expect(plain(readCapture(writePcapng(capture, { little })))).toEqual(plain(capture))
      }),
    )
  })

  test('a file that is cut or changed is read or refused with pcap/bad and an offset', () => {
    const change = fc.record({ at: fc.nat(500), to: fc.integer({ min: 0, max: 255 }) })
    fc.assert(
      fc.property(
        fc.array(packet, { maxLength: 4 }),
        fc.boolean(),
        fc.array(change, { maxLength: 4 }),
        fc.option(fc.nat(500)),
        (packets, ng, changes, cut) => {
          const capture: Capture = { interfaces: [{ linkType: 1 }], packets }
          const bytes = ng ? writePcapng(capture) : writePcap(capture)
          for (const { at, to } of changes) bytes[at % bytes.length] = to
          try {
            readCapture(cut === null ? bytes : bytes.subarray(0, cut % bytes.length))
          } catch (error) {
            expect(error).toBeInstanceOf(NicwrightError)
            expect((error as NicwrightError).code).toBe('pcap/bad')
            expect((error as NicwrightError).at?.offset).toBeTypeOf('number')
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  test('a capture that ends inside a packet says where', () => {
    const bytes = writePcap({
      interfaces: [{ linkType: 1 }],
      packets: [packetAt(new Uint8Array(60)), packetAt(new Uint8Array(60))],
    })
    expect(() => readCapture(bytes.subarray(0, bytes.length - 1))).toThrow(
      'packet 2 of 60 bytes ends beyond the last byte, 175 (at byte 116)',
    )
    expect(() => readCapture(new TextEncoder().encode('GIF89a'))).toThrow('neither a pcap nor a pcapng file')
  })

  test('pcapng times of other resolutions', () => {
    const at = { data: new Uint8Array(4), seconds: 5, nanoseconds: 500_000_000, originalBytes: 4, interface: 0 }
    const bytes = writePcapng({ interfaces: [{ linkType: 1 }], packets: [at] })
    // The option of the resolution, 9 for nanoseconds, becomes 2^-29 seconds: about 1.86 times as long.
    const where = toHex(bytes).indexOf('0900010009000000') / 2
    bytes[where + 4] = 0x80 | 29
    const read = readCapture(bytes).packets[0]!
    const units = 5_500_000_000n
    expect(BigInt(read.seconds) * 1_000_000_000n + BigInt(read.nanoseconds)).toBe((units * 1_000_000_000n) >> 29n)
  })
})

describe('addresses', () => {
  test('text and bytes, both ways', () => {
    const bytes = (count: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: count, maxLength: count })
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map(all => Uint8Array.from(all))
    fc.assert(fc.property(bytes(6), mac => toHex(parseMac(formatMac(mac))) === toHex(mac)))
    fc.assert(fc.property(bytes(4), ip => toHex(parseIpv4(formatIpv4(ip))) === toHex(ip)))
    fc.assert(fc.property(fc.oneof(bytes(16), sparse), ip => toHex(parseIpv6(formatIpv6(ip))) === toHex(ip)))
  })

  test('as RFC 5952 writes them', () => {
    expect(formatIpv6(parseIpv6('2001:DB8:0:0:1:0:0:1'))).toBe('2001:db8::1:0:0:1')
    expect(formatIpv6(parseIpv6('2001:db8:0:1:1:1:1:1'))).toBe('2001:db8:0:1:1:1:1:1')
    expect(formatIpv6(parseIpv6('::ffff:192.0.2.1'))).toBe('::ffff:c000:201')
    expect(formatIpv6(new Uint8Array(16))).toBe('::')
    for (const bad of ['1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', 'g::', '12345::', ':1:2:3:4:5:6:7']) {
      expect(() => parseIpv6(bad), bad).toThrow(NicwrightError)
    }
    for (const bad of ['1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5']) expect(() => parseIpv4(bad), bad).toThrow(NicwrightError)
  })
})

describe('packets', () => {
  test('the example of RFC 1071, and odd lengths', () => {
    expect(internetChecksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(~0xddf2 & 0xffff)
    expect(internetChecksum(Uint8Array.of(0x12))).toBe(~0x1200 & 0xffff)
  })

  test('headers say what follows, with checksums that add up', () => {
    const built = buildPacket(
      [
        { kind: 'eth', src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' },
        { kind: 'vlan', id: 100 },
        { kind: 'ipv4', src: '10.0.0.1', dst: '10.0.0.2', options: Uint8Array.of(1, 1) },
        { kind: 'ipv6', src: '2001:db8::1', dst: '2001:db8::2' },
        { kind: 'udp', srcPort: 1000, dstPort: 53 },
      ],
      Uint8Array.of(1, 2, 3),
    )
    const { layers, summary } = dissect(built)
    expect(layers.map(layer => layer.kind)).toEqual(['eth', 'vlan', 'ipv4', 'ipv6', 'udp', 'data'])
    expect(
      layers.flatMap(layer => layer.fields.filter(({ name }) => name === 'checksum').map(({ value }) => value.slice(7))),
    ).toEqual(['(right)', '(right)'])
    expect(summary).toBe('10.0.0.1 > 10.0.0.2 | [2001:db8::1]:1000 > [2001:db8::2]:53 UDP 3 bytes')
  })

  test('layers follow each other without gaps, and fields lie in their layer, for any bytes', () => {
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc
        .tuple(fc.constantFrom(...scenarioNames), fc.nat(31), fc.array(fc.tuple(fc.nat(119), fc.nat(255)), { maxLength: 3 }))
        .map(([name, index, changes]) => {
          const data = scenario(name, { packets: 32 })![index]!.data.slice()
          for (const [at, to] of changes) data[at % data.length] = to
          return data
        }),
    )
    fc.assert(
      fc.property(frame, data => {
        let at = 0
        for (const layer of dissect(data).layers) {
          expect(layer.start).toBe(at)
          expect(layer.end).toBeGreaterThanOrEqual(layer.start)
          expect(layer.end).toBeLessThanOrEqual(data.length)
          for (const field of layer.fields) {
            expect(field.start).toBeGreaterThanOrEqual(layer.start)
            expect(field.end).toBeLessThanOrEqual(layer.end)
            expect(field.start).toBeLessThan(field.end)
          }
          at = layer.end
        }
      }),
      { numRuns: 500 },
    )
  })

  test('what breaks off is told', () => {
    const whole = scenario('xdp_drop', { packets: 1 })![0]!.data
    expect(dissect(whole.subarray(0, 20)).layers.at(-1)).toMatchObject({ kind: 'truncated', start: 14, end: 20 })
    expect(dissect(new Uint8Array(0)).layers).toMatchObject([{ kind: 'truncated' }])
  })
})

describe('traffic', () => {
  test('random numbers are the same for the same seed, and spread', () => {
    const [a, b, c] = [newRandom(7), newRandom(7), newRandom(8)]
    const first = Array.from({ length: 50 }, () => a.u32())
    expect(Array.from({ length: 50 }, () => b.u32())).toEqual(first)
    expect(Array.from({ length: 50 }, () => c.u32())).not.toEqual(first)
    const counts = new Array<number>(8).fill(0)
    for (let i = 0; i < 8000; i++) counts[a.below(8)]!++
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  test.each(scenarioNames)('%s: the committed capture is what the generator makes', name => {
    const committed = readFileSync(new URL(`../../examples/${name}.pcap`, import.meta.url))
    const made = writePcap({ interfaces: [{ linkType: 1 }], packets: scenario(name)! })
    expect(Buffer.compare(committed, made)).toBe(0)
  })
})

const TSHARK = 'tshark'
const tshark = spawnSync(TSHARK, ['--version']).status === 0

describe.skipIf(!tshark)('tshark as a witness (skipped where it is not installed)', () => {
  const inFile = <T>(bytes: Uint8Array, use: (path: string) => T): T => {
    const folder = mkdtempSync(join(tmpdir(), 'nicwright-'))
    try {
      const path = join(folder, 'capture')
      writeFileSync(path, bytes)
      return use(path)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  const ask = (path: string, ...args: string[]): string[] =>
    execFileSync(TSHARK, ['-r', path, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')
      .filter(line => line !== '')

  test('it reads both formats as we do', () => {
    const packets = scenario('xdp_parser', { packets: 40 })!
    const capture: Capture = { interfaces: [{ linkType: 1 }], packets }
    for (const bytes of [
      writePcap(capture),
      writePcap(capture, { little: false }),
      writePcapng(capture),
      writePcapng(capture, { little: false }),
    ]) {
      const rows = inFile(bytes, path => ask(path, '-T', 'fields', '-e', 'frame.len', '-e', 'frame.time_relative'))
      expect(rows).toEqual(packets.map((each, i) => `${each.data.length}\t${(i / 100_000).toFixed(9)}`))
    }
  }, 30_000)

  test('it sees the same addresses, ports and protocols, and no wrong checksum that was not meant', () => {
    const packets = scenario('xdp_lb', { packets: 120 })!
    const fields = [
      'ip.src',
      'ipv6.src',
      'tcp.dstport',
      'udp.dstport',
      'ip.checksum.status',
      'tcp.checksum.status',
      'udp.checksum.status',
      'icmp.checksum.status',
    ]
    const checks = [
      'ip.check_checksum:TRUE',
      'tcp.check_checksum:TRUE',
      'udp.check_checksum:TRUE',
      'tcp.desegment_tcp_streams:FALSE',
    ]
    const rows = inFile(writePcap({ interfaces: [{ linkType: 1 }], packets }), path =>
      ask(
        path,
        ...checks.flatMap(check => ['-o', check]),
        '-T',
        'fields',
        '-E',
        'occurrence=f',
        ...fields.flatMap(field => ['-e', field]),
      ),
    )
    let compared = 0
    for (const [i, row] of rows.entries()) {
      const [ip4, ip6, tcp, udp, ...status] = row.split('\t')
      const { layers } = dissect(packets[i]!.data)
      const find = (kind: string): (typeof layers)[number] | undefined => layers.find(layer => layer.kind === kind)
      // The headers of the broken ones are theirs to judge.
      if (
        find('truncated') !== undefined ||
        layers.some(layer => layer.title.startsWith('not IP') || layer.title.startsWith('broken'))
      )
        continue
      // Behind an ICMP error tshark goes on into the packet that it is about.
      if (find('icmp') === undefined && find('icmpv6') === undefined) {
        expect([ip4, ip6], `packet ${i}`).toEqual([find('ipv4')?.src ?? '', find('ipv6')?.src ?? ''])
        // tshark keeps silent about ports where it waits for further fragments.
        if (tcp !== '') expect(tcp, `packet ${i}`).toBe(String(find('tcp')?.dstPort))
        if (udp !== '') expect(udp, `packet ${i}`).toBe(String(find('udp')?.dstPort))
        if (tcp === '' && udp === '') continue
        compared++
      }
      expect(status, `packet ${i}`).not.toContain('0')
    }
    expect(compared).toBeGreaterThan(80)
  }, 30_000)
})
