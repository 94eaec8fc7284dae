// The session: what the last command left, in a folder. The file is written whole and then renamed, so that a process that is killed
// leaves the old one.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NfpPort } from '../drivers/nfp/device.ts'
import { NicwrightError } from '../errors.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { restore, snapshot } from '../kernel/snapshot.ts'
import { type MachineOptions, plug } from './machine.ts'

export const SESSION_FOLDER = '.nicwright'
const FILE = 'session.json'

export interface Session {
  readonly folder: string
  readonly kernel: Kernel
}

/**
 * The kernel that the last command left.
 * @throws NicwrightError `session/…` where there is none, or a damaged one.
 */
export function openSession(folder: string = SESSION_FOLDER): Session {
  const path = join(folder, FILE)
  if (!existsSync(path)) {
    throw new NicwrightError('session/none', { message: `there is no session in ${folder}; nicwright try makes one` })
  }
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new NicwrightError('session/damaged', { message: `${path} is damaged: ${(error as Error).message}` })
  }
  const kernel = restore(json, (of, driver, options) => makeNetdev(of, driver, options), {
    now: () => Math.floor(Date.now() / 1000),
  })
  return { folder, kernel }
}

function makeNetdev(kernel: Kernel, driver: string, options: unknown): NfpPort {
  if (driver !== 'nfp')
    throw new NicwrightError('session/driver', { message: `the session has an interface of an unknown driver ${driver}` })
  return plug(kernel, options as MachineOptions).port
}

export function saveSession(kernel: Kernel, options: MachineOptions, folder: string = SESSION_FOLDER): void {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, FILE)
  const text = JSON.stringify(snapshot(kernel, () => options))
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}
