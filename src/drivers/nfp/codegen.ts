// What code is to be generated: exactly the upstream driver's, or the same with its miscompilations repaired. Each repair is a row
// with a name that switches it, and says how sure we are of it. docs/upstream-differences.md has the smallest program for each.

export type Codegen = 'upstream' | 'correct'

export type RepairName =
  | 'mul-high'
  | 'div-high'
  | 'div-shift'
  | 'div-zero'
  | 'dead-magic'
  | 'shift-self'
  | 'shift-sign'
  | 'shift-wide'
  | 'min-negate'
  | 'r10-operand'
  | 'st-immediate'
  | 'copy-reload'
  | 'copy-tail'
  | 'copy-overlap'
  | 'copy-direction'
  | 'copy-end'
  | 'last-visit'
  | 'precision'
  | 'sign-extend'
  | 'signed-division'
  | 'map-index'
  | 'map-zero'
  | 'zext-reads'
  | 'narrow-range'
  | 'zero-spill'
  | 'function-exit'
  | 'address-borrow'
  | 'caller-subword'
  | 'caller-key'
  | 'ld-offset'
  | 'ld-bounds'
  | 'ld-function'
  | 'function-loop'
  | 'ld-shift-order'
  | 'hard-wire'
  | 'init-observed'
  | 'adjust-head-once'
  | 'adjust-head-far'
  | 'adjust-tail-zero'
  | 'cache-range'

/**
 * How we know. `words`: the code alone shows it (a register is never written, a constant or an address is wrong). `facts`: the code
 * relies on something that the verifier does not promise. `machine`: it rests on our reading of the microengine. `refusal` and `crash`:
 * no wrong code, but none at all. `cost`: right but longer than needed.
 */
export type Evidence = 'words' | 'facts' | 'machine' | 'refusal' | 'crash' | 'cost'

export interface Repair {
  readonly name: RepairName
  readonly title: string
  readonly evidence: Evidence
  /** Number in the list of quirks, where it is one of those. */
  readonly quirk?: number
}

export const repairs: readonly Repair[] = [
  { name: 'mul-high', title: 'a 16x16 multiplication of 32 bits clears the high word', evidence: 'words', quirk: 4 },
  { name: 'div-high', title: 'a 32-bit division clears the high word', evidence: 'words', quirk: 4 },
  { name: 'div-shift', title: 'a division that needs no shift (by 1, 641, 6700417) has none', evidence: 'machine' },
  { name: 'div-zero', title: 'division by a register known to be 0 gives 0', evidence: 'crash', quirk: 3 },
  { name: 'dead-magic', title: 'no reciprocal is loaded where it is not used', evidence: 'cost', quirk: 6 },
  { name: 'shift-self', title: 'a register shifted right by itself keeps its amount for the second half', evidence: 'words' },
  { name: 'shift-sign', title: 'the sign of an arithmetic shift is not taken from its amount', evidence: 'machine' },
  { name: 'shift-wide', title: 'shift amounts count modulo 64 (32)', evidence: 'words' },
  { name: 'min-negate', title: '-2147483648 is not replaced by its negative, which it is itself', evidence: 'words' },
  { name: 'r10-operand', title: 'R10 as an operand is the frame pointer', evidence: 'words', quirk: 5 },
  { name: 'st-immediate', title: 'stores of immediates are translated', evidence: 'refusal', quirk: 1 },
  { name: 'copy-reload', title: 'after a gathered copy the register holds what was loaded last', evidence: 'words', quirk: 8 },
  { name: 'copy-tail', title: 'the tail of a gathered copy goes where it belongs beyond byte 255', evidence: 'words', quirk: 8 },
  { name: 'copy-overlap', title: 'copies that read what they have just written are not gathered', evidence: 'words' },
  { name: 'copy-direction', title: 'a gathered copy goes in one direction', evidence: 'words' },
  { name: 'copy-end', title: 'a copy right before the last instruction is closed', evidence: 'crash', quirk: 2 },
  { name: 'last-visit', title: 'two packet pointers are one only if they were so on every path', evidence: 'facts', quirk: 10 },
  {
    name: 'precision',
    title: 'values that decide the code are marked precise, so that no other value is pruned',
    evidence: 'facts',
    quirk: 10,
  },
  { name: 'sign-extend', title: 'a move with sign extension extends the sign', evidence: 'words' },
  {
    name: 'signed-division',
    title: 'signed division is refused where it would give something else than unsigned',
    evidence: 'words',
  },
  { name: 'map-index', title: 'maps that are referred to by index get their number', evidence: 'words' },
  { name: 'map-zero', title: 'a map whose number is 0 is not null', evidence: 'words' },
  {
    name: 'zext-reads',
    title: 'high words are cleared where the machine code reads them, whatever the verifier has marked',
    evidence: 'facts',
    quirk: 10,
  },
  {
    name: 'narrow-range',
    title: '32-bit multiplications and divisions are not refused for what their operands have above 32 bits',
    evidence: 'refusal',
  },
  { name: 'function-exit', title: 'what a function of a TC program returns is no verdict', evidence: 'refusal', quirk: 13 },
  {
    name: 'zero-spill',
    title: 'a zero on the stack is one also if Linux 6.18 remembers it as a spilled register',
    evidence: 'refusal',
  },
  { name: 'address-borrow', title: 'negative offsets borrow from the high word of a map address', evidence: 'words' },
  {
    name: 'caller-subword',
    title: "bytes and halfwords of a caller's frame are found below the frame",
    evidence: 'words',
    quirk: 15,
  },
  { name: 'caller-key', title: "a key in a caller's frame is not taken for one in our own", evidence: 'words' },
  { name: 'ld-offset', title: 'offsets of LD_ABS and LD_IND keep all their bits', evidence: 'words' },
  { name: 'ld-bounds', title: 'LD_IND below the packet is refused at run time', evidence: 'words' },
  { name: 'ld-function', title: 'LD_ABS beyond the packet returns from a function, not from the program', evidence: 'words' },
  {
    name: 'function-loop',
    title: "a jump to a function's first instruction does not save the return address again",
    evidence: 'words',
  },
  { name: 'ld-shift-order', title: 'a right shift followed by a left one is kept', evidence: 'words' },
  { name: 'hard-wire', title: 'jumps that are always taken test nothing', evidence: 'cost', quirk: 9 },
  { name: 'init-observed', title: 'r6 = r1 stays where the value is used', evidence: 'words', quirk: 5 },
  {
    name: 'adjust-head-once',
    title: 'adjust_head has its checks where it may run twice or after adjust_tail',
    evidence: 'words',
  },
  { name: 'adjust-head-far', title: 'adjust_head by 65536 or more is refused at run time', evidence: 'machine' },
  { name: 'adjust-tail-zero', title: 'adjust_tail by 0 succeeds', evidence: 'words' },
  { name: 'cache-range', title: 'cached ranges may end at 0 and reach 32768', evidence: 'words', quirk: 7 },
]

export type Repaired = Readonly<Record<RepairName, boolean>>

export interface CodegenOptions {
  readonly codegen: Codegen
  /** Names of passes and repairs that are switched off. */
  readonly off: ReadonlySet<string>
}

export const UPSTREAM: CodegenOptions = { codegen: 'upstream', off: new Set() }
export const CORRECT: CodegenOptions = { codegen: 'correct', off: new Set() }

export function repairedBy(options: CodegenOptions): Repaired {
  const result = {} as Record<RepairName, boolean>
  for (const { name } of repairs) result[name] = options.codegen === 'correct' && !options.off.has(name)
  return result
}
