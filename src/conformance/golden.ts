// Recorded sessions of the real bpftool and ip, replayed against the mirrors: text, JSON in both styles, error output, exit status. Each
// recording begins with its command; the state is what the commands before it left.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assemble } from '../bpf/assemble.ts'
import { runBpftool, type Streams } from '../cli/bpftool/command.ts'
import { printJson } from '../cli/bpftool/json.ts'
import { runFs } from '../cli/fs.ts'
import { runIp } from '../cli/ip-command.ts'
import { writeElf } from '../elf/write.ts'
import { Kernel } from '../kernel/kernel.ts'
import { testRun } from '../kernel/test-run.ts'
import { listed, volatile } from './golden-allow-table.ts'

interface Answer {
  readonly out: string
  readonly err: string
  readonly status: number
}

interface Counts {
  equal: number
  listed: number
  unequal: number
}

interface Session {
  readonly folder: string
  readonly kernel: Kernel
  /** Paths and ids of the recorded machine as they are here. */
  readonly here: (command: string) => string
  /** Both outputs in a form that can be compared. */
  readonly same: (text: string) => string
}

/** Replays all recordings of a folder; prints what differs and the counts. True where nothing differs that is not listed. */
export async function goldenConformance(folder: string, print: (line: string) => void): Promise<boolean> {
  const recordings = existsSync(join(folder, 'v7.1')) ? folder : join(folder, '..', 'bpftool')
  if (!existsSync(recordings)) {
    print('  no recordings of the real tools beside the vectors: skipped')
    return true
  }
  const files = mkdtempSync(join(tmpdir(), 'golden-'))
  const total: Counts = { equal: 0, listed: 0, unequal: 0 }
  try {
    const suites = [
      ['v7.1', replayTool(recordings)],
      ['netdevsim', replayNetdevsim(recordings, files)],
    ] as const
    for (const [name, { counts, lines }] of suites) {
      for (const line of lines) print(`  ${name}/${line}`)
      print(`  ${name}  equal ${counts.equal}  listed ${counts.listed}  unequal ${counts.unequal}`)
      total.equal += counts.equal
      total.listed += counts.listed
      total.unequal += counts.unequal
    }
  } finally {
    rmSync(files, { recursive: true })
  }
  print(`  all  equal ${total.equal}  listed ${total.listed}  unequal ${total.unequal}`)
  return total.unequal === 0
}

interface Replay {
  readonly counts: Counts
  readonly lines: readonly string[]
}

/** One recording: its command, and the outputs that there are of it. */
interface Recording {
  readonly name: string
  readonly command: string
  readonly plain?: Answer
  readonly json?: string
  readonly pretty?: string
}

function readRecording(folder: string, name: string): Recording | undefined {
  const read = (file: string): string | undefined =>
    existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : undefined
  const text = read(`${name}.txt`)
  const [json, pretty] = [read(`${name}.j.json`), read(`${name}.p.json`)]
  const command = text?.match(/^\$ (.*)\n/)?.[1]
  if (text === undefined || command === undefined) return undefined
  const body = text.slice(text.indexOf('\n') + 1)
  const end = body.match(/# exit status (\d+)\n?/)
  const [out = '', err = ''] = body.slice(0, end?.index ?? body.length).split('# --- stderr ---\n')
  return {
    name,
    command,
    ...(end === null ? {} : { plain: { out, err, status: Number(end[1]) } }),
    ...(json === undefined ? {} : { json }),
    ...(pretty === undefined ? {} : { pretty }),
  }
}

/** Runs a line of commands, as the shell would: `;` and `&&` between them; undefined where one of them is not the mirrors'. */
function run(session: Session, line: string, option?: '-j' | '-p'): Answer | undefined {
  let [out, err, status] = ['', '', 0]
  const streams: Streams = {
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
  }
  const parts = session.here(line).split(/\s*(;|&&)\s*/)
  if (parts.some((part, i) => i % 2 === 0 && !/^(bpftool|ip|cat|echo|rm) /.test(part))) return undefined
  for (let i = 0; i < parts.length; i += 2) {
    if (parts[i - 1] === '&&' && status !== 0) continue
    const [tool, ...words] = (parts[i] ?? '').trim().split(/\s+/)
    const { kernel } = session
    if (tool === 'bpftool') status = runBpftool(kernel, option === undefined ? words : [option, ...words], streams, () => '')
    else if (tool === 'ip') status = runIp(kernel, words, streams)
    else if (tool === 'echo') {
      const at = words.indexOf('>')
      if (at < 0) return undefined
      const text = words.slice(0, at).join(' ').replace(/['"]/g, '')
      status = runFs(kernel, ['write', words[at + 1] ?? '', text], streams)
    } else if (tool === 'rm') status = runFs(kernel, ['rm', ...words.filter(word => word !== '-f')], streams)
    else status = runFs(kernel, ['cat', ...words], streams)
  }
  return { out, err, status }
}

function reasonFor({ folder }: Session, name: string): string | undefined {
  return listed.find(([pattern]) => pattern.test(`${folder}/${name}`))?.[1]
}

/** Compares one recording in all its forms. */
function compare(session: Session, recording: Recording, counts: Counts, lines: string[], merged: boolean): void {
  const { name, plain, json, pretty } = recording
  const reason = reasonFor(session, name)
  const judge = (form: string, pairs: readonly (readonly [want: string, got: string])[]): void => {
    const differs = pairs.find(([want, got]) => want !== got)
    if (differs === undefined) counts.equal++
    else if (pairs.every(([want, got]) => level(want) === level(got)) || reason !== undefined) counts.listed++
    else {
      counts.unequal++
      const at = differs[0].split('\n').findIndex((line, i) => line !== differs[1].split('\n')[i])
      lines.push(
        `${name} ${form}: ${JSON.stringify(differs[0].split('\n')[at])} is ${JSON.stringify(differs[1].split('\n')[at])}`,
      )
    }
  }
  const level = (text: string): string => volatile.reduce((t, { pattern, as }) => t.replace(pattern, as), text)
  const { same } = session
  if (plain !== undefined) {
    const got = run(session, recording.command)
    if (got === undefined) {
      if (reason !== undefined) counts.listed++
      else {
        counts.unequal++
        lines.push(`${name}: ${recording.command} can't be replayed`)
      }
    } else if (merged)
      judge('text', [
        [same(plain.out + plain.err), same(inOrder(got))],
        [String(plain.status), String(got.status)],
      ])
    else
      judge('text', [
        [same(plain.out), same(got.out)],
        [same(plain.err), same(got.err)],
        [String(plain.status), String(got.status)],
      ])
  }
  for (const [form, option, want] of [
    ['-j', '-j', json],
    ['-p', '-p', pretty],
  ] as const) {
    if (want === undefined) continue
    const got = run(session, recording.command, option)
    if (got === undefined) counts[reason === undefined ? 'unequal' : 'listed']++
    else judge(form, [[same(want), same(got.out)]])
  }
}

/** Recordings of the shell have both outputs in one. */
function inOrder({ out, err }: Answer): string {
  return out + err
}

const LAB = '/sys/fs/bpf/lab-mounts'

/** The session of bpftool 7.1 on a veth pair. */
function replayTool(folder: string): Replay {
  const kernel = new Kernel({ cpus: 2, now: () => 1_795_367_601 })
  const quiet: Streams = { out: () => {}, err: () => {} }
  runIp(kernel, ['link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1'], quiet)
  for (const name of ['veth0', 'veth1']) runIp(kernel, ['link', 'set', name, 'up'], quiet)
  kernel.bpffs.mkdir(LAB)
  // The numbers of the recorded machine, as far as they rise by one.
  kernel.next = { ...kernel.next, program: 4424, map: 1863, btf: 43 }
  const idOf = (name: string): string => {
    const pin = kernel.bpffs.get(`${LAB}/lab/${name}`)
    return pin?.kind === 'prog' ? String(pin.prog.id) : '0'
  }
  const btfId = (): string =>
    String(kernel.bpffs.get(`${LAB}/lab/xdp_lab`)?.kind === 'prog' ? [...kernel.btfs.objects.keys()][0] : 0)
  const session: Session = {
    folder: 'v7.1',
    kernel,
    here: command =>
      command
        .replaceAll('/home/lab/xdp/offloading', folder)
        .replace(/ (src\/xdp_|pkt_pass)/g, ` ${folder}/$1`)
        .replace(/\bid 4424\b/, () => `id ${idOf('xdp_lab')}`)
        .replace(/\bid 4426\b/, () => `id ${idOf('xdp_reflect')}`)
        .replace(/\bid 43\b/, () => `id ${btfId()}`),
    same: text => withoutForeign(text.replaceAll('/usr/sbin/bpftool', 'bpftool').replaceAll('/home/lab/xdp/offloading', folder)),
  }
  const counts: Counts = { equal: 0, listed: 0, unequal: 0 }
  const lines: string[] = []
  const names = readFileSync(join(folder, 'v7.1', 'INDEX.tsv'), 'utf8')
    .split('\n')
    .flatMap(line => line.split('\t')[0] || [])
  const drops = (count: number): void => {
    const pin = kernel.bpffs.get(`${LAB}/lab/xdp_lab`)
    const packet = new Uint8Array(readFileSync(join(folder, 'pkt_drop.bin')))
    if (pin?.kind === 'prog') testRun(kernel, pin.prog, packet, { repeat: count })
  }
  for (const name of names) {
    if (name.startsWith('60-') && kernel.bpffs.isFolder(`${LAB}/lab`)) {
      runFs(
        kernel,
        [
          'rm',
          '-r',
          `${LAB}/lab`,
          `${LAB}/m1`,
          `${LAB}/m1b`,
          `${LAB}/m3`,
          `${LAB}/q1`,
          `${LAB}/outer`,
          `${LAB}/again`,
          '/tmp/notbpffs',
        ],
        quiet,
      )
    }
    if (name === '25-map-create') kernel.next = { ...kernel.next, map: 1911 }
    // The recording ran these to show the trace pipe and events, which stand in no list.
    if (name === '20-map-show') drops(5)
    if (name === '30-net-attach') drops(8)
    const recording = readRecording(join(folder, 'v7.1'), name)
    if (recording === undefined) continue
    if (name === '50-batch') batchFile(session)
    compare(session, recording, counts, lines, /^3[0-3]-(ip|tc)/.test(name) || name.startsWith('31-') || name.startsWith('32-'))
    if (name === '10-prog-load-debug') runFs(kernel, ['rm', `${LAB}/dbg`], quiet)
  }
  edgeCases(folder, session, counts, lines)
  return { counts, lines }
}

/** The batch file of the recording, with this session's ids. */
function batchFile(session: Session): void {
  const path = join(tmpdir(), `golden-batch-${process.pid}.txt`)
  writeFileSync(path, session.here(`prog show id 4424\n# a comment\nmap dump pinned ${LAB}/lab/maps/totals\n`))
  const { here } = session
  Object.assign(session, { here: (command: string) => here(command.replace('/home/lab/xdp/offloading/batch.txt', path)) })
}

/** Recordings 70: bad words, abbreviations, maps without types. They had a session of their own. */
function edgeCases(folder: string, session: Session, counts: Counts, lines: string[]): void {
  const { kernel } = session
  const quiet: Streams = { out: () => {}, err: () => {} }
  const tool = (line: string): void => void runBpftool(kernel, session.here(line).split(' '), quiet, () => '')
  tool(`prog loadall /home/lab/xdp/offloading/src/xdp_lab.bpf.o ${LAB}/lab type xdp pinmaps ${LAB}/lab/maps`)
  tool(`map create ${LAB}/nb type hash key 4 value 24 entries 4 name nobtf`)
  tool(`map update pinned ${LAB}/nb key 1 0 0 0 value ${Array.from({ length: 24 }, (_, i) => i + 1).join(' ')}`)
  tool(`map create ${LAB}/nb2 type hash key 40 value 8 entries 4 name nobtf2`)
  tool(`map update pinned ${LAB}/nb2 key ${Array.from({ length: 40 }, (_, i) => i).join(' ')} value 1 0 0 0 0 0 0 0`)
  tool(`map create ${LAB}/pc type percpu_hash key 4 value 8 entries 4 name pc`)
  tool(`map update pinned ${LAB}/pc key 1 0 0 0 value 5 0 0 0 0 0 0 0`)
  const names = readdirSync(join(folder, 'v7.1'))
    .filter(name => /^70-.*\.txt$/.test(name))
    .map(name => name.slice(0, -4))
    .sort()
  for (const name of names) {
    const recording = readRecording(join(folder, 'v7.1'), name)
    if (recording !== undefined) compare(session, recording, counts, lines, false)
    runFs(kernel, ['rm', `${LAB}/z`], quiet)
  }
}

/** Another program, its map and types, and the kernel's own types, which were on the recorded machine before. */
function withoutForeign(text: string): string {
  if (/^\s*\[\s*\{\s*"id"/.test(text)) {
    try {
      const list = JSON.parse(text) as { id: number }[]
      const pretty = text.includes('\n    ')
      const ours = list.filter(({ id }) => ![1, 22, 25, 102].includes(id))
      // A form that the printer doesn't give must not become equal here.
      return ours.length === list.length ? text : printJson(ours as unknown as Parameters<typeof printJson>[0], pretty)
    } catch {
      return text
    }
  }
  return text.replace(/^(102: xdp|25: hash|22: name|1: name \[vmlinux\]).*\n(\t.*\n)*/gm, '')
}

/** The session with netdevsim on a 6.1 kernel. */
function replayNetdevsim(folder: string, files: string): Replay {
  const kernel = new Kernel({ version: '6.1', now: () => 1_795_367_884 })
  const quiet: Streams = { out: () => {}, err: () => {} }
  runFs(kernel, ['write', '/sys/bus/netdevsim/new_device', '0 1'], quiet)
  kernel.next = { ...kernel.next, program: 6 }
  writeFileSync(join(files, 'sample_ret0.bpf.o'), returnsZero())
  writeFileSync(join(files, 'p'), new Uint8Array(64))
  offloaded(kernel)
  const session: Session = {
    folder: 'netdevsim',
    kernel,
    here: command =>
      command
        .replace('head -c 64 /dev/zero > /tmp/p; ', '')
        .replace('/tmp/p', join(files, 'p'))
        .replace('ip link show | grep -c eth; ', '')
        .replaceAll('/out/sample_ret0', join(files, 'sample_ret0'))
        .replaceAll('/out/xdp_', join(folder, 'src/xdp_')),
    // The types of the object file are not among the recordings.
    same: text =>
      text
        .replaceAll(join(files, 'sample_ret0'), '/out/sample_ret0')
        .replaceAll(join(folder, 'src/xdp_'), '/out/xdp_')
        // The count of interfaces, which another tool made.
        .replace(/^8\n/, '')
        .replace(/^\tbtf_id \d+\n/gm, '')
        .replace(/,\s*"btf_id": ?\d+/g, '')
        .replace(/ btf_id \d+/g, ''),
  }
  const counts: Counts = { equal: 0, listed: 0, unequal: 0 }
  const lines: string[] = []
  const script = readFileSync(join(folder, 'netdevsim', 'COMMANDS.sh'), 'utf8')
  const json = readFileSync(join(folder, 'netdevsim', 'JSON-COMMANDS.tsv'), 'utf8')
  const jsonCommands = new Map(json.split('\n').map(line => line.split('\t') as [string, string]))
  for (const [, stem = ''] of script.matchAll(/(?:^|; ?)[cj] ([\w.-]+) /gm)) {
    const form = stem.endsWith('.j') ? 'json' : stem.endsWith('.p') ? 'pretty' : undefined
    if (form === undefined) {
      const recording = readRecording(join(folder, 'netdevsim'), stem)
      if (stem === '16-wrong-dev') runFs(kernel, ['write', '/sys/bus/netdevsim/new_device', '1 3'], quiet)
      if (recording !== undefined) compare(session, bare(recording), counts, lines, false)
      continue
    }
    const command = jsonCommands.get(`${stem}.json`)
    const path = join(folder, 'netdevsim', `${stem}.json`)
    if (command === undefined || !existsSync(path)) continue
    const got = run(session, command)
    const plain = { out: readFileSync(path, 'utf8'), err: '', status: got?.status ?? 0 }
    if (got !== undefined || reasonFor(session, stem) !== undefined)
      compare(session, { name: stem, command, plain }, counts, lines, false)
  }
  return { counts, lines }
}

/** Without the forms that have commands of their own. */
function bare({ json: _, pretty: _pretty, ...recording }: Recording): Recording {
  return recording
}

/** What the first step of the recording left: a program on the device that looks into two maps of it, and their pins. */
function offloaded(kernel: Kernel): void {
  const netdev = kernel.netdevs.get('eth0')
  const base = { keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 }
  const maps = [
    { ...base, name: 'htab', type: 1 },
    { ...base, name: 'array', type: 2 },
  ].flatMap(spec => {
    const made = kernel.createMap(spec, netdev)
    return made.ok ? [made.map] : []
  })
  const insns = assemble(
    'r1 = 0\n*(u64 *)(r10 - 8) = r1\n*(u32 *)(r10 - 12) = r1\nr2 = r10\nr2 += -12\nr1 = map[0] ll\ncall map_lookup_elem\nr1 = r0\nr0 = 1\nif r1 == 0 goto out\nr2 = r10\nr2 += -8\nr1 = map[1] ll\ncall map_lookup_elem\nr1 = r0\nr0 = 1\nif r1 == 0 goto out\nr0 = 0\nout: exit',
  )
  const loaded = kernel.load(
    { name: 'func', type: 6, expectedAttachType: 0, flags: 0, license: '', insns },
    maps,
    netdev === undefined ? {} : { netdev },
  )
  if (!loaded.ok) return
  kernel.bpffs.pin('/sys/fs/bpf/off', { kind: 'prog', prog: loaded.program })
  kernel.bpffs.mkdir('/sys/fs/bpf/offmaps')
  for (const map of maps) kernel.bpffs.pin(`/sys/fs/bpf/offmaps/${map.spec.name}`, { kind: 'map', map })
}

const EM_BPF = 247

/** An object file without types or license whose program `func` returns 0. */
function returnsZero(): Uint8Array {
  const data = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0)
  return writeElf({
    machine: EM_BPF,
    sections: [{ name: 'xdp', type: 1, flags: 6, data, align: 8 }],
    symbols: [{ name: 'func', value: 0, size: 16, bind: 1, type: 2, section: 1, visibility: 0 } as never],
  })
}
