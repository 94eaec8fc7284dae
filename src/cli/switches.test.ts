import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { repairs } from '../drivers/nfp/codegen.ts'
import { switches } from '../drivers/nfp/passes.ts'
import { joinSwitches, machineOptionsOf, rememberedOff, rememberOff, switchesOf } from './switches.ts'

const root = mkdtempSync(join(tmpdir(), 'nicwright-'))
const folder = join(root, 'session')
beforeEach(() => rmSync(folder, { recursive: true, force: true }))
afterAll(() => rmSync(root, { recursive: true }))

const names = [...switches, ...repairs].map(s => s.name)

describe('switches', () => {
  test('a value that begins with a dash is a value', () => {
    expect(joinSwitches(['a.o', '--opt', '-memcpy', '--opt', '+zext', '--opt', 'x', '-j'])).toEqual([
      'a.o',
      '--opt=-memcpy',
      '--opt=+zext',
      '--opt',
      'x',
      '-j',
    ])
    expect(joinSwitches(['--opt'])).toEqual(['--opt'])
    // An option is no name of a switch.
    expect(joinSwitches(['--opt', '--json'])).toEqual(['--opt', '--json'])
  })

  test('what is kept is what is off, and the command line goes before it', () => {
    fc.assert(
      fc.property(fc.subarray(names), fc.subarray(names), fc.subarray(names), (kept, off, on) => {
        rememberOff(kept, folder)
        expect(new Set(rememberedOff(folder))).toEqual(new Set(kept))
        const list = [...off.map(name => `-${name}`), on.map(name => `+${name}`).join(',')]
        const expected = new Set<string>([...kept, ...off].filter(name => !(on as string[]).includes(name)))
        expect(new Set(switchesOf(list, folder))).toEqual(expected)
      }),
      { numRuns: 30 },
    )
  })

  test('without a session everything is on; all means the optimisations', () => {
    expect(switchesOf([], folder)).toEqual([])
    expect(switchesOf(['-all'], folder).sort()).toEqual(switches.map(s => s.name).sort())
    expect(switchesOf(['-all', '+zext'], folder)).not.toContain('zext')
  })

  test('unknown names are errors of usage that say the known ones', () => {
    expect(() => switchesOf(['-nothing'], folder)).toThrow(expect.objectContaining({ code: 'cli/usage' }))
    expect(() => machineOptionsOf({ profile: 'none' }, folder)).toThrow(expect.objectContaining({ code: 'cli/usage' }))
    expect(() => machineOptionsOf({ fw: '{"max_len": -1}' }, folder)).toThrow(expect.objectContaining({ code: 'cli/usage' }))
    expect(() => machineOptionsOf({ fw: '{' }, folder)).toThrow(expect.objectContaining({ code: 'cli/usage' }))
    expect(() => machineOptionsOf({ codegen: 'best' }, folder)).toThrow(expect.objectContaining({ code: 'cli/usage' }))
  })

  test('firmware options may stand in a file', () => {
    const path = join(root, 'fw.json')
    writeFileSync(path, '{"max_len": 100}')
    expect(machineOptionsOf({ fw: path }, folder).firmware).toEqual({ max_len: 100 })
  })

  test('a damaged file is told as such, whatever it holds', () => {
    mkdirSync(folder)
    const damaged = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constant('{"off": ["no-such-switch"]}'),
      fc.constant('{"off": [1]}'),
      fc.constant('null'),
    )
    fc.assert(
      fc.property(damaged, text => {
        writeFileSync(join(folder, 'opts.json'), text)
        try {
          expect(rememberedOff(folder)).toEqual([])
          // Only what says so has nothing off.
          expect(JSON.parse(text).off).toEqual([])
        } catch (error) {
          expect(error).toMatchObject({ code: 'session/damaged' })
        }
      }),
    )
  })
})
