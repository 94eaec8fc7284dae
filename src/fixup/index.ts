export { type FixupOptions, fixup } from './fixup.ts'
export { type Optimisation, optimisations, type Switches, type SwitchName } from './switches.ts'
export type { Xlated } from './xlated.ts'
