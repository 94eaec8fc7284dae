// Rewriting, as a property: whatever is put before and in the place of instructions, every jump, call and record goes to what stands for
// the instruction that it went to.

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Insns, newInsns } from '../bpf/insns.ts'
import { BPF_PSEUDO_CALL, CALL, EXIT, LD_IMM64 } from '../bpf/opcode.ts'
import { NicwrightError } from '../errors.ts'
import { type Code, rewrite } from './code.ts'
import { ja, mov64Imm, type Step, step } from './step.ts'

const JUMPS = [0x05, 0x06, 0x15, 0x5e] as const
const MOVE = 0xb7

interface Plan {
  readonly kinds: readonly number[]
  readonly targets: readonly number[]
  readonly patches: readonly (readonly [before: number, instead: number])[]
}

const plans: fc.Arbitrary<Plan> = fc
  .array(fc.constantFrom('move', 'jump', 'call', 'wide'), { minLength: 1, maxLength: 40 })
  .chain(words => {
    const kinds = [...words.flatMap(word => (word === 'wide' ? [3, 4] : [['move', 'jump', 'call'].indexOf(word)])), 5]
    const heads = kinds.flatMap((kind, i) => (kind === 4 ? [] : [i]))
    return fc.record({
      kinds: fc.constant(kinds),
      targets: fc.array(fc.constantFrom(...heads), { minLength: kinds.length, maxLength: kinds.length }),
      patches: fc.array(fc.tuple(fc.nat(3), fc.integer({ min: -1, max: 4 })), {
        minLength: kinds.length,
        maxLength: kinds.length,
      }),
    })
  })

/** Every slot of the program has its index as the immediate of a move, so that it is known again. */
function build({ kinds, targets }: Plan): Code {
  const insns = newInsns(kinds.length)
  kinds.forEach((kind, i) => {
    const off = targets[i]! - i - 1
    if (kind === 1) {
      insns.code[i] = JUMPS[i % JUMPS.length]!
      if (insns.code[i] === 0x06) insns.imm[i] = off
      else insns.off[i] = off
    } else if (kind === 2) {
      insns.code[i] = CALL
      insns.src[i] = BPF_PSEUDO_CALL
      insns.imm[i] = off
    } else if (kind === 3) insns.code[i] = LD_IMM64
    else if (kind === 5) insns.code[i] = EXIT
    else if (kind === 0) {
      insns.code[i] = MOVE
      insns.imm[i] = i
    }
  })
  const all = Int32Array.from(kinds, (_, i) => i)
  return { insns, origin: all, symbols: new Map(), starts: all, lines: all }
}

const filler = (n: number): Step[] => Array.from({ length: n }, () => step(0xbf, 9, 9))

function target(insns: Insns, i: number): number {
  return i + 1 + (insns.code[i] === CALL || insns.code[i] === 0x06 ? insns.imm[i]! : insns.off[i]!)
}

test('jumps go behind what stands before an instruction, calls and records in front of it', () => {
  fc.assert(
    fc.property(plans, plan => {
      const code = build(plan)
      const { kinds, patches } = plan
      const result = rewrite(code, i => {
        const [before, instead] = patches[i]!
        if (before === 0 && instead < 0) return undefined
        // Jumps and calls stay: what they go to is what is looked at.
        const keeps = instead < 0 || kinds[i] === 1 || kinds[i] === 2
        return { before: filler(before), ...(keeps ? {} : { instead: filler(instead) }) }
      })
      const first = (i: number): number => result.starts[i]!
      const entry = (i: number): number => first(i) + patches[i]![0]
      expect([...result.lines]).toEqual([...result.starts])
      let at = 0
      kinds.forEach((kind, i) => {
        if (kind === 4) return
        expect(first(i)).toBe(at)
        const [before, instead] = patches[i]!
        const keeps = instead < 0 || kind === 1 || kind === 2
        for (let k = 0; k < before; k++) expect(result.insns.code[at + k]).toBe(0xbf)
        if (keeps) {
          expect(result.insns.code[entry(i)]).toBe(code.insns.code[i])
          if (kind === 1) expect(target(result.insns, entry(i))).toBe(entry(plan.targets[i]!))
          if (kind === 2) expect(target(result.insns, entry(i))).toBe(first(plan.targets[i]!))
        }
        at += before + (keeps ? (kind === 3 ? 2 : 1) : instead)
        for (let k = first(i); k < at; k++) expect(result.origin[k]).toBeOneOf([i, i + 1])
      })
      expect(result.insns.count).toBe(at)
    }),
  )
})

test('a step that leaves its patch is linked, one inside is not', () => {
  const insns = newInsns(3)
  insns.code.set([MOVE, MOVE, EXIT])
  const code: Code = {
    insns,
    origin: Int32Array.of(0, 1, 2),
    symbols: new Map(),
    starts: Int32Array.of(0),
    lines: new Int32Array(0),
  }
  const result = rewrite(code, i =>
    i === 0 ? { instead: [ja(1), mov64Imm(0, 7), { ...ja(0), to: 2 }, mov64Imm(0, 8)] } : undefined,
  )
  expect([...result.insns.off]).toEqual([1, 0, 2, 0, 0, 0])
})

test('a program that grows beyond the reach of its jumps is refused', () => {
  const insns = newInsns(3)
  insns.code.set([0x15, MOVE, EXIT])
  insns.off[0] = 1
  const code: Code = {
    insns,
    origin: Int32Array.of(0, 1, 2),
    symbols: new Map(),
    starts: Int32Array.of(0),
    lines: new Int32Array(0),
  }
  expect(() => rewrite(code, i => (i === 1 ? { instead: filler(40000) } : undefined))).toThrow(NicwrightError)
})
