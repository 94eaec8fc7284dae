// The real kernel beside ours: the same programs loaded through bpf(2), and what the two don't agree on.

import { NicwrightError } from '../errors.ts'
import { type KernelAnswer, KernelWitness } from '../fuzz/witness.ts'
import { probe } from '../linux/index.ts'
import { errnoName } from './errno.ts'
import { kernelName } from './object.ts'
import type { ProgramRow } from './verify-rows.ts'

export interface Witness {
  ask(row: ProgramRow): KernelAnswer | { readonly why: string }
  close(): void
}

/** The kernel that this runs on, or why it can't be asked. */
export function kernelWitness(): Witness | { readonly why: string } {
  const available = probe()
  if (!available.ok) return available
  const kernel = new KernelWitness()
  return {
    ask({ program, maps }) {
      try {
        return kernel.ask({ ...program, name: kernelName(program.name) }, maps, 1)
      } catch (error) {
        if (error instanceof NicwrightError) return { why: error.message }
        throw error
      }
    },
    close: () => kernel.close(),
  }
}

export interface Disagreement {
  readonly what: 'verdict' | 'errno' | 'message' | 'insns'
  readonly linux: string
  readonly here: string
}

/** What the real kernel says otherwise; nothing where it was not asked. */
export function disagreements({ verdict, kernel }: ProgramRow): Disagreement[] {
  if (kernel === undefined || 'why' in kernel) return []
  const found: Disagreement[] = []
  const add = (what: Disagreement['what'], linux: string, here: string): void => {
    if (linux !== here) found.push({ what, linux, here })
  }
  add('verdict', kernel.ok ? 'accepted' : 'refused', verdict.ok ? 'accepted' : 'refused')
  if (!kernel.ok && !verdict.ok) {
    add('errno', errnoName(kernel.errno), errnoName(verdict.errno))
    add('message', masked(kernel.message), masked(verdict.message))
  }
  const [processed] = kernel.stats
  if (processed !== undefined) add('insns', String(processed), String(verdict.stats.processed))
  return found
}

/** Addresses of the kernel are nobody's business. */
function masked(message: string): string {
  return message.replace(/0xffff[0-9a-f]{12}/g, '0xffff…')
}
