import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LOG_FIXED, Log } from './log.ts'

// The log as Linux keeps it: one text with a beginning that only moves forward, and a position that goes back.
class Model {
  text = ''
  start = 0
  readonly size: number
  readonly fixed: boolean

  constructor(size: number, fixed: boolean) {
    this.size = size
    this.fixed = fixed
  }

  add(text: string): void {
    this.text += text
    if (!this.fixed) this.start = Math.max(this.start, this.text.length - this.size)
  }

  reset(mark: number): void {
    this.text = this.text.slice(0, mark)
    this.start = Math.min(this.start, mark)
  }

  shown(): string {
    return this.fixed ? this.text.slice(0, this.size) : this.text.slice(this.start)
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), text: fc.string({ minLength: 1, maxLength: 30 }) }),
  fc.record({ kind: fc.constant('many' as const), count: fc.integer({ min: 1, max: 3000 }) }),
  fc.record({ kind: fc.constant('mark' as const) }),
  fc.record({ kind: fc.constant('reset' as const), which: fc.nat() }),
)

describe('the log', () => {
  test('shows what a plain text with the same history shows', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 9000 }), fc.boolean(), (steps, size, fixed) => {
        const log = new Log(fixed ? 2 | LOG_FIXED : 2, size)
        const model = new Model(size, fixed)
        let marks: number[] = []
        let longest = 0
        for (const s of steps) {
          if (s.kind === 'add') {
            log.add(s.text)
            model.add(s.text)
          } else if (s.kind === 'many') {
            for (let i = 0; i < s.count; i++) {
              log.add(`${i}\n`)
              model.add(`${i}\n`)
            }
          } else if (s.kind === 'mark') {
            expect(log.mark()).toBe(model.text.length)
            marks.push(log.mark())
          } else {
            const mark = marks[s.which % Math.max(marks.length, 1)] ?? 0
            longest = Math.max(longest, model.text.length)
            log.reset(mark)
            model.reset(mark)
            marks = marks.filter(m => m <= mark)
          }
          longest = Math.max(longest, model.text.length)
        }
        expect(log.text()).toBe(model.shown())
        expect(log.truncated).toBe(longest > size)
      }),
      { numRuns: 60 },
    )
  })

  test('state goes behind its instruction, in columns', () => {
    const log = new Log(1, 1000)
    log.addInsn('0: (b7) r2 = 8')
    expect(log.joinInsn()).toBe(true)
    log.add(' R2=8\n')
    expect(log.text()).toBe('0: (b7) r2 = 8                        ; R2=8\n')
  })

  test('state goes to a new line when something came between', () => {
    const log = new Log(1, 1000)
    log.addInsn('0: (b7) r2 = 8')
    log.add('a remark\n')
    expect(log.joinInsn()).toBe(false)
  })

  test('cut back to the jump, its newline stays a space', () => {
    const log = new Log(1, 1000)
    log.addInsn('17: (15) if r9 == 0x0 goto pc+10')
    const mark = log.mark()
    log.joinInsn()
    log.add(' R9=1\n')
    log.reset(mark)
    log.add('28: R0=0\n')
    expect(log.text()).toBe('17: (15) if r9 == 0x0 goto pc+10 28: R0=0\n')
  })

  test('the last line is kept at level 0, without its newline', () => {
    const log = new Log(0, 1000)
    log.write('first\nthe reason\n')
    expect(log.lastLine).toBe('the reason')
    expect(log.text()).toBe('')
  })
})
