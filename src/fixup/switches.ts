// The replacements that make a program faster and that it would run without: each has a name, under which it can be left out.

export interface Optimisation {
  readonly name: SwitchName
  readonly title: string
}

export type SwitchName = 'inline-lookup' | 'direct-map-call' | 'inline-helpers' | 'inline-loop'
export type Switches = Readonly<Record<SwitchName, boolean>>

export const optimisations: readonly Optimisation[] = [
  { name: 'inline-lookup', title: 'lookups in arrays and hash tables stand in the program' },
  { name: 'direct-map-call', title: "calls of map helpers go to the map type's own function" },
  { name: 'inline-helpers', title: 'get_smp_processor_id, jiffies64 and kptr_xchg stand in the program' },
  { name: 'inline-loop', title: 'bpf_loop with a known callback is a loop in the program' },
]

/** All on, but for those that are named. */
export function switchesWithout(off: readonly SwitchName[]): Switches {
  return {
    'inline-lookup': !off.includes('inline-lookup'),
    'direct-map-call': !off.includes('direct-map-call'),
    'inline-helpers': !off.includes('inline-helpers'),
    'inline-loop': !off.includes('inline-loop'),
  }
}
