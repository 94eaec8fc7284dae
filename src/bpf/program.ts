import type { Insns } from './insns.ts'

/** What a map shall be: pure data, as an object file or a test vector gives it. Sizes in bytes. */
export interface MapSpec {
  readonly name: string
  /** BPF_MAP_TYPE_*, see map-type-table.ts. */
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  readonly extra?: bigint
  /** Type ids in the BTF of the object; 0 = none. `btf` is a raw .BTF blob. */
  readonly btf?: Uint8Array
  readonly btfKey?: number
  readonly btfValue?: number
  /** Of map-in-map types: what the inner maps look like. */
  readonly inner?: MapSpec
  /** Contents that stand in the map before a program is loaded. */
  readonly init?: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]
  /** Read-only for user space from then on; with BPF_F_RDONLY_PROG loads from it fold to constants. */
  readonly frozen?: boolean
  /** Of prog arrays: every slot holds a program (tests of tail calls in the verifier). */
  readonly filled?: boolean
  /** Pinning of libbpf's `LIBBPF_PIN_BY_NAME`. */
  readonly pinning?: number
}

/**
 * One program as it is given to a load. An ld_imm64 whose src is BPF_PSEUDO_MAP_FD (1) or BPF_PSEUDO_MAP_VALUE (2) carries the
 * index into the accompanying list of maps in its imm; a kfunc call is named in `kfuncs` by instruction index.
 */
export interface Program {
  readonly name: string
  /** BPF_PROG_TYPE_*. */
  readonly type: number
  readonly expectedAttachType: number
  readonly flags: number
  readonly license: string
  readonly insns: Insns
  readonly kfuncs?: readonly (readonly [insn: number, name: string])[]
  /** The load has an fd_array, so that maps may be referred to by index (src 5 and 6 of an ld_imm64); here the index is the map's in any case. */
  readonly fdArray?: boolean
  /** Raw .BTF blob, and the func_info and line_info records of the load with their record sizes in bytes. */
  readonly btf?: Uint8Array
  readonly funcInfo?: Uint8Array
  readonly funcInfoRecordBytes?: number
  readonly lineInfo?: Uint8Array
  readonly lineInfoRecordBytes?: number
}
