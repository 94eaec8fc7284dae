// What the firmware's own code costs a packet: cycles of issue and waits. The routines themselves are not executed as microcode but done
// in TypeScript, so their costs are data: counted in the public firmware's image (NFFW), measured (KRUDE) or, where neither exists,
// estimated from the memory operations that they need. "Stock" is the vendor's image with all its header work; "trimmed" is KRUDE's.

import type { Parameter } from '../chip/timing.ts'

export type CostName =
  | 'packetIssue'
  | 'packetWaits'
  | 'packetWait'
  | 'sendIssue'
  | 'sendWaits'
  | 'lookupIssue'
  | 'lookupKeyWord'
  | 'updateIssue'
  | 'updateWord'
  | 'updateWaits'
  | 'deleteIssue'
  | 'deleteWaits'
  | 'eventIssue'
  | 'eventWord'
  | 'eventWaits'

export type Costs = { readonly [Name in CostName]: number }

const shared: Readonly<Record<Exclude<CostName, 'packetIssue' | 'packetWaits' | 'packetWait'>, Parameter>> = {
  sendIssue: { value: 60, unit: 'cycles', range: [40, 100], source: 'NICFW pv.uc, estimate', confidence: 'low' },
  sendWaits: { value: 2, unit: 'waits', range: [1, 2], source: 'NICFW pv.uc, estimate', confidence: 'low' },
  lookupIssue: {
    value: 126,
    unit: 'cycles',
    range: [120, 132],
    source: 'NFFW .202-.458: 113 words and 13 bubbles',
    confidence: 'high',
  },
  lookupKeyWord: { value: 6, unit: 'cycles', source: 'NFFW: 4 to hash and 2 to compare a word', confidence: 'high' },
  updateIssue: {
    value: 190,
    unit: 'cycles',
    range: [150, 300],
    source: 'a lookup, a lock upgrade and a write',
    confidence: 'low',
  },
  updateWord: { value: 8, unit: 'cycles', range: [6, 12], source: 'as a lookup, and moving the words', confidence: 'low' },
  updateWaits: { value: 3, unit: 'waits', range: [2, 5], source: 'lock upgrade, element credit, write', confidence: 'low' },
  deleteIssue: {
    value: 170,
    unit: 'cycles',
    range: [140, 250],
    source: 'a lookup, a lock upgrade and a write',
    confidence: 'low',
  },
  deleteWaits: { value: 2, unit: 'waits', range: [2, 4], source: 'lock upgrade, write', confidence: 'low' },
  eventIssue: {
    value: 120,
    unit: 'cycles',
    range: [80, 250],
    source: 'a buffer, a header, a descriptor; no public code',
    confidence: 'low',
  },
  eventWord: { value: 2, unit: 'cycles', range: [1, 4], source: 'moving a word in and out', confidence: 'low' },
  eventWaits: { value: 3, unit: 'waits', range: [2, 6], source: 'buffer, data, queue; no public code', confidence: 'low' },
}

export const stockCosts: Readonly<Record<CostName, Parameter>> = {
  packetIssue: { value: 417, unit: 'cycles', range: [415, 421], source: 'KRUDE, drop at 5 to 25 engines', confidence: 'high' },
  packetWaits: { value: 12, unit: 'waits', range: [10, 14], source: 'count in NICFW', confidence: 'low-medium' },
  packetWait: {
    value: 90,
    unit: 'cycles',
    range: [80, 100],
    source: 'average of the trimmed firmware',
    confidence: 'low-medium',
  },
  ...shared,
}

export const trimmedCosts: Readonly<Record<CostName, Parameter>> = {
  packetIssue: { value: 224, unit: 'cycles', range: [200, 224], source: 'KRUDE', confidence: 'high' },
  packetWaits: { value: 8, unit: 'waits', source: 'NFFW', confidence: 'medium' },
  packetWait: {
    value: 90,
    unit: 'cycles',
    range: [81, 96],
    source: 'KRUDE lookup4 and lookup14: their sum is 720 of 650 to 765',
    confidence: 'medium',
  },
  ...shared,
}

export function costs(table: Readonly<Record<CostName, Parameter>> = stockCosts, changes: Partial<Costs> = {}): Costs {
  const values = Object.fromEntries(Object.entries(table).map(([name, parameter]) => [name, parameter.value]))
  return Object.freeze({ ...values, ...changes }) as Costs
}
