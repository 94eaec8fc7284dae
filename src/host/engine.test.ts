// What the engine promises beyond single instructions: faults instead of bad accesses, bounded runs, calls, helpers, maps that last.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import { newInsns } from '../bpf/insns.ts'
import * as T from '../bpf/map-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { fromHex, toHex } from '../bytes/hex.ts'
import { encodeText } from '../bytes/writer.ts'
import { NicwrightError } from '../errors.ts'
import { type BpfMap, createMap, newMemory, RingMap } from '../maps/index.ts'
import type { DeviceHooks } from '../verifier/device.ts'
import { verify } from '../verifier/verify.ts'
import { Engine, type EngineOptions, Interpreter, type Run } from './engine.ts'

const memory = newMemory()
const XDP = 6
const TC = 3

function program(text: string, type = XDP): Program {
  return { name: 'test', type, expectedAttachType: 0, flags: 0, license: 'GPL', insns: assemble(text) }
}

function run(text: string, options: EngineOptions & { maps?: BpfMap[]; packet?: Uint8Array; type?: number } = {}): Run {
  const engine = new Interpreter(program(text, options.type), options.maps ?? [], { memory, budget: 100_000, ...options })
  const result = engine.run(options.packet ?? Uint8Array.from({ length: 64 }, (_, i) => i))
  engine.free()
  return result
}

function map(type: number, more: Partial<MapSpec> = {}): BpfMap {
  return createMap(memory, { name: 'm', type, keySize: 4, valueSize: 8, maxEntries: 4, flags: 0, ...more }, { cpus: 2 })
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

describe('faults', () => {
  const cases: [name: string, text: string, insn: number][] = [
    ['before the packet', 'r1 = *(u32 *)(r1 + 0)\nr0 = *(u8 *)(r1 - 1)\nexit', 1],
    ['behind the packet', 'r1 = *(u32 *)(r1 + 4)\nr0 = *(u8 *)(r1 - 1)\nr0 = *(u8 *)(r1 + 0)\nexit', 2],
    ['across the end of the packet', 'r1 = *(u32 *)(r1 + 4)\nr0 = *(u32 *)(r1 - 3)\nexit', 1],
    ['below the stack', 'r0 = 0\n*(u64 *)(r10 - 520) = r0\nexit', 1],
    ['above the stack', 'r0 = *(u64 *)(r10 + 0)\nexit', 0],
    ['null', 'r1 = 0\nr0 = *(u32 *)(r1 + 0)\nexit', 1],
    ['a high address', 'r1 = 0x100000000 ll\nr0 = *(u32 *)(r1 + 0)\nexit', 2],
    ['behind the context', 'r0 = *(u32 *)(r1 + 192)\nexit', 0],
  ]
  for (const [name, text, insn] of cases)
    test(name, () => {
      expect(run(text).fault).toMatchObject({ code: 'host/access', insn, program: 'test' })
    })

  test('a helper is no way around it', () => {
    const m = map(T.BPF_MAP_TYPE_ARRAY)
    const fault = run('r2 = 8\nr1 = map[0] ll\ncall map_lookup_elem\nexit', { maps: [m] }).fault
    expect(fault).toMatchObject({ code: 'host/access', insn: 3 })
    expect(run('r1 = 24\nr2 = r10\nr2 += -8\ncall map_lookup_elem\nexit').fault).toMatchObject({ code: 'host/helper' })
  })

  test('an endless loop uses its budget up', () => {
    const result = run('top: goto top', { budget: 5000 })
    expect(result.fault).toMatchObject({ code: 'host/budget', insn: 0 })
    expect(result.insns).toBe(5000)
  })

  test('endless recursion runs out of stack', () => {
    expect(run('top: call top\nexit').fault).toMatchObject({ code: 'host/stack' })
  })

  test('a missing helper is named', () => {
    expect(run('call 200\nexit').fault).toMatchObject({ code: 'host/helper', message: expect.stringContaining('200') })
  })

  test('a packet shorter than its Ethernet header, and maps of another memory, are refused', () => {
    expect(() => run('r0 = 2\nexit', { packet: new Uint8Array(13) })).toThrow(
      expect.objectContaining({ code: 'host/short-packet' }),
    )
    const m = createMap(newMemory(), { name: 'm', type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 })
    expect(() => run('r0 = 2\nexit', { maps: [m] })).toThrow(expect.objectContaining({ code: 'host/memory' }))
    expect(() => run('r0 = 2\nexit', { type: 5 })).toThrow(expect.objectContaining({ code: 'host/type' }))
  })

  test('an engine refuses what was verified for a device', () => {
    const verified = verify(program('r0 = 2\nexit'), [])
    if (!verified.ok) throw new Error(verified.message)
    expect(new Engine(verified.verified, [], { memory }).run(new Uint8Array(64)).retval).toBe(2)
    const target = { kind: 'offloaded', device: 'nic0', hooks: {} as DeviceHooks } as const
    expect(() => new Engine({ ...verified.verified, target }, [])).toThrow(expect.objectContaining({ code: 'host/target' }))
  })

  test('random bytes as instructions end in an answer, a fault, or a refusal', () => {
    const insn = fc.record({
      code: fc.oneof(fc.nat(255), fc.constantFrom(0x85, 0x61, 0x7b, 0xdb, 0xc3, 0xbf, 0x07, 0x18, 0x95, 0x15)),
      dst: fc.nat(11),
      src: fc.nat(11),
      off: fc.oneof(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -32768, max: 32767 })),
      imm: fc.oneof(fc.integer({ min: 0, max: 220 }), fc.integer()),
    })
    fc.assert(
      fc.property(fc.array(insn, { minLength: 1, maxLength: 30 }), list => {
        const insns = newInsns(list.length)
        list.forEach((fields, i) => {
          insns.code[i] = fields.code
          insns.dst[i] = fields.dst
          insns.src[i] = fields.src
          insns.off[i] = fields.off
          insns.imm[i] = fields.imm
        })
        let engine: Interpreter
        try {
          engine = new Interpreter({ ...program('exit'), insns }, [], { memory, budget: 2000 })
        } catch (error) {
          expect(error).toBeInstanceOf(NicwrightError)
          return
        }
        const result = engine.run(new Uint8Array(64))
        if (result.fault !== undefined) expect(result.fault.code).toMatch(/^host\//)
        engine.free()
      }),
      { numRuns: 2000 },
    )
  })
})

describe('calls', () => {
  test('a function has a frame of its own, and r6 to r9 come back', () => {
    const text = `
      r6 = 1
      *(u64 *)(r10 - 8) = r6
      r1 = 40
      call double
      r0 += r6
      r1 = *(u64 *)(r10 - 8)
      r0 += r1
      exit
      double: r6 = r1
      *(u64 *)(r10 - 8) = r1
      r0 = r6
      r0 += r6
      exit`
    expect(run(text).retval).toBe(82)
  })

  test('33 tail calls and no more', () => {
    const table = map(T.BPF_MAP_TYPE_PROG_ARRAY, { valueSize: 4 })
    const counter = map(T.BPF_MAP_TYPE_ARRAY)
    const text = `
      r6 = r1
      *(u32 *)(r10 - 4) = 0
      r2 = r10
      r2 += -4
      r1 = map[1] ll
      call map_lookup_elem
      if r0 == 0 goto out
      r1 = *(u64 *)(r0 + 0)
      r1 += 1
      *(u64 *)(r0 + 0) = r1
      r1 = r6
      r2 = map[0] ll
      r3 = 1
      call tail_call
      out: r0 = 7
      exit`
    expect(table.set(u32(1), u32(99))).toBe(0)
    const engine = new Interpreter(program(text), [table, counter], { memory })
    engine.addProgram(99, program(text), [table, counter])
    expect(engine.run(new Uint8Array(64)).retval).toBe(7)
    expect(counter.get(u32(0))?.[0]).toBe(34)
    table.delete(u32(1))
    engine.run(new Uint8Array(64))
    expect(counter.get(u32(0))?.[0]).toBe(35)
  })

  test('bpf_loop calls back until the count or a 1', () => {
    const text = (count: number, until: number): string => `
      *(u64 *)(r10 - 8) = 0
      r1 = ${count}
      r2 = callback ll
      r3 = r10
      r3 += -8
      r4 = 0
      call loop
      r1 = *(u64 *)(r10 - 8)
      r1 <<= 8
      r0 |= r1
      exit
      callback: r3 = *(u64 *)(r2 + 0)
      r3 += r1
      *(u64 *)(r2 + 0) = r3
      r0 = 0
      if r1 != ${until} goto done
      r0 = 1
      done: exit`
    const withFunc = (source: string): Program => {
      const p = program(source.replace('r2 = callback ll', 'r2 = 0 ll'))
      // An ld_imm64 of a function holds the distance to it.
      p.insns.src[2] = 4
      p.insns.imm[2] = 12 - 2 - 1
      return p
    }
    const go = (source: string): Run => new Interpreter(withFunc(source), [], { memory }).run(new Uint8Array(64))
    expect(go(text(5, 99)).retval).toBe(5 | ((0 + 1 + 2 + 3 + 4) << 8))
    expect(go(text(5, 2)).retval).toBe(3 | ((0 + 1 + 2) << 8))
    expect(go(text(9_000_000, 2)).retval).toBe(-7 >>> 0)
  })

  test('may_goto ends a loop after its rounds', () => {
    const p = program('r0 = 7\ntop: goto +0\ngoto top\nexit')
    p.insns.code[1] = 0xe5
    p.insns.off[1] = 1
    const rounds = 8 * 1024 * 1024
    expect(new Interpreter(p, [], { memory }).run(new Uint8Array(64))).toMatchObject({ retval: 7, insns: 2 * rounds + 3 })
  })
})

describe('packets', () => {
  const move = (helper: string, by: number): string => `
    r6 = r1
    r2 = ${by}
    call ${helper}
    exit`
  const ok = 0
  const refused = -22 >>> 0

  test('head, tail and metadata move within Linux’s limits', () => {
    const cases: [helper: string, by: number, retval: number, bytes: number][] = [
      ['xdp_adjust_head', -20, ok, 84],
      ['xdp_adjust_head', 20, ok, 44],
      ['xdp_adjust_head', -216, ok, 280],
      ['xdp_adjust_head', -217, refused, 64],
      ['xdp_adjust_head', 50, ok, 14],
      ['xdp_adjust_head', 51, refused, 64],
      ['xdp_adjust_tail', -50, ok, 14],
      ['xdp_adjust_tail', -51, refused, 64],
      ['xdp_adjust_tail', 3456, ok, 3520],
      ['xdp_adjust_tail', 3457, refused, 64],
      ['xdp_adjust_meta', -32, ok, 96],
      ['xdp_adjust_meta', -3, -13 >>> 0, 64],
      ['xdp_adjust_meta', 4, refused, 64],
    ]
    for (const [helper, by, retval, bytes] of cases) {
      const result = run(move(helper, by))
      expect([helper, by, result.fault, result.retval, result.data.length]).toEqual([helper, by, undefined, retval, bytes])
    }
  })

  test('what is uncovered is zero, what stays is unchanged, whatever ran before', () => {
    const dirty = `${move('xdp_adjust_head', -100).replace('exit', '')}
      r1 = *(u32 *)(r6 + 0)
      r2 = -1
      *(u64 *)(r1 + 0) = r2
      r0 = 0
      exit`
    const engine = new Interpreter(program(dirty), [], { memory })
    const packet = Uint8Array.from({ length: 64 }, (_, i) => i)
    for (let i = 0; i < 2; i++) expect(toHex(engine.run(packet).data)).toBe(`ffffffffffffffff${'00'.repeat(92)}${toHex(packet)}`)
  })

  test('metadata moves with the head, and what it leaves behind is uncovered', () => {
    const text = `
      r6 = r1
      r2 = -4
      call xdp_adjust_meta
      r1 = *(u32 *)(r6 + 8)
      *(u32 *)(r1 + 0) = 0x11223344
      r1 = r6
      r2 = -2
      call xdp_adjust_head
      exit`
    const result = run(text)
    expect(result.metaBytes).toBe(4)
    expect(toHex(result.data.subarray(0, 8))).toBe('4433221122110001')
  })

  test('the context says where a packet came from', () => {
    const text = 'r0 = *(u32 *)(r1 + 12)\nr0 <<= 8\nr1 = *(u32 *)(r1 + 16)\nr0 |= r1\nexit'
    expect(run(text).retval).toBe(0x100)
    expect(run(text, { arrival: { ifindex: 5, queue: 3 } }).retval).toBe(0x503)
  })

  test('socket filters load big-endian from the network header, and end with 0 beyond the packet', () => {
    const load = (code: number, imm: number): Run => {
      const p = program('r6 = r1\nr0 = 0\nexit', 1)
      p.insns.code[1] = code
      p.insns.imm[1] = imm
      const result = new Interpreter(p, [], { memory }).run(Uint8Array.from({ length: 64 }, (_, i) => i))
      return result
    }
    expect(load(0x20, 0).retval).toBe(0x0e0f1011)
    expect(load(0x28, 1).retval).toBe(0x0f10)
    expect(load(0x30, 49).retval).toBe(63)
    expect(load(0x30, 50).retval).toBe(0)
    expect(load(0x30, -0x200000).retval).toBe(0)
    expect(load(0x30, -0x200000 + 5).retval).toBe(5)
    expect(load(0x28, -0x100000 + 2).retval).toBe(0x1011)
  })

  test('a TC program edits its packet through helpers, and checksums stay right', () => {
    // 192.168.0.1 → 10.0.0.1 in an IPv4 header whose checksum is right before and after.
    const header = fromHex('450000730000400040110000c0a80001c0a800c7')
    const sum = (bytes: Uint8Array): number => {
      let s = 0
      for (let i = 0; i < bytes.length; i += 2) s += (bytes[i]! << 8) | bytes[i + 1]!
      while (s > 0xffff) s = (s & 0xffff) + (s >> 16)
      return s
    }
    const check = ~sum(header) & 0xffff
    header.set([check >> 8, check & 0xff], 10)
    const packet = new Uint8Array(64)
    packet.set([8, 0], 12)
    packet.set(header, 14)
    const text = `
      r6 = r1
      r2 = 24
      r3 = 0x0100a8c0
      r4 = 0x0100000a
      r5 = 4
      call l3_csum_replace
      *(u32 *)(r10 - 4) = 0x0100000a
      r1 = r6
      r2 = 26
      r3 = r10
      r3 += -4
      r4 = 4
      r5 = 0
      call skb_store_bytes
      r0 = *(u32 *)(r6 + 16)
      exit`
    const result = run(text, { type: TC, packet })
    expect(result.fault).toBeUndefined()
    expect(result.retval).toBe(8)
    expect(toHex(result.data.subarray(26, 30))).toBe('0a000001')
    expect(sum(result.data.subarray(14, 34))).toBe(0xffff)
  })
})

describe('helpers', () => {
  test('map contents last from packet to packet', () => {
    const m = map(T.BPF_MAP_TYPE_HASH)
    const text = `
      *(u32 *)(r10 - 4) = 1
      r2 = r10
      r2 += -4
      r1 = map[0] ll
      call map_lookup_elem
      if r0 == 0 goto add
      r1 = 1
      lock *(u64 *)(r0 + 0) += r1
      goto out
      add: *(u64 *)(r10 - 16) = 1
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -16
      r4 = 1
      r1 = map[0] ll
      call map_update_elem
      out: r0 = 2
      exit`
    const engine = new Interpreter(program(text), [m], { memory })
    for (let i = 0; i < 5; i++) expect(engine.run(new Uint8Array(64))).toMatchObject({ retval: 2 })
    expect(m.get(u32(1))?.[0]).toBe(5)
  })

  test('the seed decides the random numbers, the given clock the time', () => {
    const random = 'call get_prandom_u32\nexit'
    expect(run(random, { seed: 5 }).retval).toBe(run(random, { seed: 5 }).retval)
    expect(run(random, { seed: 5 }).retval).not.toBe(run(random, { seed: 6 }).retval)
    expect(run('call ktime_get_ns\nr0 >>= 32\nexit', { now: 77n << 32n }).retval).toBe(77)
    expect(run('call get_smp_processor_id\nexit', { cpu: 1 }).retval).toBe(1)
  })

  test('each CPU has its own values', () => {
    const m = map(T.BPF_MAP_TYPE_PERCPU_ARRAY)
    const text = `
      *(u32 *)(r10 - 4) = 0
      r2 = r10
      r2 += -4
      r1 = map[0] ll
      call map_lookup_elem
      if r0 == 0 goto out
      r1 = *(u64 *)(r0 + 0)
      r1 += 1
      *(u64 *)(r0 + 0) = r1
      out: call get_smp_processor_id
      exit`
    const engine = new Interpreter(program(text), [m], { memory })
    const cpus = [0, 1, 1].map(cpu => {
      engine.onCpu(cpu)
      return engine.run(new Uint8Array(64)).retval
    })
    expect(cpus).toEqual([0, 1, 1])
    expect(toHex(m.get(u32(0)) ?? new Uint8Array(0))).toBe('01000000000000000200000000000000')
  })

  test('redirects say where to', () => {
    expect(run('r1 = 9\nr2 = 0\ncall redirect\nexit')).toMatchObject({ retval: 4, redirect: { map: 0, target: 9 } })
    expect(run('r1 = 9\nr2 = 1\ncall redirect\nexit')).toMatchObject({ retval: 0 })
    const m = map(T.BPF_MAP_TYPE_DEVMAP, { valueSize: 4 })
    const text = (key: number, flags: number): string => `r1 = map[0] ll\nr2 = ${key}\nr3 = ${flags}\ncall redirect_map\nexit`
    m.set(u32(2), u32(7))
    expect(run(text(2, 0), { maps: [m] })).toMatchObject({ retval: 4, redirect: { map: m.base, target: 2 } })
    expect(run(text(1, 2), { maps: [m] }).retval).toBe(2)
    expect(run(text(2, 64), { maps: [m] }).retval).toBe(0)
  })

  test('perf events carry data and as much of the packet as was asked for', () => {
    const m = map(T.BPF_MAP_TYPE_PERF_EVENT_ARRAY, { valueSize: 4 })
    const seen: string[] = []
    const text = `
      *(u64 *)(r10 - 8) = 0x41
      r3 = 0x4ffffffff ll
      r2 = map[0] ll
      r4 = r10
      r4 += -8
      r5 = 8
      call perf_event_output
      exit`
    const options = {
      maps: [m],
      perfEvent: (_: BpfMap, cpu: number, data: Uint8Array): void => void seen.push(`${cpu} ${toHex(data)}`),
    }
    expect(run(text, options).retval).toBe(-2 >>> 0)
    m.set(u32(0), u32(1))
    expect(run(text, options).retval).toBe(0)
    expect(seen).toEqual(['0 410000000000000000010203'])
  })

  test('trace_printk formats as Linux does', () => {
    const lines: string[] = []
    const print = (text: string, value: bigint): number => {
      const at = memory.alloc(64)
      memory.u8.set(encodeText(`${text}\0`), at)
      const m = map(T.BPF_MAP_TYPE_ARRAY, { valueSize: 64, maxEntries: 1 })
      const bytes = new Uint8Array(64)
      bytes.set(encodeText(text))
      m.set(u32(0), bytes)
      const p = program(
        `r1 = map[0][0] ll\nr2 = ${text.length + 1}\nr3 = 0x${BigInt.asUintN(64, value).toString(16)} ll\nr4 = 2\nr5 = 3\ncall trace_printk\nexit`,
      )
      return new Interpreter(p, [m], { memory, trace: line => lines.push(line) }).run(new Uint8Array(64)).retval
    }
    const cases: [string, bigint, string][] = [
      ['plain', 0n, 'plain'],
      ['%d %u', -1n, '-1 2'],
      ['%u', -1n, '4294967295'],
      ['%lld', -1n, '-1'],
      ['%llx', -1n, 'ffffffffffffffff'],
      ['%x|%08x|%5d', 0xbeefn, 'beef|00000002|    3'],
      ['%ld%%', 5n, '5%'],
    ]
    for (const [text, value, line] of cases) {
      expect([text, print(text, value)]).toEqual([text, line.length])
      expect(lines.pop()).toBe(line)
    }
    for (const text of ['%q', '%d %d %d %d', '%']) expect([text, print(text, 1n)]).toEqual([text, -22 >>> 0])
  })

  test('ring buffer records are seen when they are submitted', () => {
    const m = map(T.BPF_MAP_TYPE_RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 4096 })
    const text = (end: string): string => `
      r1 = map[0] ll
      r2 = 8
      r3 = 0
      call ringbuf_reserve
      if r0 == 0 goto out
      *(u64 *)(r0 + 0) = 0x55
      r1 = r0
      r2 = 0
      call ${end}
      out: r0 = 2
      exit`
    expect(run(text('ringbuf_submit'), { maps: [m] }).fault).toBeUndefined()
    expect(run(text('ringbuf_discard'), { maps: [m] }).fault).toBeUndefined()
    expect(m instanceof RingMap ? [...m.consume()].map(record => toHex(record)) : []).toEqual(['5500000000000000'])
  })

  test('an inner map is reached through its outer map', () => {
    const inner = map(T.BPF_MAP_TYPE_ARRAY)
    const outer = map(T.BPF_MAP_TYPE_ARRAY_OF_MAPS, { valueSize: 4 })
    inner.set(u32(3), Uint8Array.of(42, 0, 0, 0, 0, 0, 0, 0))
    outer.set(u32(1), u32(inner.base))
    const text = `
      *(u32 *)(r10 - 4) = 1
      *(u32 *)(r10 - 8) = 3
      r2 = r10
      r2 += -4
      r1 = map[0] ll
      call map_lookup_elem
      if r0 == 0 goto out
      r1 = r0
      r2 = r10
      r2 += -8
      call map_lookup_elem
      if r0 == 0 goto out
      r0 = *(u64 *)(r0 + 0)
      out: exit`
    expect(run(text, { maps: [outer] }).retval).toBe(42)
  })
})
