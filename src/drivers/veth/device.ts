// A pair of virtual interfaces: what one sends, the other receives. XDP runs in the driver, which needs packets in single pages.

import { EINVAL, ERANGE } from '../../bpf/errno.ts'
import { BPF_F_XDP_HAS_FRAGS } from '../../bpf/prog-type-table.ts'
import type { Extack, LinkFacts, Netdev, NetdevOps } from '../../kernel/netdev.ts'
import type { LoadedProgram } from '../../kernel/program.ts'

/** A page without headroom, without the kernel's record of the packet, and without the Ethernet header. */
const PAGE_ROOM_BYTES = 4096 - 256 - 320 - 14
/** What fragments add. */
const FRAGS_BYTES = 17 * 4096
const MAX_MTU = 65535

export class VethEnd implements NetdevOps {
  readonly driver = 'veth'
  readonly modes = ['driver'] as const
  readonly link: LinkFacts
  readonly #peer: () => Netdev | undefined
  #program: LoadedProgram | undefined

  /** `peer` gives the interface of the other end. */
  constructor(peer: () => Netdev | undefined) {
    this.#peer = peer
    this.link = {
      kind: 'veth',
      peer,
      broadcast: ['BROADCAST', 'MULTICAST'],
      queues: 2,
      tsoMaxBytes: 524280,
      qdisc: 'noqueue',
      carrier: true,
      // What the other end receives limits what this one may send.
      maxMtu: () => {
        const other = peer()?.ops
        return other instanceof VethEnd ? other.receivable : MAX_MTU
      },
    }
  }

  /** The longest packet that the program of this end can take. */
  get receivable(): number {
    const program = this.#program
    return program === undefined ? MAX_MTU : Math.min(MAX_MTU, roomFor(program))
  }

  setupXdp(mode: 'driver' | 'offload', program: LoadedProgram | undefined, extack: Extack): number {
    if (mode === 'offload') return -EINVAL
    if (program !== undefined) {
      const peer = this.#peer()
      if (peer === undefined) {
        extack.message = 'veth: Cannot set XDP when peer is detached'
        return -ENOTCONN
      }
      if (peer.mtu > roomFor(program)) {
        extack.message = 'veth: Peer MTU is too large to set XDP'
        return -ERANGE
      }
    }
    this.#program = program
    return 0
  }

  changeMtu(): number {
    return 0
  }
}

const ENOTCONN = 107

function roomFor(program: LoadedProgram): number {
  return PAGE_ROOM_BYTES + ((program.program.flags & BPF_F_XDP_HAS_FRAGS) !== 0 ? FRAGS_BYTES : 0)
}
