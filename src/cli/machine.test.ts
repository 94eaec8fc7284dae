// The simulated kernel with a card in it: binding at creation, attach rules, fallback, and what a session keeps.

import { describe, expect, test } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import { EBUSY, EEXIST, EINVAL, ENOENT, EPERM } from '../bpf/errno.ts'
import {
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
} from '../bpf/map-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { place } from '../kernel/fallback.ts'
import { mapEntries } from '../kernel/map.ts'
import type { Extack, XdpMode } from '../kernel/netdev.ts'
import type { LoadedProgram } from '../kernel/program.ts'
import { restore, snapshot } from '../kernel/snapshot.ts'
import { attachXdp } from '../kernel/xdp.ts'
import { type Machine, makeMachine, plug } from './machine.ts'

const program = (text: string, more: Partial<Program> = {}): Program => ({
  name: 'test',
  type: 6,
  expectedAttachType: 0,
  flags: 0,
  license: 'GPL',
  insns: assemble(text),
  ...more,
})
const map = (type: number, more: Partial<MapSpec> = {}): MapSpec => ({
  name: 'm',
  type,
  keySize: 4,
  valueSize: 8,
  maxEntries: 4,
  flags: 0,
  ...more,
})
const PASS = program('r0 = 2\nexit')
const DROP = program('r0 = 1\nexit')
const COUNT = program(
  'r1 = 0\n*(u32 *)(r10 - 4) = r1\nr2 = r10\nr2 += -4\nr1 = map[0] ll\ncall map_lookup_elem\nif r0 == 0 goto out\nr1 = 1\nlock *(u64 *)(r0 + 0) += r1\nout: r0 = 2\nexit',
)
const PACKET = new Uint8Array(60)

function load(machine: Machine, what: Program, bound: boolean): LoadedProgram {
  const result = machine.kernel.load(what, [], bound ? { netdev: machine.netdev } : {})
  if (!result.ok) throw new Error(result.message)
  return result.program
}

function attach(machine: Machine, what: LoadedProgram | undefined, mode: XdpMode, replace = false): [number, string | undefined] {
  const extack: Extack = { message: undefined }
  return [attachXdp(machine.netdev, what, mode, extack, { replace }), extack.message]
}

describe('attaching', () => {
  test('each kind of program goes where it belongs', () => {
    const machine = makeMachine()
    const host = load(machine, PASS, false)
    const bound = load(machine, PASS, true)
    expect(attach(machine, bound, 'driver')).toEqual([-EINVAL, 'Using offloaded program without HW_MODE flag is not supported'])
    expect(attach(machine, bound, 'generic')).toEqual([-EINVAL, undefined])
    expect(attach(machine, host, 'offload')).toEqual([-EINVAL, undefined])
    expect(attach(machine, bound, 'offload')).toEqual([0, undefined])
    expect(attach(machine, host, 'driver')).toEqual([0, undefined])
    expect(attach(machine, host, 'generic')).toEqual([-EEXIST, "Native and generic XDP can't be active at the same time"])
  })

  test('a running program is replaced only when asked for', () => {
    const machine = makeMachine()
    const [first, second] = [load(machine, PASS, true), load(machine, DROP, true)]
    expect(attach(machine, first, 'offload')[0]).toBe(0)
    expect(attach(machine, second, 'offload')).toEqual([-EBUSY, 'XDP program already attached'])
    expect(machine.port.receive(PACKET)?.verdict).toBe(2)
    expect(attach(machine, second, 'offload', true)[0]).toBe(0)
    expect(machine.port.receive(PACKET)?.verdict).toBe(1)
    expect(machine.kernel.unload(second)).toBe(-EPERM)
    expect(attach(machine, undefined, 'offload')[0]).toBe(0)
    expect(machine.port.receive(PACKET)).toBeUndefined()
    expect(machine.kernel.unload(second)).toBe(0)
  })

  test('without live reload a running program stays', () => {
    const machine = makeMachine({ firmware: { live_reload: false } })
    const [first, second] = [load(machine, PASS, true), load(machine, DROP, true)]
    attach(machine, first, 'offload')
    expect(attach(machine, second, 'offload', true)).toEqual([-EBUSY, 'nfp: FW does not support live reload'])
    expect(machine.port.receive(PACKET)?.verdict).toBe(2)
  })

  test('a program that looks beyond the inline part of packets needs a small MTU', () => {
    const far = program(
      'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 1200\nif r4 > r3 goto out\nr0 = *(u8 *)(r2 + 1199)\nout: r0 = 2\nexit',
    )
    const machine = makeMachine({ firmware: { inl_mtu: 16 } })
    const loaded = load(machine, far, true)
    expect(attach(machine, loaded, 'offload')[1]).toContain('beyond HW packet split boundary')
    expect(machine.port.changeMtu(900)).toBe(0)
    expect(attach(machine, loaded, 'offload')[0]).toBe(0)
    expect(machine.port.changeMtu(1000)).toBe(-EBUSY)
  })
})

describe('maps on the card', () => {
  test('what the card does not have is refused, with the line in the kernel log', () => {
    const machine = makeMachine()
    const create = (spec: MapSpec) => machine.kernel.createMap(spec, machine.netdev)
    expect(create(map(BPF_MAP_TYPE_LRU_HASH))).toMatchObject({ ok: false, errno: EINVAL })
    expect(create(map(BPF_MAP_TYPE_HASH, { flags: 1 }))).toMatchObject({
      ok: false,
      errno: EINVAL,
      message: 'NFP net bpf: map flags are not supported',
    })
    expect(create(map(BPF_MAP_TYPE_HASH, { valueSize: 200 }))).toMatchObject({ ok: false, errno: 12 })
    expect(machine.kernel.dmesg).toContain('NFP net bpf: map elements too large: 208, FW max element size (key+value): 128')
  })

  test('elements come and go as on the host', () => {
    const machine = makeMachine({ firmware: { cmsg_multi_ent: true } })
    const made = machine.kernel.createMap(map(BPF_MAP_TYPE_HASH), machine.netdev)
    if (!made.ok) throw new Error(made.message)
    const { ops } = made.map
    const key = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0)
    const value = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0, 0, 0, 0, 1)
    expect(ops.lookup(key(1))).toBe(-ENOENT)
    for (let n = 1; n <= 4; n++) expect(ops.update(key(n), value(n), 1)).toBe(0)
    expect(ops.update(key(1), value(9), 1)).toBe(-EEXIST)
    expect(ops.update(key(5), value(9), 0)).toBeLessThan(0)
    expect(
      mapEntries(made.map)
        .map(([k, v]) => [k[0], v[0]])
        .sort(),
    ).toEqual([1, 2, 3, 4].map(n => [n, n]))
    expect(ops.remove(key(2))).toBe(0)
    expect(ops.remove(key(2))).toBe(-ENOENT)
    expect(mapEntries(made.map).length).toBe(3)
  })

  test('a program on the card takes no host maps but neutral ones, a host program none of the card', () => {
    const machine = makeMachine()
    const { kernel, netdev } = machine
    const onHost = kernel.createMap(map(BPF_MAP_TYPE_ARRAY))
    const onCard = kernel.createMap(map(BPF_MAP_TYPE_ARRAY), netdev)
    const events = kernel.createMap(map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, { valueSize: 4 }))
    if (!onHost.ok || !onCard.ok || !events.ok) throw new Error('maps')
    const refused = kernel.load(COUNT, [onHost.map], { netdev })
    expect(refused).toMatchObject({ ok: false, errno: EINVAL })
    expect(refused.log).toContain('offload device mismatch between prog and map')
    expect(kernel.load(COUNT, [onCard.map])).toMatchObject({ ok: false, errno: EINVAL })
    expect(kernel.load(COUNT, [onCard.map], { netdev }).ok).toBe(true)
    const emit = program(
      'r2 = map[0] ll\nr3 = 0xffffffff ll\nr4 = r10\nr4 += -4\nr5 = 0\n*(u32 *)(r10 - 4) = r5\nr5 = 4\ncall perf_event_output\nr0 = 2\nexit',
    )
    expect(kernel.load(emit, [events.map], { netdev }).ok).toBe(true)
  })
})

describe('fallback', () => {
  test('what the card refuses runs in the driver, with the reason, and leaves nothing behind', () => {
    const machine = makeMachine()
    const clock = program('call ktime_get_ns\nr0 = 2\nexit')
    const placed = place(machine.kernel, clock, [map(BPF_MAP_TYPE_HASH)], machine.netdev, ['offload', 'driver', 'generic'])
    expect(placed).toMatchObject({
      ok: true,
      mode: 'driver',
      refusals: [{ mode: 'offload', stage: 'verify', insn: 0, errno: 95, message: '[nfp] unsupported function id: 5' }],
    })
    expect(machine.kernel.programs.size).toBe(1)
    expect([...machine.kernel.maps.values()].map(m => m.bound)).toEqual([undefined])
  })

  test('what nobody takes is told by each', () => {
    const machine = makeMachine()
    const placed = place(machine.kernel, program('r0 = r5\nexit'), [], machine.netdev, ['offload', 'driver', 'generic'])
    expect(placed).toMatchObject({ ok: false, refusals: [{ mode: 'offload' }, { mode: 'driver' }, { mode: 'generic' }] })
    expect(machine.kernel.programs.size).toBe(0)
  })
})

describe('sessions', () => {
  test('a snapshot restores maps with contents, programs and attachments, and goes on counting', () => {
    const machine = makeMachine({ seed: 7 })
    const placed = place(machine.kernel, COUNT, [map(BPF_MAP_TYPE_ARRAY)], machine.netdev, ['offload'])
    expect(placed.ok).toBe(true)
    for (let i = 0; i < 300; i++) machine.port.receive(PACKET)
    const json = JSON.parse(JSON.stringify(snapshot(machine.kernel, () => machine.options)))
    let port = machine.port
    const kernel = restore(
      json,
      of => {
        port = plug(of, machine.options).port
        return port
      },
      {},
    )
    const [restored] = kernel.maps.values()
    expect(restored?.ops.lookup(new Uint8Array(4))).toEqual(Uint8Array.of(44, 1, 0, 0, 0, 0, 0, 0))
    port.receive(PACKET)
    expect(restored?.ops.lookup(new Uint8Array(4))).toEqual(Uint8Array.of(45, 1, 0, 0, 0, 0, 0, 0))
    expect(JSON.parse(JSON.stringify(snapshot(kernel, () => machine.options))).programs).toEqual(json.programs)
  })

  test.each([
    ['nothing', null],
    ['another version', { version: 99 }],
    ['a part that is missing', { version: 1, netdevs: [], maps: [], programs: [] }],
    [
      'a program that lost its map',
      { version: 1, netdevs: [], maps: [], xdp: [], programs: [{ id: 1, maps: [5], loadedAt: 0, record: { insns: [] } }] },
    ],
  ])('a damaged one is refused: %s', (_, json) => {
    expect(() => restore(json, () => makeMachine().port, {})).toThrow('damaged')
  })
})
