// Addresses of the kernel's functions and variables. A rewritten program holds them as numbers: calls count from `__bpf_call_base`. The
// simulated kernel takes those of one build of Linux 6.18, so that a program is rewritten the same on every machine.

import { CALL_BASE_HIGH, CALL_BASE_LOW, symbolOffsets } from './symbol-table.ts'

/** A function that isn't there: what the operations of a map that lives on a device have for programs. */
export const NO_FUNCTION = '0x0'

/** Bytes from `__bpf_call_base` to a symbol; 0 for one that this build doesn't have. */
export function symbolOffset(symbol: string): number {
  if (symbol === NO_FUNCTION) return -CALL_BASE_LOW | 0
  return symbolOffsets.get(symbol) ?? 0
}

/** What a program's own structure is called here: it has an address on the heap, and no name in the kernel's table. */
export const THIS_PROGRAM = '(this program)'
const HEAP_HIGH = 0xffff8881 | 0

/** A null pointer. */
export const NOTHING = 'null'

/** What the kernel keeps of a structure of the program's BTF, on the heap too. */
export function structSymbol(type: number): string {
  return `(struct ${type})`
}

/** The whole address in two int32 halves. */
export function symbolAddress(symbol: string): { readonly high: number; readonly low: number } {
  if (symbol === NOTHING) return { high: 0, low: 0 }
  if (symbol === THIS_PROGRAM) return { high: HEAP_HIGH, low: 0 }
  if (symbol.startsWith('(struct ')) return { high: HEAP_HIGH, low: 64 * Number.parseInt(symbol.slice(8), 10) }
  const low = (CALL_BASE_LOW >>> 0) + symbolOffset(symbol)
  const carry = low < 0 ? -1 : low > 0xffffffff ? 1 : 0
  return { high: (CALL_BASE_HIGH + carry) | 0, low: low | 0 }
}
