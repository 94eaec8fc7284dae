// Recordings that the mirrors don't repeat to the letter, with the reason. What is here is counted apart from what is equal; anything
// else that differs is a fault.

/** Parts of an output that no two machines have in common. */
export interface Volatile {
  readonly reason: string
  readonly pattern: RegExp
  readonly as: string
}

export const volatile: readonly Volatile[] = [
  { reason: 'ids', pattern: /^\d+: (?=[a-z_]+ {2})/gm, as: 'ID: ' },
  { reason: 'ids', pattern: /^\d+: (?=name )/gm, as: 'ID: ' },
  { reason: 'ids', pattern: /\b(map_ids|prog_ids) [\d,]+/g, as: '$1 IDS' },
  { reason: 'ids', pattern: /\b(btf_id|id) \d+/g, as: '$1 ID' },
  { reason: 'ids', pattern: /"(id|btf_id)": ?\d+/g, as: '"$1":ID' },
  { reason: 'ids', pattern: /"(map_ids|prog_ids)": ?\[[\d,\s]*\]/g, as: '"$1":IDS' },
  { reason: 'ids', pattern: /map\[id:\d+\]/g, as: 'map[id:ID]' },
  { reason: 'times', pattern: /loaded_at \S+/g, as: 'loaded_at TIME' },
  { reason: 'times', pattern: /"loaded_at": ?\d+/g, as: '"loaded_at":TIME' },
  { reason: 'times', pattern: /load_time \d+/g, as: 'load_time TIME' },
  { reason: 'times', pattern: /"load_time": ?\d+/g, as: '"load_time":TIME' },
  { reason: 'durations', pattern: /(duration(?: \(average\))?): \d+ns/g, as: '$1: TIME' },
  { reason: 'durations', pattern: /"duration": ?\d+/g, as: '"duration":TIME' },
  { reason: 'no JIT: host programs run in the interpreter', pattern: / {2}(jited \d+B|not jited)/g, as: '  JITED' },
  {
    reason: 'no JIT: host programs run in the interpreter',
    pattern: /"jited": ?(true|false)(,\s*"bytes_jited": ?\d+)?/g,
    as: '"jited":JITED',
  },
  {
    reason: 'no JIT: host programs run in the interpreter',
    pattern: /"(jited|owner_jited)": ?(0|1|true|false)/g,
    as: '"$1":JITED',
  },
  { reason: 'no JIT: host programs run in the interpreter', pattern: /owner (not )?jited/g, as: 'owner JITED' },
  { reason: 'no JIT: host programs run in the interpreter', pattern: /(tag [0-9a-f]{16}) jited /g, as: '$1 ' },
  { reason: 'MAC addresses', pattern: /link\/ether \S+/g, as: 'link/ether MAC' },
  { reason: 'MAC addresses', pattern: /"address": ?"[^"]+"/g, as: '"address":MAC' },
  { reason: 'MAC addresses', pattern: /(switchid |"phys_switch_id": ?")[0-9a-f]+/g, as: '$1ID' },
  { reason: 'addresses in the log of the real kernel', pattern: /0xffff[0-9a-f]{12}/g, as: 'ADDRESS' },
]

/** Whole recordings, by a beginning of their names with the folder's. */
export const listed: readonly (readonly [name: RegExp, reason: string])[] = [
  [/^v7.1.10-prog-load-(debug|rejected-debug)$/, "libbpf's own account of the sections of the file, which -d adds"],
  [/^v7.1.31-ip-xdp-(obj|bad-verifier-verbose)$/, "libbpf's account of the sections of the file, which verbose adds"],
  [/^netdevsim.(09-replace-force|11-load-verbose)$/, "libbpf's account of the sections of the file, which verbose adds"],
  [/^v7.1.12-prog-dump-xlated/, 'dumps of host programs are compared by the suite xlated; graphs are not drawn'],
  [/^v7.1.70-abbrev-dump$/, 'dumps of host programs are compared by the suite xlated'],
  [/^v7.1.13-prog-tracelog/, 'the trace pipe outlives no command'],
  [/^v7.1.26-map-event_pipe/, 'events reach readers that wait, and no command outlives another'],
  [/^v7.1.70-dump-visual-json-flag$/, 'graphs are not drawn'],
  [/^v7.1.23-map-dump-jumps$/, 'the value is the id of a program'],
  [/^v7.1.21-map-dump-verdicts/, 'on which CPU a test run ran'],
  [/^v7.1.32-tc/, 'tc is not mirrored'],
  [/^netdevsim.13-/, 'tc is not mirrored'],
  [/^v7.1.33-(ip-link-show-bpf_link|link-detach|link-show-(pinned|xdp))$/, 'links are made by libbpf programs alone'],
  [/^v7.1.41-feature-probe/, 'probing says what the real kernel can'],
  [/^netdevsim.14-feature/, 'probing says what the real kernel can'],
  [/^v7.1.42-gen/, 'gen is not mirrored'],
  [/^v7.1.31-ip-xdp-help$/, 'the whole help of ip link'],
  [/^v7.1.40-btf-show$/, 'the order in which the tool finds the programs and maps of a BTF object'],
  [/^v7.1.10-bpffs-tree$/, 'find of the real file system'],
  [/^v7.1.70-abbrev-ambiguous$/, 'programs of another session'],
  [/^v7.1.70-batch/, 'the batch files are not among the recordings'],
  [
    /^netdevsim.(01-load-dev|16-same-asic|16-map-mismatch|10-map-create-dev-refused)$/,
    'the object file is not among the recordings',
  ],
  [/^netdevsim.(11-load-bad-offl|11-verifier-reject)$/, 'the log of the 6.1 verifier'],
  [/^netdevsim.(06-dump-jited|10-map-create-dev-78|11-load-78)$/, 'bpftool 7.8'],
  [/^netdevsim.06-dump-xlated/, 'calls of helpers at addresses of the real kernel'],
  [/^netdevsim.(00-debugfs|02-debugfs-bound|15-other-ns|18-|19-|2[0-3]-)/, 'not the mirrors: a shell, other tools, namespaces'],
  [/^netdevsim.17-remove$/, 'what is left of programs when their device goes'],
]
