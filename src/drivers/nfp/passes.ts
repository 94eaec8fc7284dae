// The optimisations as a table: what each does, in which order they must stand, and which can be switched off. The first part runs over
// the whole program before any word is emitted; the second part are decisions inside the emitters, which ask for their switch.

import { NicwrightError } from '../../errors.ts'
import type { CodegenOptions } from './codegen.ts'
import { repairs } from './codegen.ts'
import { cachePacket } from './pass-cache.ts'
import { gatherCopies } from './pass-gather.ts'
import { dropMasks, dropShifts } from './pass-ldabs.ts'
import { dropInit, negateImmediates, replaceMaps } from './pass-register.ts'
import type { Translation } from './translation.ts'

export type PassName = 'map-refs' | 'reg-init' | 'neg-imm' | 'ld-mask' | 'ld-shift' | 'memcpy' | 'packet-cache'
export type SwitchName = PassName | 'zext' | 'adjust-head' | 'dead-code' | 'short-mul'

export interface Pass {
  readonly name: PassName
  readonly title: string
  readonly run: (t: Translation) => void
}

export interface Switch {
  readonly name: SwitchName
  readonly title: string
}

export interface Before {
  readonly first: PassName
  readonly second: PassName
  readonly because: string
}

export const passes: readonly Pass[] = [
  { name: 'map-refs', title: 'map-pointer replacement', run: replaceMaps },
  { name: 'reg-init', title: 'register-init removal', run: dropInit },
  { name: 'neg-imm', title: 'negative-immediate normalise', run: negateImmediates },
  { name: 'ld-mask', title: 'LD_ABS mask removal', run: dropMasks },
  { name: 'ld-shift', title: 'LD_ABS shift removal', run: dropShifts },
  { name: 'memcpy', title: 'copy gathering (memcpy)', run: gatherCopies },
  { name: 'packet-cache', title: 'packet cache', run: cachePacket },
]

export const order: readonly Before[] = [
  { first: 'memcpy', second: 'packet-cache', because: 'a gathered copy no longer loads the packet word by word' },
  { first: 'neg-imm', second: 'ld-mask', because: 'a mask of -1 is still a mask after normalisation, which leaves AND alone' },
  { first: 'map-refs', second: 'reg-init', because: 'the driver replaces references before it drops anything' },
  { first: 'ld-mask', second: 'packet-cache', because: 'a dropped instruction must not end a cached range' },
  { first: 'ld-shift', second: 'packet-cache', because: 'a dropped instruction must not end a cached range' },
]

/** Every switch: the passes, and what the emitters decide. */
export const switches: readonly Switch[] = [
  ...passes.map(({ name, title }): Switch => ({ name, title })),
  { name: 'zext', title: 'zero-extension removal' },
  { name: 'adjust-head', title: 'adjust_head without checks' },
  { name: 'dead-code', title: 'dead code removal' },
  { name: 'short-mul', title: 'multiplication in 16 bits' },
]

/** Names the first constraint that an order of passes breaks, or undefined. */
export function brokenOrder(names: readonly string[]): Before | undefined {
  return order.find(({ first, second }) => names.indexOf(first) > names.indexOf(second))
}

const broken = brokenOrder(passes.map(({ name }) => name))
if (broken !== undefined) {
  throw new NicwrightError('passes/order', { message: `${broken.first} must run before ${broken.second}: ${broken.because}` })
}

/**
 * The set of switched-off names from a list such as `-packet-cache`, `memcpy`.
 * @throws NicwrightError `passes/name` for a name that is no switch and no repair.
 */
export function switchedOff(list: readonly string[]): ReadonlySet<string> {
  const off = new Set<string>()
  for (const item of list) {
    const name = item.replace(/^[-+]/, '')
    if (!switches.some(s => s.name === name) && !repairs.some(r => r.name === name)) {
      const known = switches.map(s => s.name).join(', ')
      throw new NicwrightError('passes/name', { message: `no optimisation is called ${name}`, notes: [`known: ${known}`] })
    }
    if (item.startsWith('-')) off.add(name)
    else off.delete(name)
  }
  return off
}

export function isOn(options: CodegenOptions, name: SwitchName): boolean {
  return !options.off.has(name)
}

/** Runs the passes; `after` is called when one has run, for whoever wants to see its effect. */
export function runPasses(t: Translation, after?: (pass: Pass) => void): void {
  for (const pass of passes) {
    // Without its number no map can be used: switched off, the reference takes the words that a host's pointer would take.
    if (t.options.off.has(pass.name) && pass.name !== 'map-refs') continue
    pass.run(t)
    after?.(pass)
  }
}
