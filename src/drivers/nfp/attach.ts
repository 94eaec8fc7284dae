// What the driver checks when a translated program is put onto a vNIC. The order decides which reason is told.

import { EOPNOTSUPP } from '../../bpf/errno.ts'
import type { Extack } from '../../kernel/netdev.ts'
import type { Firmware } from '../../nfp/profiles.ts'

export interface Attachable {
  /** Index of the last packet byte that the program can touch. */
  readonly maxPacketOffset: number
  readonly stackBytes: number
  /** Machine code. */
  readonly words: number
}

/** Bytes at the beginning of a packet's buffer that are not the packet's. */
const SPLIT_RESERVED = 32

/** Whether packets of this MTU may have bytes that the program touches and that are not in the memory near the engines. */
export function beyondSplit(program: Attachable, firmware: Firmware, mtu: number): boolean {
  return firmware.inlineMtuBytes - SPLIT_RESERVED < Math.min(program.maxPacketOffset, mtu)
}

/** 0 or a negative errno with the driver's text. */
export function checkAttach(program: Attachable, firmware: Firmware, mtu: number, extack: Extack): number {
  const refuse = (text: string): number => {
    extack.message = `nfp: ${text}`
    return -EOPNOTSUPP
  }
  if (beyondSplit(program, firmware, mtu)) {
    return refuse('BPF offload not supported with potential packet access beyond HW packet split boundary')
  }
  if (program.stackBytes > firmware.stackBytes) return refuse('stack too large')
  if (program.words > firmware.maxLength) return refuse('program too long')
  return 0
}
