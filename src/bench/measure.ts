// Plain timing: a thing is done a few times to warm up, then timed several times; the median counts.

export interface Timed {
  readonly median: number
  readonly least: number
}

/** Milliseconds of one call of `work`. */
export function time(work: () => void, runs: number, warm = 1): Timed {
  for (let i = 0; i < warm; i++) work()
  const all: number[] = []
  for (let i = 0; i < runs; i++) {
    const start = performance.now()
    work()
    all.push(performance.now() - start)
  }
  return timed(all)
}

export function timed(all: readonly number[]): Timed {
  const sorted = [...all].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, least: sorted[0]! }
}

/** Things a second, with a unit that keeps the number short. */
export function rate(things: number, milliseconds: number): string {
  const perSecond = (things * 1000) / milliseconds
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(2)} M/s`
  if (perSecond >= 1e3) return `${(perSecond / 1e3).toFixed(1)} k/s`
  return `${perSecond.toFixed(1)} /s`
}
