// Programs that keep a verifier busy, each for another reason. They are valid, and large by what they make the verifier do, not by their
// length.

import { assemble } from '../bpf/assemble.ts'
import * as T from '../bpf/map-type-table.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'

export interface Shape {
  readonly name: string
  readonly program: Program
  readonly maps: readonly MapSpec[]
}

const HASH: MapSpec = { name: 'flows', type: T.BPF_MAP_TYPE_HASH, keySize: 4, valueSize: 16, maxEntries: 64, flags: 0 }

function shape(name: string, text: readonly string[], maps: readonly MapSpec[] = [], type: number = BPF_PROG_TYPE_XDP): Shape {
  const insns = assemble(text.join('\n'))
  return {
    name,
    program: { name: name.replace(/\W/g, '_'), type, expectedAttachType: 0, flags: 0, license: 'GPL', insns },
    maps,
  }
}

/** Nine independent branches, each way remembered in a value that an address depends on later, so that none is pruned; then a long way. */
export function branches(length = 1100): Shape {
  const text = ['call 7', 'r7 = r0', 'r8 = 0']
  for (let bit = 0; bit < 9; bit++) text.push(`if r7 & ${1 << bit} goto b${bit}`, `r8 += ${1 << bit}`, `b${bit}:`)
  text.push('r1 = 0', '*(u64 *)(r10 - 16) = r1', 'r2 = r7', 'r3 = 1')
  for (let i = 0; i < length; i++) {
    const step = [
      `r1 += r2`,
      `r3 ^= r1`,
      `w3 &= ${0xffff + i}`,
      `r1 *= ${i + 3}`,
      '*(u64 *)(r10 - 16) = r1',
      `r2 = *(u64 *)(r10 - 16)`,
      'r1 >>= 3',
      'r3 |= r2',
    ]
    text.push(step[i % step.length]!)
  }
  text.push('r2 = r10', 'r2 += -512', 'r2 += r8', 'r1 = 1', '*(u8 *)(r2 + 0) = r1', 'r0 = 2', 'exit')
  return shape('straight code behind branches', text)
}

/** A counted loop, walked round for round. */
export function loop(rounds = 40_000): Shape {
  return shape('a counted loop', [
    'call 7',
    'r7 = r0',
    'r8 = 1',
    'r6 = 0',
    'again:',
    'r1 = r7',
    'r1 &= 255',
    'r1 += r6',
    'r8 += r1',
    'w2 = w8',
    'w2 >>= 3',
    'r8 ^= r2',
    'r3 = r8',
    'r3 <<= 5',
    '*(u64 *)(r10 - 8) = r3',
    'r4 = *(u64 *)(r10 - 8)',
    'r8 += r4',
    'r6 += 1',
    `if r6 < ${rounds} goto again`,
    'r0 = 2',
    'exit',
  ])
}

/** Functions that call functions, in a loop: frames come and go, with spilled registers and pointers to the caller's stack. */
export function calls(rounds = 11_500): Shape {
  return shape('calls in a loop', [
    'call 7',
    'r7 = r0',
    'r6 = 0',
    'r1 = 0',
    '*(u64 *)(r10 - 8) = r1',
    '*(u64 *)(r10 - 16) = r1',
    'again:',
    'r1 = r10',
    'r1 += -16',
    'r2 = r6',
    'r3 = r7',
    'call outer',
    'r7 += r0',
    'r6 += 1',
    `if r6 < ${rounds} goto again`,
    'r0 = 2',
    'exit',
    'outer:',
    '*(u64 *)(r10 - 8) = r2',
    '*(u64 *)(r10 - 16) = r3',
    '*(u64 *)(r10 - 24) = r1',
    'r6 = r1',
    'r7 = r2',
    'r1 = r10',
    'r1 += -16',
    'r2 = r3',
    'call inner',
    'r8 = r0',
    'r1 = *(u64 *)(r10 - 24)',
    'r2 = r7',
    'call inner',
    'r0 += r8',
    '*(u64 *)(r6 + 8) = r0',
    'exit',
    'inner:',
    'r3 = *(u64 *)(r1 + 0)',
    'r4 = r3',
    'r4 &= 1023',
    'r4 += r2',
    'w4 *= 3',
    '*(u64 *)(r10 - 8) = r4',
    'r5 = *(u32 *)(r10 - 8)',
    'r5 ^= r3',
    'r0 = r5',
    'r0 >>= 7',
    'exit',
  ])
}

/** What XDP programs do, in a loop: packet bytes at offsets from the packet, a look-up, counters; four times over. */
export function packets(rounds = 1500): Shape {
  const text = ['r6 = r1', 'call 7', 'r9 = r0', 'r9 &= 3', 'r1 = 0', '*(u64 *)(r10 - 16) = r1']
  text.push(
    'r8 = 0',
    'if r9 == 1 goto begin',
    'r8 = 1',
    'if r9 == 2 goto begin',
    'r8 = 2',
    'if r9 == 3 goto begin',
    'r8 = 3',
    'begin:',
  )
  text.push('r9 = 0', 'again:')
  text.push('r7 = *(u32 *)(r6 + 0)', 'r1 = *(u32 *)(r6 + 4)', 'r2 = r7', 'r2 += 64', 'if r2 > r1 goto out')
  text.push(
    'r3 = *(u8 *)(r7 + 12)',
    'r4 = *(u16 *)(r7 + 14)',
    'w3 &= 63',
    'r5 = r7',
    'r5 += r3',
    'r2 = r5',
    'r2 += 8',
    'if r2 > r1 goto next',
  )
  text.push(
    'r1 = *(u32 *)(r5 + 4)',
    'r2 = *(u32 *)(r5 + 0)',
    'if r1 == 6 goto tcp',
    'if r1 == 17 goto next',
    'w2 ^= w4',
    'tcp:',
    'w2 += w1',
  )
  text.push('*(u32 *)(r10 - 4) = r2', 'r2 = r10', 'r2 += -4', 'r1 = map[0] ll', 'call 1', 'if r0 == 0 goto next')
  text.push(
    'r1 = *(u64 *)(r0 + 0)',
    'r1 += 1',
    '*(u64 *)(r0 + 0) = r1',
    'r2 = *(u32 *)(r7 + 20)',
    'r1 = *(u64 *)(r0 + 8)',
    'r1 += r2',
    '*(u64 *)(r0 + 8) = r1',
  )
  text.push('next:', 'r9 += 1', `if r9 < ${rounds} goto again`, 'out:')
  text.push('r2 = r10', 'r2 += -16', 'r2 += r8', 'r1 = 1', '*(u8 *)(r2 + 0) = r1', 'r0 = 2', 'exit')
  return shape('packet and map in a loop', text, [HASH])
}

/** Many stack slots: spilled scalars that each round changes and reads back. */
export function stack(rounds = 11_000): Shape {
  const text = ['call 7', 'r7 = r0', 'r6 = 0']
  for (let slot = 1; slot <= 32; slot++) text.push(`*(u64 *)(r10 - ${slot * 8}) = r7`)
  text.push('again:')
  for (let slot = 1; slot <= 32; slot += 2) {
    text.push(`r1 = *(u64 *)(r10 - ${slot * 8})`, `r1 += r6`, `*(u64 *)(r10 - ${slot * 8 + 8}) = r1`)
  }
  text.push('r6 += 1', `if r6 < ${rounds} goto again`, 'r0 = 0', 'exit')
  return shape('a full stack in a loop', text, [], BPF_PROG_TYPE_SCHED_CLS)
}

export const largeShapes: readonly (() => Shape)[] = [branches, loop, calls, packets, stack]

/** An XDP program of about 300 instructions: a parser with look-ups and counters, no loop. */
export function ordinary(): Shape {
  const text = [
    'r6 = r1',
    'r9 = 2',
    'r7 = *(u32 *)(r6 + 0)',
    'r8 = *(u32 *)(r6 + 4)',
    'r2 = r7',
    'r2 += 96',
    'if r2 > r8 goto out',
  ]
  for (let step = 0; step < 12; step++) {
    text.push(
      `r1 = *(u16 *)(r7 + ${12 + step * 4})`,
      `if r1 == ${0x800 + step} goto hit${step}`,
      `w1 ^= ${step * 257}`,
      `r2 = *(u32 *)(r7 + ${16 + step * 4})`,
      `w2 += w1`,
      `goto key${step}`,
      `hit${step}:`,
      `r2 = *(u32 *)(r7 + ${26 + step * 4})`,
      `r9 = 3`,
      `key${step}:`,
      `*(u32 *)(r10 - 4) = r2`,
      'r2 = r10',
      'r2 += -4',
      'r1 = map[0] ll',
      'call 1',
      `if r0 == 0 goto miss${step}`,
      'r1 = *(u64 *)(r0 + 0)',
      'r1 += 1',
      '*(u64 *)(r0 + 0) = r1',
      'r2 = *(u32 *)(r0 + 8)',
      `if r2 > ${step * 10 + 5} goto miss${step}`,
      '*(u32 *)(r0 + 8) = r9',
      `miss${step}:`,
    )
  }
  text.push('out:', 'r0 = r9', 'exit')
  return shape('an XDP program of 300 instructions', text, [HASH])
}

/** Never decided, never pruned: more ways than the limit of a million instructions has room for. */
export function exploding(): Shape {
  const text = ['call 7', 'r7 = r0', 'r8 = 0']
  for (let bit = 0; bit < 18; bit++) text.push(`if r7 & ${1 << bit} goto b${bit}`, `r8 += ${1 << bit}`, `b${bit}:`)
  text.push(
    'r1 = map[0] ll',
    '*(u32 *)(r10 - 4) = r8',
    'r2 = r10',
    'r2 += -4',
    'call 1',
    'if r0 == 0 goto out',
    'r8 &= 7',
    'r0 += r8',
    'r1 = *(u8 *)(r0 + 0)',
    'out:',
    'r2 = r10',
    'r2 += -8',
    'r8 &= 7',
    'r2 += r8',
    'r1 = 0',
    '*(u8 *)(r2 + 0) = r1',
    'r0 = 0',
    'exit',
  )
  return shape('ways without end', text, [HASH])
}
