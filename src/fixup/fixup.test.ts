// What the passes do, without a kernel to ask: text before and after, the switches, and properties of any result.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import * as T from '../bpf/map-type-table.ts'
import { CALL, LD_IMM64 } from '../bpf/opcode.ts'
import { printInsn } from '../bpf/print.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { randomProgram } from '../host/generate.ts'
import { loadObject } from '../object/index.ts'
import { isJump, jumpOffset } from '../verifier/flow.ts'
import type { Target, Verified } from '../verifier/index.ts'
import { verify } from '../verifier/verify.ts'
import { type FixupOptions, fixup, optimisations, type SwitchName, type Xlated } from './index.ts'

const XDP = 6
const TC = 3
const hash: MapSpec = { name: 'h', type: T.BPF_MAP_TYPE_HASH, keySize: 8, valueSize: 8, maxEntries: 4, flags: 0 }
const array: MapSpec = { ...hash, type: T.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 24 }
const key = '*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr1 = map[0] ll\n'

function accepted(program: Program, maps: readonly MapSpec[] = [], target: Target = { kind: 'host' }): Verified {
  const verdict = verify(program, maps, { target })
  if (!verdict.ok) throw new Error(verdict.log)
  return verdict.verified
}

const program = (text: string, type = XDP): Program => ({
  name: 'test',
  type,
  expectedAttachType: 0,
  flags: 0,
  license: 'GPL',
  insns: assemble(text),
})

function lines(xlated: Xlated): string[] {
  const list: string[] = []
  for (let i = 0; i < xlated.insns.count; i++) {
    const symbol = xlated.symbols.get(i)
    list.push(symbol !== undefined && xlated.insns.code[i] === CALL ? `call ${symbol}` : printInsn(xlated.insns, i).slice(5))
    if (xlated.insns.code[i] === LD_IMM64) i++
  }
  return list
}

function rewritten(text: string, type = XDP, maps: readonly MapSpec[] = [], options: FixupOptions = {}): string[] {
  return lines(fixup(accepted(program(text, type), maps), options))
}

describe('context', () => {
  test('the fields of xdp_md are reached through its structures', () => {
    expect(rewritten('r2 = *(u32 *)(r1 + 0)\nr2 = *(u32 *)(r1 + 12)\nr2 = *(u32 *)(r1 + 16)\nr0 = 0\nexit')).toEqual([
      'r2 = *(u64 *)(r1 +0)',
      'r2 = *(u64 *)(r1 +32)',
      'r2 = *(u64 *)(r2 +0)',
      'r2 = *(u32 *)(r2 +224)',
      'r2 = *(u64 *)(r1 +32)',
      'r2 = *(u32 *)(r2 +8)',
      'r0 = 0',
      'exit',
    ])
  })

  test('a part of a field is shifted and masked, and not where the field itself is small', () => {
    expect(rewritten('r2 = *(u8 *)(r1 + 9)\nr3 = *(u16 *)(r1 + 16)\nr4 = *(u8 *)(r1 + 49)\nr0 = 0\nexit', TC)).toEqual([
      'r2 = *(u32 *)(r1 +164)',
      'w2 >>= 8',
      'w2 &= 255',
      'r3 = *(u16 *)(r1 +176)',
      'r4 = *(u8 *)(r1 +49)',
      'r0 = 0',
      'exit',
    ])
  })

  test('a TC program that writes to packets begins with making them its own', () => {
    const text =
      'r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 1\nif r4 > r3 goto out\n*(u8 *)(r2 + 0) = 1\nout: r0 = 0\nexit'
    expect(rewritten(text, TC).slice(0, 11)).toEqual([
      'r6 = *(u8 *)(r1 +126)',
      'w6 &= 1',
      'if r6 == 0x0 goto pc+7',
      'r6 = r1',
      'r2 ^= r2',
      'call bpf_skb_pull_data',
      'if r0 == 0x0 goto pc+2',
      'w0 = 2',
      'exit',
      'r1 = r6',
      'r2 = *(u64 *)(r1 +200)',
    ])
    expect(rewritten(text.replace('*(u8 *)(r2 + 0) = 1', 'r5 = *(u8 *)(r2 + 0)'), TC)[0]).toBe('r2 = *(u64 *)(r1 +200)')
  })
})

describe('switches', () => {
  const text = `${key}call map_lookup_elem\ncall jiffies64\nr0 = 0\nexit`
  const calls = (off: readonly SwitchName[], map = hash): string[] =>
    rewritten(text, XDP, [map], { off }).filter(line => line.startsWith('call'))

  test('each optimisation can be left out', () => {
    expect(calls([])).toEqual(['call __htab_map_lookup_elem'])
    expect(calls([], array)).toEqual([])
    expect(calls(['inline-lookup'])).toEqual(['call htab_map_lookup_elem'])
    expect(calls(['inline-lookup', 'direct-map-call'])).toEqual(['call bpf_map_lookup_elem'])
    expect(calls(['inline-helpers'])).toEqual(['call __htab_map_lookup_elem', 'call bpf_jiffies64'])
  })

  test('a loop over a known callback stands in the program, or is called', () => {
    const bytes = new Uint8Array(readFileSync(new URL('../../testdata/objects/fixup.bpf.o', import.meta.url)))
    const object = loadObject(bytes, { name: 'fixup' })
    const loops = (name: string, off: readonly SwitchName[]): number => {
      const found = object.programs.find(each => each.name === name)
      if (found === undefined) throw new Error(`no program ${name}`)
      return lines(fixup(accepted(found, object.maps), { off })).filter(line => line === 'call bpf_loop').length
    }
    expect(loops('loops', [])).toBe(0)
    expect(loops('loops', ['inline-loop'])).toBe(2)
    // Its flags are not known to be zero.
    expect(loops('loop_called', [])).toBe(1)
  })

  test('every name of the table is a switch', () => {
    for (const { name } of optimisations) {
      expect(rewritten('r0 = 0\nexit', XDP, [], { off: [name] })).toEqual(['r0 = 0', 'exit'])
    }
  })
})

test('a program for a device keeps its own context, and has no functions for its maps', () => {
  const hooks = {
    prepare: () => 0,
    insn: () => 0,
    finalize: () => 0,
    replaceInsn: () => 0,
    removeInsns: () => 0,
  }
  const text = `r6 = *(u32 *)(r1 + 0)\n${key}call map_lookup_elem\nr0 = 0\nif r0 == 0 goto out\nr0 = 5\nout: exit`
  const verified = accepted(program(text), [hash], { kind: 'offloaded', device: 'nic0', hooks })
  expect(lines(fixup(verified))).toEqual([
    'r6 = *(u32 *)(r1 +0)',
    '*(u64 *)(r10 -8) = 0',
    'r2 = r10',
    'r2 += -8',
    'r1 = 0x0',
    'call 0x0',
    'r0 = 0',
    'exit',
  ])
})

test('of any program: jumps land on instructions, what was dead is gone, the same comes out again', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { program: random, maps } = randomProgram(seed, { tc: seed % 2 === 0 })
    const verified = accepted(random, maps)
    const xlated = fixup(verified)
    const { insns } = xlated
    const heads = new Set<number>()
    for (let i = 0; i < insns.count; i++) {
      heads.add(i)
      if (insns.code[i] === LD_IMM64) i++
    }
    for (const i of heads) {
      if (isJump(insns.code[i]!)) expect(heads.has(i + 1 + jumpOffset(insns, i))).toBe(true)
      expect(verified.removed[xlated.origin[i]!]).toBe(0)
    }
    for (const start of xlated.subprogStart) expect(heads.has(start)).toBe(true)
    const again = fixup(accepted(random, maps))
    expect(again.insns).toEqual(insns)
  }
})
