// Why Linux refuses what it refuses, and what to change in the source: a row for each message or family of messages. `pattern` is matched
// against the telling line; group `reg`, where there is one, is the register that it is about. In the sentences `%1`, `%2` … are the
// pattern's groups, and `%v` is what the verifier knew of the register.

export interface ExplanationRow {
  readonly pattern: RegExp
  readonly category: string
  readonly title: string
  readonly why: string
  readonly fix: string
}

const MEMORY = 'Memory access'
const POINTER = 'Pointer arithmetic'
const VALUE = 'Uninitialised value'
const CALL = 'Call'
const FLOW = 'Control flow'
const LIMIT = 'Complexity'
const RESOURCE = 'References and locks'
const INSN = 'Instruction'
const STACK = 'Stack'
const MAP = 'Map'
const RETURN = 'Return value'
const KFUNC = 'Kernel function'
const BTF = 'BTF'

export const explanationRows: readonly ExplanationRow[] = [
  {
    pattern: /^R(?<reg>\d+) offset is outside of the packet$/,
    category: MEMORY,
    title: 'packet access without a check of its end',
    why: 'The access may lie behind the last byte of the packet: on this path R%1 is %v, and no comparison with data_end covers all bytes of the access.',
    fix: 'Before the access compare the end of what you read with data_end: if ((void *)(hdr + 1) > data_end) return XDP_DROP; and access through the same pointer.',
  },
  {
    pattern: /^R(?<reg>\d+) min value is outside of the allowed memory range$/,
    category: MEMORY,
    title: 'access before the start or behind the end of the memory',
    why: 'With the smallest value that its offset can have, R%1 (%v) already points outside of the memory it came from.',
    fix: 'Check the offset against both ends first, or correct the constant; a structure must fit into the value that it is read from.',
  },
  {
    pattern: /^R(?<reg>\d+) max value is outside of the allowed memory range$/,
    category: MEMORY,
    title: 'the largest possible offset lies behind the end',
    why: 'The offset in R%1 (%v) has an upper bound, but that bound plus the size of the access is more than the memory has.',
    fix: 'Bound the index by the number of elements before use: if (i >= N) return 0; or mask it: i &= N - 1 for a power of two.',
  },
  {
    pattern: /^R(?<reg>\d+) unbounded memory access, make sure to bounds check any such access$/,
    category: MEMORY,
    title: 'index without an upper bound',
    why: 'Nothing on this path limits the offset that was added to R%1 (%v).',
    fix: 'Compare the index with its limit before using it, on the same variable that is used: if (i >= N) return 0;',
  },
  {
    pattern: /^R(?<reg>\d+) min value is negative, either use unsigned index/,
    category: MEMORY,
    title: 'index may be negative',
    why: 'The offset in R%1 (%v) is signed and has no lower bound of zero.',
    fix: 'Make the index unsigned, or check that it is not below zero before use.',
  },
  {
    pattern: /^R(?<reg>\d+) invalid mem access '(\w+_or_null)'$/,
    category: MEMORY,
    title: 'pointer that may be NULL is used without a check',
    why: 'R%1 is %2: the function that gave it returns NULL when it finds nothing, and no branch on this path excludes that.',
    fix: 'Check the result before use: if (!p) return 0;',
  },
  {
    pattern: /^R(?<reg>\d+) invalid mem access 'scalar'$/,
    category: MEMORY,
    title: 'a number is used as a pointer',
    why: 'R%1 (%v) is a number here: it was loaded as one, calculated, or was a pointer that a call made worthless (packet pointers after a helper that moves the packet, objects after their release).',
    fix: 'Load the pointer again after the call (ctx->data, ctx->data_end) and repeat the checks; read kernel memory with bpf_probe_read_kernel().',
  },
  {
    pattern: /^R(?<reg>\d+) invalid mem access '(\w+)'$/,
    category: MEMORY,
    title: 'this kind of pointer can not be read or written',
    why: 'R%1 is %2; memory behind it is not for direct access.',
    fix: 'Use the helper that works on such a pointer, or access the data it stands for (a map value after a lookup, the packet after a check).',
  },
  {
    pattern: /^R(?<reg>\d+) !read_ok$/,
    category: VALUE,
    title: 'register is read before it is written',
    why: 'R%1 holds nothing on this path: it was never written, or a call has taken it (R1 to R5 do not survive calls).',
    fix: 'Initialise the variable on every path; return a value from every path; in assembly keep what must survive a call in R6 to R9.',
  },
  {
    pattern: /^invalid( indirect)?( read from| write to) stack R(?<reg>\d+) off=(-?\d+) size=(\d+)$/,
    category: STACK,
    title: 'access outside of the stack',
    why: 'The stack has the 512 bytes below R10; this is byte %4, %5 long.',
    fix: 'Keep arrays on the stack small (512 bytes for all frames) and indices inside; move large buffers into a per-CPU array map.',
  },
  {
    pattern: /^invalid (unbounded )?variable-offset( read from| write to)? stack R(?<reg>\d+)/,
    category: STACK,
    title: 'variable index into the stack leaves it',
    why: 'The index into the array on the stack (R%3 is %v) can go beyond what the array has.',
    fix: 'Bound the index before use, from below and above.',
  },
  {
    pattern: /^invalid read from stack/,
    category: STACK,
    title: 'stack that was never written is read',
    why: 'Bytes of this range hold whatever was there before.',
    fix: 'Initialise the variable: struct key k = {}; also the padding of a structure that is given to a helper.',
  },
  {
    pattern: /^misaligned (\w+ )?access off (.+) size (\d+)$/,
    category: MEMORY,
    title: 'access is not aligned to its size',
    why: 'An access of %3 bytes must lie on a multiple of %3 here: stack and atomic operations always, everything with strict alignment.',
    fix: 'Align the field (order of the structure, __attribute__((aligned(8)))), or use a smaller access.',
  },
  {
    pattern: /^invalid size of register (fill|spill)$/,
    category: STACK,
    title: 'a pointer on the stack is read or written in part',
    why: 'A pointer that was stored on the stack can only be stored and loaded whole, 8 bytes at a time.',
    fix: 'Do not look at pointers as numbers; keep pointers and data in different variables.',
  },
  {
    pattern: /^invalid bpf_context access off=(-?\d+) size=(\d+)$/,
    category: MEMORY,
    title: 'this field of the context can not be accessed so',
    why: 'The context has no field at offset %1 that a program of this type may read or write with %2 bytes.',
    fix: 'Access context fields by their name and full size; of xdp_md nothing can be written. Fields that another program type has are not there.',
  },
  {
    pattern: /^(dereference of modified|negative offset) (\w+) ptr R(?<reg>\d+) off=(-?\d+) disallowed$/,
    category: POINTER,
    title: 'pointer must be used as it was given',
    why: 'R%3 was moved by %4 bytes; a pointer to %2 must be used without an offset here.',
    fix: 'Add the offset in the access (ctx->field), not to the pointer. Keep clang from doing so with a volatile access or a barrier.',
  },
  {
    pattern: /^variable (\w+) access var_off=(.+) disallowed$/,
    category: POINTER,
    title: 'variable offset into this object',
    why: 'Only constant offsets are possible into %1.',
    fix: 'Use a switch over the possible fields instead of a calculated offset.',
  },
  {
    pattern: /^R(?<reg>\d+) pointer arithmetic on (\w+) prohibited, null-check it first$/,
    category: POINTER,
    title: 'arithmetic on a pointer that may be NULL',
    why: 'R%1 is %2: an offset added to NULL would look like a pointer.',
    fix: 'Check for NULL first, then add.',
  },
  {
    pattern: /^R(?<reg>\d+) pointer arithmetic on (\w+) prohibited$/,
    category: POINTER,
    title: 'this pointer can not be moved',
    why: 'R%1 is %2, which stays where it is.',
    fix: 'Calculate with a pointer into the packet or a value instead; to compare with data_end move the other side.',
  },
  {
    pattern:
      /^R(?<reg>\d+) (32-bit pointer arithmetic|bitwise operator .+ on pointer|pointer arithmetic with .+ operator|pointer .+ pointer) prohibited$/,
    category: POINTER,
    title: 'operation that is not defined for pointers',
    why: 'Pointers can be moved by adding and subtracting numbers in 64 bits, nothing else: R%1 is %v.',
    fix: 'Calculate with the number first and add it to the pointer last; do not cast pointers to int.',
  },
  {
    pattern: /^math between (\w+) pointer and register with unbounded min value is not allowed$/,
    category: POINTER,
    title: 'offset of unknown size is added to a pointer',
    why: 'The number that is added may be any 64-bit value, also a negative one.',
    fix: 'Give the offset a range first: make it unsigned and compare it with a limit, or mask it.',
  },
  {
    pattern:
      /^(math between (\w+) pointer and (-?\d+)|(\w+) pointer offset (-?\d+)|value (-?\d+) makes (\w+) pointer be out of bounds)/,
    category: POINTER,
    title: 'pointer is moved too far',
    why: 'A pointer may be moved by less than 2^29 bytes.',
    fix: 'Check the offset; a wrong sign or byte order is the usual cause.',
  },
  {
    pattern: /^R(?<reg>\d+) (subtraction from stack pointer prohibited|tried to subtract pointer from scalar)$/,
    category: POINTER,
    title: 'subtraction that is not defined',
    why: 'From a stack pointer nothing is subtracted, and a pointer is not subtracted from a number.',
    fix: 'Add a negative constant, or subtract the other way round.',
  },
  {
    pattern: /^(write into|read from) map forbidden/,
    category: MAP,
    title: 'the map does not allow this access',
    why: 'The map was created read-only or write-only for programs.',
    fix: 'Create it without BPF_F_RDONLY_PROG or BPF_F_WRONLY_PROG; constants of the object lie in .rodata, which is read-only.',
  },
  {
    pattern: /^cannot write into packet$/,
    category: MEMORY,
    title: 'programs of this type can not write packets',
    why: 'Only XDP and tc programs (and a few more) write into packets directly.',
    fix: 'Use a tc program, or a helper that stores bytes.',
  },
  {
    pattern: /^cannot pass map_type (\d+) into func (\S+)#(\d+)$/,
    category: MAP,
    title: 'this helper does not work on this type of map',
    why: 'Maps of type %1 have no operation %2.',
    fix: 'Use the helper that belongs to the map type, or another map type.',
  },
  {
    pattern: /^program of this type cannot use helper (\S+)#(\d+)$/,
    category: CALL,
    title: 'helper is not available to this program type',
    why: 'Linux gives %1 to other program types only.',
    fix: 'See the list of helpers of the program type; often there is a counterpart (bpf_xdp_… instead of bpf_skb_…).',
  },
  {
    pattern: /^invalid func unknown#(-?\d+)$/,
    category: CALL,
    title: 'no such helper',
    why: 'Linux 6.18 has no helper with number %1.',
    fix: 'Newer functions are kernel functions (kfuncs), called by name.',
  },
  {
    pattern: /^cannot call (GPL-restricted|kernel) function/,
    category: CALL,
    title: 'licence does not allow this call',
    why: 'The function is for programs under a licence that is compatible with the GPL.',
    fix: 'Declare it: char _license[] SEC("license") = "GPL";',
  },
  {
    pattern: /^R(?<reg>\d+) type=(\w+) expected=(.+)$/,
    category: CALL,
    title: 'argument of the wrong kind',
    why: 'Argument %1 is %2, the function takes %3.',
    fix: 'Check the order of the arguments, NULL checks before the call, and that maps are passed by address (&map).',
  },
  {
    pattern: /^R(?<reg>\d+) invalid zero-sized read|^invalid zero-sized read/,
    category: CALL,
    title: 'size of an argument may be zero',
    why: 'The function needs at least one byte of memory; the size (%v) can be 0 on this path.',
    fix: 'Exclude zero before the call: if (len == 0) return 0;',
  },
  {
    pattern:
      /^R(?<reg>\d+) (min value is negative, either use unsigned or 'var &= const'|unbounded memory access, use 'var &= const')/,
    category: CALL,
    title: 'size of an argument has no bounds',
    why: 'The size in R%1 (%v) may be negative or larger than the memory that is passed.',
    fix: 'Bound it on both sides just before the call: if (len > sizeof(buf)) len = sizeof(buf); with len unsigned; or len &= sizeof(buf) - 1.',
  },
  {
    pattern: /^R(?<reg>\d+) is not a (known constant|const|scalar)|^R(\d+) must be a known constant/,
    category: CALL,
    title: 'argument must be a number that is known',
    why: 'The function needs this argument before the program runs.',
    fix: 'Pass a constant.',
  },
  {
    pattern: /^helper access to the packet is not allowed$/,
    category: CALL,
    title: 'this helper does not take packet memory',
    why: 'A pointer into the packet was passed to a helper that can not work on the packet.',
    fix: 'Copy the bytes to the stack first.',
  },
  {
    pattern: /^unreachable insn (\d+)$/,
    category: FLOW,
    title: 'code that nothing leads to',
    why: 'Instruction %1 can not be reached from the start of the program.',
    fix: 'Remove it; in C the compiler does this.',
  },
  {
    pattern: /^jump out of range from insn (\d+) to (-?\d+)$/,
    category: FLOW,
    title: 'jump leaves its function',
    why: 'Instruction %1 jumps to %2, which does not belong to the same function.',
    fix: 'Jump inside the function, call others.',
  },
  {
    pattern: /^(last insn is not an exit or jmp|jump into the middle of ldimm64 insn (\d+))$/,
    category: FLOW,
    title: 'control runs where no instruction is',
    why: 'A function must end in an exit or a jump, and a jump must lead to a whole instruction.',
    fix: 'End every function with a return.',
  },
  {
    pattern: /^back-edge from insn (\d+) to (\d+)$/,
    category: FLOW,
    title: 'loop in an unprivileged program',
    why: 'Without CAP_BPF no jump may lead back.',
    fix: 'Unroll the loop (#pragma unroll), or load with CAP_BPF.',
  },
  {
    pattern: /^(infinite loop detected at insn (\d+)|(cur|old) state:)/,
    category: FLOW,
    title: 'loop that does not end',
    why: 'The program came back to the same instruction with nothing changed that could end the loop.',
    fix: 'Count in the condition of the loop, with a bound: for (int i = 0; i < 64; i++); or use bpf_loop() or bpf_for().',
  },
  {
    pattern: /^BPF program is too large\. Processed (\d+) insn$/,
    category: LIMIT,
    title: 'too many paths',
    why: 'A million instructions were simulated over all paths without an end.',
    fix: 'Make loops shorter or use bpf_loop(); move parts into global functions, which are verified once; cut down branches that stay undecided over a loop.',
  },
  {
    pattern: /^The sequence of (\d+) jumps is too complex\.$/,
    category: LIMIT,
    title: 'too many branches wait to be looked at',
    why: 'More than 8192 branches of one path are open at a time.',
    fix: 'Split long chains of conditions, use global functions or a map lookup.',
  },
  {
    pattern:
      /^(combined stack size of (\d+) calls is (\d+)\. Too large|the call stack of (\d+) frames is too deep|tail_calls are not allowed when call stack)/,
    category: STACK,
    title: 'calls need too much stack',
    why: 'All functions of a chain of calls share 512 bytes of stack and 8 frames; before a function with a tail call it is 256.',
    fix: 'Make buffers smaller or put them into a per-CPU array map; call less deep.',
  },
  {
    pattern: /would lead to reference leak$/,
    category: RESOURCE,
    title: 'something acquired is not given back',
    why: 'On this path a reference (socket, ring buffer record, object) is still held at the end.',
    fix: 'Release it on every path: bpf_sk_release(), bpf_ringbuf_submit() or bpf_ringbuf_discard(), the _release function of a kfunc.',
  },
  {
    pattern:
      /(cannot be used inside bpf_(spin_lock|rcu_read_lock|preempt_disable|local_irq_save)-ed region|function calls are not allowed while holding a lock|^use static function instead$)/,
    category: RESOURCE,
    title: 'not possible while the lock is held',
    why: 'Between lock and unlock a program may neither end nor call other functions.',
    fix: 'Unlock on every path first; do calls before the lock is taken.',
  },
  {
    pattern: /bpf_(res_)?spin_(un)?lock|has no valid bpf_spin_lock|Locking two/,
    category: RESOURCE,
    title: 'wrong use of a lock',
    why: 'A lock stands at one place of a map value with BTF; it is taken once and released by the same pointer.',
    fix: 'Declare the map with BTF (__type(value, struct …)), pass &value->lock, and pair lock and unlock.',
  },
  {
    pattern:
      /^R(?<reg>\d+) must be referenced when passed to release function$|reference has not been acquired before$|is an unacquired reference$/,
    category: RESOURCE,
    title: 'nothing to release',
    why: 'The pointer does not carry a reference: it was released before, or never acquired.',
    fix: 'Release exactly what was acquired, once on each path.',
  },
  {
    pattern: /^At (program exit|subprogram exit|callback return|async callback return) the register R\d/,
    category: RETURN,
    title: 'return value out of range',
    why: 'The kernel understands a few values only as a result of this program type, and R0 is %v.',
    fix: 'Return constants, or bound the value before the return.',
  },
  {
    pattern: /^cannot return stack pointer to the caller$/,
    category: RETURN,
    title: 'address of a local variable is returned',
    why: 'The stack of a function is gone when it returns.',
    fix: 'Let the caller pass the buffer.',
  },
  {
    pattern:
      /uses reserved fields$|^unknown opcode|^invalid bpf_ld_imm64 insn$|^unrecognized bpf_ld_imm64|^BPF_ATOMIC uses invalid|^invalid shift|^invalid atomic/,
    category: INSN,
    title: 'instruction is not well formed',
    why: 'Fields that an instruction does not use must be zero, and its operation must be one that Linux 6.18 knows.',
    fix: 'Compile for an instruction set that the kernel has (-mcpu=v3); check code that was written by hand.',
  },
  {
    pattern: /^div by zero$/,
    category: INSN,
    title: 'division by the constant zero',
    why: 'A divisor that is the constant 0 is a mistake; one that is a variable gives 0.',
    fix: 'Correct the constant.',
  },
  {
    pattern: /^(R(\d+) is invalid|frame pointer is read only)$/,
    category: INSN,
    title: 'register can not be used so',
    why: 'There are R0 to R10, and R10 is only read.',
    fix: 'Correct the register number.',
  },
  {
    pattern: /^same insn cannot be used with different pointers$/,
    category: MEMORY,
    title: 'one access, two kinds of pointer',
    why: 'On another path this instruction goes through another kind of pointer; accesses to the context are rewritten, others are not.',
    fix: 'Keep the two cases apart: access each pointer in a branch of its own, with a barrier between.',
  },
  {
    pattern: /^BPF_ATOMIC stores into R(?<reg>\d+) (\w+) is not allowed$/,
    category: MEMORY,
    title: 'no atomic operations on this memory',
    why: 'Atomic operations work on maps, the stack and objects, not on %2.',
    fix: 'Use ordinary loads and stores.',
  },
  {
    pattern: /^R(?<reg>\d+) cannot write into (\w+)$|^only read (from (\w+) )?is supported$/,
    category: MEMORY,
    title: 'this memory is read-only',
    why: 'Objects of the kernel, map structures and read-only slices can be read by a program, not written.',
    fix: 'Use the helper that changes the object, or a writable slice (bpf_dynptr_slice_rdwr).',
  },
  {
    pattern:
      /^R(?<reg>\d+) (invalid (sock|sock_common|tcp_sock|xdp_sock) access|is \w+ invalid (negative access|variable offset))/,
    category: MEMORY,
    title: 'no such field in this object',
    why: 'The object behind R%1 has no field with this offset and size that a program may read.',
    fix: 'Access fields by their name and full size, with an offset that is constant.',
  },
  {
    pattern: /^R(?<reg>\d+) must have zero offset when passed to release func/,
    category: RESOURCE,
    title: 'object must be released by its start',
    why: 'R%1 (%v) points into the object and not at its beginning.',
    fix: 'Keep the pointer that was acquired and release that one.',
  },
  {
    pattern: /^(cannot spill pointers to stack into stack frame of the caller|cannot overwrite referenced dynptr)/,
    category: STACK,
    title: 'this must not be stored there',
    why: 'The memory would be used after it is gone, or something that must be released would be lost.',
    fix: 'Store it in the function that owns the stack, and release what lies there first.',
  },
  {
    pattern: /^get_local_storage\(\) doesn't support non-zero flags$/,
    category: CALL,
    title: 'flags must be zero',
    why: 'bpf_get_local_storage() has no flags yet.',
    fix: 'Pass 0.',
  },
  {
    pattern:
      /^(kernel btf_id (\d+) is not a function|invalid kernel function call not eliminated|failed to find BTF for kernel function)/,
    category: KFUNC,
    title: 'kernel function that this kernel lacks',
    why: 'The call was compiled for a function that is not there; as a weak symbol it may stand in code that is never reached.',
    fix: 'Guard the call with bpf_ksym_exists().',
  },
  {
    pattern: /LD_\[?ABS|LD_ABS is/,
    category: INSN,
    title: 'packet load of the old kind',
    why: 'LD_ABS and LD_IND work in socket filters and tc programs, with the context in R6, outside of locks.',
    fix: 'Access the packet directly, between data and data_end.',
  },
  {
    pattern: /^calling kernel function (\S*) is not allowed$/,
    category: KFUNC,
    title: 'kernel function is not available to this program type',
    why: '%1 is for other program types, or this kernel does not have it.',
    fix: 'Use a function of the program type; test for it with bpf_ksym_exists() where it may be missing.',
  },
  {
    pattern:
      /^(metadata kfuncs|kernel function|R(?<reg>\d+) must be referenced or trusted|R\d+ must be a rcu pointer|arg#\d+ |expected (an )?(un)?initialized|Possibly NULL pointer passed to)/,
    category: KFUNC,
    title: 'argument that the kernel function does not take',
    why: 'The prototype of the function decides what its arguments must be; this one is not.',
    fix: 'Check for NULL, pass what was acquired, initialise iterators and flags with their own functions; bind to the device for metadata.',
  },
  {
    pattern: /^(nested rcu read lock|unmatched rcu read unlock|unmatched attempt to enable preemption|cannot restore irq state)/,
    category: RESOURCE,
    title: 'sections do not nest as they should',
    why: 'Each section (RCU, preemption, interrupts) is left as often as it is entered, in reverse order, and RCU sections do not nest.',
    fix: 'Pair begin and end on every path.',
  },
  {
    pattern: /(must be sleepable|might sleep|is sleepable within)/,
    category: CALL,
    title: 'call that may sleep',
    why: 'Programs of this type run where the kernel must not sleep.',
    fix: 'Use a function that does not sleep, or do this work in a work queue.',
  },
  {
    pattern:
      /^(access beyond (struct|the end of member)|struct \w+ doesn't have field|direct access to \w+ is disallowed|cannot access ptr member)/,
    category: MEMORY,
    title: 'no such field in this structure',
    why: 'The access does not match a field that may be read or written with this offset and size.',
    fix: 'Access fields by their name and full size; locks, list and tree nodes only through their functions.',
  },
  {
    pattern: /(not found at offset=|^operation on bpf_|Couldn't find btf_record|held lock and object|must be held for)/,
    category: RESOURCE,
    title: 'object and list or tree do not belong together',
    why: 'The node, the head and the lock must be those that the declaration of the list or tree names.',
    fix: 'Pass the node that __contains() names, and hold the lock that stands beside the head.',
  },
  {
    pattern: /(doesn't point to|has no valid|doesn't have constant offset|has to be at the constant offset)/,
    category: MAP,
    title: 'this is not where the special field stands',
    why: 'Locks, timers, work queues and kernel pointers stand at one constant place of a value, which BTF tells.',
    fix: 'Pass the address of the field itself: &value->timer.',
  },
  {
    pattern: /(kptr|^invalid kptr access)/,
    category: MAP,
    title: 'kernel pointer used in another way than it is meant',
    why: 'A referenced kernel pointer in a map value is only exchanged, for NULL or an object of its type that you own.',
    fix: 'Use bpf_kptr_xchg() with what you acquired, and release what comes back.',
  },
  {
    pattern: /does not allow writes to packet data$/,
    category: MEMORY,
    title: 'programs of this type can not write packets',
    why: 'A writable slice is for programs that may write into the packet.',
    fix: 'Use bpf_dynptr_slice(), which is read-only.',
  },
  {
    pattern: /^write to change key R(?<reg>\d+) not allowed$/,
    category: MAP,
    title: 'keys of a map are read-only',
    why: 'A key that was changed would no longer be found.',
    fix: 'Delete the entry and insert another one.',
  },
  {
    pattern: /callback/,
    category: CALL,
    title: 'callback is not possible here',
    why: 'The function does not call back for this map, or the callback is not of the kind it calls.',
    fix: 'Use a hash or array map, and a static function with the parameters of the documentation.',
  },
  {
    pattern: /dynptr/i,
    category: CALL,
    title: 'wrong use of a dynptr',
    why: 'A dynptr is made by its function, lies whole on the stack, is not looked into, and a reserved one is submitted or discarded once.',
    fix: 'Make it with bpf_dynptr_from_…() or bpf_ringbuf_reserve_dynptr(), and submit or discard it on every path.',
  },
  {
    pattern: /^(Caller passes invalid args into func|Global function |Func#|arg#\d+ (is expected|expects|has))/,
    category: BTF,
    title: 'call does not fit the global function',
    why: 'A global function is verified by its prototype alone, so every call must give exactly what the prototype says.',
    fix: 'Make the function static, or change its prototype; pointers to memory may be NULL there unless they are marked __arg_nonnull.',
  },
  {
    pattern: /func_info|line_info|BTF/,
    category: BTF,
    title: 'type information does not fit the program',
    why: 'Function and line records must describe the program that is loaded.',
    fix: 'Compile with -g and load the object as it is.',
  },
  {
    pattern:
      /fd (-?\d+) is not pointing to valid bpf_map|direct value offset|invalid access to map value pointer|number of maps per program/,
    category: MAP,
    title: 'reference to a map that does not hold',
    why: 'The instruction names a map or an offset in its value that is not there.',
    fix: 'Create the maps first and load the object as a whole.',
  },
  {
    pattern: /^\[\w+\] /,
    category: 'Device',
    title: 'the device can not do this',
    why: 'The program is bound to a device whose driver looks at each instruction.',
    fix: 'Keep this part on the host; the translation for the device says what it lacks.',
  },
]
