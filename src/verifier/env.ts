// Everything that the passes of one verification share: the program, its maps, the log, and what is known per instruction and per
// subprogram. Facts per instruction are typed arrays indexed by slot. A refusal is thrown: `env.reject(errno, text)` writes the text into
// the log and unwinds to verify(), which turns it into a Verdict.

import type { Insns } from '../bpf/insns.ts'
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_DEVMAP_HASH } from '../bpf/map-type-table.ts'
import {
  BPF_F_ANY_ALIGNMENT,
  BPF_F_SLEEPABLE,
  BPF_F_STRICT_ALIGNMENT,
  BPF_F_TEST_REG_INVARIANTS,
  BPF_F_TEST_STATE_FREQ,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_XDP,
} from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import type { LineTable } from '../btf/lines.ts'
import type { Btf } from '../btf/parse.ts'
import { type CtxAccess, ctxAccessOf } from './ctx-table.ts'
import type { DeviceHooks, Target } from './device.ts'
import type { Explored } from './explored.ts'
import { type Flow, flowOf } from './flow.ts'
import { LOG_LEVEL, LOG_LEVEL2, Log } from './log.ts'
import type { Path } from './paths.ts'
import { REG_WORDS } from './reg.ts'
import type { StackWatch } from './stack-watch.ts'
import { type Frame, State, StatePool } from './state.ts'

export interface VerifyOptions {
  /** Default: the host. */
  readonly target?: Target
  /** Sum of 1 (the failing path), 2 (everything), 4 (statistics), 8 (keep the beginning of a log that does not fit); default 1. */
  readonly logLevel?: number
  readonly kernel?: '6.18'
  /** CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN; default true. */
  readonly privileged?: boolean
  /** Bytes of the buffer for the log, with a terminating zero; default 64 MiB. A longer log is cut, and gives ENOSPC. */
  readonly logSize?: number
  /** A refusal comes with what led to it; default false. */
  readonly explain?: boolean
}

/** Thrown by `env.reject`; never leaves the verifier. */
export class Reject {
  readonly errno: number
  readonly insn: number

  constructor(errno: number, insn: number) {
    this.errno = errno
    this.insn = insn
  }
}

// Bits of `Env.marks`.
export const PRUNE_POINT = 1
export const JMP_POINT = 2
export const FORCE_CHECKPOINT = 4
export const CALLS_CALLBACK = 8
/** The instruction takes part in an iterator's `next` call. */
export const ITER_NEXT = 16

export interface Subprog {
  /** First instruction; the next subprogram's start is the end. */
  readonly start: number
  /** Name from BTF, '' without. */
  name: string
  /** Type id of the FUNC in the program's BTF, 0 without. */
  typeId: number
  /** Bytes of stack, a multiple of 8, without rounding. */
  stackDepth: number
  hasTailCall: boolean
  tailCallReachable: boolean
  hasLdAbs: boolean
  isCallback: boolean
  isAsyncCallback: boolean
  isExceptionCallback: boolean
  isGlobal: boolean
  /** A global function that something reaches and that is to be verified by itself. */
  called: boolean
  changesPktData: boolean
  mightSleep: boolean
  /** Lowest stack offset that only bpf_fastcall spills use; 0: none. */
  fastcallStackOff: number
  keepFastcallStack: boolean
  /** 1 + index of the subprogram's last instruction in the postorder of its first run. */
  postorderStart: number
  exitInsn: number
}

export interface FuncInfo {
  readonly insn: number
  readonly type: number
}

export function newSubprog(start: number): Subprog {
  return {
    start,
    name: '',
    typeId: 0,
    stackDepth: 0,
    hasTailCall: false,
    tailCallReachable: false,
    hasLdAbs: false,
    isCallback: false,
    isAsyncCallback: false,
    isExceptionCallback: false,
    isGlobal: false,
    called: false,
    changesPktData: false,
    mightSleep: false,
    fastcallStackOff: 0,
    keepFastcallStack: false,
    postorderStart: 0,
    exitInsn: 0,
  }
}

export class Env {
  readonly program: Program
  readonly insns: Insns
  readonly count: number
  /** The program's maps; inner maps are appended when a load from an outer map yields one. */
  readonly maps: MapSpec[]
  /** Number of maps that the program itself refers to (the first of `maps`). */
  readonly ownMaps: number
  readonly target: Target
  /** The device's hooks; null unless the program is offloaded. */
  readonly hooks: DeviceHooks | null
  readonly privileged: boolean
  readonly log: Log
  /** Whether the log shows instructions and states (at level 2: of all paths, and why); only then is text worth making. */
  readonly logging: boolean
  readonly logging2: boolean
  readonly progType: number
  readonly attachType: number
  readonly strictAlignment: boolean
  readonly testStateFreq: boolean
  readonly testRegInvariants: boolean
  readonly sleepable: boolean
  readonly gpl: boolean

  /** The context's fields; undefined for program types that are not known. */
  readonly ctx: CtxAccess | undefined
  /** Programs of this type may store to the packet. */
  readonly writesPacket: boolean

  // --- per instruction ---
  readonly marks: Uint8Array
  /** How often the simulation came by, saturating at 255; speculative visits don't count. */
  readonly seen: Uint8Array
  /** 1: the 32-bit result is later read as 64 bit. */
  readonly zext: Uint8Array
  /** R_TYPE of the pointer that a load or store went through (0: not seen yet). */
  readonly ptrType: Int32Array
  /** Registers that are read later, a bit each, before the instruction. */
  readonly liveRegs: Uint16Array
  /** Strongly connected component of the control-flow graph, 0: none. */
  readonly scc: Int32Array
  /** Subprogram that the instruction belongs to. */
  readonly subprogOf: Int32Array
  /** Of the first slot of an ld_imm64: index into `maps`, -1 where it is no map reference. */
  readonly mapOf: Int32Array
  /** Offset into the value that such a reference points at. */
  readonly mapOffset: Int32Array
  /** Of helper calls whose map is remembered: index into `maps`; -1: none, -2: paths give different ones. */
  readonly callMap: Int32Array
  /** Of kernel function calls on the program's own objects: the type in the program's BTF where it has special fields, else 0. */
  readonly callObject: Int32Array
  /** Of such calls: bytes of a new object, or where in an object the node is that goes into a list or tree. */
  readonly callNumber: Int32Array
  readonly fastcallPattern: Uint8Array
  readonly fastcallSpills: Uint8Array
  /** Of a jump, in post passes: 1 = made unconditional to its target, 2 = made a no-op, 4 = removed. */
  readonly rewritten: Uint8Array

  // --- per program ---
  /** The program's BTF and line info, once check_btf_info has read them; null where the load has none. */
  btf: Btf | null = null
  lines: LineTable | null = null
  /** func_info of the load: where functions begin and the BTF type id of each. */
  funcInfo: readonly FuncInfo[] = []
  /** Names of the BTF types that registers refer to: R_BTF_ID of a register is an index into it. */
  readonly typeNames: string[] = ['']
  /** By call of bpf_loop: the one subprogram that it calls back, with flags that are zero; -1: not so. */
  readonly loopCallbacks: Map<number, number> = new Map()
  /** Successors of each instruction. */
  readonly flow: Flow
  subprogs: Subprog[] = []
  /** Instructions in postorder of the control-flow graph. */
  postorder: Int32Array = new Int32Array(0)
  sccCount = 0
  /** Index of the last packet byte that can be touched. */
  maxPacketOffset = 0
  seenDirectWrite = false
  /** The program refers to an arena map. */
  hasArena = false
  changesPktData = false

  // --- the simulation ---
  /** Stack liveness; null before its pass has run. */
  stackWatch: StackWatch | null = null
  /** Branches that wait to be walked, the last one first. */
  paths: Path[] = []
  /** The checkpoints of the run (main program or one global function). */
  explored!: Explored
  readonly pool: StatePool = new StatePool()
  /** The state of the path that is being walked, and its current frame and that frame's registers. */
  state: State = new State()
  frame!: Frame
  regs!: Int32Array
  insn = 0
  prevInsn = -1
  nextId = 0
  processed = 0
  jmpsProcessed = 0
  prevProcessed = 0
  prevJmpsProcessed = 0
  maxStatesPerInsn = 0
  totalStates = 0
  peakStates = 0
  /** Registers R0..R10, and stack slots 0..31 and 32..63, that the state line of the log has to show. */
  scratchedRegs = 0
  scratchedSlotsLo = 0
  scratchedSlotsHi = 0
  /** Word where the history entry of the current instruction begins; -1: it has none yet. */
  historyEntry = -1
  /** Three registers of no frame, for immediates and intermediate results. */
  readonly #inner: Map<number, number> = new Map()
  readonly scratch: Int32Array = new Int32Array(3 * REG_WORDS)

  /** `quiet`: no instructions and states in the log, whatever its level. */
  constructor(program: Program, maps: readonly MapSpec[], options: VerifyOptions, quiet = false) {
    const count = program.insns.count
    this.program = program
    this.insns = program.insns
    this.count = count
    this.maps = maps.map(asCreated)
    this.ownMaps = maps.length
    this.target = options.target ?? { kind: 'host' }
    this.hooks = this.target.kind === 'offloaded' ? this.target.hooks : null
    this.privileged = options.privileged ?? true
    this.log = new Log(options.logLevel ?? 1, (options.logSize ?? 1 << 26) - 1)
    this.logging = (this.log.level & LOG_LEVEL) !== 0 && !quiet
    this.logging2 = (this.log.level & LOG_LEVEL2) !== 0 && !quiet
    this.progType = program.type
    this.attachType = program.expectedAttachType
    // Asking for any alignment wins over asking for a strict one.
    this.strictAlignment = (program.flags & BPF_F_STRICT_ALIGNMENT) !== 0 && (program.flags & BPF_F_ANY_ALIGNMENT) === 0
    this.testStateFreq = (program.flags & BPF_F_TEST_STATE_FREQ) !== 0
    this.testRegInvariants = (program.flags & BPF_F_TEST_REG_INVARIANTS) !== 0
    this.sleepable = (program.flags & BPF_F_SLEEPABLE) !== 0
    this.gpl = GPL.has(program.license)
    this.ctx = ctxAccessOf(program.type, program.expectedAttachType, this.hooks !== null)
    this.writesPacket = directWriters.has(program.type)
    this.marks = new Uint8Array(count)
    this.seen = new Uint8Array(count)
    this.zext = new Uint8Array(count)
    this.ptrType = new Int32Array(count)
    this.liveRegs = new Uint16Array(count)
    this.scc = new Int32Array(count)
    this.subprogOf = new Int32Array(count)
    this.mapOf = new Int32Array(count).fill(-1)
    this.mapOffset = new Int32Array(count)
    this.callMap = new Int32Array(count).fill(-1)
    this.callObject = new Int32Array(count)
    this.callNumber = new Int32Array(count)
    this.fastcallPattern = new Uint8Array(count)
    this.fastcallSpills = new Uint8Array(count)
    this.rewritten = new Uint8Array(count)
    this.flow = flowOf(program.insns)
  }

  /** Text into the log at any level. It ends in a newline, unless more of the line follows. */
  verbose(text: string): void {
    this.log.write(text)
  }

  /** Refuses the program: `text` (one or more lines, no final newline, may be empty) and a positive errno. */
  reject(errno: number, text: string): never {
    if (text !== '') this.log.write(`${text}\n`)
    throw new Reject(errno, this.insn)
  }

  /** Makes a state current. */
  enter(state: State): void {
    this.state = state
    this.setFrame()
  }

  /** After the current state's frames were pushed or popped. */
  setFrame(): void {
    this.frame = this.state.frames[this.state.curframe]!
    this.regs = this.frame.regs
  }

  /** Index into `maps` of the maps inside an outer map; each outer map's are one entry. */
  innerMap(outer: number): number {
    let index = this.#inner.get(outer)
    if (index === undefined) {
      index = this.maps.length
      this.maps.push({ ...this.maps[outer]!.inner!, name: '' })
      this.#inner.set(outer, index)
    }
    return index
  }

  newId(): number {
    return ++this.nextId
  }

  scratchReg(n: number): void {
    this.scratchedRegs |= 1 << n
  }

  scratchSlot(slot: number): void {
    if (slot < 32) this.scratchedSlotsLo |= 1 << slot
    else this.scratchedSlotsHi |= 1 << (slot - 32)
  }

  scratchAll(): void {
    this.scratchedRegs = -1
    this.scratchedSlotsLo = -1
    this.scratchedSlotsHi = -1
  }

  /** End (exclusive) of a subprogram. */
  subprogEnd(n: number): number {
    return this.subprogs[n + 1]?.start ?? this.count
  }
}

const directWriters: ReadonlySet<number> = new Set([BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SCHED_ACT])

// A lookup in a map of devices gives the kernel's own structure, so the kernel makes such maps read-only for programs.
function asCreated(map: MapSpec): MapSpec {
  if (map.type !== BPF_MAP_TYPE_DEVMAP && map.type !== BPF_MAP_TYPE_DEVMAP_HASH) return map
  return { ...map, flags: map.flags | BPF_F_RDONLY_PROG }
}

// The licences that Linux counts as compatible with the GPL.
const GPL = new Set(['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL'])
