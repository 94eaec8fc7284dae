// `nicwright ip`: `ip link` of iproute2 6.1 on the interfaces of the session.

import type { Command } from './command.ts'
import { changesLinks, IP_HELP, runIp } from './ip-command.ts'
import { changeSession, openSession, SESSION_FOLDER } from './session.ts'

export const command: Command = {
  usage: `nicwright ip [--session DIR] [ -j[son] ] [ -p[retty] ] [ -d[etails] ] [ -force ] link …

${IP_HELP}`,

  async run(args, io) {
    let folder = SESSION_FOLDER
    let words = args
    if (args[0] === '--session') {
      folder = args[1] ?? SESSION_FOLDER
      words = args.slice(2)
    }
    if (!changesLinks(words)) return runIp(openSession(folder).kernel, words, io)
    return changeSession(folder, kernel => runIp(kernel, words, io))
  },
}
