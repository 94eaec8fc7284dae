// Helpers beside the kernel's: each is called with arguments around its limits, by a program that leaves its answer in r0.

import { describe, expect, test } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import * as T from '../bpf/map-type-table.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { toHex } from '../bytes/hex.ts'
import { encodeText } from '../bytes/writer.ts'
import { possibleCpus, probe, runOnKernel } from '../linux/index.ts'
import { createMap, freeMap, newMemory } from '../maps/index.ts'
import { Dice } from './dice.ts'
import { Interpreter } from './engine.ts'
import { randomPacket } from './generate.ts'

const kernel = probe()
const why = kernel.ok ? '' : ` (skipped: ${kernel.why})`
const memory = newMemory()

type Write = (dice: Dice) => string

/** The stack's upper 64 bytes filled with something. */
const stack = (dice: Dice): string =>
  Array.from({ length: 8 }, (_, i) => `*(u64 *)(r10 - ${8 * (i + 1)}) = ${dice.chance(0.2) ? 0 : dice.word()}`).join('\n')
const flagged = (dice: Dice, flags: readonly number[]): number => dice.pick(flags)
const offsets = [0, 1, 2, 10, 14, 24, 25, 40, 62, 63, 64, 100, 65535, 65536, -1, -2147483648]

const xdp: Readonly<Record<string, Write>> = {
  adjust_head: d => `r2 = ${d.pick([0, 1, -1, 50, 51, -215, -216, -217, -256, 14, d.word()])}\ncall xdp_adjust_head`,
  adjust_tail: d => `r2 = ${d.pick([0, 1, -1, -50, -51, 3455, 3456, 3457, 3000, d.word()])}\ncall xdp_adjust_tail`,
  adjust_meta: d => `r2 = ${d.pick([0, -4, -8, -3, 4, -32, -36, -216, -220, -252, -256, d.word()])}\ncall xdp_adjust_meta`,
  adjust_twice: d =>
    `r2 = ${-4 * d.below(9)}\ncall xdp_adjust_meta\nr1 = r6\nr2 = ${d.pick([-8, -180, -184, -216, 4, 20])}\ncall xdp_adjust_head\nr7 = r0\nr1 = r6\nr2 = ${d.pick([4, -4, 8])}\ncall xdp_adjust_meta\nr0 <<= 8\nr0 ^= r7`,
  buffer_length: () => 'call xdp_get_buff_len',
  load_bytes: d =>
    `${stack(d)}\nr2 = ${d.pick(offsets)}\nr3 = r10\nr3 += -64\nr4 = ${1 + d.below(64)}\ncall xdp_load_bytes\nr1 = *(u64 *)(r10 - 64)\nr0 ^= r1`,
  store_bytes: d => `${stack(d)}\nr2 = ${d.pick(offsets)}\nr3 = r10\nr3 += -64\nr4 = ${1 + d.below(64)}\ncall xdp_store_bytes`,
  redirect: d => `r1 = ${d.below(5)}\nr2 = ${d.pick([0, 0, 1, 2])}\ncall redirect`,
  csum_diff: d =>
    `${stack(d)}\nr1 = r10\nr1 += -64\nr2 = ${4 * d.below(9)}\nr3 = r10\nr3 += -32\nr4 = ${4 * d.below(9)}\nr5 = ${d.pick([0, 1, -1, 0xffff, d.word()])}\ncall csum_diff`,
  csum_diff_odd: d =>
    `${stack(d)}\nr1 = r10\nr1 += -64\nr2 = ${d.below(9)}\nr3 = r10\nr3 += -32\nr4 = ${d.below(9)}\nr5 = ${d.word()}\ncall csum_diff`,
}

const tc: Readonly<Record<string, Write>> = {
  load_bytes: d =>
    `${stack(d)}\nr2 = ${d.pick(offsets)}\nr3 = r10\nr3 += -64\nr4 = ${1 + d.below(64)}\ncall skb_load_bytes\nr1 = *(u64 *)(r10 - 64)\nr0 ^= r1`,
  load_bytes_relative: d =>
    `${stack(d)}\nr2 = ${d.pick(offsets)}\nr3 = r10\nr3 += -64\nr4 = ${1 + d.below(64)}\nr5 = ${d.below(3)}\ncall skb_load_bytes_relative\nr1 = *(u64 *)(r10 - 64)\nr0 ^= r1`,
  store_bytes: d =>
    `${stack(d)}\nr2 = ${d.pick(offsets)}\nr3 = r10\nr3 += -64\nr4 = ${1 + d.below(64)}\nr5 = ${d.pick([0, 1, 2, 3, 4])}\ncall skb_store_bytes`,
  l3_csum_replace: d =>
    `r2 = ${d.pick(offsets)}\nr3 = ${d.pick([0, d.word()])}\nr4 = ${d.word()}\nr5 = ${flagged(d, [0, 2, 4, 1, 3, 16])}\ncall l3_csum_replace`,
  l4_csum_replace: d =>
    `r2 = ${d.pick(offsets)}\nr3 = ${d.pick([0, d.word()])}\nr4 = ${d.word()}\nr5 = ${flagged(d, [0, 2, 4, 0x12, 0x14, 0x10, 0x20, 0x22, 0x24, 0x34, 0x64, 0x62, 0x44, 0x100, 5])}\ncall l4_csum_replace`,
  pull_data: d => `r2 = ${d.pick([0, 10, 64, 65, 14, 1000])}\ncall skb_pull_data`,
  change_tail: d =>
    `r2 = ${d.pick([0, 13, 14, 15, 60, 64, 100, 300, 16063, 16064, 16065])}\nr3 = ${d.pick([0, 0, 0, 1])}\ncall skb_change_tail`,
  change_head: d =>
    `r2 = ${d.pick([0, 1, 14, 20, 15900, 15990, 16000, 16040, 16064, -1])}\nr3 = ${d.pick([0, 0, 0, 1])}\ncall skb_change_head`,
  change_head_and_tail: d =>
    `${`r1 = r6\nr2 = ${d.pick([4, 20, 30])}\nr3 = 0\ncall skb_change_head\n`.repeat(d.below(9))}r1 = r6\nr2 = ${d.pick([60, 90])}\nr3 = 0\ncall skb_change_tail`,
  change_type: d => `r2 = ${d.below(5)}\ncall skb_change_type\nr1 = *(u32 *)(r6 + 4)\nr0 ^= r1`,
  csum_update: d => `r2 = ${d.word()}\ncall csum_update`,
  set_hash: d => `r2 = ${d.word()}\ncall set_hash\nr1 = *(u32 *)(r6 + 68)\nr0 ^= r1`,
  redirect: d => `r1 = ${d.below(5)}\nr2 = ${d.pick([0, 1, 2])}\ncall redirect`,
  context: d => {
    const field = d.pick([8, 12, 32, 44, 48, 52, 56, 60, 64, 72])
    const read = d.pick([0, 8, 12, 16, 32, 36, 40, 44, 48, 60, 68, 72, field])
    return `r2 = ${d.pick([0, 1, 0xfffe, 0xffff, 0x10000, d.word()])}\n*(u32 *)(r6 + ${field}) = r2\nr0 = *(u32 *)(r6 + ${read})`
  },
}

const text = (name: string, size: number): MapSpec => ({
  name: 'text',
  type: T.BPF_MAP_TYPE_ARRAY,
  keySize: 4,
  valueSize: size,
  maxEntries: 1,
  flags: T.BPF_F_RDONLY_PROG,
  init: [{ key: new Uint8Array(4), value: Uint8Array.from({ length: size }, (_, i) => encodeText(name)[i] ?? 0) }],
  frozen: true,
})

const formats = [
  'plain',
  '%d %u %x',
  '%ld',
  '%llu %lli',
  '%c%c',
  '%5d|%-5d|%05d',
  '%%',
  '%',
  '%q',
  '%d %d %d %d',
  '%x %X',
  '%hd',
  '%hhx',
  '%s',
  '%lx',
  'tab\there',
  '%-08x|',
  '%+d',
]
const numbers = [
  '0',
  '12',
  '-12',
  '  7x',
  '0x1f',
  '017',
  '0',
  'abc',
  '',
  '-',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  '0x',
  '08',
]

function check(name: string, body: string, type: number, specs: readonly MapSpec[], packet: Uint8Array): void {
  const program: Program = {
    name: 'helper',
    type,
    expectedAttachType: 0,
    flags: 0,
    license: 'GPL',
    insns: assemble(`r6 = r1\n${body}\nexit`),
  }
  const theirs = runOnKernel(program, specs, [packet], {})
  if (theirs.errno !== 0) throw new Error(`${name}: ${runOnKernel(program, specs, [packet], { logLevel: 1 }).log}`)
  const maps = specs.map(spec => createMap(memory, spec, { cpus: possibleCpus() }))
  const engine = new Interpreter(program, maps, { memory })
  const ours = engine.run(packet)
  engine.free()
  for (const map of maps) freeMap(map)
  const run = theirs.runs[0]!
  expect({ name, body, fault: ours.fault, retval: ours.retval, data: toHex(ours.data) }).toEqual({
    name,
    body,
    fault: undefined,
    retval: run.retval,
    data: toHex(run.data),
  })
}

describe.skipIf(!kernel.ok)(`as the kernel${why}`, () => {
  const rounds = 60
  const sets: [string, number, Readonly<Record<string, Write>>][] = [
    ['XDP', BPF_PROG_TYPE_XDP, xdp],
    ['TC', BPF_PROG_TYPE_SCHED_CLS, tc],
  ]
  for (const [set, type, table] of sets)
    for (const [name, write] of Object.entries(table))
      test(`${set} ${name}`, () => {
        for (let i = 0; i < rounds; i++) {
          const dice = new Dice(i * 7919 + name.length)
          const packet = randomPacket(i)
          // Linux refuses a test run on an IP packet without an IP header.
          if (i % 3 === 0 && packet.length >= 34) packet.set([8, 0], 12)
          check(name, write(dice), type, [], packet)
        }
      })

  test('XDP packets of more than one buffer', () => {
    const bodies = [
      'r2 = *(u32 *)(r6 + 4)\nr1 = *(u32 *)(r6 + 0)\nr0 = r2\nr0 -= r1',
      'call xdp_get_buff_len',
      ...[-3600, -600, -20, -1, 1, 20, 95, 96, 97, 575, 576, 577, 3000, 4000, 4096].map(by => `r2 = ${by}\ncall xdp_adjust_tail`),
      ...[-20, 20].map(by => `r2 = ${by}\ncall xdp_adjust_head`),
    ]
    for (const bytes of [3519, 3520, 3521, 4000, 4096, 7616, 9000])
      for (const body of bodies)
        check(
          `${bytes}`,
          body,
          BPF_PROG_TYPE_XDP,
          [],
          Uint8Array.from({ length: bytes }, (_, i) => i),
        )
  })

  test('trace_printk', () => {
    for (const format of formats) {
      const size = format.length + 1
      const body = `r1 = map[0][0] ll\nr2 = ${size}\nr3 = -2\nr4 = 66\nr5 = 0x123456789 ll\ncall trace_printk`
      if (!/%s|%[0-9]*$|%q/.test(format))
        check(`trace_printk ${format}`, body, BPF_PROG_TYPE_XDP, [text(format, size)], new Uint8Array(64))
    }
  })

  test('snprintf', () => {
    for (const format of formats) {
      const args = (format.replace(/%%/g, '').match(/%/g) ?? []).length
      // The verifier reads the format itself and refuses a wrong one.
      if (/%$|%q|%s|%h/.test(format) && format !== '%%') continue
      for (const size of [1, 4, 40]) {
        const body = `*(u64 *)(r10 - 64) = 0\n*(u64 *)(r10 - 56) = 0\n*(u64 *)(r10 - 48) = 0\n*(u64 *)(r10 - 40) = 0\n*(u64 *)(r10 - 32) = 0
          *(u64 *)(r10 - 24) = -5\n*(u64 *)(r10 - 16) = 77\n*(u64 *)(r10 - 8) = 65\n*(u64 *)(r10 - 72) = 66
          r1 = r10\nr1 += -64\nr2 = ${size}\nr3 = map[0][0] ll\nr4 = r10\nr4 += ${-8 * Math.max(args, 1)}\nr5 = ${8 * args}\ncall snprintf
          r1 = *(u64 *)(r10 - 64)\nr0 ^= r1\nr1 = *(u64 *)(r10 - 56)\nr0 ^= r1`
        if (args <= 3) check(`snprintf ${format}`, body, BPF_PROG_TYPE_XDP, [text(format, format.length + 1)], new Uint8Array(64))
      }
    }
  })

  test('strtol, strtoul and strncmp', () => {
    for (const number of numbers)
      for (const base of [0, 8, 10, 16, 2])
        for (const helper of ['strtol', 'strtoul']) {
          const bytes = Math.max(number.length, 1) + (base === 8 ? 0 : 1)
          const body = `*(u64 *)(r10 - 8) = 0\nr1 = map[0][0] ll\nr2 = ${bytes}\nr3 = ${base}\nr4 = r10\nr4 += -8\ncall ${helper}\nr1 = *(u64 *)(r10 - 8)\nr0 ^= r1\nr1 >>= 32\nr0 ^= r1`
          check(`${helper} ${number} ${base}`, body, BPF_PROG_TYPE_XDP, [text(number, bytes)], new Uint8Array(64))
        }
    for (const [a, b] of [
      ['abc', 'abc'],
      ['abc', 'abd'],
      ['ab', 'abc'],
      ['abc', 'ab'],
      ['', 'a'],
    ] as const)
      for (const size of [1, 2, 3, 4]) {
        const body = `r1 = map[0][0] ll\nr2 = ${size}\nr3 = map[1][0] ll\ncall strncmp`
        check(`strncmp ${a} ${b} ${size}`, body, BPF_PROG_TYPE_XDP, [text(a, 5), text(b, 5)], new Uint8Array(64))
      }
  })

  test('redirect_map', () => {
    const kinds: [number, number][] = [
      [T.BPF_MAP_TYPE_DEVMAP, 1],
      [T.BPF_MAP_TYPE_DEVMAP_HASH, 1],
      [T.BPF_MAP_TYPE_CPUMAP, 64],
    ]
    for (const [type, value] of kinds) {
      const spec: MapSpec = {
        name: 'm',
        type,
        keySize: 4,
        valueSize: 4,
        maxEntries: 2,
        flags: 0,
        init: [{ key: new Uint8Array(4), value: Uint8Array.of(value, 0, 0, 0) }],
      }
      for (const key of [0, 1, 2, 5])
        for (const flags of [0, 1, 2, 3, 4, 8, 16, 32])
          check(
            `redirect_map ${type}`,
            `r1 = map[0] ll\nr2 = ${key}\nr3 = ${flags}\ncall redirect_map`,
            BPF_PROG_TYPE_XDP,
            [spec],
            new Uint8Array(64),
          )
    }
  })
})
