// Helper calls: which the firmware has, and what their arguments must be so that it can be called with them.

import { EINVAL, EOPNOTSUPP } from '../../bpf/errno.ts'
import type { DeviceView, RegView } from '../../verifier/device.ts'
import { PTR_TO_MAP_VALUE, PTR_TO_PACKET, PTR_TO_STACK, SCALAR_VALUE, STACK_ZERO } from '../../verifier/reg.ts'
import type { DeviceVerifier } from './device-verifier.ts'
import {
  GET_PRANDOM_U32,
  MAP_DELETE,
  MAP_LOOKUP,
  MAP_UPDATE,
  PERF_EVENT_OUTPUT,
  XDP_ADJUST_HEAD,
  XDP_ADJUST_TAIL,
} from './emit-call.ts'
import { ADJUST_HEAD_IMPOSSIBLE, KEY_OF_CALLER } from './facts.ts'
import { WORD_ATOMIC } from './map-use.ts'
import { demandPrecise, isConst, refuse, say, tnumText } from './refusal.ts'

/** adjust_head capability: metadata need not be moved along. */
const NO_META = 1
/** The shortest packet, and the shortest that may be left. */
const ETH_ZLEN = 60
const ETH_HLEN = 14
/** BPF_F_INDEX_MASK and BPF_F_CURRENT_CPU are the low 32 bits, all set. */
const CURRENT_CPU = 0xffff_ffff

export function checkHelper(v: DeviceVerifier, view: DeviceView, i: number): number {
  const { facts } = v
  const { capabilities } = v.options
  const helper = v.insns.imm[i]!
  const visited = facts.helper[i] !== 0
  const r2 = view.reg(2)
  let argType = view.reg(1).type
  switch (helper) {
    case XDP_ADJUST_HEAD: {
      const { adjustHead } = capabilities
      if (adjustHead === undefined || adjustHead.offMax === 0) {
        return refuse(view, EOPNOTSUPP, 'adjust_head not supported by FW')
      }
      if (!(adjustHead.flags & NO_META)) {
        return refuse(view, EOPNOTSUPP, 'adjust_head: FW requires shifting metadata, not supported by the driver')
      }
      noteAdjustHead(v, i, r2, adjustHead.guaranteedSub, adjustHead.guaranteedAdd)
      if (facts.adjustHead === i) demandPrecise(v, view, 2)
      break
    }
    case XDP_ADJUST_TAIL:
      if (!capabilities.adjustTail) return refuse(view, EOPNOTSUPP, 'adjust_tail not supported by FW')
      break
    case MAP_LOOKUP:
    case MAP_UPDATE:
    case MAP_DELETE: {
      const name = helper === MAP_LOOKUP ? 'map_lookup' : helper === MAP_UPDATE ? 'map_update' : 'map_delete'
      if (!capabilities.helpers.get(helper)) return refuse(view, EOPNOTSUPP, `${name}: not supported by FW`)
      const error = checkStackArgument(view, name, r2)
      if (error !== 0) return error
      if (visited && offsetDiffers(v, i, r2)) facts.arg2Changed[i] = 1
      if (r2.frame !== view.frame) facts.more[i]! |= KEY_OF_CALLER
      if (helper === MAP_UPDATE) {
        const failed = checkStackArgument(view, name, view.reg(3)) || checkUpdateValue(v, view)
        if (failed !== 0) return failed
      }
      break
    }
    case GET_PRANDOM_U32:
      if (!capabilities.random) {
        return refuse(view, EOPNOTSUPP, "bpf_get_prandom_u32(): FW doesn't support random number generation")
      }
      break
    case PERF_EVENT_OUTPUT: {
      if (!capabilities.helpers.get(helper)) return refuse(view, EOPNOTSUPP, 'event_output: not supported by FW')
      const flags = view.reg(3)
      if (flags.maskLo !== 0 || flags.valueLo >>> 0 !== CURRENT_CPU) {
        return refuse(view, EOPNOTSUPP, `event_output: must use BPF_F_CURRENT_CPU, var_off: ${tnumText(flags)}`)
      }
      demandPrecise(v, view, 3)
      const error = checkEventData(v, view, i)
      if (error !== 0) return error
      argType = view.reg(4).type
      break
    }
    default:
      return refuse(view, EOPNOTSUPP, `unsupported function id: ${helper}`)
  }
  facts.helper[i] = helper
  facts.argType[i] = argType
  facts.arg2Type[i] = r2.type
  facts.arg2Off[i] = r2.off
  facts.arg2ValueLo[i] = r2.valueLo
  facts.arg2ValueHi[i] = r2.valueHi
  return 0
}

/** The instruction whose adjust_head needs no checks at run time: one call with a constant that the firmware guarantees. */
function noteAdjustHead(v: DeviceVerifier, i: number, r2: RegView, most: number, mostAdded: number): void {
  const { facts } = v
  const delta = r2.valueLo | 0
  const possible =
    r2.type === SCALAR_VALUE &&
    isConst(r2) &&
    delta <= ETH_ZLEN - ETH_HLEN &&
    delta <= mostAdded &&
    delta >= -most &&
    (facts.adjustHead === 0 ||
      (facts.adjustHead === i && (facts.arg2ValueLo[i]! | 0) === delta && (facts.arg2ValueHi[i]! | 0) === delta >> 31))
  facts.adjustHead = possible ? i : ADJUST_HEAD_IMPOSSIBLE
}

function offsetDiffers(v: DeviceVerifier, i: number, reg: RegView): boolean {
  const was = v.facts.arg2Off[i]! + (v.facts.arg2ValueLo[i]! | 0)
  return was !== reg.off + (reg.valueLo | 0)
}

/** 0 for a pointer to a known, aligned place on the stack. */
function checkStackArgument(view: DeviceView, name: string, reg: RegView): number {
  if (reg.type !== PTR_TO_STACK) return refuse(view, EOPNOTSUPP, `${name}: unsupported ptr type ${reg.type}`)
  if (!isConst(reg)) return refuse(view, EOPNOTSUPP, `${name}: variable pointer`)
  const off = (reg.valueLo | 0) + reg.off
  return off % 4 === 0 ? 0 : refuse(view, EOPNOTSUPP, `${name}: unaligned stack pointer ${-off}`)
}

/** A program must not put anything but zeros where the map's counters are. */
function checkUpdateValue(v: DeviceVerifier, view: DeviceView): number {
  const { map } = view.reg(1)
  const spec = view.maps[map]
  const marks = v.options.marks[map]
  if (spec === undefined || marks === undefined) return 0
  const value = view.reg(3)
  const off = value.off + (value.valueLo | 0)
  const { frame } = value
  for (let byte = 0; byte < spec.valueSize; byte++) {
    if (view.stackByte(frame, off + byte) === STACK_ZERO) continue
    // Newer kernels keep a zero as a spilled register, which the driver doesn't take for one.
    if (v.repaired['zero-spill'] && view.stackIsZero?.(frame, off + byte)) continue
    if (marks.use[byte >> 2] === WORD_ATOMIC) {
      return refuse(
        view,
        EOPNOTSUPP,
        `value at offset ${byte}/${-(off + byte) - 1} may be non-zero, bpf_map_update_elem() is required to initialize atomic counters to zero to avoid offload endian issues`,
      )
    }
    marks.nonZeroUpdate[byte >> 2] = 1
  }
  return 0
}

function checkEventData(v: DeviceVerifier, view: DeviceView, i: number): number {
  const { facts } = v
  const data = view.reg(4)
  const { type } = data
  if (type !== SCALAR_VALUE && type !== PTR_TO_STACK && type !== PTR_TO_MAP_VALUE && type !== PTR_TO_PACKET) {
    return refuse(view, EOPNOTSUPP, `event_output: unsupported ptr type: ${type}`)
  }
  if (type === PTR_TO_STACK) {
    const error = checkStackArgument(view, 'event_output', data)
    if (error !== 0) return error
  }
  say(view, 'warning: return codes and behavior of event_output helper differ for offload!')
  if (facts.helper[i] !== 0 && facts.argType[i] !== type) {
    return refuse(view, EINVAL, `event_output: ptr type changed: ${facts.argType[i]} ${type}`)
  }
  return 0
}
