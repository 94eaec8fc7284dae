// Random programs that the card takes, for comparing engines: the same seed gives the same program. Valid by construction: r6 holds the
// context, r7 a packet pointer with CHECKED bytes behind it, r0 to r5 and r9 numbers; the stack's DATA bytes below r10 are written. A
// block may do anything in between but leaves it so. What the driver is known to get wrong occurs often: copies in all directions and
// distances, shifts by registers, calls with pointers into the caller's frame, negative offsets.

import { assemble } from '../bpf/assemble.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { Dice } from '../host/dice.ts'

export interface OffloadProgram {
  readonly program: Program
  readonly maps: readonly MapSpec[]
  readonly text: string
}

const CHECKED = 120
/** Stack bytes that may hold data; below them are a key and a value for helpers. */
const DATA = [16, 48, 64, 72, 200, 320]
const KEY_BYTES = 8
const NUMBERS = [0, 1, 2, 3, 4, 5, 9]
const CONSTANTS = [0, 1, -1, 2, 7, 31, 32, 63, 255, 256, 65535, 65536, 0x7fffffff, -0x80000000, -255, 0x12345678]
const SIZES = [8, 16, 32, 64]

const HASH = 1
const ARRAY = 2
/** Of a map value the first half is data, the second a counter. */
const VALUE_BYTES = 16

class Generator {
  readonly #dice: Dice
  readonly #lines: string[] = []
  readonly #functions: string[] = []
  readonly #tc: boolean
  readonly #data: number
  #labels = 0
  #depth = 0

  constructor(dice: Dice, tc: boolean) {
    this.#dice = dice
    this.#tc = tc
    this.#data = dice.pick(DATA)
  }

  generate(blocks: number): string {
    this.#emit('r6 = r1')
    this.#packet()
    for (let at = 8; at <= this.#data; at += 8) this.#emit(`r0 = ${this.#constant()}`, `*(u64 *)(r10 - ${at}) = r0`)
    this.#numbers()
    for (let i = 0; i < blocks; i++) this.#block()
    const [a, b] = [this.#number(), this.#number()]
    this.#emit(`*(u64 *)(r7 + 100) = r${a}`, `*(u64 *)(r7 + 108) = r${b}`)
    for (const at of [8, 16]) this.#emit(`r0 = *(u64 *)(r10 - ${at})`, `*(u64 *)(r7 + ${72 + at}) = r0`)
    this.#emit(`r0 = ${this.#tc ? this.#dice.pick([2, 4, -1]) : this.#dice.below(4)}`, 'exit', 'out:', 'r0 = 2', 'exit')
    return [...this.#lines, ...this.#functions].join('\n')
  }

  #emit(...lines: readonly string[]): void {
    this.#lines.push(...lines)
  }

  #label(): string {
    return `l${this.#labels++}`
  }

  #constant(): number {
    return this.#dice.chance(0.7) ? this.#dice.pick(CONSTANTS) : this.#dice.below(0x7fffffff)
  }

  #number(): number {
    return this.#dice.pick(NUMBERS)
  }

  #size(): number {
    return this.#dice.pick(SIZES)
  }

  /** Packet pointer and bounds check; the numbers are lost. */
  #packet(): void {
    const [data, end] = this.#tc ? [76, 80] : [0, 4]
    this.#emit(`r7 = *(u32 *)(r6 + ${data})`, `r3 = *(u32 *)(r6 + ${end})`, 'r4 = r7', `r4 += ${CHECKED}`, 'if r4 > r3 goto out')
  }

  #numbers(): void {
    for (const n of NUMBERS) {
      if (this.#dice.chance(0.5)) this.#emit(`r${n} = ${this.#constant()}`)
      else this.#emit(`r${n} = *(u${this.#size()} *)(r7 + ${this.#dice.below(CHECKED - 7)})`)
    }
  }

  /** Distance below r10 of an aligned place in the data. */
  #slot(bits: number): number {
    return (1 + this.#dice.below((this.#data * 8) / bits)) * (bits / 8)
  }

  #block(): void {
    const kinds: readonly (() => void)[] = [
      () => this.#arithmetic(),
      () => this.#arithmetic(),
      () => this.#shift(),
      () => this.#product(),
      () => this.#load(),
      () => this.#load(),
      () => this.#store(),
      () => this.#stack(),
      () => this.#copy(),
      () => this.#branch(),
      () => this.#branch(),
      () => this.#map(),
      () => this.#call(),
      () => this.#moving(),
      () => this.#behind(),
      () => this.#frame(),
      () => this.#loop(),
      () => this.#choice(),
      () => this.#copyFromMap(),
      () => (this.#tc ? this.#legacy() : this.#adjust()),
    ]
    this.#dice.pick(kinds)()
  }

  #arithmetic(): void {
    const d = this.#number()
    const w = this.#dice.chance(0.5) ? 'w' : 'r'
    const kind = this.#dice.below(10)
    if (kind === 0) this.#emit(`${w}${d} = -${w}${d}`)
    else if (kind === 1) this.#emit(`r${d} = be${this.#dice.pick([16, 32, 64])} r${d}`)
    else if (kind === 2) {
      const bits = this.#dice.pick(w === 'w' ? [8, 16] : [8, 16, 32])
      this.#emit(`${w}${d} = (s${bits})${w}${this.#number()}`)
    } else {
      const op = this.#dice.pick(['+', '-', '&', '|', '^', ''])
      const right = this.#dice.chance(0.5) ? `${w}${this.#number()}` : `${this.#constant()}`
      this.#emit(`${w}${d} ${op}= ${right}`)
    }
  }

  #shift(): void {
    const d = this.#number()
    const w = this.#dice.chance(0.3) ? 'w' : 'r'
    const op = this.#dice.pick(['<<', '>>', 's>>'])
    if (this.#dice.chance(0.3)) {
      this.#emit(`${w}${d} ${op}= ${this.#dice.below(w === 'w' ? 32 : 64)}`)
      return
    }
    const s = this.#number()
    const bound = this.#dice.below(5)
    if (bound === 0) this.#emit(`r${s} &= 31`)
    else if (bound === 1) this.#emit(`r${s} &= 31`, `r${s} += 32`)
    else if (bound === 2) this.#emit(`r${s} &= 63`, `r${s} += 32`)
    else if (bound === 3) this.#emit(`r${s} = ${this.#dice.below(100)}`)
    this.#emit(`${w}${d} ${op}= ${w}${s}`)
  }

  #product(): void {
    const d = this.#number()
    const s = this.#number()
    const w = this.#dice.chance(0.5) ? 'w' : 'r'
    const mask = this.#dice.pick([255, 65535, 0x7fffffff])
    if (w === 'r' || this.#dice.chance(0.5)) this.#emit(`${this.#dice.pick(['r', 'w'])}${d} &= ${mask}`)
    if (this.#dice.chance(0.5)) {
      this.#emit(`${w}${d} /= ${this.#dice.pick([1, 2, 3, 5, 7, 10, 14, 641, 1000, 1024, 65536, 0x7fffffff])}`)
      return
    }
    if (this.#dice.chance(0.5)) this.#emit(`${w}${d} *= ${this.#dice.pick([0, 1, 3, 255, 65535, 70000])}`)
    else if (s !== d) this.#emit(`r${s} &= ${this.#dice.pick([255, 65535])}`, `${w}${d} *= ${w}${s}`)
  }

  #load(): void {
    const base = this.#dice.below(40)
    for (let i = 1 + this.#dice.below(4); i > 0; i--) {
      this.#emit(`r${this.#number()} = *(u${this.#size()} *)(r7 + ${base + this.#dice.below(CHECKED - 48)})`)
      if (this.#dice.chance(0.2)) this.#arithmetic()
    }
  }

  #store(): void {
    const size = this.#size()
    const at = this.#dice.below(CHECKED - 7)
    const value = this.#dice.chance(0.7) ? `r${this.#number()}` : `${this.#constant()}`
    this.#emit(`*(u${size} *)(r7 + ${at}) = ${value}`)
  }

  #stack(): void {
    const size = this.#size()
    const at = this.#slot(size)
    const place = `*(u${size} *)(r10 - ${at})`
    const kind = this.#dice.below(4)
    if (kind === 0) this.#emit(`${place} = ${this.#constant()}`)
    else if (kind === 1) this.#emit(`${place} = r${this.#number()}`)
    else if (kind === 2) this.#emit(`r${this.#number()} = ${place}`)
    else {
      this.#emit('r8 = r10', `r8 += -${this.#data}`, `r${this.#number()} = *(u${size} *)(r8 + ${this.#data - at})`)
    }
  }

  #copy(): void {
    const bytes = this.#size() / 8
    const pairs = 1 + this.#dice.below(Math.min(12, Math.floor(60 / bytes)))
    const span = pairs * bytes
    const from = this.#dice.below(CHECKED - span)
    const distance = this.#dice.chance(0.5) ? this.#dice.below(24) - 12 : this.#dice.below(CHECKED) - from
    const to = Math.min(CHECKED - span, Math.max(0, from + distance))
    const down = this.#dice.chance(0.4)
    const value = this.#number()
    for (let i = 0; i < pairs; i++) {
      const step = (down ? pairs - 1 - i : i) * bytes
      const turn = this.#dice.chance(0.03) ? bytes : 0
      const place = (base: number): string => `*(u${bytes * 8} *)(r7 + ${base + Math.max(0, step - turn)})`
      this.#emit(`r${value} = ${place(from)}`, `${place(to)} = r${value}`)
    }
  }

  #branch(): void {
    if (this.#depth > 2) return
    const over = this.#label()
    const w = this.#dice.chance(0.4) ? 'w' : 'r'
    const op = this.#dice.pick(['==', '!=', '>', '>=', '<', '<=', 's>', 's>=', 's<', 's<=', '&'])
    const right = this.#dice.chance(0.5) ? `${w}${this.#number()}` : `${this.#constant()}`
    this.#emit(`if ${w}${this.#number()} ${op} ${right} goto ${over}`)
    this.#depth++
    for (let i = this.#dice.below(3); i >= 0; i--) this.#block()
    this.#depth--
    if (this.#dice.chance(0.4)) {
      const end = this.#label()
      this.#emit(`goto ${end}`, `${over}:`)
      this.#depth++
      this.#block()
      this.#depth--
      this.#emit(`${end}:`)
    } else this.#emit(`${over}:`)
  }

  #map(): void {
    const map = this.#dice.below(2)
    const skip = this.#label()
    const call = (name: string): void => this.#callMap(map, name)
    const kind = this.#dice.below(4)
    if (kind === 0) {
      const value = this.#data + KEY_BYTES + VALUE_BYTES
      this.#emit(`*(u64 *)(r10 - ${value}) = r${this.#number()}`, 'r8 = 0', `*(u64 *)(r10 - ${value - 8}) = r8`)
      this.#emit('r3 = r10', `r3 += -${value}`, 'r4 = 0')
      call('map_update_elem')
    } else if (kind === 1 && map === 0) call('map_delete_elem')
    else {
      call('map_lookup_elem')
      this.#emit('r8 = r0', `if r8 == 0 goto ${skip}`)
      const shift = this.#dice.pick([0, 0, 4, 8])
      const off = (at: number): string => (at < shift ? `- ${shift - at}` : `+ ${at - shift}`)
      if (shift !== 0) this.#emit(`r8 += ${shift}`)
      if (this.#dice.chance(0.5)) {
        const w = this.#dice.pick([32, 64])
        this.#emit(`r9 = ${this.#constant()}`, `lock *(u${w} *)(r8 ${off(8)}) += r9`)
      } else {
        const size = this.#size()
        this.#emit(`r9 = *(u${size} *)(r8 ${off(this.#dice.below((8 * 8) / size) * (size / 8))})`, `*(u64 *)(r7 + 40) = r9`)
      }
      this.#emit(`${skip}:`)
    }
    this.#numbers()
  }

  #callMap(map: number, name: string): void {
    const key = this.#data + KEY_BYTES
    this.#emit(`r8 = ${this.#dice.below(5)}`, `*(u32 *)(r10 - ${key}) = r8`)
    this.#emit('r2 = r10', `r2 += -${key}`, `r1 = map[${map}] ll`, `call ${name}`)
  }

  #copyFromMap(): void {
    const skip = this.#label()
    this.#callMap(this.#dice.below(2), 'map_lookup_elem')
    this.#emit('r8 = r0', `if r8 == 0 goto ${skip}`)
    const bytes = this.#dice.pick([1, 2, 4])
    const to = this.#dice.below(CHECKED - 8)
    const down = this.#dice.chance(0.5)
    for (let i = 0; i < 8 / bytes; i++) {
      const step = (down ? 8 / bytes - 1 - i : i) * bytes
      this.#emit(`r9 = *(u${bytes * 8} *)(r8 + ${step})`, `*(u${bytes * 8} *)(r7 + ${to + step}) = r9`)
    }
    this.#emit('*(u64 *)(r7 + 20) = r9', `${skip}:`)
    this.#numbers()
  }

  /** A pointer in the middle of the packet, with what lies before it. */
  #behind(): void {
    const middle = 8 + this.#dice.below(60)
    this.#emit('r8 = r7', `r8 += ${middle}`)
    for (let i = 1 + this.#dice.below(4); i > 0; i--) {
      const at = this.#dice.below(middle + 40) - middle
      this.#emit(`r${this.#number()} = *(u${this.#size()} *)(r8 ${at < 0 ? '-' : '+'} ${Math.abs(at)})`)
    }
    if (this.#dice.chance(0.3)) this.#emit(`*(u${this.#size()} *)(r8 - 8) = r${this.#number()}`)
  }

  /** The frame pointer as an operand, and a stack pointer that is elsewhere on one of two paths. */
  #frame(): void {
    const join = this.#label()
    const size = this.#dice.pick([8, 16, 32])
    this.#emit(`r8 = -${8 * (1 + this.#dice.below(this.#data / 8 - 1))}`, 'r8 += r10')
    if (this.#dice.chance(0.3)) this.#emit('r9 = r8', 'r9 -= r10')
    if (this.#dice.chance(0.3)) this.#emit(`if r8 ${this.#dice.pick(['==', '!=', '>', '<='])} r10 goto ${join}`)
    else this.#emit(`if r${this.#number()} ${this.#dice.pick(['>', '==', 's<'])} ${this.#constant()} goto ${join}`)
    this.#emit('r8 += -8', `${join}:`)
    if (this.#dice.chance(0.5)) this.#emit(`*(u${size} *)(r8 + ${(this.#dice.below(4) * size) / 8}) = r${this.#number()}`)
    this.#emit(`r${this.#number()} = *(u${size} *)(r8 + 0)`)
  }

  /** One of two values, and an operation that is translated by what is known of it. */
  #choice(): void {
    const join = this.#label()
    const [a, b] = [this.#dice.pick([0, 1, 3, 5, 31, 40, 63, 70, 1000, 100000]), this.#dice.pick([1, 4, 33, 60000, 70000])]
    this.#emit(`r8 = ${a}`, `if r${this.#number()} ${this.#dice.pick(['>', '==', 's<', '&'])} ${this.#constant()} goto ${join}`)
    this.#emit(`r8 = ${b}`)
    for (let i = this.#dice.below(8); i > 0; i--) this.#arithmetic()
    this.#emit(`${join}:`)
    const d = this.#number()
    const kind = this.#dice.below(4)
    if (kind === 0) this.#emit(`w${d} &= 65535`, `${this.#dice.pick(['r', 'w'])}${d} *= r8`.replace(/^w(.*) r8$/, 'w$1 w8'))
    else if (kind === 1) this.#emit(`w${d} ${this.#dice.pick(['<<', '>>', 's>>'])}= w8`)
    else this.#emit(`r${d} ${this.#dice.pick(['<<', '>>', 's>>'])}= r8`)
  }

  #loop(): void {
    if (this.#depth > 0) return
    const again = this.#label()
    this.#emit(`r8 = ${1 + this.#dice.below(6)}`, `${again}:`)
    for (let i = 1 + this.#dice.below(3); i > 0; i--) this.#arithmetic()
    if (this.#dice.chance(0.5)) this.#emit(`*(u8 *)(r7 + ${this.#dice.below(CHECKED)}) = r${this.#number()}`)
    this.#emit('r8 += -1', `if r8 != 0 goto ${again}`)
  }

  /** A function that looks into its caller's frame. */
  #call(): void {
    const name = `f${this.#labels++}`
    const size = this.#size()
    const at = this.#slot(size)
    this.#emit('r1 = r10', `r1 += -${at}`, `r2 = r${this.#number()}`, 'r3 = r7', `call ${name}`, 'r9 = r0')
    const body: string[] = []
    if (this.#dice.chance(0.4)) body.push('r6 = 3', 'r9 = r2', 'r7 = r3', '*(u64 *)(r10 - 8) = r2')
    if (this.#dice.chance(0.5)) body.push(`r0 = *(u${size} *)(r1 + 0)`)
    else body.push(`*(u${size} *)(r1 + 0) = r2`, 'r0 = r2')
    if (this.#dice.chance(0.3)) body.push('w0 += 1')
    if (this.#dice.chance(0.3)) {
      const inner = `f${this.#labels++}`
      body.push('r8 = r0', 'r1 = r10', 'r1 += -16', '*(u64 *)(r10 - 16) = r8', `call ${inner}`, 'r0 += r8')
      this.#functions.push(`${inner}:`, 'r7 = r1', 'r0 = *(u16 *)(r7 + 2)', '*(u8 *)(r7 + 1) = r0', 'exit')
    }
    if (this.#dice.chance(0.3)) body.push('*(u8 *)(r3 + 7) = r0')
    this.#functions.push(`${name}:`, ...body, 'exit')
    this.#emit('r0 = 0')
    this.#numbers()
  }

  /** A packet pointer that is elsewhere on one of two paths. */
  #moving(): void {
    const join = this.#label()
    const step = 1 + this.#dice.below(8)
    this.#emit('r8 = r7', `if r${this.#number()} ${this.#dice.pick(['>', '<', '==', '&'])} ${this.#constant()} goto ${join}`)
    this.#emit(`r8 += ${step}`, `${join}:`)
    for (let i = 1 + this.#dice.below(3); i > 0; i--) {
      const base = this.#dice.pick(['r7', 'r8'])
      this.#emit(`r${this.#number()} = *(u${this.#size()} *)(${base} + ${this.#dice.below(64)})`)
    }
    if (this.#dice.chance(0.4)) this.#emit(`*(u8 *)(r8 + ${this.#dice.below(64)}) = r${this.#number()}`)
  }

  #adjust(): void {
    const name = this.#dice.chance(0.6) ? 'xdp_adjust_head' : 'xdp_adjust_tail'
    const delta = name === 'xdp_adjust_head' ? this.#dice.below(64) - 32 : -this.#dice.below(24)
    this.#emit('r1 = r6', `r2 = ${delta}`, `call ${name}`, 'r9 = r0')
    this.#packet()
    this.#numbers()
  }

  /** LD_ABS and LD_IND, with what old compilers put behind them. */
  #legacy(): void {
    const size = this.#dice.pick([8, 16, 32])
    const at = this.#dice.pick([0, 3, 12, 63, 127, 200, 1500, 70000])
    if (this.#dice.chance(0.5)) this.#emit(`r0 = *(u${size} *)skb[${at}]`)
    else {
      this.#emit(`r9 = ${this.#dice.pick([0, 1, 14, 100, -1, -3])}`)
      this.#emit(`r0 = *(u${size} *)skb[r9 + ${this.#dice.pick([0, 2, 20, 130])}]`)
    }
    const tail = this.#dice.below(4)
    if (tail === 0) this.#emit('r0 &= 255')
    if (tail === 1) this.#emit('r0 <<= 32', 'r0 >>= 32')
    if (tail === 2) this.#emit('r0 >>= 32', 'r0 <<= 32')
    this.#emit('*(u64 *)(r7 + 48) = r0')
    this.#numbers()
  }
}

/** The program that a seed stands for. */
export function offloadProgram(seed: number, blocks?: number): OffloadProgram {
  const dice = new Dice(seed)
  const tc = dice.chance(0.3)
  const text = new Generator(dice, tc).generate(blocks ?? 2 + dice.below(14))
  const map = (name: string, type: number, maxEntries: number): MapSpec => ({
    name,
    type,
    keySize: 4,
    valueSize: VALUE_BYTES,
    maxEntries,
    flags: 0,
  })
  return {
    text,
    maps: [map('hash', HASH, 8), map('array', ARRAY, 4)],
    program: {
      name: `offload_${seed}`,
      type: tc ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP,
      expectedAttachType: 0,
      flags: 0,
      license: 'GPL',
      insns: assemble(text),
    },
  }
}

/** A packet that a seed stands for, long enough for nearly all checks. */
export function offloadPacket(seed: number): Uint8Array {
  const dice = new Dice(seed ^ 0x2545f491)
  const bytes = new Uint8Array(dice.chance(0.1) ? 60 + dice.below(60) : 120 + dice.below(160))
  for (let i = 0; i < bytes.length; i++) bytes[i] = dice.chance(0.4) ? dice.pick([0, 1, 5, 0x7f, 0x80, 0xff]) : dice.below(256)
  return bytes
}
