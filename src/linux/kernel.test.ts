// The witness itself: what it loads, what it says of a refusal, what it reads back, and that it leaves nothing open.

import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import { decodeInsns } from '../bpf/decode.ts'
import * as T from '../bpf/map-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { toHex } from '../bytes/hex.ts'
import {
  closeKernelMap,
  closeProgram,
  createKernelMap,
  loadProgram,
  possibleCpus,
  probe,
  readKernelMap,
  readXlated,
  runOnKernel,
} from './index.ts'

const kernel = probe()

test('a probe says yes, or why not', () => {
  if (!kernel.ok) expect(kernel.why.length).toBeGreaterThan(10)
  expect(probe()).toEqual(kernel)
})

describe.skipIf(!kernel.ok)(`the real kernel${kernel.ok ? '' : ` (skipped: ${kernel.why})`}`, () => {
  const program = (text: string, more: Partial<Program> = {}): Program => ({
    name: 'witness',
    type: 6,
    expectedAttachType: 0,
    flags: 0,
    license: 'GPL',
    insns: assemble(text),
    ...more,
  })
  const spec: MapSpec = { name: 'm', type: T.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 }
  const packet = new Uint8Array(64)

  test('an accepted program has a log at level 1 and none at level 0', () => {
    for (const logLevel of [0, 1]) {
      const loaded = loadProgram(program('r0 = 2\nexit'), [], { logLevel })
      expect(loaded).toMatchObject({ ok: true, errno: 0 })
      expect(loaded.log.includes('processed 2 insns')).toBe(logLevel === 1)
      closeProgram(loaded.fd)
    }
  })

  test('a refused program has an errno, a log and no descriptor', () => {
    const loaded = loadProgram(program('r0 = r2\nexit'), [], { logLevel: 1 })
    expect(loaded).toMatchObject({ ok: false, fd: -1, errno: 13 })
    expect(loaded.log).toContain('R2 !read_ok')
  })

  test('a map keeps what it was made with, and a refused one has its errno', () => {
    const value = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    const map = createKernelMap({ ...spec, init: [{ key: Uint8Array.of(1, 0, 0, 0), value }], frozen: true })
    expect(readKernelMap(map).map(([key, bytes]) => `${toHex(key)}=${toHex(bytes)}`)).toEqual([
      '00000000=0000000000000000',
      '01000000=0102030405060708',
    ])
    closeKernelMap(map)
    expect(() => createKernelMap({ ...spec, keySize: 8 })).toThrow(
      expect.objectContaining({ code: 'linux/map-create', errno: 22 }),
    )
  })

  test('values of per-CPU maps hold every CPU’s, and runs are on the first', () => {
    const text = `
      *(u32 *)(r10 - 4) = 0
      r2 = r10
      r2 += -4
      r1 = map[0] ll
      call map_lookup_elem
      if r0 == 0 goto out
      r1 = 7
      lock *(u64 *)(r0 + 0) += r1
      out: call get_smp_processor_id
      exit`
    const result = runOnKernel(program(text), [{ ...spec, type: T.BPF_MAP_TYPE_PERCPU_ARRAY, maxEntries: 1 }], [packet, packet])
    expect(result.runs.map(run => run.retval)).toEqual([0, 0])
    const value = result.maps[0]![0]![1]
    expect(value.length).toBe(8 * possibleCpus())
    expect([...value].filter(byte => byte !== 0)).toEqual([14])
    expect(value[0]).toBe(14)
    const one = runOnKernel(program(text), [{ ...spec, type: T.BPF_MAP_TYPE_PERCPU_ARRAY, maxEntries: 1 }], [packet], { cpus: 1 })
    expect(toHex(one.maps[0]![0]![1])).toBe('0700000000000000')
  })

  test('inner maps, programs in slots, and the rewritten program', () => {
    const outer: MapSpec = { ...spec, type: T.BPF_MAP_TYPE_ARRAY_OF_MAPS, valueSize: 4, inner: spec }
    const map = createKernelMap(outer)
    closeKernelMap(map)

    const table: MapSpec = { ...spec, type: T.BPF_MAP_TYPE_PROG_ARRAY, valueSize: 4 }
    const caller = program('r2 = map[0] ll\nr3 = 1\ncall tail_call\nr0 = 1\nexit')
    const result = runOnKernel(caller, [table], [packet], { slots: [{ map: 0, index: 1, program: program('r0 = 3\nexit') }] })
    expect(result.runs[0]?.retval).toBe(3)

    const loaded = loadProgram(program('r0 = *(u32 *)(r1 + 12)\nexit'), [])
    const xlated = decodeInsns(readXlated(loaded.fd) ?? new Uint8Array(0))
    closeProgram(loaded.fd)
    // The load of a field became loads from the kernel's own structures.
    expect(xlated.count).toBeGreaterThan(2)
  })

  test('nothing stays open, whatever happens', () => {
    const open = (): number => readdirSync('/proc/self/fd').length
    const before = open()
    runOnKernel(program('r0 = 2\nexit'), [spec], [packet])
    runOnKernel(program('r0 = r3\nexit'), [spec], [packet])
    expect(() => runOnKernel(program('r0 = 2\nexit'), [spec, { ...spec, maxEntries: 0 }], [packet])).toThrow()
    expect(() => runOnKernel(program('r1 = map[4] ll\nr0 = 2\nexit'), [spec], [packet])).toThrow(
      expect.objectContaining({ code: 'linux/map-index' }),
    )
    expect(() => createKernelMap({ ...spec, init: [{ key: Uint8Array.of(9, 0, 0, 0), value: new Uint8Array(8) }] })).toThrow()
    expect(open()).toBe(before)
  })

  test('a program name may have any characters and any length', () => {
    const loaded = loadProgram(program('r0 = 2\nexit', { name: 'random 0/with: everything that is long' }), [])
    expect(loaded.ok).toBe(true)
    closeProgram(loaded.fd)
  })
})
