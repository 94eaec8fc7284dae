// A fault is what stops a microengine that can't go on. It is a number, because it is looked at after every run of a program: 0 is
// no fault. The silicon itself would hang or raise a parity error; here every one of these ends the packet.

export const NO_FAULT = 0
export const FAULT_INVALID_WORD = 1
export const FAULT_ADDRESS = 2
export const FAULT_RUNAWAY = 3
export const FAULT_BRANCH_IN_DEFER = 4
export const FAULT_LOCAL_MEMORY = 5
export const FAULT_REGISTER = 6
export const FAULT_JUMP = 7
export const FAULT_COMMAND = 8

const texts: readonly string[] = [
  'no fault',
  'invalid instruction word',
  'memory access outside of any memory',
  'program runs too long',
  'branch in the defer slot of a branch',
  'local-memory access outside of the 4 KB',
  'local control register that the chip does not have',
  'jump to an address where nothing is loaded',
  'memory command that the chip does not know',
]

export function faultText(fault: number): string {
  return texts[fault] ?? `fault ${fault}`
}
