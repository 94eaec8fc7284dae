// File tests: in testdata/filetests/ a program and what a stage makes of it stand in one file. `BLESS=1 npm test` rewrites the
// expectations; the reviewer reads the difference. The form of a file:
//
//   ; test verify level=2        what is done with the program: verify, translate
//   ; prog sched_cls             program type, default xdp
//   ; map array key=4 value=8 entries=1
//   r0 = 2                       eBPF in the syntax of bpf/assemble.ts
//   exit
//   ; --- expected
//   …

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { assemble } from './bpf/assemble.ts'
import { mapTypeNumber } from './bpf/map-type-table.ts'
import { progTypeNumber } from './bpf/prog-type-table.ts'
import type { MapSpec, Program } from './bpf/program.ts'
import type { CodegenOptions } from './drivers/nfp/codegen.ts'
import { compile } from './drivers/nfp/compile.ts'
import { printListing } from './nfp/listing.ts'
import { defaultFirmware } from './nfp/profiles.ts'
import { verify } from './verifier/index.ts'

const folder = join(import.meta.dirname, '../testdata/filetests')
const MARK = '; --- expected\n'

interface Case {
  readonly stage: string
  readonly options: Readonly<Record<string, string>>
  readonly program: Program
  readonly maps: readonly MapSpec[]
}

const stages: Readonly<Record<string, (test: Case) => string>> = {
  verify: ({ program, maps, options }) => {
    const verdict = verify(program, maps, {
      logLevel: Number(options.level ?? 1),
      privileged: options.unprivileged === undefined,
    })
    const head = verdict.ok ? 'accepted' : `refused, errno ${verdict.errno}, at ${verdict.at}`
    return `${head}\n${verdict.log}`
  },
  translate: ({ program, maps, options }) => {
    const codegen: CodegenOptions = { codegen: options.codegen === 'upstream' ? 'upstream' : 'correct', off: new Set() }
    const compiled = compile({ program, maps, firmware: defaultFirmware, codegen })
    if (!compiled.ok) return `refused at ${compiled.stage}, errno ${compiled.errno}: ${compiled.message}\n${compiled.log}`
    const { lo, hi } = compiled.translated
    return printListing({ lo, hi, count: lo.length }).join('\n')
  },
}

function words(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split(/\s+/)
      .filter(Boolean)
      .map(w => [w.split('=')[0] ?? '', w.split('=')[1] ?? '']),
  )
}

function parse(source: string): Case {
  const directive = (name: string): string[] => [...source.matchAll(new RegExp(`^; ${name} (.*)$`, 'gm'))].map(m => m[1] ?? '')
  const [stage = '', ...options] = (directive('test')[0] ?? '').split(/\s+/)
  const maps = directive('map').map((line, i) => {
    const [type = ''] = line.split(/\s+/)
    const fields = words(line)
    const number = (name: string): number => Number(fields[name] ?? 0)
    const spec: MapSpec = {
      name: fields.name ?? `map${i}`,
      type: mapTypeNumber(type) ?? 0,
      keySize: number('key'),
      valueSize: number('value'),
      maxEntries: number('entries'),
      flags: number('flags'),
    }
    return spec
  })
  const program: Program = {
    name: 'test',
    type: progTypeNumber(directive('prog')[0] ?? 'xdp') ?? 0,
    expectedAttachType: 0,
    flags: Number(directive('flags')[0] ?? 0),
    license: 'GPL',
    insns: assemble(source),
  }
  return { stage, options: words(options.join(' ')), program, maps }
}

const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.bpf'))

describe('file tests', () => {
  test('there are some', () => expect(files.length).toBeGreaterThan(0))

  test.each(files)('%s', file => {
    const path = join(folder, file)
    const text = readFileSync(path, 'utf8')
    const at = text.indexOf(MARK)
    const source = at < 0 ? text : text.slice(0, at)
    const wanted = at < 0 ? '' : text.slice(at + MARK.length)
    const run = parse(source)
    const stage = stages[run.stage]
    if (stage === undefined) throw new Error(`${file}: there is no stage ${run.stage}`)
    const got = `${stage(run).trimEnd()}\n`
    if (process.env.BLESS === '1') writeFileSync(path, `${source}${MARK}${got}`)
    else expect(got).toBe(wanted)
  })
})
