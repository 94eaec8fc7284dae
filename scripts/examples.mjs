// Makes what stands in examples/ besides the sources: objects (where clang is installed), captures, and first contents of maps;
// and the objects of testdata/objects/.
//   node scripts/examples.mjs [--check] [NAME…]
// --check changes nothing and exits with 1 where something is stale. Captures and map contents come from the built
// packages in dist/ (NICWRIGHT_DIST: another folder), so build first.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = join(root, 'examples')
const dist = resolve(process.env.NICWRIGHT_DIST ?? join(root, 'dist'))
const check = process.argv.includes('--check')
const wanted = process.argv.slice(2).filter(each => !each.startsWith('-'))

// No absolute path may get into the debug information: it would name the machine that compiled it.
const FLAGS = [
  '-O2',
  '-g',
  '-Wall',
  '-Wno-unused-variable',
  '-target',
  'bpf',
  '-mcpu=v3',
  '-I',
  'include',
  '-fdebug-compilation-dir=.',
]
const SEED = 1
const RING = 256

/** Another compiler: CLANG=clang-18 node scripts/examples.mjs */
const CLANG = process.env.CLANG ?? 'clang'

const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')
const read = name => readFileSync(join(folder, name))
const stale = []
const sourcesIn = path =>
  readdirSync(path)
    .filter(name => name.endsWith('.bpf.c'))
    .map(name => name.slice(0, -6))
    .filter(name => wanted.length === 0 || wanted.includes(name))

/** The source with all that it includes, in one hash. */
function sourceHash(home, name) {
  const headers = readdirSync(join(folder, 'include')).sort()
  return sha256(
    Buffer.concat([readFileSync(join(home, `${name}.bpf.c`)), ...headers.map(header => read(join('include', header)))]),
  )
}

function put(path, bytes) {
  if (existsSync(path) && readFileSync(path).equals(Buffer.from(bytes))) return
  if (check) stale.push(relative(root, path))
  else {
    writeFileSync(path, bytes)
    console.log(`wrote ${relative(root, path)}`)
  }
}

function clangVersion() {
  try {
    return /version (\S+)/.exec(execFileSync(CLANG, ['--version'], { encoding: 'utf8' }))?.[1]
  } catch {
    return undefined
  }
}

function makeObjects(home, names) {
  const path = join(home, 'objects.json')
  const records = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
  const clang = clangVersion()
  const flags = [...FLAGS, '-I', relative(home, join(folder, 'include'))]
  for (const name of names) {
    const source = sourceHash(home, name)
    const object = join(home, `${name}.bpf.o`)
    const known = records[name]
    if (known?.source === source && existsSync(object) && sha256(readFileSync(object)) === known.object) continue
    if (check || clang === undefined) {
      stale.push(relative(root, object))
      continue
    }
    execFileSync(CLANG, [...flags, '-c', `${name}.bpf.c`, '-o', object], { cwd: home, stdio: 'inherit' })
    records[name] = { source, object: sha256(readFileSync(object)), clang, flags: flags.join(' ') }
    console.log(`compiled ${relative(root, object)}`)
  }
  const sorted = Object.fromEntries(Object.entries(records).sort(([a], [b]) => (a < b ? -1 : 1)))
  put(path, `${JSON.stringify(sorted, null, 2)}\n`)
}

const packets = await import(pathToFileURL(join(dist, 'packets/index.js')).href)

const hex = bytes => Buffer.from(bytes).toString('hex')
const words = (...values) => Buffer.from(Uint32Array.from(values).buffer)
const ports = (...values) => Buffer.from(values.flatMap(value => [value >> 8, value & 255]))

/** 16 bytes: an IPv4 address stands in the first four. */
function address(text) {
  const out = Buffer.alloc(16)
  out.set(text.includes(':') ? packets.parseIpv6(text) : packets.parseIpv4(text))
  return out
}

/** The server with the greatest weight gets the place: if one goes, only its own places change hands. */
function ringOf(service) {
  return Array.from({ length: RING }, (_, place) => {
    const weight = real => packets.newRandom((service.number << 16) ^ (place << 8) ^ real).u32()
    return service.reals.reduce((best, real) => (weight(real) > weight(best) ? real : best))
  })
}

function mapContents(name) {
  if (name === 'xdp_fw') {
    const rules = packets.firewallFlows(SEED).map(({ flow, drop }) => {
      const ends = [packets.parseIpv4(flow.src), packets.parseIpv4(flow.dst), ports(flow.srcPort, flow.dstPort)]
      return [
        hex(Buffer.concat([...ends, words(flow.protocol === 'udp' ? 17 : 6)])),
        hex(Buffer.concat([words(drop ? 1 : 0, 0), Buffer.alloc(16)])),
      ]
    })
    return { rules }
  }
  if (name === 'xdp_limit') {
    const value = share =>
      hex(Buffer.concat([words(share === 1 ? 0xffffffff : Math.floor(share * 2 ** 32), 0), Buffer.alloc(16)]))
    const sources = packets.LIMITED_SOURCES.map(each => [hex(packets.parseIpv4(each.address)), value(each.share)])
    return { sources, others: [[hex(words(0)), value(0.5)]] }
  }
  if (name !== 'xdp_lb') return undefined
  const services = packets.LB_SERVICES
  const vips = services.map(each => {
    const family = Buffer.from(Uint16Array.of(each.address.includes(':') ? 6 : 4).buffer)
    return [
      hex(Buffer.concat([address(each.address), ports(each.port), family, words(each.protocol)])),
      hex(words(each.number, each.flags)),
    ]
  })
  const rings = services
    .filter(each => each.reals.length > 0)
    .flatMap(each => ringOf(each).map((real, place) => [hex(words(each.number * RING + place)), hex(words(real))]))
  const reals = packets.LB_REALS.map(each => {
    const value = [address(each.address), address(each.source), packets.parseMac(each.mac), Buffer.from([1, 0])]
    return [hex(words(each.number)), hex(Buffer.concat(value))]
  })
  return { vips, rings, reals }
}

/** One entry a line: differences stay readable. */
function mapsText(maps) {
  const parts = Object.entries(maps).map(
    ([map, entries]) => `    "${map}": [\n${entries.map(entry => `      ${JSON.stringify(entry)}`).join(',\n')}\n    ]`,
  )
  return `{\n  "maps": {\n${parts.join(',\n')}\n  }\n}\n`
}

const names = sourcesIn(folder)
makeObjects(folder, names)
const tests = join(root, 'testdata/objects')
makeObjects(tests, sourcesIn(tests))
for (const name of names) {
  const traffic = packets.scenario(name, { seed: SEED })
  const capture = { interfaces: [{ linkType: packets.LINKTYPE_ETHERNET }], packets: traffic }
  if (traffic !== undefined) put(join(folder, `${name}.pcap`), packets.writePcap(capture))
  const maps = mapContents(name)
  if (maps !== undefined) put(join(folder, `${name}.maps.json`), mapsText(maps))
}
if (stale.length > 0) {
  const how = clangVersion() === undefined ? ' (clang, which compiles the objects, is not installed)' : ''
  console.error(`stale: ${stale.join(', ')}: run node scripts/examples.mjs${how}`)
  process.exitCode = 1
} else if (check) console.log(`examples: ${names.length} programs, all up to date`)
