// Making a map from its description in a memory, opening one that another thread or the other side made, and giving it back.

import { EINVAL, ENOMEM, EOPNOTSUPP } from '../bpf/errno.ts'
import { mapTypeNames } from '../bpf/map-type-table.ts'
import type { MapSpec } from '../bpf/program.ts'
import { NicwrightError, SyscallError } from '../errors.ts'
import { checkCommon, checkName } from './check.ts'
import * as L from './layout.ts'
import { type BpfMap, scratchBytes } from './map.ts'
import type { Memory } from './memory.ts'
import { type MapType, mapTypes } from './type-table.ts'

export interface MapOptions {
  /** CPUs that per-CPU types keep values for. */
  readonly cpus?: number
  /** Offset of a bpf_spin_lock in the value, if its type has one. */
  readonly spinLock?: number
}

/** 0, or the negative errno with which Linux refuses these attributes. */
export function checkMap(spec: MapSpec): number {
  const kind = find(spec.type)
  return checkCommon(spec) || (kind === undefined ? -EINVAL : kind.check(spec)) || checkName(spec.name)
}

function find(type: number): MapType | undefined {
  return mapTypes.find(kind => kind.type === type)
}

/** Makes a map with its `init` contents; SyscallError with Linux's errno when its attributes are refused. */
export function createMap(memory: Memory, spec: MapSpec, options: MapOptions = {}): BpfMap {
  const cpus = options.cpus ?? 1
  const refuse = (error: number, why: string): SyscallError =>
    new SyscallError('map/create', -error, { message: `map ${spec.name || '(unnamed)'}: ${why}` })
  const kind = find(spec.type)
  const known = mapTypeNames[spec.type]
  if (kind === undefined && known !== undefined && spec.type !== 0)
    throw refuse(-EOPNOTSUPP, `maps of type ${known} have no contents outside the kernel`)
  const error = checkMap(spec)
  if (error !== 0 || kind === undefined)
    throw refuse(error, `Linux refuses a ${known ?? `type ${spec.type}`} map with these attributes`)

  const shape = kind.shape(spec, cpus)
  const scratch = scratchBytes(spec.keySize, L.round8(spec.valueSize) * cpus)
  const buckets = L.HEADER_BYTES + scratch
  const elements = buckets + L.round8((shape.buckets ?? 0) * 4)
  const bytes = elements + L.round8(shape.stride * shape.elements)
  const base = memory.tryAlloc(bytes)
  if (base === 0) throw refuse(-ENOMEM, `${bytes} bytes do not fit in guest memory`)

  const words = memory.u32
  const set = (at: number, value: number): void => {
    words[(base + at) >>> 2] = value
  }
  set(L.H_TYPE, spec.type)
  set(L.H_KEY_SIZE, spec.keySize)
  set(L.H_VALUE_SIZE, spec.valueSize)
  set(L.H_MAX_ENTRIES, spec.maxEntries)
  set(L.H_FLAGS, spec.flags)
  set(L.H_CPUS, cpus)
  set(L.H_ELEMENTS, base + elements)
  set(L.H_ELEMENTS_END, base + bytes)
  set(L.H_STRIDE, shape.stride)
  set(L.H_KEY_AT, shape.keyAt ?? 0)
  set(L.H_VALUE_AT, shape.valueAt ?? 0)
  set(L.H_BUCKETS, base + buckets)
  set(L.H_MASK, (shape.buckets ?? 1) - 1)
  set(L.H_FRESH, base + elements)
  set(L.H_SPIN_LOCK, (options.spinLock ?? -1) + 1)
  set(L.H_BYTES, bytes)

  const map = new kind.open(memory, base)
  fill(map, spec)
  return map
}

/** Contents that the description itself gives. A value of one CPU's size stands for every CPU; of longer ones bpf(2) reads the beginning. */
function fill(map: BpfMap, spec: MapSpec): void {
  for (const { key, value } of spec.init ?? []) {
    const whole = map.perCpu && value.length === map.valueSize ? spread(map, value) : value.subarray(0, map.userValueBytes)
    const error = map.set(key.subarray(0, map.keySize), whole)
    if (error !== 0) throw new SyscallError('map/init', -error, { message: `map ${spec.name}: an initial entry is refused` })
  }
}

/** The control plane's form of a per-CPU value that is the same on every CPU. */
export function spread(map: BpfMap, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(map.userValueBytes)
  for (let at = 0; at < out.length; at += L.round8(map.valueSize)) out.set(value, at)
  return out
}

/** Another handle for a map that lies in this memory at `base`. */
export function openMap(memory: Memory, base: number, cpu = 0): BpfMap {
  memory.refresh()
  const type = base % 8 === 0 && base + L.HEADER_BYTES <= memory.top ? memory.u32[(base + L.H_TYPE) >>> 2]! : 0
  const kind = find(type)
  if (kind === undefined) throw new NicwrightError('map/none', { message: `there is no map at address ${base}` })
  const map = new kind.open(memory, base)
  map.cpu = cpu
  return map
}

/** Gives a map's memory back: no handle of it may be used from then on. */
export function freeMap(map: BpfMap): void {
  const { memory, base } = map
  const bytes = memory.u32[(base + L.H_BYTES) >>> 2]!
  memory.u32[(base + L.H_TYPE) >>> 2] = 0
  memory.free(base, bytes)
}
