// `prog dump xlated` of our programs beside the real bpftool's on the real kernel: what both print must be the same, but for numbers that
// each machine has its own of (ids of maps, addresses, and the hashes over them).

import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Kernel } from '../../kernel/kernel.ts'
import type { LoadedProgram } from '../../kernel/program.ts'
import { kernelVersions } from '../../kernel/version-table.ts'
import { probe } from '../../linux/index.ts'
import { loadObject } from '../../object/index.ts'
import { printJson } from './json.ts'
import { dumpXlated, xlatedBytes, xlatedImage } from './xlated.ts'

const root = join(import.meta.dirname, '../../..')
// The tool takes half a second to start: the objects are those between which everything occurs.
const objects = ['examples/xdp_fw.bpf.o', 'testdata/objects/fixup.bpf.o'].map(name => join(root, name))

const version = kernelVersions['6.18']

/** Each program in a kernel of its own: a map of programs belongs to one type of them. */
function load(path: string): LoadedProgram[] {
  const object = loadObject(new Uint8Array(readFileSync(path)), { name: basename(path) })
  return object.programs.map(program => {
    const kernel = new Kernel()
    const maps = object.maps.map(spec => {
      const made = kernel.createMap(spec)
      if (!made.ok) throw new Error(`map ${spec.name}: errno ${made.errno}`)
      return made.map
    })
    const loaded = kernel.load(program, maps)
    if (!loaded.ok) throw new Error(`${program.name}: ${loaded.message}`)
    return loaded.program
  })
}

function bpftool(...args: string[]): { readonly status: number; readonly out: string; readonly err: string } {
  const done = spawnSync(process.env.BPFTOOL ?? 'bpftool', args, { encoding: 'utf8' })
  return { status: done.status ?? -1, out: done.stdout ?? '', err: done.stderr ?? '' }
}

function whyNot(): string | undefined {
  const kernel = probe()
  if (!kernel.ok) return kernel.why
  const tool = bpftool('version')
  if (tool.status !== 0) return 'bpftool is not installed'
  if (!tool.out.startsWith('bpftool v7.1')) return `bpftool is ${tool.out.split('\n')[0]}, and prints in another way than v7.1`
  return undefined
}

const reason = whyNot()

const mask = (text: string): string =>
  text
    .replace(/map\[id:\d+\]/g, 'map[id:N]')
    .replace(/(call [a-z_]\w*)#-?\d+/g, '$1#N')
    .replace(/bpf_prog_[0-9a-f]{16}_/g, 'bpf_prog_TAG_')
    .replace(/0xffff[0-9a-f]{12}/g, '0xADDRESS')
    .replace(/r0 = -\d{7,}/g, 'r0 = ADDRESS')

const maskBytes = (text: string): string => mask(text).replace(/"imm":\[[^\]]*\]/g, list => `${list.split(',').length} bytes`)

describe.skipIf(reason !== undefined)(`beside the real bpftool${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  for (const path of objects) {
    test(basename(path), () => {
      const folder = `/sys/fs/bpf/nicwright-xlated-${process.pid}-${basename(path, '.bpf.o')}`
      const loaded = bpftool('prog', 'loadall', path, folder)
      try {
        expect(loaded.err.replace(/^libbpf: .*\n/gm, '')).toBe('')
        for (const program of load(path)) {
          const pin = `${folder}/${program.program.name}`
          const dump = (...words: string[]): string =>
            bpftool(...words.slice(1), 'prog', 'dump', 'xlated', 'pinned', pin, words[0] ?? '').out
          const plain = dumpXlated(program, version, { linum: true })
          expect(mask(plain.text)).toBe(mask(dump('linum')))
          // The bytes hold the masked numbers: of them the places are compared.
          const opcodes = dumpXlated(program, version, { opcodes: true })
          expect(maskBytes(printJson(opcodes.json ?? null, false))).toBe(maskBytes(dump('opcodes', '-j')))
          const shown = JSON.parse(bpftool('-j', 'prog', 'show', 'pinned', pin).out) as { bytes_xlated: number }
          expect(xlatedBytes(program)).toBe(shown.bytes_xlated)
        }
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })
  }
})

test('the image is what is shown, maps by id', () => {
  for (const program of objects.flatMap(load)) {
    const image = xlatedImage(program)
    expect(image.length).toBe(xlatedBytes(program))
    const opcodes = dumpXlated(program, version, { opcodes: true }).text
    const hex = [...opcodes.matchAll(/^ {7}([0-9a-f ]+)$/gm)].map(m => m[1]).join(' ')
    expect(hex).toBe([...image].map(byte => byte.toString(16).padStart(2, '0')).join(' '))
  }
})
