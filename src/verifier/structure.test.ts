import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeInsns } from '../bpf/decode.ts'
import { type Insns, newInsns } from '../bpf/insns.ts'
import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { fromHex } from '../bytes/hex.ts'
import { Env, Reject } from './env.ts'
import { removeFastcallPairs } from './fastcall.ts'
import { defUse } from './live-regs.ts'
import { checkStructure } from './structure.ts'

function program(insns: Insns): Program {
  return { name: 'test', type: BPF_PROG_TYPE_XDP, expectedAttachType: 0, flags: 0, license: 'GPL', insns }
}

function envOf(hex: string, maps: readonly MapSpec[] = [], logLevel = 2): Env {
  return new Env(program(decodeInsns(fromHex(hex.replace(/\s+/g, '')))), maps, { logLevel })
}

/** The errno and last line of a refusal; undefined when all passes let the program through. */
function refusal(env: Env): string | undefined {
  try {
    checkStructure(env)
    return undefined
  } catch (error) {
    if (error instanceof Reject) return `${error.errno} ${env.log.lastLine}`
    throw error
  }
}

const EXIT = '9500000000000000'
const R0 = 'b700000000000000'
const array: MapSpec = { name: 'a', type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 }

describe('faults before the simulation', () => {
  const rows: readonly (readonly [what: string, hex: string, refusal: string, maps?: readonly MapSpec[]])[] = [
    ['falls off the end', R0, '22 last insn is not an exit or jmp'],
    ['jumps outside', `0500050000000000 ${EXIT}`, '22 jump out of range from insn 0 to 6'],
    ['calls outside', `8510000009000000 ${EXIT}`, '22 call to invalid destination'],
    ['dead code', `${EXIT} ${R0} ${EXIT}`, '22 unreachable insn 1'],
    ['unknown opcode before unreachable', `ff00000000000000 ${EXIT} ${R0} ${EXIT}`, '22 unknown opcode ff'],
    ['load with an immediate', `6110000001000000 ${EXIT}`, '22 BPF_LDX uses reserved fields'],
    ['half an ld_imm64', `1800000000000000 ${EXIT} ${EXIT}`, '22 invalid bpf_ld_imm64 insn'],
    [
      'jump into ld_imm64',
      `1500010000000000 1800000000000000 0000000000000000 ${EXIT}`,
      '22 jump into the middle of ldimm64 insn 1',
    ],
    ['no such map', `1811000007000000 0000000000000000 ${EXIT}`, '9 fd 7 is not pointing to valid bpf_map'],
    [
      'value beyond the map',
      `1821000000000000 0000000008000000 ${EXIT}`,
      '22 invalid access to map value pointer, value_size=8 off=8',
      [array],
    ],
    [
      'subprogram with LD_ABS',
      `8510000001000000 ${EXIT} 2000000000000000 ${EXIT}`,
      '22 LD_ABS is not allowed in subprogs without BTF',
    ],
  ]
  test.each(rows.map(row => [row[0], row] as const))('%s', (_what, [, hex, expected, maps]) => {
    expect(refusal(envOf(hex, maps ?? []))).toBe(expected)
  })
})

test('functions, loops and live registers print as Linux prints them', () => {
  // r0 = 0; r0 += 1; if r0 < 4 goto -2; call +1; exit; r0 = 1; exit
  const env = envOf(`${R0} 0700000001000000 a500feff04000000 8510000001000000 ${EXIT} b700000001000000 ${EXIT}`)
  expect(refusal(env)).toBeUndefined()
  expect(env.log.text()).toBe(`func#0 @0
func#1 @5
Live regs before insn:
      0: .12345.... (b7) r0 = 0
  1   1: 012345.... (07) r0 += 1
  1   2: 012345.... (a5) if r0 < 0x4 goto pc-2
      3: .12345.... (85) call pc+1
      4: 0......... (95) exit
      5: .......... (b7) r0 = 1
      6: 0......... (95) exit
`)
})

test('spills around a call that keeps registers become no-ops and use no stack', () => {
  // *(r10 - 8) = r1; call get_smp_processor_id; r1 = *(r10 - 8)
  const env = envOf(`7b1af8ff00000000 8500000008000000 79a1f8ff00000000 ${EXIT}`)
  expect(refusal(env)).toBeUndefined()
  env.subprogs[0]!.stackDepth = 8
  const insns = newInsns(env.count)
  insns.code.set(env.insns.code)
  removeFastcallPairs(env, insns)
  expect([...insns.code]).toEqual([0x05, 0x85, 0x05, 0x95])
  expect(env.subprogs[0]!.stackDepth).toBe(0)
})

// --- properties ---

const anyInsn = fc.tuple(
  fc.constantFrom(0x05, 0x15, 0x1d, 0x85, 0x95, 0xb7, 0xbf, 0x18, 0x61, 0x7b, 0xdb, 0xe5, 0x06),
  fc.nat(10),
  fc.nat(10),
)
const anyProgram = fc.array(fc.tuple(anyInsn, fc.integer({ min: -6, max: 6 }), fc.integer({ min: -6, max: 9 })), {
  minLength: 1,
  maxLength: 24,
})

function build(rows: readonly (readonly [readonly [number, number, number], number, number])[]): Insns {
  const insns = newInsns(rows.length)
  rows.forEach(([[code, dst, src], off, imm], i) => {
    insns.code[i] = code
    insns.dst[i] = dst
    insns.src[i] = src
    insns.off[i] = off
    insns.imm[i] = imm
  })
  return insns
}

test('any instructions are let through or refused with a reason', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 160 }), bytes => {
      const env = new Env(program(decodeInsns(bytes.subarray(0, bytes.length & ~7))), [array], { logLevel: 1 })
      const answer = refusal(env)
      expect(answer === undefined || /^\d+ ./.test(answer)).toBe(true)
    }),
  )
})

/** Straight code with jumps that stay inside and an exit at the end: most of these pass. */
const soundProgram = fc.array(fc.tuple(fc.constantFrom(0x15, 0x1d, 0xb7, 0xbf, 0x0f, 0x85), fc.nat(9), fc.nat(9), fc.nat(1000)), {
  minLength: 1,
  maxLength: 20,
})

function buildSound(rows: readonly (readonly [number, number, number, number])[]): Insns {
  const insns = newInsns(rows.length + 1)
  rows.forEach(([code, dst, src, pick], i) => {
    insns.code[i] = code
    insns.dst[i] = code === 0x85 ? 0 : dst
    insns.src[i] = (code & 8) !== 0 ? src : 0
    if (code === 0x15 || code === 0x1d) insns.off[i] = (pick % (rows.length + 1)) - i - 1
    if (code === 0x85) insns.imm[i] = 7
  })
  insns.code[rows.length] = 0x95
  return insns
}

/** Instructions that can follow each other from one on. */
function reach(env: Env, from: number, stop: (i: number) => boolean = () => false): Set<number> {
  const found = new Set<number>()
  const left = [from]
  for (let i = left.pop(); i !== undefined; i = left.pop()) {
    if (found.has(i)) continue
    found.add(i)
    if (stop(i)) continue
    for (const to of [env.flow.next[i]!, env.flow.target[i]!]) if (to >= 0) left.push(to)
  }
  return found
}

test('a register is live where some way leads to a read without a write before', () => {
  fc.assert(
    fc.property(soundProgram, rows => {
      const env = new Env(program(buildSound(rows)), [], { logLevel: 1 })
      fc.pre(refusal(env) === undefined)
      for (let i = 0; i < env.count; i++) {
        for (let r = 0; r < 10; r++) {
          const bit = 1 << r
          const ways = reach(env, i, at => (defUse(env, at) & (bit | (bit << 16))) !== 0)
          const live = [...ways].some(at => (defUse(env, at) & bit) !== 0)
          expect((env.liveRegs[i]! & bit) !== 0).toBe(live)
        }
      }
    }),
  )
})

test('two instructions are in one component if each leads to the other', () => {
  fc.assert(
    fc.property(soundProgram, rows => {
      const env = new Env(program(buildSound(rows)), [], { logLevel: 1 })
      fc.pre(refusal(env) === undefined)
      const after = Array.from({ length: env.count }, (_, i) => {
        const found = new Set<number>()
        for (const to of [env.flow.next[i]!, env.flow.target[i]!]) if (to >= 0) for (const each of reach(env, to)) found.add(each)
        return found
      })
      for (let a = 0; a < env.count; a++) {
        expect(env.scc[a] !== 0).toBe(after[a]!.has(a))
        for (let b = 0; b < env.count; b++) {
          if (a === b || env.scc[a] === 0) continue
          expect(env.scc[a] === env.scc[b]).toBe(after[a]!.has(b) && after[b]!.has(a))
        }
      }
    }),
  )
})

test('jumps and calls at random never break a pass', () => {
  fc.assert(
    fc.property(anyProgram, rows => {
      const env = new Env(program(build(rows)), [], { logLevel: 2 })
      const answer = refusal(env)
      expect(answer === undefined || answer.length > 3).toBe(true)
    }),
  )
})
