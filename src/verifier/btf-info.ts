// What a load says about its functions and lines: records of the user's size of which the kernel knows the first bytes; the rest must be
// zero. Function records give each subprogram a BTF type, line records the source line of an instruction and all that follow it.

import { E2BIG, EINVAL } from '../bpf/errno.ts'
import { parseLines } from '../btf/lines.ts'
import { type Btf, parseBtf } from '../btf/parse.ts'
import { bareType } from '../btf/resolve.ts'
import { LINKAGE_GLOBAL } from '../btf/types.ts'
import { type Env, type FuncInfo, Reject } from './env.ts'

const FUNC_INFO_BYTES = 8
const LINE_INFO_BYTES = 16
const MAX_RECORD_BYTES = 252

/** Refuses with text that Linux prints without a newline. */
function rejectRaw(env: Env, errno: number, text: string): never {
  env.verbose(text)
  throw new Reject(errno, 0)
}

/** Whether anything but zeroes stands behind the first `known` bytes of a record. */
function hasTail(bytes: Uint8Array, at: number, known: number, size: number): boolean {
  for (let i = at + known; i < at + size; i++) if (bytes[i] !== 0) return true
  return false
}

/** Pass 3: the function records as such. */
export function checkBtfInfoEarly(env: Env): void {
  const { btf: blob, funcInfo, lineInfo } = env.program
  if (blob === undefined || ((funcInfo?.length ?? 0) === 0 && (lineInfo?.length ?? 0) === 0)) return
  env.btf = parseBtf(blob)
  if (funcInfo === undefined || funcInfo.length === 0) return
  const size = env.program.funcInfoRecordBytes ?? FUNC_INFO_BYTES
  if (size < FUNC_INFO_BYTES || size > MAX_RECORD_BYTES || size % 4 !== 0) {
    env.reject(EINVAL, `invalid func info rec size ${size}`)
  }
  env.funcInfo = readFuncs(env, env.btf, funcInfo, size)
}

function readFuncs(env: Env, btf: Btf, bytes: Uint8Array, size: number): readonly FuncInfo[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: FuncInfo[] = []
  let previous = 0
  for (let at = 0; at + size <= bytes.length; at += size) {
    if (hasTail(bytes, at, FUNC_INFO_BYTES, size)) rejectRaw(env, E2BIG, 'nonzero tailing record in func info')
    const insn = view.getUint32(at, true)
    const type = view.getUint32(at + 4, true)
    if (at === 0) {
      if (insn !== 0) rejectRaw(env, EINVAL, `nonzero insn_off ${insn} for the first func info record`)
    } else if (insn <= previous) {
      rejectRaw(env, EINVAL, `same or smaller insn offset (${insn}) than previous func info record (${previous})`)
    }
    if (type === 0 || type >= btf.count || btf.kind(type) !== 'func') {
      rejectRaw(env, EINVAL, `invalid type id ${type | 0} in func info`)
    }
    previous = insn
    found.push({ insn, type })
  }
  return found
}

/** Pass 6: function records against the functions that were found, and the line records. */
export function checkBtfInfo(env: Env): void {
  const { funcInfo, lineInfo } = env.program
  if (env.btf === null || (funcInfo?.length ?? 0) === 0) checkAbnormalReturn(env)
  else checkFuncs(env, env.btf)
  if (env.btf !== null && lineInfo !== undefined && lineInfo.length > 0) checkLines(env, env.btf, lineInfo)
}

/** LD_ABS and tail calls may return from the function that they stand in: without BTF nobody knows that it returns an int. */
function checkAbnormalReturn(env: Env): void {
  for (let n = 1; n < env.subprogs.length; n++) {
    if (env.subprogs[n]!.hasLdAbs) env.reject(EINVAL, 'LD_ABS is not allowed in subprogs without BTF')
    if (env.subprogs[n]!.hasTailCall) env.reject(EINVAL, 'tail_call is not allowed in subprogs without BTF')
  }
}

function checkFuncs(env: Env, btf: Btf): void {
  if (env.funcInfo.length !== env.subprogs.length) {
    env.reject(EINVAL, "number of funcs in func_info doesn't match number of subprogs")
  }
  for (let n = 0; n < env.subprogs.length; n++) {
    const subprog = env.subprogs[n]!
    const info = env.funcInfo[n]!
    if (subprog.start !== info.insn) env.reject(EINVAL, "func_info BTF section doesn't match subprog layout in BPF program")
    const func = btf.type(info.type)
    subprog.typeId = info.type
    subprog.name = func.name
    if (func.kind !== 'func') continue
    subprog.isGlobal = func.linkage === LINKAGE_GLOBAL
    if (n === 0 || returnsInt(btf, func.type)) continue
    if (subprog.hasLdAbs) env.reject(EINVAL, "LD_ABS is only allowed in functions that return 'int'.")
    if (subprog.hasTailCall) env.reject(EINVAL, "tail_call is only allowed in functions that return 'int'.")
  }
}

/** Whether a prototype returns an integer or enum of at most eight bytes. */
function returnsInt(btf: Btf, proto: number): boolean {
  const type = btf.type(proto)
  if (type.kind !== 'func_proto') return false
  const returned = bareType(btf, type.type)
  return (returned.kind === 'int' && returned.size <= 8) || returned.kind === 'enum' || returned.kind === 'enum64'
}

function checkLines(env: Env, btf: Btf, bytes: Uint8Array): void {
  const size = env.program.lineInfoRecordBytes ?? LINE_INFO_BYTES
  if (size < LINE_INFO_BYTES || size > MAX_RECORD_BYTES || size % 4 !== 0) env.reject(EINVAL, '')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = Math.floor(bytes.length / size)
  const subprogs = env.subprogs
  let previous = 0
  let next = 0
  for (let i = 0; i < count; i++) {
    const at = i * size
    if (hasTail(bytes, at, LINE_INFO_BYTES, size)) rejectRaw(env, E2BIG, 'nonzero tailing record in line_info')
    const insn = view.getUint32(at, true)
    if ((i > 0 && insn <= previous) || insn >= env.count) {
      env.reject(EINVAL, `Invalid line_info[${i}].insn_off:${insn} (prev_offset:${previous} prog->len:${env.count})`)
    }
    if (env.insns.code[insn] === 0) env.reject(EINVAL, `Invalid insn code at line_info[${i}].insn_off`)
    const file = view.getUint32(at + 4, true)
    const text = view.getUint32(at + 8, true)
    if (btf.string(text) === undefined || btf.string(file) === undefined) {
      env.reject(EINVAL, `Invalid line_info[${i}].line_off or .file_name_off`)
    }
    if (next !== subprogs.length) {
      const start = subprogs[next]!.start
      if (insn === start) next++
      else if (start < insn) env.reject(EINVAL, `missing bpf_line_info for func#${next}`)
    }
    previous = insn
  }
  if (next !== subprogs.length) {
    env.reject(EINVAL, `missing bpf_line_info for ${subprogs.length - next} funcs starting from func#${next}`)
  }
  env.lines = parseLines(btf, bytes.subarray(0, count * size), size)
}
