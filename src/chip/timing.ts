// What things cost, as data: each number with its unit, the range in which it may lie, where it comes from and how sure it is. The
// names of the sources: KRUDE = "Determination of Throughput Guarantees for Processor-based SmartNICs" (CoNEXT'21) and its
// artefacts; NICFW = the public core-NIC firmware; NFFW = a disassembled image of it; NFD = the public host-DMA firmware;
// IXP = Intel IXP2800 Hardware Reference Manual, whose microengine is the NFP's ancestor; NOTES = published reading notes.
//
// The hot paths take a flat record of numbers (`Timing`) that is made once from this table. Everything is an integer, so the same
// run gives the same cycles everywhere: engine uses, which were measured to four decimals, are kept in ten-thousandths of a cycle.

export interface Parameter {
  readonly value: number
  readonly unit: string
  /** The values that the sources leave open; absent where they leave nothing open. */
  readonly range?: readonly [low: number, high: number]
  readonly source: string
  readonly confidence: 'high' | 'medium-high' | 'medium' | 'low-medium' | 'low'
}

export type ParameterName =
  | 'contexts'
  | 'instruction'
  | 'branchBubbles'
  | 'branchEarlyBubbles'
  | 'jumpBubbles'
  | 'swapBubbles'
  | 'pointerDelay'
  | 'ctmRoundTrip'
  | 'ememWait'
  | 'imemWait'
  | 'clsWait'
  | 'pullWait'
  | 'ememMiss'
  | 'ememRead'
  | 'ememAdd'
  | 'ememLock'
  | 'ememWrite'
  | 'ememBanks'
  | 'ememClock'
  | 'macCap'
  | 'macCollapse'
  | 'hostCap'

export const parameters: Readonly<Record<ParameterName, Parameter>> = {
  contexts: { value: 4, unit: 'contexts per microengine', source: 'NICFW global.uc', confidence: 'high' },
  instruction: { value: 1, unit: 'cycles', source: 'KRUDE instr.hpp', confidence: 'high' },
  branchBubbles: { value: 3, unit: 'cycles', source: 'KRUDE: 4 for a taken branch right behind its test', confidence: 'high' },
  branchEarlyBubbles: { value: 2, unit: 'cycles', source: 'KRUDE: 3 when the test was earlier', confidence: 'high' },
  jumpBubbles: { value: 3, unit: 'cycles', source: 'KRUDE: br, jump, rtn 4', confidence: 'high' },
  swapBubbles: {
    value: 2,
    unit: 'cycles',
    range: [0, 3],
    source: 'KRUDE: a swapping command issues 3; IXP p.35',
    confidence: 'medium',
  },
  pointerDelay: { value: 3, unit: 'cycles', range: [3, 4], source: 'KRUDE; IXP p.40', confidence: 'high' },
  ctmRoundTrip: {
    value: 64,
    unit: 'cycles',
    range: [55, 75],
    source: 'KRUDE: 16 cycles x 4 contexts',
    confidence: 'medium-high',
  },
  ememWait: {
    value: 93,
    unit: 'cycles',
    range: [90, 95],
    source: 'KRUDE lookupN: 99 with the 6 cycles of issue',
    confidence: 'high',
  },
  imemWait: { value: 95, unit: 'cycles', range: [80, 200], source: 'average of the firmware waits', confidence: 'low-medium' },
  clsWait: { value: 35, unit: 'cycles', range: [20, 50], source: 'NOTES', confidence: 'low' },
  pullWait: {
    value: 64,
    unit: 'cycles',
    range: [30, 93],
    source: 'by analogy: the memory fetches the data to add',
    confidence: 'low',
  },
  ememMiss: { value: 250, unit: 'cycles', range: [150, 400], source: 'no measurement is public', confidence: 'low' },
  ememRead: { value: 40525, unit: 'cycles/10000', source: 'KRUDE: read32_swap within one 16-byte line', confidence: 'high' },
  ememAdd: { value: 32198, unit: 'cycles/10000', source: 'KRUDE: posted add_imm to one word', confidence: 'high' },
  ememLock: { value: 40500, unit: 'cycles/10000', range: [32000, 80000], source: 'test_add64, by analogy', confidence: 'low' },
  ememWrite: { value: 40525, unit: 'cycles/10000', range: [32000, 80000], source: 'as a read, by analogy', confidence: 'low' },
  ememBanks: {
    value: 4,
    unit: 'lines at once',
    range: [3, 4],
    source: 'KRUDE: spread uses are about 4 times faster',
    confidence: 'medium',
  },
  ememClock: { value: 800_000_000, unit: 'Hz', source: 'KRUDE', confidence: 'high' },
  macCap: { value: 54_400_000, unit: 'packets/s', range: [52_100_000, 54_400_000], source: 'KRUDE', confidence: 'high' },
  macCollapse: {
    value: 34_600_000,
    unit: 'packets/s',
    range: [30_000_000, 35_000_000],
    source: 'KRUDE: overloaded',
    confidence: 'medium',
  },
  hostCap: {
    value: 34_100_000,
    unit: 'packets/s',
    range: [25_500_000, 34_800_000],
    source: 'NFD 98be872, 800 MHz',
    confidence: 'medium',
  },
}

export type Timing = { readonly [Name in ParameterName]: number }

/** The table's values, some of them replaced: for sweeps over what the sources leave open. */
export function timing(changes: Partial<Timing> = {}): Timing {
  const values = Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, parameter.value]))
  return Object.freeze({ ...values, ...changes }) as Timing
}
