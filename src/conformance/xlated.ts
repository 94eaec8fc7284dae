// The rewritten form of accepted programs against the recorded one of Linux 6.18, instruction by instruction. Three things are the recording
// kernel's own and are compared by meaning: ids of maps must belong to one map each, addresses of functions to one name each over all
// programs, and the addresses of two variables likewise.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { decodeInsns } from '../bpf/decode.ts'
import type { Insns } from '../bpf/insns.ts'
import { BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, CALL, LD_IMM64 } from '../bpf/opcode.ts'
import { printInsn } from '../bpf/print.ts'
import { fromHex } from '../bytes/hex.ts'
import { fixup } from '../fixup/fixup.ts'
import type { Xlated } from '../fixup/xlated.ts'
import { verify } from '../verifier/verify.ts'
import { type ProgramRecord, programOf } from './verifier.ts'

const FILES = ['random', 'selftests-arrays', 'selftests-asm']
/** The share of programs that must be equal. */
const OWED = 0.99

export interface XlatedSample {
  /** Every n-th program. */
  readonly every?: number
  /** Programs whose name contains this, and then the whole of what differs is printed. */
  readonly name?: string
  /** One of the files. */
  readonly file?: string
}

/** What the addresses of the recording kernel stand for. */
class Addresses {
  readonly #nameOf = new Map<number, string>()
  readonly #addressOf = new Map<string, number>()

  /** Whether a name and a number have always gone together. One address may have several names, a name has one address. */
  agree(name: string, address: number): boolean {
    const known = this.#addressOf.get(name)
    if (known !== undefined) return known === address
    this.#addressOf.set(name, address)
    const other = this.#nameOf.get(address)
    if (other !== undefined) return false
    this.#nameOf.set(address, name)
    return true
  }
}

/** Prints the share of equal programs per file and the differences by class; says whether enough are equal. */
export async function xlatedConformance(
  folder: string,
  print: (line: string) => void,
  sample: XlatedSample = {},
): Promise<boolean> {
  const addresses = new Addresses()
  let good = true
  for (const file of FILES) {
    if (sample.file !== undefined && sample.file !== file) continue
    const text = gunzipSync(readFileSync(join(folder, 'verifier', `${file}.jsonl.gz`))).toString('utf8')
    const classes = new Map<string, string[]>()
    let asked = 0
    let refused = 0
    let equal = 0
    let index = 0
    for (const line of text.split('\n')) {
      if (line === '' || index++ % (sample.every ?? 1) !== 0) continue
      if (sample.name !== undefined && !line.slice(0, 300).includes(sample.name)) continue
      const record = JSON.parse(line) as ProgramRecord
      const { xlated } = record.expect
      if (!record.expect.ok || xlated === undefined) continue
      asked++
      const { program, maps } = programOf(record)
      const verdict = verify(program, maps, { logLevel: 0 })
      if (!verdict.ok) {
        refused++
        continue
      }
      const mine = fixup(verdict.verified)
      const theirs = decodeInsns(fromHex(xlated))
      const difference = compare(mine, theirs, addresses)
      if (difference === undefined) {
        equal++
        continue
      }
      const names = classes.get(difference) ?? []
      classes.set(difference, names)
      names.push(record.name)
      if (sample.name !== undefined) show(record.name, mine, theirs, print)
    }
    const share = asked === 0 ? '' : ` (${((100 * equal) / asked).toFixed(2)} %)`
    print(`xlated  ${file}: ${equal}/${asked} equal${share}${refused === 0 ? '' : `, ${refused} refused here`}`)
    for (const [difference, names] of [...classes].sort((a, b) => b[1].length - a[1].length)) {
      print(`  ${names.length} × ${difference}, e.g. ${names[0]}`)
    }
    if (asked > 0 && equal / asked < OWED) good = false
  }
  return good
}

/** The class of the first difference; undefined where there is none. */
function compare(mine: Xlated, theirs: Insns, addresses: Addresses): string | undefined {
  const { insns, symbols } = mine
  const maps = new Map<number, number>()
  const ids = new Map<number, number>()
  const count = Math.min(insns.count, theirs.count)
  for (let i = 0; i < count; i++) {
    const same =
      insns.code[i] === theirs.code[i] &&
      insns.dst[i] === theirs.dst[i] &&
      insns.src[i] === theirs.src[i] &&
      insns.off[i] === theirs.off[i]
    if (!same) return `instruction ${printInsn(theirs, i)}, here ${printInsn(insns, i)}`
    const code = insns.code[i]
    const a = insns.imm[i]!
    const b = theirs.imm[i]!
    const symbol = symbols.get(i)
    if (symbol !== undefined) {
      if (!addresses.agree(symbol, b)) return `${code === CALL ? 'function' : 'variable'} ${symbol}`
      if (code === LD_IMM64) i++
    } else if (code === LD_IMM64 && (insns.src[i] === BPF_PSEUDO_MAP_FD || insns.src[i] === BPF_PSEUDO_MAP_VALUE)) {
      if ((maps.get(a) ?? b) !== b || (ids.get(b) ?? a) !== a) return 'reference to another map'
      maps.set(a, b)
      ids.set(b, a)
    } else if (a !== b) return `immediate of ${printInsn(theirs, i)}, here ${printInsn(insns, i)}`
  }
  return insns.count === theirs.count ? undefined : `${theirs.count < insns.count ? 'more' : 'fewer'} instructions`
}

function show(name: string, mine: Xlated, theirs: Insns, print: (line: string) => void): void {
  print(`--- ${name}`)
  for (let i = 0; i < Math.max(mine.insns.count, theirs.count); i++) {
    const a = i < theirs.count ? printInsn(theirs, i) : ''
    const b = i < mine.insns.count ? printInsn(mine.insns, i) : ''
    print(`${String(i).padStart(5)} ${a === b ? ' ' : '!'} ${a.padEnd(44)} ${b} ${mine.symbols.get(i) ?? ''}`)
  }
}
