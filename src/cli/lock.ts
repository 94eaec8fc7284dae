// Mutual exclusion of processes over a folder, without a server: a file says who holds it. The file of a process that died is not
// removed, since two could do that at once and the slower one would remove the lock of the faster; it is succeeded: the next holder's
// file carries the nonce of the dead one in its name, which only one process can create. Every file appears with its contents.

import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NicwrightError } from '../errors.ts'

const HEAD = 'lock'
const WAIT_MILLISECONDS = 10
const PATIENCE_MILLISECONDS = 60_000

interface Holder {
  readonly pid: number
  /** When the process began, as the system tells it: a number that is used again is another process. */
  readonly started: string
  readonly nonce: string
}

/** Runs with the folder's lock held, waiting for it for up to a minute. @throws NicwrightError `session/busy` */
export function withLock<T>(folder: string, run: () => T): T {
  const release = acquire(folder)
  try {
    return run()
  } finally {
    release()
  }
}

/** Gives the function that ends it. */
export function acquire(folder: string, patience: number = PATIENCE_MILLISECONDS): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const own: Holder = { pid: process.pid, started: startOf(process.pid) ?? '', nonce: randomBytes(8).toString('hex') }
  const draft = join(folder, `${HEAD}.new.${own.nonce}`)
  writeFileSync(draft, JSON.stringify(own), { mode: 0o600 })
  try {
    const until = Date.now() + patience
    for (;;) {
      const files = tryAcquire(folder, draft)
      if (files !== undefined) return () => release(files)
      if (Date.now() > until) {
        throw new NicwrightError('session/busy', { message: `another command has been working in ${folder} for a minute` })
      }
      Atomics.wait(sleeper, 0, 0, WAIT_MILLISECONDS)
    }
  } finally {
    rmSync(draft, { force: true })
  }
}

const sleeper: Int32Array = new Int32Array(new SharedArrayBuffer(4))

/** The files of the lock from its head, when it was free or all that held it are dead. */
function tryAcquire(folder: string, draft: string): string[] | undefined {
  const files: string[] = []
  let head: string | undefined
  for (let path = join(folder, HEAD); ; ) {
    files.push(path)
    if (link(draft, path)) {
      // Where the head is another one by now, the chain that was followed has ended meanwhile.
      if (files.length === 1 || read(join(folder, HEAD))?.nonce === head) return files
      rmSync(path, { force: true })
      return undefined
    }
    const holder = read(path)
    if (holder === undefined || lives(holder)) return undefined
    head ??= holder.nonce
    path = join(folder, `${HEAD}.${holder.nonce}`)
  }
}

/** The head first: who comes then begins a chain of its own and not at the end of this one. */
function release(files: readonly string[]): void {
  for (const file of files) rmSync(file, { force: true })
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error
    return create(from, to)
  }
}

/** Where the file system has no links. */
function create(from: string, to: string): boolean {
  try {
    writeFileSync(to, readFileSync(from), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Undefined where the file is gone again, or nobody can tell whose it is: it counts as held then. */
function read(path: string): Holder | undefined {
  try {
    const { pid, started, nonce } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>
    if (typeof pid !== 'number' || typeof started !== 'string' || typeof nonce !== 'string') return undefined
    return /^[0-9a-f]{16}$/.test(nonce) ? { pid, started, nonce } : undefined
  } catch {
    return undefined
  }
}

function lives({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  const now = startOf(pid)
  return now === undefined || started === '' || now === started
}

/** Field 22 of /proc/PID/stat, where there is one. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
