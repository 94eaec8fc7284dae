import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import { printInsn } from '../bpf/print.ts'
import type { Program } from '../bpf/program.ts'
import { Dice } from '../host/dice.ts'
import { allFeatures, randomProgram } from '../host/generate.ts'
import { probe } from '../linux/index.ts'
import { verify } from '../verifier/index.ts'
import { differenceOf } from './compare.ts'
import { Corpus, readSeeds, recordText } from './corpus.ts'
import { featuresOf, template } from './cover.ts'
import { replace, slotsOf } from './edit.ts'
import { minimise } from './minimise.ts'
import { mutate } from './mutate.ts'
import { fuzzVerifier, reportText, tableOf } from './verifier.ts'
import { KernelWitness } from './witness.ts'

const kernel = probe()

function program(text: string): Program {
  return { name: 'p', type: 6, expectedAttachType: 0, flags: 0, license: 'GPL', insns: assemble(text) }
}

function text(p: Program): string[] {
  return Array.from({ length: p.insns.count }, (_, i) => printInsn(p.insns, i))
}

describe('edits', () => {
  const looped = 'r1 = 3\nagain:\nr1 += -1\nif r1 != 0 goto again\ncall f\nexit\nf:\nr0 = 0\nexit'

  test('jumps and calls keep their targets when something is put in between', () => {
    const more = replace(program(looped), 2, 0, slotsOf(assemble('r2 = 1\nr3 = 1')))
    const expected = 'r1 = 3\nagain:\nr1 += -1\nr2 = 1\nr3 = 1\nif r1 != 0 goto again\ncall f\nexit\nf:\nr0 = 0\nexit'
    expect(text(more)).toEqual(text(program(expected)))
  })

  test('what is put in and taken out again leaves the program as it was', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(), fc.integer({ min: 1, max: 5 }), (seed, at, count) => {
        const { program: before } = randomProgram(seed, { blocks: 6 })
        const place = at % before.insns.count
        const more = replace(
          before,
          place,
          0,
          Array.from({ length: count }, () => ({ code: 0xb7, dst: 1, src: 0, off: 0, imm: 7 })),
        )
        expect(more.insns.count).toBe(before.insns.count + count)
        expect(replace(more, place, count, []).insns).toEqual(before.insns)
      }),
      { numRuns: 200 },
    )
  })

  test('records that name instructions move along', () => {
    const before: Program = {
      ...program('r0 = 0\nr1 = 0\nexit'),
      kfuncs: [[1, 'f']],
      funcInfo: Uint8Array.of(2, 0, 0, 0, 9, 0, 0, 0),
    }
    const after = replace(before, 0, 1, [])
    expect(after.kfuncs).toEqual([[0, 'f']])
    expect([...after.funcInfo!]).toEqual([1, 0, 0, 0, 9, 0, 0, 0])
  })
})

test('the verifier decides on every mutated program without a fault of its own', () => {
  const dice = new Dice(3)
  const features = allFeatures.filter(feature => feature !== 'loops')
  let accepted = 0
  let refused = 0
  for (let i = 0; i < 200; i++) {
    // Without loops: a change of one may take the verifier to its limit of a million instructions.
    const parent = randomProgram(dice.word(), { tc: dice.chance(0.5), blocks: 1 + dice.below(6), features })
    const { program: p, maps } = mutate(dice, parent, randomProgram(dice.word(), { blocks: 3 }))
    if (verify(p, maps, { logLevel: 0 }).ok) accepted++
    else refused++
  }
  expect(accepted).toBeGreaterThan(20)
  expect(refused).toBeGreaterThan(20)
})

test('features: kinds of refusal, and instructions with the types they meet', () => {
  const log =
    '0: R1=ctx() R10=fp0\n0: (61) r2 = *(u32 *)(r1 +4)         ; R1=ctx() R2=pkt_end()\n1: (07) r2 += 1\nR2 pointer arithmetic on pkt_end prohibited\n'
  const features = featuresOf(log, 'R2 pointer arithmetic on pkt_end prohibited')
  expect([...features]).toEqual(
    expect.arrayContaining(['R# pointer arithmetic on pkt_end prohibited', '61  ?,ctx', '61 > pkt_end()', '07  pkt_end']),
  )
  expect(template('math between fp pointer and -2147483648 is not allowed')).toBe('math between fp pointer and # is not allowed')
})

test('a minimised program still shows it, and is as small as can be', () => {
  const { program: large, maps } = randomProgram(77, { blocks: 20 })
  const grown = replace(large, 0, 0, slotsOf(assemble('r0 = *(u64 *)(r10 + 8)')))
  const shows = (p: Program): boolean => {
    const verdict = verify(p, maps, { logLevel: 0 })
    return !verdict.ok && verdict.message.startsWith('invalid read from stack')
  }
  expect(shows(grown)).toBe(true)
  const small = minimise({ program: grown, maps }, ({ program: p }) => shows(p))
  expect(shows(small.program)).toBe(true)
  expect(small.program.insns.count).toBeLessThanOrEqual(2)
})

test('differences: the worst one names the class', () => {
  const verdict = verify(program('r0 = r2\nexit'), [])
  const stats = [1, 0, 0, 0]
  const log = verdict.log
  const same = { ok: false, errno: 13, message: 'R2 !read_ok', stats, log, stack: [] }
  expect(differenceOf(same, verdict, 1)).toBeUndefined()
  expect(differenceOf({ ...same, ok: true, errno: 0 }, verdict, 1)).toMatchObject({ kind: 'too strict', name: 'R# !read_ok' })
  expect(differenceOf({ ...same, errno: 22 }, verdict, 1)?.kind).toBe('errno')
  expect(differenceOf({ ...same, message: 'R3 !read_ok?' }, verdict, 1)?.kind).toBe('message')
  expect(differenceOf({ ...same, stats: [2, 0, 0, 0] }, verdict, 1)?.kind).toBe('processed')
  expect(differenceOf({ ...same, stats: [1, 0, 1, 0] }, verdict, 1)?.kind).toBe('states')
  expect(differenceOf({ ...same, log: `x${log}` }, verdict, 1)?.kind).toBe('log 1')
  const fine = verify(program('r0 = 0\nexit'), [])
  expect(differenceOf(same, fine, 1)).toMatchObject({ kind: 'unsound', name: 'R# !read_ok' })
})

test('a corpus is kept in its folder; broken records are named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'))
  try {
    const corpus = new Corpus(folder)
    const subject = randomProgram(5)
    corpus.add({ program: subject.program, maps: subject.maps })
    const [again] = new Corpus(folder).subjects
    expect(again?.program.insns).toEqual(subject.program.insns)
    expect(recordText(again!)).toBe(recordText({ program: subject.program, maps: subject.maps }))
    const bad = join(folder, 'bad.jsonl')
    writeFileSync(bad, `${recordText(subject)}{"insns":["zz"]}\n`)
    expect(() => readSeeds(bad)).toThrow(/bad\.jsonl, line 2/)
    expect(() => readSeeds(join(folder, 'none'))).toThrow(/can't be read/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('with the real kernel', () => {
  const why = kernel.ok ? '' : ` (skipped: ${kernel.why})`

  test.skipIf(!kernel.ok)(`it answers with verdict, errno, message and counts${why}`, () => {
    const witness = new KernelWitness()
    expect(witness.ask(program('r0 = 0\nexit'), [])).toMatchObject({ ok: true, errno: 0, message: '', stats: [2, 0, 0, 0] })
    expect(witness.ask(program('r0 = r2\nexit'), [])).toMatchObject({ ok: false, errno: 13, message: 'R2 !read_ok' })
    witness.close()
  })

  test.skipIf(!kernel.ok)(`nothing that Linux refuses is accepted, and nothing breaks${why}`, () => {
    // A clock that counts what is asked of it: the run is the same every time.
    let ticks = 0
    const result = fuzzVerifier(
      { seconds: 0.6, seed: 9, seeds: [] },
      () => undefined,
      () => ticks++,
    )
    expect(result.programs).toBeGreaterThan(200)
    expect(result.corpus).toBeGreaterThan(20)
    const bad = [...result.classes].filter(([, { first }]) => first.kind === 'unsound' || first.kind === 'crash')
    expect(bad.map(([name]) => name)).toEqual([])
    expect(tableOf(result)[0]).toContain(`${result.programs} programs`)
    expect(reportText(result.classes)).toContain('# Disagreements')
  })
})
