// The card as a driver sees it: registers, loading, packets, maps, events. Programs are small and made with the encoder, in the shape in which
// the driver lays them out.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MESSAGE } from '../firmware/control.ts'
import { parseCapabilities } from '../nfp/capabilities.ts'
import { Code } from '../nfp/code.ts'
import { withEcc } from '../nfp/ecc.ts'
import { alu, br, cmd, immed, lcsrRead, lcsrWrite, ldField, nop } from '../nfp/encode.ts'
import { ADDRESS, ALU, BR, CMD, CSR, CTX, SHIFT } from '../nfp/insn-table.ts'
import { gprA, gprB, gprBoth, imm, lm, NONE, xfer } from '../nfp/operand.ts'
import { defaultProfile, type Profile, withOptions } from '../nfp/profiles.ts'
import { Card } from './card.ts'
import { VERDICT, wordCosts } from './index.ts'
import { CTRL_BPF, REG, UPDATE_BPF, UPDATE_ERR, UPDATE_GEN } from './registers.ts'

const { start, done } = defaultProfile.firmware

function assemble(make: (code: Code) => void): Code {
  const code = new Code()
  make(code)
  for (let i = 0; i < 8; i++) nop(code)
  expect(code.error).toBe(0)
  for (let i = 0; i < code.count; i++) code.hi[i] = withEcc(code.lo[i]!, code.hi[i]!)
  return code
}

/** Goes to the firmware with a result byte. */
function leave(code: Code, result: number): void {
  br(code, BR.UNC, done, 2, 0)
  alu(code, gprA(0), NONE, ALU.NONE, imm(0))
  ldField(code, gprA(0), 0xc, imm(result), SHIFT.LEFT, 16)
}

/** Calls a helper routine; comes back behind. */
function call(code: Code, address: number): void {
  br(code, BR.UNC, address, 2, 0)
  alu(code, gprA(0), NONE, ALU.NONE, gprA(2))
  immed(code, gprB(0), start + code.count + 1, 0, 0, 0)
}

const pass = assemble(code => leave(code, 0x11))

function newCard(profile: Profile = defaultProfile): Card {
  return new Card(profile, { seed: 7 })
}

// A whole program as the upstream driver lays it out for start 0x100 and done 0x50: `r0 = 2; exit`.
const upstreamPass: readonly string[] = [
  ...['f20f003f05bff', '700b441605a20', '502f0000c0800', 'cc2f0000c0001', '60d842008038', '520d814208038', 'a00a0000c0000'],
  ...['800c10c048a00', '460aab0000303', 'fc0d841408125', 'da0f002200b82', 'b60f444400b11', 'b0081d0100200', '200aa300c0001'],
  ...['bc094002409ff', '520d814208038', 'a00a0000c0000', '100c10c000a00', ...new Array<string>(8).fill('f0000c0300')],
]

test("the driver's own words run", () => {
  const card = newCard()
  const image = upstreamPass.map(word => BigInt(`0x${word}`))
  const lo = Uint32Array.from(image, word => Number(word & 0xffff_ffffn))
  const hi = Uint32Array.from(image, word => Number(word >> 32n))
  expect(card.load({ lo, hi, count: image.length })).toBe(true)
  const { verdict, programCycles } = card.receive(new Uint8Array(64))
  expect(verdict).toBe(VERDICT.PASS)
  // 15 words: 2 + 2 in front, a branch (3 bubbles), the test of the range, the table, and a branch with two slots filled.
  expect(programCycles).toBe(15 + 3 + 1)
})

test('any loaded words and any packet end in a verdict', () => {
  const words = fc.array(fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 0x1fff })), {
    minLength: 1,
    maxLength: 40,
  })
  fc.assert(
    fc.property(words, fc.uint8Array({ maxLength: 300 }), (list, packet) => {
      const card = newCard()
      const lo = Uint32Array.from(list, ([low]) => low)
      const hi = Uint32Array.from(list, ([low, high]) => withEcc(low, high))
      expect(card.load({ lo, hi, count: list.length })).toBe(true)
      const { verdict, data, fault } = card.receive(packet)
      expect(verdict).toBeLessThanOrEqual(VERDICT.FAULT)
      expect(data.length).toBeLessThan(0x4000)
      if (verdict !== VERDICT.FAULT) expect(fault).toBeUndefined()
    }),
    { numRuns: 100 },
  )
})

test('registers say what the firmware is, and only what may be written is', () => {
  const registers = newCard().registers()
  expect(registers.read8(REG.ABI)).toBe(2)
  expect(registers.read16(REG.START)).toBe(0x100)
  expect(registers.read16(REG.DONE)).toBe(0x50)
  expect(registers.read8(REG.STACK_SZ)).toBe(8)
  expect(registers.read8(REG.INL_MTU)).toBe(32)
  expect(registers.read32(REG.CAP) & CTRL_BPF).toBe(CTRL_BPF)
  registers.write16(REG.START, 5)
  expect(registers.read16(REG.START)).toBe(0x100)
  expect(registers.read32(0x1000)).toBe(0xffffffff)
  registers.write64(REG.ADDR, 0x12345678_9000)
  expect(registers.read64(REG.ADDR)).toBe(0x12345678_9000)
})

test('capabilities are what the driver reads from the symbol', () => {
  const { capabilities } = parseCapabilities(newCard().capabilities)
  expect(capabilities).toEqual(defaultProfile.firmware.capabilities)
})

test('a program is fetched, started, replaced and stopped', () => {
  const card = newCard()
  const packet = Uint8Array.from({ length: 60 }, (_, i) => i)
  expect(card.receive(packet).verdict).toBe(VERDICT.NONE)
  expect(card.load(pass)).toBe(true)
  expect(card.registers().read32(REG.UPDATE)).toBe(0)
  expect(card.receive(packet)).toMatchObject({ verdict: VERDICT.PASS, data: packet, fault: undefined, queue: -1 })
  expect(card.receive(packet, 1).verdict).toBe(VERDICT.NONE)
  expect(card.counters(1)).toEqual({ packets: 1, bytes: 60, verdicts: [0, 0, 0, 0, 0, 0, 1] })
  expect(card.counters().packets).toBe(2)
  expect(card.load(assemble(code => leave(code, 0x22)))).toBe(true)
  expect(card.receive(packet).verdict).toBe(VERDICT.DROP)
  card.unload()
  expect(card.receive(packet).verdict).toBe(VERDICT.NONE)
})

test('the firmware refuses what it can not load', () => {
  const card = newCard()
  const { registers } = { registers: card.registers() }
  expect(card.reconfigure(0, UPDATE_BPF)).toBe(false)
  expect(registers.read32(REG.UPDATE)).toBe(UPDATE_ERR + UPDATE_BPF)
  expect(card.reconfigure(0, 1 << 5)).toBe(false)
  const broken = assemble(code => leave(code, 0x11))
  broken.lo[1] = (broken.lo[1]! ^ 4) >>> 0
  expect(card.load(broken)).toBe(false)
  const short = newCard({ ...defaultProfile, firmware: withOptions(defaultProfile.firmware, { max_len: 10 }) })
  expect(short.load(pass)).toBe(false)
  const still = newCard({ ...defaultProfile, firmware: withOptions(defaultProfile.firmware, { live_reload: false }) })
  expect(still.load(pass)).toBe(true)
  expect(still.load(pass)).toBe(false)
  expect(still.reconfigure(0, UPDATE_GEN)).toBe(true)
  expect(still.receive(new Uint8Array(60)).verdict).toBe(VERDICT.PASS)
})

test('every result byte has its verdict, others are faults', () => {
  const verdicts: readonly [number, number][] = [
    [0x11, VERDICT.PASS],
    [0x22, VERDICT.DROP],
    [0x44, VERDICT.TX],
    [0x82, VERDICT.ABORTED],
    [0x02, VERDICT.DROP_UNCOUNTED],
    [0x33, VERDICT.FAULT],
  ]
  for (const [result, verdict] of verdicts) {
    const card = newCard()
    card.load(assemble(code => leave(code, result)))
    expect(card.receive(new Uint8Array(64)).verdict).toBe(verdict)
  }
})

test('a program moves the beginning and the end, and writes', () => {
  const card = newCard()
  card.load(
    assemble(code => {
      // 4 bytes more in front, 0x2211 written there.
      alu(code, lm(1, 2), lm(1, 2), ALU.SUB, imm(4))
      alu(code, lm(1, 0), lm(1, 0), ALU.ADD, imm(4))
      immed(code, xfer(0), 0x2211, 0, 0, 0)
      alu(code, gprA(5), NONE, ALU.NONE, lm(1, 2))
      cmd(code, CMD.WRITE8_SWAP, ADDRESS.BITS32, 0, gprA(5), imm(0), 1, CTX.SWAP)
      leave(code, 0x44)
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 14, maxLength: 4000 }), packet => {
      const { data, verdict } = card.receive(packet)
      expect(verdict).toBe(VERDICT.TX)
      expect(data.length).toBe(packet.length + 4)
      expect([...data.subarray(0, 4)]).toEqual([0x11, 0x22, 0, 0])
      expect(data.subarray(4)).toEqual(packet)
    }),
  )
})

test('bytes behind the inline part are out of reach, and come out as they came in', () => {
  const card = newCard()
  card.load(
    assemble(code => {
      immed(code, gprA(5), 4000, 0, 0, 0)
      alu(code, gprB(6), NONE, ALU.NONE, lm(1, 2))
      cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(5), gprB(6), 0, CTX.SWAP)
      leave(code, 0x11)
    }),
  )
  const packet = Uint8Array.from({ length: 9000 }, (_, i) => i >> 3)
  const received = card.receive(packet)
  expect(received.verdict).toBe(VERDICT.FAULT)
  expect(received.fault).toContain('outside of any memory')
  expect(received.data).toEqual(packet)
  expect(card.report().faults).toEqual([{ text: received.fault, word: 2, count: 1 }])
})

function words(...list: number[]): Uint8Array {
  const bytes = new Uint8Array(list.length * 4)
  const view = new DataView(bytes.buffer)
  list.forEach((word, i) => {
    view.setUint32(i * 4, word)
  })
  return bytes
}

function request(type: number, ...list: number[]): Uint8Array {
  return Uint8Array.of(type, 1, 0, 1, ...words(...list))
}

function withSlots(head: Uint8Array, key: readonly number[], value: readonly number[]): Uint8Array {
  const out = new Uint8Array(head.length + 128)
  out.set(head)
  out.set(key, head.length)
  out.set(value, head.length + 64)
  return out
}

test('a lookup gives an address that the program reads, and counts at; the host sees both', () => {
  const card = newCard()
  const [reply] = card.control(request(MESSAGE.ALLOC, 4, 16, 10, 1, 0))
  expect(reply?.subarray(4)).toEqual(words(0, 1))
  card.control(withSlots(request(MESSAGE.UPDATE, 1, 1, 0), [1, 2, 3, 4], [0x78, 0x56, 0x34, 0x12]))
  card.load(
    assemble(code => {
      immed(code, gprA(2), 1, 0, 0, 0)
      // The key, from the packet's first word, on the stack.
      alu(code, gprA(5), NONE, ALU.NONE, lm(1, 2))
      cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(5), imm(0), 0, CTX.SWAP)
      alu(code, lm(0, 0), NONE, ALU.NONE, xfer(0))
      call(code, 0x3000)
      alu(code, NONE, gprA(0), ALU.OR, gprB(1))
      const miss = code.count
      br(code, BR.EQ, 0, 0, 0)
      cmd(code, CMD.READ32_SWAP, ADDRESS.B_A, 0, gprA(0), gprB(1), 0, CTX.SWAP)
      alu(code, gprBoth(6), NONE, ALU.NONE, xfer(0))
      immed(code, gprA(21), 0x80 | (2 << 3) | (8 << 8), 0, 0, 0)
      immed(code, gprB(7), 3, 0, 0, 0)
      ldField(code, gprA(21), 0xc, gprB(7), SHIFT.LEFT, 16)
      alu(code, gprA(9), gprA(0), ALU.ADD, imm(8))
      alu(code, NONE, NONE, ALU.NONE, gprA(21))
      cmd(code, CMD.ADD_IMM, ADDRESS.B_A, 0, gprA(9), gprB(1), 0, CTX.NO_SWAP, 1)
      leave(code, 0x11)
      const end = code.count
      leave(code, 0x22)
      code.count = miss
      br(code, BR.EQ, start + end, 0, 0)
      code.count = end + 3
    }),
  )
  const hit = card.receive(Uint8Array.of(1, 2, 3, 4, ...new Uint8Array(60)))
  expect(hit.verdict).toBe(VERDICT.PASS)
  // One read of the packet; lock, entry, unlock, a value read and the add; the table's descriptor.
  expect(hit.memoryUses).toEqual({ ctm: 1, emem: 5, imem: 1 })
  expect(card.receive(Uint8Array.of(1, 2, 3, 5, ...new Uint8Array(60))).verdict).toBe(VERDICT.DROP)
  const [found] = card.control(withSlots(request(MESSAGE.LOOKUP, 1, 1, 0), [1, 2, 3, 4], []))
  expect([...(found ?? expect.fail()).subarray(16 + 64, 16 + 64 + 12)]).toEqual([0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 0, 0, 0, 3])
  const costs = wordCosts(card.program() ?? expect.fail())
  // The lookup's cost stands with the branch that calls it.
  expect(costs[4]).toMatchObject({ word: 4, executed: 2, issued: 2 * (1 + 1 + 126 + 6), waited: 2 * (95 + 93 + 93) })
})

test('with a cache, what does not fit is waited for', () => {
  const reader = assemble(code => {
    // The packet's first word is an offset in external memory.
    immed(code, gprB(1), 0x8000, 0, 0, 2)
    alu(code, gprA(5), NONE, ALU.NONE, lm(1, 2))
    cmd(code, CMD.READ32_SWAP, ADDRESS.BITS32, 0, gprA(5), imm(0), 0, CTX.SWAP)
    alu(code, gprA(0), NONE, ALU.NONE, xfer(0))
    cmd(code, CMD.READ32_SWAP, ADDRESS.B_A, 0, gprA(0), gprB(1), 0, CTX.SWAP)
    leave(code, 0x11)
  })
  const at = (offset: number): Uint8Array => Uint8Array.of(offset, offset >> 8, 0, 0, ...new Uint8Array(60))
  const waits = (card: Card, offsets: readonly number[]): number[] => offsets.map(offset => card.receive(at(offset)).waits)
  const plain = newCard()
  plain.load(reader)
  const [hit = 0] = waits(plain, [64])
  const cached = new Card(defaultProfile, { cacheBytes: 4096 })
  cached.load(reader)
  const late = hit + plain.timing.ememMiss
  expect(waits(cached, [64, 100, 128, 64, 64 + 4096, 64, 64])).toEqual([late, hit, late, hit, late, late, hit])
  expect(cached.report().cacheMisses).toBeCloseTo(4 / 7)
})

test('events go to the host as messages with the data and the packet', () => {
  const card = newCard()
  card.load(
    assemble(code => {
      immed(code, gprA(4), 0x1234, 0, 0, 0)
      immed(code, gprA(7), 5, 0, 0, 0)
      alu(code, gprA(8), NONE, ALU.NONE, lm(1, 2))
      immed(code, gprA(10), 6, 0, 0, 0)
      br(code, BR.UNC, 0x3300, 2, 0)
      alu(code, gprA(1), NONE, ALU.NONE, imm(8))
      immed(code, gprB(0), start + code.count + 1, 0, 0, 0)
      leave(code, 0x11)
    }),
  )
  const packet = Uint8Array.from({ length: 64 }, (_, i) => i + 1)
  const want = Uint8Array.of(8, 1, 0, 0, ...words(0, 0, 0x1234, 6, 5), 1, 2, 3, 4, 5, 0, 0, 0, 1, 2, 3, 4, 5, 6)
  expect(card.receive(packet).events).toEqual([want])
  expect(card.takeEvents()).toEqual([want])
  expect(card.takeEvents()).toEqual([])
})

const random = assemble(code => {
  lcsrRead(code, CSR.PSEUDO_RND_NUM)
  immed(code, gprBoth(0), 0, 0, 0, 0)
  alu(code, gprA(5), NONE, ALU.NONE, lm(1, 2))
  alu(code, xfer(0), NONE, ALU.NONE, gprA(0))
  cmd(code, CMD.WRITE8_SWAP, ADDRESS.BITS32, 0, gprA(5), imm(0), 3, CTX.SWAP)
  leave(code, 0x11)
})

test('a batch gives what single packets give, and parts of a run what the whole gives', () => {
  const packets = Array.from({ length: 40 }, (_, i) => new Uint8Array(60 + i).fill(i))
  const single = newCard()
  single.load(random)
  const want = packets.map(packet => single.receive(packet))
  expect(new Set(want.map(({ data }) => String(data.subarray(0, 4)))).size).toBe(40)

  const bytes = new Uint8Array(packets.reduce((sum, packet) => sum + packet.length, 0))
  const offsets = new Uint32Array(40)
  const lengths = Uint32Array.from(packets, packet => packet.length)
  let at = 0
  packets.forEach((packet, i) => {
    bytes.set(packet, at)
    offsets[i] = at
    at += packet.length
  })
  const verdicts = new Uint8Array(40)
  const cycles = new Uint32Array(40)
  const out: Uint8Array[] = []
  const batch = newCard()
  batch.load(random)
  batch.receiveBatch({ bytes, offsets, lengths, count: 40, verdicts, cycles, visit: () => out.push(batch.output()) })
  expect(out).toEqual(want.map(({ data }) => data))
  expect([...cycles]).toEqual(want.map(received => received.cycles))
  expect([...verdicts]).toEqual(want.map(({ verdict }) => verdict))

  const part = newCard()
  part.load(random)
  part.seek(30)
  expect(part.receive(packets[30] ?? expect.fail()).data).toEqual(want[30]?.data)
  expect(batch.report()).toEqual(single.report())
})

test('the report: rate, limits, averages', () => {
  const card = newCard()
  card.load(assemble(code => leave(code, 0x22)))
  for (let i = 0; i < 100; i++) card.receive(new Uint8Array(60))
  const report = card.report()
  expect(report.packets).toBe(100)
  expect(report.verdicts[VERDICT.DROP]).toBe(100)
  expect(report.issueCycles).toBe(417 + 3 + 1)
  expect(report.instructions).toBe(3)
  expect(report.throughput.limit).toBe('mac')
  expect(report.throughput.packetsPerSecond).toBe(54_400_000)
  const few = card.report(10)
  expect(few.throughput.limit).toBe('compute')
  expect(few.throughput.packetsPerSecond / 1e6).toBeGreaterThan(18.5)
  expect(few.throughput.packetsPerSecond / 1e6).toBeLessThan(19.4)
  card.clearReport()
  expect(card.report()).toMatchObject({ packets: 0, bytes: 0, instructions: 0 })
})

test('a pointer write before a helper call has landed when the routine looks', () => {
  const card = newCard()
  card.control(request(MESSAGE.ALLOC, 4, 8, 10, 2, 0))
  card.load(
    assemble(code => {
      immed(code, gprA(2), 1, 0, 0, 0)
      immed(code, lm(0, 2), 3, 0, 0, 0)
      alu(code, gprB(4), gprA(22), ALU.ADD, imm(8))
      lcsrWrite(code, gprB(4), CSR.ACT_LM_ADDR0)
      call(code, 0x3000)
      alu(code, NONE, gprA(0), ALU.OR, gprB(1))
      br(code, BR.EQ, start + code.count + 4, 0, 0)
      leave(code, 0x11)
      leave(code, 0x22)
    }),
  )
  expect(card.receive(new Uint8Array(64)).verdict).toBe(VERDICT.PASS)
})
