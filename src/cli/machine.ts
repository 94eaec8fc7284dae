// A simulated Linux with a card in it, as the verbs use it: one interface `nic0` of the nfp driver.

import { Card } from '../card/index.ts'
import type { CodegenOptions } from '../drivers/nfp/codegen.ts'
import { NfpDevice, type NfpPort } from '../drivers/nfp/device.ts'
import { Kernel } from '../kernel/kernel.ts'
import type { Netdev } from '../kernel/netdev.ts'
import { defaultProfile, type FirmwareOptions, type Profile, profileNamed, withOptions } from '../nfp/profiles.ts'

export const INTERFACE = 'nic0'

/** What a machine is made from; plain data, so that a session can keep it. */
export interface MachineOptions {
  readonly profile?: string
  /** What differs from the profile's firmware. */
  readonly firmware?: FirmwareOptions
  readonly codegen?: 'correct' | 'upstream'
  /** Switches that are off. */
  readonly off?: readonly string[]
  readonly seed?: number
}

export interface Machine {
  readonly kernel: Kernel
  readonly netdev: Netdev
  readonly port: NfpPort
  readonly device: NfpDevice
  readonly card: Card
  readonly options: MachineOptions
}

export function profileOf(options: MachineOptions): Profile {
  const base = options.profile === undefined ? defaultProfile : profileNamed(options.profile)
  return options.firmware === undefined ? base : { ...base, firmware: withOptions(base.firmware, options.firmware) }
}

export function codegenOf(options: MachineOptions): CodegenOptions {
  return { codegen: options.codegen ?? 'correct', off: new Set(options.off ?? []) }
}

/** Puts a card into a kernel. */
export function plug(
  kernel: Kernel,
  options: MachineOptions,
): { readonly device: NfpDevice; readonly port: NfpPort; readonly card: Card } {
  const card = new Card(profileOf(options), { seed: options.seed ?? 1 })
  const device = new NfpDevice('nfp', card, { codegen: codegenOf(options), log: line => kernel.dmesg.push(line) })
  return { card, device, port: device.port(0) }
}

export function makeMachine(options: MachineOptions = {}, kernel: Kernel = newKernel()): Machine {
  const { card, device, port } = plug(kernel, options)
  const netdev = kernel.addNetdev(INTERFACE, port, device.firmware.mtu, options)
  netdev.up = true
  return { kernel, netdev, port, device, card, options }
}

function newKernel(): Kernel {
  return new Kernel({ now: () => Math.floor(Date.now() / 1000) })
}
