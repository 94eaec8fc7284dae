// BTF objects: type information that programs and maps were loaded with. What came from one object file is one BTF object, told by
// the identity of its bytes.

export interface BtfObject {
  readonly id: number
  readonly bytes: Uint8Array
}

export class BtfTable {
  readonly objects: Map<number, BtfObject> = new Map()
  #next = 1

  /** The object of these bytes; `id` is for the restoration of a session. */
  load(bytes: Uint8Array, id?: number): BtfObject {
    for (const object of this.objects.values()) if (object.bytes === bytes) return object
    const object = { id: id ?? this.#next, bytes }
    this.#next = Math.max(this.#next, object.id + 1)
    this.objects.set(object.id, object)
    return object
  }

  get next(): number {
    return this.#next
  }

  set next(id: number) {
    this.#next = id
  }
}
