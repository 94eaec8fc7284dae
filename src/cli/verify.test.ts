import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { probe } from '../linux/index.ts'
import { captured } from './io.ts'
import { command } from './verify.ts'
import { parseBudget } from './verify-budget.ts'

const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
const kernel = probe()
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'verify-'))
  mkdirSync(join(folder, 'below'))
  copyFileSync(join(examples, 'xdp_fw.bpf.o'), join(folder, 'fw.o'))
  copyFileSync(join(examples, 'xdp_drop.bpf.o'), join(folder, 'below', 'drop.o'))
  writeFileSync(join(folder, 'broken.o'), 'no object')
})
afterAll(() => rmSync(folder, { recursive: true }))

async function run(args: readonly string[], width = 100): Promise<{ code: number; out: string; err: string }> {
  const io = captured(width)
  const code = await command.run(args, io)
  return { code, out: io.stdout(), err: io.stderr() }
}

describe('verdicts', () => {
  test('one object, one line a program', async () => {
    const { code, out } = await run([join(folder, 'fw.o')])
    expect([code, out]).toEqual([0, '✓ xdp_fw  xdp  58 insns  69 processed, 6 states, stack 24 B\n'])
  })

  test('a file that is named must be readable, one in a folder is a row', async () => {
    await expect(run([join(folder, 'broken.o')])).rejects.toThrow(/broken\.o/)
    const { code, out } = await run([folder])
    expect(code).toBe(6)
    expect(out).toContain('✓ xdp_drop')
    expect(out).toContain('broken.o')
    await expect(run([join(folder, 'none')])).rejects.toThrow(/no such file/)
    await expect(run([])).rejects.toThrow(/give an object/)
  })

  test('a refusal on the card has its line and its explanation', async () => {
    const { code, out } = await run([join(examples, 'xdp_bucket.bpf.o'), '--target', 'nic0', '--explain'])
    expect(code).toBe(3)
    expect(out).toContain('EOPNOTSUPP at insn 10, xdp_bucket.bpf.c:35')
    expect(out).toMatch(/At +insn 10: \(85\) call bpf_ktime_get_ns#5/)
    expect((await run([join(examples, 'xdp_bucket.bpf.o')])).code).toBe(0)
  })

  test('JSON of one file, and of a folder', async () => {
    const one = JSON.parse((await run([join(folder, 'fw.o'), '-j'])).out)
    expect(one.programs[0]).toMatchObject({ name: 'xdp_fw', ok: true, stats: { processed: 69 }, stack: [24] })
    const all = JSON.parse((await run([folder, '-j'])).out)
    expect(all.files.map((f: { code?: string }) => f.code)).toEqual([undefined, expect.stringMatching(/^elf\//), undefined])
  })
})

describe('tables', () => {
  test('a row a program, sums below, what can not be read last', async () => {
    const { out } = await run([folder, '--table', '--sort', 'insns'])
    const lines = out.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^file +program +verdict +insns +states +stack +ms$/)
    expect(lines[1]).toMatch(/^fw\.o +xdp_fw +✓ accepted +69 +6 +24 +[\d.]+$/)
    expect(lines[2]).toMatch(/^below\/drop\.o +xdp_drop +✓ accepted +2 /)
    expect(lines[3]).toMatch(/^broken\.o +– unreadable$/)
    expect(lines.at(-1)).toMatch(/^2 programs in 3 files: 2 accepted, 0 refused, 1 unreadable, 71 insns, \d+ states, \d+ ms$/)
  })

  test('on a terminal it fits the width', async () => {
    const long = join(folder, 'below', `${'a_long_name_'.repeat(8)}.o`)
    copyFileSync(join(folder, 'fw.o'), long)
    const io = { ...captured(60), interactive: true, ascii: true }
    await command.run([folder, '--table'], io)
    rmSync(long)
    const rows = io
      .stdout()
      .split('\n')
      .filter(line => line.includes('accepted '))
    expect(rows.length).toBeGreaterThan(2)
    for (const row of rows.slice(0, 3)) expect(row.length).toBeLessThanOrEqual(60)
    expect(io.stdout()).toContain('~')
  })
})

describe('baselines and budgets', () => {
  test('the same programs: nothing differs; a worse verdict or a broken budget gives 1', async () => {
    const file = join(folder, 'base.json')
    await run([folder, '--table', '--baseline', file])
    const text = readFileSync(file, 'utf8')
    await run([folder, '--table', '--baseline', file])
    expect(readFileSync(file, 'utf8')).toBe(text)
    const same = await run([folder, '--compare', file])
    expect([same.code, same.out]).toEqual([0, '3 programs as in the baseline\n'])

    const base = JSON.parse(text)
    const fw = base.programs.find((p: { program: string }) => p.program === 'xdp_fw')
    fw.insns = 60
    writeFileSync(file, JSON.stringify(base))
    const grown = await run([folder, '--compare', file])
    expect(grown.code).toBe(0)
    expect(grown.out).toContain('60 -> 69 +15.0%')
    const over = await run([folder, '--compare', file, '--budget', 'insns<=+10%'])
    expect(over.code).toBe(1)
    expect(over.out).toContain('over budget  fw.o xdp_fw: insns 69 > 60 + 10%')

    base.programs.find((p: { file: string }) => p.file === 'broken.o').verdict = 'accepted'
    writeFileSync(file, JSON.stringify(base))
    const worse = await run([folder, '--compare', file])
    expect(worse.code).toBe(1)
    expect(worse.out).toContain('accepted -> unreadable')
    base.programs.push({ ...fw, program: 'gone' })
    writeFileSync(file, JSON.stringify(base))
    expect((await run([folder, '--compare', file])).out).toContain('gone, was accepted')
  })

  test('a budget by itself', async () => {
    const { code, out } = await run([join(folder, 'fw.o'), '--budget', 'insns<=68,stack<=24,states<=5'])
    expect(code).toBe(1)
    expect(out).toContain('over budget  fw.o xdp_fw: insns 69 > 68, states 6 > 5')
    expect((await run([join(folder, 'fw.o'), '--budget', 'insns<=69'])).code).toBe(0)
    await expect(run([join(folder, 'fw.o'), '--budget', 'insns<=+5%'])).rejects.toThrow(/--compare/)
  })

  test('any text is a budget or a usage error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^(insns|states|stack)<=\+?\d{1,6}%?$/)), text => {
        try {
          for (const limit of parseBudget(text)) expect(limit.most).toBeGreaterThanOrEqual(0)
        } catch (error) {
          expect(error).toMatchObject({ code: 'cli/usage' })
        }
      }),
    )
  })

  test('a file that is no baseline is refused with the reason', async () => {
    const file = join(folder, 'bad.json')
    for (const [text, reason] of [
      ['{', /no JSON/],
      ['{"version":2}', /no baseline.*version/],
      ['{"version":1,"kernel":"","target":"","programs":[{"file":1}]}', /programs\.0\.file/],
    ] as const) {
      writeFileSync(file, text)
      await expect(run([join(folder, 'fw.o'), '--compare', file])).rejects.toThrow(reason)
    }
  })
})

describe('the real kernel beside', () => {
  const why = kernel.ok ? '' : ` (skipped: ${kernel.why})`

  test.skipIf(!kernel.ok)(`it agrees on the examples${why}`, async () => {
    const { code, out } = await run([examples, '--table', '--witness', 'kernel'])
    expect(out).toMatch(/the real kernel agrees on (\d+) of \1 programs/)
    expect(code).toBe(0)
  })

  test('it has no card to ask about', async () => {
    await expect(run([examples, '--target', 'nic0', '--witness', 'kernel'])).rejects.toThrow(/leave --target out/)
  })

  test.skipIf(kernel.ok)('without it the reason is told', async () => {
    const { err } = await run([examples, '--table', '--witness', 'kernel'])
    expect(err).toContain('the real kernel is not asked')
  })
})
