// What the arguments of one helper call have told, for the arguments after them and for the result. One object serves all calls, since
// calls don't nest.

export class CallMeta {
  /** The helper's id. */
  func = 0
  /** Index of the map that is the call's, and the id that tells inner maps of one outer map apart; -1: no map yet. */
  map = -1
  mapUid = 0
  /** The memory argument at hand is written and never read. */
  raw = false
  /** Register and bytes of raw memory on the stack, to be marked as written when all arguments are well. */
  rawReg = 0
  rawBytes = 0
  /** Largest value of the last size argument, as it limits some results. */
  maxSize = 0
  /** Reference that an argument carries. */
  refId = 0
  /** Register that is released by the call; 0: none. */
  releaseReg = 0
  /** Bytes of the memory that is returned. */
  memBytes = 0
  /** Subprogram that is called back. */
  subprog = -1
  /** Key of a lookup that is known; -1: not known. */
  constKey = 0
  dynptrId = 0
  /** Type of the per-CPU variable behind a pointer. */
  btf = 0
  btfId = 0

  reset(func: number): void {
    this.func = func
    this.map = -1
    this.mapUid = 0
    this.raw = false
    this.rawReg = 0
    this.rawBytes = 0
    this.maxSize = 0
    this.refId = 0
    this.releaseReg = 0
    this.memBytes = 0
    this.subprog = -1
    this.constKey = 0
    this.dynptrId = 0
    this.btf = 0
    this.btfId = 0
  }
}
