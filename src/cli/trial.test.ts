import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { captured } from './io.ts'
import { mapSpecs, openObject } from './object.ts'
import { packetsFor, withContentsFile } from './traffic.ts'
import { runTrial, type Trial } from './trial.ts'
import { trialJson } from './trial-json.ts'
import { bar, grouped, printTrial, wrapped } from './trial-print.ts'

const folder = join(import.meta.dirname, '../../examples')
const objects = readdirSync(folder).filter(f => f.endsWith('.bpf.o'))

function trial(object: string, more: { off?: string[]; count?: number } = {}): Trial {
  const path = join(folder, object)
  const opened = openObject(path)
  const [program] = opened.programs
  if (program === undefined) throw new Error('no program')
  const { packets } = packetsFor(path, more.count ?? 200, 1)
  return runTrial({
    program,
    maps: withContentsFile(mapSpecs(opened.object), path, undefined),
    packets,
    options: { seed: 1, off: more.off ?? [] },
  })
}

const facts = {
  path: 'examples/x.bpf.o',
  program: 'x',
  source: 'test',
  compileSeconds: 0,
  seconds: 0,
  compiled: false,
  session: '.nicwright',
}

describe('try', () => {
  test.each(objects)('%s: the story fits its place, plain and without colour', object => {
    const told = trial(object)
    for (const width of [80, 120]) {
      const io = captured(width)
      printTrial(io, told, facts)
      const long = io
        .stdout()
        .split('\n')
        .filter(line => line.length > width)
      expect(long).toEqual([])
      expect(io.stdout()).not.toContain('\u001b')
    }
  })

  test.each(objects.filter(o => o !== 'xdp_bucket.bpf.o'))('%s: card and host agree, and the rate has a limit', object => {
    const told = trial(object)
    expect([told.mode, told.same, told.mapsSame]).toEqual(['offload', told.packets, true])
    expect(Object.values(told.verdicts).reduce((a, b) => a + b)).toBe(told.packets)
    const { throughput } = told.report ?? { throughput: undefined }
    expect(throughput?.packetsPerSecond).toBe(Math.min(...(throughput?.limits ?? []).map(l => l.packetsPerSecond)))
    // Lines sorted by cost, never more than the whole.
    const shares = told.hottest.map(line => line.share)
    expect([...shares].sort((a, b) => b - a)).toEqual(shares)
    expect(shares.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(1.000001)
    const json = JSON.parse(JSON.stringify(trialJson(told, facts)))
    expect(Object.keys(json)).toEqual(
      expect.arrayContaining(['verify', 'bind', 'translate', 'place', 'attach', 'run', 'card', 'hottest']),
    )
  })

  test('what the card refuses runs on the host, with the reason in five parts', () => {
    const io = captured(100)
    const told = trial('xdp_bucket.bpf.o')
    printTrial(io, told, facts)
    expect(told.mode).toBe('driver')
    const text = io.stdout()
    for (const part of ['xdp_bucket.bpf.c:', '[nfp] unsupported function id: 5 (EOPNOTSUPP)', 'why ', 'fix ', 'xdpdrv id 1'])
      expect(text).toContain(part)
  })

  test('without an optimisation the card is slower and the verdicts stay', () => {
    const [on, off] = [trial('xdp_lb.bpf.o'), trial('xdp_lb.bpf.o', { off: ['packet-cache'] })]
    expect(off.verdicts).toEqual(on.verdicts)
    expect(off.programCycles ?? 0).toBeGreaterThan(on.programCycles ?? 0)
  })

  test('the same seed gives the same cycles', () => {
    expect(trial('xdp_limit.bpf.o').report).toEqual(trial('xdp_limit.bpf.o').report)
  })
})

describe('printing', () => {
  test('numbers are grouped', () => expect([0, 999, 1000, 1234567].map(grouped)).toEqual(['0', '999', '1 000', '1 234 567']))

  test('bars are as long as their share', () => {
    expect([bar(0.5, 4, false), bar(1, 4, false), bar(2, 4, false), bar(0.03, 4, false), bar(0.5, 4, true)]).toEqual([
      '██',
      '████',
      '████',
      '▏',
      '##',
    ])
  })

  test('text is broken between words', () => {
    expect(wrapped('one two three', 7)).toEqual(['one two', 'three'])
    expect(wrapped('incomprehensibilities', 7)).toEqual(['incomprehensibilities'])
  })
})
