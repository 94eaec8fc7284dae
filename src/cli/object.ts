import { basename } from 'node:path'
import { type Line, type LineTable, lineAt } from '../btf/lines.ts'
import { NicwrightError } from '../errors.ts'
import { loadObject, type ObjectMap, type ObjectProgram, type ObjectSpec, programLines } from '../object/index.ts'
import { readInput } from './file.ts'

/**
 * An object file with the programs that are meant.
 * @throws NicwrightError that names the file, or the programs that there are.
 */
export function openObject(
  path: string,
  program?: string,
): { readonly object: ObjectSpec; readonly programs: readonly ObjectProgram[] } {
  const bytes = readInput(path)
  let object: ObjectSpec
  try {
    object = loadObject(bytes, { name: basename(path) })
  } catch (error) {
    if (!(error instanceof NicwrightError)) throw error
    const at = error.at?.offset === undefined || error.message.includes('(at byte') ? '' : ` (at byte ${error.at.offset})`
    throw new NicwrightError(error.code, { message: `${path}: ${error.message}${at}`, notes: error.notes, cause: error })
  }
  if (program === undefined) return { object, programs: object.programs }
  const programs = object.programs.filter((p, i) => p.name === program || p.section === program || String(i) === program)
  if (programs.length === 0) {
    const names = object.programs.map(p => `${p.name} (${p.section})`).join(', ')
    throw new NicwrightError('object/no-such-program', {
      message: `${path} has no program ${JSON.stringify(program)}; it has ${names}`,
    })
  }
  return { object, programs }
}

/** Names as the kernel keeps them: 15 characters. */
export function kernelName(name: string): string {
  return name.slice(0, 15)
}

/** The maps that a program can be given: all of its object, under the kernel's names. */
export function mapSpecs(object: ObjectSpec): ObjectMap[] {
  return object.maps.map(map => ({ ...map, name: kernelName(map.name) }))
}

/** The lines of C of a program; undefined where it has none. */
export function linesOf(program: ObjectProgram): ((insn: number) => Line | undefined) | undefined {
  const table: LineTable | undefined = programLines(program)
  return table === undefined ? undefined : insn => lineAt(table, insn)
}

/** `fw.bpf.c:71`, without folders. */
export function place(line: Line | undefined): string {
  return line === undefined || line.line === 0 ? '' : `${basename(line.file)}:${line.line}`
}
