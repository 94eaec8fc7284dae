export { loadObject, programLines } from './load.ts'
export { sectionMeaning } from './section-table.ts'
export type { LoadOptions, ObjectFunction, ObjectMap, ObjectProgram, ObjectSpec } from './spec.ts'
