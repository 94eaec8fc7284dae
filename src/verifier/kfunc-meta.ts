// What the arguments of one call of a kernel function have told, for later arguments and for the result.

import type { Contained } from './graph.ts'
import type { IterPlace } from './iter.ts'
import type { Kfunc } from './kfunc.ts'

export class KfuncMeta {
  readonly kfunc: Kfunc
  /** Reference that an argument carries; register that is released by the call, 0: none. */
  ref = 0
  releaseReg = 0
  /** Value of the argument that must be a known constant, low and high word. */
  constant: readonly [number, number] | undefined
  /** An initialised dynptr among the arguments. */
  dynptr: { readonly id: number; readonly kind: number; readonly ref: number } | undefined
  /** Index of a map argument, -1: none yet. */
  map = -1
  mapUid = 0
  iter: IterPlace | undefined
  /** List or tree that the call works on. */
  root: Contained | undefined
  /** Callback. */
  subprog = -1
  /** Type id of an allocated object among the arguments. */
  objectType = 0
  /** bpf_refcount_acquire of an owning reference can't fail. */
  isOwned = false
  /** Structure of the program's context in the kernel. */
  contextStruct = ''

  constructor(kfunc: Kfunc) {
    this.kfunc = kfunc
  }
}
