/**
 * Tests that need uWebSockets.js: where it does not load (as on Node.js 26), they are skipped, and their titles say
 * why.
 */
import type { AsyncFunc, Func } from "mocha";

/**
 * Also false where the tests are told to do without it. The variable is none of the command, whose settings are
 * `EDDY_*`.
 */
export const HAS_UWS =
  process.env["TEST_ENGINE"] !== "node" &&
  (await import("../../lib/engine/uws/load.ts").then(
    () => true,
    () => false,
  ));

const WHY = `skipped: uWebSockets.js is not used on this Node.js, ${process.version}`;

/** `it`, of uWebSockets.js. */
export function itOnUws(title: string, test: Func | AsyncFunc): void {
  if (HAS_UWS) it(title, test);
  else it.skip(`${title} (${WHY})`, test);
}

/** `describe`, of uWebSockets.js. */
export function describeOnUws(
  title: string,
  suite: (this: Mocha.Suite) => void,
): void {
  if (HAS_UWS) describe(title, suite);
  else describe.skip(`${title} (${WHY})`, suite);
}
