// The files of the simulated kernel: the BPF file system with its pins, netdevsim's switches in debugfs, and the two files on its bus
// that make and remove its devices.

import { EEXIST, EINVAL, ENOENT, EPERM } from '../bpf/errno.ts'
import { NetdevsimDevice, NetdevsimPort } from '../drivers/netdevsim/device.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { BPFFS, normal } from '../kernel/pins.ts'

export const NETDEVSIM_DEBUG = '/sys/kernel/debug/netdevsim'
const BUS = '/sys/bus/netdevsim'

/** A file that can be read, and perhaps written: 0 or a negative errno. */
interface File {
  read(): string | number
  write?(text: string): number
}

function ports(kernel: Kernel): { readonly name: string; readonly port: NetdevsimPort }[] {
  return [...kernel.netdevs.values()].flatMap(({ name, ops }) => (ops instanceof NetdevsimPort ? [{ name, port: ops }] : []))
}

/** A switch of a driver as debugfs shows it. */
function flag(of: Record<string, unknown>, name: string): File {
  return {
    read: () => (typeof of[name] === 'number' ? `${of[name]}\n` : of[name] === true ? 'Y\n' : 'N\n'),
    write: text => {
      const word = text.trim()
      if (typeof of[name] === 'number') {
        const value = Number(word)
        if (!Number.isInteger(value) || value < 0) return -EINVAL
        of[name] = value
        return 0
      }
      if (!/^(y|n|1|0|on|off)/i.test(word)) return -EINVAL
      of[name] = /^(y|1|on)/i.test(word)
      return 0
    },
  }
}

/** All files, by path. */
export function files(kernel: Kernel): Map<string, File> {
  const all = new Map<string, File>()
  for (const path of kernel.bpffs.pins.keys()) all.set(path, { read: () => -EPERM })
  all.set(`${BUS}/new_device`, { read: () => -EPERM, write: text => newDevice(kernel, text) })
  all.set(`${BUS}/del_device`, { read: () => -EPERM, write: text => deleteDevice(kernel, text) })
  for (const { port } of ports(kernel)) {
    const { device } = port
    const folder = `${NETDEVSIM_DEBUG}/${device.name}`
    for (const name of Object.keys(device.switches))
      all.set(`${folder}/${name}`, flag(device.switches as unknown as Record<string, unknown>, name))
    for (const [number, state] of device.bound) {
      const at = `${folder}/bpf_bound_progs/${number}`
      const program = [...kernel.programs.values()].find(p => p.bound?.device === state)
      const loaded = ports(kernel).some(each => each.port.offloadedId === program?.id && program !== undefined)
      all.set(`${at}/id`, { read: () => `${program?.id ?? 0}\n` })
      all.set(`${at}/state`, { read: () => `${state.state}\n` })
      all.set(`${at}/loaded`, { read: () => (loaded ? 'Y\n' : 'N\n') })
    }
    const own = `${folder}/ports/${port.index}`
    for (const name of Object.keys(port.switches))
      all.set(`${own}/${name}`, flag(port.switches as unknown as Record<string, unknown>, name))
    all.set(`${own}/bpf_offloaded_id`, { read: () => `${port.offloadedId}\n` })
  }
  return all
}

/** "ID [PORTS]": a device with that many ports, as interfaces eth0, eth1 … */
function newDevice(kernel: Kernel, text: string): number {
  const [id, count = '1', ...more] = text.trim().split(/\s+/)
  if (!/^\d{1,6}$/.test(id ?? '') || !/^\d{1,3}$/.test(count) || more.length > 0 || Number(count) === 0) return -EINVAL
  const name = `netdevsim${Number(id)}`
  if (ports(kernel).some(({ port }) => port.device.name === name)) return -EEXIST
  const device = new NetdevsimDevice(name)
  let number = 0
  for (let i = 0; i < Number(count); i++) {
    while (kernel.netdevs.has(`eth${number}`)) number++
    kernel.addNetdev(`eth${number}`, new NetdevsimPort(device, i), 1500, { device: name, port: i })
  }
  return 0
}

function deleteDevice(kernel: Kernel, text: string): number {
  const name = `netdevsim${Number(text.trim() || Number.NaN)}`
  const gone = ports(kernel).filter(({ port }) => port.device.name === name)
  if (gone.length === 0) return -ENOENT
  for (const { name: netdev } of gone) {
    const found = kernel.netdevs.get(netdev)
    if (found !== undefined) kernel.removeNetdev(found)
  }
  return 0
}

/** Everything below a folder, folders with a `/` at the end. */
export function below(kernel: Kernel, folder: string): string[] | undefined {
  const prefix = `${normal(folder)}/`.replace('//', '/')
  const all = new Set<string>()
  const add = (path: string): void => {
    const parts = path.split('/')
    for (let n = 2; n < parts.length; n++) all.add(`${parts.slice(0, n).join('/')}/`)
    all.add(path)
  }
  for (const path of files(kernel).keys()) add(path)
  for (const path of [...kernel.bpffs.folders, ...kernel.bpffs.mounts, BPFFS]) add(`${path}/`.replace('//', '/'))
  for (const path of [...all]) if (path.endsWith('/')) add(path)
  if (prefix !== '/' && !all.has(prefix)) return undefined
  return [...all].filter(path => path.startsWith(prefix) && path !== prefix).sort()
}
