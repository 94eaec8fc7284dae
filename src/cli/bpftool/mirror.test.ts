// The mirrors of bpftool and ip on a machine with a veth pair and a netdevsim device.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { Kernel } from '../../kernel/kernel.ts'
import { restore, snapshot } from '../../kernel/snapshot.ts'
import { runFs } from '../fs.ts'
import { runIp } from '../ip-command.ts'
import { makeNetdevs } from '../session.ts'
import { runBpftool } from './command.ts'
import { grammar, objectNames } from './grammar-table.ts'

const OBJECT = 'examples/xdp_counter.bpf.o'
const files = mkdtempSync(join(tmpdir(), 'mirror-'))
afterAll(() => rmSync(files, { recursive: true }))
writeFileSync(join(files, 'packet'), new Uint8Array(64))

let kernel: Kernel
beforeEach(() => {
  kernel = new Kernel({ cpus: 2, now: () => 1_700_000_000 })
  expect(ip('link add veth0 type veth peer name veth1')).toEqual(['', '', 0])
  expect(fs('write', '/sys/bus/netdevsim/new_device', '0 2')).toEqual(['', '', 0])
})

type Answer = [out: string, err: string, status: number]

function answer(run: (streams: { out(text: string): void; err(text: string): void }) => number): Answer {
  let [out, err] = ['', '']
  const status = run({
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
  })
  return [out, err, status]
}

const bpftool = (line: string, input = ''): Answer => answer(io => runBpftool(kernel, words(line), io, () => input))
const ip = (line: string): Answer => answer(io => runIp(kernel, words(line), io))
const fs = (...args: string[]): Answer => answer(io => runFs(kernel, args, io))
const words = (line: string): string[] => line.split(' ')

describe('objects live as long as something holds them', () => {
  test('a pin holds a program and its maps, an attachment too', () => {
    expect(bpftool(`prog load ${OBJECT} /sys/fs/bpf/p`)).toEqual(['', '', 0])
    expect(kernel.programs.size).toBe(1)
    const maps = kernel.maps.size
    expect(maps).toBeGreaterThan(0)
    expect(ip('link set dev veth0 xdp pinned /sys/fs/bpf/p')).toEqual(['', '', 0])
    fs('rm', '/sys/fs/bpf/p')
    expect([kernel.programs.size, kernel.maps.size]).toEqual([1, maps])
    expect(ip('link set dev veth0 xdp off')).toEqual(['', '', 0])
    expect([kernel.programs.size, kernel.maps.size, kernel.btfs.objects.size]).toEqual([0, 0, 0])
  })

  test('a program array that nobody can reach is emptied', () => {
    bpftool(`prog load ${OBJECT} /sys/fs/bpf/p`)
    bpftool('map create /sys/fs/bpf/a type prog_array key 4 value 4 entries 2 name a')
    expect(bpftool('map update pinned /sys/fs/bpf/a key 0 0 0 0 value pinned /sys/fs/bpf/p')).toEqual(['', '', 0])
    fs('rm', '/sys/fs/bpf/p')
    expect(kernel.programs.size).toBe(1)
    fs('rm', '/sys/fs/bpf/a')
    expect(kernel.programs.size).toBe(0)
  })

  test('a frozen map is read-only for user space, a pinned name is taken once', () => {
    bpftool('map create /sys/fs/bpf/m type hash key 4 value 4 entries 2 name abcdefghijklmnopqrst')
    expect(bpftool('map show pinned /sys/fs/bpf/m')[0]).toContain('name abcdefghijklmno  ')
    expect(bpftool('map pin pinned /sys/fs/bpf/m /sys/fs/bpf/m')).toEqual([
      '',
      "Error: can't pin the object (/sys/fs/bpf/m): File exists\n",
      239,
    ])
    expect(bpftool('map freeze pinned /sys/fs/bpf/m')).toEqual(['', '', 0])
    expect(bpftool('map update pinned /sys/fs/bpf/m key 1 0 0 0 value 1 0 0 0')).toEqual([
      '',
      'Error: update failed: Operation not permitted\n',
      255,
    ])
  })

  test('maps of maps show ids and take maps of the promised form alone', () => {
    bpftool('map create /sys/fs/bpf/i type hash key 4 value 4 entries 2 name i')
    bpftool('map create /sys/fs/bpf/x type hash key 8 value 4 entries 2 name x')
    bpftool('map create /sys/fs/bpf/o type array_of_maps key 4 value 4 entries 2 name o inner_map pinned /sys/fs/bpf/i')
    expect(bpftool('map update pinned /sys/fs/bpf/o key 1 0 0 0 value pinned /sys/fs/bpf/x')[2]).toBe(234)
    expect(bpftool('map update pinned /sys/fs/bpf/o key 1 0 0 0 value pinned /sys/fs/bpf/i')[2]).toBe(0)
    expect(bpftool('map dump pinned /sys/fs/bpf/o')[0]).toBe('key: 01 00 00 00  value: 01 00 00 00\nFound 1 element\n')
  })
})

describe('netdevsim', () => {
  const load = (netdev: string, pin: string): Answer => bpftool(`prog load ${OBJECT} ${pin} dev ${netdev}`)

  test('attach rules, in the words of the driver and of the core', () => {
    fs('write', '/sys/bus/netdevsim/new_device', '1')
    bpftool('map create /sys/fs/bpf/m type hash key 4 value 8 entries 2 name m dev eth0')
    expect(bpftool('map show pinned /sys/fs/bpf/m')[0]).toContain('offloaded_to eth0\n')
    expect(bpftool('map create /sys/fs/bpf/n type hash key 4 value 8 entries 3 name n dev eth0')).toEqual([
      '',
      'Error: map create failed: Cannot allocate memory\n',
      255,
    ])
    writeFileSync(join(files, 'batch'), '# nothing\n')
    bpftool(`prog load examples/xdp_drop.bpf.o /sys/fs/bpf/bound dev eth0`)
    bpftool(`prog load examples/xdp_drop.bpf.o /sys/fs/bpf/host`)
    expect(ip('link set dev eth0 xdpoffload pinned /sys/fs/bpf/host')).toEqual([
      '',
      'Error: netdevsim: xdpoffload of non-bound program.\n',
      2,
    ])
    expect(ip('link set dev eth2 xdpoffload pinned /sys/fs/bpf/bound')[1]).toBe('Error: Program bound to different device.\n')
    expect(ip('link set dev eth0 xdpgeneric pinned /sys/fs/bpf/bound')).toEqual(['', 'RTNETLINK answers: Invalid argument\n', 2])
    expect(ip('link set dev eth1 xdpoffload pinned /sys/fs/bpf/bound')).toEqual(['', '', 0])
    expect(ip('link set dev eth1 xdpdrv pinned /sys/fs/bpf/host')).toEqual(['', '', 0])
    expect(ip('link show dev eth1')[0]).toContain(' xdpmulti ')
    expect(ip('link set dev eth1 xdp off')).toEqual(['', 'Error: More than one program loaded, unset mode is ambiguous.\n', 2])
    expect(ip('link set dev eth1 mtu 9000')).toEqual(['', 'RTNETLINK answers: Device or resource busy\n', 2])
    expect(ip('link set dev eth1 xdpdrv off')).toEqual(['', '', 0])
    expect(ip('link set dev eth1 mtu 9000')).toEqual(['', '', 0])
    expect(ip('link set dev eth1 xdpdrv pinned /sys/fs/bpf/host')[1]).toBe('Error: netdevsim: MTU too large w/ XDP enabled.\n')
  })

  test('each switch refuses what it is about', () => {
    const debug = '/sys/kernel/debug/netdevsim/netdevsim0'
    const drop = 'examples/xdp_drop.bpf.o'
    fs('write', `${debug}/bpf_bind_accept`, 'N')
    expect(fs('cat', `${debug}/bpf_bind_accept`)).toEqual(['N\n', '', 0])
    expect(bpftool(`prog load ${drop} /sys/fs/bpf/x dev eth0`)[1]).toContain('BPF program load failed: Operation not supported')
    fs('write', `${debug}/bpf_bind_accept`, 'Y')
    fs('write', `${debug}/bpf_bind_verifier_accept`, '0')
    expect(bpftool(`prog load ${drop} /sys/fs/bpf/x dev eth0`)[1]).toContain('[netdevsim] Hello from netdevsim!\nprocessed')
    fs('write', `${debug}/bpf_bind_verifier_accept`, '1')
    expect(bpftool(`prog load ${drop} /sys/fs/bpf/x dev eth0`)).toEqual(['', '', 0])
    fs('write', `${debug}/ports/0/bpf_xdpoffload_accept`, 'N')
    expect(ip('link set dev eth0 xdpoffload pinned /sys/fs/bpf/x')[1]).toBe(
      'Error: netdevsim: XDP offload disabled in DebugFS.\n',
    )
    expect(ip('link set dev eth1 xdpoffload pinned /sys/fs/bpf/x')).toEqual(['', '', 0])
    fs('write', `${debug}/ports/0/bpf_map_accept`, 'N')
    expect(bpftool('map create /sys/fs/bpf/m type hash key 4 value 8 entries 2 name m dev eth0')[1]).toBe(
      'Error: map create failed: Operation not supported\n',
    )
    expect(load('eth0', '/sys/fs/bpf/y')[2]).toBe(255)
  })
})

test('a veth end with XDP limits what the other may send', () => {
  bpftool('prog load examples/xdp_drop.bpf.o /sys/fs/bpf/p')
  ip('link set veth1 mtu 5000')
  expect(ip('link set dev veth0 xdpdrv pinned /sys/fs/bpf/p')).toEqual([
    '',
    'Error: veth: Peer MTU is too large to set XDP.\n',
    2,
  ])
  ip('link set veth1 mtu 1500')
  expect(ip('link set dev veth0 xdpdrv pinned /sys/fs/bpf/p')).toEqual(['', '', 0])
  expect(ip('link set veth1 mtu 3507')).toEqual(['', 'Error: mtu greater than device maximum.\n', 2])
  expect(ip('link set veth1 mtu 3506')).toEqual(['', '', 0])
  expect(ip('link set dev veth0 xdpgeneric pinned /sys/fs/bpf/p')[1]).toBe(
    "Error: Native and generic XDP can't be active at the same time.\n",
  )
})

test('a batch stops at the first command that fails', () => {
  const [out, err, status] = bpftool('batch file -', 'map show # none\nprog show id 9\nversion\n')
  expect([out, err, status]).toEqual(['', 'Error: get by id (9): No such file or directory\n', 255])
  expect(bpftool('-j batch file -', 'map show\nprog show id 9\n')[0]).toBe(
    '[{"command":["map","show"],"output":[]},{"command":["prog","show","id","9"],"output":{"error":"get by id (9): No such file or directory"}}]\n',
  )
})

test('everything comes back from a snapshot, and what is damaged is refused', () => {
  bpftool(`prog load ${OBJECT} /sys/fs/bpf/p pinmaps /sys/fs/bpf/maps`)
  bpftool('prog load examples/xdp_drop.bpf.o /sys/fs/bpf/bound dev eth0')
  ip('link set dev eth1 xdpoffload pinned /sys/fs/bpf/bound')
  ip('link set dev veth0 up xdpgeneric pinned /sys/fs/bpf/p')
  bpftool('map create /sys/fs/bpf/i type hash key 4 value 4 entries 2 name i')
  bpftool('map create /sys/fs/bpf/o type array_of_maps key 4 value 4 entries 2 name o inner_map pinned /sys/fs/bpf/i')
  bpftool('map update pinned /sys/fs/bpf/o key 1 0 0 0 value pinned /sys/fs/bpf/i')
  bpftool('map create /sys/fs/bpf/a type prog_array key 4 value 4 entries 2 name a')
  bpftool('map update pinned /sys/fs/bpf/a key 0 0 0 0 value pinned /sys/fs/bpf/p')
  bpftool('map freeze pinned /sys/fs/bpf/i')
  for (const type of ['queue', 'stack']) {
    bpftool(`map create /sys/fs/bpf/${type} type ${type} value 4 entries 4 name ${type}`)
    for (const n of [1, 2, 3]) bpftool(`map push pinned /sys/fs/bpf/${type} value ${n} 0 0 0`)
  }
  bpftool(`prog run pinned /sys/fs/bpf/p data_in ${join(files, 'packet')} repeat 3`)
  const text = JSON.stringify(snapshot(kernel, () => ({})))
  const again = restore(JSON.parse(text), makeNetdevs(), {})
  expect(JSON.parse(JSON.stringify(snapshot(again, () => ({}))))).toEqual(JSON.parse(text))
  const shown = (which: Kernel): Answer[] =>
    ['-f prog show', '-f map show', 'net show', 'btf show'].map(line => answer(io => runBpftool(which, words(line), io)))
  expect(shown(again)).toEqual(shown(kernel))

  expect(answer(io => runBpftool(again, words('map pop pinned /sys/fs/bpf/queue'), io))[0]).toBe('value: 01 00 00 00\n')
  expect(answer(io => runBpftool(again, words('map pop pinned /sys/fs/bpf/stack'), io))[0]).toBe('value: 03 00 00 00\n')

  fc.assert(
    fc.property(fc.nat(), fc.constantFrom<unknown>(null, -1, 7, 'x', [], {}), (at, value) => {
      const json = JSON.parse(text) as unknown
      damage(json, at, value)
      try {
        restore(json, makeNetdevs(), {})
      } catch (error) {
        expect((error as { code?: string }).code, (error as Error).stack ?? '').toMatch(/^[a-z]+\//)
      }
    }),
    { numRuns: 150 },
  )
})

/** Puts a value into the n-th place of a tree. */
function damage(json: unknown, n: number, value: unknown): void {
  const places: [Record<string, unknown>, string][] = []
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    for (const name of Object.keys(node)) {
      places.push([node as Record<string, unknown>, name])
      visit((node as Record<string, unknown>)[name])
    }
  }
  visit(json)
  const [node, name] = places[n % places.length] ?? []
  if (node !== undefined && name !== undefined) node[name] = value
}

test('any words give an answer', () => {
  bpftool(`prog load ${OBJECT} /sys/fs/bpf/p pinmaps /sys/fs/bpf/maps`)
  const known = [
    ...objectNames,
    ...Object.values(grammar).flatMap(entries => entries.map(entry => entry.name)),
    ...words(
      'id 1 2 tag name pinned /sys/fs/bpf/p /sys/fs/bpf/maps/x key value hex 0 0 0 0 dev eth0 xdp xdpgeneric type hash entries 4',
    ),
    ...words(
      '-j -p -d -f -n -l --js --pretty -x any exist file opcodes linum xlated jited format c raw kv all help_ids prog_types overwrite',
    ),
    OBJECT,
    'data_in',
    join(files, 'packet'),
  ].filter(word => word !== 'tracelog')
  const word = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...known) },
    { weight: 1, arbitrary: fc.string({ maxLength: 6 }) },
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 10 }), fc.boolean(), (list, link) => {
      const args = link ? ['link', ...list.map(w => (w === 'data_in' ? 'set' : w))] : list
      const [out, err, status] = answer(io => (link ? runIp(kernel, args, io) : runBpftool(kernel, args, io, () => '')))
      expect(status).toBeGreaterThanOrEqual(0)
      expect(status).toBeLessThan(256)
      if (status !== 0 && !link) expect(out + err).not.toMatch(/undefined|\[object/)
    }),
    { numRuns: 400 },
  )
})
