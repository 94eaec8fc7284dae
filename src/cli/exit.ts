// Exit codes of nicwright's own verbs; the mirrors of other tools keep those of the originals.
export const EXIT_OK = 0
/** It ran, and what was expected of it did not come true. */
export const EXIT_UNEXPECTED = 1
export const EXIT_USAGE = 2
export const EXIT_VERIFIER = 3
export const EXIT_DEVICE = 4
export const EXIT_ATTACH = 5
export const EXIT_INPUT = 6
export const EXIT_BUG = 70
