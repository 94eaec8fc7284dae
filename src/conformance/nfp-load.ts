// A program's whole way through the driver without a card: maps, verification with the driver's hooks, translation, attach checks. Gives
// what the recorded answers have: the stage that failed, its errno, and what the logs say.

import { readRecord } from '../bpf/record.ts'
import { checkAttach } from '../drivers/nfp/attach.ts'
import type { CodegenOptions } from '../drivers/nfp/codegen.ts'
import { DeviceVerifier } from '../drivers/nfp/device-verifier.ts'
import type { Facts } from '../drivers/nfp/facts.ts'
import { newMapUse } from '../drivers/nfp/map-use.ts'
import { checkAllocation } from '../drivers/nfp/maps.ts'
import { type Translated, translate } from '../drivers/nfp/translate.ts'
import { NicwrightError } from '../errors.ts'
import type { Extack } from '../kernel/netdev.ts'
import { encodeCapabilities, parseCapabilities } from '../nfp/capabilities.ts'
import { defaultFirmware, type Firmware, withOptions } from '../nfp/profiles.ts'
import { verify } from '../verifier/verify.ts'

export interface Loaded {
  readonly stage: 'accepted' | 'map_create' | 'prog_load' | 'attach' | 'crash'
  /** Positive. */
  readonly errno: number
  /** The device's lines in the verifier log. */
  readonly nfpLog: readonly string[]
  /** The driver's lines in the kernel log. */
  readonly kernelLog: readonly string[]
  readonly extack: string
  /** The verifier's last telling line, or where the driver crashed. */
  readonly message: string
  /** The instruction at which it ended, -1: none in particular. */
  readonly at: number
  readonly facts: Facts | undefined
  readonly translated: Translated | undefined
}

const PREFIX = 'NFP net bpf: '
const PERF_EVENT_ARRAY = 4

interface Loadable {
  readonly fw?: Readonly<Record<string, unknown>>
  readonly map_ids: readonly number[]
}

/** The card that a record was loaded for, as the driver understands its capabilities. */
export function firmwareOf(record: Loadable): Firmware {
  const said = withOptions(defaultFirmware, record.fw ?? {})
  const { capabilities } = parseCapabilities(encodeCapabilities(said.capabilities))
  return capabilities === undefined ? said : { ...said, capabilities }
}

export function load(record: Loadable, codegen: CodegenOptions, logLevel = 1): Loaded {
  const { program, maps, hostMaps } = readRecord(record)
  const firmware = firmwareOf(record)
  const kernelLog: string[] = []
  const log = (line: string): number => kernelLog.push(`${PREFIX}${line}`)
  const outcome = (stage: Loaded['stage'], errno: number, more: Partial<Loaded> = {}): Loaded => ({
    stage,
    errno,
    nfpLog: [],
    kernelLog,
    extack: '',
    message: '',
    at: -1,
    facts: undefined,
    translated: undefined,
    ...more,
  })

  const totals = { maps: 0, elements: 0 }
  for (const [i, spec] of maps.entries()) {
    if (hostMaps[i] || spec.type === PERF_EVENT_ARRAY) continue
    const error = checkAllocation(spec, firmware.capabilities.maps, totals, log)
    if (error !== 0) return outcome('map_create', -error)
    totals.maps++
    totals.elements += spec.maxEntries
  }
  if (maps.some((spec, i) => hostMaps[i] && spec.type !== PERF_EVENT_ARRAY)) {
    return outcome('prog_load', 22, { message: 'offload device mismatch between prog and map' })
  }
  const marks = maps.map((spec, i) => (hostMaps[i] || spec.type === PERF_EVENT_ARRAY ? undefined : newMapUse(spec.valueSize)))
  const hooks = new DeviceVerifier({ capabilities: firmware.capabilities, stackBytes: firmware.stackBytes, marks, codegen })
  const verdict = verify(program, maps, { target: { kind: 'offloaded', device: 'nfp', hooks }, logLevel })
  const nfpLog = verdict.log.split('\n').filter(line => line.startsWith('[nfp]'))
  if (!verdict.ok) {
    return outcome('prog_load', verdict.errno, { nfpLog, message: verdict.message.trim(), at: verdict.at, facts: hooks.facts })
  }
  const { adjustHead } = firmware.capabilities
  const made = translate({
    insns: program.insns,
    progType: program.type,
    facts: hooks.facts,
    mapIds: record.map_ids,
    maxWords: firmware.maxLength,
    adjustHead: { offMin: adjustHead?.offMin ?? 0, offMax: adjustHead?.offMax ?? 0 },
    options: codegen,
  })
  if (!made.ok) {
    if (made.kind === 'crash') return outcome('crash', 0, { nfpLog, message: made.reason, at: made.insn, facts: hooks.facts })
    for (const line of made.log) log(line)
    return outcome('prog_load', 22, { nfpLog, message: made.log.at(-1) ?? '', at: made.translated, facts: hooks.facts })
  }
  const extack: Extack = { message: undefined }
  const attachable = {
    maxPacketOffset: hooks.facts.maxPacketOffset,
    stackBytes: made.stackSize,
    words: made.lo.length,
  }
  const error = checkAttach(attachable, firmware, firmware.mtu, extack)
  const rest = { nfpLog, facts: hooks.facts, translated: made }
  if (error !== 0) return outcome('attach', -error, { ...rest, extack: extack.message ?? '' })
  return outcome('accepted', 0, rest)
}

/** As `load`; a record that can't be read is one that is refused. */
export function tryLoad(record: Loadable, codegen: CodegenOptions, logLevel = 1): Loaded | undefined {
  try {
    return load(record, codegen, logLevel)
  } catch (error) {
    if (error instanceof NicwrightError) return undefined
    throw error
  }
}
