import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import { encodeInsns } from '../bpf/encode.ts'
import { writeRecord } from '../bpf/record.ts'
import { toHex } from '../bytes/hex.ts'
import { randomProgram } from '../host/generate.ts'
import { verify } from '../verifier/index.ts'
import { answer, type BatchJob } from './batch.ts'
import { job as disassemble } from './batch-disassemble.ts'
import { job as run } from './batch-run.ts'
import { job as translate } from './batch-translate.ts'
import { job as verifyJob } from './batch-verify.ts'
import { lines } from './lines.ts'

const options = { budget: 100_000 }
const ask = (job: BatchJob, record: unknown): Record<string, unknown> => JSON.parse(answer(JSON.stringify(record), job, options))
const insns = (text: string): string => toHex(encodeInsns(assemble(text)))
const PACKET = '00112233445566778899aabb0800450000140000000040110000c0000201c0000202'

describe('batch', () => {
  test('verify gives verdict, log and counts', () => {
    const good = ask(verifyJob, { name: 'a', insns: insns('r0 = 2\nexit') })
    expect(good).toMatchObject({ name: 'a', ok: true, errno: 0, processed: 2, stats: [2, 0, 0, 0] })
    const bad = ask(verifyJob, { name: 'b', insns: insns('r0 = r5\nexit'), log_level: 0 })
    expect(bad).toMatchObject({ name: 'b', ok: false, errno: 13, message: 'R5 !read_ok', log: '' })
  })

  test('translate gives the words that the driver loads', () => {
    const made = ask(translate, { name: 't', insns: insns('r0 = 2\nexit'), codegen: 'upstream' })
    // The whole program as the upstream driver makes it, with start 0x100 and done 0x50.
    expect((made.nfp as string[]).slice(0, 6)).toEqual(
      ['f20f003f05bff', '700b441605a20', '502f0000c0800', 'cc2f0000c0001', '60d842008038', '520d814208038'].map(w =>
        w.padStart(16, '0'),
      ),
    )
    expect(made).toMatchObject({ ok: true, stage: '', stack_size: 0 })
  })

  test('given facts, translation is the same function', () => {
    const program = {
      name: 't',
      insns: insns(
        'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\nr0 = *(u16 *)(r2 + 12)\nout: r0 = 2\nexit',
      ),
    }
    for (const codegen of ['upstream', 'correct']) {
      const whole = ask(translate, { ...program, codegen })
      const given = ask(translate, { ...program, codegen, facts: whole.meta })
      expect(whole.ok).toBe(true)
      expect([given.nfp, given.nfp_prereloc, given.stack_size]).toEqual([whole.nfp, whole.nfp_prereloc, whole.stack_size])
    }
  })

  test('refusals name their stage', () => {
    const map = { type: 'hash', key_size: 4, value_size: 1000, max_entries: 1 }
    const big = { insns: insns('r0 = 0\nexit'), maps: [map] }
    expect(ask(translate, big)).toMatchObject({ ok: false, stage: 'map_create', errno: 12 })
    expect(ask(translate, { insns: insns('call ktime_get_ns\nexit') })).toMatchObject({
      ok: false,
      stage: 'prog_load',
      errno: 95,
    })
    const crash =
      'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 14\nr0 = 2\nif r4 > r3 goto out\nr5 = *(u8 *)(r2 + 1)\n*(u8 *)(r2 + 2) = r5\nout: exit'
    expect(ask(translate, { insns: insns(crash), codegen: 'upstream' })).toMatchObject({ ok: false, stage: 'crash', errno: 0 })
    expect(ask(translate, { insns: insns(crash) })).toMatchObject({ ok: true })
  })

  test.each(['interpreter', 'chip'])('run keeps maps between packets: %s', engine => {
    const count =
      'r6 = r1\nr1 = 0\n*(u32 *)(r10 - 4) = r1\nr2 = r10\nr2 += -4\nr1 = map[0] ll\ncall map_lookup_elem\nif r0 == 0 goto out\nr1 = 1\nlock *(u64 *)(r0 + 0) += r1\nout: r0 = 2\nexit'
    const got = ask(run, {
      insns: insns(count),
      maps: [{ type: 'array', key_size: 4, value_size: 8, max_entries: 1 }],
      map_init: [[0, '00000000', '0000000000000000']],
      packets: [PACKET, PACKET, PACKET],
      engine,
    })
    expect(got).toMatchObject({
      ok: true,
      retval: [2, 2, 2],
      data_out: [PACKET, PACKET, PACKET],
      maps: [[['00000000', '0300000000000000']]],
    })
  })

  test('disassemble prints words', () => {
    expect(ask(disassemble, { words: ['000000f003f05bff', 'f0000c0300'] })).toMatchObject({
      ok: true,
      text: ['immed[gprB_22, 0x3fff]', 'nop'],
    })
  })

  test('random programs: chip = interpreter', () => {
    let ran = 0
    const unexplained: string[] = []
    for (let seed = 1; seed <= 150; seed++) {
      const { program, maps } = randomProgram(seed, { features: ['maps', 'functions', 'loops', 'variable offsets'] })
      if (!verify(program, maps, { logLevel: 0 }).ok) continue
      const record = { ...writeRecord({ program, maps, hostMaps: [] }), packets: [PACKET, PACKET + PACKET] }
      const host = ask(run, record)
      const chip = ask(run, { ...record, engine: 'chip' })
      if (chip.ok !== true) continue
      ran++
      const codes = (host.retval as number[]).map(code => (code > 3 ? 0 : code))
      if (JSON.stringify([codes, host.data_out, host.maps]) !== JSON.stringify([chip.retval, chip.data_out, chip.maps]))
        unexplained.push(`${seed}`)
    }
    expect(unexplained).toEqual([])
    expect(ran).toBeGreaterThan(20)
  })

  test.each([
    ['not JSON', '{', 'not JSON'],
    ['a list', '[]', 'not a JSON object'],
    ['no instructions', '{"name":"x"}', 'insns is missing'],
    ['a torn instruction', '{"insns":["00"]}', 'insns[0] is not a string of 16 hex digits'],
    ['an unknown type', '{"insns":[],"prog_type":"warp"}', '"warp" is no program type'],
    ['an unknown map', '{"insns":[],"maps":[{"type":"warp"}]}', '"warp" is no map type'],
    ['an unknown engine', '{"insns":[],"engine":"warp","data_in":""}', 'there is no engine "warp"'],
    ['a packet that is none', '{"insns":["9500000000000000"],"data_in":5}', 'data_in is no hex string'],
  ])('%s is told', (_, line, message) => {
    expect(JSON.parse(answer(line, run, options))).toMatchObject({ ok: false, error: expect.stringContaining(message) })
  })

  test('a loop that the verifier does not end is ended by the budget', () => {
    // The verifier is asked first and refuses it; nothing runs for ever either way.
    expect(ask(run, { insns: insns('loop: goto loop\nexit'), data_in: PACKET })).toMatchObject({ ok: false })
  })

  test('any JSON gives one answer that is no fault of ours', () => {
    const field = fc.oneof(fc.jsonValue(), fc.constant([insns('r0 = 2\nexit')]), fc.constant(insns('r0 = 2\nexit')))
    const record = fc.record(
      { insns: field, maps: field, packets: field, facts: field, fw: field, map_init: field, map_ids: field, opt: field },
      { requiredKeys: ['insns'] },
    )
    fc.assert(
      fc.property(record, fc.constantFrom(verifyJob, translate, run, disassemble), (value, job) => {
        const got = ask(job, value)
        expect(got.code, JSON.stringify(got)).not.toBe('bug')
      }),
      { numRuns: 300 },
    )
  })
})

describe('lines', () => {
  test('are the same however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string()), fc.array(fc.integer({ min: 1, max: 9 })), async (texts, cuts) => {
        const wanted = texts.map(t => t.replaceAll('\n', ' '))
        const bytes = new TextEncoder().encode(wanted.map(t => `${t}\n`).join(''))
        async function* chunks(): AsyncGenerator<Uint8Array> {
          let at = 0
          for (let i = 0; at < bytes.length; i++) {
            const size = cuts[i % Math.max(1, cuts.length)] ?? 4
            yield bytes.subarray(at, at + size)
            at += size
          }
        }
        const got: (string | undefined)[] = []
        for await (const line of lines(chunks())) got.push(line)
        expect(got).toEqual(new TextDecoder().decode(bytes).split('\n').slice(0, -1))
      }),
    )
  })
})
