// Runs a case of repair-case-table.ts on both engines.

import { assemble } from '../bpf/assemble.ts'
import type { Insns } from '../bpf/insns.ts'
import { mapTypeNumber } from '../bpf/map-type-table.ts'
import { BPF_PSEUDO_MAP_IDX, CALL, LD_IMM64 } from '../bpf/opcode.ts'
import { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP } from '../bpf/prog-type-table.ts'
import type { MapSpec, Program } from '../bpf/program.ts'
import { encodeBtf } from '../btf/encode.ts'
import { BTF_INT_SIGNED, type BtfType, LINKAGE_STATIC } from '../btf/types.ts'
import { fromHex } from '../bytes/hex.ts'
import { Writer } from '../bytes/writer.ts'
import { CORRECT, type CodegenOptions, type RepairName } from '../drivers/nfp/codegen.ts'
import { defaultProfile, type Firmware } from '../nfp/profiles.ts'
import { difference, type Outcome, type Refusal, runOnCard, runOnHost } from './chip-run.ts'
import type { RepairCase } from './repair-case-table.ts'

const PACKET_BYTES = 64

export function programOf(example: RepairCase): Program {
  const insns = assemble(example.program)
  return {
    name: example.repair,
    type: example.type === 'tc' ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP,
    expectedAttachType: 0,
    flags: 0,
    license: 'GPL',
    insns,
    ...(example.btf ? functionTypes(insns) : {}),
  }
}

/** Types for a main function and one other, each of which returns an int. */
function functionTypes(insns: Insns): Pick<Program, 'btf' | 'funcInfo' | 'funcInfoRecordBytes'> {
  const func = (name: string): BtfType => ({ kind: 'func', name, type: 2, linkage: LINKAGE_STATIC })
  const btf = encodeBtf([
    { kind: 'int', name: 'int', size: 4, encoding: BTF_INT_SIGNED, bitOffset: 0, bits: 32 },
    { kind: 'func_proto', name: '', type: 1, params: [] },
    func('main'),
    func('other'),
  ])
  const call = insns.code.indexOf(CALL)
  const records = new Writer()
  records.u32(0).u32(3)
  records.u32(call + 1 + insns.imm[call]!).u32(4)
  return { btf, funcInfo: records.finish(), funcInfoRecordBytes: 8 }
}

export function mapsOf(example: RepairCase): MapSpec[] {
  return (example.maps ?? []).map((map, i) => ({
    name: `map${i}`,
    type: mapTypeNumber(map.type) ?? 0,
    keySize: map.key,
    valueSize: map.value,
    maxEntries: map.entries,
    flags: 0,
  }))
}

export function packetsOf(example: RepairCase): Uint8Array[] {
  return example.packets.map(text => {
    const pattern = fromHex(text, 'case/packet')
    const packet = new Uint8Array(example.bytes ?? PACKET_BYTES)
    for (let i = 0; i < packet.length; i++) packet[i] = pattern[i % pattern.length]!
    return packet
  })
}

/** Correct code but for one repair. */
export function without(repair: RepairName): CodegenOptions {
  return { codegen: 'correct', off: new Set([repair]) }
}

function firmwareOf(example: RepairCase): Firmware {
  return { ...defaultProfile.firmware, firstMap: example.firstMap ?? defaultProfile.firmware.firstMap }
}

/** The same program with its maps referred to by index, which clang and libbpf don't write, and the assembler neither. */
function byIndex(program: Program): Program {
  const { src } = program.insns
  return {
    ...program,
    fdArray: true,
    insns: { ...program.insns, src: src.map((n, i) => (program.insns.code[i] === LD_IMM64 ? BPF_PSEUDO_MAP_IDX : n)) },
  }
}

export function onCard(example: RepairCase, codegen: CodegenOptions = CORRECT): Outcome | Refusal {
  const program = programOf(example)
  const shown = example.repair === 'map-index' ? byIndex(program) : program
  return runOnCard(shown, mapsOf(example), packetsOf(example), codegen, firmwareOf(example))
}

export function onHost(example: RepairCase): Outcome | Refusal {
  return runOnHost(programOf(example), mapsOf(example), packetsOf(example))
}

/** Undefined when the card does what the interpreter does; else the difference, or the refusal. */
export function verdictOf(example: RepairCase, codegen: CodegenOptions = CORRECT): string | undefined {
  const host = onHost(example)
  const card = onCard(example, codegen)
  if ('refused' in host) return `host: ${host.refused}`
  if ('refused' in card) return `refused: ${card.refused}`
  return difference(host, card)
}
