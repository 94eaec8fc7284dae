// The session: the simulated machine as the last command left it, in a folder. Its file is written whole and then renamed, so that a
// process that is killed leaves the old one, and a reader never sees half of one; who changes it holds the folder's lock.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DeviceSwitches, NetdevsimDevice, NetdevsimPort, type PortSwitches } from '../drivers/netdevsim/device.ts'
import { VethEnd } from '../drivers/veth/device.ts'
import { NicwrightError } from '../errors.ts'
import { Kernel } from '../kernel/kernel.ts'
import type { NetdevOps } from '../kernel/netdev.ts'
import { restore, snapshot } from '../kernel/snapshot.ts'
import type { KernelVersion } from '../kernel/version-table.ts'
import { withLock } from './lock.ts'
import { type MachineOptions, makeMachine, plug } from './machine.ts'

export const SESSION_FOLDER: string = process.env.NICWRIGHT_SESSION ?? '.nicwright'
export const SESSION_FILE = 'session.json'

export interface Session {
  readonly folder: string
  readonly kernel: Kernel
}

/** CPUs of a machine on which commands work. */
const CPUS = 2

const now = (): number => Math.floor(Date.now() / 1000)

/**
 * The kernel that the last command left.
 * @throws NicwrightError `session/…` where there is none, or a damaged one.
 */
export function openSession(folder: string = SESSION_FOLDER): Session {
  const path = join(folder, SESSION_FILE)
  if (!existsSync(path)) {
    throw new NicwrightError('session/none', {
      message: `there is no session in ${folder}; nicwright try or nicwright session new makes one`,
    })
  }
  return { folder, kernel: readSession(path) }
}

/** The kernel of a session file. @throws NicwrightError `session/damaged` */
export function readSession(path: string): Kernel {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new NicwrightError('session/damaged', { message: `${path} is damaged: ${(error as Error).message}` })
  }
  const maker = new Maker()
  const kernel = restore(json, (of, driver, options) => maker.make(of, driver, options), { now })
  maker.finish()
  return kernel
}

/** Makes the interfaces of a snapshot, with their switches as they are at first. */
export function makeNetdevs(): (kernel: Kernel, driver: string, options: unknown) => NetdevOps {
  const maker = new Maker()
  return (kernel, driver, options) => maker.make(kernel, driver, options)
}

/** Options of netdevsim's interfaces. */
export interface NetdevsimOptions {
  readonly device: string
  readonly port: number
}

interface SavedNetdevsim extends NetdevsimOptions {
  readonly deviceSwitches?: Partial<DeviceSwitches>
  readonly portSwitches?: Partial<PortSwitches>
}

/** Makes the interfaces of a session anew. Ports of one device share it. */
class Maker {
  readonly #devices = new Map<string, NetdevsimDevice>()
  readonly #after: (() => void)[] = []

  make(kernel: Kernel, driver: string, options: unknown): NetdevOps {
    if (driver === 'nfp') return plug(kernel, (options ?? {}) as MachineOptions).port
    if (driver === 'veth') {
      const { peer } = (options ?? {}) as { peer?: string }
      return new VethEnd(() => kernel.netdevs.get(peer ?? ''))
    }
    if (driver === 'netdevsim') return this.#netdevsim((options ?? {}) as SavedNetdevsim)
    throw new NicwrightError('session/driver', { message: `the session has an interface of an unknown driver ${driver}` })
  }

  #netdevsim({ device: name, port, deviceSwitches, portSwitches }: SavedNetdevsim): NetdevsimPort {
    const device = this.#devices.get(name) ?? new NetdevsimDevice(String(name))
    this.#devices.set(name, device)
    const made = new NetdevsimPort(device, Number(port))
    // What exists was accepted under the switches of its time.
    this.#after.push(() => {
      Object.assign(device.switches, deviceSwitches)
      Object.assign(made.switches, portSwitches)
    })
    return made
  }

  finish(): void {
    for (const each of this.#after) each()
  }
}

export function saveSession(kernel: Kernel, options: MachineOptions, folder: string = SESSION_FOLDER): void {
  withLock(folder, () => writeSession(kernel, options, join(folder, SESSION_FILE)))
}

/** Writes a session file whole. */
export function writeSession(kernel: Kernel, options: MachineOptions, path: string): void {
  const state = snapshot(
    kernel,
    name => optionsOf(kernel, name) ?? (kernel.netdevs.get(name)?.ops.driver === 'nfp' ? options : {}),
  )
  const draft = `${path}.${process.pid}.new`
  try {
    writeFileSync(draft, JSON.stringify(state), { mode: 0o600 })
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw new NicwrightError('session/write', {
      message: `${path} could not be written: ${(error as Error).message}`,
      cause: error,
    })
  }
}

function optionsOf(kernel: Kernel, name: string): unknown {
  const netdev = kernel.netdevs.get(name)
  if (netdev?.ops instanceof NetdevsimPort) {
    const { device, index, switches } = netdev.ops
    return { device: device.name, port: index, deviceSwitches: device.switches, portSwitches: switches }
  }
  return netdev?.options
}

/**
 * Changes the session, alone: what `run` throws leaves it as it was, and so does a process that dies on the way. Where there is no
 * session, a machine with one card begins.
 */
export function changeSession<T>(folder: string, run: (kernel: Kernel) => T): T {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return withLock(folder, () => {
    const path = join(folder, SESSION_FILE)
    const kernel = existsSync(path) ? readSession(path) : newMachine({})
    const result = run(kernel)
    writeSession(kernel, {}, path)
    return result
  })
}

export interface NewMachine {
  readonly version?: KernelVersion
  readonly cpus?: number
  /** Without the card. */
  readonly empty?: boolean
  readonly card?: MachineOptions
}

export function newMachine({ version, cpus = CPUS, empty, card = {} }: NewMachine): Kernel {
  const kernel = new Kernel({ now, cpus, ...(version === undefined ? {} : { version }) })
  return empty === true ? kernel : makeMachine(card, kernel).kernel
}
