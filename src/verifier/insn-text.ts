// The text of an instruction in the log. References to maps print as kernel addresses; there are none here, so each map gets a stable one.

import { LD_IMM64 } from '../bpf/opcode.ts'
import { type PrintNames, printInsn } from '../bpf/print.ts'
import { isKfuncCall } from './call-summary.ts'
import type { Env } from './env.ts'
import { isAbsentKfunc, kfuncNameAt } from './kfunc.ts'

const MAP_ADDRESS = 0xffff888100000000n
const MAP_STEP = 0x400n

const texts = new WeakMap<Env, (string | undefined)[]>()
const names = new WeakMap<Env, PrintNames>()

/** E.g. `(bf) r2 = r1`; made once for each instruction. */
export function insnText(env: Env, i: number): string {
  let known = texts.get(env)
  if (known === undefined) {
    known = new Array<string | undefined>(env.count)
    texts.set(env, known)
    names.set(env, namesOf(env))
  }
  let text = known[i]
  if (text === undefined) {
    text = printInsn(env.insns, i, names.get(env)!)
    known[i] = text
  }
  return text
}

function namesOf(env: Env): PrintNames {
  return {
    imm64: (insns, i) => {
      const map = insns.code[i] === LD_IMM64 ? env.mapOf[i]! : -1
      if (map < 0) return undefined
      if (!env.privileged) return '0x0'
      return `0x${(MAP_ADDRESS + BigInt(map) * MAP_STEP + BigInt(env.mapOffset[i]!)).toString(16)}`
    },
    call: (insns, i) => {
      if (!isKfuncCall(insns, i)) return undefined
      return `${isAbsentKfunc(env, i) ? '' : (kfuncNameAt(env, i) ?? '')}#${insns.imm[i]}`
    },
  }
}
