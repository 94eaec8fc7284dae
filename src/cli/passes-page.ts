import type { CodegenOptions } from '../drivers/nfp/codegen.ts'
import type { Profile } from '../nfp/profiles.ts'
import type { TranslatedProgram } from './translate-program.ts'
import type { View } from './translate-view.ts'

export interface PassesInput {
  readonly file: string
  readonly translated: TranslatedProgram
  readonly view: View
  readonly profile: Profile
  readonly codegen: CodegenOptions
}

export function renderPasses(input: PassesInput): string {
  return `${input.file}`
}
