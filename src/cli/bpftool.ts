// `nicwright bpftool`: the real tool's words on the objects of the session. Text, JSON and exit status are the real one's (dialect 7.1).

import { needsNothing, onlyReads, runBpftool } from './bpftool/command.ts'
import type { Command } from './command.ts'
import { changeSession, newMachine, openSession, SESSION_FOLDER } from './session.ts'

export const command: Command = {
  usage: `nicwright bpftool [--session DIR] [OPTIONS] OBJECT { COMMAND | help }

       OBJECT := { prog | map | link | cgroup | perf | net | feature | btf | gen | struct_ops | iter }

The grammar, the output and the exit codes are those of bpftool 7.1; nicwright bpftool OBJECT help prints an object's commands. The
machine is that of the session in .nicwright, or in --session DIR: nicwright try leaves one, and the first command that changes something
makes one with a card nic0.`,

  async run(args, io) {
    let folder = SESSION_FOLDER
    let words = args
    if (args[0] === '--session') {
      folder = args[1] ?? SESSION_FOLDER
      words = args.slice(2)
    }
    if (needsNothing(words)) return runBpftool(newMachine({ empty: true }), words, io)
    if (onlyReads(words)) return runBpftool(openSession(folder).kernel, words, io)
    return changeSession(folder, kernel => runBpftool(kernel, words, io))
  },
}
