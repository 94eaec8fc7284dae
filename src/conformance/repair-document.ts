// docs/upstream-differences.md, written from the table of repairs and the programs that show them; what happened is what the engines did.

import { type Evidence, type Repair, repairs } from '../drivers/nfp/codegen.ts'
import type { Outcome, Refusal } from './chip-run.ts'
import { onCard, onHost, without } from './repair-case.ts'
import { type RepairCase, repairCases } from './repair-case-table.ts'

const evidenceText: Readonly<Record<Evidence, string>> = {
  words: 'provable from the words',
  facts: 'provable from the words and from what the verifier promises',
  machine: 'resting on our reading of the microengine',
  refusal: 'a refusal without need',
  crash: 'the driver itself dies',
  cost: 'longer than needed, but right',
}

const HEAD = `# What the upstream driver gets wrong

The nfp driver of Linux (\`drivers/net/ethernet/netronome/nfp/bpf\`, the same from 6.1 to 6.16 and in the out-of-tree driver) translates eBPF to the
machine code of the card. \`--codegen upstream\` gives its words, all of them, and its refusals. \`--codegen correct\`, the default, is the same
translator with the repairs of this list; each has a name, and \`--opt -NAME\` switches it off.

How we know:

- *provable from the words*: the machine code alone shows it, with the documented meaning of add, move, shift and branch. A register is
  never written, an offset or a mask is wrong, a test is missing.
- *provable from the words and from what the verifier promises*: the code is right for the states that the verifier showed to the driver, and
  the verifier does not promise that there are no others.
- *resting on our reading of the microengine*: the words are wrong if the machine works as we read the public material (how an indirect
  shift takes its amount and its sign). Whoever has a card can find out with the program given.

Each section has the smallest program that shows it, on the first packet.

`

const TAIL = `## Looked at, and not counted

- **A variable left shift by 0.** The high word is the pair shifted right by 32 - n. For n = 0 that is right if the double shift takes six bits of
  its amount, and wrong (the high word becomes the low one) if it takes five. We read six: the driver's authors had cards.
- **The count field of long transfers** keeps three bits of the length (quirk 8). Such commands are indirect and take the length from the word before.
- **Cached ranges are read before the checks of the later loads in them.** What lies behind the packet's end is read into registers, and not used.
- **Limits of the device**: adjust_head beyond the room that the firmware has, growing in adjust_tail, XDP_REDIRECT (an abort), perf_event_output
  which says 0 whether anybody listens or not. The driver can't know better.
- **TC verdicts from 8 on** pass the packet, also 8 (TC_ACT_TRAP), for which Linux would take it away.
- **adjust_head without checks** relies on packets of at least 60 bytes, which Ethernet promises.
- **Branch addresses have 14 bits** (quirk 17): no card has a control store beyond them.

## The same story in Linux

Two findings concern the verifier rather than the driver, because drivers and JITs rely on it:

- Facts that a driver's \`insn_hook\` collects are not marked precise (see \`precision\`), so since 5.3 they need not hold on every path.
- Linux 6.18 no longer hands 64-bit reads on to paths that it prunes (\`propagate_liveness\` is gone): \`zext_dst\` is missing for 32-bit definitions on such
  paths. With BPF_F_TEST_RND_HI32 | BPF_F_TEST_STATE_FREQ the kernel itself randomises the high word of
  \`if r6 != 5 goto b; w0 += w6; goto c; b: w0 -= w6; c: r7 = r0\` at \`b\`. Our verifier keeps such marks, and \`zext-reads\` does not need them.
`

function caseOf(repair: Repair): RepairCase | undefined {
  return repairCases.find(c => c.repair === repair.name)
}

/** What a packet became, in a few words. */
function first(outcome: Outcome | Refusal): string {
  if ('refused' in outcome) return outcome.refused
  return outcome.packets[0] ?? ''
}

function firstDifference(host: string, card: string): string {
  const [hostVerdict = '', hostBytes = ''] = split(host)
  const [cardVerdict = '', cardBytes = ''] = split(card)
  if (hostVerdict !== cardVerdict) return `verdict \`${hostVerdict}\`; upstream's code gives \`${cardVerdict}\``
  if (hostBytes.length !== cardBytes.length) {
    return `a packet of ${hostBytes.length / 2} bytes; upstream's code leaves ${cardBytes.length / 2}`
  }
  let at = 0
  while (at < hostBytes.length && hostBytes.slice(at, at + 2) === cardBytes.slice(at, at + 2)) at += 2
  const shown = (bytes: string): string => bytes.slice(at, at + 16)
  return `bytes \`${shown(hostBytes)}\` from byte ${at / 2} on; upstream's code leaves \`${shown(cardBytes)}\``
}

function split(text: string): readonly string[] {
  const space = text.lastIndexOf(' ')
  return [text.slice(0, space), text.slice(space + 1)]
}

function whatHappens(example: RepairCase): string {
  const broken = onCard(example, without(example.repair))
  if (example.effect === 'refused') return `Right: it runs. Upstream: \`${first(broken)}\``
  if (example.effect === 'crash')
    return `Right: it runs. Upstream: ${first(broken).replace('the upstream driver crashes here: ', 'dies of ')}.`
  if (example.effect === 'outcome') {
    const sentence = `Right: ${firstDifference(first(onHost(example)), first(broken))}.`
    return example.refusedWhenRepaired ? `${sentence} There is no right code for it: with the repair it is refused.` : sentence
  }
  const right = onCard(example)
  if ('refused' in right || 'refused' in broken) return ''
  return `${right.words} words; without the repair ${broken.words}.`
}

function section(repair: Repair): string {
  const example = caseOf(repair)
  if (example === undefined) return ''
  const quirk = repair.quirk === undefined ? '' : `, quirk ${repair.quirk}`
  const maps = (example.maps ?? [])
    .map((m, i) => `; map ${i}: ${m.type}, key ${m.key}, value ${m.value}, ${m.entries} entries\n`)
    .join('')
  const packet = `; ${example.type ?? 'xdp'}, packet of ${example.bytes ?? 64} bytes: ${example.packets[0]} and so on\n`
  return `## ${repair.name}

*${repair.title}*: ${evidenceText[repair.evidence]}${quirk}.

${example.why}

\`\`\`
${packet}${maps}${example.program}
\`\`\`

${whatHappens(example)}

`
}

export function repairDocument(): string {
  const list = repairs.map(r => `| [${r.name}](#${r.name}) | ${r.title} | ${evidenceText[r.evidence]} |`).join('\n')
  return `${HEAD}| repair | what | how we know |\n|---|---|---|\n${list}\n\n${repairs.map(section).join('')}${TAIL}`
}
