// bpf(2), command by command. `union bpf_attr` is written out as byte offsets (include/uapi/linux/bpf.h); pointers in it are
// addresses in the arena. Every command gives 0 or more, or a negative errno.

import { encodeText } from '../bytes/writer.ts'
import { NicwrightError } from '../errors.ts'
import { Arena, type Ffi, ffi } from './ffi.ts'

const SYS_BPF: Readonly<Record<string, number>> = { x64: 321, arm64: 280, riscv64: 280 }
const SYS_CLOSE: Readonly<Record<string, number>> = { x64: 3, arm64: 57, riscv64: 57 }
const SYS_SCHED_SETAFFINITY: Readonly<Record<string, number>> = { x64: 203, arm64: 122, riscv64: 122 }
const SYS_SCHED_GETAFFINITY: Readonly<Record<string, number>> = { x64: 204, arm64: 123, riscv64: 123 }

const MAP_CREATE = 0
const MAP_LOOKUP_ELEM = 1
const MAP_UPDATE_ELEM = 2
const MAP_DELETE_ELEM = 3
const MAP_GET_NEXT_KEY = 4
const PROG_LOAD = 5
const PROG_TEST_RUN = 10
const OBJ_GET_INFO_BY_FD = 15
const BTF_LOAD = 18
const MAP_LOOKUP_AND_DELETE_ELEM = 21
const MAP_FREEZE = 22

const CPU_MASK_BYTES = 128

export interface MapAttributes {
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  readonly name: string
  readonly innerFd?: number
  readonly btfFd?: number
  readonly btfKey?: number
  readonly btfValue?: number
  readonly extra?: bigint
  readonly ifindex?: number
}

export interface LoadAttributes {
  readonly type: number
  readonly insns: Uint8Array
  readonly license: string
  readonly name: string
  readonly flags: number
  readonly expectedAttachType: number
  readonly ifindex?: number
  /** 0 none, 1 the last path or all when refused, 2 all states, +4 statistics. */
  readonly logLevel: number
  readonly logBytes: number
  readonly btfFd?: number
  readonly funcInfo?: Uint8Array
  readonly funcInfoRecordBytes?: number
  readonly lineInfo?: Uint8Array
  readonly lineInfoRecordBytes?: number
  readonly attachBtfId?: number
  readonly fdArray?: readonly number[]
}

export class Bpf {
  readonly #ffi: Ffi
  readonly #arena: Arena
  readonly #arch = process.arch

  constructor(use: Ffi) {
    this.#ffi = use
    this.#arena = new Arena(use)
  }

  #bpf(command: number, attr: number, bytes: number): number {
    return this.#ffi.syscall(SYS_BPF[this.#arch]!, command, this.#arena.address(attr), bytes)
  }

  /** Empties the arena and gives an attr of zeros. */
  #attr(
    bytes: number,
    room: number,
  ): { at: number; u32: (at: number, value: number) => void; pointer: (at: number, to: number) => void } {
    const arena = this.#arena
    arena.reset(bytes + room + 4096)
    const attr = arena.take(bytes)
    return {
      at: attr,
      u32: (at, value) => arena.view.setUint32(attr + at, value, true),
      pointer: (at, to) => arena.view.setBigUint64(attr + at, BigInt(arena.address(to)), true),
    }
  }

  mapCreate(map: MapAttributes): number {
    const { at, u32 } = this.#attr(80, 0)
    u32(0, map.type)
    u32(4, map.keySize)
    u32(8, map.valueSize)
    u32(12, map.maxEntries)
    u32(16, map.flags)
    u32(20, map.innerFd ?? 0)
    this.#arena.bytes.set(encodeText(map.name).subarray(0, 16), at + 28)
    u32(44, map.ifindex ?? 0)
    u32(48, map.btfFd ?? 0)
    u32(52, map.btfKey ?? 0)
    u32(56, map.btfValue ?? 0)
    this.#arena.view.setBigUint64(at + 64, map.extra ?? 0n, true)
    return this.#bpf(MAP_CREATE, at, 72)
  }

  /** The commands on an element share one layout: fd, key, value or next key, flags. */
  #element(command: number, fd: number, key: Uint8Array | undefined, value: Uint8Array | number, flags: number): number {
    const room = (key?.length ?? 0) + (typeof value === 'number' ? value : value.length) + 64
    const { at, u32, pointer } = this.#attr(32, room)
    u32(0, fd)
    // Queues have no keys, a removal no value; a pointer there would be refused.
    if (key !== undefined && key.length > 0) pointer(8, this.#arena.put(key))
    if (command !== MAP_DELETE_ELEM) {
      this.#value = typeof value === 'number' ? this.#arena.take(value) : this.#arena.put(value)
      pointer(16, this.#value)
      u32(24, flags)
    }
    return this.#bpf(command, at, 32)
  }
  /** Where the value of the last command on an element lies. */
  #value = 0

  #answer(error: number, bytes: number): Uint8Array | number {
    return error < 0 ? error : this.#arena.bytes.slice(this.#value, this.#value + bytes)
  }

  mapLookup(fd: number, key: Uint8Array, valueBytes: number, flags = 0): Uint8Array | number {
    return this.#answer(this.#element(MAP_LOOKUP_ELEM, fd, key, valueBytes, flags), valueBytes)
  }

  mapUpdate(fd: number, key: Uint8Array, value: Uint8Array, flags = 0): number {
    return this.#element(MAP_UPDATE_ELEM, fd, key, value, flags)
  }

  mapDelete(fd: number, key: Uint8Array): number {
    return this.#element(MAP_DELETE_ELEM, fd, key, 0, 0)
  }

  /** Takes an entry out; of queues and stacks the key has no bytes. */
  mapPop(fd: number, key: Uint8Array, valueBytes: number): Uint8Array | number {
    return this.#answer(this.#element(MAP_LOOKUP_AND_DELETE_ELEM, fd, key, valueBytes, 0), valueBytes)
  }

  /** The key after `key`, the first one without. */
  mapNextKey(fd: number, key: Uint8Array | undefined, keyBytes: number): Uint8Array | number {
    return this.#answer(this.#element(MAP_GET_NEXT_KEY, fd, key, keyBytes, 0), keyBytes)
  }

  mapFreeze(fd: number): number {
    const { at, u32 } = this.#attr(8, 0)
    u32(0, fd)
    return this.#bpf(MAP_FREEZE, at, 4)
  }

  btfLoad(btf: Uint8Array): number {
    const { at, u32, pointer } = this.#attr(32, btf.length)
    pointer(0, this.#arena.put(btf))
    u32(16, btf.length)
    return this.#bpf(BTF_LOAD, at, 28)
  }

  /** The program's fd or a negative errno, and the verifier's log. */
  progLoad(load: LoadAttributes): { readonly fd: number; readonly log: string } {
    const infos = (load.funcInfo?.length ?? 0) + (load.lineInfo?.length ?? 0) + (load.fdArray?.length ?? 0) * 4
    const logBytes = load.logLevel === 0 ? 0 : load.logBytes
    const { at, u32, pointer } = this.#attr(152, load.insns.length + infos + logBytes)
    const arena = this.#arena
    u32(0, load.type)
    u32(4, load.insns.length / 8)
    pointer(8, arena.put(load.insns))
    pointer(16, arena.put(encodeText(`${load.license}\0`)))
    const log = logBytes === 0 ? 0 : arena.take(logBytes)
    if (logBytes !== 0) {
      u32(24, load.logLevel)
      u32(28, logBytes)
      pointer(32, log)
    }
    u32(44, load.flags)
    arena.bytes.set(encodeText(load.name).subarray(0, 15), at + 48)
    u32(64, load.ifindex ?? 0)
    u32(68, load.expectedAttachType)
    u32(72, load.btfFd ?? 0)
    if (load.funcInfo !== undefined) {
      const bytes = load.funcInfoRecordBytes ?? 8
      u32(76, bytes)
      pointer(80, arena.put(load.funcInfo))
      u32(88, load.funcInfo.length / bytes)
    }
    if (load.lineInfo !== undefined) {
      const bytes = load.lineInfoRecordBytes ?? 16
      u32(92, bytes)
      pointer(96, arena.put(load.lineInfo))
      u32(104, load.lineInfo.length / bytes)
    }
    u32(108, load.attachBtfId ?? 0)
    if (load.fdArray !== undefined) pointer(120, arena.put(new Uint8Array(Uint32Array.from(load.fdArray).buffer)))
    const fd = this.#bpf(PROG_LOAD, at, 144)
    return { fd, log: logBytes === 0 ? '' : readText(arena.bytes, log, logBytes) }
  }

  /** Runs a program on a packet: what it returned and what became of the packet. */
  testRun(
    fd: number,
    packet: Uint8Array,
    outBytes: number,
    repeat = 1,
  ): { readonly errno: number; readonly retval: number; readonly data: Uint8Array } {
    const { at, u32, pointer } = this.#attr(80, packet.length + outBytes)
    const arena = this.#arena
    u32(0, fd)
    u32(8, packet.length)
    u32(12, outBytes)
    pointer(16, arena.put(packet))
    const out = arena.take(outBytes)
    pointer(24, out)
    u32(32, repeat)
    const error = this.#bpf(PROG_TEST_RUN, at, 80)
    const size = Math.min(arena.view.getUint32(at + 12, true), outBytes)
    return {
      errno: error < 0 ? -error : 0,
      retval: arena.view.getUint32(at + 4, true),
      data: arena.bytes.slice(out, out + (error < 0 ? 0 : size)),
    }
  }

  /** The program as the kernel rewrote it. */
  xlated(fd: number): Uint8Array | number {
    const bytes = this.#info(fd, 0)
    return typeof bytes === 'number' ? this.#info(fd, bytes) : bytes
  }

  /** struct bpf_prog_info: xlated_prog_len at 20, xlated_prog_insns at 32. Without room the answer is the length. */
  #info(fd: number, bytes: number): Uint8Array | number {
    const infoBytes = 40
    const { at, u32, pointer } = this.#attr(16, infoBytes + bytes)
    const arena = this.#arena
    const info = arena.take(infoBytes)
    const insns = arena.take(bytes)
    u32(0, fd)
    u32(4, infoBytes)
    pointer(8, info)
    if (bytes > 0) {
      arena.view.setUint32(info + 20, bytes, true)
      arena.view.setBigUint64(info + 32, BigInt(arena.address(insns)), true)
    }
    const error = this.#bpf(OBJ_GET_INFO_BY_FD, at, 16)
    if (error < 0) return error
    return bytes === 0 ? arena.view.getUint32(info + 20, true) : arena.bytes.slice(insns, insns + bytes)
  }

  close(fd: number): void {
    if (fd >= 0) this.#ffi.syscall(SYS_CLOSE[this.#arch]!, fd)
  }

  /** Runs `work` with this thread on CPU 0 only, so that per-CPU values have one place. */
  onFirstCpu<T>(work: () => T): T {
    const affinity = (number: number, mask: Uint8Array): Uint8Array => {
      this.#arena.reset(CPU_MASK_BYTES)
      const at = this.#arena.put(mask)
      this.#ffi.syscall(number, 0, CPU_MASK_BYTES, this.#arena.address(at))
      return this.#arena.bytes.slice(at, at + CPU_MASK_BYTES)
    }
    const first = new Uint8Array(CPU_MASK_BYTES)
    first[0] = 1
    const before = affinity(SYS_SCHED_GETAFFINITY[this.#arch]!, new Uint8Array(CPU_MASK_BYTES))
    affinity(SYS_SCHED_SETAFFINITY[this.#arch]!, first)
    try {
      return work()
    } finally {
      affinity(SYS_SCHED_SETAFFINITY[this.#arch]!, before)
    }
  }
}

function readText(bytes: Uint8Array, at: number, limit: number): string {
  let end = at
  while (end < at + limit && bytes[end] !== 0) end++
  return new TextDecoder().decode(bytes.slice(at, end))
}

let shared: Bpf | { readonly why: string } | undefined

/** bpf(2) of this machine, or why it can't be called. */
export function bpf(): Bpf | { readonly why: string } {
  if (shared === undefined) {
    const use = ffi()
    if ('why' in use) shared = use
    else
      shared =
        SYS_BPF[process.arch] === undefined ? { why: `the number of bpf(2) on ${process.arch} is not known` } : new Bpf(use)
  }
  return shared
}

/** As bpf(), for callers who have asked probe() before. */
export function requireBpf(): Bpf {
  const use = bpf()
  if ('why' in use) throw new NicwrightError('linux/unavailable', { message: `the kernel can't be asked: ${use.why}` })
  return use
}
