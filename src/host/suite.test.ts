// Random programs on the interpreter and on the real kernel: return value, packet and maps are equal.
// A larger run: NICWRIGHT_SUITE=20000 vitest run src/host/suite.test.ts

import { describe, expect, test } from 'vitest'
import { BPF_MAP_TYPE_PROG_ARRAY } from '../bpf/map-type-table.ts'
import { toHex } from '../bytes/hex.ts'
import { compareBytes } from '../bytes/writer.ts'
import { possibleCpus, probe, runOnKernel } from '../linux/index.ts'
import { type BpfMap, createMap, freeMap, newMemory } from '../maps/index.ts'
import { verify } from '../verifier/verify.ts'
import { Engine } from './engine.ts'
import { type RandomProgram, randomPacket, randomProgram } from './generate.ts'

const PROGRAMS = Number(process.env.NICWRIGHT_SUITE ?? 1000)
const PACKETS = 4
const memory = newMemory()
const kernel = probe()

interface Outcome {
  readonly retval: readonly number[]
  readonly data: readonly string[]
  readonly maps: readonly string[]
}

function packetsOf(seed: number): Uint8Array[] {
  return Array.from({ length: PACKETS }, (_, i) => randomPacket(seed * PACKETS + i))
}

function contents(map: BpfMap): string {
  // Queues have no keys, and what stands for a program in a program array is nobody's business.
  if (map.keySize === 0 || map.type === BPF_MAP_TYPE_PROG_ARRAY) return ''
  return text([...map.entries()].sort((a, b) => compareBytes(a[0], b[0])))
}

function text(entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): string {
  return entries.map(([key, value]) => `${toHex(key)}=${toHex(value)}`).join(' ')
}

function interpret({ program, maps, slots }: RandomProgram, packets: readonly Uint8Array[], cpus: number): Outcome {
  const opened = maps.map(spec => createMap(memory, spec, { cpus }))
  const verdict = verify(program, maps, { logLevel: 0 })
  if (!verdict.ok) throw new Error(`${program.name} is refused: ${verdict.message}`)
  const engine = new Engine(verdict.verified, opened, { memory })
  slots.forEach((slot, i) => {
    engine.addProgram(i + 1, slot.program, opened)
    opened[slot.map]!.set(Uint8Array.of(slot.index, 0, 0, 0), Uint8Array.of(i + 1, 0, 0, 0))
  })
  const runs = packets.map(packet => engine.run(packet))
  for (const run of runs) expect(run.fault).toBeUndefined()
  const outcome = { retval: runs.map(r => r.retval), data: runs.map(r => toHex(r.data)), maps: opened.map(contents) }
  engine.free()
  for (const map of opened) freeMap(map)
  return outcome
}

function compare(seed: number, tc: boolean, cpus: number): void {
  const random = randomProgram(seed, { tc })
  const packets = packetsOf(seed)
  const theirs = runOnKernel(random.program, random.maps, packets, { slots: random.slots })
  expect([seed, theirs.errno]).toEqual([seed, 0])
  // Linux refuses a test run of a socket buffer that claims to be IP and has no room for its header: one packet in some thousands.
  if (tc && theirs.runs.some(r => r.errno !== 0)) return
  expect({ seed, ...interpret(random, packets, cpus) }).toEqual({
    seed,
    retval: theirs.runs.map(r => r.retval),
    data: theirs.runs.map(r => toHex(r.data)),
    maps: theirs.maps.map((entries, i) => (random.maps[i]!.type === BPF_MAP_TYPE_PROG_ARRAY ? '' : text(entries))),
  })
}

describe('random programs', () => {
  const why = kernel.ok ? '' : ` (skipped: ${kernel.why})`

  test.skipIf(!kernel.ok)(`XDP: interpreter = kernel on ${PROGRAMS} programs${why}`, () => {
    const cpus = possibleCpus()
    for (let seed = 1; seed <= PROGRAMS; seed++) compare(seed, false, cpus)
  })

  test.skipIf(!kernel.ok)(`TC: interpreter = kernel on ${PROGRAMS / 2} programs${why}`, () => {
    const cpus = possibleCpus()
    for (let seed = 1; seed <= PROGRAMS / 2; seed++) compare(seed, true, cpus)
  })

  test('the same seed gives the same program, packets and outcome', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = randomProgram(seed)
      expect(randomProgram(seed)).toEqual(random)
      expect(interpret(random, packetsOf(seed), 2)).toEqual(interpret(random, packetsOf(seed), 2))
    }
  })

  test('features that are left out do not occur', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { program, maps } = randomProgram(seed, { features: [] })
      expect(maps).toEqual([])
      for (let i = 0; i < program.insns.count; i++) {
        const code = program.insns.code[i]!
        expect([0x85, 0xc3, 0xdb, 0x37, 0x97, 0xd7, 0x06]).not.toContain(code)
      }
    }
  })
})
