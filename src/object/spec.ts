import type { MapSpec, Program } from '../bpf/program.ts'
import type { Btf } from '../btf/parse.ts'

// What an object file asks for: pure data, complete before anything is created. Loading it is the kernel's business.

/** A map with where it came from. `name` stands in full: the kernel keeps the first 15 bytes. */
export interface ObjectMap extends MapSpec {
  readonly section: string
  /** Global data that became a map of one element; undefined for maps that the source declares. */
  readonly internal?: 'data' | 'rodata' | 'bss' | 'kconfig'
  /** What the source puts into the slots of a map in map or a program array: index into the object's maps or a program's name. */
  readonly slots?: readonly (readonly [slot: number, content: number | string])[]
}

/** A function in the final instructions of a program; the first one is the program itself. */
export interface ObjectFunction {
  readonly name: string
  /** Section of the object that it was taken from. */
  readonly section: string
  readonly insn: number
  readonly count: number
}

/**
 * A program with all functions that it reaches. An ld_imm64 with src 1 (map) or 2 (map value) has the index into the object's
 * maps in its imm. `name` stands in full: the kernel keeps the first 15 bytes.
 */
export interface ObjectProgram extends Program {
  readonly section: string
  /** What follows the `/` in the section name of types that attach to something, '' otherwise. */
  readonly target: string
  readonly autoload: boolean
  readonly functions: readonly ObjectFunction[]
}

export interface ObjectSpec {
  /** Of the object, as libbpf forms it: the file's name up to the first dot, at most 15 bytes. */
  readonly name: string
  readonly license: string
  /** Of the `version` section, which older kernels wanted from some program types; 0 where there is none. */
  readonly version: number
  /** The object's .BTF with the sizes and offsets that only the linker of the object knows filled in. */
  readonly btf?: Uint8Array
  readonly maps: readonly ObjectMap[]
  readonly programs: readonly ObjectProgram[]
  /** What was left out or read generously, one sentence each. */
  readonly notes: readonly string[]
}

export interface LoadOptions {
  /** File name or path: names the object, and with it the maps of its global data. */
  readonly name?: string
  /** CPUs of the machine: slots of a perf event array whose size is left open (default 2). */
  readonly cpus?: number
  /** What `LINUX_KERNEL_VERSION` is (default 6.18.0, as major << 16 | minor << 8 | patch). */
  readonly kernelVersion?: number
  /** Values of `CONFIG_…` as they stand in a kernel's .config: `y`, `m`, `n`, a number, or a quoted string. */
  readonly kconfig?: ReadonlyMap<string, string>
  /** Types of the kernel to relocate against. */
  readonly kernelBtf?: Btf
}
