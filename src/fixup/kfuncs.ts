// Calls of kernel functions: names become addresses, and hidden arguments are filled in: what a program's own structure is made of, where in
// it the node of a list or tree is, and the program itself.

import { BPF_PROG_TYPE_CGROUP_SKB, BPF_PROG_TYPE_SOCKET_FILTER } from '../bpf/prog-type-table.ts'
import { kfuncRows } from '../verifier/kfunc-table.ts'
import type { Verified } from '../verifier/verdict.ts'
import { callKernel, loadAddress, mov64, mov64Imm, R0, R1, R2, type Step } from './step.ts'
import { NOTHING, structSymbol, THIS_PROGRAM } from './symbols.ts'

/** Argument register that takes the program, by function. */
const programArg: ReadonlyMap<string, number> = new Map(
  kfuncRows.flatMap(([name, , , , params]) => {
    const at = params.split(', ').findIndex(param => param.endsWith('__prog'))
    return at < 0 ? [] : [[name, at + 1] as const]
  }),
)

/** `call`: slot of the user's program. */
export function expandKfunc(verified: Verified, insn: Step, call: number, name: string): Step[] {
  const plain = { ...callKernel(symbolOf(verified, name), insn.src), off: insn.off }
  const object = verified.callObject[call]!
  const number = verified.callNumber[call]!
  const describe = (register: number): Step[] => loadAddress(register, object === 0 ? NOTHING : structSymbol(object))
  switch (name) {
    // They only change what is known of a pointer.
    case 'bpf_cast_to_kern_ctx':
    case 'bpf_rdonly_cast':
      return [mov64(R0, R1)]
    case 'bpf_obj_new_impl':
    case 'bpf_percpu_obj_new_impl':
      return [mov64Imm(R1, number), ...describe(R2), plain]
    case 'bpf_obj_drop_impl':
    case 'bpf_percpu_obj_drop_impl':
    case 'bpf_refcount_acquire_impl':
      return [...describe(R2), plain]
    case 'bpf_list_push_front_impl':
    case 'bpf_list_push_back_impl':
      return [...describe(3), mov64Imm(4, number), plain]
    case 'bpf_rbtree_add_impl':
      return [...describe(4), mov64Imm(5, number), plain]
    default: {
      const register = programArg.get(name)
      return register === undefined ? [plain] : [...loadAddress(register, THIS_PROGRAM), plain]
    }
  }
}

/** A program that may not write to packets gets views of them that it cannot write to. */
function symbolOf(verified: Verified, name: string): string {
  const { type } = verified.program
  const readOnly = type === BPF_PROG_TYPE_SOCKET_FILTER || type === BPF_PROG_TYPE_CGROUP_SKB
  return name === 'bpf_dynptr_from_skb' && readOnly ? 'bpf_dynptr_from_skb_rdonly' : name
}
