import { encodeInsns } from '../bpf/encode.ts'
import type { Insns } from '../bpf/insns.ts'
import { BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, LD_IMM64 } from '../bpf/opcode.ts'
import type { Program } from '../bpf/program.ts'
import { toHex } from '../bytes/hex.ts'
import type { Verified } from '../verifier/index.ts'
import type { BtfObject } from './btf.ts'
import type { Binding, LoadedMap } from './map.ts'
import type { DeviceProgram } from './netdev.ts'
import type { VersionFacts } from './version-table.ts'

/** A program that the kernel has accepted. It keeps its maps alive. */
export interface LoadedProgram {
  readonly id: number
  readonly tag: string
  readonly program: Program
  /** Those that its instructions refer to, by index, then those that were bound to it. */
  readonly maps: readonly LoadedMap[]
  readonly verified: Verified
  /** Seconds since 1970. */
  readonly loadedAt: number
  /** Present when it was loaded for a device and can run there alone. */
  readonly bound?: Binding<DeviceProgram>
  readonly btf?: BtfObject
}

/**
 * The tag by which users recognise a program: the first eight bytes of a hash of its instructions, in which what depends on
 * this load, the map references, is zero. 16 hex digits.
 */
export function programTag(insns: Insns, version: VersionFacts): string {
  const bytes = encodeInsns(insns)
  for (let i = 0; i < insns.count; i++) {
    if (insns.code[i] !== LD_IMM64) continue
    const src = insns.src[i]
    if (src === BPF_PSEUDO_MAP_FD || src === BPF_PSEUDO_MAP_VALUE) {
      bytes.fill(0, i * 8 + 4, i * 8 + 8)
      bytes.fill(0, i * 8 + 12, i * 8 + 16)
    }
    i++
  }
  return toHex(version.tagHash(bytes).subarray(0, 8))
}
