// The whole way of a program to a vNIC without a card: the checks of map creation, the verification with the driver taking part, the
// translation, the checks of attach, relocation. A pure function; what a card would answer stands in its place (table ids).

import { EINVAL } from '../../bpf/errno.ts'
import { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH } from '../../bpf/map-type-table.ts'
import type { MapSpec, Program } from '../../bpf/program.ts'
import { isNeutral } from '../../kernel/map.ts'
import type { Extack } from '../../kernel/netdev.ts'
import { checkMap } from '../../maps/index.ts'
import { Code } from '../../nfp/code.ts'
import type { Firmware } from '../../nfp/profiles.ts'
import { relocate } from '../../nfp/relocate.ts'
import { verify } from '../../verifier/index.ts'
import type { Stats } from '../../verifier/verdict.ts'
import { checkAttach } from './attach.ts'
import type { CodegenOptions } from './codegen.ts'
import { DeviceVerifier } from './device-verifier.ts'
import type { Facts } from './facts.ts'
import { type MapUse, newMapUse } from './map-use.ts'
import { checkAllocation } from './maps.ts'
import { LOG_PREFIX } from './program.ts'
import { type Translated, translate } from './translate.ts'

export interface CompileInput {
  readonly program: Program
  readonly maps: readonly MapSpec[]
  /** For each map, whether it stands on the host though it is not a neutral one. */
  readonly hostMaps?: readonly boolean[]
  /** The number that stands in the code for each map; where left out, as a fresh card would give them. */
  readonly mapIds?: readonly number[]
  readonly firmware: Firmware
  readonly codegen: CodegenOptions
  readonly logLevel?: number
  /** The driver's facts, where they are known: then nothing is verified. */
  readonly facts?: Facts
}

export interface Compiled {
  readonly ok: true
  readonly translated: Translated
  readonly facts: Facts
  /** Relocated for this firmware, with ECC. */
  readonly code: Code
  readonly log: string
  readonly stats: Stats | undefined
}

export interface NotCompiled {
  readonly ok: false
  readonly stage: 'map_create' | 'prog_load' | 'attach' | 'crash'
  /** Positive; 0 for a crash of the upstream driver. */
  readonly errno: number
  readonly message: string
  readonly log: string
  /** Lines of the kernel log. */
  readonly dmesg: readonly string[]
  readonly extack?: string
  readonly stats?: Stats
}

export function compile(input: CompileInput): Compiled | NotCompiled {
  const { program, maps, firmware, codegen } = input
  const dmesg: string[] = []
  const refuse = (stage: 'map_create' | 'prog_load' | 'attach', errno: number, message: string, log = ''): NotCompiled => ({
    ok: false,
    stage,
    errno,
    message,
    log,
    dmesg,
  })
  const onHost = maps.map((map, i) => isNeutral(map) || input.hostMaps?.[i] === true)
  const totals = { maps: 0, elements: 0 }
  for (const [i, map] of maps.entries()) {
    const failed = checkMap(map) || (onHost[i] ? 0 : checkDeviceMap(map, firmware, totals, line => dmesg.push(LOG_PREFIX + line)))
    if (failed !== 0) return refuse('map_create', -failed, dmesg.at(-1) ?? `map ${map.name} is refused`)
    if (onHost[i]) continue
    totals.maps++
    totals.elements += map.maxEntries
  }

  let log = ''
  let stats: Stats | undefined
  let facts = input.facts
  if (facts === undefined) {
    const marks: (MapUse | undefined)[] = maps.map((map, i) => (onHost[i] ? undefined : newMapUse(map.valueSize)))
    const hooks = new DeviceVerifier({ capabilities: firmware.capabilities, stackBytes: firmware.stackBytes, marks, codegen })
    const usableMaps = maps.map((map, i) => !onHost[i] || isNeutral(map))
    const verdict = verify(program, maps, {
      logLevel: input.logLevel ?? 1,
      target: { kind: 'offloaded', device: 'nfp', hooks, usableMaps },
    })
    log = verdict.log
    stats = verdict.stats
    if (!verdict.ok) return { ...refuse('prog_load', verdict.errno, verdict.message, log), stats }
    if (hooks.optimiseFailed)
      return { ...refuse('prog_load', EINVAL, 'the driver could not follow a rewrite of the verifier', log), stats }
    facts = hooks.facts
  }

  const { adjustHead, helpers } = firmware.capabilities
  const result = translate({
    insns: program.insns,
    progType: program.type,
    facts,
    mapIds: input.mapIds ?? tableIds(onHost, firmware.firstMap),
    maxWords: firmware.maxLength,
    adjustHead: { offMin: adjustHead?.offMin ?? 0, offMax: adjustHead?.offMax ?? 0 },
    options: codegen,
  })
  if (!result.ok) {
    if (result.kind === 'crash') {
      const message = `the upstream driver crashes here: ${result.reason}`
      return { ok: false, stage: 'crash', errno: 0, message, log, dmesg, ...(stats === undefined ? {} : { stats }) }
    }
    for (const line of result.log) dmesg.push(LOG_PREFIX + line)
    return { ...refuse('prog_load', EINVAL, dmesg.at(-1) ?? '', log), ...(stats === undefined ? {} : { stats }) }
  }

  const extack: Extack = { message: undefined }
  const words = result.lo.length
  const attachable = { maxPacketOffset: facts.maxPacketOffset, stackBytes: result.stackSize, words }
  const refused = checkAttach(attachable, firmware, firmware.mtu, extack)
  if (refused !== 0) return { ...refuse('attach', -refused, extack.message ?? '', log), extack: extack.message ?? '' }
  const code = new Code(words)
  for (let i = 0; i < words; i++) code.push(result.lo[i]!, result.hi[i]!)
  const failed = relocate(code, result.targets, { start: firmware.start, done: firmware.done, helpers })
  if (failed !== 0) return refuse('attach', failed, 'relocation failed', log)
  return { ok: true, translated: result, facts, code, log, stats }
}

function checkDeviceMap(
  map: MapSpec,
  firmware: Firmware,
  totals: { maps: number; elements: number },
  log: (line: string) => void,
): number {
  if (map.type !== BPF_MAP_TYPE_ARRAY && map.type !== BPF_MAP_TYPE_HASH) return -EINVAL
  return checkAllocation(map, firmware.capabilities.maps, totals, log)
}

/** The firmware numbers its tables in the order of creation; maps that stay on the host have the kernel's ids, which begin at 1. */
function tableIds(onHost: readonly boolean[], first: number): number[] {
  let table = first
  return onHost.map((host, i) => (host ? i + 1 : table++))
}
