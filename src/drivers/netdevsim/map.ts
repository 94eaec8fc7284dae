import { E2BIG, EEXIST, EINVAL, ENOENT } from '../../bpf/errno.ts'
import { BPF_EXIST, BPF_MAP_TYPE_ARRAY, BPF_NOEXIST } from '../../bpf/map-type-table.ts'
import type { MapSpec } from '../../bpf/program.ts'
import type { DeviceMap } from '../../kernel/netdev.ts'

/** Two slots for entries; an array has both from the beginning, whatever its size is. */
export class NetdevsimMap implements DeviceMap {
  readonly spec: MapSpec
  readonly #slots: ({ readonly key: Uint8Array; value: Uint8Array } | undefined)[] = [undefined, undefined]

  constructor(spec: MapSpec) {
    this.spec = spec
    if (spec.type !== BPF_MAP_TYPE_ARRAY) return
    for (let i = 0; i < this.#slots.length; i++) {
      const key = new Uint8Array(spec.keySize)
      key[0] = i
      this.#slots[i] = { key, value: new Uint8Array(spec.valueSize) }
    }
  }

  lookup(key: Uint8Array): Uint8Array | number {
    return this.#find(key)?.value.slice() ?? -ENOENT
  }

  update(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length !== this.spec.keySize || value.length !== this.spec.valueSize) return -EINVAL
    if (flags < 0 || flags > BPF_EXIST) return -EINVAL
    const found = this.#find(key)
    if (found !== undefined && flags === BPF_NOEXIST) return -EEXIST
    if (found === undefined && flags === BPF_EXIST) return -ENOENT
    if (found !== undefined) {
      found.value = value.slice()
      return 0
    }
    const free = this.#slots.indexOf(undefined)
    if (free < 0) return -E2BIG
    this.#slots[free] = { key: key.slice(), value: value.slice() }
    return 0
  }

  remove(key: Uint8Array): number {
    if (this.spec.type === BPF_MAP_TYPE_ARRAY) return -EINVAL
    const at = this.#slots.findIndex(slot => slot !== undefined && same(slot.key, key))
    if (at < 0) return -ENOENT
    this.#slots[at] = undefined
    return 0
  }

  /** A key that isn't there starts at the first again. */
  nextKey(key: Uint8Array | undefined): Uint8Array | number {
    const at = key === undefined ? -1 : this.#slots.findIndex(slot => slot !== undefined && same(slot.key, key))
    const next = this.#slots.find((slot, i) => i > at && slot !== undefined)
    return next?.key.slice() ?? -ENOENT
  }

  free(): void {
    this.#slots.fill(undefined)
  }

  #find(key: Uint8Array): { readonly key: Uint8Array; value: Uint8Array } | undefined {
    return this.#slots.find(slot => slot !== undefined && same(slot.key, key))
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
