// How the driver speaks during a verification, and the little that its checks share.

import { toUnsigned } from '../../bytes/long.ts'
import type { DeviceView, RegView } from '../../verifier/device.ts'
import { SCALAR_VALUE } from '../../verifier/reg.ts'
import type { DeviceVerifier } from './device-verifier.ts'

export function say(view: DeviceView, text: string): void {
  view.log(`[nfp] ${text}\n`)
}

export function refuse(view: DeviceView, errno: number, text: string): number {
  say(view, text)
  return -errno
}

/** A tnum as the kernel prints it. */
export function tnumText(reg: RegView): string {
  const value = toUnsigned(reg.valueLo, reg.valueHi).toString(16)
  const mask = toUnsigned(reg.maskLo, reg.maskHi).toString(16)
  return `(0x${value}; 0x${mask})`
}

export function isConst(reg: RegView): boolean {
  return (reg.maskLo | reg.maskHi) === 0
}

/**
 * What is known of this register decides the code. The verifier prunes paths on which a register that it doesn't need to be exact has
 * another value: only a precise one is the same on all of them. The upstream driver never asks for that.
 */
export function demandPrecise(v: DeviceVerifier, view: DeviceView, reg: number): void {
  if (v.repaired.precision && view.reg(reg).type === SCALAR_VALUE) view.markPrecise?.(reg)
}
