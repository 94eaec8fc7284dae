// What a command of the mirror works on and gives back. A command is a process: what it opens it holds until it ends.

import type { Kernel } from '../../kernel/kernel.ts'
import type { LoadedMap } from '../../kernel/map.ts'
import type { LoadedProgram } from '../../kernel/program.ts'
import type { Json } from './json.ts'
import type { Words } from './words.ts'

/** The tool's options, as they were given. */
export interface ToolOptions {
  readonly json: boolean
  readonly pretty: boolean
  readonly debug: boolean
  /** Show pinned paths. */
  readonly bpffs: boolean
  /** Mount no BPF file system. */
  readonly noMount: boolean
  readonly legacy: boolean
}

export interface Tool extends ToolOptions {
  readonly kernel: Kernel
  /** Writes a line to the standard error output at once. */
  say(line: string): void
  /** Open descriptors. */
  readonly open: Set<LoadedProgram | LoadedMap>
  /** The input that `-` stands for. */
  input(): string
}

/** Text for plain output, or a value for JSON; undefined where JSON shows nothing. */
export interface Output {
  readonly text: string
  readonly json: Json | undefined
  readonly status?: number
}

export type Action = (tool: Tool, words: Words) => Output

/** Done, and nothing to say. */
export const NOTHING: Output = { text: '', json: null }
