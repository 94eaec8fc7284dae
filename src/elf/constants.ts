// Numbers of the ELF specification, as far as relocatable objects of 64 bits need them.

export const ELFCLASS64 = 2
export const ELFDATA2LSB = 1
export const ELFDATA2MSB = 2

export const ET_REL = 1
export const ET_NAMES: readonly string[] = ['none', 'relocatable', 'executable', 'shared object', 'core']

export const EM_NONE = 0
export const EM_BPF = 247
/** The machines that an object is most often compiled for by mistake. */
export const EM_NAMES: { readonly [machine: number]: string } = {
  3: 'x86 (i386)',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC 64',
  22: 'S/390',
  40: 'ARM',
  62: 'x86-64',
  183: 'AArch64',
  243: 'RISC-V',
  250: 'Netronome Flow Processor',
  258: 'LoongArch',
  247: 'eBPF',
}

export const SHT_NULL = 0
export const SHT_PROGBITS = 1
export const SHT_SYMTAB = 2
export const SHT_STRTAB = 3
export const SHT_RELA = 4
export const SHT_NOBITS = 8
export const SHT_REL = 9

export const SHF_WRITE = 1
export const SHF_ALLOC = 2
export const SHF_EXECINSTR = 4

export const SHN_LORESERVE = 0xff00

export const STB_LOCAL = 0
export const STB_GLOBAL = 1
export const STB_WEAK = 2

export const STT_NOTYPE = 0
export const STT_OBJECT = 1
export const STT_FUNC = 2
export const STT_SECTION = 3

export const STV_INTERNAL = 1
export const STV_HIDDEN = 2
