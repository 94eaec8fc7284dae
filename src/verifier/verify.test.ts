import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assemble } from '../bpf/assemble.ts'
import { decodeInsns } from '../bpf/decode.ts'
import { ENOSPC } from '../bpf/errno.ts'
import type { Insns } from '../bpf/insns.ts'
import { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH } from '../bpf/map-type-table.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import type { DeviceHooks } from './device.ts'
import { type Verdict, type VerifyOptions, verify } from './index.ts'
import { PTR_TO_CTX, PTR_TO_PACKET, PTR_TO_STACK, SCALAR_VALUE, STACK_ZERO } from './reg.ts'

const maps: readonly MapSpec[] = [
  { name: 'hash', type: BPF_MAP_TYPE_HASH, keySize: 8, valueSize: 16, maxEntries: 4, flags: 0 },
  { name: 'array', type: BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 },
]

function programOf(insns: Insns, type: number = BPF_PROG_TYPE_XDP): Program {
  return { name: 'test', type, expectedAttachType: 0, flags: 0, license: 'GPL', insns }
}

function run(text: string, options: VerifyOptions = {}, type: number = BPF_PROG_TYPE_XDP): Verdict {
  return verify(programOf(assemble(text), type), maps, options)
}

// Instructions that often make sense: known opcodes, registers up to R10, small numbers.
const opcode = fc.constantFrom(
  ...[
    0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x3f, 0x47, 0x4f, 0x57, 0x5f, 0x67, 0x77, 0x7f, 0x87, 0x97, 0xa7, 0xb7, 0xbf, 0xc7, 0xcf,
  ],
  ...[0x04, 0x0c, 0x14, 0x1c, 0x2c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x84, 0xac, 0xb4, 0xbc, 0xcc, 0xd4, 0xd7, 0xdc],
  ...[0x61, 0x69, 0x71, 0x79, 0x81, 0x91, 0x62, 0x72, 0x7a, 0x63, 0x6b, 0x73, 0x7b, 0xc3, 0xdb, 0x18, 0x30, 0x48],
  ...[
    0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x45, 0x55, 0x5d, 0x65, 0xa5, 0xad, 0xb5, 0xcd, 0x16, 0x26, 0x5e, 0x66, 0xbe, 0x85, 0x95,
    0xe5,
  ],
)
const insn = fc
  .tuple(
    fc.oneof({ weight: 19, arbitrary: opcode }, { weight: 1, arbitrary: fc.nat(255) }),
    fc.oneof({ weight: 19, arbitrary: fc.nat(10) }, { weight: 1, arbitrary: fc.nat(15) }),
    fc.oneof({ weight: 3, arbitrary: fc.nat(10) }, { weight: 2, arbitrary: fc.constant(0) }),
    fc.oneof(fc.integer({ min: -16, max: 16 }), fc.constant(0), fc.integer({ min: -32768, max: 32767 })),
    fc.oneof(fc.integer({ min: -16, max: 64 }), fc.constant(0), fc.integer()),
  )
  .map(([code, dst, src, off, imm]) => {
    const bytes = new Uint8Array(8)
    const view = new DataView(bytes.buffer)
    view.setUint8(0, code)
    view.setUint8(1, dst | (src << 4))
    view.setInt16(2, off, true)
    view.setInt32(4, imm, true)
    return bytes
  })
const PROLOGUE = assemble('r6 = r1\nr7 = *(u32 *)(r1 + 0)\nr8 = *(u32 *)(r1 + 4)\n*(u64 *)(r10 - 8) = r1\nr0 = 0\nr2 = 1')
const EPILOGUE = assemble('r0 = 1\nexit')

function join(...parts: Insns[]): Insns {
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  const all: Insns = {
    count,
    code: new Uint8Array(count),
    dst: new Uint8Array(count),
    src: new Uint8Array(count),
    off: new Int16Array(count),
    imm: new Int32Array(count),
  }
  let at = 0
  for (const part of parts) {
    all.code.set(part.code, at)
    all.dst.set(part.dst, at)
    all.src.set(part.src, at)
    all.off.set(part.off, at)
    all.imm.set(part.imm, at)
    at += part.count
  }
  return all
}

const anyProgram = fc.tuple(fc.array(insn, { minLength: 1, maxLength: 40 }), fc.boolean()).map(([list, xdp]) => {
  const bytes = new Uint8Array(8 * list.length)
  list.forEach((one, i) => {
    bytes.set(one, 8 * i)
  })
  return programOf(join(PROLOGUE, decodeInsns(bytes), EPILOGUE), xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS)
})

// Loops that end only at the limit of instructions take seconds.
function ends(program: Program): boolean {
  const { insns } = program
  for (let i = 0; i < insns.count; i++) {
    const cls = insns.code[i]! & 7
    if ((cls === 5 || cls === 6) && (insns.off[i]! < 0 || (insns.code[i] === 0x06 && insns.imm[i]! < 0))) return false
    if (insns.code[i] === 0xe5) return false
  }
  return true
}

describe('any program', () => {
  const programs = anyProgram.filter(ends)

  test('gets a verdict, with a reason when it is refused', () => {
    fc.assert(
      fc.property(programs, program => {
        const verdict = verify(program, maps)
        if (!verdict.ok) {
          expect(verdict.errno).toBeGreaterThan(0)
          expect(verdict.message).not.toBe('')
          expect(verdict.log).toContain(verdict.message)
        }
      }),
      { numRuns: 400 },
    )
  })

  test('gets the same verdict and does the same work at every log level, and again', () => {
    fc.assert(
      fc.property(programs, program => {
        const [first, ...others] = [0, 1, 2, 4, 1].map(logLevel => {
          const verdict = verify(program, maps, { logLevel })
          return { ok: verdict.ok, errno: verdict.ok ? 0 : verdict.errno, at: verdict.ok ? 0 : verdict.at, stats: verdict.stats }
        })
        for (const other of others) expect(other).toEqual(first)
      }),
      { numRuns: 200 },
    )
  })

  test('is refused for lack of space exactly when its log does not fit', () => {
    fc.assert(
      fc.property(programs, program => {
        const whole = verify(program, maps, { logLevel: 2 }).log.length
        const fits = verify(program, maps, { logLevel: 2, logSize: whole + 1 })
        const tight = verify(program, maps, { logLevel: 2, logSize: whole })
        expect(fits.log.length).toBe(whole)
        expect(tight.ok).toBe(false)
        if (!tight.ok) expect(tight.errno).toBe(ENOSPC)
        if (!fits.ok) expect(fits.errno).not.toBe(ENOSPC)
      }),
      { numRuns: 60 },
    )
  })

  test('that is accepted reaches an exit, and what it never reaches is removed', () => {
    fc.assert(
      fc.property(programs, program => {
        const verdict = verify(program, maps, { logLevel: 0 })
        if (!verdict.ok) return
        const { seen, removed, hardWired } = verdict.verified
        for (let i = 0; i < program.insns.count; i++) {
          if (seen[i] === 0) expect(removed[i]).toBe(1)
          if (hardWired[i] !== 0) expect(seen[i]).not.toBe(0)
        }
        expect(program.insns.code.some((code, i) => code === 0x95 && seen[i] !== 0)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

describe('a device', () => {
  const packetRead = `
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    *(u64 *)(r10 - 8) = 0
    r4 = r2
    r4 += 14
    if r4 > r3 goto +2
    r0 = *(u8 *)(r2 + 12)
    exit
    r0 = 2
    exit`

  function hooksOf(insn: DeviceHooks['insn'], more: Partial<DeviceHooks> = {}): DeviceHooks {
    return { prepare: () => 0, insn, finalize: () => 0, replaceInsn: () => 0, removeInsns: () => 0, ...more }
  }

  test('sees each instruction before it is simulated, with the registers as they are', () => {
    const visited: number[] = []
    const types: number[] = []
    const hooks = hooksOf((view, i, previous) => {
      visited.push(i)
      if (i === 1) {
        types.push(view.reg(1).type, view.reg(2).type, view.reg(10).type)
        expect(previous).toBe(0)
        expect(view.frame).toBe(0)
      }
      if (i === 3) expect(view.stackByte(0, -8)).not.toBe(0)
      if (i === 7) {
        expect(view.reg(0).type).toBe(SCALAR_VALUE)
        expect(view.reg(0).umaxLo).toBe(255)
      }
      return 0
    })
    const verdict = run(packetRead, { target: { kind: 'offloaded', device: 'nic0', hooks } })
    expect(verdict.ok).toBe(true)
    expect(visited).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(types).toEqual([PTR_TO_CTX, PTR_TO_PACKET, PTR_TO_STACK])
    if (verdict.ok) expect(verdict.verified.maxPacketOffset).toBe(12)
  })

  test('refuses with its own words and errno, before the instruction is looked at', () => {
    const hooks = hooksOf((view, i) => {
      if (i !== 6) return 0
      view.log('[dev] no loads\n')
      return -95
    })
    const verdict = run(packetRead, { target: { kind: 'offloaded', device: 'nic0', hooks } })
    expect(verdict).toMatchObject({ ok: false, errno: 95, message: '[dev] no loads', at: 6 })
  })

  test('learns stack depths and definitions that need their upper half cleared', () => {
    let depth = -1
    let zext: number[] = []
    const hooks = hooksOf(() => 0, {
      finalize: summary => {
        depth = summary.stackDepth[0]!
        zext = [...summary.zext]
        return 0
      },
    })
    const text = 'w2 = w1\nr2 = 5\nw3 = 7\nr0 = r3\n*(u32 *)(r10 - 20) = r0\nexit'
    const verdict = run(`r1 = 3\n${text}`, { target: { kind: 'offloaded', device: 'nic0', hooks } })
    expect(verdict.ok).toBe(true)
    expect(depth).toBe(24)
    expect(zext).toEqual([0, 0, 0, 1, 0, 0, 0])
  })

  test('knows zero bytes on the stack', () => {
    let type = -1
    const hooks = hooksOf((view, i) => {
      if (i === 3) type = view.stackByte(0, -7)
      return 0
    })
    run('r0 = 0\n*(u8 *)(r10 - 7) = r0\nr0 = 0\nexit', { target: { kind: 'offloaded', device: 'nic0', hooks } })
    expect(type).toBe(STACK_ZERO)
  })
})

describe('definitions of 32 bits', () => {
  test('are found on paths that end because another covers them', () => {
    // The second way to the exit is pruned, yet its R0 is read whole there.
    const text = `
      r6 = r1
      call 7
      r7 = r0
      w0 = 1
      if r7 > 5 goto +1
      w0 = 2
      r0 += 1
      exit`
    const verdict = run(text, { logLevel: 0 })
    expect(verdict.ok).toBe(true)
    if (verdict.ok) expect([...verdict.verified.zext]).toEqual([0, 0, 0, 1, 0, 1, 0, 0])
  })
})
