import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import { CORRECT, UPSTREAM } from '../drivers/nfp/codegen.ts'
import { switches } from '../drivers/nfp/passes.ts'
import { NicwrightError } from '../errors.ts'
import { type DeviceImage, ORIGIN } from '../nfp/image.ts'
import { decodeImage, encodeImage } from '../nfp/image-file.ts'
import { defaultFirmware, defaultProfile } from '../nfp/profiles.ts'
import type { ObjectProgram } from '../object/index.ts'
import { EXIT_ATTACH, EXIT_DEVICE, EXIT_OK, EXIT_VERIFIER } from './exit.ts'
import { captured } from './io.ts'
import { mapSpecs, openObject } from './object.ts'
import { html, renderPasses } from './passes-page.ts'
import { stagesOf } from './passes-stages.ts'
import { command } from './translate.ts'
import { imageOf } from './translate-image.ts'
import { lastInsn, type TranslatedProgram, translateProgram } from './translate-program.ts'
import { renderView, wrap } from './translate-text.ts'
import { knownInsns, type View, viewOf } from './translate-view.ts'

const root = join(import.meta.dirname, '../..')
const examples = join(root, 'examples')
const folder = mkdtempSync(join(tmpdir(), 'nicwright-'))
// Away from a session folder that may stand where the tests are started.
const before = process.cwd()
beforeAll(() => process.chdir(folder))
afterAll(() => {
  process.chdir(before)
  rmSync(folder, { recursive: true })
})

function example(name: string): { result: TranslatedProgram; image: DeviceImage; view: View } {
  const { object, programs } = openObject(join(examples, `${name}.bpf.o`))
  const result = translateProgram({
    program: programs[0] as ObjectProgram,
    maps: mapSpecs(object),
    firmware: defaultFirmware,
    codegen: CORRECT,
  })
  if (!result.ok) throw new Error(result.message)
  const image = imageOf(result, 'correct')
  const names = result.maps.map(map => map.spec.name)
  return { result, image, view: viewOf(image, knownInsns(result.program, names, result.compiled.translated, result.lineOf)) }
}

const offloaded = readdirSync(examples)
  .filter(file => file.endsWith('.bpf.o') && file !== 'xdp_bucket.bpf.o')
  .map(file => file.replace('.bpf.o', ''))
const plain = { style: (_: unknown, text: string) => text, ascii: false } as const
const wordsOf = (view: View): number[] =>
  view.sections.flatMap(s => [...s.words, ...s.insns.flatMap(insn => insn.words)]).map(word => word.number)

describe('the listing', () => {
  // `BLESS=1` rewrites the expected texts; the reviewer reads the difference.
  test.each([60, 80, 120, 160])('of xdp_tx in %i columns', async width => {
    const io = captured(width)
    expect(await command.run([join(examples, 'xdp_tx.bpf.o')], io)).toBe(EXIT_OK)
    const path = join(root, `testdata/cli/translate-xdp_tx-${width}.txt`)
    if (process.env.BLESS === '1') writeFileSync(path, io.stdout())
    else expect(io.stdout()).toBe(readFileSync(path, 'utf8'))
  })

  test.each(offloaded)('of %s has every word once, in order, at any width', name => {
    const { view } = example(name)
    const numbers = wordsOf(view)
    expect(numbers).toEqual(Array.from({ length: view.words }, (_, i) => i))
    for (const width of [60, 80, 99, 100, 120, 149, 150, 200]) {
      for (const all of [false, true]) {
        const lines = renderView(view, { ...plain, width, all })
        expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(width)
        if (!all) continue
        const shown = lines.flatMap(line => [...line.matchAll(/(?:^|\s)\.(\d+) {2}\S/g)].map(match => Number(match[1])))
        expect(shown).toEqual(numbers)
      }
    }
  })

  test.each(offloaded)('of %s is the same from its image, but for the eBPF text', name => {
    const { view, image } = example(name)
    const strip = (of: View): unknown =>
      of.sections
        .map(({ kind, line, insns, words }) => ({
          kind,
          line: line === undefined ? '' : `${line.file}:${line.line}`,
          words: [...words, ...insns.flatMap(insn => insn.words)].map(word => word.text),
        }))
        // A line whose instructions all went away has no words to be known by.
        .filter(section => section.words.length > 0)
    expect(strip(viewOf(decodeImage(encodeImage(image))))).toEqual(strip(view))
  })

  test('names maps, and what a helper is', () => {
    const { view } = example('xdp_counter')
    const text = renderView(view, { ...plain, width: 80, all: false }).join('\n')
    expect(text).toContain('r1 = map[protocols]')
    expect(text).toContain('; bpf_map_lookup_elem')
    expect(text).toContain('; helper glue')
  })

  test('texts from files move no cursor', () => {
    const { view } = example('xdp_drop')
    const line = { file: 'a\u001b[2J.c', line: 1, column: 1, text: 'int\u001b]0;x\u0007' }
    const sections = view.sections.map(section => ({ ...section, line, function: 'f\u0009\u009b' }))
    const text = renderView({ ...view, sections }, { ...plain, width: 80, all: true }).join('')
    expect(text).not.toMatch(/\p{Cc}/u)
  })

  test('ascii has no other characters', () => {
    const { view } = example('xdp_lb')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
    for (const line of renderView(view, { ...plain, ascii: true, width: 80, all: false })) expect(line).toMatch(/^[\x00-\x7f]*$/)
  })

  test('wrap keeps all characters and the width', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.integer({ min: 8, max: 90 }), fc.nat(30), (text, width, indent) => {
        const lines = wrap(text, width, indent)
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width)
        expect(lines.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''))
      }),
    )
  })
})

describe('images', () => {
  test.each(offloaded)('%s is read back as it was', name => {
    const { image } = example(name)
    expect(decodeImage(encodeImage(image))).toEqual(image)
  })

  test('know what the program needs', () => {
    expect(example('xdp_drop').image.needs).toMatchObject({ helpers: [], adjustHead: false, random: false })
    expect(example('xdp_counter').image.needs.helpers).toEqual([1])
    expect(example('xdp_limit').image.needs.random).toBe(true)
    expect(example('xdp_lb').image.needs.adjustHead).toBe(true)
    const { image } = example('xdp_fw')
    expect(image.maps.map(map => [map.name, map.id, map.onHost])).toEqual([
      ['rules', 1, false],
      ['verdicts', 2, false],
    ])
    expect(image.origin.filter(origin => origin === ORIGIN.NOP).length).toBe(8)
  })

  test('damaged in any byte, cut at any place: an error that names the file', async () => {
    const path = join(folder, 'x.nfpimg')
    const bytes = encodeImage(example('xdp_drop').image)
    const damaged = fc.oneof(
      fc.nat(bytes.length - 1).map(length => bytes.slice(0, length)),
      fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => {
        const copy = bytes.slice()
        copy[at]! ^= bits
        return copy
      }),
    )
    await fc.assert(
      fc.asyncProperty(damaged, async file => {
        writeFileSync(path, file)
        const error: unknown = await command.run([path], captured()).catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(NicwrightError)
        expect((error as NicwrightError).message).toContain(path)
      }),
    )
  })

  test('are listed, with what the card lacks', async () => {
    const path = join(folder, 'limit.nfpimg')
    expect(await command.run([join(examples, 'xdp_limit.bpf.o'), '-o', path], captured())).toBe(EXIT_OK)
    const good = captured()
    expect(await command.run([path], good)).toBe(EXIT_OK)
    expect(good.stdout()).toContain('map ')
    const poor = captured()
    expect(await command.run([path, '--fw', '{"random": false, "max_len": 50}'], poor)).toBe(EXIT_ATTACH)
    expect(poor.stderr()).toContain("capability random, the firmware doesn't have it")
    expect(poor.stderr()).toMatch(/\d+ words, the card takes 50/)
  })
})

describe('refusals', () => {
  const object = (name: string): string => join(examples, `${name}.bpf.o`)

  test('of the device: instruction, line, reason; exit 4', async () => {
    const io = captured(80)
    expect(await command.run([object('xdp_bucket')], io)).toBe(EXIT_DEVICE)
    expect(io.stderr()).toMatch(/refused by the device \(EOPNOTSUPP at insn \d+, xdp_bucket\.bpf\.c:\d+\)/)
    expect(io.stderr()).toContain('[nfp] unsupported function id: 5')
    expect(io.stderr()).toContain('now = ktime_get_ns();')
    expect(io.stderr()).toMatch(/^ {2}fix /m)
    expect(io.stdout()).toBe('')
  })

  test('when it does not fit: the reason, once; exit 4', async () => {
    const io = captured(80)
    expect(await command.run([object('xdp_fw'), '--fw', '{"max_len": 40}'], io)).toBe(EXIT_DEVICE)
    expect(io.stderr()).toContain('instruction limit reached (40 NFP instructions)')
    expect(io.stderr().match(/instruction limit reached/g)?.length).toBeLessThanOrEqual(2)
  })

  test('at attach; exit 5', async () => {
    const io = captured(80)
    expect(await command.run([object('xdp_fw'), '--fw', '{"inl_mtu": 0}'], io)).toBe(EXIT_ATTACH)
    expect(io.stderr()).toContain('refused at attach')
  })

  test('of the verifier: exit 3; the same in JSON', async () => {
    const made = translateProgram({
      program: assembled('r0 = *(u8 *)(r10 - 513)\nexit'),
      maps: [],
      firmware: defaultFirmware,
      codegen: CORRECT,
    })
    expect(made).toMatchObject({ ok: false, by: 'verifier', exit: EXIT_VERIFIER, insn: 0 })
    const io = captured()
    expect(await command.run([object('xdp_bucket'), '-j'], io)).toBe(EXIT_DEVICE)
    expect(JSON.parse(io.stdout()).programs[0]).toMatchObject({ ok: false, by: 'device', errno: 95, line: 35 })
  })

  test('the instruction is the last that the log shows', () => {
    expect(lastInsn('0: R1=ctx()\n0: (b7) r0 = 0\n; x @ a.c:1\n12: (85) call x#1\nno\nprocessed 13 insns')).toBe(12)
    expect(lastInsn('unreachable insn 3\n')).toBeUndefined()
  })
})

function assembled(text: string): ObjectProgram {
  return {
    name: 'made',
    type: BPF_PROG_TYPE_XDP,
    expectedAttachType: 0,
    flags: 0,
    license: 'GPL',
    insns: assemble(text),
    section: 'xdp',
    target: '',
    autoload: true,
    functions: [],
  }
}

describe('the page of passes', () => {
  const page = (name: string): string => {
    const { result, view } = example(name)
    return renderPasses({ file: `${name}.bpf.o`, translated: result, view, profile: defaultProfile, codegen: CORRECT })
  }

  test.each(offloaded)('of %s stands alone and is well formed', name => {
    const text = page(name)
    expect(text).not.toMatch(/<script|<link|<img|src=|url\(|https?:|@import/)
    const open: string[] = []
    for (const [, slash, tag = ''] of text.replace(/<style>.*?<\/style>/s, '').matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
      if (['meta', 'br', 'input'].includes(tag)) continue
      if (slash === '') open.push(tag)
      else expect(open.pop()).toBe(tag)
    }
    expect(open).toEqual([])
  })

  test('has a row for each instruction and marks exactly what changed', () => {
    const { result } = example('xdp_lb')
    const { slots, stages } = stagesOf(result, defaultFirmware, CORRECT)
    const text = page('xdp_lb')
    for (const slot of slots) expect(text).toContain(`<tr id="i${slot}"`)
    const changes = stages.reduce((sum, stage) => sum + stage.changes, 0)
    expect(text.match(/<td class="cell changed">/g)?.length).toBe(changes)
    expect(changes).toBeGreaterThan(0)
  })

  test('its stages are the switches one after the other, and end in the program', () => {
    const { result } = example('xdp_lb')
    const { stages } = stagesOf(result, defaultFirmware, CORRECT)
    expect(stages.map(stage => stage.name).sort()).toEqual(['loaded', ...switches.map(s => s.name)].sort())
    expect(stages.at(-1)?.words).toBe(result.compiled.translated.lo.length)
    expect(stages[0]?.changes).toBe(0)
    const copies = stages.find(stage => stage.name === 'memcpy')
    expect(copies?.cells.some(cell => cell.changed && cell.notes.some(note => /^copy of \d+ bytes$/.test(note)))).toBe(true)
  })

  test('a pass that is off changes nothing', () => {
    const { result } = example('xdp_lb')
    const { stages } = stagesOf(result, defaultFirmware, { codegen: 'correct', off: new Set(['packet-cache']) })
    expect(stages.find(stage => stage.name === 'packet-cache')).toMatchObject({ off: true, changes: 0 })
    const upstream = stagesOf(result, defaultFirmware, UPSTREAM)
    expect(upstream.stages.length).toBe(stages.length)
  })

  test('text from files is no markup', () => {
    expect(html('<b onclick="x">&\'')).toBe('&lt;b onclick=&quot;x&quot;&gt;&amp;&#39;')
    const { result, view } = example('xdp_drop')
    const line = { file: '<i>.c', line: 3, column: 1, text: '<img src=x onerror=alert(1)>' }
    const sections = view.sections.map(section => ({ ...section, line }))
    const text = renderPasses({
      file: '<u>',
      translated: result,
      view: { ...view, sections },
      profile: defaultProfile,
      codegen: CORRECT,
    })
    expect(text).not.toMatch(/<img|<i>|<u>/)
  })
})

describe('remarks', () => {
  test('one line each, sorted, with their place', async () => {
    const io = captured(200)
    expect(await command.run([join(examples, 'xdp_tx.bpf.o'), '--remarks'], io)).toBe(EXIT_OK)
    const lines = (io.stdout().split('\nremarks\n')[1] ?? '').trimEnd().split('\n')
    expect(lines).toHaveLength(example('xdp_tx').result.remarks.length)
    for (const line of lines) expect(line).toMatch(/^[\w.]+:\d+: (passed|missed) [\w-]+: insn \d+: \S/)
    const insns = lines.map(line => Number(/insn (\d+)/.exec(line)?.[1]))
    expect(insns).toEqual(insns.toSorted((a, b) => a - b))
  })
})
