// Captured packets, free of the file format they came from.

export const LINKTYPE_ETHERNET = 1

export interface CapturedPacket {
  readonly data: Uint8Array
  /** Since 1970. */
  readonly seconds: number
  /** 0 .. 999,999,999 */
  readonly nanoseconds: number
  /** On the wire; more than `data` where the capture cut it. */
  readonly originalBytes: number
  /** Index into the capture's interfaces. */
  readonly interface: number
  readonly comment?: string
  /** XDP's verdict, 0 aborted to 4 redirect (pcapng only). */
  readonly verdict?: number
  readonly queue?: number
}

export interface CaptureInterface {
  /** LINKTYPE_*. */
  readonly linkType: number
  readonly name?: string
}

export interface Capture {
  readonly interfaces: readonly CaptureInterface[]
  readonly packets: readonly CapturedPacket[]
}

/** A packet at a time in nanoseconds from the start of the capture. */
export function packetAt(data: Uint8Array, nanoseconds = 0): CapturedPacket {
  const seconds = Math.floor(nanoseconds / 1e9)
  return { data, seconds, nanoseconds: nanoseconds - seconds * 1e9, originalBytes: data.length, interface: 0 }
}
