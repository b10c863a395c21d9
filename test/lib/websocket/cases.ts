/** All conversations of frames. */
import { CLOSE_CASES } from "./close-cases.ts";
import { COMPRESSED_CASES } from "./compressed-cases.ts";
import type { FrameCase } from "./frame-case.ts";
import { FRAME_CASES } from "./frame-cases.ts";

export const CASES: readonly FrameCase[] = [
  ...FRAME_CASES,
  ...CLOSE_CASES,
  ...COMPRESSED_CASES,
];
