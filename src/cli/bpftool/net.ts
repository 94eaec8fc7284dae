import { EINVAL } from '../../bpf/errno.ts'
import type { Netdev, XdpMode } from '../../kernel/netdev.ts'
import { attachXdp } from '../../kernel/xdp.ts'
import { strerror } from '../errno.ts'
import { only, programs } from './handle.ts'
import type { Json } from './json.ts'
import { NOTHING, type Output, type Tool } from './tool.ts'
import { BpftoolError, match, statusOf, type Words } from './words.ts'

/** In the order in which they are shown. */
const MODES: readonly XdpMode[] = ['driver', 'generic', 'offload']
const TYPES = ['xdp', 'xdpgeneric', 'xdpdrv', 'xdpoffload'] as const
const MODE_OF: Readonly<Record<(typeof TYPES)[number], XdpMode | undefined>> = {
  xdp: undefined,
  xdpgeneric: 'generic',
  xdpdrv: 'driver',
  xdpoffload: 'offload',
}
/** All refusals of attach and detach end with this. */
const BAD = statusOf(-EINVAL)

function netdevNamed(tool: Tool, name: string, status: number): Netdev {
  const netdev = tool.kernel.netdevs.get(name)
  if (netdev === undefined) throw new BpftoolError(`invalid devname ${name}`, status)
  return netdev
}

export function netShow(tool: Tool, words: Words): Output {
  let list = [...tool.kernel.netdevs.values()]
  if (!words.done) {
    if (words.left !== 2 || words.peek() !== 'dev') throw new BpftoolError('', 255, 'net')
    words.next()
    list = [netdevNamed(tool, words.next(), 255)]
  }
  const shown = list.filter(netdev => netdev.xdp.size > 0)
  return {
    text: `xdp:\n${shown.map(xdpText).join('')}\ntc:\n\nflow_dissector:\n\n`,
    json: [{ xdp: shown.map(xdpJson), tc: [], flow_dissector: [] }],
  }
}

function attached(netdev: Netdev): { readonly mode: XdpMode; readonly id: number }[] {
  return MODES.flatMap(mode => {
    const program = netdev.xdp.get(mode)
    return program === undefined ? [] : [{ mode, id: program.id }]
  })
}

function xdpText(netdev: Netdev): string {
  return `${netdev.name}(${netdev.ifindex})${attached(netdev)
    .map(({ mode, id }) => ` ${mode} id ${id}`)
    .join('')}\n`
}

function xdpJson(netdev: Netdev): Json {
  const list = attached(netdev)
  const head = { devname: netdev.name, ifindex: netdev.ifindex }
  return list.length === 1 ? { ...head, ...list[0] } : { ...head, multi_attachments: list }
}

function attachType(words: Words): (typeof TYPES)[number] {
  const type = match(words.peek(), TYPES)
  if (type === undefined) throw new BpftoolError(`invalid net attach/detach type: ${words.peek() ?? ''}`, BAD)
  words.next()
  return type
}

function netdevOf(tool: Tool, words: Words): Netdev {
  if (words.keyword(['dev']) === undefined) throw new BpftoolError(`expected 'dev', got: '${words.peek() ?? '(null)'}'?`, BAD)
  words.need(1, BAD)
  return netdevNamed(tool, words.next(), BAD)
}

export function netAttach(tool: Tool, words: Words): Output {
  words.need(5, BAD)
  const type = attachType(words)
  const program = only(
    refusing(() => programs(tool, words)),
    'programs',
    BAD,
  )
  const netdev = netdevOf(tool, words)
  let replace = false
  if (!words.done) {
    if (words.keyword(['overwrite']) === undefined) throw new BpftoolError(`expected 'overwrite', got: '${words.peek()}'?`, BAD)
    replace = true
  }
  const extack = { message: undefined }
  finish(tool, `${type} attach`, attachXdp(netdev, program, MODE_OF[type], extack, { replace }), extack)
  return NOTHING
}

export function netDetach(tool: Tool, words: Words): Output {
  words.need(3, BAD)
  const type = attachType(words)
  const netdev = netdevOf(tool, words)
  const extack = { message: undefined }
  finish(tool, `${type} detach`, attachXdp(netdev, undefined, MODE_OF[type], extack), extack)
  return NOTHING
}

function finish(tool: Tool, what: string, error: number, extack: { readonly message: string | undefined }): void {
  if (error === 0) return
  if (extack.message !== undefined) tool.say(`libbpf: Kernel error message: ${extack.message}`)
  throw new BpftoolError(`interface ${what} failed: ${strerror(-error)}`, statusOf(error))
}

function refusing<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof BpftoolError) throw new BpftoolError(error.message, BAD)
    throw error
  }
}
