import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assemble } from '../../bpf/assemble.ts'
import { newInsns } from '../../bpf/insns.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../../bpf/prog-type-table.ts'
import type { MapSpec } from '../../bpf/program.ts'
import { noCapabilities } from '../../nfp/capabilities.ts'
import { ORIGIN } from '../../nfp/image.ts'
import { defaultFirmware } from '../../nfp/profiles.ts'
import { verify } from '../../verifier/verify.ts'
import { CORRECT, type CodegenOptions, UPSTREAM } from './codegen.ts'
import { DeviceVerifier } from './device-verifier.ts'
import { reciprocal } from './emit-divide.ts'
import { type Facts, newFacts } from './facts.ts'
import { jumpTarget, readFacts, writeFacts } from './facts-json.ts'
import { newMapUse } from './map-use.ts'
import { brokenOrder, order, passes, switchedOff, switches } from './passes.ts'
import { provenance } from './provenance.ts'
import { type DriverCrash, isSupported, type NotTranslated, type Translated, translate } from './translate.ts'
import type { Remark } from './translation.ts'

const array: MapSpec = { name: 'm', type: 2, keySize: 4, valueSize: 16, maxEntries: 4, flags: 0 }

interface Made {
  readonly made: Translated | NotTranslated | DriverCrash | undefined
  readonly message: string
  readonly remarks: readonly Remark[]
  readonly facts: Facts
}

function make(text: string, options: CodegenOptions = UPSTREAM, more: { type?: number; maxWords?: number } = {}): Made {
  const insns = assemble(text)
  const hooks = new DeviceVerifier({
    capabilities: defaultFirmware.capabilities,
    stackBytes: 512,
    marks: [newMapUse(16)],
    codegen: options,
  })
  const type = more.type ?? BPF_PROG_TYPE_XDP
  const program = { name: 'p', type, expectedAttachType: 0, flags: 0, license: 'GPL', insns }
  const verdict = verify(program, [array], { target: { kind: 'offloaded', device: 'nic', hooks } })
  const remarks: Remark[] = []
  if (!verdict.ok) return { made: undefined, message: verdict.message.trim(), remarks, facts: hooks.facts }
  const made = translate({
    insns,
    progType: type,
    facts: hooks.facts,
    mapIds: [7],
    maxWords: more.maxWords ?? 8192,
    adjustHead: { offMin: 48, offMax: 192 },
    options,
    remarks,
  })
  return {
    made,
    message: made.ok ? '' : made.kind === 'crash' ? made.reason : (made.log.at(-1) ?? ''),
    remarks,
    facts: hooks.facts,
  }
}

function words(text: string, options: CodegenOptions = UPSTREAM): string[] {
  const { made, message } = make(text, options)
  if (made === undefined || !made.ok) throw new Error(message)
  return Array.from(made.lo, (lo, i) => `${made.hi[i]!.toString(16)}${lo.toString(16).padStart(8, '0')}`)
}

/** A body behind the check that 64 bytes of packet are there. */
function onPacket(body: string): string {
  const check = 'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 64\nif r4 > r3 goto out\n'
  return `${check}${body}\nout:\nr0 = 2\nexit`
}

test('a whole program, as the real driver translates it', () => {
  const expected =
    'f003f05bff b441605a20 2f0000c0800 2f0000c0001 20001dea6008038 60001dea6208038 a0000c0000 c10c048a00 aab0000303 10000d801408125 ' +
    'f002200b82 f444400b11 81d0100200 aa300c0001 94002409ff 60001dea6208038 a0000c0000 c10c000a00 f0000c0300 f0000c0300 f0000c0300 ' +
    'f0000c0300 f0000c0300 f0000c0300 f0000c0300 f0000c0300'
  expect(words('r0 = 2\nexit').join(' ')).toBe(expected)
})

test('the reciprocal divides every number exactly', () => {
  const mulHigh = (a: bigint, b: bigint): bigint => (a * b) >> 32n
  const divide = (n: bigint, d: number): bigint => {
    let { factor, wide, shift, exponent } = reciprocal(d, 32)
    if (d === 2 ** exponent) return n >> BigInt(exponent)
    let before = 0
    if (wide && d % 2 === 0) {
      before = 31 - Math.clz32(d & -d)
      ;({ factor, wide, shift, exponent } = reciprocal(d >>> before, 32 - before))
    }
    const high = mulHigh(n >> BigInt(before), BigInt(factor))
    return wide ? (((n - high) >> 1n) + high) >> BigInt(shift - 1) : high >> BigInt(shift)
  }
  const divisor = fc.oneof(
    fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    fc.integer({ min: 1, max: 5000 }),
    fc.constantFrom(641, 6700417),
  )
  fc.assert(
    fc.property(divisor, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (d, n) => {
      for (const x of [n, 2 ** 32 - 1, d, d - 1, d * Math.floor((2 ** 32 - 1) / d)]) {
        expect(divide(BigInt(x), d)).toBe(BigInt(Math.floor(x / d)))
      }
    }),
    { numRuns: 2000 },
  )
})

describe('passes', () => {
  test('their order is checked', () => {
    const names = passes.map(p => p.name)
    expect(brokenOrder(names)).toBeUndefined()
    for (const before of order) {
      const turned = names.filter(n => n !== before.first)
      turned.splice(turned.indexOf(before.second) + 1, 0, before.first)
      expect(brokenOrder(turned)).toBeDefined()
    }
  })

  test('a list of switches', () => {
    expect([...switchedOff(['-memcpy', '-zext', 'memcpy'])]).toEqual(['zext'])
    expect(() => switchedOff(['-memcopy'])).toThrow('memcopy')
  })

  const programs: Readonly<Record<string, string>> = {
    'map-refs': 'r1 = map[0] ll\nr0 = 2\nexit',
    'reg-init': 'r6 = r1\nr2 = *(u32 *)(r6 + 0)\nr0 = 2\nexit',
    'neg-imm': 'r5 = 0\nr5 += -5\nr0 = 2\nexit',
    memcpy: onPacket('r5 = *(u32 *)(r2 + 0)\n*(u32 *)(r2 + 8) = r5\nr5 = *(u32 *)(r2 + 4)\n*(u32 *)(r2 + 12) = r5'),
    'packet-cache': onPacket('r5 = *(u8 *)(r2 + 0)\nr0 = *(u8 *)(r2 + 1)'),
    zext: onPacket('r5 = *(u32 *)(r2 + 0)\nw5 += 1\n*(u32 *)(r2 + 4) = r5'),
    'adjust-head': 'r2 = 14\ncall xdp_adjust_head\nr0 = 2\nexit',
    'dead-code': 'r5 = 1\nif r5 == 1 goto pc+1\nr5 = 77\nr0 = 2\nexit',
    'short-mul': onPacket('r5 = *(u8 *)(r2 + 0)\nr5 *= 3\n*(u32 *)(r2 + 4) = r5'),
  }
  const tc = 'r6 = r1\nr0 = *(u16 *)skb[12]\nr0 &= 65535\nr0 = 2\nexit'
  const tcShift = 'r6 = r1\nr0 = *(u32 *)skb[12]\nr0 <<= 32\nr0 >>= 32\nr0 = 2\nexit'

  test.each(switches.map(s => s.name))('without %s there are more words, and a remark says what it does', name => {
    const legacy = name === 'ld-mask' || name === 'ld-shift'
    const text = name === 'ld-mask' ? tc : name === 'ld-shift' ? tcShift : programs[name]!
    const type = legacy ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP
    for (const codegen of ['upstream', 'correct'] as const) {
      const on = make(text, { codegen, off: new Set() }, { type })
      const off = make(text, { codegen, off: new Set([name]) }, { type })
      if (on.made?.ok !== true || off.made?.ok !== true) throw new Error(on.message + off.message)
      expect(off.made.lo.length).toBeGreaterThan(on.made.lo.length)
      if (name !== 'map-refs') expect(on.remarks.some(r => r.pass === name && r.applied)).toBe(true)
      expect(off.remarks.some(r => r.pass === name && r.applied)).toBe(false)
    }
  })
})

describe('refusals of the verification hook', () => {
  test.each([
    ['r0 %= 3\nexit', 'instruction 0x97 not supported', 'r0 = 2'],
    ['r0 = le16 r0\nexit', 'instruction 0xd4 not supported', 'r0 = 2'],
    ['call ktime_get_ns\nr0 = 2\nexit', 'unsupported function id: 5', ''],
    ['*(u32 *)(r1 + 12) = r0\nr0 = 2\nexit', 'unsupported store to context field', ''],
    ['lock *(u64 *)(r10 - 8) += r0\nr0 = 2\nexit', 'atomic add not to a map value pointer: 6', 'r0 = 2\n*(u64 *)(r10 - 8) = r0'],
  ])('%s', (text, message, before) => {
    const { message: said } = make(before === '' ? text : `${before}\n${text}`)
    expect(said).toContain(message)
  })

  test.each([
    ['r5 *= 3', 'multiplier is not within u32 value range'],
    ['r5 /= 3', 'dividend is not within u32 value range'],
    ['w5 = w5\nr6 = r5\nr6 &= 7\nr5 /= r6', 'divisor is not constant'],
    ['w5 = w5\nr5 *= -3', "sign extended multiplicand won't be within u32 value range"],
    ['w5 = w5\nr5 /= -3', 'divide by negative constant is not supported'],
  ])('%s', (body, message) => {
    expect(make(onPacket(`r5 = *(u64 *)(r2 + 0)\n${body}`)).message).toBe(`[nfp] ${message}`)
  })

  test('a firmware that can do nothing', () => {
    for (const [call, message] of [
      ['r2 = 0\ncall xdp_adjust_head', 'adjust_head not supported by FW'],
      ['r2 = 0\ncall xdp_adjust_tail', 'adjust_tail not supported by FW'],
      ['call get_prandom_u32', "bpf_get_prandom_u32(): FW doesn't support random number generation"],
    ] as const) {
      const hooks = new DeviceVerifier({ capabilities: noCapabilities, stackBytes: 512, marks: [], codegen: CORRECT })
      const insns = assemble(`${call}\nr0 = 2\nexit`)
      const program = { name: 'p', type: BPF_PROG_TYPE_XDP, expectedAttachType: 0, flags: 0, license: 'GPL', insns }
      const verdict = verify(program, [], { target: { kind: 'offloaded', device: 'nic', hooks } })
      expect(verdict.ok ? '' : verdict.message.trim()).toBe(`[nfp] ${message}`)
    }
  })
})

test('a program that is too long says so for each word that does not fit', () => {
  const body = 'r0 = 0\n'.concat('r0 += 0x12345678\n'.repeat(20), 'r0 = 2\nexit')
  const { made } = make(body, UPSTREAM, { maxWords: 30 })
  expect(made).toEqual({
    ok: false,
    kind: 'error',
    errno: 28,
    translated: 7,
    log: [
      ...new Array<string>(2).fill('instruction limit reached (30 NFP instructions)'),
      'Translation failed with error -28 (translated: 7)',
    ],
  })
})

test('every word knows where it comes from', () => {
  const text = 'r6 = 3\ncall get_prandom_u32\ncall twice\nr0 = 2\nexit\ntwice:\nr6 = 1\nr0 = 1\nexit'
  const { made } = make(text)
  if (made?.ok !== true) throw new Error('not translated')
  const { origin, insn } = provenance(assemble(text), made)
  expect(origin.length).toBe(made.lo.length)
  const kinds = new Set(origin)
  for (const kind of Object.values(ORIGIN)) expect(kinds.has(kind)).toBe(true)
  for (let i = 0; i < origin.length; i++) {
    const ofInsn = origin[i] === ORIGIN.INSN || origin[i] === ORIGIN.HELPER || origin[i] === ORIGIN.SUBPROGRAM
    expect(insn[i]! >= 0).toBe(ofInsn)
    if (i > 0 && insn[i]! >= 0 && insn[i - 1]! >= 0) expect(insn[i]!).toBeGreaterThanOrEqual(insn[i - 1]!)
  }
})

// Opcodes that the driver takes, in any order and with any operands and facts: an answer, never an exception.
const supported = Array.from({ length: 256 }, (_, code) => code).filter(isSupported)

const anything = fc.record({
  slots: fc.array(
    fc.record({
      code: fc.constantFrom(...supported, 0),
      dst: fc.integer({ min: 0, max: 10 }),
      src: fc.integer({ min: 0, max: 10 }),
      off: fc.oneof(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -32768, max: 32767 })),
      imm: fc.oneof(fc.integer({ min: -3, max: 70 }), fc.integer()),
      pointer: fc.constantFrom(0, 2, 4, 6, 8),
      flags: fc.integer({ min: 0, max: 127 }),
      bounds: fc.constantFrom(0, 31, 0xffff, 0xffffffff),
      small: fc.boolean(),
    }),
    { minLength: 1, maxLength: 30 },
  ),
  correct: fc.boolean(),
  tc: fc.boolean(),
})

test('whatever it is given, translation gives an answer, and always the same', () => {
  fc.assert(
    fc.property(anything, ({ slots, correct, tc }) => {
      const insns = newInsns(slots.length)
      const facts = newFacts(slots.length)
      slots.forEach((slot, i) => {
        insns.code[i] = slot.code
        insns.dst[i] = slot.dst
        insns.src[i] = slot.src
        insns.off[i] = slot.off
        insns.imm[i] = slot.imm
        facts.flags[i] = slot.flags & ~2
        facts.ptrType[i] = slot.pointer
        facts.umaxSrcLo[i] = slot.bounds
        facts.uminSrcLo[i] = slot.small ? slot.bounds : 0
        facts.uminSrcHi[i] = 0
        facts.atomic[i] = slot.flags & 3
      })
      for (let i = 0; i < slots.length; i++) facts.jumpTo[i] = jumpTarget(insns, i)
      const input = {
        insns,
        facts,
        progType: tc ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP,
        mapIds: [1],
        maxWords: 2000,
        adjustHead: { offMin: 48, offMax: 192 },
        options: correct ? CORRECT : UPSTREAM,
      }
      const made = translate(input)
      expect(translate(input)).toEqual(made)
    }),
    { numRuns: 1500 },
  )
})

test('facts are the same after they were written and read', () => {
  const text = onPacket(
    'r5 = *(u64 *)(r2 + 8)\nr5 &= 31\nr0 = 1\nr0 <<= r5\n*(u32 *)(r10 - 8) = r0\nr2 = r10\nr2 += -8\nr1 = map[0] ll\ncall map_lookup_elem\nif r0 == 0 goto out\nr1 = 1\nlock *(u64 *)(r0 + 8) += r1',
  )
  const insns = assemble(text)
  const { facts } = make(text)
  const again = readFacts(JSON.parse(JSON.stringify(writeFacts(facts, insns))), insns)
  // What the recorded form doesn't have is what only correct code asks for.
  expect({ ...again, more: facts.more }).toEqual(facts)
})

test('facts of another program are refused', () => {
  const insns = assemble('r0 = 2\nexit')
  const json = writeFacts(newFacts(2), insns)
  expect(() => readFacts(json, assemble('r0 = 2\nr0 = 2\nexit'))).toThrow('facts of 2 instructions')
})
