/** Where node:http answers otherwise than eddy, and why. differential.test.ts holds this list exact. */
import { OF_BODIES } from "./differences/bodies.ts";
import type { Difference } from "./differences/difference.ts";
import { OF_HEADS } from "./differences/heads.ts";

const NODE = Number.parseInt(process.versions.node, 10);

/** By the name of the case; a name may stand in the list once. */
export const DIFFERENCES = [...OF_HEADS, ...OF_BODIES]
  .filter(({ before = Infinity }) => NODE < before)
  .flatMap((difference) =>
    difference.cases
      .trim()
      .split(/\s+/)
      .map((name): [name: string, Difference] => [name, difference]),
  );
