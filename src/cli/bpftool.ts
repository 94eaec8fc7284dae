// `nicwright bpftool`: the parts of the real tool that look at programs and maps, on the objects of the session. Text, JSON and exit
// status are the real one's (dialect 7.1).

import type { Kernel } from '../kernel/kernel.ts'
import { printJson } from './bpftool/json.ts'
import { mapDump, mapLookup, mapShow } from './bpftool/map.ts'
import { type Output, progDump, progShow } from './bpftool/prog.ts'
import { BpftoolError, Words } from './bpftool/words.ts'
import type { Command } from './command.ts'
import { openSession } from './session.ts'

type Action = (kernel: Kernel, words: Words) => Output & { readonly status?: number }

const objects: Readonly<Record<'prog' | 'map', Readonly<Record<string, Action>>>> = {
  prog: { show: progShow, list: progShow, dump: progDump },
  map: { show: mapShow, list: mapShow, dump: mapDump, lookup: mapLookup },
}

export const command: Command = {
  usage: `nicwright bpftool [-j|-p] { prog { show | list } [PROG] | prog dump { xlated | jited } PROG [opcodes] |
                             map { show | list } [MAP] | map dump MAP | map lookup MAP key DATA }
       PROG := { id N | tag T | name X }   MAP := { id N | name X }   [--session DIR before all]

The objects are those of the session that the last nicwright try or run left (.nicwright, or --session DIR).`,

  async run(args, io) {
    let json = false
    let pretty = false
    let folder: string | undefined
    let at = 0
    for (; at < args.length && args[at]?.startsWith('-'); at++) {
      const option = args[at]
      if (option === '-j' || option === '--json') json = true
      else if (option === '-p' || option === '--pretty') pretty = true
      else if (option === '--session') folder = args[++at]
      else {
        io.err(`${this.usage}\n`)
        return 255
      }
    }
    const words = new Words(args.slice(at))
    const object = words.keyword(['prog', 'map', 'help'])
    if (object === undefined || object === 'help') {
      io.err(`${this.usage}\n`)
      return object === 'help' ? 0 : 255
    }
    const actions = objects[object]
    const name = words.done ? 'show' : words.keyword(Object.keys(actions))
    const action = name === undefined ? undefined : actions[name]
    if (action === undefined) {
      io.err(`${this.usage}\n`)
      return 255
    }
    try {
      const output = action(openSession(folder).kernel, words)
      io.out(json || pretty ? printJson(output.json, pretty) : output.text)
      return output.status ?? 0
    } catch (error) {
      if (!(error instanceof BpftoolError)) throw error
      if (json || pretty) io.out(printJson({ error: error.message }, pretty))
      else io.err(`Error: ${error.message}\n`)
      return error.status
    }
  },
}
