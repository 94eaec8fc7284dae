// The packets and first map contents that a verb is given, or finds beside the object, or makes.

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import type { MapSpec } from '../bpf/program.ts'
import { fromHex } from '../bytes/hex.ts'
import { NicwrightError } from '../errors.ts'
import { type CapturedPacket, newRandom, packetAt, readCapture, scenario, traffic } from '../packets/index.ts'
import { readInput } from './file.ts'

export interface Packets {
  readonly packets: readonly CapturedPacket[]
  /** Where they come from, in words. */
  readonly source: string
}

/** `examples/xdp_fw.bpf.o` → `examples/xdp_fw`. */
function stem(objectPath: string): string {
  return objectPath.replace(/(\.bpf)?\.(o|c)$/, '')
}

export function readPackets(path: string): Packets {
  const bytes = readInput(path)
  try {
    return { packets: readCapture(bytes).packets, source: path }
  } catch (error) {
    if (!(error instanceof NicwrightError)) throw error
    throw new NicwrightError(error.code, { message: `${path}: ${error.message}`, cause: error })
  }
}

/** The capture that stands beside an object; of the examples `count` packets of the same traffic; of all others packets of a general mix. */
export function packetsFor(objectPath: string, count: number | undefined, seed: number): Packets {
  const base = stem(objectPath)
  const made = scenario(basename(base), { seed, ...(count === undefined ? {} : { packets: count }) })
  if (made !== undefined && existsSync(`${base}.pcap`)) return { packets: made, source: `the example's traffic, seed ${seed}` }
  if (existsSync(`${base}.pcap`)) return readPackets(`${base}.pcap`)
  const to = [
    { version: 4, protocol: 'tcp', dst: '192.0.2.10', dstPort: 80 },
    { version: 4, protocol: 'udp', dst: '192.0.2.53', dstPort: 53 },
    { version: 6, protocol: 'tcp', dst: '2001:db8::10', dstPort: 443 },
  ] as const
  const packets = traffic(newRandom(seed), { packets: count ?? 10_000, flows: 1000, to })
  return {
    packets: packets.map((data, i) => packetAt(data, i * 10_000)),
    source: `generated: 1000 TCP and UDP flows, seed ${seed}`,
  }
}

/**
 * Map specs with what a contents file (`{"maps": {"name": [[key hex, value hex], …]}}`) puts into them: the file given, or the one
 * beside the object.
 * @throws NicwrightError `contents/…` where it names no map of the program or is damaged.
 */
export function withContentsFile<T extends MapSpec>(maps: readonly T[], objectPath: string, given: string | undefined): T[] {
  const path = given ?? `${stem(objectPath)}.maps.json`
  if (given === undefined && !existsSync(path)) return [...maps]
  const bad = (what: string): NicwrightError => new NicwrightError('contents/bad', { message: `${path}: ${what}` })
  let json: { readonly maps?: Readonly<Record<string, readonly (readonly [string, string])[]>> }
  try {
    json = JSON.parse(new TextDecoder().decode(readInput(path)))
  } catch (error) {
    if (error instanceof NicwrightError) throw error
    throw bad(`not JSON: ${(error as Error).message}`)
  }
  const contents = json?.maps
  if (typeof contents !== 'object' || contents === null) throw bad('there is no object "maps" in it')
  for (const name of Object.keys(contents))
    if (!maps.some(m => m.name === name)) throw bad(`the object has no map ${JSON.stringify(name)}`)
  return maps.map(map => {
    const entries = contents[map.name]
    if (entries === undefined) return map
    if (!Array.isArray(entries)) throw bad(`the entries of ${map.name} are no list`)
    const init = entries.map((entry: unknown, i) => {
      const [key, value] = Array.isArray(entry) ? (entry as readonly unknown[]) : []
      if (typeof key !== 'string' || typeof value !== 'string') throw bad(`entry ${i} of ${map.name} is not [key hex, value hex]`)
      return { key: fromHex(key, 'contents/hex'), value: fromHex(value, 'contents/hex') }
    })
    return { ...map, init: [...(map.init ?? []), ...init] }
  })
}
