// `nicwright device`: the cards that there are to choose from, and what a firmware says it can do.

import { helperNames } from '../bpf/helper-table.ts'
import { NicwrightError } from '../errors.ts'
import { defaultProfile, type Profile, profiles, workers } from '../nfp/profiles.ts'
import { type Command, oneOf, parse, usageError } from './command.ts'
import { type FirmwareReading, firmwareJson, isElf, mapTypes, readFirmware } from './device-firmware.ts'
import { EXIT_DEVICE, EXIT_OK } from './exit.ts'
import { readInput } from './file.ts'
import type { TableOptions } from './opts-text.ts'
import { wrap } from './translate-text.ts'

export const command: Command = {
  usage: `nicwright device profiles [-j]
nicwright device capabilities FILE.nffw|FILE.bin [--fw] [-j]

profiles      the cards for --profile: silicon, ports, and the limits of the firmware
capabilities  reads what a firmware says it can do out of its file (the symbol _abi_bpf_capabilities of an NFP firmware, or its bytes
              alone), with the driver's messages; --fw prints it as the verbs' option --fw takes it. Exit code 4: the driver refuses it`,

  async run(args, io) {
    const { values, positionals } = parse(args, {
      fw: { type: 'boolean', default: false },
      json: { type: 'boolean', short: 'j', default: false },
    })
    const [word = '', path, ...more] = positionals
    const verb = oneOf(word, 'nicwright device', ['profiles', 'capabilities'])
    const table: TableOptions = { width: io.width, style: io.style, ascii: io.ascii }
    if (verb === 'profiles') {
      if (path !== undefined || values.fw) throw usageError('nicwright device profiles takes no further words')
      if (values.json) io.out(`${JSON.stringify({ profiles: profiles.map(profileJson) }, null, 2)}\n`)
      else io.out(`${renderProfiles(profiles, table).join('\n')}\n`)
      return EXIT_OK
    }
    if (path === undefined || more.length > 0) throw usageError('give one firmware file')
    const reading = read(path)
    const { capabilities, errno, log, source, entries } = reading
    const fw = capabilities === undefined ? undefined : firmwareJson(capabilities)
    if (values.json)
      io.out(`${JSON.stringify({ file: path, source, errno, log, entries, ...(fw === undefined ? {} : { fw }) }, null, 2)}\n`)
    else if (values.fw && fw !== undefined) io.out(`${JSON.stringify(fw)}\n`)
    else io[capabilities === undefined ? 'err' : 'out'](`${renderFirmware(path, reading, table).join('\n')}\n`)
    return capabilities === undefined ? EXIT_DEVICE : EXIT_OK
  },
}

function read(path: string): FirmwareReading {
  const bytes = readInput(path)
  try {
    if (path.endsWith('.nffw') && !isElf(bytes))
      throw new NicwrightError('firmware/no-elf', { message: 'not an ELF file, as firmware files are' })
    return readFirmware(bytes)
  } catch (error) {
    if (!(error instanceof NicwrightError)) throw error
    const at = error.at?.offset === undefined ? '' : ` (at byte ${error.at.offset})`
    throw new NicwrightError(error.code, { message: `${path}: ${error.message}${at}`, notes: error.notes, cause: error })
  }
}

function profileJson({ name, title, board, firmware }: Profile): Record<string, unknown> {
  const { maxLength, start, done, stackBytes, inlineMtuBytes, mtu, liveReload, capabilities } = firmware
  return {
    name,
    title,
    default: name === defaultProfile.name,
    board: { ...board, engines: workers(board) },
    firmware: { maxLength, start, done, stackBytes, inlineMtuBytes, mtu, liveReload, ...firmwareJson(capabilities) },
  }
}

export function renderProfiles(list: readonly Profile[], { width, style }: TableOptions): string[] {
  const columns = [16, 10, 5, 9, 7, 7, 7, 8] as const
  const row = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(columns[i] ?? 0))
      .join('')
      .trimEnd()
  const out = wrap(row(['profile', 'chip', 'MHz', 'engines', 'ports', 'words', 'stack', 'element', 'helpers']), width).map(line =>
    style('bold', line),
  )
  for (const { name, title, board, firmware } of list) {
    const { maps, helpers } = firmware.capabilities
    const cells = [
      name,
      board.chip,
      String(board.engineMhz),
      `${workers(board)}x${board.contexts}`,
      `${board.ports}x${board.portGbps}`,
      String(firmware.maxLength),
      `${firmware.stackBytes} B`,
      maps === undefined ? '-' : `${maps.maxElemSize} B`,
      [...helpers.keys()].join(' '),
    ]
    const more = name === defaultProfile.name ? `${title} (default)` : title
    out.push(...wrap(row(cells), width, 2), ...wrap(`  ${more}`, width, 2).map(line => style('dim', line)))
  }
  out.push(
    '',
    ...wrap(
      'engines: those that run packets, times their threads; ports in Gbit/s; words: longest program; element: largest key and value of a map together; helpers: routines of the firmware',
      width,
    ).map(line => style('dim', line)),
  )
  return out
}

export function renderFirmware(path: string, reading: FirmwareReading, { width, style }: TableOptions): string[] {
  const { source, entries, capabilities, errno, log } = reading
  const out = wrap(`${path}: ${source}`, width, 2)
  if (entries.length > 0) out.push('', style('bold', ' offset  entry'))
  for (const { offset, type, name, text } of entries) {
    out.push(...wrap(`${String(offset).padStart(7)}  ${`${type} ${name}`.padEnd(20)} ${text}`.trimEnd(), width, 30))
  }
  if (log.length > 0) out.push('', style('bold', 'the driver says'), ...log.flatMap(line => wrap(`  nfp: ${line}`, width, 4)))
  out.push('')
  if (capabilities === undefined) {
    out.push(
      ...wrap(`the driver refuses to start BPF offload with this firmware (error -${errno})`, width).map(line =>
        style('red', line),
      ),
    )
    return out
  }
  const { abiVersion, helpers, adjustHead, maps, random, queueSelect, adjustTail, multipleEntries } = capabilities
  const facts: readonly (readonly [string, string])[] = [
    ['ABI', abiVersion === 0 ? 'unknown to the driver: no offload' : String(abiVersion)],
    [
      'maps',
      maps === undefined
        ? 'none'
        : `${mapTypes(maps.types)}, ${maps.maxMaps} with ${maps.maxElems} elements, up to ${maps.maxKeySize}+${maps.maxValueSize} B, ${maps.maxElemSize} B together`,
    ],
    ['helpers', [...helpers.keys()].map(id => `bpf_${helperNames.get(id) ?? id}`).join(' ') || 'none'],
    ['adjust_head', adjustHead === undefined ? 'no' : `yes, packet start from ${adjustHead.offMin} to ${adjustHead.offMax}`],
    ['adjust_tail', yes(adjustTail)],
    ['random', yes(random)],
    ['queue select', yes(queueSelect)],
    ['several entries', yes(multipleEntries)],
  ]
  out.push(style('bold', 'what the driver takes from it'))
  for (const [name, text] of facts) out.push(...wrap(`  ${name.padEnd(16)}${text}`, width, 18))
  return out
}

function yes(value: boolean): string {
  return value ? 'yes' : 'no'
}
