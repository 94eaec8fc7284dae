// Every map type against a plain model: the same random operations, the same answers and the same contents.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM, ENOTSUPP } from '../bpf/errno.ts'
import * as T from '../bpf/map-type-table.ts'
import type { MapSpec } from '../bpf/program.ts'
import { toHex } from '../bytes/hex.ts'
import { type BpfMap, checkMap, createMap, freeMap, newMemory, openMap, RingMap } from './index.ts'

const spec = (type: number, more: Partial<MapSpec> = {}): MapSpec => ({
  name: 'm',
  type,
  keySize: 4,
  valueSize: 8,
  maxEntries: 8,
  flags: type === T.BPF_MAP_TYPE_LPM_TRIE ? T.BPF_F_NO_PREALLOC : 0,
  ...more,
})

const hex = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : toHex(bytes))
const contents = (map: BpfMap): string[] => [...map.entries()].map(([k, v]) => `${hex(k)}=${hex(v)}`).sort()
const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer)

interface Operation {
  readonly kind: 'set' | 'delete' | 'get'
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly flags: number
}

function operations(keySize: number, valueSize: number, keys: number): fc.Arbitrary<Operation[]> {
  // Few different keys, so that they meet again; the last byte differs, so partial words are compared too.
  const key = fc.nat(keys - 1).map(n => Uint8Array.from({ length: keySize }, (_, i) => (i === keySize - 1 ? n : i * 7)))
  return fc.array(
    fc.record({
      kind: fc.constantFrom('set', 'set', 'delete', 'get'),
      key,
      value: fc.uint8Array({ minLength: valueSize, maxLength: valueSize }),
      flags: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 8),
    }),
    { maxLength: 60 },
  ) as fc.Arbitrary<Operation[]>
}

describe('hash types', () => {
  for (const type of [T.BPF_MAP_TYPE_HASH, T.BPF_MAP_TYPE_PERCPU_HASH])
    for (const [keySize, valueSize] of [
      [1, 1],
      [4, 8],
      [7, 3],
      [12, 20],
    ] as const)
      test(`${T.mapTypeNames[type]} ${keySize}/${valueSize}`, () => {
        const cpus = type === T.BPF_MAP_TYPE_HASH ? 1 : 3
        const user = cpus === 1 ? valueSize : 8 * Math.ceil(valueSize / 8) * cpus
        fc.assert(
          fc.property(operations(keySize, user, 12), ops => {
            const memory = newMemory()
            const map = createMap(memory, spec(type, { keySize, valueSize, maxEntries: 5 }), { cpus })
            const model = new Map<string, string>()
            for (const op of ops) {
              const key = hex(op.key)!
              if (op.kind === 'set') {
                const error = map.set(op.key, op.value, op.flags)
                const has = model.has(key)
                // F_LOCK without a lock in the value is as wrong as an unknown flag.
                if (op.flags > 2) expect(error).toBe(-EINVAL)
                else if (has && op.flags === 1) expect(error).toBe(-EEXIST)
                else if (!has && op.flags === 2) expect(error).toBe(-ENOENT)
                else if (!has && model.size === 5) expect(error).toBe(-E2BIG)
                else {
                  expect(error).toBe(0)
                  model.set(key, hex(op.value)!)
                }
              } else if (op.kind === 'delete') expect(map.delete(op.key)).toBe(model.delete(key) ? 0 : -ENOENT)
              else expect(hex(map.get(op.key))).toBe(model.get(key))
              expect(map.count).toBe(model.size)
            }
            const expected = [...model].map(([k, v]) => `${k}=${v}`).sort()
            expect(contents(map)).toEqual(expected)
            expect(contents(openMap(memory, map.base))).toEqual(expected)
          }),
          { numRuns: 60 },
        )
      })

  test('a pointer to a replaced value keeps the old contents', () => {
    const memory = newMemory()
    const map = createMap(memory, spec(T.BPF_MAP_TYPE_HASH, { maxEntries: 1 }))
    const key = memory.alloc(8)
    const value = memory.alloc(8)
    memory.u64[value >> 3] = 1n
    expect(map.update(key, value, 0)).toBe(0)
    const old = map.lookup(key)
    memory.u64[value >> 3] = 2n
    expect(map.update(key, value, 0)).toBe(0)
    expect(memory.u64[old >> 3]).toBe(1n)
    expect(memory.u64[map.lookup(key) >> 3]).toBe(2n)
  })

  test('keys off word boundaries are found', () => {
    const memory = newMemory()
    const map = createMap(memory, spec(T.BPF_MAP_TYPE_HASH, { keySize: 6 }))
    map.set(Uint8Array.of(1, 2, 3, 4, 5, 6), new Uint8Array(8).fill(9))
    const at = memory.alloc(16) + 3
    memory.u8.set([1, 2, 3, 4, 5, 6], at)
    expect(map.lookup(at)).not.toBe(0)
  })

  test('an LRU map never refuses, keeps what was used, and holds at most maxEntries', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 80 }), keys => {
        const map = createMap(newMemory(), spec(T.BPF_MAP_TYPE_LRU_HASH, { maxEntries: 6 }))
        const kept = u32(1000)
        map.set(kept, new Uint8Array(8).fill(1))
        for (const key of keys) {
          expect(map.set(u32(key), new Uint8Array(8))).toBe(0)
          map.memory.u8.set(kept, map.base + 96)
          expect(map.lookup(map.base + 96)).not.toBe(0)
          expect(map.get(u32(key))).toBeDefined()
        }
        expect(map.count).toBe(Math.min(6, new Set(keys).size + 1))
        expect([...map.entries()].length).toBe(map.count)
      }),
    )
  })

  test('a program updates the value of its own CPU, and a new entry is zero elsewhere', () => {
    const memory = newMemory()
    const map = createMap(memory, spec(T.BPF_MAP_TYPE_PERCPU_HASH, { valueSize: 4 }), { cpus: 3 })
    const key = memory.alloc(8)
    const value = memory.alloc(8)
    map.cpu = 1
    memory.u32[value >> 2] = 7
    map.update(key, value, 0)
    expect(hex(map.get(new Uint8Array(4)))).toBe('000000000000000007000000000000000000000000000000')
    map.cpu = 2
    map.update(key, value, 0)
    expect(hex(map.get(new Uint8Array(4)))).toBe('000000000000000007000000000000000700000000000000')
    expect(memory.u32[map.lookupOn(key, 1) >> 2]).toBe(7)
  })
})

describe('array types', () => {
  test('against a model', () => {
    for (const type of [T.BPF_MAP_TYPE_ARRAY, T.BPF_MAP_TYPE_PERCPU_ARRAY]) {
      const cpus = type === T.BPF_MAP_TYPE_ARRAY ? 1 : 2
      const bytes = type === T.BPF_MAP_TYPE_ARRAY ? 5 : 16
      const operation = fc.tuple(
        fc.nat(9),
        fc.uint8Array({ minLength: bytes, maxLength: bytes }),
        fc.constantFrom(0, 0, 1, 2, 3, 4),
      )
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 40 }), ops => {
          const map = createMap(newMemory(), spec(type, { valueSize: 5 }), { cpus })
          const model = Array.from({ length: 8 }, () => new Uint8Array(bytes))
          for (const [index, raw, flags] of ops) {
            // What lies in the padding of a per-CPU value is not the map's business.
            const value = type === T.BPF_MAP_TYPE_ARRAY ? raw : raw.map((byte, i) => (i % 8 < 5 ? byte : 0))
            const error = map.set(u32(index), value, flags)
            if (flags > 2) expect(error).toBe(-EINVAL)
            else if (index >= 8) expect(error).toBe(-E2BIG)
            else if (flags === 1) expect(error).toBe(-EEXIST)
            else {
              expect(error).toBe(0)
              model[index] = value
            }
            expect(map.delete(u32(index))).toBe(-EINVAL)
          }
          expect([...map.entries()].map(([k, v]) => `${hex(k)}=${hex(v)}`)).toEqual(
            model.map((v, i) => `${hex(u32(i))}=${hex(v)}`),
          )
        }),
      )
    }
  })

  test('next: ascending, an unknown index begins again, the last one ends', () => {
    const map = createMap(newMemory(), spec(T.BPF_MAP_TYPE_ARRAY, { maxEntries: 3 }))
    expect(map.next()).toEqual(u32(0))
    expect(map.next(u32(1))).toEqual(u32(2))
    expect(map.next(u32(2))).toBeUndefined()
    expect(map.next(u32(77))).toEqual(u32(0))
  })
})

describe('longest prefix match', () => {
  const prefix = fc.tuple(fc.nat(16), fc.constantFrom(0, 0x80, 0xc0, 0xff, 0xa5), fc.constantFrom(0, 0x80, 0xff, 0x5a))
  const asKey = ([length, a, b]: [number, number, number]): Uint8Array => Uint8Array.of(length, 0, 0, 0, a, b)
  const bits = (key: Uint8Array): string => [...key.subarray(4)].map(byte => byte.toString(2).padStart(8, '0')).join('')

  test('against a list of prefixes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('set', 'set', 'delete', 'get'), prefix, fc.nat(255), fc.nat(3)), { maxLength: 60 }),
        ops => {
          const map = createMap(newMemory(), spec(T.BPF_MAP_TYPE_LPM_TRIE, { keySize: 6, valueSize: 1, maxEntries: 7 }))
          const model = new Map<string, number>()
          for (const [kind, p, value, flags] of ops) {
            const key = asKey(p)
            const name = bits(key).slice(0, p[0])
            if (kind === 'set') {
              const error = map.set(key, Uint8Array.of(value), flags)
              if (flags > 2) expect(error).toBe(-EINVAL)
              else if (model.has(name) && flags === 1) expect(error).toBe(-EEXIST)
              else if (!model.has(name) && flags === 2) expect(error).toBe(-ENOENT)
              else if (!model.has(name) && model.size === 7) expect(error).toBeLessThan(0)
              else {
                expect(error).toBe(0)
                model.set(name, value)
              }
            } else if (kind === 'delete') expect(map.delete(key)).toBe(model.delete(name) ? 0 : -ENOENT)
            else {
              // Linux never matches an entry that is longer than the prefix asked for.
              let best: number | undefined
              for (let length = p[0]; length >= 0 && best === undefined; length--) best = model.get(name.slice(0, length))
              expect(map.get(key)?.[0]).toBe(best)
            }
            expect(map.count).toBe(model.size)
          }
          const keys = [...map.entries()].map(([k]) => bits(k).slice(0, k[0]))
          expect([...keys].sort()).toEqual([...model.keys()].sort())
          // The more specific first.
          keys.forEach((key, i) => {
            for (const later of keys.slice(i + 1)) expect(later !== key && later.startsWith(key)).toBe(false)
          })
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('queue and stack', () => {
  for (const type of [T.BPF_MAP_TYPE_QUEUE, T.BPF_MAP_TYPE_STACK])
    test(T.mapTypeNames[type]!, () => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.constantFrom('push', 'push', 'pop', 'peek'), fc.nat(255), fc.nat(3)), { maxLength: 60 }),
          ops => {
            const map = createMap(newMemory(), spec(type, { keySize: 0, valueSize: 1, maxEntries: 4 }))
            const model: number[] = []
            for (const [kind, value, flags] of ops) {
              if (kind === 'push') {
                const error = map.pushBytes(Uint8Array.of(value), flags)
                if (flags === 1 || flags === 3) expect(error).toBe(-EINVAL)
                else if (model.length === 4 && flags !== 2) expect(error).toBe(-E2BIG)
                else {
                  expect(error).toBe(0)
                  if (model.length === 4) model.shift()
                  model.push(value)
                }
              } else {
                const at = type === T.BPF_MAP_TYPE_QUEUE ? 0 : model.length - 1
                expect(map.popBytes(kind === 'peek')?.[0]).toBe(model[at])
                if (kind === 'pop' && model.length > 0) model.splice(at, 1)
              }
            }
          },
        ),
      )
    })
})

test('a ring buffer gives back complete records in order and refuses when it is full', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(900), fc.constant(-1), fc.constant(-2)), { maxLength: 80 }), ops => {
      const memory = newMemory()
      const ring = createMap(memory, spec(T.BPF_MAP_TYPE_RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 4096 }))
      if (!(ring instanceof RingMap)) throw new Error('not a ring')
      const data = memory.alloc(1024)
      const waiting: string[] = []
      ops.forEach((op, n) => {
        memory.u8.fill(n, data, data + 1024)
        if (op === -1) expect([...ring.consume()].map(hex)).toEqual(waiting.splice(0))
        else if (op === -2) {
          const record = ring.reserve(8)
          if (record !== 0) ring.commit(record, true)
        } else if (ring.output(data, op) === 0) waiting.push(hex(memory.u8.subarray(data, data + op))!)
        else expect(ring.query(0)).toBeGreaterThan(4096 - 2 * (op + 16))
      })
      expect([...ring.consume()].map(hex)).toEqual(waiting)
    }),
  )
})

describe('creation', () => {
  test('what Linux refuses, by type', () => {
    const cases: [MapSpec, number][] = [
      [spec(T.BPF_MAP_TYPE_ARRAY, { keySize: 8 }), -EINVAL],
      [spec(T.BPF_MAP_TYPE_ARRAY, { maxEntries: 0 }), -EINVAL],
      [spec(T.BPF_MAP_TYPE_ARRAY, { flags: T.BPF_F_NO_PREALLOC }), -EINVAL],
      [spec(T.BPF_MAP_TYPE_ARRAY, { valueSize: 2 ** 31 }), -E2BIG],
      [spec(T.BPF_MAP_TYPE_ARRAY, { flags: T.BPF_F_RDONLY_PROG | T.BPF_F_WRONLY_PROG }), -EINVAL],
      [spec(T.BPF_MAP_TYPE_PERCPU_ARRAY, { valueSize: 32769 }), -E2BIG],
      [spec(T.BPF_MAP_TYPE_HASH, { valueSize: 0 }), -EINVAL],
      [spec(T.BPF_MAP_TYPE_HASH, { valueSize: 4 << 20 }), -E2BIG],
      [spec(T.BPF_MAP_TYPE_HASH, { flags: T.BPF_F_NO_COMMON_LRU }), -EINVAL],
      [spec(T.BPF_MAP_TYPE_LRU_HASH, { flags: T.BPF_F_NO_PREALLOC }), -ENOTSUPP],
      [spec(T.BPF_MAP_TYPE_LPM_TRIE, { keySize: 8, flags: 0 }), -EINVAL],
      [spec(T.BPF_MAP_TYPE_PROG_ARRAY), -EINVAL],
      [spec(T.BPF_MAP_TYPE_QUEUE), -EINVAL],
      [spec(T.BPF_MAP_TYPE_RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 5000 }), -EINVAL],
      [spec(T.BPF_MAP_TYPE_ARRAY, { name: 'a b' }), -EINVAL],
      [spec(99), -EINVAL],
      [spec(T.BPF_MAP_TYPE_HASH), 0],
      [spec(T.BPF_MAP_TYPE_PROG_ARRAY, { valueSize: 4 }), 0],
    ]
    for (const [attributes, error] of cases) expect([attributes, checkMap(attributes)]).toEqual([attributes, error])
  })

  test('a refusal has the errno', () => {
    expect(() => createMap(newMemory(), spec(T.BPF_MAP_TYPE_ARRAY, { keySize: 1 }))).toThrow(
      expect.objectContaining({ code: 'map/create', errno: EINVAL }),
    )
    const big = spec(T.BPF_MAP_TYPE_ARRAY, { maxEntries: 1 << 28, valueSize: 1024 })
    expect(() => createMap(newMemory(), big)).toThrow(expect.objectContaining({ errno: ENOMEM }))
    const map = createMap(newMemory(), spec(T.BPF_MAP_TYPE_ARRAY))
    expect(() => map.set(new Uint8Array(3), new Uint8Array(8))).toThrow(expect.objectContaining({ code: 'map/key-size' }))
    expect(() => openMap(newMemory(), 64)).toThrow(expect.objectContaining({ code: 'map/none' }))
  })

  test('freed memory is used again, zeroed', () => {
    const memory = newMemory()
    const first = createMap(memory, spec(T.BPF_MAP_TYPE_HASH))
    first.set(u32(1), new Uint8Array(8).fill(255))
    const top = memory.top
    freeMap(first)
    const second = createMap(memory, spec(T.BPF_MAP_TYPE_HASH))
    expect(second.base).toBe(first.base)
    expect(memory.top).toBe(top)
    expect(second.next()).toBeUndefined()
  })

  test('two handles over one shared memory are one map', () => {
    const memory = newMemory({ shared: true, maximumBytes: 1 << 24 })
    expect(memory.wasm.buffer).toBeInstanceOf(SharedArrayBuffer)
    const one = createMap(memory, spec(T.BPF_MAP_TYPE_HASH))
    const other = openMap(memory, one.base)
    one.set(u32(5), new Uint8Array(8).fill(6))
    expect(hex(other.get(u32(5)))).toBe('0606060606060606')
    other.delete(u32(5))
    expect(one.count).toBe(0)
  })
})
