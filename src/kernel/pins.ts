// The BPF file system: names that keep programs, maps and links alive. It is a tree of its own, not the machine's; a path outside of
// /sys/fs/bpf belongs to it once somebody has mounted it there.

import { EEXIST, EINVAL, ENOENT, EPERM } from '../bpf/errno.ts'
import type { LoadedMap } from './map.ts'
import type { LoadedProgram } from './program.ts'

export const BPFFS = '/sys/fs/bpf'

export type Pin = { readonly kind: 'prog'; readonly prog: LoadedProgram } | { readonly kind: 'map'; readonly map: LoadedMap }

export class Bpffs {
  /** Where it is mounted. */
  readonly mounts: Set<string> = new Set([BPFFS])
  readonly folders: Set<string> = new Set()
  readonly pins: Map<string, Pin> = new Map()

  /** Whether this folder is one of the BPF file system. */
  isFolder(path: string): boolean {
    const at = normal(path)
    return this.mounts.has(at) || this.folders.has(at)
  }

  mount(path: string): void {
    this.mounts.add(normal(path))
  }

  /** 0 or a negative errno, as of all that follow. Names with a dot are refused: the file system reserves them. */
  mkdir(path: string): number {
    const error = this.#free(path)
    if (error === 0) this.folders.add(normal(path))
    return error
  }

  pin(path: string, pin: Pin): number {
    const error = this.#free(path)
    if (error === 0) this.pins.set(normal(path), pin)
    return error
  }

  get(path: string): Pin | undefined {
    return this.pins.get(normal(path))
  }

  /** Removes a pin, an empty folder, or with `recursive` a folder with all below. */
  remove(path: string, recursive = false): number {
    const at = normal(path)
    if (this.pins.delete(at)) return 0
    if (!this.isFolder(at)) return -ENOENT
    const below = this.list(at)
    if (below.length > 0 && !recursive) return -ENOTEMPTY
    for (const each of below) {
      this.pins.delete(each)
      this.folders.delete(each)
    }
    this.folders.delete(at)
    return 0
  }

  /** All paths below a folder, sorted. */
  list(path: string): string[] {
    const prefix = `${normal(path)}/`.replace('//', '/')
    return [...this.pins.keys(), ...this.folders].filter(each => each.startsWith(prefix)).sort()
  }

  #free(path: string): number {
    const at = normal(path)
    if (this.pins.has(at) || this.isFolder(at)) return -EEXIST
    if (!this.isFolder(parentOf(at))) return -ENOENT
    const name = at.slice(at.lastIndexOf('/') + 1)
    if (name === '') return -EINVAL
    return name.includes('.') ? -EPERM : 0
  }
}

const ENOTEMPTY = 39

/** Without empty parts, `.` and `..`; a relative path is taken from the root. */
export function normal(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

export function parentOf(path: string): string {
  const at = normal(path)
  return at.slice(0, Math.max(1, at.lastIndexOf('/')))
}
