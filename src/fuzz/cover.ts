// What a program showed of the verifier, as short texts: each kind of refusal, each kind of instruction with the types of the registers
// that it met, and each shape of what it left. Taken from the log, which tells of every instruction that was simulated.

const INSN = /^\d+: \(([0-9a-f]{2})\) (.*)$/
const STATE = /(?:^| )(?:frame(\d+): )?/
const REGISTER = /\bR(\d+)(?:_w)?=([a-z_]*)(\([^)]*\))?/g
const OPERAND = /\b[rw](\d+)\b/g

/** Of a long log the beginning says enough. */
const MOST_BYTES = 100_000

/** A message without what differs from program to program. */
export function template(message: string): string {
  return message
    .replace(/0x[0-9a-f]+/g, '#')
    .replace(/-?\d+/g, '#')
    .replace(/[0-9a-f]{16}/g, '#')
}

/** The shape of a value: its type, and which limits are known of it. */
function shapeOf(type: string, facts: string | undefined): string {
  if (facts === undefined) return type === '' ? 'const' : type
  const names = [...facts.matchAll(/([a-z_0-9]+)=/g)].map(m => m[1])
  return `${type}(${names.join()})`
}

/** What an answer shows, from the log at level 1 (of a refusal) or 2. */
export function featuresOf(log: string, message: string): Set<string> {
  const found: Set<string> = new Set([template(message)])
  const types: string[] = []
  for (const line of log.slice(0, MOST_BYTES).split('\n')) {
    const semicolon = line.indexOf(';')
    const text = semicolon < 0 ? line : line.slice(0, semicolon)
    const insn = INSN.exec(text.trimEnd())
    let what = ''
    if (insn !== null) {
      const operands = [...insn[2]!.matchAll(OPERAND)].map(m => types[Number(m[1])] ?? '?')
      const call = insn[1] === '85' ? insn[2]! : ''
      what = `${insn[1]} ${call.startsWith('call pc') ? 'call pc' : call} ${operands.join()}`
      found.add(what)
    } else if (line.startsWith('from ')) types.length = 0
    else if (line.startsWith('mark_precise')) found.add(template(line).replace(/(regs|stack)=\S*/g, '$1'))
    if (semicolon < 0 && !line.startsWith('from ') && !STATE.test(line)) continue
    for (const [, n, type, facts] of line.matchAll(REGISTER)) {
      const shape = shapeOf(type!, facts)
      types[Number(n)] = type === '' ? 'scalar' : type!
      if (insn !== null) found.add(`${insn[1]} > ${shape}`)
    }
  }
  return found
}
