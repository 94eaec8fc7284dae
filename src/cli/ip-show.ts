// An interface as `ip link show` prints it: text, with details, and JSON.

import type { LinkFacts, Netdev, XdpMode } from '../kernel/netdev.ts'
import type { LoadedProgram } from '../kernel/program.ts'
import { MAX_MTU, MIN_MTU } from '../kernel/xdp.ts'
import { type Json, printJson } from './bpftool/json.ts'
import { kernelName } from './object.ts'

/** In the order in which netlink gives them, with netlink's numbers. */
const MODES: readonly (readonly [mode: XdpMode, number: number, text: string])[] = [
  ['generic', 2, 'xdpgeneric'],
  ['driver', 1, 'xdp'],
  ['offload', 3, 'xdpoffload'],
]
const MULTI = 4
/** Of the interfaces of real cards. */
const CARD: LinkFacts = {
  broadcast: ['BROADCAST', 'MULTICAST'],
  queues: 1,
  tsoMaxBytes: 65536,
  qdisc: 'mq',
  carrier: true,
}

function facts(netdev: Netdev): LinkFacts {
  return netdev.ops.link ?? CARD
}

function carrier(netdev: Netdev): boolean {
  const { peer } = facts(netdev)
  return netdev.up && (peer === undefined || peer()?.up === true)
}

function flags(netdev: Netdev): string[] {
  const { broadcast, peer } = facts(netdev)
  if (!netdev.up) return [...broadcast, ...(peer !== undefined && peer()?.up === false ? ['M-DOWN'] : [])]
  if (carrier(netdev)) return [...broadcast, 'UP', 'LOWER_UP']
  return ['NO-CARRIER', ...broadcast, 'UP', ...(peer === undefined ? [] : ['M-DOWN'])]
}

function state(netdev: Netdev): string {
  if (!netdev.up) return 'DOWN'
  if (!facts(netdev).carrier) return 'UNKNOWN'
  return carrier(netdev) ? 'UP' : 'LOWERLAYERDOWN'
}

/** A locally administered address that belongs to the name and the number. */
export function addressOf(netdev: Netdev): string {
  let hash = 0x811c9dc5 ^ netdev.ifindex
  const bytes = [0x02]
  for (let i = 0; i < 5; i++) {
    hash = Math.imul(hash ^ (netdev.name.charCodeAt(i % netdev.name.length) + i), 0x01000193) >>> 0
    bytes.push(hash >>> 24)
  }
  return bytes.map(byte => byte.toString(16).padStart(2, '0')).join(':')
}

function attached(netdev: Netdev): { number: number; text: string; mode: XdpMode; program: LoadedProgram }[] {
  return MODES.flatMap(([mode, number, text]) => {
    const program = netdev.xdp.get(mode)
    return program === undefined ? [] : [{ mode, number, text, program }]
  })
}

function jited(program: LoadedProgram): boolean {
  return (program.bound?.device.jited.length ?? 0) > 0
}

export function linkText(netdev: Netdev, details: boolean): string {
  const link = facts(netdev)
  const list = attached(netdev)
  const peer = link.peer?.()
  const name = peer === undefined ? netdev.name : `${netdev.name}@${peer.name}`
  const mode = list.length === 0 ? '' : list.length > 1 ? 'xdpmulti ' : `${list[0]?.text} `
  const qdisc = netdev.up ? link.qdisc : 'noop'
  const first = `${netdev.ifindex}: ${name}: <${flags(netdev).join(',')}> mtu ${netdev.mtu} ${mode}qdisc ${qdisc} state ${state(netdev)} mode DEFAULT group default qlen 1000\n`
  const second = `    link/ether ${addressOf(netdev)} brd ff:ff:ff:ff:ff:ff${details ? detailText(netdev) : ''}\n`
  const programs = list.map(({ text, program }) => {
    const prefix = list.length === 1 ? 'xdp' : text === 'xdp' ? 'xdpdrv' : text
    return `    prog/${prefix} ${programText(program, details)}\n`
  })
  return first + second + programs.join('')
}

function programText(program: LoadedProgram, details: boolean): string {
  const name = kernelName(program.program.name)
  const btf = program.btf === undefined ? '' : `btf_id ${program.btf.id} `
  const more = details ? `load_time ${loadTime(program)} created_by_uid 0 ${btf}` : ''
  return `id ${program.id} ${name === '' ? '' : `name ${name} `}tag ${program.tag} ${jited(program) ? 'jited ' : ''}${more}`
}

/** Nanoseconds. The machine has always been up since 1970. */
function loadTime(program: LoadedProgram): number {
  return program.loadedAt * 1e9
}

function detailText(netdev: Netdev): string {
  const link = facts(netdev)
  const { queues, tsoMaxBytes } = link
  const kind = link.kind === undefined ? '' : `\n    ${link.kind} `
  const port = link.portName === undefined ? '' : `portname ${link.portName} `
  const id = link.switchId === undefined ? '' : `switchid ${link.switchId} `
  const parent = link.parent === undefined ? '' : `parentbus ${link.parent.bus} parentdev ${link.parent.device} `
  const sizes = `numtxqueues ${queues} numrxqueues ${queues} gso_max_size 65536 gso_max_segs 65535 tso_max_size ${tsoMaxBytes} tso_max_segs 65535 gro_max_size 65536 `
  return ` promiscuity 0  allmulti 0 minmtu ${MIN_MTU} maxmtu ${link.maxMtu?.() ?? MAX_MTU} ${kind}addrgenmode eui64 ${sizes}${port}${id}${parent}`
}

export function linksJson(list: readonly Netdev[], options: { readonly pretty: boolean; readonly details: boolean }): string {
  return printJson(
    list.map(netdev => linkJson(netdev, options.details)),
    options.pretty,
    'iproute',
  )
}

function linkJson(netdev: Netdev, details: boolean): Json {
  const link = facts(netdev)
  const list = attached(netdev)
  const [one] = list
  const xdp =
    one === undefined
      ? undefined
      : {
          mode: list.length > 1 ? MULTI : one.number,
          prog: list.length > 1 ? undefined : programJson(one.program, details),
          attached: list.map(({ number, program }) => ({ mode: number, prog: programJson(program, details) })),
        }
  return {
    ifindex: netdev.ifindex,
    link: link.peer?.()?.name,
    ifname: netdev.name,
    flags: flags(netdev),
    mtu: netdev.mtu,
    xdp,
    qdisc: netdev.up ? link.qdisc : 'noop',
    operstate: state(netdev),
    linkmode: 'DEFAULT',
    group: 'default',
    txqlen: 1000,
    link_type: 'ether',
    address: addressOf(netdev),
    broadcast: 'ff:ff:ff:ff:ff:ff',
    ...(details ? detailJson(netdev) : {}),
    vfinfo_list: link.virtualFunctions === true ? [] : undefined,
  }
}

function programJson(program: LoadedProgram, details: boolean): Json {
  const name = kernelName(program.program.name)
  return {
    id: program.id,
    name: name === '' ? undefined : name,
    tag: program.tag,
    jited: jited(program) ? 1 : 0,
    ...(details ? { load_time: loadTime(program), created_by_uid: 0, btf_id: program.btf?.id } : {}),
  }
}

function detailJson(netdev: Netdev): { readonly [name: string]: Json | undefined } {
  const link = facts(netdev)
  return {
    promiscuity: 0,
    allmulti: 0,
    min_mtu: MIN_MTU,
    max_mtu: link.maxMtu?.() ?? MAX_MTU,
    linkinfo: link.kind === undefined ? undefined : { info_kind: link.kind },
    inet6_addr_gen_mode: 'eui64',
    num_tx_queues: link.queues,
    num_rx_queues: link.queues,
    gso_max_size: 65536,
    gso_max_segs: 65535,
    tso_max_size: link.tsoMaxBytes,
    tso_max_segs: 65535,
    gro_max_size: 65536,
    phys_port_name: link.portName,
    phys_switch_id: link.switchId,
    parentbus: link.parent?.bus,
    parentdev: link.parent?.device,
  }
}
