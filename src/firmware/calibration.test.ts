// Calibration: the five measurements that the parameter table was made from must come out of it, within 2 %. Everything else that was ever
// measured is left for validation.

import { expect, test } from 'vitest'
import { ContextModel } from '../chip/model.ts'
import { type Machine, throughput } from '../chip/throughput.ts'
import { timing } from '../chip/timing.ts'
import { EngineUse, Trace, USE_ADD, USE_READ } from '../chip/trace.ts'
import { type Costs, costs, stockCosts, trimmedCosts } from './costs.ts'
import { share } from './worker.ts'

const t = timing()
const stock = costs(stockCosts)
const trimmed = costs(trimmedCosts)

interface Body {
  readonly issue: number
  readonly times: number
  readonly each: number
  readonly wait: number
  readonly use: number
}

/** A packet's segments: the firmware's share before, the body, the firmware's share after. */
function run(firmware: Costs, body: Body, engines: number): number {
  const trace = new Trace()
  const use = new EngineUse(t)
  const model = new ContextModel(t.contexts)
  for (let packet = 0; packet < 100; packet++) {
    trace.clear()
    for (let i = 0; i < firmware.packetWaits; i++) {
      if (i === firmware.packetWaits / 2) {
        trace.issue += body.issue
        for (let k = 0; k < body.times; k++) {
          trace.issue += body.each
          if (body.wait > 0) trace.wait(body.wait)
          use.count(body.use, 4096, 4)
        }
      }
      trace.issue += share(firmware.packetIssue, firmware.packetWaits, i)
      trace.wait(firmware.packetWait)
    }
    trace.end()
    model.feed(trace)
  }
  const load = {
    packets: 100,
    bytes: 6000,
    toHost: 0,
    cyclesPerPacket: model.cyclesPerPacket(),
    engineTotal: use.total,
    engineHottest: use.hottest,
  }
  const machine: Machine = { engines, engineHz: 800e6, lineBits: 80e9, timing: t }
  return throughput(load, machine).packetsPerSecond / 1e6
}

function near(got: number, measured: number): void {
  expect(Math.abs(got / measured - 1), `${got.toFixed(3)} instead of ${measured}`).toBeLessThan(0.02)
}

const nothing: Body = { issue: 0, times: 0, each: 0, wait: 0, use: USE_READ }
const reads = (times: number): Body => ({ issue: 10, times, each: 6, wait: t.ememWait, use: USE_READ })

test.each([
  [5, 9.508],
  [10, 19.415],
  [15, 28.873],
  [20, 38.5],
  [25, 47.77],
])('stock firmware, drop, %i engines: %f Mpps', (engines, measured) => {
  near(run(stock, nothing, engines), measured)
})

test.each([
  [4, 11.84],
  [14, 6.833],
])('trimmed firmware, %i reads of one word, 5 engines: %f Mpps', (n, measured) => {
  near(run(trimmed, reads(n), 5), measured)
})

test('8 reads of one word, 50 engines: the memory engine binds', () => {
  near(run(trimmed, reads(8), 50), 24.9)
})

test('10 posted adds to one word, 50 engines: the memory engine binds', () => {
  near(run(trimmed, { issue: 10, times: 10, each: 4, wait: 0, use: USE_ADD }, 50), 24.94)
})

test('a small counting program, 50 engines: the MAC binds', () => {
  // Header bytes by two packet reads, a hash of 60 words, one posted add.
  near(run(trimmed, { issue: 110, times: 1, each: 4, wait: 0, use: USE_ADD }, 50), 54.4)
})
