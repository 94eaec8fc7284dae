// The grammar of `ip link`, as far as XDP needs it: words may be abbreviated as iproute2 allows, errors are the kernel's.

import { EEXIST, EINVAL } from '../bpf/errno.ts'
import { VethEnd } from '../drivers/veth/device.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { collect } from '../kernel/lifetime.ts'
import type { Extack, Netdev } from '../kernel/netdev.ts'
import { attachXdp, changeMtu } from '../kernel/xdp.ts'
import type { Streams } from './bpftool/command.ts'
import { loadFile, openFile } from './bpftool/libbpf.ts'
import { strerror } from './errno.ts'
import { linksJson, linkText } from './ip-show.ts'
import { plug } from './machine.ts'

export const IP_HELP = `       ip link show [ dev DEVICE ]
       ip link set [ dev ] DEVICE [ up | down ] [ mtu MTU ]
               [ { xdp | xdpgeneric | xdpdrv | xdpoffload } { off |
                 object FILE [ { section | program } NAME ] [ verbose ] |
                 pinned FILE } ]
       ip link add NAME type veth peer name PEER
       ip link add NAME type nfp [ profile PROFILE ]
       ip link delete DEVICE`

/** Ends a command: the text for the error output, and the status (255: the tool's own complaint, 2: the kernel's, 1: no such device). */
class IpError extends Error {
  readonly status: number
  constructor(message: string, status = 255) {
    super(message)
    this.status = status
  }
}

interface IpOptions {
  json: boolean
  pretty: boolean
  details: boolean
  force: boolean
}

const OPTIONS: Readonly<Record<string, keyof IpOptions>> = {
  json: 'json',
  pretty: 'pretty',
  details: 'details',
  force: 'force',
}

interface State {
  readonly kernel: Kernel
  readonly options: IpOptions
  readonly words: string[]
  readonly streams: Streams
}

/** Runs a command line; gives its exit status. */
export function runIp(kernel: Kernel, args: readonly string[], streams: Streams): number {
  const options: IpOptions = { json: false, pretty: false, details: false, force: false }
  const words = [...args]
  try {
    for (let word = words[0]; word?.startsWith('-'); word = words[0]) {
      words.shift()
      const text = word.replace(/^--?/, '')
      const name = Object.keys(OPTIONS).find(each => text !== '' && each.startsWith(text))
      const option = name === undefined ? undefined : OPTIONS[name]
      if (option === undefined) throw new IpError(`Option "${word}" is unknown, try "ip -help".`)
      options[option] = true
    }
    const state = { kernel, options, words, streams }
    const object = words.shift()
    if (object === undefined || !'link'.startsWith(object)) {
      if (object === undefined || object === 'help') throw new IpError(`Usage:\n${IP_HELP}`)
      throw new IpError(`Object "${object}" is unknown, try "ip help".`, 1)
    }
    return link(state)
  } catch (error) {
    if (!(error instanceof IpError)) throw error
    if (error.message !== '') streams.err(`${error.message}\n`)
    return error.status
  } finally {
    collect(kernel)
  }
}

const VERBS = ['add', 'set', 'show', 'list', 'lst', 'delete', 'help'] as const

/** Whether a command line is more than a look. */
export function changesLinks(args: readonly string[]): boolean {
  const verb = args.filter(word => !word.startsWith('-'))[1] ?? 'show'
  return ['add', 'set', 'delete'].includes(VERBS.find(each => each.startsWith(verb)) ?? '')
}

function link(state: State): number {
  const { words } = state
  const verb = words.shift() ?? 'show'
  const name = VERBS.find(each => each.startsWith(verb))
  if (name === 'set') return set(state)
  if (name === 'add') return add(state)
  if (name === 'delete') return remove(state)
  if (name === 'help') {
    state.streams.err(`Usage:\n${IP_HELP}\n`)
    return 255
  }
  if (name === undefined) throw new IpError(`Command "${verb}" is unknown, try "ip link help".`)
  return show(state)
}

function show({ kernel, options, words, streams }: State): number {
  if (words[0] === 'dev') {
    words.shift()
    if (words.length === 0) throw new IpError('Command line is not complete. Try option "help"')
  }
  const name = words.shift()
  const list = name === undefined ? [...kernel.netdevs.values()] : [device(kernel, name, 1)]
  if (options.json) streams.out(linksJson(list, options))
  else streams.out(list.map(netdev => linkText(netdev, options.details)).join(''))
  return 0
}

/** The status of an unknown device is 1 everywhere; only the words differ. */
function device(kernel: Kernel, name: string, status: number): Netdev {
  const netdev = kernel.netdevs.get(name)
  if (netdev === undefined)
    throw new IpError(status === 1 ? `Device "${name}" does not exist.` : `Cannot find device "${name}"`, 1)
  return netdev
}

function incomplete(): IpError {
  return new IpError('Command line is not complete. Try option "help"')
}

function set(state: State): number {
  const { kernel, words } = state
  if (words[0] === 'dev') words.shift()
  const name = words.shift()
  if (name === undefined) throw new IpError('Not enough of information: "dev" argument is required.')
  let netdev: Netdev | undefined
  const dev = (): Netdev => {
    netdev ??= device(kernel, name, 2)
    return netdev
  }
  const steps: (() => void)[] = []
  while (words.length > 0) {
    const word = words.shift() ?? ''
    if (word === 'up') steps.push(() => bring(dev(), true))
    else if (word === 'down') steps.push(() => bring(dev(), false))
    else if (word === 'mtu') {
      const text = words.shift()
      if (text === undefined) throw incomplete()
      const mtu = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN
      if (!(mtu < 2 ** 31)) throw new IpError(`Error: argument "${text}" is wrong: Invalid "mtu" value\n`)
      steps.push(() => {
        const extack: Extack = { message: undefined }
        answer(changeMtu(dev(), mtu, extack), extack)
      })
    } else if (isXdpMode(word)) steps.push(xdp(state, dev, word))
    else throw new IpError(`Error: either "dev" is duplicate, or "${word}" is a garbage.`)
  }
  dev()
  for (const step of steps) step()
  return 0
}

function bring(netdev: Netdev, up: boolean): void {
  netdev.up = up
}

/** What the kernel refuses: its own words where it has some, the error number's else. */
function answer(error: number, extack: Extack): void {
  if (error === 0) return
  if (extack.message !== undefined) throw new IpError(`Error: ${extack.message}${extack.message.endsWith('.') ? '' : '.'}`, 2)
  throw new IpError(`RTNETLINK answers: ${strerror(-error)}`, 2)
}

const MODES = { xdp: undefined, xdpgeneric: 'generic', xdpdrv: 'driver', xdpoffload: 'offload' } as const

function isXdpMode(word: string): word is keyof typeof MODES {
  return word in MODES
}

/** Reads the words behind `xdp…`; loading happens while they are read, attaching in the order of the command line. */
function xdp({ kernel, options, words, streams }: State, dev: () => Netdev, name: keyof typeof MODES): () => void {
  const mode = MODES[name]
  const what = words.shift()
  if (what === undefined) throw incomplete()
  const attach = (find: () => Parameters<typeof attachXdp>[1]): (() => void) => {
    return () => {
      const program = find()
      const extack: Extack = { message: undefined }
      answer(attachXdp(dev(), program, mode, extack, { replace: options.force }), extack)
    }
  }
  if (what === 'off' || what === 'none') return attach(() => undefined)
  if (what !== '' && ['pinned', 'fd'].some(word => word.startsWith(what)) && what !== 'fd') {
    const path = words.shift()
    if (path === undefined) throw incomplete()
    return attach(() => {
      const pin = kernel.bpffs.get(path)
      if (pin === undefined) throw new IpError(`Error: Couldn't retrieve pinned program '${path}': ${strerror(2)}`)
      if (pin.kind !== 'prog') throw new IpError('', 2)
      return pin.prog
    })
  }
  if (what === '' || !'object'.startsWith(what)) throw new IpError(`What mode is "${what}"?`)
  const path = words.shift()
  if (path === undefined) throw incomplete()
  let section: string | undefined
  let program: string | undefined
  for (let word = words[0]; word !== undefined && word !== ''; word = words[0]) {
    if ('section'.startsWith(word) && section === undefined) {
      words.shift()
      section = words.shift() ?? missing()
    } else if ('program'.startsWith(word) && program === undefined) {
      words.shift()
      program = words.shift() ?? missing()
    } else if ('verbose'.startsWith(word)) words.shift()
    else break
  }
  return attach(() => {
    const netdev = mode === 'offload' ? dev() : undefined
    dev()
    const tool = { kernel, debug: false, open: new Set<never>(), say: (line: string) => streams.err(`${line}\n`) }
    const file = openFile(tool, path)
    if (file === undefined) throw new IpError('')
    // The first program of the section is attached; the others are not even loaded.
    const wanted = file.programs.find(each =>
      program !== undefined ? each.name === program : each.section === (section ?? 'prog'),
    )
    if (wanted === undefined) {
      if (program !== undefined) throw new IpError(`object file doesn't contain prog ${program}`)
      throw new IpError(`object file doesn't contain sec ${section ?? 'prog'}`)
    }
    const loaded = loadFile(tool, file, path, {
      ...(netdev === undefined ? {} : { netdev }),
      wanted: each => each === wanted,
    })
    if (loaded === undefined) throw new IpError('')
    return loaded.programs[0]?.program
  })
}

function missing(): never {
  throw incomplete()
}

function add({ kernel, words }: State): number {
  const values: Record<string, string> = {}
  let name: string | undefined
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'dev' || word === 'name') name = words.shift() ?? missing()
    else if (word === 'type' || word === 'profile') values[word] = words.shift() ?? missing()
    else if (word === 'peer') {
      if (words[0] === 'name') words.shift()
      values.peer = words.shift() ?? missing()
    } else if (name === undefined) name = word
    else throw new IpError(`Error: either "dev" is duplicate, or "${word}" is a garbage.`)
  }
  if (name === undefined) throw new IpError('Not enough information: "dev" argument is required.')
  for (const each of [name, values.peer]) {
    if (each !== undefined && !/^[^\s/:]{1,15}$/.test(each))
      throw new IpError(`Error: argument "${each}" is wrong: "name" not a valid ifname\n`)
    if (each !== undefined && kernel.netdevs.has(each)) answer(-EEXIST, { message: undefined })
  }
  const { type } = values
  if (type === 'veth') addVeth(kernel, name, values.peer ?? 'veth0')
  else if (type === 'nfp') {
    const options = values.profile === undefined ? {} : { profile: values.profile }
    const { port, device: card } = plug(kernel, options)
    kernel.addNetdev(name, port, card.firmware.mtu, options)
  } else if (type === undefined) throw new IpError('Not enough information: "type" argument is required')
  else answer(-95, { message: undefined })
  return 0
}

function addVeth(kernel: Kernel, name: string, peer: string): void {
  if (kernel.netdevs.has(peer) || peer === name) answer(-EEXIST, { message: undefined })
  // The other end comes first and has the lower number, as in Linux.
  const ends = [
    [peer, name],
    [name, peer],
  ] as const
  for (const [own, other] of ends) kernel.addNetdev(own, new VethEnd(() => kernel.netdevs.get(other)), 1500, { peer: other })
}

function remove({ kernel, words }: State): number {
  if (words[0] === 'dev') words.shift()
  const name = words.shift()
  if (name === undefined) throw new IpError('Not enough information: "dev" argument is required.')
  const netdev = device(kernel, name, 2)
  if (netdev.ops.driver === 'netdevsim') answer(-EINVAL, { message: undefined })
  const peer = netdev.ops.link?.peer?.()
  kernel.removeNetdev(netdev)
  if (peer !== undefined) kernel.removeNetdev(peer)
  return 0
}
