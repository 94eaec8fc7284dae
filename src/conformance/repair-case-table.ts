// The smallest programs that show what the upstream driver gets wrong, one for each repair of drivers/nfp/codegen.ts. docs/upstream-differences.md
// is written from this table; its tests run every program on the interpreter and on the card, with the repair and without.

import type { RepairName } from '../drivers/nfp/codegen.ts'

/** What happens without the repair: another outcome for a packet, a refusal, the driver's own death, or other words that make no difference here. */
export type Effect = 'outcome' | 'refused' | 'crash' | 'code'

export interface RepairCase {
  readonly repair: RepairName
  /** The reason, for the driver's maintainers. */
  readonly why: string
  /** Assembly, complete. */
  readonly program: string
  readonly type?: 'xdp' | 'tc'
  readonly maps?: readonly {
    readonly type: 'hash' | 'array'
    readonly key: number
    readonly value: number
    readonly entries: number
  }[]
  /** Hex, each repeated to 64 bytes or what `bytes` says. */
  readonly packets: readonly string[]
  readonly bytes?: number
  readonly effect: Effect
  /** With the repair the program is refused: there is no right code for it. */
  readonly refusedWhenRepaired?: boolean
  /** The program has types for its functions. */
  readonly btf?: boolean
  /** The first table id of the firmware. */
  readonly firstMap?: number
}

const CHECK = (bytes: number): string => `r2 = *(u32 *)(r1 + 0)
r3 = *(u32 *)(r1 + 4)
r4 = r2
r4 += ${bytes}
if r4 > r3 goto out`

const END = `r0 = 2
exit
out:
r0 = 1
exit`

/** A body between the check that a packet has so many bytes and the end. */
function onPacket(bytes: number, body: string): string {
  return `${CHECK(bytes)}\n${body}\n${END}`
}

/** Pairs of loads and stores over neighbouring bytes. */
function copies(bits: number, from: number, to: number, count: number): string {
  const size = bits / 8
  return Array.from({ length: count }, (_, i) => {
    const place = (base: number): string => `*(u${bits} *)(r2 + ${base + i * size})`
    return `r5 = ${place(from)}\n${place(to)} = r5`
  }).join('\n')
}

const TC_DROP = `r0 = 2
exit`

export const repairCases: readonly RepairCase[] = [
  {
    repair: 'mul-high',
    why: 'The 16x16 form writes the low word only. A 32-bit operation before it may have left its high word uncleared, because the verifier says that nobody reads it; then it is up to the multiplication to clear it, and it does not look at the mark.',
    program: onPacket(16, 'r5 = *(u64 *)(r2 + 0)\nw5 &= 255\nw5 *= 3\n*(u64 *)(r2 + 8) = r5'),
    packets: ['0102030405060708'],
    effect: 'outcome',
  },
  {
    repair: 'div-high',
    why: 'Division never touches the high word, and does not look at the mark either.',
    program: onPacket(16, 'r5 = *(u64 *)(r2 + 0)\nw5 &= 255\nw5 /= 3\n*(u64 *)(r2 + 8) = r5'),
    packets: ['0902030405060708'],
    effect: 'outcome',
  },
  {
    repair: 'div-shift',
    why: 'A shift amount of 0 in the instruction word means "by the A operand of the last ALU instruction". Division by 1, and by 641 and 6700417 (the factors of 2^32 + 1, whose reciprocals are exact), ends in such a shift.',
    program: onPacket(16, 'r5 = *(u32 *)(r2 + 0)\nr6 = 7\nw6 += 1\nr5 /= 641\n*(u32 *)(r2 + 8) = r5'),
    packets: ['ffeeddcc'],
    effect: 'outcome',
  },
  {
    repair: 'div-zero',
    why: 'The verifier allows division by a register that is 0; the driver computes the reciprocal of it.',
    program: onPacket(16, 'r5 = *(u32 *)(r2 + 0)\nr6 = 0\nr5 /= r6\n*(u32 *)(r2 + 8) = r5'),
    packets: ['01'],
    effect: 'crash',
  },
  {
    repair: 'dead-magic',
    why: 'The reciprocal is loaded before the test whether the divisor is a power of two.',
    program: onPacket(16, 'r5 = *(u32 *)(r2 + 0)\nr5 /= 1024\n*(u32 *)(r2 + 8) = r5'),
    packets: ['01020304'],
    effect: 'code',
  },
  {
    repair: 'shift-self',
    why: 'A right shift by a register makes the low word first, from both words; if the register is its own amount, the high word is then shifted by the new low word.',
    program: onPacket(16, 'r5 = *(u64 *)(r2 + 0)\nr5 >>= r5\n*(u64 *)(r2 + 8) = r5'),
    packets: ['0520000000000080'],
    effect: 'outcome',
  },
  {
    repair: 'shift-sign',
    why: 'The word before an arithmetic shift by a register is the OR of amount and high word: its left operand is the amount, its result gives the sign. An amount with bit 31 set (only the low six bits count) makes a positive number negative.',
    program: onPacket(24, 'r5 = *(u64 *)(r2 + 0)\nr6 = *(u64 *)(r2 + 8)\nr5 s>>= r6\n*(u64 *)(r2 + 16) = r5'),
    packets: ['00000000000000400100008000000000'],
    effect: 'outcome',
  },
  {
    repair: 'shift-wide',
    why: 'Amounts count modulo 64. If the verifier knows an amount to be at least 32 the driver takes the form for 32 to 63, whatever the upper bound; a constant of 64 or more in a register is an error (-14).',
    program: onPacket(24, 'r5 = *(u64 *)(r2 + 0)\nr6 = *(u8 *)(r2 + 8)\nr6 &= 63\nr6 += 32\nr5 <<= r6\n*(u64 *)(r2 + 16) = r5'),
    packets: ['010203040506070820'],
    effect: 'outcome',
  },
  {
    repair: 'min-negate',
    why: 'Negative constants are replaced by their negatives, additions by subtractions and comparisons by sums. -2147483648 is its own negative in 32 bits: its extension to 64 bits keeps the wrong sign.',
    program: onPacket(16, 'r5 = *(u64 *)(r2 + 0)\nr5 += -2147483648\n*(u64 *)(r2 + 8) = r5'),
    packets: ['0102030405060708'],
    effect: 'outcome',
  },
  {
    repair: 'r10-operand',
    why: 'Only `mov` knows that R10 has no register. Everything else reads general registers 20 and 21, which are scratch.',
    program: 'r5 = -8\nr5 += r10\nr6 = r10\nr6 += -8\nr0 = 2\nif r5 == r6 goto same\nr0 = 1\nsame:\nexit',
    packets: ['00'],
    effect: 'outcome',
  },
  {
    repair: 'st-immediate',
    why: 'The hook of the verifier records no pointer for BPF_ST, so translation finds none: error -95, EINVAL without a word in the verifier log. Everything for the packet is there.',
    program: onPacket(16, '*(u16 *)(r2 + 3) = 4660\n*(u32 *)(r10 - 8) = 77\nr5 = *(u32 *)(r10 - 8)\n*(u8 *)(r2 + 9) = r5'),
    packets: ['00'],
    effect: 'refused',
  },
  {
    repair: 'copy-reload',
    why: 'After a gathered copy the load register is filled with what the last load of the chain would have left. For words it is always the first one that was read; for bytes and halves of a downward copy the end of the first word.',
    program: onPacket(40, `${copies(32, 0, 16, 2)}\n*(u32 *)(r2 + 32) = r5`),
    packets: ['0102030405060708'],
    effect: 'outcome',
  },
  {
    repair: 'copy-tail',
    why: 'A gathered copy of more than 40 bytes that is no whole number of words is written in two parts; the offset of the second passes through an u8.',
    program: onPacket(300, copies(16, 0, 240, 21)),
    packets: ['000102030405060708090a0b0c0d0e0f10111213141516171819'],
    bytes: 320,
    effect: 'outcome',
  },
  {
    repair: 'copy-overlap',
    why: 'Gathering reads all before it writes anything. The test for overlap compares where loads begin, not where they end: a copy by a distance that is no multiple of the size passes.',
    program: onPacket(40, 'r5 = *(u64 *)(r2 + 0)\n*(u64 *)(r2 + 12) = r5\nr5 = *(u64 *)(r2 + 8)\n*(u64 *)(r2 + 20) = r5'),
    packets: ['000102030405060708090a0b0c0d0e0f1011121314'],
    effect: 'outcome',
  },
  {
    repair: 'copy-direction',
    why: 'Each pair is compared with the one before only, so a chain may turn round; its length is the sum of all pairs, and more is copied than was.',
    program: onPacket(
      64,
      'r5 = *(u32 *)(r2 + 0)\n*(u32 *)(r2 + 32) = r5\nr5 = *(u32 *)(r2 + 4)\n*(u32 *)(r2 + 36) = r5\nr5 = *(u32 *)(r2 + 0)\n*(u32 *)(r2 + 32) = r5',
    ),
    packets: ['000102030405060708090a0b0c0d0e0f1011'],
    effect: 'outcome',
  },
  {
    repair: 'copy-end',
    why: 'The walk ends at the last instruction but one. A chain that is open there keeps its length and gets no store: translation follows a null pointer.',
    program: `r0 = 2\n${CHECK(64)}\nr5 = *(u32 *)(r2 + 4)\n*(u32 *)(r2 + 36) = r5\nout:\nexit`,
    packets: ['0102030405060708'],
    effect: 'crash',
  },
  {
    repair: 'last-visit',
    why: 'Whether two loads can share a read is asked of the pointers as the verifier saw them last. On another path they may be elsewhere.',
    program: onPacket(
      40,
      'r5 = r2\nr6 = *(u8 *)(r2 + 20)\nif r6 > 5 goto join\nr5 += 4\njoin:\nr6 = *(u8 *)(r2 + 0)\nr7 = *(u8 *)(r5 + 0)\n*(u8 *)(r2 + 30) = r7',
    ),
    packets: ['0102030405060708090a0b0c0d0e0f101112131402'],
    effect: 'outcome',
  },
  {
    repair: 'precision',
    why: 'Since 5.3 the verifier prunes a path if a register differs that it does not need to know exactly. It does not know that the driver turns a shift by this register into one by a constant, division into a multiplication, and so on.',
    program: onPacket(
      40,
      'r5 = *(u64 *)(r2 + 0)\nr7 = *(u8 *)(r2 + 8)\nr6 = 3\nif r7 == 1 goto join\nr6 = 5\nr8 = 1\nr8 += 1\nr8 += 1\nr8 += 1\nr8 += 1\njoin:\nr5 >>= r6\n*(u64 *)(r2 + 16) = r5',
    ),
    packets: ['010203040506070801'],
    effect: 'outcome',
  },
  {
    repair: 'sign-extend',
    why: 'Since 6.6 `mov` with an offset of 8, 16 or 32 extends the sign. The opcode is that of a plain move, and the driver does not look at the offset.',
    program: onPacket(16, 'r5 = *(u64 *)(r2 + 0)\nr5 = (s8)r5\n*(u64 *)(r2 + 8) = r5'),
    packets: ['8002030405060708'],
    effect: 'outcome',
  },
  {
    repair: 'signed-division',
    why: 'Since 6.6 `div` with an offset of 1 is signed. The driver divides unsigned.',
    program: onPacket(16, 'r5 = *(u32 *)(r2 + 0)\nw5 s/= 2\n*(u32 *)(r2 + 8) = r5'),
    packets: ['f0ffffff'],
    effect: 'outcome',
    refusedWhenRepaired: true,
  },
  {
    repair: 'zext-reads',
    why: 'Which 32-bit results need their high word cleared is left to the marks of the verifier. They ask for more than the machine code reads (amounts of shifts, 32-bit addresses, the verdict), and since Linux 6.18 for less: it marks a definition when it walks a 64-bit read of it, and no longer does so when it prunes a path before that read.',
    program: onPacket(24, 'r5 = *(u64 *)(r2 + 0)\nr6 = *(u32 *)(r2 + 8)\nw6 &= 15\nr5 <<= r6\n*(u64 *)(r2 + 16) = r5'),
    packets: ['010203040506070801'],
    effect: 'code',
  },
  {
    repair: 'narrow-range',
    why: 'Bounds of the whole registers are looked at though only their low words are multiplied or divided. Since Linux 6.18 no longer knows a 32-bit quotient to be below 2^32, `w3 /= 10; w3 *= 3` is refused.',
    program: onPacket(16, 'r5 = *(u64 *)(r2 + 0)\nw5 *= 70000\n*(u32 *)(r2 + 8) = r5'),
    packets: ['0102030405060708'],
    effect: 'refused',
  },
  {
    repair: 'zero-spill',
    why: 'An update of a map with counters wants zeros, and asks for the slot type STACK_ZERO. Since 6.8 a stored zero is a spilled register.',
    program:
      'r6 = 0\n*(u32 *)(r10 - 8) = r6\nr2 = r10\nr2 += -8\nr1 = map[0] ll\ncall map_lookup_elem\nif r0 == 0 goto none\nr5 = 1\nlock *(u64 *)(r0 + 0) += r5\nnone:\nr6 = 0\n*(u64 *)(r10 - 16) = r6\nr2 = r10\nr2 += -8\nr3 = r10\nr3 += -16\nr4 = 0\nr1 = map[0] ll\ncall map_update_elem\nr0 = 2\nexit',
    maps: [{ type: 'hash', key: 4, value: 8, entries: 8 }],
    packets: ['00'],
    effect: 'refused',
  },
  {
    repair: 'function-exit',
    why: 'A TC program must return a constant that the firmware can carry out. The check is made at every exit, also at those of functions.',
    type: 'tc',
    program: 'call answer\nr0 = 2\nexit\nanswer:\nr0 = 7\nexit',
    packets: ['00'],
    effect: 'refused',
  },
  {
    repair: 'address-borrow',
    why: 'Offsets of 40-bit addresses are added to the low word as unsigned numbers, and 0 with carry to the high word. A negative offset nearly always carries: the address is 4 GiB too high. The same in atomic adds.',
    program: onPacket(
      40,
      'r6 = r2\nr5 = 1\n*(u32 *)(r10 - 8) = r5\nr5 = *(u64 *)(r6 + 0)\n*(u64 *)(r10 - 24) = r5\n*(u64 *)(r10 - 16) = r5\nr2 = r10\nr2 += -8\nr3 = r10\nr3 += -24\nr4 = 0\nr1 = map[0] ll\ncall map_update_elem\nr2 = r10\nr2 += -8\nr1 = map[0] ll\ncall map_lookup_elem\nif r0 == 0 goto out\nr0 += 8\nr5 = *(u64 *)(r0 - 8)\n*(u64 *)(r6 + 8) = r5',
    ),
    maps: [{ type: 'array', key: 4, value: 16, entries: 4 }],
    packets: ['0102030405060708'],
    effect: 'outcome',
  },
  {
    repair: 'caller-subword',
    why: "A place in the caller's frame is counted from the callee's and so may be negative; its remainder modulo 4 is negative in C. Bytes are taken from the wrong end of the word, halves and bytes are stored nowhere (byte mask 0), and some places are refused (-95).",
    program: onPacket(
      40,
      'r6 = r2\nr5 = *(u64 *)(r6 + 0)\n*(u64 *)(r10 - 16) = r5\nr1 = r10\nr1 += -13\ncall byte\n*(u8 *)(r6 + 8) = r0',
    ).concat('\nbyte:\nr0 = *(u8 *)(r1 + 0)\nexit'),
    packets: ['0102030405060708'],
    effect: 'outcome',
  },
  {
    repair: 'caller-key',
    why: 'The key pointer is loaded unless the key is at the beginning of the frame, by its offset alone. A function without stack of its own has a frame of 4 bytes: a key at r10 - 4 of the caller looks like the beginning of it, where the return address is.',
    program:
      'r5 = 1\n*(u32 *)(r10 - 4) = r5\nr1 = r10\nr1 += -4\ncall find\nif r0 == 0 goto none\nr0 = 2\nexit\nnone:\nr0 = 1\nexit\nfind:\nr2 = r1\nr1 = map[0] ll\ncall map_lookup_elem\nif r0 == 0 goto end\nr0 = 1\nend:\nexit',
    maps: [{ type: 'array', key: 4, value: 8, entries: 2 }],
    packets: ['00'],
    effect: 'outcome',
  },
  {
    repair: 'ld-offset',
    why: 'The constant of LD_ABS and LD_IND is kept in 16 bits: an offset beyond the packet reads within it, and a negative displacement of LD_IND becomes a large one.',
    type: 'tc',
    program: `r6 = r1\nr0 = *(u8 *)skb[65541]\n${TC_DROP}`,
    packets: ['00'],
    effect: 'outcome',
  },
  {
    repair: 'ld-bounds',
    why: 'The size is added to the offset before the comparison with the length. For an offset of -1 to -4 the sum wraps to a small number: what lies before the packet is read.',
    type: 'tc',
    program: `r6 = r1\nr7 = -1\nr0 = *(u8 *)skb[r7 + 0]\n${TC_DROP}`,
    packets: ['00'],
    effect: 'outcome',
  },
  {
    repair: 'ld-function',
    why: 'A load beyond the packet ends the function that it is in, which returns 0 (BPF_EXIT behind the load). The driver jumps to the abort routine.',
    type: 'tc',
    btf: true,
    program: 'r6 = r1\ncall load\nr0 = 2\nexit\nload:\nr6 = r1\nr0 = *(u8 *)skb[1000]\nr0 = 2\nexit',
    packets: ['00'],
    effect: 'outcome',
  },
  {
    repair: 'function-loop',
    why: "The first word of a function saves the return address from scratch register 21, and belongs to the function's first instruction. A loop that goes back to this instruction saves what is in the register by then: the function returns to nowhere.",
    program: 'r1 = 3\nr2 = 2\ncall down\nr0 = 2\nexit\ndown:\nr1 += -1\nif r1 == r2 goto down\nr0 = 1\nexit',
    packets: ['00'],
    effect: 'outcome',
  },
  {
    repair: 'ld-shift-order',
    why: 'Two shifts by 32 behind a load are dropped in either order. Right first and then left gives 0.',
    type: 'tc',
    program: `r6 = r1\nr0 = *(u32 *)skb[0]\nr0 >>= 32\nr0 <<= 32\nif r0 == 0 goto zero\nr0 = -1\nexit\nzero:\n${TC_DROP}`,
    packets: ['01020304'],
    effect: 'outcome',
  },
  {
    repair: 'hard-wire',
    why: 'A jump that the verifier knows to be taken stays conditional. Where the machine sees another value than the verifier thought of (see min-negate and r10-operand), it goes where the code was removed.',
    program: onPacket(
      16,
      'r5 = 1\nr6 = *(u8 *)(r2 + 0)\nif r6 == 3 goto other\nif r5 == 1 goto taken\nr5 = 9\nother:\nr5 = 7\ntaken:\n*(u8 *)(r2 + 1) = r5',
    ),
    packets: ['00'],
    effect: 'code',
  },
  {
    repair: 'map-zero',
    why: 'The first table id of a firmware may be 0. A map is never null for the verifier, which may keep the comparison nevertheless because the other branch is reached from elsewhere; its number is null for the card.',
    program:
      'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nif r2 >= r3 goto other\nr1 = map[0] ll\nif r1 != 0 goto taken\nother:\nr0 = 1\nexit\ntaken:\nr0 = 2\nexit',
    maps: [{ type: 'array', key: 4, value: 8, entries: 2 }],
    firstMap: 0,
    packets: ['00'],
    effect: 'outcome',
  },
  {
    repair: 'init-observed',
    why: '`r6 = r1` at the start is dropped, because loads from the context do not look at their register. A comparison does. (A card leaves in r6 what the last packet left there; the simulated one clears it, as it does r1.)',
    program: 'r6 = r1\nr0 = 2\nif r6 == r1 goto same\nr0 = 1\nsame:\nr6 = 77\nexit',
    packets: ['00'],
    effect: 'code',
  },
  {
    repair: 'adjust-head-once',
    why: 'The form without checks is taken if there is one call in the program. In a loop, or in a function, it may run more than once; after adjust_tail there may be less packet than 60 bytes.',
    program: 'r7 = r1\nr9 = 3\nagain:\nr1 = r7\nr2 = 16\ncall xdp_adjust_head\nr9 += -1\nif r9 != 0 goto again\nr0 = 2\nexit',
    packets: ['00'],
    bytes: 60,
    effect: 'outcome',
  },
  {
    repair: 'adjust-head-far',
    why: "The new place in the buffer is made by an addition of 16 bits ('+16') before it is compared with the limits. If that operation keeps 16 bits of the sum, as we read it, a change by a multiple of 65536 passes, and a negative one makes the packet longer than it is. (If it takes 16 bits of the second operand only, upstream is right, and this costs a word.)",
    program: 'r2 = -65536\ncall xdp_adjust_head\nif r0 == 0 goto moved\nr0 = 2\nexit\nmoved:\nr0 = 1\nexit',
    packets: ['00'],
    effect: 'outcome',
  },
  {
    repair: 'adjust-tail-zero',
    why: 'The carry of length plus change tells shrinking from growing, and takes 0 for growing. So did the kernel before 5.8; now 0 succeeds.',
    program: 'r2 = 0\ncall xdp_adjust_tail\nif r0 == 0 goto fine\nr0 = 1\nexit\nfine:\nr0 = 2\nexit',
    packets: ['00'],
    effect: 'outcome',
  },
  {
    repair: 'cache-range',
    why: 'A cached range that ends at offset 0 counts as none, and its loads read one by one; one that ends at 32768 wraps in 16 bits.',
    program: onPacket(16, 'r2 += 16\nr5 = *(u32 *)(r2 - 8)\nr6 = *(u32 *)(r2 - 4)\nr5 += r6\nr2 += -16\n*(u32 *)(r2 + 0) = r5'),
    packets: ['0000000000000000010203040506'],
    effect: 'code',
  },
  {
    repair: 'map-index',
    why: 'A map that is referred to by its index (BPF_PSEUDO_MAP_IDX, src 5 of the ld_imm64) stays a pointer of the host.',
    program:
      'r5 = 1\n*(u32 *)(r10 - 4) = r5\nr2 = r10\nr2 += -4\nr1 = map[0] ll\ncall map_lookup_elem\nif r0 == 0 goto none\nr0 = 2\nexit\nnone:\nr0 = 1\nexit',
    maps: [{ type: 'array', key: 4, value: 8, entries: 2 }],
    packets: ['00'],
    effect: 'outcome',
  },
]
