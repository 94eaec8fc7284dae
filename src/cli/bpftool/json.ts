// JSON in bpftool's own style, plain (-j) and pretty (-p): four spaces a level; a member always begins a line, an element of a list
// never does, and a closing bracket does when something stands inside.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

const ESCAPES: Readonly<Record<string, string>> = {
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\f': '\\f',
  '\b': '\\b',
  '\\': '\\\\',
  '"': '\\"',
}

function quote(text: string): string {
  return `"${text.replace(/[\t\n\r\f\b\\"]/g, c => ESCAPES[c] ?? c)}"`
}

/** With a newline at the end. */
export function printJson(value: Json, pretty: boolean): string {
  const newline = (depth: number): string => (pretty ? `\n${'    '.repeat(depth)}` : '')
  const print = (v: Json, depth: number): string => {
    if (v === null || typeof v !== 'object') return typeof v === 'string' ? quote(v) : String(v)
    if (Array.isArray(v)) {
      const items = (v as readonly Json[]).map(item => print(item, depth + 1))
      return items.length === 0 ? '[]' : `[${items.join(',')}${newline(depth)}]`
    }
    const members = Object.entries(v).flatMap(([name, member]) =>
      member === undefined ? [] : [`${newline(depth + 1)}${quote(name)}:${pretty ? ' ' : ''}${print(member, depth + 1)}`],
    )
    return members.length === 0 ? '{}' : `{${members.join(',')}${newline(depth)}}`
  }
  return `${print(value, 0)}\n`
}
