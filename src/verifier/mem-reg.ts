// Memory that is given to a function without a word on how it is used: it must be good for reading and for writing. Null is no pointer and
// fine; what may be null is judged as if it weren't, since the function will look.

import type { CallMeta } from './call-meta.ts'
import type { Env } from './env.ts'
import { checkHelperMem, checkMemSize } from './helper-mem.ts'
import { markNotNull } from './nullness.ts'
import { copyReg, isNull, PTR_MAYBE_NULL, R_TYPE, REG_WORDS } from './reg.ts'

const saved = new Int32Array(REG_WORDS)

function asNotNull(env: Env, n: number, check: () => void): void {
  const i = n * REG_WORDS
  if ((env.regs[i + R_TYPE]! & PTR_MAYBE_NULL) === 0) {
    check()
    return
  }
  copyReg(saved, 0, env.regs, i)
  markNotNull(env, env.regs, i)
  try {
    check()
  } finally {
    copyReg(env.regs, i, saved, 0)
  }
}

/** `check_mem_reg`: `bytes` behind register `n`. */
export function checkMemReg(env: Env, n: number, bytes: number): void {
  if (isNull(env.regs, n * REG_WORDS)) return
  asNotNull(env, n, () => {
    checkHelperMem(env, n, bytes, false, true, null)
    checkHelperMem(env, n, bytes, true, true, null)
  })
}

/** `check_kfunc_mem_size_reg`: register `n` holds the size of the memory in the register before it. */
export function checkMemSizeReg(env: Env, n: number, meta: CallMeta): void {
  asNotNull(env, n - 1, () => {
    checkMemSize(env, n, false, true, meta)
    checkMemSize(env, n, true, true, meta)
  })
}
