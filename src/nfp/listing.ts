// A whole program as bpftool shows the machine code of an offloaded program: the un-relocated image (relocation type in the top byte,
// no ECC), one line a word.

import { NicwrightError } from '../errors.ts'
import type { Code } from './code.ts'
import { printInsn } from './print.ts'

const WORD = 8

export interface ListedWord {
  /** Word number. */
  readonly pc: number
  /** With the number before it, as libopcodes prints it: ` .12  bcc[.152]`. */
  readonly text: string
  /** The eight bytes as they lie in memory. */
  readonly word: Uint8Array
}

/** What stands before a word in a listing of `total` words: its number, right-aligned after the dot as binutils does it. */
export function wordNumber(index: number, total: number): string {
  const width = String(total).length - String(index).length + 1
  return `${'.'.padStart(width)}${index}  `
}

/** Lists an image: words of eight bytes, little endian. */
export function listing(image: Uint8Array): ListedWord[] {
  if (image.length % WORD !== 0) {
    throw new NicwrightError('nfp/image-size', { message: `machine code of ${image.length} bytes is no whole number of words` })
  }
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength)
  const total = image.length / WORD
  return Array.from({ length: total }, (_, pc) => {
    const at = pc * WORD
    return {
      pc,
      text: wordNumber(pc, total) + printInsn(view.getUint32(at, true), view.getUint32(at + 4, true)),
      word: image.subarray(at, at + WORD),
    }
  })
}

/** The lines of `bpftool prog dump jited`: byte offset, word number, text. */
export function printListing(code: Pick<Code, 'lo' | 'hi' | 'count'>): string[] {
  return listing(codeBytes(code)).map(({ pc, text }) => `${(pc * WORD).toString(16).padStart(4)}:\t${text}`)
}

/** Words as bytes in memory order. */
export function codeBytes(code: Pick<Code, 'lo' | 'hi' | 'count'>): Uint8Array {
  const bytes = new Uint8Array(code.count * WORD)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < code.count; i++) {
    view.setUint32(i * WORD, code.lo[i]!, true)
    view.setUint32(i * WORD + 4, code.hi[i]!, true)
  }
  return bytes
}
