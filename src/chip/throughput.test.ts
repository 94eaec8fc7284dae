import { expect, test } from 'vitest'
import { ContextModel } from './model.ts'
import { lineRate, throughput } from './throughput.ts'
import { timing } from './timing.ts'
import { Trace } from './trace.ts'

test('line rates of 64-byte frames', () => {
  expect(lineRate(10e9, 60) / 1e6).toBeCloseTo(14.88, 2)
  expect(lineRate(40e9, 60) / 1e6).toBeCloseTo(59.52, 2)
  expect(lineRate(100e9, 60) / 1e6).toBeCloseTo(148.81, 2)
})

test('more waiting than three other contexts can fill shows in the cycles', () => {
  const model = new ContextModel(4)
  const trace = new Trace()
  for (let i = 0; i < 10; i++) {
    trace.clear()
    trace.issue = 10
    trace.wait(390)
    trace.end()
    model.feed(trace)
  }
  expect(model.cyclesPerPacket()).toBeCloseTo(100, 0)
})

test('a single thread never gives way without waiting', () => {
  const model = new ContextModel(4)
  const trace = new Trace()
  trace.issue = 70
  trace.end()
  model.feed(trace)
  expect(model.cyclesPerPacket()).toBe(70)
})

test('the tightest limit binds, and each limit has its number', () => {
  const load = { packets: 10, bytes: 600, toHost: 10, cyclesPerPacket: 400, engineTotal: 0, engineHottest: 0 }
  const fast = throughput(load, { engines: 50, engineHz: 800e6, lineBits: 80e9, timing: timing() })
  expect(fast.limit).toBe('host')
  expect(fast.packetsPerSecond).toBe(34_100_000)
  expect(fast.limits.map(limit => limit.name)).toEqual(['host', 'mac', 'compute', 'line'])
  expect(
    throughput({ ...load, bytes: 10 * 1514 }, { engines: 50, engineHz: 800e6, lineBits: 10e9, timing: timing() }).limit,
  ).toBe('line')
  expect(throughput({ ...load, toHost: 0, engineHottest: 10 * 40 * 10_000 }, machine).limit).toBe('memory line')
})

const machine = { engines: 50, engineHz: 800e6, lineBits: 80e9, timing: timing() }

test('an overloaded line may collapse in the band where that was measured', () => {
  const load = { packets: 1, bytes: 60, toHost: 0, cyclesPerPacket: 1000, engineTotal: 0, engineHottest: 0 }
  expect(throughput(load, machine).collapse).toBe(34_600_000)
  expect(throughput({ ...load, cyclesPerPacket: 2000 }, machine).collapse).toBeUndefined()
})
