// The rules of attaching XDP programs to an interface, which hold for every driver; the driver's own come after them. The order decides
// which reason is told.

import { EBUSY, EEXIST, EINVAL, EOPNOTSUPP } from '../bpf/errno.ts'
import { BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP, BPF_XDP_DEVMAP } from '../bpf/prog-type-table.ts'
import type { Extack, Netdev, XdpMode } from './netdev.ts'
import type { LoadedProgram } from './program.ts'

export interface AttachOptions {
  /** Take the place of a program that is attached in the same mode (`ip -force`). Default false. */
  readonly replace?: boolean
  /** Only if exactly this program is attached in the mode, `none` for no program. */
  readonly expected?: LoadedProgram | 'none'
}

/** Where a program goes that is given no mode: into the driver, where there is one that knows XDP. */
export function defaultMode(netdev: Netdev): XdpMode {
  return netdev.ops.modes.length > 0 ? 'driver' : 'generic'
}

/**
 * Attaches a program, or detaches with `undefined`; without a mode in the default one. Gives 0 or a negative errno; the reason, where
 * Linux gives one, is in `extack`.
 */
export function attachXdp(
  netdev: Netdev,
  program: LoadedProgram | undefined,
  mode: XdpMode | undefined,
  extack: Extack,
  options: AttachOptions = {},
): number {
  const { xdp, ops, version } = netdev
  const refuse = (errno: number, message?: string): number => {
    extack.message = message
    return -errno
  }
  const into = mode ?? defaultMode(netdev)
  if (program !== undefined) {
    if (program.program.type !== BPF_PROG_TYPE_XDP) return refuse(EINVAL)
    if (program.bound !== undefined && into === 'generic') return refuse(EINVAL)
  }
  if (mode === undefined && xdp.size > 1) return refuse(EINVAL, 'More than one program loaded, unset mode is ambiguous')
  const old = xdp.get(into)
  const { expected } = options
  if (expected !== undefined && old !== (expected === 'none' ? undefined : expected))
    return refuse(EEXIST, 'Active program does not match expected')
  if (program !== undefined) {
    if (old !== undefined && options.replace !== true && expected === undefined)
      return refuse(EBUSY, 'XDP program already attached')
    const other = into === 'generic' ? 'driver' : 'generic'
    if (into !== 'offload' && xdp.has(other)) return refuse(EEXIST, "Native and generic XDP can't be active at the same time")
    if (into !== 'offload' && program.bound !== undefined) return refuse(EINVAL, version.withoutHwMode)
    if (version.otherDevice !== undefined && program.bound !== undefined && !sameDevice(program, netdev))
      return refuse(EINVAL, version.otherDevice)
    const { expectedAttachType } = program.program
    if (expectedAttachType === BPF_XDP_DEVMAP) return refuse(EINVAL, 'BPF_XDP_DEVMAP programs can not be attached to a device')
    if (expectedAttachType === BPF_XDP_CPUMAP) return refuse(EINVAL, 'BPF_XDP_CPUMAP programs can not be attached to a device')
  }
  // Drivers are not called when nothing changes.
  if (program === old) return 0
  if (into !== 'generic') {
    if (ops.modes.length === 0) return refuse(EOPNOTSUPP, 'Underlying driver does not support XDP in native mode')
    const error = ops.setupXdp(into, program, extack)
    if (error !== 0) return error
  }
  if (program === undefined) xdp.delete(into)
  else xdp.set(into, program)
  return 0
}

/** Whether a program can run on an interface: it was bound to it, or to another one of the same device. */
export function sameDevice(program: LoadedProgram, netdev: Netdev): boolean {
  const { bound } = program
  return bound !== undefined && !bound.orphaned && bound.netdev.ops.offload === netdev.ops.offload
}

/** Changes the MTU, unless attached programs can't bear it: 0 or a negative errno. */
export function changeMtu(netdev: Netdev, mtu: number, extack: Extack): number {
  const most = netdev.ops.link?.maxMtu?.() ?? MAX_MTU
  if (mtu < MIN_MTU) {
    extack.message = 'mtu less than device minimum'
    return -EINVAL
  }
  if (mtu > most) {
    extack.message = 'mtu greater than device maximum'
    return -EINVAL
  }
  const error = netdev.ops.changeMtu(mtu)
  if (error === 0) netdev.mtu = mtu
  return error
}

export const MIN_MTU = 68
export const MAX_MTU = 65535
