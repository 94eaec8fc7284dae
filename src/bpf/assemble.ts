// Text → instructions, in the syntax that LLVM and the verifier share: `r2 = *(u32 *)(r1 + 4)`, `if r1 > 5 goto drop`. What the
// verifier log or bpftool prints can be pasted as it is, with indices and opcodes before the text: `3: (bf) r2 = r1`. The opcode,
// where it stands there, must be that of the instruction.
//
// Beyond what both print: `name:` is a label, a jump or call goes to a label or to `pc+N`; `call name` takes a helper's name;
// `r1 = map[0] ll` and `r1 = map[0][8] ll` load a map and the address of a byte in its first value; `;` or `//` begins a comment.

import { NicwrightError } from '../errors.ts'
import { helperNames } from './helper-table.ts'
import { type Insns, newInsns } from './insns.ts'
import * as op from './opcode.ts'
import { atomicRows, type OpcodeRow, opcodeRows } from './opcode-table.ts'

interface Slot {
  code: number
  dst: number
  src: number
  off: number
  imm: number
  /** Where it goes, until labels are known; `field` is what takes the distance. */
  target?: { readonly name: string; readonly field: 'off' | 'imm' }
  readonly line: number
}

type Rule = (m: readonly string[], line: number) => readonly Slot[] | undefined

const REG = '([rw])(\\d+)'
const NUM = '([-+]?(?:0x[0-9a-f]+|\\d+))'
const PLACE = '\\*\\s*\\(([us])(8|16|32|64)\\s*\\*\\s*\\)\\s*\\(\\s*r(\\d+)\\s*([-+]\\s*(?:0x[0-9a-f]+|\\d+))?\\s*\\)'
const CAST = '\\(\\s*\\(?u(8|16|32|64)\\s*\\*\\s*\\)\\s*\\(\\s*r(\\d+)\\s*([-+]\\s*\\d+)?\\s*\\)'

const byName = new Map<string, OpcodeRow>()
for (const row of opcodeRows) byName.set(`${row.kind} ${row.symbol} ${row.is32 ? 32 : 64} ${row.isX ? 'x' : 'k'}`, row)
function codeOf(kind: string, symbol: string, is32: boolean, isX: boolean): number | undefined {
  return byName.get(`${kind} ${symbol} ${is32 ? 32 : 64} ${isX ? 'x' : 'k'}`)?.code
}

const slot = (line: number, code: number, fields: Partial<Slot> = {}): Slot => ({
  code,
  dst: 0,
  src: 0,
  off: 0,
  imm: 0,
  ...fields,
  line,
})
const number = (text: string | undefined): number => {
  const plain = (text ?? '0').replace(/\s+/g, '')
  const negative = plain.startsWith('-')
  const value = Number(plain.replace(/^[-+]/, ''))
  return negative ? -value : value
}

/** An immediate of 32 bits, signed or unsigned. */
function imm32(text: string | undefined, line: number): number {
  const value = number(text)
  if (!(value >= -(2 ** 31) && value < 2 ** 32)) throw wrong(line, `${text} does not fit in 32 bits`)
  return value | 0
}

function off16(text: string | undefined, line: number): number {
  const value = number(text)
  if (!(value >= -32768 && value <= 32767)) throw wrong(line, `offset ${text} does not fit in 16 bits`)
  return value
}

function register(text: string | undefined, line: number): number {
  const value = Number(text)
  if (!(value <= 15)) throw wrong(line, `there is no register ${text}`)
  return value
}

/** Two register words of one width. */
function sameWidth(a: string | undefined, b: string | undefined, line: number): boolean {
  if (a !== b) throw wrong(line, 'mixes a 64-bit with a 32-bit register')
  return a === 'w'
}

const jumpTarget = (text: string): { off: number } | { target: { name: string; field: 'off' } } =>
  /^(pc)?[-+]\d+$/.test(text) ? { off: Number(text.replace('pc', '')) } : { target: { name: text, field: 'off' } }

const alu = (dst: string | undefined, symbol: string, operand: string, w: boolean, line: number): readonly Slot[] | undefined => {
  const signed = symbol === 's/=' || symbol === 's%='
  const plain = signed ? symbol.slice(1) : symbol
  const r = /^([rw])(\d+)$/.exec(operand)
  const code = codeOf('alu', plain, w, r !== null)
  if (code === undefined) return undefined
  const fields = { dst: register(dst, line), off: signed ? 1 : 0 }
  if (r === null) return [slot(line, code, { ...fields, imm: imm32(operand, line) })]
  sameWidth(w ? 'w' : 'r', r[1], line)
  return [slot(line, code, { ...fields, src: register(r[2], line) })]
}

function wide(dst: string | undefined, low: number, high: number, src: number, line: number): readonly Slot[] {
  return [slot(line, op.LD_IMM64, { dst: register(dst, line), src, imm: low }), slot(line, 0, { imm: high })]
}

const sizeCode = (bits: string | undefined): number =>
  ({ 8: op.BPF_B, 16: op.BPF_H, 32: op.BPF_W, 64: op.BPF_DW })[Number(bits) as 8] ?? op.BPF_DW
const ATOMIC = op.BPF_STX | op.BPF_ATOMIC

const rules: readonly (readonly [pattern: string, rule: Rule])[] = [
  ['exit', (_, line) => [slot(line, op.EXIT)]],
  [
    `${REG} = ([-+]?(?:0x)?[0-9a-f]+) ll`,
    ([, , dst, value], line) => {
      const bits = BigInt.asUintN(64, value!.startsWith('-') ? -BigInt(value!.slice(1)) : BigInt(value!.replace('+', '')))
      return wide(dst, Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n)), 0, line)
    },
  ],
  [`${REG} = map\\[(\\d+)\\] ll`, ([, , dst, map], line) => wide(dst, Number(map), 0, op.BPF_PSEUDO_MAP_FD, line)],
  [
    `${REG} = map\\[(\\d+)\\]\\[(\\d+)\\] ll`,
    ([, , dst, map, off], line) => wide(dst, Number(map), imm32(off, line), op.BPF_PSEUDO_MAP_VALUE, line),
  ],
  [
    `${REG} = -${REG}`,
    ([, a, dst, b, src], line) => {
      if (dst !== src) throw wrong(line, 'a negation works on one register')
      const code = codeOf('neg', '-', sameWidth(a, b, line), false)
      return code === undefined ? undefined : [slot(line, code, { dst: register(dst, line) })]
    },
  ],
  [
    `r(\\d+) = (le|be|bswap)(16|32|64) r(\\d+)`,
    ([, dst, kind, bits, src], line) => {
      if (dst !== src) throw wrong(line, 'a byte swap works on one register')
      const row = opcodeRows.find(r => r.kind === 'end' && r.symbol === kind)
      return row === undefined ? undefined : [slot(line, row.code, { dst: register(dst, line), imm: Number(bits) })]
    },
  ],
  [
    `${REG} = \\(s(8|16|32)\\)\\s*${REG}`,
    ([, a, dst, bits, b, src], line) => {
      const code = codeOf('alu', '=', sameWidth(a, b, line), true)
      return code === undefined
        ? undefined
        : [slot(line, code, { dst: register(dst, line), src: register(src, line), off: Number(bits) })]
    },
  ],
  [
    `r(\\d+) = addr_space_cast\\(r(\\d+), (\\d+), (\\d+)\\)`,
    ([, dst, src, to, from], line) => [
      slot(line, op.BPF_ALU64 | op.BPF_MOV | op.BPF_X, {
        dst: register(dst, line),
        src: register(src, line),
        off: 1,
        imm: (Number(to) << 16) | Number(from),
      }),
    ],
  ],
  [
    `${REG} = ${PLACE}`,
    ([, , dst, sign, bits, base, off], line) => {
      const row = opcodeRows.find(r => r.symbol === `${sign}${bits}` && (r.kind === 'ldx' || r.kind === 'ldxs'))
      return row === undefined
        ? undefined
        : [slot(line, row.code, { dst: register(dst, line), src: register(base, line), off: off16(off, line) })]
    },
  ],
  [
    `r0 = \\*\\s*\\(u(8|16|32)\\s*\\*\\)\\s*skb\\[(?:r(\\d+)\\s*\\+?\\s*)?([-+]?(?:0x[0-9a-f]+|\\d+))?\\]`,
    ([, bits, index, imm], line) => [
      slot(line, op.BPF_LD | (index === undefined ? op.BPF_ABS : op.BPF_IND) | sizeCode(bits), {
        src: register(index ?? '0', line),
        imm: imm32(imm, line),
      }),
    ],
  ],
  [
    `${PLACE} = (?:r(\\d+)|${NUM})`,
    ([, sign, bits, base, off, src, imm], line) => {
      if (sign !== 'u') return undefined
      const fields = { dst: register(base, line), off: off16(off, line) }
      if (src === undefined) return [slot(line, op.BPF_ST | op.BPF_MEM | sizeCode(bits), { ...fields, imm: imm32(imm, line) })]
      return [slot(line, op.BPF_STX | op.BPF_MEM | sizeCode(bits), { ...fields, src: register(src, line) })]
    },
  ],
  [
    `lock ${PLACE} ([+|&^]=) r(\\d+)`,
    ([, , bits, base, off, symbol, src], line) => {
      const row = atomicRows.find(r => !r.fetch && r.symbol === symbol)
      if (row === undefined) return undefined
      return [
        slot(line, ATOMIC | sizeCode(bits), {
          dst: register(base, line),
          src: register(src, line),
          off: off16(off, line),
          imm: row.imm,
        }),
      ]
    },
  ],
  [
    `r(\\d+) = atomic(?:64)?_(?:fetch_)?(add|or|and|xor|xchg)\\(${CAST}, r(\\d+)\\)`,
    ([, dst, name, bits, base, off, src], line) => {
      const row = atomicRows.find(r => r.fetch && r.name === name)
      if (row === undefined || dst !== src) throw wrong(line, 'the old value comes back in the register of the operand')
      return [
        slot(line, ATOMIC | sizeCode(bits), {
          dst: register(base, line),
          src: register(src, line),
          off: off16(off, line),
          imm: row.imm,
        }),
      ]
    },
  ],
  [
    `r0 = atomic(?:64)?_cmpxchg\\(${CAST}, r0, r(\\d+)\\)`,
    ([, bits, base, off, src], line) => [
      slot(line, ATOMIC | sizeCode(bits), {
        dst: register(base, line),
        src: register(src, line),
        off: off16(off, line),
        imm: op.BPF_CMPXCHG,
      }),
    ],
  ],
  [
    `r(\\d+) = load_acquire\\(${CAST}\\)`,
    ([, dst, bits, base, off], line) => [
      slot(line, ATOMIC | sizeCode(bits), {
        dst: register(dst, line),
        src: register(base, line),
        off: off16(off, line),
        imm: op.BPF_LOAD_ACQ,
      }),
    ],
  ],
  [
    `store_release\\(${CAST}, r(\\d+)\\)`,
    ([, bits, base, off, src], line) => [
      slot(line, ATOMIC | sizeCode(bits), {
        dst: register(base, line),
        src: register(src, line),
        off: off16(off, line),
        imm: op.BPF_STORE_REL,
      }),
    ],
  ],
  [
    `${REG} (=|[-+*|&^]=|s?/=|s?%=|<<=|s?>>=) (?:${REG}|${NUM})`,
    ([, w, dst, symbol, w2, src, imm], line) =>
      alu(dst, symbol ?? '', src === undefined ? (imm ?? '') : `${w2}${src}`, w === 'w', line),
  ],
  [
    `if ${REG} (==|!=|s?[<>]=?|&) (?:${REG}|${NUM}) goto (\\S+)`,
    ([, w, dst, symbol, w2, src, imm, to], line) => {
      const code = codeOf('jmp', symbol ?? '', w === 'w', src !== undefined)
      if (code === undefined) return undefined
      if (src !== undefined) sameWidth(w, w2, line)
      return [
        slot(line, code, {
          dst: register(dst, line),
          src: register(src ?? '0', line),
          imm: imm32(imm, line),
          ...jumpTarget(to ?? ''),
        }),
      ]
    },
  ],
  [
    '(goto|gotol|may_goto) (\\S+)',
    ([, word, to], line) => {
      const row = opcodeRows.find(r => r.symbol === word)
      if (row === undefined) return undefined
      if (word !== 'gotol') return [slot(line, row.code, jumpTarget(to ?? ''))]
      const where = jumpTarget(to ?? '')
      return [slot(line, row.code, 'off' in where ? { imm: where.off } : { target: { name: where.target.name, field: 'imm' } })]
    },
  ],
  ['call (\\S+)', ([, name = ''], line) => [call(name, line)]],
]

const compiled: readonly (readonly [RegExp, Rule])[] = rules.map(([pattern, rule]) => [
  new RegExp(`^${pattern.replaceAll(' ', '\\s*')}$`, 'i'),
  rule,
])

const helperIds = new Map([...helperNames].map(([id, name]) => [name, id]))

function call(name: string, line: number): Slot {
  const numbered = /^(?:[A-Za-z_]\w*#)?(-?\d+)$/.exec(name)
  if (numbered !== null) return slot(line, op.CALL, { imm: imm32(numbered[1], line) })
  if (/^pc[-+]\d+$/.test(name)) return slot(line, op.CALL, { src: op.BPF_PSEUDO_CALL, imm: Number(name.slice(2)) })
  const id = helperIds.get(name.replace(/^bpf_/, ''))
  if (id !== undefined) return slot(line, op.CALL, { imm: id })
  return slot(line, op.CALL, { src: op.BPF_PSEUDO_CALL, target: { name, field: 'imm' } })
}

/**
 * Assembles a whole text, one instruction a line.
 * @throws NicwrightError `asm/…` with the line.
 */
export function assemble(text: string): Insns {
  const slots: Slot[] = []
  const labels = new Map<string, number>()
  text.split('\n').forEach((raw, index) => {
    const line = index + 1
    let rest = raw.replace(/(;|\/\/).*$/, '').trim()
    const label = /^([A-Za-z_.][\w.]*):\s*/.exec(rest)
    if (label !== null) {
      const name = label[1] ?? ''
      if (labels.has(name)) throw wrong(line, `label ${name} stands there twice`)
      labels.set(name, slots.length)
      rest = rest.slice(label[0].length)
    }
    rest = rest.replace(/^\d+:\s*/, '')
    const opcode = /^\(([0-9a-f]{2})\)\s*/i.exec(rest)
    if (opcode !== null) rest = rest.slice(opcode[0].length)
    if (rest === '') return
    slots.push(...statement(rest, opcode === null ? undefined : Number.parseInt(opcode[1] ?? '', 16), line))
  })
  const insns = newInsns(slots.length)
  slots.forEach((s, i) => {
    if (s.target !== undefined) {
      const to = labels.get(s.target.name)
      if (to === undefined) throw wrong(s.line, `there is no label or helper ${s.target.name}`)
      s[s.target.field] = to - i - 1
    }
    if (s.off < -32768 || s.off > 32767) throw wrong(s.line, `the jump is too far: ${s.off} instructions`)
    insns.code[i] = s.code
    insns.dst[i] = s.dst
    insns.src[i] = s.src
    insns.off[i] = s.off
    insns.imm[i] = s.imm
  })
  return insns
}

function statement(text: string, opcode: number | undefined, line: number): readonly Slot[] {
  // The verifier prints an ld_imm64 like a move; its opcode tells.
  const words = opcode === op.LD_IMM64 && !/\bll$/.test(text) ? `${text} ll` : text
  for (const [pattern, rule] of compiled) {
    const match = pattern.exec(words)
    const slots = match === null ? undefined : rule(match, line)
    if (slots === undefined) continue
    const first = slots[0]
    if (opcode !== undefined && first !== undefined && first.code !== opcode) {
      // Forms that print alike: the opcode decides between them where the rest fits.
      if ((first.code & 7) !== (opcode & 7))
        throw wrong(line, `(${opcode.toString(16)}) is not the opcode of ${JSON.stringify(text)}`)
      return [{ ...first, code: opcode }]
    }
    return slots
  }
  throw wrong(line, `${JSON.stringify(text)} is no instruction`)
}

function wrong(line: number, message: string): NicwrightError {
  return new NicwrightError('asm/syntax', { message: `line ${line}: ${message}`, at: { line } })
}
