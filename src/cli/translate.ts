// `nicwright translate`: the machine code that the driver would load, beside the C and the eBPF that it comes from.

import { basename } from 'node:path'
import { mapTypeNames } from '../bpf/map-type-table.ts'
import { progTypeNames } from '../bpf/prog-type-table.ts'
import { NicwrightError } from '../errors.ts'
import { type DeviceImage, missing } from '../nfp/image.ts'
import { decodeImage, encodeImage } from '../nfp/image-file.ts'
import type { Profile } from '../nfp/profiles.ts'
import { type Command, parse, usageError } from './command.ts'
import { EXIT_ATTACH, EXIT_INPUT, EXIT_OK } from './exit.ts'
import { readInput, writeOutput } from './file.ts'
import type { Io } from './io.ts'
import { codegenOf, type MachineOptions, profileOf } from './machine.ts'
import { mapSpecs, openObject } from './object.ts'
import { renderPasses } from './passes-page.ts'
import { CODEGEN_USAGE, codegenOptions, joinSwitches, machineOptionsOf } from './switches.ts'
import { imageOf } from './translate-image.ts'
import { type TranslatedProgram, type TranslateRequest, translateProgram } from './translate-program.ts'
import { refusalJson, renderRefusal } from './translate-refusal.ts'
import { type Remark, remarkJson, remarkLines } from './translate-remarks.ts'
import { clean, renderView, type TextOptions, wrap } from './translate-text.ts'
import { knownInsns, type View, viewOf } from './translate-view.ts'

const MAGIC = [0x89, 0x4e, 0x46, 0x50] as const

export const command: Command = {
  usage: `nicwright translate FILE.o [--prog N] ${CODEGEN_USAGE} [--remarks] [--all] [--passes OUT.html] [-o prog.nfpimg] [-j]
nicwright translate prog.nfpimg [--all] [-j]

Verifies with the card taking part, translates, and prints C, eBPF and NFP side by side; an image file is listed.
  --codegen   correct (default): upstream's miscompilations repaired; upstream: the driver's code word for word
  --opt       -packet-cache switches an optimisation or a repair off, +NAME on; nicwright opts list names them
  --profile   the card; nicwright device profiles lists them
  --fw        what differs from its firmware, as JSON: {"max_len": 2560, "helpers": {"1": 202}}
  --remarks   what the optimisations did and did not do, and why
  --all       folds nothing
  --passes    writes a page with the program after each pass
  -o          writes an image file (docs/image.md)
With --passes or -o the listing is left out; --all brings it back.
Exit code 3: the verifier refuses, 4: the device refuses, 5: it could not be attached.`,

  async run(args, io) {
    const { values, positionals } = parse(joinSwitches(args), {
      ...codegenOptions,
      prog: { type: 'string' },
      remarks: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      passes: { type: 'string' },
      output: { type: 'string', short: 'o' },
      json: { type: 'boolean', short: 'j', default: false },
    })
    const [path] = positionals
    if (path === undefined || positionals.length > 1) throw usageError('give one object or image file')
    const machine = machineOptionsOf(values)
    const text: TextOptions = { width: io.width, style: io.style, ascii: io.ascii, all: values.all }
    const bytes = readInput(path)
    if (isImage(path, bytes)) {
      if (values.passes !== undefined || values.output !== undefined || values.remarks || values.prog !== undefined)
        throw usageError('an image is only listed: --prog, --passes, --remarks and -o are for objects')
      return listImage(path, bytes, profileOf(machine), values.json, text, io)
    }
    const { object, programs } = openObject(path, values.prog)
    if (programs.length === 0) throw new NicwrightError('object/no-program', { message: `${path} holds no program` })
    if (programs.length > 1 && (values.passes !== undefined || values.output !== undefined)) {
      const names = programs.map(p => p.name).join(', ')
      throw usageError(`${path} has ${programs.length} programs (${names}): say with --prog which one to write`)
    }
    const profile = profileOf(machine)
    const codegen = codegenOf(machine)
    const maps = mapSpecs(object)
    const json: unknown[] = []
    let exit = EXIT_OK
    for (const program of programs) {
      const result = attempt({ program, maps, firmware: profile.firmware, codegen }, programs.length > 1)
      if (result instanceof NicwrightError) {
        if (exit === EXIT_OK) exit = EXIT_INPUT
        if (values.json) json.push({ name: program.name, section: program.section, ok: false, error: result.message })
        else io.err(`${io.style('red', io.ascii ? 'x' : '✗')} ${program.name}: ${result.message}\n`)
        continue
      }
      if (!result.ok) {
        if (exit === EXIT_OK) exit = result.exit
        if (values.json) json.push(refusalJson(result))
        else io.err(`${renderRefusal(result, text).join('\n')}\n`)
        continue
      }
      const image = imageOf(result, codegen.codegen)
      const names = result.maps.map(map => map.spec.name)
      const view = viewOf(image, knownInsns(result.program, names, result.compiled.translated, result.lineOf))
      if (values.output !== undefined) writeOutput(values.output, encodeImage(image))
      if (values.passes !== undefined)
        writeOutput(values.passes, renderPasses({ file: basename(path), translated: result, view, profile, codegen }))
      if (values.json) json.push(translatedJson(result, image, view))
      else {
        // Whoever asks for a file wants the file: the listing is what is printed otherwise.
        const quiet = values.output !== undefined || values.passes !== undefined
        const blocks = [...head(image, profile, machine, text), ...(quiet && !values.all ? [] : renderView(view, text))]
        if (values.remarks) blocks.push('', io.style('bold', 'remarks'), ...remarkLines(result.remarks, result.lineOf, text))
        io.out(`${blocks.join('\n')}\n`)
        for (const written of [values.passes, values.output]) if (written !== undefined) io.err(`wrote ${written}\n`)
      }
    }
    if (values.json)
      io.out(`${JSON.stringify({ file: path, profile: profile.name, ...machineJson(machine), programs: json }, null, 2)}\n`)
    return exit
  },
}

/** In an object of several programs, one that can't be looked at is no reason to leave the others out. */
function attempt(request: TranslateRequest, several: boolean): ReturnType<typeof translateProgram> | NicwrightError {
  try {
    return translateProgram(request)
  } catch (error) {
    if (several && error instanceof NicwrightError) return error
    throw error
  }
}

/** By its first bytes, or by the name that it was given: a damaged image is told as one. */
function isImage(path: string, bytes: Uint8Array): boolean {
  return path.endsWith('.nfpimg') || MAGIC.every((byte, i) => bytes[i] === byte)
}

function machineJson({ codegen, off }: MachineOptions): Record<string, unknown> {
  return { codegen: codegen ?? 'correct', off: off ?? [] }
}

function head(
  image: DeviceImage,
  profile: Profile,
  machine: MachineOptions | undefined,
  { style, width }: TextOptions,
): string[] {
  const { firmware } = profile
  const insns = image.insn.reduce((most, slot) => Math.max(most, slot), -1) + 1
  const off = machine?.off ?? []
  const parts = [
    `${image.lo.length} words of ${firmware.maxLength}`,
    `stack ${image.stackBytes} of ${firmware.stackBytes} B`,
    image.maxPacketOffset === 0 ? '' : `packet up to byte ${image.maxPacketOffset}`,
    image.codegen === 'correct' ? '' : `codegen ${image.codegen}`,
    off.length === 0 ? '' : `off: ${off.join(' ')}`,
  ]
  const first = `${style('bold', clean(image.name))}  ${image.progType}  ${insns} eBPF slots`
  const maps = image.maps.map(
    map => `map ${clean(map.name)}  ${mapTypeNames[map.type] ?? map.type}  ${map.onHost ? 'on the host' : `table ${map.id}`}`,
  )
  return [first, ...[parts.filter(Boolean).join(', '), ...maps].flatMap(line => wrap(line, width, 2))]
}

function listImage(path: string, bytes: Uint8Array, profile: Profile, json: boolean, text: TextOptions, io: Io): number {
  let image: DeviceImage
  try {
    image = decodeImage(bytes)
  } catch (error) {
    if (!(error instanceof NicwrightError)) throw error
    const at = error.at?.offset === undefined ? '' : ` (at byte ${error.at.offset})`
    throw new NicwrightError(error.code, { message: `${path}: ${error.message}${at}`, notes: error.notes, cause: error })
  }
  const { capabilities, maxLength, stackBytes } = profile.firmware
  const { helpers, adjustTail, random, queueSelect } = capabilities
  const adjustHead = capabilities.adjustHead !== undefined
  const lacking = missing(image, { maxLength, stackBytes, helpers, adjustHead, adjustTail, random, queueSelect })
  const view = viewOf(image)
  if (json)
    io.out(`${JSON.stringify({ file: path, profile: profile.name, missing: lacking, ...imageJson(image, view) }, null, 2)}\n`)
  else {
    io.out(`${[...head(image, profile, undefined, text), ...renderView(view, text)].join('\n')}\n`)
    for (const line of lacking) io.err(`${io.style('red', text.ascii ? 'x' : '✗')} needs ${line}\n`)
  }
  return lacking.length === 0 ? EXIT_OK : EXIT_ATTACH
}

function translatedJson(result: TranslatedProgram, image: DeviceImage, view: View): Record<string, unknown> {
  const { program, compiled, remarks } = result
  return {
    section: program.section,
    type: progTypeNames[program.type],
    ok: true,
    processed: compiled.stats?.processed,
    ...imageJson(image, view),
    remarks: remarks.map((remark: Remark) => remarkJson(remark, result.lineOf)),
  }
}

function imageJson(image: DeviceImage, view: View): Record<string, unknown> {
  const { name, progType, codegen, lo, hi, targets, stackBytes, maxPacketOffset, maps, needs } = image
  const hex = (word: number): string =>
    (hi[word]! >>> 0).toString(16).padStart(8, '0') + (lo[word]! >>> 0).toString(16).padStart(8, '0')
  const words = (of: View['sections'][number]['words']): unknown[] =>
    of.map(({ number, text, target }) => ({ word: number, hex: hex(number), text, ...(target === undefined ? {} : { target }) }))
  return {
    name,
    progType,
    codegen,
    words: lo.length,
    stackBytes,
    maxPacketOffset,
    targets,
    maps,
    needs,
    sections: view.sections.map(({ kind, function: starts, line, insns, words: around }) => ({
      kind,
      ...(starts === undefined ? {} : { function: starts }),
      ...(line === undefined ? {} : { file: line.file, line: line.line, column: line.column, source: line.text.trim() }),
      ...(around.length === 0 ? {} : { words: words(around) }),
      ...(insns.length === 0
        ? {}
        : {
            insns: insns.map(({ slot, text, notes, removed, words: made }) => ({
              insn: slot,
              ...(text === undefined ? {} : { text }),
              ...(notes.length === 0 ? {} : { notes }),
              ...(removed === undefined ? {} : { removed }),
              words: words(made),
            })),
          }),
    })),
  }
}
