// The rewritten programs of the real kernel beside ours: random ones, and for each thing that is rewritten one of its own. Addresses differ
// from machine to machine, and so do the ids of maps; all else is equal.

import { describe, expect, test } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import { decodeInsns } from '../bpf/decode.ts'
import type { Insns } from '../bpf/insns.ts'
import * as T from '../bpf/map-type-table.ts'
import { LD_IMM64 } from '../bpf/opcode.ts'
import { printInsn } from '../bpf/print.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { randomProgram } from '../host/generate.ts'
import { closeKernelMap, closeProgram, createKernelMap, loadProgram, probe, readXlated } from '../linux/index.ts'
import { verify } from '../verifier/verify.ts'
import { fixup } from './fixup.ts'

const kernel = probe()
const PROGRAMS = Number(process.env.NICWRIGHT_SUITE ?? 200)

function ours(program: Program, maps: readonly MapSpec[]): { readonly insns: Insns; readonly masked: ReadonlySet<number> } {
  const verdict = verify(program, maps, { logLevel: 1 })
  if (!verdict.ok) throw new Error(`${program.name}: ${verdict.message}`)
  const { insns, symbols } = fixup(verdict.verified)
  return { insns, masked: new Set(symbols.keys()) }
}

/** Undefined where this kernel refuses the program: it may be another one than ours. */
function theirs(program: Program, maps: readonly MapSpec[]): Insns | undefined {
  const made = maps.map(createKernelMap)
  try {
    const loaded = loadProgram(program, made, { logLevel: 0 })
    if (!loaded.ok) return undefined
    const bytes = readXlated(loaded.fd)
    closeProgram(loaded.fd)
    return bytes === undefined ? undefined : decodeInsns(bytes)
  } finally {
    for (const map of made) closeKernelMap(map)
  }
}

function lines(insns: Insns, masked: ReadonlySet<number>): string[] {
  const imm = insns.imm.slice()
  const list: string[] = []
  for (let i = 0; i < insns.count; i++) {
    const wide = insns.code[i] === LD_IMM64
    if (masked.has(i) || (wide && (insns.src[i] === 1 || insns.src[i] === 2))) {
      imm[i] = 0
      if (wide && masked.has(i)) imm[i + 1] = 0
    }
    list.push(`${i}: ${printInsn({ ...insns, imm }, i)} off ${insns.off[i]}`)
    if (wide) i++
  }
  return list
}

function compare(program: Program, maps: readonly MapSpec[]): boolean {
  const expected = theirs(program, maps)
  if (expected === undefined) return false
  const { insns, masked } = ours(program, maps)
  expect(lines(insns, masked)).toEqual(lines(expected, masked))
  return true
}

const XDP = 6
const TC = 3
const FILTER = 1
const map = (type: number, keySize: number, valueSize: number, maxEntries: number, flags = 0): MapSpec => ({
  name: 'm',
  type,
  keySize,
  valueSize,
  maxEntries,
  flags,
})
const key = '*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr1 = map[0] ll\n'
const lookup = `${key}call map_lookup_elem\nr0 = 0\nexit`
const packet = 'r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 4\nif r4 > r3 goto out\n*(u8 *)(r2 + 0) = 1\n'
const division = (operator: string, divisor: string): string =>
  `call get_prandom_u32\nr7 = r0\nr8 = 100\nr8 ${operator}= ${divisor}\nw8 ${operator}= ${divisor.replace('r', 'w')}\nr0 = r8\nexit`

const cases: readonly (readonly [name: string, type: number, text: string, maps?: readonly MapSpec[]])[] = [
  ['an array of elements that are no power of two', XDP, lookup, [map(T.BPF_MAP_TYPE_ARRAY, 4, 100, 5)]],
  ['an array', XDP, lookup, [map(T.BPF_MAP_TYPE_ARRAY, 4, 8, 5)]],
  ['a per-CPU array', XDP, lookup, [map(T.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 5)]],
  ['a hash table', XDP, lookup, [map(T.BPF_MAP_TYPE_HASH, 4, 8, 5)]],
  ['a per-CPU hash table', XDP, lookup, [map(T.BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 5)]],
  ['an LRU table', XDP, lookup, [map(T.BPF_MAP_TYPE_LRU_HASH, 4, 8, 5)]],
  ['a per-CPU LRU table', XDP, lookup, [map(T.BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 5)]],
  ['a trie', XDP, lookup, [map(T.BPF_MAP_TYPE_LPM_TRIE, 8, 8, 5, 1)]],
  ['XDP sockets', XDP, lookup, [map(T.BPF_MAP_TYPE_XSKMAP, 4, 4, 8)]],
  [
    'maps in an array of maps',
    XDP,
    `${key}call map_lookup_elem\nif r0 == 0 goto out\nr1 = r0\nr2 = r10\nr2 += -8\ncall map_lookup_elem\nout: r0 = 0\nexit`,
    [{ ...map(T.BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 4), inner: map(T.BPF_MAP_TYPE_HASH, 4, 8, 3) }],
  ],
  [
    'one call, two maps',
    XDP,
    'r6 = map[0] ll\nr7 = map[1] ll\n*(u64 *)(r10 - 8) = 0\ncall get_prandom_u32\nr1 = r6\nif r0 == 0 goto pc+1\nr1 = r7\nr2 = r10\nr2 += -8\ncall map_lookup_elem\nr0 = 0\nexit',
    [map(T.BPF_MAP_TYPE_HASH, 8, 8, 4), map(T.BPF_MAP_TYPE_HASH, 8, 8, 5)],
  ],
  ['a tail call', XDP, 'r2 = map[0] ll\nr3 = 1\ncall tail_call\nr0 = 0\nexit', [map(T.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4)]],
  ...['/', '%', 's/', 's%'].flatMap(operator =>
    ['r7', '-1', '3'].map((divisor): readonly [string, number, string] => [
      `${operator} ${divisor}`,
      XDP,
      division(operator, divisor),
    ]),
  ),
  ['a write to a shared packet', TC, `${packet}out: r0 = 0\nexit`],
  [
    'a jump back to the first instruction',
    TC,
    `again: r6 = r1\n${packet}call get_prandom_u32\nr1 = r6\nmay_goto out\nif r0 == 5 goto again\nout: r0 = 0\nexit`,
  ],
  ['time stamps', TC, 'r2 = *(u64 *)(r1 + 152)\n*(u64 *)(r1 + 152) = r2\nr0 = 0\nexit'],
  ['time stamps and their kind', TC, 'r2 = *(u64 *)(r1 + 152)\nr3 = *(u8 *)(r1 + 180)\n*(u64 *)(r1 + 152) = r2\nr0 = 0\nexit'],
  ['packet loads', FILTER, 'r6 = r1\nr0 = *(u8 *)skb[3]\nr7 = r0\nr0 = *(u32 *)skb[r7 + 4]\nr0 = *(u16 *)skb[r7 + 0]\nexit'],
  ['may_goto', FILTER, 'r0 = 0\n*(u8 *)(r10 - 5) = 1\nagain: may_goto done\nr0 += 1\ngoto again\ndone: exit'],
  ['may_goto at the beginning', FILTER, 'again: may_goto done\ngoto again\ndone: r0 = 0\nexit'],
  ['small helpers', FILTER, 'call get_smp_processor_id\nr6 = r0\ncall jiffies64\nr0 += r6\nexit'],
  [
    'a socket',
    TC,
    'r1 = *(u64 *)(r1 + 168)\nif r1 == 0 goto out\ncall sk_fullsock\nif r0 == 0 goto out\nr1 = *(u8 *)(r0 + 25)\nr1 = *(u32 *)(r0 + 76)\nr1 = *(u16 *)(r0 + 48)\nout: r0 = 0\nexit',
  ],
  [
    'a 32-bit exchange that is read as 64 bit',
    XDP,
    '*(u64 *)(r10 - 8) = 1\nr1 = 2\nr0 = 1\nr0 = atomic_cmpxchg((u32 *)(r10 - 8), r0, r1)\nr0 += r0\nexit',
  ],
]

describe.skipIf(!kernel.ok)(`beside the real kernel${kernel.ok ? '' : ` (skipped: ${kernel.why})`}`, () => {
  test('random programs', () => {
    let compared = 0
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const { program, maps } = randomProgram(seed, { tc: seed % 3 === 0 })
      if (compare(program, maps)) compared++
    }
    expect(compared).toBeGreaterThan(PROGRAMS * 0.9)
  })

  for (const [name, type, text, maps = []] of cases) {
    test(name, () => {
      const program: Program = {
        name: name.replace(/\W/g, '').slice(0, 15),
        type,
        expectedAttachType: 0,
        flags: 0,
        license: 'GPL',
        insns: assemble(text),
      }
      expect(compare(program, maps)).toBe(true)
    })
  }
})
