// The control channel against a plain model of tables, and against bytes that are no messages.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH } from '../bpf/map-type-table.ts'
import { newMemory } from '../maps/index.ts'
import { Control, MESSAGE, REPLY } from './control.ts'
import { RC, type TableLimits, Tables } from './tables.ts'

const SLOT = 64
const limits: TableLimits = {
  types: (1 << BPF_MAP_TYPE_HASH) | (1 << BPF_MAP_TYPE_ARRAY),
  maxMaps: 4,
  maxElements: 1000,
  maxKeyBytes: SLOT,
  maxValueBytes: SLOT,
  maxElementBytes: 128,
}

function newControl(severalEntries = false): Control {
  return new Control(new Tables(newMemory({ maximumBytes: 1 << 24 }), limits, 7), {
    keySlot: SLOT,
    valueSlot: SLOT,
    mtu: 1500,
    severalEntries,
  })
}

/** A message: type, then 32-bit words, then bytes. */
function message(type: number, words: readonly number[], ...slots: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(4 + words.length * 4 + slots.length * SLOT)
  const view = new DataView(bytes.buffer)
  bytes[0] = type
  bytes[1] = 1
  view.setUint16(2, 0xbeef)
  words.forEach((word, i) => {
    view.setUint32(4 + i * 4, word)
  })
  slots.forEach((slot, i) => {
    bytes.set(slot, 4 + words.length * 4 + i * SLOT)
  })
  return bytes
}

interface Answer {
  readonly rc: number
  readonly word: number
  readonly bytes: Uint8Array
}

function ask(control: Control, type: number, words: readonly number[], ...slots: Uint8Array[]): Answer {
  const replies = control.handle(message(type, words, ...slots))
  expect(replies).toHaveLength(1)
  const [bytes] = replies as [Uint8Array]
  const view = new DataView(bytes.buffer)
  expect(bytes[0]).toBe(type | REPLY)
  expect(bytes[1]).toBe(1)
  expect(view.getUint16(2)).toBe(0xbeef)
  return { rc: view.getUint32(4), word: view.getUint32(8), bytes }
}

const none = new Uint8Array(0)

function alloc(control: Control, type: number, keySize: number, valueSize: number, entries: number): Answer {
  return ask(control, MESSAGE.ALLOC, [keySize, valueSize, entries, type, 0])
}

function operation(control: Control, type: number, table: number, key: Uint8Array, value = none, flags = 0, count = 1): Answer {
  const answer = ask(control, type, [table, count, flags], key, value)
  expect(answer.bytes.length).toBe(16 + 2 * SLOT * (answer.word + (answer.rc === RC.OK ? 0 : 1)))
  return answer
}

function valueIn(answer: Answer, bytes: number, entry = 0): Uint8Array {
  return answer.bytes.slice(16 + entry * 2 * SLOT + SLOT, 16 + entry * 2 * SLOT + SLOT + bytes)
}

test('tables are numbered, limited, freed and numbered again', () => {
  const control = newControl()
  expect(alloc(control, BPF_MAP_TYPE_HASH, 4, 8, 100)).toMatchObject({ rc: RC.OK, word: 7 })
  expect(alloc(control, BPF_MAP_TYPE_ARRAY, 4, 8, 900)).toMatchObject({ rc: RC.OK, word: 8 })
  expect(alloc(control, BPF_MAP_TYPE_ARRAY, 4, 8, 1).rc).toBe(RC.NO_MEMORY)
  expect(alloc(control, BPF_MAP_TYPE_ARRAY, 8, 8, 1).rc).not.toBe(RC.OK)
  expect(alloc(control, 9, 4, 8, 1).rc).toBe(RC.INVALID)
  expect(alloc(control, 0xffffffff, 4, 8, 1).rc).toBe(RC.INVALID)
  expect(alloc(control, BPF_MAP_TYPE_HASH, 65, 8, 1).rc).toBe(RC.NO_MEMORY)
  expect(ask(control, MESSAGE.FREE, [7])).toMatchObject({ rc: RC.OK, word: 1 })
  expect(ask(control, MESSAGE.FREE, [7]).rc).toBe(RC.BAD_TABLE)
  expect(alloc(control, BPF_MAP_TYPE_HASH, 64, 64, 10)).toMatchObject({ rc: RC.OK, word: 7 })
})

test('errors of element operations', () => {
  const control = newControl()
  alloc(control, BPF_MAP_TYPE_HASH, 4, 4, 2)
  alloc(control, BPF_MAP_TYPE_ARRAY, 4, 4, 2)
  const key = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0)
  const value = Uint8Array.of(1, 2, 3, 4)
  expect(operation(control, MESSAGE.LOOKUP, 99, key(0)).rc).toBe(RC.BAD_TABLE)
  expect(operation(control, MESSAGE.LOOKUP, 7, key(0)).rc).toBe(RC.NO_ENTRY)
  expect(operation(control, MESSAGE.UPDATE, 7, key(0), value, 2).rc).toBe(RC.NO_ENTRY)
  expect(operation(control, MESSAGE.UPDATE, 7, key(0), value, 1).rc).toBe(RC.OK)
  expect(operation(control, MESSAGE.UPDATE, 7, key(0), value, 1).rc).toBe(RC.EXISTS)
  expect(operation(control, MESSAGE.UPDATE, 7, key(0), value, 3).rc).toBe(RC.INVALID)
  expect(operation(control, MESSAGE.UPDATE, 7, key(1), value).rc).toBe(RC.OK)
  expect(operation(control, MESSAGE.UPDATE, 7, key(2), value).rc).toBe(RC.TOO_BIG)
  expect(operation(control, MESSAGE.DELETE, 8, key(0)).rc).toBe(RC.INVALID)
  expect(operation(control, MESSAGE.LOOKUP, 8, key(0), none, 0, 2).rc).toBe(RC.INVALID)
  expect(operation(control, MESSAGE.FIRST, 7, key(0), none, 0, 2).rc).toBe(RC.INVALID)
})

const keys = fc.uint8Array({ minLength: 2, maxLength: 2 }).map(bytes => Uint8Array.of(bytes[0]! & 3, bytes[1]! & 3))
const values = fc.uint8Array({ minLength: 5, maxLength: 5 })
const steps = fc.array(
  fc.record({
    type: fc.constantFrom(MESSAGE.LOOKUP, MESSAGE.UPDATE, MESSAGE.DELETE),
    key: keys,
    value: values,
    flags: fc.integer({ min: 0, max: 2 }),
  }),
  { maxLength: 60 },
)

test('a hash table behaves as a Map does, and is walked whole, one or several entries a message', () => {
  fc.assert(
    fc.property(steps, fc.boolean(), (list, several) => {
      const control = newControl(several)
      alloc(control, BPF_MAP_TYPE_HASH, 2, 5, 8)
      const model = new Map<string, Uint8Array>()
      for (const { type, key, value, flags } of list) {
        const name = String(key)
        const had = model.get(name)
        const { rc, ...answer } = { ...operation(control, type, 7, key, value, flags) }
        if (type === MESSAGE.LOOKUP) {
          expect(rc).toBe(had === undefined ? RC.NO_ENTRY : RC.OK)
          if (had !== undefined) expect(valueIn({ rc, ...answer }, 5)).toEqual(had)
        } else if (type === MESSAGE.DELETE) {
          expect(rc).toBe(model.delete(name) ? RC.OK : RC.NO_ENTRY)
        } else {
          const full = had === undefined && model.size === 8
          const want =
            had !== undefined && flags === 1
              ? RC.EXISTS
              : had === undefined && flags === 2
                ? RC.NO_ENTRY
                : full
                  ? RC.TOO_BIG
                  : RC.OK
          expect(rc).toBe(want)
          if (rc === RC.OK) model.set(name, value)
        }
      }
      const seen = new Map<string, Uint8Array>()
      const wanted = several ? 4 : 1
      let answer = operation(control, MESSAGE.FIRST, 7, none, none, 0, wanted)
      for (let guard = 0; answer.word > 0; guard++) {
        expect(guard).toBeLessThan(20)
        let last = none
        for (let i = 0; i < answer.word; i++) {
          last = answer.bytes.slice(16 + i * 2 * SLOT, 16 + i * 2 * SLOT + 2)
          seen.set(String(last), valueIn(answer, 5, i))
        }
        answer = operation(control, MESSAGE.NEXT, 7, last, none, 0, wanted)
      }
      expect(answer.rc).toBe(RC.NO_ENTRY)
      expect(seen).toEqual(model)
    }),
    { numRuns: 200 },
  )
})

test('any bytes give one answer or are counted as dropped', () => {
  const noise = fc.uint8Array({ maxLength: 200 })
  const nearly = fc
    .tuple(
      fc.integer({ min: 0, max: 9 }),
      fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 0xffffffff })), { maxLength: 40 }),
    )
    .map(([type, words]) => message(type, words))
  fc.assert(
    fc.property(fc.array(fc.oneof(noise, nearly), { maxLength: 20 }), fc.boolean(), (messages, several) => {
      const control = newControl(several)
      alloc(control, BPF_MAP_TYPE_ARRAY, 4, 8, 3)
      let answers = 1
      messages.forEach((bytes, i) => {
        const replies = control.handle(bytes)
        answers += replies.length
        expect(replies.length).toBeLessThan(2)
        expect(control.answered + control.dropped).toBe(i + 2)
        for (const reply of replies) expect(reply.length).toBeLessThanOrEqual(1500)
      })
      expect(control.answered).toBe(answers)
    }),
    { numRuns: 1000 },
  )
})
