// Every example on its own capture, on every engine: return value, packet bytes and map contents are the same.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { toHex } from '../bytes/hex.ts'
import { probe } from '../linux/index.ts'
import { type EngineRun, engines, type RunRequest } from './engines.ts'
import { mapSpecs, openObject } from './object.ts'
import { readPackets, withContentsFile } from './traffic.ts'
import { usedMaps } from './trial.ts'

const folder = join(import.meta.dirname, '../../examples')
const objects = readdirSync(folder).filter(f => f.endsWith('.bpf.o'))
const kernel = probe()

/** What is different by nature: other random numbers in the real kernel; a clock that the card does not have. */
const RANDOM = new Set(['xdp_limit.bpf.o'])
const HOST_ONLY = new Set(['xdp_bucket.bpf.o'])

function request(object: string): RunRequest {
  const path = join(folder, object)
  const opened = openObject(path)
  const [program] = opened.programs
  if (program === undefined) throw new Error('no program')
  const used = usedMaps(program, withContentsFile(mapSpecs(opened.object), path, undefined))
  const { packets } = readPackets(path.replace('.bpf.o', '.pcap'))
  return {
    program: used.program,
    maps: used.maps,
    hostMaps: used.maps.map(() => false),
    // A test run of Linux takes no frame below an Ethernet header.
    packets: packets.map(p => p.data).filter(data => data.length >= 14),
    init: [],
    seed: 1,
    now: 0n,
    budget: 1_000_000,
    machine: {},
  }
}

function outcome(run: EngineRun): unknown {
  const maps = run.maps.map(entries => entries.map(([key, value]) => `${toHex(key)}=${toHex(value)}`).sort())
  // Of what is not passed on, the bytes are of no account.
  return { retvals: [...run.retvals], packets: run.packets.map((p, i) => ((run.retvals[i] ?? 0) >= 2 ? toHex(p) : '')), maps }
}

describe('examples', () => {
  test('there are all of them', () => expect(objects.length).toBeGreaterThanOrEqual(8))

  test.each(objects.filter(o => !HOST_ONLY.has(o)))('%s: chip = interpreter', object => {
    const asked = request(object)
    expect(outcome(engines.chip(asked))).toEqual(outcome(engines.interpreter(asked)))
  })

  test.skipIf(!kernel.ok).each(objects.filter(o => !RANDOM.has(o) && !HOST_ONLY.has(o)))(
    `%s: interpreter = kernel${kernel.ok ? '' : ` (skipped: ${kernel.why})`}`,
    object => {
      const asked = request(object)
      expect(outcome(engines.interpreter(asked))).toEqual(outcome(engines.kernel(asked)))
    },
  )

  test('what the card refuses names the helper', () => {
    expect(() => engines.chip(request('xdp_bucket.bpf.o'))).toThrow('unsupported function id: 5')
  })
})
