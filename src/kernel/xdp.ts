// The rules of attaching XDP programs to an interface, which hold for every driver; the driver's own come after them.

import { EBUSY, EEXIST, EINVAL, EOPNOTSUPP } from '../bpf/errno.ts'
import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { Extack, Netdev, XdpMode } from './netdev.ts'
import type { LoadedProgram } from './program.ts'

export interface AttachOptions {
  /** Take the place of a program that is attached in the same mode (`ip -force`). Default false. */
  readonly replace?: boolean
}

/** Attaches a program, or detaches with `undefined`. Gives 0 or a negative errno; the reason, where Linux gives one, is in `extack`. */
export function attachXdp(
  netdev: Netdev,
  program: LoadedProgram | undefined,
  mode: XdpMode,
  extack: Extack,
  options: AttachOptions = {},
): number {
  const { xdp, ops } = netdev
  const refuse = (errno: number, message?: string): number => {
    extack.message = message
    return -errno
  }
  const old = xdp.get(mode)
  if (program === undefined) {
    if (old === undefined) return 0
    if (mode !== 'generic') {
      const error = ops.setupXdp(mode, undefined, extack)
      if (error !== 0) return error
    }
    xdp.delete(mode)
    return 0
  }
  if (program.program.type !== BPF_PROG_TYPE_XDP) return refuse(EINVAL)
  if (old !== undefined && options.replace !== true) return refuse(EBUSY, 'XDP program already attached')
  if ((mode === 'generic' && xdp.has('driver')) || (mode === 'driver' && xdp.has('generic'))) {
    return refuse(EEXIST, "Native and generic XDP can't be active at the same time")
  }
  if (program.bound !== undefined) {
    if (mode === 'driver') return refuse(EINVAL, 'Using device-bound program without HW_MODE flag is not supported')
    if (mode === 'generic') return refuse(EINVAL)
  }
  if (mode !== 'generic') {
    if (!ops.modes.includes(mode)) return refuse(EOPNOTSUPP, 'Underlying driver does not support XDP in native mode')
    const error = ops.setupXdp(mode, program, extack)
    if (error !== 0) return error
  }
  xdp.set(mode, program)
  return 0
}
