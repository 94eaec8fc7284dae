// Our maps beside the kernel's: the same attributes are accepted or refused with the same errno, and the same operations have the
// same answers and leave the same contents.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as T from '../bpf/map-type-table.ts'
import type { MapSpec } from '../bpf/program.ts'
import { toHex } from '../bytes/hex.ts'
import { type BpfMap, checkMap, createMap, newMemory } from '../maps/index.ts'
import { requireBpf } from './bpf.ts'
import { closeKernelMap, createKernelMap, type KernelMap, possibleCpus, probe } from './kernel.ts'

const kernel = probe()
const why = kernel.ok ? '' : ` (skipped: ${kernel.why})`

/** Types that need nothing else to be created. */
const plain = [
  T.BPF_MAP_TYPE_HASH,
  T.BPF_MAP_TYPE_ARRAY,
  T.BPF_MAP_TYPE_PROG_ARRAY,
  T.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  T.BPF_MAP_TYPE_PERCPU_HASH,
  T.BPF_MAP_TYPE_PERCPU_ARRAY,
  T.BPF_MAP_TYPE_LRU_HASH,
  T.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  T.BPF_MAP_TYPE_LPM_TRIE,
  T.BPF_MAP_TYPE_DEVMAP,
  T.BPF_MAP_TYPE_CPUMAP,
  T.BPF_MAP_TYPE_XSKMAP,
  T.BPF_MAP_TYPE_QUEUE,
  T.BPF_MAP_TYPE_STACK,
  T.BPF_MAP_TYPE_DEVMAP_HASH,
  T.BPF_MAP_TYPE_RINGBUF,
]

function kernelErrno(spec: MapSpec): number {
  const use = requireBpf()
  const fd = use.mapCreate(spec)
  use.close(fd)
  return Math.min(fd, 0)
}

describe('creation', () => {
  test.skipIf(!kernel.ok)(`attributes are accepted or refused as by the kernel${why}`, () => {
    // Values around every limit; counts stay small so that what is accepted also fits.
    const keySize = fc.constantFrom(0, 1, 4, 4, 4, 5, 8, 260, 261, 512, 1 << 20, 0x7fffffff, 0xffffffff)
    const valueSize = fc.constantFrom(
      0,
      1,
      4,
      4,
      8,
      8,
      16,
      32767,
      32768,
      32769,
      (4 << 20) - 500,
      (4 << 20) - 48,
      (4 << 20) + 1,
      0x80000000,
    )
    const maxEntries = fc.constantFrom(0, 1, 1, 2, 3)
    const bit = fc.nat(12).map(n => 1 << n)
    const flags = fc.oneof(
      fc.constantFrom(0, 0, 1, 1),
      bit,
      fc.tuple(bit, bit).map(([a, b]) => a | b),
    )
    const name = fc.constantFrom('', 'a', 'a.b_C9', 'fifteen_chars_x', 'sp ace', 'dash-')
    fc.assert(
      fc.property(fc.constantFrom(...plain), keySize, valueSize, maxEntries, flags, name, (type, k, v, max, f, n) => {
        const ring = type === T.BPF_MAP_TYPE_RINGBUF
        const spec: MapSpec = { name: n, type, keySize: k, valueSize: v, maxEntries: ring ? max * 4096 : max, flags: f }
        const [ours, theirs] = [checkMap(spec), kernelErrno(spec)]
        // What is allowed may still be too much for the kernel's memory.
        if (theirs !== -12) expect({ ...spec, error: ours }).toEqual({ ...spec, error: theirs })
      }),
      { numRuns: 4000 },
    )
  })

  test.skipIf(!kernel.ok)(`the largest key and value of a hash and a trie${why}`, () => {
    for (const type of [T.BPF_MAP_TYPE_HASH, T.BPF_MAP_TYPE_LPM_TRIE])
      for (let spare = 0; spare < 400; spare += 4) {
        const flags = type === T.BPF_MAP_TYPE_LPM_TRIE ? 1 : 0
        const spec = { name: '', type, keySize: 8, valueSize: (4 << 20) - spare, maxEntries: 1, flags }
        const theirs = kernelErrno(spec)
        if (theirs !== -12) expect({ ...spec, error: checkMap(spec) }).toEqual({ ...spec, error: theirs })
      }
  })
})

describe('operations', () => {
  const cpus = kernel.ok ? possibleCpus() : 1

  function both(spec: MapSpec): [BpfMap, KernelMap] {
    return [createMap(newMemory(), spec, { cpus }), createKernelMap(spec)]
  }

  const kinds: [type: number, keySize: number][] = [
    [T.BPF_MAP_TYPE_ARRAY, 4],
    [T.BPF_MAP_TYPE_PERCPU_ARRAY, 4],
    [T.BPF_MAP_TYPE_HASH, 5],
    [T.BPF_MAP_TYPE_PERCPU_HASH, 4],
    [T.BPF_MAP_TYPE_LPM_TRIE, 6],
  ]
  for (const [type, keySize] of kinds)
    test.skipIf(!kernel.ok)(`${T.mapTypeNames[type]}${why}`, () => {
      const use = requireBpf()
      const trie = type === T.BPF_MAP_TYPE_LPM_TRIE
      const spec: MapSpec = { name: 'm', type, keySize, valueSize: 12, maxEntries: 5, flags: trie ? 1 : 0 }
      const key = fc.tuple(fc.nat(7), fc.constantFrom(0, 0x80, 0xff)).map(([n, high]) => {
        const bytes = new Uint8Array(keySize)
        bytes[0] = trie ? n * 3 : n
        if (trie) bytes.fill(high, 4)
        return bytes
      })
      const operation = fc.tuple(
        fc.constantFrom('set', 'set', 'set', 'delete', 'get', 'next'),
        key,
        fc.nat(255),
        fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 9),
      )
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 30 }), operations => {
          const [ours, theirs] = both(spec)
          try {
            for (const [kind, k, fill, flags] of operations) {
              const value = new Uint8Array(theirs.valueBytes).fill(fill)
              // Padding of per-CPU values: the kernel keeps what it was given in some types and not in others.
              if (ours.perCpu) for (let at = 12; at < value.length; at += 16) value.fill(0, at, at + 4)
              if (kind === 'set') expect(ours.set(k, value, flags)).toBe(use.mapUpdate(theirs.fd, k, value, flags))
              else if (kind === 'delete') expect(ours.delete(k)).toBe(use.mapDelete(theirs.fd, k))
              else if (kind === 'get') {
                const found = use.mapLookup(theirs.fd, k, theirs.valueBytes)
                const mine = ours.get(k)
                expect(mine === undefined ? -2 : toHex(mine)).toBe(typeof found === 'number' ? found : toHex(found))
              } else if (type === T.BPF_MAP_TYPE_ARRAY || type === T.BPF_MAP_TYPE_PERCPU_ARRAY || trie) {
                const next = use.mapNextKey(theirs.fd, k, keySize)
                const mine = ours.next(k)
                expect(mine === undefined ? -2 : toHex(mine)).toBe(typeof next === 'number' ? next : toHex(next))
              }
            }
            for (const [k, value] of ours.entries()) {
              const found = use.mapLookup(theirs.fd, k, theirs.valueBytes)
              expect(typeof found === 'number' ? found : toHex(found)).toBe(toHex(value))
            }
          } finally {
            closeKernelMap(theirs)
          }
        }),
        { numRuns: 400 },
      )
    })

  for (const type of [T.BPF_MAP_TYPE_QUEUE, T.BPF_MAP_TYPE_STACK])
    test.skipIf(!kernel.ok)(`${T.mapTypeNames[type]}${why}`, () => {
      const use = requireBpf()
      const spec: MapSpec = { name: 'm', type, keySize: 0, valueSize: 4, maxEntries: 3, flags: 0 }
      const none = new Uint8Array(0)
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.constantFrom('push', 'push', 'pop'), fc.nat(255), fc.nat(3)), { maxLength: 30 }),
          operations => {
            const [ours, theirs] = both(spec)
            try {
              for (const [kind, fill, flags] of operations) {
                const value = new Uint8Array(4).fill(fill)
                if (kind === 'push') expect(ours.pushBytes(value, flags)).toBe(use.mapUpdate(theirs.fd, none, value, flags))
                else {
                  const found = use.mapPop(theirs.fd, none, 4)
                  const mine = ours.popBytes()
                  expect(mine === undefined ? -2 : toHex(mine)).toBe(typeof found === 'number' ? found : toHex(found))
                }
              }
            } finally {
              closeKernelMap(theirs)
            }
          },
        ),
      )
    })
})
