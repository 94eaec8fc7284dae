import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeInsns } from './decode.ts'
import { encodeInsns } from './encode.ts'
import { opcodeRows, opcodes } from './opcode-table.ts'
import { printInsn } from './print.ts'

const print = (hex: string): string =>
  printInsn(decodeInsns(Uint8Array.from(hex.match(/../g) ?? [], h => Number.parseInt(h, 16))), 0)

describe('instructions', () => {
  test('encode is the inverse of decode on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 400 }), bytes => {
        const whole = bytes.subarray(0, bytes.length & ~7)
        expect(encodeInsns(decodeInsns(whole))).toEqual(whole)
      }),
    )
  })

  test('a torn instruction is refused', () => {
    expect(() => decodeInsns(new Uint8Array(9))).toThrow('9 bytes are no whole number')
  })

  test('printing never fails, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), bytes => {
        expect(printInsn(decodeInsns(bytes), 0)).toMatch(/^(\([0-9a-f]{2}\) \S|BUG_)/)
      }),
    )
  })

  test('every row has an opcode of its own', () => {
    expect(new Set(opcodeRows.map(r => r.code)).size).toBe(opcodeRows.length)
    expect(opcodes.filter(r => r !== undefined).length).toBe(opcodeRows.length)
  })

  // What a 6.18 kernel prints for these words.
  test.each([
    ['bf21000000000000', '(bf) r1 = r2'],
    ['bc44080000000000', '(bc) w4 = (s8)w4'],
    ['07010000f8ffffff', '(07) r1 += -8'],
    ['3708010000010000', '(37) r8 s/= 256'],
    ['c404000018000000', '(c4) w4 s>>= 24'],
    ['8407000000000000', '(84) w7 = -w7'],
    ['dc06000020000000', '(dc) r6 = be32 r6'],
    ['d707000010000000', '(d7) r7 = bswap16 r7'],
    ['8127370000000000', '(81) r7 = *(s32 *)(r2 +55)'],
    ['635af0ff00000000', '(63) *(u32 *)(r10 -16) = r5'],
    ['7a0ae8ff00000000', '(7a) *(u64 *)(r10 -24) = 0'],
    ['405000000e000000', '(40) r0 = *(u32 *)skb[r5 + 14]'],
    ['db32000040000000', '(db) lock *(u64 *)(r2 +0) |= r3'],
    ['db52000001000000', '(db) r5 = atomic64_fetch_add((u64 *)(r2 +0), r5)'],
    ['c3720000f1000000', '(c3) r0 = atomic_cmpxchg((u32 *)(r2 +0), r0, r7)'],
    ['16031000f8ffffff', '(16) if w3 == 0xfffffff8 goto pc+16'],
    ['d50705000f000000', '(d5) if r7 s<= 0xf goto pc+5'],
    ['0600000005000000', '(06) gotol pc+5'],
    ['e500040000000000', '(e5) may_goto pc+4'],
    ['8500000001000000', '(85) call bpf_map_lookup_elem#1'],
    ['8510000021000000', '(85) call pc+33'],
    ['8563f8ff01000000', '(85) call unknown#1'],
    ['850000000f270000', '(85) call unknown#9999'],
    ['18020000785634120000000078563412', '(18) r2 = 0x1234567812345678'],
    ['9500000000000000', '(95) exit'],
  ])('%s prints as %s', (hex, text) => expect(print(hex)).toBe(text))
})
