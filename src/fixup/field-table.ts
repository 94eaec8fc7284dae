// Where the fields of a program's context and of sockets really are, in Linux 6.18 on x86-64 as its own BTF and its rewritten programs tell.
// A row is one field as user space knows it; `path` is the way to it: each hop loads so many bytes at an offset of what the hop before
// gave, the last one the field itself.

/** [bytes, offset] */
export type Hop = readonly [bytes: number, offset: number]

/** What has to be done with a loaded value. */
export type Finish = 'low 2 bits' | 'low 3 bits' | 'upper half' | 'is set' | 'napi' | 'no queue'

export interface Field {
  readonly off: number
  readonly bytes: number
  readonly path: readonly Hop[]
  /** The first hop may give a null pointer, which is the result then. */
  readonly nullable?: boolean
  /** The last hop counts from the shared info at the end of the buffer, not from the structure. */
  readonly shared?: boolean
  readonly finish?: Finish
  /** Where a store goes, if the field may be written. */
  readonly write?: Hop
}

export const xdpFields: readonly Field[] = [
  { off: 0, bytes: 4, path: [[8, 0]] },
  { off: 4, bytes: 4, path: [[8, 8]] },
  { off: 8, bytes: 4, path: [[8, 16]] },
  {
    off: 12,
    bytes: 4,
    path: [
      [8, 32],
      [8, 0],
      [4, 224],
    ],
  },
  {
    off: 16,
    bytes: 4,
    path: [
      [8, 32],
      [4, 8],
    ],
  },
  {
    off: 20,
    bytes: 4,
    path: [
      [8, 40],
      [8, 0],
      [4, 224],
    ],
  },
]

const ifindex: readonly Hop[] = [
  [8, 16],
  [4, 224],
]

/** A field of the socket that the buffer belongs to. */
function ofSocket(off: number, bytes: number, at: number, finish?: Finish): Field {
  return {
    off,
    bytes: 4,
    path: [
      [8, 24],
      [bytes, at],
    ],
    ...(finish === undefined ? {} : { finish }),
  }
}

const words = (off: number, at: number): readonly Field[] => [0, 4, 8, 12].map(k => ofSocket(off + k, 4, at + k))

/** Of __sk_buff, but for the control block and the time stamp. */
export const skbFields: readonly Field[] = [
  { off: 0, bytes: 4, path: [[4, 112]] },
  { off: 4, bytes: 4, path: [[1, 128]], finish: 'low 3 bits' },
  { off: 8, bytes: 4, path: [[4, 164]], write: [4, 164] },
  { off: 12, bytes: 4, path: [[2, 124]], write: [2, 124] },
  { off: 16, bytes: 4, path: [[2, 176]] },
  { off: 20, bytes: 4, path: [[4, 152]], finish: 'is set' },
  { off: 24, bytes: 4, path: [[2, 154]] },
  { off: 28, bytes: 4, path: [[2, 152]] },
  { off: 32, bytes: 4, path: [[4, 140]], write: [4, 140] },
  { off: 36, bytes: 4, path: [[4, 144]] },
  { off: 40, bytes: 4, path: ifindex, nullable: true },
  { off: 44, bytes: 4, path: [[2, 132]], write: [2, 132] },
  { off: 68, bytes: 4, path: [[4, 148]] },
  { off: 72, bytes: 4, path: [[2, 46]], write: [2, 46] },
  { off: 76, bytes: 4, path: [[8, 200]] },
  { off: 80, bytes: 4, path: [[8, 80]] },
  { off: 84, bytes: 4, path: [[4, 156]], finish: 'napi' },
  ofSocket(88, 2, 16),
  ofSocket(92, 4, 0),
  ofSocket(96, 4, 4),
  ...words(100, 56),
  ...words(116, 72),
  ofSocket(132, 2, 12, 'upper half'),
  ofSocket(136, 2, 14),
  { off: 140, bytes: 4, path: [[8, 72]] },
  { off: 160, bytes: 4, path: [[4, 40]] },
  { off: 164, bytes: 4, path: [[2, 6]], shared: true },
  { off: 168, bytes: 8, path: [[8, 24]] },
  { off: 176, bytes: 4, path: [[2, 4]], shared: true },
  { off: 180, bytes: 1, path: [[1, 129]], finish: 'low 2 bits' },
  { off: 184, bytes: 8, path: [[8, 16]], shared: true },
]

/** A TC program always runs on a device: it doesn't ask. */
export const tcIfindex: Field = { off: 40, bytes: 4, path: ifindex }

/** The control block: 20 bytes at 48 of __sk_buff that lie together, so that accesses of any size stay what they are. */
export const CB_OFF = 48
export const CB_END = 68
export const CB_AT = 48

export const TSTAMP_OFF = 152
export const TSTAMP_AT = 32
export const TSTAMP_TYPE_OFF = 180
/** The byte with what the time stamp is, and of it: at ingress, and the kind of clock. */
export const TSTAMP_FLAGS_AT = 129
export const AT_INGRESS = 4
export const CLOCK_MASK = 3

export const QUEUE_MAPPING_OFF = 12
/** The value that stands for no queue: it is never stored. */
export const NO_QUEUE = 0xffff

/** The place of the buffer's end in it, and of the pointer that this counts from. */
export const SHARED_END_AT = 188
export const SHARED_HEAD_AT = 192

/** Id numbers below this are processors, not NAPI instances. */
export const MIN_NAPI_ID = 257

/** The flag of a cloned buffer, for programs that write into packets. */
export const CLONED_AT = 126
export const CLONED_MASK = 1

function row(off: number, bytes: number, at: number): Field {
  return { off, bytes: 4, path: [[bytes, at]] }
}

/** bpf_sock, of full sockets and of the part that all sockets have. */
export const sockFields: readonly Field[] = [
  row(0, 4, 20),
  row(4, 2, 16),
  row(8, 2, 534),
  row(12, 2, 532),
  row(16, 4, 524),
  row(20, 4, 520),
  row(24, 4, 4),
  ...[0, 4, 8, 12].map(k => row(28 + k, 4, 72 + k)),
  row(44, 2, 14),
  row(48, 2, 12),
  row(52, 4, 0),
  ...[0, 4, 8, 12].map(k => row(56 + k, 4, 56 + k)),
  row(72, 1, 18),
  { off: 76, bytes: 4, path: [[2, 122]], finish: 'no queue' },
]

export const tcpSockFields: readonly Field[] = [
  row(0, 4, 1444),
  row(4, 4, 1680),
  row(8, 4, 1500),
  row(12, 4, 1492),
  row(16, 4, 1664),
  row(20, 4, 1668),
  row(24, 4, 1672),
  row(28, 4, 1440),
  row(32, 1, 1640),
  row(36, 4, 1780),
  row(40, 4, 1784),
  row(44, 4, 1684),
  row(48, 4, 1480),
  row(52, 4, 2200),
  row(56, 4, 1760),
  row(60, 4, 1764),
  row(64, 4, 1536),
  row(68, 4, 1540),
  row(72, 4, 1452),
  row(76, 4, 1456),
  { off: 80, bytes: 8, path: [[8, 1752]] },
  { off: 88, bytes: 8, path: [[8, 1824]] },
  row(96, 4, 1864),
  row(100, 4, 1692),
  row(104, 4, 1696),
  row(108, 1, 1249),
]

export const xdpSockFields: readonly Field[] = [row(0, 2, 880)]
