// The grammar of the mirror: objects and their commands, in the order in which abbreviations are tried. A command without words of its
// own is the first of its object. What this machine has nothing for answers in the tool's words.

import { EOPNOTSUPP } from '../../bpf/errno.ts'
import { strerror } from '../errno.ts'
import { btfDump, btfShow } from './btf.ts'
import { featureList } from './feature.ts'
import { linkDetach, linkPin, linkShow } from './link.ts'
import { mapDelete, mapDump, mapEventPipe, mapFreeze, mapLookup, mapNext, mapPin, mapPop, mapShow, mapUpdate } from './map.ts'
import { mapCreate } from './map-create.ts'
import { netAttach, netDetach, netShow } from './net.ts'
import { progDump, progShow } from './prog.ts'
import { progLoad, progLoadAll, progPin } from './prog-object.ts'
import { progAttach, progDetach, progProfile, progRun, progTracelog } from './prog-run.ts'
import type { Action } from './tool.ts'
import { BpftoolError } from './words.ts'

export interface Entry {
  readonly name: string
  /** 'help' prints the object's usage. */
  readonly run: Action | 'help'
  /** Whether it only looks: the session stays as it is. */
  readonly reads?: boolean
}

/** The tool's words where the machine has nothing behind a command; `status` is that of the real one. */
function refuses(message: string, status = 255): Action {
  return () => {
    throw new BpftoolError(message, status)
  }
}

/** Commands that ask at least so many words and then find nothing to do. */
function needing(count: number, then: Action, usage?: string): Action {
  return (tool, words) => {
    if (words.left < count)
      throw new BpftoolError(`'${words.before}' needs at least ${count} arguments, ${words.left} found`, 255, usage)
    return then(tool, words)
  }
}

const nothing: Action = () => ({ text: '', json: [] })
const impossible = strerror(EOPNOTSUPP)
const help: Entry = { name: 'help', run: 'help', reads: true }
const reads = (name: string, run: Action): Entry => ({ name, run, reads: true })
const writes = (name: string, run: Action): Entry => ({ name, run })

export const grammar: Readonly<Record<string, readonly Entry[]>> = {
  prog: [
    reads('show', progShow),
    reads('list', progShow),
    help,
    reads('dump', progDump),
    writes('pin', progPin),
    writes('load', progLoad),
    writes('loadall', progLoadAll),
    writes('attach', progAttach),
    writes('detach', progDetach),
    reads('tracelog', progTracelog),
    writes('run', progRun),
    reads('profile', progProfile),
  ],
  map: [
    reads('show', mapShow),
    reads('list', mapShow),
    help,
    reads('dump', mapDump),
    writes('update', mapUpdate),
    reads('lookup', mapLookup),
    reads('getnext', mapNext),
    writes('delete', mapDelete),
    writes('pin', mapPin),
    reads('event_pipe', mapEventPipe),
    reads('peek', mapLookup),
    writes('push', mapUpdate),
    writes('enqueue', mapUpdate),
    writes('pop', mapPop),
    writes('dequeue', mapPop),
    writes('freeze', mapFreeze),
    writes('create', mapCreate),
  ],
  link: [reads('show', linkShow), reads('list', linkShow), help, writes('pin', linkPin), writes('detach', linkDetach)],
  cgroup: [
    reads(
      'show',
      needing(1, (_, words) => refuses(`can't open cgroup ${words.peek()}`)(_, words)),
    ),
    reads(
      'list',
      needing(1, (_, words) => refuses(`can't open cgroup ${words.peek()}`)(_, words)),
    ),
    reads('tree', refuses("cgroup v2 isn't mounted")),
    reads('attach', (_, words) =>
      refuses(words.left < 4 ? 'too few parameters for cgroup attach' : 'failed to attach program')(_, words),
    ),
    reads('detach', (_, words) =>
      refuses(words.left < 4 ? 'too few parameters for cgroup detach' : 'failed to detach program')(_, words),
    ),
    help,
  ],
  perf: [reads('show', nothing), reads('list', nothing), help],
  net: [reads('show', netShow), reads('list', netShow), writes('attach', netAttach), writes('detach', netDetach), help],
  feature: [reads('probe', refuses(`can't probe the kernel: ${impossible}`)), reads('list_builtins', featureList), help],
  btf: [reads('show', btfShow), reads('list', btfShow), help, reads('dump', btfDump)],
  gen: [
    reads('object', needing(2, refuses('failed to create BPF linker instance'), 'gen')),
    reads('skeleton', needing(1, refuses(`failed to open BPF object file: ${impossible}`), 'gen')),
    reads('subskeleton', needing(1, refuses(`failed to open BPF object file: ${impossible}`), 'gen')),
    reads('min_core_btf', needing(3, refuses(`error generating BTF: ${impossible}`), 'gen')),
    help,
  ],
  struct_ops: [
    reads('show', nothing),
    reads('list', nothing),
    reads('register', needing(1, refuses('failed to load object file'))),
    reads('unregister', needing(2, refuses('failed to get kernel btf'))),
    reads('dump', () => ({ text: '[]\n', json: [], status: 255 })),
    help,
  ],
  iter: [help, reads('pin', needing(2, refuses("can't load objfile"), 'iter'))],
}

/** All objects in the order in which abbreviations of them are tried, with what is no object among them. */
export const objectNames = [
  'help',
  'batch',
  'prog',
  'map',
  'link',
  'cgroup',
  'perf',
  'net',
  'feature',
  'btf',
  'gen',
  'struct_ops',
  'iter',
  'version',
] as const
