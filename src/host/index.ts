export { Engine, type EngineOptions, type Run } from './engine.ts'
export type { Fault, Redirect } from './machine.ts'
