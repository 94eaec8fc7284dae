// A translation as an image (docs/image.md).

import { BPF_ST, BPF_STX, CALL } from '../bpf/opcode.ts'
import { BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import { SKIP } from '../drivers/nfp/facts.ts'
import { provenance } from '../drivers/nfp/provenance.ts'
import type { DeviceImage, Needs, SourceLine } from '../nfp/image.ts'
import { RELO, UNRELOCATED } from '../nfp/insn-table.ts'
import { branchAddress, relocationOf } from '../nfp/patch.ts'
import { PTR_TO_CTX } from '../verifier/reg.ts'
import type { TranslatedProgram } from './translate-program.ts'

const ADJUST_HEAD = 44
const ADJUST_TAIL = 65
const RANDOM = 7

export function imageOf(from: TranslatedProgram, codegen: string): DeviceImage {
  const { program, maps, compiled, lineOf } = from
  const { translated, facts } = compiled
  const { origin, insn } = provenance(program.insns, translated)
  const index = new Map<string, number>()
  const lines: SourceLine[] = []
  const line = insn.map(slot => {
    const at = slot < 0 ? undefined : lineOf(slot)
    if (at === undefined) return -1
    const key = `${at.line} ${at.column} ${at.file}`
    let known = index.get(key)
    if (known === undefined) {
      known = lines.length
      index.set(key, known)
      lines.push({ file: at.file, line: at.line, column: at.column, text: at.text })
    }
    return known
  })
  return {
    name: program.name,
    progType: program.type === BPF_PROG_TYPE_XDP ? 'xdp' : 'sched_cls',
    codegen,
    lo: translated.lo,
    hi: translated.hi,
    targets: translated.targets,
    stackBytes: translated.stackSize,
    maxPacketOffset: facts.maxPacketOffset,
    maps: maps.map(({ spec, onHost, id }) => {
      const { name, type, keySize, valueSize, maxEntries, flags } = spec
      return { name, type, keySize, valueSize, maxEntries, flags, id, onHost }
    }),
    needs: needsOf(from),
    origin,
    insn,
    line,
    lines,
  }
}

function needsOf({ program, compiled }: TranslatedProgram): Needs {
  const { insns } = program
  const { translated } = compiled
  const called = new Set<number>()
  let queueSelect = false
  for (let i = 0; i < insns.count; i++) {
    if ((translated.flags[i]! & SKIP) !== 0) continue
    const opcode = insns.code[i]!
    const kind = opcode & 7
    if (opcode === CALL && insns.src[i] === 0) called.add(insns.imm[i]!)
    // The driver takes one store into a context: the receive queue, of an XDP program.
    if ((kind === BPF_STX || kind === BPF_ST) && compiled.facts.ptrType[i] === PTR_TO_CTX) queueSelect = true
  }
  const routines = new Set<number>()
  for (let word = 0; word < translated.lo.length; word++) {
    if (relocationOf(translated, word) === RELO.HELPER) routines.add(branchAddress(translated, word) - UNRELOCATED)
  }
  return {
    helpers: [...routines].sort((a, b) => a - b),
    adjustHead: called.has(ADJUST_HEAD),
    adjustTail: called.has(ADJUST_TAIL),
    random: called.has(RANDOM),
    queueSelect,
  }
}
