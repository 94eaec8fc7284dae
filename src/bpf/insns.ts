// A program's instructions as a structure of arrays, one element a slot (an ld_imm64 takes two slots): plain data that can be
// sent to a worker, and that hot loops read without an object per instruction.

/** eBPF slots. `code` is the opcode byte, `dst`/`src` the register numbers 0..15, `off` s16, `imm` s32. */
export interface Insns {
  readonly count: number
  readonly code: Uint8Array
  readonly dst: Uint8Array
  readonly src: Uint8Array
  readonly off: Int16Array
  readonly imm: Int32Array
}

export function newInsns(count: number): Insns {
  return {
    count,
    code: new Uint8Array(count),
    dst: new Uint8Array(count),
    src: new Uint8Array(count),
    off: new Int16Array(count),
    imm: new Int32Array(count),
  }
}
