import { internetChecksum } from './checksum.ts'

export interface Field {
  readonly name: string
  readonly value: string
  /** Byte range in the packet. */
  readonly start: number
  readonly end: number
}

export interface Layer {
  readonly kind:
    | 'eth'
    | 'vlan'
    | 'ipv4'
    | 'ipv6'
    | 'extension'
    | 'arp'
    | 'tcp'
    | 'udp'
    | 'icmp'
    | 'icmpv6'
    | 'gre'
    | 'data'
    | 'truncated'
  readonly title: string
  /** What the one-line summary says of this layer, where that is less than the title. */
  readonly short?: string
  readonly start: number
  readonly end: number
  readonly fields: readonly Field[]
  readonly src?: string
  readonly dst?: string
  readonly srcPort?: number
  readonly dstPort?: number
}

/** What to take apart next, and where it ends. */
export interface Next {
  readonly kind: Exclude<Layer['kind'], 'truncated'>
  readonly at: number
  readonly end: number
  /** Of data: what it is. */
  readonly name?: string
  /** Of an extension header: which. */
  readonly protocol?: number
  /** For the checksums of transport headers; `whole`: all bytes that they cover are there. */
  readonly pseudo?: { readonly src: Uint8Array; readonly dst: Uint8Array; readonly whole: boolean }
}

/** Big-endian reads at checked places. */
export class Reader {
  readonly data: Uint8Array

  constructor(data: Uint8Array) {
    this.data = data
  }

  u8(at: number): number {
    return this.data[at]!
  }

  u16(at: number): number {
    return (this.data[at]! << 8) | this.data[at + 1]!
  }

  u32(at: number): number {
    return ((this.u16(at) << 16) | this.u16(at + 2)) >>> 0
  }

  slice(at: number, count: number): Uint8Array {
    return this.data.subarray(at, at + count)
  }

  /** The checksum at a place, and whether it is right for the range. */
  checksumText(at: number, start: number, end: number, sum = 0): string {
    const text = `0x${this.u16(at).toString(16).padStart(4, '0')}`
    const left = internetChecksum(this.data, start, end, sum)
    if (left === 0) return `${text} (right)`
    const right = internetChecksum(this.data, start, end, sum + (65535 - this.u16(at)))
    return `${text} (wrong: 0x${right.toString(16).padStart(4, '0')} is right)`
  }
}
