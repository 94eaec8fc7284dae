import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Json, Members, printJson, Raw } from './json.ts'

/** Other control characters stand in no name or value of a kernel, and the tools don't escape them. */
const printable = (text: string): boolean => [...text].every(c => c >= ' ' || '\t\n\r\f\b'.includes(c))

const value = fc.letrec<{ json: Json }>(tie => ({
  json: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string().filter(printable),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ maxLength: 5 }).filter(name => name !== '__proto__' && printable(name)),
      tie('json'),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    ),
  ),
})).json

test('what is printed, in every style, is JSON and means the same', () => {
  fc.assert(
    fc.property(value, fc.boolean(), fc.constantFrom('bpftool', 'iproute'), (json, pretty, style) => {
      const text = printJson(json, pretty, style)
      expect(JSON.parse(text)).toEqual(json)
      if (!pretty) expect(text.indexOf('\n')).toBe(text.length - 1)
    }),
  )
})

test('numbers beyond doubles and names that come twice stay as they are', () => {
  const json = new Members([
    ['a', new Raw('18446744073709551615')],
    ['a', [1, 2]],
  ])
  expect(printJson(json, false)).toBe('{"a":18446744073709551615,"a":[1,2]}\n')
  expect(printJson(json, true)).toBe('{\n    "a": 18446744073709551615,\n    "a": [1,2\n    ]\n}\n')
})

test('the brackets of lists tell the two tools apart', () => {
  const json = [{ list: ['A', 'B'], none: [] }, { list: [] }]
  expect(printJson(json, true)).toBe(
    '[{\n        "list": ["A","B"\n        ],\n        "none": []\n    },{\n        "list": []\n    }\n]\n',
  )
  expect(printJson(json, true, 'iproute')).toBe(
    '[ {\n        "list": [ "A","B" ],\n        "none": [ ]\n    },{\n        "list": [ ]\n    } ]\n',
  )
})
