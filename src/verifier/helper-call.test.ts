import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import { helperNames } from '../bpf/helper-table.ts'
import type { MapSpec } from '../bpf/program.ts'
import { compatibleTypes } from './arg-type.ts'
import { ctxAccessOf, ctxFieldName, ctxResult } from './ctx-table.ts'
import { Env, Reject } from './env.ts'
import { isFormat } from './format.ts'
import * as proto from './helper-proto.ts'
import { protoOf } from './helper-proto-table.ts'
import { checkMapHelper } from './map-helper.ts'
import { MEM_FIXED_SIZE, MEM_WRITE, OBJ_RELEASE, PTR_TO_PACKET, SCALAR_VALUE, TYPE_BASE_MASK } from './reg.ts'
import { verify } from './verify.ts'

const progTypes = [1, 3, 4, 6, 8]
const maps: readonly MapSpec[] = [
  { name: 'hash', type: 1, keySize: 8, valueSize: 16, maxEntries: 4, flags: 0 },
  { name: 'array', type: 2, keySize: 4, valueSize: 16, maxEntries: 4, flags: 0 },
  { name: 'progs', type: 3, keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 },
  { name: 'events', type: 4, keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 },
  { name: 'ring', type: 27, keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 },
  { name: 'devices', type: 14, keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 },
  { name: 'queue', type: 22, keySize: 0, valueSize: 8, maxEntries: 4, flags: 0 },
]

function run(text: string, type: number, license = 'GPL'): string {
  const program = { name: 'p', type, expectedAttachType: 0, flags: 0, license, insns: assemble(text) }
  const verdict = verify(program, maps, {})
  return verdict.ok ? 'accepted' : `${verdict.errno} ${verdict.message}`
}

describe('prototypes', () => {
  const all = [1, 2, 4, 8].flatMap(type => [...helperNames.keys()].map(id => protoOf(id, type)).filter(p => p !== undefined))

  it('are there for every program type', () => expect(all.length).toBeGreaterThan(400))

  it('have at most five arguments, of known types, sizes behind memory, and at most one that is released', () => {
    for (const p of all) {
      expect(p.args.length).toBeLessThanOrEqual(5)
      expect(p.args.filter(arg => (arg & OBJ_RELEASE) !== 0).length).toBeLessThanOrEqual(1)
      p.args.forEach((arg, i) => {
        const base = arg & TYPE_BASE_MASK
        expect(base === proto.ARG_ANYTHING || compatibleTypes.has(base)).toBe(true)
        if (base === proto.ARG_CONST_SIZE || base === proto.ARG_CONST_SIZE_OR_ZERO) {
          expect(p.args[i - 1]! & TYPE_BASE_MASK).toBe(proto.ARG_PTR_TO_MEM)
        }
        if ((arg & MEM_FIXED_SIZE) !== 0) expect(p.sizes[i]).toBeGreaterThan(0)
        if ((arg & MEM_WRITE) !== 0)
          expect([proto.ARG_PTR_TO_MEM, proto.ARG_PTR_TO_MAP_VALUE, proto.ARG_PTR_TO_DYNPTR]).toContain(base)
      })
    }
  })

  it('are those of the program type', () => {
    expect(protoOf(44, proto.XDP)?.args.length).toBe(2)
    expect(protoOf(44, proto.TC)).toBe(undefined)
    // The class of a socket buffer's socket, or of the running task.
    expect(protoOf(17, proto.TC)?.args).toEqual([proto.ARG_PTR_TO_CTX])
    expect(protoOf(17, proto.XDP)?.args).toEqual([])
  })
})

describe('contexts', () => {
  it('an access is one of a field or of an aligned part of it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...progTypes),
        fc.integer({ min: -8, max: 260 }),
        fc.constantFrom(1, 2, 4, 8),
        fc.boolean(),
        (type, off, size, write) => {
          const ctx = ctxAccessOf(type, 0, false)!
          const result = ctxResult(ctx, off, size, write)
          if (result === 0) return
          expect(off % size).toBe(0)
          expect(ctxFieldName(ctx, off)).not.toBe(undefined)
          if (result !== SCALAR_VALUE) expect(write).toBe(false)
        },
      ),
    )
  })

  it('the packet is where user space has it', () => {
    expect(ctxResult(ctxAccessOf(6, 0, false)!, 0, 4, false)).toBe(PTR_TO_PACKET)
    expect(ctxResult(ctxAccessOf(3, 0, false)!, 76, 4, false)).toBe(PTR_TO_PACKET)
    expect(ctxResult(ctxAccessOf(1, 0, false)!, 76, 4, false)).toBe(0)
    // A queue index may be set where the device does it, the egress interface is known at a devmap only.
    expect(ctxResult(ctxAccessOf(6, 0, false)!, 16, 4, true)).toBe(0)
    expect(ctxResult(ctxAccessOf(6, 0, true)!, 16, 4, true)).toBe(SCALAR_VALUE)
    expect(ctxResult(ctxAccessOf(6, 33, false)!, 20, 4, false)).toBe(SCALAR_VALUE)
    expect(ctxResult(ctxAccessOf(6, 37, false)!, 20, 4, false)).toBe(0)
  })
})

describe('maps and helpers', () => {
  const goes = (map: number, helper: number): boolean => {
    const env = new Env(
      { name: 'p', type: 6, expectedAttachType: 0, flags: 0, license: 'GPL', insns: assemble('exit') },
      maps,
      {},
    )
    try {
      checkMapHelper(env, map, helper)
      return true
    } catch (error) {
      if (error instanceof Reject) return false
      throw error
    }
  }

  it('both have to agree', () => {
    expect(goes(0, 1) && goes(1, 2) && goes(2, 12) && goes(3, 25) && goes(4, 131) && goes(5, 51) && goes(6, 88)).toBe(true)
    // The map's list, the helper's list.
    expect(goes(2, 1) || goes(3, 2) || goes(4, 1) || goes(6, 1)).toBe(false)
    expect(goes(0, 12) || goes(1, 25) || goes(0, 131) || goes(1, 51) || goes(0, 87)).toBe(false)
  })
})

describe('calls', () => {
  it('need the licence that the helper asks for', () => {
    const text = 'r1 = r10\nr1 += -8\n*(u64 *)(r10 - 8) = 0\nr2 = 8\ncall trace_printk\nr0 = 0\nexit'
    expect(run(text, 6)).toBe('accepted')
    expect(run(text, 6, 'Apache-2.0')).toBe('22 cannot call GPL-restricted function from non-GPL compatible program')
  })

  it('leave no argument register behind', () => {
    expect(run('r6 = r1\nr1 = 5\ncall ktime_get_ns\nr0 = r1\nexit', 6)).toBe('13 R1 !read_ok')
  })

  it('any arguments give a verdict, the same one twice', () => {
    const value = fc.oneof(
      fc.integer({ min: -16, max: 520 }).map(n => `= ${n}`),
      fc.integer({ min: 0, max: maps.length - 1 }).map(n => `= map[${n}] ll`),
      fc.constantFrom('= r10', '= r6', '= r7', '= r8', '= r9'),
    )
    const move = fc.constantFrom(0, 4, -8, -16, -64, -512, 8)
    const argument = fc.tuple(value, fc.option(move))
    fc.assert(
      fc.property(
        fc.constantFrom(...progTypes),
        fc.integer({ min: 0, max: 215 }),
        fc.array(argument, { minLength: 5, maxLength: 5 }),
        fc.integer({ min: 0, max: 255 }),
        (type, id, args, mask) => {
          const lines = [
            'r6 = r1',
            'r1 = map[1] ll',
            'r2 = r10',
            'r2 += -4',
            '*(u32 *)(r10 - 4) = 1',
            'call map_lookup_elem',
            'r9 = r0',
          ]
          lines.push('call get_prandom_u32', 'r7 = r0', `r7 &= ${mask}`, 'r8 = r0', '*(u64 *)(r10 - 16) = 0')
          args.forEach(([from, by], i) => {
            lines.push(`r${i + 1} ${from}`)
            if (by !== null && !from.includes('map')) lines.push(`r${i + 1} += ${by}`)
          })
          lines.push(`call ${id}`, 'if r0 == 0 goto out', 'r1 = *(u8 *)(r0 + 0)', 'out:', 'r0 = 0', 'exit')
          const text = lines.join('\n')
          expect(run(text, type)).toBe(run(text, type))
        },
      ),
      { numRuns: 600 },
    )
  })
})

describe('formats', () => {
  const format = (text: string, args: number): boolean => isFormat(new TextEncoder().encode(text), args)

  it('know the conversions that programs may use', () => {
    for (const text of ['plain', '%%', '%d %lu %llx', '%-5d', '%s', '%p', '%pI4 %pi6', '%ps', '%pks', '%c'])
      expect(format(text, 3)).toBe(true)
    for (const text of ['%f', '%q', '%pI5', '%sx', '%', '%ld%', '\u0001', '%lllx']) expect(format(text, 3)).toBe(false)
  })

  it('take no more than there are arguments', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 12 }), (used, given) => {
        expect(format('%d '.repeat(used), given)).toBe(used <= given)
      }),
    )
  })
})
