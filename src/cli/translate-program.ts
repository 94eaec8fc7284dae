// One program of an object on its way to machine code, with everything that the verbs show of it: the words and where they come from,
// the remarks of the optimisations, the program after each pass; or why it is refused, with the line of C.

import { mapTypeNames } from '../bpf/map-type-table.ts'
import type { Line } from '../btf/lines.ts'
import type { CodegenOptions } from '../drivers/nfp/codegen.ts'
import { type Compiled, compile, type NotCompiled } from '../drivers/nfp/compile.ts'
import { type Explanation, explanationOf } from '../drivers/nfp/explain-table.ts'
import type { Pass } from '../drivers/nfp/passes.ts'
import { translate } from '../drivers/nfp/translate.ts'
import type { Remark, Translation } from '../drivers/nfp/translation.ts'
import { isNeutral } from '../kernel/map.ts'
import { checkMap } from '../maps/index.ts'
import type { Firmware } from '../nfp/profiles.ts'
import type { ObjectMap, ObjectProgram } from '../object/index.ts'
import { verify } from '../verifier/index.ts'
import { EXIT_ATTACH, EXIT_DEVICE, EXIT_VERIFIER } from './exit.ts'
import { kernelName, linesOf } from './object.ts'
import { usedMaps } from './trial.ts'

export interface TranslateRequest {
  readonly program: ObjectProgram
  /** All of the object: the ones that the program refers to are made. */
  readonly maps: readonly ObjectMap[]
  readonly firmware: Firmware
  readonly codegen: CodegenOptions
}

export interface MapPlace {
  readonly spec: ObjectMap
  readonly onHost: boolean
  /** The number that stands in the words. */
  readonly id: number
}

export interface TranslatedProgram {
  readonly ok: true
  readonly program: ObjectProgram
  readonly maps: readonly MapPlace[]
  readonly compiled: Compiled
  readonly remarks: readonly Remark[]
  readonly lineOf: (insn: number) => Line | undefined
}

export interface RefusedProgram {
  readonly ok: false
  readonly program: ObjectProgram
  readonly by: 'verifier' | 'device' | 'attach'
  readonly exit: number
  readonly refusal: NotCompiled
  /** The line that tells why. */
  readonly message: string
  /** Where, as far as the log says it. */
  readonly insn: number | undefined
  readonly line: Line | undefined
  readonly explanation: Explanation | undefined
}

export function translateProgram(request: TranslateRequest): TranslatedProgram | RefusedProgram {
  const { firmware, codegen } = request
  const { program, maps } = usedMaps(request.program, request.maps)
  const places = placesOf(maps, firmware)
  const compiled = compile({
    program: { ...program, name: kernelName(program.name) },
    maps,
    mapIds: places.map(place => place.id),
    firmware,
    codegen,
  })
  const lines = linesOf(program)
  const lineOf = (insn: number): Line | undefined => {
    const line = lines?.(insn)
    return line === undefined || line.line === 0 ? undefined : line
  }
  if (!compiled.ok) return refused(compiled, program, maps, lineOf)
  const remarks: Remark[] = []
  again({ program, compiled, maps: places }, firmware, codegen, { remarks })
  return { ok: true, program, maps: places, compiled, remarks, lineOf }
}

/** Translates once more with the same facts, for whoever wants to look on. */
export function again(
  from: Pick<TranslatedProgram, 'program' | 'compiled' | 'maps'>,
  firmware: Firmware,
  codegen: CodegenOptions,
  watch: { readonly remarks?: Remark[]; readonly afterPass?: (pass: Pass, t: Translation) => void } = {},
): ReturnType<typeof translate> {
  const { adjustHead } = firmware.capabilities
  return translate({
    insns: from.program.insns,
    progType: from.program.type,
    facts: from.compiled.facts,
    mapIds: from.maps.map(map => map.id),
    maxWords: firmware.maxLength,
    adjustHead: { offMin: adjustHead?.offMin ?? 0, offMax: adjustHead?.offMax ?? 0 },
    options: codegen,
    ...watch,
  })
}

/** A firmware numbers its tables as they are created; maps that stay on the host have the kernel's ids, which begin at 1. */
function placesOf(maps: readonly ObjectMap[], firmware: Firmware): MapPlace[] {
  let table = firmware.firstMap
  return maps.map((spec, i) => {
    const onHost = isNeutral(spec)
    return { spec, onHost, id: onHost ? i + 1 : table++ }
  })
}

function refused(
  refusal: NotCompiled,
  program: ObjectProgram,
  maps: readonly ObjectMap[],
  lineOf: (insn: number) => Line | undefined,
): RefusedProgram {
  const by = refusedBy(refusal, program, maps)
  const silent = refusal.stage === 'map_create' && refusal.dmesg.length === 0
  const message = silent ? mapMessage(refusal, maps) : tellingLine(refusal)
  const insn = refusal.stage === 'prog_load' ? lastInsn(refusal.log) : undefined
  return {
    ok: false,
    program,
    by,
    exit: by === 'verifier' ? EXIT_VERIFIER : by === 'attach' ? EXIT_ATTACH : EXIT_DEVICE,
    refusal,
    message,
    insn,
    line: insn === undefined ? undefined : lineOf(insn),
    explanation: explanationOf(message),
  }
}

/** The driver's last line may only say that it failed: the one before says why. */
function tellingLine({ message, dmesg }: NotCompiled): string {
  return [message, ...dmesg].find(line => explanationOf(line) !== undefined) ?? dmesg[0] ?? message
}

/** Of a map that is refused without a word. */
function mapMessage({ message }: NotCompiled, maps: readonly ObjectMap[]): string {
  const map = maps.find(({ name }) => message === `map ${name} is refused`)
  if (map === undefined) return message
  const type = mapTypeNames[map.type] ?? `type ${map.type}`
  if (checkMap(map) !== 0) {
    const { keySize, valueSize, maxEntries, flags } = map
    return `map ${map.name}: Linux makes no ${type} with key ${keySize} B, value ${valueSize} B, ${maxEntries} entries, flags 0x${flags.toString(16)}`
  }
  return `map ${map.name}: type ${type} does not exist on the card, which has hash and array`
}

/** Linux refuses what it would refuse without the device too; everything else is the device's doing. */
function refusedBy({ stage, log }: NotCompiled, program: ObjectProgram, maps: readonly ObjectMap[]): RefusedProgram['by'] {
  if (stage === 'attach') return 'attach'
  if (stage === 'map_create') return maps.some(map => checkMap(map) !== 0) ? 'verifier' : 'device'
  if (stage !== 'prog_load' || /^\[nfp\] /m.test(log)) return 'device'
  return verify(program, maps, { logLevel: 0 }).ok ? 'device' : 'verifier'
}

/** The instruction that the verifier was at: the last that its log shows, unless the walk was done. */
export function lastInsn(log: string): number | undefined {
  let last: number | undefined
  for (const line of log.split('\n')) {
    const shown = /^(\d+): \([0-9a-f]{2}\) /.exec(line)
    if (shown !== null) last = Number(shown[1])
  }
  return last
}
