// JSON in the tools' own styles, plain (-j) and pretty (-p): four spaces a level; a member always begins a line, an element of a list
// never does, and a closing bracket does when something stands inside. iproute2 differs in the brackets of its lists.

/** A piece of JSON that stands for itself: a number that is too large for a double. */
export class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** An object in which a name may come twice. */
export class Members {
  readonly list: readonly (readonly [name: string, value: Json])[]
  constructor(list: readonly (readonly [name: string, value: Json])[]) {
    this.list = list
  }
}

export type Json =
  | null
  | boolean
  | number
  | string
  | Raw
  | Members
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

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

function membersOf(value: Members | { readonly [key: string]: Json | undefined }): readonly (readonly [string, Json])[] {
  if (value instanceof Members) return value.list
  return Object.entries(value).flatMap(([name, member]) => (member === undefined ? [] : [[name, member] as const]))
}

/** With a newline at the end. */
export function printJson(value: Json, pretty: boolean, style: 'bpftool' | 'iproute' = 'bpftool'): string {
  const newline = (depth: number): string => (pretty ? `\n${'    '.repeat(depth)}` : '')
  const spaced = pretty && style === 'iproute'
  const print = (v: Json, depth: number): string => {
    if (v instanceof Raw) return v.text
    if (v === null || typeof v !== 'object') return typeof v === 'string' ? quote(v) : String(v)
    if (Array.isArray(v)) {
      const items = (v as readonly Json[]).map(item => print(item, depth + 1))
      if (items.length === 0) return spaced ? '[ ]' : '[]'
      return spaced ? `[ ${items.join(',')} ]` : `[${items.join(',')}${newline(depth)}]`
    }
    const members = membersOf(v as Members | { readonly [key: string]: Json | undefined }).map(
      ([name, member]) => `${newline(depth + 1)}${quote(name)}:${pretty ? ' ' : ''}${print(member, depth + 1)}`,
    )
    return members.length === 0 ? '{}' : `{${members.join(',')}${newline(depth)}}`
  }
  return `${print(value, 0)}\n`
}
