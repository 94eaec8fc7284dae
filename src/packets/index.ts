export { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from './address.ts'
export { buildPacket, type Header } from './build.ts'
export { type Capture, type CapturedPacket, type CaptureInterface, LINKTYPE_ETHERNET, packetAt } from './capture.ts'
export { internetChecksum } from './checksum.ts'
export { type Dissection, dissect } from './dissect.ts'
export type { Field, Layer } from './layer.ts'
export { type PcapOptions, writePcap } from './pcap.ts'
export { writePcapng } from './pcapng.ts'
export { newRandom, type Random } from './random.ts'
export { readCapture } from './read.ts'
export {
  firewallFlows,
  LB_REALS,
  LB_SERVICES,
  LIMITED_SOURCES,
  type Real,
  type Service,
  scenario,
  scenarioNames,
} from './scenarios.ts'
export { type Flow, flowHeaders, newFlow, sizedPacket, type TrafficOptions, traffic } from './traffic.ts'
