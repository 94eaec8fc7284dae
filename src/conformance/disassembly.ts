// The disassembler and the assembler against GNU binutils' recorded text: every word that the upstream driver's programs contain, and
// random words over the whole instruction set. The text must be equal, and the printed word must come back from the assembler.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { assembleInsn, printExact } from '../nfp/assemble.ts'
import { printInsn } from '../nfp/print.ts'

const OPERATION = 0x1fff
const SHOWN = 5

interface Corpus {
  readonly file: string
  readonly title: string
  /** Every word is an instruction whose text says all of it, so plain text must be assembled to the word. */
  readonly plain: boolean
}

const corpora: readonly Corpus[] = [
  { file: 'disassembly.tsv.gz', title: "words of the driver's programs", plain: true },
  { file: 'disassembly-random.tsv.gz', title: 'random words', plain: false },
]

/** Prints a line per file, and the first differences; says whether there were none. */
export async function disassemblyConformance(folder: string, print: (line: string) => void): Promise<boolean> {
  let good = true
  for (const corpus of corpora) good = check(folder, corpus, print) && good
  return good
}

function check(folder: string, { file, title, plain }: Corpus, print: (line: string) => void): boolean {
  const lines = gunzipSync(readFileSync(join(folder, 'nfp', file)))
    .toString('utf8')
    .split('\n')
  let words = 0
  let equal = 0
  let back = 0
  let shown = 0
  for (const line of lines) {
    const tab = line.indexOf('\t')
    if (tab < 0) continue
    words++
    const lo = Number.parseInt(line.slice(tab - 8, tab), 16)
    const hi = Number.parseInt(line.slice(0, tab - 8), 16)
    const wanted = line.slice(tab + 1)
    const text = printInsn(lo, hi)
    if (text === wanted) equal++
    else if (shown++ < SHOWN) print(`  ${line.slice(0, tab)}: binutils "${wanted}", ours "${text}"`)
    const again = assembleInsn(plain ? text : printExact(lo, hi))
    if (again.lo === lo && again.hi === (hi & OPERATION)) back++
    else if (shown++ < SHOWN) print(`  ${line.slice(0, tab)}: "${text}" is assembled to another word`)
  }
  print(`disassembly  ${title}: ${words} words, text equal ${share(equal, words)}, assembled back ${share(back, words)}`)
  return words > 0 && equal === words && back === words
}

function share(part: number, whole: number): string {
  return whole === 0 ? 'none' : `${part} (${((100 * part) / whole).toFixed(2)} %)`
}
