// The real verifier asked about many programs. Maps are made once and used again, since a load changes nothing in them; those whose
// first program decides what may use them later are made anew for each.

import { readFileSync } from 'node:fs'
import * as T from '../bpf/map-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { type Btf, parseBtf } from '../btf/index.ts'
import { NicwrightError } from '../errors.ts'
import { closeKernelMap, closeProgram, createKernelMap, type KernelMap, loadProgram } from '../linux/index.ts'

export interface KernelAnswer {
  readonly ok: boolean
  /** Positive; 0 when accepted. */
  readonly errno: number
  /** The last telling line of a refusal; '' without a log. */
  readonly message: string
  /** Processed, most states of an instruction, states, most states at a time; empty where the verifier didn't come so far. */
  readonly stats: readonly number[]
  readonly log: string
  /** Bytes of the stack of each subprogram, as the log tells. */
  readonly stack: readonly number[]
}

const OWNED: ReadonlySet<number> = new Set([
  T.BPF_MAP_TYPE_PROG_ARRAY,
  T.BPF_MAP_TYPE_DEVMAP,
  T.BPF_MAP_TYPE_DEVMAP_HASH,
  T.BPF_MAP_TYPE_CPUMAP,
])
const LOG_BYTES = 1 << 20
const LARGE_LOG_BYTES = 1 << 27
const EAGAIN = 11
const ENOSPC = 28
const MOST_MAPS = 500
const VMLINUX = '/sys/kernel/btf/vmlinux'

export class KernelWitness {
  readonly #maps: Map<string, KernelMap> = new Map()
  readonly #kfuncs: Map<string, number> = new Map()
  #btf: Btf | undefined

  /**
   * Linux's answer. Level 0 gives no log and so no message.
   * @throws NicwrightError when the program can't be asked about: a map that can't be made, an unknown kfunc.
   */
  ask(program: Program, specs: readonly MapSpec[], logLevel = 1): KernelAnswer {
    const owned: KernelMap[] = []
    try {
      const maps = specs.map(spec => {
        if (!OWNED.has(spec.type)) return this.#shared(spec)
        const map = createKernelMap(spec)
        owned.push(map)
        return map
      })
      const kfunc = (name: string): number => this.#kfunc(name)
      let loaded = loadProgram(program, maps, { logLevel, logBytes: LOG_BYTES, kfunc })
      // A signal (a profiler's) ends a verification early.
      for (let tries = 100; loaded.errno === EAGAIN && tries > 0; tries--) {
        loaded = loadProgram(program, maps, { logLevel, logBytes: LOG_BYTES, kfunc })
      }
      if (loaded.errno === ENOSPC) loaded = loadProgram(program, maps, { logLevel, logBytes: LARGE_LOG_BYTES, kfunc })
      closeProgram(loaded.fd)
      return answerOf(loaded.ok, loaded.errno, loaded.log)
    } finally {
      for (const map of owned) closeKernelMap(map)
    }
  }

  #shared(spec: MapSpec): KernelMap {
    const key = JSON.stringify(spec, (_, value) =>
      value instanceof Uint8Array ? [...value] : typeof value === 'bigint' ? String(value) : value,
    )
    let map = this.#maps.get(key)
    if (map === undefined) {
      if (this.#maps.size >= MOST_MAPS) this.close()
      map = createKernelMap(spec)
      this.#maps.set(key, map)
    }
    return map
  }

  #kfunc(name: string): number {
    let id = this.#kfuncs.get(name)
    if (id === undefined) {
      this.#btf ??= parseBtf(readFileSync(VMLINUX))
      ;[id] = this.#btf.named(name, 'func')
      if (id === undefined) throw new NicwrightError('fuzz/kfunc', { message: `this kernel has no function ${name}` })
      this.#kfuncs.set(name, id)
    }
    return id
  }

  /** Gives the maps back. */
  close(): void {
    for (const map of this.#maps.values()) closeKernelMap(map)
    this.#maps.clear()
  }
}

// One message lacks its newline: the statistics follow on its line.
const STATS = /^(.*?)processed (\d+) insns \(limit \d+\) max_states_per_insn (\d+) total_states (\d+) peak_states (\d+) /
const INSN_LINE = /^\d+: \(/

function answerOf(ok: boolean, errno: number, log: string): KernelAnswer {
  let end = log.length
  let stats: number[] = []
  let stack: number[] = []
  let message = ''
  // From the end: the statistics, then the line that tells.
  while (end > 0) {
    const start = log.lastIndexOf('\n', end - 2) + 1
    const line = log.slice(start, log[end - 1] === '\n' ? end - 1 : end)
    end = start
    const found = STATS.exec(line)
    if (found !== null) {
      stats = found.slice(2).map(Number)
      if (found[1] === '') continue
    }
    if (line.startsWith('stack depth ')) stack = line.slice(12).split('+').map(Number)
    else if (!line.startsWith('verification time ')) {
      if (!ok && !INSN_LINE.test(line)) message = found?.[1] ?? line
      break
    }
  }
  return { ok, errno, message, stats, log, stack }
}
