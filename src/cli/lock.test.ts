// Processes are played by their files: what decides is who is named in them and whether he lives.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { acquire, withLock } from './lock.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** No process has this number: it is beyond Linux's largest. */
const DEAD = 2 ** 22 + 1
const nonce = (n: number): string => n.toString(16).padStart(16, '0')
const holder = (pid: number, n: number, started = '1'): string => JSON.stringify({ pid, started, nonce: nonce(n) })

test('one at a time', () => {
  const release = acquire(folder)
  expect(() => acquire(folder, -1)).toThrow(/another command/)
  release()
  acquire(folder)()
  expect(readdirSync(folder)).toEqual([])
})

test('what is thrown inside ends it too', () => {
  expect(() =>
    withLock(folder, () => {
      throw new Error('inside')
    }),
  ).toThrow('inside')
  expect(readdirSync(folder)).toEqual([])
})

test('the lock of a dead process is succeeded, also where its successor died as well', () => {
  writeFileSync(join(folder, 'lock'), holder(DEAD, 1))
  writeFileSync(join(folder, `lock.${nonce(1)}`), holder(DEAD, 2))
  const release = acquire(folder, -1)
  expect(() => acquire(folder, -1)).toThrow(/another command/)
  release()
  expect(readdirSync(folder)).toEqual([])
})

test('a living successor of a dead process holds it', () => {
  writeFileSync(join(folder, 'lock'), holder(DEAD, 1))
  writeFileSync(join(folder, `lock.${nonce(1)}`), holder(process.pid, 2, ''))
  expect(() => acquire(folder, -1)).toThrow(/another command/)
})

test.skipIf(process.platform !== 'linux')('a number that another process has by now is that of a dead one', () => {
  writeFileSync(join(folder, 'lock'), holder(process.pid, 1, 'never'))
  acquire(folder, -1)()
})

test('a file that says nothing counts as held, since it may be about to', () => {
  writeFileSync(join(folder, 'lock'), '')
  expect(() => acquire(folder, -1)).toThrow(/another command/)
})
