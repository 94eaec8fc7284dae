export type { DeviceHooks, DeviceSummary, DeviceView, RegView, Target } from './device.ts'
export type { ExplainedInsn, ExplainedStep, Explanation } from './explain.ts'
export {
  type Accepted,
  type Facts,
  type Refused,
  type Stats,
  type Verdict,
  type Verified,
  type VerifyOptions,
  verify,
} from './verify.ts'
