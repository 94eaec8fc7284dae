// The executable form of the table of rooms in ARCHITECTURE.md: which folder may import which, and which may touch Node.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { expect, test } from 'vitest'

const src = import.meta.dirname
const rooms: Readonly<Record<string, string>> = {
  bytes: '',
  elf: 'bytes',
  btf: 'bytes',
  bpf: 'bytes btf',
  object: 'bytes elf btf bpf',
  maps: 'bytes bpf',
  verifier: 'bytes btf bpf maps',
  fixup: 'bytes bpf verifier',
  wasm: 'bytes',
  host: 'bytes bpf verifier fixup maps wasm',
  nfp: 'bytes',
  chip: 'bytes nfp wasm',
  firmware: 'bytes nfp maps chip bpf',
  card: 'bytes nfp maps chip firmware packets',
  packets: 'bytes',
  kernel: 'bytes btf bpf object verifier fixup maps host packets',
  drivers: 'bytes bpf verifier maps nfp card kernel packets',
  linux: 'bytes bpf maps packets',
  generate: 'bytes bpf maps packets',
  cli: '*',
  conformance: '*',
  bench: '*',
  fuzz: '*',
}
const nodeRooms = new Set(['linux', 'server', 'cli', 'conformance', 'bench', 'fuzz'])

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.ts'))
const sources = files.filter(f => !f.endsWith('.test.ts'))

interface Import {
  readonly file: string
  readonly from: string
}

function imports(list: readonly string[]): Import[] {
  return list.flatMap(file => {
    const text = readFileSync(join(src, file), 'utf8')
    return [
      ...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g),
    ].map(m => ({
      file,
      from: m[1] ?? m[2] ?? '',
    }))
  })
}

const room = (file: string): string => (file.includes(sep) ? (file.split(sep)[0] ?? '') : '')

test('the files were found', () => {
  expect(sources.length).toBeGreaterThan(20)
})

test('every folder has a row', () => {
  expect([...new Set(sources.map(room))].filter(r => r !== '' && !(r in rooms))).toEqual([])
})

test('a folder imports only what its row allows', () => {
  const wrong = imports(sources).flatMap(({ file, from }) => {
    if (!from.startsWith('.')) return []
    const target = room(relative(src, resolve(src, dirname(file), from)))
    const own = room(file)
    const allowed = rooms[own] ?? ''
    const fine = target === '' || target === own || allowed === '*' || allowed.split(' ').includes(target)
    return fine ? [] : [`${file} imports ${from}`]
  })
  expect(wrong).toEqual([])
})

test('Node modules are used by the Node folders alone', () => {
  const wrong = imports(sources).filter(({ file, from }) => from.startsWith('node:') && !nodeRooms.has(room(file)))
  expect(wrong).toEqual([])
})

/** Packages that run in a browser, and the one folder that needs each. */
const portable: Readonly<Record<string, string>> = { '@noble/hashes/legacy.js': 'kernel', '@noble/hashes/sha2.js': 'kernel' }

test('packages are imported only where effects live, and the FFI in one folder', () => {
  const wrong = imports(sources).filter(({ file, from }) => {
    if (from.startsWith('.') || from.startsWith('node:')) return false
    if (from in portable) return room(file) !== portable[from]
    return from === 'koffi' ? room(file) !== 'linux' : !nodeRooms.has(room(file))
  })
  expect(wrong).toEqual([])
})

test('no clock, chance or file in verification and translation', () => {
  const pure = sources.filter(f => ['verifier', 'fixup'].includes(room(f)) || f.startsWith(join('drivers', 'nfp')))
  const wrong = pure.filter(f =>
    /\b(Date\.now|performance\.now|Math\.random|new Date)\b/.test(readFileSync(join(src, f), 'utf8')),
  )
  expect(wrong).toEqual([])
})

test('each layer knows nothing of those above it', () => {
  const words: Readonly<Record<string, RegExp>> = { verifier: /\bnfp\b/i, card: /\be?bpf[/_]|xdp_md/i }
  const wrong = sources.flatMap(f => {
    const pattern = words[room(f)]
    const code = readFileSync(join(src, f), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    return pattern?.test(code) ? [f] : []
  })
  expect(wrong).toEqual([])
})
