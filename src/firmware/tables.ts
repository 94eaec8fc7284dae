// The maps that live on the card: tables in external memory, named by a number. They are the same byte layout as the host's maps, in one
// linear memory that the chip sees as its external memory: the address of a value is what a lookup gives to the program.

import { E2BIG, EBADFD, EEXIST, EINVAL, EIO, ENOENT, ENOMEM } from '../bpf/errno.ts'
import { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH } from '../bpf/map-type-table.ts'
import { SyscallError } from '../errors.ts'
import { type BpfMap, createMap, freeMap, type Memory } from '../maps/index.ts'

/** Result codes of control messages. */
export const RC = { OK: 0, BAD_TABLE: 1, NO_ENTRY: 2, INVALID: 3, IO: 4, EXISTS: 5, NO_MEMORY: 6, TOO_BIG: 7 } as const

/** Errno of each result code, as the driver reads them. */
export const rcErrno: readonly number[] = [0, EBADFD, ENOENT, EINVAL, EIO, EEXIST, ENOMEM, E2BIG]

export function rcOf(errno: number): number {
  const rc = rcErrno.indexOf(Math.abs(errno))
  return rc < 0 ? RC.IO : rc
}

export interface TableLimits {
  /** Bit n = maps of type n. */
  readonly types: number
  readonly maxMaps: number
  readonly maxElements: number
  readonly maxKeyBytes: number
  readonly maxValueBytes: number
  /** Key and value, each rounded up to 8. */
  readonly maxElementBytes: number
}

export interface TableRequest {
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
}

const supported = (1 << BPF_MAP_TYPE_HASH) | (1 << BPF_MAP_TYPE_ARRAY)

function round8(bytes: number): number {
  return (bytes + 7) & ~7
}

export class Tables {
  readonly memory: Memory
  readonly limits: TableLimits
  readonly #first: number
  readonly #maps: (BpfMap | undefined)[] = []
  #count = 0
  #elements = 0

  /** `first` is the number of the first table. */
  constructor(memory: Memory, limits: TableLimits, first = 1) {
    this.memory = memory
    this.limits = limits
    this.#first = first
  }

  /** Tables in use. */
  get count(): number {
    return this.#count
  }

  get(id: number): BpfMap | undefined {
    return this.#maps[id - this.#first]
  }

  /** Number of the new table in `id`, or a result code. */
  alloc(request: TableRequest): { readonly rc: number; readonly id: number } {
    const { limits } = this
    const { type, keySize, valueSize, maxEntries, flags } = request
    const refuse = (rc: number): { rc: number; id: number } => ({ rc, id: 0 })
    if (type > 31 || ((limits.types & supported) >>> type) % 2 === 0) return refuse(RC.INVALID)
    if (flags !== 0 || keySize === 0 || valueSize === 0 || maxEntries === 0) return refuse(RC.INVALID)
    if (keySize > limits.maxKeyBytes || valueSize > limits.maxValueBytes) return refuse(RC.NO_MEMORY)
    if (round8(keySize) + round8(valueSize) > limits.maxElementBytes) return refuse(RC.NO_MEMORY)
    if (this.#count >= limits.maxMaps || maxEntries > limits.maxElements - this.#elements) return refuse(RC.NO_MEMORY)
    let map: BpfMap
    try {
      map = createMap(this.memory, { name: '', type, keySize, valueSize, maxEntries, flags })
    } catch (error) {
      if (error instanceof SyscallError) return refuse(rcOf(error.errno))
      throw error
    }
    let slot = this.#maps.indexOf(undefined)
    if (slot < 0) slot = this.#maps.length
    this.#maps[slot] = map
    this.#count++
    this.#elements += maxEntries
    return { rc: RC.OK, id: slot + this.#first }
  }

  free(id: number): number {
    const map = this.get(id)
    if (map === undefined) return RC.BAD_TABLE
    freeMap(map)
    this.#maps[id - this.#first] = undefined
    this.#count--
    this.#elements -= map.maxEntries
    return RC.OK
  }
}
