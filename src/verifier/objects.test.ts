// Compiled programs and what a real Linux 6.18 said of each (testdata/verifier): verdict, errno, telling line, instructions processed.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Insns, newInsns } from '../bpf/insns.ts'
import { BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, LD_IMM64 } from '../bpf/opcode.ts'
import type { MapSpec } from '../bpf/program.ts'
import { loadObject, type ObjectProgram } from '../object/index.ts'
import { verify } from './index.ts'

interface Expected {
  readonly errno?: number
  readonly message?: string
  readonly processed: number
}

const folder = join(import.meta.dirname, '../../testdata/verifier')
const json = <T>(name: string): T => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T
const verdicts = json<Record<string, Record<string, Expected>>>('verdicts.json')
const { objects } = json<{ objects: Record<string, { source: string; object: string }> }>('objects.json')

/** The maps that a program refers to, in the order in which it does, and the program with indices into them. */
function withOwnMaps(program: ObjectProgram, all: readonly MapSpec[]): { insns: Insns; maps: MapSpec[] } {
  const { insns } = program
  const copy = newInsns(insns.count)
  copy.code.set(insns.code)
  copy.dst.set(insns.dst)
  copy.src.set(insns.src)
  copy.off.set(insns.off)
  copy.imm.set(insns.imm)
  const maps: MapSpec[] = []
  for (let i = 0; i < copy.count; i++) {
    if (copy.code[i] !== LD_IMM64) continue
    if (copy.src[i] === BPF_PSEUDO_MAP_FD || copy.src[i] === BPF_PSEUDO_MAP_VALUE) {
      const map = all[copy.imm[i]!]!
      if (!maps.includes(map)) maps.push(map)
      copy.imm[i] = maps.indexOf(map)
    }
    i++
  }
  return { insns: copy, maps }
}

describe.each(Object.keys(verdicts))('%s', name => {
  const bytes = readFileSync(join(folder, `${name}.bpf.o`))
  const object = loadObject(new Uint8Array(bytes), { name: `${name}.bpf.o` })
  const expected = verdicts[name]!

  test('the object was compiled from the source beside it', () => {
    const hash = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')
    expect(hash(bytes)).toBe(objects[name]!.object)
    expect(hash(readFileSync(join(folder, `${name}.bpf.c`)))).toBe(objects[name]!.source)
  })

  test('all programs are there', () => {
    expect(object.programs.map(program => program.name).sort()).toEqual(Object.keys(expected).sort())
  })

  test.each(object.programs.map(program => [program.name, program] as const))('%s', (_name, program) => {
    const { insns, maps } = withOwnMaps(program, object.maps)
    const verdict = verify({ ...program, insns }, maps, { explain: true })
    const { errno, message, processed } = expected[program.name]!
    expect(verdict.ok ? undefined : { errno: verdict.errno, message: verdict.message }).toEqual(
      errno === undefined ? undefined : { errno, message },
    )
    expect(verdict.stats.processed).toBe(processed)
    if (verdict.ok) return
    // Every refusal here has an explanation of its own, and its path lies in the program.
    expect(verdict.explanation?.suggestion).not.toBe('')
    for (const step of verdict.explanation?.path ?? []) expect(step.insn).toBeLessThan(insns.count)
  })
})
