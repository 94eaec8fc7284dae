import type { Trial } from './trial.ts'
import { limitText } from './trial-print.ts'
import type { TrialFacts } from './try.ts'

/** The story as one document, with the words of the seven steps as keys. */
export function trialJson(trial: Trial, facts: TrialFacts): unknown {
  const { report } = trial
  return {
    file: facts.path,
    program: facts.program,
    compile: { compiled: facts.compiled },
    verify: trial.verify,
    bind: trial.bind,
    translate: trial.translate,
    place: trial.place,
    attach: trial.mode === undefined ? undefined : { mode: trial.mode, id: trial.programId },
    run: {
      source: facts.source,
      packets: trial.packets,
      skipped: trial.skipped,
      verdicts: trial.verdicts,
      same: trial.same,
      maps_same: trial.mapsSame,
      first_difference: trial.firstDifference,
    },
    refused: trial.refused.map(({ mode, stage, errno, message, insn, map, file, line, source, explanation }) => ({
      mode,
      stage,
      errno,
      message,
      insn,
      map,
      file,
      line,
      source,
      title: explanation?.title,
      reason: explanation?.why,
      suggestion: explanation?.fix,
      device: explanation?.device,
    })),
    card:
      report === undefined
        ? undefined
        : {
            packets_per_second: Math.round(report.throughput.packetsPerSecond),
            limit: report.throughput.limit,
            limits: report.throughput.limits.map(limit => ({
              name: limit.name,
              title: limitText(limit.name),
              packets_per_second: Math.round(limit.packetsPerSecond),
              reason: limit.reason,
            })),
            collapse: report.throughput.collapse,
            cycles_per_packet: report.cyclesPerPacket,
            program_cycles: trial.programCycles,
            memory_uses: report.memoryUses,
          },
    hottest: trial.hottest.slice(0, 10),
  }
}
