// What differs between kernel versions in what users see, in one place. The verifier is 6.18's in all of them.

import { sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'

export type KernelVersion = '6.1' | '6.18'

export interface VersionFacts {
  readonly version: KernelVersion
  /** Of which a program's tag is the first eight bytes. */
  readonly tagHash: (bytes: Uint8Array) => Uint8Array
  /** A program that is bound to a device, attached in the driver. */
  readonly withoutHwMode: string
  /** The core's own text for a program of another device; before it had one, drivers were asked. */
  readonly otherDevice: string | undefined
}

export const kernelVersions: Readonly<Record<KernelVersion, VersionFacts>> = {
  '6.1': {
    version: '6.1',
    tagHash: sha1,
    withoutHwMode: 'Using device-bound program without HW_MODE flag is not supported',
    otherDevice: undefined,
  },
  '6.18': {
    version: '6.18',
    tagHash: sha256,
    withoutHwMode: 'Using offloaded program without HW_MODE flag is not supported',
    otherDevice: 'Program bound to different device',
  },
}
