// A program on its way to the card and there: the driver's state from the first instruction that the verifier shows to the words that a
// vNIC loads.

import { EINVAL } from '../../bpf/errno.ts'
import type { Program } from '../../bpf/program.ts'
import type { BoundMap, DeviceProgram } from '../../kernel/netdev.ts'
import { codeBytes } from '../../nfp/listing.ts'
import type { Firmware } from '../../nfp/profiles.ts'
import type { Verified } from '../../verifier/verdict.ts'
import type { CodegenOptions } from './codegen.ts'
import { DeviceVerifier } from './device-verifier.ts'
import { NfpMap } from './maps.ts'
import { type DriverCrash, type NotTranslated, type Translated, translate } from './translate.ts'

/** The kernel log's prefix for what the driver says of BPF. */
export const LOG_PREFIX = 'NFP net bpf: '

export interface NfpProgramOptions {
  readonly program: Program
  readonly maps: readonly BoundMap[]
  readonly firmware: Firmware
  readonly codegen: CodegenOptions
  readonly log: (line: string) => void
}

export class NfpProgram implements DeviceProgram {
  readonly hooks: DeviceVerifier
  readonly #options: NfpProgramOptions
  #translated: Translated | undefined
  /** What stopped the translation, where it failed. */
  failure: NotTranslated | DriverCrash | undefined

  constructor(options: NfpProgramOptions) {
    const { maps, firmware, codegen } = options
    this.#options = options
    this.hooks = new DeviceVerifier({
      capabilities: firmware.capabilities,
      stackBytes: firmware.stackBytes,
      marks: maps.map(map => (map.device instanceof NfpMap ? map.device.marks : undefined)),
      codegen,
    })
  }

  get translated(): Translated | undefined {
    return this.#translated
  }

  translate(_verified: Verified): number {
    const { program, maps, firmware, codegen, log } = this.#options
    if (this.hooks.optimiseFailed) return -EINVAL
    const { capabilities } = firmware
    const result = translate({
      insns: program.insns,
      progType: program.type,
      facts: this.hooks.facts,
      mapIds: maps.map(map => (map.device instanceof NfpMap ? map.device.tid : map.id)),
      maxWords: firmware.maxLength,
      adjustHead: { offMin: capabilities.adjustHead?.offMin ?? 0, offMax: capabilities.adjustHead?.offMax ?? 0 },
      options: codegen,
    })
    if (result.ok) {
      this.#translated = result
      return 0
    }
    this.failure = result
    if (result.kind === 'crash') log(`the upstream driver crashes here: ${result.reason}`)
    else for (const line of result.log) log(`${LOG_PREFIX}${line}`)
    return -EINVAL
  }

  /** The words with their relocation types and without ECC, little endian: what `bpftool prog dump jited` reads. */
  get jited(): Uint8Array {
    const { lo, hi } = this.#translated ?? { lo: new Uint32Array(0), hi: new Uint32Array(0) }
    return codeBytes({ lo, hi, count: lo.length })
  }

  destroy(): void {
    this.#translated = undefined
  }
}
