import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex } from '../bytes/hex.ts'
import { NicwrightError } from '../errors.ts'
import { declarations, declare, define } from './declare.ts'
import { encodeBtf } from './encode.ts'
import { parseBtf } from './parse.ts'
import type { BtfMember, BtfType } from './types.ts'
import { shownJson, showValue } from './value.ts'

const int = (name: string, size: number, encoding = 0): BtfType => ({
  kind: 'int',
  name,
  size,
  encoding,
  bitOffset: 0,
  bits: size * 8,
})
const ref = (kind: 'ptr' | 'typedef' | 'const' | 'volatile', type: number, name = ''): BtfType => ({
  kind,
  name,
  type,
  flag: false,
})
const array = (type: number, length: number): BtfType => ({ kind: 'array', name: '', type, index: 1, length })
const member = (name: string, type: number, bitOffset: number, bitSize = 0): BtfMember => ({ name, type, bitOffset, bitSize })

// 1 u32, 2 int, 3 char, 4 bool, 5 u64, 6 char[8], 7 enum, 8 u32[2], 9 const char, 10 pointer to it, 11 typedef, 12 struct, …
const TYPES: readonly BtfType[] = [
  int('unsigned int', 4),
  int('int', 4, 1),
  int('char', 1, 1),
  int('_Bool', 1, 4),
  int('unsigned long long', 8),
  array(3, 8),
  {
    kind: 'enum',
    name: 'color',
    size: 4,
    signed: true,
    values: [
      { name: 'RED', value: -1 },
      { name: 'BLUE', value: 7 },
    ],
  },
  array(1, 2),
  ref('const', 3),
  ref('ptr', 9),
  ref('typedef', 1, 'u32'),
  {
    kind: 'struct',
    name: 'all',
    size: 56,
    flag: true,
    members: [
      member('word', 11, 0),
      member('number', 2, 32),
      member('wide', 5, 64),
      member('text', 6, 128),
      member('color', 7, 192),
      member('low', 1, 224, 3),
      member('high', 1, 227, 13),
      member('yes', 4, 240),
      member('at', 10, 256),
      member('two', 8, 320),
      member('next', 13, 384),
    ],
  },
  ref('ptr', 12),
  {
    kind: 'func_proto',
    name: '',
    type: 1,
    params: [
      { name: 'self', type: 13 },
      { name: 'text', type: 10 },
      { name: '', type: 0 },
    ],
  },
  ref('ptr', 14),
  array(15, 4),
  ref('ptr', 8),
  { kind: 'struct', name: '', size: 40, flag: false, members: [member('a', 1, 0), member('b', 16, 64)] },
  ref('typedef', 18, 'pair_t'),
  { kind: 'struct', name: 'tight', size: 5, flag: false, members: [member('tag', 3, 0), member('word', 1, 8)] },
  ref('volatile', 10),
]
const btf = parseBtf(encodeBtf(TYPES))

test('a value of every kind, as bpftool shows it in JSON and to people', () => {
  const bytes = fromHex(
    `d2040000feffffffffffffffffffffff${'6869007a00000000'}ffffffff0d00010034120000000000000500000006000000${'00'.repeat(8)}`,
  )
  const json =
    '{"word":1234,"number":-2,"wide":18446744073709551615,"text":"hi","color":"RED","low":"0x5","high":"0x1","yes":true,"at":4660,"two":[5,6],"next":0}'
  expect(shownJson(showValue(btf, 12, bytes))).toBe(json)
  const plain = shownJson(showValue(btf, 12, bytes, 0, { plain: true }))
  expect(plain).toContain('"low":0x5,"high":0x1,"yes":true,"at":0x1234,"two":[5,6],"next":(nil)')
})

test('text only where it is text: a zero byte inside, nothing unprintable before it', () => {
  const show = (hex: string): string => shownJson(showValue(btf, 6, fromHex(hex)))
  expect(show('6162636465666700')).toBe('"abcdefg"')
  expect(show('6162636465666768')).toBe('[97,98,99,100,101,102,103,104]')
  expect(show('610a000000000000')).toBe('[97,10,0,0,0,0,0,0]')
})

test('an enum value without a name is a number', () => {
  expect(shownJson(showValue(btf, 7, fromHex('07000000')))).toBe('"BLUE"')
  expect(shownJson(showValue(btf, 7, fromHex('fdffffff')))).toBe('-3')
})

test('bytes that are too few and types without end are errors', () => {
  expect(() => showValue(btf, 12, new Uint8Array(55))).toThrow(NicwrightError)
  const endless = parseBtf(
    encodeBtf([
      int('u8', 1),
      array(1, 0xffffffff),
      { kind: 'struct', name: 'e', size: 0, flag: false, members: [] },
      array(3, 0xffffffff),
    ]),
  )
  expect(() => showValue(endless, 2, new Uint8Array(8))).toThrow(/ends beyond/)
  expect(() => showValue(endless, 4, new Uint8Array(8))).toThrow(/too long/)
})

test('numbers of any bytes are those that a typed array reads', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), bytes => {
      const view = new DataView(bytes.buffer)
      expect(shownJson(showValue(btf, 1, bytes))).toBe(String(view.getUint32(0, true)))
      expect(shownJson(showValue(btf, 2, bytes, 4))).toBe(String(view.getInt32(4, true)))
      expect(shownJson(showValue(btf, 5, bytes))).toBe(String(view.getBigUint64(0, true)))
    }),
  )
})

test('declarations read as C reads them', () => {
  expect(declare(btf, 10, 'text')).toBe('const char *text')
  expect(declare(btf, 21, 'text')).toBe('const char * volatile text')
  expect(declare(btf, 16, 'table')).toBe('unsigned int (*table[4])(struct all *self, const char *text, ...)')
  expect(declare(btf, 17, 'rows')).toBe('unsigned int (*rows)[2]')
  expect(declare(btf, 19, 'pair')).toBe('pair_t pair')
  expect(define(btf, 19)).toBe(
    'typedef struct {\n\tunsigned int a;\n\tunsigned int (*b[4])(struct all *self, const char *text, ...);\n} pair_t;',
  )
  expect(define(btf, 20)).toContain('__attribute__((packed));')
  expect(define(btf, 12)).toContain('\tunsigned int low: 3;\n\tunsigned int high: 13;\n')
  expect(define(btf, 7)).toBe('enum color {\n\tRED = -1,\n\tBLUE = 7,\n};')
})

test('all declarations of an object come after those that they need', () => {
  const object = readFileSync(new URL('../../examples/xdp_lb.bpf.o', import.meta.url))
  // Found by its magic: the ELF reader is another room's.
  const start = object.indexOf(Buffer.from([0x9f, 0xeb, 1, 0, 24, 0, 0, 0]))
  const texts = declarations(parseBtf(object.subarray(start)))
  const names = texts.map(text => text.split(/[\s;]/).slice(0, 2).join(' '))
  expect(names).toContain('struct real')
  expect(texts.indexOf('typedef unsigned int u32;')).toBeLessThan(names.indexOf('struct real'))
  expect(texts[names.indexOf('struct real')]).toBe(
    'struct real {\n\tu32 addr[4];\n\tu32 source[4];\n\tu8 mac[6];\n\tu16 used;\n};',
  )
})

test('an alias is enough behind a pointer, but not for a member', () => {
  // 1 int, 2 struct node, 3 typedef node_t, 4 pointer to it, 5 struct list, 6 struct holder of a node by value
  const types: BtfType[] = [
    int('int', 4, 1),
    { kind: 'struct', name: 'list', size: 8, flag: false, members: [member('first', 3, 0)] },
    ref('ptr', 4),
    ref('typedef', 6, 'node_t'),
    { kind: 'struct', name: 'holder', size: 16, flag: false, members: [member('node', 4, 0)] },
    { kind: 'struct', name: 'node', size: 16, flag: false, members: [member('next', 3, 0), member('value', 1, 64)] },
  ]
  expect(declarations(parseBtf(encodeBtf(types)))).toEqual([
    'struct node;',
    'typedef struct node node_t;',
    'struct list {\n\tnode_t *first;\n};',
    'struct node {\n\tnode_t *next;\n\tint value;\n};',
    'struct holder {\n\tnode_t node;\n};',
  ])
})
