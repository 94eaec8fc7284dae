import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Insns, newInsns } from '../bpf/insns.ts'
import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import { rewriteDeadCode } from './dead-code.ts'
import type { DeviceHooks } from './device.ts'
import { Env } from './env.ts'
import { isConditional, isJump, jumpOffset } from './flow.ts'
import { checkStructure } from './structure.ts'

const CODES = [0x15, 0x15, 0x55, 0x05, 0xb7, 0x07, 0x1d]

function build(rows: readonly (readonly [number, number])[]): Insns {
  const insns = newInsns(rows.length + 1)
  rows.forEach(([kind, pick], i) => {
    const code = CODES[kind]!
    insns.code[i] = code
    // A plain jump goes on to the next instruction, so that all code stays within reach.
    if (code !== 0x05 && isJump(code)) insns.off[i] = (pick % (rows.length - i)) + (pick % 3 === 0 ? -i : 0)
  })
  insns.code[rows.length] = 0x95
  return insns
}

/** Follows a program: `takes` says for each instruction whether its jump is taken. */
function walk(insns: Insns, takes: (i: number) => boolean): number[] {
  const way: number[] = []
  for (let i = 0; way.length < 60; ) {
    way.push(i)
    const code = insns.code[i]!
    if (code === 0x95) break
    i = isJump(code) && (!isConditional(code) || takes(i)) ? i + 1 + jumpOffset(insns, i) : i + 1
  }
  return way
}

const anyRows = fc.array(fc.tuple(fc.nat(CODES.length - 1), fc.nat(1000)), { minLength: 1, maxLength: 24 })

test('what is left does what the program did, on every way that was seen', () => {
  fc.assert(
    fc.property(
      anyRows,
      fc.array(fc.array(fc.boolean(), { minLength: 24, maxLength: 24 }), { minLength: 1, maxLength: 3 }),
      (rows, choices) => {
        const insns = build(rows)
        const told: string[] = []
        const hooks: DeviceHooks = {
          prepare: () => 0,
          insn: () => 0,
          finalize: () => 0,
          replaceInsn: (i, code, off) => {
            told.push(`${i} ${code} ${off}`)
            return 0
          },
          removeInsns: (i, count) => {
            for (let j = i; j < i + count; j++) told.push(`-${j}`)
            return 0
          },
        }
        const program = { name: 't', type: BPF_PROG_TYPE_XDP, expectedAttachType: 0, flags: 0, license: 'GPL', insns }
        const env = new Env(program, [], { logLevel: 0, target: { kind: 'offloaded', device: 'nic', hooks } })
        checkStructure(env)
        const ways = choices.map(choice => walk(insns, i => choice[i] === true))
        // A way that was cut off in a loop has not shown where the loop's jumps lead.
        fc.pre(ways.every(way => insns.code[way.at(-1)!] === 0x95))
        for (const way of ways) for (const i of way) env.seen[i] = 1
        const { insns: left, origin, optFailed } = rewriteDeadCode(env)
        expect(optFailed).toBe(false)
        const removed = new Set(Array.from({ length: env.count }, (_, i) => i).filter(i => !origin.includes(i)))
        expect(told.filter(each => each.startsWith('-')).length).toBe(removed.size)
        choices.forEach((choice, n) => {
          const now = walk(left, i => choice[origin[i]!] === true).map(i => origin[i]!)
          expect(now).toEqual(ways[n]!.filter(i => !removed.has(i)))
        })
        for (const i of removed) expect(env.seen[i] === 0 || insns.code[i] === 0x05 || isConditional(insns.code[i]!)).toBe(true)
      },
    ),
  )
})

test('a device that fails to follow is told nothing more', () => {
  const insns = build([
    [1, 1],
    [4, 0],
    [4, 0],
  ])
  let calls = 0
  const hooks: DeviceHooks = {
    prepare: () => 0,
    insn: () => 0,
    finalize: () => 0,
    replaceInsn: () => {
      calls++
      return -22
    },
    removeInsns: () => {
      calls++
      return 0
    },
  }
  const program = { name: 't', type: BPF_PROG_TYPE_XDP, expectedAttachType: 0, flags: 0, license: 'GPL', insns }
  const env = new Env(program, [], { logLevel: 0, target: { kind: 'offloaded', device: 'nic', hooks } })
  checkStructure(env)
  env.seen.set([1, 0, 1, 1])
  expect(rewriteDeadCode(env).optFailed).toBe(true)
  expect(calls).toBe(1)
})
