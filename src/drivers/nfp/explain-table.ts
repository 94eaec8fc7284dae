// Why the card refuses what it refuses, and what to do: one row for each text of the driver. `pattern` is matched against the last line
// of the driver's; `why` and `fix` are whole sentences.

export interface Explanation {
  readonly pattern: RegExp
  readonly title: string
  readonly why: string
  readonly fix: string
  /** What would have to be different about the card, where that is a choice. */
  readonly device?: string
}

export const explanations: readonly Explanation[] = [
  {
    pattern: /^\[nfp\] unsupported function id: (\d+)/,
    title: 'this helper does not exist on the card',
    why: 'The card runs no host kernel: it knows map lookup, update and delete, get_prandom_u32, perf_event_output, xdp_adjust_head and xdp_adjust_tail.',
    fix: 'Send data out with bpf_perf_event_output(), or keep this part of the program on the host.',
  },
  {
    pattern: /^\[nfp\] (.+): not supported by FW/,
    title: 'the firmware lacks this helper',
    why: 'The firmware announces the addresses of its helper routines in its capabilities; this one is not among them.',
    fix: 'Do without the helper.',
    device: 'A profile whose firmware has it (nicwright device profiles).',
  },
  {
    pattern: /map writes not supported/,
    title: 'stores into a map value are not possible on the card',
    why: 'A map value lies in memory that many threads share; the card can add to it atomically, and replace it as a whole.',
    fix: 'Use __sync_fetch_and_add() for counters, bpf_map_update_elem() for everything else.',
  },
  {
    pattern: /atomic op not implemented/,
    title: 'of the atomic operations the card has addition',
    why: 'The memory engine is only asked for an addition; and, or, xor, exchange and the forms that give the old value are not translated.',
    fix: 'Use __sync_fetch_and_add() without looking at its result.',
  },
  {
    pattern: /atomic add not to a map value pointer|atomic add not of a scalar/,
    title: 'an atomic addition works on map values and numbers',
    why: 'The memory engine adds in external memory, where maps lie, and nowhere else.',
    fix: 'Add a number to a field of a map value.',
  },
  {
    pattern: /map value use type conflict/,
    title: 'a word of a map value is a counter here and something else there',
    why: 'The card counts in big endian. Words that are added to atomically are swapped for the host, so they can not be read or written as ordinary data.',
    fix: 'Give counters words of their own.',
  },
  {
    pattern: /may be non-zero, bpf_map_update_elem|may already be initialized to non-zero/,
    title: 'a counter must begin at zero',
    why: 'The card counts in big endian: a counter that the program starts at anything but zero would be read in the wrong byte order.',
    fix: 'Write zero into the counter when the entry is made, and add the first value atomically.',
  },
  {
    pattern: /map value offset is variable/,
    title: 'a map value is accessed at an offset that only the run knows',
    why: 'The driver must know for each word whether it is read or counted.',
    fix: 'Use constant offsets, e.g. a map entry for each element of the array.',
  },
  {
    pattern: /variable ptr stack access|stack access changed location/,
    title: 'the stack is accessed at an offset that only the run knows',
    why: 'The stack lies in local memory, which instructions address with constant offsets.',
    fix: 'Use constant indices into arrays on the stack, or an array map.',
  },
  {
    pattern: /: unsupported ptr type|: variable pointer|: unaligned stack pointer/,
    title: 'this argument must be a fixed place on the stack, aligned to four bytes',
    why: 'The helper reads it from local memory through a pointer register that counts in whole words.',
    fix: 'Copy the key or value into a variable on the stack that is a multiple of four bytes.',
  },
  {
    pattern: /unsupported ptr type|ptr type changed/,
    title: 'this kind of pointer can not be followed on the card',
    why: 'Code is made for one kind of memory at each instruction: context, packet, stack or map value.',
    fix: 'Keep pointers of different kinds in different instructions: handle each case in its own branch.',
  },
  {
    pattern: /unsupported exit state/,
    title: 'a TC program must return constants that the card has a code for',
    why: 'The outcome is turned into a firmware result when the program ends; TC_ACT_SHOT, and values that mean "pass on" (-1 or 8 and more), have one.',
    fix: 'Return a constant on each path.',
  },
  {
    pattern: /(multiplier|multiplicand|dividend|divisor) is not within u32|won't be within u32/,
    title: 'multiplication and division have 32 bits',
    why: 'The engine multiplies 32 by 32 bits; the verifier could not show that the operand fits.',
    fix: 'Bound the operand first, e.g. with x &= 0xffffffff or by using a __u32.',
  },
  {
    pattern: /divisor is not constant|divide by negative constant/,
    title: 'the card divides by constants',
    why: 'It has no division: the driver multiplies by a reciprocal that it must know when it makes the code.',
    fix: 'Divide by a constant, best a power of two.',
  },
  {
    pattern: /event_output: must use BPF_F_CURRENT_CPU/,
    title: 'events go to the current CPU',
    why: 'The card has no CPUs of the host to choose from.',
    fix: 'Pass BPF_F_CURRENT_CPU as flags.',
  },
  {
    pattern: /stack too large/,
    title: 'the stack does not fit',
    why: 'Each thread of the card has a few hundred bytes of local memory for it; frames of called functions are rounded up to 64.',
    fix: 'Use less stack: smaller keys, fewer variables that live at once, fewer nested calls.',
  },
  {
    pattern: /program too long|instruction limit reached/,
    title: 'the program does not fit into the code store',
    why: 'All engines hold the whole program in a store of some thousand words.',
    fix: 'Move a part to the host, or turn repeated code into functions (nicwright translate shows what each line costs).',
  },
  {
    pattern: /beyond HW packet split boundary/,
    title: 'the program may touch bytes that are not near the engine',
    why: 'The beginning of a packet lies in the memory of the cluster, the rest elsewhere; the verifier found an access beyond the split.',
    fix: 'Look at fewer bytes, or lower the MTU of the interface.',
  },
  {
    pattern: /instruction 0x[0-9a-f]+ not supported/,
    title: 'this instruction has no translation',
    why: 'The driver knows the instructions of 2018: no modulo, no signed division, no sign extension, no exchange.',
    fix: 'Compile with -mcpu=v2, and do without the operator %.',
  },
  {
    pattern: /Translation failed with error -95/,
    title: 'an instruction has no translation: a store of a constant, or a field of the context',
    why: 'The driver of Linux translates no BPF_ST, and of the context data and data_end alone.',
    fix: 'Store from a variable; compile with a clang that emits no BPF_ST (up to -mcpu=v3).',
  },
  {
    pattern: /map type not supported/,
    title: 'the card has no maps of this type',
    why: 'Its firmware has hash and array maps.',
    fix: 'Use a hash or array map; a per-CPU array becomes an array with atomic additions.',
  },
  {
    pattern: /can't be created on a device/,
    title: 'maps of this type live on the host',
    why: 'Linux creates hash and array maps on devices.',
    fix: 'Use a hash or array map; a per-CPU array becomes an array with atomic additions.',
  },
  {
    pattern: /map flags are not supported/,
    title: 'the card takes no map flags',
    why: 'Its firmware allocates all elements when the map is created.',
    fix: 'Leave map_flags out (BPF_F_NO_PREALLOC too). Global variables become maps with flags: avoid them in offloaded programs.',
  },
  {
    pattern: /map with too many elements|map elements too large|map key size|map value size|too many maps/,
    title: 'the map does not fit the card',
    why: 'The firmware says how many maps and elements it holds and how long keys and values may be.',
    fix: 'Make it smaller, or split it.',
    device: 'A profile with other limits (nicwright device profiles).',
  },
  {
    pattern: /adjust_head/,
    title: 'the card can not move the start of the packet like this',
    why: 'The firmware announces how far the head may move and whether metadata must move along.',
    fix: 'Move it less, or on the host.',
  },
  {
    pattern: /queue selection not supported|unsupported store to context/,
    title: 'the context can not be written',
    why: 'Of the context a card with queue selection lets the program write rx_queue_index, nothing else.',
    fix: 'Leave the context alone.',
  },
  {
    pattern: /offload device mismatch between prog and map/,
    title: 'the map lives somewhere else',
    why: 'A program on a card can use maps on the same card and perf event arrays; a program on the host can use none of those.',
    fix: 'Create program and maps for the same device.',
  },
]

/** The row for a driver's text; undefined where it is the verifier's own, or unknown. */
export function explanationOf(message: string): Explanation | undefined {
  return explanations.find(row => row.pattern.test(message))
}
