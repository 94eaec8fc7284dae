// The jump history of the current path: how it came from instruction to instruction, and which instructions touched the stack or refined
// linked registers. An instruction has one entry, to which later notes are added.

import type { Env } from './env.ts'
import { J_FLAGS, J_LINKED, J_LINKED_COUNT_SHIFT } from './state.ts'

/** `push_jmp_history`; `linked` are `count` packed registers in two words. */
export function pushJump(env: Env, flags: number, linked0: number, linked1: number, count: number): void {
  const { state } = env
  const at = env.historyEntry
  if (at >= 0) {
    const merged = (state.jmp[at + J_FLAGS]! & ((1 << J_LINKED_COUNT_SHIFT) - 1)) | flags
    state.jmp[at + J_FLAGS] = merged | (count << J_LINKED_COUNT_SHIFT)
    state.jmp[at + J_LINKED] = linked0
    state.jmp[at + J_LINKED + 1] = linked1
    return
  }
  env.historyEntry = state.pushJump(env.insn, env.prevInsn, flags | (count << J_LINKED_COUNT_SHIFT), linked0, linked1)
}
