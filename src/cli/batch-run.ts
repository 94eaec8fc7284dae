// Runs the packets of a record on one of the engines. Every record starts from fresh maps; within it they are kept from packet to packet.

import { readRecord } from '../bpf/record.ts'
import { fromHex, toHex } from '../bytes/hex.ts'
import { NicwrightError } from '../errors.ts'
import type { BatchJob, BatchOptions } from './batch.ts'
import { machineOptions } from './chip.ts'
import { engines, type RunRequest } from './engines.ts'

const MOST_PACKETS = 1_000_000

export const job: BatchJob = (record, options: BatchOptions) => {
  const parsed = readRecord(record)
  const engine = typeof record.engine === 'string' ? record.engine : 'interpreter'
  const run = Object.hasOwn(engines, engine) ? engines[engine as keyof typeof engines] : undefined
  if (run === undefined) throw new NicwrightError('batch/engine', { message: `there is no engine ${JSON.stringify(engine)}` })
  const many = record.packets !== undefined
  const packets = many ? packetList(record.packets) : [hex(record.data_in, 'data_in')]
  const init = mapInit(record.map_init, parsed.maps.length)
  const ran = run({
    ...parsed,
    packets,
    init,
    seed: whole(record.seed, 'seed'),
    now: BigInt(whole(record.now, 'now')),
    budget: options.budget,
    machine: machineOptions(record),
  })
  const out = ran.packets.map(packet => toHex(packet))
  return {
    ok: true,
    errno: 0,
    retval: many ? ran.retvals : ran.retvals[0],
    data_out: many ? out : out[0],
    maps: ran.maps.map(entries => entries.map(([key, value]) => [toHex(key), toHex(value)]).sort(byKey)),
    ...(ran.cycles === undefined ? {} : { cycles: many ? ran.cycles : ran.cycles[0] }),
  }
}

function byKey(a: readonly string[], b: readonly string[]): number {
  return (a[0] ?? '') < (b[0] ?? '') ? -1 : 1
}

function packetList(value: unknown): Uint8Array[] {
  if (!Array.isArray(value)) throw new NicwrightError('batch/packets', { message: 'packets is no list' })
  if (value.length > MOST_PACKETS) throw new NicwrightError('batch/packets', { message: `more than ${MOST_PACKETS} packets` })
  return value.map((packet, i) => hex(packet, `packets[${i}]`))
}

function hex(value: unknown, where: string): Uint8Array {
  if (typeof value !== 'string') throw new NicwrightError('batch/packet', { message: `${where} is no hex string` })
  return fromHex(value, 'batch/packet')
}

function whole(value: unknown, where: string): number {
  if (value === undefined || value === null) return 0
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new NicwrightError('batch/number', { message: `${where} is no integer` })
  return value
}

function mapInit(value: unknown, maps: number): RunRequest['init'] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new NicwrightError('batch/map-init', { message: 'map_init is no list' })
  return value.map((entry: unknown, i) => {
    const [map, key, content] = Array.isArray(entry) ? (entry as readonly unknown[]) : []
    if (typeof map !== 'number' || !Number.isInteger(map) || map < 0 || map >= maps) {
      throw new NicwrightError('batch/map-init', { message: `map_init[${i}] names no map of the program` })
    }
    return [map, hex(key, `map_init[${i}] key`), hex(content, `map_init[${i}] value`)]
  })
}
