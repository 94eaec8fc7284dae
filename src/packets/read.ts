import { NicwrightError } from '../errors.ts'
import type { Capture } from './capture.ts'
import { isPcap, readPcap } from './pcap.ts'
import { isPcapng, readPcapng } from './pcapng.ts'

/** Reads a capture of whichever format; throws `pcap/bad` with the offset where it is damaged, or neither. */
export function readCapture(bytes: Uint8Array): Capture {
  if (isPcapng(bytes)) return readPcapng(bytes)
  if (isPcap(bytes)) return readPcap(bytes)
  const what = bytes.length === 0 ? 'the file is empty' : 'neither a pcap nor a pcapng file: its first bytes are unknown'
  throw new NicwrightError('pcap/bad', { message: `${what} (at byte 0)`, at: { offset: 0 } })
}
