// NFP machine code: encode, decode, print, assemble, relocate; program images; firmware capabilities and card profiles.

export { assemble, assembleInsn, printExact } from './assemble.ts'
export {
  CAPABILITIES_SYMBOL,
  type Capabilities,
  encodeCapabilities,
  type ParsedCapabilities,
  parseCapabilities,
} from './capabilities.ts'
export { Code } from './code.ts'
export { decode, NfpInsn } from './decode.ts'
export { ecc, eccHolds, withEcc } from './ecc.ts'
export {
  checkImage,
  type DeviceImage,
  type ImageMap,
  missing,
  type Needs,
  ORIGIN,
  relocations,
  type SourceLine,
} from './image.ts'
export { decodeImage, encodeImage } from './image-file.ts'
export { codeBytes, listing, printListing } from './listing.ts'
export { printInsn } from './print.ts'
export {
  type Board,
  boards,
  defaultProfile,
  type Firmware,
  type Profile,
  profileNamed,
  profiles,
  withOptions,
} from './profiles.ts'
export { copyCode, type Placement, relocate, type Targets } from './relocate.ts'
