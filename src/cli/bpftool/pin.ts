import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { ENOENT } from '../../bpf/errno.ts'
import type { Pin } from '../../kernel/pins.ts'
import { strerror } from '../errno.ts'
import type { Tool } from './tool.ts'
import { BpftoolError, statusOf } from './words.ts'

/** Makes sure that a pin's folder is one of the BPF file system, and mounts it there when the machine has such a folder. */
export function mountFor(tool: Tool, path: string): void {
  const folder = dirname(path)
  const { bpffs } = tool.kernel
  if (bpffs.isFolder(folder)) return
  if (tool.noMount) throw new BpftoolError('no BPF file system found, not mounting it due to --nomount option')
  if (!existsSync(folder) || folder === '/') {
    const why = `mount --make-private ${folder} failed: ${strerror(ENOENT)}`
    throw new BpftoolError(`can't mount BPF file system to pin the object (${path}): ${why}`)
  }
  bpffs.mount(folder)
}

/** Pins as `pin` and `create` do. */
export function pinAt(tool: Tool, path: string, pin: Pin): void {
  mountFor(tool, path)
  const error = tool.kernel.bpffs.pin(path, pin)
  if (error !== 0) throw new BpftoolError(`can't pin the object (${path}): ${strerror(-error)}`, statusOf(error))
}
