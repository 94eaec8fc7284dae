// The real kernel as a witness: loads a program with fresh maps, runs it on packets and reads the maps back. Whatever is opened is
// closed again. Per-CPU values are read as CPU 0's and the others', as the kernel gives them.

import { readFileSync } from 'node:fs'
import { encodeInsns } from '../bpf/encode.ts'
import * as T from '../bpf/map-type-table.ts'
import { BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, LD_IMM64 } from '../bpf/opcode.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { compareBytes } from '../bytes/writer.ts'
import { NicwrightError, SyscallError } from '../errors.ts'
import { type Bpf, bpf, requireBpf } from './bpf.ts'

export type Probe = { readonly ok: true } | { readonly ok: false; readonly why: string }

/** Whether programs can be loaded here: asks by making a small map. */
export function probe(): Probe {
  const use = bpf()
  if ('why' in use) return { ok: false, why: use.why }
  const fd = use.mapCreate({ type: T.BPF_MAP_TYPE_PROG_ARRAY, keySize: 4, valueSize: 4, maxEntries: 1, flags: 0, name: '' })
  if (fd >= 0) {
    use.close(fd)
    return { ok: true }
  }
  return {
    ok: false,
    why: fd === -1 ? 'bpf(2) is not permitted (EPERM): it takes root or CAP_BPF' : `bpf(2) fails with errno ${-fd}`,
  }
}

/** CPUs that per-CPU values are kept for. */
export function possibleCpus(): number {
  let last = 0
  for (const range of readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim().split(',')) {
    const end = Number(range.split('-').at(-1))
    if (end > last) last = end
  }
  return last + 1
}

export interface KernelMap {
  readonly spec: MapSpec
  readonly fd: number
  /** Bytes of a value as the kernel gives it. */
  readonly valueBytes: number
}

/** Makes a map with its initial contents. SyscallError when the kernel refuses. */
export function createKernelMap(spec: MapSpec): KernelMap {
  const use = requireBpf()
  const opened: number[] = []
  try {
    return openMap(use, spec, opened)
  } finally {
    for (const fd of opened) use.close(fd)
  }
}

function openMap(use: Bpf, spec: MapSpec, temporary: number[]): KernelMap {
  const check = (answer: number, code: string): number => {
    if (answer >= 0) return answer
    throw new SyscallError(code, -answer, {
      message: `map ${spec.name || '(unnamed)'}: the kernel refuses with errno ${-answer}`,
    })
  }
  const inner = spec.inner === undefined ? undefined : openMap(use, spec.inner, temporary).fd
  if (inner !== undefined) temporary.push(inner)
  const btf = spec.btf === undefined ? undefined : check(use.btfLoad(spec.btf), 'linux/btf')
  if (btf !== undefined) temporary.push(btf)
  const fd = check(
    use.mapCreate({
      type: spec.type,
      keySize: spec.keySize,
      valueSize: spec.valueSize,
      maxEntries: spec.maxEntries,
      flags: spec.flags,
      name: spec.name,
      ...(inner === undefined ? {} : { innerFd: inner }),
      ...(btf === undefined ? {} : { btfFd: btf, btfKey: spec.btfKey ?? 0, btfValue: spec.btfValue ?? 0 }),
      ...(spec.extra === undefined ? {} : { extra: spec.extra }),
    }),
    'linux/map-create',
  )
  const map = { spec, fd, valueBytes: kernelValueBytes(spec) }
  try {
    for (const { key, value } of spec.init ?? []) check(use.mapUpdate(fd, key, spread(map, value)), 'linux/map-init')
    if (spec.frozen === true) check(use.mapFreeze(fd), 'linux/map-freeze')
  } catch (error) {
    use.close(fd)
    throw error
  }
  return map
}

function perCpu(type: number): boolean {
  return type === T.BPF_MAP_TYPE_PERCPU_ARRAY || type === T.BPF_MAP_TYPE_PERCPU_HASH || type === T.BPF_MAP_TYPE_LRU_PERCPU_HASH
}

function kernelValueBytes(spec: MapSpec): number {
  return perCpu(spec.type) ? Math.ceil(spec.valueSize / 8) * 8 * possibleCpus() : spec.valueSize
}

/** A value of one CPU's size stands for every CPU. */
function spread(map: KernelMap, value: Uint8Array): Uint8Array {
  if (value.length >= map.valueBytes) return value
  const out = new Uint8Array(map.valueBytes)
  if (!perCpu(map.spec.type)) out.set(value)
  else for (let at = 0; at < out.length; at += Math.ceil(map.spec.valueSize / 8) * 8) out.set(value, at)
  return out
}

/** All entries, sorted by key. Maps of objects (programs, events) have none that can be read. */
export function readKernelMap(map: KernelMap): [key: Uint8Array, value: Uint8Array][] {
  const use = requireBpf()
  const entries: [Uint8Array, Uint8Array][] = []
  if (map.spec.keySize === 0) return entries
  let key = use.mapNextKey(map.fd, undefined, map.spec.keySize)
  while (typeof key !== 'number') {
    const value = use.mapLookup(map.fd, key, map.valueBytes)
    if (typeof value !== 'number') entries.push([key, value])
    key = use.mapNextKey(map.fd, key, map.spec.keySize)
  }
  return entries.sort((a, b) => compareBytes(a[0], b[0]))
}

export function closeKernelMap(map: KernelMap): void {
  requireBpf().close(map.fd)
}

export interface LoadOptions {
  /** 0 none, 1 as usual, 2 all states, +4 statistics. */
  readonly logLevel?: number
  /** Room for the log; a log that doesn't fit keeps its end. */
  readonly logBytes?: number
  /** Ids of kernel functions by name, for programs that call any. */
  readonly kfunc?: (name: string) => number | undefined
}

export interface Loaded {
  readonly ok: boolean
  /** -1 when refused. */
  readonly fd: number
  /** Positive; 0 when accepted. */
  readonly errno: number
  readonly log: string
}

/** Loads a program whose map references are indices into `maps`. The caller closes the fd. */
export function loadProgram(program: Program, maps: readonly KernelMap[], options: LoadOptions = {}): Loaded {
  const use = requireBpf()
  const btf = program.btf === undefined ? undefined : use.btfLoad(program.btf)
  if (btf !== undefined && btf < 0) return { ok: false, fd: -1, errno: -btf, log: '' }
  const { fd, log } = use.progLoad({
    type: program.type,
    insns: withFds(program, maps, options),
    license: program.license,
    name: program.name.replace(/[^A-Za-z0-9_.]/g, '_'),
    flags: program.flags,
    expectedAttachType: program.expectedAttachType,
    logLevel: options.logLevel ?? 0,
    logBytes: options.logBytes ?? 1 << 22,
    ...(btf === undefined ? {} : { btfFd: btf }),
    ...(program.funcInfo === undefined
      ? {}
      : { funcInfo: program.funcInfo, funcInfoRecordBytes: program.funcInfoRecordBytes ?? 8 }),
    ...(program.lineInfo === undefined
      ? {}
      : { lineInfo: program.lineInfo, lineInfoRecordBytes: program.lineInfoRecordBytes ?? 16 }),
  })
  if (btf !== undefined) use.close(btf)
  return { ok: fd >= 0, fd: Math.max(fd, -1), errno: Math.max(-fd, 0), log }
}

/** The loaded program as the kernel rewrote it, or undefined where it doesn't show that. */
export function readXlated(fd: number): Uint8Array | undefined {
  const bytes = requireBpf().xlated(fd)
  return typeof bytes === 'number' ? undefined : bytes
}

export function closeProgram(fd: number): void {
  requireBpf().close(fd)
}

/** The instructions with file descriptors in place of map indices, and ids in place of kfunc names. */
function withFds(program: Program, maps: readonly KernelMap[], options: LoadOptions): Uint8Array {
  const { insns } = program
  const bytes = encodeInsns(insns)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  for (let i = 0; i < insns.count; i++) {
    if (insns.code[i] !== LD_IMM64) continue
    const kind = insns.src[i]
    if (kind === BPF_PSEUDO_MAP_FD || kind === BPF_PSEUDO_MAP_VALUE) {
      const map = maps[insns.imm[i]!]
      if (map === undefined)
        throw new NicwrightError('linux/map-index', {
          message: `instruction ${i} refers to map ${insns.imm[i]}, which there is none`,
        })
      view.setInt32(i * 8 + 4, map.fd, true)
    }
    i++
  }
  for (const [insn, name] of program.kfuncs ?? []) {
    const id = options.kfunc?.(name)
    if (id === undefined)
      throw new NicwrightError('linux/kfunc', { message: `the kernel function ${name} is not known here`, at: { insn } })
    view.setInt32(insn * 8 + 4, id, true)
  }
  return bytes
}

export interface KernelRun {
  /** Positive; 0 when it ran. */
  readonly errno: number
  readonly retval: number
  readonly data: Uint8Array
}

/** A program in a slot of a program array. */
export interface Slot {
  readonly map: number
  readonly index: number
  readonly program: Program
}

export interface RunOptions extends LoadOptions {
  readonly slots?: readonly Slot[]
  /** Per-CPU values are cut to this many CPUs: runs are on the first, so the others keep what they were made with. */
  readonly cpus?: number
}

export interface KernelResult {
  readonly ok: boolean
  readonly errno: number
  readonly log: string
  readonly runs: readonly KernelRun[]
  /** Per map, sorted by key. */
  readonly maps: readonly (readonly [key: Uint8Array, value: Uint8Array][])[]
}

/** Most bytes that a program can put in front of a packet or behind it. */
const GROWTH_BYTES = 16384

/** Loads a program with fresh maps, runs it on the packets in order, reads the maps. SyscallError when a map is refused. */
export function runOnKernel(
  program: Program,
  specs: readonly MapSpec[],
  packets: readonly Uint8Array[],
  options: RunOptions = {},
): KernelResult {
  const use = requireBpf()
  const maps: KernelMap[] = []
  const programs: number[] = []
  try {
    for (const spec of specs) maps.push(createKernelMap(spec))
    const main = loadProgram(program, maps, options)
    if (!main.ok) return { ok: false, errno: main.errno, log: main.log, runs: [], maps: [] }
    programs.push(main.fd)
    for (const slot of options.slots ?? []) {
      const loaded = loadProgram(slot.program, maps, options)
      if (!loaded.ok) return { ok: false, errno: loaded.errno, log: loaded.log, runs: [], maps: [] }
      programs.push(loaded.fd)
      const error = use.mapUpdate(maps[slot.map]?.fd ?? -1, word(slot.index), word(loaded.fd))
      if (error < 0) throw new SyscallError('linux/slot', -error, { message: `slot ${slot.index}: errno ${-error}` })
    }
    const runs = use.onFirstCpu(() => packets.map(packet => use.testRun(main.fd, packet, packet.length + GROWTH_BYTES)))
    return { ok: true, errno: 0, log: main.log, runs, maps: maps.map(map => cutTo(options.cpus, map)) }
  } finally {
    for (const fd of programs) use.close(fd)
    for (const map of maps) use.close(map.fd)
  }
}

function cutTo(cpus: number | undefined, map: KernelMap): [key: Uint8Array, value: Uint8Array][] {
  const entries = readKernelMap(map)
  if (cpus === undefined || !perCpu(map.spec.type)) return entries
  const bytes = (map.valueBytes / possibleCpus()) * cpus
  return entries.map(([key, value]) => [key, value.subarray(0, bytes)])
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer)
}
