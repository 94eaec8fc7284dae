import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { NicwrightError } from '../errors.ts'

const MOST_BYTES = 1 << 30

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'may not be read',
  EISDIR: 'is a directory',
}

/**
 * The bytes of a file.
 * @throws NicwrightError `file/…` with the reason in words.
 */
export function readInput(path: string): Uint8Array {
  try {
    const { size } = statSync(path)
    if (size > MOST_BYTES)
      throw new NicwrightError('file/size', { message: `${path} has ${size} bytes; the most is ${MOST_BYTES}` })
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    throw explained(error, path, 'read')
  }
}

/** Writes a whole file. @throws NicwrightError `file/…` */
export function writeOutput(path: string, bytes: Uint8Array | string): void {
  try {
    writeFileSync(path, bytes)
  } catch (error) {
    throw explained(error, path, 'written')
  }
}

function explained(error: unknown, path: string, what: string): NicwrightError {
  if (error instanceof NicwrightError) return error
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
  return new NicwrightError(`file/${code.toLowerCase()}`, {
    message: `${path}: ${reasons[code] ?? `could not be ${what} (${code})`}`,
    cause: error,
  })
}
