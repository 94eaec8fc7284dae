// The map types that can be created: what Linux demands of their attributes, how many bytes they take, and the class that opens them.

import * as T from '../bpf/map-type-table.ts'
import type { MapSpec } from '../bpf/program.ts'
import { ArrayMap, PerCpuArrayMap } from './array.ts'
import * as check from './check.ts'
import { DeviceHashMap, HandleArrayMap, HandleHashMap, TargetArrayMap } from './handles.ts'
import { HashMap, PerCpuHashMap } from './hash.ts'
import * as L from './layout.ts'
import type { BpfMap } from './map.ts'
import type { Memory } from './memory.ts'
import { QueueMap } from './queue.ts'
import { RingMap } from './ring.ts'
import { TrieMap } from './trie.ts'

/** Where a map's parts lie: bytes of one element, how many there are, and the words of the header that only some types have. */
export interface Shape {
  readonly stride: number
  readonly elements: number
  readonly buckets?: number
  readonly keyAt?: number
  readonly valueAt?: number
}

export interface MapType {
  readonly type: number
  check(spec: MapSpec): number
  shape(spec: MapSpec, cpus: number): Shape
  readonly open: new (memory: Memory, base: number) => BpfMap
}

function array(spec: MapSpec): Shape {
  return { stride: L.round8(spec.valueSize), elements: spec.maxEntries }
}

function perCpuArray(spec: MapSpec, cpus: number): Shape {
  return { stride: L.round8(spec.valueSize), elements: spec.maxEntries * cpus }
}

function hashOf(spec: MapSpec, cpus: number, values: number, keyAt: number): Shape {
  const valueAt = keyAt + L.round8(spec.keySize)
  const buckets = 2 ** Math.ceil(Math.log2(spec.maxEntries))
  return { stride: valueAt + L.round8(spec.valueSize) * values, elements: spec.maxEntries + cpus, buckets, keyAt, valueAt }
}

/** Bytes before the key in a hash element: next and hash; in LRU types also the order. */
const PLAIN = 8
const ORDERED = 24

const hash = (spec: MapSpec, cpus: number): Shape => hashOf(spec, cpus, 1, PLAIN)
const perCpuHash = (spec: MapSpec, cpus: number): Shape => hashOf(spec, cpus, cpus, PLAIN)
const lru = (spec: MapSpec, cpus: number): Shape => hashOf(spec, cpus, 1, ORDERED)
const perCpuLru = (spec: MapSpec, cpus: number): Shape => hashOf(spec, cpus, cpus, ORDERED)

function trie(spec: MapSpec): Shape {
  const valueAt = 16 + L.round8(spec.keySize - 4)
  // As many forks as entries at most, and one node that replaces another.
  return { stride: valueAt + L.round8(spec.valueSize), elements: 2 * spec.maxEntries + 1, valueAt }
}

function ring(spec: MapSpec): Shape {
  return { stride: 1, elements: spec.maxEntries }
}

export const mapTypes: readonly MapType[] = [
  { type: T.BPF_MAP_TYPE_HASH, check: check.checkHash, shape: hash, open: HashMap },
  { type: T.BPF_MAP_TYPE_ARRAY, check: check.checkArray, shape: array, open: ArrayMap },
  { type: T.BPF_MAP_TYPE_PROG_ARRAY, check: check.checkHandleArray, shape: array, open: HandleArrayMap },
  { type: T.BPF_MAP_TYPE_PERF_EVENT_ARRAY, check: check.checkHandleArray, shape: array, open: HandleArrayMap },
  { type: T.BPF_MAP_TYPE_PERCPU_HASH, check: check.checkHash, shape: perCpuHash, open: PerCpuHashMap },
  { type: T.BPF_MAP_TYPE_PERCPU_ARRAY, check: check.checkArray, shape: perCpuArray, open: PerCpuArrayMap },
  { type: T.BPF_MAP_TYPE_CGROUP_ARRAY, check: check.checkHandleArray, shape: array, open: HandleArrayMap },
  { type: T.BPF_MAP_TYPE_LRU_HASH, check: check.checkHash, shape: lru, open: HashMap },
  { type: T.BPF_MAP_TYPE_LRU_PERCPU_HASH, check: check.checkHash, shape: perCpuLru, open: PerCpuHashMap },
  { type: T.BPF_MAP_TYPE_LPM_TRIE, check: check.checkTrie, shape: trie, open: TrieMap },
  { type: T.BPF_MAP_TYPE_ARRAY_OF_MAPS, check: check.checkHandleArray, shape: array, open: HandleArrayMap },
  { type: T.BPF_MAP_TYPE_HASH_OF_MAPS, check: check.checkHandleHash, shape: hash, open: HandleHashMap },
  { type: T.BPF_MAP_TYPE_DEVMAP, check: check.checkDevices, shape: array, open: TargetArrayMap },
  { type: T.BPF_MAP_TYPE_CPUMAP, check: check.checkCpus, shape: array, open: TargetArrayMap },
  { type: T.BPF_MAP_TYPE_XSKMAP, check: check.checkSockets, shape: array, open: TargetArrayMap },
  { type: T.BPF_MAP_TYPE_QUEUE, check: check.checkQueue, shape: array, open: QueueMap },
  { type: T.BPF_MAP_TYPE_STACK, check: check.checkQueue, shape: array, open: QueueMap },
  { type: T.BPF_MAP_TYPE_DEVMAP_HASH, check: check.checkDevices, shape: hash, open: DeviceHashMap },
  { type: T.BPF_MAP_TYPE_RINGBUF, check: check.checkRing, shape: ring, open: RingMap },
]
