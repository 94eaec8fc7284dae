export { Engine, type EngineOptions, Interpreter, type Run } from './engine.ts'
export type { Fault, Redirect } from './machine.ts'
