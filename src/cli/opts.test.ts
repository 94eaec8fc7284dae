import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { repairs } from '../drivers/nfp/codegen.ts'
import { switches } from '../drivers/nfp/passes.ts'
import { EXIT_DEVICE, EXIT_OK } from './exit.ts'
import { captured } from './io.ts'
import { command } from './opts.ts'
import type { SwitchRow } from './opts-list.ts'
import type { Matrix } from './opts-matrix.ts'
import { renderList, renderMatrix } from './opts-text.ts'
import { rememberedOff } from './switches.ts'
import { command as translate } from './translate.ts'

const examples = join(import.meta.dirname, '../../examples')
const folder = mkdtempSync(join(tmpdir(), 'nicwright-'))
const before = process.cwd()
beforeAll(() => process.chdir(folder))
afterAll(() => {
  process.chdir(before)
  rmSync(folder, { recursive: true })
})
const plain = { style: (_: unknown, text: string) => text, ascii: false } as const

async function json(...args: string[]): Promise<Record<string, never>> {
  const io = captured()
  expect(await command.run([...args, '-j'], io)).toBe(EXIT_OK)
  return JSON.parse(io.stdout())
}

const matrix: Matrix = {
  program: 'fw',
  off: [],
  packets: 100,
  base: { words: 407, cost: { cyclesPerPacket: 388, packetsPerSecond: 43.6e6, limit: 'memory line' } },
  rows: [
    row('packet-cache', 'packet cache', 468, 507, 43.6, 'memory line'),
    row('memcpy', 'copy gathering (memcpy)', 431, 440, 40, 'compute'),
    row('ld-mask', 'LD_ABS mask removal', 407, 388, 43.6, 'memory line', false),
    row('div-zero', 'division by 0', 407, 388, 43.6, 'memory line', false),
    {
      name: 'zext',
      title: 'zero-extension removal',
      repair: false,
      off: true,
      used: true,
      without: { words: 407, cost: undefined },
    },
    {
      name: 'neg-imm',
      title: 'negative-immediate normalise',
      repair: false,
      off: false,
      used: true,
      without: { refused: 'too long' },
    },
  ],
}

function row(
  name: string,
  title: string,
  words: number,
  cyclesPerPacket: number,
  mpps: number,
  limit: string,
  used = true,
): Matrix['rows'][number] {
  return {
    name,
    title,
    repair: name === 'div-zero',
    off: false,
    used,
    without: { words, cost: { cyclesPerPacket, packetsPerSecond: mpps * 1e6, limit } },
  }
}

describe('the matrix', () => {
  test('in 80 columns', () => {
    expect(renderMatrix(matrix, { ...plain, width: 80 }).join('\n')).toBe(
      `without                         words   cycles    Mpps
(all on)                          407    388.0   43.60  limit: memory line
packet cache                      468    507.0   43.60  ███▏ +31 % cycles, same
                                                        rate
copy gathering (memcpy)           431    440.0   40.00  █▍ +13 % cycles
LD_ABS mask removal               407    388.0   43.60  not used by this program
zero-extension removal            407                   off already
negative-immediate normalise        -                   not translated: too long

100 packets each; cycles: one engine's per packet, the firmware's own included;
Mpps: the whole card's (modelled)
1 repair is not used by this program`,
    )
  })

  test('in 60 columns, by name; in ASCII', () => {
    const lines = renderMatrix(matrix, { ...plain, ascii: true, width: 60 })
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(60)
    expect(lines.slice(0, 3).join('\n')).toBe(`without          words   cycles    Mpps
(all on)           407    388.0   43.60  limit: memory line
packet-cache       468    507.0   43.60  ### +31 % cycles,`)
  })

  test('in 120 columns a row is a line', () => {
    expect(renderMatrix(matrix, { ...plain, width: 120 })[2]).toBe(
      'packet cache                      468    507.0   43.60  ███▏ +31 % cycles, same rate',
    )
  })

  test('of an example: words and cycles without each switch', async () => {
    const made = (await json('matrix', join(examples, 'xdp_fw.bpf.o'), '--count', '40')) as unknown as Matrix
    expect(made.rows.map(r => r.name)).toEqual([...switches.map(s => s.name), 'all'])
    expect(made.packets).toBe(40)
    const cost = (name: string): { words: number; cycles: number; used: boolean } => {
      const found = made.rows.find(r => r.name === name) as Matrix['rows'][number]
      if ('refused' in found.without) throw new Error(found.without.refused)
      return { words: found.without.words, cycles: found.without.cost?.cyclesPerPacket ?? 0, used: found.used }
    }
    const base = { words: made.base.words, cycles: made.base.cost?.cyclesPerPacket ?? 0 }
    expect(cost('packet-cache').words).toBeGreaterThan(base.words)
    expect(cost('packet-cache').cycles).toBeGreaterThan(base.cycles)
    expect(cost('ld-mask')).toEqual({ ...base, used: false })
    expect(cost('all').words).toBeGreaterThan(cost('packet-cache').words)
    expect(cost('all').cycles).toBeGreaterThanOrEqual(cost('packet-cache').cycles)
  })

  test('of a program that is refused: why', async () => {
    const io = captured()
    expect(await command.run(['matrix', join(examples, 'xdp_bucket.bpf.o')], io)).toBe(EXIT_DEVICE)
    expect(io.stderr()).toContain('[nfp] unsupported function id: 5')
  })
})

describe('the list', () => {
  test('has every switch and repair', async () => {
    const { switches: rows } = (await json('list')) as unknown as { switches: SwitchRow[] }
    expect(rows.map(r => r.name)).toEqual([...switches, ...repairs].map(s => s.name))
    expect(rows.every(r => r.on)).toBe(true)
    const upstream = (await json('list', '--codegen', 'upstream')) as unknown as { switches: SwitchRow[] }
    expect(upstream.switches.filter(r => r.on).map(r => r.name)).toEqual(switches.map(s => s.name))
  })

  test('says what each did in a program', async () => {
    const { switches: rows } = (await json('list', join(examples, 'xdp_lb.bpf.o'))) as unknown as { switches: SwitchRow[] }
    const effect = (name: string): SwitchRow['effect'] => rows.find(r => r.name === name)?.effect
    expect(effect('reg-init')).toMatchObject({ applies: true, applied: 1 })
    expect(effect('memcpy')?.applied).toBeGreaterThan(0)
    expect(effect('memcpy')?.words).toBeGreaterThan(0)
    expect(effect('ld-mask')).toEqual({ applies: false, applied: 0, missed: 0, words: 0 })
    expect(effect('div-zero')).toMatchObject({ applies: false })
  })

  test('as text at 60 columns and wider', () => {
    const rows: SwitchRow[] = [
      {
        name: 'memcpy',
        title: 'copy gathering (memcpy)',
        kind: 'pass',
        on: true,
        effect: { applies: true, applied: 4, missed: 30, words: 32 },
      },
      { name: 'zext', title: 'zero-extension removal', kind: 'emitter', on: false },
      {
        name: 'div-zero',
        title: 'division by 0',
        kind: 'repair',
        evidence: 'crash',
        on: true,
        effect: { applies: false, applied: 0, missed: 0, words: 0 },
      },
    ]
    expect(renderList(rows, { ...plain, width: 60 }, false).join('\n')).toBe(
      `passes, in their order
  memcpy           ✓ on   copy gathering (memcpy): 4
                          applied, 30 missed, +32 words
                          without it

decisions while words are emitted
  zext             ✗ off  zero-extension removal

repairs of the upstream driver's code (off with --codegen
upstream)
  1 repair has nothing to do in this program; --all shows it`,
    )
    expect(renderList(rows, { ...plain, width: 100 }, true).at(-1)).toBe(
      '  div-zero         ✓ on   division by 0 [crash]: nothing to do',
    )
  })
})

describe('on and off', () => {
  test('hold for the verbs that follow', async () => {
    const run = async (...args: string[]): Promise<string> => {
      const io = captured()
      expect(await command.run(args, io)).toBe(EXIT_OK)
      return io.stdout()
    }
    const words = async (...args: string[]): Promise<number> => {
      const io = captured()
      expect(await translate.run([join(examples, 'xdp_fw.bpf.o'), '-j', ...args], io)).toBe(EXIT_OK)
      return JSON.parse(io.stdout()).programs[0].words
    }
    const all = await words()
    const without = await words('--opt', '-packet-cache')
    expect(without).toBeGreaterThan(all)
    expect(await run('off', 'packet-cache', 'div-zero')).toBe('off: div-zero packet-cache\n')
    expect(await words()).toBe(without)
    expect(await words('--opt', '+packet-cache')).toBe(all)
    expect(await run('on', 'packet-cache')).toBe('off: div-zero\n')
    expect(await words()).toBe(all)
    expect(await run('on', 'all')).toBe('everything is on\n')
    // Another session is another matter.
    expect(await run('off', 'packet-cache', '--session', 'other')).toBe('off: packet-cache\n')
    expect(await words()).toBe(all)
    expect(await words('--session', 'other')).toBe(without)
    expect(rememberedOff()).toEqual([])
  })

  test('unknown names change nothing', async () => {
    rmSync('.nicwright', { recursive: true, force: true })
    await expect(command.run(['off', 'memcpy', 'nothing'], captured())).rejects.toMatchObject({ code: 'cli/usage' })
    await expect(command.run(['off'], captured())).rejects.toMatchObject({ code: 'cli/usage' })
    expect(existsSync('.nicwright/opts.json')).toBe(false)
  })
})
