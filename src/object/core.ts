import type { Insns } from '../bpf/insns.ts'
import { BPF_ALU, BPF_ALU64, BPF_DW, BPF_LDX, BPF_ST, BPF_STX, BPF_X, CALL, LD_IMM64 } from '../bpf/opcode.ts'
import type { ExtInfo } from '../btf/ext.ts'
import type { Btf } from '../btf/parse.ts'
import { NicwrightError } from '../errors.ts'
import { evaluate, FIELD_BYTE_OFFSET, KIND_TEXT, type LocalSpec, localSpec, type Value } from './field.ts'
import type { ObjectFile } from './file.ts'

// CO-RE: instructions that depend on the layout of the kernel's types carry a record of what they mean (`the offset of
// task_struct.pid`), and the loader puts in what holds on this kernel. What the kernel hasn't got becomes a call that no verifier
// accepts, so that only programs that really reach it are refused.

/** The helper number in place of an instruction that cannot work on this kernel, as libbpf chose it: 0xbad2310. */
export const POISON = 195896080

/**
 * Types that are part of the kernel's interface or of a network protocol: their layout is the same everywhere, so what the
 * compiler saw holds, and no kernel's BTF is needed. Sources that include vmlinux.h have relocations for them too.
 */
const FIXED_TYPES = new Set([
  ...['xdp_md', '__sk_buff', 'bpf_sock', 'bpf_tcp_sock', 'bpf_sock_tuple', 'bpf_fib_lookup', 'bpf_redir_neigh', 'bpf_tunnel_key'],
  ...[
    'bpf_devmap_val',
    'bpf_cpumap_val',
    'bpf_spin_lock',
    'bpf_timer',
    'bpf_dynptr',
    'bpf_flow_keys',
    'sk_reuseport_md',
    'bpf_sock_ops',
  ],
  ...[
    'ethhdr',
    'vlan_hdr',
    'vlan_ethhdr',
    'iphdr',
    'ipv6hdr',
    'ipv6_opt_hdr',
    'in_addr',
    'in6_addr',
    'tcphdr',
    'udphdr',
    'icmphdr',
  ],
  ...['icmp6hdr', 'arphdr', 'sctphdr', 'gre_base_hdr', 'ip_auth_hdr', 'ip_esp_hdr', 'frag_hdr'],
  ...['xdp_action', 'bpf_map_type', 'bpf_attach_type'],
])

/** Applies all relocations of a file to its code sections, in place. */
export function relocateTypes(file: ObjectFile, btf: Btf, info: ExtInfo, kernel: Btf | undefined): void {
  for (const { name, records, count } of info.sections) {
    const code = file.code.find(section => section.name === name)
    if (code === undefined) continue
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
    for (let i = 0; i < count; i++) {
      const at = i * info.recordBytes
      const [offset, type, access, kind] = [0, 4, 8, 12].map(word => view.getUint32(at + word, btf.little)) as [
        number,
        number,
        number,
        number,
      ]
      const slot = offset / 8
      if (!Number.isInteger(slot) || slot >= code.insns.count || type >= btf.count) {
        throw new NicwrightError('btf/bad-ext', {
          message: `CO-RE relocation ${i} of section ${name} points outside (byte ${offset}, type ${type})`,
        })
      }
      const local = localSpec(btf, type, btf.string(access) ?? '', kind)
      const value = resolve(local, kernel)
      apply(
        code.insns,
        slot,
        value,
        i,
        `section ${name}, instruction ${slot}: ${KIND_TEXT[kind] ?? `relocation ${kind}`} ${local.text}`,
      )
    }
  }
}

interface Resolved {
  readonly before: Value
  /** Undefined: this kernel hasn't got it. */
  readonly after: Value | undefined
  readonly isOffset: boolean
}

function resolve(local: LocalSpec, kernel: Btf | undefined): Resolved {
  const before = evaluate(local, local.btf, local.root)
  const isOffset = local.kind === FIELD_BYTE_OFFSET
  if (before === undefined)
    throw new NicwrightError('object/core', { message: `${local.text}: the object's own type does not have it` })
  // The id of a type in the object itself depends on no kernel.
  if (local.isLocalId) return { before, after: before, isOffset }
  if (kernel === undefined) {
    if (FIXED_TYPES.has(local.essential)) return { before, after: before, isOffset }
    throw new NicwrightError('object/core-no-btf', {
      message: `the program depends on the layout of the kernel's ${local.text}, and no kernel's types are given`,
      notes: ['a kernel shows its types in /sys/kernel/btf/vmlinux'],
    })
  }
  let after: Value | undefined
  for (const id of kernel.named(local.essential)) {
    if (kernel.kind(id) !== local.btf.kind(local.root) && !(local.isEnum && kernel.kind(id).startsWith('enum'))) continue
    const found = evaluate(local, kernel, id)
    if (found === undefined) continue
    if (after !== undefined && after.value !== found.value) {
      throw new NicwrightError('object/core', {
        message: `the kernel has several types ${local.essential} that disagree on ${local.text}`,
      })
    }
    after = found
  }
  return { before, after: after ?? local.missing, isOffset }
}

function apply(insns: Insns, slot: number, { before, after, isOffset }: Resolved, index: number, where: string): void {
  const code = insns.code[slot]!
  const bad = (message: string): NicwrightError =>
    new NicwrightError('object/core', { message: `${where}: ${message}`, at: { insn: slot } })
  if (after === undefined) {
    for (let i = slot; i <= slot + (code === LD_IMM64 ? 1 : 0) && i < insns.count; i++) {
      insns.code[i] = CALL
      insns.dst[i] = insns.src[i] = insns.off[i] = 0
      insns.imm[i] = POISON + index
    }
    return
  }
  const was = Number(BigInt.asIntN(32, before.value))
  const now = Number(BigInt.asIntN(32, after.value))
  const kind = code & 7
  if (code === LD_IMM64) {
    if (insns.src[slot] !== 0 || slot + 1 >= insns.count) throw bad('the 64-bit load is not a plain number')
    insns.imm[slot] = now
    insns.imm[slot + 1] = Number(BigInt.asIntN(32, after.value >> 32n))
  } else if (kind === BPF_ALU || kind === BPF_ALU64) {
    if ((code & BPF_X) !== 0 || (before.exact && insns.imm[slot] !== was))
      throw bad(`the instruction holds ${insns.imm[slot]} where ${was} is expected`)
    insns.imm[slot] = now
  } else if (kind === BPF_LDX || kind === BPF_ST || kind === BPF_STX) {
    if (before.exact && insns.off[slot] !== was)
      throw bad(`the instruction has offset ${insns.off[slot]} where ${was} is expected`)
    if (now > 0x7fff) throw bad(`offset ${now} does not fit into an instruction`)
    insns.off[slot] = now
    if (isOffset && before.bytes !== after.bytes) {
      const size = [4, 2, 1, 8].indexOf(after.bytes)
      // Sign extension would be lost, or the value cut.
      if (size < 0 || before.signed || after.signed)
        throw bad(`the field has ${before.bytes} bytes in the program and ${after.bytes} in the kernel`)
      insns.code[slot] = (code & ~BPF_DW) | (size << 3)
    }
  } else {
    throw bad(`opcode 0x${code.toString(16)} cannot hold a relocated value`)
  }
}
