// Calls: helper ids become addresses of functions, lookups in maps whose type is known become their own function or stand in the program, and
// a few helpers are so small that they do too. Each of these replacements can be switched off; the helper is called then.

import { BPF_MAP_TYPE_PERF_EVENT_ARRAY } from '../bpf/map-type-table.ts'
import { BPF_ATOMIC, BPF_DW, BPF_STX, BPF_W, BPF_XCHG } from '../bpf/opcode.ts'
import type { Verified } from '../verifier/verdict.ts'
import { helperSymbol, mapSymbol } from './helper-symbols.ts'
import { inlineLookup } from './lookup.ts'
import { callKernel, load, loadAddress, mov64, mov64Imm, movPerCpu, R0, R1, R2, type Step, step } from './step.ts'
import type { Switches } from './switches.ts'
import { NO_FUNCTION, symbolAddress, THIS_PROGRAM } from './symbols.ts'

const MAP_LOOKUP = 1
/** Lookup, update, delete, redirect, push, pop, peek, for_each and lookup of one processor: operations of a map's type. */
const mapHelpers: ReadonlySet<number> = new Set([1, 2, 3, 51, 87, 88, 89, 164, 195])
const GET_SMP_PROCESSOR_ID = 8
const TAIL_CALL = 12
const JIFFIES64 = 118
const TIMER_SET_CALLBACK = 170
const KPTR_XCHG = 194
/** Helpers that create storage: how they may allocate is a hidden fifth argument. */
const storageGet: ReadonlySet<number> = new Set([107, 145, 156, 210])
const GFP_ATOMIC = 0x820
const GFP_KERNEL = 0xcc0
const BPF_F_SLEEPABLE = 1 << 4

/** `call`: slot of the user's program. */
export function expandHelper(verified: Verified, insn: Step, call: number, switches: Switches): Step[] {
  const id = insn.imm
  const { type, flags } = verified.program
  if (id === TAIL_CALL) return [insn]
  const plain = callKernel(helperSymbol(id, type))
  if (id === TIMER_SET_CALLBACK) return [...loadAddress(3, THIS_PROGRAM), plain]
  if (storageGet.has(id)) return [mov64Imm(5, (flags & BPF_F_SLEEPABLE) !== 0 ? GFP_KERNEL : GFP_ATOMIC), plain]
  const own = mapCall(verified, id, call, switches)
  if (own !== undefined) return own
  if (switches['inline-helpers']) {
    if (id === GET_SMP_PROCESSOR_ID) {
      return [
        { ...mov64Imm(R0, symbolAddress('cpu_number').low), symbol: 'cpu_number' },
        movPerCpu(R0, R0),
        load(BPF_W, R0, R0, 0),
      ]
    }
    if (id === JIFFIES64) return [...loadAddress(R0, 'jiffies'), load(BPF_DW, R0, R0, 0)]
    if (id === KPTR_XCHG) return [mov64(R0, R2), step(BPF_STX | BPF_ATOMIC | BPF_DW, R1, R0, 0, BPF_XCHG)]
  }
  return [plain]
}

function mapCall(verified: Verified, id: number, call: number, switches: Switches): Step[] | undefined {
  const map = verified.allMaps[verified.callMap[call]!]
  if (map === undefined) return undefined
  // Of a device's own maps the kernel knows nothing that a program could call.
  if (verified.target.kind === 'offloaded' && mapHelpers.has(id) && map.type !== BPF_MAP_TYPE_PERF_EVENT_ARRAY) {
    return [callKernel(NO_FUNCTION)]
  }
  if (id === MAP_LOOKUP && switches['inline-lookup']) {
    const steps = inlineLookup(map, verified.privileged)
    if (steps !== undefined) return steps
  }
  const symbol = switches['direct-map-call'] ? mapSymbol(id, map.type) : undefined
  return symbol === undefined ? undefined : [callKernel(symbol)]
}
